"""Many sources looked at side by side by a few threads, with little waiting in memory."""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from threading import Event as Flag

from lakeferry.fleet.discovery.trip import Answer, Task, Trip

TURN_S = 0.25  # so often `on_turn` is called while no answer comes

Done = tuple[Trip, Task, Future[Answer]]


def walk(
    trips: Sequence[Trip], *, hands: int, stop: Flag, on_turn: Callable[[], None]
) -> Generator[tuple[Trip, Task, Answer], None, None]:
    """Perform all tasks of all trips; answers come as they are ready, each taken by its trip.

    Sources take turns. One that does not answer holds at most half of the hands, so that the others
    go on. When `stop` is set nothing more begins, and what runs is awaited.
    """
    done: SimpleQueue[Done] = SimpleQueue()
    ring = deque(trips)
    most = max(1, hands // 2) if len(trips) > 1 else 2 * hands
    flying = 0
    with ThreadPoolExecutor(hands, thread_name_prefix="lakeferry-look") as pool:
        while True:
            while flying < 2 * hands and not stop.is_set():
                found = _next(ring, most)
                if found is None:
                    break
                _begin(pool, *found, done)
                flying += 1
            if not flying:
                return
            try:
                trip, task, future = done.get(timeout=TURN_S)
            except Empty:
                on_turn()
                continue
            flying -= 1
            answer = future.result()
            trip.take(task, answer)
            yield trip, task, answer


def _begin(pool: ThreadPoolExecutor, trip: Trip, task: Task, done: SimpleQueue[Done]) -> None:
    future = pool.submit(trip.perform, task)
    future.add_done_callback(lambda ended: done.put((trip, task, ended)))


def _next(ring: deque[Trip], most: int) -> tuple[Trip, Task] | None:
    """Of the first trip that has something to do; it goes behind the others."""
    for _ in range(len(ring)):
        trip = ring[0]
        ring.rotate(-1)
        if trip.flying < most and (task := trip.next()) is not None:
            return trip, task
    return None
