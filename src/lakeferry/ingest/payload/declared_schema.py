"""The columns that payloads shall have, as people declare them: Spark's JSON, or DDL. Pure.

Source: Delta protocol, "Schema Serialization Format" (the JSON of a StructType); Spark SQL Guide,
"Data Types" (the words of DDL, as `StructType.fromDDL` takes them).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
import pyarrow as pa

from lakeferry.delta.table_schema import arrow_schema, table_schema
from lakeferry.errors import FerryError

UTC_TIME = pa.timestamp("us", "UTC")
_WORDS = {
    "BOOLEAN": pa.bool_(),
    "BYTE": pa.int8(),
    "TINYINT": pa.int8(),
    "SHORT": pa.int16(),
    "SMALLINT": pa.int16(),
    "INT": pa.int32(),
    "INTEGER": pa.int32(),
    "LONG": pa.int64(),
    "BIGINT": pa.int64(),
    "FLOAT": pa.float32(),
    "REAL": pa.float32(),
    "DOUBLE": pa.float64(),
    "STRING": pa.string(),
    "BINARY": pa.binary(),
    "DATE": pa.date32(),
    "TIMESTAMP": UTC_TIME,
    "TIMESTAMP_LTZ": UTC_TIME,
    "TIMESTAMP_NTZ": pa.timestamp("us"),
}
_DECIMALS = ("DECIMAL", "DEC", "NUMERIC")
_TOKEN = re.compile(
    r"(?P<blank>\s+|--[^\n]*)|`(?P<quoted>(?:[^`]|``)+)`|(?P<word>\w+)|'(?P<text>[^']*)'"
    r"|(?P<sign>[<>(),:])",
    re.DOTALL,
)
_EXAMPLE = "write it as in `event_id STRING NOT NULL, ts TIMESTAMP, tags ARRAY<STRING>`"


def declared_schema(text: str, where: str) -> pa.Schema:
    """The columns of a declaration.

    Args:
        text: the JSON of a Spark StructType (`df.schema.json()`), or DDL
            (`event_id STRING, ts TIMESTAMP, ...`).
        where: it was written, for the error.

    Raises:
        FerryError: LF-7061 for text that is neither, for a type that is not known, for a column
            that is named twice (names differ by more than their case), for no column at all.
    """
    if text.lstrip().startswith(("{", '"', "[")):
        schema = _of_json(text, where)
    else:
        schema = _Ddl(text, where).columns()
    if not len(schema):
        raise _wrong("no column is declared", where)
    refuse_twins(schema, where)
    return schema


def ddl_text(schema: pa.Schema) -> str:
    """The same as DDL, a column a line."""
    return ",\n".join(
        f"{_name(one.name)} {_type(one.type)}{'' if one.nullable else ' NOT NULL'}"
        for one in schema
    )


# ---- JSON


def _of_json(text: str, where: str) -> pa.Schema:
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _wrong(f"it is no JSON: {error}", where) from error
    if isinstance(body, str):  # `schemaString` of a log, quoted once more
        return _of_json(body, where)
    if not isinstance(body, dict) or body.get("type") != "struct":
        raise _wrong('it is JSON, but no `{"type": "struct", "fields": [...]}`', where)
    try:
        return arrow_schema(table_schema(orjson.dumps(body).decode(), {}).columns)
    except FerryError as error:
        raise _wrong(error.what, where) from error


# ---- DDL


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # 'word', 'quoted', 'text', 'sign', 'end'
    text: str
    line: int
    column: int


class _Ddl:
    """A reader of one declaration; raises LF-7061 with line and column."""

    def __init__(self, text: str, where: str) -> None:
        self._where = where
        self._tokens = list(self._split(text))
        self._at = 0

    def columns(self) -> pa.Schema:
        fields = [self._field(colon=False)]
        while self._took(","):
            fields.append(self._field(colon=False))
        if self._next.kind != "end":
            raise self._unexpected("`,` or the end")
        return pa.schema(fields)

    def _split(self, text: str) -> Iterator[_Token]:
        at, line, begins = 0, 1, 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            place = (line, at - begins + 1)
            if found is None:
                raise self._error(f"`{text[at]}` means nothing here", *place)
            kind = str(found.lastgroup)
            if kind != "blank":
                yield _Token(kind, found[kind].replace("``", "`"), *place)
            if "\n" in found[0]:
                line += found[0].count("\n")
                begins = at + found[0].rindex("\n") + 1
            at = found.end()
        yield _Token("end", "the end", line, at - begins + 1)

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _took(self, *words: str) -> bool:
        """Whether the next token is one of these signs or words; then it is behind us."""
        token = self._next
        if token.kind in ("sign", "word") and token.text.upper() in words:
            self._at += 1
            return True
        return False

    def _want(self, sign: str) -> None:
        if not self._took(sign):
            raise self._unexpected(f"`{sign}`")

    def _field(self, *, colon: bool) -> pa.Field:
        token = self._next
        if token.kind not in ("word", "quoted"):
            raise self._unexpected("the name of a column")
        self._at += 1
        if not self._took(":") and colon:
            raise self._unexpected("`:`")
        kind = self._type()
        nullable = True
        if self._took("NOT"):
            if not self._took("NULL"):
                raise self._unexpected("`NULL`")
            nullable = False
        if self._took("COMMENT"):
            if self._next.kind != "text":
                raise self._unexpected("a comment in single quotes")
            self._at += 1
        return pa.field(token.text, kind, nullable=nullable)

    def _type(self) -> pa.DataType:
        token = self._next
        word = token.text.upper()
        if token.kind != "word":
            raise self._unexpected("a type")
        self._at += 1
        if word in _WORDS:
            return _WORDS[word]
        if word in _DECIMALS:
            return self._decimal(token)
        if word in ("VARCHAR", "CHAR"):
            self._numbers()
            return pa.string()
        if word == "ARRAY":
            self._want("<")
            element = self._type()
            self._want(">")
            return pa.list_(pa.field("element", element))
        if word == "MAP":
            self._want("<")
            key = self._type()
            self._want(",")
            value = self._type()
            self._want(">")
            return pa.map_(key, value)
        if word == "STRUCT":
            return self._struct()
        known = ", ".join([*_WORDS, "DECIMAL(p, s)", "ARRAY<>", "STRUCT<>"])
        raise self._error(f"`{token.text}` is no type; known: {known}", token.line, token.column)

    def _struct(self) -> pa.DataType:
        self._want("<")
        fields = [self._field(colon=True)]
        while self._took(","):
            fields.append(self._field(colon=True))
        self._want(">")
        return pa.struct(fields)

    def _decimal(self, token: _Token) -> pa.DataType:
        numbers = self._numbers() or [10]
        precision, scale = numbers[0], numbers[1] if len(numbers) > 1 else 0
        if not 1 <= precision <= 38 or scale > precision or len(numbers) > 2:
            what = f"{token.text}{tuple(numbers)} has no place for its digits: at most 38"
            raise self._error(what, token.line, token.column)
        return pa.decimal128(precision, scale)

    def _numbers(self) -> list[int]:
        found: list[int] = []
        if not self._took("("):
            return found
        while True:
            if not self._next.text.isdecimal():
                raise self._unexpected("a number")
            found.append(int(self._next.text))
            self._at += 1
            if not self._took(","):
                break
        self._want(")")
        return found

    def _unexpected(self, wanted: str) -> FerryError:
        token = self._next
        shown = token.text if token.kind == "end" else f"`{token.text}`"
        return self._error(f"{shown} stands where {wanted} is wanted", token.line, token.column)

    def _error(self, what: str, line: int, column: int) -> FerryError:
        return _wrong(what, f"{self._where}:{line}:{column}")


# ---- names and types


def refuse_twins(schema: pa.Schema, where: str) -> None:
    """LF-7061 where columns, or fields of a struct, differ by case alone: to Delta they are one."""
    seen: dict[str, str] = {}
    for one in schema:
        before = seen.get(one.name.lower())
        if before is not None:
            raise _wrong(f"`{before}` and `{one.name}` are one name to Delta", where)
        seen[one.name.lower()] = one.name
        for inner in _structs(one.type):
            refuse_twins(pa.schema(list(inner)), where)


def _structs(kind: pa.DataType) -> Iterator[pa.DataType]:
    if pa.types.is_struct(kind):
        yield kind
    elif pa.types.is_list(kind):
        yield from _structs(kind.value_type)


def _wrong(what: str, where: str) -> FerryError:
    return FerryError("LF-7061", f"the declared schema cannot be read: {what}", where, _EXAMPLE)


def _name(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else "`" + name.replace("`", "``") + "`"


_OF_ARROW = {
    kind: word
    for word, kind in reversed(_WORDS.items())
    if word not in ("BYTE", "SHORT", "INTEGER", "LONG", "REAL", "TIMESTAMP_LTZ")
}


def _type(kind: pa.DataType) -> str:
    if pa.types.is_struct(kind):
        inner = ", ".join(f"{_name(one.name)}: {_type(one.type)}" for one in kind)
        return f"STRUCT<{inner}>"
    if pa.types.is_list(kind):
        return f"ARRAY<{_type(kind.value_type)}>"
    if pa.types.is_map(kind):
        return f"MAP<{_type(kind.key_type)}, {_type(kind.item_type)}>"
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision}, {kind.scale})"
    return _OF_ARROW.get(kind, "STRING")
