"""New fields of payloads as columns."""

import pyarrow as pa

from lakeferry.ingest.payload.columns import MOST_FIELDS, grown, is_full, is_too_wide

GEO = pa.struct([("lat", pa.float64())])
DECLARED = pa.schema([("a", pa.int64()), ("geo", GEO), ("tags", pa.list_(GEO))])


def test_a_new_field_becomes_a_nullable_column_behind_the_others() -> None:
    found = grown(DECLARED, {"$.b": pa.string()})

    assert found.names == ["a", "geo", "tags", "b"]
    assert found.field("b") == pa.field("b", pa.string(), nullable=True)


def test_a_field_within_a_struct_is_added_within_it() -> None:
    found = grown(DECLARED, {"$.geo.lon": pa.float64()})

    assert found.field("geo").type == pa.struct([("lat", pa.float64()), ("lon", pa.float64())])


def test_a_field_within_the_items_of_a_list_is_added_there() -> None:
    found = grown(DECLARED, {"$.tags[].lon": pa.float64()})

    assert found.field("tags").type.value_type.get_field_index("lon") == 1


def test_a_field_of_which_no_type_is_known_becomes_none() -> None:
    assert grown(DECLARED, {"$.b": None}) == DECLARED


def test_what_is_declared_stays_as_it_is() -> None:
    assert grown(DECLARED, {"$.a": pa.string(), "$.a.b": pa.string()}) == DECLARED


def test_the_same_fields_twice_change_nothing_more() -> None:
    once = grown(DECLARED, {"$.b": pa.string(), "$.geo.lon": pa.float64()})

    assert grown(once, {"$.b": pa.int64(), "$.geo.lon": pa.string()}) == once


def test_fields_within_columns_count_when_a_table_is_full() -> None:
    one_less = pa.struct([(f"f{at}", pa.int64()) for at in range(MOST_FIELDS - 2)])

    assert not is_full(pa.schema([("a", pa.list_(one_less))]))
    assert is_full(pa.schema([("a", pa.list_(one_less)), ("b", pa.string())]))
    assert not is_too_wide(pa.schema([("a", one_less), ("b", one_less)]))
    assert is_too_wide(pa.schema([("a", one_less), ("b", one_less), ("c", GEO)]))
