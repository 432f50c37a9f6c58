"""What a file holds -> what the schema says: older types, other layouts, partition values as text.

Delta never rewrites files when a column is added, widened, renamed or reordered, so each file is
brought to the table's schema when it is read. Arrow arrays in, Arrow arrays out. Pure.
"""

import datetime
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from lakeferry.delta.table_schema import Column, Kind, ListOf, MapOf, Scalar, Struct, arrow_type

_FIELD_ID = b"PARQUET:field_id"
_EPOCH = datetime.datetime(1970, 1, 1)


class Misfit(ValueError):
    """A file's column cannot become the schema's; the caller knows which file and says so."""


def find_field(fields: Iterable[pa.Field], column: Column, *, by_id: bool) -> int | None:
    """Where a file keeps `column` among `fields`; None: it was added after the file was written.

    By name Spark ignores case unless told otherwise; an exact match goes first.

    Raises:
        Misfit: two fields differ from the column's name only in case, and none is equal to it.
    """
    fields = list(fields)
    if by_id and column.field_id is not None:
        wanted = str(column.field_id).encode()
        ids = [(field.metadata or {}).get(_FIELD_ID) for field in fields]
        return ids.index(wanted) if wanted in ids else None
    names = [field.name for field in fields]
    if column.physical in names:
        return names.index(column.physical)
    lower = column.physical.lower()
    alike = [place for place, name in enumerate(names) if name.lower() == lower]
    if len(alike) > 1:
        raise Misfit(f"`{column.physical}` could be any of {[names[place] for place in alike]}")
    return alike[0] if alike else None


def has_field_ids(fields: Iterable[pa.Field]) -> bool:
    """Whether a file names its fields by id; files written before mapping by id do not."""
    return any(_FIELD_ID in (field.metadata or {}) for field in fields)


def conform(array: pa.Array, kind: Kind, *, by_id: bool) -> pa.Array:
    """The same values in `arrow_type(kind)`.

    Raises:
        Misfit: the stored type is none that the protocol allows for this column.
    """
    # Equal nested types prove nothing: under column mapping their names may be other fields'.
    if isinstance(kind, Scalar) and array.type == kind.arrow:
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), arrow_type(kind))
    match kind:
        case Scalar(wanted):
            return _conform_scalar(array, wanted)
        case Struct():
            return _conform_struct(array, kind, by_id=by_id)
        case ListOf():
            return _conform_list(array, kind, by_id=by_id)
        case MapOf():
            return _conform_map(array, kind, by_id=by_id)


def _conform_struct(array: pa.Array, kind: Struct, *, by_id: bool) -> pa.Array:
    if not pa.types.is_struct(array.type):
        raise Misfit(f"a struct is stored as {array.type}")
    stored = list(array.type)
    if kind.variant and any(field.name == "typed_value" for field in stored):
        raise Misfit("a variant is stored shredded (in typed columns), which is not read")
    wanted = arrow_type(kind)
    if not kind.fields:
        return pa.array([{} if valid else None for valid in array.is_valid().to_pylist()], wanted)
    children = []
    for field in kind.fields:
        place = find_field(stored, field, by_id=by_id)
        children.append(
            pa.nulls(len(array), arrow_type(field.kind))
            if place is None
            else conform(array.field(place), field.kind, by_id=by_id)
        )
    return pa.StructArray.from_arrays(children, fields=list(wanted), mask=array.is_null())


def _bounds(array: pa.Array) -> tuple[int, int, pa.Array]:
    """First and last place of a list's values, and its offsets counted from the first."""
    offsets = array.offsets.to_numpy()
    first, last = int(offsets[0]), int(offsets[-1])
    return first, last - first, pa.array((offsets - first).astype(np.int32))


def _conform_list(array: pa.Array, kind: ListOf, *, by_id: bool) -> pa.Array:
    if not (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
        raise Misfit(f"an array is stored as {array.type}")
    first, length, offsets = _bounds(array)
    values = conform(array.values.slice(first, length), kind.element, by_id=by_id)
    return pa.ListArray.from_arrays(offsets, values, type=arrow_type(kind), mask=array.is_null())


def _conform_map(array: pa.Array, kind: MapOf, *, by_id: bool) -> pa.Array:
    """A map, or the list of pairs that writers without the map annotation leave."""
    if pa.types.is_map(array.type):
        first, length, offsets = _bounds(array)
        keys, values = array.keys.slice(first, length), array.items.slice(first, length)
    elif pa.types.is_list(array.type) and pa.types.is_struct(array.type.value_type):
        first, length, offsets = _bounds(array)
        pairs = array.values.slice(first, length)
        keys, values = pairs.field(0), pairs.field(1)
    else:
        raise Misfit(f"a map is stored as {array.type}")
    return pa.MapArray.from_arrays(
        offsets,
        conform(keys, kind.key, by_id=by_id),
        conform(values, kind.value, by_id=by_id),
        type=arrow_type(kind),
        mask=array.is_null(),
    )


def _conform_scalar(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    found = array.type
    if pa.types.is_dictionary(found):
        return conform(array.dictionary_decode(), Scalar(wanted), by_id=False)
    if pa.types.is_timestamp(found) and pa.types.is_timestamp(wanted):
        return _microseconds(array, wanted)
    try:
        # Text is not checked: Parquet may hold broken UTF-8, and bytes are what we compare.
        return array.cast(wanted, safe=not pa.types.is_string(wanted))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Misfit(f"a {wanted} is stored as {found}: {error}") from error


def _microseconds(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Another unit or zone of the same moments.

    Files without the UTC mark (INT96 has no place for it) hold UTC too. Nanoseconds are cut
    downwards, where Arrow's own cast refuses or cuts towards 1970.
    """
    unit = array.type.unit
    if unit != "us":
        ticks = array.view(pa.int64()).fill_null(0).to_numpy()
        micros = ticks // 1000 if unit == "ns" else ticks * {"s": 1_000_000, "ms": 1000}[unit]
        array = pa.array(micros, pa.int64(), mask=array.is_null().to_numpy(zero_copy_only=False))
    return array.view(pa.int64()).view(wanted)


def partition_value(text: str | None, wanted: pa.DataType) -> pa.Scalar:
    """One partition value of the log as a value of its column's type.

    Both spellings of timestamps are read; one without a zone is in UTC, for the log does not say
    in which zone its writer was.

    Raises:
        Misfit: the text is no value of the type.

    Source: Delta protocol, "Partition Value Serialization".
    """
    if text is None or text == "":
        return pa.scalar(None, wanted)
    try:
        return pa.scalar(_parse(text, wanted), wanted)
    except (ValueError, ArithmeticError, pa.ArrowInvalid) as error:
        raise Misfit(f"the partition value `{text}` is no {wanted}") from error


def _parse(text: str, wanted: pa.DataType) -> Any:
    return next((parse(text) for fits, parse in _PARSERS if fits(wanted)), text)


def _parse_boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _parse_timestamp(text: str) -> int:
    """Microseconds since the epoch."""
    moment = datetime.datetime.fromisoformat(text.strip())
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    return (moment - _EPOCH) // datetime.timedelta(microseconds=1)


_PARSERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[str], Any]], ...] = (
    (pa.types.is_integer, int),
    (pa.types.is_floating, float),
    (pa.types.is_boolean, _parse_boolean),
    (pa.types.is_decimal, Decimal),
    (pa.types.is_binary, str.encode),
    (pa.types.is_date, datetime.date.fromisoformat),
    (pa.types.is_timestamp, _parse_timestamp),
)
