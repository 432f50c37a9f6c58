"""What bears tags in an AWS network: instances, disks, interfaces, gateways, templates, ours.

Source: EC2 API Reference, DescribeVolumes, DescribeLaunchTemplateVersions; Auto Scaling API
Reference, DescribeAutoScalingGroups (`PropagateAtLaunch`); MAP 2.0 Tagging Guide.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from lakeferry.aws.read_network import filters, tags_of
from lakeferry.connect.aws import AwsAccess, call, pages
from lakeferry.network.resources import (
    OWNER_TAG,
    Alarm,
    CompositeAlarm,
    Eni,
    InsightRule,
    Instance,
    LogGroup,
    Tags,
    Topic,
)
from lakeferry.network.tag_bearers import AWS_OWN, Bearer
from lakeferry.network.topology import Found, Topology

_Named = LogGroup | InsightRule | Alarm | CompositeAlarm | Topic
MOST_ASKED = 200  # values of one filter
# What an instance brings with it: a tag of a template must be on each of them.
LAUNCHED = ("instance", "volume", "network-interface")
_NO_TEMPLATE = ("InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateId.VersionNotFound")
_STACK = f"{AWS_OWN}cloudformation:stack-name"
_GROUP = f"{AWS_OWN}autoscaling:groupName"


def find_bearers(
    access: AwsAccess, topology: Topology, account: str, *, chosen: bool
) -> tuple[Bearer, ...]:
    """Everything of a network that shall bear tags, and what is ours.

    Args:
        topology: of `network.discover`.
        account: 12 digits.
        chosen: workers were named one by one, so instances beside them are somebody else's.

    Raises:
        FerryError: LF-1201 to LF-1206.
    """
    found = topology.found
    instances = _instances(topology, chosen=chosen)
    ids = [one.id for one in instances]
    interfaces = (*_interfaces(found, set(ids)),)
    return (
        *(_instance(one) for one in instances),
        *_volumes(access, ids),
        *interfaces,
        *_addresses(access, [one.id for one in interfaces]),
        *_gateways(topology),
        *_endpoints(found),
        *_launchers(access, set(topology.scope)),
        *_ours(access, found, account),
    )


def _instances(topology: Topology, *, chosen: bool) -> tuple[Instance, ...]:
    workers = {eni.instance_id for eni in topology.workers}
    devices = {one.id for one in topology.nat_instances}
    return tuple(
        one
        for one in topology.found.instances
        if one.id in workers | devices
        or is_ours(one.tags)
        or (not chosen and one.subnet_id in topology.scope)
    )


def _instance(one: Instance) -> Bearer:
    running = one.state in ("pending", "running")
    return Bearer(
        "instance",
        one.id,
        one.tags.get("Name", ""),
        one.tags,
        hourly={f"aws.ec2.hour.{one.kind}": Decimal(1)} if running else {},
        then=_remade(one.tags),
    )


def _remade(tags: Tags) -> str:
    """Whoever makes a resource anew makes it with the tags of its own template."""
    if tags.get("Vendor") == "Databricks":
        return "the next instance has the tags of its cluster or pool in Databricks"
    if group := tags.get(_GROUP):
        return f"the next instance has those of the Auto Scaling group {group}"
    if stack := tags.get(_STACK):
        return f"the stack {stack} made it: write the tag there too"
    return ""


def _volumes(access: AwsAccess, instances: Iterable[str]) -> Iterator[Bearer]:
    """Disks of the instances."""
    listed = sorted(instances)
    for first in range(0, len(listed), MOST_ASKED):
        wanted = filters(attachment_instance_id=listed[first : first + MOST_ASKED])
        wanted[0]["Name"] = "attachment.instance-id"
        for one in pages(
            access, "ec2", "describe_volumes", "Volumes", Filters=wanted,
            PaginationConfig={"PageSize": 500},
        ):  # fmt: skip
            tags = tags_of(one.get("Tags", ()))
            size = {f"aws.ebs.{one.get('VolumeType', 'gp2')}": Decimal(one.get("Size", 0))}
            yield Bearer(
                "volume", one["VolumeId"], tags.get("Name", ""), tags,
                monthly=size, then=_remade(tags),
            )  # fmt: skip


def _interfaces(found: Found, instances: set[str]) -> Iterator[Bearer]:
    """Those of the instances; those of gateways and endpoints belong to their service."""
    devices = {address.eni_id for one in found.nat_gateways for address in one.addresses}
    devices |= {id for one in found.endpoints for id in one.eni_ids}
    for one in found.enis:
        if one.instance_id in instances or is_ours(one.tags):
            yield Bearer("network_interface", one.id, one.tags.get("Name", ""), one.tags)
        elif one.id in devices:
            yield _of_service(one)


def _of_service(one: Eni) -> Bearer:
    return Bearer(
        "network_interface", one.id, one.description, one.tags,
        elsewhere="it is its service's and costs nothing by itself: the gateway or endpoint bears "
        "the tag",
    )  # fmt: skip


def _addresses(access: AwsAccess, interfaces: Iterable[str]) -> Iterator[Bearer]:
    """Elastic addresses of the interfaces, whoever's these are."""
    listed = sorted(interfaces)
    for first in range(0, len(listed), MOST_ASKED):
        wanted = filters(network_interface_id=listed[first : first + MOST_ASKED])
        answer = call(access, "ec2", "describe_addresses", Filters=wanted)
        for one in answer.get("Addresses", ()):
            tags = tags_of(one.get("Tags", ()))
            yield Bearer(
                "elastic_ip", one["AllocationId"], one.get("PublicIp", ""), tags,
                hourly={"aws.ipv4.hour": Decimal(1)}, then=_remade(tags),
            )  # fmt: skip


def _gateways(topology: Topology) -> Iterator[Bearer]:
    """Those on a way of the subnets in question, and those of ours that stand by."""
    on_way = {one.id: one for one in topology.nat_gateways}
    standing = {one.id: one for one in topology.found.nat_gateways if is_ours(one.tags)}
    for one in {**standing, **on_way}.values():
        zones = max(1, len({address.zone for address in one.addresses}))
        regional = one.availability == "regional"
        price = "aws.natgw_regional.hour" if regional else "aws.natgw.hour"
        hours = Decimal(zones if regional else 1)
        tags = one.tags
        name = tags.get("Name", "")
        yield Bearer("nat_gateway", one.id, name, tags, hourly={price: hours}, then=_remade(tags))


def _endpoints(found: Found) -> Iterator[Bearer]:
    for one in found.endpoints:
        if one.owner_id in ("", found.reader, found.vpc.account):
            zones = Decimal(len(one.subnet_ids))
            hourly = {"aws.vpce.hour": zones} if one.type == "Interface" and zones else {}
            yield Bearer(
                "vpc_endpoint", one.id, one.name, one.tags, hourly=hourly, then=_remade(one.tags)
            )


# ---- what launches instances


def _launchers(access: AwsAccess, subnets: set[str]) -> Iterator[Bearer]:
    """Auto Scaling groups that launch into the subnets, and their templates."""
    groups = pages(
        access, "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups",
        PaginationConfig={"PageSize": 100},
    )  # fmt: skip
    templates: dict[tuple[str, str], list[str]] = {}  # id and version -> groups
    for one in groups:
        if not subnets & set(one.get("VPCZoneIdentifier", "").replace(" ", "").split(",")):
            continue
        yield _group(one)
        for named in _templates_of(one):
            asked = named["LaunchTemplateId"], named.get("Version", "$Default")
            templates.setdefault(asked, []).append(one["AutoScalingGroupName"])
    for (id, version), used in sorted(templates.items()):
        yield _template(access, id, version, used)


def _group(one: Mapping[str, Any]) -> Bearer:
    """Its tags are those that its instances get; others stay with the group itself."""
    listed = one.get("Tags", ())
    name = one["AutoScalingGroupName"]
    return Bearer(
        "auto_scaling_group", name, name,
        tags_of(each for each in listed if each.get("PropagateAtLaunch")),
        idle=tags_of(each for each in listed if not each.get("PropagateAtLaunch")),
        then="instances that run keep the tags that they were launched with",
    )  # fmt: skip


def _templates_of(group: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Of mixed types, each type may have a template of its own."""
    mixed = group.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
    every = [group.get("LaunchTemplate"), mixed.get("LaunchTemplateSpecification")]
    every += [one.get("LaunchTemplateSpecification") for one in mixed.get("Overrides", ())]
    found = {
        (one["LaunchTemplateId"], one.get("Version", "")): one
        for one in every
        if one and one.get("LaunchTemplateId")
    }
    yield from found.values()


def _template(access: AwsAccess, id: str, version: str, groups: list[str]) -> Bearer:
    """The tags that each of LAUNCHED gets from the version in use."""
    from botocore.exceptions import ClientError

    try:
        answer = call(
            access, "ec2", "describe_launch_template_versions", on=id, expected=_NO_TEMPLATE,
            LaunchTemplateId=id, Versions=[version],
        )  # fmt: skip
    except ClientError:
        return Bearer(
            "launch_template", f"{id}/{version}", "", {},
            elsewhere=f"{', '.join(groups)} asks for it and it is gone: they launch nothing",
        )  # fmt: skip
    (found,) = answer["LaunchTemplateVersions"]
    given = {
        one["ResourceType"]: tags_of(one.get("Tags", ()))
        for one in found["LaunchTemplateData"].get("TagSpecifications", ())
    }
    every = [given.get(kind, {}) for kind in LAUNCHED]
    everywhere = {key: value for key, value in every[0].items() if _in_all(key, value, every)}
    elsewhere = ""
    if not version.startswith("$"):
        elsewhere = (
            f"{', '.join(groups)} asks for version {version}: make one with the tag, and ask for it"
        )
    return Bearer(
        "launch_template", f"{id}/{version}", found.get("LaunchTemplateName", ""), everywhere,
        idle={key: value for one in every for key, value in one.items() if key not in everywhere},
        asks="template", elsewhere=elsewhere,
        then="instances that run keep what they were launched with",
    )  # fmt: skip


def _in_all(key: str, value: str, every: Iterable[Tags]) -> bool:
    return all(one.get(key) == value for one in every)


# ---- what lakeferry made


def _ours(access: AwsAccess, found: Found, account: str) -> Iterator[Bearer]:
    """By their tag; each by what tags it: EC2 by its id, others by their ARN."""
    start = f"arn:{access.partition}"
    here = f"{access.region}:{account}"
    for flow in found.flow_logs:
        if is_ours(flow.tags):
            yield Bearer("flow_log", flow.id, flow.name, flow.tags)
    for group in found.security_groups:
        if is_ours(group.tags):
            yield Bearer("security_group", group.id, group.name, group.tags)
    named: tuple[tuple[str, str, Sequence[_Named]], ...] = (
        (f"{start}:logs:{here}:log-group:", "log_group", found.log_groups),
        (f"{start}:cloudwatch:{here}:insight-rule/", "insight_rule", found.rules),
        (f"{start}:cloudwatch:{here}:alarm:", "alarm", (*found.alarms, *found.composite_alarms)),
        (f"{start}:sns:{here}:", "topic", found.topics),
    )
    for place, kind, things in named:
        for one in things:
            if is_ours(one.tags):
                yield Bearer(kind, place + one.name, one.name, one.tags)
    for board in found.dashboards:
        if board.name.startswith("lakeferry-"):
            yield Bearer(
                "dashboard", board.name, board.name, {},
                elsewhere="CloudWatch keeps no tags of dashboards that can be read back",
            )  # fmt: skip


def is_ours(tags: Tags) -> bool:
    return OWNER_TAG in tags
