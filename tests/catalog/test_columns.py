"""Columns of a Delta table in the words of catalogs, from the schema as the log writes it."""

from typing import Any

import orjson
import pytest

from lakeferry.catalog.columns import columns_of, hive_columns, unity_column
from lakeferry.catalog.judging import same_place
from lakeferry.catalog.tables import Column

MAP: Any = {"type": "map", "keyType": "string", "valueType": "timestamp_ntz",
            "valueContainsNull": True}  # fmt: skip
INNER: Any = {"type": "struct", "fields": [
    {"name": "A b", "type": MAP, "nullable": True, "metadata": {}}]}  # fmt: skip
CHAR = {"__CHAR_VARCHAR_TYPE_STRING": "char(3)"}


def column(kind: Any, **metadata: str) -> Column:
    field = {"name": "C", "type": kind, "nullable": True, "metadata": metadata}
    (found,) = columns_of(orjson.dumps({"type": "struct", "fields": [field]}).decode())
    return found


@pytest.mark.parametrize(
    ("kind", "sql", "hive", "unity"),
    [
        ("long", "bigint", "bigint", "LONG"),
        ("integer", "int", "int", "INT"),
        ("short", "smallint", "smallint", "SHORT"),
        ("byte", "tinyint", "tinyint", "BYTE"),
        ("decimal(38, 18)", "decimal(38,18)", "decimal(38,18)", "DECIMAL"),
        ("timestamp", "timestamp", "timestamp", "TIMESTAMP"),
        ("timestamp_ntz", "timestamp_ntz", "timestamp", "TIMESTAMP_NTZ"),
        ("variant", "variant", "string", "VARIANT"),
        ("void", "void", "string", "NULL"),
        ("string collate spark.UTF8_LCASE", "string", "string", "STRING"),
        ("interval day to second", "interval day to second", "string", "INTERVAL"),
        (MAP, "map<string,timestamp_ntz>", "map<string,timestamp>", "MAP"),
        (INNER, "struct<A b:map<string,timestamp_ntz>>", "struct<A b:map<string,timestamp>>",
         "STRUCT"),
    ],
)  # fmt: skip
def test_a_type_is_written_as_each_catalog_knows_it(
    kind: Any, sql: str, hive: str, unity: str
) -> None:
    found = column(kind)

    assert found.type == sql
    assert hive_columns((found,))[0].type == hive
    assert unity_column(found, 0, None)["type_name"] == unity


def test_a_text_of_fixed_length_is_told_though_files_do_not_know_it() -> None:
    found = column("string", **CHAR)

    assert found.type == "char(3)"
    assert unity_column(found, 0, None)["type_name"] == "CHAR"


def test_hive_writes_names_small_and_cuts_long_comments() -> None:
    (found,) = hive_columns((column("long", comment="word " * 100),))

    assert found.name == "c"
    assert len(found.comment) == 255
    assert found.comment.endswith("…")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("s3://lake/a", "s3a://lake/a/", True),
        ("file:///data/a", "file:/data/a", True),
        ("/data/a", "file:///data/a", True),
        ("abfs://c@x.dfs.core.windows.net/a", "abfss://c@x.dfs.core.windows.net/a", True),
        ("wasbs://c@x.blob.core.windows.net/a", "abfss://c@x.dfs.core.windows.net/a", True),
        ("s3://lake/a", "s3://lake/b", False),
        ("s3://lake/a", "s3://lake/A", False),
        ("s3://lake/a", "gs://lake/a", False),
        ("hdfs://nn/a", "hdfs://nn2/a", False),
    ],
)
def test_one_place_may_be_written_in_several_ways(one: str, other: str, same: bool) -> None:
    assert same_place(one, other) is same
