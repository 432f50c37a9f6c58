"""One life of a crew: from where the table stands to an end, or to a reason to begin anew.

The loop waits for words of the workers and does what is due: new shards are handed out, files asked
for, epochs committed in order. Whatever is in memory here can be lost at any moment.
"""

from collections.abc import Sequence
from dataclasses import replace
from threading import Event as Flag
from time import monotonic

from lakeferry.errors import FerryError
from lakeferry.ingest import durable
from lakeferry.ingest.aside import Aside
from lakeferry.ingest.assign import share_out
from lakeferry.ingest.begin import Beginning
from lakeferry.ingest.columns import Types
from lakeferry.ingest.commit import commit
from lakeferry.ingest.crew import Crew, Work
from lakeferry.ingest.crew import Lost as WorkerLost
from lakeferry.ingest.due import flush_at, flush_due
from lakeferry.ingest.durable import Tables, make_durable, spans_of
from lakeferry.ingest.events import Emit, GapAccepted, ShardEnded, ShardsBegun, Warned
from lakeferry.ingest.evolved import grown_for
from lakeferry.ingest.flights import Flight, Flights
from lakeferry.ingest.goal import Goal, held_up_error
from lakeferry.ingest.hands import Hands
from lakeferry.ingest.joining import is_news, is_worth_a_commit, rejected_places
from lakeferry.ingest.lag import paused
from lakeferry.ingest.landing import land_rest
from lakeferry.ingest.lineage import readable
from lakeferry.ingest.lookout import Look, Lookout
from lakeferry.ingest.loss import (
    LossWatch,
    accepted,
    is_another,
    loss_error,
    recreated_error,
    unread,
)
from lakeferry.ingest.messages import (
    Batch,
    Broken,
    Drain,
    Filled,
    Flush,
    NewColumns,
    Read,
    Reform,
    ShardStart,
    Told,
)
from lakeferry.ingest.notices import Notices
from lakeferry.ingest.outcome import PASSING, BeginAgain, Finished, failed, lost_to
from lakeferry.ingest.position import Gap
from lakeferry.ingest.pulse import Pulse
from lakeferry.ingest.row_schema import row_schema
from lakeferry.ingest.settings import Ingest
from lakeferry.ingest.table import change_columns
from lakeferry.ingest.tally import Standing, Tally
from lakeferry.ingest.target import Lost
from lakeferry.ingest.upkeep import Upkeep

PROGRESS_S = 1.0
PAUSED_S = 60.0  # so long the last shards of a goal may be out of reach before it is given up
LOSS_EVERY_S = 3600.0  # between two gaps that are accepted: each is a commit
SLOW_START_S = 300.0  # until a shard that told nothing is taken for one that cannot be read


class Session:
    """Runs once. For one thread."""

    def __init__(
        self,
        ingest: Ingest,
        begun: Beginning,
        lookout: Lookout,
        tally: Tally,
        upkeep: Upkeep,
        emit: Emit,
    ) -> None:
        self._ingest = ingest
        self._lookout = lookout
        self._tally = tally
        self._upkeep = upkeep
        self._emit = emit
        self._look = begun.look
        self.tables = Tables(begun.target, begun.state, begun.rejected)
        self._declared = begun.declared
        self._flights = Flights()
        self._epoch = begun.state.epoch  # that was last asked for
        self._losses = LossWatch()
        self._notices = Notices(emit)
        self._pulse = Pulse(ingest.rhythm.stopped_s)
        self._aside = Aside(self._meanwhile, PROGRESS_S)
        now = monotonic()
        self._commits_s: float | None = None  # when the epoch was asked for that is committed now
        self._begun_s = self._committed_s = self._progress_s = now
        self._hurried_s = self._moved_s = now
        self._accepted_s = -LOSS_EVERY_S
        self._hands = Hands(ingest.workers)
        form = begun.rejected.form if begun.rejected else None
        self._crew = Crew(Work(ingest, begun.target.form, form, self._declared), ingest.workers)

    def run(self, stop: Flag, goal: Goal | None) -> Finished | BeginAgain:
        """Until `stop` is set, the goal is reached, or there is a reason to begin anew.

        Raises:
            FerryError: what a worker or a commit cannot go on with; what was whole is committed.
        """
        try:
            if stop.is_set():
                return Finished("stopped")
            self._hand_out()
            while not stop.is_set():
                done = self._turn(goal)
                if done is not None:
                    return done
            return self._drain()
        finally:
            self._crew.end()
            self._aside.end()
            self._tally.crew_ended()

    def _turn(self, goal: Goal | None) -> Finished | BeginAgain | None:
        """Hear the workers, and do what is due."""
        done = self._hear() or self._commit_whole() or self._take_look()
        if done is not None:
            return done
        if goal is not None and self._is_at(goal):
            return Finished("caught up")
        now = monotonic()
        pending = self._hands.pending(len(self._flights))
        if flush_due(pending, self._ingest.rhythm, now) or (goal and self._is_read(goal, now)):
            self._flush()
        if now >= self._progress_s + PROGRESS_S:
            self._tell_progress(now)
            for event in self._upkeep.turn(self.tables, now):
                self._emit(event)
        return None

    # --- what workers say ---------------------------------------------------------------------

    def _hear(self) -> BeginAgain | None:
        self._pulse.beat()
        reports = self._crew.hear(self._patience(monotonic()))
        self._pulse.beat()
        for worker, report in reports:
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
                    self._flights.land(worker, report)
                    self._hands.landed(worker, report)
                case NewColumns(types):
                    again = self._grow(types)
                    if again is not None:
                        return again
        slept_s = self._pulse.missed_s
        return BeginAgain(f"nothing ran for {slept_s:.0f} s") if slept_s else None

    def _broken(self, worker: int, error: FerryError) -> BeginAgain | None:
        """Raises the error, unless the stream itself is no more what it was."""
        if error.code == "LF-7062":
            self._lookout.look()
            again = self._take_look()
            if again is not None:
                return again
        if error.code in PASSING:
            return failed(error)
        self._salvage(worker)
        raise error

    def _patience(self, now_s: float) -> float:
        """Until something is due, if no worker speaks."""
        due = self._progress_s + PROGRESS_S
        if not self._flights:
            due = min(due, flush_at(self._hands.pending(0), self._ingest.rhythm))
        return min(PROGRESS_S, max(0.01, due - now_s))

    def _grow(self, types: Types) -> BeginAgain | None:
        """New fields become columns; each worker writes for the new form from here on."""
        if self._declared is None:
            raise ValueError("raw records have no fields")
        target = self.tables.target
        declared, refused = grown_for(self._ingest, target, self._declared, types)
        self._notices.left_out(refused)
        if declared != self._declared:
            wanted = row_schema(replace(self._ingest.payload, schema=declared))
            done = self._aside.do(lambda: change_columns(target, self._ingest.target, wanted))
            if isinstance(done, Lost):
                return lost_to(done)
            target = done
        self._declared = declared
        self.tables = replace(self.tables, target=target)
        self._crew.order_all(Reform(target.form, declared))
        return None

    # --- commits ------------------------------------------------------------------------------

    def _flush(self) -> None:
        self._epoch += 1
        self._flights.ask(self._epoch, monotonic())
        self._hands.flushed()
        self._crew.order_all(Flush(self._epoch))

    def _commit_whole(self) -> BeginAgain | None:
        """Commit the epochs that are whole, in order."""
        while (flight := self._flights.next_whole(self._ingest.workers)) is not None:
            again = self._commit(flight)
            if again is not None:
                return again
        return None

    def _commit(self, flight: Flight) -> BeginAgain | None:
        batches = list(flight.batches.values())
        tables, listed = self.tables, self._look.listed
        self._commits_s = flight.asked_s
        try:
            made = self._aside.do(lambda: make_durable(tables, batches, listed))
        except FerryError as error:
            return failed(error)
        finally:
            self._commits_s = None
        if isinstance(made, Lost):
            return lost_to(made)
        self.tables = made
        now = monotonic()
        self._committed_s = now
        self._notices.taken(now - flight.asked_s)
        self._tally.committed_batches(batches, now - flight.asked_s)
        self._emit(durable.told(made, batches, now - flight.asked_s))
        if made.target.form != tables.target.form:
            self._crew.order_all(Reform(made.target.form, self._declared))
        ended = durable.ended(spans_of(batches))
        for shard_id, end in ended:
            self._hands.take(shard_id)
            self._emit(ShardEnded(shard_id, end.children))
        if ended:
            self._lookout.ask()
            self._hand_out()
        return None

    # --- shards -------------------------------------------------------------------------------

    def _hand_out(self) -> None:
        """Give shards that may be read now, and are not, to workers."""
        places = readable(self._look.listed, self.tables.state.shards)
        new = places.keys() - self._hands.shards
        if not new:
            return
        rejected = self.tables.rejected
        known = rejected_places(rejected.state if rejected else None, self._look.identity)
        for worker, shards in enumerate(share_out(new, self._hands.loads)):
            starts = tuple(
                ShardStart(
                    shard, places[shard], self._look.listed[shard].hash_range, known.get(shard)
                )
                for shard in shards
            )
            if starts:
                self._hands.give(worker, shards)
                self._crew.order(worker, Read(starts, self._epoch + 1))
        self._emit(ShardsBegun(tuple(sorted(new)), len(self._hands.shards)))

    def _take_look(self) -> BeginAgain | None:
        """What the stream shows since the last look at it."""
        look = self._lookout.newest
        if look.number == self._look.number:
            if self._lookout.trouble is not None:
                self._notices.trouble(self._lookout.trouble)
                self._lookout.trouble = None
            return None
        self._look = look
        if is_another(self.tables.state, look.identity):
            if self._ingest.on_recreated == "restart":
                return BeginAgain(f"{look.identity.name} was made anew")
            raise recreated_error(self.tables.state, look.identity)
        self._hand_out()
        if look.begun_s < self._committed_s:
            return None  # it may lack children whose parents' ends are committed
        return self._look_for_losses(look)

    def _look_for_losses(self, look: Look) -> BeginAgain | None:
        seen = self._losses.seen(look.listed, self.tables.state, look.horizon_ms)
        all_told = monotonic() - self._begun_s > SLOW_START_S
        lags = self._tally.lags
        gaps = unread(seen, lags, look.service_ms, look.horizon_ms, all_told=all_told)
        return self._lose(gaps, look) if gaps else None

    def _lose(self, gaps: Sequence[Gap], look: Look) -> BeginAgain | None:
        if self._ingest.on_loss == "fail":
            self._salvage(None)
            raise loss_error(gaps, look.identity.name)
        now = monotonic()
        if now - self._accepted_s < LOSS_EVERY_S:
            return None
        self._accepted_s = now
        after = accepted(self.tables.state, gaps, look.listed)
        done = self._aside.do(lambda: commit(self.tables.target, (), after))
        if isinstance(done, Lost):
            return lost_to(done)
        self.tables = replace(self.tables, target=done.target, state=after)
        for gap in gaps:
            self._emit(GapAccepted(gap))
        if any(gap.shard_id not in look.listed for gap in gaps):
            return BeginAgain("shards are gone with what they held")
        return None

    # --- the end ------------------------------------------------------------------------------

    def _is_at(self, goal: Goal) -> bool:
        """Whether the table has it all, or has all but that nothing came in a short time."""
        state, listed, lags = self.tables.state, self._look.listed, self._tally.lags
        if goal.is_reached(state, listed):
            return True
        if self._flights or self._hands.holds_records or not goal.is_read(state, listed, lags):
            return False
        idle_s = self._ingest.rhythm.idle_commit_s
        return not any(
            lag.ended or is_news(state, shard, lag.read_until_ms, idle_s)
            for shard, lag in lags.items()
        )

    def _is_read(self, goal: Goal, now_s: float) -> bool:
        """Whether the last commit of a goal is due; asked for once a second at most."""
        state, listed, lags = self.tables.state, self._look.listed, self._tally.lags
        held_up = goal.held_up(state, listed, lags)
        if not held_up:
            self._moved_s = now_s
        elif now_s - self._moved_s >= PAUSED_S:
            self._salvage(None)
            raise held_up_error(held_up)
        due = now_s - self._hurried_s >= PROGRESS_S and not self._flights
        if not due or not goal.is_read(state, listed, lags):
            return False
        self._hurried_s = now_s
        return True

    def _drain(self) -> Finished:
        """Stop reading, and commit what was read."""
        self._crew.order_all(Drain())
        self._flush()
        left = land_rest(self._crew, self._flights, self._tally, None)
        again = None
        for flight in left:
            whole = len(flight.batches) == self._ingest.workers
            spans = spans_of(list(flight.batches.values()))
            idle_s = self._ingest.rhythm.idle_commit_s
            worth = is_worth_a_commit(self.tables.state, spans, idle_s)
            if not whole:
                self._emit(
                    Warned(None, "not all was flushed in time", "the next start reads it again")
                )
                break
            again = self._commit(flight) if worth else None
            if again is not None:
                self._emit(Warned(None, again.why, "what it committed holds; ours is void"))
                break
        return Finished("stopped")

    def _salvage(self, broken: int | None) -> None:
        """Commit what the other workers hold, before the run ends in an error."""
        self._crew.order_all(Drain())
        self._flush()
        for flight in land_rest(self._crew, self._flights, self._tally, broken):
            if not flight.batches or self._commit(flight) is not None:
                break

    # --- what people see ----------------------------------------------------------------------

    def _meanwhile(self) -> None:
        """While a commit is waited for."""
        self._pulse.beat()
        self._tell_progress(monotonic())

    def _tell_progress(self, now_s: float) -> None:
        self._progress_s = now_s
        look = self._look
        now_ms = look.service_ms + round((now_s - look.begun_s) * 1000)
        standing = Standing(
            self.tables.target.version,
            self.tables.state,
            self.tables.state_bytes,
            now_ms,
            look.retention_s,
        )
        told = self._tally.progress(now_s, standing, len(self._hands.shards))
        self._emit(told)
        self._notices.retention(told, look.retention_s)
        oldest_s = self._commits_s or self._flights.oldest_s or now_s
        self._notices.late(now_s - oldest_s, self._ingest.target.url)
