"""NAT instances of one deployment, and what belongs to them, as values: in whatever VPC they are.

Source: EC2 API Reference, DescribeNetworkInterfaces, DescribeAddresses, DescribeNatGateways,
DescribeInstances, DescribeInstanceAttribute (user data); IAM API Reference, GetInstanceProfile.
"""

import base64
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from lakeferry.aws.read_network import (
    PAGE,
    SMALL_PAGE,
    Answer,
    filters,
    group_called,
    tag_filters,
    tags_of,
    target_of,
)
from lakeferry.connect.aws import AwsAccess, call, pages
from lakeferry.network.nat_resources import (
    RECORD,
    DefaultRoute,
    ElasticIp,
    InstanceProfile,
    NatInstance,
    NatResource,
    NetworkInterface,
    StandbyGateway,
)
from lakeferry.network.resources import OWNER_TAG, Tags

DESTINATION = "0.0.0.0/0"


def find_nat(
    access: AwsAccess, deployment: str, profile: str, tables: Collection[str]
) -> tuple[NatResource, ...]:
    """All of a deployment.

    Args:
        profile: name of its instance profile, for a list of profiles says nothing of tags; '': it
            has none.
        tables: ids of route tables to look at, beside those that interfaces say were moved.
    """
    wanted = tag_filters({OWNER_TAG: deployment})
    enis = list(
        pages(access, "ec2", "describe_network_interfaces", "NetworkInterfaces",
              Filters=wanted, PaginationConfig=PAGE)
    )  # fmt: skip
    gateways = list(
        pages(access, "ec2", "describe_nat_gateways", "NatGateways",
              Filter=[*wanted, *filters(state=["pending", "available"])], PaginationConfig=PAGE)
    )  # fmt: skip
    names = {one["NetworkInterfaceId"]: _name(one["TagSet"]) for one in enis}
    marks = {one["NatGatewayId"]: _name(one.get("Tags", ())) for one in gateways}
    return (
        *(_profile(access, profile) if profile else ()),
        *(_interface(one) for one in enis),
        *_addresses(access, wanted, names),
        *(_gateway(one) for one in gateways),
        *_instances(access, wanted, marks),
        *_routes(access, deployment, enis, gateways, tables),
    )


def _name(tags: Sequence[Answer]) -> str:
    return tags_of(tags).get("Name", "")


def _profile(access: AwsAccess, name: str) -> Iterator[InstanceProfile]:
    from botocore.exceptions import ClientError

    try:
        answer = call(access, "iam", "get_instance_profile", on=name, expected=("NoSuchEntity",),
                      InstanceProfileName=name)  # fmt: skip
    except ClientError:
        return
    found = answer["InstanceProfile"]
    roles = [one["RoleName"] for one in found["Roles"]]
    yield InstanceProfile(name, roles[0] if roles else "", tags_of(found.get("Tags", ())))


def _interface(one: Answer) -> NetworkInterface:
    """Without the notes on it of where routes led: those are not tags that a person chose."""
    tags = tags_of(one["TagSet"])
    return NetworkInterface(
        name=tags.get("Name", ""),
        subnet_id=one["SubnetId"],
        security_groups=tuple(sorted(group_called(group) for group in one.get("Groups", ()))),
        description=one.get("Description", ""),
        source_dest_check=one.get("SourceDestCheck", True),
        tags={key: value for key, value in tags.items() if not key.startswith(RECORD)},
        id=one["NetworkInterfaceId"],
        private_ip=one.get("PrivateIpAddress", ""),
        instance_id=one.get("Attachment", {}).get("InstanceId", ""),
    )


def _addresses(
    access: AwsAccess, wanted: Sequence[Answer], names: Mapping[str, str]
) -> Iterator[ElasticIp]:
    for one in call(access, "ec2", "describe_addresses", Filters=list(wanted))["Addresses"]:
        tags = tags_of(one.get("Tags", ()))
        yield ElasticIp(
            name=tags.get("Name", ""),
            interface=names.get(one.get("NetworkInterfaceId", ""), ""),
            tags=tags,
            id=one["AllocationId"],
            public_ip=one.get("PublicIp", ""),
            association=one.get("AssociationId", ""),
        )


def _gateway(one: Answer) -> StandbyGateway:
    tags = tags_of(one.get("Tags", ()))
    return StandbyGateway(
        tags.get("Name", ""), one["SubnetId"], tags, one["NatGatewayId"], one["State"]
    )


def _instances(
    access: AwsAccess, wanted: Sequence[Answer], marks: Mapping[str, str]
) -> Iterator[NatInstance]:
    alive = filters(instance_state_name=["pending", "running", "stopping", "stopped"])
    found = pages(access, "ec2", "describe_instances", "Reservations",
                  Filters=[*wanted, *alive], PaginationConfig=PAGE)  # fmt: skip
    for one in (one for reservation in found for one in reservation["Instances"]):
        yield _instance(access, one, marks)


def _instance(access: AwsAccess, one: Answer, marks: Mapping[str, str]) -> NatInstance:
    tags, metadata = tags_of(one.get("Tags", ())), one.get("MetadataOptions", {})
    return NatInstance(
        name=tags.get("Name", ""),
        type=one["InstanceType"],
        arch=one.get("Architecture", ""),
        image=one["ImageId"],
        profile=one.get("IamInstanceProfile", {}).get("Arn", "").rpartition("/")[2],
        user_data=_user_data(access, one["InstanceId"], marks),
        monitoring=one.get("Monitoring", {}).get("State", "") in ("enabled", "pending"),
        tokens=metadata.get("HttpTokens", ""),
        hops=metadata.get("HttpPutResponseHopLimit", 0),
        recovery=one.get("MaintenanceOptions", {}).get("AutoRecovery", ""),
        tags=tags,
        running=one["State"]["Name"] in ("pending", "running"),
        id=one["InstanceId"],
    )


def _user_data(access: AwsAccess, id: str, marks: Mapping[str, str]) -> str:
    """Plain, with the names of our standby gateways in place of their ids."""
    answer = call(access, "ec2", "describe_instance_attribute", on=id,
                  InstanceId=id, Attribute="userData")  # fmt: skip
    text = base64.b64decode(answer.get("UserData", {}).get("Value", "")).decode(errors="replace")
    for gateway, name in marks.items():
        text = text.replace(gateway, f"${{{name}}}")
    return text


def _routes(
    access: AwsAccess,
    deployment: str,
    enis: Sequence[Answer],
    gateways: Sequence[Answer],
    tables: Collection[str],
) -> Iterator[DefaultRoute]:
    """Default routes that lead to something of ours."""
    before: dict[str, str] = {}
    targets: dict[str, Tags] = {one["NatGatewayId"]: tags_of(one["Tags"]) for one in gateways}
    for one in enis:
        tags = tags_of(one["TagSet"])
        targets[one["NetworkInterfaceId"]] = tags
        noted = {key: value for key, value in tags.items() if key.startswith(RECORD)}
        before |= {key.removeprefix(RECORD): value for key, value in noted.items()}
    for table in _tables(access, {*tables, *before} if targets else set()):
        for route in table["Routes"]:
            target = targets.get(target_of(route))
            if target is None or route.get("DestinationCidrBlock") != DESTINATION:
                continue
            id = table["RouteTableId"]
            yield DefaultRoute(
                f"lakeferry-{deployment}.nat.{id}", id, target.get("Name", ""),
                tags=target, before=before.get(id, ""),
            )  # fmt: skip


def _tables(access: AwsAccess, ids: Collection[str]) -> Iterator[Any]:
    if ids:
        yield from pages(
            access, "ec2", "describe_route_tables", "RouteTables",
            Filters=filters(route_table_id=sorted(ids)), PaginationConfig=SMALL_PAGE,
        )  # fmt: skip
