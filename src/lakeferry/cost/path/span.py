"""How long a migration lasts: its whole hours, and the calendar months that they fall into.

Tiers and what is billed by the month start anew with each calendar month, so a plan with a date
is cut by its months. A plan without one counts a month as 720 hours and runs through each
ladder once; what prints it says so.
"""

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from lakeferry.cost.path.money import exact

UNDATED_HOURS = 720  # of a month in a plan that says days but no date
TYPICAL_HOURS = 730  # of a month when somebody asks "a month", without days or date


@dataclass(frozen=True, slots=True)
class MonthPart:
    """The hours of a span that lie in one calendar month."""

    month: str  # `2026-11`; empty in a span without dates
    hours: int
    month_hours: int  # of the whole month: 672 to 744

    def __post_init__(self) -> None:
        if not self.hours >= 0:
            raise ValueError(f"a span of {self.hours} hours")


@dataclass(frozen=True, slots=True)
class Span:
    """The hours of a migration, by calendar month, in order of time."""

    parts: tuple[MonthPart, ...]
    start: datetime | None = None  # UTC; None: no date is known

    @property
    def hours(self) -> int:
        return sum(part.hours for part in self.parts)

    @property
    @exact()
    def months(self) -> Decimal:
        """By how much to multiply what is billed by the month, and for parts of one."""
        return sum((Decimal(one.hours) / one.month_hours for one in self.parts), Decimal(0))

    def lasting(self, hours: int) -> "Span":
        """As long as `hours`, from the same start."""
        if self.start is not None:
            return from_date(self.start, hours)
        return Span((MonthPart("", hours, self.parts[0].month_hours),))

    def split(self, volume: int) -> tuple[int, ...]:
        """`volume` (bytes, requests) by month, as an even rate spreads it; sums to `volume`."""
        hours = self.hours
        if not hours:
            return (volume, *(0 for _ in self.parts[1:]))
        seen = 0
        ends = [0]
        for part in self.parts:
            seen += part.hours
            ends.append(volume * seen // hours)
        return tuple(after - before for before, after in pairwise(ends))


def of_hours(hours: int) -> Span:
    """So many hours at an unknown date: months of 720 hours, each ladder run through once."""
    return Span((MonthPart("", hours, UNDATED_HOURS),))


def typical_month() -> Span:
    """730 hours that are one month: only for "what does it cost a month", and said so."""
    return Span((MonthPart("", TYPICAL_HOURS, TYPICAL_HOURS),))


def from_date(start: datetime, hours: int) -> Span:
    """The `hours` after `start`, cut where AWS's months end: at midnight UTC.

    `start` carries its offset from UTC. A start within an hour counts from the hour's beginning,
    as partial hours are billed whole.
    """
    at = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    parts: list[MonthPart] = []
    while hours > 0 or not parts:
        days = calendar.monthrange(at.year, at.month)[1]
        first = at.replace(day=1, hour=0)
        end = first + timedelta(days=days)
        here = min(hours, int((end - at).total_seconds()) // 3600)
        parts.append(MonthPart(f"{at:%Y-%m}", here, days * 24))
        hours -= here
        at = end
    return Span(tuple(parts), start.astimezone(UTC))
