"""What files hold, brought to the table's schema; partition values, brought from text."""

import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from lakeferry.delta.table_schema import Column, Kind, ListOf, MapOf, Scalar, Struct, arrow_type
from lakeferry.verify.row_values import Misfit, conform, find_field, partition_value

UTC = datetime.UTC
INT, LONG, TEXT = Scalar(pa.int32()), Scalar(pa.int64()), Scalar(pa.string())
MOMENT = pa.timestamp("us", tz="UTC")
LOCAL = pa.timestamp("us")


def column(name: str, kind: Kind, *, physical: str = "", field_id: int | None = None) -> Column:
    return Column(name, physical or name, field_id, kind, nullable=True)


def with_id(name: str, kind: pa.DataType, number: int) -> pa.Field:
    return pa.field(name, kind, metadata={"PARQUET:field_id": str(number)})


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("-128", pa.int8(), -128),
        ("9223372036854775807", pa.int64(), 9223372036854775807),
        ("1.5", pa.float32(), 1.5),
        ("1.0E10", pa.float64(), 1e10),
        ("-Infinity", pa.float64(), float("-inf")),
        ("true", pa.bool_(), True),
        ("False", pa.bool_(), False),
        ("1.5", pa.decimal128(12, 4), Decimal("1.5000")),
        ("a b/%", pa.string(), "a b/%"),
        ("\x01ü", pa.binary(), b"\x01\xc3\xbc"),
        ("0001-01-01", pa.date32(), datetime.date(1, 1, 1)),
        (
            "2024-03-31 01:30:00.1",
            MOMENT,
            datetime.datetime(2024, 3, 31, 1, 30, 0, 100000, tzinfo=UTC),
        ),
        (
            "1970-01-01T00:00:00.123456Z",
            MOMENT,
            datetime.datetime(1970, 1, 1, 0, 0, 0, 123456, tzinfo=UTC),
        ),
        (
            "2024-01-01T00:00:00.000000+02:00",
            MOMENT,
            datetime.datetime(2023, 12, 31, 22, tzinfo=UTC),
        ),
        ("2024-01-01 00:00:00", LOCAL, datetime.datetime(2024, 1, 1)),
        ("2020-01-01", LOCAL, datetime.datetime(2020, 1, 1)),
    ],
)
def test_a_partition_value_is_read_by_its_columns_type(
    text: str, kind: pa.DataType, expected: Any
) -> None:
    assert partition_value(text, kind).as_py() == expected


@pytest.mark.parametrize("kind", [pa.int8(), pa.string(), pa.binary(), MOMENT, pa.bool_()])
def test_null_and_empty_text_are_null_for_every_type(kind: pa.DataType) -> None:
    assert partition_value(None, kind) == pa.scalar(None, kind)
    assert partition_value("", kind) == pa.scalar(None, kind)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("x", pa.int32()),
        ("300", pa.int8()),
        ("yes", pa.bool_()),
        ("1.55", pa.decimal128(5, 1)),
        ("nonsense", pa.decimal128(5, 1)),
        ("31.12.2024", pa.date32()),
        ("noon", MOMENT),
    ],
)
def test_a_partition_value_that_does_not_fit_is_refused(text: str, kind: pa.DataType) -> None:
    with pytest.raises(Misfit, match=text):
        partition_value(text, kind)


@pytest.mark.parametrize(
    ("stored", "kind", "expected"),
    [
        (pa.array([1, None], pa.int8()), pa.int64(), [1, None]),
        (pa.array([1], pa.int32()), pa.float64(), [1.0]),
        (pa.array([0.5], pa.float32()), pa.float64(), [0.5]),
        (pa.array([7], pa.int16()), pa.decimal128(10, 0), [Decimal(7)]),
        (
            pa.array([Decimal("1.25")], pa.decimal128(5, 2)),
            pa.decimal128(12, 4),
            [Decimal("1.2500")],
        ),
        (
            pa.array([datetime.date(2020, 1, 2)], pa.date32()),
            LOCAL,
            [datetime.datetime(2020, 1, 2)],
        ),
        (pa.array([b"\xc3\xbc"], pa.binary()), pa.string(), ["ü"]),
        (pa.array(["a", None, "a"]).dictionary_encode(), pa.string(), ["a", None, "a"]),
        (pa.array(["a"], pa.large_string()), pa.string(), ["a"]),
        (pa.nulls(2), pa.int32(), [None, None]),
    ],
)
def test_a_narrower_type_of_an_older_file_is_widened(
    stored: pa.Array, kind: pa.DataType, expected: list[Any]
) -> None:
    found = conform(stored, Scalar(kind), by_id=False)

    assert found.type == kind
    assert found.to_pylist() == expected


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
@pytest.mark.parametrize("wanted", [MOMENT, LOCAL])
def test_stored_moments_are_utc_whatever_their_unit_and_mark(
    unit: str, zone: str | None, wanted: pa.DataType
) -> None:
    stored = pa.array([-86_400, None, 5], pa.int64()).cast(pa.timestamp("s"))
    stored = stored.cast(pa.timestamp(unit)).view(pa.timestamp(unit, tz=zone))

    found = conform(stored.slice(1), Scalar(wanted), by_id=False)

    assert found.type == wanted
    assert found.cast(pa.int64()).to_pylist() == [None, 5_000_000]


def test_nanoseconds_are_cut_downwards() -> None:
    found = conform(pa.array([-1], pa.timestamp("ns")), Scalar(LOCAL), by_id=False)

    assert found.cast(pa.int64()).to_pylist() == [-1]


def test_struct_fields_are_found_by_name_reordered_and_filled_with_nulls() -> None:
    kind = Struct((column("b", TEXT), column("new", INT), column("a", LONG)))
    older = pa.struct([("a", pa.int32()), ("B", pa.string()), ("gone", pa.int8())])
    stored = pa.array([{"a": 1, "B": "x", "gone": 0}, None], older)

    found = conform(stored, kind, by_id=False)

    assert found.type == arrow_type(kind)
    assert found.to_pylist() == [{"b": "x", "new": None, "a": 1}, None]


def test_fields_that_exchanged_their_names_are_told_apart_by_physical_name() -> None:
    kind = Struct((column("a", INT, physical="b"), column("b", INT, physical="a")))
    stored = pa.array([{"a": 1, "b": 2}], pa.struct([("a", pa.int32()), ("b", pa.int32())]))

    assert conform(stored, kind, by_id=False).to_pylist() == [{"a": 2, "b": 1}]


def test_fields_are_found_by_id_whatever_their_names() -> None:
    kind = Struct((column("x", INT, field_id=2), column("y", INT, field_id=9)))
    stored = pa.array(
        [{"x": 1, "z": 2}], pa.struct([with_id("x", pa.int32(), 1), with_id("z", pa.int32(), 2)])
    )

    assert conform(stored, kind, by_id=True).to_pylist() == [{"x": 2, "y": None}]


def test_an_exact_name_goes_before_one_of_another_case() -> None:
    fields = [pa.field("A", pa.int32()), pa.field("a", pa.int32())]

    assert find_field(fields, column("a", INT), by_id=False) == 1
    assert find_field(fields[:1], column("a", INT), by_id=False) == 0
    assert find_field(fields, column("b", INT), by_id=False) is None


def test_names_that_differ_in_case_alone_are_refused_where_none_is_exact() -> None:
    fields = [pa.field("NAME", pa.int32()), pa.field("Name", pa.int32())]

    with pytest.raises(Misfit, match="could be any of"):
        find_field(fields, column("name", INT), by_id=False)


def test_lists_and_maps_of_a_slice_keep_their_own_elements() -> None:
    kind = ListOf(MapOf(TEXT, LONG, nullable=True), nullable=True)
    stored = pa.array(
        [[[("a", 1)]], None, [], [[("b", None), ("c", 3)], None]],
        pa.large_list(pa.map_(pa.large_string(), pa.int8())),
    )

    found = conform(stored.slice(1), kind, by_id=False)

    assert found.type == arrow_type(kind)
    assert found.to_pylist() == [None, [], [[("b", None), ("c", 3)], None]]


def test_a_map_without_its_annotation_is_a_list_of_pairs() -> None:
    pair = pa.struct([("k", pa.string()), ("v", pa.int32())])
    stored = pa.array([[{"k": "a", "v": 1}], None], pa.list_(pair))

    found = conform(stored, MapOf(TEXT, INT, nullable=True), by_id=False)

    assert found.to_pylist() == [[("a", 1)], None]


def test_a_struct_of_no_fields_keeps_its_nulls() -> None:
    stored = pa.array([{"a": 1}, None], pa.struct([("a", pa.int32())]))

    assert conform(stored, Struct(()), by_id=False).to_pylist() == [{}, None]


VARIANT = Struct(
    (column("metadata", Scalar(pa.binary())), column("value", Scalar(pa.binary()))), variant=True
)


def test_a_shredded_variant_is_refused_and_not_read_in_part() -> None:
    parts = [("metadata", pa.binary()), ("value", pa.binary()), ("typed_value", pa.int8())]
    stored = pa.array([{"metadata": b"", "value": None, "typed_value": 1}], pa.struct(parts))

    with pytest.raises(Misfit, match="shredded"):
        conform(stored, VARIANT, by_id=False)


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        (pa.array(["x"]), INT),
        (pa.array([300]), Scalar(pa.int8())),
        (pa.array([1]), Struct((column("a", INT),))),
        (pa.array([1]), ListOf(INT, nullable=True)),
        (pa.array([[1]]), MapOf(INT, INT, nullable=True)),
        (pa.array([Decimal("1.25")]), Scalar(pa.decimal128(5, 1))),
    ],
)
def test_a_stored_type_that_the_schema_does_not_allow_is_refused(
    stored: pa.Array, kind: Kind
) -> None:
    with pytest.raises(Misfit):
        conform(stored, kind, by_id=False)
