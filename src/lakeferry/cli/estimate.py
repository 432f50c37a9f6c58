"""How long a copy will still take: a range with its basis, or nothing. Pure.

Two things can be the limit, bytes and files, so each is projected by itself and the slower one
counts. The range comes from the 10th and 90th percentile of the rates of ten-second windows.
"""

from dataclasses import dataclass, field

from lakeferry.cli.units import duration_text

MEASURE_S = 60  # no estimate earlier
MEASURE_FILES = 200
MEASURE_SHARE = 0.005  # of all bytes
WINDOW_S = 10


@dataclass
class Estimate:
    """Fed with how far a copy is; answers how long it will take."""

    windows: list[tuple[float, float]] = field(default_factory=list)  # bytes/s, files/s
    last: tuple[float, int, int] = (0.0, 0, 0)  # seconds, bytes, files

    def feed(self, elapsed_s: float, bytes_done: int, files_done: int) -> None:
        """Take one reading; times must not go back."""
        since, bytes_then, files_then = self.last
        span = elapsed_s - since
        if span < WINDOW_S:
            return
        self.windows.append(((bytes_done - bytes_then) / span, (files_done - files_then) / span))
        self.last = (elapsed_s, bytes_done, files_done)

    def left_s(
        self, elapsed_s: float, done: tuple[int, int], total: tuple[int, int]
    ) -> tuple[float, float] | None:
        """Seconds left, early and late, or None while it is still measuring.

        `done` and `total` are (bytes, files).
        """
        measured = elapsed_s >= MEASURE_S and done[1] >= MEASURE_FILES
        if not measured or done[0] < MEASURE_SHARE * total[0] or not self.windows:
            return None
        lefts = sorted(
            max((total[0] - done[0]) / max(rate, 1.0), (total[1] - done[1]) / max(files, 0.01))
            for rate, files in self.windows
        )
        at = len(lefts) - 1
        return lefts[round(at * 0.1)], lefts[round(at * 0.9)]


def left_text(left: tuple[float, float] | None) -> str:
    """`15 min 2 s to 19 min 8 s left`, `seconds left`, or `measuring`."""
    if left is None:
        return "measuring"
    early, late = left
    if late < 30:
        return "seconds left"
    first, last = duration_text(early), duration_text(late)
    return f"about {last} left" if first == last else f"{first} to {last} left"
