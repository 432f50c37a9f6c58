"""What an agreement takes off list prices: private rates by service, savings plans by family. Pure.

Both make a new book; every quote from it is at the agreed prices, and its lines say so. Whatever
names nothing in the book is refused: it would silently take nothing off.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from lakeferry.cost.path.money import exact
from lakeferry.cost.prices.values import InstanceType, Price, PriceBook, nearest
from lakeferry.errors import FerryError

_RATE, _PLAN = "private rate", "savings plan"  # what a line's source says is off


@dataclass(frozen=True, slots=True)
class Agreement:
    """Fractions of the list price that are taken off, `0.28` for 28 %."""

    services: Mapping[str, Decimal] = field(default_factory=dict)  # `AmazonVPC`: 0.1
    savings_plans: Mapping[str, Decimal] = field(default_factory=dict)  # `c7gn`: 0.28


def agreed(book: PriceBook, terms: Agreement) -> PriceBook:
    """The book at agreed prices.

    An instance of a family with a savings plan costs what the plan leaves, and its service's
    private rate does not apply to it besides: a plan's rates are what is agreed.

    Raises:
        FerryError: LF-6507 for a service or family that the book does not have, a fraction that
            is not from 0 to 1, or prices of a file that have such a share off already.
    """
    families = {_family(name) for name in book.instance_types}
    services = {one.service for one in book.prices.values() if one.service}
    _check(terms.services, services, "service")
    _check(terms.savings_plans, families, "family of instances")
    prices = {id: _by_service(one, terms) for id, one in book.prices.items()}
    types = {name: _by_family(one, terms) for name, one in book.instance_types.items()}
    return replace(book, prices=prices, instance_types=types)


def _by_service(price: Price, terms: Agreement) -> Price:
    share = terms.services.get(price.service)
    return price if share is None else _less(price, share, _RATE)


def _by_family(found: InstanceType, terms: Agreement) -> InstanceType:
    share = terms.savings_plans.get(_family(found.name))
    if share is None:
        hourly = {region: _by_service(one, terms) for region, one in found.hourly.items()}
    else:
        hourly = {region: _less(one, share, _PLAN) for region, one in found.hourly.items()}
    return replace(found, hourly=hourly)


@exact()
def _less(price: Price, share: Decimal, why: str) -> Price:
    if price.tiers is None or (why == _RATE and f"; {_PLAN} of" in price.source):
        return price
    if any(f"; {one} of" in price.source for one in (_RATE, _PLAN)):
        raise FerryError(
            "LF-6507",
            "a discount cannot be applied",
            f"{price.id}: {price.source}",
            "the discount is in the file of prices already: leave out one of the two",
        )
    tiers = tuple(replace(tier, usd=tier.usd * (1 - share)) for tier in price.tiers)
    return replace(price, tiers=tiers, source=f"{price.source}; {why} of {share:%} off")


def _family(name: str) -> str:
    return name.partition(".")[0]


def _check(fractions: Mapping[str, Decimal], known: set[str], what: str) -> None:
    for name, share in fractions.items():
        if name not in known:
            near = nearest(name, tuple(sorted(known)))
            where = f"no price is of the {what} `{name}`" + (f"; nearest: {near}" if near else "")
        elif not 0 <= share <= 1:
            where = f"{name}: {share} is not from 0 to 1; write 28 % as 0.28"
        else:
            continue
        raise FerryError(
            "LF-6507",
            "a discount cannot be applied",
            where,
            "correct the name or the fraction",
        )
