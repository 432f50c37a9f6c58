"""Conditions and generated values are what Spark computes, with its ANSI mode and without."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeferry.ingest.rules.evaluate import evaluate
from lakeferry.ingest.rules.sql_bind import bind_condition, bind_value
from tests.ingest.sql_cases import CONDITIONS, VALUES, VALUES_OF
from tests.judges.spark_reader import spark_session

__all__ = ["spark_session"]  # the fixture `spark`

pytestmark = pytest.mark.spark


def ours() -> dict[str, Sequence[Any]]:
    conditions = {text: bind_condition(text, VALUES.schema) for text in CONDITIONS}
    values = {text: bind_value(text, VALUES.schema, kind) for text, kind in VALUES_OF}
    return {text: plain(evaluate(bound, VALUES)) for text, bound in (conditions | values).items()}


def plain(values: pa.Array) -> list[Any]:
    """As Spark gives them by `in_spark`."""
    if pa.types.is_date(values.type):
        values = values.cast(pa.int32())
    elif pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    return [comparable(one) for one in values.to_pylist()]


def comparable(value: Any) -> Any:
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else (value, math.copysign(1, value))
    return value


def in_spark() -> list[str]:
    """Each expression; days and moments as numbers, which Python has of any year."""
    told = [*CONDITIONS]
    for text, kind in VALUES_OF:
        if pa.types.is_date(kind):
            told.append(f"unix_date({text})")
        else:
            told.append(f"unix_micros({text})" if pa.types.is_timestamp(kind) else text)
    return told


@pytest.mark.parametrize("ansi", ["true", "false"])
def test_each_expression_is_of_each_row_what_spark_says(
    spark: Any, tmp_path: Path, ansi: str
) -> None:
    file = str(tmp_path / "values.parquet")
    pq.write_table(VALUES, file)
    before = spark.conf.get("spark.sql.ansi.enabled")
    spark.conf.set("spark.sql.ansi.enabled", ansi)
    try:
        rows = spark.read.parquet(file).orderBy("row").selectExpr(*in_spark()).collect()
    finally:
        spark.conf.set("spark.sql.ansi.enabled", before)

    for at, (text, found) in enumerate(ours().items()):
        told = [comparable(row[at]) for row in rows]
        wrong = [place for place in range(len(rows)) if told[place] != found[place]]
        assert not wrong, (text, VALUES.slice(wrong[0], 1).to_pylist(), told[wrong[0]])
