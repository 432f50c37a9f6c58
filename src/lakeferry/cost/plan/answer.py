"""A plan and prices -> the whole answer: routes, front, choice, and what would change it. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from lakeferry.cost.path.break_even import capacity_gb
from lakeferry.cost.path.decide import Bounded, Decision, Wanted, decide
from lakeferry.cost.path.front import Front, front, points, sustained
from lakeferry.cost.path.migration import Migration
from lakeferry.cost.path.money import exact
from lakeferry.cost.path.options import Replayed, Trouble, destination_of, even_loads, replayed
from lakeferry.cost.path.quote import Line, Quote, doubts
from lakeferry.cost.path.sizing import kernel
from lakeferry.cost.path.total import paths_of, price
from lakeferry.cost.plan.cost_report import CostReport, Route
from lakeferry.cost.plan.hints import hints
from lakeferry.cost.plan.prices import book_for, check_names
from lakeferry.cost.plan.routes import nat_alone, not_there, pulled, pushed, with_lacks, with_waits
from lakeferry.cost.plan.sensitivity import flip_gb, flip_hours, sensitivity
from lakeferry.cost.plan.sized import nat_demand, nat_sizes, sized_texts, with_sized
from lakeferry.cost.plan.stream_ways import stream_lines, stream_quotes
from lakeferry.cost.plan.values import CostPlan
from lakeferry.cost.prices.values import GIB, PriceBook
from lakeferry.errors import FerryError

MOST_SIZES = 5  # that are named


def answer(plan: CostPlan, listed: PriceBook, *, today: date) -> CostReport:
    """What a plan costs.

    Args:
        listed: the book, without what the plan says of prices.
        today: by which prices are old, and days are left.

    Raises:
        FerryError: LF-6501, LF-6502, LF-6505, LF-6507, LF-6624.
    """
    book = book_for(plan, listed)
    if plan.migration is None:
        return _stream_alone(plan, listed, book, today)
    demand = nat_demand(plan, plan.migration)
    sizes = nat_sizes(plan.migration, demand, book)
    migration = with_sized(plan, sizes, book)
    rows = _replayed(plan, migration, book)
    wanted = _wanted(plan, migration, today)
    beside = stream_lines(plan, book)
    routes = _routes(migration, book, rows, wanted, beside)
    check_names(plan, listed, [line.price_id for one in routes for line in one.quote.lines])
    found = _front(plan, migration, book, beside, wanted)
    decision = _decided(rows, wanted)
    taken = _taken(routes, found, decision)
    return CostReport(
        plan,
        book,
        migration,
        routes,
        taken,
        found,
        decision,
        None if decision or found.chosen else _fault(plan, routes),
        sizes[:MOST_SIZES],
        sensitivity(migration, book, taken.path, placement=taken.placement),
        _bounded(migration, book),
        stream_quotes(plan, book),
        hints(migration, book, taken.quote, found, demand),
        doubts([line for one in routes for line in one.quote.lines], today),
        (*sized_texts(plan, migration), *plan.assumed),
        next((one.lost for one in rows if one.lost is not None), None),
        kernel(demand, count=migration.nat_instances.count) if demand.connections else None,
        _pays_until(migration, book),
    )


def _stream_alone(plan: CostPlan, listed: PriceBook, book: PriceBook, today: date) -> CostReport:
    streams = stream_quotes(plan, book)
    lines = [line for one in streams.values() for line in one.lines]
    check_names(plan, listed, [line.price_id for line in lines])
    return CostReport(
        plan, book, streams=streams, doubts=doubts(lines, today), assumed=plan.assumed
    )


def _trouble(plan: CostPlan) -> Trouble:
    return Trouble(
        plan.outage_minutes, plan.dark_minutes, plan.failures_a_month, plan.delay_usd_hour
    )


def _replayed(plan: CostPlan, migration: Migration, book: PriceBook) -> tuple[Replayed, ...]:
    loads = even_loads(migration)
    return replayed(migration, book, loads, credit=plan.nat_credit, trouble=_trouble(plan))


def _wanted(plan: CostPlan, migration: Migration, today: date) -> Wanted:
    start, left = plan.span.start, plan.lead_days
    if left is None and start is not None:
        left = max(0, (start.date() - today).days)
    return Wanted(
        destination_of(migration),
        migration.span.hours * 60,
        latest_minutes=plan.deadline_hours * 60,
        waiting_usd_hour=plan.delay_usd_hour,
        days_to_start=left,
        refused=plan.refused,
    )


def _routes(
    migration: Migration,
    book: PriceBook,
    rows: Sequence[Replayed],
    wanted: Wanted,
    beside: Sequence[Line],
) -> tuple[Route, ...]:
    """All of them with what lies beside the bytes, the cheapest first."""
    both = [*pulled(migration, book, rows, wanted), *pushed(migration, book, wanted)]
    routes = with_lacks([replace(one, quote=_with(one.quote, beside)) for one in both])
    return tuple(sorted(routes, key=lambda one: (one.quote.total, one.hours)))


def _with(quote: Quote, beside: Sequence[Line]) -> Quote:
    return replace(quote, lines=(*quote.lines, *beside))


def _front(
    plan: CostPlan, migration: Migration, book: PriceBook, beside: Sequence[Line], wanted: Wanted
) -> Front:
    trouble = _trouble(plan)
    found = (with_waits(one, migration, book, trouble) for one in points(migration, book))
    options = [replace(one, quote=_with(one.quote, beside)) for one in found]
    return front(options, plan.deadline_hours, (*plan.refused, *not_there(wanted)))


def _decided(rows: Sequence[Replayed], wanted: Wanted) -> Decision | None:
    """The choice for workers in AWS at the plan's pace; None: nothing carries it in time."""
    try:
        return decide([one.option for one in rows], wanted)
    except FerryError as error:
        if error.code != "LF-6521":
            raise
        return None


def _taken(routes: Sequence[Route], found: Front, decision: Decision | None) -> Route:
    """The route of the path that is to be taken; without one the cheapest."""
    by_path = {(one.placement, one.path): one for one in routes}
    if found.chosen is not None:
        return by_path[found.chosen.placement, found.chosen.path]
    return by_path["pull", decision.chosen.option.path] if decision else routes[0]


def _fault(plan: CostPlan, routes: Sequence[Route]) -> FerryError:
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


def _by_nat(migration: Migration, book: PriceBook) -> tuple[Quote, Quote] | None:
    """By NAT gateways and by instances; None where a price lacks that would part them."""
    if "nat_instance" not in paths_of(migration):
        return None
    gateway, instance = (price(migration, book, one) for one in ("nat_gateway", "nat_instance"))
    lacking = [{line.price_id for line in one.unpriced} for one in (gateway, instance)]
    return None if lacking[0] ^ lacking[1] else (gateway, instance)


@exact()
def _bounded(migration: Migration, book: PriceBook) -> Bounded | None:
    """From which GB on NAT instances pay, and how many they carry."""
    both = _by_nat(migration, book)
    if both is None or not migration.wire_bytes:
        return None
    gateway, instance = both
    gbps = sustained(nat_alone(migration), book, "nat_instance", "pull")
    apart = gateway.growing_with("bytes") - instance.growing_with("bytes")
    a_gb = apart / (Decimal(migration.wire_bytes) / GIB)
    if a_gb <= 0 or gbps is None:
        return None
    return Bounded(flip_gb(gateway, instance, a_gb), capacity_gb(gbps, migration.span.hours))


def _pays_until(migration: Migration, book: PriceBook) -> Decimal | None:
    """Hours until which NAT instances cost less than gateways; None: always, or never."""
    both = _by_nat(migration, book)
    found = None if both is None else flip_hours(*both, migration.span.hours)
    return found if found is not None and found > 0 else None
