"""Streams of CSV and of Avro into a table: rows as declared, bad records in quarantine, once."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pytest
from fastavro import parse_schema, schemaless_writer

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.ingest.payload.avro_rows import AvroForm
from lakeferry.ingest.payload.avro_schema import avro_columns
from lakeferry.ingest.payload.csv_rows import CsvForm
from lakeferry.ingest.settings import PayloadSettings
from lakeferry.verify.offsets import verify_offsets
from tests.flows.ingests import ingest_of, ingest_once

pytestmark = pytest.mark.usefixtures("keys", "warm_workers")

SHARD = "shardId-000000000000"
COLUMNS = pa.schema([("id", pa.int64()), ("page", pa.string()), ("ts", pa.timestamp("us", "UTC"))])


def rows_of(table: Path, *columns: str) -> list[dict[str, Any]]:
    found = deltalake.DeltaTable(table).to_pyarrow_table().select(columns)
    rows: list[dict[str, Any]] = found.sort_by(columns[0]).to_pylist()
    return rows


def test_lines_are_rows_and_a_bad_one_goes_alone(tmp_path: Path) -> None:
    payload = PayloadSettings(COLUMNS, form=CsvForm(), most_bad=1.0)
    with Feed(shards=1) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", payload=payload)
        feed.put(SHARD, b"1,/,2026-11-26T12:00:00Z\n2,/a,\nthree,/b,\n", b"4,,", b"")
        ingest_once(asked)
        feed.put(SHARD, b"5,/c,soon")
        ingest_once(asked)

    rows = rows_of(tmp_path / "table", "id", "page", "_subSequenceNumber")
    assert [tuple(row.values()) for row in rows] == [(1, "/", 0), (2, "/a", 1), (4, None, None)]
    bad = rows_of(tmp_path / "table_rejected", "data", "errorPath", "subSequenceNumber")
    assert [tuple(row.values()) for row in bad] == [
        (b"", None, None),
        (b"5,/c,soon", "$.ts", None),
        (b"three,/b,", "$.id", 2),
    ]
    for table in ("table", "table_rejected"):
        proof = verify_offsets(str(tmp_path / table))
        assert proof.right, proof.findings


OLD = {"type": "record", "name": "C", "fields": [{"name": "id", "type": "int"}]}
NEW = {
    "type": "record",
    "name": "C",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "tags", "type": {"type": "map", "values": "string"}, "default": {}},
        {"name": "price", "default": None, "type": [
            "null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}]},
        {"name": "body", "type": "bytes", "default": ""},
    ],
}  # fmt: skip


def framed(number: int, schema: dict[str, Any], value: dict[str, Any]) -> bytes:
    stream = BytesIO()
    schemaless_writer(stream, parse_schema(schema), value)
    return b"\x00" + number.to_bytes(4, "big") + stream.getvalue()


def test_avro_of_two_schemas_of_a_registry_makes_rows_of_one(tmp_path: Path) -> None:
    new, old = json.dumps(NEW), json.dumps(OLD)
    form = AvroForm("confluent", new, {"7": old, "8": new})
    payload = PayloadSettings(avro_columns(new, ""), form=form, most_bad=1.0)
    with Feed(shards=1) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", payload=payload)
        feed.put(SHARD, framed(7, OLD, {"id": 1}), framed(9, OLD, {"id": 2}), b"no Avro")
        ingest_once(asked)
        feed.put(SHARD, framed(8, NEW, {"id": 3, "tags": {"a": "b"}, "body": b"\xff"}))
        ingest_once(asked)

    rows = rows_of(tmp_path / "table", "id", "tags", "price", "body")
    assert [tuple(row.values()) for row in rows] == [
        (1, [], None, b""),
        (3, [("a", "b")], None, b"\xff"),
    ]
    bad = rows_of(tmp_path / "table_rejected", "error", "data")
    assert [row["error"] for row in bad] == [
        "it does not begin with 00 and the number of a schema",
        "it was written by schema 9, which is not given",
    ]
    assert verify_offsets(str(tmp_path / "table")).right
