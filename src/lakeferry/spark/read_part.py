"""One task's side of a batch: its shards read, its end recorded, only then its rows given on.

A part is what fits into memory. Its end is put where only the first who puts it wins; whoever finds
an end there, after a crash or beside another task, reads to it and no further. So all who read a
part give on the same rows, and a batch of any length needs the memory of one part.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

import pyarrow as pa

from lakeferry.connect.aws_keys import AwsKeys
from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.lineage import Listing
from lakeferry.ingest.kinesis.reading import Reading
from lakeferry.ingest.kinesis.wire import Record as KinesisRecord
from lakeferry.ingest.payload.rows import page_rows, raw_table
from lakeferry.ingest.position.state import After, Ended, Position, Span
from lakeferry.ingest.settings import SourceSettings
from lakeferry.ingest.worker.fetch import Fetchers
from lakeferry.ingest.worker.inbox import Failed, Fetched, Inbox
from lakeferry.spark.epoch import ChunkEnd, EpochPlan, Mark, places_after, to_read
from lakeferry.spark.options import Options
from lakeferry.spark.record import Record

BATCH_BYTES = 16 << 20  # of data, for one batch of rows that is given on
AGAIN_S = 120.0  # without a page, when a part that was read must be read again
TIPS = 3  # pages that say that a shard has no more, until its missing records are believed gone
LOOK_S = 0.2
UNORDERED_MS = 10_000  # arrivals do not rise strictly


@dataclass(frozen=True, slots=True)
class Task:
    """What one task of a batch reads. Can be pickled."""

    mark: Mark
    number: int  # of the group within the batch
    group: Listing
    places: Mapping[str, Position]  # where its shards stand; a child that waits has none
    buffer_bytes: int
    duration_s: float


def tasks_of(plan: EpochPlan, options: Options) -> list[Task]:
    """The tasks of a batch, one for each of its groups."""
    known = plan.state.shards
    return [
        Task(
            plan.mark,
            number,
            group,
            {one: known[one] for one in group if one in known},
            options.buffer_bytes,
            options.fetch_duration_s,
        )
        for number, group in enumerate(plan.groups)
    ]


@dataclass(slots=True)
class Part:
    """What is read of one part so far: pages in the order in which they may be given on."""

    begins: dict[str, Position] = field(default_factory=dict)
    ends: dict[str, Position] = field(default_factory=dict)
    behind: dict[str, int | None] = field(default_factory=dict)
    pages: list[tuple[str, Sequence[KinesisRecord]]] = field(default_factory=list)
    records: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)  # sequence numbers
    size: int = 0

    def begin(self, shard_id: str, place: Position) -> None:
        self.begins[shard_id] = self.ends[shard_id] = place
        self.behind[shard_id], self.records[shard_id] = None, 0

    def take(self, shard_id: str, records: Sequence[KinesisRecord], ends: Position) -> None:
        self.ends[shard_id] = ends
        if records:
            self.pages.append((shard_id, records))
            self.records[shard_id] += len(records)
            self.first.setdefault(shard_id, records[0].sequence_number)

    @property
    def spans(self) -> tuple[Span, ...]:
        return tuple(
            Span(one, self.begins[one], self.ends[one], self.records[one], self.first.get(one))
            for one in sorted(self.begins)
        )


def read_task(
    task: Task, source: SourceSettings, keys: Callable[[], AwsKeys], record: Record
) -> Iterator[pa.RecordBatch]:
    """All rows of a task, columns of `RAW_SCHEMA`; the same rows for whoever asks.

    Raises:
        FerryError: LF-7073 where what was recorded as read is not there any more; what Kinesis
            refuses for good.
    """
    places, settled, number = dict(task.places), frozenset[str](), 0
    while True:
        end = record.end(task.mark, task.number, number)
        part = None
        if end is None:
            part, mine = _read_on(task, source, keys, places, settled)
            end = record.put_end(task.mark, task.number, number, mine)
            if end != mine:  # another task was first
                part = None
        if part is None:
            part = _read_again(task, source, keys, end)
        yield from _batches(part, task.group, source)
        if end.last:
            return
        places, settled, number = places_after(places, end.spans), end.settled, number + 1


# --- for the first time ---------------------------------------------------------------------


def _read_on(
    task: Task,
    source: SourceSettings,
    keys: Callable[[], AwsKeys],
    places: Mapping[str, Position],
    settled: frozenset[str],
) -> tuple[Part, ChunkEnd]:
    """From where shards stand until there is nothing left, or time or memory is used up."""
    until_s = monotonic() + task.duration_s if task.mark.until_ms is None else float("inf")
    part, done = Part(), set(settled)
    paused: Mapping[str, str] = {}
    inbox = Inbox(task.buffer_bytes)
    fetchers = Fetchers(source, keys, inbox)
    try:
        _ask(task, places, part, done, fetchers)
        while not part.begins.keys() <= done and part.size < task.buffer_bytes:
            if monotonic() >= until_s:
                break
            page = _page(inbox)
            if page is not None:
                _keep(part, page)
                if _is_settled(page, task.mark):
                    done.add(page.shard_id)
                    _ask(task, places, part, done, fetchers)
            paused = fetchers.paused()
            done |= paused.keys()
    finally:
        fetchers.stop()
    # What is on its way was asked for and counts against the quota: it is kept.
    while not fetchers.ended or inbox.has_pages:
        page = _page(inbox)
        if page is not None:
            _keep(part, page)
    left = to_read(task.group, {**places, **part.ends}, done)
    last = task.mark.until_ms is None or not left
    return part, ChunkEnd(part.spans, part.behind, frozenset(done), paused, last)


def _ask(
    task: Task,
    places: Mapping[str, Position],
    part: Part,
    done: set[str],
    fetchers: Fetchers,
) -> None:
    """Begin with the shards that may be read and are not: at first, and when parents ended."""
    for shard_id, place in to_read(task.group, {**places, **part.ends}, done).items():
        if shard_id not in part.begins:
            part.begin(shard_id, place)
            fetchers.read(Reading(shard_id, place))


def _keep(part: Part, page: Fetched) -> None:
    part.take(page.shard_id, page.records, page.ends)
    part.behind[page.shard_id] = page.behind_ms
    part.size += page.size


def _is_settled(page: Fetched, mark: Mark) -> bool:
    """Whether a shard gave all that this batch wants of it."""
    if isinstance(page.ends, Ended) or page.behind_ms == 0:
        return True
    # Not by `read_until_ms`: a beginning at the oldest record sets it to now.
    came_later = bool(page.records) and mark.until_ms is not None
    return came_later and page.records[0].arrival_ms > (mark.until_ms or 0) + UNORDERED_MS


def _page(inbox: Inbox) -> Fetched | None:
    """The next page, or None where none came for a moment. Raises what ended a thread."""
    found = inbox.take(monotonic() + LOOK_S, pages=True)
    if isinstance(found, Failed):
        raise found.error
    return found if isinstance(found, Fetched) else None


# --- once more ------------------------------------------------------------------------------


def _read_again(
    task: Task, source: SourceSettings, keys: Callable[[], AwsKeys], end: ChunkEnd
) -> Part:
    """All that a part holds, which this or another task has read before."""
    wanted = {span.shard_id: span for span in end.spans}
    part = Part()
    for span in end.spans:
        part.begin(span.shard_id, span.begins)
    open_shards = {name for name, span in wanted.items() if span.records}
    inbox = Inbox(task.buffer_bytes)
    fetchers = Fetchers(source, keys, inbox)
    heard_s = monotonic()
    tips: dict[str, int] = {}  # pages in a row that say that nothing follows
    try:
        for name in sorted(open_shards):
            fetchers.read(Reading(name, wanted[name].begins))
        while open_shards:
            page = _page(inbox)
            if page is not None and page.shard_id in open_shards:
                heard_s = monotonic()
                span = wanted[page.shard_id]
                records = _up_to(page.records, part.records[span.shard_id], span)
                part.take(span.shard_id, records, span.ends)
                tips[span.shard_id] = tips.get(span.shard_id, 0) + 1 if page.behind_ms == 0 else 0
                if _is_there(page, part, span) or tips[span.shard_id] >= TIPS:
                    open_shards.discard(page.shard_id)
            elif monotonic() - heard_s > AGAIN_S:
                raise _unread(task, source, "; ".join(fetchers.paused().values()) or "no page came")
    finally:
        fetchers.stop()
    for span in end.spans:
        found = part.records[span.shard_id], part.first.get(span.shard_id)
        if found != (span.records, span.first):
            raise _unread(task, source, _difference(part, span))
    # Parents have lower ids than their children.
    part.pages.sort(key=lambda one: one[0])
    return part


def _up_to(records: Sequence[KinesisRecord], before: int, span: Span) -> Sequence[KinesisRecord]:
    """The records of a page that belong to the part."""
    if isinstance(span.ends, After):
        last = int(span.ends.sequence_number)
        return [one for one in records if int(one.sequence_number) <= last]
    return records[: span.records - before]


def _is_there(page: Fetched, part: Part, span: Span) -> bool:
    """Whether a shard was read to the end of the part, or beyond."""
    if isinstance(page.ends, Ended) or part.records[span.shard_id] >= span.records:
        return True
    if isinstance(span.ends, After) and isinstance(page.ends, After):
        return int(page.ends.sequence_number) >= int(span.ends.sequence_number)
    return False


def _difference(part: Part, span: Span) -> str:
    first = part.first.get(span.shard_id)
    return (
        f"{span.shard_id}: {span.records} records from {span.first} were read, "
        f"now there are {part.records[span.shard_id]} from {first}"
    )


def _unread(task: Task, source: SourceSettings, why: str) -> FerryError:
    return FerryError(
        "LF-7073",
        f"batch {task.mark.epoch} cannot be read again as it was read before",
        f"{source.stream}: {why}",
        "records that went out of retention in between are lost: begin anew with another "
        "checkpoint at the time up to which the table has all; else start the query again",
    )


# --- rows -----------------------------------------------------------------------------------


def _batches(part: Part, group: Listing, source: SourceSettings) -> Iterator[pa.RecordBatch]:
    """The rows of a part, some megabytes at a time; pages are let go of on the way."""
    tables: list[pa.Table] = []
    size = 0
    part.pages.reverse()
    while part.pages:
        shard_id, records = part.pages.pop()
        page = page_rows(
            shard_id, records, group[shard_id].hash_range, out_of_range=source.out_of_range
        )
        # An aggregate that cannot be taken apart is given on as it came.
        tables += [raw_table(rows, source.stream) for rows in (page.rows, page.bad.rows) if rows]
        size += sum(len(one.data) for one in records)
        if size >= BATCH_BYTES or not part.pages:
            yield from pa.concat_tables(tables).combine_chunks().to_batches()
            tables, size = [], 0
