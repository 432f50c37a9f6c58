"""Hands on many machines: what many callers have to do goes to Spark, gathered into its tasks.

What `workers.map_threads` promises holds for each caller. Items of all callers that wait share
tasks, so that hundreds of tables of one file make few tasks. A few jobs run at once, each begun by
a thread of its own; a result reaches its caller once, however often Spark ran its task. Where a job
fails for good its tasks are cut in halves, until the one item that does it is alone: it is the
failure of its caller, nobody else's. Tasks that cannot travel are done here.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from time import monotonic
from typing import Any, TypeVar

from lakeferry.errors import FerryError
from lakeferry.spark.jobs import interrupt, run_job
from lakeferry.spark.load import Load, Unloaded, pack, unpack
from lakeferry.spark.packing import MOST_ITEMS, Measure, jobs_of, share_of, weight_of
from lakeferry.workers import WINDOW, Errand, Known, Parcel, Travelling
from lakeferry.workers_shared import SharedCrew, as_they_come, at_once

Item = TypeVar("Item")
Result = TypeVar("Result")

JOBS = 16  # at once
GATHER_S = 0.2  # so long an item may wait for others to share its task
LOOK_S = 0.5  # between two looks at callers that had to wait
STOP_S = 20.0  # tasks that run are awaited; after so long they are ended


class SparkCrew:
    """At most `tasks` tasks of Spark at once, of `hands` items at once each."""

    def __init__(self, spark: Any, *, tasks: int, hands: int, here: SharedCrew) -> None:
        """
        Args:
            spark: a session.
            here: does what cannot travel; closed with this one.
        """
        self._spark, self._hands, self._here = spark, hands, here
        self._tasks = tasks
        self._jobs, self._tasks_of_job = jobs_of(tasks, most_jobs=JOBS)
        self.window = max(WINDOW, 4 * tasks * hands)
        self._lanes: list[_Lane] = []
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._returned = threading.Condition(self._lock)
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._measure = Measure()
        self._stopped_at: float | None = None  # since when nobody wants what runs
        self._interrupted = self._closed = False

    def share(
        self, *, is_urgent: bool = False, wait_s: Callable[[], float] = at_once
    ) -> "SparkShare":
        """Hands for one caller, as `SharedCrew.share`."""
        return SparkShare(self, self._here, is_urgent=is_urgent, wait_s=wait_s)

    def close(self) -> None:
        """Let the threads go. No caller may be at work."""
        with self._lock:
            self._closed = True
            self._work.notify_all()
        for thread in self._threads:
            thread.join()
        self._here.close()

    # ---- called by those who share

    def open_lane(self, lane: "_Lane") -> None:
        with self._lock:
            self._lanes.append(lane)
            self._stopped_at, self._interrupted = None, False
            while len(self._threads) < self._jobs:
                thread = threading.Thread(target=self._run_jobs, name="lakeferry-spark")
                self._threads.append(thread)
                thread.start()

    def give(self, lane: "_Lane", parcels: "list[_Waiting]") -> None:
        """More to do for a caller."""
        with self._lock:
            lane.todo.extend(parcels)
            lane.weight += sum(one.weight for one in parcels)
            self._work.notify()

    def look(self, lane: "_Lane") -> int:
        """A caller has waited: how much of its own is taken back, because it has ended."""
        with self._lock:
            self._end_what_nobody_wants()
            return lane.drop() if lane.has_ended() else 0

    def close_lane(self, lane: "_Lane") -> None:
        """Nothing more of this caller is begun; what runs is awaited, up to `STOP_S` at a stop."""
        with self._lock:
            lane.is_over = True
            lane.drop()
            while lane.in_flight:
                self._returned.wait(LOOK_S)
                self._end_what_nobody_wants()
            self._lanes.remove(lane)

    def _end_what_nobody_wants(self) -> None:
        busy = [lane for lane in self._lanes if lane.in_flight]
        if not busy or not all(lane.stop.is_set() for lane in busy):
            self._stopped_at = None
            return
        self._stopped_at = self._stopped_at or monotonic()
        if not self._interrupted and monotonic() - self._stopped_at > STOP_S:
            self._interrupted = True
            interrupt(self._spark)

    # ---- jobs

    def _run_jobs(self) -> None:
        while (batches := self._take()) is not None:
            self._do(batches)

    def _take(self) -> "list[_Batch] | None":
        """What the next job does; None: it is over."""
        with self._lock:
            self._idle += 1
            try:
                while not self._closed:
                    if batches := self._gather():
                        self._work.notify()  # there may be more
                        return batches
                    self._work.wait(GATHER_S if any(one.todo for one in self._lanes) else None)
                return None
            finally:
                self._idle -= 1

    def _gather(self) -> "list[_Batch]":
        """Tasks of what may begin, callers in turn; none while more may come to share them."""
        ready = [one for one in self._lanes if one.may_begin()]
        ready.sort(key=lambda one: (not one.share.is_urgent, one.in_flight))
        waiting = sum(one.weight for one in ready)
        if not ready or (
            waiting < self._measure.weight
            and monotonic() - min(one.todo[0].since for one in ready) < GATHER_S
        ):
            return []
        idle = self._idle * self._tasks_of_job
        weight = share_of(waiting, idle=idle, full=self._measure.weight)
        batches: list[_Batch] = []
        while ready and len(batches) < self._tasks_of_job:
            batches.append(self._pack(ready, weight))
            ready = [one for one in ready if one.todo]
        return batches

    def _pack(self, ready: "Sequence[_Lane]", weight: int) -> "_Batch":
        """One task of those whose bytes are limited alike."""
        rate = ready[0].task.bytes_per_s()
        alike = deque(one for one in ready if one.task.bytes_per_s() == rate)
        taken: list[_Waiting] = []
        carried = 0
        while alike and carried < weight and len(taken) < MOST_ITEMS:
            lane = alike.popleft()
            taken.append(one := lane.take())
            carried += one.weight
            if lane.todo:
                alike.append(lane)
        return _Batch(taken, None if rate is None else rate / self._tasks)

    def _do(self, batches: "list[_Batch]") -> None:
        try:
            answers = run_job(self._spark, [self._packed(one) for one in batches])
        except Exception as error:  # noqa: BLE001 - Spark's own, of many kinds
            for batch in batches:
                self._do_again(batch, error, is_alone=len(batches) == 1)
            return
        for batch, answer in zip(batches, answers, strict=True):
            unloaded: Unloaded = unpack(answer)
            with self._lock:
                self._measure.take(batch.weight, unloaded.seconds)
            self._hand_over(batch.items, unloaded.results)

    def _do_again(self, batch: "_Batch", error: Exception, *, is_alone: bool) -> None:
        """What a job that failed held: nobody knows which item it was."""
        wanted = [one for one in batch.items if not one.lane.stop.is_set()]
        self._hand_over([one for one in batch.items if one.lane.stop.is_set()], ())
        if not wanted:
            return
        if is_alone and (len(wanted) == 1 or not self._runs()):
            failure = keeps_failing(error)
            self._hand_over(
                wanted, [one.parcel.errand.failed(one.parcel.item, failure) for one in wanted]
            )
            return
        middle = len(wanted) // 2 if is_alone else len(wanted)
        for half in (wanted[:middle], wanted[middle:]):
            if half:
                self._do([_Batch(half, batch.bytes_per_s)])

    def _runs(self) -> bool:
        """Whether Spark does anything at all."""
        try:
            run_job(self._spark, [pack(None)])
        except Exception:  # noqa: BLE001
            return False
        return True

    def _packed(self, batch: "_Batch") -> bytes:
        places: dict[Errand, int] = {}
        items = tuple(
            (places.setdefault(one.parcel.errand, len(places)), one.parcel.item)
            for one in batch.items
        )
        return pack(Load(tuple(places), items, self._hands, batch.bytes_per_s))

    def _hand_over(self, items: "Sequence[_Waiting]", results: Sequence[Any]) -> None:
        """To each caller its own; without results that these will have none."""
        mine: dict[_Lane, tuple[list[Any], int]] = {}
        for number, one in enumerate(items):
            found, count = mine.get(one.lane, ([], 0))
            found += results[number : number + 1]
            mine[one.lane] = (found, count + 1)
        with self._lock:
            for lane, (found, count) in mine.items():
                lane.in_flight -= count
                lane.done.put((found, count))
            self._returned.notify_all()
            self._work.notify()


class SparkShare:
    """The hands of a crew for one caller; called as `map_threads` is."""

    def __init__(
        self, crew: SparkCrew, here: SharedCrew, *, is_urgent: bool, wait_s: Callable[[], float]
    ) -> None:
        self.is_urgent = is_urgent  # may be set at any time
        self.wait_s = wait_s
        self._crew, self._here = crew, here

    def __call__(
        self,
        task: Callable[[Item], Result],
        items: Iterable[Item],
        *,
        count: int,
        stop: threading.Event | None = None,
        on_silence: Callable[[], None] | None = None,
    ) -> Generator[Result, None, None]:
        if not isinstance(task, Travelling) or not task.travels():
            here = self._here.share(is_urgent=self.is_urgent, wait_s=self.wait_s)
            yield from here(task, items, count=count, stop=stop, on_silence=on_silence)
            return
        lane = _Lane(self, task, stop or threading.Event())
        giver = _Giver(self._crew, lane, iter(items))
        self._crew.open_lane(lane)
        try:
            yield from as_they_come(lane.done, giver, on_silence)
        finally:
            self._crew.close_lane(lane)


@dataclass(eq=False, slots=True)
class _Waiting:
    """One item that waits for its task, or is in it."""

    lane: "_Lane"
    parcel: Parcel
    since: float

    @property
    def weight(self) -> int:
        return weight_of(self.parcel.bytes)


@dataclass(eq=False, slots=True)
class _Batch:
    """What one task of Spark does."""

    items: list[_Waiting]
    bytes_per_s: float | None

    @property
    def weight(self) -> int:
        return sum(one.weight for one in self.items)


class _Lane:
    """What one caller has to do. What changes belongs to the crew's lock."""

    def __init__(self, share: SparkShare, task: Travelling, stop: threading.Event) -> None:
        self.share, self.task, self.stop = share, task, stop
        self.todo: deque[_Waiting] = deque()
        self.done: SimpleQueue[tuple[list[Any], int]] = SimpleQueue()
        self.in_flight = 0
        self.weight = 0  # of `todo`
        self.is_over = False  # nothing more is begun

    def has_ended(self) -> bool:
        return self.is_over or self.stop.is_set()

    def may_begin(self) -> bool:
        return bool(self.todo) and not self.has_ended() and self.share.wait_s() <= 0

    def take(self) -> _Waiting:
        taken = self.todo.popleft()
        self.weight -= taken.weight
        self.in_flight += 1
        return taken

    def drop(self) -> int:
        """Take back what has not begun; how much it was."""
        dropped = len(self.todo)
        self.todo.clear()
        self.weight = 0
        return dropped


class _Giver:
    """Gives out a caller's items, a window at a time, from the caller's own thread."""

    def __init__(self, crew: SparkCrew, lane: _Lane, items: Iterator[Any]) -> None:
        self.out = 0  # items whose result has not come back
        self._crew, self._lane, self._items = crew, lane, items
        self._all_given = False

    def give_out(self) -> bool:
        """Fill the window; False: all is done."""
        if self._lane.has_ended():
            self._all_given = True
            self.look()
        fresh: list[_Waiting] = []
        known: list[Any] = []
        while not self._all_given and self.out + len(fresh) + len(known) < self._crew.window:
            try:
                found = self._lane.task.parcel(next(self._items))
            except StopIteration:
                self._all_given = True
                break
            if isinstance(found, Known):
                known.append(found.result)
            else:
                fresh.append(_Waiting(self._lane, found, monotonic()))
        self.out += len(fresh) + len(known)
        if known:
            self._lane.done.put((known, len(known)))
        if fresh:
            self._crew.give(self._lane, fresh)
        return self.out > 0

    def look(self) -> None:
        self.out -= self._crew.look(self._lane)


def keeps_failing(error: Exception) -> FerryError:
    """What Spark says of it."""
    said = " ".join(str(error).split())
    return FerryError(
        "LF-8095",
        f"Spark gave up: {said[:300]}",
        "each task was tried as often as spark.task.maxFailures says, then its files alone",
        "look at the executors' logs (memory, disk, network), then run the same command again",
    )
