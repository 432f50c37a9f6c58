"""The job of `examples/api_requests` on a real Spark: requests in a table, the rest beside it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from typing import Any

import pyarrow as pa
import pytest

from lakeferry.demo.kinesis_feed import KEYS, Feed
from lakeferry.demo.kinesis_feed_load import BAD_EVERY, Load
from tests.judges.deltalake_reader import deltalake_rows
from tests.judges.duckdb_reader import duckdb_rows
from tests.judges.spark_reader import spark_session

__all__ = ["spark_session"]  # the fixture `spark`

pytestmark = pytest.mark.spark
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "api_requests"
SHARDS, RECORDS = 2, 300


@pytest.fixture
def job(spark: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`on_spark.py`, and the keys of the feed where Spark's workers look for keys."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    workers = spark.sparkContext.environment
    monkeypatch.setitem(workers, "AWS_ACCESS_KEY_ID", KEYS.access_key)
    monkeypatch.setitem(workers, "AWS_SECRET_ACCESS_KEY", KEYS.secret_key)
    import on_spark  # type: ignore[import-not-found]

    yield on_spark
    for name in ("on_spark", "requests_table"):
        sys.modules.pop(name, None)


def run(job: Any, spark: Any, feed: Feed, lake: Path) -> None:
    given = ["--stream", feed.stream, "--region", feed.region, "--endpoint", feed.url]
    given += ["--lake", str(lake), "--initial-position", "trim_horizon", "--available-now"]
    assert job.start(spark, job.arguments(given)).awaitTermination(240)


def ids(rows: pa.Table) -> list[str]:
    found: list[str] = sorted(rows.column("event_id").to_pylist())
    return found


def test_each_request_is_there_once_and_what_is_none_lies_beside_it(
    job: Any, spark: Any, tmp_path: Path
) -> None:
    table, beside = tmp_path / "requests", tmp_path / "requests_rejected"
    with Feed(shards=SHARDS, load=Load("bad", RECORDS)) as feed:
        run(job, spark, feed, tmp_path)
        good, bad = deltalake_rows(table), deltalake_rows(beside)

        assert len(bad) == SHARDS * RECORDS // BAD_EVERY
        assert set(bad.column("error").to_pylist()) == {"it is not JSON as declared"}
        assert len(set(ids(good))) == len(good) == SHARDS * RECORDS - len(bad)
        assert good.column("geo").null_count == good.column("ts").null_count == 0
        assert ids(duckdb_rows(table)) == ids(good)

        # Spark forgets that it was through with the batch, as a driver does that is killed then.
        for done in (tmp_path / "_checkpoint" / "commits").iterdir():
            done.unlink()
        run(job, spark, feed, tmp_path)

        assert ids(deltalake_rows(table)) == ids(good)
        assert len(deltalake_rows(beside)) == len(bad)

        # Another checkpoint is another query, whose batches count from 0 again.
        rmtree(tmp_path / "_checkpoint")
        run(job, spark, feed, tmp_path)

        assert ids(deltalake_rows(table)) == sorted(2 * ids(good))


def test_a_batch_that_is_written_again_changes_no_table_that_a_catalog_names(
    job: Any, spark: Any
) -> None:
    """As the job on Databricks has them."""
    names = ("default.requests_named", "default.requests_named_rejected")
    shown = {"shardId": "s", "sequenceNumber": "1", "stream": "clicks", "partitionKey": "k"}
    good = '{"event_id": "a", "ts": "2026-11-26T12:00:00Z", "subscriber_id": 1}'
    raw = spark.createDataFrame(
        [{**shown, "data": bytearray(text, "utf-8")} for text in (good, "none")],
        "shardId STRING, sequenceNumber STRING, stream STRING, partitionKey STRING, data BINARY",
    ).selectExpr("*", "TIMESTAMP '2026-11-26 12:00:00' AS approximateArrivalTimestamp")
    write = job.TwoTables(*names)
    context = spark.sparkContext
    context.setLocalProperty("sql.streaming.queryId", "of this checkpoint")
    try:
        for _ in range(2):
            write(raw, 0)
        assert [spark.table(name).count() for name in names] == [1, 1]

        context.setLocalProperty("sql.streaming.queryId", "of another")
        write(raw, 0)
        assert [spark.table(name).count() for name in names] == [2, 2]
    finally:
        context.setLocalProperty("sql.streaming.queryId", None)
        for name in names:
            spark.sql(f"DROP TABLE IF EXISTS {name}")
