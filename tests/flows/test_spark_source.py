"""Our source in Spark's Structured Streaming, into Delta: each record once, whatever ends it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.ingest.payload.rows import RAW_SCHEMA
from tests.flows.spark_query import load, start_on
from tests.judges.deltalake_reader import deltalake_rows
from tests.judges.duckdb_reader import duckdb_rows
from tests.judges.spark_reader import spark_session

__all__ = ["spark_session"]  # the fixture `spark`

pytestmark = pytest.mark.spark
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120
TRIES = 5  # to kill a query in mid batch


def put(feed: Feed, numbers: range) -> None:
    for number in numbers:
        feed.put(f"user-{number % 64}", str(number))


def records(rows: pa.Table) -> list[tuple[str, str, bytes]]:
    columns = (rows.column(name).to_pylist() for name in ("shardId", "sequenceNumber", "data"))
    return sorted(zip(*columns, strict=True))


def assert_each_record_is_there_once(feed: Feed, table: Path) -> None:
    wanted = sorted(
        (shard, number, data) for shard in feed.truth() for number, data in feed.records(shard)
    )
    assert records(deltalake_rows(table)) == wanted
    assert records(duckdb_rows(table)) == wanted


def until(true: Callable[[], bool], pause_s: float = 0.2) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end
        time.sleep(pause_s)


def count(table: Path) -> int:
    log = table / "_delta_log"
    return len(deltalake_rows(table)) if any(log.glob("*.json")) else 0


def rows_told(query: Any) -> int:
    """By Spark itself, which costs less than a look at the table."""
    return sum(one.numInputRows for one in query.recentProgress)


def read_all_that_is_there(spark: Any, feed: Feed, folder: Path) -> None:
    query = start_on(spark, feed, folder, availableNow=True)
    assert query.awaitTermination(PATIENCE_S)


def test_a_query_goes_on_through_reshards_and_from_its_checkpoint(
    spark: Any, tmp_path: Path
) -> None:
    table = tmp_path / "table"
    with Feed(shards=2) as feed:
        put(feed, range(300))
        query = start_on(spark, feed, tmp_path, processingTime="0 seconds")
        query.processAllAvailable()
        assert count(table) == 300
        left, right = feed.split(feed.shards()[0])
        put(feed, range(300, 600))
        until(lambda: rows_told(query) == 600)
        query.processAllAvailable()  # so that no batch is open
        query.stop()
        feed.merge(left, right)
        put(feed, range(600, 900))
        read_all_that_is_there(spark, feed, tmp_path)

        assert_each_record_is_there_once(feed, table)


def test_what_is_wrong_with_the_options_is_told_before_a_query_starts(
    spark: Any, tmp_path: Path
) -> None:
    with Feed() as feed:
        frame = load(spark, feed.url, feed.stream, feed.region, tmp_path)
    assert frame.schema.names == RAW_SCHEMA.names

    source = spark.readStream.format("lakeferry_kinesis")
    with pytest.raises(Exception, match=r"LF-7071(.|\n)*did you mean `streamName`"):
        source.option("streemName", "clicks").load()


@contextmanager
def process_of_a_query(feed: Feed, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A query with a Spark of its own, that can be killed whole."""
    command = [sys.executable, "-m", "tests.flows.spark_query"]
    command += [feed.url, feed.stream, feed.region, str(folder)]
    with (folder / "query.log").open("wb") as log:
        query = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
        try:
            yield query
        finally:
            if query.poll() is None:
                os.killpg(query.pid, signal.SIGKILL)
                query.wait()


def is_open(folder: Path) -> bool:
    """Whether the first batch has read records, and Spark does not know that it is done."""
    record = folder / "checkpoint" / "lakeferry" / "epochs"
    # Batches count from 0, epochs from 1: epoch 0 is the beginning.
    has_read = any(record.glob(f"*/{1:012}-*-0*-0*.json"))
    return has_read and not any((folder / "checkpoint" / "commits").glob("[0-9]*"))


def test_a_query_that_is_killed_in_mid_batch_has_each_record_once(
    spark: Any, tmp_path: Path
) -> None:
    with Feed(shards=2) as feed:
        put(feed, range(300))
        for number in range(TRIES):
            folder = tmp_path / str(number)
            folder.mkdir()
            with process_of_a_query(feed, folder) as query:
                until(lambda: is_open(folder) or query.poll() is not None, pause_s=0.001)  # noqa: B023
                os.killpg(query.pid, signal.SIGKILL)
                query.wait()
            if is_open(folder):
                break  # else this process stood still until the batch was done
        assert is_open(folder)
        table = folder / "table"
        feed.split(feed.shards()[0])
        put(feed, range(300, 600))
        # Where a batch is open, Spark ends with it: what came since is of the next run.
        read_all_that_is_there(spark, feed, folder)
        assert count(table) == 300
        read_all_that_is_there(spark, feed, folder)

        assert_each_record_is_there_once(feed, table)
