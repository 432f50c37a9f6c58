"""Read all of a network and of what watches it, following its ways through transit gateways."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lakeferry.aws import read_monitoring as monitoring
from lakeferry.aws import read_network as network
from lakeferry.aws.find_vpc import find_vpc
from lakeferry.aws.read_transit import REFUSED, AccessOf, find_attachments, follow
from lakeferry.connect.aws import AwsAccess, account_of
from lakeferry.errors import FerryError
from lakeferry.events import Emit, Noted, Warned, silent
from lakeferry.network.discover import Scope
from lakeferry.network.resources import Tags, TransitAttachment, Vpc
from lakeferry.network.topology import Found

MOST_VPCS = 8  # that one way out is followed through

READ_ACTIONS = (
    "cloudwatch:DescribeAlarms",
    "cloudwatch:DescribeInsightRules",
    "cloudwatch:GetDashboard",
    "cloudwatch:ListDashboards",
    "cloudwatch:ListTagsForResource",
    "ec2:DescribeFlowLogs",
    "ec2:DescribeInstances",
    "ec2:DescribeManagedPrefixLists",
    "ec2:DescribeNatGateways",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeTransitGatewayAttachments",
    "ec2:DescribeTransitGatewayVpcAttachments",
    "ec2:DescribeVpcEndpoints",
    "ec2:DescribeVpcs",
    "ec2:GetManagedPrefixListEntries",
    "ec2:SearchTransitGatewayRoutes",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:ListRoleTags",
    "iam:ListRoles",
    "logs:DescribeLogGroups",
    "logs:ListTagsForResource",
    "sns:GetTopicAttributes",
    "sns:ListSubscriptionsByTopic",
    "sns:ListTagsForResource",
    "sns:ListTopics",
    "sts:GetCallerIdentity",
)  # that `read` needs, and nothing else; a role for another account needs the ec2 ones


@dataclass(frozen=True, slots=True)
class Sight:
    """What was read: the VPC in question, and those that its ways lead through."""

    found: Found
    beyond: tuple[Found, ...] = ()


def read(
    access: AwsAccess, scope: Scope, *, groups: Sequence[str] = (), emit: Emit = silent
) -> Sight:
    """Everything that `network.discover` asks for. Nothing is changed.

    Args:
        groups: log groups to look for beside those that flow logs write to and `/lakeferry/...`.

    Raises:
        FerryError: LF-6351 where nothing is what `scope` names, LF-6352 where it lies in several
            VPCs, LF-1201 to LF-1206 for refusals.
    """
    sight = read_ways(access, scope, emit=emit)
    emit(Noted(sight.found.vpc.id, "reading flow logs, rules, alarms and what belongs to them"))
    return replace(sight, found=read_monitoring(access, sight.found, groups))


def read_ways(access: AwsAccess, scope: Scope, *, emit: Emit = silent) -> Sight:
    """What EC2 tells of the VPC and of those that its default routes lead into. Raises as `read`.

    Another account's refusal does not end the run: it is told, and the way is lost there.
    """
    vpc = find_vpc(access, scope)
    emit(Noted(vpc.id, f"reading the network of {vpc.id} in {vpc.region}"))
    roles = {one.account: one for one in scope.beyond}
    own = account_of(access)

    def access_of(account: str) -> AwsAccess | None:
        if account == own:
            return access
        role = roles.get(account)
        if role is None:
            return None
        return replace(access, role=role.role, external_id=role.external_id, through=access)

    found = replace(read_network(access, vpc), reader=own)
    asked = access
    if vpc.account != own and (owner := access_of(vpc.account)):
        found, asked = _with_owner(owner, found, emit), owner
    found, beyond = _follow(asked, found, access_of, emit)
    return Sight(found, beyond)


def read_network(access: AwsAccess, vpc: Vpc) -> Found:
    """All of one VPC that EC2 tells, but its flow logs and what its gateways do with traffic."""
    here = network.filters(vpc_id=[vpc.id])
    tables = network.find_route_tables(access, vpc.id)
    subnets = network.find_subnets(access, here)
    return Found(
        vpc=vpc,
        subnets=subnets,
        enis=network.find_enis(access, here),
        route_tables=tables,
        nat_gateways=network.find_nat_gateways(access, vpc.id, subnets),
        instances=network.find_instances(access, here),
        endpoints=network.find_endpoints(access, vpc.id),
        prefix_lists=network.find_prefix_lists(access, tables),
        security_groups=network.find_security_groups(access, vpc.id),
        transit=find_attachments(access, vpc.id),
    )


def _with_owner(owner: AwsAccess, found: Found, emit: Emit) -> Found:
    """A VPC that its owner shares with us: we are shown what is ours in it, the owner the rest."""
    try:
        theirs = read_network(owner, found.vpc)
        logs = monitoring.find_flow_logs(owner, _loggable(theirs))
    except FerryError as error:
        if error.code not in REFUSED:
            raise
        emit(Warned(found.vpc.id, error.code, f"{error.what}; {error.where}", error.next_step))
        return found
    parts = (
        "subnets", "enis", "route_tables", "nat_gateways", "instances", "endpoints",
        "prefix_lists", "security_groups", "transit",
    )  # fmt: skip
    both = {
        name: {one.id: one for one in (*getattr(found, name), *getattr(theirs, name))}
        for name in parts
    }
    merged: dict[str, Any] = {
        name: tuple(one[id] for id in sorted(one)) for name, one in both.items()
    }
    return replace(found, **merged, flow_logs=logs, reader=found.vpc.account)


def read_monitoring(access: AwsAccess, found: Found, groups: Iterable[str] = ()) -> Found:
    """What was found with what watches it."""
    own = monitoring.find_flow_logs(access, _loggable(found))
    by_id = {one.id: one for one in (*found.flow_logs, *own)}  # a shared VPC has its owner's too
    logs = tuple(by_id[id] for id in sorted(by_id))
    named = {one.destination for one in logs if one.destination_type == "cloud-watch-logs"}
    alarms, composite = monitoring.find_alarms(access)
    start = f"arn:{access.partition}:cloudwatch:{access.region}:{account_of(access)}:"
    return replace(
        found,
        flow_logs=logs,
        log_groups=monitoring.find_log_groups(access, named | set(groups)),
        rules=monitoring.find_rules(access, start),
        alarms=alarms,
        composite_alarms=composite,
        dashboards=monitoring.find_dashboards(access),
        roles=monitoring.find_roles(access),
        topics=monitoring.find_topics(access),
    )


def read_owned(access: AwsAccess, found: Found, tags: Tags) -> Found:
    """What was found with the endpoints and groups of other VPCs that bear the tags.

    A deployment can have moved from one VPC to another, and what it made must be found where it is.
    """
    points = network.find_endpoints(access, tags=tags)
    groups = network.find_security_groups(access, tags=tags)
    known = {one.id for part in (found.endpoints, found.security_groups) for one in part}
    return replace(
        found,
        endpoints=(*found.endpoints, *(one for one in points if one.id not in known)),
        security_groups=(*found.security_groups, *(one for one in groups if one.id not in known)),
    )


def _loggable(found: Found) -> set[str]:
    """Ids of all that a flow log of this VPC can be over."""
    parts = (found.subnets, found.enis, found.nat_gateways, found.transit)
    gateways = {one.gateway_id for one in found.transit}
    return {found.vpc.id, *gateways, *(one.id for part in parts for one in part)}


def _follow(
    access: AwsAccess, found: Found, access_of: AccessOf, emit: Emit
) -> tuple[Found, tuple[Found, ...]]:
    """Follow default routes through transit gateways, VPC by VPC, until they end."""
    seen: dict[str, Found] = {found.vpc.id: found}
    waiting = [(access, found.vpc.id)]
    while waiting:
        asked, vpc_id = waiting.pop(0)
        if not _through_transit(seen[vpc_id]):
            continue
        own: list[TransitAttachment] = []
        led_to: list[TransitAttachment] = []
        for attachment in seen[vpc_id].transit:
            first, *targets = follow(asked, attachment, access_of)
            own.append(first)
            led_to.extend(targets)
        for index, target in enumerate(led_to):
            if target.kind != "vpc" or target.resource_id in seen or len(seen) == MOST_VPCS:
                continue
            try:
                theirs, other = _look(target, access_of, emit)
            except FerryError as error:
                if error.code not in REFUSED:
                    raise
                emit(Warned(vpc_id, error.code, f"{error.what}; {error.where}", error.next_step))
                led_to[index] = replace(target, lost=error.what)
                continue
            seen[target.resource_id] = other
            waiting.append((theirs, target.resource_id))
        # Last wins: a route can lead back to where it came from.
        transit = {one.id: one for one in (*led_to, *own)}
        seen[vpc_id] = replace(seen[vpc_id], transit=tuple(transit[id] for id in sorted(transit)))
    start = seen.pop(found.vpc.id)
    return start, tuple(seen[id] for id in sorted(seen))


def _through_transit(found: Found) -> bool:
    return any(
        route.target.startswith("tgw-") for table in found.route_tables for route in table.routes
    )


def _look(target: TransitAttachment, access_of: AccessOf, emit: Emit) -> tuple[AwsAccess, Found]:
    """The VPC that an attachment leads to, read as whom its account lets look."""
    theirs = access_of(target.resource_account)
    if theirs is None:
        raise FerryError(
            "LF-1202",
            f"no role is given for account {target.resource_account}",
            f"{target.resource_id}, which {target.id} leads to, is there",
            "give one: `network.beyond` in the manifest, or `--beyond ACCOUNT=ROLE`",
        )
    emit(Noted(target.resource_id, f"following {target.gateway_id} into {target.resource_id}"))
    vpcs = network.find_vpcs(theirs, network.filters(vpc_id=[target.resource_id]))
    if not vpcs:
        raise FerryError(
            "LF-1202",
            f"account {target.resource_account} shows no {target.resource_id}",
            theirs.shown,
            "check the role of `network.beyond`, and its Region",
        )
    found = read_network(theirs, vpcs[0])
    return theirs, replace(found, flow_logs=monitoring.find_flow_logs(theirs, _loggable(found)))
