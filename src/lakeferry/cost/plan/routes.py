"""Every path of a plan for both placements: its lines, how long it lasts, what to know of it."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from lakeferry.cost.path.decide import Wanted, outcome
from lakeferry.cost.path.front import Point, sustained
from lakeferry.cost.path.migration import Migration, Path
from lakeferry.cost.path.money import exact
from lakeferry.cost.path.options import CIRCUIT_DAYS, CIRCUITS, Replayed, Trouble, risk_usd
from lakeferry.cost.path.quote import Line, Quote
from lakeferry.cost.path.replay import GBPS
from lakeferry.cost.path.total import paths_of, price
from lakeferry.cost.plan.cost_report import Route
from lakeferry.cost.prices.values import PriceBook


def pulled(
    migration: Migration, book: PriceBook, rows: Sequence[Replayed], wanted: Wanted
) -> list[Route]:
    """Workers in AWS: each path lasts until its replay ends, and no less than planned."""
    found = []
    for row in rows:
        option = row.option
        hours = max(migration.span.hours, -(-option.replay.minutes // 60))
        lasting = migration.lasting(migration.span.lasting(hours))
        quote = _with_waits(price(lasting, book, option.path), row, wanted)
        with exact():
            gbps = Decimal(option.capacity) / GBPS
        aside = _aside(wanted, option.path, hours)
        remark = aside or _remark(migration, book, option.path)
        found.append(Route("pull", option.path, option.label, gbps, hours, quote, remark))
    return found


@exact()
def pushed(migration: Migration, book: PriceBook, wanted: Wanted) -> list[Route]:
    """Workers beside the source: nothing is replayed; the narrowest part says how long it takes."""
    found = []
    for path in paths_of(migration, "push"):
        gbps = sustained(migration, book, path, "push")
        needed = 0
        if gbps:
            seconds = migration.wire_bytes * 8 / (gbps * 10**9)
            needed = int((seconds / 3600).to_integral_value("ROUND_CEILING"))
        hours = max(migration.span.hours, needed)
        quote = price(migration.lasting(migration.span.lasting(hours)), book, path, "push")
        remark = _aside(wanted, path, hours)
        if gbps is None and not remark:
            remark = "its rate is not known: --push-gbps, --source-gbps"
        found.append(Route("push", path, "", gbps, hours, quote, remark))
    return found


def with_lacks(routes: Sequence[Route]) -> list[Route]:
    """Each with the prices in its remark that it lacks and another has."""
    lacking = [{line.price_id for line in one.quote.unpriced} for one in routes]
    shared = set.intersection(*lacking) if lacking else set()
    found = []
    for one, lacks in zip(routes, lacking, strict=True):
        own = ", ".join(sorted(lacks - shared))
        said = "; ".join(part for part in (one.remark, f"no price of {own}" if own else "") if part)
        found.append(replace(one, remark=said))
    return found


def nat_alone(migration: Migration) -> Migration:
    """A plan as far as its NAT devices bound it."""
    return replace(migration, workers=0, source=replace(migration.source, line_gbps=None))


def not_there(wanted: Wanted) -> tuple[Path, ...]:
    """Paths that cannot be had before the first byte is to move."""
    left = wanted.days_to_start
    return CIRCUITS if left is not None and left < CIRCUIT_DAYS else ()


def _aside(wanted: Wanted, path: Path, hours: int) -> str:
    """Why a path is none to take; empty: it is one."""
    if path in wanted.refused:
        return "a policy refuses this path"
    if path in not_there(wanted):
        return f"it takes {CIRCUIT_DAYS} days to get, and there are {wanted.days_to_start}"
    over = hours * 60 - (wanted.latest_minutes or wanted.planned_minutes)
    if over > 0:
        with exact():
            return f"it ends {Decimal(over) / 1440:.1f} days too late"
    return ""


@exact()
def _remark(migration: Migration, book: PriceBook, path: Path) -> str:
    """What is to be known about a path that may be taken."""
    if path == "nat_instance":
        safe, needed = sustained(nat_alone(migration), book, path, "pull"), migration.gbps
        if safe is not None and safe < needed:
            return f"with one lost only {safe:.3g} of {needed:.3g} Gbit/s are safe: take more"
    if path in ("nat_gateway", "nat_instance") and not migration.s3_endpoint:
        return "every byte passes it twice"
    return ""


def _with_waits(quote: Quote, row: Replayed, wanted: Wanted) -> Quote:
    """With what bytes cost that end late, and what losing an instance is expected to cost."""
    found = outcome(row.option, wanted)
    hours = Decimal(row.option.replay.minutes) / 60
    lines = (
        _waits("what waits past the planned end", found.delay, hours, "delay"),
        _waits("failures of NAT instances, expected", found.risk, hours, "failures"),
    )
    return replace(quote, lines=(*quote.lines, *(one for one in lines if one.usd)))


@exact()
def with_waits(point: Point, migration: Migration, book: PriceBook, trouble: Trouble) -> Point:
    """An option of the front with the same: what ends late, and what NAT instances may fail."""
    late, found = Decimal(max(0, point.hours - migration.span.hours)), Decimal(0)
    if point.path == "nat_instance":
        lasting = migration.lasting(migration.span.lasting(point.hours))
        instances = migration.nat_instances.count * point.scale
        found = risk_usd(lasting, book, trouble, instances) * point.hours
    hours = Decimal(point.hours)
    lines = (
        _waits("what waits past the planned end", late * trouble.waiting_usd_hour, hours, "delay"),
        _waits("failures of NAT instances, expected", found, hours, "failures"),
    )
    kept = (*point.quote.lines, *(one for one in lines if one.usd))
    return replace(point, quote=replace(point.quote, lines=kept))


def _waits(item: str, usd: Decimal, hours: Decimal, id: str) -> Line:
    source = "the plan's dollars an hour of waiting"
    if id == "failures":
        source += ", and what standby gateways process meanwhile"
    return Line(
        item, hours, "hour", usd, id, source, None, "secondary", "overrun", "nothing",
    )  # fmt: skip
