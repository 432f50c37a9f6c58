"""Partitions: values as the log has them, folders that any store holds, rows that lose nothing."""

import datetime
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.errors import FerryError
from lakeferry.ingest.files.partition import LONGEST_SEGMENT, folder, split, unwritable
from lakeferry.ingest.settings import PartitionColumn

OWN = (PartitionColumn("p"),)
DAY = (PartitionColumn("day", of="at"),)
UTC = datetime.UTC


def values(column: pa.Array) -> list[str | None]:
    """What the log would state of each value of an own column."""
    table = pa.table({"p": column})
    return [part.values[0] for part in split(table, OWN, table.schema)]


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (pa.string(), "a b/c%d", "a b/c%d"),
        (pa.string(), "", None),
        (pa.string(), None, None),
        (pa.int32(), -7, "-7"),
        (pa.float64(), 0.1, "0.1"),
        (pa.float32(), 0.1, "0.1"),
        (pa.float64(), float("nan"), "NaN"),
        (pa.float64(), float("-inf"), "-Infinity"),
        (pa.bool_(), True, "true"),
        (pa.bool_(), False, "false"),
        (pa.decimal128(38, 2), Decimal("1.50"), "1.50"),
        (pa.decimal128(38, 10), Decimal("0.0000000001"), "0.0000000001"),
        (pa.date32(), datetime.date(2026, 11, 26), "2026-11-26"),
        (pa.date32(), datetime.date(1, 1, 1), "0001-01-01"),
        (pa.binary(), b"abc", "abc"),
        (pa.binary(), b"", None),
        (
            pa.timestamp("us", "UTC"),
            datetime.datetime(1970, 1, 1, 0, 0, 0, 123456, UTC),
            "1970-01-01T00:00:00.123456Z",
        ),
        (
            pa.timestamp("us", "UTC"),
            datetime.datetime(2026, 11, 26, 9, 0, tzinfo=UTC),
            "2026-11-26T09:00:00.000000Z",
        ),
        (pa.timestamp("us"), datetime.datetime(2026, 11, 26, 9, 0), "2026-11-26 09:00:00"),
        (
            pa.timestamp("us"),
            datetime.datetime(1969, 12, 31, 23, 59, 59, 500000),
            "1969-12-31 23:59:59.500000",
        ),
    ],
)
def test_a_value_is_written_as_the_protocol_says(
    kind: pa.DataType, value: Any, text: str | None
) -> None:
    assert values(pa.array([value], kind)) == [text]


def test_the_empty_text_and_null_are_one_partition() -> None:
    table = pa.table({"p": ["", None, "x", ""], "n": [1, 2, 3, 4]})

    parts = split(table, OWN, table.schema)

    assert [(part.values, part.rows["n"].to_pylist()) for part in parts] == [
        ((None,), [1, 2, 4]),
        (("x",), [3]),
    ]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([b"\xff"], pa.binary()),
        pa.array([3_000_000], pa.int32()).cast(pa.date32()),  # the year 10183
        pa.array([2**60], pa.int64()).cast(pa.timestamp("us", "UTC")),
    ],
)
def test_a_value_that_the_log_cannot_hold_is_refused(column: pa.Array) -> None:
    with pytest.raises(FerryError) as raised:
        values(column)

    assert raised.value.code == "LF-7031"
    assert "`p`" in raised.value.what
    table = pa.table({"p": pa.chunked_array([column, pa.nulls(1, column.type)])})
    assert unwritable(table, [PartitionColumn("p")]) == {0: "p"}


def test_the_day_of_a_time_is_that_of_utc_before_1970_too() -> None:
    moments = ["2026-11-26T23:59:59.999999", "2026-11-27T00:00", "1969-12-31T23:59:59.999999"]
    at = pa.array([datetime.datetime.fromisoformat(one + "+00:00") for one in moments])
    schema = pa.schema([("at", pa.timestamp("us", "UTC")), ("day", pa.date32())])

    parts = split(pa.table({"at": at}), DAY, schema)

    assert [part.values[0] for part in parts] == ["2026-11-26", "2026-11-27", "1969-12-31"]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (pa.string(), "2026-11-26-09"),
        (pa.timestamp("us", "UTC"), "2026-11-26T09:00:00.000000Z"),
        (pa.timestamp("us"), "2026-11-26 09:00:00"),
    ],
)
def test_the_hour_of_a_time_is_text_or_a_time(kind: pa.DataType, text: str) -> None:
    at = pa.array([datetime.datetime(2026, 11, 26, 9, 59, 59, tzinfo=UTC)])
    column = PartitionColumn("hour", of="at", unit="hour")

    parts = split(pa.table({"at": at}), (column,), pa.schema([("hour", kind)]))

    assert [part.values for part in parts] == [(text,)]


def test_rows_without_a_time_have_no_day() -> None:
    schema = pa.schema([("day", pa.string())])

    parts = split(pa.table({"at": pa.array([None], pa.timestamp("us", "UTC"))}), DAY, schema)

    assert [part.values for part in parts] == [(None,)]


def test_rows_of_one_partition_are_not_copied() -> None:
    table = pa.table({"p": ["x", "x"], "n": [1, 2]})

    (part,) = split(table, OWN, table.schema)

    assert part.rows is table


rows = st.lists(
    st.tuples(st.sampled_from(["a", "", None, "c"]), st.sampled_from([0, 1, None])), max_size=40
)


@given(rows)
def test_each_row_is_in_its_own_partition_and_in_its_order(
    told: Sequence[tuple[str | None, int | None]],
) -> None:
    table = pa.table(
        {
            "p": pa.array([one for one, _ in told], pa.string()),
            "q": pa.array([two for _, two in told], pa.int64()),
            "place": pa.array(range(len(told)), pa.int64()),
        }
    )

    parts = split(table, (PartitionColumn("p"), PartitionColumn("q")), table.schema)

    found = {part.values: part.rows["place"].to_pylist() for part in parts}
    wanted: dict[tuple[str | None, str | None], list[int]] = {}
    for place, (one, two) in enumerate(told):
        wanted.setdefault((one or None, None if two is None else str(two)), []).append(place)
    assert list(found.items()) == list(wanted.items())


# --- folders ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "p=__HIVE_DEFAULT_PARTITION__"),
        ("100%", "p=100%25"),
        ("a b", "p=a b"),
        ("a/b", "p=a%2Fb"),
        ("naïve 漢字", "p=naïve 漢字"),
        ("q?#&+", "p=q%3F%23&+"),
        ("x=y", "p=x%3Dy"),
        ("[z]{y}^", "p=%5Bz%5D%7By}%5E"),
        ("c:d", "p=c%3Ad"),
        ('its "q"', "p=its %22q%22"),
        ("tab\t", "p=tab%09"),
        ("2026-11-26T09:00:00.000000Z", "p=2026-11-26T09%3A00%3A00.000000Z"),
    ],
)
def test_a_folder_is_named_as_spark_names_it(value: str | None, name: str) -> None:
    assert folder({"p": value}) == name


def test_folders_of_several_columns_lie_in_each_other() -> None:
    assert folder({"a": "1", "b c": None}) == "a=1/b c=__HIVE_DEFAULT_PARTITION__"


@given(st.text(max_size=300), st.text(max_size=300))
def test_other_values_are_other_folders_that_any_disk_holds(one: str, other: str) -> None:
    first, second = folder({"p": one}), folder({"p": other})

    assert (first == second) == (one == other)
    assert "/" not in first
    assert len(first.encode()) <= LONGEST_SEGMENT
