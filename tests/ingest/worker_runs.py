"""A worker that runs in a thread of the test, and the coordinator's end of its pipe."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from lakeferry.connect.aws import AwsAccess
from lakeferry.demo.kinesis_feed import Feed
from lakeferry.ingest.kinesis.aggregate import HIGHEST_HASH
from lakeferry.ingest.kinesis.signing import endpoint_of
from lakeferry.ingest.payload.repair import PROVENANCE
from lakeferry.ingest.payload.rows import QUARANTINE_SCHEMA, RAW_SCHEMA
from lakeferry.ingest.position.state import After, Ended, FromTrimHorizon, Position
from lakeferry.ingest.settings import (
    Ingest,
    PayloadSettings,
    Rhythm,
    SourceSettings,
    TargetSettings,
)
from lakeferry.ingest.worker.messages import (
    Batch,
    DataFile,
    Drain,
    Flush,
    Order,
    Read,
    Report,
    ShardStart,
    TableForm,
    Told,
)
from lakeferry.ingest.worker.process import work

PAYLOAD = pa.schema([("a", pa.int64()), ("s", pa.string())])
PATIENCE_S = 120.0
ZERO = "shardId-000000000000"
ONE = "shardId-000000000001"
START = FromTrimHorizon()
Kind = TypeVar("Kind")


def event(number: int) -> bytes:
    return b'{"a":%d}' % number


def ingest_of(
    feed: Feed,
    folder: Path,
    payload: PayloadSettings,
    rhythm: Rhythm | None = None,
    url: str | None = None,
    **source: Any,
) -> Ingest:
    access = AwsAccess(feed.region, endpoint=feed.url)
    return Ingest(
        "clicks",
        SourceSettings(feed.stream, endpoint_of(feed.region, url or feed.url), access, **source),
        TargetSettings(str(folder / "table")),
        payload,
        rhythm=rhythm or Rhythm(),
    )


def form_of(folder: Path, payload: pa.Schema | None, *more: pa.Field) -> TableForm:
    columns = RAW_SCHEMA if payload is None else pa.schema([*payload, *more, *PROVENANCE])
    return TableForm(str(folder / "table"), columns, (), stats_columns=(), name="clicks")


@dataclass
class Coordinator:
    """What the coordinator of one worker does, by hand."""

    pipe: Connection
    folder: Path
    thread: Thread | None = None  # None: it is a process
    heard: list[Report] = field(default_factory=list)
    epoch: int = 0

    def order(self, order: Order) -> None:
        self.pipe.send(order)

    def read(
        self,
        *shards: str,
        place: Position = START,
        hash_range: tuple[int, int] = (0, HIGHEST_HASH),
        rejected: Position | None = None,
    ) -> None:
        starts = tuple(ShardStart(one, place, hash_range, rejected) for one in shards)
        self.order(Read(starts, self.epoch + 1))

    def hear(self, kind: type[Kind], accept: Callable[[Kind], bool] = lambda _: True) -> Kind:
        """The next report of a kind that is accepted; all others are kept in `heard`."""
        until = monotonic() + PATIENCE_S
        while monotonic() < until:
            if not self.pipe.poll(0.1):
                continue
            report = self.pipe.recv()
            self.heard.append(report)
            if isinstance(report, kind) and accept(report):
                return report
        raise AssertionError(f"no {kind.__name__} within {PATIENCE_S} s; heard {self.heard[-3:]}")

    def told(self, accept: Callable[[Told], bool]) -> Told:
        return self.hear(Told, accept)

    def wait_for(self, records: int) -> Told:
        """Until so many records are written."""
        return self.told(lambda told: told.counts.records >= records)

    def flush(self) -> Batch:
        self.epoch += 1
        self.order(Flush(self.epoch))
        return self.hear(Batch)

    def drain(self) -> Batch:
        self.order(Drain())
        return self.flush()

    def has_ended(self) -> bool:
        assert self.thread is not None
        self.thread.join(PATIENCE_S)
        return not self.thread.is_alive()

    def rows(self, *batches: Batch) -> list[dict[str, Any]]:
        return [row for batch in batches for row in self._read("table", batch.files)]

    def rejected(self, *batches: Batch) -> list[dict[str, Any]]:
        return [row for batch in batches for row in self._read("rejected", batch.rejected)]

    def _read(self, table: str, files: Sequence[DataFile]) -> list[dict[str, Any]]:
        paths = [self.folder / table / file.path for file in files]
        return [row for path in paths for row in pq.read_table(path).to_pylist()]


@contextmanager
def working(
    ingest: Ingest, folder: Path, *, form: TableForm | None = None
) -> Iterator[Coordinator]:
    """A worker that has begun; it ends with the block at the latest."""
    ours, theirs = Pipe()
    declared = ingest.payload.schema
    table = form or form_of(folder, declared)
    quarantine = TableForm(str(folder / "rejected"), QUARANTINE_SCHEMA, (), name="clicks")
    rejected = quarantine if ingest.payload.on_bad == "quarantine" else None
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work(theirs, ingest, table, rejected, declared)
        except BaseException as error:  # noqa: BLE001 - raised by the test below
            errors.append(error)
        finally:
            theirs.close()

    thread = Thread(target=run)
    thread.start()
    try:
        yield Coordinator(ours, folder, thread)
    finally:
        ours.close()
        thread.join(PATIENCE_S)
    assert not thread.is_alive()
    if errors:
        raise errors[0]


def numbers(rows: Sequence[dict[str, Any]], column: str = "a") -> list[Any]:
    return [row[column] for row in rows]


def ends(batch: Batch, shard_id: str) -> Position:
    (found,) = (span.ends for span in batch.spans if span.shard_id == shard_id)
    return found


def records_of(place: Position) -> int:
    return place.records if isinstance(place, After | Ended) else 0
