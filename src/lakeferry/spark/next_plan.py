"""What the next batch reads, from where the last one ended: one stream, nothing missing. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from lakeferry.errors import FerryError
from lakeferry.ingest.crew.gone import ANY_TIME, forgettable, without
from lakeferry.ingest.crew.loss import accepted, is_another, loss_error, recreated_error
from lakeferry.ingest.kinesis.lineage import Listing
from lakeferry.ingest.position.state import Gap, IngestState, StreamIdentity
from lakeferry.spark.epoch import EpochPlan, Mark, groups_of


def plan_after(
    state: IngestState,
    start: Mark,
    end: Mark,
    listed: Listing,
    *,
    per_task: int,
    horizon_ms: int = ANY_TIME,
) -> EpochPlan:
    """The plan of the batch from `start` to `end`.

    Args:
        state: where all shards stand at `start`.
        listed: the stream's shards, looked up after all of `start` was recorded.
        horizon_ms: what came before this is gone, since the epoch.
    """
    gone = forgettable(listed, state.shards, horizon_ms)
    kept = {shard: place for shard, place in state.shards.items() if shard not in gone}
    whole = end.until_ms is not None
    groups = groups_of(listed, kept, per_task=per_task, whole=whole)
    return EpochPlan(end, start, replace(state, shards=kept), groups)


def checked_stream(state: IngestState, found: StreamIdentity) -> None:
    """Raises FerryError LF-7051 where the positions are of another stream of the same name."""
    if not is_another(state, found):
        return
    error = recreated_error(state, found)
    raise FerryError(
        error.code,
        error.what,
        error.where,
        "if it was deleted and made again, begin anew with another checkpoint and another "
        "metadataPath: rows of the old stream stay; else name the right stream",
    )


def without_gaps(
    state: IngestState, gaps: Sequence[Gap], listed: Listing, *, fail: bool
) -> IngestState:
    """The state that goes on behind what the stream forgot, and remembers it.

    Raises:
        FerryError: LF-7052 where that is not allowed.
    """
    if not gaps:
        return state
    if not fail:
        after = accepted(state, gaps, listed)
        # A shard that is gone stays ended here: a batch that was planned cannot get another one.
        shards = without(state.shards, gaps, listed)
        return replace(after, epoch=state.epoch, shards=shards, missed=state.missed)
    error = loss_error(gaps, state.stream.name)
    raise FerryError(
        error.code,
        error.what,
        error.where,
        "find what stopped the query for so long; to go on without these records set "
        "failOnDataLoss to false, which writes the gap down with the positions",
    )


def out_of_turn(start: Mark, end: Mark) -> FerryError:
    """LF-7072: Spark asks for an end that was told before the reader knew where the query stood."""
    return FerryError(
        "LF-7072",
        f"batch {end.epoch} does not follow batch {start.epoch}",
        "as spark.sql.streaming.triggerAvailableNowWrapper.enabled makes it",
        "leave that setting off, as it is by default: availableNow reads all that is there without",
    )
