"""A small table with nearly everything, its clone, and ways to damage either."""

import json
import struct
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from lakeferry.clone.run import clone
from lakeferry.delta.deletion_vector import encode_z85
from lakeferry.verify.report import VerifyReport
from lakeferry.verify.run import verify

Action = dict[str, Any]
VECTOR = uuid.UUID("11111111-2222-3333-4444-555555555555")
VECTOR_FILE = f"deletion_vector_{VECTOR}.bin"
FIRST, SECOND = "region=eu/part-0.parquet", "region=us/part-1.parquet"


def rows(*numbers: int) -> pa.Table:
    names = [f"n{number % 10}" for number in numbers]
    return pa.table({"id": pa.array(numbers, pa.int64()), "name": pa.array(names)})


def write_file(path: Path, table: pa.Table) -> int:
    """Plain Parquet: tables of equal shape give files of equal size. Returns it in bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="none", use_dictionary=False)
    return path.stat().st_size


def vector_body(*deleted: int) -> bytes:
    """A 64-bit portable Roaring bitmap of rows below 65,536, with its magic number."""
    values = struct.pack(f"<{len(deleted)}H", *deleted)
    container = struct.pack("<IIHHI", 12346, 1, 0, len(deleted) - 1, 16) + values
    return struct.pack("<IQI", 1681511377, 1, 0) + container


def vector_file(body: bytes, crc: int | None = None) -> bytes:
    found = zlib.crc32(body) if crc is None else crc
    return b"\x01" + struct.pack(">I", len(body)) + body + struct.pack(">I", found)


def field(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "type": kind, "nullable": True, "metadata": {}}


def stats(table: pa.Table, **more: Any) -> str:
    ids = table["id"].to_pylist()
    body = {
        "numRecords": len(ids),
        "minValues": {"id": min(ids)},
        "maxValues": {"id": max(ids)},
        "nullCount": {"id": 0},
        **more,
    }
    return json.dumps(body)


def add(root: Path, path: str, table: pa.Table, **more: Any) -> Action:
    region = path.partition("/")[0].partition("=")[2]
    return {
        "add": {
            "path": path,
            "partitionValues": {"region": region},
            "size": write_file(root / path, table),
            "modificationTime": 1_700_000_000_000,
            "dataChange": True,
            "stats": stats(table),
            **more,
        }
    }


FEATURES = ["deletionVectors"]
WRITER_FEATURES = [*FEATURES, "appendOnly", "checkConstraints", "domainMetadata", "rowTracking"]


def header() -> list[Action]:
    schema = {
        "type": "struct",
        "fields": [field("id", "long"), field("name", "string"), field("region", "string")],
    }
    return [
        {
            "protocol": {
                "minReaderVersion": 3,
                "minWriterVersion": 7,
                "readerFeatures": FEATURES,
                "writerFeatures": WRITER_FEATURES,
            }
        },
        {
            "metaData": {
                "id": "table-1",
                "name": "orders",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps(schema),
                "partitionColumns": ["region"],
                "configuration": {"delta.constraints.positive": "id > 0", "owner": "ops"},
                "createdTime": 1,
            }
        },
        {"txn": {"appId": "stream", "version": 7, "lastUpdated": 1_700_000_000_000}},
        {"domainMetadata": {"domain": "app.settings", "configuration": "{}", "removed": False}},
    ]


def make_source(root: Path, *more: Action) -> Path:
    """Two files of 10 rows in two partitions, one row deleted by a vector."""
    body = vector_body(3)
    descriptor = {
        "storageType": "u",
        "pathOrInlineDv": encode_z85(VECTOR.bytes),
        "offset": 1,
        "sizeInBytes": len(body),
        "cardinality": 1,
    }
    tracked = {"baseRowId": 0, "defaultRowCommitVersion": 0}
    first = add(root, FIRST, rows(*range(1, 11)), tags={"k": "v"}, **tracked)
    second = add(root, SECOND, rows(*range(11, 21)), deletionVector=descriptor)
    (root / VECTOR_FILE).write_bytes(vector_file(body))
    write_commit(root, 0, [*header(), first, second, *more])
    return root


def write_commit(root: Path, version: int, actions: list[Action]) -> None:
    path = root / "_delta_log" / f"{version:020d}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(orjson.dumps(action) + b"\n" for action in actions))


def read_commit(root: Path, version: int = 0) -> list[Action]:
    text = (root / "_delta_log" / f"{version:020d}.json").read_text()
    return [json.loads(line) for line in text.splitlines()]


def rewrite(root: Path, change: Callable[[list[Action]], list[Action] | None]) -> None:
    """Change version 0 of a log in place; nothing derived from it stays."""
    actions = read_commit(root)
    write_commit(root, 0, change(actions) or actions)
    for path in (root / "_delta_log").iterdir():
        if "checkpoint" in path.name or path.suffix == ".crc":
            path.unlink()


def body_of(actions: list[Action], kind: str, **having: Any) -> Any:
    """The body of the first action of a kind whose fields have these values."""
    return next(
        action[kind]
        for action in actions
        if kind in action and having.items() <= action[kind].items()
    )


def cloned(tmp_path: Path, **options: Any) -> tuple[Path, Path]:
    """The table and a clone of it."""
    source, target = make_source(tmp_path / "source"), tmp_path / "target"
    clone(str(source), str(target), **options)
    return source, target


def proof(sides: tuple[Path, Path], strength: str, **options: Any) -> VerifyReport:
    return verify(str(sides[0]), str(sides[1]), strength=strength, **options)


def told(report: VerifyReport) -> list[tuple[str, str | None]]:
    """Check and path of each finding."""
    return [(finding.check, finding.path) for finding in report.findings]


def flip_byte(path: Path, at: int) -> None:
    body = bytearray(path.read_bytes())
    body[at] ^= 1
    path.write_bytes(body)
