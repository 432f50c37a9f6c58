"""The text of a clone's commit, streamed. Pure: time and ids are arguments.

Shape of `commitInfo`: what Databricks writes for CLONE, plus `tags` that say which source.
Order: commitInfo, protocol, metaData, txn by appId, domainMetadata by name, remove, add.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.clone.plan import ClonePlan, Header
from lakeferry.delta.actions import (
    FILE_SCHEMA,
    domain_json,
    metadata_json,
    protocol_json,
    txn_json,
)
from lakeferry.delta.commit import line
from lakeferry.delta.json_lines import add_lines, remove_lines
from lakeferry.delta.time_travel import ICT, ICT_SINCE
from lakeferry.version import ENGINE


@dataclass(frozen=True, slots=True)
class CommitStamp:
    """What one commit is told from outside."""

    source: str  # URL or name of the source
    source_id: str  # its metaData.id
    txn_id: str
    now_ms: int
    previous_ict_ms: int | None  # in-commit timestamp of the target's head
    shallow: bool = False
    mode: str = "snapshot"


def in_commit_timestamp(stamp: CommitStamp) -> int:
    """Strictly after the version before, as the protocol asks."""
    return max(stamp.now_ms, (stamp.previous_ict_ms or 0) + 1)


def commit_info(plan: ClonePlan, stamp: CommitStamp) -> dict[str, Any]:
    """The `commitInfo` of a clone commit. Counts are text, as Spark writes them."""
    metrics = {
        "sourceTableSize": plan.source.bytes,
        "sourceNumOfFiles": plan.source.files,
        "numRemovedFiles": plan.removed.files,
        "removedFilesSize": plan.removed.bytes,
        "numCopiedFiles": 0 if stamp.shallow else plan.copied.files,
        "copiedFilesSize": 0 if stamp.shallow else plan.copied.bytes,
        "numDeletionVectorsAdded": plan.stated.vectors,
        "numDeletionVectorsRemoved": plan.removed.vectors,
    }
    info: dict[str, Any] = {}
    if plan.after.metadata.is_on(ICT):
        info["inCommitTimestamp"] = in_commit_timestamp(stamp)
    info |= {
        "timestamp": stamp.now_ms,
        "operation": "CLONE",
        "operationParameters": {
            "source": stamp.source,
            "sourceVersion": plan.source_version,
            "isShallow": stamp.shallow,
        },
        "isolationLevel": "Serializable",
        "isBlindAppend": False,
        "operationMetrics": {name: str(value) for name, value in metrics.items()},
        "engineInfo": ENGINE,
        "txnId": stamp.txn_id,
        "tags": {
            "lakeferry.sourceId": stamp.source_id,
            "lakeferry.sourceVersion": str(plan.source_version),
            "lakeferry.mode": stamp.mode,
        },
    }
    if plan.target_version > 0:
        info["readVersion"] = plan.target_version - 1
    else:
        info["readVersion"] = -1
    return info


def header_lines(header: Header) -> Iterator[bytes]:
    """Everything but commitInfo and files."""
    if header.protocol:
        yield line("protocol", protocol_json(header.protocol))
    if header.metadata:
        yield line("metaData", metadata_json(header.metadata))
    for txn in header.txns:
        yield line("txn", txn_json(txn))
    for domain in header.domains:
        yield line("domainMetadata", domain_json(domain))
    for action in header.unknown:
        yield orjson.dumps(action) + b"\n"


def commit_chunks(
    plan: ClonePlan, stamp: CommitStamp, footer_rows: Mapping[str, int]
) -> Iterator[bytes]:
    """The whole commit. Call it again for another try: the bytes are equal.

    Args:
        footer_rows: path -> physical rows, for files whose vector needs `numRecords` and whose
            statistics the source has lost.
    """
    yield line("commitInfo", commit_info(plan, stamp))
    yield from header_lines(plan.header)
    for batch in plan.remove.batches():
        yield remove_lines(plan.data_change.set_on(batch), stamp.now_ms)
    for batch in plan.state.batches():
        flagged = plan.data_change.set_on(batch.select(FILE_SCHEMA.names))
        yield add_lines(with_row_counts(flagged, footer_rows))


def ict_enablement(plan: ClonePlan, stamp: CommitStamp) -> dict[str, str]:
    """Turned on by this commit: readers need the version and time from which to trust them."""
    return dict(
        zip(ICT_SINCE, (str(plan.target_version), str(in_commit_timestamp(stamp))), strict=True)
    )


def with_ict_since(plan: ClonePlan, since: Mapping[str, str]) -> ClonePlan:
    """The plan with what no planning can know: when the target's in-commit timestamps began.

    Args:
        since: `ict_enablement` of this plan's commit, or of one before it in the same run.
    """
    after = plan.after.metadata
    if not since or not after.is_on(ICT):
        return plan
    whole = replace(after, configuration={**after.configuration, **since})
    header = replace(plan.header, metadata=whole) if plan.header.metadata else plan.header
    return replace(plan, header=header, after=replace(plan.after, metadata=whole))


def with_row_counts(batch: pa.RecordBatch, footer_rows: Mapping[str, int]) -> pa.RecordBatch:
    """`stats` filled from Parquet footers where a deletion vector needs them (facts: DV files
    must state numRecords) and the source's checkpoint has lost them.
    """
    if not footer_rows:
        return batch
    stats = batch.column("stats").to_pylist()
    for at, path in enumerate(batch.column("path").to_pylist()):
        if stats[at] is None and path in footer_rows:
            stats[at] = f'{{"numRecords":{footer_rows[path]},"tightBounds":false}}'
    index = batch.schema.get_field_index("stats")
    return batch.set_column(index, batch.schema.field(index), pa.array(stats, pa.string()))


def lacks_row_counts(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows that `with_row_counts` is for."""
    vector = batch.column("deletionVector").is_valid()
    return batch.filter(pc.and_(vector, batch.column("stats").is_null()))
