"""Lakes to discover: small logs, files and checkpoints, written into any store."""

import json
from collections.abc import Mapping
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from lakeferry.store.protocol import Store

SCHEMA = json.dumps(
    {"type": "struct", "fields": [{"name": "id", "type": "long", "nullable": True, "metadata": {}}]}
)

NOTHING: Mapping[str, str] = {}


def put(store: Store, path: str, body: bytes | str = b"x") -> None:
    data = body.encode() if isinstance(body, str) else body
    store.write(path, [data], size=len(data))


def protocol(reader: int = 1, writer: int = 2, **features: list[str]) -> dict[str, Any]:
    body = {"minReaderVersion": reader, "minWriterVersion": writer, **features}
    return {"protocol": body}


def metadata(table_id: str, config: Mapping[str, str] = NOTHING) -> dict[str, Any]:
    return {
        "metaData": {
            "id": table_id, "format": {"provider": "parquet", "options": {}},
            "schemaString": SCHEMA, "partitionColumns": [], "configuration": dict(config),
        }
    }  # fmt: skip


def add(path: str, size: int = 100) -> dict[str, Any]:
    return {
        "add": {
            "path": path, "partitionValues": {}, "size": size, "modificationTime": 1,
            "dataChange": True,
        }
    }  # fmt: skip


def commit(store: Store, table: str, version: int, *actions: dict[str, Any]) -> None:
    lines = b"".join(orjson.dumps(action) + b"\n" for action in actions)
    put(store, f"{table}/_delta_log/{version:020d}.json".lstrip("/"), lines)


def delta(
    store: Store,
    table: str,
    *more: dict[str, Any],
    files: int = 2,
    size: int = 100,
    of: dict[str, Any] | None = None,
    config: Mapping[str, str] = NOTHING,
) -> None:
    """A table of one commit: `files` of `size` bytes. `more`: further actions; `of`: protocol."""
    adds = [add(f"part-{number}.parquet", size) for number in range(files)]
    commit(store, table, 0, of or protocol(), metadata(f"id of {table}", config),
           *more, *adds)  # fmt: skip


def parquet(store: Store, path: str, rows: int = 3) -> int:
    """A Parquet file; its size."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": list(range(rows))}), sink)
    body = sink.getvalue().to_pybytes()
    put(store, path, body)
    return len(body)


def checkpoint(store: Store, path: str, query: str = "7a6f", reads: str = "id of orders") -> None:
    """Of a streaming query that has committed batch 1 and planned batch 2."""
    put(store, f"{path}/metadata", json.dumps({"id": query}))
    for batch in (0, 1, 2):
        offset = json.dumps({"sourceVersion": 1, "reservoirId": reads, "reservoirVersion": batch})
        put(store, f"{path}/offsets/{batch}", f"v1\n{{}}\n{offset}")
    for batch in (0, 1):
        put(store, f"{path}/commits/{batch}", "v1\n{}")


def iceberg(store: Store, path: str) -> None:
    """A table of two snapshots, the newer one of 3 files and 300 bytes."""
    snapshots = [
        {"snapshot-id": number,
         "summary": {"total-data-files": str(files), "total-files-size": str(100 * files)}}
        for number, files in ((1, 9), (2, 3))
    ]  # fmt: skip
    old = {"format-version": 2, "current-snapshot-id": 1, "snapshots": snapshots}
    put(store, f"{path}/metadata/v9.metadata.json", json.dumps(old))
    put(store, f"{path}/metadata/v10.metadata.json", json.dumps({**old, "current-snapshot-id": 2}))
    put(store, f"{path}/data/a.parquet")
