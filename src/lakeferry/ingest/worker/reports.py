"""A worker's words to its coordinator, sent by a thread of their own so that nobody waits for it.

While the coordinator commits it does not listen. A worker that waited with it would not read.
"""

from collections import deque
from multiprocessing.connection import Connection
from threading import Condition, Thread

from lakeferry.ingest.worker.messages import Report, Told


class Reports(Thread):
    """Reports go out in their order; how it goes is told as it is when it is listened to."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__(name="reports", daemon=True)
        self._pipe = pipe
        self._changed = Condition()
        self._waiting: deque[Report] = deque()
        self._ended = False

    def say(self, report: Report) -> None:
        with self._changed:
            if isinstance(report, Told) and self._waiting and isinstance(self._waiting[-1], Told):
                self._waiting.pop()  # it was not heard, and is no longer so
            self._waiting.append(report)
            self._changed.notify()

    def end(self) -> None:
        """Wait until all is said, or nobody is there."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self.join()

    def run(self) -> None:
        while (report := self._next()) is not None:
            try:
                self._pipe.send(report)
            except (BrokenPipeError, ConnectionResetError):
                return  # nobody is there to tell; what is not told is void

    def _next(self) -> Report | None:
        with self._changed:
            while not self._waiting and not self._ended:
                self._changed.wait()
            return self._waiting.popleft() if self._waiting else None
