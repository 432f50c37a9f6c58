"""How long something will still take, in the words that every screen uses. Pure."""

import math
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

MEASURE_S = 60  # no estimate earlier
MEASURE_FILES = 200
MEASURE_SHARE = 0.005  # of all bytes


class Left(NamedTuple):
    """Seconds that something will still take; the percentiles are of times, so p10 is early."""

    p10: float
    p50: float
    p90: float

    @classmethod
    def surely(cls, seconds: float) -> "Left":
        """A time that is assumed, not measured."""
        return cls(seconds, seconds, seconds)


def is_measured(elapsed_s: float, files_done: int, bytes_done: float, bytes_total: float) -> bool:
    """Whether enough was seen for an estimate that need not be taken back."""
    seen = elapsed_s >= MEASURE_S and files_done >= MEASURE_FILES
    return seen and bytes_done >= MEASURE_SHARE * bytes_total


def left_text(left: Left | None) -> str:
    """`15 to 19 min left`, `about 9 h left`, `seconds left`, or `measuring`."""
    if left is None:
        return "measuring"
    if left.p90 < 30:
        return "seconds left"
    if math.isinf(left.p90):
        return "no end in sight" if math.isinf(left.p10) else f"at least {_rough(left.p10)} left"
    first, last = _rough(left.p10), _rough(left.p90)
    if first == last:
        return f"about {last} left"
    number, _, unit = first.partition(" ")
    is_told_once = number.isdigit() and last.endswith(f" {unit}")
    return f"{number if is_told_once else first} to {last} left"


def ends_text(left: Left | None, now: datetime) -> str:
    """`ends between Fri 27 Nov 21:30 and Sat 28 Nov 18:00 UTC`; to the half hour, or minute."""
    if left is None:
        return "measuring"
    if math.isinf(left.p90):
        return "no end in sight"
    first, last = (_moment(now, seconds) for seconds in (left.p10, left.p90))
    return f"ends about {last} UTC" if first == last else f"ends between {first} and {last} UTC"


def _moment(now: datetime, seconds: float) -> str:
    grain = timedelta(minutes=30 if seconds >= 6 * 3600 else 1)
    begin = datetime(1970, 1, 1, tzinfo=UTC)
    at = begin + round((now + timedelta(seconds=seconds) - begin) / grain) * grain
    return f"{at:%a} {at.day} {at:%b %H:%M}"


def _rough(seconds: float) -> str:
    """No finer than an estimate can be: `40 s`, `4 min`, `9 h`, `3d 12h`."""
    minutes = max(1, round(seconds / 60))
    hours = round(seconds / 3600)
    if seconds < 60:
        return f"{max(10, round(seconds, -1)):.0f} s"
    if minutes < 120:
        return f"{minutes} min"
    return f"{hours} h" if hours < 48 else f"{hours // 24}d {hours % 24}h"
