"""What a worker says, taken in by a thread: a word that is never ended holds up nobody else.

A process may be stopped, or hang, in the middle of a word, and whoever reads its pipe then waits
for the rest. That is this thread alone, until the process is killed and its pipe ends.
"""

from collections import deque
from multiprocessing.connection import Connection
from threading import Condition, Thread
from time import monotonic

from lakeferry.ingest.worker.messages import Report, Told


class Ear(Thread):
    """Listens to one worker until its pipe ends.

    Args:
        said: notified with every word; shared by all ears of a crew.
    """

    def __init__(self, pipe: Connection, said: Condition, name: str) -> None:
        super().__init__(name=f"ear-{name}", daemon=True)
        self._pipe = pipe
        self._said = said
        self._words: deque[Report] = deque()
        self._is_over = False
        self._error: Exception | None = None
        self.heard_s = monotonic()  # when the last word was whole
        self.spoke = False

    @property
    def has_news(self) -> bool:
        return bool(self._words) or self._is_over

    def taken(self) -> tuple[list[Report], bool]:
        """The words since the last call, in their order; and whether no other will follow.

        Raises whatever made a word unreadable: both sides are of one version, so that is a bug.
        """
        with self._said:
            words = list(self._words)
            self._words.clear()
            if self._error is not None:
                raise self._error
            return words, self._is_over

    def run(self) -> None:
        try:
            while True:
                self._keep(self._pipe.recv())
        except (EOFError, OSError):
            pass  # the process is gone, amid a word or not
        except Exception as error:  # noqa: BLE001 - raised by whoever listens
            self._error = error
        with self._said:
            self._is_over = True
            self._said.notify()

    def _keep(self, report: Report) -> None:
        with self._said:
            if isinstance(report, Told) and self._words and isinstance(self._words[-1], Told):
                self._words.pop()  # nobody asked meanwhile, and it is no longer so
            self._words.append(report)
            self.heard_s, self.spoke = monotonic(), True
            self._said.notify()
