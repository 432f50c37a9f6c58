"""The door of the room: a stream into a table, exactly once, until it is told to stop.

A crew that lost a race, or a worker, is ended, and another begins from what the table says. That
cannot go on for ever: two coordinators of one name would hinder each other without an end.
"""

import os
from random import random
from threading import Event as Flag
from time import monotonic

from lakeferry.errors import FerryError
from lakeferry.ingest.crew.begin import Beginning, begin
from lakeferry.ingest.crew.crew_size import idle_workers
from lakeferry.ingest.crew.durable import Tables
from lakeferry.ingest.crew.goal import Goal, goal_of
from lakeferry.ingest.crew.lookout import Look, Lookout
from lakeferry.ingest.crew.outcome import (
    BeginAgain,
    Finished,
    failed,
    lost_to,
    not_all_error,
    unkept_error,
)
from lakeferry.ingest.crew.session import Session
from lakeferry.ingest.crew.tally import Tally
from lakeferry.ingest.events import Began, Emit, Ended, Warned, silent
from lakeferry.ingest.kinesis.lineage import readable
from lakeferry.ingest.position.adopt import Adopted
from lakeferry.ingest.settings import Ingest
from lakeferry.ingest.table.target import Lost
from lakeferry.ingest.upkeep.both_tables import Upkeep

MOST_LOST = 8  # races in a row
MOST_FAILED = 5  # crews in a row that committed nothing
# So long without a commit what may pass is waited for: a store that is away for minutes comes back,
# and meanwhile the stream keeps the records.
OUTAGE_S = 900.0
# Of one's own commits, until races that were lost before count no more. One alone says nothing:
# two coordinators may win in turns.
WON_AGAIN = 3
UPKEEP_S = 60.0  # of a run that ends by itself, and may be all that there is of it
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
_UNFIT = frozenset({"LF-7041", "LF-7042"})  # rows cannot be made as the table asks


def run(
    ingest: Ingest,
    *,
    emit: Emit = silent,
    stop: Flag | None = None,
    adopted: Adopted | None = None,
) -> Ended:
    """Ingest until `stop` is set, or with `once` until what is there is committed.

    Args:
        emit: called with what happens (`ingest.events`), from this thread.
        stop: set it from another thread or a signal handler: what was read is committed first.
        adopted: where each shard begins if the ingest is new here, see `adopt_read.adopt`.

    Raises:
        FerryError: LF-7051 another stream; LF-7052 records were lost; LF-7053 another ingest of
            this name; LF-7054 workers do not live; LF-7055 shards that cannot be read, with
            `once`; LF-7056 it was stopped, and not all that was read could be committed; and
            whatever Kinesis or the table refuses. What is committed stays.
    """
    stop = stop or Flag()
    with Lookout(ingest.source, ingest.rhythm.list_every_s) as lookout:
        first = lookout.first(lambda trouble: emit(_not_yet(trouble)))
        whole = _Run(ingest, lookout, first, emit, adopted)
        try:
            return whole.until(stop)
        finally:
            whole.end()


class _Run:
    def __init__(
        self,
        ingest: Ingest,
        lookout: Lookout,
        first: Look,
        emit: Emit,
        adopted: Adopted | None,
    ) -> None:
        self._ingest = ingest
        self._lookout = lookout
        self._emit = emit
        self._adopted = adopted
        self._tally = Tally(monotonic())
        self._lost = self._failed = 0  # in a row
        self._failing_s: float | None = None  # since when
        self._changed: BeginAgain | None = None  # of the table, since a crew began
        self._goal: Goal | None = None  # None: without an end, or not begun
        self._first = self._look = first
        self._upkeep: Upkeep | None = None
        self._tables: Tables | None = None  # as the last crew left them; None: there was none
        self._holds_records = False  # the last crew had read what it did not commit

    def until(self, stop: Flag) -> Ended:
        """Crew after crew, until one finishes."""
        while True:
            begun = self._begin()
            if isinstance(begun, BeginAgain):
                again = begun
                self._count(again, 0)
            else:
                self._changed = None
                self._tell_began(begun)
                if self._ingest.once and self._goal is None:
                    look = self._first
                    self._goal = goal_of(look.listed, begun.state, look.service_ms)
                before = self._tally.commits
                outcome = self._session(begun, stop)
                if isinstance(outcome, Finished):
                    return self._ended(outcome.reason)
                again = outcome
                self._count(again, self._tally.commits - before)
            self._wait(again, stop)
            if stop.is_set():
                return self._stopped(again)
            self._look = self._lookout.look()

    def _begin(self) -> Beginning | BeginAgain:
        try:
            begun = begin(self._ingest, self._lookout, self._look, self._emit, self._adopted)
        except FerryError as error:
            if not self._tally.restarts:
                raise
            if self._changed is not None and error.code in _UNFIT:
                raise unkept_error(self._changed, error) from error
            return failed(error)
        return lost_to(begun) if isinstance(begun, Lost) else begun

    def _session(self, begun: Beginning, stop: Flag) -> Finished | BeginAgain:
        """One crew, to its end."""
        if self._upkeep is None:
            self._upkeep = Upkeep(self._ingest, begun, monotonic())
        watch, tally, upkeep = self._lookout, self._tally, self._upkeep
        session = Session(self._ingest, begun, watch, tally, upkeep, self._emit, stop)
        try:
            return session.run(self._goal)
        finally:
            self._tables, self._holds_records = session.tables, session.holds_records

    def end(self) -> None:
        """Whatever happened: nothing that was begun here goes on."""
        if self._upkeep is not None:
            self._upkeep.end()

    def _count(self, again: BeginAgain, commits: int) -> None:
        """Raises where it went wrong too often in a row."""
        self._lost = 0 if commits >= WON_AGAIN else self._lost
        if commits:
            self._failed, self._failing_s = 0, None
        if again.version is None:
            self._failed += 1
            now = monotonic()
            self._failing_s = self._failing_s or now
            # What passes is never the fault of crews, and other faults are not mended by waiting.
            enough_s = 0.0 if again.error is None else OUTAGE_S
            if self._failed >= MOST_FAILED and now - self._failing_s >= enough_s:
                raise again.error or _no_crew(again, self._ingest)
            return
        self._lost += 1
        self._changed = again if again.changed else self._changed
        if self._lost >= MOST_LOST:
            way = _ever_changing if again.changed else _another
            raise way(again, self._ingest, self._lost)

    def _wait(self, again: BeginAgain, stop: Flag) -> None:
        """Longer each time and never alike, so that one of two coordinators gets on."""
        self._tally.restarts += 1
        highest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (self._lost + self._failed))
        wait = highest * (0.5 + random() / 2)  # no secret hangs on it
        self._emit(
            Warned(
                None,
                f"reading begins anew in {wait:.1f} s: {again.why}",
                "nothing is lost and nothing comes twice; see what it names if it happens again",
            )
        )
        stop.wait(wait)

    def _tell_began(self, begun: Beginning) -> None:
        ingest, look = self._ingest, begun.look
        shards = len(readable(look.listed, begun.state.shards, begun.state.missed))
        self._emit(
            Began(
                ingest.name,
                ingest.source.stream,
                ingest.source.endpoint.host,
                ingest.target.url,
                begun.target.version,
                begun.state.epoch,
                begun.resumes,
                shards,
                look.summary.open_shard_count,
                ingest.workers,
                look.retention_s,
                self._tally.restarts,
            )
        )
        idle = idle_workers(ingest.workers, shards, len(os.sched_getaffinity(0)))
        if idle and not self._tally.restarts:
            way = "take at most one of --workers for each core and shard; each takes memory"
            self._emit(Warned(None, idle, way))

    def _stopped(self, again: BeginAgain) -> Ended:
        """It is to stop before it begins anew. Raises LF-7056 where a crew's work is void."""
        if self._tables is None or self._holds_records:
            version = -1 if self._tables is None else self._tables.target.version
            raise not_all_error(again.why, self._ingest.target.url, version)
        return self._ended("stopped")

    def _ended(self, reason: str) -> Ended:
        tables = self._tables
        if tables is None:
            raise ValueError("it ended before it began")
        if self._upkeep is not None:
            wait_s = UPKEEP_S if self._goal else 0.0
            for event in self._upkeep.finish(tables, monotonic(), wait_s):
                self._emit(event)
        done = self._tally.committed
        found = Ended(
            reason,
            tables.target.version,
            tables.state.epoch,
            self._tally.commits,
            done.records,
            done.rows,
            done.bad,
            done.doubles,
            self._tally.read.bytes_in,
            tables.state.gaps,
            self._tally.restarts,
            self._tally.elapsed_s(monotonic()),
            done.out_of_range,
            self._ingest.source.out_of_range,
        )
        self._emit(found)
        return found


def _not_yet(trouble: FerryError) -> Warned:
    """Nothing is begun, since Kinesis does not answer; told before it is given up."""
    said = f"{trouble.what}: {trouble.where}"
    return Warned(trouble.code, said, "nothing: it is asked again for a while")


def _another(again: BeginAgain, ingest: Ingest, times: int) -> FerryError:
    by = f", by {again.writer}" if again.writer else ""
    return FerryError(
        "LF-7053",
        f"another ingest named `{ingest.name}` writes to this table, and won {times} times",
        f"{ingest.target.url}: version {again.version} is its last commit{by}",
        "stop one of the two: nothing was lost or doubled, but they hinder each other; two streams "
        "into one table need two names (--name)",
    )


def _ever_changing(again: BeginAgain, ingest: Ingest, times: int) -> FerryError:
    return FerryError(
        "LF-7045",
        f"the table changed {times} times, and nothing could be committed: {again.changed}",
        f"{ingest.target.url}: version {again.version} is its last change",
        "let the writer that changes it come to an end, then start the ingest again; it reads on "
        "from what is committed",
    )


def _no_crew(again: BeginAgain, ingest: Ingest) -> FerryError:
    return FerryError(
        "LF-7054",
        f"workers ended {MOST_FAILED} times before anything was committed",
        f"{ingest.name}: {again.why}",
        "read what they wrote to stderr; where memory is short take fewer --workers. What is "
        "committed stays, and the next start goes on from there",
    )
