"""Partition values of the files of a Parquet table, from their `name=value` folders. Pure.

As Hive and Spark write and read them: names and values are percent-encoded, and the name of one
folder stands for null. Values are text unless a type is declared, for a value such as `007` or
`2024` says nothing of its type, and a table whose column changes its type with a new folder is no
table that readers can go on with. Spark's `CONVERT TO DELTA` asks for the types for this reason.

Source: Hive, `FileUtils.escapePathName`; Delta protocol, "Partition Value Serialization".
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from urllib.parse import quote, unquote

NULL = "__HIVE_DEFAULT_PARTITION__"
_FOLDER = re.compile(r"([^=/]+)=([^/]*)", re.DOTALL)
_WHOLE = {"byte": 8, "short": 16, "integer": 32, "long": 64}  # bits


def partition_of(path: str) -> tuple[tuple[str, str | None], ...] | None:
    """Names and values of the folders above a file; None where one of them is no `name=value`."""
    found = []
    for part in path.split("/")[:-1]:
        folder = _FOLDER.fullmatch(part)
        if folder is None:
            return None
        found.append((unquote(folder[1]), value_of(folder[2])))
    return tuple(found)


def value_of(text: str) -> str | None:
    """The value that the right side of a folder's name stands for. Empty text is null to Delta."""
    return None if text in (NULL, "") else unquote(text)


def folder_of(names: tuple[str, ...], values: tuple[str | None, ...]) -> str:
    """The folders of a partition that lies elsewhere, as Hive would name them; '' of none."""
    pairs = zip(names, values, strict=True)
    return "/".join(f"{_escaped(name)}={_escaped(value)}" for name, value in pairs)


def stored_value(value: str | None, kind: str) -> str | None:
    """A value as `partitionValues` state it. `kind`: Delta's name of its type, 'long', ...

    Raises:
        ValueError: it is none of that type.
    """
    if value is None or value in ("", NULL):
        return None
    written = next((write for begins, write in _WRITTEN if kind.startswith(begins)), None)
    return value if written is None else written(value, kind)


def _whole(value: str, kind: str) -> str:
    number, most = int(value), 1 << _WHOLE[kind] - 1
    if not -most <= number < most:
        raise ValueError(value)
    return str(number)


def _number(value: str, kind: str) -> str:
    del kind
    float(value)
    return value


def _truth(value: str, kind: str) -> str:
    del kind
    if value.lower() not in ("true", "false"):
        raise ValueError(value)
    return value.lower()


def _day(value: str, kind: str) -> str:
    del kind
    return date.fromisoformat(value).isoformat()


def _moment(value: str, kind: str) -> str:
    del kind
    datetime.fromisoformat(value)
    return value


def _decimal(value: str, kind: str) -> str:
    del kind
    try:
        return format(Decimal(value), "f")
    except InvalidOperation as error:
        raise ValueError(value) from error


_WRITTEN: tuple[tuple[str | tuple[str, ...], Callable[[str, str], str]], ...] = (
    (tuple(_WHOLE), _whole),
    (("float", "double"), _number),
    ("boolean", _truth),
    ("date", _day),
    ("timestamp", _moment),
    ("decimal", _decimal),
)


def declared_type(kind: str) -> str | None:
    """Delta's name of a type as Hive or Glue writes it; None of what no partition is of."""
    kind = kind.strip().lower()
    plain = _OF_HIVE.get(kind)
    if plain is not None:
        return plain
    if re.fullmatch(r"(var)?char\(\d+\)", kind):
        return "string"
    found = re.fullmatch(r"decimal(?:\((\d+)(?:,\s*(\d+))?\))?", kind)
    return None if found is None else f"decimal({found[1] or 10},{found[2] or 0})"


_OF_HIVE = {
    "tinyint": "byte", "smallint": "short", "int": "integer", "integer": "integer",
    "bigint": "long", "long": "long", "byte": "byte", "short": "short", "float": "float",
    "double": "double", "boolean": "boolean", "string": "string", "date": "date",
    "timestamp": "timestamp", "timestamp_ntz": "timestamp_ntz",
}  # fmt: skip


def _escaped(text: str | None) -> str:
    return NULL if text is None else quote(text, safe=" !$&()+,-.;<>@_`|~")
