"""New fields of payloads as columns: the declared schema grown by what workers found. Pure."""

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

Types = Mapping[str, pa.DataType | None]  # '$.a.b' -> type; None: none is known
# Of columns and fields within them. Beyond it names are values, such as ids of users: each would
# make a commit, and a table that no engine plans any more.
MOST_FIELDS = 1000


def grown(declared: pa.Schema, types: Types) -> pa.Schema:
    """The schema with a nullable field for each path that has a type and is not there yet.

    Paths go through structs as `$.a.b`, through lists as `$.a[].b`. Fields that are there keep
    their types, and records that differ in them are judged by these.
    """
    fields = list(declared)
    for path, kind in sorted(types.items()):
        if kind is not None:
            fields = _with(fields, path.removeprefix("$.").split("."), kind)
    return pa.schema(fields, metadata=declared.metadata)


def leads_nowhere(declared: pa.Schema, path: str) -> bool:
    """Whether a path has a part that is no struct: a point in it belongs to a name."""
    fields = list(declared)
    for part in path.removeprefix("$.").split(".")[:-1]:
        held = next((one.type for one in fields if one.name == part.replace("[]", "")), pa.null())
        while pa.types.is_list(held):
            held = held.value_type
        if not pa.types.is_struct(held):
            return True
        fields = [held.field(at) for at in range(held.num_fields)]
    return False


def is_full(declared: pa.Schema) -> bool:
    """Whether nothing is added to these columns any more."""
    return _count(declared) >= MOST_FIELDS


def is_too_wide(declared: pa.Schema) -> bool:
    """Whether one new field alone brought so many within it that it must not be added."""
    return _count(declared) >= 2 * MOST_FIELDS


def _count(fields: Iterable[pa.Field]) -> int:
    """Columns, and all fields within them."""
    return sum(1 + _within(field.type) for field in fields)


def _within(kind: pa.DataType) -> int:
    if pa.types.is_list(kind):
        return _within(kind.value_type)
    return _count(kind) if pa.types.is_struct(kind) else 0


def _with(fields: Sequence[pa.Field], path: Sequence[str], kind: pa.DataType) -> list[pa.Field]:
    name = path[0].replace("[]", "")
    known = {field.name: at for at, field in enumerate(fields)}
    found = list(fields)
    if len(path) == 1:
        if name not in known:
            found.append(pa.field(name, kind))
        return found
    if name in known:
        old = found[known[name]]
        found[known[name]] = old.with_type(_grown(old.type, path[1:], kind))
    return found


def _grown(holder: pa.DataType, path: Sequence[str], kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(holder):
        item = holder.value_field
        return pa.list_(item.with_type(_grown(item.type, path, kind)))
    if pa.types.is_struct(holder):
        inner = [holder.field(at) for at in range(holder.num_fields)]
        return pa.struct(_with(inner, path, kind))
    return holder
