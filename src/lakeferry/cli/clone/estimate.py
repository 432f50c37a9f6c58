"""How long a copy will still take: a range with its basis, or nothing. Pure.

Two things can be the limit, bytes and files, so each is projected by itself and the slower one
counts. The range comes from the 10th and 90th percentile of the rates of ten-second windows. One
copy has no history; of a whole migration, whose rates are known, `fleet.standing.estimate` says
more.
"""

from dataclasses import dataclass, field

from lakeferry.fleet.standing.time_left import Left, is_measured

WINDOW_S = 10
BASIS = f"rates of {WINDOW_S} s windows"


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
        if not is_measured(elapsed_s, done[1], done[0], total[0]) or not self.windows:
            return None
        lefts = sorted(
            max((total[0] - done[0]) / max(rate, 1.0), (total[1] - done[1]) / max(files, 0.01))
            for rate, files in self.windows
        )
        at = len(lefts) - 1
        return Left(*(lefts[round(at * share)] for share in (0.1, 0.5, 0.9)))
