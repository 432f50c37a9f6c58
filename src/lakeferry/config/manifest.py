"""What a manifest says, as values. Nothing here is resolved: a reference stays a reference.

`None` and empty tuples mean that the manifest does not say; the room that reads the value has the
default. Sizes are bytes, rates bytes a second, durations seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lakeferry.config.tree import Value


@dataclass(frozen=True, slots=True)
class Deployment:
    """Which deployment this is, and as whom it meets AWS."""

    name: str | None = None
    region: str | None = None  # network.region, else its connection's, else target.region
    profile: str | None = None  # of the AWS configuration files
    role: str | None = None  # ARN to assume
    external_id: str | None = None  # may be a reference
    endpoint: str | None = None  # URL in place of AWS's own, for all its services


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """One VPC endpoint that is wanted."""

    kind: str  # 's3', 'kinesis-streams', 'sts', 'logs', 'databricks-workspace', ...
    type: str  # 'gateway', 'interface', 'none': there shall be none of ours
    service: str | None = None  # its full name; None: AWS's own service of this kind and region


@dataclass(frozen=True, slots=True)
class NatConfig:
    """How bytes shall reach the internet."""

    kind: str  # 'gateway', 'instance', 'auto', 'none'
    instance_type: str | None = None  # 'auto': chosen by size
    count: int | None = None
    auto_scaling: bool | None = None
    standby: str | None = None  # 'gateway', 'instance', 'none'
    max_outage_s: int | None = None
    check: str | None = None  # 'peer', 'lambda', 'none'
    image: str | None = None  # 'ami-...'


@dataclass(frozen=True, slots=True)
class FlowLogsConfig:
    destinations: tuple[str, ...] = ()  # of 'cloudwatch', 's3'
    group: str | None = None  # name of the log group
    bucket: str | None = None  # 's3://bucket/prefix'
    format: tuple[str, ...] = ()  # one name ('v2', 'v5-nat', 'connections'), or fields of AWS
    interval_s: int | None = None  # 60, 600
    retention_days: int | None = None  # one that CloudWatch Logs knows
    file_format: str | None = None  # 'plain-text', 'parquet'; for S3
    kms_key: str | None = None  # ARN; for the log group
    tag_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by whose tags


@dataclass(frozen=True, slots=True)
class InsightsConfig:
    rules: tuple[str, ...] = ()  # empty: all that the topology asks for
    per: str | None = None  # 'eni': one rule each; 'vpc': grouped, to stay within the quota


@dataclass(frozen=True, slots=True)
class TaggedConfig:
    """How the instances that bear a tag are watched."""

    watch: str  # 'each', 'query', 'none'
    tag: str | None = None  # its key; None: 'map-migrated'
    allowances: bool | None = None


@dataclass(frozen=True, slots=True)
class WorkersConfig:
    """How the interfaces are told whose bytes are the migration's."""

    tags: Mapping[str, str] = field(default_factory=dict)
    subnets: tuple[str, ...] = ()
    count: int | None = None  # instances that are expected


@dataclass(frozen=True, slots=True)
class BeyondConfig:
    """Another account that a way out leads through, and the role to look at it."""

    account: str  # 12 digits
    role: str  # ARN
    external_id: str | None = None  # may be a reference


@dataclass(frozen=True, slots=True)
class DatabricksConfig:
    """The account in which endpoints are registered."""

    account_id: str
    connection: str  # name of a connection of kind databricks


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Where the data plane runs, and what shall be there. The part `network`."""

    vpc: str | None = None
    subnets: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)  # of the VPC or the subnets to look for
    workers: WorkersConfig = field(default_factory=WorkersConfig)
    beyond: tuple[BeyondConfig, ...] = ()
    endpoints: tuple[EndpointConfig, ...] = ()
    buckets: tuple[str, ...] = ()  # that endpoint policies let through, beside target and sources
    streams: tuple[str, ...] = ()  # likewise: ARNs or names of Kinesis streams
    databricks: DatabricksConfig | None = None
    nat: NatConfig | None = None
    flow_logs: FlowLogsConfig = field(default_factory=FlowLogsConfig)
    insights: InsightsConfig = field(default_factory=InsightsConfig)
    tagged: TaggedConfig | None = None
    policy: tuple[str, ...] = ()  # of 'no-public-ip', 'no-instance', 'no-gateway'


@dataclass(frozen=True, slots=True)
class TagsConfig:
    """Tags of everything that is made. The part `tags`."""

    values: Mapping[str, str] = field(default_factory=dict)  # all of them, `map-migrated` too


@dataclass(frozen=True, slots=True)
class Limit:
    """Where an alarm begins."""

    kind: str  # 'bytes_per_s', 'bytes', 'seconds', 'factor', 'share' (0.25 is 25 %), 'count', 'usd'
    value: float
    text: str  # as written


@dataclass(frozen=True, slots=True)
class AlarmRule:
    name: str
    limit: Limit | None = None  # None: derived from the plan
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class AlarmsConfig:
    """Who is told, and at which limits. The part `alarms`."""

    notify: tuple[str, ...] = ()  # ARNs of topics, e-mail addresses, references
    rules: tuple[AlarmRule, ...] = ()  # those that the manifest names; others have their defaults


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """One stream that is ingested. One of the part `streams`."""

    name: str  # its key
    source: str  # 'kinesis://us-east-1/clicks', an ARN, a name
    target: str  # an address, or a path below `target.root`
    format: str | None = None  # 'json', 'csv', 'avro', 'raw'
    schema: str | None = None  # a file, or DDL
    partition_by: tuple[str, ...] = ()  # as written: 'region', 'day=date(ts)'
    flush_s: int | None = None
    flush_bytes: int | None = None
    app_id: str | None = None
    start: str | None = None
    dead_letter: str | None = None
    bad_records: str | None = None  # 'quarantine', 'rescue', 'fail'
    max_bad: float | None = None  # 0.1 is 10 %
    on_new_fields: str | None = None  # 'ignore', 'rescue', 'evolve', 'fail'
    provenance: bool | None = None
    dedup_columns: tuple[str, ...] = ()
    dedup_window_s: int | None = None
    read_share: float | None = None
    out_of_range: str | None = None  # 'keep', 'drop-record', 'quarantine', 'kcl'
    workers: int | None = None
    buffer_bytes: int | None = None
    endpoint: str | None = None  # URL of Kinesis alone
    offsets: str | None = None  # 'auto', 'domain', 'sidecar'
    on_data_loss: str | None = None  # 'fail', 'go-on'
    on_recreated: str | None = None  # 'fail', 'restart'
    compact: bool | None = None
    single_writer: bool | None = None
    store_options: Mapping[str, str] = field(default_factory=dict)
    root: str | None = None  # `target.root`, where relative tables lie
    access: Deployment = field(default_factory=Deployment)  # of its connection
    csv_delimiter: str | None = None
    avro_framing: str | None = None  # 'bare', 'single-object', 'confluent', 'glue'
    avro_writers: Mapping[str, str] = field(default_factory=dict)  # id or name -> file
    encryption: Mapping[str, str] = field(default_factory=dict)  # of what lies below the root
    commit_lock: str | None = None  # the same


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was checked."""

    file: str  # as it was given or found
    sha256: str  # of the file's bytes
    deployment: Deployment
    network: NetworkConfig
    tags: TagsConfig
    alarms: AlarmsConfig
    streams: Mapping[str, StreamConfig]  # by name
    root: Value  # the whole of it, with the place of every value; profile and --set are in it
    layers: tuple[Value, ...]  # the file, the profile, --set, the flags: what `root` is made of
