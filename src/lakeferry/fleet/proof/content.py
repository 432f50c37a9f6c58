"""What a target holds, in a few numbers and hashes that whoever has the table can recompute.

The list of files is hashed by its entries: SHA-256 of each entry's UTF-8, the 32-byte digests in
ascending order, SHA-256 of all of them. So no order of files is agreed on, and a table of a million
files takes 32 MB. `examples/recompute_receipt.py` is the same in other words.

Of a folder, which has no log, all files that lie there but our own are listed, also those that its
source has not (any more): whoever has the folder alone could not tell them apart.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lakeferry.clone.folder import MODE as FOLDER
from lakeferry.clone.folder import listed_files
from lakeferry.clone.parquet_folder import id_of
from lakeferry.delta.paths import canonical, canonical_key
from lakeferry.delta.snapshot import Snapshot
from lakeferry.store.protocol import Store
from lakeferry.verify.file_bytes import read_sent_sums
from lakeferry.verify.sides import Sides

COPY_INTO = "_delta_log/_copy_into_log/"


class Entries:
    """A list in no order, 32 bytes each."""

    def __init__(self) -> None:
        self._digests: list[bytes] = []

    def __len__(self) -> int:
        return len(self._digests)

    def add(self, entry: str) -> None:
        self._digests.append(hashlib.sha256(entry.encode()).digest())

    def sha256(self) -> str:
        return hashlib.sha256(b"".join(sorted(self._digests))).hexdigest()


@dataclass(frozen=True, slots=True)
class Content:
    """The target's state at one version."""

    target_id: str
    source_id: str
    mode: str  # 'snapshot', 'mirror', 'parquet', 'folder'
    files: int  # live data files
    bytes: int
    files_sha256: str  # of entries `path TAB size TAB deletion vector`, path as logged
    bytes_known: int  # files whose CRC64NVME is known: since they were copied, or by this proof
    bytes_sha256: str | None  # of entries `path TAB size TAB crc64nvme`; None: not all are known
    txns: Mapping[str, int]  # appId -> version
    domains: Mapping[str, str]  # name -> configuration
    copy_into_objects: int  # of COPY INTO's state beside the log


def content_of(sides: Sides) -> Content:
    """What the target of a comparison holds; the log and its record are read, no data."""
    source_id = sides.source.metadata.id
    return content_at(sides.target, sides.target_store, source_id=source_id, mode=sides.mode)


def content_at(target: Snapshot, store: Store, *, source_id: str, mode: str) -> Content:
    """What a target holds at one version. `store`: where it lies."""
    listed, summed = Entries(), Entries()
    sent, root = read_sent_sums(store), canonical(store.url)
    size = 0
    for path, bytes_, vector in _files(target):
        size += bytes_
        listed.add(f"{path}\t{bytes_}\t{vector}")
        known = sent.find(canonical_key(path, root), None)
        if known is not None:
            summed.add(f"{path}\t{bytes_}\t{known}")
    return Content(
        target_id=target.metadata.id,
        source_id=source_id,
        mode=mode,
        files=len(listed),
        bytes=size,
        files_sha256=listed.sha256(),
        bytes_known=len(summed),
        bytes_sha256=summed.sha256() if len(summed) == len(listed) else None,
        txns={app: txn.version for app, txn in sorted(target.txns.items())},
        domains={name: one.configuration for name, one in sorted(target.domains.items())},
        copy_into_objects=sum(meta.path.startswith(COPY_INTO) for meta in target.listing.others),
    )


def content_of_folder(store: Store, summed: Entries, *, source: str) -> Content:
    """What lies at a folder's target now; it has no versions, so a later look may differ.

    Args:
        summed: entries `path TAB size TAB crc64nvme` of the files there whose bytes were read.
        source: its address.
    """
    listed, size = Entries(), 0
    for meta in listed_files(store, ()):
        size += meta.size
        listed.add(f"{meta.path}\t{meta.size}\t")
    return Content(
        target_id=id_of(source),
        source_id=id_of(source),
        mode=FOLDER,
        files=len(listed),
        bytes=size,
        files_sha256=listed.sha256(),
        bytes_known=len(summed),
        bytes_sha256=summed.sha256() if len(summed) == len(listed) else None,
        txns={},
        domains={},
        copy_into_objects=0,
    )


def _files(target: Snapshot) -> Iterator[tuple[str, int, str]]:
    for batch in target.files.batches(["path", "size", "deletionVector"]):
        columns = (column.to_pylist() for column in batch.columns)
        for path, size, vector in zip(*columns, strict=True):
            yield path, size, vector_id(vector)


def vector_id(vector: Mapping[str, Any] | None) -> str:
    """What tells one deletion vector from another; '': there is none.

    Source: Delta protocol, "Deletion Vectors", `uniqueId`.
    """
    if vector is None:
        return ""
    offset = vector["offset"]
    behind = "" if offset is None else f"@{offset}"
    return f"{vector['storageType']}{vector['pathOrInlineDv']}{behind}"
