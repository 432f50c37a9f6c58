"""Dollars against days, over where the workers run and which path the bytes take.

Each option lasts as long as its narrowest part lets it; what no other option beats in both
dollars and time is the front. A total that is only a lower bound beats nobody, and is not chosen.

Source: EC2 User Guide, instance network bandwidth; VPC User Guide, NAT gateway basics.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from lakeferry.cost.path.migration import Migration, Path, Placement
from lakeferry.cost.path.money import dollars, exact
from lakeferry.cost.path.quote import Quote
from lakeferry.cost.path.total import paths_of, price
from lakeferry.cost.prices.values import PriceBook

GATEWAY_GBPS = 100  # of one NAT gateway, which grows from 5
SAFE_SHARE = Decimal("0.70")  # of what the instances that are left sustain, with one of them lost
UNIT_GBPS = 2  # of one scale unit of an ExpressRoute gateway
TIE = Decimal("1.01")  # within 1 % the one that others run is taken

# Who has least to look after comes first; it wins a tie.
_MANAGED: tuple[Path, ...] = (
    "s3_gateway",
    "interface_endpoint",
    "privatelink",
    "nat_gateway",
    "interconnect",
    "direct_connect",
    "expressroute",
    "internet_gateway",
    "nat_instance",
)
# Below 32 vCPUs an instance has 5 Gbit/s on these, whatever it has inside its region.
_LEAVING: frozenset[Path] = frozenset({"internet_gateway", "direct_connect", "expressroute"})


@dataclass(frozen=True, slots=True)
class Point:
    """One way of carrying a migration out."""

    placement: Placement
    path: Path
    scale: int  # by how much workers and NAT instances of the plan are multiplied
    gbps: Decimal | None  # what it sustains; None: not known, it lasts as planned
    hours: int  # whole
    quote: Quote

    @property
    @exact()
    def days(self) -> Decimal:
        return Decimal(self.hours) / 24

    @property
    def label(self) -> str:
        return f"{self.placement} by {self.path}" + (f" x {self.scale}" if self.scale > 1 else "")


@dataclass(frozen=True, slots=True)
class Front:
    """Every option, cheapest first; those that nothing beats; and the one to take."""

    points: tuple[Point, ...]
    best: tuple[Point, ...]
    chosen: Point | None  # None: no complete price is carried in time
    why: str
    undecided: tuple[Point, ...]  # might be cheaper than the chosen: some price is missing


@exact()
def sustained(
    migration: Migration, book: PriceBook, path: Path, placement: Placement
) -> Decimal | None:
    """Gbit/s that a plan sustains on a path: its narrowest part; None where none is known."""
    bounds = (
        _path_gbps(migration, book, path, placement),
        beside_gbps(migration, book, path, placement),
    )
    return min((one for one in bounds if one is not None), default=None)


@exact()
def beside_gbps(
    migration: Migration, book: PriceBook, path: Path, placement: Placement
) -> Decimal | None:
    """Gbit/s of the workers or of the source's line, whichever is narrower, on any path."""
    bounds = (_worker_gbps(migration, book, path, placement), migration.source.line_gbps)
    return min((one for one in bounds if one is not None), default=None)


def points(
    migration: Migration, book: PriceBook, scales: Sequence[int] = (1, 2, 4)
) -> tuple[Point, ...]:
    """Each placement and path of a migration at each scale, priced for as long as it takes.

    A scale that makes nothing faster is left out, as is what carries nothing (NAT instances that
    could not lose one).
    """
    found: list[Point] = []
    for placement in ("pull", "push"):
        for path in paths_of(migration, placement):
            seen: set[Decimal | None] = set()
            for scale in scales:
                plan = _scaled(migration, scale)
                gbps = sustained(plan, book, path, placement)
                if gbps in seen or gbps == 0:
                    continue
                seen.add(gbps)
                hours = _hours(plan, gbps)
                quote = price(plan.lasting(plan.span.lasting(hours)), book, path, placement)
                found.append(Point(placement, path, scale, gbps, hours, quote))
    return tuple(found)


def front(found: Sequence[Point], hours: int, refused: Sequence[Path] = ()) -> Front:
    """What no option beats in both dollars and time, and the one to take.

    Args:
        found: options of one migration.
        hours: within which it has to be done.
        refused: paths that a policy forbids, or that are not there in time: shown, never chosen.

    The cheapest that is in time and has every price that others have is taken; of several within
    1 % of it, the one that is least work.
    """
    shared = _lacking_everywhere(found)
    ordered = tuple(sorted(found, key=lambda one: (one.quote.total, one.hours, _rank(one))))
    best = tuple(one for one in ordered if not any(_beats(other, one, shared) for other in ordered))
    fit = [one for one in ordered if one.hours <= hours and one.path not in refused]
    whole = [one for one in fit if _complete(one, shared)]
    if not whole:
        return Front(ordered, best, None, _why_none(ordered, hours), tuple(fit))
    cheapest = whole[0]
    with exact():
        # Credits may make totals negative, so 1 % is of the size of the total.
        most = cheapest.quote.total + abs(cheapest.quote.total) * (TIE - 1)
        near = [one for one in whole if one.quote.total <= most]
    chosen = min(near, key=_rank)
    undecided = tuple(
        one for one in fit if one not in whole and one.quote.total < chosen.quote.total
    )
    return Front(ordered, best, chosen, _why(chosen, cheapest, whole), undecided)


def _scaled(migration: Migration, scale: int) -> Migration:
    wanted = migration.nat_instances
    more = replace(wanted, count=wanted.count * scale)
    return replace(migration, workers=migration.workers * scale, nat_instances=more)


@exact()
def _hours(migration: Migration, gbps: Decimal | None) -> int:
    if gbps is None:
        return migration.span.hours
    seconds = migration.wire_bytes * 8 / (gbps * 10**9)
    return max(1, int((seconds / 3600).to_integral_value("ROUND_CEILING")))


def _path_gbps(
    migration: Migration, book: PriceBook, path: Path, placement: Placement
) -> Decimal | None:
    match path:
        case "nat_gateway" if placement == "pull":
            return Decimal(GATEWAY_GBPS * migration.gateways) / migration.nat_passes
        case "nat_instance":
            wanted = migration.nat_instances
            left = max(0, wanted.count - 1)
            found = book.instance(wanted.type)
            # Every byte goes in and out; what is written comes through a second time.
            each = min(found.internet_gbps, found.card0_gbps / migration.nat_passes)
            return SAFE_SHARE * left * each
        case "direct_connect" | "interconnect":
            return Decimal(migration.port_gbps)
        case "expressroute":
            return Decimal(min(migration.port_gbps, UNIT_GBPS * migration.scale_units))
        case _:
            return None


def _worker_gbps(
    migration: Migration, book: PriceBook, path: Path, placement: Placement
) -> Decimal | None:
    """Of all workers: what comes in goes out again, at the same rate, on the same card."""
    if not migration.workers:
        return None
    if placement == "push":
        each = migration.source.worker_gbps
        return None if each is None else each * migration.workers
    found = book.instance(migration.worker_type)
    each = found.internet_gbps if path in _LEAVING else found.card0_gbps
    return each * migration.workers


def _rank(one: Point) -> tuple[int, Decimal, int, str]:
    return (_MANAGED.index(one.path), one.quote.total, one.hours, one.placement)


def _lacking(one: Point) -> frozenset[str]:
    return frozenset(line.price_id for line in one.quote.unpriced)


def _lacking_everywhere(found: Sequence[Point]) -> frozenset[str]:
    """Prices that every option lacks: they move all totals alike."""
    lacking = [_lacking(one) for one in found]
    return frozenset.intersection(*lacking) if lacking else frozenset()


def _complete(one: Point, shared: frozenset[str]) -> bool:
    return _lacking(one) <= shared


def _beats(one: Point, other: Point, shared: frozenset[str]) -> bool:
    if not _complete(one, shared):
        return False
    mine, theirs = (one.quote.total, one.hours), (other.quote.total, other.hours)
    return mine != theirs and mine[0] <= theirs[0] and mine[1] <= theirs[1]


def _why(chosen: Point, cheapest: Point, whole: Sequence[Point]) -> str:
    if chosen is not cheapest:
        return f"within 1 % of the cheapest, {cheapest.label}, and less to look after"
    other = next((one for one in whole if one.path != chosen.path), None)
    if other is None:
        return "the only one that is in time and has every price"
    with exact():
        less = other.quote.total - chosen.quote.total
    return f"{dollars(less)} less than the next path, {other.label}"


def _why_none(ordered: Sequence[Point], hours: int) -> str:
    if not ordered:
        return "no path leads from this source"
    fastest = min(ordered, key=lambda one: (one.hours, _rank(one)))
    if fastest.hours > hours:
        return f"none is done in {hours} h; the fastest is {fastest.label} in {fastest.hours} h"
    return "each one that is in time is refused or lacks a price that others have"
