"""Order-free 128-bit digest of a table's rows, whole and per column. Pure.

Two tables with equal digests hold the same rows as often, whatever the order of the rows and of
the columns, whatever the files and the batches they came in, and whatever reader read them
(`clone.canonical` says what counts as equal). A digest is a sum over rows modulo 2^64 in each of
two lanes, so duplicates count and the digests of two parts add up to that of the whole.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from lakeferry.verify.canonical import Lanes, Seed, hash_values, is_void, mix, seed

_SLICE_ROWS = 16_384  # what is mixed at a time stays in the processor's cache
_LANE = 1 << 64
_ROW = seed("row")
_WITHOUT = seed("row without a column")


@dataclass(frozen=True, slots=True)
class Digest:
    """The rows of one table, or of a part of it, in a few numbers. Hex strings have 32 digits."""

    rows: int
    whole: str
    columns: Mapping[str, str]  # by column: its values, paired with nothing
    without: Mapping[str, str]  # by column: the rows as if it were absent

    def differences(self, other: "Digest") -> tuple[str, ...]:
        """The columns in which two digests differ, in this one's order; () where they are equal.

        Tables without a column can differ in `rows` alone, which nothing here names.

        Values that moved between rows leave every column's own digest as it was. Then the
        columns named are those without which the rows are equal; where no single column explains
        the difference, all of them.
        """
        if self == other:
            return ()
        named = {
            name
            for name in (*self.columns, *other.columns)
            if self.columns.get(name) != other.columns.get(name)
        } or {
            name
            for name in self.columns
            if self.without[name] == other.without.get(name) and self.whole != other.whole
        }
        every = dict.fromkeys((*self.columns, *other.columns))
        return tuple(name for name in every if name in named) or tuple(every)


@dataclass(slots=True)
class _Sum:
    """A growing sum in both lanes."""

    first: int = 0
    second: int = 0

    def add(self, lanes: Lanes) -> None:
        self.first = (self.first + int(lanes.first.sum(dtype=np.uint64))) % _LANE
        self.second = (self.second + int(lanes.second.sum(dtype=np.uint64))) % _LANE

    def hex(self) -> str:
        return f"{self.first:016x}{self.second:016x}"


@dataclass(slots=True)
class _Column:
    """What grows for one column."""

    salt: Seed
    values: _Sum = field(default_factory=_Sum)
    without: _Sum = field(default_factory=_Sum)


def digest_batches(schema: pa.Schema | None, batches: Iterable[pa.RecordBatch]) -> Digest:
    """The digest of all rows of `batches`.

    Args:
        schema: the columns that count, found in the batches by name; a decimal of another scale
            is brought to this schema's. None: whatever the first batch has. Void columns are
            left out in either case.
        batches: consumed once; one batch is held at a time.

    Raises:
        KeyError: a batch lacks a column of the schema.
        TypeError: a column has a type that Delta does not know.
    """
    columns: dict[str, _Column] | None = None if schema is None else _columns(schema)
    rows, whole = 0, _Sum()
    for batch in batches:
        if columns is None:
            columns = _columns(batch.schema)
        for start in range(0, batch.num_rows, _SLICE_ROWS):
            part = batch.slice(start, _SLICE_ROWS)
            rows += part.num_rows
            _add(part, schema, columns, whole)
    columns = columns or {}
    return Digest(
        rows=rows,
        whole=whole.hex(),
        columns={name: column.values.hex() for name, column in columns.items()},
        without={name: column.without.hex() for name, column in columns.items()},
    )


def _columns(schema: pa.Schema) -> dict[str, _Column]:
    return {
        field.name: _Column(seed(f"column:{field.name}"))
        for field in schema
        if not is_void(field.type)
    }


def _add(
    batch: pa.RecordBatch, schema: pa.Schema | None, columns: dict[str, _Column], whole: _Sum
) -> None:
    """Add the rows of one small batch."""
    total = Lanes(np.zeros(batch.num_rows, np.uint64), np.zeros(batch.num_rows, np.uint64))
    parts: list[Lanes] = []
    for name, column in columns.items():
        values = batch.column(name)
        if schema is not None:
            values = _at_scale(values, schema.field(name).type)
        lanes = mix(hash_values(values), column.salt)
        column.values.add(lanes)
        total.first[:] += lanes.first
        total.second[:] += lanes.second
        parts.append(lanes)
    whole.add(mix(total, _ROW))
    for column, lanes in zip(columns.values(), parts, strict=True):
        rest = Lanes(total.first - lanes.first, total.second - lanes.second)
        column.without.add(mix(rest, _WITHOUT))


def _at_scale(values: pa.Array, wanted: pa.DataType) -> pa.Array:
    found = values.type
    if pa.types.is_decimal(wanted) and pa.types.is_decimal(found) and wanted.scale != found.scale:
        return values.cast(wanted)
    return values


def combine(parts: Iterable[Digest]) -> Digest:
    """The digest of all rows of `parts`, which have the same columns; no parts: no rows."""
    rows, whole = 0, 0
    columns: dict[str, int] = {}
    without: dict[str, int] = {}
    for part in parts:
        rows += part.rows
        whole = _plus(whole, part.whole)
        for name in part.columns:
            columns[name] = _plus(columns.get(name, 0), part.columns[name])
            without[name] = _plus(without.get(name, 0), part.without[name])
    return Digest(
        rows=rows,
        whole=f"{whole:032x}",
        columns={name: f"{number:032x}" for name, number in columns.items()},
        without={name: f"{number:032x}" for name, number in without.items()},
    )


def _plus(number: int, digits: str) -> int:
    """Add lane by lane."""
    other = int(digits, 16)
    first = ((number >> 64) + (other >> 64)) % _LANE
    second = (number % _LANE + other % _LANE) % _LANE
    return first << 64 | second
