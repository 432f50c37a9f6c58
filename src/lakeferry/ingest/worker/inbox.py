"""What waits for a worker's main thread: orders at once, pages in order and within their bytes."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition, Lock
from time import monotonic

from lakeferry.ingest.kinesis.wire import Record
from lakeferry.ingest.position.state import Position
from lakeferry.ingest.worker.messages import Batch, Order


@dataclass(frozen=True, slots=True)
class Fetched:
    """One page of a shard; an empty one moves its place, too."""

    shard_id: str
    records: list[Record]  # that were not read before
    ends: Position  # after them
    behind_ms: int | None
    size: int  # bytes of the answer, about those that its records take in memory
    begins: Position  # where the shard stood before it


@dataclass(frozen=True, slots=True)
class Failed:
    """A thread of this worker ended by an error."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class ParentGone:
    """The coordinator is no more; what this worker holds is void."""


News = Order | Batch | Failed | ParentGone


class Inbox:
    """Safe for many threads that put and one that takes.

    Args:
        most_bytes: of pages that wait, and of those that are asked for. Who asks for one reserves
            room first; the last that was let in may exceed it.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        lock = Lock()
        self._changed = Condition(lock)  # there is something to take
        self._room = Condition(lock)  # there is room for a page
        self._news: deque[News] = deque()
        self._pages: deque[Fetched] = deque()
        self._waiting = self._reserved = 0  # bytes

    @property
    def waiting_bytes(self) -> int:
        return self._waiting

    @property
    def has_pages(self) -> bool:
        return bool(self._pages)

    def put(self, one: News) -> None:
        """Before all pages that wait."""
        with self._changed:
            self._news.append(one)
            self._changed.notify()

    def put_page(self, page: Fetched) -> None:
        """Behind all pages that wait."""
        with self._changed:
            self._pages.append(page)
            self._waiting += page.size
            self._changed.notify()

    def take(self, until_s: float, *, pages: bool) -> News | Fetched | None:
        """News first, else a page if pages are wanted; None when there is none until then.

        Args:
            until_s: of `time.monotonic`.
        """
        with self._changed:
            while True:
                if self._news:
                    return self._news.popleft()
                if pages and self._pages:
                    return self._popped()
                left = until_s - monotonic()
                if left <= 0:
                    return None
                self._changed.wait(left)

    def _popped(self) -> Fetched:
        page = self._pages.popleft()
        self._waiting -= page.size
        self._room.notify_all()
        return page

    def reserve(self, size: int, is_over: Callable[[], bool], look_s: float = 0.5) -> bool:
        """Wait until there is room for a page; False if it is over, asked each `look_s` seconds.

        Args:
            size: bytes that it may have; to be released when it was put, or will not be.
        """
        with self._room:
            while not is_over():
                if self._waiting + self._reserved < self._most_bytes:
                    self._reserved += size
                    return True
                self._room.wait(look_s)
        return False

    def release(self, size: int) -> None:
        """Room that was reserved; the page that was put has its own bytes."""
        with self._room:
            self._reserved -= size
            self._room.notify_all()
