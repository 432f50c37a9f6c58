"""A table's schema: `schemaString` <-> a tree of types with logical and physical names, and Arrow.

Source: Delta protocol, "Schema Serialization Format" and "Column Mapping".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
import pyarrow as pa

from lakeferry.errors import FerryError

_DECIMAL = re.compile(r"decimal\((\d+),\s*(-?\d+)\)")
# Lengths of char and varchar bind writers only; a collation orders text but does not change it.
_TEXT = re.compile(r"string( collate .+)?|(var)?char\(\d+\)")
_SCALARS = {
    "boolean": pa.bool_(),
    "byte": pa.int8(),
    "short": pa.int16(),
    "integer": pa.int32(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "decimal": pa.decimal128(10, 0),
    "binary": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "timestamp_ntz": pa.timestamp("us"),
    "void": pa.null(),
    "null": pa.null(),
}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A type without parts."""

    arrow: pa.DataType


@dataclass(frozen=True, slots=True)
class Struct:
    """Named fields, in the order of the schema."""

    fields: tuple["Column", ...]
    variant: bool = False  # stored as the two binaries `metadata` and `value`


@dataclass(frozen=True, slots=True)
class ListOf:
    """Delta's `array`."""

    element: "Kind"
    nullable: bool  # whether an element may be null


@dataclass(frozen=True, slots=True)
class MapOf:
    """Delta's `map`; keys are never null."""

    key: "Kind"
    value: "Kind"
    nullable: bool  # whether a value may be null


Kind: TypeAlias = Scalar | Struct | ListOf | MapOf


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table or a field of a struct."""

    name: str  # what a query calls it
    physical: str  # what the files and `partitionValues` call it
    field_id: int | None  # the Parquet field id, where columns are mapped by id
    kind: Kind
    nullable: bool


_VARIANT = Struct(
    (
        Column("metadata", "metadata", None, Scalar(pa.binary()), nullable=True),
        Column("value", "value", None, Scalar(pa.binary()), nullable=True),
    ),
    variant=True,
)


@dataclass(frozen=True, slots=True)
class TableSchema:
    """All columns of a table, partition columns at their places among them."""

    columns: tuple[Column, ...]
    by_id: bool  # files are matched by field id, not by name


def table_schema(schema_string: str, configuration: Mapping[str, str]) -> TableSchema:
    """What `metaData` says of the columns.

    Raises:
        FerryError LF-3105: the schema is no JSON of the protocol's form.
        FerryError LF-4109: a type whose values we cannot read.
    """
    mode = configuration.get("delta.columnMapping.mode", "none").lower()
    try:
        tree = orjson.loads(schema_string)
        fields = _struct(tree, mapped=mode != "none").fields
    except (ValueError, KeyError, TypeError) as error:
        raise FerryError(
            "LF-3105",
            f"the schema of the table cannot be parsed: {error!r}",
            f"metaData.schemaString: {schema_string[:200]}",
            "restore the table to a version whose metadata is whole",
        ) from error
    return TableSchema(fields, by_id=mode == "id")


def arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    """The logical Arrow schema of `columns`."""
    return pa.schema([arrow_field(column) for column in columns])


def arrow_field(column: Column) -> pa.Field:
    return pa.field(column.name, arrow_type(column.kind), nullable=column.nullable)


def arrow_type(kind: Kind) -> pa.DataType:
    """The one Arrow type in which we give a column's values, whatever its files hold."""
    match kind:
        case Scalar(arrow):
            return arrow
        case Struct(fields):
            return pa.struct([arrow_field(field) for field in fields])
        case ListOf(element, nullable):
            return pa.list_(pa.field("element", arrow_type(element), nullable=nullable))
        case MapOf(key, value, nullable):
            return pa.map_(
                pa.field("key", arrow_type(key), nullable=False),
                pa.field("value", arrow_type(value), nullable=nullable),
            )


def _struct(tree: Mapping[str, Any], *, mapped: bool) -> Struct:
    return Struct(tuple(_column(field, mapped=mapped) for field in tree["fields"]))


def _column(field: Mapping[str, Any], *, mapped: bool) -> Column:
    notes = field.get("metadata") or {}
    name = field["name"]
    found = notes.get("delta.columnMapping.id") if mapped else None
    return Column(
        name=name,
        physical=notes.get("delta.columnMapping.physicalName", name) if mapped else name,
        field_id=None if found is None else int(found),
        kind=_kind(field["type"], mapped=mapped),
        nullable=bool(field.get("nullable", True)),
    )


def _kind(tree: str | Mapping[str, Any], *, mapped: bool) -> Kind:
    if isinstance(tree, str):
        return _VARIANT if tree == "variant" else _scalar(tree)
    match tree["type"]:
        case "struct":
            return _struct(tree, mapped=mapped)
        case "array":
            element = _kind(tree["elementType"], mapped=mapped)
            return ListOf(element, bool(tree.get("containsNull", True)))
        case "map":
            key = _kind(tree["keyType"], mapped=mapped)
            value = _kind(tree["valueType"], mapped=mapped)
            return MapOf(key, value, bool(tree.get("valueContainsNull", True)))
        case "udt":
            return _kind(tree["sqlType"], mapped=mapped)
        case other:
            raise _unknown(str(other))


def _scalar(name: str) -> Scalar:
    if name in _SCALARS:
        return Scalar(_SCALARS[name])
    if found := _DECIMAL.fullmatch(name):
        return Scalar(pa.decimal128(int(found[1]), int(found[2])))
    if _TEXT.fullmatch(name):
        return Scalar(pa.string())
    raise _unknown(name)


def _unknown(name: str) -> FerryError:
    return FerryError(
        "LF-4109",
        f"a column has the type `{name}`, whose values we cannot read",
        f"type: {name}",
        "verify the table with --strength hashed, which compares files and not values",
    )


# --- Arrow -> schemaString --------------------------------------------------------------------

_NAMES = {
    pa.bool_(): "boolean",
    pa.int8(): "byte",
    pa.int16(): "short",
    pa.int32(): "integer",
    pa.int64(): "long",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.string(): "string",
    pa.large_string(): "string",
    pa.binary(): "binary",
    pa.large_binary(): "binary",
    pa.date32(): "date",
}


def schema_string(schema: pa.Schema) -> str:
    """What `metaData` says of columns of these types. Raises as `field_json` does."""
    return orjson.dumps(
        {"type": "struct", "fields": [field_json(field) for field in schema]}
    ).decode()


def field_json(field: pa.Field, place: str = "") -> dict[str, Any]:
    """One column or field of a struct, without column mapping.

    `place`: path of the struct with a dot behind it, for the message.

    Raises:
        FerryError: LF-7048 for a type that Delta lacks.
    """
    kind = type_json(field.type, f"{place}{field.name}")
    return {"name": field.name, "type": kind, "nullable": field.nullable, "metadata": {}}


def type_json(kind: pa.DataType, place: str) -> str | dict[str, Any]:
    """Delta's type for one of Arrow's; `place` is for the message. Raises as `field_json` does."""
    if kind in _NAMES:
        return _NAMES[kind]
    if pa.types.is_decimal128(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "timestamp_ntz" if kind.tz is None else "timestamp"
    if pa.types.is_struct(kind):
        fields = [field_json(field, f"{place}.") for field in kind]
        return {"type": "struct", "fields": fields}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        element = type_json(kind.value_type, f"{place}.element")
        nulls = kind.value_field.nullable
        return {"type": "array", "elementType": element, "containsNull": nulls}
    if pa.types.is_map(kind):
        return {
            "type": "map",
            "keyType": type_json(kind.key_type, f"{place}.key"),
            "valueType": type_json(kind.item_type, f"{place}.value"),
            "valueContainsNull": kind.item_field.nullable,
        }
    raise FerryError(
        "LF-7048",
        f"column `{place}` is of the type {kind}, which no Delta table has",
        f"column `{place}`",
        "declare it as a signed number, a decimal, a string, a date or a timestamp",
    )
