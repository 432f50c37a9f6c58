"""What must be equal at a table and its clone, by our own reader."""

import json
from pathlib import Path
from typing import Any

from lakeferry.delta.features import effective_features
from lakeferry.delta.snapshot import Snapshot, read_snapshot
from lakeferry.store.local import LocalStore
from lakeferry.verify.digest import Digest, digest_batches
from lakeferry.verify.read_rows import logical_schema, read_rows


def look(root: Path) -> Snapshot:
    """The newest snapshot of a table on this machine, by our reader."""
    return read_snapshot(LocalStore(str(root)))


def digest(snapshot: Snapshot) -> Digest:
    """Of all rows, by our reader."""
    rows = read_rows(LocalStore(snapshot.url), snapshot)
    return digest_batches(logical_schema(snapshot), rows)


def state(snapshot: Snapshot) -> dict[str, Any]:
    """All of a log that a clone must keep."""
    metadata = snapshot.metadata
    return {
        "features": effective_features(snapshot.protocol),
        "reader": snapshot.protocol.min_reader_version,
        "writer": snapshot.protocol.min_writer_version,
        "schema": metadata.schema_string,
        "partitioned by": metadata.partition_columns,
        "configuration": carried(metadata.configuration, "snapshot"),
        "name": metadata.name,
        "description": metadata.description,
        "created": metadata.created_time,
        "txns": snapshot.txns,
        "domains": snapshot.domains,
        "files": sorted(
            ({**row, "dataChange": None} for row in rows_of(snapshot)), key=lambda row: row["path"]
        ),
    }


def rows_of(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [
        {
            **row,
            "partitionValues": dict(row["partitionValues"]),
            "tags": dict(row["tags"] or {}),
            "extra": set_fields(row["extra"]),
        }
        for batch in snapshot.files.batches()
        for row in batch.to_pylist()
    ]


def set_fields(extra: str | None) -> dict[str, Any]:
    """Fields that the protocol does not know; a null one says as much as an absent one."""
    return {name: value for name, value in json.loads(extra or "{}").items() if value is not None}


def carried(configuration: Any, mode: str) -> dict[str, str]:
    """What a snapshot clone keeps of it: docs/reference/features.md."""
    since = "delta.inCommitTimestampEnablement"
    return {
        key: value
        for key, value in configuration.items()
        if mode == "mirror" or not key.startswith(since)
    }
