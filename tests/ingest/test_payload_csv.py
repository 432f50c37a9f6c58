"""Lines of CSV are parsed strictly: a line is a row as declared, or in quarantine with a reason."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakeferry.errors import FerryError
from lakeferry.ingest.payload.csv_reader import CsvReader
from lakeferry.ingest.payload.csv_rows import lines_of, parse_csv, refuse_nested
from lakeferry.ingest.payload.repair import Parsed
from lakeferry.ingest.payload.rows import Rows

SCHEMA = pa.schema(
    [
        pa.field("a", pa.int64(), nullable=False),
        ("s", pa.string()),
        ("ts", pa.timestamp("us", "UTC")),
        ("d", pa.decimal128(4, 2)),
        ("b", pa.bool_()),
        ("day", pa.date32()),
    ]
)
GOOD = b"1,x,,,,"


def rows(data: Sequence[bytes], subs: Sequence[int | None] | None = None) -> Rows:
    count = len(data)
    numbers = [str(place) for place in range(count)]
    within = [None] * count if subs is None else subs
    return Rows("s-0", data, ["k"] * count, numbers, within, [1763942400123] * count)


def parsed(*data: bytes, schema: pa.Schema = SCHEMA, delimiter: str = ",") -> Parsed:
    reader = CsvReader(schema, delimiter)
    return parse_csv(lines_of(rows(data))[0], reader, provenance=False)


def value(column: str, line: bytes) -> Any:
    """What a line becomes between two good ones."""
    found = parsed(GOOD, line, GOOD)
    assert found.bad.faults == ()
    return found.table[column].to_pylist()[1]


# --- what is bad ----------------------------------------------------------------------------

BAD = {
    "text for a number": (b"x,,,,,", "$.a", "int64: invalid value 'x'"),
    "a fraction for an integer": (b"1.0,,,,,", "$.a", "int64: invalid value '1.0'"),
    "more than 64 bits": (b"9223372036854775808,,,,,", "$.a", "int64: invalid value"),
    "nothing where something must be": (b",x,,,,", "$.a", "it is empty"),
    "too few fields": (b"1,x", None, "2 fields, where 6 are declared"),
    "too many fields": (b"1,x,,,,,", None, "7 fields, where 6 are declared"),
    "a quote that is not closed": (b'1,"x,,,,', None, "2 fields, where 6 are declared"),
    "no timestamp": (b"1,,soon,,,", "$.ts", "Failed to parse string: 'soon'"),
    "nanoseconds": (b"1,,2026-01-01T00:00:00.123456789Z,,,", "$.ts", "Failed to parse string"),
    "too many digits before the point": (b"1,,,123.1,,", "$.d", "In chunk 0: Invalid: Decimal"),
    "too many digits behind the point": (b"1,,,1.234,,", "$.d", "Rescaling Decimal value"),
    "another word for true": (b"1,,,,TRUE,", "$.b", "bool: invalid value 'TRUE'"),
    "no day": (b"1,,,,,2026-02-30", "$.day", "date32[day]: invalid value"),
    "bytes that are no UTF-8": (b"1,\xff,,,,", "$.s", "string: invalid UTF8 data"),
    "a byte order mark": (b"\xef\xbb\xbf1,x,,,,", None, "a byte order mark stands before it"),
}


@pytest.mark.parametrize(("line", "path", "error"), BAD.values(), ids=BAD.keys())
def test_a_bad_line_is_told_apart_with_its_reason(
    line: bytes, path: str | None, error: str
) -> None:
    found = parsed(GOOD, line, GOOD, b"2,,,,,")

    assert found.table["a"].to_pylist() == [1, 1, 2]
    assert list(found.bad.rows.data) == [line]
    assert found.bad.rows.sequence_numbers == ["1"]
    assert found.bad.faults[0].path == path
    assert found.bad.faults[0].error.startswith(error)


@pytest.mark.parametrize("line", [one for one, _, _ in BAD.values()], ids=BAD.keys())
def test_a_bad_line_is_bad_wherever_it_stands_and_by_itself(line: bytes) -> None:
    assert parsed(line).bad.rows.sequence_numbers == ["0"]
    assert parsed(line, GOOD).bad.rows.sequence_numbers == ["0"]
    assert parsed(GOOD, line).bad.rows.sequence_numbers == ["1"]


def test_of_a_page_with_bad_lines_of_many_kinds_each_is_told_with_its_own_reason() -> None:
    good = [b"%d,x,2026-01-01T00:00:00Z,1.5,true,2026-01-01" % number for number in range(300)]
    kinds = {7 * place: one for place, one in enumerate(BAD.values())}

    found = parsed(*[kinds[at][0] if at in kinds else line for at, line in enumerate(good)])

    assert found.table["a"].to_pylist() == [at for at in range(300) if at not in kinds]
    assert found.bad.rows.sequence_numbers == [str(at) for at in kinds]
    assert [fault.path for fault in found.bad.faults] == [path for _, path, _ in kinds.values()]
    for fault, (_, _, error) in zip(found.bad.faults, kinds.values(), strict=True):
        assert fault.error.startswith(error)


def test_pages_after_one_with_bad_lines_are_read_alike_though_at_once() -> None:
    reader, known = CsvReader(SCHEMA), []
    bad = [b"1,,,,,", b"x,,,,,", b"2,,,,TRUE,", b"3,x", b"y,,,,NO,", b"4,,,,true,"]

    for data in (bad, bad, [GOOD, b"2,,,,true,"]):
        found = parse_csv(rows(data), reader, provenance=False)
        told = [(fault.path, fault.error) for fault in found.bad.faults]
        known.append((found.table["a"].to_pylist(), told, reader.doubted))

    wanted = [("$.a", "int64: invalid value 'x'"), ("$.b", "bool: invalid value 'TRUE'"),
              (None, "2 fields, where 6 are declared"),
              ("$.a", "int64: invalid value 'y'")]  # fmt: skip
    assert known[0] == known[1] == ([1, 4], wanted, ("a", "b"))
    assert known[2] == ([1, 2], [], None)


TWO = pa.schema([("s", pa.string()), ("n", pa.string())])
_FIELDS = [b"x", b"", b'""', b'"a', b'a"b', b'"a"', b'"a""b"', b'"1\n2"', b"'"]


@given(st.lists(st.lists(st.sampled_from(_FIELDS), min_size=1, max_size=3), max_size=6))
@example([[b"x", b'"a'], [b"x", b"y"]])  # it would swallow the next line
@example([[b'"1\n2"', b'"a'], [b'"a"', b"x"]])
@example([[b'"a"', b""]])
def test_quotes_of_a_line_have_no_say_in_those_beside_it(
    fields: list[list[bytes]],
) -> None:
    """A quote that is not closed takes the next line along, and a break may make up for it."""
    lines = [b",".join(one) for one in fields if any(one)]
    alone = [parse_csv(rows([one]), CsvReader(TWO), provenance=False) for one in lines]
    whole = parse_csv(rows(lines), CsvReader(TWO), provenance=False)

    bad = [str(at) for at, one in enumerate(alone) if one.bad.faults]
    assert whole.bad.rows.sequence_numbers == bad
    assert whole.table.to_pylist() == [row for one in alone for row in one.table.to_pylist()]


def test_a_quote_that_is_not_closed_is_told_as_such_in_the_last_field_too() -> None:
    found = parsed(b'x,"a', b"x,y", b'x,"a', schema=TWO)

    assert found.table.num_rows == 1
    assert [fault.error for fault in found.bad.faults] == ["a quote in it is not closed"] * 2


def test_an_empty_field_is_null_behind_a_quoted_one_at_the_end_of_a_page_too() -> None:
    found = parsed(GOOD, b'2,"x",,,,', schema=SCHEMA)

    assert found.bad.faults == ()
    assert found.table.to_pylist()[1] == {
        "a": 2, "s": "x", "ts": None, "d": None, "b": None, "day": None
    }  # fmt: skip
    assert parsed(b'"x",', schema=TWO).table["n"].to_pylist() == [None]


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.struct([]), pa.binary()])
def test_what_no_field_of_a_line_can_hold_is_refused(kind: pa.DataType) -> None:
    with pytest.raises(FerryError, match=r"LF-7011.*cannot be read from CSV"):
        refuse_nested(pa.schema([("a", pa.int64()), ("x", kind)]))


# --- what is good ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "line", "wanted"),
    [
        ("s", b"1,,,,,", None),
        ("s", b'1,"",,,,', ""),
        ("s", b'1,"a,""b"" c",,,,', 'a,"b" c'),
        ("s", b'1,5" disk,,,,', '5" disk'),
        ("s", b"1, x ,,,,", " x "),
        ("ts", b"1,,2026-01-01T00:00:00Z,,,", datetime(2026, 1, 1, tzinfo=UTC)),
        ("ts", b"1,,2026-01-01T02:00:00+02:00,,,", datetime(2026, 1, 1, tzinfo=UTC)),
        ("ts", b"1,,2026-01-01T02:00:00.123456+02,,,",
         datetime(2026, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)),
        ("ts", b"1,,2026-01-01 00:00:00,,,", datetime(2026, 1, 1, tzinfo=UTC)),
        ("ts", b"1,,2026-01-01,,,", datetime(2026, 1, 1, tzinfo=UTC)),
        ("d", b"1,,,1.5,,", Decimal("1.50")),
        ("b", b"1,,,,true,", True),
        ("day", b"1,,,,,2026-11-26", date(2026, 11, 26)),
    ],
)  # fmt: skip
def test_a_field_becomes_the_value_that_it_is(column: str, line: bytes, wanted: Any) -> None:
    assert value(column, line) == wanted


def test_another_character_may_stand_between_fields() -> None:
    schema = pa.schema([("a", pa.int64()), ("s", pa.string())])

    found = parsed(b"1\tx,y", schema=schema, delimiter="\t")

    assert found.table.to_pylist() == [{"a": 1, "s": "x,y"}]


# --- records of several lines ---------------------------------------------------------------


def test_each_line_of_a_record_is_a_row_with_a_number_of_its_own() -> None:
    found, empty = lines_of(rows([b"1,x\n2,y\r\n3,z\n", b"4,x", b"5,x\n"]))

    assert list(found.data) == [b"1,x", b"2,y", b"3,z", b"4,x", b"5,x"]
    assert found.sequence_numbers == ["0", "0", "0", "1", "2"]
    assert list(found.sub_sequences) == [0, 1, 2, None, None]
    assert empty.faults == ()


def test_lines_of_a_record_of_an_aggregate_have_numbers_that_no_other_has() -> None:
    found, _ = lines_of(rows([b"a", b"b\nc", b"d\ne"], subs=[0, 1, 2]))

    assert list(found.sub_sequences) == [0, 2 << 32, (2 << 32) + 1, 3 << 32, (3 << 32) + 1]


def test_a_line_break_in_quotes_is_part_of_a_field() -> None:
    found = parsed(b'1,"a\nb",,,,\n2,"c\r\n""d""",,,,', GOOD)

    assert found.table["s"].to_pylist() == ["a\nb", 'c\r\n"d"', "x"]


def test_a_record_without_a_line_is_bad() -> None:
    found, empty = lines_of(rows([b"", b"1,x", b"\n\r\n"]))

    assert list(found.data) == [b"1,x"]
    assert empty.rows.sequence_numbers == ["0", "2"]
    assert {fault.error for fault in empty.faults} == {"it has no line"}


def test_of_a_record_of_several_lines_only_the_bad_one_is_bad() -> None:
    found = parsed(b"1,x,,,,\nno,x,,,,\n3,x,,,,")

    assert found.table["a"].to_pylist() == [1, 3]
    assert list(found.bad.rows.data) == [b"no,x,,,,"]
    assert list(found.bad.rows.sub_sequences) == [1]


# --- for all --------------------------------------------------------------------------------

fields = st.sampled_from(["", "1", "x", '"', '""', '"a,b"', '"a\nb"', "1.5", "true", "2026-01-01"])
lines = st.one_of(
    st.lists(fields, min_size=5, max_size=7).map(lambda some: ",".join(some).encode()),
    st.lists(fields, min_size=5, max_size=5).map(lambda some: ("1," + ",".join(some)).encode()),
    st.binary(max_size=8),
    st.just(GOOD),
)


doubts = st.none() | st.lists(st.sampled_from(SCHEMA.names), unique=True, max_size=4).map(tuple)


@given(st.lists(lines, max_size=8), doubts)
# The first two are one row to a reader of all, and the last one two: as many rows as lines.
@example([b'1,"x,,,,', b'2,"q",,,,', b"x,,,,,", GOOD, b'3,y"\na"z,,,,'], None)
@example([b"1,,,,,\xc3", b"\xa9,,,,,", GOOD], ("a",))
def test_a_line_is_judged_alike_whatever_comes_with_it_or_came_before(
    data: list[bytes], doubted: tuple[str, ...] | None
) -> None:
    split, _ = lines_of(rows(data))
    alone = [
        parse_csv(split.at([place]), CsvReader(SCHEMA), provenance=False)
        for place in range(len(split))
    ]

    reader = CsvReader(SCHEMA)
    reader.doubted = doubted

    found = parse_csv(split, reader, provenance=False)

    assert found.table.to_pylist() == [row for one in alone for row in one.table.to_pylist()]
    assert list(found.bad.rows.data) == [data for one in alone for data in one.bad.rows.data]
    assert found.table.num_rows + len(found.bad.faults) == len(split)
