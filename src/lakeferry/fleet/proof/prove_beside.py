"""Parquet tables and plain folders held against their sources: file by file, by size or by bytes.

Their sources have no versions, so a source that has moved on since it was synced proves nothing of
what the target holds: that comparison is not made, and says so. What the target holds is told with
it, for the receipt.
"""

import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import xxhash

from lakeferry.clone.folder import listed_files, look_at_files
from lakeferry.clone.folder_state import read_record
from lakeferry.clone.parquet_clone import look_at_parquet
from lakeferry.clone.parquet_folder import id_of
from lakeferry.clone.parquet_look import list_state
from lakeferry.clone.places import Places, open_places
from lakeferry.clone.report import CloneRequest
from lakeferry.clone.surroundings import Surroundings
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.events import BytesRead, Emit, silent
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.proof.content import Content, Entries, content_at, content_of_folder
from lakeferry.fleet.sync.beside_delta import declared_of
from lakeferry.ledger.rows import LakeTable
from lakeferry.store.checksum import Counted
from lakeferry.store.protocol import CRC64NVME, Store
from lakeferry.verify.report import Finding, VerifyReport
from lakeferry.workers import map_threads

FINDINGS = 100
NOT_SEEN = "rows and statistics: the source has no log that states any"


class _Pair(NamedTuple):
    """One file at both sides."""

    source: Store
    path: str
    target: Store
    lands: str
    size: int  # bytes, at the source


class _Compared(NamedTuple):
    """How one file was found."""

    pair: _Pair
    is_there: bool  # at the target
    finding: Finding | None = None
    entry: str | None = None  # of its bytes at the target, see `Content`; None: they were not read


def prove_beside(
    wanted: Migration, row: LakeTable, strength: str, *, emit: Emit = silent, jobs: int = 8
) -> tuple[VerifyReport, Content]:
    """Compare all files that the source has now with those of the target.

    Args:
        row: a table of kind 'parquet' or 'folder'.
        strength: 'listed' compares names and sizes; all others also the bytes, both sides read.

    Returns:
        What was compared and found, and what the target holds.

    Raises:
        FerryError: LF-4107 the source has moved on; what a look at it raises.
    """
    began = time.monotonic()
    source = wanted.sources[row.source]
    request = CloneRequest(
        row.source_url, row.target_url, source_options=source.store_options,
        target_options=wanted.target.store_options,
    )  # fmt: skip
    places = open_places(request)
    pairs = _of_folder(request, places) if row.kind == "folder" else _of_table(wanted, row, request)
    with_bytes = strength != "listed"
    findings: list[Finding] = []
    summed = Entries()
    files = there = done = 0
    for one in map_threads(lambda pair: _compared(pair, with_bytes), pairs, count=jobs):
        files += 1
        there += one.is_there
        done += 2 * one.pair.size if with_bytes else 0
        if one.entry is not None:
            summed.add(one.entry)
        if one.finding is not None and len(findings) < FINDINGS:
            findings.append(one.finding)
        emit(BytesRead(row.target_url, done, row.bytes * 2, time.monotonic() - began))
    content = _content(row, places, summed)
    return VerifyReport(
        source=row.source_url, target=row.target_url,
        strength="hashed" if with_bytes else "listed",
        source_version=row.held_version or 0, target_version=row.target_version or 0,
        equal=not findings, checks=("files", "size", *(("bytes",) if with_bytes else ())),
        not_seen=tuple(_not_seen(row, content.files - there)), findings=tuple(findings),
        files=files, bytes_read=done, rows=None, source_digest=None, target_digest=None,
        seconds=time.monotonic() - began,
    ), content  # fmt: skip


def _content(row: LakeTable, places: Places, summed: Entries) -> Content:
    if row.kind == "folder":
        return content_of_folder(places.target, summed, source=row.source_url)
    held = read_snapshot(places.target, version=row.target_version)
    return content_at(held, places.target, source_id=id_of(row.source_url), mode=row.kind)


def _not_seen(row: LakeTable, more: int) -> Iterator[str]:
    """`more`: files that the target of a folder has and its source has not."""
    if row.kind == "parquet":
        yield NOT_SEEN
    elif more > 0:
        yield f"files of the target that the source does not have (any more): {more:,}"


def _of_folder(request: CloneRequest, places: Places) -> Iterator[_Pair]:
    record = read_record(places.target)
    apart = () if record is None else record.apart
    look = look_at_files(request, apart)
    if look.files:
        raise _moved_on(request, f"{look.files} files are new or others")
    for meta in listed_files(places.source, apart):
        yield _Pair(places.source, meta.path, places.target, meta.path, meta.size)


def _of_table(wanted: Migration, row: LakeTable, request: CloneRequest) -> Iterator[_Pair]:
    declared = declared_of(wanted.sources[row.source], row)
    look = look_at_parquet(request, declared)
    if not look.is_current:
        raise _moved_on(request, f"{look.files} files are new or others, {look.removed} are gone")
    around = Surroundings(open_places(request), None, silent)
    places = around.places
    for file in list_state(declared, around, jobs=8).files:
        store, path = places.elsewhere(file.url) if file.url else (places.source, file.path)
        yield _Pair(store, path, places.target, file.lands, file.size)


def _compared(pair: _Pair, with_bytes: bool) -> _Compared:
    there = pair.target.head(pair.lands)
    if there is None:
        return _Compared(pair, False, Finding("files", "is not at the target", pair.lands))
    if there.size != pair.size:
        said = f"has {there.size} bytes at the target, {pair.size} at the source"
        return _Compared(pair, True, Finding("size", said, pair.lands))
    if not with_bytes:
        return _Compared(pair, True)
    sent = Counted(pair.target.read(pair.lands), size=None, where=pair.target.url)
    is_same = _digest(sent) == digest_of(pair.source, pair.path)
    finding = Finding("bytes", "has other bytes at the target", pair.lands)
    entry = f"{pair.lands}\t{sent.total}\t{sent.checksums[CRC64NVME]}"
    return _Compared(pair, True, None if is_same else finding, entry)


def digest_of(store: Store, path: str) -> bytes:
    """XXH3-128 of all bytes of a file: equal files, for whom nobody deceives."""
    return _digest(store.read(path))


def _digest(chunks: Iterable[bytes]) -> bytes:
    digest = xxhash.xxh3_128()
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest()


def _moved_on(request: CloneRequest, what: str) -> FerryError:
    return FerryError(
        "LF-4107",
        f"the source has moved on since it was synced: {what}",
        f"{request.source}: it has no versions, so only what it holds now can be compared",
        "sync it, then verify again",
    )
