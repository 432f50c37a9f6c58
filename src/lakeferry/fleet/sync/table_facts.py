"""What a snapshot says that a plan is held to, as the ledger keeps it. Pure."""

import hashlib
from typing import NamedTuple

from lakeferry.delta.checkpoint_write import duration_ms
from lakeferry.delta.snapshot import Snapshot

WEEK_S = 7 * 24 * 3600  # delta.deletedFileRetentionDuration where the table does not set it
_RETENTION = "delta.deletedFileRetentionDuration"


class TableState(NamedTuple):
    """One version of a table, without its files."""

    source_id: str  # metaData.id
    protocol: str  # '3/7'
    schema_sha256: str  # of metaData.schemaString, 16 hex digits
    retention_s: int  # how long VACUUM leaves what the table dropped


def facts_at(snapshot: Snapshot) -> TableState:
    """Of one snapshot."""
    protocol, metadata = snapshot.protocol, snapshot.metadata
    kept_ms = duration_ms(metadata.configuration.get(_RETENTION, ""))
    return TableState(
        metadata.id,
        f"{protocol.min_reader_version}/{protocol.min_writer_version}",
        hashlib.sha256(metadata.schema_string.encode()).hexdigest()[:16],
        WEEK_S if kept_ms is None else kept_ms // 1000,
    )
