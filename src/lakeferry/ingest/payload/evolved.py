"""What an evolving table gets by new fields, and has by those of earlier runs, is declared.

A field that became a column is declared from then on: read as new again, what came first after a
restart would decide about its type once more, and values that fit the column would be left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import pyarrow as pa

from lakeferry.delta.actions import Metadata
from lakeferry.delta.table_schema import arrow_schema, table_schema
from lakeferry.errors import FerryError
from lakeferry.ingest.payload.columns import (
    MOST_FIELDS,
    Types,
    grown,
    is_full,
    is_too_wide,
    leads_nowhere,
)
from lakeferry.ingest.payload.json_rows import RESCUED, declare
from lakeferry.ingest.payload.repair import PROVENANCE
from lakeferry.ingest.payload.row_schema import row_schema
from lakeferry.ingest.settings import Ingest
from lakeferry.ingest.table.fit import table_form
from lakeferry.ingest.table.new_table import with_columns
from lakeferry.ingest.table.target import Target

Part = TypeVar("Part")
_POINT = "a point in its name does not tell it from a field within another"
_EMPTY = "nothing but empty values of it were seen, which tell no type"
_WIDE = f"with it the table had more than {2 * MOST_FIELDS:,} fields"
_OWN = frozenset({RESCUED, *(one.name for one in PROVENANCE)})


def declared_now(ingest: Ingest, target: Target) -> tuple[pa.Schema | None, Target]:
    """The columns of the payload as they are by now, and the target with the form for them.

    Columns of others that no record can fill, such as generated ones, stay undeclared.
    """
    declared = ingest.payload.schema
    if declared is None or ingest.payload.on_new != "evolve":
        return declared, target
    own = _OWN - set(declared.names)
    there = [one for one in _columns(target.metadata) if one.name not in own]
    waiting = [there] if there else []
    while waiting:
        some = waiting.pop()
        wider = pa.schema(_joined(list(declared), some), metadata=declared.metadata)
        formed = _formed(ingest, target, wider)
        if isinstance(formed, Target):
            declared, target = wider, formed
        elif len(some) > 1:  # all at once is quick; what cannot be among them is found by halves
            waiting += _halves(some)
    return declared, target


def grown_for(
    ingest: Ingest, target: Target, declared: pa.Schema, types: Types
) -> tuple[pa.Schema, Mapping[str, str]]:
    """The declared schema with the new fields, and why others cannot be columns, by path.

    One record with a strange name must not end the ingest: its field is left out. What comes after
    the table is full is in neither: records with it are bad ones from then on.
    """
    if is_full(declared):
        return declared, {}
    refused = {path: _EMPTY for path, kind in types.items() if kind is None}
    refused |= {path: _POINT for path in types if leads_nowhere(declared, path)}
    typed = sorted((path, kind) for path, kind in types.items() if path not in refused)
    waiting = [typed] if typed else []
    while waiting and not is_full(declared):
        some = waiting.pop()
        wider = grown(declared, dict(some))
        alone = len(some) == 1
        formed = _formed(ingest, target, wider) if alone or not is_full(wider) else ""
        if isinstance(formed, Target) and not is_too_wide(wider):
            declared = wider
        elif alone:
            refused[some[0][0]] = _WIDE if isinstance(formed, Target) else formed
        else:
            waiting += _halves(some)
    return declared, refused


def _halves(some: list[Part]) -> tuple[list[Part], list[Part]]:
    """To be taken from behind."""
    middle = len(some) // 2
    return some[middle:], some[:middle]


def _columns(metadata: Metadata) -> pa.Schema:
    return arrow_schema(table_schema(metadata.schema_string, metadata.configuration).columns)


def _formed(ingest: Ingest, target: Target, declared: pa.Schema) -> Target | str:
    """The target for rows of this schema, with new columns where it lacks some; or why not."""
    asked = ingest.payload.schema or ()
    computed = {one.name for one in target.form.partition_by if one.of is not None}
    computed |= {one.name for one in target.form.rules.generated}
    for name in declared.names:
        if name in _OWN | computed and pa.schema(asked).get_field_index(name) < 0:
            return f"`{name}` is a column of another meaning"
    if "" in declared.names or any(_has_twins(field.type) for field in declared):
        return "its names do not tell columns apart"
    url, by = target.store.url, ingest.target.partition_by
    try:
        declare(declared)
        wanted = row_schema(replace(ingest.payload, schema=declared))
        metadata = with_columns(url, target.protocol, target.metadata, wanted, lambda: "-")
        form = table_form(url, metadata, wanted, by, target.name)
    except FerryError as error:
        return error.what
    return replace(target, form=form)


def _has_twins(kind: pa.DataType) -> bool:
    """Whether names within it are empty, or differ by case alone: readers take them for one."""
    if pa.types.is_list(kind):
        return _has_twins(kind.value_type)
    if not pa.types.is_struct(kind):
        return False
    names = {field.name.lower() for field in kind}
    return "" in names or len(names) < kind.num_fields or any(_has_twins(f.type) for f in kind)


def _joined(declared: Sequence[pa.Field], there: Sequence[pa.Field]) -> list[pa.Field]:
    """The declared fields as they are, with what the table has beside and within them."""
    found = list(declared)
    at = {field.name: place for place, field in enumerate(found)}
    for field in there:
        if field.name not in at:
            found.append(field)
        else:
            known = found[at[field.name]]
            found[at[field.name]] = known.with_type(_within(known.type, field.type))
    return found


def _within(declared: pa.DataType, there: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_list(declared) and types.is_list(there):
        item = declared.value_field
        return pa.list_(item.with_type(_within(item.type, there.value_type)))
    if types.is_struct(declared) and types.is_struct(there):
        return pa.struct(_joined(list(declared), list(there)))
    return declared
