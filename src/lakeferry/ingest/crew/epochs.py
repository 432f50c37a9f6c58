"""Epochs of one life: asked for of all workers, and committed in order when all have answered.

Whatever changes the table is done here, and aside, for a store that is away may take minutes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import monotonic

from lakeferry.errors import FerryError
from lakeferry.ingest.crew import durable
from lakeferry.ingest.crew.begin import Beginning
from lakeferry.ingest.crew.durable import Tables, make_durable, spans_of
from lakeferry.ingest.crew.flights import Flight, Flights
from lakeferry.ingest.crew.life import Life
from lakeferry.ingest.crew.lookout import Look, Lookout
from lakeferry.ingest.crew.loss import accepted, is_another, recreated_error, restarts
from lakeferry.ingest.crew.outcome import BeginAgain, failed, lost_to
from lakeferry.ingest.events import GapAccepted, ShardEnded
from lakeferry.ingest.files.small_files import scattered
from lakeferry.ingest.kinesis.lineage import Listing
from lakeferry.ingest.payload.columns import Types, is_full
from lakeferry.ingest.payload.evolved import grown_for
from lakeferry.ingest.payload.row_schema import row_schema
from lakeferry.ingest.position.state import Gap, Missed
from lakeferry.ingest.table.commit import commit
from lakeferry.ingest.table.opening import change_columns, with_form
from lakeferry.ingest.table.target import Lost
from lakeferry.ingest.worker.messages import Batch, Flush, Reform

Ended = tuple[str, ...]  # shards whose end a commit has


class Epochs:
    """For one thread. What it was asked for and did not commit is void with it."""

    def __init__(self, life: Life, begun: Beginning, lookout: Lookout) -> None:
        self._life = life
        self._lookout = lookout
        self.tables = Tables(begun.target, begun.state, begun.rejected)
        self.known_bad = begun.known
        self._declared = begun.declared
        self.flights = Flights()
        self._asked = begun.state.epoch  # the last one
        self._commits_s: float | None = None  # when the epoch was asked for that is committed now
        self.committed_s = monotonic()  # the last one
        self.records = 0  # of Kinesis, that this life committed
        self._is_scattered = False  # and that was told

    @property
    def next(self) -> int:
        """The epoch that will be asked for next."""
        return self._asked + 1

    def waiting_s(self, now_s: float) -> float:
        """How long the oldest epoch waits for its commit."""
        return now_s - (self._commits_s or self.flights.oldest_s or now_s)

    def ask(self) -> None:
        """Ask all workers for their files."""
        self._asked += 1
        self.flights.ask(self._asked, monotonic())
        self._life.hands.flushed()
        self._life.crew.order_all(Flush(self._asked))

    def land(self, worker: int, batch: Batch) -> None:
        """A worker has answered."""
        self.flights.land(worker, batch)
        self._life.hands.landed(worker, batch)

    def commit_next(self, listed: Listing) -> Ended | BeginAgain | None:
        """Commit the oldest epoch if it is whole; None where it is not.

        Args:
            listed: shards as the stream shows them.

        Raises:
            FerryError: it cannot be committed, and waiting will not help.
        """
        flight = self.flights.next_whole(len(self._life.crew))
        return None if flight is None else self.commit(flight, listed)

    def commit(self, flight: Flight, listed: Listing) -> Ended | BeginAgain:
        """Make the batches durable that have come of an epoch. Raises as `commit_next` does."""
        batches, before = list(flight.batches.values()), self.tables
        again = self._doubted(batches)
        if again is not None:
            return again
        horizon_ms = self._lookout.newest.horizon_ms
        self._commits_s = flight.asked_s
        try:
            made = self._life.aside.do(lambda: make_durable(before, batches, listed, horizon_ms))
        except FerryError as error:
            return failed(error)
        finally:
            self._commits_s = None
        if isinstance(made, Lost):
            return lost_to(made)
        made = self._as_it_is(made)
        self.tables, self.committed_s = made, monotonic()
        self._tell_committed(batches, self.committed_s - flight.asked_s)
        if made.target.form != before.target.form:
            self._life.crew.order_all(Reform(made.target.form, self._declared))
        return self._ended(batches)

    def _as_it_is(self, made: Tables) -> Tables:
        """With the form of rows to come, where others gave the table up a rule: ours still fit."""
        target, ingest = made.target, self._life.ingest
        if target.metadata == self.tables.target.metadata:
            return made
        payload = replace(ingest.payload, schema=self._declared)
        formed = with_form(target, ingest.target, row_schema(payload))
        return replace(made, target=formed)

    def _doubted(self, batches: Sequence[Batch]) -> BeginAgain | None:
        """Why batches may be of another stream that took the name; None: they are not.

        An iterator is asked for by name and shard alone, and both are alike in a stream that was
        made anew. If the stream is the same after it was got, the iterator is of no other.
        """
        if not any(batch.renewed for batch in batches):
            return None
        since_s = monotonic()
        look = self._life.aside.do(self._lookout.look)
        if look.told_s >= since_s:
            return self.made_anew(look)
        why = "whether the stream is the one that was read cannot be seen"
        return BeginAgain(why, error=self._lookout.trouble)

    def made_anew(self, look: Look) -> BeginAgain | None:
        """What becomes of a life whose stream is another one by now; None: it is not.

        Raises:
            FerryError: LF-7051 unless it is to be read from its beginning then.
        """
        if not is_another(self.tables.state, look.identity):
            return None
        if restarts(self.tables.state, look.identity, self._life.ingest.on_recreated):
            return BeginAgain(f"{look.identity.name} was made anew")
        raise recreated_error(self.tables.state, look.identity)

    def _tell_committed(self, batches: Sequence[Batch], took_s: float) -> None:
        life = self._life
        self.records += sum(batch.counts.records for batch in batches)
        life.notices.taken(took_s)
        life.tally.committed_batches(batches, took_s)
        life.emit(durable.told(self.tables, batches, took_s))
        files = [file for batch in batches for file in batch.files]
        told = scattered(files, self.tables.target.form, life.ingest.rhythm.file_bytes)
        if told is not None and not self._is_scattered:
            self._is_scattered = True
            life.emit(told)

    def _ended(self, batches: Sequence[Batch]) -> Ended:
        ended = durable.ended(spans_of(batches))
        for shard_id, end in ended:
            self._life.hands.take(shard_id)
            self._life.emit(ShardEnded(shard_id, end.children))
        return tuple(shard_id for shard_id, _ in ended)

    # --- commits without rows -----------------------------------------------------------------

    def grow(self, types: Types) -> BeginAgain | None:
        """New fields become columns; each worker writes for the new form from here on."""
        life, target = self._life, self.tables.target
        if self._declared is None:
            raise ValueError("raw records have no fields")
        declared, refused = grown_for(life.ingest, target, self._declared, types)
        life.notices.left_out(refused, full=is_full(declared))
        if declared != self._declared:
            wanted = row_schema(replace(life.ingest.payload, schema=declared))
            done = life.aside.do(lambda: change_columns(target, life.ingest.target, wanted))
            if isinstance(done, Lost):
                return lost_to(done)
            target = done
        self._declared = declared
        self.tables = replace(self.tables, target=target)
        life.crew.order_all(Reform(target.form, declared))
        return None

    def miss(self, shards: Mapping[str, Missed]) -> None:
        """Nothing waits for these either; the next commit says it."""
        if shards:
            state = self.tables.state
            state = replace(state, missed={**shards, **state.missed})
            self.tables = replace(self.tables, state=state)

    def accept(self, gaps: Sequence[Gap], look: Look) -> BeginAgain | None:
        """Write down that records went unread."""
        target = self.tables.target
        after = accepted(self.tables.state, gaps, look.listed, now_ms=look.service_ms)
        done = self._life.aside.do(lambda: commit(target, (), after))
        if isinstance(done, Lost):
            return lost_to(done)
        self.tables = replace(self.tables, target=done.target, state=after)
        for gap in gaps:
            self._life.emit(GapAccepted(gap))
        return None
