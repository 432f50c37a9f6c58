"""The flags of `cost`, in groups: each is a key of a plan, see `lakeferry.cost.plan.keys`."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Annotated, Any

from cyclopts import Group, Parameter

from lakeferry.cli.flag_types import Many
from lakeferry.cli.units import parse_pairs
from lakeferry.cost.plan.keys import KEYS

Text = str | None
Yes = bool | None

_VOLUME = Group("What is moved", sort_key=1)
_SOURCE = Group("From where to where", sort_key=2)
_NETWORK = Group("The network between", sort_key=3)
_WORK = Group("Who copies", sort_key=4)
_WATCH = Group("What watches", sort_key=5)
_STREAM = Group("A Kinesis stream", sort_key=6)
_MONEY = Group("Prices", sort_key=7)
_SHOWN = Group("What is shown", sort_key=8)


def _key(name: str, *names: str) -> Parameter:
    """A flag that is a key of a plan, with the key's own words for help."""
    key = KEYS[name]
    usual = f"; default: {key.default}" if key.default else ""
    choices = f" ({', '.join(key.choices)})" if key.choices else ""
    is_on = key.kind == "yes" and key.default == "true"
    negative = f"--no-{name.replace('_', '-')}" if is_on else ""
    said = f"{key.about[0].upper()}{key.about[1:]}{choices}{usual}."
    return Parameter(name=list(names) or None, help=said, negative=negative)


@Parameter(name="*", group=_VOLUME)
@dataclass(frozen=True)
class VolumeFlags:
    """What is moved, and in what time."""

    bytes: Annotated[Text, _key("bytes")] = None
    files: Annotated[Text, _key("files")] = None
    days: Annotated[Text, _key("days")] = None
    hours: Annotated[Text, _key("hours")] = None
    start: Annotated[Text, _key("start")] = None
    deadline: Annotated[Text, _key("deadline")] = None
    decimal_units: Annotated[
        Yes, Parameter(negative="", help="kB to PB of sizes are powers of 1000.")
    ] = None


@Parameter(name="*", group=_SOURCE)
@dataclass(frozen=True)
class PlaceFlags:
    """Where the bytes are and go, and how their cloud bills their leaving."""

    from_: Annotated[Text, _key("from", "--from")] = None
    to: Annotated[Text, _key("to")] = None
    routing: Annotated[Text, _key("routing")] = None
    egress_waiver: Annotated[Text, _key("egress_waiver", "--egress-waiver", "--waiver")] = None
    egress_accounts: Annotated[Text, _key("egress_accounts")] = None
    egress_usd_per_gb: Annotated[Text, _key("egress_usd_per_gb")] = None
    egress_with_overhead: Annotated[Yes, _key("egress_with_overhead")] = None
    source_gbps: Annotated[Text, _key("source_gbps")] = None
    azure_gb: Annotated[Text, _key("azure_gb")] = None
    read_size: Annotated[Text, _key("read_size")] = None


@Parameter(name="*", group=_NETWORK)
@dataclass(frozen=True)
class PathFlags:
    """NAT, endpoints, circuits, and how they fail."""

    zones: Annotated[Text, _key("zones")] = None
    nat_gateways: Annotated[Text, _key("nat_gateways")] = None
    nat_instances: Annotated[Text, _key("nat_instances")] = None
    nat_disk: Annotated[Text, _key("nat_disk")] = None
    nat_standby: Annotated[Yes, _key("nat_standby")] = None
    s3_endpoint: Annotated[Yes, _key("s3_endpoint")] = None
    overhead: Annotated[Text, _key("overhead")] = None
    port: Annotated[Text, _key("port")] = None
    scale_units: Annotated[Text, _key("scale_units")] = None
    nat_credit: Annotated[Text, _key("nat_credit")] = None
    connections: Annotated[Text, _key("connections")] = None
    connections_a_second: Annotated[Text, _key("connections_a_second")] = None
    connections_to_one: Annotated[Text, _key("connections_to_one")] = None
    packet_bytes: Annotated[Text, _key("packet_bytes")] = None
    policy: Annotated[Many, _key("policy")] = None
    failures_a_month: Annotated[Text, _key("failures_a_month")] = None
    outage_minutes: Annotated[Text, _key("outage_minutes")] = None
    dark_minutes: Annotated[Text, _key("dark_minutes")] = None
    lead_days: Annotated[Text, _key("lead_days")] = None


@Parameter(name="*", group=_WORK)
@dataclass(frozen=True)
class WorkFlags:
    """Workers, requests, time and what waits."""

    workers: Annotated[Text, _key("workers")] = None
    push_usd_hour: Annotated[Text, _key("push_usd_hour")] = None
    push_gbps: Annotated[Text, _key("push_gbps")] = None
    part: Annotated[Text, _key("part")] = None
    single_put: Annotated[Text, _key("single_put")] = None
    verify: Annotated[Yes, _key("verify")] = None
    with_storage: Annotated[Yes, _key("with_storage")] = None
    overrun: Annotated[Text, _key("overrun")] = None
    delay_usd_hour: Annotated[Text, _key("delay_usd_hour")] = None


@Parameter(name="*", group=_WATCH)
@dataclass(frozen=True)
class WatchFlags:
    """Flow logs, rules, alarms, dashboards."""

    log_records: Annotated[Text, _key("log_records")] = None
    log_record_bytes: Annotated[Text, _key("log_record_bytes")] = None
    log_months: Annotated[Text, _key("log_months")] = None
    rules: Annotated[Text, _key("rules")] = None
    matched_events: Annotated[Text, _key("matched_events")] = None
    alarms: Annotated[Text, _key("alarms")] = None
    dashboards: Annotated[Text, _key("dashboards")] = None


@Parameter(name="*", group=_STREAM)
@dataclass(frozen=True)
class StreamFlags:
    """Priced alone, or beside the bytes."""

    records_a_day: Annotated[Text, _key("records_a_day")] = None
    record_size: Annotated[Text, _key("record_size")] = None
    stream_mode: Annotated[Text, _key("stream_mode")] = None
    shards: Annotated[Text, _key("shards")] = None
    packed: Annotated[Text, _key("packed")] = None
    consumers: Annotated[Text, _key("consumers")] = None
    fan_out: Annotated[Text, _key("fan_out")] = None
    kept_days: Annotated[Text, _key("kept_days")] = None


@Parameter(name="*", group=_MONEY)
@dataclass(frozen=True)
class MoneyFlags:
    """Prices, agreements, and what is used already."""

    prices: Annotated[Text, _key("prices")] = None
    price: Annotated[Many, _key("price")] = None
    discount: Annotated[Many, _key("discount")] = None
    savings_plan: Annotated[Many, _key("savings_plan")] = None
    used: Annotated[Many, _key("used")] = None
    credits: Annotated[Text, _key("credits")] = None
    free_tier: Annotated[Yes, _key("free_tier")] = None


@Parameter(name="*", group=_SHOWN)
@dataclass(frozen=True)
class ShowFlags:
    """What of the answer is shown, and where."""

    routes: Annotated[
        Many, Parameter(negative="", help="Paths of the table: nat-gateway, ...; default: all.")
    ] = None
    route: Annotated[
        Many, Parameter(negative="", help="A path whose every line is shown; push:PATH.")
    ] = None
    csv: Annotated[
        Text, Parameter(allow_leading_hyphen=True, help="Write every line as CSV; - is stdout.")
    ] = None
    picture: Annotated[
        Text, Parameter(help="Draw it into this file (SVG): by path, break-even, the front.")
    ] = None
    assume: Annotated[
        Many, Parameter(negative="", help="KEY=VALUE: any key of a plan, before all else.")
    ] = None


NO_VOLUME = VolumeFlags()
NO_PLACE = PlaceFlags()
NO_NETWORK = PathFlags()
NO_WORK = WorkFlags()
NO_WATCH = WatchFlags()
NO_STREAM = StreamFlags()
NO_MONEY = MoneyFlags()
NO_SHOW = ShowFlags()

_PAIRS = ("price", "discount", "savings_plan", "used")


def keys_of(*groups: Any, assume: Many = None) -> Iterator[tuple[str, str, Any]]:
    """(flag, key, text) of everything that was given, `--assume` last.

    Raises:
        FerryError: LF-2001 for a pair without `=`.
    """
    for group in groups:
        for one in fields(group):
            value, name = getattr(group, one.name), one.name.rstrip("_")
            if value is None:
                continue
            flag = "--" + name.replace("_", "-")
            if name == "decimal_units":
                yield flag, "units", "decimal" if value else "binary"
            elif name == "discount" and len(value) == 1 and "=" not in value[0]:
                yield flag, name, value[0]  # one share of all
            elif name in _PAIRS:
                yield flag, name, parse_pairs(value, flag)
            elif isinstance(value, bool):
                yield flag if value else flag.replace("--", "--no-", 1), name, str(value).lower()
            else:
                yield flag, name, value
    for name, value in parse_pairs(assume or [], "--assume").items():
        key, _, below = name.replace("-", "_").partition(".")
        if key in _PAIRS:
            below = name.partition(".")[2]
            yield f"--assume {name}", key, {below: value} if below else value
        else:
            yield f"--assume {name}", name.replace("-", "_"), value
