"""What was found in a VPC, and which way its bytes can go.

Built from the AWS things by `network/discover.py` (pure); read by rules, alarms, dashboards, the
picture and the classification of flow records.
"""

from dataclasses import dataclass

from lakeferry.network.nat_resources import NatResource
from lakeferry.network.resources import (
    Alarm,
    CompositeAlarm,
    Dashboard,
    EndpointService,
    Eni,
    FlowLog,
    InsightRule,
    Instance,
    LogGroup,
    NatGateway,
    PrefixList,
    Role,
    RouteTable,
    SecurityGroup,
    Subnet,
    Topic,
    TransitAttachment,
    Vpc,
    VpcEndpoint,
)


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of a way out: what it is, and where it leads."""

    kind: str  # 'nat_gateway', 'nat_instance', 'internet_gateway', 'transit_gateway', 'vpc', ...
    id: str
    account: str = ""
    vpc_id: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """How bytes of some subnets reach a kind of destination."""

    kind: str  # one of PATHS
    id: str  # of the device or endpoint that decides the price; '' for the internet gateway
    subnet_ids: tuple[str, ...]  # whose traffic takes it
    hops: tuple[Hop, ...]  # from the subnet outwards
    lost_at: str = ""  # why nothing is known beyond the last hop; '': it is known to the end
    crosses_zones: bool = False  # some subnet is in another zone than the device: billed once more


PATHS = (
    "nat_gateway",
    "nat_instance",
    "s3_gateway",  # gateway endpoint: no interface of its own
    "interface_endpoint",  # S3, Kinesis, STS, logs, Databricks workspace and relay, any other
    "internet_gateway",
    "transit_gateway",  # lost sight of there
    "virtual_private_gateway",
    "peering",
    "elsewhere",  # a target that is not followed (Outposts, Cloud WAN, ...)
    "nowhere",  # no default route, or one that leads into nothing
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the network that costs money, hides bytes or will break."""

    code: str  # 'no-s3-endpoint', 'cross-zone-route', 'flow-log-missing', ...: see docs
    severity: str  # 'warning', 'info'
    where: str  # the resource
    what: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Found:
    """All that was read of one VPC, before anything is concluded. Tuples are sorted by id/name."""

    vpc: Vpc
    subnets: tuple[Subnet, ...] = ()
    enis: tuple[Eni, ...] = ()
    route_tables: tuple[RouteTable, ...] = ()
    nat_gateways: tuple[NatGateway, ...] = ()
    instances: tuple[Instance, ...] = ()  # all but terminated ones
    endpoints: tuple[VpcEndpoint, ...] = ()
    prefix_lists: tuple[PrefixList, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()
    flow_logs: tuple[FlowLog, ...] = ()
    log_groups: tuple[LogGroup, ...] = ()
    rules: tuple[InsightRule, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    composite_alarms: tuple[CompositeAlarm, ...] = ()
    dashboards: tuple[Dashboard, ...] = ()
    roles: tuple[Role, ...] = ()  # whose name begins as ours do; so topics
    topics: tuple[Topic, ...] = ()
    nat: tuple[NatResource, ...] = ()  # of one deployment: instances and what belongs to them
    transit: tuple[TransitAttachment, ...] = ()  # of this VPC, and those that its ways lead to
    services: tuple[EndpointService, ...] = ()  # that were asked about
    reader: str = ""  # account as which it was read; another than the VPC's is shown a part of it


@dataclass(frozen=True, slots=True)
class Topology:
    """The network that a data plane uses."""

    found: Found
    scope: tuple[str, ...]  # subnet ids in question, sorted
    workers: tuple[Eni, ...]  # interfaces whose bytes are the migration's
    nat_gateways: tuple[NatGateway, ...]  # on a way of the scope, in this account and Region
    nat_instances: tuple[Instance, ...]  # of this VPC and on a way of the scope
    paths: tuple[Path, ...]
    findings: tuple[Finding, ...]
    beyond: tuple["Topology", ...] = ()  # VPCs reached through a transit gateway
