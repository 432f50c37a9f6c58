"""Commit that several files became one: a version that changes no row.

Streaming readers pass over it, for `dataChange` is false. A winner that names one of our files, or
changes the table, makes the join void: it is planned anew another time. All others, appends of any
ingest among them, have nothing to do with it.

Source: Delta protocol, "Add File and Remove File", `dataChange`; "In-Commit Timestamps".
"""

import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from lakeferry.delta.actions import Metadata
from lakeferry.delta.commit import VersionTaken, in_chunks, line, publish
from lakeferry.delta.log import LOG, commit_name
from lakeferry.delta.paths import canonical, canonical_key, encode
from lakeferry.delta.time_travel import ICT
from lakeferry.errors import FerryError
from lakeferry.ingest.upkeep.compact import Join
from lakeferry.ingest.worker.messages import DataFile
from lakeferry.store.protocol import Store, read_lines
from lakeferry.version import ENGINE

TRIES = 100
# From the upload of the joined file to its commit. No commit names the file until then, so an hour
# later another's sweep may take it for an orphan: a join that slept so long is planned anew.
SLOWEST_MS = 30 * 60_000


@dataclass(frozen=True, slots=True)
class Known:
    """The table as it was when the join was planned, or after a commit that does not touch it."""

    version: int
    metadata: Metadata
    in_commit_timestamp: int | None = None  # ms; of this version


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The join is void, and its file removed."""

    version: int  # of the winner
    why: str


def commit_join(
    store: Store, known: Known, join: Join, file: DataFile, *, single_writer: bool = False
) -> Known | GivenUp:
    """Put one file in place of many.

    Args:
        file: lies in the store.

    Returns:
        The table at the version that has it.

    Raises:
        FerryError: what the store raises; then nobody knows yet whether the commit was made, so
            the file stays.
    """
    store.settle()
    token = str(uuid.uuid4())
    paths = {canonical_key(small.path, canonical(store.url)) for small in join.files}
    for _ in range(TRIES):
        now_ms = time.time_ns() // 1_000_000
        if now_ms - file.modified_ms >= SLOWEST_MS or store.head(file.path) is None:
            return _void(store, file, GivenUp(known.version, "its file may be gone"))
        stamp = None
        if known.metadata.is_on(ICT):
            stamp = max(now_ms, (known.in_commit_timestamp or 0) + 1)
        lines = join_lines(join, file, known.version, token=token, now_ms=now_ms, stamp=stamp)
        version = known.version + 1
        try:
            publish(
                store,
                version,
                lambda lines=lines: in_chunks(lines),  # type: ignore[misc]
                txn_id=token,
                size_hint=sum(map(len, lines)),
                single_writer=single_writer,
            )
            return Known(version, known.metadata, stamp)
        except VersionTaken:
            passed = _pass(store, known, paths)
        if isinstance(passed, GivenUp):
            return _void(store, file, passed)
        known = passed
    return _void(store, file, GivenUp(known.version, f"others took {TRIES} versions in a row"))


def _void(store: Store, file: DataFile, why: GivenUp) -> GivenUp:
    with suppress(FerryError):  # what stays is found by the next start, or by VACUUM
        store.delete(file.path)
    return why


def join_lines(
    join: Join, file: DataFile, read_version: int, *, token: str, now_ms: int, stamp: int | None
) -> tuple[bytes, ...]:
    """The commit: commitInfo, removes, the add. `stamp`: in-commit timestamp, ms."""
    info: dict[str, Any] = {} if stamp is None else {"inCommitTimestamp": stamp}
    info |= {
        "timestamp": now_ms,
        "operation": "OPTIMIZE",
        "operationParameters": {"predicate": "[]", "zOrderBy": "[]", "auto": True},
        "readVersion": read_version,
        "isolationLevel": "SnapshotIsolation",
        "isBlindAppend": False,
        "operationMetrics": {
            "numRemovedFiles": str(len(join.files)),
            "numRemovedBytes": str(join.bytes),
            "numAddedFiles": "1",
            "numAddedBytes": str(file.size),
        },
        "engineInfo": ENGINE,
        "txnId": token,
    }
    removes = [
        {
            "path": small.path,
            "deletionTimestamp": now_ms,
            "dataChange": False,
            "extendedFileMetadata": True,
            "partitionValues": dict(join.partition),
            "size": small.size,
        }
        for small in join.files
    ]
    add = {
        "path": encode(file.path),
        "partitionValues": dict(join.partition),
        "size": file.size,
        "modificationTime": file.modified_ms,
        "dataChange": False,
        "stats": file.stats,
    }
    return (
        line("commitInfo", info),
        *(line("remove", one) for one in removes),
        line("add", add),
    )


def _pass(store: Store, known: Known, paths: set[str]) -> Known | GivenUp:
    """Every commit behind `known`, up to the newest: whether the join outlives it."""
    before = known.version
    while True:
        version = known.version + 1
        lines = read_lines(store, f"{LOG}/{commit_name(version)}")
        try:
            found = _passed(known, version, lines, paths, canonical(store.url))
        except FileNotFoundError:
            if known.version == before:
                return GivenUp(before, "the log was cleaned meanwhile")
            return known
        if isinstance(found, GivenUp):
            return found
        known = found


def _passed(
    known: Known, version: int, lines: Iterable[bytes], paths: set[str], root: str
) -> Known | GivenUp:
    stamp = None
    for action, body in _actions(lines):
        if action in ("metaData", "protocol"):
            return GivenUp(version, f"version {version} changes the table")
        if action in ("add", "remove") and canonical_key(body["path"], root) in paths:
            return GivenUp(version, f"version {version} changes a file that was to be joined")
        if action == "commitInfo":
            stamp = body.get("inCommitTimestamp")
    return Known(version, known.metadata, stamp)


def _actions(lines: Iterable[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    for text in lines:
        if text.strip():
            yield from orjson.loads(text).items()
