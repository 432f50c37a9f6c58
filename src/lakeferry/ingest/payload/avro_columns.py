"""Values of Avro that were read of many records, as columns, and these as Arrow. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Places = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

_LONG = 64  # bytes of a text, from which on it is copied by itself


class Unsuited(Exception):
    """To be read record by record."""


@dataclass(frozen=True, slots=True)
class Column:
    """A type's values in some records; those of a record that does not fit mean nothing."""

    values: npt.NDArray[Any]  # of texts: how many bytes; of arrays and maps: how many items
    valid: npt.NDArray[np.bool_] | None = None  # None: it is no union with null
    begins: Places | None = None  # of texts, in the page
    symbols: tuple[str, ...] = ()  # of an enum, whose values are places in it
    fields: tuple["Column", ...] = ()  # of a record: as many values as it has
    items: "Column | None" = None  # of an array or a map: all of the first, then of the second, ...


def spread(column: Column, places: Places, count: int) -> Column:
    """Its values at these places of so many; at the others there is nothing."""

    def at_places(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        found = np.zeros(count, values.dtype)
        found[places] = values
        return found

    return replace(
        column,
        values=at_places(column.values),
        begins=None if column.begins is None else at_places(column.begins),
        valid=None if column.valid is None else at_places(column.valid),
        fields=tuple(spread(one, places, count) for one in column.fields),
    )


def joined(columns: Sequence[Column]) -> Column:
    """Of one type, one behind the other."""
    first = columns[0]
    items = [one.items for one in columns if one.items is not None]
    return replace(
        first,
        values=np.concatenate([one.values for one in columns]),
        begins=_concatenated([one.begins for one in columns]),
        valid=_concatenated([one.valid for one in columns]),
        fields=tuple(joined(some) for some in zip(*(one.fields for one in columns), strict=True)),
        items=joined(items) if items else None,
    )


def _concatenated(some: Sequence[npt.NDArray[Any] | None]) -> npt.NDArray[Any] | None:
    there = [one for one in some if one is not None]
    return np.concatenate(there) if there else None


def taken(column: Column, places: Places) -> Column:
    """The values at these places, in their order."""
    counts = column.values[places]
    items = column.items
    if items is not None:
        begins = (np.cumsum(column.values) - column.values)[places]
        ends = np.cumsum(counts)
        within = np.arange(ends[-1] if len(ends) else 0)
        items = taken(items, np.repeat(begins - ends + counts, counts) + within)
    return replace(
        column,
        values=counts,
        begins=None if column.begins is None else column.begins[places],
        valid=None if column.valid is None else column.valid[places],
        fields=tuple(taken(one, places) for one in column.fields),
        items=items,
    )


# --- Arrow ----------------------------------------------------------------------------------


def array(page: Bytes, column: Column, kind: pa.DataType) -> pa.Array:
    """A column in the type of its schema.

    Raises:
        pa.ArrowInvalid: a text is no UTF-8.
        Unsuited: a map has a key twice.
    """
    count, bits = len(column.values), _bits(column.valid)
    if pa.types.is_struct(kind):
        fields = [
            array(page, one, field.type) for one, field in zip(column.fields, kind, strict=True)
        ]
        return pa.Array.from_buffers(kind, count, [bits], children=fields)
    if column.items is not None:
        ends = _ends(column.values)
        is_map = pa.types.is_map(kind)
        inner = pa.struct([kind.key_field, kind.item_field]) if is_map else kind.value_type
        items = array(page, column.items, inner)
        if is_map:
            _refuse_twins(items.field(0), column.values)
        return pa.Array.from_buffers(
            kind, count, [bits, pa.py_buffer(ends.astype(np.int32))], children=[items]
        )
    if column.begins is not None:
        ends = _ends(column.values)
        texts = _texts(page, column.begins, ends)
        buffers = [bits, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(texts)]
        return pa.Array.from_buffers(pa.binary(), count, buffers).cast(kind)
    found = pa.array(column.values, mask=None if column.valid is None else ~column.valid)
    if column.symbols:
        return pa.array(column.symbols, kind).take(found)
    return found if found.type == kind else found.cast(kind)


def _bits(valid: npt.NDArray[np.bool_] | None) -> pa.Buffer | None:
    if valid is None or valid.all():
        return None
    return pa.py_buffer(np.packbits(valid, bitorder="little"))


def _ends(counts: npt.NDArray[Any]) -> Places:
    """Where each begins, and the last ends."""
    ends = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=ends[1:])
    return ends


def _texts(page: Bytes, begins: Places, ends: Places) -> bytes | Bytes:
    """Texts of a column, one behind the other."""
    sizes = np.diff(ends)
    if ends[-1] > _LONG * len(begins):
        whole = page.data
        spans = zip(begins.tolist(), sizes.tolist(), strict=True)
        return b"".join([whole[at : at + size] for at, size in spans])
    # Of each byte of the column, where it is in the page.
    first = (begins - ends[:-1]).astype(np.int32)
    found: Bytes = page[np.repeat(first, sizes) + np.arange(ends[-1], dtype=np.int32)]
    return found


def _refuse_twins(keys: pa.Array, counts: npt.NDArray[Any]) -> None:
    """Of a key that is there twice the last value counts, in the place of the first."""
    encoded = keys.dictionary_encode()
    codes = encoded.indices.to_numpy().astype(np.int64)
    told = np.repeat(np.arange(len(counts)), counts) * max(1, len(encoded.dictionary)) + codes
    if len(np.unique(told)) < len(told):
        raise Unsuited
