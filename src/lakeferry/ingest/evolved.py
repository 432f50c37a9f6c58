"""What an evolving table got in earlier runs, as part of the schema that payloads are read by.

A field that became a column is declared from then on: read as new again, what came first after a
restart would decide about its type once more, and values that fit the column would be left out.
"""

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from lakeferry.delta.actions import Metadata
from lakeferry.delta.table_schema import arrow_schema, table_schema
from lakeferry.errors import FerryError
from lakeferry.ingest.payload import RESCUED, declare
from lakeferry.ingest.payload_repair import PROVENANCE
from lakeferry.ingest.row_schema import row_schema
from lakeferry.ingest.settings import Ingest
from lakeferry.ingest.table_fit import table_form
from lakeferry.ingest.target import Target

_OWN = frozenset({RESCUED, *(one.name for one in PROVENANCE)})


def declared_now(ingest: Ingest, target: Target) -> tuple[pa.Schema | None, Target]:
    """The columns of the payload as they are by now, and the target with the form for them.

    Columns of others that no record can fill, such as generated ones, stay undeclared.
    """
    declared = ingest.payload.schema
    if declared is None or ingest.payload.on_new != "evolve":
        return declared, target
    computed = {one.name for one in target.form.partition_by if one.of is not None}
    for column in _columns(target.metadata):
        if column.name not in _OWN | computed:
            wider = pa.schema(_joined(list(declared), [column]), metadata=declared.metadata)
            formed = _formed(ingest, target, wider)
            if formed is not None:
                declared, target = wider, formed
    return declared, target


def _columns(metadata: Metadata) -> pa.Schema:
    return arrow_schema(table_schema(metadata.schema_string, metadata.configuration).columns)


def _formed(ingest: Ingest, target: Target, declared: pa.Schema) -> Target | None:
    """The target for rows of this schema; None where they would not fit."""
    try:
        declare(declared)
        wanted = row_schema(replace(ingest.payload, schema=declared))
        by, url = ingest.target.partition_by, target.store.url
        form = table_form(url, target.metadata, wanted, by, target.name)
    except FerryError:
        return None
    return replace(target, form=form)


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
