"""Three small Delta tables, written as other writers would: Parquet files and commits.

`orders` has what is easily lost: partitions, constraints, deletion vectors in a file and inline,
tags, a domain, a txn, COPY INTO state. `clicks` is the sink of a stream, one commit a batch.
`readings` is many files, enough to be killed half way.
"""

import struct
import uuid
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from lakeferry.delta.actions import FILE_SCHEMA
from lakeferry.delta.commit import line
from lakeferry.delta.deletion_vector import encode_z85
from lakeferry.delta.json_lines import add_lines, remove_lines
from lakeferry.delta.log import LOG, commit_name, head_version, list_log
from lakeferry.delta.paths import encode
from lakeferry.store.open import open_store

REGIONS = ("eu", "us", "são paulo")  # the last shows how paths are encoded
ORDERS_APP = "nightly-orders"
CLICKS_APP = "clicks-stream"
START_MS = 1_700_000_000_000  # of all made-up times
COPY_INTO_STATE = f"{LOG}/_copy_into_log/0.json"
_PORTABLE = 1681511377  # magic number of a 64-bit portable Roaring bitmap
_NO_RUNS = 12346  # cookie of a 32-bit bitmap of array and bitmap containers
_DELTA_TYPES = {
    pa.int64(): "long",
    pa.float64(): "double",
    pa.string(): "string",
    pa.timestamp("us", "UTC"): "timestamp",
}
ORDERS = pa.schema(
    [
        ("order_id", pa.int64()),
        ("customer", pa.string()),
        ("amount", pa.float64()),
        ("placed", pa.timestamp("us", "UTC")),
        ("region", pa.string()),
    ]
)
_ORDERS_FEATURES = {
    "readerFeatures": ["deletionVectors"],
    "writerFeatures": [
        *("appendOnly", "invariants", "checkConstraints", "deletionVectors", "domainMetadata")
    ],
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the lake is."""

    orders_files: int  # a region
    orders_rows: int  # a file
    clicks_batches: int
    clicks_files: int  # a batch
    clicks_rows: int  # a file
    readings_files: int
    readings_rows: int  # a file


FAST = Sizes(6, 2_000, 8, 4, 500, 60, 5_000)
FULL = Sizes(20, 15_000, 20, 8, 1_000, 240, 20_000)


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file of a table, as its `add` action states it."""

    key: str  # below the table, not encoded
    size: int  # bytes
    rows: int
    partition: Mapping[str, str]
    stats: Mapping[str, Any]
    vector: Mapping[str, Any] | None = None


class Table:
    """A table that is written: one call of `commit`, one version."""

    def __init__(self, root: Path, *, seed: int) -> None:
        self.root = root
        self._random = np.random.default_rng(seed)
        self._store = open_store(str(root))
        self._next_id = 0
        root.mkdir(parents=True, exist_ok=True)

    def create(
        self,
        schema: pa.Schema,
        *,
        partition: Sequence[str] = (),
        configuration: Mapping[str, str] | None = None,
        features: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Version 0: protocol and metadata."""
        protocol: dict[str, Any] = {"minReaderVersion": 1, "minWriterVersion": 2}
        if features:
            protocol = {"minReaderVersion": 3, "minWriterVersion": 7, **features}
        metadata = {
            "id": str(uuid.uuid4()),
            "name": self.root.name,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": _schema_string(schema),
            "partitionColumns": list(partition),
            "configuration": dict(configuration or {}),
            "createdTime": START_MS,
        }
        self.commit("CREATE TABLE", [line("protocol", protocol), line("metaData", metadata)])

    def commit(self, operation: str, lines: Iterable[bytes]) -> int:
        """Make the next version, and return its number."""
        listing = list_log(self._store)
        version = head_version(listing) + 1 if listing.commits else 0
        info = {"timestamp": START_MS + version * 60_000, "operation": operation}
        body = b"".join([line("commitInfo", info), *lines])
        self._store.put_if_absent(f"{LOG}/{commit_name(version)}", [body], size_hint=len(body))
        return version

    def file(self, columns: Mapping[str, pa.Array], partition: Mapping[str, str]) -> DataFile:
        """Write one Parquet file under a new name."""
        folder = "".join(f"{name}={value}/" for name, value in partition.items())
        key = f"{folder}part-{self._uuid()}.snappy.parquet"
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.table(dict(columns))
        pq.write_table(table, path)
        return DataFile(key, path.stat().st_size, table.num_rows, partition, _stats(table))

    def vector_file(self, rows: Sequence[int]) -> Mapping[str, Any]:
        """Write a deletion vector as a file of its own, and return its descriptor."""
        name, bitmap = self._uuid(), _bitmap(rows)
        body = b"\x01" + struct.pack(">i", len(bitmap)) + bitmap
        body += struct.pack(">I", zlib.crc32(bitmap))
        (self.root / f"deletion_vector_{name}.bin").write_bytes(body)
        return {
            "storageType": "u",
            "pathOrInlineDv": encode_z85(name.bytes),
            "offset": 1,
            "sizeInBytes": len(bitmap),
            "cardinality": len(rows),
        }

    def random(self, count: int, *, low: float, high: float) -> pa.Array:
        return pa.array(self._random.uniform(low, high, count))

    def ids(self, count: int) -> pa.Array:
        """The next numbers: no id comes twice in a table."""
        first, self._next_id = self._next_id, self._next_id + count
        return pa.array(range(first, first + count), pa.int64())

    def times(self, count: int) -> pa.Array:
        stamps = (START_MS + self._random.integers(0, 86_400_000, count)) * 1000
        return pa.array(stamps, pa.timestamp("us", "UTC"))

    def words(self, count: int, words: Sequence[str]) -> pa.Array:
        return pa.array(words).take(pa.array(self._random.integers(0, len(words), count)))

    def _uuid(self) -> uuid.UUID:
        return uuid.UUID(bytes=self._random.bytes(16), version=4)


def inline_vector(rows: Sequence[int]) -> Mapping[str, Any]:
    """The descriptor of a deletion vector that lies in the log itself.

    `rows`: an even number of them, so that the bitmap's length is a multiple of 4 as Z85 wants.
    """
    bitmap = _bitmap(rows)
    return {
        "storageType": "i",
        "pathOrInlineDv": encode_z85(bitmap),
        "sizeInBytes": len(bitmap),
        "cardinality": len(rows),
    }


def adds(files: Iterable[DataFile], *, tags: Mapping[str, str] | None = None) -> bytes:
    """The lines that add files."""
    return add_lines(_batch(files, tags))


def removes(files: Iterable[DataFile]) -> bytes:
    """The lines that remove files."""
    return remove_lines(_batch(files, None), START_MS)


def with_vector(file: DataFile, vector: Mapping[str, Any]) -> DataFile:
    """The same file, some rows deleted; bounds of its statistics may now be too wide."""
    return replace(file, vector=vector, stats={**file.stats, "tightBounds": False})


def make_orders(root: Path, sizes: Sizes) -> tuple[Table, list[DataFile]]:
    """A partitioned table with all that a copy of files alone would lose. Its live files too."""
    table = Table(root, seed=1)
    table.create(
        ORDERS,
        partition=["region"],
        configuration={
            "delta.enableDeletionVectors": "true",
            "delta.constraints.amount_is_positive": "amount > 0",
        },
        features=_ORDERS_FEATURES,
    )
    files = [
        order_file(table, region, sizes.orders_rows)
        for region in REGIONS
        for _ in range(sizes.orders_files)
    ]
    domain = {"domain": "demo.owner", "configuration": '{"team":"sales"}', "removed": False}
    txn = {"appId": ORDERS_APP, "version": 41, "lastUpdated": START_MS}
    tagged = adds(files, tags={"batch": "41"})
    table.commit("WRITE", [line("txn", txn), line("domainMetadata", domain), tagged])
    deleted = [
        with_vector(files[0], table.vector_file(range(0, 400, 4))),
        with_vector(files[1], inline_vector([1, 5, 8, 13])),
    ]
    table.commit("DELETE", [removes(files[:2]), adds(deleted)])
    state = root / COPY_INTO_STATE
    state.parent.mkdir(parents=True)
    state.write_bytes(orjson.dumps({"demo": "stands for COPY INTO's own state, kept as bytes"}))
    return table, [*deleted, *files[2:]]


def order_file(table: Table, region: str, rows: int) -> DataFile:
    """One more file of orders."""
    columns = {
        "order_id": table.ids(rows),
        "customer": table.words(rows, [f"customer-{number:04}" for number in range(500)]),
        "amount": table.random(rows, low=0.01, high=900.0),
        "placed": table.times(rows),
    }
    return table.file(columns, {"region": region})


def make_clicks(root: Path, sizes: Sizes) -> None:
    """The sink of a stream: each commit says which batch of which application it is."""
    table = Table(root, seed=2)
    table.create(
        pa.schema([("click", pa.int64()), ("page", pa.string()), ("weight", pa.float64())])
    )
    pages = ["/", "/cart", "/help", "/search"]
    for batch in range(sizes.clicks_batches):
        rows = sizes.clicks_rows
        files = [
            table.file(
                {
                    "click": table.ids(rows),
                    "page": table.words(rows, pages),
                    "weight": table.random(rows, low=0, high=1),
                },
                {},
            )
            for _ in range(sizes.clicks_files)
        ]
        txn = {"appId": CLICKS_APP, "version": batch, "lastUpdated": START_MS + batch}
        table.commit("STREAMING UPDATE", [line("txn", txn), adds(files)])


def make_readings(root: Path, sizes: Sizes) -> None:
    """Many files in one commit."""
    table = Table(root, seed=3)
    table.create(pa.schema([("reading", pa.int64()), ("value", pa.float64())]))
    rows = sizes.readings_rows
    files = [
        table.file({"reading": table.ids(rows), "value": table.random(rows, low=0, high=1)}, {})
        for _ in range(sizes.readings_files)
    ]
    table.commit("WRITE", [adds(files)])


def change_orders(table: Table, live: Sequence[DataFile], sizes: Sizes) -> int:
    """What a day brings: new orders, a deletion by a vector, a file removed whole.

    Returns:
        How many new files, vectors included, a clone must bring.
    """
    new = [order_file(table, region, sizes.orders_rows) for region in REGIONS]
    txn = {"appId": ORDERS_APP, "version": 42, "lastUpdated": START_MS}
    table.commit("WRITE", [line("txn", txn), adds(new, tags={"batch": "42"})])
    deleted = with_vector(live[2], table.vector_file(range(100)))
    table.commit("DELETE", [removes(live[2:4]), adds([deleted])])
    return len(new) + 1


def _batch(files: Iterable[DataFile], tags: Mapping[str, str] | None) -> pa.RecordBatch:
    rows = [
        {
            "path": encode(file.key),
            "partitionValues": list(file.partition.items()),
            "size": file.size,
            "modificationTime": START_MS,
            "dataChange": True,
            "stats": orjson.dumps(file.stats).decode(),
            "tags": None if tags is None else list(tags.items()),
            "deletionVector": file.vector,
        }
        for file in files
    ]
    return pa.RecordBatch.from_pylist(rows, schema=FILE_SCHEMA)


def _stats(table: pa.Table) -> dict[str, Any]:
    """Row count and bounds of the columns whose values need no special form in JSON."""
    plain = [f.name for f in table.schema if f.type in (pa.int64(), pa.float64())]
    bounds = {name: pa.compute.min_max(table[name]).as_py() for name in plain}
    return {
        "numRecords": table.num_rows,
        "minValues": {name: found["min"] for name, found in bounds.items()},
        "maxValues": {name: found["max"] for name, found in bounds.items()},
        "nullCount": {name: table[name].null_count for name in table.schema.names},
        "tightBounds": True,
    }


def _schema_string(schema: pa.Schema) -> str:
    fields = [
        {"name": field.name, "type": _DELTA_TYPES[field.type], "nullable": True, "metadata": {}}
        for field in schema
    ]
    return orjson.dumps({"type": "struct", "fields": fields}).decode()


def _bitmap(rows: Sequence[int]) -> bytes:
    """Rows below 65,536 and at most 4,096 of them: one array container of one 32-bit bitmap."""
    values = np.array(sorted(rows), "<u2")
    header = struct.pack("<IIHHI", _NO_RUNS, 1, 0, len(values) - 1, 16)
    return struct.pack("<IQI", _PORTABLE, 1, 0) + header + values.tobytes()
