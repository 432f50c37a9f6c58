"""One epoch made durable: bad records first, in their own table, then rows and positions at once.

Two tables cannot commit together. A crash between the two leaves the bad records in, with the
positions up to where; what is read again is left out there by these.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lakeferry.errors import FerryError
from lakeferry.ingest.crew.joining import next_rejected, next_state
from lakeferry.ingest.crew.lag import total
from lakeferry.ingest.events import BatchCommitted, ShardSpan
from lakeferry.ingest.kinesis.lineage import Listing
from lakeferry.ingest.position.state import After, Ended, IngestState, Span
from lakeferry.ingest.position.text import state_text
from lakeferry.ingest.table.commit import commit
from lakeferry.ingest.table.target import Lost, Target
from lakeferry.ingest.worker.messages import Batch


@dataclass(frozen=True, slots=True)
class Tables:
    """Both tables, as they are known."""

    target: Target
    state: IngestState  # of the target
    rejected: Target | None

    @property
    def state_bytes(self) -> int:
        return len(state_text(self.state))


def make_durable(
    tables: Tables, batches: Sequence[Batch], listed: Listing, horizon_ms: int = 0
) -> Tables | Lost:
    """Commit what workers brought.

    Args:
        batches: of one epoch, in any order.
        listed: shards as the stream shows them.
        horizon_ms: what came before this may be gone, since the epoch.

    Raises:
        FerryError: LF-7003 they do not join what is committed, or do not add up; those of `commit`.
    """
    for batch in batches:
        check_sums(batch, tables.state)
    spans = spans_of(batches)
    after = next_state(tables.state, spans, listed, horizon_ms)
    rejected = tables.rejected
    bad_files = [file for batch in batches for file in batch.rejected]
    if bad_files:
        if rejected is None:
            raise ValueError("a worker brings bad records, and there is no table for them")
        known = rejected.state or IngestState(0, after.stream)
        done = commit(rejected, bad_files, next_rejected(known, spans, after.stream))
        if isinstance(done, Lost):
            return done
        rejected = done.target
    files = [file for batch in batches for file in batch.files]
    made = commit(tables.target, files, after, counts=total([one.counts for one in batches]))
    return made if isinstance(made, Lost) else Tables(made.target, after, rejected)


def check_sums(batch: Batch, state: IngestState) -> None:
    """Every record between a batch's positions was written, and every row lies in its files.

    Raises:
        FerryError: LF-7003 if not: the positions would move on by records that the table lacks.
    """
    counts = batch.counts
    records, rows = sum(one.records for one in batch.spans), sum(one.rows for one in batch.files)
    rejected = sum(one.rows for one in batch.rejected)
    if (records, rows) == (counts.records, counts.rows) and rejected <= counts.bad:
        return
    raise FerryError(
        "LF-7003",
        "what a worker brings is not what it wrote",
        f"epoch {batch.epoch} of stream {state.stream.name}: positions move by {records} records, "
        f"{counts.records} were written; files hold {rows} rows and {rejected} bad ones, "
        f"{counts.rows} and {counts.bad} were written",
        "nothing was committed; start the ingest again, it reads from what is committed",
    )


def spans_of(batches: Sequence[Batch]) -> tuple[Span, ...]:
    """What they add to each shard, in the order of shard ids."""
    found = [span for batch in batches for span in batch.spans]
    return tuple(sorted(found, key=lambda span: span.shard_id))


def told(tables: Tables, batches: Sequence[Batch], took_s: float) -> BatchCommitted:
    """A commit as an event."""
    files = [file for batch in batches for file in batch.files]
    newest = [batch.newest_ms for batch in batches if batch.newest_ms is not None]
    oldest = [batch.oldest_ms for batch in batches if batch.oldest_ms is not None]
    return BatchCommitted(
        tables.target.version,
        tables.state.epoch,
        sum(file.rows for file in files),
        sum(file.rows for batch in batches for file in batch.rejected),
        len(files),
        sum(file.size for file in files),
        tuple(_shown(span) for span in spans_of(batches) if span.records),
        max(newest, default=None),
        min(oldest, default=None),
        took_s,
        tables.state_bytes,
    )


def _shown(span: Span) -> ShardSpan:
    # The end of a shard has no number of its own; its last record's is not kept.
    last = span.ends.sequence_number if isinstance(span.ends, After) else ""
    return ShardSpan(span.shard_id, span.first or "", last, span.records)


def ended(spans: Sequence[Span]) -> tuple[tuple[str, Ended], ...]:
    """The shards that were read to their end, and how."""
    return tuple((span.shard_id, span.ends) for span in spans if isinstance(span.ends, Ended))
