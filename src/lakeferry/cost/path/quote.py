"""What something costs, line by line, each with its price's source, date and standing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from lakeferry.cost.path.money import cents, exact

# How sure a price is, best first. `missing` has no figure.
CONFIDENCE = (
    "price_list",
    "golden",
    "catalog",
    "derived",
    "secondary",
    "unverified",
    "missing",
)

STALE_DAYS = 180  # a price older than this is named in a warning

Grows = Literal["bytes", "hours", "months", "requests", "nothing"]
Part = Literal[
    "source egress",
    "source requests",
    "network path",
    "target requests",
    "workers",
    "monitoring",
    "standby",
    "verification",
    "overrun",
    "stream",
    "storage",
    "credits",
]


@dataclass(frozen=True, slots=True)
class Line:
    """One item of a quote. Its dollars are exact; `cents` rounds what is shown."""

    item: str  # `NAT gateway, processed`
    quantity: Decimal  # in `unit`
    unit: str  # the price's own: `GB` (2^30 bytes at AWS), `hour`, `request`
    usd: Decimal | None  # None: unpriced. Never zero for want of a price
    price_id: str
    source: str
    as_of: str | None  # `2026-08-17`, `2026-03` or `2026`; None: not known
    confidence: str  # one of CONFIDENCE
    part: Part = "network path"
    grows_with: Grows = "nothing"
    note: str = ""

    def __post_init__(self) -> None:
        if self.confidence not in CONFIDENCE:
            raise ValueError(f"confidence {self.confidence!r} of {self.price_id} is not known")


@dataclass(frozen=True, slots=True)
class Quote:
    """What one way of doing something costs."""

    lines: tuple[Line, ...]
    currency: str = "USD"

    @property
    @exact()
    def total(self) -> Decimal:
        """The exact sum of the lines that have a price; see `at_least`."""
        return sum((one.usd for one in self.lines if one.usd is not None), Decimal(0))

    @property
    def unpriced(self) -> tuple[Line, ...]:
        return tuple(one for one in self.lines if one.usd is None)

    @property
    def at_least(self) -> bool:
        """Whether `total` is only a lower bound, as some line has no price."""
        return bool(self.unpriced)

    @property
    @exact()
    def rounding(self) -> Decimal:
        """The rounded total less the sum of rounded lines: shown where it is not zero."""
        lines = sum((cents(one.usd) for one in self.lines if one.usd is not None), Decimal(0))
        return cents(self.total) - lines

    @property
    def confidence(self) -> str:
        """The worst of the lines; a quote without lines has nothing to doubt."""
        ranks = [CONFIDENCE.index(one.confidence) for one in self.lines]
        return CONFIDENCE[max(ranks, default=0)]

    @property
    def as_of(self) -> str | None:
        """The oldest date of a line; None where no line has one."""
        return min((one.as_of for one in self.lines if one.as_of), default=None)

    @exact()
    def of(self, *parts: Part) -> Decimal:
        """The exact dollars of some parts of the total."""
        found = (one.usd for one in self.lines if one.part in parts and one.usd is not None)
        return sum(found, Decimal(0))

    @exact()
    def growing_with(self, grows: Grows) -> Decimal:
        """The exact dollars that grow with bytes, hours, months or requests."""
        found = (one.usd for one in self.lines if one.grows_with == grows and one.usd is not None)
        return sum(found, Decimal(0))

    def __add__(self, other: "Quote") -> "Quote":
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} are not added")
        return Quote(self.lines + other.lines, self.currency)


def doubts(lines: Iterable[Line], today: date) -> tuple[str, ...]:
    """What to check before acting on a quote: each unverified or old price once, by its id."""
    found: dict[str, None] = {}
    for line in lines:
        if line.usd is None:
            continue
        if line.confidence == "unverified":
            found[f"{line.price_id}: not seen in a source"] = None
        elif line.as_of and (age := (today - first_day(line.as_of)).days) > STALE_DAYS:
            found[f"{line.price_id}: as of {line.as_of}, {age} days old"] = None
    return tuple(found)


def first_day(text: str) -> date:
    """The first day of what `2026`, `2026-03` or `2026-03-09` may mean."""
    return date.fromisoformat(text + "-01-01"[: 10 - len(text)] if len(text) < 10 else text)
