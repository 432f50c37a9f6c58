"""What a table needs beside commits: checkpoints, a short log, fewer files; in another process.

Nothing of it is needed for what is committed to be right, so nothing of it may stop an ingest: what
fails is told and tried again. It is a process of its own, for it takes memory that must be given
back, and time in which commits go on.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from lakeferry.delta.checkpoint_head import checkpoint_head
from lakeferry.delta.log import list_log
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.ingest.crew.processes import die_with_parent, start_deaf
from lakeferry.ingest.events import Compacted, Event, Noted, Warned
from lakeferry.ingest.settings import Rhythm, TargetSettings
from lakeferry.ingest.table.orphans import sweep
from lakeferry.ingest.upkeep.compact import COLUMNS, Sizes, plan_joins, why_not
from lakeferry.ingest.upkeep.join_commit import GivenUp, Known, commit_join
from lakeferry.ingest.upkeep.join_files import join_files, joined_form
from lakeferry.ingest.upkeep.log_cleanup import clean_log
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store

NICE = 10  # commits go first
FIRST_COMPACTION_S = 600.0  # after the start, at the latest: an ingest may be restarted often
AGAIN_S = 60.0  # after a job that failed
LONGEST_S = 3600.0  # of one job
JOINING_S = 900.0  # after which no further join is begun: checkpoints are to come, too


@dataclass(frozen=True, slots=True)
class Job:
    """What one child process does, in this order."""

    target: TargetSettings
    name: str  # of the ingest
    checkpoint_every: int = 0  # versions; 0: no checkpoint now
    clean_log: bool = False
    compact_after_s: float | None = None  # younger files are left alone; None: no compaction now
    sizes: Sizes = field(default_factory=Sizes)
    sweep: bool = False  # remove files that a crash left


class Maintenance:
    """When upkeep of one table is due, and the child that does it. For one thread.

    Args:
        version: of the table when the ingest begins.
        now_s: of a clock that never goes back.
    """

    def __init__(
        self, target: TargetSettings, name: str, rhythm: Rhythm, *, version: int, now_s: float
    ) -> None:
        self._target, self._name, self._rhythm = target, name, rhythm
        self._checkpointed = version // rhythm.checkpoint_every
        every_s = rhythm.compact_every_s
        self._compact_s = None if every_s is None else now_s + min(every_s, FIRST_COMPACTION_S)
        self._not_before_s = now_s
        self._begun_s = now_s
        self._child: SpawnProcess | None = None
        self._pipe: Connection | None = None

    @property
    def process_id(self) -> int | None:
        """Of the child; None while nothing is done."""
        return None if self._child is None else self._child.pid

    def turn(self, version: int, now_s: float) -> tuple[Event, ...]:
        """Begin what is due, tell what ended since. Neither waits nor raises.

        Args:
            version: of the table, as it is known.
        """
        told = self._heard(now_s)
        if self._child is None and now_s >= self._not_before_s:
            job = self._due(version, now_s)
            if job is not None:
                self._begin(job, now_s)
        return told

    def finish(self, timeout_s: float) -> tuple[Event, ...]:
        """Wait for what is being done, so long; then end it. It can be done another time."""
        told: tuple[Event, ...] = ()
        if self._child is not None:
            self._child.join(timeout_s)
            told = self._heard(self._begun_s)
        self.end()
        return told

    def end(self) -> None:
        """End the child where it stands. May be called again."""
        if self._child is not None:
            self._child.kill()
            self._child.join()
            self._forget()

    def _due(self, version: int, now_s: float) -> Job | None:
        number = version // self._rhythm.checkpoint_every
        checkpoint = number > self._checkpointed
        compact = self._compact_s is not None and now_s >= self._compact_s
        if not (checkpoint or compact):
            return None
        self._checkpointed = number
        if compact and self._rhythm.compact_every_s is not None:
            self._compact_s = now_s + self._rhythm.compact_every_s
        return Job(
            self._target,
            self._name,
            self._rhythm.checkpoint_every if checkpoint else 0,
            checkpoint and self._rhythm.clean_log,
            self._rhythm.compact_after_s if compact else None,
            sweep=compact or self._compact_s is None,
        )

    def _begin(self, job: Job, now_s: float) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe(duplex=False)
        self._child = context.Process(target=_live, args=(theirs, job), name="upkeep", daemon=True)
        start_deaf(self._child)
        theirs.close()
        self._begun_s = now_s

    def _heard(self, now_s: float) -> tuple[Event, ...]:
        """What the child said; once it has ended it is forgotten."""
        if self._child is None or self._pipe is None:
            return ()
        # Asked before: the last words of a dying process are in the pipe by then.
        alive = self._child.is_alive()
        told: list[Event] = []
        with suppress(EOFError, OSError):
            while self._pipe.poll():
                told.append(self._pipe.recv())
        if alive and now_s - self._begun_s > LONGEST_S:
            self._child.kill()
        if not alive:
            self._child.join()
            if self._child.exitcode:
                code = self._child.exitcode
                told.append(_failed(RuntimeError(f"its process ended with code {code}")))
            self._forget()
        if any(isinstance(one, Warned) for one in told):
            self._not_before_s = now_s + AGAIN_S
        return tuple(told)

    def _forget(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
        self._child, self._pipe = None, None


# --- in the child ---------------------------------------------------------------------------


def _live(pipe: Connection, job: Job) -> None:
    die_with_parent()
    os.nice(NICE)
    for event in do(job):
        pipe.send(event)


def do(job: Job) -> Iterator[Event]:
    """All of a job; each part by itself, so that none hinders another."""
    for part in (_checkpoint, _clean, _sweep, _compact):
        try:
            yield from part(job)
        except FerryError as error:
            yield _failed(error)
        except Exception as error:  # noqa: BLE001 - the door of this process
            yield _failed(error)


def _failed(error: Exception) -> Warned:
    what, code, way = repr(error), None, "nothing, if it does not come again: it is tried again"
    if isinstance(error, FerryError):
        what, code, way = f"{error.what}: {error.where}", error.code, error.next_step
    return Warned(code, f"the upkeep of the table failed: {what}", way)


def _store(job: Job) -> Store:
    return open_store(job.target.url, job.target.options)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _checkpoint(job: Job) -> Iterator[Event]:
    if not job.checkpoint_every:
        return
    store = _store(job)
    listing = list_log(store)
    head = max(listing.commits)
    newest = listing.checkpoints[0].version if listing.checkpoints else -1
    # Another writer may make them, too.
    if head - newest < job.checkpoint_every // 2:
        return
    if checkpoint_head(store, head, now_ms=_now_ms()):
        yield Compacted("checkpoint", head)


def _clean(job: Job) -> Iterator[Event]:
    cleaned = clean_log(_store(job), _now_ms()) if job.clean_log else None
    if cleaned is not None:
        yield Compacted("log cleanup", None, cleaned.files, 0, cleaned.bytes)


def _sweep(job: Job) -> Iterator[Event]:
    swept = sweep(_store(job), job.name) if job.sweep else None
    if swept is not None and swept.removed:
        yield Compacted("orphan removal", None, len(swept.removed), 0, swept.bytes)


def _compact(job: Job) -> Iterator[Event]:
    if job.compact_after_s is None:
        return
    store = _store(job)
    snapshot = read_snapshot(store)
    if why_not(snapshot.protocol):
        return
    older_than_ms = _now_ms() - round(job.compact_after_s * 1000)
    joins = plan_joins(
        snapshot.files.batches(COLUMNS), older_than_ms=older_than_ms, sizes=job.sizes
    )
    if not joins:
        return
    try:
        form = joined_form(store.url, snapshot.metadata, job.name)
    except FerryError:  # a column has a rule that rows would have to be held to
        return
    known = Known(snapshot.version, snapshot.metadata, snapshot.in_commit_timestamp)
    end_s = time.monotonic() + JOINING_S
    for join in joins:
        if time.monotonic() > end_s:
            return
        try:
            file = join_files(store, join, form)
        except FerryError as error:
            if error.code != "LF-7032":
                raise
            yield _failed(error)
            continue
        done = commit_join(store, known, join, file, single_writer=job.target.single_writer)
        if isinstance(done, GivenUp):
            yield Noted(f"{len(join.files)} small files stay as they are: {done.why}")
            return
        known = done
        yield Compacted("compaction", done.version, len(join.files), 1, file.size)
