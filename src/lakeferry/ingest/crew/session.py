"""One life of a crew: from where the table stands to an end, or to a reason to begin anew.

The loop waits for words of the workers and does what is due: new shards are handed out (`Shards`),
files asked for and committed in order (`Epochs`), what was read brought in at the end (`landing`).
Whatever is in memory here can be lost at any moment.
"""

from threading import Event as Flag
from time import monotonic

from lakeferry.errors import FerryError
from lakeferry.ingest.crew.aside import Aside
from lakeferry.ingest.crew.begin import Beginning
from lakeferry.ingest.crew.due import flush_at, flush_due
from lakeferry.ingest.crew.durable import Tables
from lakeferry.ingest.crew.epochs import Epochs
from lakeferry.ingest.crew.goal import Goal, held_up_error
from lakeferry.ingest.crew.hands import Hands
from lakeferry.ingest.crew.joining import is_news
from lakeferry.ingest.crew.lag import paused
from lakeferry.ingest.crew.landing import drain, salvage
from lakeferry.ingest.crew.life import Life
from lakeferry.ingest.crew.lookout import Lookout
from lakeferry.ingest.crew.notices import Notices
from lakeferry.ingest.crew.outcome import PASSING, BeginAgain, Finished, failed
from lakeferry.ingest.crew.processes import Crew, Work
from lakeferry.ingest.crew.processes import Lost as WorkerLost
from lakeferry.ingest.crew.pulse import Pulse
from lakeferry.ingest.crew.shards import Shards
from lakeferry.ingest.crew.tally import Standing, Tally
from lakeferry.ingest.events import Emit
from lakeferry.ingest.settings import Ingest
from lakeferry.ingest.upkeep.both_tables import Upkeep
from lakeferry.ingest.worker.messages import (
    Batch,
    Broken,
    Filled,
    Ignored,
    NewColumns,
    Report,
    Told,
)

PROGRESS_S = 1.0
PAUSED_S = 60.0  # so long the last shards of a goal may be out of reach before it is given up


class Session:
    """Runs once. For one thread.

    Args:
        stop: once it is set, no worker is started any more, and `run` brings in what was read.
    """

    def __init__(
        self,
        ingest: Ingest,
        begun: Beginning,
        lookout: Lookout,
        tally: Tally,
        upkeep: Upkeep,
        emit: Emit,
        stop: Flag,
    ) -> None:
        self._ingest = ingest
        self._tally = tally
        self._upkeep = upkeep
        self._emit = emit
        self._stop = stop
        form = begun.rejected.form if begun.rejected else None
        work = Work(ingest, begun.target.form, form, begun.declared)
        self._crew = Crew(work, ingest.workers, is_over=stop.is_set)
        self._hands = Hands(ingest.workers)
        self._notices = Notices(emit)
        self._aside = Aside(self._meanwhile, PROGRESS_S)
        self._life = Life(
            ingest, self._crew, self._hands, self._aside, tally, self._notices, emit
        )  # fmt: skip
        self._epochs = Epochs(self._life, begun, lookout)
        self._shards = Shards(self._life, self._epochs, lookout, begun.look)
        self._pulse = Pulse(ingest.rhythm.stopped_s)
        self._progress_s = self._hurried_s = self._moved_s = monotonic()

    @property
    def tables(self) -> Tables:
        return self._epochs.tables

    @property
    def holds_records(self) -> bool:
        """Whether records were read that no commit has: with the end of the crew they are void."""
        return self._hands.records > self._epochs.records

    def run(self, goal: Goal | None) -> Finished | BeginAgain:
        """Until it is to stop, the goal is reached, or there is a reason to begin anew.

        Raises:
            FerryError: what a worker or a commit cannot go on with; what was whole is committed.
                LF-7056 where it is to stop and not all that was read could be committed.
        """
        try:
            if not self._stop.is_set():
                self._shards.hand_out()
            while not self._stop.is_set():
                done = self._turn(goal)
                if done is not None:
                    return done
            if len(self._crew.silent) < len(self._crew):
                drain(self._life, self._epochs, self._shards.listed)
            return Finished("stopped")
        finally:
            self._crew.end()
            self._aside.end()
            self._tally.crew_ended()

    def _turn(self, goal: Goal | None) -> Finished | BeginAgain | None:
        """Hear the workers, and do what is due."""
        done = self._hear() or self._commit_whole() or self._shards.take_look()
        if done is not None:
            return done
        if goal is not None and self._is_at(goal):
            return Finished("caught up")
        now = monotonic()
        pending = self._hands.pending(len(self._epochs.flights))
        if flush_due(pending, self._ingest.rhythm, now) or (goal and self._is_read(goal, now)):
            self._epochs.ask()
        if now >= self._progress_s + PROGRESS_S:
            self._tell_progress(now)
            for event in self._upkeep.turn(self.tables, now):
                self._emit(event)
        return None

    def _commit_whole(self) -> BeginAgain | None:
        """Commit the epochs that are whole, in order; each may let children of shards be read."""
        while (done := self._epochs.commit_next(self._shards.listed)) is not None:
            if isinstance(done, BeginAgain):
                return done
            self._shards.ended(done)
        return None

    # --- what workers say ---------------------------------------------------------------------

    def _hear(self) -> BeginAgain | None:
        self._pulse.beat()
        reports = self._crew.hear(self._patience(monotonic()))
        self._pulse.beat()
        for worker, report in reports:
            again = self._heard(worker, report)
            if again is not None:
                return again
        slept_s = self._pulse.missed_s
        return BeginAgain(f"nothing ran for {slept_s:.0f} s") if slept_s else None

    def _heard(self, worker: int, report: Report | WorkerLost) -> BeginAgain | None:
        match report:
            case WorkerLost(why):
                return BeginAgain(why)
            case Broken(error):
                return self._broken(worker, error)
            case Told():
                self._tally.told(worker, report)
                self._hands.told(worker, report)
                self._notices.paused(paused(self._tally.lags))
            case Filled():
                self._hands.filled()
            case Batch():
                self._epochs.land(worker, report)
            case Ignored(fields):
                self._notices.ignored(fields)
            case NewColumns(types):
                return self._epochs.grow(types)
        return None

    def _broken(self, worker: int, error: FerryError) -> BeginAgain | None:
        """Raises the error, unless the stream itself is no more what it was."""
        if error.code in ("LF-7062", "LF-1206"):  # no such stream; a number of another one
            again = self._shards.look_again()
            if again is not None:
                return again
        if error.code in PASSING:
            return failed(error)
        salvage(self._life, self._epochs, self._shards.listed, worker)
        raise error

    def _patience(self, now_s: float) -> float:
        """Until something is due, if no worker speaks."""
        due = self._progress_s + PROGRESS_S
        if not self._epochs.flights:
            due = min(due, flush_at(self._hands.pending(0), self._ingest.rhythm))
        return min(PROGRESS_S, max(0.01, due - now_s))

    # --- the goal of a run that ends by itself ------------------------------------------------

    def _is_at(self, goal: Goal) -> bool:
        """Whether the table has it all, or has all but that nothing came in a short time."""
        state, listed, lags = self.tables.state, self._shards.listed, self._tally.lags
        if goal.is_reached(state, listed):
            return True
        held = self._epochs.flights or self._hands.holds_records
        if held or not goal.is_read(state, listed, lags):
            return False
        idle_s = self._ingest.rhythm.idle_commit_s
        return not any(
            lag.ended or is_news(state, shard, lag.read_until_ms, idle_s)
            for shard, lag in lags.items()
        )

    def _is_read(self, goal: Goal, now_s: float) -> bool:
        """Whether the last commit of a goal is due; asked for once a second at most."""
        state, listed, lags = self.tables.state, self._shards.listed, self._tally.lags
        held_up = goal.held_up(state, listed, lags, self._hands.shards)
        if not held_up:
            self._moved_s = now_s
        elif now_s - self._moved_s >= PAUSED_S:
            salvage(self._life, self._epochs, listed)
            raise held_up_error(held_up)
        due = now_s - self._hurried_s >= PROGRESS_S and not self._epochs.flights
        if not due or not goal.is_read(state, listed, lags):
            return False
        self._hurried_s = now_s
        return True

    # --- what people see ----------------------------------------------------------------------

    def _meanwhile(self) -> None:
        """While a commit is waited for."""
        self._pulse.beat()
        self._tell_progress(monotonic())

    def _tell_progress(self, now_s: float) -> None:
        self._progress_s = now_s
        look, tables = self._shards.look, self.tables
        now_ms = look.service_ms + round((now_s - look.begun_s) * 1000)
        version, size = tables.target.version, tables.state_bytes
        standing = Standing(version, tables.state, size, now_ms, look.retention_s)
        told = self._tally.progress(now_s, standing, len(self._hands.shards))
        self._emit(told)
        self._notices.retention(told, look.retention_s)
        self._notices.late(self._epochs.waiting_s(now_s), self._ingest.target.url)
