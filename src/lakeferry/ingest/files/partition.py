"""Which partition each row belongs to: values as the log has them, folders, rows by it. Pure.

Source: Delta protocol, "Partition Value Serialization"; folders are named as Hive names them, which
is a custom and says nothing: readers take the values from the log alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.errors import FerryError
from lakeferry.ingest.settings import PartitionColumn

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
LONGEST_SEGMENT = 200  # bytes; local disks and HDFS hold 255, and some escape once more
# What Hive and Spark write as %XX, beside control characters.
_ESCAPED = frozenset("\"#%'*/:=?\\{[]^\x7f")
_EPOCH = datetime(1970, 1, 1)

# Of the partition columns in order, as the log writes them; None: null.
Values = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one partition, in their order."""

    values: Values
    rows: pa.Table


def split(table: pa.Table, columns: Sequence[PartitionColumn], schema: pa.Schema) -> list[Part]:
    """The rows of each partition, in the order in which partitions first appear.

    Args:
        table: logical columns; a computed partition column need not be among them.
        schema: of the table, for the types of partition columns.

    Rows of one partition, which is the usual case, are not copied.

    Raises:
        FerryError: LF-7031, a value that no partition can have.
    """
    if not table.num_rows:
        return []
    if not columns:
        return [Part((), table)]
    coded = [
        _coded(_column(table, column, schema.field(column.name).type), column.name)
        for column in columns
    ]
    codes = coded[0].codes
    for more in coded[1:]:
        codes = codes * len(more.texts) + more.codes
    return [Part(_values(code, coded), rows) for code, rows in _sorted(table, codes)]


def _values(code: int, coded: Sequence["_Coded"]) -> Values:
    found: list[str | None] = []
    for column in reversed(coded):
        code, own = divmod(code, len(column.texts))
        found.append(column.texts[own])
    return tuple(reversed(found))


def _sorted(table: pa.Table, codes: np.ndarray) -> Iterator[tuple[int, pa.Table]]:
    found, firsts, places, counts = np.unique(
        codes, return_index=True, return_inverse=True, return_counts=True
    )
    if len(found) == 1:
        yield int(found[0]), table
        return
    order = np.argsort(places, kind="stable")
    begins = np.concatenate(([0], np.cumsum(counts)[:-1]))
    table = table.combine_chunks()  # else each `take` would
    for at in np.argsort(firsts):
        # Taken one by one: slices of one sorted table would each keep all of it in memory.
        places_of_it = order[begins[at] : begins[at] + counts[at]]
        yield int(found[at]), table.take(pa.array(places_of_it))


def _column(table: pa.Table, column: PartitionColumn, kind: pa.DataType) -> pa.ChunkedArray:
    """A partition column's values, of the type that it has in the table."""
    if column.of is None:
        if column.name not in table.column_names:
            return pa.chunked_array([pa.nulls(table.num_rows, kind)])
        found = table.column(column.name)
        return found if found.type == kind else found.cast(kind)
    source = table.column(column.of)
    if column.unit == "date":
        days = source.cast(pa.date32(), safe=False)
        return days if pa.types.is_date32(kind) else days.cast(kind)
    moments = source.cast(pa.timestamp("us"))
    if pa.types.is_timestamp(kind):
        return pc.floor_temporal(moments, unit="hour").cast(kind)
    return pc.strftime(moments, format="%Y-%m-%d-%H").cast(kind)


# --- rows that no partition can have --------------------------------------------------------

# Of the first and the last year that have a form in the log.
_FIRST_DAY, _LAST_DAY = ((one - date(1970, 1, 1)).days for one in (date.min, date.max))
_PER_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def unwritable(table: pa.Table, columns: Sequence[PartitionColumn]) -> Mapping[int, str]:
    """The rows whose partition values have no form in the log, and of each the column it is of.

    A record may say any time that its type holds: it must not stop those beside it.

    Args:
        table: logical columns; a computed partition column need not be among them.
    """
    found: dict[int, str] = {}
    for column in columns:
        name = column.of or column.name
        if name in table.column_names and table.num_rows:
            places = np.flatnonzero(_beyond(table.column(name)))
            found |= {int(place): name for place in places if int(place) not in found}
    return found


def _beyond(values: pa.ChunkedArray) -> np.ndarray:
    """Of each value whether it is no UTF-8, or a time beyond the years 1 to 9999."""
    kind = values.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return np.array([not _is_text(one) for one in values.to_pylist()])
    per_day = _PER_DAY[kind.unit] if pa.types.is_timestamp(kind) else 1
    if not (pa.types.is_timestamp(kind) or pa.types.is_date32(kind)):
        return np.zeros(0, bool)
    whole = values.cast(pa.int32() if pa.types.is_date32(kind) else pa.int64())
    lowest, beyond = _FIRST_DAY * per_day, (_LAST_DAY + 1) * per_day
    ends = pc.min_max(whole).as_py()
    if ends["min"] is None or (ends["min"] >= lowest and ends["max"] < beyond):
        return np.zeros(0, bool)
    numbers: np.ndarray = pc.fill_null(whole, 0).to_numpy()
    found: np.ndarray = (numbers < lowest) | (numbers >= beyond)
    return found


def _is_text(value: bytes | None) -> bool:
    try:
        return value is None or value.decode() is not None
    except UnicodeDecodeError:
        return False


@dataclass(frozen=True, slots=True)
class _Coded:
    """A column as a number for each row, and what each number stands for."""

    codes: np.ndarray
    texts: Sequence[str | None]


def _coded(column: pa.ChunkedArray, name: str) -> _Coded:
    """'' and null are one value."""
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    texts = _texts(encoded.dictionary, name)
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    different = list(dict.fromkeys(texts))
    if len(different) < len(texts):
        codes = np.array([different.index(text) for text in texts])[codes]
    return _Coded(codes, different)


def _texts(values: pa.Array, name: str) -> list[str | None]:
    shown = ""
    try:
        texts = []
        for value in _plain(values):
            shown = str(value)[:80]
            texts.append(partition_text(value))
        return texts
    except (ValueError, OverflowError) as error:
        raise FerryError(
            "LF-7031",
            f"a value of the partition column `{name}` cannot be written into the log",
            f"{shown}: {error}",
            "partition by another column, or have the producer send values that can be kept",
        ) from error


def _plain(values: pa.Array) -> list[Any]:
    """As Python's values, times as whole microseconds: years beyond 9999 are no error there."""
    if pa.types.is_timestamp(values.type):
        micros = values.cast(pa.timestamp("us", values.type.tz)).cast(pa.int64()).to_pylist()
        aware = values.type.tz is not None
        return [None if one is None else _Moment(one, aware) for one in micros]
    if pa.types.is_float32(values.type):
        return [None if one is None else np.float32(one) for one in values.to_pylist()]
    return list(values.to_pylist())


@dataclass(frozen=True, slots=True)
class _Moment:
    """Microseconds since the epoch."""

    micros: int
    aware: bool  # a moment in UTC, or what some clock showed


def partition_text(value: Any) -> str | None:
    """A partition value as the log writes it; None for null and for the empty text.

    Timestamps are UTC in ISO 8601, which the protocol recommends, for the other form means the zone
    of the machine that wrote it; those without a zone are as they are.

    Raises:
        ValueError, OverflowError: bytes that are no UTF-8, a year beyond 9999.
    """
    if value is None or value in ("", b""):
        return None
    for kind, told in _TEXTS:
        if isinstance(value, kind):
            return told(value)
    raise ValueError(f"a {type(value).__name__} is no value of a partition")


def _moment(value: _Moment) -> str:
    moment = _EPOCH + timedelta(microseconds=value.micros)
    return _iso(moment) if value.aware else _clock(moment)


def _time(value: datetime) -> str:
    return _iso(value.astimezone(UTC)) if value.tzinfo else _clock(value)


def _number(value: Any) -> str:
    # Java's words, which all readers know.
    words = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    text = str(value)
    return words.get(text, text)


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _clock(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="microseconds" if moment.microsecond else "seconds")


_TEXTS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (bool, lambda value: "true" if value else "false"),  # before int, which it is too
    (str, str),
    (int, str),
    (float, _number),
    (np.float32, _number),
    (Decimal, lambda value: format(value, "f")),
    (bytes, bytes.decode),
    (_Moment, _moment),
    (datetime, _time),  # before date, which it is too
    (date, date.isoformat),
)


def folder(partition: Mapping[str, str | None]) -> str:
    """`a=1/b=x%2Fy`: where the files of a partition lie; '' for a table that has none.

    A value too long for a name of a file is cut, and told apart by a digest.
    """
    return "/".join(_segment(name, value) for name, value in partition.items())


def _segment(name: str, value: str | None) -> str:
    told = f"{_escaped(name)}={HIVE_NULL if value is None else _escaped(value)}"
    if len(told.encode()) <= LONGEST_SEGMENT:
        return told
    digest = blake2b(told.encode(), digest_size=16).hexdigest()
    kept = told.encode()[: LONGEST_SEGMENT - 40].decode(errors="ignore")
    return f"{kept}~{digest}"


def _escaped(text: str) -> str:
    return "".join(
        f"%{ord(one):02X}" if one in _ESCAPED or ord(one) < 0x20 else one for one in text
    )
