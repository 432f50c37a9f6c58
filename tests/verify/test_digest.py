"""The digest of rows: what leaves it as it is, and what changes it and is named."""

import datetime
import math
import struct
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.verify.digest import Digest, combine, digest_batches

UTC = datetime.UTC


def digest(table: pa.Table | pa.RecordBatch) -> Digest:
    batches = table.to_batches() if isinstance(table, pa.Table) else [table]
    return digest_batches(table.schema, batches)


def of(values: list[Any], kind: pa.DataType) -> Digest:
    """The digest of one column `c`."""
    return digest(pa.table({"c": pa.array(values, kind)}))


ADDRESS = pa.struct([("street", pa.string()), ("number", pa.int16())])
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("share", pa.float64()),
        ("price", pa.decimal128(12, 3)),
        ("at", pa.timestamp("us", tz="UTC")),
        ("tags", pa.list_(pa.string())),
        ("homes", pa.list_(ADDRESS)),
        ("notes", pa.map_(pa.string(), pa.int32())),
    ]
)
text = st.none() | st.sampled_from(["", "a", "b", "null", "ü漢"])
small = st.none() | st.integers(0, 3)
moment = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1))
address = st.none() | st.fixed_dictionaries({"street": text, "number": small})
row = st.fixed_dictionaries(
    {
        "id": small,
        "name": text,
        "share": st.none() | st.sampled_from([0.0, 0.5, math.inf, math.nan]),
        "price": st.none() | st.sampled_from([Decimal("1.500"), Decimal("-0.001")]),
        "at": st.none() | moment.map(lambda when: when.replace(tzinfo=UTC)),
        "tags": st.none() | st.lists(text, max_size=3),
        "homes": st.none() | st.lists(address, max_size=2),
        "notes": st.none() | st.dictionaries(st.sampled_from("xyz"), small, max_size=3),
    }
)
rows = st.lists(row, max_size=8)


def batch(found: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(found, SCHEMA)


@given(st.data())
def test_the_order_of_rows_does_not_matter(data: st.DataObject) -> None:
    found = data.draw(rows)
    shuffled = data.draw(st.permutations(found))

    assert digest(batch(shuffled)) == digest(batch(found))


@given(st.data())
def test_the_batches_that_rows_come_in_do_not_matter(data: st.DataObject) -> None:
    whole = batch(data.draw(rows))
    cut = data.draw(st.integers(0, whole.num_rows))

    parts = [whole.slice(0, cut), whole.slice(cut)]

    assert digest_batches(SCHEMA, parts) == digest(whole)
    assert combine(digest(part) for part in parts) == digest(whole)


@given(rows)
def test_the_order_of_columns_does_not_matter(found: list[dict[str, Any]]) -> None:
    whole = batch(found)

    assert digest(whole.select(list(reversed(SCHEMA.names)))) == digest(whole)


WIDE = pa.schema(
    [
        ("id", pa.int8()),
        ("name", pa.dictionary(pa.int32(), pa.string())),
        ("share", pa.float32()),
        ("price", pa.decimal256(30, 3)),
        ("at", pa.timestamp("ns", tz="America/New_York")),
        ("tags", pa.large_list(pa.large_string())),
        (
            "homes",
            pa.large_list(pa.struct([("street", pa.large_string()), ("number", pa.int64())])),
        ),
        ("notes", pa.map_(pa.large_string(), pa.int64())),
    ]
)


@given(rows)
def test_other_arrow_types_of_the_same_values_do_not_matter(found: list[dict[str, Any]]) -> None:
    plain = batch(found)
    wide = [
        column.dictionary_encode() if pa.types.is_dictionary(kind) else column.cast(kind)
        for column, kind in zip(plain.columns, WIDE.types, strict=True)
    ]

    assert digest(pa.RecordBatch.from_arrays(wide, names=WIDE.names)) == digest(plain)


@given(st.data())
def test_a_changed_value_is_named_by_its_column(data: st.DataObject) -> None:
    found = data.draw(rows.filter(bool))
    place = data.draw(st.integers(0, len(found) - 1))
    name = data.draw(st.sampled_from(SCHEMA.names))
    other = data.draw(row)[name]

    changed = [dict(each) for each in found]
    changed[place][name] = other

    same = batch(changed)[name].to_pylist() == batch(found)[name].to_pylist() or (
        repr(other) == repr(found[place][name])
    )
    expected = () if same else (name,)
    assert digest(batch(found)).differences(digest(batch(changed))) == expected


@given(st.data())
def test_a_duplicated_row_is_seen_in_every_column(data: st.DataObject) -> None:
    found = data.draw(rows.filter(bool))
    once, twice = digest(batch(found)), digest(batch([*found, found[0]]))

    assert once.differences(twice) == tuple(SCHEMA.names)
    assert twice.rows == once.rows + 1


def test_values_swapped_between_two_rows_name_their_column() -> None:
    before = pa.table({"a": [1, 2, 3], "b": ["x", "y", "z"], "c": [True, True, False]})
    after = pa.table({"a": [1, 2, 3], "b": ["z", "y", "x"], "c": [True, True, False]})

    found = digest(before).differences(digest(after))

    assert found == ("b",)
    assert digest(before).columns == digest(after).columns


def test_a_null_moved_to_another_row_names_its_column() -> None:
    before = pa.table({"a": [1, 2], "b": ["x", None], "c": [5, 6]})
    after = pa.table({"a": [1, 2], "b": [None, "x"], "c": [5, 6]})

    assert digest(before).differences(digest(after)) == ("b",)


def test_what_no_single_column_explains_names_them_all() -> None:
    before = pa.table({"a": [1, 2], "b": ["x", "y"]})
    after = pa.table({"a": [2, 1], "b": ["x", "y"]})

    assert digest(before).differences(digest(after)) == ("a", "b")


def test_a_column_that_one_side_lacks_is_named() -> None:
    left, right = pa.table({"a": [1], "b": [2]}), pa.table({"a": [1], "z": [2]})

    assert digest(left).differences(digest(right)) == ("b", "z")


def test_a_column_of_nulls_is_told_apart_from_no_column() -> None:
    with_nulls = pa.table({"a": [1], "b": pa.array([None], pa.int32())})

    assert digest(with_nulls).differences(digest(pa.table({"a": [1]}))) == ("b",)


def test_void_columns_are_left_out_at_every_level() -> None:
    nothing = pa.nulls(1)
    inner = pa.StructArray.from_arrays([pa.array([1]), nothing], names=["x", "v"])
    plain = pa.StructArray.from_arrays([pa.array([1])], names=["x"])

    shown = pa.table({"a": [1], "v": nothing, "s": inner})
    hidden = pa.table({"a": [1], "s": plain})

    assert digest(shown) == digest(hidden)


NAN_WITH_PAYLOAD = struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_0000_1234))[0]


def test_every_nan_is_one_value_but_the_zeros_are_two() -> None:
    assert of([math.nan], pa.float64()) == of([NAN_WITH_PAYLOAD], pa.float64())
    assert of([math.nan], pa.float32()) == of([math.nan], pa.float64())
    assert of([0.0], pa.float64()) != of([-0.0], pa.float64())


def test_a_float_widened_to_double_is_the_same_value() -> None:
    third = struct.unpack("<f", struct.pack("<f", 1 / 3))[0]

    assert of([third], pa.float32()) == of([third], pa.float64())


def test_integers_of_any_width_are_equal_by_value() -> None:
    kinds = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint64()]

    assert len({of([0, 7, 127, None], kind).whole for kind in kinds}) == 1
    assert of([-1], pa.int8()) == of([-1], pa.int64())


def test_times_are_equal_whatever_their_unit_and_zone() -> None:
    when = datetime.datetime(1969, 12, 31, 23, 59, 58, tzinfo=UTC)
    kinds = [
        pa.timestamp(unit, tz=tz) for unit in ("s", "ms", "us", "ns") for tz in ("UTC", "Iran")
    ]

    assert len({of([when], kind).whole for kind in kinds}) == 1
    assert of([when.replace(tzinfo=None)], pa.timestamp("us")) == of([when], kinds[0])


def test_finer_ticks_than_microseconds_are_cut_downwards() -> None:
    assert of([-1], pa.timestamp("ns")) == of([-1], pa.timestamp("us"))


def test_dates_are_equal_as_days_or_milliseconds() -> None:
    day = datetime.date(1900, 2, 28)

    assert of([day], pa.date32()) == of([day], pa.date64())
    assert of([day], pa.date32()) != of([-25144], pa.int32())


def test_decimals_count_at_the_scale_of_the_schema() -> None:
    narrow = pa.table({"c": pa.array([Decimal("1.5")], pa.decimal128(5, 1))})
    wide = pa.table({"c": pa.array([Decimal("1.500")], pa.decimal128(38, 3))})

    assert digest_batches(wide.schema, narrow.to_batches()) == digest(wide)
    assert of([Decimal("-7")], pa.decimal32(5, 0)) == of([Decimal("-7")], pa.decimal256(40, 0))


def test_a_decimal_beyond_64_bits_is_wholly_seen() -> None:
    one = Decimal(1 << 64)

    assert of([one], pa.decimal128(38, 0)) != of([Decimal(0)], pa.decimal128(38, 0))
    assert of([one], pa.decimal128(38, 0)) == of([one], pa.decimal256(38, 0))


def test_text_and_binary_of_the_same_bytes_differ() -> None:
    assert of(["ab"], pa.string()) != of([b"ab"], pa.binary())
    assert of([b"ab"], pa.binary(2)) == of([b"ab"], pa.large_binary())
    assert of(["ab", None], pa.string_view()) == of(["ab", None], pa.string())
    assert of([b"ab", None], pa.binary_view()) == of([b"ab", None], pa.binary())


def test_null_empty_list_list_of_null_and_list_of_empty_text_are_four_values() -> None:
    values: list[Any] = [None, [], [None], [""]]

    assert len({of([value], pa.list_(pa.string())).whole for value in values}) == len(values)


def test_an_element_counts_at_its_place_and_in_its_list() -> None:
    kind = pa.list_(pa.int32())

    assert of([[1, 2]], kind) != of([[2, 1]], kind)
    assert of([[1], [2, 3]], kind) != of([[1, 2], [3]], kind)
    assert of([[], [1]], kind) == of([[1], []], kind)


def test_map_entries_count_in_any_order_but_as_pairs() -> None:
    kind = pa.map_(pa.string(), pa.int32())

    assert of([[("a", 1), ("b", 2)]], kind) == of([[("b", 2), ("a", 1)]], kind)
    assert of([[("a", 1), ("b", 2)]], kind) != of([[("a", 2), ("b", 1)]], kind)
    assert of([[]], kind) != of([None], kind)


def test_struct_fields_count_by_name() -> None:
    value = {"x": 1, "y": 2}
    forth = pa.struct([("x", pa.int32()), ("y", pa.int32())])
    back = pa.struct([("y", pa.int32()), ("x", pa.int32())])

    assert of([value], forth) == of([value], back)
    assert of([{"x": 2, "y": 1}], forth) != of([value], forth)
    assert of([{"x": None, "y": None}], forth) != of([None], forth)


def test_what_hides_behind_a_null_does_not_count() -> None:
    hidden = pa.ListArray.from_arrays(
        pa.array([0, 2, 3], pa.int32()), pa.array([1, 2, 3]), mask=pa.array([True, False])
    )
    plain = pa.array([None, [3]], pa.list_(pa.int64()))

    assert digest(pa.table({"c": hidden})) == digest(pa.table({"c": plain}))


def test_every_layout_of_lists_is_equal() -> None:
    values = [[1, 2], None, [3, 4]]
    kinds = [pa.list_(pa.int32()), pa.large_list(pa.int32()), pa.list_(pa.int32(), 2)]

    assert len({of(values, kind).whole for kind in kinds}) == 1
    view = pa.array(values, pa.list_view(pa.int32()))
    assert digest(pa.table({"c": view})) == of(values, kinds[0])


def test_nested_values_of_a_slice_are_those_of_its_rows() -> None:
    whole = pa.table(
        {
            "m": pa.array(
                [[("a", 1)], None, [("b", 2), ("c", 3)]], pa.map_(pa.string(), pa.int8())
            ),
            "f": pa.array([[1, 2], [3, 4], None], pa.list_(pa.int32(), 2)),
            "s": pa.array([{"x": [1]}, {"x": []}, None], pa.struct([("x", pa.list_(pa.int8()))])),
        }
    )

    copied = pa.Table.from_pylist(whole.to_pylist()[1:], whole.schema)

    assert digest(whole.slice(1)) == digest(copied)


def test_dictionaries_of_nothing_and_with_nulls_inside_are_read() -> None:
    empty = pa.DictionaryArray.from_arrays(pa.array([None], pa.int8()), pa.array([], pa.string()))
    inside = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), pa.array(["a", None]))

    assert digest(pa.table({"c": empty})) == of([None], pa.string())
    assert digest(pa.table({"c": inside})) == of(["a", None], pa.string())


def test_run_ends_are_the_values_that_they_stand_for() -> None:
    encoded = pc.run_end_encode(pa.array(["a", "a", None]))

    assert digest(pa.table({"c": encoded})) == of(["a", "a", None], pa.string())


def test_void_elements_and_extension_types_are_read_as_what_they_store() -> None:
    uuids = pa.ExtensionArray.from_storage(
        pa.uuid(), pa.array([b"0123456789abcdef"], pa.binary(16))
    )

    assert digest(pa.table({"c": uuids})) == of([b"0123456789abcdef"], pa.binary())
    assert of([[None]], pa.list_(pa.null())) == of([[None]], pa.list_(pa.int8()))


def test_without_a_schema_the_first_batch_says_which_columns_count() -> None:
    table = pa.table({"a": [1, 2], "v": pa.nulls(2)})

    assert digest_batches(None, table.to_batches()) == digest(table)
    assert digest_batches(None, []) == combine([])


def test_no_rows_have_the_columns_of_the_schema() -> None:
    none = digest_batches(SCHEMA, [])

    assert none.rows == 0
    assert set(none.columns) == set(SCHEMA.names)
    assert none == digest(batch([]))


def test_a_batch_without_a_column_of_the_schema_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        digest_batches(SCHEMA, pa.table({"id": [1]}).to_batches())


def test_a_type_that_delta_does_not_know_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="duration"):
        of([1], pa.duration("s"))


def test_a_digest_never_changes_between_versions_of_this_program() -> None:
    found = digest(pa.table({"id": [1, 2, None], "name": ["a", "ü", None]}))

    assert found.rows == 3
    assert found.whole == "3ba30498f0736e075c6ae218712f0def"
