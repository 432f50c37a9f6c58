"""A page of records of Avro, read at once, is what fastavro reads of each by itself."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from io import BytesIO
from itertools import count
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_writer
from hypothesis import example, given
from hypothesis import strategies as st

from lakeferry.ingest.payload.avro_nodes import record_node
from lakeferry.ingest.payload.avro_rows import AvroForm, AvroReader, _at_once, _one_by_one
from lakeferry.ingest.payload.avro_schema import parsed_avro

NUMBERS = count()
KINDS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "b": ("boolean", st.booleans()),
    "i": ("int", st.integers(-(2**31), 2**31 - 1)),
    "l": ("long", st.integers(-(2**63), 2**63 - 1)),
    "f": ("float", st.floats(width=32, allow_nan=False)),
    "d": ("double", st.floats(allow_nan=False)),
    "s": ({"type": "string", "avro.java.string": "String"}, st.text(max_size=9)),
    "long_text": ("string", st.text(min_size=70, max_size=200)),
    "y": ("bytes", st.binary(max_size=9)),
    "day": ({"type": "int", "logicalType": "date"}, st.dates()),
    "ms": ({"type": "long", "logicalType": "timestamp-millis"},
           st.integers(0, 10**12).map(lambda ms: datetime.fromtimestamp(ms // 1000, UTC))),
    "us": ({"type": "long", "logicalType": "local-timestamp-micros"}, st.datetimes()),
    "e": ({"type": "enum", "name": "E", "symbols": ["A", "B", "C"]}, st.sampled_from("ABC")),
    "x": ({"type": "fixed", "name": "X", "size": 3}, st.binary(min_size=3, max_size=3)),
}  # fmt: skip


def nested(depth: int) -> st.SearchStrategy[tuple[Any, st.SearchStrategy[Any]]]:
    """A type of Avro and its values: records, arrays and maps of others, and those of null."""
    flat = st.sampled_from([one for name, one in KINDS.items() if name not in ("e", "x")])
    if not depth:
        return flat
    inner = st.one_of(flat, nested(depth - 1))
    return st.one_of(
        inner.map(lambda one: (["null", one[0]], st.none() | one[1]) if is_plain(one[0]) else one),
        inner.map(lambda one: ({"type": "array", "items": one[0]}, st.lists(one[1], max_size=3))),
        inner.map(
            lambda one: (
                {"type": "map", "values": one[0]},
                st.dictionaries(st.text(max_size=2), one[1], max_size=3),
            )
        ),
        st.lists(inner, min_size=1, max_size=3).map(record_of),
    )


def is_plain(kind: Any) -> bool:
    return not isinstance(kind, list)


def record_of(some: list[tuple[Any, st.SearchStrategy[Any]]]) -> tuple[Any, st.SearchStrategy[Any]]:
    """Named by what it has, for a name may be defined once."""
    fields = [{"name": f"f{at}", "type": kind} for at, (kind, _) in enumerate(some)]
    name = f"R{next(NUMBERS)}"
    kind = {"type": "record", "name": name, "fields": fields}
    return kind, st.fixed_dictionaries({f"f{at}": made for at, (_, made) in enumerate(some)})


FIELDS = [{"name": name, "type": kind} for name, (kind, _) in KINDS.items()]
# What has a name is defined once, and then told by it.
FIELDS += [
    {"name": f"{name}_or", "type": ["null", {"e": "E", "x": "X"}.get(name, kind)]}
    for name, (kind, _) in KINDS.items()
]
FIELDS += [{"name": "or_null", "type": ["long", "null"]}]
SCHEMA = json.dumps({"type": "record", "name": "R", "fields": FIELDS})
PARSED = parse_schema(json.loads(SCHEMA))
values = st.fixed_dictionaries(
    {
        **{name: made for name, (_, made) in KINDS.items()},
        **{f"{name}_or": st.none() | made for name, (_, made) in KINDS.items()},
        "or_null": st.none() | st.integers(-(2**63), 2**63 - 1),
    }
)


def datum(value: dict[str, Any]) -> bytes:
    stream = BytesIO()
    schemaless_writer(stream, PARSED, value)
    return stream.getvalue()


def damaged(whole: bytes, at: int, byte: int) -> bytes:
    place = at % len(whole)
    return whole[:place] + bytes([byte]) + whole[place + 1 :]


good = values.map(datum)
bad = st.one_of(
    st.builds(damaged, good, st.integers(0, 2000), st.integers(0, 255)),
    st.builds(lambda whole, at: whole[: at % len(whole)], good, st.integers(0, 2000)),
    st.binary(max_size=30),
)
READER = AvroReader(AvroForm("bare", SCHEMA))


@given(st.lists(good, min_size=1, max_size=5))
def test_good_records_are_all_read_at_once(data: list[bytes]) -> None:
    found = _at_once(data, READER)

    assert found == _one_by_one(data, READER)
    assert found is not None


@given(st.lists(good | bad, min_size=1, max_size=6))
@example([b"", b"\xff" * 400])
def test_what_is_read_at_once_is_what_is_read_one_by_one(data: list[bytes]) -> None:
    found = _at_once(data, READER)

    assert found is None or same(found, _one_by_one(data, READER))


def same(one: Any, other: Any) -> bool:
    """NaN, which damage makes, is not itself."""
    return str(one[1].to_pylist()) == str(other[1].to_pylist()) and one[::2] == other[::2]


def of_one(kind: Any) -> AvroReader:
    fields = [{"name": "n", "type": kind}]
    return AvroReader(
        AvroForm("bare", json.dumps({"type": "record", "name": "R", "fields": fields}))
    )


@pytest.mark.parametrize(
    ("kind", "record", "kept"),
    [
        ("int", b"\x02", True),
        ("int", b"\x82\x00", True),  # 1 in more bytes than it needs
        ("int", b"\xff\xff\xff\xff\x0f", True),
        ("int", b"\x80\x80\x80\x80\x10", False),  # 2^31
        ("long", b"\xff" * 9 + b"\x01", True),
        ("long", b"\xff" * 9 + b"\x02", False),  # more than 64 bits
        ("long", b"\xff" * 10 + b"\x00", False),
        ("int", b"\x80", False),
        ("int", b"\x02\x02", False),
        ("int", b"", False),
    ],
)
def test_a_number_ends_with_its_record_and_fits_its_type(
    kind: str, record: bytes, kept: bool
) -> None:
    found = of_one(kind).page([b"\x02", record, b"\x04"])

    assert found is not None
    assert found[0] == ([0, 1, 2] if kept else [0, 2])


DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
NOT_AT_ONCE: Sequence[Any] = (DECIMAL, {"type": "array", "items": ["null", DECIMAL]})


@pytest.mark.parametrize("kind", NOT_AT_ONCE)
def test_of_decimals_nothing_is_said(kind: Any) -> None:
    text = json.dumps({"type": "record", "name": "R", "fields": [{"name": "a", "type": kind}]})

    assert record_node(parsed_avro(text, "here")) is None


@given(st.data())
def test_a_page_of_nested_records_is_read_at_once_as_one_by_one(
    data: st.DataObject,
) -> None:
    schema, made = data.draw(st.lists(nested(2), min_size=1, max_size=3).map(record_of))
    reader, parsed = AvroReader(AvroForm("bare", json.dumps(schema))), parse_schema(schema)
    bodies = []
    for value in data.draw(st.lists(made, min_size=1, max_size=4)):
        stream = BytesIO()
        schemaless_writer(stream, parsed, value)
        bodies.append(stream.getvalue())
    spoilt = data.draw(st.lists(st.builds(damaged, st.sampled_from(bodies), st.integers(0, 99),
                                          st.integers(0, 255)), max_size=2))  # fmt: skip
    mixed = data.draw(st.permutations([*bodies, *spoilt]))

    found, some = _at_once(bodies, reader), _at_once(mixed, reader)

    assert found == _one_by_one(bodies, reader)
    assert found is not None
    found[1].validate(full=True)
    assert some is None or same(some, _one_by_one(mixed, reader))


LONGS = {"type": "array", "items": "long"}


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        (b"\x00", True),
        (b"\x04\x02\x04\x00", True),
        (b"\x02\x02\x02\x04\x00", True),  # two blocks
        (b"\x03\x04\x02\x04\x00", True),  # of a block its bytes are told, too
        (b"\x04\x02\x04", False),
        (b"\xff" * 9 + b"\x01\x00", False),  # -2^63 items
        (b"\xfe\xff\xff\xff\x0f\x02\x00", False),
    ],
)
def test_an_array_is_blocks_of_items_that_its_record_has(record: bytes, kept: bool) -> None:
    reader = of_one(LONGS)
    found = _at_once([b"\x00", record, b"\x02\x08\x00"], reader)

    assert found == _one_by_one([b"\x00", record, b"\x02\x08\x00"], reader)
    assert found is not None
    assert (1 in found[0]) is kept


def test_of_a_key_that_a_map_has_twice_the_last_value_counts() -> None:
    reader = of_one({"type": "map", "values": "int"})
    twice = b"\x04\x02a\x02\x02a\x04\x00"

    assert reader.page([twice]) is None
    assert _one_by_one([twice], reader)[1].to_pylist() == [{"n": [("a", 2)]}]


def test_one_array_that_is_far_longer_than_the_others_is_read_by_itself() -> None:
    long = b"\xd0\x0f" + b"\x02" * 1000 + b"\x00"

    assert of_one(LONGS).page([b"\x00"] * 50 + [long]) is None
    assert of_one(LONGS).page([long] * 50) is not None


def test_days_beyond_the_calendar_are_left_to_the_judge() -> None:
    last = (date(9999, 12, 31) - date(1970, 1, 1)).days
    days = BytesIO()
    schemaless_writer(days, "int", last)

    found = of_one(KINDS["day"][0]).page([days.getvalue(), b"\xfe\xff\xff\xff\x0f"])

    assert found is not None
    assert (found[0], found[1].to_pylist()) == ([0], [{"n": date(9999, 12, 31)}])
