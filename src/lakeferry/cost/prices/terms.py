"""A ladder from a price list's terms: one reading, or an error that names the others. Pure."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from lakeferry.cost.path.money import exact_text, plain
from lakeferry.cost.prices.values import Tier
from lakeferry.errors import FerryError

Ladder = tuple[Tier, ...]


def on_demand(terms: Mapping[str, Any], sku: str, currency: str, name: str) -> tuple[Ladder, str]:
    """The tiers of a product's only on-demand term, and the unit that they are of.

    Args:
        terms: the product's entry under `terms.OnDemand`, keyed `SKU.TERM`.
        currency: the one to read; a list for another partition may have only its own.
        name: of the file, for messages.

    Raises:
        FerryError: LF-6542 for several terms, or ranges that overlap; LF-6541 for what is no
            ladder from 0 upwards; LF-6503 for prices in another currency.

    Source: AWS Price List, `terms.OnDemand`, `priceDimensions`, `beginRange`, `endRange`.
    """
    if not isinstance(terms, Mapping):
        raise unreadable(name, f"{sku}: its terms are no object")
    if len(terms) != 1:
        raise ambiguous(name, f"{sku} has {len(terms)} on-demand terms: {', '.join(sorted(terms))}")
    try:
        (term,) = terms.values()
        ranges = list(term["priceDimensions"].values())
        units = {str(one["unit"]) for one in ranges}
        found = sorted((_tier(one, currency, sku, name) for one in ranges), key=lambda t: t.start)
    except KeyError as error:
        raise unreadable(name, f"{sku}: `{error.args[0]}` is missing") from error
    except (TypeError, ValueError, AttributeError, InvalidOperation) as error:
        raise unreadable(name, f"{sku}: {error or type(error).__name__}") from error
    if len(units) != 1:
        raise unreadable(name, f"{sku} is priced by {', '.join(sorted(units)) or 'no unit'}")
    return joined(found, sku, name), units.pop()


def joined(tiers: Sequence[Tier], what: str, name: str) -> Ladder:
    """Tiers in order of their start, once they run from 0 upwards and meet."""
    if not tiers or tiers[0].start != 0:
        raise unreadable(name, f"{what}: no price begins at 0")
    for one, above in pairwise(tiers):
        if one.end is None or one.end > above.start:
            upto = "no end" if one.end is None else exact_text(one.end)
            raise ambiguous(
                name,
                f"{what}: the range from {exact_text(one.start)} to {upto} overlaps that from "
                f"{exact_text(above.start)}",
            )
        if one.end < above.start:
            raise unreadable(
                name,
                f"{what}: nothing is priced from {exact_text(one.end)} to "
                f"{exact_text(above.start)}",
            )
    if tiers[-1].end is not None:
        raise unreadable(name, f"{what}: nothing is priced above {exact_text(tiers[-1].end)}")
    return tuple(tiers)


def only(found: Mapping[str, Ladder], what: str, name: str) -> Ladder:
    """The ladder of several products that stand for one thing, if they have the same one.

    Which is right cannot be told from the list, so a difference is refused, never settled.
    """
    ladders = iter(found.values())
    first = next(ladders)
    if any(one != first for one in ladders):
        differing = "; ".join(f"{sku} at {shown(ladder)}" for sku, ladder in sorted(found.items()))
        raise ambiguous(name, f"{what} is {differing}")
    return first


def shown(ladder: Ladder | None) -> str:
    """A ladder for people: `0.09, from 10240 0.085`."""
    if ladder is None:
        return "unpriced"
    first, *above = ladder
    steps = (f", from {exact_text(one.start)} {exact_text(one.usd)}" for one in above)
    return exact_text(first.usd) + "".join(steps)


def check_gb(unit: str, of_bytes: bool, what: str, name: str) -> None:
    """Refuse a list that prices bytes by another unit than GB, or something else by GB."""
    if unit.startswith("GB") != of_bytes:
        wanted = "GB" if of_bytes else "something other than bytes"
        raise unreadable(name, f"{what} is priced by `{unit}`; {wanted} is expected")


def ambiguous(name: str, why: str) -> FerryError:
    return FerryError(
        "LF-6542",
        "a price list gives several prices for one thing",
        f"{name}: {why}",
        "look at the products named here; import the list without this price and write it by "
        "hand into a file of prices",
    )


def unreadable(name: str, why: str) -> FerryError:
    return FerryError(
        "LF-6541",
        "a provider's price list cannot be read",
        f"{name}: {why}",
        "fetch the whole list again; if it stays so, its form has changed: write the price by "
        "hand into a file of prices",
    )


def other_currency(name: str, wanted: str, found: Collection[str]) -> FerryError:
    return FerryError(
        "LF-6503",
        f"{wanted} is asked for, and the list is in {', '.join(sorted(found)) or 'none'}",
        name,
        f"fetch the list in {wanted}; exchange rates are not built in",
    )


def _tier(entry: Mapping[str, Any], currency: str, sku: str, name: str) -> Tier:
    prices = entry["pricePerUnit"]
    if currency not in prices:
        raise other_currency(f"{name}: {sku}", currency, prices)
    end = entry["endRange"]
    start, usd = _amount(entry["beginRange"]), _amount(prices[currency])
    return Tier(start, None if end == "Inf" else _amount(end), usd)


def _amount(value: Any) -> Decimal:
    """Only from a string: a JSON number has passed through binary floating point."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no amount")
    return plain(Decimal(value))
