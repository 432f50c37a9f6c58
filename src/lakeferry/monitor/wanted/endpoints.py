"""VPC endpoints that are wanted and missing: S3 by its gateway, the others by interfaces.

An endpoint that is there and not ours is used as it is; ours takes the route tables that a gateway
of others leaves out. Policies let through the migration's
buckets and streams; who may do what stays with IAM.

Source: PrivateLink Guide, "Gateway endpoints for Amazon S3", "Interface endpoints", "Endpoint
policies"; Databricks documentation, "Configure a customer-managed VPC" and "Enable private
connectivity using AWS PrivateLink" (ports, buckets of the runtime).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lakeferry.errors import FerryError
from lakeferry.monitor.settings import OWNER_TAG, EndpointWish, MonitorSettings
from lakeferry.network.policy_text import policy_text
from lakeferry.network.resources import PortRange, SecurityGroup, Subnet, VpcEndpoint
from lakeferry.network.services import DATABRICKS_SERVICES, service_name
from lakeferry.network.topology import Topology

HTTPS = (443, 443)
# 443 is the REST API; 6666 secure cluster connectivity, 2443 the same with FIPS, 8443 to 8451
# the control plane's internal calls.
DATABRICKS_PORTS = (HTTPS, (2443, 2443), (6666, 6666), (8443, 8451))

MOST_INGRESS = 60  # rules of a security group, unless AWS raises it; IPv4 and IPv6 apart
WAITING = frozenset({"pendingacceptance", "rejected"})  # states: the service's owner decides

READ_AND_WRITE = (
    "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:GetObjectVersion",
    "s3:ListMultipartUploadParts", "s3:PutObject",
)  # fmt: skip
LOOK = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")
STREAM = (
    "kinesis:DescribeStreamConsumer", "kinesis:DescribeStreamSummary", "kinesis:GetRecords",
    "kinesis:GetShardIterator", "kinesis:ListShards", "kinesis:PutRecord", "kinesis:PutRecords",
    "kinesis:RegisterStreamConsumer", "kinesis:SubscribeToShard",
)  # fmt: skip
SESSION = (
    "sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:DecodeAuthorizationMessage",
    "sts:GetAccessKeyInfo", "sts:GetCallerIdentity", "sts:GetSessionToken", "sts:TagSession",
)  # fmt: skip
LOGS = (
    "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups",
    "logs:DescribeLogStreams", "logs:PutLogEvents",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EndpointPlan:
    """Endpoints of ours, their security groups before them."""

    groups: tuple[SecurityGroup, ...]
    endpoints: tuple[VpcEndpoint, ...]
    notes: tuple[str, ...]


def endpoints(
    topology: Topology, settings: MonitorSettings, beside: Collection[str] = ()
) -> EndpointPlan:
    """What is wanted and not there, or there and ours. Raises LF-6405.

    Args:
        beside: ids of subnets that are let in though they are not in question.
    """
    wanted: list[VpcEndpoint] = []
    notes: list[str] = []
    for wish in settings.endpoints:
        service = _service(wish, settings)
        if service is None:
            notes.append(
                f"no endpoint for {wish.kind}: its service in {settings.region} is not known "
                "here; Databricks' documentation lists it; give it as `service`"
            )
            continue
        others = _others(topology, settings, service, wish)
        notes.extend(_used(topology, others))
        if others and (wish.type == "interface" or not _free_tables(topology, others)):
            continue
        made = _gateway if wish.type == "gateway" else _interface
        endpoint = made(topology, settings, wish, service)
        wanted.append(endpoint)
        notes.extend(_said(endpoint, wish, settings))
        if endpoint.type == "Interface" and (lacking := _not_offered(topology, service)):
            notes.append(
                f"{service} is not offered in {', '.join(lacking)}: bytes from there cross zones"
            )
    let_in = {*topology.scope, *beside}
    groups = _groups(topology, settings, wanted, let_in)
    notes.extend((*_crowded(groups), *_shut_out(topology, wanted, let_in)))
    return EndpointPlan(groups, tuple(sorted(wanted, key=lambda one: one.name)), tuple(notes))


def interface_services(settings: MonitorSettings) -> tuple[str, ...]:
    """Names of the services that wished interface endpoints lead to, as far as they are known."""
    wished = (one for one in settings.endpoints if one.type == "interface")
    return tuple(filter(None, (_service(one, settings) for one in wished)))


def _service(wish: EndpointWish, settings: MonitorSettings) -> str | None:
    return wish.service or service_name(wish.kind, settings.region)


def _others(
    topology: Topology, settings: MonitorSettings, service: str, wish: EndpointWish
) -> list[VpcEndpoint]:
    """Endpoints for the service that somebody else made."""
    return [
        one
        for one in topology.found.endpoints
        if one.service == service
        and one.type.lower() == wish.type
        and one.tags.get(OWNER_TAG) != settings.deployment
    ]


def _used(topology: Topology, others: Sequence[VpcEndpoint]) -> Iterator[str]:
    for one in others:
        yield f"{one.service} has the endpoint {one.id}, which is not ours: used as it is"
    free = _free_tables(topology, others)
    if others and others[0].type == "Gateway" and free:
        yield f"no endpoint of others is in {', '.join(free)}: ours takes those route tables alone"


def _said(endpoint: VpcEndpoint, wish: EndpointWish, settings: MonitorSettings) -> Iterator[str]:
    if endpoint.type == "Interface" and not endpoint.eni_ids:
        known = bool(endpoint.id)  # or its template's reference
        what = "rules" if known else "rules, alarms and graphs"
        then = "a template is exported again" if known else "a template names it by reference"
        yield (
            f"{what} of {wish.kind} follow when its endpoint has interfaces: apply makes them in "
            f"the same run, {then}"
        )
    if wish.kind == "s3" and settings.buckets:
        yield (
            f"the policy of {endpoint.name} lets through {', '.join(settings.buckets)} and "
            "Databricks' runtime; name every other bucket that the subnets use, such as the "
            "workspace's root bucket"
        )
    if wish.kind == "s3" and wish.type == "interface":
        yield (
            f"{endpoint.name} has no private DNS name, which S3 gives to on-premises hosts "
            "first: clients must name the endpoint"
        )
    register = "the Databricks account (`network.databricks` in the manifest has apply do it)"
    if endpoint.state.lower() in WAITING:
        rest = f"; register it in {register}" if wish.kind in DATABRICKS_SERVICES else ""
        yield (
            f"{endpoint.name} waits for {endpoint.service} to accept it: it carries nothing and "
            f"has no private DNS until then{rest}; an apply after that turns it on"
        )
    elif wish.kind in DATABRICKS_SERVICES and endpoint.state.lower() != "available":
        yield f"{endpoint.name} must be registered in {register} before it is used"


def _gateway(
    topology: Topology, settings: MonitorSettings, wish: EndpointWish, service: str
) -> VpcEndpoint:
    return VpcEndpoint(
        name=f"{settings.prefix}{wish.kind}-gateway",
        vpc_id=topology.found.vpc.id,
        service=service,
        type="Gateway",
        route_table_ids=_free_tables(topology, _others(topology, settings, service, wish)),
        policy=_policy(wish.kind, settings),
        tags=settings.all_tags,
    )


def _interface(
    topology: Topology, settings: MonitorSettings, wish: EndpointWish, service: str
) -> VpcEndpoint:
    """One network interface in each zone of the scope that the service is offered in."""
    name = settings.prefix + wish.kind
    there = next((one for one in topology.found.endpoints if one.name == name), None)
    return VpcEndpoint(
        name=name,
        vpc_id=topology.found.vpc.id,
        service=service,
        type="Interface",
        subnet_ids=_one_a_zone(topology, service, there),
        security_groups=(_group_name(settings, wish.kind),),
        private_dns=wish.kind != "s3",
        policy=_policy(wish.kind, settings),
        tags=settings.all_tags,
        id=there.id if there else "",
        state=there.state if there else "",
        eni_ids=there.eni_ids if there else (),
    )


def _scope(topology: Topology) -> list[Subnet]:
    return [one for one in topology.found.subnets if one.id in topology.scope]


def _one_a_zone(topology: Topology, service: str, there: VpcEndpoint | None) -> tuple[str, ...]:
    """A subnet in each zone; the one that the endpoint is in already, for it can hold one alone.

    Raises LF-6405 where AWS offers a service that has no endpoint yet in none of the zones.
    """
    held = there.subnet_ids if there else ()
    first: dict[str, str] = {}
    for subnet in sorted(_scope(topology), key=lambda one: (one.id not in held, one.id)):
        first.setdefault(subnet.zone, subnet.id)
    offered = _zones(topology, service)
    kept = {zone: id for zone, id in first.items() if offered is None or zone in offered}
    if first and not kept and there is None:
        zones = f"one of {', '.join(sorted(first))}" if offered else "this Region"
        raise FerryError(
            "LF-6405",
            f"AWS does not offer {service} in {zones}, or not to this account",
            f"{topology.found.vpc.id}; nothing was changed",
            "check the name; `aws ec2 describe-vpc-endpoint-services` lists what is offered",
        )
    return tuple(sorted((kept or first).values()))


def _zones(topology: Topology, service: str) -> tuple[str, ...] | None:
    """Where a service is offered; None where nobody asked."""
    return next((one.zones for one in topology.found.services if one.name == service), None)


def _not_offered(topology: Topology, service: str) -> list[str]:
    """Zones of the scope in which an endpoint can have no interface."""
    offered = _zones(topology, service)
    return sorted({one.zone for one in _scope(topology)} - set(offered)) if offered else []


def _route_tables(topology: Topology) -> tuple[str, ...]:
    """The route tables of the scope; the main one where a subnet has none of its own."""
    tables = topology.found.route_tables
    main = [table.id for table in tables if table.is_main]
    of_subnet = {subnet: table.id for table in tables for subnet in table.subnet_ids}
    found = {of_subnet.get(subnet, main[0] if main else "") for subnet in topology.scope}
    return tuple(sorted(found - {""}))


def _free_tables(topology: Topology, others: Iterable[VpcEndpoint]) -> tuple[str, ...]:
    """Route tables of the scope without a gateway endpoint of others: a table takes one of a
    service, a VPC several.
    """
    taken = {table for one in others for table in one.route_table_ids}
    return tuple(one for one in _route_tables(topology) if one not in taken)


# ---- security groups


def _group_name(settings: MonitorSettings, kind: str) -> str:
    tail = "databricks-endpoints" if kind in DATABRICKS_SERVICES else "endpoints"
    return settings.prefix + tail


def _groups(
    topology: Topology,
    settings: MonitorSettings,
    wanted: Iterable[VpcEndpoint],
    let_in: Collection[str],
) -> tuple[SecurityGroup, ...]:
    used = {name for one in wanted for name in one.security_groups}
    subnets = (one for one in topology.found.subnets if one.id in let_in)
    cidrs = tuple(sorted({cidr for one in subnets for cidr in one.cidrs}))
    ports = {"endpoints": (HTTPS,), "databricks-endpoints": DATABRICKS_PORTS}
    return tuple(
        SecurityGroup(
            name=settings.prefix + tail,
            vpc_id=topology.found.vpc.id,
            description="From the subnets of the migration to its interface endpoints",
            ingress=tuple(PortRange("tcp", first, last, cidrs) for first, last in some),
            tags=settings.all_tags,
        )
        for tail, some in ports.items()
        if settings.prefix + tail in used
    )


def _shut_out(
    topology: Topology, wanted: Iterable[VpcEndpoint], let_in: Collection[str]
) -> Iterator[str]:
    """Private DNS is of the whole VPC: whoever is not let in loses the service."""
    found = (one.name for one in wanted if one.type == "Interface" and one.private_dns)
    left = sorted(one.id for one in topology.found.subnets if one.id not in let_in)
    for name in found if left else ():
        some = ", ".join(left[:3]) + (f" and {len(left) - 3} more" if len(left) > 3 else "")
        yield (
            f"{name} answers for its service in all of {topology.found.vpc.id} and lets in the "
            f"subnets in question alone: what runs in {some} reaches that service no more; name "
            "them too (`network.subnets`, --subnet)"
        )


def _crowded(groups: Iterable[SecurityGroup]) -> Iterator[str]:
    for one in groups:
        cidrs = [cidr for ports in one.ingress for cidr in ports.cidrs]
        six = sum(":" in cidr for cidr in cidrs)
        most = max(six, len(cidrs) - six)
        if most > MOST_INGRESS:
            yield (
                f"{one.name} gets {most} rules inwards, and a security group takes {MOST_INGRESS}: "
                "ask AWS for more, or watch fewer subnets in one deployment"
            )


# ---- policies


def _policy(kind: str, settings: MonitorSettings) -> str:
    """Canonical JSON; '' for what the service allows by default."""
    statements: Sequence[dict[str, Any]] = ()
    if kind == "s3" and settings.buckets:
        statements = _bucket_statements(settings)
    elif kind == "kinesis-streams" and settings.streams:
        statements = (_allow("StreamsOfTheMigration", STREAM, _stream_arns(settings)),)
    elif kind == "sts":
        statements = (_allow("Sessions", SESSION, ["*"]),)
    elif kind == "logs":
        start = f"arn:{settings.partition}:logs:{settings.region}:{settings.account}:log-group:*"
        statements = (_allow("LogsOfTheAccount", LOGS, [start]),)
    if not statements:
        return ""
    return policy_text(*statements)


def _allow(sid: str, actions: Sequence[str], resources: Sequence[str]) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": "*",
        "Action": list(actions),
        "Resource": list(resources),
    }


def _bucket_statements(settings: MonitorSettings) -> Sequence[dict[str, Any]]:
    start = f"arn:{settings.partition}:s3:::"
    buckets = [start + name for name in sorted(settings.buckets)]
    runtime = f"{start}databricks-prod-artifacts-{settings.region}"
    return (
        _allow("ObjectsOfTheMigration", READ_AND_WRITE, [f"{one}/*" for one in buckets]),
        _allow("BucketsOfTheMigration", LOOK, buckets),
        _allow("DatabricksRuntime", ("s3:GetObject", "s3:ListBucket"), [runtime, f"{runtime}/*"]),
    )


def _stream_arns(settings: MonitorSettings) -> list[str]:
    start = f"arn:{settings.partition}:kinesis:{settings.region}:{settings.account}:stream/"
    arns = (one if one.startswith("arn:") else start + one for one in sorted(settings.streams))
    return [arn for one in arns for arn in (one, f"{one}/consumer/*")]
