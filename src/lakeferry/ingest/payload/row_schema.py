"""The columns that rows of an ingest have, before the table adds those of its partitions."""

import pyarrow as pa

from lakeferry.ingest.payload.csv_rows import CsvForm, refuse_nested
from lakeferry.ingest.payload.json_rows import RESCUED, declare
from lakeferry.ingest.payload.repair import PROVENANCE
from lakeferry.ingest.payload.rows import RAW_SCHEMA
from lakeferry.ingest.settings import PayloadSettings, SourceSettings


def row_schema(payload: PayloadSettings) -> pa.Schema:
    """Columns of the payload, then `_rescued_data` and provenance as they are asked for.

    Raises:
        FerryError: LF-7011 a declared column cannot be read from JSON or CSV.
    """
    if payload.schema is None:
        return RAW_SCHEMA
    match payload.form:
        case None:
            declare(payload.schema)
        case CsvForm():
            refuse_nested(payload.schema)
    fields = list(payload.schema)
    if payload.on_new == "rescue" or payload.on_bad == "rescue":
        fields.append(pa.field(RESCUED, pa.string()))
    return pa.schema([*fields, *(PROVENANCE if payload.provenance else ())])


def may_reject(payload: PayloadSettings, source: SourceSettings) -> bool:
    """Whether records may go to a table of bad ones; of raw ones only aggregates do."""
    return payload.on_bad == "quarantine" or source.out_of_range == "quarantine"
