"""A migration's price as one picture: cost by path, break-even, and dollars against days. Pure.

One SVG that stands alone: no script, no font but the reader's own monospaced one. It follows
the reader's system between light and dark, and says its figures to a screen reader.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from lakeferry.cost.path.break_even import capacity_gb
from lakeferry.cost.path.front import SAFE_SHARE, Front, sustained
from lakeferry.cost.path.migration import Migration
from lakeferry.cost.path.money import dollars, exact
from lakeferry.cost.path.names import point_name, why_of
from lakeferry.cost.path.total import price
from lakeferry.cost.picture.bars import Named, bars
from lakeferry.cost.picture.break_even import Crossing, crossing_picture, way_of
from lakeferry.cost.picture.front import front_picture
from lakeferry.cost.picture.parts import DARK, EDGE, WIDTH
from lakeferry.cost.prices.values import GIB, PriceBook
from lakeferry.network.picture_parts import PALE, Canvas

_SPACE = 34  # between two charts


def picture(
    migration: Migration,
    book: PriceBook,
    quotes: Sequence[Named],
    found: Front,
    taken: str | None = None,
) -> str:
    """An SVG document.

    Args:
        migration: what is priced; its span is the time that was asked for.
        book: of which the quotes are.
        quotes: a name and what it costs, a bar for each, in this order.
        found: the options of the migration.
        taken: the name of the bar to mark.

    Raises:
        FerryError: LF-6501, LF-6502 for a type or region that the book does not know.
    """
    canvas = Canvas(WIDTH)
    title = f"{_size(migration)} to {migration.target_region} in {_days(migration)} days"
    canvas.text(EDGE, 34, title, WIDTH - 2 * EDGE, size=18, bold=True)
    source = migration.source
    place = f"{source.cloud.replace('_', ' ')} {source.region}".rstrip()
    said = f"from {place}, {migration.objects:,} objects; prices in {book.currency}"
    canvas.text(EDGE, 56, said, WIDTH - 2 * EDGE, colour=PALE)
    y = bars(canvas, 80, quotes, taken)
    met, why = crossing(migration, book)
    y = crossing_picture(canvas, y + _SPACE, met, why)
    y = front_picture(canvas, y + _SPACE, found, migration.span.hours)
    about = _about(quotes, met, found)
    return canvas.document(y + EDGE, title=f"What it costs: {title}", about=about, dark=DARK)


@exact()
def crossing(migration: Migration, book: PriceBook) -> tuple[Crossing | None, str]:
    """NAT instances against NAT gateways over the volume; without them, why there is none."""
    wire_gb = Decimal(migration.wire_bytes) / GIB
    wanted = migration.nat_instances
    alone = replace(migration, workers=0, source=replace(migration.source, line_gbps=None))
    gbps = sustained(alone, book, "nat_instance", "pull")
    if not gbps or not wire_gb or not migration.gateways:
        return None, "there is nothing to compare: " + (
            "one instance alone is no safe path" if wire_gb and migration.gateways else
            "no bytes or no gateways are planned"
        )  # fmt: skip
    kept = " with standby" if wanted.standby else ""
    gateways = f"{migration.gateways} NAT gateway{'s' * (migration.gateways != 1)}"
    instances = f"{wanted.count} x {wanted.type}{kept}"
    gateway = way_of(gateways, price(migration, book, "nat_gateway"), wire_gb)
    instance = way_of(instances, price(migration, book, "nat_instance"), wire_gb)
    if gateway is None or instance is None:
        return None, "a price of NAT gateways or instances is missing in this region"
    most = capacity_gb(gbps, migration.span.hours)
    bound = f"{wanted.count - 1} left x {SAFE_SHARE:.0%} = {gbps.normalize():f} Gbit/s"
    return Crossing(gateway, instance, wire_gb, most, bound), ""


def _about(quotes: Sequence[Named], met: Crossing | None, found: Front) -> str:
    """The figures of the picture in words."""
    said = [
        f"{name}: {'at least ' if quote.at_least else ''}{dollars(quote.total)}"
        for name, quote in quotes
    ]
    if met:
        said.append(met.said)
    if found.chosen:
        said.append(f"chosen: {point_name(found.chosen)}")
    return "; ".join([*said, why_of(found)]) + "."


@exact()
def _size(migration: Migration) -> str:
    size = Decimal(migration.bytes)
    for unit, power in (("PiB", 50), ("TiB", 40), ("GiB", 30), ("MiB", 20)):
        if size >= 2**power:
            return f"{(size / 2**power):.4g} {unit}"
    return f"{migration.bytes:,} bytes"


@exact()
def _days(migration: Migration) -> str:
    return f"{Decimal(migration.span.hours) / 24:.4g}"
