"""Avro's schemas: the columns that a record of one has, and by what it is known in a message. Pure.

Source: Apache Avro Specification 1.12, "Schema Declaration", "Logical Types", "Schema
Fingerprints".
"""

from collections.abc import Mapping
from typing import Any

import orjson
import pyarrow as pa

from lakeferry.errors import FerryError
from lakeferry.ingest.payload.avro_defaults import give_defaults

_PLAIN = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "string": pa.string(),
    "enum": pa.string(),
    "fixed": pa.binary(),
}
# By logical type and the type that it annotates; on any other one it means nothing.
_LOGICAL = {
    ("date", "int"): pa.date32(),
    ("timestamp-millis", "long"): pa.timestamp("us", "UTC"),
    ("timestamp-micros", "long"): pa.timestamp("us", "UTC"),
    ("local-timestamp-millis", "long"): pa.timestamp("us"),
    ("local-timestamp-micros", "long"): pa.timestamp("us"),
}
_TIMES = {("time-millis", "int"), ("time-micros", "long")}
_INSTEAD = "leave the field out of the schema: what records have beyond it is stepped over"
# Reader and writer may spell it differently, and each value would be made an object.
_UNTOLD = "uuid"


def parsed_avro(text: str, where: str) -> Any:
    """A schema as fastavro reads by it: names whole, each defined where it is first used.

    Raises:
        FerryError: LF-7061 for what is none, or no record.
    """
    from fastavro.schema import SchemaParseException, UnknownType, parse_schema

    try:
        body = orjson.loads(text)
        found = parse_schema(_without_uuids(body))
    except orjson.JSONDecodeError as error:
        raise _wrong(f"it is no JSON: {error}", where) from error
    except (SchemaParseException, UnknownType) as error:
        raise _wrong(f"{type(error).__name__}: {error}", where) from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _wrong(f"it is no schema of Avro: {error!r}", where) from error
    if not isinstance(found, dict) or found.get("type") != "record":
        raise _wrong("it is no record, of which columns could be made", where)
    return found


def reader_avro(text: str, where: str) -> Any:
    """The same for rows to be read by: defaults of its fields are values, not JSON of such.

    fastavro takes a default as it stands, and `"\\u00ff"` would be text where bytes are declared, a
    number of milliseconds one of microseconds.
    """
    schema = parsed_avro(text, where)
    try:
        give_defaults(schema, {})
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise _wrong(f"a default in it is none of its type: {error!r}", where) from error
    return schema


def avro_columns(text: str, where: str) -> pa.Schema:
    """The columns that rows by a schema have.

    A union with null is a column that may be null, an enum is text, a fixed is binary, `uuid` text.

    Raises:
        FerryError: LF-7061 for what is no record of Avro, LF-7011 for a type that no column has.
    """
    schema = parsed_avro(text, where)
    made = _Columns(where)
    fields = made.fields(schema)
    if not fields:
        raise _wrong("it has no field", where)
    return pa.schema(fields)


def fingerprint(text: str, where: str) -> bytes:
    """The 8 bytes by which a message of the single-object encoding names a schema.

    They are of the schema as it was written, reduced to what matters to a reader.
    """
    from fastavro.schema import fingerprint as hashed
    from fastavro.schema import to_parsing_canonical_form

    parsed_avro(text, where)
    return bytes.fromhex(hashed(to_parsing_canonical_form(orjson.loads(text)), "CRC-64-AVRO"))


def _without_uuids(body: Any) -> Any:
    if isinstance(body, list):
        return [_without_uuids(one) for one in body]
    if not isinstance(body, dict):
        return body
    left = {key: _without_uuids(one) if key != "default" else one for key, one in body.items()}
    if left.get("logicalType") == _UNTOLD:
        del left["logicalType"]
    return left


class _Columns:
    """Makes columns of one schema; knows the types that were named in it."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._named: dict[str, Any] = {}
        self._within: list[str] = []  # records that are being made: one in itself has no end

    def fields(self, record: Mapping[str, Any], path: str = "") -> list[pa.Field]:
        name = str(record["name"])
        self._named[name] = record
        self._within.append(name)
        found = []
        for one in record["fields"]:
            inner, nullable = _without_null(one["type"])
            kind = self._kind(inner, f"{path}{one['name']}")
            found.append(pa.field(one["name"], kind, nullable=nullable))
        self._within.pop()
        return found

    def _kind(self, schema: Any, path: str) -> pa.DataType:
        if isinstance(schema, list):
            raise self._unkept(path, "a union of several types", _INSTEAD)
        if isinstance(schema, str):
            if schema in _PLAIN:
                return _PLAIN[schema]
            if schema in self._within:
                raise self._unkept(path, f"`{schema}`, which is within itself", _INSTEAD)
            if schema not in self._named:
                raise self._unkept(path, f"`{schema}`", _INSTEAD)
            schema = self._named[schema]
        base = schema["type"]
        if isinstance(base, dict | list):
            return self._kind(base, path)
        if "name" in schema:
            self._named[str(schema["name"])] = schema
        return self._logical(schema, base, path) or self._nested(schema, base, path)

    def _logical(self, schema: Mapping[str, Any], base: str, path: str) -> pa.DataType | None:
        logical = schema.get("logicalType")
        if (logical, base) in _TIMES:
            raise self._unkept(path, f"{logical}, a time without a day", _INSTEAD)
        if logical == "decimal" and base in ("bytes", "fixed"):
            precision, scale = int(schema.get("precision", 0)), int(schema.get("scale", 0))
            if not 0 < precision <= 38 or not 0 <= scale <= precision:
                raise self._unkept(path, f"decimal({precision}, {scale})", _INSTEAD)
            return pa.decimal128(precision, scale)
        return _LOGICAL.get((str(logical), base))

    def _nested(self, schema: Mapping[str, Any], base: str, path: str) -> pa.DataType:
        if base == "record":
            fields = self.fields(schema, f"{path}.")
            if not fields:
                raise self._unkept(path, "a record without fields", _INSTEAD)
            return pa.struct(fields)
        if base == "array":
            inner, nullable = _without_null(schema["items"])
            kind = self._kind(inner, f"{path}.element")
            return pa.list_(pa.field("element", kind, nullable=nullable))
        if base == "map":
            inner, nullable = _without_null(schema["values"])
            value = pa.field("value", self._kind(inner, f"{path}.value"), nullable=nullable)
            return pa.map_(pa.string(), value)
        if base not in _PLAIN:
            return self._kind(base, path)
        return _PLAIN[base]

    def _unkept(self, path: str, what: str, next_step: str) -> FerryError:
        where = f"{self._where}: it is {what}"
        return FerryError("LF-7011", f"field `{path}` of Avro can be no column", where, next_step)


def _without_null(schema: Any) -> tuple[Any, bool]:
    """A type without null, if it is a union with it; and whether it was."""
    if not isinstance(schema, list):
        return schema, False
    left = [one for one in schema if one != "null"]
    return (left[0] if len(left) == 1 else left), len(left) < len(schema)


def _wrong(what: str, where: str) -> FerryError:
    step = 'name a file with Avro\'s JSON: {"type": "record", "name": "Click", "fields": [...]}'
    return FerryError("LF-7061", f"the declared schema cannot be read: {what}", where, step)
