"""A plan as read, as the values that are priced, with everything that it leaves open said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from lakeferry.config.problems import Problem
from lakeferry.config.tree import Value
from lakeferry.cost.path.migration import MIB, Migration, NatInstances, Path, Source, Watching
from lakeferry.cost.path.money import exact
from lakeferry.cost.path.span import TYPICAL_HOURS, Span, from_date, of_hours, typical_month
from lakeferry.cost.path.stream import Stream, shards_needed
from lakeferry.cost.prices.discounts import Agreement

USUAL_FILE = 128 * MIB
USUAL_ZONES = 3

_NAT = ("nat_credit", "connections", "connections_a_second", "connections_to_one", "packet_bytes")
_REFUSED: Mapping[str, Path] = {
    "no-public-ip": "internet_gateway", "no-instance": "nat_instance",
    "no-gateway": "nat_gateway",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CostPlan:
    """What is to be priced, and under which prices."""

    span: Span
    region: str  # of AWS
    zones: int = USUAL_ZONES
    migration: Migration | None = None  # None: a stream alone is priced
    stream: Stream | None = None
    deadline_hours: int = 0  # within which it has to be done
    sizes_instances: bool = False  # nobody said which NAT instances: they are chosen by size
    sizes_workers: bool = False  # nor which workers
    used: Mapping[str, int] = field(default_factory=dict)  # bytes or units a month, by price id
    refused: tuple[Path, ...] = ()  # by policy
    agreement: Agreement = field(default_factory=Agreement)
    given: Mapping[str, Decimal] = field(default_factory=dict)  # dollars a unit, by price id
    egress_usd_per_gb: Decimal | None = None
    free_tier: bool = False
    decimal_azure: bool = False
    delay_usd_hour: Decimal = Decimal(0)
    failures_a_month: Decimal = Decimal(0)
    outage_minutes: int = 10
    dark_minutes: int = 5
    lead_days: int | None = None
    nat_credit: int = 0  # bytes; AWS promises none
    connections: int = 0  # open at once
    connections_a_second: int = 0
    connections_to_one: int = 0  # open at once to the busiest address and port
    packet_bytes: int = 1_500
    prices: str | None = None  # a file
    assumed: tuple[str, ...] = ()  # what nobody said, as it was taken


def plan_of(found: Mapping[str, Any], root: Value) -> tuple[CostPlan | None, list[Problem]]:
    """The plan of keys that `read_keys` has found right; None where something is missing."""
    problems = [*_missing(found, root), *_contradictions(found, root)]
    if problems:
        return None, problems
    span = _span(found)
    plan = CostPlan(
        span=span,
        region=found["to"][1],
        zones=found.get("zones", USUAL_ZONES),
        migration=_migration(found, span) if "bytes" in found else None,
        stream=_stream(found, span) if "records_a_day" in found else None,
        deadline_hours=_hours(found["deadline"]) if "deadline" in found else span.hours,
        sizes_instances=found.get("nat_instances") is None,
        sizes_workers=found.get("workers") is None,
        used=found.get("used", {}),
        refused=tuple(_REFUSED[one] for one in found.get("policy", ())),
        agreement=Agreement(found.get("discount", {}), found.get("savings_plan", {})),
        given=found.get("price", {}),
        egress_usd_per_gb=found.get("egress_usd_per_gb"),
        free_tier=found.get("free_tier", False),
        decimal_azure=found.get("azure_gb") == "decimal",
        delay_usd_hour=found.get("delay_usd_hour", Decimal(0)),
        failures_a_month=found.get("failures_a_month", Decimal(0)),
        outage_minutes=found.get("outage_minutes", 10),
        dark_minutes=found.get("dark_minutes", 5),
        lead_days=found.get("lead_days"),
        **{name: found[name] for name in _NAT if name in found},
        prices=found.get("prices"),
        assumed=_assumed(found, span),
    )
    return plan, []


def _missing(found: Mapping[str, Any], root: Value) -> list[Problem]:
    wanted = [("to", "--to aws:us-east-1")]
    if "bytes" in found or "records_a_day" not in found:
        wanted = [("bytes", '--bytes "2 PiB"'), ("from", "--from azure:westeurope"), *wanted]
    missing = [Problem("LF-6621", root.place, f"{name} is missing", f"give {step}, or `{name}:` "
               "in the plan") for name, step in wanted if name not in found]  # fmt: skip
    if "days" not in found and "hours" not in found:
        step = "give --days 30, or `days:` in the plan; `month` for a month of 730 hours"
        missing.append(Problem("LF-6621", root.place, "days is missing", step))
    return missing


def _contradictions(found: Mapping[str, Any], root: Value) -> list[Problem]:
    def at(name: str, what: str, step: str) -> Problem:
        entry = root.entries.get(name)
        return Problem("LF-6622", entry.value.place if entry else root.place, what, step)

    wrong = []
    if found.get("to", ("aws", ""))[0] != "aws":
        wrong.append(at("to", f"to: bytes go to AWS here, not to {found['to'][0]}",
                        "write aws:REGION"))  # fmt: skip
    if "days" in found and "hours" in found:
        wrong.append(at("hours", "hours and days are both given", "give one of them"))
    if found.get("days") == "month" and "start" in found:
        wrong.append(at("start", "a typical month has no date", "give the days, such as 30"))
    if "bytes" in found and found.get("files", 0) > found["bytes"]:
        wrong.append(at("files", f"files: {found['files']:,} files cannot share "
                        f"{found['bytes']:,} bytes", "correct one of the two"))  # fmt: skip
    cloud = found.get("from", ("azure", ""))[0]
    for name, value, clouds in (
        ("routing", "internet", ("azure",)),
        ("azure_gb", "decimal", ("azure",)),
        ("egress_waiver", "exit", ("azure", "gcp")),
        ("egress_waiver", "eu_at_cost", ("azure", "gcp")),
    ):
        if found.get(name) == value and cloud not in clouds:
            said = f"{name}: `{value}` means nothing for bytes from {cloud.replace('_', ' ')}"
            wrong.append(at(name, said, "leave it out"))
    if found.get("nat_instances") == ("", 0):
        wrong.append(at("nat_instances", "nat_instances: none of them is a policy",
                        "write --policy no-instance"))  # fmt: skip
    if found.get("dark_minutes", 5) > found.get("outage_minutes", 10):
        wrong.append(at("dark_minutes", "dark_minutes is more than outage_minutes",
                        "give at most as many"))  # fmt: skip
    if "connections" in found and found.get("connections_to_one", 0) > found["connections"]:
        wrong.append(at("connections_to_one", "connections_to_one is more than connections",
                        "give at most as many"))  # fmt: skip
    if found.get("fan_out", 0) > found.get("consumers", 1):
        wrong.append(at("fan_out", "more consumers by fan-out than consumers",
                        "give at most as many"))  # fmt: skip
    return wrong


def _span(found: Mapping[str, Any]) -> Span:
    if found.get("days") == "month":
        return typical_month()
    hours = found["hours"] if "hours" in found else _hours(found["days"])
    start = found.get("start")
    return of_hours(hours) if start is None else from_date(start, hours)


@exact()
def _hours(days: Any) -> int:
    if days == "month":
        return TYPICAL_HOURS
    return int((days * 24).to_integral_value("ROUND_CEILING"))


def _migration(found: Mapping[str, Any], span: Span) -> Migration:
    size = found["bytes"]
    kind, count = found.get("workers") or ("", 0)
    chosen: dict[str, Any] = {
        "target_region": found["to"][1],
        "source": _source(found),
        "objects": found.get("files", -(-size // USUAL_FILE)),
        "nat_instances": _instances(found),
        "workers": count,
        "worker_type": kind,
        "watching": _watching(found),
        "port_gbps": int(found.get("port", "10")),
    }
    same = {"part": "part_size", "overrun": "overrun_hours"}
    names = ("zones", "nat_gateways", "s3_endpoint", "overhead", "egress_with_overhead", "part",
             "single_put", "read_size", "verify", "with_storage", "overrun", "scale_units", "used",
             "credits")  # fmt: skip
    chosen |= {same.get(name, name): found[name] for name in names if name in found}
    return Migration(bytes=size, span=span, **chosen)


def _source(found: Mapping[str, Any]) -> Source:
    cloud, region = found["from"]
    at_a_price = found.get("price", {})
    return Source(
        cloud,
        region,
        routing=found.get("routing", "default"),
        accounts=found.get("egress_accounts", 1),
        waiver=found.get("egress_waiver", "none"),
        worker_usd_hour=found.get("push_usd_hour", at_a_price.get(f"{cloud}.worker.hour")),
        worker_gbps=found.get("push_gbps"),
        line_gbps=found.get("source_gbps"),
    )


def _instances(found: Mapping[str, Any]) -> NatInstances:
    usual = NatInstances()
    kind, count = found.get("nat_instances") or (usual.type, usual.count)
    return NatInstances(
        kind, count, found.get("nat_disk", usual.disk_gb), found.get("nat_standby", True)
    )


def _watching(found: Mapping[str, Any]) -> Watching:
    names = {"log_records": "log_records", "log_record_bytes": "record_bytes", "rules": "rules",
             "matched_events": "matched_events", "alarms": "alarms", "dashboards": "dashboards",
             "log_months": "kept_months"}  # fmt: skip
    return Watching(**{to: found[name] for name, to in names.items() if name in found})


@exact()
def _stream(found: Mapping[str, Any], span: Span) -> Stream:
    a_day, size = found["records_a_day"], found.get("record_size", 1024)
    names = ("packed", "consumers", "fan_out", "kept_days")
    return Stream(
        records=a_day * span.hours // 24,
        record_bytes=size,
        mode=found.get("stream_mode", "shards"),
        shards=found.get("shards") or max(1, shards_needed(Decimal(a_day) / 86_400, size)),
        **{name: found[name] for name in names if name in found},
    )


def _assumed(found: Mapping[str, Any], span: Span) -> tuple[str, ...]:
    """What nobody said, in the order in which it matters."""
    said = []
    if "bytes" in found and "files" not in found:
        said.append("files of 128 MiB")
    if "bytes" in found and "overhead" not in found:
        said.append("3 % on the wire above the bytes: measure it")
    if span.start is None:
        hours = span.parts[0].month_hours
        said.append(f"no date: each month has {hours} hours, tiers are climbed once")
    if "records_a_day" in found and "shards" not in found:
        said.append("shards as the average rate needs: size for the peak")
    return tuple(said)
