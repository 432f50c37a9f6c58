"""Hours of the week with limits of their own: what holds at a moment, and until when. Pure.

A window is written in the time of a zone, so it begins at the same hour by the clock on the wall
all the year. In the night when clocks go forward some hours do not exist: a window that would
begin or end in one does so when the clocks have gone on, and `gap_of` says which.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from lakeferry.fleet.manifest.wanted import Window

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What windows leave at a moment."""

    bytes_per_s: float | None  # None: no window has a say
    is_paused: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """An hour of a window that does not exist on a day."""

    day: date
    wall: str  # '02:30'
    end: Literal["from", "to"]


def allowed_at(windows: Sequence[Window], at: datetime, *, path: str | None = None) -> Allowed:
    """What the windows that are open leave, the strictest of all.

    Args:
        at: a time with its zone.
        path: the way of the bytes; windows of other paths have no say. None: only windows of
            all paths have one.

    A window of some tables alone (`select`) has no say here; ask for the tables' own.
    """
    open_ones = [one for one in _of_path(windows, path) if is_open(one, at)]
    rates = [one.bytes_per_s for one in open_ones if one.bytes_per_s is not None]
    return Allowed(min(rates, default=None), any(one.is_pause for one in open_ones))


def is_open(window: Window, at: datetime) -> bool:
    """Whether a window is open at a time; its end is no part of it."""
    here = at.astimezone(ZoneInfo(window.zone)).date()
    days = (here - _DAY, here)
    return any(begin <= at < end for begin, end in _spans(window, days))


def next_change(
    windows: Sequence[Window], after: datetime, *, path: str | None = None
) -> datetime | None:
    """The first time after `after`, UTC, at which a window opens or ends; None: never."""
    soonest: datetime | None = None
    for window in _of_path(windows, path):
        here = after.astimezone(ZoneInfo(window.zone)).date()
        days = [here + _DAY * step for step in range(-1, 9)]
        for span in _spans(window, days):
            for edge in span:
                if edge > after and (soonest is None or edge < soonest):
                    soonest = edge
    return soonest


def gap_of(window: Window, since: date) -> Gap | None:
    """The first time within a year at which a window would begin or end in a left-out hour."""
    zone = ZoneInfo(window.zone)
    for step in range(366):
        day = since + _DAY * step
        if day.weekday() not in window.days:
            continue
        last = day if window.ends > window.begins else day + _DAY
        edges: tuple[tuple[Literal["from", "to"], int, date], ...] = (
            ("from", window.begins, day), ("to", window.ends, last),
        )  # fmt: skip
        for end, minutes, on in edges:
            if _is_left_out(_wall(on, minutes), zone):
                return Gap(on, f"{minutes // 60:02}:{minutes % 60:02}", end)
    return None


def _of_path(windows: Sequence[Window], path: str | None) -> Iterator[Window]:
    return (one for one in windows if one.path in (None, path) and one.select is None)


def _spans(window: Window, days: Sequence[date]) -> Iterator[tuple[datetime, datetime]]:
    """Begin and end, UTC, of a window that begins on one of these days."""
    zone = ZoneInfo(window.zone)
    for day in days:
        if day.weekday() in window.days:
            last = day if window.ends > window.begins else day + _DAY
            yield (
                _instant(_wall(day, window.begins), zone),
                _instant(_wall(last, window.ends), zone),
            )


def _wall(day: date, minutes: int) -> datetime:
    return datetime.combine(day, time(minutes // 60, minutes % 60))


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """UTC. Of an hour that comes twice the first; of one that is left out, what comes after it."""
    if not _is_left_out(wall, zone):
        return wall.replace(tzinfo=zone).astimezone(UTC)
    # With fold=1 a left-out time is read by the offset that begins at the gap, so that it lies
    # before the gap; with fold=0 behind it. The gap itself is where the two offsets part.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    behind = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return _edge(before, behind, zone)


def _edge(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The minute between two times at which a zone's offset changes."""
    offset = low.astimezone(zone).utcoffset()
    while high - low > timedelta(minutes=1):
        middle = low + timedelta(minutes=(high - low) // timedelta(minutes=2))
        if middle.astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


def _is_left_out(wall: datetime, zone: ZoneInfo) -> bool:
    there = wall.replace(tzinfo=zone).astimezone(UTC)
    return there.astimezone(zone).replace(tzinfo=None) != wall
