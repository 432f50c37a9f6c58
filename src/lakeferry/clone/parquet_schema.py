"""The schema of a Parquet table as Delta states it, joined from its files' footers. Pure.

Of files that Spark wrote it is the schema that Spark noted in the footer, else what the Parquet
types say. Columns that only some files have are joined. A type may widen only where Parquet stores
both alike (8, 16 and 32 bits): all other pairs are refused by name, as `CONVERT TO DELTA` does,
for not each reader of a Delta table reads a file whose column is of another type.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from lakeferry.delta.actions import Protocol
from lakeferry.delta.table_schema import type_json
from lakeferry.errors import FerryError

Field = dict[str, Any]  # one of `schemaString`'s `fields`
_SPARK = b"org.apache.spark.sql.parquet.row.metadata"
_WIDTH = ("byte", "short", "integer")  # all of them 32 bits in a file
_UNSIGNED = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64(),
             pa.uint64(): pa.decimal128(20, 0)}  # fmt: skip
_ODD_NAMES = frozenset(" ,;{}()\n\t=")
_NTZ = "timestampNtz"
VOID = "void"  # of a column that holds nothing but nulls in all files so far


def fields_of(footer: pq.FileMetaData, path: str) -> tuple[Field, ...]:
    """The columns of one file, all of them nullable.

    Raises:
        FerryError: LF-4110 a column is of a type, or has a name, that no Delta table has.
    """
    noted = (footer.metadata or {}).get(_SPARK)
    found: Sequence[Field]
    if noted is not None:
        found = orjson.loads(noted)["fields"]
    else:
        _refuse_nanoseconds(footer, path)
        found = [_field(one, path) for one in plain_schema(footer)]
    for one in found:
        if _ODD_NAMES & set(one["name"]):
            raise _refused(
                f"column `{one['name']}` has a character in its name that Delta does not allow",
                path, "rename the column where the files are written, or rewrite them",
            )  # fmt: skip
    return tuple({**one, "nullable": True, "type": _nullable(one["type"])} for one in found)


def plain_schema(footer: pq.FileMetaData) -> pa.Schema:
    """The Arrow schema of a file without the dictionaries and long offsets of who wrote it."""
    return pa.schema(
        [pa.field(one.name, _plain(one.type)) for one in footer.schema.to_arrow_schema()]
    )


def joined(before: Sequence[Field], more: Sequence[Field], path: str) -> tuple[Field, ...]:
    """The columns of both, those of `before` first.

    Args:
        path: of the file that `more` is of, for the message.

    Raises:
        FerryError: LF-4110 they do not fit together.
    """
    found = {one["name"]: one for one in before}
    spelt = {name.lower(): name for name in found}
    for one in more:
        name = one["name"]
        here = spelt.setdefault(name.lower(), name)
        if here != name:
            raise _refused(
                f"columns `{here}` and `{name}` differ by the case of their letters alone", path,
                "rewrite the file with the other spelling: readers of Delta find columns by name",
            )  # fmt: skip
        known = found.get(name)
        found[name] = one if known is None else {
            **known, "type": _wider(known["type"], one["type"], name, path)
        }  # fmt: skip
    return tuple(found.values())


def table_schema_string(fields: Sequence[Field], partitions: Mapping[str, str], *, url: str) -> str:
    """`metaData.schemaString`: columns of the files, then those of the folders.

    Args:
        partitions: partition column -> Delta's name of its type.

    Raises:
        FerryError: LF-4110 a column that is null in each file and so has no type.
    """
    for one in fields:
        if one["type"] == VOID and one["name"] not in partitions:
            raise _refused(
                f"column `{one['name']}` holds nothing but nulls in all files and has no type", url,
                "rewrite the files without it, or with a type",
            )  # fmt: skip
    # A folder's value stands before what a file holds under the same name, as with Spark.
    own = [one for one in fields if one["name"] not in partitions]
    of_folders = [
        {"name": name, "type": kind, "nullable": True, "metadata": {}}
        for name, kind in partitions.items()
    ]
    return orjson.dumps({"type": "struct", "fields": [*own, *of_folders]}).decode()


def fields_in(schema_string: str) -> tuple[Field, ...]:
    """The columns that a table has."""
    return tuple(orjson.loads(schema_string)["fields"])


def protocol_for(schema_string: str, before: Protocol | None) -> Protocol:
    """What readers must understand: of times without a zone they have to be told."""
    known = (before.writer_features if before else None) or frozenset()
    if '"timestamp_ntz"' not in schema_string or _NTZ in known:
        return before or Protocol(1, 2)
    reader = (before.reader_features if before else None) or frozenset()
    legacy = known or {"appendOnly", "invariants"}  # what writer version 2 stands for
    return Protocol(3, 7, reader | {_NTZ}, frozenset(legacy) | {_NTZ})


def _field(one: pa.Field, path: str) -> Field:
    kind: Any = VOID if pa.types.is_null(one.type) else None
    if kind is None:
        try:
            kind = type_json(one.type, one.name)
        except FerryError as error:
            step = "rewrite the column as a number, a decimal, a string, a date or a timestamp"
            raise _refused(error.what, path, step) from error
    return {"name": one.name, "type": kind, "nullable": True, "metadata": {}}


def _plain(kind: pa.DataType) -> pa.DataType:
    is_of = pa.types
    found = _UNSIGNED.get(kind, kind)
    if is_of.is_dictionary(kind):
        found = _plain(kind.value_type)
    elif is_of.is_fixed_size_binary(kind):
        found = pa.binary()
    elif is_of.is_timestamp(kind) and kind.unit == "ns":
        # What is left here is INT96: a moment, though Arrow gives it no zone.
        found = pa.timestamp("us", "UTC")
    elif is_of.is_struct(kind):
        found = pa.struct([pa.field(one.name, _plain(one.type)) for one in kind])
    elif is_of.is_list(kind) or is_of.is_large_list(kind) or is_of.is_fixed_size_list(kind):
        found = pa.list_(_plain(kind.value_type))
    elif is_of.is_map(kind):
        found = pa.map_(_plain(kind.key_type), _plain(kind.item_type))
    return found


def _refuse_nanoseconds(footer: pq.FileMetaData, path: str) -> None:
    schema = footer.schema
    for at in range(len(schema)):
        column = schema.column(at)
        if "nanoseconds" in str(column.logical_type):
            raise _refused(
                f"column `{column.path}` holds nanoseconds, which Delta does not know and Spark "
                "does not read", path, "rewrite the files with microseconds",
            )  # fmt: skip


def _nullable(kind: Any) -> Any:
    if not isinstance(kind, dict):
        return kind
    match kind.get("type"):
        case "struct":
            inner = [{**one, "nullable": True, "type": _nullable(one["type"])}
                     for one in kind["fields"]]  # fmt: skip
            return {**kind, "fields": inner}
        case "array":
            return {**kind, "containsNull": True, "elementType": _nullable(kind["elementType"])}
        case "map":
            return {**kind, "valueContainsNull": True, "keyType": _nullable(kind["keyType"]),
                    "valueType": _nullable(kind["valueType"])}  # fmt: skip
        case _:
            return kind


def _wider(before: Any, now: Any, name: str, path: str) -> Any:
    if now in (before, VOID):
        return before
    if before == VOID:
        return now
    if before in _WIDTH and now in _WIDTH:
        return max(before, now, key=_WIDTH.index)
    if isinstance(before, dict) and isinstance(now, dict) and before.get("type") == now.get("type"):
        match before["type"]:
            case "struct":
                return {**before, "fields": list(joined(before["fields"], now["fields"], path))}
            case "array":
                inner = _wider(before["elementType"], now["elementType"], f"{name}.element", path)
                return {**before, "elementType": inner}
            case "map":
                key = _wider(before["keyType"], now["keyType"], f"{name}.key", path)
                value = _wider(before["valueType"], now["valueType"], f"{name}.value", path)
                return {**before, "keyType": key, "valueType": value}
    raise _refused(
        f"column `{name}` is {_told(now)} in this file and {_told(before)} in others", path,
        f"rewrite the file with `{name}` as {_told(before)}",
    )  # fmt: skip


def _told(kind: Any) -> str:
    return kind if isinstance(kind, str) else str(kind.get("type"))


def _refused(what: str, path: str, step: str) -> FerryError:
    return FerryError("LF-4110", what, path, step)
