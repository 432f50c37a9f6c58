"""The worker processes: started, given orders, listened to, and ended with us however we end.

A worker that stops in the middle of anything costs nothing but time: what it wrote is named by no
commit. So there is no way to mend one; all are ended and others begin from what is committed.
"""

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from queue import SimpleQueue
from threading import Condition, Thread
from time import monotonic
from typing import Any

import pyarrow as pa

from lakeferry.errors import FerryError
from lakeferry.ingest.crew.ears import Ear
from lakeferry.ingest.settings import Ingest
from lakeferry.ingest.worker.memory import let_children_hold_little
from lakeferry.ingest.worker.messages import Order, Report, TableForm

START_S = 180.0  # until a new process says its first word: it loads its libraries before
SILENCE_S = 60.0  # without a word, though one comes every second: it hangs
DEAF_S = 10.0  # so long this process heard nobody: it was stopped, and judges no silence
END_S = 10.0
_OURS = (signal.SIGINT, signal.SIGTERM)  # signals that are meant for the coordinator alone


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker is told at its birth."""

    ingest: Ingest
    form: TableForm
    rejected: TableForm | None  # of the quarantine table
    declared: pa.Schema | None  # columns of the payload


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker is no more, or hangs."""

    why: str


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    ear: Ear
    # Orders go out by a thread: a worker that is writing a long report does not read, and two that
    # write to each other would wait for ever.
    orders: SimpleQueue[Order | None] = field(default_factory=SimpleQueue)


Entry = Callable[[Connection, Work], None]  # what a process runs; importable, for it is spawned


class Crew:
    """Workers 0 to n - 1. For one thread.

    Args:
        is_over: asked before each one is started; once it says so no other follows, for many take
            longer to start than whoever stops us will wait.

    Raises:
        FerryError: LF-7054 the system has no room for one of them; those before it are ended.
    """

    def __init__(
        self,
        work: Work,
        count: int,
        *,
        is_over: Callable[[], bool] = lambda: False,
        entry: Entry | None = None,
    ) -> None:
        self._said = Condition()
        self._workers: list[_Worker] = []
        self._lost: set[int] = set()
        try:
            while len(self._workers) < count and not is_over():
                name = str(len(self._workers))
                self._workers.append(_started(entry or _live, work, name, self._said))
        except OSError as error:
            self.end()
            raise _no_room(len(self._workers), count, error) from error
        except BaseException:
            self.end()
            raise
        self._judged_s = monotonic()

    def __len__(self) -> int:
        return len(self._workers)

    @property
    def process_ids(self) -> tuple[int, ...]:
        return tuple(worker.process.pid or 0 for worker in self._workers)

    @property
    def silent(self) -> frozenset[int]:
        """Workers that have not said a word yet: they are starting, and have read nothing."""
        return frozenset(at for at, worker in enumerate(self._workers) if not worker.ear.spoke)

    def order(self, worker: int, order: Order) -> None:
        """Send an order; it arrives after those before. A worker that is gone is told by `hear`."""
        self._workers[worker].orders.put(order)

    def order_all(self, order: Order) -> None:
        """The same to each."""
        for worker in range(len(self._workers)):
            self.order(worker, order)

    def hear(self, timeout_s: float) -> list[tuple[int, Report | Lost]]:
        """What workers said, in each one's order; waits for the first word up to a time.

        A word that does not end, of a process that was stopped amid it, is no word: its worker is
        lost when it is silent for too long.
        """
        living = [(at, one) for at, one in enumerate(self._workers) if at not in self._lost]
        with self._said:
            self._said.wait_for(lambda: any(one.ear.has_news for _, one in living), timeout_s)
        now = monotonic()
        if now - self._judged_s > DEAF_S:
            for _, one in living:
                one.ear.heard_s = now
        self._judged_s = now
        found: list[tuple[int, Report | Lost]] = []
        for number, worker in living:
            said = _said(worker, now)
            found += [(number, one) for one in said]
            if said and isinstance(said[-1], Lost):
                self._lost.add(number)
        return found

    def end(self) -> None:
        """Kill them all: what they hold and did not report is void. May be called again."""
        for worker in self._workers:
            worker.orders.put(None)
            worker.process.kill()
        for worker in self._workers:
            worker.process.join(END_S)
            worker.ear.join(END_S)
            if not worker.ear.is_alive():
                worker.pipe.close()
        self._lost = set(range(len(self._workers)))


def _no_room(started: int, count: int, error: OSError) -> FerryError:
    return FerryError(
        "LF-7054",
        f"worker {started + 1} of {count} cannot be started",
        f"{error.strerror or error}",
        "take fewer --workers, or let this user have more processes, open files or memory",
    )


def _said(worker: _Worker, now_s: float) -> list[Report | Lost]:
    words, is_over = worker.ear.taken()
    if is_over:
        return [*words, Lost(_end_of(worker))]
    silent_s = now_s - worker.ear.heard_s
    if not words and silent_s > (SILENCE_S if worker.ear.spoke else START_S):
        return [Lost(f"worker {worker.process.name} said nothing for {silent_s:.0f} s")]
    return [*words]


def _end_of(worker: _Worker) -> str:
    worker.process.join(1)
    code = worker.process.exitcode
    # The kernel ends whoever is too big by this signal; nobody else uses it in silence.
    hint = "; the system may have been out of memory" if code == -signal.SIGKILL else ""
    return f"worker {worker.process.name} ended with code {code}{hint}"


def _started(entry: Entry, work: Work, name: str, said: Condition) -> _Worker:
    context = get_context("spawn")
    let_children_hold_little()
    ours, theirs = context.Pipe()
    process = context.Process(target=entry, args=(theirs, work), name=name, daemon=True)
    start_deaf(process)
    theirs.close()
    worker = _Worker(process, ours, Ear(ours, said, name))
    worker.ear.start()
    Thread(target=_send, args=(worker,), daemon=True, name=f"orders-{name}").start()
    return worker


def _send(worker: _Worker) -> None:
    while (order := worker.orders.get()) is not None:
        try:
            worker.pipe.send(order)
        except (OSError, ValueError):
            return  # it is gone, which `hear` tells


def start_deaf(process: SpawnProcess) -> None:
    """Start a process that no signal ends before `die_with_parent` says what becomes of them.

    It takes a second to load its libraries, and what stops us may reach the whole group.
    """
    resource_tracker.ensure_running()  # begun by `start`, it would let signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# --- in the worker --------------------------------------------------------------------------


def _live(pipe: Connection, work: Work) -> None:
    """The worker process from its first step to its last."""
    from lakeferry.ingest.worker.process import work as read_shards

    die_with_parent()
    read_shards(pipe, work.ingest, work.form, work.rejected, work.declared)


def die_with_parent() -> None:
    """End this process at once when the one that began it ends; leave signals to that one.

    Ctrl-C and a service manager's SIGTERM reach the whole group, and then the coordinator needs its
    workers to finish what they have.
    """
    for number in _OURS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _OURS)
    parent = parent_process()
    if parent is not None:
        Thread(target=_follow, args=([parent.sentinel],), daemon=True, name="follow").start()


def _follow(sentinels: Sequence[Any]) -> None:
    wait(sentinels)
    os._exit(1)
