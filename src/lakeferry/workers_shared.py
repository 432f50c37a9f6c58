"""One crew of hands for many callers at once, each with items of its own.

What `workers.map_threads` promises holds for each caller. Beside that: a hand that is free takes
from the caller with the fewest items in hand, so nobody waits for another one's long list; what
one caller's task raises is raised to that caller alone.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Protocol, TypeVar

from lakeferry.workers import BATCH_S, SILENCE_S, WINDOW, Hands

Item = TypeVar("Item")
Result = TypeVar("Result")

QUICK_S = 0.0005  # a task of less is done sooner by few hands, see `map_threads`
QUICK_HANDS = 2
CHUNK = 16  # quick items that one hand takes at once
SILENCE_MOST_S = 0.25
_OF_LATE, _ENOUGH = 32, 4  # items
IDLE_S = 5  # a hand without work for so long goes
URGENT_SHARE = (
    0.75  # of the hands; the rest is for those that are not urgent, or nothing else moves
)


def at_once() -> float:
    """No reason to wait."""
    return 0.0


class LentHands(Hands, Protocol):
    """Hands of a crew for one caller."""

    is_urgent: bool  # may be set at any time


class Crew(Protocol):
    """What `SharedCrew` is: hands that many callers share, of this machine or of many."""

    def share(
        self, *, is_urgent: bool = False, wait_s: Callable[[], float] = at_once
    ) -> LentHands: ...

    def close(self) -> None: ...


class Giver(Protocol):
    """Gives out a caller's items, a window at a time."""

    out: int  # items whose result has not come back

    def give_out(self) -> bool:
        """Fill the window; False: all is done."""

    def look(self) -> None:
        """Nothing has come back for a while: see what can be done about it."""


def as_they_come(
    done: SimpleQueue[tuple[list[Result], int]],
    giver: Giver,
    on_silence: Callable[[], None] | None,
) -> Generator[Result, None, None]:
    """The results of a caller, while its items are given out; see `map_threads`.

    Args:
        done: results, and of how many items they are: those that were stopped have none.
    """
    silence_s = SILENCE_S
    while giver.give_out():
        try:
            results, items = done.get(timeout=silence_s)
        except Empty:
            silence_s = min(2 * silence_s, SILENCE_MOST_S)
            giver.look()
            if on_silence is not None:
                on_silence()
            continue
        silence_s = SILENCE_S
        giver.out -= items
        yield from results


class SharedCrew:
    """At most `count` threads; they come when there is work, and go when there is none."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._lanes: list[_Lane] = []
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)  # there may be something to do
        self._returned = threading.Condition(self._lock)  # a hand has come back
        self._hands = self._idle = 0
        self._limit = min(QUICK_HANDS, count)
        self._served = 0
        self._closed = False

    def share(self, *, is_urgent: bool = False, wait_s: Callable[[], float] = at_once) -> "Share":
        """Hands for one caller.

        Args:
            is_urgent: may have up to `URGENT_SHARE` of all hands before others have any.
            wait_s: how long no item of this caller shall begin, from now; 0: it may. Asked often.
        """
        return Share(self, is_urgent=is_urgent, wait_s=wait_s)

    def close(self) -> None:
        """Let the hands go; those that work end their item first. No caller may be at work."""
        with self._lock:
            self._closed = True
            self._work.notify_all()
            while self._hands:
                self._returned.wait()

    # ---- called by those who share

    def open_lane(self, lane: "_Lane") -> None:
        with self._lock:
            self._lanes.append(lane)

    def give(self, lane: "_Lane", items: list[Any]) -> None:
        """More to do for a caller."""
        with self._lock:
            lane.todo.extend(items)
            self._call(len(items))

    def drop(self, lane: "_Lane") -> int:
        """Take back what nobody has begun; how much it was."""
        with self._lock:
            dropped = len(lane.todo)
            lane.todo.clear()
            return dropped

    def hurry(self, lane: "_Lane") -> None:
        """A caller has waited: let more hands come, or look whether it may go on by now.

        What a hand has taken and not begun is taken back: the item before may take an hour.
        """
        with self._lock:
            for chunk in lane.chunks:
                lane.in_hand -= chunk.give_back(lane.todo)
            if lane.todo and lane.share.wait_s() <= 0:
                self._limit = self.count
                self._call(len(lane.todo))

    def close_lane(self, lane: "_Lane") -> None:
        """Nothing more of this caller is begun; what runs is awaited."""
        with self._lock:
            lane.is_over = True
            lane.todo.clear()
            while lane.in_hand:
                self._returned.wait()
            self._lanes.remove(lane)

    # ---- hands

    def _call(self, items: int) -> None:
        self._work.notify(items)
        missing = min(items - self._idle, self._limit - self._hands)
        for _ in range(max(0, missing)):
            self._hands += 1
            threading.Thread(target=self._hand, name="lakeferry-hand").start()

    def _hand(self) -> None:
        while (taken := self._take()) is not None:
            self._do(*taken)

    def _take(self) -> "tuple[_Lane, _Chunk] | None":
        """Whose turn it is, with what is to be done; None: this hand is not needed any more."""
        with self._lock:
            while True:
                if self._closed or self._hands > self._limit:
                    break
                if (lane := self._next()) is not None:
                    many = CHUNK if lane.is_known_as_quick() else 1
                    many = min(many, len(lane.todo), lane.count - lane.in_hand)
                    chunk = _Chunk(lane.todo.popleft() for _ in range(many))
                    lane.chunks.append(chunk)
                    lane.in_hand += many
                    self._served += 1
                    lane.served = self._served
                    return lane, chunk
                self._idle += 1
                woken = self._work.wait(IDLE_S)
                self._idle -= 1
                if not woken and self._next() is None:
                    break
            self._hands -= 1
            self._returned.notify_all()
            return None

    def _next(self) -> "_Lane | None":
        """The caller with the fewest items in hand; of equals the one that has waited longest."""
        urgent = sum(lane.in_hand for lane in self._lanes if lane.share.is_urgent)
        may_jump = urgent < max(1, int(self.count * URGENT_SHARE))
        best: tuple[int, int, int] | None = None
        chosen = None
        for lane in self._lanes:
            if not lane.todo or lane.is_over or lane.in_hand >= lane.count:
                continue
            rank = (0 if may_jump else 2) if lane.share.is_urgent else 1
            key = (rank, lane.in_hand, lane.served)
            if (best is None or key < best) and lane.share.wait_s() <= 0:
                best, chosen = key, lane
        return chosen

    def _do(self, lane: "_Lane", chunk: "_Chunk") -> None:
        results: list[Any] = []
        done = 0
        began = now = monotonic()
        while not lane.has_ended() and now - began <= BATCH_S:
            try:
                item = chunk.items.popleft()
            except IndexError:
                break
            done += 1
            try:
                results.append(lane.task(item))
            except BaseException as error:  # noqa: BLE001 - raised to the caller
                lane.error = lane.error or error
                lane.is_over = True
            now = monotonic()
        lane.done.put((results, done))
        with self._lock:
            lane.chunks.remove(chunk)
            lane.in_hand -= chunk.taken
            chunk.give_back(lane.todo)
            if done:
                lane.measure((now - began) / done, done)
            self._fit_hands(lane)
            self._returned.notify_all()

    def _fit_hands(self, lane: "_Lane") -> None:
        """All of them where tasks wait for something; few where all tasks are quick."""
        if lane.task_s >= QUICK_S:
            self._limit = self.count
        elif all(one.task_s < QUICK_S for one in self._lanes):
            self._limit = min(QUICK_HANDS, self.count)
        self._call(len(lane.todo))


class Share:
    """The hands of a crew for one caller; called as `map_threads` is, but for its `count`: at most
    so many of the crew's hands."""

    def __init__(self, crew: SharedCrew, *, is_urgent: bool, wait_s: Callable[[], float]) -> None:
        self.is_urgent = is_urgent  # may be set at any time
        self.wait_s = wait_s
        self._crew = crew

    def __call__(
        self,
        task: Callable[[Item], Result],
        items: Iterable[Item],
        *,
        count: int,
        stop: threading.Event | None = None,
        on_silence: Callable[[], None] | None = None,
    ) -> Generator[Result, None, None]:
        lane = _Lane(self, task, count, stop or threading.Event())
        giver = _Giver(self._crew, lane, iter(items))
        self._crew.open_lane(lane)
        try:
            yield from as_they_come(lane.done, giver, on_silence)
        finally:
            self._crew.close_lane(lane)
        if lane.error is not None:
            raise lane.error


class _Lane:
    """What one caller has to do. What changes belongs to the crew's lock."""

    def __init__(
        self, share: Share, task: Callable[[Any], Any], count: int, stop: threading.Event
    ) -> None:
        self.share, self.task, self.count, self.stop = share, task, count, stop
        self.todo: deque[Any] = deque()
        self.done: SimpleQueue[tuple[list[Any], int]] = SimpleQueue()
        self.chunks: list[_Chunk] = []
        self.in_hand = 0
        self.served = 0  # when it was last its turn
        self.task_s = 0.0  # what an item takes, of late
        self._measured = 0
        self.is_over = False  # nothing more is begun
        self.error: BaseException | None = None

    def measure(self, task_s: float, done: int) -> None:
        """`done` items took so long each."""
        self._measured = min(_OF_LATE, self._measured + done)
        self.task_s += (task_s - self.task_s) * done / self._measured

    def is_known_as_quick(self) -> bool:
        return self._measured >= _ENOUGH and self.task_s < QUICK_S

    def has_ended(self) -> bool:
        return self.is_over or self.stop.is_set()


class _Chunk:
    """Items that one hand has taken at once."""

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = deque(items)
        self.taken = len(self.items)

    def give_back(self, todo: deque[Any]) -> int:
        """What was not begun, to the front; how many these are."""
        back = 0
        while True:
            try:
                todo.appendleft(self.items.pop())
            except IndexError:
                self.taken -= back
                return back
            back += 1


class _Giver:
    """Gives out a caller's items, a window at a time, from the caller's own thread."""

    def __init__(self, crew: SharedCrew, lane: _Lane, items: Iterator[Any]) -> None:
        self.out = 0  # items whose result has not come back
        self._crew, self._lane, self._items = crew, lane, items
        self._window = max(WINDOW, 2 * lane.count)
        self._all_given = False

    def give_out(self) -> bool:
        """Fill the window; False: all is done."""
        if self._lane.has_ended():
            self._all_given = True
            self.out -= self._crew.drop(self._lane)
        fresh: list[Any] = []
        while not self._all_given and self.out + len(fresh) < self._window:
            try:
                fresh.append(next(self._items))
            except StopIteration:
                self._all_given = True
        if fresh:
            self.out += len(fresh)
            self._crew.give(self._lane, fresh)
        return self.out > 0

    def look(self) -> None:
        self._crew.hurry(self._lane)
