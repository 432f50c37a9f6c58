"""A small table that grows, with real rows and all that a clone must keep; and what a table is.

Version 0 has three files in two partitions, a txn, a domain, tags and statistics; version 1
appends; version 2 deletes rows by a vector in a file of its own and removes a file; version 3
appends under an odd partition value.
"""

import base64
import hashlib
import struct
import uuid
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from lakeferry.delta.actions import domain_json, metadata_json, protocol_json, txn_json
from lakeferry.delta.deletion_vector import (
    decode_z85,
    encode_z85,
    parse_descriptor,
    relative_file,
)
from lakeferry.delta.log import list_log
from lakeferry.delta.paths import decode, encode
from lakeferry.delta.snapshot import Snapshot, read_snapshot
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store, read_all
from lakeferry.verify.digest import Digest, digest_batches
from lakeferry.verify.read_rows import logical_schema, read_rows

LAST = 3  # the newest version of the table
ROWS = 40  # of each file
STATE = "_delta_log/_copy_into_log"
_SCHEMA = {
    "type": "struct",
    "fields": [
        {"name": "id", "type": "long", "nullable": True, "metadata": {}},
        {"name": "text", "type": "string", "nullable": True, "metadata": {}},
        {"name": "p", "type": "string", "nullable": True, "metadata": {}},
    ],
}
_FEATURES = ["deletionVectors", "domainMetadata"]
_VECTOR = decode_z85("wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L")[:40]  # 6 rows below 30
_VECTOR_ID = uuid.UUID("d2c639aa-8816-431a-aaf6-d3fe2512ff61")
_FILES = (
    (("p=a/one.parquet", "a"), ("p=a/two.parquet", "a"), ("p=b/three.parquet", "b")),
    (("p=b/four.parquet", "b"),),
    (("p=b/five.parquet", "b"),),
    (("p=100%25 of naïve/six.parquet", "100% of naïve"),),
)


def grow(root: Path, version: int = LAST) -> Path:
    """Bring the table at `root` to `version`, commit by commit; never back."""
    for number in range(version + 1):
        file = root / "_delta_log" / f"{number:020d}.json"
        if file.exists():
            continue
        actions = [*_small_actions(number), *_adds(root, number)]
        if number == 2:
            actions += _rows_deleted(root)
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(".draft.tmp")
        draft.write_bytes(b"".join(orjson.dumps(action) + b"\n" for action in actions))
        draft.rename(file)
    return root


def _small_actions(version: int) -> list[dict[str, Any]]:
    txn = {"appId": "stream", "version": version, "lastUpdated": 1_700_000_000_000 + version}
    info = {"timestamp": 1_700_000_000_000 + version, "operation": "WRITE"}
    if version:
        return [{"commitInfo": info}, {"txn": txn}]
    return [
        {"commitInfo": info},
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7,
                      "readerFeatures": _FEATURES[:1], "writerFeatures": _FEATURES}},
        {"metaData": {"id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9", "name": "small",
                      "format": {"provider": "parquet", "options": {}},
                      "schemaString": orjson.dumps(_SCHEMA).decode(),
                      "partitionColumns": ["p"],
                      "configuration": {"delta.enableDeletionVectors": "true"}}},
        {"txn": txn},
        {"domainMetadata": {"domain": "someone's", "configuration": "{}", "removed": False}},
    ]  # fmt: skip


def _adds(root: Path, version: int) -> list[dict[str, Any]]:
    found = []
    for number, (key, value) in enumerate(_FILES[version]):
        file = root / key
        file.parent.mkdir(parents=True, exist_ok=True)
        first = 1000 * version + 100 * number
        ids = list(range(first, first + ROWS))
        body = pa.table({"id": ids, "text": [f"{key} {row}" for row in ids]})
        pq.write_table(body, file)
        found.append(_add(file, key, value))
    return found


def _add(file: Path, key: str, value: str, **more: Any) -> dict[str, Any]:
    fields = {
        "path": encode(key),
        "partitionValues": {"p": value},
        "size": file.stat().st_size,
        "modificationTime": 1_700_000_000_000,
        "dataChange": True,
        "stats": f'{{"numRecords":{ROWS}}}',
        "tags": {"INSERTION_TIME": "1700000000000000"},
    }
    return {"add": {**fields, **more}}


def _rows_deleted(root: Path) -> list[dict[str, Any]]:
    bin_file = root / f"deletion_vector_{_VECTOR_ID}.bin"
    crc = struct.pack(">I", zlib.crc32(_VECTOR))
    bin_file.write_bytes(b"\x01" + struct.pack(">i", len(_VECTOR)) + _VECTOR + crc)
    vector = {
        "storageType": "u",
        "pathOrInlineDv": encode_z85(_VECTOR_ID.bytes),
        "offset": 1,
        "sizeInBytes": len(_VECTOR),
        "cardinality": 6,
    }
    removed = {"deletionTimestamp": 1_700_000_000_002, "dataChange": True}
    return [
        {"remove": {"path": "p=a/one.parquet", **removed}},
        _add(root / "p=a/one.parquet", "p=a/one.parquet", "a", deletionVector=vector),
        {"remove": {"path": "p=b/three.parquet", **removed}},
    ]


# ---- what a table is


@dataclass(frozen=True)
class TableState:
    """All of a table that a clone must keep, and its rows; equal where tables are equal."""

    small: bytes  # protocol, metadata without id, txns, domains
    files: tuple[bytes, ...]  # each file's action, without dataChange
    bodies: tuple[tuple[str, str], ...]  # path -> SHA-256, data files and vectors
    rows: Digest


def look(store: Store | Path, version: int | None = None) -> TableState:
    """The state of the table at `store`."""
    store = open_store(str(store)) if isinstance(store, Path) else store
    snapshot = read_snapshot(store, version=version)
    return TableState(
        small=_small(snapshot),
        files=tuple(sorted(_files(snapshot))),
        bodies=tuple((path, _sha(store, path)) for path in sorted(_paths(snapshot))),
        rows=digest_batches(logical_schema(snapshot), read_rows(store, snapshot)),
    )


def _small(snapshot: Snapshot) -> bytes:
    metadata = {**metadata_json(snapshot.metadata), "id": ""}
    protocol = protocol_json(snapshot.protocol)
    return orjson.dumps(
        [
            {key: sorted(value) if isinstance(value, list) else value
             for key, value in protocol.items()},
            metadata,
            [txn_json(txn) for _, txn in sorted(snapshot.txns.items())],
            [domain_json(domain) for _, domain in sorted(snapshot.domains.items())],
        ],
        option=orjson.OPT_SORT_KEYS,
    )  # fmt: skip


def _files(snapshot: Snapshot) -> Iterable[bytes]:
    for batch in snapshot.files.batches():
        for row in batch.to_pylist(maps_as_pydicts="strict"):
            kept = {name: value for name, value in row.items() if name != "dataChange"}
            yield orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)


def _paths(snapshot: Snapshot) -> set[str]:
    found: set[str] = set()
    for batch in snapshot.files.batches(["path", "deletionVector"]):
        found |= {decode(path) for path in batch.column("path").to_pylist()}
        for vector in batch.column("deletionVector").drop_null().to_pylist():
            file = relative_file(parse_descriptor(vector))
            found |= {file} if file else set()
    return found


def _sha(store: Store, path: str) -> str:
    digest = hashlib.sha256()
    for chunk in store.read(path):
        digest.update(chunk)
    return base64.b64encode(digest.digest()).decode()


def clone_commits(store: Store) -> list[tuple[int, str]]:
    """(source version, txnId) of each CLONE commit at `store`, in the log's order."""
    found = []
    for _, file in sorted(list_log(store).commits.items()):
        first = orjson.loads(read_all(store, file.meta.path).splitlines()[0])
        info = first.get("commitInfo", {})
        if info.get("operation") == "CLONE":
            found.append((info["operationParameters"]["sourceVersion"], info["txnId"]))
    return found


def tree(store: Store) -> dict[str, bytes]:
    """Every object at `store` with its bytes."""
    return {meta.path: read_all(store, meta.path) for meta in store.list("")}


def upload(root: Path, store: Store) -> None:
    """Put all of the table at `root` to `store`, its log last."""
    for file in sorted(root.rglob("*"), key=lambda found: ("_delta_log" in str(found), found)):
        if file.is_file():
            body = file.read_bytes()
            store.write(str(file.relative_to(root)), [body], size=len(body))
