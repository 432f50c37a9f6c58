"""Bounds on what a run takes: bytes a second on the wire, bytes in memory."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


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


class MemoryBudget:
    """Bytes that all threads together may hold. First come, first served.

    The order keeps a large object from waiting for ever while small ones slip past it.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Wait for `size` bytes and hold them. More than the whole budget is the whole budget."""
        share = min(size, self._total)
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            self._changed.wait_for(lambda: self._queue[0] is ticket and self._free >= share)
            self._queue.popleft()
            self._free -= share
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += share
                self._changed.notify_all()
