"""A stream into a table that computes columns and checks rows: as Spark's users make them."""

import json
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.ingest.settings import PayloadSettings
from tests.flows.ingests import KEYS, ingest_of, ingest_once

SHARD = "shardId-000000000000"
PAYLOAD = pa.schema(
    [("id", pa.int64()), ("amount", pa.float64()), ("ts", pa.timestamp("us", "UTC"))]
)
COLUMNS = [
    ("id", "long", {}),
    ("amount", "double", {}),
    ("ts", "timestamp", {}),
    ("day", "date", {"delta.generationExpression": "CAST(ts AS DATE)"}),
    ("bucket", "long", {"delta.generationExpression": "id % 4"}),
    *[(f"_{name}", "string", {}) for name in ("shardId", "sequenceNumber")],
    ("_subSequenceNumber", "long", {}),
    ("_arrival", "timestamp", {}),
]
CHECKS = {"paid": "id IS NOT NULL AND amount >= 0", "recent": "day >= '2026-01-01'"}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


def make(table: Path) -> None:
    """As Spark's builder does, partitioned by both generated columns."""
    fields = [
        {"name": name, "type": kind, "nullable": True, "metadata": notes}
        for name, kind, notes in COLUMNS
    ]
    actions = [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 4}},
        {
            "metaData": {
                "id": "t",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps({"type": "struct", "fields": fields}),
                "partitionColumns": ["day", "bucket"],
                "configuration": {f"delta.constraints.{one}": CHECKS[one] for one in CHECKS},
                "createdTime": 0,
            }
        },
    ]
    log = table / "_delta_log"
    log.mkdir(parents=True)
    text = "\n".join(map(json.dumps, actions))
    (log / f"{0:020}.json").write_text(text, encoding="utf-8")


def event(number: int | None, amount: float, ts: str = "2026-11-26T23:59:59Z") -> bytes:
    return json.dumps({"id": number, "amount": amount, "ts": ts}).encode()


def test_rows_lie_where_the_table_generates_and_those_that_break_a_constraint_in_quarantine(
    tmp_path: Path,
) -> None:
    table = tmp_path / "table"
    make(table)
    with Feed(shards=1) as feed:
        ingest = ingest_of(feed.url, table, payload=PayloadSettings(PAYLOAD), workers=1)
        feed.put(SHARD, event(1, 1), event(-6, 2), event(3, -1), event(None, 1))
        feed.put(SHARD, event(5, 1, "2025-12-31T23:59:59Z"), event(9, 0.5, "2026-11-27T00:00:00Z"))
        ingest_once(ingest)

    rows = deltalake.DeltaTable(table).to_pyarrow_table().sort_by("id")
    assert rows.select(["id", "day", "bucket"]).to_pylist() == [
        {"id": one, "day": rows["ts"].cast(pa.date32())[at].as_py(), "bucket": bucket}
        for at, (one, bucket) in enumerate([(-6, -2), (1, 1), (9, 1)])
    ]
    bad = deltalake.DeltaTable(f"{table}_rejected").to_pyarrow_table().to_pylist()
    assert {json.loads(row["data"])["id"]: row["error"] for row in bad} == {
        3: "it breaks the constraint `paid`: id IS NOT NULL AND amount >= 0",
        None: "it breaks the constraint `paid`: id IS NOT NULL AND amount >= 0",
        5: "it breaks the constraint `recent`: day >= '2026-01-01'",
    }
    log = [one.read_text(encoding="utf-8") for one in (table / "_delta_log").glob("*.json")]
    assert sum('"protocol"' in commit for commit in log) == 1
    assert sum('"metaData"' in commit for commit in log) == 1
