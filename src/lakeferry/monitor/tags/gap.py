"""What missing `map-migrated` tags cost: from a bill, or reckoned for what runs now. Pure.

A tag counts from the moment that the resource bears it, so what was lost is lost; only what comes
can be saved. What share comes back stands in the agreement, never here.

Source: AWS "MAP 2.0 Tagging Guide"; `cost.bill.map_tags` for the bill.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

from lakeferry.cost.bill.lines import USAGE
from lakeferry.cost.bill.map_tags import KEY, Edition, Gap, MapTerms, by_resource, fault_of, gap_of
from lakeferry.cost.bill.whole_bill import Bill
from lakeferry.cost.path.money import exact
from lakeferry.cost.prices.values import Price, PriceBook
from lakeferry.network.tag_bearers import Bearer

HOURS_A_DAY = 24
HOURS_A_MONTH = 730  # a typical one
INSTANCE = "aws.ec2.hour."  # begins the ids of instances' prices
NO_BACK_DATING = "a tag does not count for the past: what was lost stays lost"


@dataclass(frozen=True, slots=True)
class Priced:
    """What one thing that runs costs an hour."""

    bearer: Bearer
    usd: Decimal | None  # None: unpriced, never zero
    lacking: tuple[str, ...]  # ids of prices without a figure


@dataclass(frozen=True, slots=True)
class Estimate:
    """What those that lack the tag cost while they run, at list prices. Exact dollars."""

    untagged: tuple[Priced, ...]  # dearest first
    usd_an_hour: Decimal  # of those with a price; see `unpriced`
    rate: Decimal | None  # credit for each dollar; None: not given
    days: int  # that are to come

    @property
    def unpriced(self) -> tuple[Priced, ...]:
        return tuple(one for one in self.untagged if one.usd is None)

    @property
    @exact()
    def usd_to_come(self) -> Decimal:
        return self.usd_an_hour * HOURS_A_DAY * self.days

    @property
    @exact()
    def lost_to_come(self) -> Decimal | None:
        """Credit that is not earned, if nothing is done."""
        return None if self.rate is None else self.usd_to_come * self.rate


@dataclass(frozen=True, slots=True)
class Billed:
    """What a bill says of the tags, and what its last days mean for those to come."""

    gap: Gap
    rate: Decimal | None  # None: not told, and nothing that is earned or lost is known
    start: int  # s since the epoch, of the bill's first volume
    end: int
    lost_by: tuple[tuple[str, Decimal], ...]  # resource -> credit, most first
    never: tuple[tuple[str, Decimal], ...]  # usage type that earns nothing -> its cost, most first
    mended: tuple[str, ...]  # untagged in the bill, and right now
    lost_a_day: Decimal  # by what is not mended
    days: int  # that are to come

    @property
    @exact()
    def lost_to_come(self) -> Decimal:
        return self.lost_a_day * self.days


@exact()
def estimate(
    bearers: Iterable[Bearer],
    book: PriceBook,
    region: str,
    *,
    rate: Decimal | None,
    days: int,
    edition: Edition = "current",
) -> Estimate:
    """What runs without a tag that counts, at the prices of the book.

    Bytes are in no estimate: what a NAT gateway processes is known afterwards, from the bill.
    """
    found: list[Priced] = []
    for one in bearers:
        if (one.hourly or one.monthly) and fault_of(one.tags.get(KEY, ""), edition) is not None:
            found.append(_priced(one, book, region))
    found.sort(key=lambda one: (-(one.usd or 0), one.bearer.key))
    usd = sum((one.usd for one in found if one.usd is not None), Decimal(0))
    return Estimate(tuple(found), usd, rate, days)


def _priced(bearer: Bearer, book: PriceBook, region: str) -> Priced:
    usd: Decimal = Decimal(0)
    lacking: list[str] = []
    for hours, wanted in ((1, bearer.hourly), (HOURS_A_MONTH, bearer.monthly)):
        for id, units in sorted(wanted.items()):
            price = _price(book, id, region)
            charge = book.charge(price, units) if price is not None else None
            if charge is None:
                lacking.append(f"{id}.{region}")
            else:
                usd += charge / hours
    return Priced(bearer, None if lacking else usd, tuple(lacking))


def _price(book: PriceBook, id: str, region: str) -> Price | None:
    name = id.removeprefix(INSTANCE)
    if name == id:
        return book.at(f"{id}.{region}")
    known = book.instance_types.get(name)
    return None if known is None else known.hourly.get(region)


@exact()
def billed(bill: Bill, terms: MapTerms, *, days: int, right: Collection[str] = ()) -> Billed:
    """What the tags of a bill earned and lost, and what comes if nothing is done.

    Args:
        bill: read with `by_resource`.
        days: that are to come.
        right: ids of what bears a tag that counts by now; it loses nothing more.
    """
    gap = gap_of(bill, terms)
    lost = by_resource(gap.untagged)
    mended = tuple(one for one in lost if one in right)
    left = sum((usd for one, usd in lost.items() if one not in mended), Decimal(0))
    return Billed(
        gap=gap,
        rate=terms.credit_rate,
        start=bill.start,
        end=bill.end,
        lost_by=tuple(lost.items()),
        never=_never(bill, terms),
        mended=mended,
        lost_a_day=left / gap.days if gap.days else Decimal(0),
        days=days,
    )


def _never(bill: Bill, terms: MapTerms) -> tuple[tuple[str, Decimal], ...]:
    """Usage that earns nothing whatever its tags say, by usage type."""
    assert bill.resources is not None, "the gap was reckoned from it"
    sums: dict[str, Decimal] = {}
    for row in bill.resources.select(["kind", "usage_type", "cost"]).to_pylist():
        if row["kind"] in USAGE and not terms.covers(row["usage_type"]):
            sums[row["usage_type"]] = sums.get(row["usage_type"], Decimal(0)) + row["cost"]
    return tuple(sorted(sums.items(), key=lambda item: (-item[1], item[0])))
