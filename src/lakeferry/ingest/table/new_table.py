"""Metadata of a table that an ingest makes, and of one that gets new columns. Pure.

A table is made so that any writer can go on with it: no feature but those that its columns need,
and the domain of positions only where that was asked for.

Source: Delta protocol, "Change Metadata", "Column Mapping", "Timestamp without timezone".
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
import pyarrow as pa

from lakeferry.delta.actions import Metadata, Protocol
from lakeferry.delta.table_schema import field_json, schema_string
from lakeferry.errors import FerryError
from lakeferry.ingest.settings import PartitionColumn
from lakeferry.ingest.table.fit import MAPPING_MODE, check_partition, computed_field

# A commit a minute would have Spark's default of 10 write a checkpoint every ten minutes.
PROPERTIES = {"delta.checkpointInterval": "100"}
DOMAINS = "domainMetadata"
_NTZ = "timestampNtz"
_MAX_ID = "delta.columnMapping.maxColumnId"
_NO_NAME = re.compile(r"[ ,;{}()\n\t=]")  # Parquet's names without column mapping


def first_actions(
    url: str,
    wanted: pa.Schema,
    partition_by: Sequence[PartitionColumn],
    *,
    table_id: str,
    now_ms: int,
    with_domains: bool,
) -> tuple[Protocol, Metadata]:
    """Protocol and metadata of a table for rows of the schema `wanted`.

    Columns of partition values that are computed are put behind the others.

    Raises:
        FerryError: LF-7041 a name or the partitioning cannot be; LF-7048 a type that Delta lacks.
    """
    for part in partition_by:
        check_partition(url, part, wanted)
    computed = [computed_field(part) for part in partition_by if part.of is not None]
    schema = pa.schema([*wanted, *computed])
    _check_names(url, schema)
    text = schema_string(schema)
    features = {DOMAINS} if with_domains else set[str]()
    if _has_ntz(schema):
        features.add(_NTZ)
    by = tuple(part.name for part in partition_by)
    metadata = Metadata(table_id, text, by, PROPERTIES, created_time=now_ms)
    return _protocol(features), metadata


def _protocol(features: set[str]) -> Protocol:
    """The lowest versions that state the features; those of version 2 hold in either form."""
    if not features:
        return Protocol(1, 2)
    writers = frozenset(features | {"appendOnly", "invariants"})
    if _NTZ in features:
        return Protocol(3, 7, frozenset({_NTZ}), writers)
    return Protocol(1, 7, None, writers)


def _has_ntz(schema: Iterable[pa.Field]) -> bool:
    """Whether a timestamp without a zone lies anywhere in the columns."""
    return any(_is_ntz(field.type) for field in schema)


def _is_ntz(kind: pa.DataType) -> bool:
    if pa.types.is_timestamp(kind):
        return kind.tz is None
    return any(_is_ntz(kind.field(at).type) for at in range(kind.num_fields))


def _check_names(url: str, schema: Iterable[pa.Field]) -> None:
    lower: set[str] = set()
    for field in schema:
        if field.name.lower() in lower:
            raise _no_column(url, field.name, "its name differs from another's by case alone")
        lower.add(field.name.lower())
        _check_name(url, field)


def _check_name(url: str, field: pa.Field) -> None:
    if not field.name or _NO_NAME.search(field.name):
        raise _no_column(
            url, field.name, "a name without column mapping has no space and none of `,;{}()=`"
        )
    for at in range(field.type.num_fields):
        _check_name(url, field.type.field(at))


def _no_column(url: str, name: str, why: str) -> FerryError:
    return FerryError(
        "LF-7041",
        f"`{name}` cannot be a column of this table: {why}",
        url,
        "leave it out of the declared schema, or make the table with column mapping beforehand",
    )


# --- new columns ----------------------------------------------------------------------------


def with_columns(
    url: str,
    protocol: Protocol,
    metadata: Metadata,
    wanted: pa.Schema,
    physical_name: Callable[[], str],
) -> Metadata:
    """The metadata with every column and field of `wanted` that it lacks, each nullable.

    Columns that are there stay as they are, whatever `wanted` says of them; ids and physical names
    of column mapping stay, too, and new columns get the next ones.

    Args:
        physical_name: gives a name that no other column has, such as `col-<uuid>`.

    Raises:
        FerryError: LF-7041 a name cannot be, or a type needs a feature that the table lacks.
    """
    tree = orjson.loads(metadata.schema_string)
    mapped = metadata.configuration.get(MAPPING_MODE, "none").lower() != "none"
    adding = _Adding(url, protocol, int(metadata.configuration.get(_MAX_ID, 0)), physical_name)
    adding.into(tree, wanted, mapped=mapped)
    if not adding.added:
        return metadata
    configuration = dict(metadata.configuration)
    if mapped:
        configuration[_MAX_ID] = str(adding.last_id)
    text = orjson.dumps(tree).decode()
    return replace(metadata, schema_string=text, configuration=configuration)


class _Adding:
    """Counts the ids while columns are added to a tree."""

    def __init__(
        self, url: str, protocol: Protocol, last_id: int, physical_name: Callable[[], str]
    ) -> None:
        self._url = url
        self._protocol = protocol
        self._physical_name = physical_name
        self.last_id = last_id
        self.added = 0

    def into(self, struct: dict[str, Any], wanted: Iterable[pa.Field], *, mapped: bool) -> None:
        here = {field["name"]: field for field in struct["fields"]}
        lower = {name.lower() for name in here}
        for field in wanted:
            if field.name in here:
                self._below(here[field.name], field.type, mapped=mapped)
            elif field.name.lower() in lower:
                raise _no_column(self._url, field.name, "there is one that differs by case alone")
            else:
                struct["fields"].append(self._new(field, mapped=mapped))
                lower.add(field.name.lower())

    def _below(self, holder: dict[str, Any], kind: pa.DataType, *, mapped: bool) -> None:
        """Fields within a column that is there."""
        there = holder["type"]
        while isinstance(there, dict) and there["type"] == "array" and pa.types.is_list(kind):
            there, kind = there["elementType"], kind.value_type
        if isinstance(there, dict) and there["type"] == "struct" and pa.types.is_struct(kind):
            fields = [kind.field(at) for at in range(kind.num_fields)]
            self.into(there, fields, mapped=mapped)

    def _new(self, field: pa.Field, *, mapped: bool) -> dict[str, Any]:
        if not mapped:
            _check_name(self._url, field)
        if _is_ntz(field.type) and _NTZ not in (self._protocol.writer_features or ()):
            raise _no_column(self._url, field.name, f"its type needs the feature {_NTZ}")
        self.added += 1
        body = field_json(field.with_nullable(True))
        if mapped:
            self._name(body)
        return body

    def _name(self, field: Mapping[str, Any]) -> None:
        self.last_id += 1
        field["metadata"]["delta.columnMapping.id"] = self.last_id
        field["metadata"]["delta.columnMapping.physicalName"] = self._physical_name()
        waiting = [field["type"]]
        while waiting:
            kind = waiting.pop()
            if isinstance(kind, dict):
                waiting += [kind.get(key) for key in ("elementType", "keyType", "valueType")]
                for inner in kind.get("fields") or ():
                    self._name(inner)
