"""A bound on what a run takes: bytes a second on the wire."""

import threading
import time
from collections.abc import Callable

LOOK_S = 0.5  # between two looks at a rate that may have changed
# Less than this no clock tells apart: to wait for it could last for ever.
CLOCK_STEP_S = 1e-9


class Throttle:
    """Spaces out bytes so that all threads together stay within a rate.

    The first bytes go at once; what follows waits for the time that those before it take.
    """

    def __init__(
        self,
        bytes_per_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if bytes_per_s <= 0:
            raise ValueError(f"a rate of {bytes_per_s} bytes/s moves nothing")
        self._rate = bytes_per_s
        self._clock = clock
        self._sleep = sleep
        self._free_at = clock()  # when all that was taken has gone through
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Return when `size` more bytes may move."""
        with self._lock:
            now = self._clock()
            begin = max(now, self._free_at)
            self._free_at = begin + size / self._rate
        if begin > now:
            self._sleep(begin - now)


class Tap:
    """A `Throttle` whose rate may change while it is used; of bytes, or of requests.

    Whoever takes stands behind all that was taken before, and goes when so much has flowed. What
    nobody took does not gather.
    """

    def __init__(
        self,
        per_s: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`per_s`: None: no limit."""
        self._rate = per_s
        self._clock, self._sleep = clock, sleep
        self._taken = self._flowed = 0.0
        self._at = clock()
        self._held_back = False
        self._lock = threading.Lock()

    @property
    def per_s(self) -> float | None:
        """What may move in a second at the moment; None: no limit."""
        return self._rate

    def turn(self, per_s: float | None) -> None:
        """From now on this rate, also for those who wait already."""
        with self._lock:
            self._flow()
            self._rate = per_s

    def take(self, size: float) -> None:
        """Return when `size` more may move."""
        with self._lock:
            self._flow()
            mine = self._taken
            self._taken += size
            wait_s = self._until(mine)
            self._held_back |= wait_s > 0
        while wait_s > 0:
            self._sleep(min(wait_s, LOOK_S))
            with self._lock:
                self._flow()
                wait_s = self._until(mine)

    def wait_s(self) -> float:
        """How long whoever took now would wait."""
        with self._lock:
            self._flow()
            return self._until(self._taken)

    def was_held_back(self) -> bool:
        """Whether anybody has waited since this was last asked."""
        with self._lock:
            found, self._held_back = self._held_back, False
            return found

    def _flow(self) -> None:
        now = self._clock()
        if self._rate is None:
            self._flowed = self._taken
        else:
            self._flowed = min(self._taken, self._flowed + (now - self._at) * self._rate)
        self._at = now

    def _until(self, place: float) -> float:
        if self._rate is None:
            return 0.0
        wait_s = (place - self._flowed) / self._rate
        return wait_s if wait_s > CLOCK_STEP_S else 0.0
