"""Bound expressions of SQL over columns of Arrow: a value for each row, null where SQL says null.

Of three truths: false and null is false, true or null is true. NaN is equal to itself and greater
than all else; texts are compared by their bytes; both as in Spark.

Source: Spark SQL, "NULL Semantics", "NaN Semantics"; apache/spark `UTF8String.substringSQL`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.ingest.rules.sql_nodes import Bound, Call, Constant, Field

Values = Any  # an array of Arrow, or a scalar where it is the same for all rows
_DIGITS = {"MM": pc.month, "dd": pc.day, "HH": pc.hour, "mm": pc.minute}


def evaluate(bound: Bound, table: pa.Table) -> pa.Array:
    """The values of an expression, one for each row. A column that the table lacks is null.

    Raises:
        pa.ArrowInvalid: a sum is beyond its type.
    """
    found = _values(bound, table)
    return pa.repeat(found, table.num_rows) if isinstance(found, pa.Scalar) else found


def _values(bound: Bound, table: pa.Table) -> Values:
    match bound:
        case Constant(value, kind):
            return pa.scalar(value, kind)
        case Field(path, kind):
            return _field(path, kind, table)
        case Call(name, args, kind, options):
            return _DONE[name]([_values(one, table) for one in args], kind, options)


def _field(path: Sequence[str], kind: pa.DataType, table: pa.Table) -> Values:
    if path[0] not in table.column_names:
        return pa.nulls(table.num_rows, kind)
    found = table.column(path[0]).combine_chunks()
    for name in path[1:]:
        if found.type.get_field_index(name) < 0:
            return pa.nulls(table.num_rows, kind)
        found = pc.struct_field(found, name)
    return found


# --- truths ---------------------------------------------------------------------------------


def _equal(one: Values, other: Values) -> Values:
    found = pc.equal(one, other)
    if pa.types.is_floating(one.type):
        return pc.or_(found, pc.and_(pc.is_nan(one), pc.is_nan(other)))
    return found


def _less(one: Values, other: Values) -> Values:
    found = pc.less(one, other)
    if pa.types.is_floating(one.type):
        return pc.or_(found, pc.and_(pc.invert(pc.is_nan(one)), pc.is_nan(other)))
    return found


def _same(one: Values, other: Values) -> Values:
    both_null = pc.and_(pc.is_null(one), pc.is_null(other))
    return pc.or_(pc.fill_null(_equal(one, other), False), both_null)


def _among(args: Sequence[Values]) -> Values:
    found = pc.is_in(args[0], value_set=pa.array([one.as_py() for one in args[1:]], args[0].type))
    return pc.if_else(pc.is_null(args[0]), pa.scalar(None, pa.bool_()), found)


# --- times and texts ------------------------------------------------------------------------


def _floor(moments: Values, unit: str) -> Values:
    return pc.floor_temporal(moments, unit=unit)


def _format(moments: Values, pieces: Sequence[str]) -> Values:
    return pc.binary_join_element_wise(*(_piece(moments, piece) for piece in pieces), "")


def _piece(moments: Values, piece: str) -> Values:
    if piece == "yyyy":
        year = pc.year(moments)
        sign = pc.if_else(pc.less(year, 0), "-", pc.if_else(pc.greater(year, 9999), "+", ""))
        return pc.binary_join_element_wise(sign, _padded(pc.abs(year), 4), "")
    if piece == "ss":
        return _padded(pc.second(moments), 2)
    return _padded(_DIGITS[piece](moments), 2) if piece in _DIGITS else pa.scalar(piece)


def _padded(numbers: Values, width: int) -> Values:
    return pc.utf8_lpad(numbers.cast(pa.string()), width=width, padding="0")


def _substring(texts: Values, start: int, length: int) -> Values:
    """From a place on, the first being 1 or 0; from the end where it is below 0."""
    if length <= 0:
        return pc.utf8_slice_codeunits(texts, start=0, stop=0)
    begin = start - 1 if start > 0 else start
    end: int | None = begin + length
    if begin < 0 <= begin + length:
        end = None
    return pc.utf8_slice_codeunits(texts, start=begin, stop=end)


# --- numbers --------------------------------------------------------------------------------


def _sum(
    checked: Callable[..., Values], plain: Callable[..., Values]
) -> Callable[[Sequence[Values]], Values]:
    def done(args: Sequence[Values]) -> Values:
        return (plain if pa.types.is_floating(args[0].type) else checked)(*args)

    return done


def _remainder(one: Values, divisor: Values) -> Values:
    """With the sign of what is divided."""
    return pc.subtract(one, pc.multiply(pc.divide(one, divisor), divisor))


def _cast(values: Values, kind: pa.DataType) -> Values:
    # Integers beyond 2^53 become the nearest double, which a safe cast refuses.
    return values.cast(kind, safe=not pa.types.is_floating(kind))


_Done = Callable[[Sequence[Values], pa.DataType, Sequence[Any]], Values]
_DONE: Mapping[str, _Done] = {
    "and": lambda args, _, __: reduce(pc.and_kleene, args),
    "or": lambda args, _, __: reduce(pc.or_kleene, args),
    "not": lambda args, _, __: pc.invert(args[0]),
    "is null": lambda args, _, __: pc.is_null(args[0]),
    "is true": lambda args, _, __: pc.fill_null(args[0], False),
    "is false": lambda args, _, __: pc.fill_null(pc.invert(args[0]), False),
    "=": lambda args, _, __: _equal(*args),
    "<>": lambda args, _, __: pc.invert(_equal(*args)),
    "<": lambda args, _, __: _less(*args),
    ">": lambda args, _, __: _less(args[1], args[0]),
    "<=": lambda args, _, __: pc.invert(_less(args[1], args[0])),
    ">=": lambda args, _, __: pc.invert(_less(*args)),
    "<=>": lambda args, _, __: _same(*args),
    "coalesce": lambda args, _, __: pc.coalesce(*args),
    "in": lambda args, _, __: _among(args),
    "like": lambda args, _, options: pc.match_like(args[0], options[0]),
    "length": lambda args, kind, _: pc.cast(
        (pc.utf8_length if pa.types.is_string(args[0].type) else pc.binary_length)(args[0]), kind
    ),
    "substring": lambda args, _, options: _substring(args[0], *options),
    "year": lambda args, kind, _: pc.year(args[0]).cast(kind),
    "month": lambda args, kind, _: pc.month(args[0]).cast(kind),
    "day": lambda args, kind, _: pc.day(args[0]).cast(kind),
    "hour": lambda args, kind, _: pc.hour(args[0]).cast(kind),
    "date": lambda args, kind, _: _floor(args[0], "day").cast(kind),
    "floor": lambda args, _, options: _floor(args[0], options[0]),
    "format": lambda args, _, options: _format(args[0], options),
    "cast": lambda args, kind, _: _cast(args[0], kind),
    "+": lambda args, _, __: _sum(pc.add_checked, pc.add)(args),
    "-": lambda args, _, __: _sum(pc.subtract_checked, pc.subtract)(args),
    "*": lambda args, _, __: _sum(pc.multiply_checked, pc.multiply)(args),
    "/": lambda args, _, __: pc.divide(*args),
    "%": lambda args, _, __: _remainder(*args),
}
