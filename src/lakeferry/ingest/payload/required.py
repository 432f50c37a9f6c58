"""Fields within columns that must not be null, held to that where the column itself is there.

pyarrow's JSON reader wants them even where what they are in is null or lacks, and would refuse such
records; so it is asked for the same columns without that demand.
"""

import pyarrow as pa
import pyarrow.compute as pc

WHY = "a required field is null"


def demands(kind: pa.DataType) -> bool:
    """Whether something within must not be null."""
    return bool(loosened(kind) != kind)


def loosened(kind: pa.DataType) -> pa.DataType:
    """The type with all within it nullable."""
    if pa.types.is_list(kind):
        item = kind.value_field
        return pa.list_(item.with_type(loosened(item.type)).with_nullable(True))
    if pa.types.is_struct(kind):
        return pa.struct([f.with_type(loosened(f.type)).with_nullable(True) for f in kind])
    return kind


def held_to(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """A column of the loosened type, as the type.

    Raises:
        pa.ArrowInvalid: where what must not be null is null.
    """
    return pa.chunked_array([_held(column.combine_chunks(), kind)], kind)


def _held(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_list(kind):
        items = values.values
        if not kind.value_field.nullable and items.null_count:
            raise pa.ArrowInvalid(WHY)
        held = _held(items, kind.value_type)
        return pa.ListArray.from_arrays(values.offsets, held, type=kind, mask=values.is_null())
    if not pa.types.is_struct(kind):
        return values
    children = []
    for at, field in enumerate(kind):
        child = values.field(at)
        if not field.nullable and pc.any(pc.and_(child.is_null(), values.is_valid())).as_py():
            raise pa.ArrowInvalid(f"{WHY}: `{field.name}`")
        children.append(_held(child, field.type))
    return pa.StructArray.from_arrays(children, fields=list(kind), mask=values.is_null())
