"""The driver's side of a query: where it begins, when a batch is due, what it reads. No pyspark."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from secrets import token_hex
from time import monotonic, sleep

from lakeferry.connect.aws_keys import AwsKeys
from lakeferry.ingest.crew.lookout import Look, Lookout
from lakeferry.ingest.crew.loss import LOOKS, LossWatch, shown
from lakeferry.ingest.kinesis.lineage import Listing, first_positions, is_whole, readable
from lakeferry.ingest.position.start import parse_start
from lakeferry.ingest.position.state import Ended, Gap, IngestState
from lakeferry.ingest.settings import SourceSettings
from lakeferry.spark.epoch import (
    QUERY_BYTES,
    ChunkEnd,
    EpochPlan,
    Mark,
    after,
    is_behind,
    state_after,
    unread,
)
from lakeferry.spark.next_plan import checked_stream, out_of_turn, plan_after, without_gaps
from lakeferry.spark.options import Options
from lakeferry.spark.peek import Peek
from lakeferry.spark.record import Record

IDLE_S = 3600.0  # without a record; then a batch says up to when nothing was missed
DOUBT_S = 1.0  # between two looks for a shard that should be listed and is not
LOOK_S = 1.0  # how long Spark waits for an answer at most, when there is nothing to read
LOG = logging.getLogger("lakeferry.spark")


@dataclass(frozen=True, slots=True)
class Finished:
    """A batch whose every task has recorded its end."""

    mark: Mark
    state: IngestState
    behind: bool  # there was more to read


class Epochs:
    """What Spark asks of a source on the driver. One thread at a time; `close` ends it."""

    def __init__(
        self, options: Options, source: SourceSettings, keys: Callable[[], AwsKeys], record: Record
    ) -> None:
        self._options, self._record = options, record
        self._lookout = Lookout(source, options.list_every_s, keys=keys)
        self._peek = Peek(source, keys)
        self._looking = False
        self._seen: EpochPlan | None = None  # of the last batch that Spark spoke of
        self._finished: Finished | None = None
        self._promised: Mark | None = None  # an end that was told, and is not planned yet
        self._first = True  # batch of this run
        self._planned_s = monotonic()
        for note in options.notes:
            LOG.warning("option %s; it changes nothing", note)

    def initial(self) -> Mark:
        """Where a query without a checkpoint begins; recorded before Spark knows of any end.

        Spark keeps no beginning, and asks again where its first batch is run again. `latest` would
        be later by then, so it is the one that was recorded.

        Raises:
            FerryError: LF-7072 where nothing is recorded of it.
        """
        if self._seen is None:
            self._seen = self._begun()
        if self._seen.mark.epoch != 1:
            return self._seen.mark
        begun = Mark(0, self._seen.mark.token)
        if self._record.plan(begun) is None:
            raise self._record.lost(begun)
        return begun

    def _begun(self) -> EpochPlan:
        look = self._look()
        place = parse_start(self._options.start, look.service_ms)
        shards = first_positions(self._all_listed(look), place, look.service_ms)
        begin = Mark(0, token_hex(QUERY_BYTES))
        return self._record.put_plan(EpochPlan(begin, None, IngestState(0, look.identity, shards)))

    def _all_listed(self, look: Look) -> Listing:
        """What looks show until they lack nothing, or the same several times in a row.

        A parent that they lack is not begun later: what its child has would be in the table.
        """
        listed, times = dict(look.listed), 1
        while times < LOOKS and not is_whole(listed):
            sleep(DOUBT_S)
            newer = self._looked_after().listed
            times = times + 1 if newer.keys() <= listed.keys() else 1
            listed |= newer
        return listed

    def latest(self) -> Mark:
        """The end of the next batch; that of the last one while there is nothing to read.

        The first batch of a run is due at once: a new query's beginning gets into the checkpoint
        by it, and with the trigger availableNow it is the only one.
        """
        if self._seen is None:
            self._seen = self._begun()
        if self._promised is None and (self._first or self._is_due()):
            self._promised = replace(after(self._seen.mark, token_hex(4)), until_ms=self._until())
            self._first = False
        return self._promised or self._seen.mark

    def plan(self, start: Mark, end: Mark) -> EpochPlan:
        """What the batch from `start` to `end` reads; the same whenever it is asked for.

        Raises:
            FerryError: LF-7051 another stream; LF-7052 records were lost; LF-7072 what `start`
                read is not recorded, or is not the batch before; those of looking at the stream.
        """
        if end.epoch != start.epoch + 1:
            raise out_of_turn(start, end)
        if self._promised == end:
            self._promised = None
        self._planned_s = monotonic()
        known = self._record.plan(end)
        if known is not None:
            self._seen = known
            return self._still_there(known)
        self._seen = self._record.put_plan(self._planned(start, end))
        return self._seen

    def resume(self, mark: Mark) -> None:
        """The query goes on from a checkpoint that ends with this batch, read or not."""
        found = self._record.plan(mark)
        if found is None:
            # Spark wrote the end down, and was ended before it asked what to read.
            found = EpochPlan(mark, None, IngestState(mark.epoch, self._look().identity))
        self._seen = found

    def committed(self, mark: Mark) -> None:
        """Spark is through with a batch: what it would not go back to is forgotten."""
        self._record.tidy(mark)

    def close(self) -> None:
        """End the connections."""
        self._lookout.__exit__()
        self._peek.close()

    # --- when a batch is due --------------------------------------------------------------

    def _until(self) -> int | None:
        """A batch that holds all that is there now; None: as much as a batch may."""
        if self._first and self._options.first_batch == "backlog":
            return self._look().service_ms
        return None

    def _is_due(self) -> bool:
        assert self._seen is not None
        done = self._done(self._seen)
        if done is None or done.behind or monotonic() - self._planned_s > IDLE_S:
            return True
        asked = {shard for group in self._seen.groups for shard in group}
        began = monotonic()
        while True:
            ready = readable(self._look().listed, done.state.shards)
            if ready.keys() - asked or self._peek.finds(done.mark, ready, began + LOOK_S):
                return True
            if monotonic() >= began + LOOK_S:
                return False
            sleep(0.05)

    def _done(self, plan: EpochPlan) -> Finished | None:
        """Where a batch ended; None while one of its tasks has not."""
        if self._finished is None or self._finished.mark != plan.mark:
            ends = self._record.ends(plan)
            state = state_after(plan, ends, self._record.gaps(plan.mark))
            if state is None:
                return None
            _tell_paused(ends)
            self._finished = Finished(plan.mark, state, is_behind(ends))
        return self._finished

    # --- what it reads --------------------------------------------------------------------

    def _planned(self, start: Mark, end: Mark) -> EpochPlan:
        before = self._record.plan(start)
        if before is None:
            raise self._record.lost(start)
        done = self._done(before)
        if done is None:
            raise self._record.lost(start)
        state, look = done.state, self._looked_after()
        checked_stream(state, look.identity)
        look, gaps = self._lost(state, look)
        state = without_gaps(state, gaps, look.listed, fail=self._options.fail_on_loss)
        per_task, horizon_ms = self._options.shards_per_task, look.horizon_ms
        return plan_after(state, start, end, look.listed, per_task=per_task, horizon_ms=horizon_ms)

    def _still_there(self, plan: EpochPlan) -> EpochPlan:
        """A batch that was planned before this run, perhaps long ago: its records may be gone.

        A shard that is gone whole is taken for ended, for asking for it would end the query.
        """
        state = replace(plan.state, shards=unread(plan, self._record.ends(plan)))
        look = self._looked_after()
        checked_stream(state, look.identity)
        look, gaps = self._lost(state, look)
        after_gaps = without_gaps(state, gaps, look.listed, fail=self._options.fail_on_loss)
        if not gaps:
            return plan
        self._record.put_gaps(plan, gaps)
        ended = {name: one for name, one in after_gaps.shards.items() if isinstance(one, Ended)}
        return replace(plan, state=replace(plan.state, shards={**plan.state.shards, **ended}))

    def _lost(self, state: IngestState, look: Look) -> tuple[Look, tuple[Gap, ...]]:
        """What retention took before it was read, and the look that shows it."""
        watch = LossWatch()
        gaps = watch.seen(look.listed, state, look.horizon_ms)
        while watch.doubts:
            sleep(DOUBT_S)
            look = self._looked_after()
            gaps = watch.seen(look.listed, state, look.horizon_ms)
        if not self._options.fail_on_loss:
            for gap in gaps:
                LOG.warning("records were lost and failOnDataLoss is false: %s", shown(gap))
        return look, gaps

    def _look(self) -> Look:
        if not self._looking:
            self._looking = True
            return self._lookout.first()
        return self._lookout.newest

    def _looked_after(self) -> Look:
        """A look that began after all that the last batch did; the trouble, where there is none."""
        if not self._looking:
            return self._look()
        before = self._lookout.newest.number
        look = self._lookout.look()
        if look.number == before and self._lookout.trouble is not None:
            raise self._lookout.trouble
        return look


def _tell_paused(ends: Sequence[Sequence[ChunkEnd]]) -> None:
    for parts in ends:
        for part in parts:
            for shard, why in part.paused.items():
                LOG.warning("%s was not read: %s", shard, why)
