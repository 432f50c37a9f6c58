"""AWS things as values, found and wanted alike: one type each, so that a difference is `!=`.

What AWS assigns (ids, states) is not compared: a wanted resource does not have it yet. A resource
names another one by its name, never by an ARN or id, which `aws/` finds when it is needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from lakeferry.network.nat_resources import (
    DefaultRoute,
    ElasticIp,
    InstanceProfile,
    NatInstance,
    NetworkInterface,
    StandbyGateway,
)

Tags = Mapping[str, str]
NO_TAGS: Tags = {}
OWNER_TAG = "lakeferry:deployment"  # only what carries it is ever changed or removed
REGION_TAG = "lakeferry:region"  # on what IAM has, once for all Regions


# ---- what is there, and never written by us


@dataclass(frozen=True, slots=True)
class Vpc:
    id: str
    cidrs: tuple[str, ...]  # IPv4 and IPv6
    account: str
    region: str
    tags: Tags = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subnet:
    id: str
    vpc_id: str
    zone: str  # 'us-east-1a'; the name is the account's own
    zone_id: str  # 'use1-az1'
    cidrs: tuple[str, ...]
    tags: Tags = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Eni:
    """An elastic network interface."""

    id: str
    vpc_id: str
    subnet_id: str
    zone: str
    kind: str  # InterfaceType of DescribeNetworkInterfaces: 'interface', 'natGateway', ...
    private_ip: str  # the primary IPv4 address; '' where it has none
    ips: tuple[str, ...] = ()  # all private addresses, IPv4 and IPv6
    public_ip: str = ""
    instance_id: str = ""
    owner_id: str = ""  # account
    source_dest_check: bool = True
    security_group_ids: tuple[str, ...] = ()
    description: str = ""
    tags: Tags = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NatAddress:
    """One address of a NAT gateway."""

    eni_id: str  # '' for a regional gateway, whose interfaces are not in our subnets
    private_ip: str
    public_ip: str
    zone: str


@dataclass(frozen=True, slots=True)
class NatGateway:
    id: str
    vpc_id: str
    subnet_id: str  # '' for a regional gateway
    availability: str  # 'zonal', 'regional'
    connectivity: str  # 'public', 'private'
    state: str
    addresses: tuple[NatAddress, ...]
    tags: Tags = field(default_factory=dict)
    route_table_id: str = ""  # of a regional gateway, which stands in no subnet; else ''


@dataclass(frozen=True, slots=True)
class Instance:
    id: str
    vpc_id: str
    subnet_id: str
    kind: str  # InstanceType
    state: str
    eni_ids: tuple[str, ...]
    source_dest_check: bool
    tags: Tags = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    destination: str  # CIDR or prefix list id
    target: str  # id of a gateway, instance, interface, endpoint, ...; 'local'
    state: str  # 'active', 'blackhole'
    through_instance: str = ""  # the instance of an interface target


@dataclass(frozen=True, slots=True)
class RouteTable:
    id: str
    vpc_id: str
    is_main: bool
    subnet_ids: tuple[str, ...]  # associated explicitly
    routes: tuple[Route, ...]
    tags: Tags = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PrefixList:
    id: str
    name: str  # 'com.amazonaws.us-east-1.s3'
    cidrs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TransitAttachment:
    """One attachment of a transit gateway, and where the gateway sends what comes from it."""

    id: str
    gateway_id: str
    kind: str  # 'vpc', 'vpn', 'peering', 'direct-connect-gateway', ...
    resource_id: str  # the VPC's id where kind is 'vpc'
    resource_account: str
    subnet_ids: tuple[str, ...] = ()  # of a VPC: where its interfaces are
    default_to: str = ""  # attachment id that 0.0.0.0/0 leads to, of the attachment's route table
    lost: str = ""  # why `default_to` is not known, or leads nowhere


@dataclass(frozen=True, slots=True)
class EndpointService:
    """A service that an interface endpoint may lead to."""

    name: str  # 'com.amazonaws.us-east-1.sts'
    zones: tuple[str, ...]  # names, sorted; () where AWS does not offer it to this account


# ---- what we may make


@dataclass(frozen=True, slots=True)
class VpcEndpoint:
    kind_name: ClassVar[str] = "vpc_endpoint"

    name: str  # tag Name; '' of one that is not ours and has none
    vpc_id: str
    service: str  # 'com.amazonaws.us-east-1.s3'
    type: str  # 'Interface', 'Gateway', 'GatewayLoadBalancer', 'Resource', 'ServiceNetwork'
    subnet_ids: tuple[str, ...] = ()  # sorted; one interface each
    route_table_ids: tuple[str, ...] = ()  # sorted; gateway endpoints only
    security_groups: tuple[str, ...] = ()  # names of ours, ids of others
    private_dns: bool = False
    policy: str = ""  # canonical JSON; '': the service's default
    tags: Tags = field(default_factory=dict)
    id: str = field(default="", compare=False)
    state: str = field(default="", compare=False)
    eni_ids: tuple[str, ...] = field(default=(), compare=False)
    owner_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class PortRange:
    """What a security group lets in or out."""

    protocol: str  # 'tcp', 'udp', '-1'
    first: int
    last: int
    cidrs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    kind_name: ClassVar[str] = "security_group"

    name: str
    vpc_id: str
    description: str
    ingress: tuple[PortRange, ...]
    tags: Tags = field(default_factory=dict)
    id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class LogGroup:
    kind_name: ClassVar[str] = "log_group"

    name: str
    retention_days: int | None  # None: for ever
    kms_key: str = ""
    tags: Tags = field(default_factory=dict)
    stored_bytes: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Role:
    kind_name: ClassVar[str] = "role"

    name: str
    trust: str  # canonical JSON: who may take the role
    policy: str  # canonical JSON: the one inline policy, named as the role
    tags: Tags = field(default_factory=dict)
    # Names of other inline policies and ARNs of attached ones: ours has none.
    other_policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowLog:
    """A flow log. Nothing of it can be changed but its tags: another format is another flow log."""

    kind_name: ClassVar[str] = "flow_log"

    name: str  # tag Name
    resource_id: str
    resource_type: (
        str  # 'VPC', 'Subnet', 'NetworkInterface', 'TransitGateway', 'RegionalNatGateway'
    )
    traffic: str  # 'ALL', 'ACCEPT', 'REJECT'
    destination_type: str  # 'cloud-watch-logs', 's3', 'kinesis-data-firehose'
    destination: str  # name of the log group, or ARN of a bucket with its prefix
    role: str  # name of the delivering role; '' for S3
    fields: tuple[str, ...]  # AWS's names, in order
    interval_s: int  # 60, 600
    file_format: str = ""  # 'plain-text', 'parquet'; '' for CloudWatch Logs
    hive: bool = False
    per_hour: bool = False
    tags: Tags = field(default_factory=dict)
    # Of the fields that hold tags: keys, at most 2, by whose tags they are; see fields.TAG_FIELDS.
    tag_keys: tuple[tuple[str, tuple[str, ...]], ...] = ()
    id: str = field(default="", compare=False)
    delivery: str = field(default="", compare=False)  # DeliverLogsStatus: 'SUCCESS', 'FAILED'
    error: str = field(default="", compare=False)  # DeliverLogsErrorMessage


@dataclass(frozen=True, slots=True)
class InsightRule:
    """A Contributor Insights rule."""

    kind_name: ClassVar[str] = "insight_rule"

    name: str
    body: str  # canonical JSON (sorted keys, no blanks)
    enabled: bool = True
    tags: Tags = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """One entry of an alarm's `Metrics`: an expression or a statistic of one metric."""

    id: str
    period_s: int
    expression: str = ""
    namespace: str = ""
    metric: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()  # sorted by name
    statistic: str = ""
    label: str = ""
    returned: bool = True


@dataclass(frozen=True, slots=True)
class Alarm:
    kind_name: ClassVar[str] = "alarm"

    name: str
    description: str
    metrics: tuple[MetricQuery, ...]
    comparison: str  # 'GreaterThanThreshold', 'LessThanThreshold', ...
    threshold: float
    periods: int  # N: EvaluationPeriods
    datapoints: int  # M: DatapointsToAlarm
    missing: str  # 'missing', 'ignore', 'breaching', 'notBreaching'
    actions: tuple[str, ...] = ()  # ARNs, or names of ours (topics)
    ok_actions: tuple[str, ...] = ()
    tags: Tags = field(default_factory=dict)
    actions_enabled: bool = True
    state: str = field(default="", compare=False)
    state_reason: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class CompositeAlarm:
    kind_name: ClassVar[str] = "composite_alarm"

    name: str
    description: str
    rule: str  # 'ALARM("a") OR ALARM("b")'
    actions: tuple[str, ...] = ()
    ok_actions: tuple[str, ...] = ()
    suppressor: str = ""  # name of the alarm that suppresses the actions
    suppressor_wait_s: int = 0
    tags: Tags = field(default_factory=dict)
    actions_enabled: bool = True
    state: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Topic:
    kind_name: ClassVar[str] = "topic"

    name: str
    policy: str  # canonical JSON
    subscriptions: tuple[tuple[str, str], ...] = ()  # (protocol, endpoint), sorted
    tags: Tags = field(default_factory=dict)
    # Those of them that were never confirmed: nothing can take them away but time.
    unconfirmed: tuple[tuple[str, str], ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard. CloudWatch keeps no tags of it before the API of 2025: ours by its name."""

    kind_name: ClassVar[str] = "dashboard"

    name: str
    body: str  # canonical JSON
    tags: Tags = field(default_factory=dict, compare=False)


Resource = (
    SecurityGroup
    | VpcEndpoint
    | LogGroup
    | Role
    | FlowLog
    | InsightRule
    | Topic
    | Alarm
    | CompositeAlarm
    | Dashboard
    | InstanceProfile
    | NetworkInterface
    | ElasticIp
    | StandbyGateway
    | NatInstance
    | DefaultRoute
)


@dataclass(frozen=True, slots=True)
class EndpointRegistration:
    """A VPC endpoint made known to a Databricks account. Not AWS's, so in no template of AWS."""

    kind_name: ClassVar[str] = "endpoint_registration"

    name: str
    endpoint: str  # name of the endpoint if it is ours, else its id
    region: str
    id: str = field(default="", compare=False)
    state: str = field(default="", compare=False)  # 'available', 'pending', 'rejected', ...


@dataclass(frozen=True, slots=True)
class BucketPolicy:
    """What a bucket's policy says so that flow logs are delivered. Others' statements stand beside
    it, and a template could only replace the whole: so it is in no template.
    """

    kind_name: ClassVar[str] = "bucket_policy"

    name: str  # of the bucket
    policy: str  # canonical JSON of our statements


def key_of(resource: Resource | EndpointRegistration | BucketPolicy) -> tuple[str, str]:
    """What makes a found and a wanted resource the same one."""
    return resource.kind_name, resource.name


@dataclass(frozen=True, slots=True)
class PlannedFlow:
    """What a plan will send over one path of the network."""

    path: (
        str  # 'nat_gateway', 'nat_instance', 's3_gateway', 's3_interface', 'kinesis', 'privatelink'
    )
    bytes: int
    seconds: float
