"""What the storage classes of a target cost: a month of what lies there, and the writes. Pure."""

from collections.abc import Iterable
from decimal import Decimal

from lakeferry.cost.path.money import exact
from lakeferry.cost.prices.values import Price, PriceBook
from lakeferry.fleet.planning.planned import ASIDE, MOVING, PlannedTable, Stored

_OWN = "STANDARD"  # what S3 puts an object into where the request says nothing
_WATCHED = "intelligent_tiering"  # each of its objects is watched, for a price


def stored_by_class(
    lines: Iterable[PlannedTable], book: PriceBook, region: str | None
) -> tuple[Stored, ...]:
    """One sum for each class, by name; none where no table has one that was chosen.

    A month is of all that is live, as if it stayed. Writes are the PUT-class requests of what
    moves, beyond what they cost in STANDARD: that much the dollars of a route have already.

    Args:
        region: of the target; None: not said, so that nothing is priced.
    """
    landing = [one for one in lines if one.action not in ASIDE]
    if not any(one.storage_class for one in landing):
        return ()
    names = sorted({one.storage_class or _OWN for one in landing})
    return tuple(
        _sum(name, [one for one in landing if (one.storage_class or _OWN) == name], book, region)
        for name in names
    )


@exact()
def _sum(name: str, lines: list[PlannedTable], book: PriceBook, region: str | None) -> Stored:
    files, size = sum(one.live_files for one in lines), sum(one.live_bytes for one in lines)
    puts = sum(one.requests for one in lines if one.action in MOVING)
    if region is None:
        return Stored(name, len(lines), files, size, None, None, "target.region is not said")
    word = name.lower()
    storage = book.at(_id("aws.s3.storage", word, region))
    put, plain = book.at(_id("aws.s3.put", word, region)), book.at(_id("aws.s3.put", "", region))
    monthly = [(storage, storage.units(size))]
    if word == _WATCHED:
        monthly.append((book.at(f"aws.s3.monitoring_{word}.{region}"), Decimal(files)))
    month, lacking = _total(book, monthly)
    own, no_put = _total(book, [(put, Decimal(puts))])
    usual, no_usual = _total(book, [(plain, Decimal(puts))])
    more = None if own is None or usual is None else own - usual
    missing = lacking or no_put or no_usual
    return Stored(
        name, len(lines), files, size, month, more, f"the price {missing}" if missing else ""
    )


def _id(stem: str, word: str, region: str) -> str:
    return f"{stem}.{region}" if word in ("", _OWN.lower()) else f"{stem}_{word}.{region}"


def _total(book: PriceBook, of: Iterable[tuple[Price, Decimal]]) -> tuple[Decimal | None, str]:
    """Dollars, or the id of the first price that is not known."""
    total = Decimal(0)
    for price, units in of:
        usd = book.charge(price, units)
        if usd is None:
            return None, price.id
        total += usd
    return total, ""
