"""Statistics of a data file as an `add` states them: rows, bounds and nulls of columns. Pure.

All of it comes from the footer that was just written, but for NaN, which a footer leaves out, and
nulls of lists and maps, which it counts otherwise, and of binaries, whose bounds would cost time. A
bound is stated only where every reader may trust it: each value lies within it, in the order of
that reader, or there is none.

The JSON has its characters as they are. Written as `\\udbff\\udfff` they are another text to
delta-kernel, and so to delta-rs and DuckDB, which then lose rows; so the log must not escape them.

Source: Delta protocol, "Per-file Statistics"; Parquet format, `Statistics`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

PREFIX = 32  # characters of text that are kept
_HIGHEST = "\U0010ffff"
_EPOCH = datetime(1970, 1, 1)
_LEAST_YEAR, _LAST_YEAR = -62_135_596_800_000, 253_402_300_799_999  # ms of the years 1 to 9999


@dataclass(frozen=True, slots=True)
class Leaf:
    """A column, or a field of a struct, whose statistics are wanted."""

    path: tuple[str, ...]  # logical names
    physical: tuple[str, ...]  # names in the file and in the statistics
    kind: pa.DataType


@dataclass(slots=True)
class Seen:
    """What a footer will not tell, gathered from the rows of one file as they are written."""

    nulls: dict[tuple[str, ...], int] = field(default_factory=dict)  # of lists, maps, binaries
    with_nan: set[tuple[str, ...]] = field(default_factory=set)

    def add(self, rows: pa.Table, leaves: Sequence[Leaf]) -> None:
        """Look at rows with logical columns."""
        for leaf in leaves:
            if pa.types.is_floating(leaf.kind):
                if leaf.path not in self.with_nan and _any_nan(_values(rows, leaf.path)):
                    self.with_nan.add(leaf.path)
            elif pa.types.is_nested(leaf.kind) or pa.types.is_binary(leaf.kind):
                count = _values(rows, leaf.path).null_count
                self.nulls[leaf.path] = self.nulls.get(leaf.path, 0) + count


def _any_nan(values: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.is_nan(values)).as_py())


def _values(rows: pa.Table, path: Sequence[str]) -> pa.ChunkedArray:
    column = rows.column(path[0])
    return column if len(path) == 1 else pc.struct_field(column, list(path[1:]))


def leaves_of(
    schema: pa.Schema, wanted: Sequence[str], physical: Mapping[str, str]
) -> tuple[Leaf, ...]:
    """The leaves that statistics are wanted of, in the order of the schema.

    Args:
        wanted: paths of logical names, joined by dots; a struct's stands for all its leaves.
        physical: such a path -> the last name of it in files, where that is another.
    """
    asked = frozenset(wanted)
    return tuple(
        leaf for one in schema for leaf in _leaves(one, (), (), physical, asked, taken=False)
    )


def _leaves(
    one: pa.Field,
    above: tuple[str, ...],
    above_physical: tuple[str, ...],
    physical: Mapping[str, str],
    asked: frozenset[str],
    *,
    taken: bool,
) -> Iterator[Leaf]:
    path = (*above, one.name)
    dotted = ".".join(path)
    names = (*above_physical, physical.get(dotted, one.name))
    taken = taken or dotted in asked
    if pa.types.is_struct(one.type):
        for inner in one.type:
            yield from _leaves(inner, path, names, physical, asked, taken=taken)
    elif taken and not pa.types.is_null(one.type):
        yield Leaf(path, names, one.type)


def file_stats(footer: pq.FileMetaData, leaves: Sequence[Leaf], seen: Seen) -> str:
    """The `stats` of an `add` as JSON; names are physical ones."""
    columns = _by_name(footer)
    low: dict[str, Any] = {}
    high: dict[str, Any] = {}
    nulls: dict[str, Any] = {}
    for leaf in leaves:
        if leaf.path in seen.nulls:
            _put(nulls, leaf.physical, seen.nulls[leaf.path])
            continue
        groups = columns.get(".".join(leaf.physical))
        if groups is None:
            continue
        counts = [one.null_count if one is not None else None for one in groups]
        if None not in counts:
            _put(nulls, leaf.physical, sum(counts))
        if leaf.path in seen.with_nan:
            continue  # above all numbers to some readers, below or beside them to others
        bounds = _bounds(groups, leaf.kind)
        if bounds is not None:
            _put(low, leaf.physical, bounds[0])
            _put(high, leaf.physical, bounds[1])
    stats = {"numRecords": footer.num_rows, "minValues": low, "maxValues": high, "nullCount": nulls}
    return orjson.dumps(stats).decode()


def _put(tree: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree[path[-1]] = value


def _by_name(footer: pq.FileMetaData) -> dict[str, list[Any]]:
    """Of each leaf its statistics in every row group, None where a group has none.

    Parquet joins names by points: a column `a.b` and the field `b` of `a` are one name to it, and
    nothing is told of either.
    """
    found: dict[str, list[Any]] = {}
    for group in range(footer.num_row_groups):
        columns = footer.row_group(group)
        for place in range(columns.num_columns):
            column = columns.column(place)
            found.setdefault(column.path_in_schema, []).append(column.statistics)
    return {name: each for name, each in found.items() if len(each) == footer.num_row_groups}


def _bounds(groups: Sequence[Any], kind: pa.DataType) -> tuple[Any, Any] | None:
    """Lowest and highest value as JSON has them; None: not known, none there, or of no use."""
    reading = next((one for one in _READINGS if one.takes(kind)), None)
    if reading is None:
        return None
    lows: list[Any] = []
    highs: list[Any] = []
    for one in groups:
        if one is None:
            return None
        if not one.has_min_max:
            if one.num_values:
                return None  # values there are, though too long or all of them NaN
            continue
        lows.append(one.min_raw if reading.raw else one.min)
        highs.append(one.max_raw if reading.raw else one.max)
    if not lows:
        return None
    low, high = reading.to_json(min(lows), False), reading.to_json(max(highs), True)
    return None if low is None or high is None else (low, high)


def _integer_bound(value: int, is_high: bool) -> int:
    del is_high
    return value


def _float_bound(value: float, is_high: bool) -> float | None:
    del is_high
    return value if abs(value) != float("inf") else None  # JSON has no word for it


def _decimal_bound(value: Decimal, is_high: bool) -> orjson.Fragment:
    del is_high
    return orjson.Fragment(format(value, "f").encode())


def _text_bound(value: str, is_high: bool) -> str | None:
    return highest_prefix(value) if is_high else value[:PREFIX]


def highest_prefix(value: str) -> str | None:
    """A text of about 32 characters that is not below `value`, nor below what it begins.

    After the prefix stands the highest of all characters, so that it sorts behind whatever was cut
    off; unless that begins with this very character. None: it goes on so for too long.
    """
    for length in range(PREFIX, 2 * PREFIX):
        if len(value) <= length:
            return value
        if value[length] != _HIGHEST:
            return value[:length] + _HIGHEST
    return value if len(value) <= 2 * PREFIX else None


def _date_bound(value: int, is_high: bool) -> str | None:
    del is_high
    try:
        return (date(1970, 1, 1) + timedelta(days=value)).isoformat()
    except OverflowError:
        return None


def _zoned_bound(value: int, is_high: bool) -> str | None:
    told = _clock_bound(value, is_high)
    return None if told is None else told + "Z"


def _clock_bound(value: int, is_high: bool) -> str | None:
    """To whole milliseconds, as Delta has them: downwards for the lowest, upwards for the highest.

    The protocol cuts both, and a reader must widen the highest again. Not all do.
    """
    milliseconds = -(-value // 1000) if is_high else value // 1000
    if not _LEAST_YEAR <= milliseconds <= _LAST_YEAR:
        return None
    return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class _Reading:
    """How bounds of some types are read from a footer; other types have none."""

    takes: Callable[[pa.DataType], bool]
    to_json: Callable[[Any, bool], Any]  # the bound, and whether it is the highest
    raw: bool = False  # whole numbers in place of dates and times, which Python knows less of


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


_READINGS = (
    _Reading(pa.types.is_integer, _integer_bound),
    _Reading(pa.types.is_floating, _float_bound),
    _Reading(pa.types.is_decimal, _decimal_bound),
    _Reading(_is_text, _text_bound),
    _Reading(pa.types.is_date32, _date_bound, raw=True),
    _Reading(lambda kind: kind == pa.timestamp("us", "UTC"), _zoned_bound, raw=True),
    _Reading(lambda kind: kind == pa.timestamp("us"), _clock_bound, raw=True),
)
