"""What a clone leaves beside the target's log about itself: `_delta_log/_lakeferry/`.

`<target version>-<txnId>.json` says which source and version the commit holds; the Parquet twin
lists each file that landed with its size, CRC64NVME and the source's ETag. Both are put before
the commit that names them, so a record without its commit is a run that was cut off. They lie with
the table because nothing else survives a lost machine; another clone does not carry them. What
lies deeper, in folders, is of others (`delta.txn_files`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from lakeferry.delta.commit import committed_by
from lakeferry.delta.files import FileSet, TemporaryFile
from lakeferry.errors import FerryError
from lakeferry.store.protocol import ObjectMeta, Store, read_all

FOLDER = "_delta_log/_lakeferry"
FORMAT = "lakeferry.clone/1"
MIRROR = "mirror"  # stands for the txnId in records of mirrors: their commits are the source's
FILES_SCHEMA = pa.schema(
    [
        ("path", pa.string()),  # at the target, decoded
        ("size", pa.int64()),  # bytes
        ("crc64nvme", pa.string()),  # 16 hex digits; null: not computed
        ("sourceETag", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class CloneRecord:
    """One committed version of a clone."""

    source: str  # URL
    source_id: str  # metaData.id of the source
    source_version: int
    source_head: Mapping[str, Any]  # size, e_tag, modified_ms of the source's commit file
    target_version: int
    txn_id: str
    mode: str  # 'snapshot', 'mirror'
    shallow: bool = False
    without_txns: bool = False  # whether the source's txns were left out on purpose
    extras: tuple[Mapping[str, Any], ...] = ()  # what `extras.carry` gave back
    format: str = FORMAT


def head_facts(meta: ObjectMeta | None) -> dict[str, Any]:
    """What tells one commit file from another without reading it."""
    if meta is None:
        return {}
    return {"size": meta.size, "e_tag": meta.e_tag, "modified_ms": meta.modified_ms}


def record_name(target_version: int, txn_id: str) -> str:
    """The path of a record, without its ending."""
    return f"{FOLDER}/{target_version:020d}-{txn_id}"


def put_record(store: Store, record: CloneRecord, landed: FileSet | None) -> None:
    """Write both halves, the JSON last: it alone makes a record.

    `landed`: rows of FILES_SCHEMA, what this run copied; None or empty: no Parquet half.
    """
    name = record_name(record.target_version, record.txn_id)
    batches = landed.batches() if landed else iter(())
    if (first := next(batches, None)) is not None:
        file = TemporaryFile(".parquet")
        with pq.ParquetWriter(file.path, FILES_SCHEMA) as parquet:
            for batch in chain([first], batches):
                parquet.write_batch(batch)
        with file.path.open("rb") as body:
            chunks = iter(lambda: body.read(1 << 20), b"")
            store.write(f"{name}.parquet", chunks, size=file.path.stat().st_size)
    text = orjson.dumps(asdict(record), option=orjson.OPT_INDENT_2) + b"\n"
    store.write(f"{name}.json", [text], size=len(text))


def drop_record(store: Store, record: CloneRecord) -> None:
    """Take back a record whose commit another writer's commit has forestalled.

    It means nothing without its commit, so a target that forbids to delete keeps it.
    """
    name = record_name(record.target_version, record.txn_id)
    try:
        store.delete(f"{name}.json")
        store.delete(f"{name}.parquet")
    except FerryError as error:
        if error.code != "LF-1002":
            raise


def last_record(store: Store, *, head: int, oldest_commit: int | None) -> CloneRecord | None:
    """The newest record whose commit is part of the log; None if lakeferry never cloned here.

    Args:
        head: the newest version of the target.
        oldest_commit: the oldest commit file that is left. A record older than it is taken at its
            word: its commit was cleaned away.
    """
    listed = _names(store.list(FOLDER, recursive=False))
    found = sorted((name for name in listed if name.endswith(".json")), reverse=True)
    for name in found:
        version_text, _, token = name.removesuffix(".json").partition("-")
        # A mirror's record comes before all commits of its run, so one that was cut off is behind.
        if not version_text.isdigit() or (int(version_text) > head and token != MIRROR):
            continue
        version = int(version_text)
        cleaned = oldest_commit is None or version < oldest_commit
        try:
            record = _parse(read_all(store, f"{FOLDER}/{name}"))
        except FileNotFoundError:
            continue  # taken back just now, by a clone that lost its race
        if record is None:
            continue
        if record.mode == "mirror" or cleaned or committed_by(store, version) == token:
            return record
    return None


def _names(metas: Iterable[ObjectMeta]) -> Iterable[str]:
    return (meta.path.rpartition("/")[2] for meta in metas)


def _parse(body: bytes) -> CloneRecord | None:
    """None for what a newer lakeferry wrote in another format, or half a file."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        return None
    fields["extras"] = tuple(fields.get("extras", ()))
    known = {name: fields[name] for name in CloneRecord.__slots__ if name in fields}
    return CloneRecord(**known)
