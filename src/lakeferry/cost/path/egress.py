"""What the source's cloud takes for letting the bytes go: its ladder, routing and exceptions.

Source: Azure Bandwidth pricing and retail price API; Google Cloud Storage and VPC network pricing;
AWS data transfer pricing.
"""

from lakeferry.cost.path.charge import charge_by_month
from lakeferry.cost.path.migration import Migration, Path, Placement, Source
from lakeferry.cost.path.money import exact
from lakeferry.cost.path.quote import Line, Quote
from lakeferry.cost.prices.values import Price, PriceBook

WAIVER_DAYS = 60  # within which an announced exit has to be done
HINT_SHARE = 5  # a waiver is pointed at where egress is more than a fifth of the total

Lines = tuple[Line, ...]


def source_egress(
    migration: Migration, book: PriceBook, path: Path, placement: Placement = "pull"
) -> Lines:
    """The lines of the bytes' leaving: none on premises, within one region, or from a partner.

    Raises:
        FerryError: LF-6501 for a region of the source's cloud that the book does not know.
    """
    source = migration.source
    price = _price(book, source, migration.target_region, path, placement)
    if price is None:
        return ()
    line = charge_by_month(
        book,
        price,
        migration.span.split(migration.egress_bytes),
        f"egress from {source.cloud} {source.region}, {_way(source, path)}",
        part="source egress",
        used=migration.used.get(price.id, 0),
        accounts=source.accounts,
        note=_note(migration, price),
    )
    return (line, *_waived(migration, line, path))


def _price(
    book: PriceBook, source: Source, target_region: str, path: Path, placement: Placement
) -> Price | None:
    cloud, region = source.cloud, source.region
    if cloud not in ("azure", "gcp", "aws"):
        return None
    book.check_region(cloud, region)
    if cloud == "aws":
        return None if region == target_region else _between_regions(book, region, target_region)
    if path == "interconnect":
        return None  # no charge by the byte
    if path == "expressroute":
        kind = "er.metered.zone1"
    elif source.waiver == "eu_at_cost":
        kind = "egress.eu_at_cost"  # on request: no list has it
    elif cloud == "gcp":
        kind = "egress.gcs" if placement == "pull" else "egress.internet"
    else:
        kind = "egress.internet_routing" if source.routing == "internet" else "egress.mgn"
    return book.of(f"{cloud}.{kind}", region)


def _between_regions(book: PriceBook, region: str, target: str) -> Price:
    """The price of one pair of regions, or of one region to any other."""
    pair, other = f"aws.interregion.{region}.{target}", f"aws.interregion.{region}.other"
    return book.at(other if pair not in book.prices and other in book.prices else pair)


def _way(source: Source, path: Path) -> str:
    if path == "expressroute":
        return "ExpressRoute, metered"
    if source.cloud == "aws":
        return "to another region"
    if source.cloud == "azure":
        return "Internet routing" if source.routing == "internet" else "Microsoft's network"
    return "internet"


def _note(migration: Migration, price: Price) -> str:
    said = []
    if migration.span.start is None and price.tiers is not None and len(price.tiers) > 1:
        said.append("tiers as of one month: no date is given")
    if migration.source.accounts > 1:
        said.append(f"{migration.source.accounts} billing accounts, each with its own tiers")
    if price.id.startswith("azure.egress.mgn") or "internet_routing" in price.id:
        said.append("100 GB a month are free inside the tiers")
    return "; ".join(said)


def _waived(migration: Migration, line: Line, path: Path) -> Lines:
    """The credit for leaving a cloud for good: over the internet, within 60 days."""
    source = migration.source
    if source.waiver != "exit" or path in ("expressroute", "interconnect") or line.usd is None:
        return ()
    in_time = migration.span.hours <= WAIVER_DAYS * 24
    if source.cloud not in ("azure", "gcp") or not in_time:
        return ()
    with exact():
        usd = -line.usd
    note = (
        f"to be announced before, done in {WAIVER_DAYS} days, and every subscription is cancelled"
    )
    credit = Line(
        item=f"egress credited on leaving {source.cloud}",
        quantity=line.quantity,
        unit=line.unit,
        usd=usd,
        price_id=line.price_id,
        source="exit programme of the cloud, on request",
        as_of=line.as_of,
        confidence="secondary",
        part="credits",
        grows_with="bytes",
        note=note,
    )
    return (credit,)


@exact()
def waiver_hint(migration: Migration, quote: Quote) -> str:
    """A word about exit programmes where egress is above a fifth of the total; else empty."""
    source = migration.source
    dear = quote.of("source egress") * HINT_SHARE > quote.total
    if source.waiver != "none" or source.cloud not in ("azure", "gcp") or not dear:
        return ""
    return (
        f"{source.cloud} may credit this egress on leaving for good ({WAIVER_DAYS} days, all "
        "subscriptions cancelled), or bill EU, EEA and UK customers at cost: ask before it flows"
    )
