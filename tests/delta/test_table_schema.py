"""The schema of a table as Arrow types and names."""

import json
from typing import Any

import pyarrow as pa
import pytest

from lakeferry.delta.table_schema import arrow_schema, table_schema
from lakeferry.errors import FerryError


def schema_of(*fields: dict[str, Any]) -> str:
    return json.dumps({"type": "struct", "fields": list(fields)})


def field(name: str, kind: Any, **metadata: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "nullable": True, "metadata": metadata}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("boolean", pa.bool_()),
        ("byte", pa.int8()),
        ("short", pa.int16()),
        ("integer", pa.int32()),
        ("long", pa.int64()),
        ("float", pa.float32()),
        ("double", pa.float64()),
        ("decimal(38,18)", pa.decimal128(38, 18)),
        ("decimal(5, 2)", pa.decimal128(5, 2)),
        ("decimal", pa.decimal128(10, 0)),
        ("string", pa.string()),
        ("string collate UTF8_LCASE", pa.string()),
        ("char(5)", pa.string()),
        ("varchar(7)", pa.string()),
        ("binary", pa.binary()),
        ("date", pa.date32()),
        ("timestamp", pa.timestamp("us", tz="UTC")),
        ("timestamp_ntz", pa.timestamp("us")),
        ("void", pa.null()),
    ],
)
def test_every_primitive_type_has_one_arrow_type(name: str, expected: pa.DataType) -> None:
    found = table_schema(schema_of(field("c", name)), {})

    assert arrow_schema(found.columns).field("c").type == expected


def test_a_variant_is_its_two_binaries() -> None:
    found = table_schema(schema_of(field("v", "variant")), {})

    assert arrow_schema(found.columns).field("v").type == pa.struct(
        [("metadata", pa.binary()), ("value", pa.binary())]
    )


def test_nullability_is_kept_at_every_level() -> None:
    array = {"type": "array", "elementType": "integer", "containsNull": False}
    entries = {"type": "map", "keyType": "string", "valueType": array, "valueContainsNull": False}
    inner = {"name": "m", "type": entries, "nullable": False, "metadata": {}}

    found = table_schema(schema_of(field("s", {"type": "struct", "fields": [inner]})), {})

    numbers = pa.list_(pa.field("element", pa.int32(), nullable=False))
    pairs = pa.map_(pa.string(), pa.field("value", numbers, nullable=False))
    expected = pa.struct([pa.field("m", pairs, nullable=False)])
    assert arrow_schema(found.columns) == pa.schema([pa.field("s", expected)])


NAMES = {"delta.columnMapping.id": 7, "delta.columnMapping.physicalName": "col-1"}


def test_physical_names_and_ids_count_only_where_columns_are_mapped() -> None:
    text = schema_of(field("c", "long", **NAMES))

    [plain] = table_schema(text, {}).columns
    [named] = table_schema(text, {"delta.columnMapping.mode": "name"}).columns

    assert (plain.physical, plain.field_id) == ("c", None)
    assert (named.physical, named.field_id) == ("col-1", 7)
    assert table_schema(text, {"delta.columnMapping.mode": "id"}).by_id
    assert not table_schema(text, {"delta.columnMapping.mode": "name"}).by_id


def test_a_user_defined_type_is_read_as_what_it_is_stored_as() -> None:
    kind = {"type": "udt", "class": "org.apache.spark.ml.linalg.VectorUDT", "sqlType": "double"}

    found = table_schema(schema_of(field("c", kind)), {})

    assert arrow_schema(found.columns).field("c").type == pa.float64()


@pytest.mark.parametrize("kind", ["interval day to second", {"type": "geometry"}])
def test_a_type_that_we_cannot_read_is_refused_by_name(kind: Any) -> None:
    with pytest.raises(FerryError, match=r"interval day to second|geometry") as caught:
        table_schema(schema_of(field("c", kind)), {})

    assert caught.value.code == "LF-4109"


@pytest.mark.parametrize("text", ["{", "[]", '{"type":"struct"}', '{"fields":[{"name":"a"}]}'])
def test_a_schema_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(FerryError) as caught:
        table_schema(text, {})

    assert caught.value.code == "LF-3105"
