"""Payloads of Avro, written by fastavro: rows by one schema, whichever they were written by."""

import json
import zlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from fastavro import parse_schema, schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.errors import FerryError
from lakeferry.ingest.payload.avro_rows import AvroForm, AvroReader, Framing, parse_avro
from lakeferry.ingest.payload.avro_schema import avro_columns, fingerprint
from lakeferry.ingest.payload.repair import Parsed
from tests.ingest.test_payload_csv import rows


def record(*fields: dict[str, Any], name: str = "Click") -> str:
    return json.dumps({"type": "record", "name": name, "fields": fields})


def datum(schema: str, value: Any) -> bytes:
    stream = BytesIO()
    schemaless_writer(stream, parse_schema(json.loads(schema)), value)
    return stream.getvalue()


ID = {"name": "id", "type": "long"}
OLD = record(ID, {"name": "gone", "type": "string"})
NEW = record(
    ID,
    {"name": "page", "type": ["null", "string"], "default": None},
    {"name": "n", "type": "double", "default": 1.5},
)
UUID_OF_NEW = "0b2f9f1a-1c2d-4e3f-8a9b-0c1d2e3f4a5b"


def parsed(form: AvroForm, *data: bytes) -> Parsed:
    return parse_avro(rows(data), AvroReader(form), provenance=False)


def whys(found: Parsed) -> list[str]:
    return [fault.error for fault in found.bad.faults]


# --- framings -------------------------------------------------------------------------------

VALUE = {"id": 7, "page": "/", "n": 2.5}
PLAIN = datum(NEW, VALUE)
GLUE = UUID(UUID_OF_NEW).bytes
FRAMED: dict[str, tuple[AvroForm, bytes]] = {
    "bare": (AvroForm("bare", NEW), PLAIN),
    "a fingerprint": (
        AvroForm("single-object", NEW), b"\xc3\x01" + fingerprint(NEW, "") + PLAIN,
    ),
    "Confluent's number": (
        AvroForm("confluent", NEW, {"258": NEW}), b"\x00\x00\x00\x01\x02" + PLAIN,
    ),
    "Glue's UUID": (AvroForm("glue", NEW, {UUID_OF_NEW: NEW}), b"\x03\x00" + GLUE + PLAIN),
    "Glue's UUID, compressed": (
        AvroForm("glue", NEW, {UUID_OF_NEW: NEW}), b"\x03\x05" + GLUE + zlib.compress(PLAIN),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("form", "data"), FRAMED.values(), ids=FRAMED.keys())
def test_a_datum_is_found_behind_what_names_its_schema(form: AvroForm, data: bytes) -> None:
    found = parsed(form, data)

    assert found.table.to_pylist() == [VALUE]
    assert found.bad.faults == ()


@pytest.mark.parametrize(("form", "data"), FRAMED.values(), ids=FRAMED.keys())
def test_whatever_is_cut_or_goes_on_is_no_record(form: AvroForm, data: bytes) -> None:
    found = parsed(form, data, data[:-1], data + b"\x00", b"", data)

    assert [row["id"] for row in found.table.to_pylist()] == [7, 7]
    assert found.bad.rows.sequence_numbers == ["1", "2", "3"]


def test_the_fingerprint_is_the_one_of_the_specification() -> None:
    # Of `{"name":"Click","type":"record","fields":[{"name":"id","type":"long"}]}`, little-endian.
    told = fingerprint(record({**ID, "doc": "its number", "default": 0}), "")

    assert told == rabin(
        b'{"name":"Click","type":"record","fields":[{"name":"id","type":"long"}]}'
    ).to_bytes(8, "little")
    assert rabin(b'"null"') == 0x63DD24E7CC258F8A  # as Avro's own tests have it


def rabin(text: bytes) -> int:
    """CRC-64-AVRO as the specification writes it."""
    empty = 0xC15D213AA4D7A795
    found = empty
    for byte in text:
        low = (found ^ byte) & 0xFF
        for _ in range(8):
            low = (low >> 1) ^ (empty if low & 1 else 0)
        found = (found >> 8) ^ low
    return found


@pytest.mark.parametrize(
    ("framing", "data", "why"),
    [
        ("single-object", PLAIN, "it does not begin with C3 01, as a single object does"),
        ("single-object", b"\xc3\x01" + bytes(8) + PLAIN,
         "it was written by schema 0000000000000000, which is not given"),
        ("confluent", b"\x00\x00\x00\x00\x09" + PLAIN,
         "it was written by schema 9, which is not given"),
        ("confluent", b"\x01\x00\x00\x00\x09",
         "it does not begin with 00 and the number of a schema"),
        ("glue", b"\x03\x01" + GLUE + PLAIN,
         "it does not begin with 03 and the UUID of a schema's version"),
        ("glue", b"\x03\x05" + GLUE + b"no zlib",
         "it cannot be decompressed: Error -3 while decompressing data: incorrect header check"),
    ],
)  # fmt: skip
def test_what_names_no_schema_that_is_known_is_told(
    framing: Framing, data: bytes, why: str
) -> None:
    form = AvroForm(framing, NEW, {UUID_OF_NEW: NEW} if framing == "glue" else {"1": NEW})

    assert whys(parsed(form, data)) == [why]


def test_records_of_an_older_schema_are_read_by_the_newer_one() -> None:
    form = AvroForm("confluent", NEW, {"1": OLD, "2": NEW})
    head = b"\x00\x00\x00\x00"

    found = parsed(
        form, head + b"\x01" + datum(OLD, {"id": 1, "gone": "x"}), head + b"\x02" + PLAIN
    )

    assert found.table.to_pylist() == [{"id": 1, "page": None, "n": 1.5}, VALUE]


def test_a_schema_that_cannot_be_read_as_the_newer_one_makes_its_records_bad() -> None:
    other = record({"name": "id", "type": "string"})
    form = AvroForm("bare", NEW, {"v0": other})

    (why,) = whys(parsed(form, datum(other, {"id": "x"})))

    assert why.startswith("its schema cannot be read as the one of the rows")


# --- types ----------------------------------------------------------------------------------

NOON = datetime(2026, 11, 26, 12, 0, 0, 123456, tzinfo=UTC)
TYPES: dict[str, tuple[Any, Any, pa.DataType, Any]] = {
    "boolean": ("boolean", True, pa.bool_(), True),
    "int": ("int", -5, pa.int32(), -5),
    "float": ("float", 0.5, pa.float32(), 0.5),
    "bytes": ("bytes", b"\xff", pa.binary(), b"\xff"),
    "string": ("string", "ü", pa.string(), "ü"),
    "enum": ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B", pa.string(), "B"),
    "fixed": ({"type": "fixed", "name": "F", "size": 2}, b"ab", pa.binary(), b"ab"),
    "uuid": ({"type": "string", "logicalType": "uuid"}, UUID_OF_NEW, pa.string(), UUID_OF_NEW),
    "date": ({"type": "int", "logicalType": "date"}, date(2026, 11, 26), pa.date32(),
             date(2026, 11, 26)),
    "timestamp-millis": (
        {"type": "long", "logicalType": "timestamp-millis"}, NOON, pa.timestamp("us", "UTC"),
        NOON.replace(microsecond=123000),
    ),
    "timestamp-micros": (
        {"type": "long", "logicalType": "timestamp-micros"}, NOON, pa.timestamp("us", "UTC"), NOON,
    ),
    "local-timestamp-micros": (
        {"type": "long", "logicalType": "local-timestamp-micros"}, NOON.replace(tzinfo=None),
        pa.timestamp("us"), NOON.replace(tzinfo=None),
    ),
    "decimal": (
        {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}, Decimal("-1.50"),
        pa.decimal128(6, 2), Decimal("-1.50"),
    ),
    "a logical type that is not known": (
        {"type": "long", "logicalType": "fathoms"}, 5, pa.int64(), 5,
    ),
    "array": ({"type": "array", "items": ["null", "int"]}, [1, None],
              pa.list_(pa.field("element", pa.int32())), [1, None]),
    "map": ({"type": "map", "values": "long"}, {"a": 1},
            pa.map_(pa.string(), pa.field("value", pa.int64(), nullable=False)), [("a", 1)]),
    "record": (
        {"type": "record", "name": "Geo", "fields": [{"name": "lat", "type": "double"}]},
        {"lat": 1.5}, pa.struct([pa.field("lat", pa.float64(), nullable=False)]), {"lat": 1.5},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "given_", "column", "wanted"), TYPES.values(), ids=TYPES.keys())
def test_a_field_becomes_a_column_of_its_type(
    kind: Any, given_: Any, column: pa.DataType, wanted: Any
) -> None:
    sure, maybe = record({"name": "x", "type": kind}), record({"name": "x", "type": ["null", kind]})

    assert avro_columns(sure, "").field("x") == pa.field("x", column, nullable=False)
    assert avro_columns(maybe, "").field("x") == pa.field("x", column)
    found = parsed(AvroForm("bare", maybe), datum(maybe, {"x": given_}), datum(maybe, {"x": None}))
    assert found.table["x"].to_pylist() == [wanted, None]


DEFAULTS: dict[str, tuple[Any, Any, Any]] = {
    "long": ("long", 5, 5),
    "bytes": ("bytes", "\u00ff", b"\xff"),
    "fixed": ({"type": "fixed", "name": "F", "size": 1}, "\u0001", b"\x01"),
    "decimal": (
        {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, "\u00ff",
        Decimal("-0.01"),
    ),
    "date": ({"type": "int", "logicalType": "date"}, 1, date(1970, 1, 2)),
    "timestamp-millis": (
        {"type": "long", "logicalType": "timestamp-millis"}, 1_000,
        datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
    ),
    "local-timestamp-micros": (
        {"type": "long", "logicalType": "local-timestamp-micros"}, 1_000_000,
        datetime(1970, 1, 1, 0, 0, 1),
    ),
    "array": ({"type": "array", "items": "bytes"}, ["\u00ff"], [b"\xff"]),
    "map": ({"type": "map", "values": "bytes"}, {"a": "\u00ff"}, [("a", b"\xff")]),
    "record": (
        {"type": "record", "name": "R", "fields": [
            {"name": "b", "type": "bytes"}, {"name": "c", "type": "bytes", "default": "\u00fe"}]},
        {"b": "\u00ff"}, {"b": b"\xff", "c": b"\xfe"},
    ),
    "a union": (["bytes", "null"], "\u00ff", b"\xff"),
    "null": (["null", "bytes"], None, None),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "default", "wanted"), DEFAULTS.values(), ids=DEFAULTS.keys())
def test_a_field_that_a_record_lacks_has_the_default_of_its_type(
    kind: Any, default: Any, wanted: Any
) -> None:
    newer = record(ID, {"name": "x", "type": kind, "default": default})
    older = record(ID)

    found = parsed(AvroForm("bare", newer, {"old": older}), datum(older, {"id": 1}))

    assert found.bad.faults == ()
    assert found.table["x"].to_pylist() == [wanted]


def test_a_default_of_another_type_is_refused() -> None:
    wrong = record({"name": "x", "type": "bytes", "default": 5})

    with pytest.raises(FerryError, match="LF-7061"):
        AvroReader(AvroForm("bare", wrong))


def test_a_type_that_was_named_before_is_known() -> None:
    geo = {"type": "record", "name": "Geo", "fields": [{"name": "lat", "type": "double"}]}

    found = avro_columns(record({"name": "a", "type": geo}, {"name": "b", "type": "Geo"}), "")

    assert found.field("a").type == found.field("b").type


def test_milliseconds_are_read_where_the_newer_schema_has_microseconds() -> None:
    millis = record({"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}})
    micros = record({"name": "ts", "type": {"type": "long", "logicalType": "timestamp-micros"}})

    found = parsed(AvroForm("bare", micros, {"old": millis}), datum(millis, {"ts": NOON}))

    assert found.table["ts"].to_pylist() == [NOON.replace(microsecond=123000)]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (["int", "string"], "a union of several types"),
        ({"type": "int", "logicalType": "time-millis"}, "time-millis, a time without a day"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 39}, "decimal(39, 0)"),
        ({"type": "array", "items": "Click"}, "`Click`, which is within itself"),
        ("null", "`null`"),
    ],
)
def test_a_type_that_no_column_has_is_refused_with_its_field(kind: Any, why: str) -> None:
    with pytest.raises(FerryError, match=r"LF-7011.*field `x") as refused:
        avro_columns(record(ID, {"name": "x", "type": kind}), "clicks.avsc")

    assert refused.value.where == f"clicks.avsc: it is {why}"


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '"string"', '{"type": "record", "name": "A"}', record(),
     '{"type": "record", "name": "A", "fields": [{"name": "x", "type": "nothing"}]}'],
)  # fmt: skip
def test_what_is_no_record_of_avro_is_refused(text: str) -> None:
    with pytest.raises(FerryError, match="LF-7061"):
        avro_columns(text, "clicks.avsc")


def test_a_timestamp_that_no_calendar_has_is_bad_alone() -> None:
    micros = record({"name": "ts", "type": {"type": "long", "logicalType": "timestamp-micros"}})
    plain = record({"name": "ts", "type": "long"})

    found = parsed(
        AvroForm("bare", micros), datum(plain, {"ts": 2**62}), datum(plain, {"ts": 1_000_000})
    )

    assert found.table["ts"].to_pylist() == [datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)]
    assert len(found.bad.faults) == 1


# --- for all --------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=20) | st.just(PLAIN), max_size=10))
def test_every_record_is_a_row_or_a_bad_one_and_judged_alike_whatever_comes_with_it(
    data: Sequence[bytes],
) -> None:
    form = AvroForm("bare", NEW)
    alone = [parsed(form, one) for one in data]

    found = parsed(form, *data)

    assert repr(found.table.to_pylist()) == repr(
        [row for one in alone for row in one.table.to_pylist()]
    )
    assert list(found.bad.rows.data) == [row for one in alone for row in one.bad.rows.data]
