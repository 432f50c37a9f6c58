"""Defaults of Avro's fields: values of their types, where the schema has JSON of such. Pure.

Source: Apache Avro Specification 1.12, "Complex Types", field default values; "Logical Types".
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def give_defaults(schema: Any, named: dict[str, Any]) -> None:
    """Replace the defaults in a parsed schema by values.

    Args:
        named: filled with the types that are named in it.

    Raises what a default of another type brings: TypeError, ValueError, KeyError, AttributeError.
    """
    if isinstance(schema, list):
        for one in schema:
            give_defaults(one, named)
    if not isinstance(schema, dict):
        return
    if "name" in schema:
        named[str(schema["name"])] = schema
    for key in ("type", "items", "values"):
        if isinstance(schema.get(key), dict | list):
            give_defaults(schema[key], named)
    for one in schema.get("fields", ()):
        give_defaults(one["type"], named)
        if "default" in one:
            one["default"] = _value(one["default"], one["type"], named)


def _meant(schema: Any, named: Mapping[str, Any]) -> Any:
    """The type that a default is of: in a union the first one, for a name what it names."""
    while True:
        if isinstance(schema, list):
            schema = schema[0]
        elif isinstance(schema, str) and schema in named:
            schema = named[schema]
        elif isinstance(schema, dict) and isinstance(schema["type"], dict | list):
            schema = schema["type"]
        else:
            return schema if isinstance(schema, dict) else {"type": schema}


def _value(default: Any, schema: Any, named: Mapping[str, Any]) -> Any:
    meant = _meant(schema, named)
    match meant["type"]:
        case "bytes" | "fixed":
            return _logical(default.encode("latin-1"), meant)  # each character is a byte
        case "int" | "long":
            return _logical(default, meant)
        case "array":
            return [_value(one, meant["items"], named) for one in default]
        case "map":
            return {key: _value(one, meant["values"], named) for key, one in default.items()}
        case "record":
            return {one["name"]: _of_field(default, one, named) for one in meant["fields"]}
    return default


def _of_field(
    default: Mapping[str, Any], field: Mapping[str, Any], named: Mapping[str, Any]
) -> Any:
    """Of a field within a record; that has one of its own, which is a value by now."""
    name = field["name"]
    return _value(default[name], field["type"], named) if name in default else field["default"]


def _logical(value: Any, schema: Mapping[str, Any]) -> Any:
    """A value with its logical type."""
    kind = str(schema.get("logicalType"))
    if kind == "decimal":
        number = int.from_bytes(value, "big", signed=True)
        return Decimal(number).scaleb(-int(schema.get("scale", 0)))
    if kind == "date":
        return _EPOCH.date() + timedelta(days=value)
    if not kind.endswith(("timestamp-millis", "timestamp-micros")):
        return value
    moment = _EPOCH + timedelta(microseconds=value * (1000 if kind.endswith("millis") else 1))
    return moment.replace(tzinfo=None) if kind.startswith("local-") else moment
