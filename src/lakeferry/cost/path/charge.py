"""A price and a quantity become one line of a quote."""

from collections.abc import Sequence
from decimal import Decimal

from lakeferry.cost.path.money import exact
from lakeferry.cost.path.quote import Grows, Line, Part
from lakeferry.cost.prices.values import Price, PriceBook


def charge(
    book: PriceBook,
    price: Price,
    quantity: int | Decimal,
    item: str,
    *,
    part: Part,
    grows_with: Grows = "hours",
    note: str = "",
) -> Line:
    """A line whose quantity climbs the ladder once: hours, months, or bytes of one month."""
    return charge_by_month(
        book, price, (quantity,), item, part=part, grows_with=grows_with, note=note
    )


@exact()
def charge_by_month(
    book: PriceBook,
    price: Price,
    quantities: Sequence[int | Decimal],
    item: str,
    *,
    part: Part,
    grows_with: Grows = "bytes",
    used: int = 0,
    accounts: int = 1,
    note: str = "",
) -> Line:
    """A line whose quantity climbs the ladder anew in each month.

    Args:
        book: whose free tiers are on or off.
        price: of which the line is.
        quantities: by month; bytes where the price is by bytes, its units otherwise.
        item: what people read.
        part: of a migration's total.
        grows_with: what the line grows with.
        used: what else climbs the same ladder in each of the months, before these.
        accounts: that share the whole quantity evenly, each with a ladder of its own.
        note: what people should know about the line.
    """
    found = [_month(book, price, one, used, accounts) for one in quantities]
    priced = [usd for usd in found if usd is not None]
    return Line(
        item=item,
        quantity=sum((_units(price, one) for one in quantities), Decimal(0)),
        unit=price.unit,
        usd=sum(priced, Decimal(0)) if len(priced) == len(found) else None,
        price_id=price.id,
        source=price.source,
        as_of=price.as_of,
        confidence=price.confidence,
        part=part,
        grows_with=grows_with,
        note=note or price.note,
    )


def _month(
    book: PriceBook, price: Price, quantity: int | Decimal, used: int, accounts: int
) -> Decimal | None:
    """What one month costs. Bytes that do not divide evenly go to the first accounts."""
    if accounts == 1 or not isinstance(quantity, int):
        each = book.charge(price, _units(price, quantity) / accounts, _units(price, used))
        return None if each is None else each * accounts
    share, left = divmod(quantity, accounts)
    fuller = book.charge(price, _units(price, share + 1), _units(price, used))
    others = book.charge(price, _units(price, share), _units(price, used))
    if fuller is None or others is None:
        return None
    return left * fuller + (accounts - left) * others


def _units(price: Price, quantity: int | Decimal) -> Decimal:
    return price.units(quantity) if isinstance(quantity, int) else quantity
