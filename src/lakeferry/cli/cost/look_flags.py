"""The flags of `cost --observe` and `cost --reconcile`: which logs, which bill, whose network."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Annotated

from cyclopts import Group, Parameter

from lakeferry.cli.flag_types import (
    AwsProfile,
    EndpointUrl,
    ExternalId,
    Many,
    Region,
    Role,
    SavedTopology,
    Subnets,
    WorkerSubnets,
    WorkerTags,
)
from lakeferry.cli.monitor.network_flags import NetworkFlags
from lakeferry.cli.monitor.watch_flags import LogFlags, SpanFlags
from lakeferry.cli.standard_input import OR_STDIN
from lakeferry.cli.units import parse_pairs
from lakeferry.config.quantities import Unreadable, readable
from lakeferry.errors import FerryError

_LOOK = Group("What flowed, what was billed")


@Parameter(name="*", group=_LOOK)
@dataclass(frozen=True)
class LookFlags:
    """What is looked at in place of a plan."""

    observe: Annotated[
        str | None, Parameter(help="Price what flowed in a VPC; `-`: of --topology, the manifest.",
                              allow_leading_hyphen=True),
    ] = None  # fmt: skip
    reconcile: Annotated[
        Many,
        Parameter(negative="", help="A bill: a file, a folder or s3:// prefix of a CUR. May "
                  "be given again."),
    ] = None  # fmt: skip
    copied: Annotated[
        str | None,
        Parameter(help="`hour,nat,payload_bytes` as CSV, or a clone's --log-file or target."),
    ] = None
    flow: Annotated[
        str | None,
        Parameter(help="`hour,interface_id,bytes,…` as CSV, or flow logs, as --logs."),
        OR_STDIN,
    ] = None
    logs: Annotated[
        str | None,
        Parameter(help="Flow logs: a file, a folder, s3://, log-group:NAME, or - for stdin; "
                  "default: those of the VPC."),
        OR_STDIN,
    ] = None  # fmt: skip
    last: Annotated[str | None, Parameter(help="Rows of so long, such as 7d.")] = None
    since: Annotated[str | None, Parameter(help="Rows from then on (ISO 8601).")] = None
    until: Annotated[str | None, Parameter(help="Rows before then (ISO 8601).")] = None
    through: Annotated[
        str | None, Parameter(help="nat-…: which path the bytes of a clone's report took.")
    ] = None
    interface: Annotated[
        Many, Parameter(negative="", help="eni-…=nat-…: whose interface it is.")
    ] = None
    tolerance: Annotated[
        str | None, Parameter(help="How far bill and flow log may differ; default 1%.")
    ] = None
    hourly: Annotated[
        bool, Parameter(negative="", help="Hour by hour instead of day by day; so -v.")
    ] = False
    topology: SavedTopology = None
    vpc: Annotated[str | None, Parameter(help="Whose flow logs these are.")] = None
    subnet: Subnets = None
    worker_tag: WorkerTags = None
    worker_subnet: WorkerSubnets = None
    format: Annotated[
        str | None, Parameter(help="Fields of flow log rows without a header line, in order.")
    ] = None
    store_option: Annotated[
        Many, Parameter(negative="", help="NAME=VALUE, a setting of the logs' or bill's store.")
    ] = None
    region: Region = None
    aws_profile: AwsProfile = None
    role: Role = None
    external_id: ExternalId = None
    endpoint_url: EndpointUrl = None

    @property
    def is_asked(self) -> bool:
        """Whether something is looked at, and no plan priced."""
        return self.observe is not None or bool(self.reconcile)

    @property
    def given(self) -> str | None:
        """The first flag that was given, as it is typed; None: none was."""
        names = (one.name for one in fields(self) if getattr(self, one.name) != one.default)
        return next((f"--{name.replace('_', '-')}" for name in names), None)

    @property
    def has_network(self) -> bool:
        return bool(self.topology or self.vpc or self.observe or self.subnet)

    def as_network(self) -> NetworkFlags:
        """Which network: it is discovered as `monitor discover` does."""
        vpc = self.vpc if self.observe in (None, "-") else self.observe
        return NetworkFlags(
            vpc=vpc, subnet=self.subnet, worker_tag=self.worker_tag,
            worker_subnet=self.worker_subnet, region=self.region, aws_profile=self.aws_profile,
            role=self.role, external_id=self.external_id, endpoint_url=self.endpoint_url,
        )  # fmt: skip

    def as_rows(self) -> LogFlags:
        return LogFlags(self.topology, self.format, self.store_option)

    def as_span(self) -> SpanFlags:
        return SpanFlags(self.last, self.since, self.until)

    def path_of(self) -> Mapping[str, str]:
        """Interface -> path. Raises LF-2001."""
        found = parse_pairs(self.interface or [], "--interface")
        return {one: path.rpartition("/")[2] for one, path in found.items()}


NO_LOOK = LookFlags()


def share_of(text: str, flag: str) -> Decimal:
    """`2%` -> 0.02, exactly. Raises LF-2001."""
    try:
        readable(text, "share")
    except Unreadable as error:
        what = f"{flag} `{text}` {error.what}"
        raise FerryError(error.code, what, "on the command line", error.next_step) from error
    return Decimal(text.rstrip("%")) / 100
