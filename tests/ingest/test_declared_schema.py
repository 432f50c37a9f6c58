"""Columns as people declare them: Spark's JSON and DDL, and what is said of anything else."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.errors import FerryError
from lakeferry.ingest.payload.declared_schema import ddl_text, declared_schema

UTC = pa.timestamp("us", "UTC")


def test_ddl_is_read_as_spark_reads_it() -> None:
    found = declared_schema(
        "event_id STRING NOT NULL, ts TIMESTAMP, at: timestamp_ntz,\n"
        "status int COMMENT 'of HTTP', price DECIMAL(10, 2), `odd ``name` bigint, -- a remark\n"
        "tags ARRAY<STRING>, geo STRUCT<country: STRING, at: ARRAY<DOUBLE>>, day DATE",
        "events.sql",
    )

    assert found == pa.schema(
        [
            pa.field("event_id", pa.string(), nullable=False),
            ("ts", UTC),
            ("at", pa.timestamp("us")),
            ("status", pa.int32()),
            ("price", pa.decimal128(10, 2)),
            ("odd `name", pa.int64()),
            ("tags", pa.list_(pa.field("element", pa.string()))),
            (
                "geo",
                pa.struct(
                    [
                        ("country", pa.string()),
                        ("at", pa.list_(pa.field("element", pa.float64()))),
                    ]
                ),
            ),
            ("day", pa.date32()),
        ]
    )


def test_the_json_of_a_struct_type_gives_the_same_as_ddl() -> None:
    tree = {
        "type": "struct",
        "fields": [
            {"name": "event_id", "type": "string", "nullable": False, "metadata": {}},
            {"name": "ts", "type": "timestamp", "nullable": True, "metadata": {}},
            {
                "name": "tags",
                "type": {"type": "array", "elementType": "string", "containsNull": True},
                "nullable": True,
                "metadata": {},
            },
        ],
    }

    found = declared_schema(json.dumps(tree), "events.json")

    assert found == declared_schema(
        "event_id STRING NOT NULL, ts TIMESTAMP, tags ARRAY<STRING>", ""
    )
    assert declared_schema(json.dumps(json.dumps(tree)), "a log's schemaString") == found


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", "e.sql:1:1", "the end stands where the name of a column is wanted"),
        ("a STRING, b", "e.sql:1:12", "the end stands where a type is wanted"),
        ("a STRING,\nb TXT", "e.sql:2:3", "`TXT` is no type; known: BOOLEAN"),
        ("a STRING b INT", "e.sql:1:10", "`b` stands where `,` or the end is wanted"),
        ("a ARRAY<STRING", "e.sql:1:15", "the end stands where `>` is wanted"),
        ("a STRUCT<b INT>", "e.sql:1:12", "`INT` stands where `:` is wanted"),
        ("a DECIMAL(40, 2)", "e.sql:1:3", "DECIMAL(40, 2) has no place for its digits"),
        ("a STRING; b INT", "e.sql:1:9", "`;` means nothing here"),
        ("a INT NOT b", "e.sql:1:11", "`b` stands where `NULL` is wanted"),
        ("id INT, ID STRING", "e.sql", "`id` and `ID` are one name to Delta"),
        ("a STRUCT<x: INT, X: INT>", "e.sql", "`x` and `X` are one name to Delta"),
        ('{"type": "struct", "fields": []}', "e.sql", "no column is declared"),
        ('{"type": "array"}', "e.sql", "no `{"),
        ("{", "e.sql", "it is no JSON"),
        ('{"type":"struct","fields":[{"name":"a","type":"quux"}]}', "e.sql", "`quux`"),
    ],
)
def test_what_is_no_schema_is_refused_with_its_place(text: str, where: str, what: str) -> None:
    with pytest.raises(FerryError) as refused:
        declared_schema(text, "e.sql")

    assert (refused.value.code, refused.value.where) == ("LF-7061", where)
    assert what in refused.value.what


_SCALARS = st.sampled_from(
    [pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64(),
     pa.string(), pa.date32(), UTC, pa.timestamp("us"), pa.decimal128(18, 4), pa.binary()]
)  # fmt: skip
_NAMES = st.text("ab` ,<>:()", min_size=1, max_size=4)
_TYPES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        inner.map(lambda kind: pa.list_(pa.field("element", kind))),
        st.lists(st.tuples(_NAMES, inner), min_size=1, max_size=3, unique_by=lambda one: one[0])
        .map(lambda fields: pa.struct([pa.field(*one) for one in fields])),
    ),
    max_leaves=5,
)  # fmt: skip


@given(st.lists(st.tuples(_NAMES, _TYPES, st.booleans()), min_size=1, max_size=4,
                unique_by=lambda one: one[0]))  # fmt: skip
def test_what_is_written_as_ddl_is_read_again(
    fields: list[tuple[str, pa.DataType, bool]],
) -> None:
    schema = pa.schema([pa.field(name, kind, nullable=null) for name, kind, null in fields])

    assert declared_schema(ddl_text(schema), "") == schema
