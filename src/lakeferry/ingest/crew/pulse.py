"""Whether the loop had its turns: a process may be stopped, or its machine asleep, and not know it.

Whatever it knew before is old then: others went on, iterators expired, addresses moved.
"""

import time
from collections.abc import Callable

# Goes on while the machine sleeps, which `monotonic` does not on Linux.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def awake_s() -> float:
    """Seconds by a clock that only rises, sleep of the machine included."""
    return time.clock_gettime(_CLOCK)


class Pulse:
    """For one thread.

    Args:
        longest_s: between two turns of a loop that lives.
    """

    def __init__(self, longest_s: float, clock: Callable[[], float] = awake_s) -> None:
        self._longest_s = longest_s
        self._clock = clock
        self._last_s = clock()
        self.missed_s = 0.0  # the longest time without a turn, if it was too long

    def beat(self) -> None:
        """A turn."""
        now = self._clock()
        if now - self._last_s > self._longest_s:
            self.missed_s = max(self.missed_s, now - self._last_s)
        self._last_s = now
