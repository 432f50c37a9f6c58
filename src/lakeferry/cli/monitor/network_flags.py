"""The flags that choose a network and what shall watch it, and the request that they make."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from lakeferry.cli.cost.planned_bytes import planned_bytes
from lakeferry.cli.flag_types import (
    AwsProfile,
    DecimalUnits,
    EndpointUrl,
    ExternalId,
    Many,
    PlannedBytes,
    PlannedDays,
    Region,
    Role,
    Subnets,
    WorkerSubnets,
    WorkerTags,
)
from lakeferry.cli.manifest_flags import ManifestFlags, read
from lakeferry.cli.units import parse_pairs, parse_time
from lakeferry.config.overlay import Flag
from lakeferry.errors import FerryError

if TYPE_CHECKING:
    from lakeferry.connect.aws import AwsAccess
    from lakeferry.monitor.choices import Extras
    from lakeferry.monitor.run import MonitorRequest

_SECOND = 1 / 86_400  # in days
# Naming a network by flags takes the place of how the manifest names it.
_SCOPE = tuple(("network", key) for key in ("vpc", "subnets", "interfaces", "tags"))


@Parameter(name="*")
@dataclass(frozen=True)
class NetworkFlags:
    """Which network, and as whom it is looked at."""

    vpc: Annotated[str | None, Parameter(help="Id of the VPC.")] = None
    subnet: Subnets = None
    interface: Annotated[Many, Parameter(negative="", help="Id of an interface.")] = None
    tag: Annotated[Many, Parameter(negative="", help="KEY=VALUE of VPC or subnets.")] = None
    worker_tag: WorkerTags = None
    worker_subnet: WorkerSubnets = None
    beyond: Annotated[
        Many, Parameter(negative="", help="ACCOUNT=ROLE to follow a transit gateway with.")
    ] = None
    name: Annotated[str | None, Parameter(help="Of the deployment; part of every name.")] = None
    region: Region = None
    aws_profile: AwsProfile = None
    role: Role = None
    external_id: ExternalId = None
    endpoint_url: EndpointUrl = None

    def flags(self) -> Iterator[Flag]:
        at = "network"
        if self.vpc:
            yield Flag("--vpc", (at, "vpc"), self.vpc)
        for name, key, given in (
            ("--subnet", ("subnets",), self.subnet),
            ("--interface", ("interfaces",), self.interface),
            ("--worker-subnet", ("workers", "subnets"), self.worker_subnet),
        ):
            if given:
                yield Flag(name, (at, *key), tuple(given))
        for name, key, given in (
            ("--tag", ("tags",), self.tag),
            ("--worker-tag", ("workers", "tags"), self.worker_tag),
        ):
            if given:
                yield Flag(name, (at, *key), parse_pairs(given, name))
        for account, role in parse_pairs(self.beyond or [], "--beyond").items():
            yield Flag("--beyond", (at, "beyond", account, "role"), role)
        if self.name:
            yield Flag("--name", ("name",), self.name)
        if self.region:
            yield Flag("--region", (at, "region"), self.region)

    def instead(self) -> tuple[tuple[str, ...], ...]:
        named = self.vpc or self.subnet or self.interface or self.tag
        return _SCOPE if named else ()


@Parameter(name="*")
@dataclass(frozen=True)
class WatchFlags:
    """What shall be there."""

    endpoint: Annotated[
        Many,
        Parameter(negative="", help="Wanted VPC endpoint: s3, kinesis-streams, sts, logs, ..."),
    ] = None
    bucket: Annotated[
        Many, Parameter(negative="", help="A bucket that endpoint policies let through.")
    ] = None
    stream: Annotated[Many, Parameter(negative="", help="A Kinesis stream to watch.")] = None
    rule: Annotated[
        Many, Parameter(negative="", help="A question that gets rules; default: all.")
    ] = None
    per: Annotated[
        Literal["eni", "vpc"] | None, Parameter(help="A rule an interface, or grouped.")
    ] = None
    notify: Annotated[
        Many, Parameter(negative="", help="ARN of a topic, e-mail address or https URL.")
    ] = None
    put_tag: Annotated[
        Many, Parameter(negative="", help="KEY=VALUE on everything that is made.")
    ] = None
    tagged_instances: Annotated[
        Literal["each", "query", "none"] | None,
        Parameter(help="Watch instances that bear our map-migrated: each by id, or by a query."),
    ] = None
    allowances: Annotated[
        bool, Parameter(negative="", help="The agent on tagged instances publishes ENA counters.")
    ] = False
    flow_log_format: Annotated[
        str | None, Parameter(help="v2, v5-nat, connections, or fields as AWS names them.")
    ] = None
    flow_log_to: Annotated[
        list[Literal["cloudwatch", "s3"]] | None,
        Parameter(negative="", help="Where the rows go; default: cloudwatch."),
    ] = None
    log_group: Annotated[str | None, Parameter(help="Log group of the rows.")] = None
    log_bucket: Annotated[str | None, Parameter(help="s3://bucket/prefix of the rows.")] = None
    retention: Annotated[str | None, Parameter(help="Of the log group, such as '30 d'.")] = None
    nat: Annotated[
        Literal["gateway", "instance", "auto", "none"] | None,
        Parameter(help="How bytes reach the internet; `auto`: what costs least."),
    ] = None
    nat_type: Annotated[
        str | None, Parameter(help="Type of NAT instances; default: by what is planned.")
    ] = None
    nat_count: Annotated[
        int | None, Parameter(help="NAT instances in all; default: one in each zone.")
    ] = None
    nat_standby: Annotated[
        Literal["gateway", "instance", "none"] | None,
        Parameter(help="What takes over when one is lost; default: a NAT gateway."),
    ] = None
    nat_check: Annotated[
        Literal["peer", "lambda", "none"] | None,
        Parameter(help="Who looks whether the path is alive; default: their peers."),
    ] = None
    max_outage: Annotated[
        str | None, Parameter(help="How long a path may be dead, such as '60 s'.")
    ] = None
    workers: Annotated[int | None, Parameter(help="How many instances are expected.")] = None
    planned_bytes: PlannedBytes = None
    planned_days: PlannedDays = None
    planned_start: Annotated[
        str | None, Parameter(help="From when (ISO 8601); stall alarms sleep before and after.")
    ] = None
    decimal_units: DecimalUnits = False
    tolerance_usd: Annotated[
        str | None, Parameter(help="Dollars a day of S3 through NAT before it alarms; default 1.")
    ] = None
    usd_per_day: Annotated[
        str | None, Parameter(help="Planned spend on NAT a day; alarms a tenth above it.")
    ] = None
    suppressor: Annotated[
        str | None, Parameter(help="Name of an alarm of yours that silences stalls.")
    ] = None

    def flags(self) -> Iterator[Flag]:
        at = "network"
        for kind in self.endpoint or ():
            named, _, type = kind.partition("=")
            usual = "gateway" if named in ("s3", "dynamodb") else "interface"
            yield Flag("--endpoint", (at, "endpoints", named), type or usual)
        for name, path, given in (
            ("--bucket", (at, "buckets"), self.bucket),
            ("--stream", (at, "streams"), self.stream),
            ("--rule", (at, "insights", "rules"), self.rule),
            ("--notify", ("alarms", "notify"), self.notify),
            ("--flow-log-to", (at, "flow_logs", "destination"), self.flow_log_to),
        ):
            if given:
                yield Flag(name, path, tuple(given))
        for name, path, text in (
            ("--per", (at, "insights", "per"), self.per),
            ("--flow-log-format", (at, "flow_logs", "format"), self.flow_log_format),
            ("--log-group", (at, "flow_logs", "group"), self.log_group),
            ("--log-bucket", (at, "flow_logs", "bucket"), self.log_bucket),
            ("--retention", (at, "flow_logs", "retention"), self.retention),
        ):
            if text:
                yield Flag(name, path, text)
        yield from self._nat()
        if self.put_tag:
            yield Flag("--put-tag", ("tags",), parse_pairs(self.put_tag, "--put-tag"))
        at_tagged = (at, "tagged_instances")
        if self.tagged_instances:
            yield Flag("--tagged-instances", (*at_tagged, "watch"), self.tagged_instances)
        if self.allowances:
            yield Flag("--allowances", (*at_tagged, "allowances"), True)
        if self.workers is not None:
            yield Flag("--workers", (at, "workers", "count"), self.workers)

    def _nat(self) -> Iterator[Flag]:
        at = ("network", "nat")
        for name, path, given in (
            ("--nat", ("kind",), self.nat),
            ("--nat-type", ("type",), self.nat_type),
            ("--nat-count", ("count",), self.nat_count),
            ("--nat-standby", ("recovery", "standby"), self.nat_standby),
            ("--nat-check", ("recovery", "check"), self.nat_check),
            ("--max-outage", ("recovery", "max_outage"), self.max_outage),
        ):
            if given is not None:
                yield Flag(name, (*at, *path), given)


@Parameter(name="*")
@dataclass(frozen=True)
class AccessFlags:
    """As whom AWS is asked, where no network is meant."""

    region: Annotated[str | None, Parameter(help="AWS Region of a log group.")] = None
    aws_profile: AwsProfile = None
    role: Role = None
    external_id: ExternalId = None
    endpoint_url: EndpointUrl = None

    def access(self) -> "AwsAccess":
        """Raises as `choices.access_of`. A manifest is not looked for."""
        from lakeferry.config.read import read_manifest
        from lakeferry.monitor.choices import access_of

        chosen = NetworkFlags(
            region=self.region, aws_profile=self.aws_profile, role=self.role,
            external_id=self.external_id, endpoint_url=self.endpoint_url,
        )  # fmt: skip
        manifest = read_manifest(None, flags=list(chosen.flags())).manifest
        return access_of(manifest, extras_of(chosen))


NO_NETWORK = NetworkFlags()
NO_ACCESS = AccessFlags()
NO_WATCH = WatchFlags()


def request_of(
    chosen: ManifestFlags,
    network: NetworkFlags,
    watch: WatchFlags = NO_WATCH,
    *,
    needs_name: bool = True,
) -> "MonitorRequest":
    """What was typed and written, as a request. Flags come before the manifest.

    Raises:
        FerryError, ExceptionGroup: see `manifest_flags.read` and `choices.monitor_request`.
    """
    from lakeferry.monitor.choices import monitor_request

    flags = [*network.flags(), *watch.flags()]
    found = read(chosen, flags, network.instead())
    return monitor_request(found.manifest, extras_of(network, watch), needs_name=needs_name)


def extras_of(network: NetworkFlags, watch: WatchFlags = NO_WATCH) -> "Extras":
    """What no manifest says. Raises LF-2001 and LF-2011 for what cannot be read."""
    from lakeferry.monitor.choices import Extras
    from lakeferry.monitor.run import Transfer

    if (watch.planned_bytes is None) != (watch.planned_days is None):
        raise _wrong("--planned-bytes and --planned-days belong together", "give both, or neither")
    transfer = None
    if watch.planned_bytes is not None and watch.planned_days is not None:
        if not _SECOND <= watch.planned_days < math.inf:
            raise _wrong(f"--planned-days {watch.planned_days:g} is no time", "give more than 0")
        size = planned_bytes(watch.planned_bytes, decimal=watch.decimal_units)
        transfer = Transfer(size, watch.planned_days)
    if watch.planned_start is not None and transfer is None:
        raise _wrong("--planned-start alone says nothing", "give --planned-bytes, --planned-days")
    start = watch.planned_start
    return Extras(
        profile=network.aws_profile,
        role=network.role,
        external_id=network.external_id,
        endpoint=network.endpoint_url,
        transfer=transfer,
        start_s=parse_time(start, "--planned-start") // 1000 if start else None,
        tolerance_usd=_dollars(watch.tolerance_usd, "--tolerance-usd"),
        usd_per_day=_dollars(watch.usd_per_day, "--usd-per-day"),
        suppressor=watch.suppressor or "",
    )


def words_of(*chosen: Any) -> list[str]:
    """Flags that were given, as they are typed: those that are not as they are by themselves."""
    found: list[str] = []
    for one in chosen:
        for each in fields(one):
            value = getattr(one, each.name)
            if value == each.default:
                continue
            flag = "--" + each.name.replace("_", "-")
            for said in value if isinstance(value, list) else [value]:
                found += [flag] if said is True else [flag, str(said)]
    return found


def _dollars(text: str | None, flag: str) -> Decimal | None:
    if text is None:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal(-1)
    if not found.is_finite() or found < 0:
        raise _wrong(f"{flag} `{text}` is no amount of dollars", "write a number, such as 12.50")
    return found


def _wrong(what: str, next_step: str) -> FerryError:
    return FerryError("LF-2001", what, "on the command line", next_step)
