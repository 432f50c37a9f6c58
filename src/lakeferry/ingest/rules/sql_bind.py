"""Conditions and expressions with the columns of a table: each name found, each type checked. Pure.

Names of columns are read in any case, as Spark reads them.
"""

from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa

from lakeferry.ingest.rules.sql_alike import (
    CLOCK,
    DAY,
    DOUBLE,
    LONG,
    MOMENT,
    SINGLE,
    TEXT,
    TRUTH,
    WHOLE,
    alike,
    is_time,
    moment,
)
from lakeferry.ingest.rules.sql_functions import arithmetic, call, cast_to
from lakeferry.ingest.rules.sql_nodes import (
    Apply,
    Bound,
    Call,
    Constant,
    Field,
    Literal,
    Name,
    NotTaken,
)
from lakeferry.ingest.rules.sql_nodes import Written as Text
from lakeferry.ingest.rules.sql_parse import parse_sql

_COMPARED = frozenset({"=", "<>", "<", "<=", ">", ">=", "<=>"})
_SIGNS = frozenset({"+", "-", "*", "/", "%"})
_EQUAL = frozenset({"=", "<>", "<=>"})


def bind_condition(text: str, schema: pa.Schema) -> Bound:
    """What a text says of rows: true, false, or null. Raises NotTaken.

    Args:
        schema: the columns that it may name.
    """
    return _truth(_Binder(schema).bound(parse_sql(text)))


def bind_value(text: str, schema: pa.Schema, kind: pa.DataType) -> Bound:
    """The values of this type that a text says. Raises NotTaken."""
    found = _Binder(schema).bound(parse_sql(text))
    if found.type != kind:
        raise NotTaken(f"it gives {found.type}, and the column is of type {kind}")
    return found


def same(name: str, value: Bound) -> Bound:
    """That a column has this value, or both are null. Raises NotTaken."""
    return _compared("<=>", Field((name,), value.type), value)


def is_there(name: str, kind: pa.DataType) -> Bound:
    """That a column is not null."""
    return Call("not", (Call("is null", (Field((name,), kind),), TRUTH),), TRUTH)


class _Binder:
    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema

    def bound(self, node: Text) -> Bound:
        match node:
            case Name(path):
                return self._field(path)
            case Literal("either", text):
                # A name where Spark was told so; no condition is valid either way.
                if str(text).lower() in {one.lower() for one in self._schema.names}:
                    raise NotTaken(f'"{text}" may be a text or a column')
                return Constant(text, TEXT)
            case Literal():
                return _constant(node)
            case Apply("CAST", (one, Literal("type", word))):
                return cast_to(self.bound(one), str(word))
            case Apply(word, args):
                return _applied(word, [self.bound(one) for one in args])

    def _field(self, path: Sequence[str]) -> Field:
        found: list[str] = []
        kind = pa.struct(list(self._schema))
        for name in path:
            fields = list(kind) if pa.types.is_struct(kind) else []
            here = next((one for one in fields if one.name.lower() == name.lower()), None)
            if here is None:
                raise NotTaken(f"the table has no column `{'.'.join((*found, name))}`")
            found.append(here.name)
            kind = here.type
        return Field(tuple(found), kind)


_PLAIN = {"boolean": TRUTH, "double": DOUBLE, "date": DAY, "text": TEXT, "null": pa.null()}


def _constant(node: Literal) -> Constant:
    match node.kind, node.value:
        case "whole", int(value):
            if not -(1 << 63) <= value < 1 << 63:
                raise NotTaken(f"{value} is no BIGINT")
            short = not node.long and -(1 << 31) <= value < 1 << 31
            return Constant(value, WHOLE if short else LONG)
        case "fraction", Decimal() as value:
            _, digits, exponent = value.as_tuple()
            precision = max(len(digits), -int(exponent))
            if precision > 38:
                raise NotTaken(f"{value} has more than 38 digits")
            return Constant(value, pa.decimal128(precision, -int(exponent)))
        case ("timestamp" | "timestamp_ntz") as kind, value:
            return moment(str(value), MOMENT if kind == "timestamp" else CLOCK)
        case kind, value if kind in _PLAIN:
            return Constant(value, _PLAIN[kind])
    raise NotTaken(f"`{node.value}` is not understood where it stands")


def _applied(word: str, args: Sequence[Bound]) -> Bound:
    match word, args:
        case (("AND" | "OR" | "NOT" | "IS TRUE" | "IS FALSE"), _):
            return Call(word.lower(), tuple(map(_truth, args)), TRUTH)
        case "IS NULL", [one]:
            return Call("is null", (one,), TRUTH)
        case "IN", [one, *values]:
            found = _among(one, values)
        case "LIKE", [one, pattern]:
            found = _like(one, pattern)
        case _, [left, right] if word in _COMPARED:
            found = _compared(word, left, right)
        case _, [left, right] if word in _SIGNS:
            found = arithmetic(word, left, right)
        case _:
            found = call(word, args)
    return found


def _truth(one: Bound) -> Bound:
    if pa.types.is_null(one.type):
        return Constant(None, TRUTH)
    if one.type != TRUTH:
        raise NotTaken(f"a {one.type} is no condition")
    return one


def _compared(word: str, left: Bound, right: Bound) -> Bound:
    found = alike(left, right)
    if found[0].type == TRUTH and word not in _EQUAL:
        raise NotTaken(f"`{word}` of booleans")
    return Call(word, found, TRUTH)


def _among(one: Bound, values: Sequence[Bound]) -> Bound:
    """IN: a text among texts, a number among numbers of one kind."""
    told = [value for value in values if not pa.types.is_null(value.type)]
    if not all(isinstance(value, Constant) for value in told) or not told:
        raise NotTaken("IN of what are no values")
    kinds = {_kind(value.type) for value in told}
    as_text = kinds == {"text"} and is_time(one.type) and one.type != DAY
    if len(kinds) > 1 or as_text or (one.type == SINGLE and kinds != {"whole"}):
        raise NotTaken(f"IN of {one.type} among {', '.join(sorted(kinds))}")
    compared = [alike(one, value) for value in told]
    has_null = len(told) < len(values)
    sides = {side for side, _ in compared}
    if len(sides) == 1 and not pa.types.is_floating(compared[0][0].type):
        found: Bound = Call("in", (compared[0][0], *(value for _, value in compared)), TRUTH)
    else:
        found = Call("or", tuple(Call("=", pair, TRUTH) for pair in compared), TRUTH)
    return Call("or", (found, Constant(None, TRUTH)), TRUTH) if has_null else found


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_signed_integer(kind):
        return "whole"
    if pa.types.is_decimal(kind):
        return "fraction"
    return "text" if kind == TEXT else str(kind)


def _like(one: Bound, pattern: Bound) -> Bound:
    if one.type != TEXT or not isinstance(pattern, Constant) or pattern.type != TEXT:
        raise NotTaken(f"LIKE of {one.type} and {pattern.type}")
    return Call("like", (one,), TRUTH, (str(pattern.value),))
