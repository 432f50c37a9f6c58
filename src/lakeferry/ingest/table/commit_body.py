"""The text of an ingest's commit: rows, `txn` and positions. Pure: time and ids are arguments.

Order: commitInfo, protocol, metaData, txn, domainMetadata, add.

Source: Delta protocol, "Commit Provenance Information", "Transaction Identifiers", "Row Tracking",
"In-Commit Timestamps"; the shape of `commitInfo` is what Spark writes for a stream.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from lakeferry.delta.actions import (
    DomainMetadata,
    Metadata,
    Protocol,
    Txn,
    domain_json,
    metadata_json,
    protocol_json,
    txn_json,
)
from lakeferry.delta.commit import line
from lakeferry.delta.features import effective_features
from lakeferry.delta.paths import encode
from lakeferry.delta.time_travel import ICT
from lakeferry.ingest.position.state import app_id
from lakeferry.ingest.table.commit_rule import ROW_TRACKING, WRITER
from lakeferry.ingest.worker.messages import Counts, DataFile
from lakeferry.version import ENGINE


@dataclass(frozen=True, slots=True)
class Content:
    """What one commit brings, whatever version it becomes."""

    name: str  # of the ingest
    token: str  # unique to this commit
    files: tuple[DataFile, ...] = ()
    txn: Txn | None = None  # None: columns alone
    kept: DomainMetadata | None = None  # positions, where the table keeps them so
    protocol: Protocol | None = None  # of a table that is made
    metadata: Metadata | None = None  # of a table that is made, or has new columns
    counts: Counts | None = None  # of the workers, for whoever reads the history
    writer: str = ""  # which process this is: two of one name hinder each other, and must be found


@dataclass(frozen=True, slots=True)
class Head:
    """The table before the commit."""

    version: int  # -1: there is none yet
    protocol: Protocol
    metadata: Metadata
    in_commit_timestamp: int | None = None  # ms
    high_row_id: int = -1  # of row tracking


@dataclass(frozen=True, slots=True)
class Stated:
    """A commit for one version: its lines, and what the table is told by them."""

    lines: tuple[bytes, ...]
    in_commit_timestamp: int | None
    high_row_id: int


def stated(content: Content, head: Head, *, now_ms: int) -> Stated:
    """The commit that follows a head. Time and row ids are those of this version alone."""
    stamp = None
    if (content.metadata or head.metadata).is_on(ICT):
        stamp = max(now_ms, (head.in_commit_timestamp or 0) + 1)
    tracked = "rowTracking" in effective_features(head.protocol)
    lines = [line("commitInfo", _info(content, head, stamp, now_ms))]
    if content.protocol:
        lines.append(line("protocol", protocol_json(content.protocol)))
    if content.metadata:
        lines.append(line("metaData", metadata_json(content.metadata)))
    if content.txn:
        lines.append(line("txn", txn_json(content.txn)))
    if content.kept:
        lines.append(line("domainMetadata", domain_json(content.kept)))
    if not tracked or not content.files:
        lines += [line("add", _add(file)) for file in content.files]
        return Stated(tuple(lines), stamp, head.high_row_id)
    high = head.high_row_id + sum(file.rows for file in content.files)
    marked = DomainMetadata(ROW_TRACKING, orjson.dumps({"rowIdHighWaterMark": high}).decode())
    lines.append(line("domainMetadata", domain_json(marked)))
    lines += _tracked(content.files, head.high_row_id + 1, head.version + 1)
    return Stated(tuple(lines), stamp, high)


def _tracked(files: Sequence[DataFile], first: int, version: int) -> Iterator[bytes]:
    for file in files:
        ids = {"baseRowId": first, "defaultRowCommitVersion": version}
        yield line("add", _add(file) | ids)
        first += file.rows


def _add(file: DataFile) -> dict[str, Any]:
    return {
        "path": encode(file.path),
        "partitionValues": dict(file.partition),
        "size": file.size,
        "modificationTime": file.modified_ms,
        "dataChange": True,
        "stats": file.stats,
    }


def _info(content: Content, head: Head, stamp: int | None, now_ms: int) -> dict[str, Any]:
    info: dict[str, Any] = {} if stamp is None else {"inCommitTimestamp": stamp}
    info |= {"timestamp": now_ms, **_operation(content)}
    if head.version >= 0:
        info["readVersion"] = head.version
    return info | {
        "isolationLevel": "Serializable",
        "isBlindAppend": content.metadata is None,
        "operationMetrics": _metrics(content),
        "engineInfo": ENGINE,
        "txnId": content.token,
    }


def _operation(content: Content) -> Mapping[str, Any]:
    """Named as Spark names it, so that DESCRIBE HISTORY shows a stream as one."""
    if content.txn is None:
        return {"operation": "ADD COLUMNS", "operationParameters": {}}
    if content.protocol is not None:
        return {"operation": "CREATE TABLE", "operationParameters": {WRITER: content.writer}}
    told = {
        "outputMode": "Append",
        "queryId": app_id(content.name),
        "epochId": str(content.txn.version),
        WRITER: content.writer,
    }
    return {"operation": "STREAMING UPDATE", "operationParameters": told}


def _metrics(content: Content) -> dict[str, str]:
    """Counts are text, as Spark writes them."""
    metrics = {
        "numRemovedFiles": 0,
        "numAddedFiles": len(content.files),
        "numOutputRows": sum(file.rows for file in content.files),
        "numOutputBytes": sum(file.size for file in content.files),
    }
    if content.counts:
        wanted = ("records", "rows", "bad", "doubles", "out_of_range")
        told = asdict(content.counts)
        metrics |= {f"lakeferry.{key}": told[key] for key in wanted}
    return {key: str(value) for key, value in metrics.items()}
