"""What of a schema of Avro can be read all of a page at once, as a tree of types. Pure.

Source: Apache Avro Specification 1.12, "Complex Types", "Logical Types".
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

_PLAIN = frozenset({"int", "long", "float", "double", "boolean", "string", "bytes"})
# Of numbers that mean times: how many of the column's unit they are, and what Python's have.
_DAYS = (1, -719_162, 2_932_896)
_MICROS = (1, -62_135_596_800_000_000, 253_402_300_799_999_999)
_MILLIS = (1_000, -62_135_596_800_000, 253_402_300_799_999)
_LOGICAL = {
    ("date", "int"): _DAYS,
    ("timestamp-millis", "long"): _MILLIS,
    ("timestamp-micros", "long"): _MICROS,
    ("local-timestamp-millis", "long"): _MILLIS,
    ("local-timestamp-micros", "long"): _MICROS,
}


@dataclass(frozen=True, slots=True)
class Node:
    """A type, as it is written: each value takes a byte at least."""

    kind: str  # Avro's name of it, but for null
    null: int | None = None  # which branch of its union is null; None: it is no union
    time: tuple[int, int, int] | None = None  # factor to the column's unit, lowest, highest
    size: int = 0  # bytes of a fixed
    symbols: tuple[str, ...] = ()  # of an enum
    inner: tuple["Node", ...] = ()  # fields of a record, items of an array, key and value of a map


class _Unknown(Exception):
    """A type that is read otherwise."""


def record_node(schema: Mapping[str, Any]) -> Node | None:
    """A parsed schema; None where something in it is read record by record alone.

    That are decimals, unions of several types, and logical types that no column has.
    """
    try:
        return _node(schema, {})
    except _Unknown:
        return None


def _node(schema: Any, named: dict[str, Node]) -> Node:
    if isinstance(schema, list):
        return _union(schema, named)
    if isinstance(schema, str):
        if schema in _PLAIN:
            return Node(schema)
        if schema in named:
            return named[schema]
        raise _Unknown
    base = schema["type"]
    if isinstance(base, dict | list):
        return _node(base, named)
    node = _complex(schema, base, named)
    if "name" in schema:
        named[str(schema["name"])] = node
    return node


def _union(branches: list[Any], named: dict[str, Node]) -> Node:
    if len(branches) != 2 or "null" not in branches:
        raise _Unknown
    null = branches.index("null")
    inner = _node(branches[1 - null], named)
    if inner.null is not None:
        raise _Unknown
    return replace(inner, null=null)


def _complex(schema: Mapping[str, Any], base: str, named: dict[str, Node]) -> Node:
    time = _LOGICAL.get((str(schema.get("logicalType")), base))
    if schema.get("logicalType") is not None and time is None:
        raise _Unknown
    found = Node(base, time=time)
    match base:
        case "record":
            inner = tuple(_node(one["type"], named) for one in schema["fields"])
            found = replace(found, inner=inner)
        case "array":
            found = replace(found, inner=(_node(schema["items"], named),))
        case "map":
            found = replace(found, inner=(Node("string"), _node(schema["values"], named)))
        case "enum":
            found = replace(found, symbols=tuple(schema["symbols"]))
        case "fixed" if schema["size"]:
            found = replace(found, size=int(schema["size"]))
        case _:
            found = found if base in _PLAIN else _node(base, named)
    return found
