"""A target table brought back to an older version of its own, by a new commit.

Source: Delta, "Restore a Delta table to an earlier state"; like Spark's RESTORE it takes back files
and metadata, never the protocol, and what streaming writers remember stays.
"""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from lakeferry.clone.changes import DataChange
from lakeferry.clone.difference import Marked, compare_files
from lakeferry.clone.fetch import copy_items
from lakeferry.clone.landing import LandedFiles, Roots
from lakeferry.clone.plan import count
from lakeferry.delta.actions import FILE_SCHEMA, Metadata, domain_json, metadata_json
from lakeferry.delta.commit import VersionTaken, line, publish
from lakeferry.delta.features import check_clonable
from lakeferry.delta.files import FileSet
from lakeferry.delta.json_lines import add_lines, remove_lines
from lakeferry.delta.log import list_log
from lakeferry.delta.paths import canonical
from lakeferry.delta.snapshot import Snapshot, read_snapshot
from lakeferry.delta.time_travel import ICT
from lakeferry.errors import FerryError
from lakeferry.store.protocol import Store
from lakeferry.version import ENGINE

_MAX_ID = "delta.columnMapping.maxColumnId"
_ROW_TRACKING = "delta.rowTracking"  # its high-water mark never goes back


@dataclass(frozen=True)
class Restored:
    """What one restore did."""

    version: int  # that was made; the one that was there where nothing differed
    files_back: int
    files_gone: int


def restore(store: Store, version: int) -> Restored:
    """Make the table what it was at `version`.

    Raises:
        FerryError: LF-8081 a version or a file that is gone; LF-5001 another writer won.
    """
    listing = list_log(store)
    head = read_snapshot(store, listing=listing)
    check_clonable(head.protocol, head.metadata, head.url, frozenset())
    then = _old(store, version, head)
    difference = compare_files(then.files, head.files, target_root=canonical(store.url))
    back = Marked(then.files, difference.added | difference.restated)
    gone = Marked(head.files, difference.removed)
    totals = count(back), count(gone)
    header = list(_header(then, head))
    if not (header or totals[0].files or totals[1].files):
        return Restored(head.version, 0, 0)
    _refuse(store, head, then, Marked(then.files, difference.added), totals[1].files)
    txn_id, at_ms = str(uuid.uuid4()), time.time_ns() // 1_000_000
    info = _info(head, version, txn_id, at_ms, totals[0].files, totals[1].files)

    def chunks() -> Iterator[bytes]:
        yield line("commitInfo", info)
        yield from header
        yield from _file_lines(back, gone, at_ms)

    size = 4096 + 500 * (totals[0].files + totals[1].files)
    try:
        publish(store, head.version + 1, chunks, txn_id=txn_id, size_hint=size)
    except VersionTaken as taken:
        raise FerryError(
            "LF-5001", f"another writer made version {taken.version} meanwhile", store.url,
            "stop it, then run the same command again",
        ) from taken  # fmt: skip
    return Restored(head.version + 1, totals[0].files, totals[1].files)


def _old(store: Store, version: int, head: Snapshot) -> Snapshot:
    try:
        return read_snapshot(store, version=version, listing=head.listing)
    except FerryError as error:
        if error.code not in ("LF-2105", "LF-3102"):
            raise
        raise FerryError(
            "LF-8081", f"the target has no version {version}", error.where,
            "DESCRIBE HISTORY of the target lists those that it has",
        ) from error  # fmt: skip


def _header(then: Snapshot, head: Snapshot) -> Iterator[bytes]:
    metadata = _metadata(then.metadata, head.metadata)
    if metadata != head.metadata:
        yield line("metaData", metadata_json(metadata))
    for name in sorted({*then.domains, *head.domains} - {_ROW_TRACKING}):
        old, new = then.domains.get(name), head.domains.get(name)
        if old is None and new is not None:
            yield line("domainMetadata", domain_json(replace(new, removed=True)))
        elif old is not None and old != new:
            yield line("domainMetadata", domain_json(old))


def _metadata(then: Metadata, head: Metadata) -> Metadata:
    """As it was, but for what never goes back: the id, and ids of columns that were given."""
    configuration = dict(then.configuration)
    for key, value in head.configuration.items():
        if key == _MAX_ID:
            configuration[key] = str(max(int(value), int(configuration.get(key, 0))))
        elif key.startswith(("delta.inCommitTimestamp", "delta.enableInCommitTimestamps")) or (
            key.startswith(("delta.rowTracking.", "delta.enableRowTracking"))
        ):
            configuration[key] = value
    return replace(then, id=head.id, configuration=configuration)


def _refuse(store: Store, head: Snapshot, then: Snapshot, added: FileSet, removed: int) -> None:
    """LF-8081 for what VACUUM took, and for tables that are never taken from."""
    if removed and head.metadata.is_on("delta.appendOnly"):
        raise FerryError(
            "LF-8081", "the table only takes appends, so no version of it is taken back", store.url,
            "switch delta.appendOnly off first, or go back to the source: lakeferry rollback",
        )  # fmt: skip
    here = LandedFiles(added, Roots(then.url))
    for item in copy_items(here):
        if not item.source_url and store.head(item.source_path) is None:
            raise FerryError(
                "LF-8081", f"file `{item.source_path}` of version {then.version} was vacuumed",
                store.url, "choose a newer version",
            )  # fmt: skip


def _file_lines(back: FileSet, gone: FileSet, at_ms: int) -> Iterator[bytes]:
    change = DataChange(default=True)
    for batch in gone.batches():
        yield remove_lines(change.set_on(batch.select(FILE_SCHEMA.names)), at_ms)
    for batch in back.batches():
        yield add_lines(change.set_on(batch.select(FILE_SCHEMA.names)))


def _info(
    head: Snapshot, version: int, txn_id: str, at_ms: int, back: int, gone: int
) -> dict[str, Any]:
    info: dict[str, Any] = {}
    if head.metadata.is_on(ICT):
        info["inCommitTimestamp"] = max(at_ms, (head.in_commit_timestamp or 0) + 1)
    return info | {
        "timestamp": at_ms,
        "operation": "RESTORE",
        "operationParameters": {"version": str(version)},
        "readVersion": head.version,
        "isolationLevel": "Serializable",
        "isBlindAppend": False,
        "operationMetrics": {"numRestoredFiles": str(back), "numRemovedFiles": str(gone)},
        "engineInfo": ENGINE,
        "txnId": txn_id,
    }
