"""Whether a table may be written by an ingest, whether rows fit it, and the form of its files.

Pure. What a writer would have to satisfy and we do not check is refused by name, with the way out;
what a table has beyond the rows may stay as long as it may be null, or is computed (`table_rules`).

Source: Delta protocol, "Table Features", "Column Mapping", "Writer Requirements for ...".
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import pyarrow as pa

from lakeferry.delta.actions import Metadata, Protocol
from lakeferry.delta.features import effective_features
from lakeferry.delta.table_schema import Column, Kind, ListOf, MapOf, Struct, arrow_type
from lakeferry.delta.table_schema import table_schema as parsed_schema
from lakeferry.ingest.payload.declared_schema import ddl_text
from lakeferry.ingest.payload.repair import PROVENANCE
from lakeferry.ingest.payload.rows import ARRIVAL_COLUMNS
from lakeferry.ingest.rules.row_rules import Rules
from lakeferry.ingest.rules.table_rules import (
    GENERATION,
    generated_of,
    own_notes,
    partition_of,
    refuse_hopeless,
    refuse_rules,
    required,
    table_rules,
)
from lakeferry.ingest.settings import PartitionColumn
from lakeferry.ingest.table.refusals import misfit, unwritable
from lakeferry.ingest.worker.messages import TableForm

# Features under which an append of ours is right. Those of rules (constraints, invariants,
# generated, identity) only let a table have such rules: the rules themselves are looked at.
WRITABLE = frozenset(
    {"appendOnly", "invariants", "checkConstraints", "changeDataFeed", "generatedColumns"}
    | {"columnMapping", "identityColumns", "deletionVectors", "timestampNtz"}
    | {"timestampWithoutTimezone", "v2Checkpoint", "vacuumProtocolCheck", "typeWidening"}
    | {"typeWidening-preview", "variantType", "variantType-preview", "variantShredding"}
    | {"variantShredding-preview", "domainMetadata", "rowTracking", "clustering"}
    | {"inCommitTimestamp", "inCommitTimestamp-preview", "allowColumnDefaults"}
    | {"checkpointProtection"}
)
MAPPING_MODE = "delta.columnMapping.mode"
STATS_COLUMNS = "delta.dataSkippingStatsColumns"
STATS_COUNT = "delta.dataSkippingNumIndexedCols"
_STATS_COUNT = 32  # where the table does not say it
# Columns of ours that are never null, whatever the schema of the rows says.
_NEVER_NULL = frozenset(
    {"partitionKey", "data", "stream", "shardId", "sequenceNumber", "approximateArrivalTimestamp"}
    | {"_shardId", "_sequenceNumber", "_arrival", "error", "epoch"}
)

# --- what the table asks of writers ---------------------------------------------------------


def refuse_unwritable(protocol: Protocol, url: str) -> None:
    """LF-7042 where the protocol asks what we do not do."""
    if protocol.min_writer_version > 7 or protocol.min_reader_version > 3:
        version = f"writers of version {protocol.min_writer_version}"
        raise unwritable(url, f"it needs {version}", "upgrade lakeferry")
    for name in sorted(effective_features(protocol) - WRITABLE):
        raise unwritable(
            url, f"it has the feature `{name}`", f"ALTER TABLE ... DROP FEATURE {name}"
        )


# --- whether rows fit, and the form that they get -------------------------------------------


def table_form(
    url: str,
    metadata: Metadata,
    wanted: pa.Schema,
    partition_by: Sequence[PartitionColumn],
    name: str,
) -> TableForm:
    """The form of files for rows of the schema `wanted`.

    Args:
        wanted: columns of the rows, without partition columns that are computed of them.
        partition_by: as asked for; empty: as the table is.

    Returns:
        `schema` has the columns of the rows and the computed ones, in the table's order; columns
        of the table that the rows lack are left out of files. Paths within lists and maps go
        through `element`, `key` and `value`: `a.element.b`.

    Raises:
        FerryError: LF-7041 a column or the partitioning does not fit; LF-7042 a column has a rule.
    """
    columns = parsed_schema(metadata.schema_string, metadata.configuration).columns
    rules = table_rules(url, metadata, columns, wanted)
    filled = [pa.field(one.name, one.value.type) for one in rules.generated]
    parts = _partitions(url, metadata, pa.schema([*wanted, *filled]), partition_by, rules)
    filled += [computed_field(part) for part in parts if part.of is not None]
    # Where the table says so, what is computed may not be null: that is one of the checks.
    computed = {one.name: one.with_nullable(False) for one in filled}
    given = {**{one.name: one for one in wanted}, **computed}
    fields = _fields(url, columns, given)
    rules = Rules(rules.generated, (*rules.checks, *required(columns, computed)))
    refuse_rules(url, metadata, columns, set(given))
    refuse_hopeless(url, rules.checks, set(given))
    names = {field.name for field in fields}
    kept = tuple(column for column in columns if column.name in names)
    stored = [column for column in columns if column.name not in metadata.partition_columns]
    leaves = [leaf for column in stored for leaf in _leaves(column)]
    own = {leaf for field in fields for leaf in _own_leaves(field)}
    return TableForm(
        url,
        pa.schema(fields),
        parts,
        {path: one.physical for path, one in _walk(kept) if one.physical != one.name},
        {path: one.field_id for path, one in _walk(kept) if one.field_id is not None},
        tuple(leaf for leaf in _with_stats(leaves, metadata.configuration) if leaf in own),
        name,
        _needed(rules, parts, pa.schema(fields)),
    )


def _needed(rules: Rules, parts: Sequence[PartitionColumn], schema: pa.Schema) -> Rules:
    """Days and hours of partitions are computed when rows are sorted, unless a check reads them."""
    read = {name for check in rules.checks for name in check.columns}
    sorted_by = {part.name: part for part in parts if part.of is not None}
    kept = [one for one in rules.generated if one.name not in sorted_by]
    before = [generated_of(part, schema) for name, part in sorted_by.items() if name in read]
    return Rules((*kept, *before), rules.checks)


def _fields(url: str, columns: Sequence[Column], given: Mapping[str, pa.Field]) -> list[pa.Field]:
    """The columns of files, in the table's order; each fits, and those that lack may lack."""
    here = {column.name for column in columns}
    for name in given:
        if name not in here:
            what = f"it lacks the column `{name}`{_spelt(name, here)}"
            raise misfit(url, what, _without_provenance(name, here))
    fields = []
    for column in columns:
        field = given.get(column.name)
        if field is not None:
            _check_column(url, column, field)
            fields.append(field.with_nullable(column.nullable))
        elif not column.nullable:
            raise misfit(url, f"its column `{column.name}` may not be null, and rows lack it")
    return fields


def _without_provenance(name: str, here: Set[str]) -> str:
    """The way out where a table, which others made, has no place for where rows come from."""
    lacks = [field for field in PROVENANCE if field.name not in here]
    if name not in {field.name for field in lacks}:
        return ""
    columns = " ".join(ddl_text(pa.schema(lacks)).split())
    return f"let rows come without it (--no-provenance), or ALTER TABLE ... ADD COLUMNS ({columns})"


def _check_column(url: str, column: Column, field: pa.Field) -> None:
    why = _type_differs(column.kind, field.type, column.name)
    if why:
        raise misfit(url, why)
    if not column.nullable and field.nullable and column.name not in _NEVER_NULL:
        raise misfit(
            url,
            f"its column `{column.name}` may not be null, and a record may lack it",
            f"declare `{column.name}` as NOT NULL, then records without it are bad ones; or ALTER "
            f"TABLE ... ALTER COLUMN {column.name} DROP NOT NULL",
        )


def _type_differs(kind: Kind, wanted: pa.DataType, place: str) -> str:
    """Why values of an Arrow type cannot lie in a column; '' if they can."""
    match kind:
        case Struct(fields, variant) if pa.types.is_struct(wanted) and not variant:
            return _struct_differs(fields, wanted, place)
        case ListOf(element, nullable) if pa.types.is_list(wanted):
            if not nullable and wanted.value_field.nullable:
                return f"its column `{place}` may hold no nulls, and a record may bring some"
            return _type_differs(element, wanted.value_type, f"{place}.element")
        case MapOf(key, value, nullable) if pa.types.is_map(wanted):
            if not nullable and wanted.item_field.nullable:
                return f"its column `{place}` may hold no nulls, and a record may bring some"
            return _type_differs(key, wanted.key_type, f"{place}.key") or _type_differs(
                value, wanted.item_type, f"{place}.value"
            )
    there = arrow_type(kind)
    return "" if there == wanted else f"its column `{place}` is of type {there}, not {wanted}"


def _struct_differs(fields: tuple[Column, ...], wanted: pa.DataType, place: str) -> str:
    here = {column.name: column for column in fields}
    given = {wanted.field(at).name: wanted.field(at) for at in range(wanted.num_fields)}
    for name, field in given.items():
        path = f"{place}.{name}"
        if name not in here:
            return f"it lacks the field `{path}`{_spelt(name, here.keys())}"
        why = _type_differs(here[name].kind, field.type, path)
        if why:
            return why
        if not here[name].nullable and field.nullable:
            return f"its field `{path}` may not be null, and a record may lack it"
    for name, column in here.items():
        if name not in given and not column.nullable:
            return f"its field `{place}.{name}` may not be null, and rows lack it"
    return ""


def _spelt(name: str, here: Any) -> str:
    other = next((one for one in sorted(here) if one.lower() == name.lower()), None)
    return f" (it has `{other}`, which is spelt otherwise)" if other else ""


# --- partitions -----------------------------------------------------------------------------


def _partitions(
    url: str,
    metadata: Metadata,
    known: pa.Schema,
    asked: Sequence[PartitionColumn],
    rules: Rules,
) -> tuple[PartitionColumn, ...]:
    """How rows come by the values of the table's partition columns, in its order."""
    names = tuple(part.name for part in asked)
    if asked and names != metadata.partition_columns:
        there = ", ".join(metadata.partition_columns) or "nothing"
        raise misfit(
            url,
            f"it is partitioned by {there}, not by {', '.join(names)}",
            f"partition by {there}, or ingest into another table",
        )
    by_name = {part.name: part for part in asked}
    generated = {one.name: partition_of(one.name, one.value) for one in rules.generated}
    found = []
    for name in metadata.partition_columns:
        own = PartitionColumn(name)
        part = by_name.get(name, own)
        if name in generated:
            rule = generated[name] or own
            if part not in (own, rule):
                text = own_notes(metadata.schema_string)[name][GENERATION]
                raise unwritable(
                    url,
                    f"its partition column `{name}` is generated: {text}",
                    f"leave it to the table: --partition-by {name}",
                )
            part = rule
        check_partition(url, part, known)
        found.append(part)
    return tuple(found)


def check_partition(url: str, part: PartitionColumn, wanted: pa.Schema) -> None:
    """LF-7041 where rows do not tell the value."""
    source = part.name if part.of is None else part.of
    if source not in wanted.names:
        role = (
            "which the table is partitioned by" if part.of is None else f"that `{part.name}` is of"
        )
        arrival = next((one for one in ARRIVAL_COLUMNS if one in wanted.names), "COLUMN")
        raise misfit(
            url,
            f"rows have no column `{source}`, {role}",
            f"say how rows come by it, as in --partition-by {part.name}=date({arrival})",
        )
    kind = wanted.field(source).type
    if part.of is not None and not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        raise misfit(url, f"no {part.unit} can be computed of `{source}`, which is of type {kind}")
    if part.of is None and pa.types.is_nested(kind):
        raise misfit(url, f"no table is partitioned by a column of type {kind}: `{source}`")


def _computed_type(part: PartitionColumn) -> pa.DataType:
    return pa.date32() if part.unit == "date" else pa.string()


def computed_field(part: PartitionColumn) -> pa.Field:
    """The column of a partition value that is computed."""
    return pa.field(part.name, _computed_type(part))


# --- names, ids and statistics --------------------------------------------------------------


def _walk(columns: Sequence[Column], place: str = "") -> Iterator[tuple[str, Column]]:
    """Every column and field with its logical path."""
    for column in columns:
        path = f"{place}{column.name}"
        yield path, column
        yield from _within(column.kind, path)


def _within(kind: Kind, path: str) -> Iterator[tuple[str, Column]]:
    match kind:
        case Struct(fields):
            yield from _walk(fields, f"{path}.")
        case ListOf(element):
            yield from _within(element, f"{path}.element")
        case MapOf(key, value):
            yield from _within(key, f"{path}.key")
            yield from _within(value, f"{path}.value")


def _leaves(column: Column, place: str = "") -> Iterator[str]:
    """Paths that statistics are kept of: lists and maps are leaves."""
    path = f"{place}{column.name}"
    if isinstance(column.kind, Struct) and not column.kind.variant:
        for inner in column.kind.fields:
            yield from _leaves(inner, f"{path}.")
    else:
        yield path


def _own_leaves(field: pa.Field, place: str = "") -> Iterator[str]:
    """The same of the columns that rows have."""
    path = f"{place}{field.name}"
    if pa.types.is_struct(field.type):
        for inner in field.type:
            yield from _own_leaves(inner, f"{path}.")
    else:
        yield path


def _with_stats(leaves: Sequence[str], configuration: Mapping[str, str]) -> list[str]:
    """Leaves that the table wants statistics of: those it names, or the first so many."""
    named = configuration.get(STATS_COLUMNS)
    if named is not None:
        names = [one.strip().replace("`", "") for one in named.split(",")]
        return [leaf for leaf in leaves if any(_is_within(leaf, one) for one in names)]
    told = configuration.get(STATS_COUNT, "")
    count = int(told) if re.fullmatch(r"-?\d+", told) else _STATS_COUNT
    return list(leaves if count < 0 else leaves[:count])


def _is_within(leaf: str, name: str) -> bool:
    return leaf == name or leaf.startswith(f"{name}.")
