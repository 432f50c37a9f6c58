"""How long a copy will still take: a range with its basis, or nothing. Pure.

Two things can be the limit, bytes and files, so each is projected by itself and the slower one
counts. The range comes from the 10th and 90th percentile of the rates of ten-second windows.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

MEASURE_S = 60  # no estimate earlier
MEASURE_FILES = 200
MEASURE_SHARE = 0.005  # of all bytes
WINDOW_S = 10
BASIS = f"rates of {WINDOW_S} s windows"


class Left(NamedTuple):
    """Seconds that a copy will still take; the percentiles are of times, so p10 is early."""

    p10: float
    p50: float
    p90: float


@dataclass
class Estimate:
    """Fed with how much a copy has moved; answers how long it will take."""

    windows: list[tuple[float, float]] = field(default_factory=list)  # bytes/s, files/s
    last: tuple[float, int, int] = (0.0, 0, 0)  # seconds, bytes, files

    def feed(self, elapsed_s: float, bytes_moved: int, files_moved: int) -> None:
        """Take one reading; times must not go back. What was there already has not moved."""
        since, bytes_then, files_then = self.last
        span = elapsed_s - since
        if span < WINDOW_S:
            return
        self.windows.append(((bytes_moved - bytes_then) / span, (files_moved - files_then) / span))
        self.last = (elapsed_s, bytes_moved, files_moved)

    def left_s(
        self, elapsed_s: float, done: tuple[int, int], total: tuple[int, int]
    ) -> Left | None:
        """How long it will still take, or None while it is still measuring.

        `done` and `total` are (bytes, files); `done` with what was there already.
        """
        measured = elapsed_s >= MEASURE_S and done[1] >= MEASURE_FILES
        if not measured or done[0] < MEASURE_SHARE * total[0] or not self.windows:
            return None
        lefts = sorted(
            max((total[0] - done[0]) / max(rate, 1.0), (total[1] - done[1]) / max(files, 0.01))
            for rate, files in self.windows
        )
        at = len(lefts) - 1
        return Left(*(lefts[round(at * share)] for share in (0.1, 0.5, 0.9)))


def left_text(left: Left | None) -> str:
    """`15 to 19 min left`, `about 9 h left`, `seconds left`, or `measuring`."""
    if left is None:
        return "measuring"
    if left.p90 < 30:
        return "seconds left"
    first, last = _rough(left.p10), _rough(left.p90)
    if first == last:
        return f"about {last} left"
    number, _, unit = first.partition(" ")
    return f"{number if last.endswith(f' {unit}') else first} to {last} left"


def _rough(seconds: float) -> str:
    """No finer than an estimate can be: `40 s`, `4 min`, `9 h`, `3d 12h`."""
    minutes = max(1, round(seconds / 60))
    hours = round(seconds / 3600)
    if seconds < 60:
        return f"{max(10, round(seconds, -1)):.0f} s"
    if minutes < 120:
        return f"{minutes} min"
    return f"{hours} h" if hours < 48 else f"{hours // 24}d {hours % 24}h"
