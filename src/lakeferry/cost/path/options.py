"""A plan's paths as options to decide between: its load replayed over each, at the book's prices.

Workers are in AWS. Only what differs from path to path is compared: the hours, bytes and standby of
the path itself, and what the source's cloud takes for letting the bytes go. Of the latter each path
has the difference to NAT gateways, which may be negative.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from lakeferry.cost.path.decide import Destination, Option
from lakeferry.cost.path.front import beside_gbps
from lakeferry.cost.path.load import Load, planned_load, summed
from lakeferry.cost.path.loss import Lost, worst_loss
from lakeferry.cost.path.migration import Migration, Path
from lakeferry.cost.path.money import exact
from lakeferry.cost.path.names import NAMES
from lakeferry.cost.path.quote import Line, Quote
from lakeferry.cost.path.recovery import Failures, recovery
from lakeferry.cost.path.replay import GBPS, NAT_GATEWAY, Carrier, Replay, steady
from lakeferry.cost.path.total import paths_of, price
from lakeferry.cost.path.ways import INTERFACE_ENDPOINT, Way, dealt, replay_way
from lakeferry.cost.prices.values import Price, PriceBook

UNIT_GBPS = 2  # of one scale unit of an ExpressRoute gateway
CIRCUITS: tuple[Path, ...] = ("direct_connect", "expressroute", "interconnect")
CIRCUIT_DAYS = 45  # a private circuit takes weeks to months; an assumption to be replaced
MONTH_HOURS = 720
_NOTHING = Replay(0, 0, 0, 0, 0, Fraction(0))

# What is billed to the second; whole hours are billed of the rest.
_BY_THE_SECOND = ("aws.ec2.", "aws.ebs.")
# What each byte that a path processes costs, where it costs.
_PROCESSED: Mapping[Path, str] = {
    "nat_gateway": "aws.natgw.gb",
    "interface_endpoint": "aws.vpce.gb",
    "privatelink": "aws.vpce.gb",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """How NAT instances fail, and what that costs."""

    lost_minutes: int = 10  # that an instance is gone
    dark_minutes: int = 5  # of them: until it is noticed and the route has moved
    failures_a_month: Decimal = Decimal(0)  # of one instance, expected
    waiting_usd_hour: Decimal = Decimal(0)  # of everything that waits in dark minutes

    def __post_init__(self) -> None:
        if not 0 <= self.dark_minutes <= self.lost_minutes:
            raise ValueError(f"{self.dark_minutes} dark of {self.lost_minutes} minutes")


NO_COST_OF_WAITING = Trouble()


@dataclass(frozen=True, slots=True)
class Replayed:
    """An option, and what its loss of one instance does."""

    option: Option
    way: Way
    lost: Lost | None  # the worst loss of one NAT instance; None: the path has none to lose


def even_loads(migration: Migration) -> dict[str, Load]:
    """The plan's bytes on the wire, evenly over its hours and its sources.

    Sources are as many subnets as there are workers, NAT instances or zones, whichever is most.
    """
    count = max(1, migration.workers, migration.nat_instances.count, migration.zones)
    shares = planned_load(migration.wire_bytes, minutes=count).tolist()
    minutes = max(1, migration.span.hours * 60)
    # Shares differ by a byte at most, so there are two loads, however many sources there are.
    loads = {one: planned_load(one, minutes=minutes) for one in set(shares)}
    return {f"{n:03}": loads[one] for n, one in enumerate(shares)}


def destination_of(migration: Migration) -> Destination:
    """Where workers in AWS reach for the plan's bytes."""
    source = migration.source
    if source.cloud == "partner":
        return "partner"
    is_here = source.cloud == "aws" and source.region == migration.target_region
    return "s3" if is_here else "internet"


def ways(migration: Migration, book: PriceBook, sources: Sequence[str]) -> tuple[Way, ...]:
    """Each path that leads from the source, with its devices and who carries which source.

    Raises:
        FerryError: LF-6502, an instance type is not known.
    """
    return tuple(_way(migration, book, path, sources) for path in paths_of(migration))


def replayed(
    migration: Migration,
    book: PriceBook,
    loads: Mapping[str, Load],
    *,
    carries: Mapping[Path, tuple[tuple[str, ...], ...]] | None = None,
    credit: int = 0,
    trouble: Trouble = NO_COST_OF_WAITING,
    seen: bool = False,
) -> tuple[Replayed, ...]:
    """Every path of a plan: its load replayed, one instance lost, and its prices.

    Args:
        migration: the plan; its source, zones, instances, workers and circuits give the devices.
        book: of prices.
        loads: bytes a minute by source (subnet, worker, prefix), see `even_loads`.
        carries: the sources of each device of a path, where it is known (see `placement`); else
            they are dealt out in turn.
        credit: bytes that a NAT instance may carry above what it sustains; AWS promises none.
        trouble: how instances fail, and what that costs.
        seen: the loads flowed, so whatever workers and the source's line are said to sustain
            does not bound them.

    Raises:
        FerryError: LF-6501, LF-6502, as `price`.
    """
    quotes = {path: _apart(price(migration, book, path)) for path in paths_of(migration)}
    shared = frozenset.intersection(*(_lacking(quote) for quote in quotes.values()))
    found = []
    for one in ways(migration, book, tuple(loads)):
        way = replace(one, carries=(carries or {}).get(one.path, one.carries))
        most = None if seen else _beside(migration, book, way.path)
        option, lost = _option(migration, book, way, quotes, most), None
        if way.path == "nat_instance":
            way = replace(way, carrier=_bursting(migration, book, credit))
            worst, devices = _worst(way, loads, trouble), len(way.carries)
            lost = replace(worst, replay=_no_faster(worst.replay, most))
            option = replace(option, risk_usd_per_hour=risk_usd(migration, book, trouble, devices))
        lacks = tuple(id for id in option.unpriced if id not in shared)
        carried = _no_faster(replay_way(loads, way), most)
        found.append(Replayed(replace(option, replay=carried, unpriced=lacks), way, lost))
    return tuple(found)


def _way(migration: Migration, book: PriceBook, path: Path, sources: Sequence[str]) -> Way:
    zones, workers = max(1, migration.zones), max(1, migration.workers)
    worker = book.instance(migration.worker_type) if migration.worker_type else None
    match path:
        case "nat_gateway":
            devices = max(1, migration.gateways)
            label, carrier = f"{devices} x NAT gateway", _halved(NAT_GATEWAY, migration)
        case "nat_instance":
            wanted = migration.nat_instances
            label, devices = f"{wanted.count} x {wanted.type}", max(1, wanted.count)
            carrier = _bursting(migration, book, 0)
        case "interface_endpoint" | "privatelink":
            plural = "s" if zones != 1 else ""
            label = f"{NAMES[path]} in {zones} zone{plural}"
            carrier, devices = INTERFACE_ENDPOINT, zones
        case "internet_gateway":
            gbps = worker.internet_gbps if worker else Decimal(5)
            plural = "es" if workers != 1 else ""
            label, carrier, devices = f"{workers} public address{plural}", _of(gbps), workers
        case "s3_gateway":
            gbps = worker.card0_gbps if worker else Decimal(5)
            label, carrier, devices = "S3 gateway endpoint", _of(gbps), workers
        case _:
            port: int = migration.port_gbps
            if path == "expressroute":
                port = min(port, UNIT_GBPS * migration.scale_units)
            label, carrier, devices = f"{NAMES[path]} of {port} Gbps", _of(Decimal(port)), 1
    return Way(path, label, carrier, dealt(sources, devices))


def _of(gbps: Decimal) -> Carrier:
    return steady(int(gbps * GBPS))


def _halved(carrier: Carrier, migration: Migration) -> Carrier:
    """What is left of a device for the bytes of the plan where each passes it again, to S3."""
    return steady(carrier.sustained // migration.nat_passes)


def _bursting(migration: Migration, book: PriceBook, credit: int) -> Carrier:
    """A NAT instance; with credit it reaches its peak until the credit is used up.

    What is written through it leaves it towards S3 within the region, so of that only its card is
    a bound: as in `front`.
    """
    kind, passes = book.instance(migration.nat_instances.type), migration.nat_passes
    sustained = int(min(kind.internet_gbps, kind.card0_gbps / passes) * GBPS)
    peak = max(sustained, int(kind.peak_gbps / passes * GBPS)) if credit else sustained
    return Carrier(sustained, peak, credit // passes, credit // passes)


def _no_faster(found: Replay, most: int | None) -> Replay:
    """It takes at least as long as the bytes need to leave the source, whatever carries them on.

    `most`: bytes a minute that the source's line and the workers sustain; None: not known.
    """
    if most is None:
        return found
    return replace(found, minutes=max(found.minutes, -(-found.came // most)))


def _beside(migration: Migration, book: PriceBook, path: Path) -> int | None:
    """Bytes a minute that workers and the source's line sustain, on a path; None: not known."""
    gbps = beside_gbps(migration, book, path, "pull")
    return None if gbps is None else max(1, int(gbps * GBPS))


def _worst(way: Way, loads: Mapping[str, Load], trouble: Trouble) -> Lost:
    groups = [summed(loads[one] for one in own) for own in way.carries]
    return worst_loss(groups, way.carrier, minutes=trouble.lost_minutes, dark=trouble.dark_minutes)


@exact()
def risk_usd(migration: Migration, book: PriceBook, trouble: Trouble, instances: int) -> Decimal:
    """Dollars an hour that failures are expected to cost: what waits, and the standby's bytes."""
    standby = migration.nat_instances.standby
    by_standby = trouble.lost_minutes - trouble.dark_minutes if standby else 0
    found = recovery(
        Failures(
            trouble.failures_a_month, instances, Decimal(trouble.dark_minutes), Decimal(by_standby)
        ),
        waiting_usd_hour=trouble.waiting_usd_hour,
        bytes_a_minute=Decimal(migration.nat_bytes) / max(1, migration.span.hours * 60 * instances),
        standby_usd_gb=book.of("aws.natgw.gb", migration.target_region).last_usd or Decimal(0),
    )
    return found.usd / MONTH_HOURS


@exact()
def _option(
    migration: Migration,
    book: PriceBook,
    way: Way,
    quotes: Mapping[Path, Quote],
    most: int | None,
) -> Option:
    """The money of a path: by the second, by the whole hour, by the byte, and what is left."""
    quote, hours = quotes[way.path], Decimal(max(1, migration.span.hours))
    lines = [one for one in quote.lines if one.part in ("network path", "standby")]
    timed = [one for one in lines if one.grows_with in ("hours", "months")]
    exactly = [one for one in timed if one.price_id.startswith(_BY_THE_SECOND)]
    listed = _processed(migration, book, way.path)
    processed = _each_pass(listed, migration) if way.path == "nat_gateway" else listed
    option = Option(
        way.path,
        way.label,
        _NOTHING,
        way.capacity if most is None else min(way.capacity, most),
        usd_per_hour=_usd(exactly) / hours,
        usd_per_started_hour=_usd(one for one in timed if one not in exactly) / hours,
        data=processed,
        used=listed.units(migration.used.get(listed.id, 0)) if listed else Decimal(0),
        leaving_usd=_leaving(quote) - _leaving(quotes["nat_gateway"]),
        lead_days=CIRCUIT_DAYS if way.path in CIRCUITS else 0,
        unpriced=tuple(sorted(_lacking(quote))),
    )
    # A ladder starts anew with each month; the option's own does not.
    by_month = _usd(one for one in lines if one.grows_with == "bytes")
    return replace(option, usd_once=by_month - option.data_usd(migration.wire_bytes))


def _processed(migration: Migration, book: PriceBook, path: Path) -> Price | None:
    id = _PROCESSED.get(path)
    return book.of(id, migration.target_region) if id else None


def _each_pass(price: Price | None, migration: Migration) -> Price | None:
    """The price of a byte of the plan: of two processed bytes where each passes twice."""
    if price is None or price.bytes_per_unit is None:
        return price
    return replace(price, bytes_per_unit=price.bytes_per_unit // migration.nat_passes)


def _apart(quote: Quote) -> Quote:
    """The lines in which paths may differ."""
    parts = ("network path", "standby", "source egress")
    return Quote(tuple(one for one in quote.lines if one.part in parts), quote.currency)


def _leaving(quote: Quote) -> Decimal:
    return quote.of("source egress")


def _lacking(quote: Quote) -> frozenset[str]:
    return frozenset(one.price_id for one in quote.unpriced)


@exact()
def _usd(lines: Iterable[Line]) -> Decimal:
    return sum((one.usd for one in lines if one.usd is not None), Decimal(0))
