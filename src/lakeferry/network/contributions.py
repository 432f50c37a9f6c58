"""What contributors contributed in each period: sums without rounding, in bounded memory.

Partial results are Arrow tables, and can be put away in runs that the caller keeps, on disk. A run
is divided by a hash of the contributor, so that joining runs needs one part of each at a time.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.network.event_columns import Number

Key = tuple[str, ...]

MOST_KEY_BYTES = 1024  # CloudWatch cuts longer values
_LOW = 32  # bits of the low half of a sum
_COMPACT_AT = 1 << 16  # rows of partial results that are kept before they are joined
_DIVISIONS = 256  # of a run: what is put away can be that many times as large as what is held
_STEP_BYTES = 8 << 20  # of runs that are joined at once, at least


@dataclass(frozen=True, slots=True)
class Share:
    """What one contributor contributed in one period."""

    value: Number  # the sum, or the count
    samples: int  # events
    minimum: Number  # of a single event
    maximum: Number

    def and_(self, other: "Share") -> "Share":
        """Both together."""
        return Share(
            self.value + other.value,
            self.samples + other.samples,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
        )


class Run(Protocol):
    """Batches that were put away."""

    def __len__(self) -> int: ...

    def batch(self, index: int) -> pa.RecordBatch: ...


PutAway = Callable[[pa.Schema, Iterable[pa.RecordBatch]], Run]


class Contributions:
    """Collects the shares of one rule, batch after batch.

    What cannot be put away: shares of values that are no integers of at most 18 digits.
    """

    def __init__(self, keys: int) -> None:
        self.keys = [f"k{index}" for index in range(keys)]
        self._parts: list[pa.Table] = []
        self._rows = 0
        self._joined = 0
        self._runs: list[Run] = []
        self._put_away: PutAway | None = None
        self._odd: dict[tuple[int, Key], Share] = {}

    def add(
        self,
        periods: np.ndarray,
        keys: Sequence[tuple[np.ndarray, pa.StringArray]],
        values: np.ndarray | None,
    ) -> None:
        """Add events.

        Args:
            periods: int64, the number of each event's period.
            keys: each key field as (codes, distinct texts); none absent.
            values: int64; None counts 1 for each event.
        """
        if not len(periods):
            return
        names = ["period", *self.keys]
        columns = {"period": periods} | {
            name: codes for name, (codes, _) in zip(self.keys, keys, strict=True)
        }
        if values is None:
            table = pa.table(columns)
            grouped = table.group_by(names, use_threads=False).aggregate([([], "count_all")])
            count = grouped["count_all"]
            zero = pa.array(np.zeros(len(count), dtype=np.int64))
            one = pa.array(np.ones(len(count), dtype=np.int64))
            sums = {"high": zero, "low": count, "n": count, "min": one, "max": one}
        else:
            grouped, sums = _summed(columns, names, values)
        part = {"period": grouped["period"]} | {
            name: _cut(texts).take(grouped[name].combine_chunks())
            for name, (_, texts) in zip(self.keys, keys, strict=True)
        }
        self._parts.append(pa.table(part | sums))
        self._rows += len(grouped)
        if self._rows > max(_COMPACT_AT, 2 * self._joined):
            self._join()

    def add_odd(self, period: int, key: Key, value: Number) -> None:
        """Add one event whose value is no small integer."""
        cut = tuple(_cut_text(text) for text in key)
        share = Share(value, 1, value, value)
        before = self._odd.get((period, cut))
        self._odd[period, cut] = share if before is None else before.and_(share)

    @property
    def odd(self) -> Mapping[tuple[int, Key], Share]:
        """Shares that no table holds, by period and contributor; to be added to the tables'."""
        return self._odd

    @property
    def held_bytes(self) -> int:
        """Of partial results in memory."""
        return sum(part.nbytes for part in self._parts)

    def _join(self) -> None:
        if len(self._parts) > 1:
            self._parts = [joined(pa.concat_tables(self._parts), self.keys)]
        self._rows = self._joined = sum(map(len, self._parts))

    def shrink(self, put_away: PutAway, most: int) -> None:
        """Join; where more than `most` bytes are left, put them away."""
        self._join()
        if self.held_bytes <= most:
            return
        (table,) = self._parts
        self._runs.append(put_away(table.schema, _divided(table, self.keys)))
        self._put_away = put_away
        self._parts, self._rows, self._joined = [], 0, 0

    def finish(self) -> None:
        """Join all, so that `tables` can be read. Nothing may be added afterwards."""
        self._join()
        if self._put_away is not None:
            parts = [_divided(table, self.keys) for table in self._parts]
            runs, self._runs, self._parts = self._runs, [], []
            steps = _steps(runs, parts, self.keys)
            first = next(steps)
            whole = (batch for table in chain([first], steps) for batch in table.to_batches())
            self._runs = [self._put_away(first.schema, whole)]
            self._put_away = None

    def tables(self) -> Iterator[pa.Table]:
        """Rows of (period, keys, high, low, n, min, max), one a period and contributor.

        The sum is high * 2**32 + low, with 0 <= low < 2**32. All rows of a contributor are in one
        table. Each call reads again.
        """
        yield from self._parts
        for run in self._runs:
            for index in range(len(run)):
                yield pa.Table.from_batches([run.batch(index)])


def _steps(
    runs: Sequence[Run], parts: Sequence[Sequence[pa.RecordBatch]], keys: Sequence[str]
) -> Iterator[pa.Table]:
    """What runs and parts hold of the same contributors, joined: one batch a table."""
    waiting: list[pa.RecordBatch] = []
    for index in range(_DIVISIONS):
        waiting += [run.batch(index) for run in runs]
        waiting += [part[index] for part in parts]
        if sum(batch.nbytes for batch in waiting) >= _STEP_BYTES or index == _DIVISIONS - 1:
            table = joined(pa.Table.from_batches(waiting), keys)
            yield table.combine_chunks()
            waiting = []


def joined(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """One row for each period and contributor."""
    names = ["period", *keys]
    found = table.group_by(names, use_threads=False).aggregate(
        [("high", "sum"), ("low", "sum"), ("n", "sum"), ("min", "min"), ("max", "max")]
    )
    low, high = np.asarray(found["low_sum"]), np.asarray(found["high_sum"])
    # The low halves carry over, so that no number of joins makes them wrap.
    columns = {name: found[name] for name in names} | {
        "high": pa.array(high + (low >> _LOW)),
        "low": pa.array(low & ((1 << _LOW) - 1)),
        "n": found["n_sum"],
        "min": found["min_min"],
        "max": found["max_max"],
    }
    return pa.table(columns)


def whole_sum(high: int, low: int) -> int:
    """The sum that a table states in halves."""
    return (high << _LOW) + low


def _divided(table: pa.Table, keys: Sequence[str]) -> list[pa.RecordBatch]:
    """The rows in `_DIVISIONS` batches, by contributor."""
    numbers = np.zeros(len(table), dtype=np.uint32)
    for name in keys:
        found = table[name].combine_chunks().dictionary_encode()
        texts = found.dictionary.to_pylist()
        hashes = np.fromiter((zlib.crc32(text.encode()) for text in texts), np.uint32, len(texts))
        numbers = numbers * np.uint32(1_000_003) ^ hashes[np.asarray(found.indices)]
    divisions = (numbers ^ (numbers >> np.uint32(16))) % np.uint32(_DIVISIONS)
    order = np.argsort(divisions, kind="stable")
    ends = np.searchsorted(divisions[order], np.arange(_DIVISIONS + 1))
    (batch,) = table.take(pa.array(order)).combine_chunks().to_batches()
    return [
        batch.slice(start, end - start)
        for start, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
    ]


def _summed(
    columns: dict[str, np.ndarray], names: list[str], values: np.ndarray
) -> tuple[pa.Table, dict[str, pa.Array]]:
    """Group and add up; a sum is high * 2**32 + low, so that it cannot wrap."""
    halves = {"high": values >> _LOW, "low": values & ((1 << _LOW) - 1), "value": values}
    wanted = [("high", "sum"), ("low", "sum"), *(("value", how) for how in ("count", "min", "max"))]
    grouped = pa.table(columns | halves).group_by(names, use_threads=False).aggregate(wanted)
    ours = {"high": "high_sum", "low": "low_sum", "n": "value_count"}
    ours |= {"min": "value_min", "max": "value_max"}
    return grouped, {name: grouped[column] for name, column in ours.items()}


def _cut(texts: pa.StringArray) -> pa.StringArray:
    """Values as long as CloudWatch keeps them."""
    longest = pc.max(pc.binary_length(texts)).as_py() or 0
    if longest <= MOST_KEY_BYTES:
        return texts
    return pa.array([_cut_text(text) for text in texts.to_pylist()], pa.string())


def _cut_text(text: str) -> str:
    return text.encode()[:MOST_KEY_BYTES].decode(errors="ignore")
