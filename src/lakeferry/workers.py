"""More hands: the same task over many items, results in any order.

The contract: `task` is a function of one small value that returns a value, also for an expected
trouble (`Failed`); it may run twice for one item, so it must be idempotent. Items are taken lazily,
a window at a time, so a plan of millions of files never becomes a list.
"""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event
from time import monotonic
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from lakeferry.errors import FerryError

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH = 64  # results, handed over at once where tasks are quick
BATCH_S = 0.01  # so long a hand may keep a result to itself
SLOW = 10  # results: a batch of fewer took a millisecond for each, or more
SILENCE_S = 0.02  # without any result
WINDOW = 4 * BATCH  # items taken whose result has not been seen here


class Hands(Protocol):
    """What `map_threads` is: a way to run a task over items. Others share their threads."""

    def __call__(
        self,
        task: Callable[[Item], Result],
        items: Iterable[Item],
        *,
        count: int,
        stop: Event | None = None,
        on_silence: Callable[[], None] | None = None,
    ) -> Generator[Result, None, None]: ...


class Errand(Protocol):
    """What a task is where it runs on another machine: a small value, pickled, without secrets.

    It opens what it needs by address, there. Equal ones are one.
    """

    def __call__(self, item: Any, throttle: Callable[[int], None] | None) -> Any:
        """The result of one item; an expected trouble is a result too. May run twice."""

    def settle(self) -> None:
        """Make durable what its items wrote; FerryError if some of it is lost."""

    def failed(self, item: Any, error: FerryError) -> Any:
        """The result of an item that could not be worked on."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One item as it is sent."""

    errand: Errand
    item: Any
    bytes: int  # that it will move, as far as is known


@dataclass(frozen=True, slots=True)
class Known:
    """A result that needs no work."""

    result: Any


@runtime_checkable
class Travelling(Protocol):
    """A task that may run on other machines; others run where they are called."""

    def __call__(self, item: Any) -> Any: ...

    def parcel(self, item: Any) -> Parcel | Known:
        """The item as it is sent. Called by the thread that takes the items."""

    def bytes_per_s(self) -> float | None:
        """That all machines together may move at the moment; None: no limit."""

    def travels(self) -> bool:
        """Whether it may be sent at all."""


class _End:
    """No item."""


_END = _End()


def map_threads(
    task: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    count: int,
    stop: Event | None = None,
    on_silence: Callable[[], None] | None = None,
) -> Generator[Result, None, None]:
    """Run `task` over `items` in up to `count` threads; results come as they are ready.

    One hand begins; the others join it when its tasks turn out to wait for something, a network or
    a disk. Tasks of less than a millisecond, like the copy of a small file on one machine, are done
    sooner by one hand: several fight over the interpreter between any two system calls.

    At most `WINDOW` items, or 2 × `count`, are taken ahead, by this thread alone: what reads them
    allocates in one place. Setting `stop` ends the beginning of tasks; those that run are awaited
    and yielded. An exception of a task, or of `items`, is raised here after the others ended.
    `on_silence` is called some times a second while no task ends.
    """
    crew = _Crew(task, items, count, stop or Event())
    with ThreadPoolExecutor(count) as pool:
        hands = [pool.submit(crew.work)]
        working = 1
        try:
            while working:
                crew.give_out()
                batch = crew.next_batch()
                if batch is None:
                    working -= 1
                    continue
                if not batch and on_silence is not None:
                    on_silence()
                if len(batch) < SLOW and len(hands) < count:
                    joining = count - len(hands)
                    hands += [pool.submit(crew.work) for _ in range(joining)]
                    working += joining
                yield from batch
        finally:
            crew.end()
            while working:
                working -= crew.next_batch() is None
    for hand in hands:
        hand.result()


def map_unless_stopped(
    task: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    count: int,
    stop: Event | None,
    on_silence: Callable[[], None] | None = None,
) -> Generator[Result, None, None]:
    """As `map_threads`, for whom a part of the results is none.

    Raises:
        KeyboardInterrupt: `stop` was set; tasks that ran have ended and were yielded.
    """
    yield from map_threads(task, items, count=count, stop=stop, on_silence=on_silence)
    if stop is not None and stop.is_set():
        raise KeyboardInterrupt


class _Crew(Generic[Item, Result]):
    """What the hands share with the one who gives out the work."""

    def __init__(
        self, task: Callable[[Item], Result], items: Iterable[Item], count: int, stop: Event
    ) -> None:
        self._task, self._items, self._count, self._stop = task, iter(items), count, stop
        self._todo: SimpleQueue[tuple[Item] | None] = SimpleQueue()  # None: there is no more
        self._done: SimpleQueue[list[Result] | None] = SimpleQueue()  # None: a hand has ended
        self._out = 0  # items whose result has not come back
        self._all_given = False
        self._ended = Event()

    def give_out(self) -> None:
        """Fill the window; when there is no more to give, say so, once."""
        window = max(WINDOW, 2 * self._count)
        while not self._all_given and (self._out < window or self._is_over()):
            item = _END if self._is_over() else next(self._items, _END)
            if isinstance(item, _End):
                self._say_no_more()
                return
            self._todo.put((item,))
            self._out += 1

    def work(self) -> None:
        """One hand: item after item, results batch by batch."""
        batch: list[Result] = []
        kept_since = monotonic()
        try:
            while True:
                if len(batch) == BATCH or monotonic() - kept_since > BATCH_S or self._todo.empty():
                    batch, kept_since = self._hand_over(batch)
                given = self._next(wait=not batch)
                if isinstance(given, _End):
                    return
                if given is not None:
                    batch.append(self._task(given[0]))
        except BaseException:
            self.end()
            raise
        finally:
            self._hand_over(batch)
            self._done.put(None)

    def next_batch(self) -> list[Result] | None:
        """Results, none after a silence; None for a hand that has ended."""
        try:
            batch = self._done.get(timeout=SILENCE_S)
        except Empty:
            return []
        self._out -= len(batch or ())
        return batch

    def end(self) -> None:
        """No task begins any more."""
        self._ended.set()
        self._say_no_more()

    def _hand_over(self, batch: list[Result]) -> tuple[list[Result], float]:
        if batch:
            self._done.put(batch)
        return [], monotonic()

    def _next(self, *, wait: bool) -> tuple[Item] | _End | None:
        """An item; None if there is none at the moment.

        Who has results does not wait: the window may be full of just such results.
        """
        if self._is_over():
            return _END
        try:
            given = self._todo.get(block=wait)
        except Empty:
            return None
        return _END if given is None or self._is_over() else given

    def _is_over(self) -> bool:
        return self._ended.is_set() or self._stop.is_set()

    def _say_no_more(self) -> None:
        self._all_given = True
        for _ in range(self._count):
            self._todo.put(None)
