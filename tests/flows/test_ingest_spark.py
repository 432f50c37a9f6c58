"""Spark reads what an ingest wrote: it skips files by their statistics and streams past joins."""

from pathlib import Path
from typing import Any

import pytest

from lakeferry.ingest.settings import TargetSettings
from lakeferry.ingest.upkeep.join_commit import Known
from tests.flows.streams import run_reader
from tests.ingest.batches import BY_DAY, moved, numbers_in, opened, put, settings
from tests.ingest.test_file_stats import ROWS, TRUE_OF, made
from tests.ingest.test_join import joined
from tests.judges.spark_reader import spark_session

__all__ = ["spark_session"]  # the fixture `spark`

pytestmark = pytest.mark.spark


def test_a_stream_that_reads_the_table_sees_each_row_once_past_joins(
    spark: Any, tmp_path: Path
) -> None:
    where = settings(tmp_path / "t", partition_by=BY_DAY)
    target = opened(where)
    for numbers in ((1, 2), (3, 4)):
        target = moved(put(target, *numbers))
    read(spark, where, tmp_path)

    assert isinstance(joined(where), Known)
    target = moved(put(target, 5))
    read(spark, where, tmp_path)
    assert isinstance(joined(where), Known)
    read(spark, where, tmp_path)

    seen = spark.read.format("delta").load(str(tmp_path / "out")).collect()
    assert sorted(row.sequenceNumber for row in seen) == ["1", "2", "3", "4", "5"]
    assert numbers_in(where) == [1, 2, 3, 4, 5]


def read(spark: Any, where: TargetSettings, folder: Path) -> None:
    """As a stream would that was stopped after its last row, and goes on."""
    run_reader(spark, Path(where.url), folder / "out", folder / "checkpoint")


def test_spark_finds_each_row_by_its_values(spark: Any, tmp_path: Path) -> None:
    table = made(tmp_path / "t")

    # One query: files are left out for each part of a union by its own condition.
    asked = [
        f"SELECT {place} AS place, id FROM delta.`{table}` WHERE {told(condition)}"
        for place, (_, condition) in enumerate(TRUE_OF)
    ]
    found = {tuple(row) for row in spark.sql(" UNION ALL ".join(asked)).collect()}

    assert [one for place, one in enumerate(TRUE_OF) if (place, one[0]) not in found] == []
    assert spark.read.format("delta").load(str(table)).count() == len(ROWS)


def told(condition: str) -> str:
    """As Spark writes it."""
    without_zone = condition.replace("TIMESTAMP '", "TIMESTAMP_NTZ '")
    zoned = without_zone.replace("TIMESTAMPTZ", "TIMESTAMP")
    return zoned.replace("'''quoted'''", "\"'quoted'\"")
