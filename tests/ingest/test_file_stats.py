"""Statistics in the log: no reader that goes by them may lose a row."""

import datetime
import json
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.delta.file_stats import highest_prefix
from lakeferry.delta.table_schema import field_json
from lakeferry.ingest.files.data_file import OpenFiles
from lakeferry.ingest.settings import PartitionColumn
from lakeferry.ingest.worker.messages import TableForm
from tests.ingest.written_table import by_deltalake, by_duckdb, commit, written

UTC = datetime.UTC
HIGHEST = "\U0010ffff"


def stats_of(table: pa.Table, *, wanted: Sequence[str] | None = None) -> dict[str, Any]:
    """Of one file, or of as many row groups in it as the table has chunks."""
    form = TableForm("x", table.schema, (), stats_columns=tuple(wanted or table.column_names))
    files = OpenFiles(form)
    files.append(table)
    (closed,) = files.close()
    closed.scratch.unlink()
    stats: dict[str, Any] = json.loads(closed.stats, parse_float=Decimal)
    return stats


def one_column(kind: pa.DataType, values: Sequence[Any]) -> pa.Table:
    return pa.table({"a": pa.array(values, kind)})


def bounds(kind: pa.DataType, *values: Any) -> tuple[Any, Any]:
    stats = stats_of(one_column(kind, values))
    return stats["minValues"].get("a"), stats["maxValues"].get("a")


# --- what is stated -----------------------------------------------------------------------------


def test_rows_bounds_and_nulls_are_stated() -> None:
    table = pa.table({"n": [3, None, 1], "s": ["b", "a", None]})

    assert stats_of(table) == {
        "numRecords": 3,
        "minValues": {"n": 1, "s": "a"},
        "maxValues": {"n": 3, "s": "b"},
        "nullCount": {"n": 1, "s": 1},
    }


def test_only_wanted_columns_are_stated() -> None:
    stats = stats_of(pa.table({"a": [1], "b": [2]}), wanted=["b"])

    assert stats["minValues"] == {"b": 2}
    assert stats["nullCount"] == {"b": 0}


def test_fields_of_structs_are_stated_in_their_place_and_null_with_their_struct() -> None:
    kind = pa.struct([("lat", pa.float64()), ("in", pa.struct([("n", pa.int32())]))])
    table = one_column(kind, [{"lat": 1.5, "in": {"n": 7}}, None, {"lat": None, "in": None}])

    stats = stats_of(table)

    assert stats["minValues"] == {"a": {"lat": Decimal("1.5"), "in": {"n": 7}}}
    assert stats["nullCount"] == {"a": {"lat": 2, "in": {"n": 2}}}


def test_of_a_column_and_a_field_that_parquet_calls_alike_nothing_is_stated() -> None:
    """As each other's bounds they would be wrong; of two types they are in no order."""
    both = pa.table({"a.b": ["x"], "a": [{"b": 5, "c": 7}]})

    assert stats_of(both) == {
        "numRecords": 1,
        "minValues": {"a": {"c": 7}},
        "maxValues": {"a": {"c": 7}},
        "nullCount": {"a": {"c": 0}},
    }


def test_a_field_may_be_wanted_alone() -> None:
    table = one_column(pa.struct([("x", pa.int32()), ("y", pa.int32())]), [{"x": 1, "y": 2}])

    assert stats_of(table, wanted=["a.y"])["minValues"] == {"a": {"y": 2}}


def test_of_lists_and_maps_those_are_counted_that_are_null() -> None:
    table = pa.table(
        {
            "l": pa.array([[1], [], None, [None]], pa.list_(pa.int64())),
            "m": pa.array([None, None, [], [("k", 1)]], pa.map_(pa.string(), pa.int64())),
        }
    )

    stats = stats_of(table)

    assert stats["nullCount"] == {"l": 1, "m": 2}
    assert stats["minValues"] == {}


@pytest.mark.parametrize("kind", [pa.bool_(), pa.binary()])
def test_of_booleans_and_binaries_only_nulls_are_stated(kind: pa.DataType) -> None:
    stats = stats_of(one_column(kind, [None, True if kind == pa.bool_() else b"x"]))

    assert stats["minValues"] == {}
    assert stats["nullCount"] == {"a": 1}


def test_a_column_of_nulls_has_no_bounds() -> None:
    stats = stats_of(one_column(pa.int64(), [None, None]))

    assert stats == {"numRecords": 2, "minValues": {}, "maxValues": {}, "nullCount": {"a": 2}}


def test_times_are_whole_milliseconds_that_hold_every_value() -> None:
    early = datetime.datetime(2026, 11, 26, 9, 0, 0, 123_456, UTC)
    late = datetime.datetime(2026, 11, 26, 9, 0, 1, 999_001, UTC)

    assert bounds(pa.timestamp("us", "UTC"), early, late) == (
        "2026-11-26T09:00:00.123Z",
        "2026-11-26T09:00:02.000Z",
    )


def test_times_before_1970_are_rounded_outwards_too() -> None:
    moment = datetime.datetime(1969, 12, 31, 23, 59, 59, 999_500)

    assert bounds(pa.timestamp("us"), moment) == (
        "1969-12-31T23:59:59.999",
        "1970-01-01T00:00:00.000",
    )


def test_times_that_have_no_year_of_four_digits_have_no_bounds() -> None:
    assert bounds(pa.timestamp("us", "UTC"), 2**60) == (None, None)
    assert bounds(pa.date32(), 3_000_000) == (None, None)


def test_dates_are_iso_dates() -> None:
    first, last = datetime.date(1582, 10, 4), datetime.date(2026, 11, 26)

    assert bounds(pa.date32(), last, first) == ("1582-10-04", "2026-11-26")


def test_decimals_keep_all_their_digits() -> None:
    low, high = Decimal("-99999999999999999999999999999999999.999"), Decimal("0.001")

    assert bounds(pa.decimal128(38, 3), high, low) == (low, high)


def test_a_column_that_has_a_nan_has_no_bounds() -> None:
    assert bounds(pa.float64(), 1.0, math.nan, 2.0) == (None, None)
    assert bounds(pa.float32(), math.nan) == (None, None)


def test_an_infinite_bound_is_not_stated() -> None:
    assert bounds(pa.float64(), 1.0, math.inf) == (None, None)


def test_nan_in_a_field_of_a_struct_is_seen() -> None:
    table = one_column(pa.struct([("f", pa.float64())]), [{"f": 1.0}, None, {"f": math.nan}])

    assert stats_of(table)["maxValues"] == {}


def test_long_text_is_cut_to_32_characters_below_and_above() -> None:
    assert bounds(pa.string(), "a" * 40, "b" * 32) == ("a" * 32, "b" * 32)
    assert bounds(pa.string(), "ü" * 33) == ("ü" * 32, "ü" * 32 + HIGHEST)


def test_text_that_goes_on_with_the_highest_character_is_cut_later_or_not_stated() -> None:
    assert highest_prefix("a" * 32 + HIGHEST + "b") == "a" * 32 + HIGHEST + HIGHEST
    assert highest_prefix("a" * 32 + HIGHEST * 40) is None


def test_text_too_long_for_a_footer_has_no_bounds() -> None:
    assert bounds(pa.string(), "a", "b" * 5000) == (None, None)


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_cut_highest_text_is_above_all_that_was_below_the_whole(one: str, other: str) -> None:
    low, high = sorted((one, other))
    bound = highest_prefix(high)

    assert bound is None or (bound >= high >= low and len(bound) <= 64)


# --- bounds hold, whatever the rows -------------------------------------------------------------

KINDS: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.int8(): st.integers(-128, 127),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.string(): st.text(max_size=70),
    pa.date32(): st.dates(),
    pa.timestamp("us", "UTC"): st.datetimes(timezones=st.just(UTC)),
    pa.timestamp("us"): st.datetimes(),
    pa.decimal128(20, 4): st.decimals(-(10**15), 10**15, places=4, allow_nan=False),
}


@st.composite
def columns(draw: st.DrawFn) -> pa.Array:
    kind = draw(st.sampled_from(list(KINDS)))
    return pa.array(draw(st.lists(st.none() | KINDS[kind], min_size=1, max_size=12)), kind)


@given(columns(), columns())
def test_every_value_lies_within_the_bounds(one: pa.Array, inner: pa.Array) -> None:
    rows = min(len(one), len(inner))
    one, inner = one.slice(0, rows), inner.slice(0, rows)
    table = pa.table({"a": one, "s": pa.StructArray.from_arrays([inner], names=["b"])})

    stats = stats_of(table)

    low, high, nulls = stats["minValues"], stats["maxValues"], stats["nullCount"]
    assert nulls == {"a": one.null_count, "s": {"b": inner.null_count}}
    for value in one.to_pylist():
        assert is_within(value, low.get("a"), high.get("a"))
    for value in inner.to_pylist():
        assert is_within(value, low.get("s", {}).get("b"), high.get("s", {}).get("b"))


def is_within(value: Any, low: Any, high: Any) -> bool:
    if value is None or low is None or high is None:
        return True
    if isinstance(value, datetime.date):
        kind = type(value)
        return bool(kind.fromisoformat(low) <= value <= kind.fromisoformat(high))
    if isinstance(value, float):
        return float(low) <= value <= float(high)
    return bool(low <= value <= high)


# --- other readers skip by them, and lose nothing -----------------------------------------------


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("f", pa.float64()),
        ("s", pa.string()),
        ("t", pa.timestamp("us", "UTC")),
        ("n", pa.timestamp("us")),
        ("d", pa.date32()),
        ("m", pa.decimal128(38, 3)),
        ("x", pa.struct([("y", pa.int32()), ("z", pa.string())])),
        ("p", pa.timestamp("us", "UTC")),
        ("q", pa.string()),
    ]
)
LONG = "the same thirty-two letters here"
BIG = Decimal("99999999999999999999999999999999999.999")
ROWS: tuple[Mapping[str, Any], ...] = (
    {
        "id": 1,
        "f": math.nan,
        "s": LONG + "z",
        "t": moment("2026-11-26T09:00:00.123999+00:00"),
        "n": moment("2026-11-26T09:00:00.123999"),
        "d": datetime.date(2026, 11, 26),
        "m": BIG,
        "x": {"y": 7, "z": LONG + "y"},
        "p": moment("2026-11-26T09:00:00.000001+00:00"),
        "q": "a b/c%d=é",
    },
    {
        "id": 2,
        "f": math.inf,
        "s": HIGHEST * 40,
        "t": moment("1969-12-31T23:59:59.999999+00:00"),
        "n": moment("0001-01-01T00:00:00.000001"),
        "d": datetime.date(1500, 1, 1),
        "m": Decimal("-0.001"),
        "x": None,
        "p": None,
        "q": "",
    },
    {
        "id": 3,
        "f": -1.5,
        "s": "",
        "t": moment("9999-12-31T23:59:59.999999+00:00"),
        "n": moment("9999-12-31T23:59:59.999999"),
        "d": datetime.date(9999, 12, 31),
        "m": None,
        "x": {"y": None, "z": ""},
        "p": moment("1999-01-01T00:00:00+00:00"),
        "q": "'quoted'",
    },
)
# Each is true of the row of that number, and a reader that trusts a wrong bound loses it.
TRUE_OF: tuple[tuple[int, str], ...] = (
    (1, "s > 'the same thirty-two letters herey'"),
    (1, "t > TIMESTAMPTZ '2026-11-26 09:00:00.123500+00' AND id <> 3"),
    (1, "n > TIMESTAMP '2026-11-26 09:00:00.123500' AND id <> 3"),
    (1, "d = DATE '2026-11-26'"),
    (1, "m > CAST('99999999999999999999999999999999999.998' AS DECIMAL(38, 3))"),
    (1, "x.y = 7"),
    (1, "x.z > 'the same thirty-two letters herex'"),
    (1, "p = TIMESTAMPTZ '2026-11-26 09:00:00.000001+00'"),
    (1, "q = 'a b/c%d=é'"),
    (2, "f > 1e308 AND f = f AND id <> 1"),
    (2, "s > '\U0010ffff'"),
    (2, "t < TIMESTAMPTZ '1970-01-01 00:00:00+00'"),
    (2, "d < DATE '1582-10-01'"),
    (2, "m < 0"),
    (2, "x IS NULL"),
    (2, "p IS NULL"),
    (2, "q IS NULL"),
    (3, "f < 0"),
    (3, "s = ''"),
    (3, "t > TIMESTAMPTZ '9999-12-31 23:59:59.999000+00'"),
    (3, "d > DATE '9999-12-30'"),
    (3, "m IS NULL"),
    (3, "x.z = ''"),
    (3, "q = '''quoted'''"),
)


def made(folder: Path) -> Path:
    """A file for each row, so that every question leaves two of three out."""
    form = TableForm(
        "x",
        SCHEMA,
        (PartitionColumn("p"), PartitionColumn("q")),
        stats_columns=tuple(SCHEMA.names),
        name="clicks",
    )
    batches = [pa.Table.from_pylist([dict(row)], schema=SCHEMA) for row in ROWS]
    files = written(folder, form, *batches)
    commit(folder, form, files, [field_json(field) for field in SCHEMA])
    return folder


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("stats") / "t")


@pytest.mark.parametrize(("number", "condition"), TRUE_OF)
def test_delta_rs_finds_each_row_by_its_values(table: Path, number: int, condition: str) -> None:
    # Its literals are of nanoseconds, which end in the year 2262.
    condition = re.sub(
        "TIMESTAMPTZ '([^']+)'",
        r"""arrow_cast('\1', 'Timestamp(Microsecond, Some("UTC"))')""",
        condition,
    )

    assert {"id": number} in by_deltalake(table, f"SELECT id FROM t WHERE {condition}")


@pytest.mark.parametrize(("number", "condition"), TRUE_OF)
def test_duckdb_finds_each_row_by_its_values(table: Path, number: int, condition: str) -> None:
    assert {"id": number} in by_duckdb(table, f"SELECT id FROM t WHERE {condition}")


def test_all_rows_are_as_they_were_written(table: Path) -> None:
    expected = [{**row, "f": str(row["f"]), "q": row["q"] or None} for row in ROWS]

    found = by_deltalake(table, "SELECT * FROM t ORDER BY id")

    assert [{**row, "f": str(row["f"])} for row in found] == expected
    assert len(by_duckdb(table, "SELECT * FROM t ORDER BY id")) == len(ROWS)
