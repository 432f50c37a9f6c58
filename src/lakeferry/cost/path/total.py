"""What a whole migration costs on one path, line by line."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from lakeferry.cost.path.charge import charge, charge_by_month
from lakeferry.cost.path.egress import source_egress
from lakeferry.cost.path.migration import Cloud, Migration, Path, Placement
from lakeferry.cost.path.money import exact
from lakeferry.cost.path.paths import (
    crossing_zones,
    direct_connect,
    expressroute,
    interconnect,
    interface_endpoint,
    nat_gateway,
    nat_instance,
    privatelink,
    public_addresses,
    s3_gateway,
    source_nat,
    standby,
)
from lakeferry.cost.path.quote import CONFIDENCE, Line, Quote
from lakeferry.cost.path.requests import source_requests, target_requests
from lakeferry.cost.path.watching import watching
from lakeferry.cost.prices.values import PriceBook
from lakeferry.errors import FerryError

Lines = tuple[Line, ...]

_NAT: tuple[Path, ...] = ("nat_gateway", "nat_instance", "internet_gateway")

# In AWS and at a partner's in AWS there is no other side to push from.
_PATHS: Mapping[tuple[Cloud, Placement], tuple[Path, ...]] = {
    ("azure", "pull"): (*_NAT, "expressroute"),
    ("azure", "push"): ("nat_gateway", "internet_gateway", "expressroute"),
    ("gcp", "pull"): (*_NAT, "interconnect"),
    ("gcp", "push"): ("nat_gateway", "internet_gateway", "interconnect"),
    ("on_premises", "pull"): (*_NAT, "direct_connect"),
    ("on_premises", "push"): ("internet_gateway", "direct_connect"),
    ("partner", "pull"): (*_NAT, "privatelink"),
    ("aws", "pull"): _NAT,
}


def paths_of(migration: Migration, placement: Placement = "pull") -> tuple[Path, ...]:
    """The paths that lead from this source to the target, for workers at `placement`."""
    source = migration.source
    found = _PATHS.get((source.cloud, placement), ())
    if source.cloud == "aws" and placement == "pull" and source.region == migration.target_region:
        return (*found, "s3_gateway", "interface_endpoint")
    return found


def price(
    migration: Migration, book: PriceBook, path: Path, placement: Placement = "pull"
) -> Quote:
    """Every line of a migration on one path.

    `total = source egress + source requests + network path + target requests + workers +
    monitoring + standby + verification + overrun + storage - credits`. A line without a price
    is unpriced, and the total then a lower bound.

    Raises:
        FerryError: LF-6501, LF-6502, LF-6505; LF-6506 for a path that this source does not have.
    """
    if path not in paths_of(migration, placement):
        offered = ", ".join(paths_of(migration, placement)) or "none"
        raise FerryError(
            "LF-6506",
            f"no `{path}` leads from {migration.source.cloud} to {migration.target_region}",
            f"for workers that {placement}, the paths are: {offered}",
            "take one of these",
        )
    pull = placement == "pull"
    lines = (
        *source_egress(migration, book, path, placement),
        *source_requests(migration, book),
        *(_pulled(migration, book, path) if pull else _pushed(migration, book, path)),
        *target_requests(migration, book),
        *_workers(migration, book, placement),
        *(_watched(migration, book) if pull else ()),
        *(_stored(migration, book) if migration.with_storage else ()),
    )
    quote = Quote((*lines, *_overrun(migration, lines)), book.currency)
    return replace(quote, lines=(*quote.lines, *_credited(migration)))


def _pulled(migration: Migration, book: PriceBook, path: Path) -> Lines:
    """The network path of workers in AWS. What they write goes by the S3 gateway endpoint, or,
    where there is none, through the NAT again.
    """
    region, span, zones = migration.target_region, migration.span, migration.zones
    volumes = span.split(migration.wire_bytes)
    used = migration.used.get(f"aws.vpce.gb.{region}", 0)
    match path:
        case "nat_gateway":
            carried = span.split(migration.nat_bytes)
            devices = migration.gateways
            lines = (
                *nat_gateway(book, region, devices, span, carried),
                *_crossing(migration, book, devices),
            )
        case "nat_instance":
            wanted = migration.nat_instances
            kept = standby(book, region, zones, span) if wanted.standby else ()
            lines = (
                *nat_instance(book, region, wanted, span),
                *kept,
                *_crossing(migration, book, wanted.count),
            )
        case "internet_gateway":
            lines = public_addresses(book, region, migration.workers, span)
        case "s3_gateway":
            lines = s3_gateway(book, region, volumes)
        case "interface_endpoint":
            lines = interface_endpoint(book, region, zones, span, volumes, used=used)
        case "privatelink":
            lines = privatelink(book, region, zones, span, volumes, used=used)
        case _:
            lines = _circuit(migration, book, path)
    return lines


def _crossing(migration: Migration, book: PriceBook, devices: int) -> Lines:
    """What crosses zones to reach a NAT device, where fewer than one a zone are there."""
    without = max(0, migration.zones - devices)
    if not without:
        return ()
    volumes = migration.span.split(migration.nat_bytes * without // migration.zones)
    return crossing_zones(book, migration.target_region, volumes)


def _pushed(migration: Migration, book: PriceBook, path: Path) -> Lines:
    """The network path of workers beside the source: AWS takes what comes in for nothing."""
    match path:
        case "nat_gateway":
            volumes = migration.span.split(migration.wire_bytes)
            return source_nat(book, migration, volumes)
        case "internet_gateway":
            return ()
        case _:
            return _circuit(migration, book, path)


def _circuit(migration: Migration, book: PriceBook, path: Path) -> Lines:
    span, port = migration.span, migration.port_gbps
    match path:
        case "expressroute":
            azure_half = expressroute(book, migration.scale_units, span)
            return (*azure_half, *direct_connect(book, port, span))
        case "interconnect":
            return interconnect(book, port, span)
        case _:
            return direct_connect(book, port, span)


def _workers(migration: Migration, book: PriceBook, placement: Placement) -> Lines:
    count, hours = migration.workers, migration.workers * migration.span.hours
    if not count:
        return ()
    if placement == "pull":
        hourly = book.hourly(migration.worker_type, migration.target_region)
        item = f"{_workers_text(count)} {migration.worker_type}, hours"
        return (charge(book, hourly, hours, item, part="workers"),)
    source = migration.source
    given = source.worker_usd_hour
    with exact():
        usd = None if given is None else given * hours
    line = Line(
        item=f"{_workers_text(count)} beside the source, hours",
        quantity=Decimal(hours),
        unit="hour",
        usd=usd,
        price_id=f"{source.cloud}.worker.hour",
        source="as given" if given is not None else "no figure is known: give an hour's price",
        as_of=None,
        confidence="missing" if given is None else "secondary",
        part="workers",
        grows_with="hours",
    )
    return (line,)


def _workers_text(count: int) -> str:
    return f"{count} worker{'s' if count != 1 else ''}"


def _watched(migration: Migration, book: PriceBook) -> Lines:
    region, used = migration.target_region, migration.used
    return watching(migration.watching, book, region, migration.span, used)


@exact()
def _stored(migration: Migration, book: PriceBook) -> Lines:
    """Both copies for as long as they exist together: often dearer than the network path."""
    gb = Decimal(migration.bytes) / 2**30
    target = book.of("aws.s3.storage", migration.target_region)
    by_month = [gb * part.hours / part.month_hours for part in migration.span.parts]
    used = migration.used.get(target.id, 0)
    item = "S3 storage, GB-months"
    lines = (charge_by_month(book, target, by_month, item, part="storage", used=used),)
    source = migration.source
    if source.cloud in ("on_premises", "partner"):
        return lines
    id = "aws.s3.storage" if source.cloud == "aws" else f"{source.cloud}.storage.gb_month"
    price = book.of(id, source.region)
    item = "source storage while both exist, GB-months"
    return (*lines, charge_by_month(book, price, by_month, item, part="storage"))


@exact()
def _overrun(migration: Migration, lines: Lines) -> Lines:
    """What every hour costs that the migration lasts longer, on the lines that count hours."""
    hourly = [one for one in lines if one.grows_with == "hours" and one.usd is not None]
    hours = migration.span.hours
    if not migration.overrun_hours or not hourly or not hours:
        return ()
    spent = sum((one.usd for one in hourly if one.usd is not None), Decimal(0))
    line = Line(
        item=f"{migration.overrun_hours} hours longer",
        quantity=Decimal(migration.overrun_hours),
        unit="hour",
        usd=spent / hours * migration.overrun_hours,
        price_id="overrun",
        source="the lines above that count hours",
        as_of=min((one.as_of for one in hourly if one.as_of), default=None),
        confidence=max((one.confidence for one in hourly), key=CONFIDENCE.index),
        part="overrun",
        grows_with="hours",
    )
    return (line,)


def _credited(migration: Migration) -> Lines:
    if not migration.credits:
        return ()
    line = Line(
        item="credits",
        quantity=Decimal(1),
        unit="agreement",
        usd=-migration.credits,
        price_id="credits",
        source="as given",
        as_of=None,
        confidence="secondary",
        part="credits",
    )
    return (line,)
