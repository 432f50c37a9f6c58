"""A page of records as columns, aggregates taken apart; raw rows and quarantined rows as tables.

Raw rows have the six columns of Databricks' Kinesis source, in its order and under its names, and
one more that tells records of one aggregate apart.

Source: Databricks, "Connect to Amazon Kinesis", schema of records.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa

from lakeferry.ingest.kinesis.aggregate import HIGHEST_HASH, MAGIC, OutOfRange, unpack
from lakeferry.ingest.kinesis.wire import Record

ARRIVAL = pa.timestamp("us", "UTC")
ARRIVAL_COLUMNS = ("_arrival", "approximateArrivalTimestamp")  # of parsed rows, of raw ones
RAW_SCHEMA = pa.schema(
    [
        ("partitionKey", pa.string()),
        ("data", pa.binary()),
        ("stream", pa.string()),  # name or ARN, as it was asked for
        ("shardId", pa.string()),
        ("sequenceNumber", pa.string()),
        ("approximateArrivalTimestamp", ARRIVAL),
        ("subSequenceNumber", pa.int64()),  # within an aggregate; null for an ordinary record
    ]
)
QUARANTINE_SCHEMA = pa.schema(
    [
        ("stream", pa.string()),
        ("shardId", pa.string()),
        ("sequenceNumber", pa.string()),
        ("subSequenceNumber", pa.int64()),
        ("partitionKey", pa.string()),
        ("approximateArrivalTimestamp", ARRIVAL),
        ("data", pa.binary()),
        ("error", pa.string()),
        ("errorPath", pa.string()),  # '$.a.b' where one field is at fault
        ("epoch", pa.int64()),  # of the commit
    ]
)


Item = TypeVar("Item")


def left(values: Sequence[Item], places: Sequence[int]) -> list[Item]:
    """All but those of these places, which are in order and few: the rest is taken in slices."""
    found: list[Item] = []
    at = 0
    for place in places:
        found += values[at:place]
        at = place + 1
    found += values[at:]
    return found


@dataclass(frozen=True, slots=True)
class Rows:
    """Records of one shard in its order: lists of equal length."""

    shard_id: str
    data: Sequence[bytes]
    partition_keys: Sequence[str]
    sequence_numbers: Sequence[str]
    sub_sequences: Sequence[int | None]
    arrivals_ms: Sequence[int]  # since the epoch

    def __len__(self) -> int:
        return len(self.data)

    def without(self, places: Sequence[int]) -> "Rows":
        """All rows but those of these places, which are in order."""
        return Rows(
            self.shard_id,
            left(self.data, places),
            left(self.partition_keys, places),
            left(self.sequence_numbers, places),
            left(self.sub_sequences, places),
            left(self.arrivals_ms, places),
        )

    def at(self, places: Sequence[int]) -> "Rows":
        """Only the rows of these places, in their order."""
        return Rows(
            self.shard_id,
            list(map(self.data.__getitem__, places)),
            list(map(self.partition_keys.__getitem__, places)),
            list(map(self.sequence_numbers.__getitem__, places)),
            list(map(self.sub_sequences.__getitem__, places)),
            list(map(self.arrivals_ms.__getitem__, places)),
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row cannot be kept as it was declared."""

    error: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Bad:
    """Rows that go to quarantine, each with its fault."""

    rows: Rows
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """What one page of a shard holds."""

    rows: Rows
    bad: Bad
    out_of_range: int = 0  # user records of aggregates that belong to another shard
    dropped: int = 0  # of those, the ones that the option drops


def page_rows(
    shard_id: str,
    records: Sequence[Record],
    hash_range: tuple[int, int] = (0, HIGHEST_HASH),
    *,
    out_of_range: OutOfRange = "keep",
) -> Page:
    """The rows of Kinesis records; aggregates give as many as they hold, all others one each."""
    data = [record.data for record in records]
    # No JSON begins with this byte; what does is looked at record by record.
    if MAGIC[:1] not in {one[:1] for one in data}:
        rows = Rows(
            shard_id,
            data,
            [record.partition_key for record in records],
            [record.sequence_number for record in records],
            [None] * len(data),
            _milliseconds(record.approximate_arrival_timestamp for record in records),
        )
        return Page(rows, Bad(rows.at(()), ()))
    return _taken_apart(shard_id, records, hash_range, out_of_range)


def _milliseconds(seconds: Iterable[float]) -> list[int]:
    """As `Record.arrival_ms` has them, in a quarter of the time."""
    found: list[int] = np.rint(np.fromiter(seconds, np.float64) * 1000).astype(np.int64).tolist()
    return found


Line = tuple[bytes, str, str, int | None, int]


def _taken_apart(
    shard_id: str,
    records: Iterable[Record],
    hash_range: tuple[int, int],
    out_of_range: OutOfRange,
) -> Page:
    kept: list[Line] = []
    bad: list[Line] = []
    faults: list[Fault] = []
    outside = dropped = 0
    for record in records:
        number, arrival = record.sequence_number, record.arrival_ms
        found = unpack(record.data, hash_range, out_of_range=out_of_range)
        if found is None:
            kept.append((record.data, record.partition_key, number, None, arrival))
            continue
        if found.broken:
            bad.append((record.data, record.partition_key, number, None, arrival))
            faults.append(Fault(f"an aggregate that cannot be taken apart: {found.broken}"))
        for one in found.kept:
            kept.append((one.data, one.partition_key, number, one.sub_sequence, arrival))
        for one in found.quarantined:
            bad.append((one.data, one.partition_key, number, one.sub_sequence, arrival))
            faults.append(Fault(f"its hash key is none of those of {shard_id}"))
        outside += found.out_of_range
        dropped += found.dropped
    return Page(_rows(shard_id, kept), Bad(_rows(shard_id, bad), tuple(faults)), outside, dropped)


def _rows(shard_id: str, lines: Sequence[Line]) -> Rows:
    if not lines:
        return Rows(shard_id, (), (), (), (), ())
    return Rows(shard_id, *(list(column) for column in zip(*lines, strict=True)))


def raw_table(rows: Rows, stream: str) -> pa.Table:
    """Rows as they came: one row a record, columns of `RAW_SCHEMA`."""
    count = len(rows)
    columns = [
        pa.array(rows.partition_keys, pa.string()),
        _packed(rows.data),
        pa.repeat(stream, count),
        pa.repeat(rows.shard_id, count),
        pa.array(rows.sequence_numbers, pa.string()),
        arrivals(rows),
        pa.array(rows.sub_sequences, pa.int64()),
    ]
    return pa.Table.from_arrays(columns, schema=RAW_SCHEMA)


def _packed(values: Sequence[bytes]) -> pa.Array:
    """A column of bytes, its memory taken once: one that grows to megabytes is moved on the way.

    The same values by `pa.array` took between 0.06 and 3 µs each, as the heap happened to lie.
    """
    ends = np.zeros(len(values) + 1, np.int32)
    np.cumsum(np.fromiter(map(len, values), np.int32, len(values)), out=ends[1:])
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(pa.binary(), len(values), buffers)


def quarantine_table(bad: Bad, stream: str, epoch: int) -> pa.Table:
    """Rows that could not be kept, with all that is needed to try again; `QUARANTINE_SCHEMA`."""
    rows, count = bad.rows, len(bad.rows)
    columns = [
        pa.repeat(stream, count),
        pa.repeat(rows.shard_id, count),
        pa.array(rows.sequence_numbers, pa.string()),
        pa.array(rows.sub_sequences, pa.int64()),
        pa.array(rows.partition_keys, pa.string()),
        arrivals(rows),
        pa.array(rows.data, pa.binary()),
        pa.array([fault.error for fault in bad.faults], pa.string()),
        pa.array([fault.path for fault in bad.faults], pa.string()),
        pa.repeat(pa.scalar(epoch, pa.int64()), count),
    ]
    return pa.Table.from_arrays(columns, schema=QUARANTINE_SCHEMA)


def arrivals(rows: Rows) -> pa.Array:
    """When Kinesis took each record: timestamp[us, UTC], exact to a millisecond."""
    return pa.array(rows.arrivals_ms, pa.timestamp("ms", "UTC")).cast(ARRIVAL)
