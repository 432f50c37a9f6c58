"""Everything that a person may choose about monitoring, as one value.

Built from the manifest and the command line; every later step reads this and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from lakeferry.network.resources import OWNER_TAG as OWNER_TAG  # noqa: PLC0414 - offered here too
from lakeferry.network.resources import REGION_TAG, PlannedFlow, Tags
from lakeferry.network.rule_set import QUESTIONS

USUAL_RETENTION_S = 86_400.0  # of a stream


@dataclass(frozen=True, slots=True)
class EndpointWish:
    """One VPC endpoint that shall be there."""

    kind: str  # 's3', 'kinesis-streams', 'sts', 'logs', 'databricks-workspace', ...
    type: Literal["gateway", "interface"]
    service: str = ""  # its full name; '': found by kind and region


@dataclass(frozen=True, slots=True)
class NatWish:
    """How bytes shall reach the internet, and what happens when a NAT instance is lost."""

    kind: Literal["gateway", "instance", "auto", "none"] = "none"  # 'none': it is not our concern
    type: str = ""  # of the instances; '': the cheapest that carries what is planned
    count: int | None = None  # of all zones together; None: one in each
    standby: Literal["gateway", "instance", "none"] = "gateway"
    check: Literal["peer", "lambda", "none"] = "peer"  # of the path; 'none': AWS's recovery alone
    max_outage_s: int | None = None  # None: as the check and the standby hold it
    image: str = ""  # ami-...; '': the newest when an instance is made, then that one
    auto_scaling: bool = False  # asked for, and not made: it would race with EC2's recovery


@dataclass(frozen=True, slots=True)
class FlowLogWish:
    """How the flow logs shall be delivered."""

    destinations: tuple[Literal["cloudwatch", "s3"], ...] = ("cloudwatch",)
    group: str = ""  # name of the log group; '': '/lakeferry/DEPLOYMENT/flow'
    bucket: str = ""  # ARN with prefix: 'arn:aws:s3:::bucket/prefix'; for S3
    fields: tuple[str, ...] = ()  # AWS's names in order; (): what the rules need
    interval_s: Literal[60, 600] = 60
    retention_days: int | None = 30  # None: for ever
    file_format: Literal["plain-text", "parquet"] = "parquet"  # for S3
    kms_key: str = ""  # ARN; of the log group
    # Whose tags stand in each row, and at most two keys: (('instance', ('ClusterId',)),).
    tag_keys: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class AlarmLimit:
    """Where an alarm begins, instead of what the plan gives. None for both: the alarm is off."""

    value: float | None
    kind: str = ""  # 'bytes_per_s', 'bytes', 'seconds', 'factor', 'share', 'count', 'usd'


@dataclass(frozen=True, slots=True)
class TaggedWish:
    """How the instances that bear a tag of the manifest are watched."""

    how: Literal["none", "each", "query"] = "none"  # by their ids, or by the tag itself
    allowances: bool = False  # the CloudWatch agent tells what their network limits cost
    key: str = "map-migrated"  # of the manifest's tags


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """What shall be there."""

    deployment: str  # the manifest's name; part of every name
    account: str  # 12 digits
    region: str
    flow_logs: FlowLogWish = FlowLogWish()
    nat: NatWish = NatWish()
    per: Literal["eni", "vpc"] = "vpc"  # rules: one an interface, or grouped
    questions: tuple[str, ...] = QUESTIONS
    endpoints: tuple[EndpointWish, ...] = ()
    buckets: tuple[str, ...] = ()  # names that endpoint policies let through; (): all
    streams: tuple[str, ...] = ()  # names of Kinesis streams that are watched and let through
    # Of streams that are ingested: watched. Alone they do not narrow an endpoint's policy, for
    # producers may write others through it.
    ingested: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()  # ARNs of topics, e-mail addresses, https URLs
    alarms: Mapping[str, AlarmLimit] = field(default_factory=dict)  # by name, see alarms.ALARMS
    planned: tuple[PlannedFlow, ...] = ()
    window: tuple[int, int] | None = None  # of the plan, s since epoch; alarms sleep outside
    pauses: tuple[tuple[int, int], ...] = ()  # likewise: within the window, and nothing moves
    suppressor: str = ""  # name of an alarm of yours that silences the stall alarm
    tolerance_usd: Decimal = Decimal(1)  # a day, of S3 through NAT
    usd_per_day: Decimal | None = None  # planned spend for NAT processing
    workers: int | None = None  # expected instances
    destinations: int = 1  # distinct remote addresses that workers talk to, at least
    lag_target_s: float = 60  # of a stream's reader
    # By name, as the streams say it; those that are not there keep records for a day.
    retentions_s: Mapping[str, float] = field(default_factory=dict)
    tagged: TaggedWish = TaggedWish()
    connections: int = 512  # open at a time, for the own cost; 64 workers of 8
    tags: Tags = field(default_factory=dict)  # the manifest's

    @property
    def prefix(self) -> str:
        """Begins every rule's and alarm's name.

        A deployment's name has no dot, so no name of one deployment can be that of another.
        """
        return f"lakeferry-{self.deployment}."

    @property
    def watched_streams(self) -> tuple[str, ...]:
        """Names, each once."""
        return tuple(dict.fromkeys(one.rsplit("/", 1)[-1] for one in self.streams + self.ingested))

    def retention_s(self, stream: str) -> float:
        """How long a stream keeps its records."""
        return self.retentions_s.get(stream, USUAL_RETENTION_S)

    @property
    def group(self) -> str:
        return self.flow_logs.group or f"/lakeferry/{self.deployment}/flow"

    @property
    def all_tags(self) -> Tags:
        """The manifest's tags and ours, on everything that can bear tags."""
        return {**self.tags, OWNER_TAG: self.deployment}

    @property
    def iam_tags(self) -> Tags:
        """On what is of all Regions, where a deployment of the same name may serve another one."""
        return {**self.all_tags, REGION_TAG: self.region}

    @property
    def partition(self) -> str:
        """The first part of ARNs: 'aws', 'aws-cn', 'aws-us-gov'."""
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"
