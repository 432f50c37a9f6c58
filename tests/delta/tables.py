"""Makers of small logs: actions in, files of `_delta_log` out."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from lakeferry.delta.files import FileSet
from lakeferry.delta.keys import vector_ids
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store

Action = Mapping[str, Any]

SCHEMA = '{"type":"struct","fields":[]}'
PROTOCOL: Action = {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}
METADATA: Action = {
    "metaData": {
        "id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9",
        "format": {"provider": "parquet", "options": {}},
        "schemaString": SCHEMA,
        "partitionColumns": [],
        "configuration": {},
    }
}


def add(path: str, **fields: Any) -> Action:
    required = {"partitionValues": {}, "size": 10, "modificationTime": 1, "dataChange": True}
    return {"add": {"path": path, **required, **fields}}


def remove(path: str, **fields: Any) -> Action:
    return {"remove": {"path": path, "deletionTimestamp": 5, "dataChange": True, **fields}}


def vector(name: str, *, offset: int | None = 1) -> Action:
    fields = {"storageType": "u", "pathOrInlineDv": name, "sizeInBytes": 34, "cardinality": 1}
    return fields if offset is None else fields | {"offset": offset}


def metadata(**configuration: str) -> Action:
    """A metaData action; `__` in a name stands for a dot."""
    named = {name.replace("__", "."): value for name, value in configuration.items()}
    return {"metaData": {**METADATA["metaData"], "configuration": named}}


def lines(*actions: Action) -> bytes:
    return b"".join(orjson.dumps(action) + b"\n" for action in actions)


def write(root: Path, name: str, body: bytes) -> Path:
    file = root / "_delta_log" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(body)
    return file


def commit(root: Path, version: int, *actions: Action) -> Path:
    return write(root, f"{version:020d}.json", lines(*actions))


def table(root: Path, *commits: Iterable[Action]) -> Store:
    """A table whose version 0 also states protocol and metadata; `commits`: of versions 0, 1..."""
    for version, actions in enumerate(commits):
        start = (PROTOCOL, METADATA) if version == 0 else ()
        commit(root, version, *start, *actions)
    return open_store(str(root))


def rows(files: FileSet) -> list[dict[str, Any]]:
    """All rows, sorted by path; maps as dicts."""
    found = [row for batch in files.batches() for row in batch.to_pylist(maps_as_pydicts="strict")]
    return sorted(found, key=lambda row: (row["path"], str(row["deletionVector"])))


def paths(files: FileSet) -> list[str]:
    return [row["path"] for row in rows(files)]


def spark_keys(files: FileSet) -> list[str]:
    """`path|vector id` of each file, sorted: the form of shared/corpora/spark."""
    found: list[str] = []
    for batch in files.batches(["path", "deletionVector"]):
        ids = vector_ids(batch.column("deletionVector")).to_pylist()
        found += [f"{p}|{v}" for p, v in zip(batch.column("path").to_pylist(), ids, strict=True)]
    return sorted(found)


def column(values: list[Any], kind: pa.DataType) -> pa.Array:
    return pa.array(values, kind)
