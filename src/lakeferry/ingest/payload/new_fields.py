"""Fields of payloads that were not declared: what they are, and their values as JSON.

Only pages that have some are looked at so; a look costs more than the parsing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import orjson
import pyarrow as pa

from lakeferry.ingest.payload.json_rows import Declared

_MISSING = object()


@dataclass(frozen=True, slots=True)
class NewFields:
    """What was found in some records."""

    # '$.a.b' -> type, of the first record where they differ in it; null where all that was seen is
    # null, None where it is empty: `[]`, `{}`
    types: Mapping[str, pa.DataType | None] = field(default_factory=dict)
    values: Mapping[int, str] = field(default_factory=dict)  # place -> JSON object of new fields
    too_deep: tuple[int, ...] = ()  # places of records whose new fields no reader could hold

    def texts(self, count: int) -> pa.Array:
        """Of each record its new fields as JSON, null where it has none."""
        return pa.array([self.values.get(place) for place in range(count)], pa.string())

    def at(self, places: Sequence[int]) -> "NewFields":
        """Of these records alone, in their order."""
        kept = {now: self.values[one] for now, one in enumerate(places) if one in self.values}
        return NewFields(self.types, kept)


def look_for_new(data: Sequence[bytes], declared: Declared) -> NewFields:
    """The new fields of records that can be read by the declared schema.

    Fields within structs count, with their path; within lists as the path of the list's items.
    """
    tree = _tree(list(declared.read_as))
    types: dict[str, pa.DataType | None] = {}
    values: dict[int, str] = {}
    too_deep: list[int] = []
    for place, one in enumerate(data):
        try:
            rest = _rest(_loaded(one), tree, "$", types)
            if rest is not _MISSING:
                values[place] = orjson.dumps(rest).decode()
        except (RecursionError, orjson.JSONEncodeError):
            too_deep.append(place)
    return NewFields(types, values, tuple(too_deep))


def _loaded(one: bytes) -> Any:
    """pyarrow reads NaN and Infinity as numbers, which JSON, and so orjson, does not know."""
    try:
        return orjson.loads(one)
    except orjson.JSONDecodeError:
        return json.loads(one)


# What is declared, as fast to ask as can be: a struct is a dict, a list of structs a list of one
# dict, anything without fields of its own None.
_Tree = dict[str, Any]


def _tree(fields: Sequence[pa.Field]) -> _Tree:
    return {one.name: _branch(one.type) for one in fields}


def _branch(kind: pa.DataType) -> Any:
    if pa.types.is_struct(kind):
        return _tree([kind.field(at) for at in range(kind.num_fields)])
    if pa.types.is_list(kind):
        inner = _branch(kind.value_type)
        return None if inner is None else [inner]
    return None


def _rest(value: Any, tree: Any, path: str, types: dict[str, Any]) -> Any:
    """What of a value is not declared, in its place; _MISSING where all is."""
    if value is None:
        return _MISSING
    if isinstance(tree, list):
        left = [_rest(one, tree[0], f"{path}[]", types) for one in value]
        some = any(one is not _MISSING for one in left)
        return [None if one is _MISSING else one for one in left] if some else _MISSING
    rest: dict[str, Any] = {}
    for name, inner in value.items():
        branch = tree.get(name, _MISSING)
        if branch is None:
            continue
        place = f"{path}.{name}"
        if branch is _MISSING:
            _note(types, place, inner)
            rest[name] = inner
        else:
            left = _rest(inner, branch, place, types)
            if left is not _MISSING:
                rest[name] = left
    return rest or _MISSING


def _note(types: dict[str, Any], path: str, value: Any) -> None:
    """Remember what a field is."""
    kind = pa.null() if value is None else _type_of(value)
    types[path] = _joined(types[path], kind) if path in types else kind


def _type_of(value: Any) -> pa.DataType | None:
    """The type of a column for a value of JSON; None for an empty one, of which nothing is known.

    What is empty or null within it is left out of it: a later value that says more adds it.
    """
    simple = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    if type(value) in simple:
        return simple[type(value)]
    if isinstance(value, list):
        inner = reduce(_joined, (_type_of(one) for one in value if one is not None), None)
        return None if inner is None else pa.list_(inner)
    fields = {name: _type_of(one) for name, one in value.items() if one is not None}
    known = [(name, kind) for name, kind in fields.items() if kind is not None]
    return pa.struct(known) if known else None


def _joined(one: pa.DataType | None, other: pa.DataType | None) -> pa.DataType | None:
    """What two values are together. Where they differ the first one says: it makes a column, and
    records that do not fit it are bad ones, as they are where the column was there before.
    """
    types = pa.types
    if one is None or types.is_null(one):
        return one if other is not None and types.is_null(other) else other
    if other is None or types.is_null(other) or one == other:
        return one
    if {one, other} == {pa.int64(), pa.float64()}:
        return pa.float64()
    if types.is_list(one) and types.is_list(other):
        return pa.list_(_joined(one.value_type, other.value_type))
    if types.is_struct(one) and types.is_struct(other):
        fields = {field.name: field.type for field in one}
        for field in other:
            fields[field.name] = _joined(fields.get(field.name), field.type)
        return pa.struct(list(fields.items()))
    return one
