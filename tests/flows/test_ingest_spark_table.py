"""Tables that Spark made and goes on writing to take commits of an ingest, whatever they demand."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lakeferry.errors import FerryError
from lakeferry.ingest.payload.rows import RAW_SCHEMA
from lakeferry.ingest.settings import PartitionColumn, TargetSettings
from lakeferry.ingest.table.commit import commit
from lakeferry.ingest.table.opening import change_columns
from lakeferry.ingest.table.target import Lost, Target
from lakeferry.verify.offsets import verify_offsets
from tests.flows.spark_table import Table
from tests.flows.streams import run_reader
from tests.ingest.batches import BY_DAY, moved, numbers_in, opened, put, read, settings
from tests.judges.duckdb_reader import duckdb_rows
from tests.judges.spark_reader import spark_session

__all__ = ["spark_session"]  # the fixture `spark`

pytestmark = pytest.mark.spark

COLUMNS = (
    "partitionKey STRING, data BINARY, stream STRING, shardId STRING, sequenceNumber STRING, "
    "approximateArrivalTimestamp TIMESTAMP, subSequenceNumber BIGINT"
)
DEMANDING = {
    "delta.enableRowTracking": "true",
    "delta.enableInCommitTimestamps": "true",
    "delta.columnMapping.mode": "name",
    "delta.enableDeletionVectors": "true",
    "delta.enableChangeDataFeed": "true",
    "delta.checkpointPolicy": "v2",
}


def made(spark: Any, root: Path, columns: str = COLUMNS, tail: str = "", **more: str) -> Table:
    """A table of Spark's."""
    table = Table(spark, root)
    properties = ", ".join(f"'{key}' = '{value}'" for key, value in more.items())
    told = f" TBLPROPERTIES ({properties})" if more else ""
    table.sql(f"CREATE TABLE {{t}} ({columns}) USING delta{tail}{told}")
    return table


def in_spark(table: Table) -> list[int]:
    return sorted(int(number) for number in table.column("sequenceNumber"))


def test_a_table_with_all_that_spark_can_ask_of_a_writer_is_written_to(
    spark: Any, tmp_path: Path
) -> None:
    table = made(spark, tmp_path / "t", **DEMANDING)
    where = settings(table.root)

    target = moved(put(opened(where), 1, 2))
    table.sql("OPTIMIZE {t}")
    target = moved(put(target, 3))
    table.sql("DELETE FROM {t} WHERE sequenceNumber = '2'")
    target = moved(put(target, 4))

    assert target.keeps == "domain"
    assert in_spark(table) == [1, 3, 4]
    ids = table.sql("SELECT sequenceNumber, _metadata.row_id FROM {t} ORDER BY 1")
    assert [number for number, _ in ids] == ["1", "3", "4"]
    assert len({row_id for _, row_id in ids}) == 3
    history = table.sql("DESCRIBE HISTORY {t}")
    assert [row[4] for row in history].count("STREAMING UPDATE") == 4
    changes = spark.read.format("delta").option("readChangeFeed", "true").option(
        "startingVersion", 0
    ).load(str(table.root))  # fmt: skip
    kinds = sorted((row["_change_type"], row["sequenceNumber"]) for row in changes.collect())
    assert kinds == [
        ("delete", "2"),
        ("insert", "1"),
        ("insert", "2"),
        ("insert", "3"),
        ("insert", "4"),
    ]


def test_spark_appends_optimizes_and_checkpoints_between_our_commits(
    spark: Any, tmp_path: Path
) -> None:
    where = settings(tmp_path / "t", partition_by=BY_DAY)
    target = moved(put(opened(where), 1))
    table = Table(spark, tmp_path / "t")
    table.sql("ALTER TABLE {t} SET TBLPROPERTIES ('delta.checkpointInterval' = '2')")
    for number in (2, 3):
        target = moved(put(target, number))
        table.sql(
            "INSERT INTO {t} SELECT partitionKey, data, stream, 'other', "
            f"'{900 + number}', approximateArrivalTimestamp, NULL, day FROM {{t}} LIMIT 1"
        )
    table.sql("OPTIMIZE {t}")
    target = moved(put(target, 6))

    assert in_spark(table) == [1, 2, 3, 6, 902, 903]
    assert numbers_in(where) == in_spark(table)
    seen = duckdb_rows(tmp_path / "t").column("sequenceNumber").to_pylist()
    assert sorted(map(int, seen)) == in_spark(table)
    assert list((tmp_path / "t" / "_delta_log").glob("*.checkpoint*.parquet"))
    assert opened(where).state == target.state
    assert verify_offsets(where.url).right


GENERATED = {
    "day": ("DATE", "CAST(approximateArrivalTimestamp AS DATE)"),
    "slot": ("TIMESTAMP", "DATE_TRUNC('HOUR', approximateArrivalTimestamp)"),
    "hour": ("INT", "HOUR(approximateArrivalTimestamp)"),
}


def test_what_spark_generates_and_checks_our_rows_have_and_keep(spark: Any, tmp_path: Path) -> None:
    # SQL for it needs a catalog of Delta's; the builder does not.
    tables = spark._jvm.io.delta.tables.DeltaTable
    builder = tables.create(spark._jsparkSession).location(str(tmp_path / "t"))
    for column in COLUMNS.split(", "):
        builder = builder.addColumn(*column.split(" "))
    for name, (kind, rule) in GENERATED.items():
        made_by = tables.columnBuilder(spark._jsparkSession, name).dataType(kind)
        builder = builder.addColumn(made_by.generatedAlwaysAs(rule).build())
    builder.partitionedBy(spark._jvm.PythonUtils.toSeq(["day", "slot"])).execute()
    table = Table(spark, tmp_path / "t")
    table.sql("ALTER TABLE {t} ADD CONSTRAINT noon CHECK (hour = 12 AND LENGTH(shardId) > 0)")
    where = settings(table.root)
    before = opened(where).protocol

    target = moved(put(opened(where), 1, 2))

    assert target.form.partition_by == (*BY_DAY, PartitionColumn("slot"))
    rows = table.sql("SELECT day, slot, hour FROM {t}")
    assert [[str(each) for each in row] for row in rows] == [
        ["2026-11-26", "2026-11-26 12:00:00", "12"]
    ] * 2
    # By the generated partitions Spark leaves out what cannot be there, and no more.
    noon = "SELECT count(*) FROM {t} WHERE approximateArrivalTimestamp"
    assert table.sql(f"{noon} >= '2026-11-26 12:00:00.001'") == [(2,)]
    assert table.sql(f"{noon} < '2026-11-26 12:00:00'") == [(0,)]
    # Spark holds what it writes anew against its own rules.
    table.sql("UPDATE {t} SET partitionKey = 'x' WHERE sequenceNumber = '1'")
    table.refuses("UPDATE {t} SET hour = 13", "constraint noon")
    target = moved(put(target, 3))
    assert in_spark(table) == [1, 2, 3]
    assert target.protocol == before


def test_a_liquid_clustered_table_is_written_to(spark: Any, tmp_path: Path) -> None:
    table = made(spark, tmp_path / "t", tail=" CLUSTER BY (shardId)")

    target = moved(put(opened(settings(table.root)), 1))
    table.sql("OPTIMIZE {t}")
    moved(put(target, 2))

    assert in_spark(table) == [1, 2]


def test_columns_that_either_side_adds_are_there_for_both(spark: Any, tmp_path: Path) -> None:
    table = made(spark, tmp_path / "t", **DEMANDING)
    where = settings(table.root)
    target = moved(put(opened(where), 1))
    table.sql("ALTER TABLE {t} ADD COLUMNS (note STRING)")
    target = moved(put(target, 2))

    wanted = pa.schema([*RAW_SCHEMA, pa.field("country", pa.string())])
    grown = change_columns(target, where, wanted)

    assert isinstance(grown, Target)
    moved(put(grown, 3))
    table.sql("UPDATE {t} SET country = 'NZ', note = 'n' WHERE sequenceNumber = '3'")
    rows = table.sql("SELECT sequenceNumber, note, country FROM {t} ORDER BY 1")
    assert rows == [("1", None, None), ("2", None, None), ("3", "n", "NZ")]


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("ALTER TABLE {t} ADD CONSTRAINT known CHECK (upper(shardId) <> '')", "constraint `known`"),
        ("ALTER TABLE {t} DROP COLUMN partitionKey", "lacks the column `partitionKey`"),
        ("ALTER TABLE {t} RENAME COLUMN data TO body", "lacks the column `data`"),
    ],
)
def test_what_spark_changes_against_our_rows_stops_us_with_the_difference(
    spark: Any, tmp_path: Path, statement: str, what: str
) -> None:
    table = made(spark, tmp_path / "t", **DEMANDING)
    where = settings(table.root)
    target = opened(where)
    files, after = read(target, [1])
    table.sql(statement)

    lost = commit(target, files, after)
    assert isinstance(lost, Lost)
    assert lost.changed

    with pytest.raises(FerryError, match=what) as again:
        opened(where)
    assert again.value.code in ("LF-7041", "LF-7042")


def test_a_stream_of_spark_reads_our_table_as_it_grows(spark: Any, tmp_path: Path) -> None:
    where = settings(tmp_path / "t", partition_by=BY_DAY)
    out, checkpoint = tmp_path / "out", tmp_path / "checkpoint"
    target = moved(put(opened(where), 1, 2))

    run_reader(spark, tmp_path / "t", out, checkpoint)
    target = moved(put(target, 3))
    Table(spark, tmp_path / "t").sql("OPTIMIZE {t}")
    moved(put(target, 4, 5))
    run_reader(spark, tmp_path / "t", out, checkpoint)

    assert in_spark(Table(spark, out)) == [1, 2, 3, 4, 5]


def test_spark_sees_our_txn_and_expires_it_where_the_table_says_so(
    spark: Any, tmp_path: Path
) -> None:
    where: TargetSettings = settings(tmp_path / "t")
    target = moved(put(opened(where), 1))
    table = Table(spark, tmp_path / "t")
    table.sql(
        "ALTER TABLE {t} SET TBLPROPERTIES "
        "('delta.setTransactionRetentionDuration' = 'interval 0 seconds', "
        "'delta.checkpointInterval' = '1')"
    )
    table.sql("INSERT INTO {t} SELECT * FROM {t}")
    log = tmp_path / "t" / "_delta_log"
    for path in sorted(log.glob("0*.json"))[:-1]:
        path.unlink()
    assert not [line for path in log.glob("0*.json") for line in path.read_text().splitlines()
                if "txn" in json.loads(line)]  # fmt: skip

    with pytest.raises(FerryError) as caught:
        opened(where)

    assert caught.value.code == "LF-7043"
    assert target.version == 1
