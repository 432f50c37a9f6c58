"""The columns that rows of an ingest have, before the table adds those of its partitions."""

from collections.abc import Iterable

import pyarrow as pa

from lakeferry.errors import FerryError
from lakeferry.ingest.payload.csv_rows import CsvForm, refuse_nested
from lakeferry.ingest.payload.json_rows import RESCUED, declare
from lakeferry.ingest.payload.repair import PROVENANCE
from lakeferry.ingest.payload.rows import RAW_SCHEMA
from lakeferry.ingest.settings import PayloadSettings, SourceSettings


def row_schema(payload: PayloadSettings) -> pa.Schema:
    """Columns of the payload, then `_rescued_data` and provenance as they are asked for.

    Raises:
        FerryError: LF-7011 a declared column cannot be read from JSON or CSV; LF-7061 it has the
            name of one that is added.
    """
    if payload.schema is None:
        return RAW_SCHEMA
    match payload.form:
        case None:
            declare(payload.schema)
        case CsvForm():
            refuse_nested(payload.schema)
    own = list(PROVENANCE if payload.provenance else ())
    if payload.on_new == "rescue" or payload.on_bad == "rescue":
        own.insert(0, pa.field(RESCUED, pa.string()))
    refuse_own(payload.schema, own)
    return pa.schema([*payload.schema, *own])


def refuse_own(schema: pa.Schema, own: Iterable[pa.Field]) -> None:
    """LF-7061 where a declared column has the name of one that an ingest writes itself."""
    names = {field.name.lower() for field in own}
    for name in schema.names:
        if name.lower() in names:
            raise FerryError(
                "LF-7061",
                f"`{name}` is declared, and is a column that the ingest writes itself",
                "schema",
                "leave it out of the schema; where it is a field of the records, let rows come "
                "without ours: --no-provenance, no `rescue`, and no --dedup",
            )


def may_reject(payload: PayloadSettings, source: SourceSettings) -> bool:
    """Whether records may go to a table of bad ones; of raw ones only aggregates do."""
    return payload.on_bad == "quarantine" or source.out_of_range == "quarantine"
