"""More hands: the same task over many items, results in any order.

The contract: `task` is a function of one small value that returns a value, also for an expected
trouble (`Failed`); it may run twice for one item, so it must be idempotent. Items are taken lazily,
by the hands themselves, so a plan of millions of files never becomes a list.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Queue
from threading import Event, Lock
from time import monotonic
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH = 64  # results, handed over at once where tasks are quick
BATCH_S = 0.01  # so long a hand may keep a result to itself
SLOW = 10  # results: a batch of fewer took a millisecond for each, or more
SILENCE_S = 0.02  # without any result


def map_threads(
    task: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    count: int,
    stop: Event | None = None,
) -> Iterator[Result]:
    """Run `task` over `items` in up to `count` threads; results come as they are ready.

    One hand begins; the others join it when its tasks turn out to wait for something, a network or
    a disk. Tasks of less than a millisecond, like the copy of a small file on one machine, are done
    sooner by one hand: several fight over the interpreter between any two system calls.

    At most 2 × `count` batches of results wait to be read. Setting `stop` ends the taking of new
    items; those that run are awaited and yielded. An exception of a task, or of `items`, is raised
    here after the others ended.
    """
    crew = _Crew(task, items, count, stop or Event())
    hands: list[Future[None]] = []
    with ThreadPoolExecutor(count) as pool:
        hands.append(pool.submit(crew.work))
        working = 1
        try:
            while working:
                batch = crew.next_batch()
                if batch is None:
                    working -= 1
                    continue
                if len(batch) < SLOW and len(hands) < count:
                    joining = count - len(hands)
                    hands += [pool.submit(crew.work) for _ in range(joining)]
                    working += joining
                yield from batch
        finally:
            crew.end()
            while working:  # a hand may be waiting for room to put what it has
                working -= crew.next_batch() is None
    for hand in hands:
        hand.result()


class _Crew(Generic[Item, Result]):
    """What the hands share."""

    def __init__(
        self, task: Callable[[Item], Result], items: Iterable[Item], count: int, stop: Event
    ) -> None:
        self._task, self._items, self._stop = task, iter(items), stop
        self._taking, self._ended = Lock(), Event()
        self._done: Queue[list[Result] | None] = Queue(2 * count)

    def work(self) -> None:
        """One hand: batch after batch until nothing is left, then None."""
        batch: list[Result] = []
        kept_since = monotonic()
        try:
            for result in self._results():
                batch.append(result)
                if len(batch) == BATCH or monotonic() - kept_since > BATCH_S:
                    self._done.put(batch)
                    batch, kept_since = [], monotonic()
        except BaseException:
            self._ended.set()
            raise
        finally:
            self._done.put(batch)
            self._done.put(None)

    def next_batch(self) -> list[Result] | None:
        """Results, none after a silence; None for a hand that has ended."""
        try:
            return self._done.get(timeout=SILENCE_S)
        except Empty:
            return []

    def end(self) -> None:
        self._ended.set()

    def _results(self) -> Iterator[Result]:
        while True:
            with self._taking:
                if self._ended.is_set() or self._stop.is_set():
                    return
                try:
                    item = next(self._items)
                except StopIteration:
                    return
            yield self._task(item)
