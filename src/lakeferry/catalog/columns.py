"""The columns of a Delta table in the words of catalogs: SQL, Hive, Unity Catalog. Pure.

Source: Delta protocol, "Schema Serialization Format"; Hive Language Manual, "Hive Data Types";
Unity Catalog API, `ColumnInfo`.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from lakeferry.catalog.tables import Column

_SQL = {"byte": "tinyint", "short": "smallint", "integer": "int", "long": "bigint", "null": "void"}
# Hive knows none of these. Readers take types from the log, so the nearest will do.
_HIVE = {"timestamp_ntz": "timestamp", "variant": "string", "void": "string", "null": "string"}
_UNITY = {"INTEGER": "INT", "VOID": "NULL", "VARCHAR": "STRING"}
_TEXT = re.compile(r"string collate .+")
_DECIMAL = re.compile(r"decimal\((\d+), ?(-?\d+)\)")
MOST_COMMENT = 255  # characters of a column's comment; Glue API, `Column`; Hive's COLUMNS_V2: 256


def columns_of(schema: str) -> tuple[Column, ...]:
    """The columns of a table's `schemaString`, types in SQL."""
    fields = orjson.loads(schema)["fields"]
    return tuple(
        Column(
            name=one["name"],
            type=sql_type(_declared(one)),
            comment=str(one.get("metadata", {}).get("comment", "")),
            nullable=bool(one.get("nullable", True)),
            json=orjson.dumps(one).decode(),
        )
        for one in fields
    )


def sql_type(kind: Any) -> str:
    """A type of a Delta schema as SQL writes it: 'bigint', 'array<struct<a:int>>'."""
    return _text(kind, _SQL)


def hive_type(column: Column) -> str:
    """The type of a column as Hive and Glue write it; those that they lack become the nearest."""
    if not column.json:
        return column.type
    return _text(_declared(orjson.loads(column.json)), {**_SQL, **_HIVE})


def hive_columns(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Columns as Hive and Glue keep them: names small, their types, comments cut."""
    return tuple(
        Column(one.name.lower(), hive_type(one), cut(one.comment, MOST_COMMENT)) for one in columns
    )


def unity_column(column: Column, position: int, partition_index: int | None) -> dict[str, Any]:
    """A `ColumnInfo` of Unity Catalog's API."""
    info: dict[str, Any] = {
        "name": column.name,
        "type_text": column.type,
        "type_json": column.json,
        "type_name": _unity_name(column.type),
        "position": position,
        "nullable": column.nullable,
    }
    if found := _DECIMAL.fullmatch(column.type):
        info |= {"type_precision": int(found[1]), "type_scale": int(found[2])}
    if column.comment:
        info["comment"] = column.comment
    if partition_index is not None:
        info["partition_index"] = partition_index
    return info


def cut(text: str, most: int) -> str:
    """The text, or its beginning with `…`, in at most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _declared(field: Mapping[str, Any]) -> Any:
    """A field's type; char and varchar, which files do not know, stand beside it."""
    return field.get("metadata", {}).get("__CHAR_VARCHAR_TYPE_STRING", field["type"])


def _text(kind: Any, words: Mapping[str, str]) -> str:
    if isinstance(kind, str):
        if _TEXT.fullmatch(kind) or (kind.startswith("interval ") and words is not _SQL):
            return "string"
        return words.get(kind, kind).replace(", ", ",")
    match kind["type"]:
        case "struct":
            inner = (f"{one['name']}:{_text(one['type'], words)}" for one in kind["fields"])
            return f"struct<{','.join(inner)}>"
        case "array":
            return f"array<{_text(kind['elementType'], words)}>"
        case "map":
            return f"map<{_text(kind['keyType'], words)},{_text(kind['valueType'], words)}>"
        case other:
            return str(other)


def _unity_name(sql: str) -> str:
    """The `ColumnTypeName` of a type in SQL."""
    word = re.split(r"[<( ]", sql, maxsplit=1)[0].upper()
    names = {"TINYINT": "BYTE", "SMALLINT": "SHORT", "BIGINT": "LONG", **_UNITY}
    return names.get(word, word)
