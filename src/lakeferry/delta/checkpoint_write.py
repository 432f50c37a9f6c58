"""Checkpoints, written: one classic Parquet file, streamed.

Every reader of every table can read this form, tables with the feature `v2Checkpoint` included.
Unknown fields of an `add` have no column and stay in the commits alone.

Source: Delta protocol, "Checkpoint Schema", "V1 Spec".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from typing import Protocol as Shape

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakeferry.delta.actions import (
    FILE_SCHEMA,
    MAP,
    REMOVE_SCHEMA,
    DomainMetadata,
    Metadata,
    Protocol,
    Txn,
    domain_json,
    metadata_json,
    protocol_json,
    txn_json,
)
from lakeferry.delta.features import effective_features
from lakeferry.delta.files import FileSet, TemporaryFile, rebatched
from lakeferry.delta.log import LOG, checkpoint_name
from lakeferry.store.protocol import Store

_COPY_BYTES = 1 << 20
_WEEK_MS = 7 * 24 * 3600 * 1000  # the protocol's default of delta.deletedFileRetentionDuration
_MOST_MS = 1 << 53
_UNIT_MS = {
    "millisecond": 1,
    "second": 1000,
    "minute": 60_000,
    "hour": 3_600_000,
    "day": 86_400_000,
    "week": _WEEK_MS,
}
_STRINGS = pa.list_(pa.string())
_FORMAT = pa.struct([("provider", pa.string()), ("options", MAP)])
_ADD = (
    *("path", "partitionValues", "size", "modificationTime", "dataChange", "tags"),
    *("deletionVector", "baseRowId", "defaultRowCommitVersion", "clusteringProvider", "stats"),
)
# No stats and no tags: the protocol leaves them out of tombstones in checkpoints.
_REMOVE = (
    *("path", "deletionTimestamp", "dataChange", "extendedFileMetadata", "partitionValues"),
    *("size", "deletionVector", "baseRowId", "defaultRowCommitVersion"),
)
_COLUMNS: Mapping[str, pa.DataType] = {
    "txn": pa.struct(
        [("appId", pa.string()), ("version", pa.int64()), ("lastUpdated", pa.int64())]
    ),
    "add": pa.struct([(name, FILE_SCHEMA.field(name).type) for name in _ADD]),
    "remove": pa.struct([(name, REMOVE_SCHEMA.field(name).type) for name in _REMOVE]),
    "metaData": pa.struct(
        [
            ("id", pa.string()),
            ("name", pa.string()),
            ("description", pa.string()),
            ("format", _FORMAT),
            ("schemaString", pa.string()),
            ("partitionColumns", _STRINGS),
            ("configuration", MAP),
            ("createdTime", pa.int64()),
        ]
    ),
    "protocol": pa.struct(
        [
            ("minReaderVersion", pa.int32()),
            ("minWriterVersion", pa.int32()),
            ("readerFeatures", _STRINGS),
            ("writerFeatures", _STRINGS),
        ]
    ),
    "domainMetadata": pa.struct(
        [("domain", pa.string()), ("configuration", pa.string()), ("removed", pa.bool_())]
    ),
}
# Only there, and always null, where the table has the feature v2Checkpoint.
_V2_COLUMNS: Mapping[str, pa.DataType] = {
    "checkpointMetadata": pa.struct([("version", pa.int64()), ("tags", MAP)]),
    "sidecar": pa.struct(
        [
            ("path", pa.string()),
            ("sizeInBytes", pa.int64()),
            ("modificationTime", pa.int64()),
            ("tags", MAP),
        ]
    ),
}


class TableState(Shape):
    """The small actions of a table at a version; a Snapshot is one."""

    @property
    def protocol(self) -> Protocol: ...

    @property
    def metadata(self) -> Metadata: ...

    @property
    def txns(self) -> Mapping[str, Txn]: ...

    @property
    def domains(self) -> Mapping[str, DomainMetadata]: ...


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """What was written."""

    version: int
    path: str  # in the store
    actions: int
    size_in_bytes: int
    add_files: int
    add_bytes: int  # sum of the sizes of the live files


def write_checkpoint(
    store: Store,
    version: int,
    *,
    state: TableState,
    files: FileSet,
    removes: FileSet | None = None,
    now_ms: int = 0,
) -> CheckpointInfo:
    """Write the classic checkpoint of `version`, replacing one that is there.

    Args:
        store: its root is the table's.
        version: already committed.
        state: the table's small actions at that version.
        files: its live files, rows of FILE_SCHEMA.
        removes: its tombstones, rows of REMOVE_SCHEMA; those past the table's
            `delta.deletedFileRetentionDuration` at `now_ms` are left out.
    """
    part = TemporaryFile(".parquet")
    schema = pa.schema(list(_columns(state.protocol).items()))
    actions = add_files = add_bytes = 0
    with pq.ParquetWriter(
        part.path,
        schema,
        compression="snappy",
        use_dictionary=[
            f"{action}.partitionValues.key_value.{leaf}"
            for action in ("add", "remove")
            for leaf in ("key", "value")
        ],
    ) as parquet:
        for name, rows in _small(state):
            parquet.write_batch(_spread(schema, name, pa.array(rows, _COLUMNS[name])))
            actions += len(rows)
        for batch in _unexpired(removes, state.metadata.configuration, now_ms):
            parquet.write_batch(_spread(schema, "remove", _struct(batch, "remove")))
            actions += len(batch)
        for batch in rebatched(files.batches(), FILE_SCHEMA):
            parquet.write_batch(_spread(schema, "add", _struct(batch, "add")))
            add_files += len(batch)
            add_bytes += pc.sum(batch.column("size")).as_py() or 0
    size = part.path.stat().st_size
    path = f"{LOG}/{checkpoint_name(version)}"
    store.write(path, _chunks(part), size=size)
    return CheckpointInfo(version, path, actions + add_files, size, add_files, add_bytes)


def _columns(protocol: Protocol) -> Mapping[str, pa.DataType]:
    with_v2 = "v2Checkpoint" in effective_features(protocol)
    return {**_COLUMNS, **_V2_COLUMNS} if with_v2 else _COLUMNS


def _small(state: TableState) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The small actions in a fixed order, so that equal states give equal files."""
    yield "protocol", [protocol_json(state.protocol)]
    yield "metaData", [_as_columns(metadata_json(state.metadata))]
    txns = [txn_json(txn) for _, txn in sorted(state.txns.items())]
    domains = [domain_json(domain) for _, domain in sorted(state.domains.items())]
    if txns:
        yield "txn", txns
    if domains:
        yield "domainMetadata", domains


def _as_columns(metadata: dict[str, Any]) -> dict[str, Any]:
    """Maps as lists of pairs, which is how Arrow takes them."""
    options = metadata["format"].get("options") or {}
    return {
        **metadata,
        "configuration": list(metadata["configuration"].items()),
        "format": {
            "provider": metadata["format"].get("provider"),
            "options": [(name, str(value)) for name, value in options.items()],
        },
    }


def _spread(schema: pa.Schema, name: str, values: pa.Array) -> pa.RecordBatch:
    """One action a row: `values` in its column, all other columns null."""
    return pa.RecordBatch.from_arrays(
        [values if field.name == name else pa.nulls(len(values), field.type) for field in schema],
        schema=schema,
    )


def _struct(batch: pa.RecordBatch, action: str) -> pa.StructArray:
    """File actions as one column. In a checkpoint no action changes data by itself."""
    kind = _COLUMNS[action]
    columns = [
        pa.repeat(pa.scalar(False), len(batch))
        if field.name == "dataChange"
        else batch.column(field.name)
        for field in kind
    ]
    return pa.StructArray.from_arrays(columns, fields=list(kind))


def _unexpired(
    removes: FileSet | None, configuration: Mapping[str, str], now_ms: int
) -> Iterator[pa.RecordBatch]:
    if removes is None:
        return
    retention = duration_ms(configuration.get("delta.deletedFileRetentionDuration", ""))
    oldest = now_ms - (_WEEK_MS if retention is None else retention)
    for batch in rebatched(removes.batches(), REMOVE_SCHEMA):
        stamps = pc.fill_null(batch.column("deletionTimestamp"), 0)
        kept = batch.filter(pc.greater_equal(stamps, oldest))
        if len(kept):
            yield kept


def duration_ms(interval: str) -> int | None:
    """ms of a property like `interval 1 week` or `7 days 12 hours`; None: it is none such.

    At most what a time can be added to: people write thousands of years for "for ever".
    """
    words = interval.lower().removeprefix("interval").split()
    if not words or len(words) % 2:
        return None
    total = 0
    for count, unit in zip(words[::2], words[1::2], strict=True):
        length = _UNIT_MS.get(unit.removesuffix("s"))
        if length is None or not re.fullmatch(r"\d{1,30}", count):
            return None
        total += int(count) * length
    return min(total, _MOST_MS)


def _chunks(part: TemporaryFile) -> Iterator[bytes]:
    with part.path.open("rb") as file:
        while chunk := file.read(_COPY_BYTES):
            yield chunk
