"""A plan over every path and placement: what each costs, how long it lasts, which to take."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from lakeferry.cost.break_even import capacity_gb
from lakeferry.cost.cost_report import CostReport, Route
from lakeferry.cost.decide import Bounded, Decision, Wanted, decide
from lakeferry.cost.front import SAFE_SHARE, Front, front, points, sustained
from lakeferry.cost.hints import hints
from lakeferry.cost.load import planned_load
from lakeferry.cost.migration import Migration, NatInstances, Path
from lakeferry.cost.money import exact
from lakeferry.cost.options import (
    CIRCUIT_DAYS,
    CIRCUITS,
    Replayed,
    Trouble,
    destination_of,
    even_loads,
    replayed,
)
from lakeferry.cost.plan_prices import book_for, check_names
from lakeferry.cost.plan_values import CostPlan
from lakeferry.cost.prices import PriceBook
from lakeferry.cost.quote import Line, Quote, doubts
from lakeferry.cost.replay import GBPS
from lakeferry.cost.sensitivity import flip_gb, sensitivity
from lakeferry.cost.sizing import Demand, Size, busiest, sizes_in
from lakeferry.cost.stream_ways import stream_lines, stream_quotes
from lakeferry.cost.total import paths_of, price
from lakeferry.errors import FerryError

LEAST_VCPUS = 8  # of a worker: less has not the cores to check what it copies
MOST_INSTANCES = 24  # that anybody would run in place of a gateway; more are no offer


def report(plan: CostPlan, listed: PriceBook, *, today: date) -> CostReport:
    """What a plan costs.

    Args:
        listed: the book, without what the plan says of prices.

    Raises:
        FerryError: LF-6501, LF-6502, LF-6505, LF-6507, LF-6624.
    """
    book = book_for(plan, listed)
    streams = stream_quotes(plan, book)
    if plan.migration is None:
        lines = [line for one in streams.values() for line in one.lines]
        check_names(plan, listed, [line.price_id for line in lines])
        return CostReport(
            plan, book, streams=streams, doubts=doubts(lines, today), assumed=plan.assumed
        )
    sized = _sizes(plan.migration, book)
    migration = _with_sized(plan, sized, book)
    beside = stream_lines(plan, book)
    rows = replayed(migration, book, even_loads(migration), trouble=_trouble(plan))
    found = front(points(migration, book), plan.deadline_hours, plan.refused)
    decision = _decided(plan, migration, rows, today)
    routes = [*_pulled(plan, migration, book, rows, today),
              *_pushed(plan, migration, book, today)]  # fmt: skip
    routes = _with_lacks([_beside(one, beside) for one in routes])
    routes.sort(key=lambda one: (one.quote.total, one.hours))
    check_names(plan, listed, [line.price_id for one in routes for line in one.quote.lines])
    taken = _taken(routes, found, decision)
    return CostReport(
        plan,
        book,
        migration,
        tuple(routes),
        taken,
        found,
        decision,
        None if decision or found.chosen else _fault(plan, routes),
        sized[:5],
        sensitivity(migration, book, taken.path, placement=taken.placement),
        _bounded(migration, book),
        streams,
        hints(migration, book, taken.quote, found),
        doubts([line for one in routes for line in one.quote.lines], today),
        (*_sized_texts(plan, migration), *plan.assumed),
    )


def _sizes(migration: Migration, book: PriceBook) -> tuple[Size, ...]:
    """NAT instances that carry the plan with one of them lost, the cheapest first."""
    minutes = max(1, migration.span.hours * 60)
    down = busiest(planned_load(migration.wire_bytes, minutes=minutes))
    demand = Demand(down, 0 if migration.s3_endpoint else down)
    found = sizes_in(
        book, migration.target_region, demand, hours=migration.span.hours, zones=migration.zones
    )
    return tuple(one for one in found if one.count <= MOST_INSTANCES)


def _with_sized(plan: CostPlan, sized: tuple[Size, ...], book: PriceBook) -> Migration:
    """The plan with the NAT instances and workers that nobody named, the cheapest that do."""
    migration = plan.migration
    assert migration is not None
    if plan.sizes_instances and sized:
        best, before = sized[0], migration.nat_instances
        wanted = NatInstances(best.type, best.count, before.disk_gb, before.standby)
        migration = replace(migration, nat_instances=wanted)
    workers = _workers(migration, book) if plan.sizes_workers else None
    if workers is None:
        return migration
    kind, count = workers
    return replace(migration, worker_type=kind, workers=count)


@exact()
def _workers(migration: Migration, book: PriceBook) -> tuple[str, int] | None:
    """Type and count of the cheapest workers that carry the plan with head room; None: no price."""
    found = []
    for kind in book.instance_types.values():
        usd = book.hourly(kind.name, migration.target_region).last_usd
        if usd is None or kind.burstable or kind.vcpus < LEAST_VCPUS:
            continue
        safe = SAFE_SHARE * kind.internet_gbps
        count = max(1, int((migration.gbps / safe).to_integral_value("ROUND_CEILING")))
        found.append((count * usd, count, kind.name))
    if not found:
        return None
    _, count, name = min(found)
    return name, count


def _sized_texts(plan: CostPlan, migration: Migration) -> tuple[str, ...]:
    said = []
    if plan.sizes_workers:
        said.append(
            f"{migration.workers} x {migration.worker_type} as workers, the cheapest that do"
            if migration.workers
            else "no workers, as the region has no price of any: give --workers TYPE:COUNT"
        )
    if plan.sizes_instances and "nat_instance" in paths_of(migration):
        wanted = migration.nat_instances
        said.append(f"{wanted.count} x {wanted.type} as NAT instances, the cheapest that do")
    return tuple(said)


def _trouble(plan: CostPlan) -> Trouble:
    return Trouble(
        plan.outage_minutes, plan.dark_minutes, plan.failures_a_month, plan.delay_usd_hour
    )


def _decided(
    plan: CostPlan, migration: Migration, rows: tuple[Replayed, ...], today: date
) -> Decision | None:
    """The choice for workers in AWS at the plan's pace; None: nothing carries it in time."""
    wanted = Wanted(
        destination_of(migration),
        migration.span.hours * 60,
        latest_minutes=plan.deadline_hours * 60,
        waiting_usd_hour=plan.delay_usd_hour,
        days_to_start=_days_left(plan, today),
        refused=plan.refused,
    )
    try:
        return decide([one.option for one in rows], wanted)
    except FerryError:
        return None


def _fault(plan: CostPlan, routes: list[Route]) -> FerryError:
    """What to say where no path may be taken, in time and at a price that is known."""
    left = [one for one in routes if one.path not in plan.refused]
    late = [one for one in left if one.hours > plan.deadline_hours]
    step = "allow a path that the policy refuses"
    if late and len(late) == len(left):
        with exact():
            days = Decimal(min(one.hours for one in late)) / 24
        step = f"allow {days:.1f} days with --deadline, or give more or larger instances"
    elif left:
        step = "give the prices that are missing: --price ID=USD, --push-usd-hour USD"
    return FerryError(
        "LF-6521",
        f"no path carries the bytes in {plan.deadline_hours} hours at a price that is known",
        "; ".join(f"{one.name}: {one.remark}" for one in routes),
        step,
    )


def _pulled(
    plan: CostPlan, migration: Migration, book: PriceBook, rows: tuple[Replayed, ...], today: date
) -> list[Route]:
    found = []
    for row in rows:
        option = row.option
        hours = max(migration.span.hours, -(-option.replay.minutes // 60))
        quote = price(migration.lasting(migration.span.lasting(hours)), book, option.path)
        with exact():
            gbps = Decimal(option.capacity) / GBPS
        remark = _aside(plan, option.path, hours, option.lead_days, today) or _remark(
            migration, book, option.path
        )
        found.append(Route("pull", option.path, option.label, gbps, hours, quote, remark))
    return found


def _aside(plan: CostPlan, path: Path, hours: int, lead_days: int, today: date) -> str:
    """Why a path is none to take; empty: it is one."""
    if path in plan.refused:
        return "a policy refuses this path"
    left = _days_left(plan, today)
    if left is not None and lead_days > left:
        return f"it takes {lead_days} days to get, and there are {left}"
    over = hours - plan.deadline_hours
    if over > 0:
        with exact():
            return f"it ends {Decimal(over) / 24:.1f} days too late"
    return ""


def _days_left(plan: CostPlan, today: date) -> int | None:
    """Until the first byte is to move; None: whenever."""
    start = plan.span.start
    if plan.lead_days is not None or start is None:
        return plan.lead_days
    return max(0, (start.date() - today).days)


@exact()
def _remark(migration: Migration, book: PriceBook, path: Path) -> str:
    """What is to be known about a path that may be taken."""
    if path == "nat_instance":
        safe, wanted = sustained(_alone(migration), book, path, "pull"), migration.gbps
        if safe is not None and safe < wanted:
            return f"with one lost only {safe:.3g} of {wanted:.3g} Gbit/s are safe: take more"
    if path in ("nat_gateway", "nat_instance") and not migration.s3_endpoint:
        return "every byte passes it twice"
    return ""


def _alone(migration: Migration) -> Migration:
    """The plan as far as its NAT devices bound it."""
    return replace(migration, workers=0, source=replace(migration.source, line_gbps=None))


@exact()
def _pushed(plan: CostPlan, migration: Migration, book: PriceBook, today: date) -> list[Route]:
    found = []
    for path in paths_of(migration, "push"):
        gbps = sustained(migration, book, path, "push")
        needed = 0
        if gbps:
            seconds = migration.wire_bytes * 8 / (gbps * 10**9)
            needed = int((seconds / 3600).to_integral_value("ROUND_CEILING"))
        hours = max(migration.span.hours, needed)
        quote = price(migration.lasting(migration.span.lasting(hours)), book, path, "push")
        lead_days = CIRCUIT_DAYS if path in CIRCUITS else 0
        remark = _aside(plan, path, hours, lead_days, today)
        found.append(Route("push", path, "", gbps, hours, quote, remark))
    return found


def _with_lacks(routes: list[Route]) -> list[Route]:
    """Each with the prices in its remark that it lacks and another has."""
    lacking = [{line.price_id for line in one.quote.unpriced} for one in routes]
    shared = set.intersection(*lacking) if lacking else set()
    found = []
    for one, lacks in zip(routes, lacking, strict=True):
        own = ", ".join(sorted(lacks - shared))
        said = "; ".join(part for part in (one.remark, f"no price of {own}" if own else "") if part)
        found.append(replace(one, remark=said))
    return found


def _beside(route: Route, lines: tuple[Line, ...]) -> Route:
    if not lines:
        return route
    return replace(route, quote=Quote((*route.quote.lines, *lines), route.quote.currency))


def _taken(routes: list[Route], found: Front, decision: Decision | None) -> Route:
    """The route of the path that is to be taken; without one the cheapest."""
    chosen = found.chosen
    by_path = {(one.placement, one.path): one for one in routes}
    if chosen is not None:
        return by_path[chosen.placement, chosen.path]
    return by_path["pull", decision.chosen.option.path] if decision else routes[0]


@exact()
def _bounded(migration: Migration, book: PriceBook) -> Bounded | None:
    """From which GB on NAT instances pay, and how many they carry; None where a price lacks."""
    if "nat_instance" not in paths_of(migration):
        return None
    gateway, instance = (price(migration, book, one) for one in ("nat_gateway", "nat_instance"))
    a_gb = book.of("aws.natgw.gb", migration.target_region).last_usd
    own = {line.price_id for line in instance.unpriced} - {one.price_id for one in gateway.unpriced}
    gbps = sustained(_alone(migration), book, "nat_instance", "pull")
    if own or not a_gb or gbps is None:
        return None
    paid_from = flip_gb(gateway, instance, a_gb * migration.nat_passes)
    return Bounded(paid_from, capacity_gb(gbps, migration.span.hours))
