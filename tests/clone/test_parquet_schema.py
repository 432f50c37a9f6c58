"""Footers of many writers as one schema of Delta, or a refusal by name."""

import io
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeferry.clone.parquet_schema import (
    fields_of,
    joined,
    protocol_for,
    table_schema_string,
)
from lakeferry.delta.actions import Protocol
from lakeferry.errors import FerryError


def footer(schema: pa.Schema, **how: Any) -> pq.FileMetaData:
    file = io.BytesIO()
    pq.write_table(schema.empty_table(), file, **how)
    return pq.read_metadata(file)


def types(schema: pa.Schema, **how: Any) -> dict[str, Any]:
    return {one["name"]: one["type"] for one in fields_of(footer(schema, **how), "f")}


def field(name: str, kind: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "nullable": True, "metadata": {}}


def test_parquet_types_have_their_delta_names() -> None:
    schema = pa.schema([
        ("a", pa.int32()), ("b", pa.uint32()), ("c", pa.dictionary(pa.int8(), pa.string())),
        ("d", pa.timestamp("us", "UTC")), ("e", pa.timestamp("ms")), ("f", pa.large_string()),
        ("g", pa.decimal128(9, 2)),
    ])  # fmt: skip
    assert types(schema) == {
        "a": "integer", "b": "long", "c": "string", "d": "timestamp", "e": "timestamp_ntz",
        "f": "string", "g": "decimal(9,2)",
    }  # fmt: skip


def test_a_time_in_96_bits_is_a_moment() -> None:
    schema = pa.schema([("t", pa.timestamp("ns"))])
    assert types(schema, use_deprecated_int96_timestamps=True) == {"t": "timestamp"}


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        (pa.schema([("at", pa.timestamp("ns"))]), "`at` holds nanoseconds"),
        (pa.schema([("t", pa.time64("us"))]), "`t` is of the type time64"),
        (pa.schema([("a b", pa.int32())]), "`a b` has a character"),
    ],
)
def test_what_delta_has_not_is_refused_by_name(schema: pa.Schema, named: str) -> None:
    with pytest.raises(FerryError, match=named) as refused:
        fields_of(footer(schema), "day=1/part-0.parquet")
    assert (refused.value.code, refused.value.where) == ("LF-4110", "day=1/part-0.parquet")


def test_what_spark_noted_stands_before_the_parquet_types() -> None:
    told = {"name": "s", "type": "string", "nullable": False, "metadata": {"comment": "why"}}
    noted = {"type": "struct", "fields": [told]}
    key = "org.apache.spark.sql.parquet.row.metadata"
    schema = pa.schema([("s", pa.binary())]).with_metadata({key: orjson.dumps(noted)})
    [found] = fields_of(footer(schema), "f")
    assert found == {**field("s", "string"), "metadata": {"comment": "why"}}


def test_columns_that_only_some_files_have_are_joined() -> None:
    found = joined((field("a", "long"),), (field("b", "date"), field("a", "long")), "f")
    assert [one["name"] for one in found] == ["a", "b"]


@pytest.mark.parametrize(
    ("before", "now", "after"),
    [("byte", "integer", "integer"), ("integer", "short", "integer"), ("void", "date", "date"),
     ("date", "void", "date")],
)  # fmt: skip
def test_a_type_widens_where_parquet_stores_both_alike(before: str, now: str, after: str) -> None:
    [found] = joined((field("a", before),), (field("a", now),), "f")
    assert found["type"] == after


@pytest.mark.parametrize(("before", "now"), [("integer", "long"), ("string", "date")])
def test_other_types_are_refused_with_file_and_column(before: str, now: str) -> None:
    with pytest.raises(FerryError, match=f"`a` is {now} in this file and {before}") as refused:
        joined((field("a", before),), (field("a", now),), "part-7.parquet")
    assert refused.value.where == "part-7.parquet"


def test_a_field_of_a_struct_is_joined_and_refused_like_a_column() -> None:
    def struct(kind: str, name: str = "x") -> dict[str, Any]:
        return field("s", {"type": "struct", "fields": [field(name, kind)]})

    [found] = joined((struct("long"),), (struct("date", "y"),), "f")
    assert [one["name"] for one in found["type"]["fields"]] == ["x", "y"]
    with pytest.raises(FerryError, match="`x` is date"):
        joined((struct("long"),), (struct("date"),), "f")


def test_names_that_differ_by_case_alone_are_refused() -> None:
    with pytest.raises(FerryError, match="`Id` and `id`"):
        joined((field("Id", "long"),), (field("id", "long"),), "f")


def test_a_column_of_the_folders_stands_behind_and_before_its_like_in_a_file() -> None:
    text = table_schema_string((field("day", "long"), field("a", "long")), {"day": "date"}, url="u")
    assert [(one["name"], one["type"]) for one in orjson.loads(text)["fields"]] == [
        ("a", "long"), ("day", "date"),
    ]  # fmt: skip


def test_a_column_of_nulls_alone_has_no_type() -> None:
    with pytest.raises(FerryError, match="`a` holds nothing but nulls"):
        table_schema_string((field("a", "void"),), {}, url="u")


def test_times_without_a_zone_ask_for_their_feature_and_what_is_there_stays() -> None:
    assert protocol_for('"date"', None) == Protocol(1, 2)
    assert protocol_for('"timestamp_ntz"', None) == Protocol(
        3, 7, frozenset({"timestampNtz"}), frozenset({"timestampNtz", "appendOnly", "invariants"})
    )
    later = Protocol(3, 7, frozenset({"deletionVectors"}), frozenset({"deletionVectors"}))
    assert protocol_for('"date"', later) == later
    both = frozenset({"deletionVectors", "timestampNtz"})
    assert protocol_for('"timestamp_ntz"', later) == Protocol(3, 7, both, both)
