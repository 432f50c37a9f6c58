"""Strength `hashed`: a checksum of every file and vector, source against target.

Each side is asked for the checksum that its store keeps. For the source the record of the clone
may answer instead: it holds what was sent, and holds good while size and ETag are as they were
then. Else the bytes are read.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from lakeferry.clone.copy import CopyItem
from lakeferry.clone.fetch import copy_items
from lakeferry.clone.record import FOLDER
from lakeferry.delta.files import TemporaryFile
from lakeferry.events import Emit, Noted
from lakeferry.store.protocol import CRC64NVME, ObjectMeta, Store
from lakeferry.verify.findings import Findings, differs
from lakeferry.verify.sides import Sides
from lakeferry.workers import map_threads

SHA256 = "sha256"
DIGESTS = (CRC64NVME, SHA256)
BYTE_CHECKS = ("bytes",)
_NO_HASHES = np.zeros(0, np.uint64)


@dataclass(frozen=True)
class SentSums:
    """What clones sent: sorted hashes of target paths, and of each the facts, 32 bytes a file."""

    paths: npt.NDArray[np.uint64]
    sizes: npt.NDArray[np.int64]
    sums: npt.NDArray[np.uint64]  # CRC64NVME
    e_tags: npt.NDArray[np.uint64]  # hashes of the source's

    def find(self, path: str, found: ObjectMeta | None) -> str | None:
        """The CRC64NVME of what was sent as `path`.

        Args:
            found: the source's file as it is now; None: it is gone, and the record is all there is.
        """
        at = self._place(path)
        if at is None:
            return None
        if found is not None:
            same = found.size == self.sizes[at] and found.e_tag is not None
            if not same or np.uint64(_hash(found.e_tag or "")) != self.e_tags[at]:
                return None
        return f"{int(self.sums[at]):016x}"

    def is_checkable(self, path: str) -> bool:
        """Whether the record can tell if the source's file is still the one that was sent."""
        at = self._place(path)
        return at is not None and self.e_tags[at] != np.uint64(_hash(""))

    def _place(self, path: str) -> int | None:
        mark = np.uint64(_hash(path))
        at = int(np.searchsorted(self.paths, mark))
        return at if at < len(self.paths) and self.paths[at] == mark else None


def _hash(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode())


def read_sent_sums(store: Store) -> SentSums:
    """All records of files that lie beside the target's log; of two for a path the later counts."""
    parts: list[tuple[npt.NDArray[np.uint64], ...]] = []
    names = sorted(meta.path for meta in store.list(FOLDER) if meta.path.endswith(".parquet"))
    for name in names:
        file = TemporaryFile(".parquet")
        with file.path.open("wb") as body:
            body.writelines(store.read(name))
        try:
            with pq.ParquetFile(file.path) as records:
                parts += [_facts(batch) for batch in records.iter_batches()]
        except (pa.ArrowException, OSError):
            continue  # a record that was cut off helps nothing and hurts nobody
    paths, sizes, sums, e_tags = (
        np.concatenate([part[at] for part in parts]) if parts else _NO_HASHES for at in range(4)
    )
    order = np.argsort(paths, kind="stable")
    last = np.ones(len(order), bool)
    last[:-1] = paths[order][1:] != paths[order][:-1]
    kept = order[last]
    return SentSums(paths[kept], sizes[kept].astype(np.int64), sums[kept], e_tags[kept])


def _facts(batch: pa.RecordBatch) -> tuple[npt.NDArray[np.uint64], ...]:
    rows = [row for row in batch.to_pylist() if row["crc64nvme"]]
    columns = (
        [_hash(row["path"]) for row in rows],
        [row["size"] for row in rows],
        [int(row["crc64nvme"], 16) for row in rows],
        [_hash(row["sourceETag"] or "") for row in rows],
    )
    return tuple(np.array(column, np.uint64) for column in columns)


@dataclass(frozen=True, slots=True)
class Pair:
    """One file of the target and its counterpart; None: it is not there."""

    path: str
    source: str | None  # hex
    target: str | None


def compare_bytes(
    sides: Sides, findings: Findings, *, digest: str, jobs: int, table: str, emit: Emit
) -> int:
    """Compare checksums of the sample's live files and vectors; of a mirror, of its commits too.

    Returns:
        How many files were compared.
    """
    if sides.roots.shallow:
        emit(Noted(table, "a shallow clone names the source's own files: no bytes to compare"))
        return 0
    sent = read_sent_sums(sides.target_store) if digest == CRC64NVME else _nothing_sent()
    announce(sides, sent, digest=digest, table=table, emit=emit)

    def compare(item: CopyItem) -> Pair:
        store, path = (
            sides.elsewhere(item.source_url)
            if item.source_url
            else (sides.source_store, item.source_path)
        )
        found = store.head(path, checksums=True)
        return Pair(
            item.target_path,
            _source_sum(store, path, found, sent.find(item.target_path, found), digest),
            _stored_sum(sides.target_store, item.target_path, digest),
        )

    compared = 0
    for pair in map_threads(compare, _items(sides), count=jobs):
        compared += 1
        if pair.source is None:
            findings.add("bytes", "cannot be compared: the source no longer has it", pair.path)
        elif pair.target is None:
            findings.add("bytes", "cannot be compared: it is not at the target", pair.path)
        elif pair.source != pair.target:
            findings.add("bytes", differs(digest, pair.source, pair.target), pair.path)
    return compared


def _nothing_sent() -> SentSums:
    return SentSums(_NO_HASHES, _NO_HASHES.astype(np.int64), _NO_HASHES, _NO_HASHES)


def _items(sides: Sides) -> Iterator[CopyItem]:
    yield from (one for one in copy_items(sides.landed) if sides.sample.takes(one.target_path))
    if sides.mode == "mirror":
        here, there = sides.target.listing.commits, sides.source.listing.commits
        for version in sorted(here.keys() & there.keys()):
            path = here[version].meta.path
            yield CopyItem("", path, path, here[version].meta.size, "log")


def _source_sum(
    store: Store, path: str, found: ObjectMeta | None, sent: str | None, digest: str
) -> str | None:
    if found is not None and digest in found.checksums:
        return found.checksums[digest]
    if sent is not None:
        return sent
    return None if found is None else read_sum(store, path, digest)


def _stored_sum(store: Store, path: str, digest: str) -> str | None:
    found = store.head(path, checksums=True)
    if found is None:
        return None
    return found.checksums.get(digest) or read_sum(store, path, digest)


def read_sum(store: Store, path: str, digest: str) -> str | None:
    """The checksum of an object's bytes, read now; None: it is not there."""
    try:
        return _SUMS[digest](store.read(path))
    except FileNotFoundError:
        return None


def _crc64nvme(chunks: Iterator[bytes]) -> str:
    from awscrt.checksums import crc64nvme

    crc = 0
    for chunk in chunks:
        crc = crc64nvme(chunk, crc)
    return f"{crc:016x}"


def _sha256(chunks: Iterator[bytes]) -> str:
    whole = hashlib.sha256()
    for chunk in chunks:
        whole.update(chunk)
    return whole.hexdigest()


_SUMS: dict[str, Callable[[Iterator[bytes]], str]] = {CRC64NVME: _crc64nvme, SHA256: _sha256}


def announce(sides: Sides, sent: SentSums, *, digest: str, table: str, emit: Emit) -> None:
    """Say how many bytes of each side will be read, before any is: those of no known checksum."""
    sides.meter.expected = 0
    first = next(copy_items(sides.landed), None)
    if first is None:
        return
    source, path = (
        sides.elsewhere(first.source_url)
        if first.source_url
        else (sides.source_store, first.source_path)
    )
    at_source = at_target = 0
    kept = (
        source.head(path, checksums=True),
        sides.target_store.head(first.target_path, checksums=True),
    )
    keeps = [meta is not None and digest in meta.checksums for meta in kept]
    for item in copy_items(sides.landed):
        if not sides.sample.takes(item.target_path):
            continue
        size = item.size or 0
        at_target += 0 if keeps[1] else size
        known = keeps[0] or sent.is_checkable(item.target_path)
        at_source += 0 if known else size
    sides.meter.expected = at_source + at_target
    emit(
        Noted(
            table,
            f"about to read {at_source:,} bytes at the source and {at_target:,} at the target "
            f"for {digest}; more where a file has changed since it was copied",
        )
    )
