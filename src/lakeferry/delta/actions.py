"""Delta actions as values; one JSON line <-> one action, unknown fields kept.

Small actions are frozen dataclasses. Files are too many for objects: they travel as Arrow record
batches of `FILE_SCHEMA`, one row per logical file, in the log's own field names.

Source: Delta protocol, "Actions".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

Json = Mapping[str, Any]

MAP = pa.map_(pa.string(), pa.string())
DELETION_VECTOR = pa.struct(
    [
        ("storageType", pa.string()),  # 'u' relative file, 'i' inline, 'p' absolute file
        ("pathOrInlineDv", pa.string()),
        ("offset", pa.int32()),
        ("sizeInBytes", pa.int32()),
        ("cardinality", pa.int64()),
        ("maxRowIndex", pa.int64()),
    ]
)
# One live file: the `add` action. `extra` is a JSON object of the fields that we do not know
# (those of the deletion vector under "deletionVector"), null where there are none.
FILE_SCHEMA = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),  # as logged: percent-encoded once
        ("partitionValues", MAP),
        ("size", pa.int64()),
        ("modificationTime", pa.int64()),
        ("dataChange", pa.bool_()),
        ("stats", pa.string()),
        ("tags", MAP),
        ("deletionVector", DELETION_VECTOR),
        ("baseRowId", pa.int64()),
        ("defaultRowCommitVersion", pa.int64()),
        ("clusteringProvider", pa.string()),
        ("extra", pa.string()),
    ]
)
# One `remove` action; modificationTime and clusteringProvider are always null.
REMOVE_SCHEMA = FILE_SCHEMA.append(pa.field("deletionTimestamp", pa.int64())).append(
    pa.field("extendedFileMetadata", pa.bool_())
)


@dataclass(frozen=True, slots=True)
class Protocol:
    """What a reader and a writer of the table must understand."""

    min_reader_version: int
    min_writer_version: int
    reader_features: frozenset[str] | None = None  # present iff reader version 3
    writer_features: frozenset[str] | None = None  # present iff writer version 7
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Metadata:
    """Schema, partitioning and configuration of the table."""

    id: str
    schema_string: str  # opaque: never parsed and dumped
    partition_columns: tuple[str, ...]  # logical names, in order
    configuration: Mapping[str, str]
    name: str | None = None
    description: str | None = None
    format: Json = field(default_factory=lambda: {"provider": "parquet", "options": {}})
    created_time: int | None = None  # ms since the epoch
    extra: Json = field(default_factory=dict)

    def is_on(self, name: str) -> bool:
        """Whether a property is set to true; Delta keeps the case in which that was typed."""
        return self.configuration.get(name, "").lower() == "true"


@dataclass(frozen=True, slots=True)
class Txn:
    """The last version that an application (a stream, say) wrote: Delta's `txn`."""

    app_id: str
    version: int
    last_updated: int | None = None  # ms since the epoch
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DomainMetadata:
    """One named configuration, of the system (`delta.*`) or of a user."""

    domain: str
    configuration: str  # opaque
    removed: bool = False
    extra: Json = field(default_factory=dict)


def _rest(body: Json, known: frozenset[str]) -> Json:
    return {key: value for key, value in body.items() if key not in known}


def _present(pairs: Mapping[str, Any], extra: Json) -> dict[str, Any]:
    return {key: value for key, value in pairs.items() if value is not None} | dict(extra)


_PROTOCOL = frozenset({"minReaderVersion", "minWriterVersion", "readerFeatures", "writerFeatures"})
_METADATA = frozenset(
    {"id", "name", "description", "format", "schemaString", "partitionColumns", "configuration"}
    | {"createdTime"}
)
_TXN = frozenset({"appId", "version", "lastUpdated"})
_DOMAIN = frozenset({"domain", "configuration", "removed"})


def parse_protocol(body: Json) -> Protocol:
    """From the object under `protocol`. Raises KeyError where a required field is missing."""

    def features(key: str, *, versions_have_them: bool) -> frozenset[str] | None:
        # Some writers state empty lists where the version has none, others none where it has.
        names = frozenset(body.get(key) or ())
        return names if versions_have_them or names else None

    reader, writer = int(body["minReaderVersion"]), int(body["minWriterVersion"])
    return Protocol(
        min_reader_version=reader,
        min_writer_version=writer,
        reader_features=features("readerFeatures", versions_have_them=reader >= 3),
        writer_features=features("writerFeatures", versions_have_them=writer >= 7),
        extra=_rest(body, _PROTOCOL),
    )


def parse_metadata(body: Json) -> Metadata:
    """From the object under `metaData`. Raises KeyError where a required field is missing.

    A missing schema becomes '': Delta Live Tables begin a table without one and set it later.
    """
    return Metadata(
        id=body["id"],
        schema_string=body.get("schemaString") or "",
        partition_columns=tuple(body.get("partitionColumns") or ()),
        configuration=dict(body.get("configuration") or {}),
        name=body.get("name"),
        description=body.get("description"),
        format=dict(body.get("format") or {"provider": "parquet", "options": {}}),
        created_time=body.get("createdTime"),
        extra=_rest(body, _METADATA),
    )


def _text(body: Json, name: str) -> str:
    """By which others are told apart. Raises TypeError where it is something else."""
    found = body[name]
    if not isinstance(found, str):
        raise TypeError(f"`{name}` is no text")
    return found


def parse_txn(body: Json) -> Txn:
    """From the object under `txn`."""
    name, version = _text(body, "appId"), int(body["version"])
    return Txn(name, version, body.get("lastUpdated"), _rest(body, _TXN))


def parse_domain(body: Json) -> DomainMetadata:
    """From the object under `domainMetadata`."""
    return DomainMetadata(
        _text(body, "domain"),
        body.get("configuration") or "",
        bool(body.get("removed", False)),
        _rest(body, _DOMAIN),
    )


def protocol_json(protocol: Protocol) -> dict[str, Any]:
    """The object under `protocol`; features sorted, for their order has no meaning."""

    def names(features: frozenset[str] | None) -> list[str] | None:
        return None if features is None else sorted(features)

    return _present(
        {
            "minReaderVersion": protocol.min_reader_version,
            "minWriterVersion": protocol.min_writer_version,
            "readerFeatures": names(protocol.reader_features),
            "writerFeatures": names(protocol.writer_features),
        },
        protocol.extra,
    )


def metadata_json(metadata: Metadata) -> dict[str, Any]:
    """The object under `metaData`."""
    return _present(
        {
            "id": metadata.id,
            "name": metadata.name,
            "description": metadata.description,
            "format": dict(metadata.format),
            "schemaString": metadata.schema_string,
            "partitionColumns": list(metadata.partition_columns),
            "configuration": dict(metadata.configuration),
            "createdTime": metadata.created_time,
        },
        metadata.extra,
    )


def txn_json(txn: Txn) -> dict[str, Any]:
    """The object under `txn`."""
    body = {"appId": txn.app_id, "version": txn.version, "lastUpdated": txn.last_updated}
    return _present(body, txn.extra)


def domain_json(domain: DomainMetadata) -> dict[str, Any]:
    """The object under `domainMetadata`."""
    return {
        "domain": domain.domain,
        "configuration": domain.configuration,
        "removed": domain.removed,
        **domain.extra,
    }
