"""Whether a record lies in a table twice, by the columns that say where its rows come from.

Of each row 28 bytes go to this machine's disk, sorted into so many files that one fits in memory:
rows are read once, and memory does not grow with the table.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.delta.files import TemporaryFile, temporary_room
from lakeferry.ingest.dedup.key_hash import Seeds, key_hashes, seeds

RAW = ("shardId", "sequenceNumber", "subSequenceNumber")
PARSED = ("_shardId", "_sequenceNumber", "_subSequenceNumber")
STREAM = "stream"
BUCKET_BYTES = 32 << 20  # of one file, as it is sorted in memory
MOST_BUCKETS = 512
MOST_NAMED = 100  # doubles whose place is told
_DIGITS = 64  # sequence numbers have some 56; compared as text of this width
_ROW = np.dtype([("high", np.uint64), ("low", np.uint64), ("sub", np.int64), ("shard", np.uint32)])
_SEED = 7  # equal runs put equal rows into equal files
Rows = npt.NDArray[np.void]
ShardKey = tuple[str, str]  # stream, '' where there is but one; shard
Bounds = Mapping[ShardKey, tuple[str, str]]  # lowest and highest sequence number, zeros before it


@dataclass(frozen=True, slots=True)
class Origin:
    """The columns that say where a row comes from."""

    shard: str
    sequence: str
    sub: str
    stream: str | None = None  # only where several streams go into one table

    @property
    def columns(self) -> list[str]:
        named = [self.shard, self.sequence, self.sub]
        return named if self.stream is None else [self.stream, *named]


def origin_of(names: Sequence[str], *, several: bool) -> Origin | None:
    """Of a table's columns; None: its rows do not say where they come from.

    Args:
        several: more than one ingest fills the table, so that shards of two streams may be named
            alike; then only raw rows, which say their stream, can be told apart.
    """
    for shard, sequence, sub in (RAW, PARSED):
        if {shard, sequence, sub} <= set(names):
            if not several:
                return Origin(shard, sequence, sub)
            return Origin(shard, sequence, sub, STREAM) if STREAM in names else None
    return None


@dataclass(slots=True)
class OfShard:
    """The rows of one shard."""

    rows: int = 0
    records: int = 0  # different sequence numbers
    lowest: str = ""  # sequence number, zeros before it
    highest: str = ""


@dataclass(slots=True)
class RowsSeen:
    """All rows of a table."""

    shards: dict[ShardKey, OfShard] = field(default_factory=dict)
    strangers: int = 0  # rows without a shard or a sequence number: of other writers
    doubles: int = 0  # rows beyond the first of one record and place in it
    named: tuple[str, ...] = ()  # of some of these


class Ledger:
    """Takes rows in any order. Not safe across threads.

    Args:
        rows: about how many will come.
        bucket_bytes: of memory, for what is sorted at once.
    """

    def __init__(self, origin: Origin, rows: int, *, bucket_bytes: int = BUCKET_BYTES) -> None:
        self._origin = origin
        wanted = max(1, rows * _ROW.itemsize // bucket_bytes)
        self._bits = min(wanted.bit_length(), MOST_BUCKETS.bit_length() - 1)
        self._files = [TemporaryFile(".rows") for _ in range(1 << self._bits)]
        self._by = _seeds(origin)
        self._numbers: dict[ShardKey, int] = {}
        self.seen = RowsSeen()

    def add(self, batch: pa.RecordBatch) -> Bounds:
        """Rows with the columns of the origin; of each shard among them, which records."""
        table, strangers = _known(pa.Table.from_batches([batch]), self._origin)
        self.seen.strangers += strangers
        if not table.num_rows:
            return {}
        rows = np.empty(table.num_rows, _ROW)
        rows["high"], rows["low"] = key_hashes(table, _record_key(self._origin), self._by)
        rows["sub"] = pc.fill_null(table.column(self._origin.sub), -1).to_numpy()
        bounds = self._bounds(table)
        rows["shard"] = self._numbered(table, list(bounds))
        with temporary_room():
            self._keep(rows)
        return bounds

    def _keep(self, rows: Rows) -> None:
        if not self._bits:
            with self._files[0].path.open("ab") as file:
                file.write(rows.tobytes())
            return
        bucket = (rows["high"] >> np.uint64(64 - self._bits)).astype(np.int64)
        order = np.argsort(bucket, kind="stable")
        ends = np.searchsorted(bucket[order], np.arange((1 << self._bits) + 1))
        for number in np.unique(bucket).tolist():
            with self._files[number].path.open("ab") as file:
                file.write(rows[order[ends[number] : ends[number + 1]]].tobytes())

    def _bounds(self, table: pa.Table) -> Bounds:
        keys = self._keys()
        padded = pc.utf8_lpad(table.column(self._origin.sequence), _DIGITS, "0")
        names = table.select(keys).append_column("at", padded)
        bounds = names.group_by(keys).aggregate([("at", "min"), ("at", "max"), ("at", "count")])
        found: dict[ShardKey, tuple[str, str]] = {}
        for row in bounds.to_pylist():
            key = (str(row[keys[0]]) if len(keys) == 2 else "", str(row[keys[-1]]))
            found[key] = (row["at_min"], row["at_max"])
            shard = self.seen.shards.setdefault(key, OfShard())
            shard.rows += row["at_count"]
            shard.lowest = min(shard.lowest or row["at_min"], row["at_min"])
            shard.highest = max(shard.highest, row["at_max"])
        return found

    def _numbered(self, table: pa.Table, shards: Sequence[ShardKey]) -> npt.NDArray[np.uint32]:
        """The number of each row's shard, which is one of these."""
        codes = {key: self._numbers.setdefault(key, len(self._numbers)) for key in shards}
        if len(codes) == 1:
            return np.full(table.num_rows, codes[shards[0]], np.uint32)
        keys = self._keys()
        streams = table.column(keys[0]).to_pylist() if len(keys) == 2 else [""] * table.num_rows
        pairs = zip(streams, table.column(keys[-1]).to_pylist(), strict=True)
        return np.fromiter((codes[pair] for pair in pairs), np.uint32, table.num_rows)

    def _keys(self) -> list[str]:
        return [name for name in (self._origin.stream, self._origin.shard) if name is not None]

    def finish(self, again: Iterable[pa.RecordBatch]) -> RowsSeen:
        """Sort file by file.

        Args:
            again: all rows once more; taken only where doubles were found, to name them.
        """
        records = np.zeros(len(self._numbers), np.int64)
        twice: list[Rows] = []
        for file in self._files:
            if not file.path.exists():
                continue
            rows = np.fromfile(file.path, _ROW)
            file.path.unlink()
            rows = rows[np.lexsort((rows["sub"], rows["low"], rows["high"]))]
            same = (rows["high"][1:] == rows["high"][:-1]) & (rows["low"][1:] == rows["low"][:-1])
            first = np.concatenate([[True], ~same]) if len(rows) else np.zeros(0, np.bool_)
            records += np.bincount(rows["shard"][first], minlength=len(records))
            double = rows[1:][same & (rows["sub"][1:] == rows["sub"][:-1])]
            self.seen.doubles += len(double)
            room = MOST_NAMED - sum(map(len, twice))
            twice.append(double[:room].copy())
        for key, number in self._numbers.items():
            self.seen.shards[key].records = int(records[number])
        if self.seen.doubles:
            self.seen.named = self._named(np.concatenate(twice), again)
        return self.seen

    def _named(self, twice: Rows, again: Iterable[pa.RecordBatch]) -> tuple[str, ...]:
        wanted = {(int(row["high"]), int(row["low"]), int(row["sub"])) for row in twice}
        heads = np.unique(twice["high"])
        found: dict[str, int] = {}
        for batch in again:
            table, _ = _known(pa.Table.from_batches([batch]), self._origin)
            high, low = key_hashes(table, _record_key(self._origin), self._by)
            for at in np.flatnonzero(np.isin(high, heads)).tolist():
                row = table.slice(at, 1).to_pylist()[0]
                sub = row[self._origin.sub]
                if (int(high[at]), int(low[at]), -1 if sub is None else sub) in wanted:
                    text = _shown(row, self._origin)
                    found[text] = found.get(text, 0) + 1
        return tuple(f"{text}: {count} times" for text, count in sorted(found.items()))


def _shown(row: Mapping[str, object], origin: Origin) -> str:
    sub = row[origin.sub]
    inside = "" if sub is None else f", {sub} within it"
    stream = "" if origin.stream is None else f"{row[origin.stream]} "
    return f"{stream}{row[origin.shard]} {row[origin.sequence]}{inside}"


def _record_key(origin: Origin) -> list[str]:
    return [name for name in origin.columns if name != origin.sub]


def _seeds(origin: Origin) -> Seeds:
    return seeds(len(_record_key(origin)), np.random.default_rng(_SEED))


def _known(table: pa.Table, origin: Origin) -> tuple[pa.Table, int]:
    """Rows that say where they come from, and how many do not."""
    if not any(table.column(name).null_count for name in _record_key(origin)):
        return table, 0
    known = pc.and_(table.column(origin.shard).is_valid(), table.column(origin.sequence).is_valid())
    if origin.stream is not None:
        known = pc.and_(known, table.column(origin.stream).is_valid())
    kept = table.filter(known)
    return kept, table.num_rows - kept.num_rows


def unpadded(number: str) -> str:
    """A sequence number as Kinesis writes it."""
    return number.lstrip("0") or "0"
