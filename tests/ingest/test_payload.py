"""Payloads are parsed strictly: a record is a row as declared, or in quarantine with a reason."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.errors import FerryError
from lakeferry.ingest.payload.guide import Guide
from lakeferry.ingest.payload.json_rows import Declared, OnNew, Unfit, declare, read_page
from lakeferry.ingest.payload.repair import Parsed, parse
from lakeferry.ingest.payload.rows import Rows

SCHEMA = pa.schema(
    [
        ("a", pa.int64()),
        ("s", pa.string()),
        ("f", pa.float64()),
        ("ts", pa.timestamp("us", "UTC")),
        ("o", pa.struct([("x", pa.int32()), ("l", pa.list_(pa.struct([("y", pa.string())])))])),
    ]
)
GOOD = b'{"a":1}'
MIB = 1 << 20


def rows(data: Sequence[bytes]) -> Rows:
    count = len(data)
    numbers = [str(place) for place in range(count)]
    return Rows("s-0", data, ["k"] * count, numbers, [None] * count, [1763942400123] * count)


def parsed(
    *data: bytes, on_new: OnNew = "ignore", look: bool = False, schema: pa.Schema = SCHEMA
) -> Parsed:
    declared = declare(schema, on_new=on_new)
    return parse(rows(data), declared, Guide(declared.read_as), provenance=False, look=look)


def value(column: str, data: bytes) -> Any:
    """What a record becomes between two good ones."""
    found = parsed(GOOD, data, GOOD)
    assert found.bad.faults == ()
    return found.table[column].to_pylist()[1]


def refused(data: bytes, schema: pa.Schema = SCHEMA) -> str:
    """Why a record goes to quarantine; the good ones around it stay, with rows of their own."""
    found = parsed(GOOD, data, GOOD, b'{"a":2}', schema=schema)
    assert found.table["a"].to_pylist() == [1, 1, 2]
    assert list(found.bad.rows.data) == [data]
    assert found.bad.rows.sequence_numbers == ["1"]
    return found.bad.faults[0].error


# --- what is bad ----------------------------------------------------------------------------

BAD = {
    "no JSON": b"not json",
    "text behind the object": b'{"a":1} x',
    "a byte order mark": b'\xef\xbb\xbf{"a":1}',
    "text for a number": b'{"a":"oops"}',
    "a number in quotes": b'{"a":"5"}',
    "a number for text": b'{"s":5}',
    "milliseconds for a timestamp": b'{"ts":1763942400123}',
    "no timestamp": b'{"ts":"soon"}',
    "nanoseconds": b'{"ts":"2026-01-01T00:00:00.123456789Z"}',
    "a fraction for an integer": b'{"a":200.0}',
    "an exponent for an integer": b'{"a":1e3}',
    "more than 64 bits": b'{"a":9223372036854775808}',
    "more than 32 bits within": b'{"o":{"x":2147483648}}',
    "a leading zero": b'{"a":01}',
    "a number beyond double": b'{"f":1e999}',
    "a key twice": b'{"a":1,"a":2}',
    "two documents": b'{"a":1}{"a":2}',
    "two documents on two lines": b'{"a":1}\n{"a":2}',
    "nothing": b"",
    "blanks": b" \t\r\n",
    "null": b"null",
    "a list": b'[{"a":1}]',
    "a number": b"17",
    "a half": b'{"a":',
    "the other half": b"1}",
    "an end too many": b'{"a":1}}',
    "a comma too many": b'{"a":1,}',
    "no UTF-8": b'{"s":"\xff"}',
    "half a surrogate": b'{"s":"\\ud800"}',
    "a line break in a text": b'{"s":"a\nb"}',
    "a zero byte": b'{"s":"a\x00b"}',
    "a comment": b'{"a":1/*x*/}',
    "a list for a struct": b'{"o":[]}',
    "a struct for a list": b'{"o":{"l":{}}}',
    "text for a struct in a list": b'{"o":{"l":["x"]}}',
    "a list where a million begin": b'{"a":' + b"[" * MIB + b"]" * MIB + b"}",
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_a_bad_record_leaves_alone_and_says_why(data: bytes) -> None:
    assert refused(data) != ""


@pytest.mark.parametrize(
    ("data", "error", "path"),
    [
        (b'{"a":"x"}', "Expected `int | null`, got `str`", "$.a"),
        (b'{"o":{"l":[{"y":1}]}}', "Expected `str | null`, got `int`", "$.o.l[0].y"),
        (b'{"a":1}{"a":2}', "2 JSON documents in place of 1", None),
        (b"", "an empty record is no JSON object", None),
        (b"null", "Expected `object`, got `null`", None),
        (b'{"s":"\xff"}', "it is not UTF-8: invalid start byte", None),
        (b'{"a":1,"a":2}', "JSON parse error: Column(/a) was specified twice", None),
    ],
)
def test_the_reason_names_what_is_wrong_and_where(
    data: bytes, error: str, path: str | None
) -> None:
    (fault,) = parsed(GOOD, data).bad.faults

    assert (fault.error, fault.path) == (error, path)


def test_two_documents_and_a_blank_do_not_cancel_out() -> None:
    found = parsed(b'{"a":1}{"a":2}', b" ", GOOD)

    assert found.table["a"].to_pylist() == [1]
    assert len(found.bad.faults) == 2


def test_halves_of_a_record_and_two_documents_do_not_cancel_out() -> None:
    # Joined these are three documents in three lines, none of which was a record.
    data = (b'{"o":', b'{"x":1}}', b'{"a":1}{"a":2}')

    found = parsed(*data, GOOD)

    assert list(found.bad.rows.data) == list(data)
    assert found.table["a"].to_pylist() == [1]


def test_a_required_field_must_be_there_and_not_null() -> None:
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False), ("s", pa.string())])

    assert "required" in refused(b'{"s":"x"}', schema)
    assert refused(b'{"a":null}', schema) != ""


SURE = pa.struct([pa.field("x", pa.int64(), nullable=False)])
WITHIN = pa.schema(
    [
        ("a", pa.int64()),
        ("s", SURE),
        ("l", pa.list_(pa.field("element", pa.int64(), nullable=False))),
        ("ls", pa.list_(SURE)),
        ("ss", pa.struct([("t", SURE), ("n", pa.string())])),
    ]
)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"{}", (None, None, None, None)),
        (b'{"s":null,"l":null,"ls":null,"ss":null}', (None, None, None, None)),
        (b'{"s":{"x":1},"l":[],"ls":[]}', ({"x": 1}, [], [], None)),
        (b'{"l":[1,2],"ls":[null,{"x":1}]}', (None, [1, 2], [None, {"x": 1}], None)),
        (b'{"ss":{"n":"y"}}', (None, None, None, {"t": None, "n": "y"})),
        (b'{"ss":{"t":{"x":2}}}', (None, None, None, {"t": {"x": 2}, "n": None})),
    ],
)
def test_what_is_required_within_a_field_is_not_where_that_is_null(
    data: bytes, wanted: Any
) -> None:
    found = parsed(GOOD, data, b'{"s":{"x":5},"l":[7]}', schema=WITHIN)

    assert found.bad.faults == ()
    assert found.table.schema == WITHIN
    assert tuple(found.table.to_pylist()[1].values())[1:] == wanted
    assert found.table["s"].to_pylist()[2] == {"x": 5}


@pytest.mark.parametrize(
    "data",
    [b'{"s":{}}', b'{"s":{"x":null}}', b'{"l":[1,null]}', b'{"ls":[{}]}', b'{"ss":{"t":{}}}'],
)
def test_what_is_required_within_a_field_must_be_there_where_that_is(data: bytes) -> None:
    assert "required" in refused(data, WITHIN) or "null" in refused(data, WITHIN)


def test_a_page_of_bad_records_alone_gives_no_row() -> None:
    found = parsed(b"x", b'{"a":"y"}', b"")

    assert (found.table.num_rows, found.table.schema) == (0, SCHEMA)
    assert len(found.bad.rows) == 3


def test_of_many_bad_records_each_is_found() -> None:
    data = [b'{"ts":"soon"}' if place % 7 == 3 else b'{"a":%d}' % place for place in range(500)]

    found = parsed(*data)

    good = [place for place in range(500) if place % 7 != 3]
    assert found.table["a"].to_pylist() == good
    assert found.bad.rows.sequence_numbers == [str(place) for place in range(3, 500, 7)]


def test_pages_after_one_with_bad_records_are_read_alike_though_at_once() -> None:
    declared = declare(SCHEMA, on_new="rescue")
    guide, known = Guide(declared.read_as), []
    bad = [GOOD, b'{"a":"x"}', b'{"a":2}', b'{"a":[]}']

    for data in (bad, bad, [*bad, b'{"f":"x"}'], [*bad, b'{"new":5}'], [GOOD]):
        found = parse(rows(data), declared, guide, provenance=False)
        told = [str(fault.path) for fault in found.bad.faults]
        known.append((found.table["a"].to_pylist(), told, dict(found.new_fields)))

    assert known[0] == known[1] == ([1, 2], ["$.a", "$.a"], {})
    assert known[2] == ([1, 2], ["$.a", "$.a", "$.f"], {})
    assert known[3] == ([1, 2, None], ["$.a", "$.a"], {"$.new": pa.int64()})
    assert known[4] == ([1], [], {})
    assert guide.doubted is None


def test_records_that_are_bad_in_several_columns_are_each_told_apart() -> None:
    # The reader names the column of the first one alone.
    data = [b'{"a":"x"}', GOOD, b'{"s":1}', b'{"o":{"x":"y"}}', GOOD, b'{"a":[]}', b"x", GOOD]

    found = parsed(*data)

    assert found.table["a"].to_pylist() == [1, 1, 1]
    assert found.bad.rows.sequence_numbers == ["0", "2", "3", "5", "6"]
    assert [one.path for one in found.bad.faults] == ["$.a", "$.s", "$.o.x", "$.a", None]


# --- what is odd and right ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "data", "expected"),
    [
        ("ts", b'{"ts":"2026-01-01T02:00:00+02:00"}', datetime(2026, 1, 1, tzinfo=UTC)),
        ("ts", b'{"ts":"2026-01-01T00:00:00"}', datetime(2026, 1, 1, tzinfo=UTC)),
        ("ts", b'{"ts":"2026-01-01 00:00:00"}', datetime(2026, 1, 1, tzinfo=UTC)),
        ("a", b'{\n  "a": 7\n}', 7),
        ("a", b' \t{"a":7}\r\n', 7),
        ("a", b'{"unknown":{"deep":[1,"x"]},"a":7}', 7),
        ("a", b'{"a":null}', None),
        ("a", b"{}", None),
        ("a", b'{"a":-9223372036854775808}', -(2**63)),
        ("f", b'{"f":1}', 1.0),
        ("f", b'{"f":Infinity}', math.inf),
        ("s", '{"s":"Übergröße \\u00df 日本 \\ud83d\\ude00"}'.encode(), "Übergröße ß 日本 😀"),
        ("s", b'{"s":"\\u0000"}', "\0"),
        ("s", b'{"s":"}{"}', "}{"),
        ("o", b'{"o":{"l":[null,{"y":"z"}]}}', {"x": None, "l": [None, {"y": "z"}]}),
    ],
)
def test_an_odd_record_is_a_row(column: str, data: bytes, expected: object) -> None:
    assert value(column, data) == expected


def test_nan_is_a_number() -> None:
    assert math.isnan(value("f", b'{"f":NaN}'))


@pytest.mark.parametrize("data", [b'{"n":123.1}', b'{"n":"123.1"}', b'{"l":[{"n":123.1}]}'])
def test_a_decimal_with_more_digits_than_it_may_have_is_bad(data: bytes) -> None:
    small = pa.decimal128(4, 2)
    schema = pa.schema(
        [("a", pa.int64()), ("n", small), ("l", pa.list_(pa.struct([("n", small)])))]
    )

    assert "does not fit in precision of decimal128(4, 2)" in refused(data, schema)


def test_days_decimals_and_small_numbers_are_read() -> None:
    schema = pa.schema(
        [
            ("d", pa.date32()),
            ("n", pa.decimal128(10, 2)),
            ("b", pa.bool_()),
            ("i", pa.int8()),
            ("t", pa.timestamp("us")),
        ]
    )

    found = parsed(
        b'{"d":"2026-01-02","n":1.25,"b":true,"i":-128,"t":"2026-01-02T03:04:05.000006"}',
        b'{"n":"3.5"}',
        b'{"n":1.255}',
        b'{"i":128}',
        b'{"d":"2026-02-30"}',
        schema=schema,
    )

    assert found.table.to_pylist()[0] == {
        "d": date(2026, 1, 2),
        "n": Decimal("1.25"),
        "b": True,
        "i": -128,
        "t": datetime(2026, 1, 2, 3, 4, 5, 6),
    }
    assert found.table["n"].to_pylist() == [Decimal("1.25"), Decimal("3.50")]
    assert found.bad.rows.sequence_numbers == ["2", "3", "4"]


def test_a_page_of_records_over_several_lines_is_read_at_once_however_long_it_is() -> None:
    pretty = [b'{\n"a":1,\n"s":"0123456789"\n}'] * (3 * MIB // 30)

    assert read_page(pretty, declare(SCHEMA), new_fields="ignore").num_rows == len(pretty)


def test_records_over_several_lines_may_be_longer_than_a_block() -> None:
    long = b'{\n"s":"' + b"x" * (2 * MIB) + b'",\n"a":2}'

    found = parsed(*[b'{\n"a":1\n}'] * 3, long, GOOD)

    assert found.table["a"].to_pylist() == [1, 1, 1, 2, 1]
    assert found.bad.faults == ()


def test_a_record_of_10_mib_is_a_row() -> None:
    found = parsed(GOOD, b'{"s":"' + b"x" * (10 * MIB - 8) + b'"}', GOOD)

    assert [len(text or "") for text in found.table["s"].to_pylist()] == [0, 10 * MIB - 8, 0]


def test_an_empty_page_is_an_empty_table() -> None:
    assert parsed().table.schema == SCHEMA


@pytest.mark.parametrize(
    "kind",
    [
        pa.map_(pa.string(), pa.string()),
        pa.binary(),
        pa.list_(pa.date32()),
        pa.timestamp("ns"),
        pa.timestamp("us", "Europe/Berlin"),
        pa.uint8(),
        pa.struct([("x", pa.binary())]),
    ],
)
def test_a_column_that_json_has_no_value_for_is_refused_when_it_is_declared(
    kind: pa.DataType,
) -> None:
    with pytest.raises(FerryError, match="LF-7011") as refused:
        declare(pa.schema([("c", kind)]))

    as_text = "declare it as a string" in refused.value.next_step
    assert as_text is not pa.types.is_nested(kind)  # an object is no text, whatever is declared


# --- new fields -----------------------------------------------------------------------------


def test_new_fields_are_kept_as_json_where_they_are_rescued() -> None:
    found = parsed(
        GOOD,
        b'{"a":2,"new":[1,2],"o":{"x":1,"more":"m"}}',
        b'{"o":{"l":[{"y":"z"},{"y":"z","w":true}]}}',
        b'{"new":"text","a":"bad"}',
        on_new="rescue",
    )

    assert found.table["_rescued_data"].to_pylist() == [
        None,
        '{"new":[1,2],"o":{"more":"m"}}',
        '{"o":{"l":[null,{"w":true}]}}',
    ]
    assert found.table["a"].to_pylist() == [1, 2, None]
    assert found.bad.rows.sequence_numbers == ["3"]


def test_a_page_without_new_fields_has_an_empty_column_for_them() -> None:
    assert parsed(GOOD, on_new="rescue").table["_rescued_data"].to_pylist() == [None]


@pytest.mark.parametrize("on_new", ["evolve", "fail"])
def test_new_fields_are_told_with_their_types(on_new: OnNew) -> None:
    found = parsed(
        b'{"n":null,"i":1,"d":1,"mixed":1,"l":["x"],"t":{"u":true},"empty":{}}',
        b'{"n":null,"i":2,"d":2.5,"mixed":"x","o":{"z":"x"}}',
        on_new=on_new,
    )

    assert found.new_fields == {
        "$.n": pa.null(),
        "$.i": pa.int64(),
        "$.d": pa.float64(),
        "$.mixed": pa.int64(),
        "$.l": pa.list_(pa.string()),
        "$.t": pa.struct([("u", pa.bool_())]),
        "$.empty": None,
        "$.o.z": pa.string(),
    }
    assert found.table.num_rows == 2


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["[]", "null", '["x"]'], pa.list_(pa.string())),
        (["[]", "{}", "null"], None),
        (["null", "[]"], None),
        (['{"u":1,"v":null,"w":[]}', '{"u":2.5,"v":"x"}'],
         pa.struct([("u", pa.float64()), ("v", pa.string())])),
        (['[{"u":1},{"v":true}]'],
         pa.list_(pa.struct([("u", pa.int64()), ("v", pa.bool_())]))),
        (['"x"', "1", "[1]"], pa.string()),
        (['[1,"x"]'], pa.list_(pa.int64())),
    ],
)  # fmt: skip
def test_a_new_field_is_what_all_records_of_a_page_say_together_and_the_first_where_they_differ(
    values: list[str], kind: pa.DataType | None
) -> None:
    found = parsed(*(f'{{"new":{one}}}'.encode() for one in values), on_new="evolve")

    assert found.new_fields == {"$.new": kind}


def test_where_a_table_is_full_records_with_new_fields_go_to_quarantine() -> None:
    declared = declare(SCHEMA, on_new="evolve", is_full=True)
    data = [GOOD, b'{"a":2,"new":1}', b'{"a":3,"new":null}', b'{"o":{"l":[{"z":[]}]}}']

    found = parse(rows(data), declared, Guide(declared.read_as), provenance=False)

    assert found.table["a"].to_pylist() == [1, 3]
    assert found.bad.rows.sequence_numbers == ["1", "3"]
    assert [fault.path for fault in found.bad.faults] == ["$.new", "$.o.l[].z"]
    assert {fault.error for fault in found.bad.faults} == {
        "a new field, and the table has as many as it may"
    }


def test_ignored_new_fields_are_told_only_where_one_looks() -> None:
    assert parsed(b'{"new":1}').new_fields == {}
    assert parsed(b'{"new":1}', look=True).new_fields == {"$.new": pa.int64()}


def test_a_field_nested_without_end_is_ignored_or_goes_to_quarantine_but_stops_nobody() -> None:
    deep = b'{"a":2,"new":' + b"[" * MIB + b"]" * MIB + b"}"

    ignored, rescued = parsed(GOOD, deep), parsed(GOOD, deep, b'{"x":1}', on_new="rescue")
    evolved = parsed(GOOD, deep, on_new="evolve")

    assert [fault.error for fault in evolved.bad.faults] == ["its new fields are nested too deep"]
    assert ignored.table["a"].to_pylist() == [1, 2]
    assert rescued.table["a"].to_pylist() == [1, None]
    assert rescued.table["_rescued_data"].to_pylist() == [None, '{"x":1}']
    assert [fault.error for fault in rescued.bad.faults] == ["its new fields are nested too deep"]


# --- where rows come from -------------------------------------------------------------------


def test_rows_say_where_they_come_from() -> None:
    declared = declare(SCHEMA)

    found = parse(rows([b"x", GOOD]), declared, Guide(declared.read_as))

    assert found.table.schema.names[-4:] == [
        *("_shardId", "_sequenceNumber", "_subSequenceNumber", "_arrival")
    ]
    assert found.table.to_pylist()[0] | {"_arrival": None} == {
        **{"a": 1, "s": None, "f": None, "ts": None, "o": None},
        **{"_shardId": "s-0", "_sequenceNumber": "1", "_subSequenceNumber": None},
        "_arrival": None,
    }
    assert found.table["_arrival"].to_pylist() == [datetime(2025, 11, 24, 0, 0, 0, 123000, UTC)]


# --- for all --------------------------------------------------------------------------------

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["2026-01-01", "2026-01-01T00:00:00Z", "1", "NaN"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["x", "l", "y", "z"]), inner, max_size=3)
    ),
    max_leaves=6,
)
objects = st.dictionaries(st.sampled_from([*SCHEMA.names, "new"]), values, max_size=4)
records = st.one_of(
    objects.map(lambda one: json.dumps(one).encode()),
    objects.map(lambda one: json.dumps(one, indent=1, ensure_ascii=False).encode()),
    st.binary(max_size=6),
    st.sampled_from([GOOD, b'{"a":2}', b'{"a":', b'{"x":1}}', b'{"a":1}{"a":2}', b" ", b"null"]),
)
options: st.SearchStrategy[OnNew] = st.sampled_from(["ignore", "rescue", "evolve", "fail"])


def alone(one: bytes, declared: Declared) -> list[dict[str, Any]] | None:
    """The row of a record by itself, None if it is bad."""
    try:
        found: list[dict[str, Any]] = read_page([one], declared, new_fields="ignore").to_pylist()
    except Unfit:
        return None
    return found


@given(st.lists(records, max_size=12), options, st.none() | st.sampled_from(SCHEMA.names))
def test_a_record_is_judged_alike_whatever_comes_with_it_or_came_before(
    data: list[bytes], on_new: OnNew, doubted: str | None
) -> None:
    declared = declare(SCHEMA, on_new=on_new)
    each = [alone(one, declared) for one in data]
    guide = Guide(declared.read_as)
    guide.doubted = guide.narrowed(f"Column(/{doubted})")

    found = parse(rows(data), declared, guide, provenance=False)

    good = [row for one in each if one is not None for row in one]
    columns = found.table.select(SCHEMA.names).to_pylist()
    assert repr(columns) == repr(good)  # NaN is not equal to itself
    assert found.bad.rows.sequence_numbers == [
        str(place) for place, one in enumerate(each) if one is None
    ]
    assert found.table.num_rows + len(found.bad.faults) == len(data)


@given(st.lists(records, max_size=12))
def test_the_guide_is_never_sure_of_what_the_reader_would_take(data: list[bytes]) -> None:
    declared = declare(SCHEMA)

    faults, _ = Guide(declared.read_as).sorted_out(data)

    assert [place for place in faults if alone(data[place], declared) is not None] == []
