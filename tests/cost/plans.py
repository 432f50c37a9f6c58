"""Plans and shorthands that the tests of cost share."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from lakeferry.cost.path.migration import Migration, Source, Watching
from lakeferry.cost.path.money import cents, exact
from lakeferry.cost.path.quote import Line
from lakeferry.cost.path.span import of_hours
from lakeferry.cost.prices.price_file import own_book
from lakeferry.cost.prices.values import Price, Tier, ladder

BOOK = own_book()
GIB = 2**30
PIB = 2**50
US = "us-east-1"

# The worked example of cost.md section 8.
TWO_PIB = Migration(
    bytes=2 * PIB,
    objects=16_777_216,  # of 128 MiB
    span=of_hours(30 * 24),
    source=Source("azure", "eastus"),
    target_region=US,
    overhead=Decimal("0.03125"),
    workers=6,
    worker_type="c6in.4xlarge",
    watching=Watching(log_records=10**9, rules=6, alarms=12, dashboards=1),
)


@exact()
def total(lines: Sequence[Line]) -> Decimal:
    """The exact dollars of lines that all have a price."""
    found = [one.usd for one in lines if one.usd is not None]
    assert len(found) == len(lines), "a line has no price"
    return sum(found, Decimal(0))


def rounded(usd: Decimal | None) -> str:
    assert usd is not None
    return str(cents(usd))


def of_gb(id: str, gb: int | Decimal, *, free: bool = False) -> Decimal:
    """What GB, hours or requests of one price cost in one month."""
    usd = ladder(BOOK.at(id), Decimal(gb), free=free)
    assert usd is not None
    return usd


def with_tiers(price: Price, *tiers: tuple[int, int | None, str]) -> Price:
    """The price with other tiers: `(from, to, dollars a unit)`."""
    made = (Tier(Decimal(a), None if b is None else Decimal(b), Decimal(c)) for a, b, c in tiers)
    return replace(price, tiers=tuple(made))
