"""A page of flat records of Avro, read at once, is what fastavro reads of each by itself."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_writer
from hypothesis import example, given
from hypothesis import strategies as st

from lakeferry.ingest.payload.avro_flat import flat_fields
from lakeferry.ingest.payload.avro_rows import AvroForm, AvroReader, _at_once, _one_by_one
from lakeferry.ingest.payload.avro_schema import parsed_avro

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
}  # fmt: skip
FIELDS = [{"name": name, "type": kind} for name, (kind, _) in KINDS.items()]
FIELDS += [{"name": f"{name}_or", "type": ["null", kind]} for name, (kind, _) in KINDS.items()]
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


NOT_FLAT: Sequence[Any] = (
    {"type": "array", "items": "long"},
    {"type": "enum", "name": "E", "symbols": ["A"]},
    {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
    ["null", {"type": "record", "name": "In", "fields": [{"name": "x", "type": "int"}]}],
)


@pytest.mark.parametrize("kind", NOT_FLAT)
def test_of_what_is_not_flat_nothing_is_said(kind: Any) -> None:
    text = json.dumps({"type": "record", "name": "R", "fields": [{"name": "a", "type": kind}]})

    assert flat_fields(parsed_avro(text, "here")) is None


def test_days_beyond_the_calendar_are_left_to_the_judge() -> None:
    last = (date(9999, 12, 31) - date(1970, 1, 1)).days
    days = BytesIO()
    schemaless_writer(days, "int", last)

    found = of_one(KINDS["day"][0]).page([days.getvalue(), b"\xfe\xff\xff\xff\x0f"])

    assert found is not None
    assert (found[0], found[1].to_pylist()) == ([0], [{"n": date(9999, 12, 31)}])
