"""Functions and sums of bound arguments, with Spark's types; any other is not taken. Pure.

They are those that Delta's documentation names for partitions that are generated, and what reads
alike in all settings of Spark. A timestamp is taken apart in UTC.

Source: Delta documentation, "Use generated columns"; Spark SQL, "Functions", "Datetime patterns".
"""

import re
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from lakeferry.ingest.rules.sql_alike import (
    CLOCK,
    DAY,
    DOUBLE,
    MOMENT,
    SINGLE,
    TEXT,
    WHOLE,
    cast,
    is_number,
    is_time,
    numbers,
)
from lakeferry.ingest.rules.sql_nodes import Bound, Call, Constant, NotTaken

Args = Sequence[Bound]
_UNITS = {
    **dict.fromkeys(("YEAR", "YYYY", "YY"), "year"),
    **dict.fromkeys(("MONTH", "MON", "MM"), "month"),
    "QUARTER": "quarter",
    "WEEK": "week",
}
_FINER = {
    **dict.fromkeys(("DAY", "DD"), "day"),
    **{one.upper(): one for one in ("hour", "minute", "second", "millisecond", "microsecond")},
}
_PIECE = re.compile(r"yyyy|MM|dd|HH|mm|ss|[-_/.:, ]+")
_WIDER = {
    **{"SMALLINT": pa.int16(), "SHORT": pa.int16()},
    **{"INT": pa.int32(), "INTEGER": pa.int32(), "BIGINT": pa.int64(), "LONG": pa.int64()},
}
_FARTHEST = (1 << 31) - 1


def call(word: str, args: Args) -> Bound:
    """What a function gives of arguments. Raises NotTaken."""
    made = _FUNCTIONS.get(word)
    if made is None:
        raise NotTaken(f"`{word}` is not computed here")
    try:
        return made(args)
    except ValueError as error:  # too many arguments, or too few
        raise NotTaken(f"`{word}` has other arguments here") from error


def _clock(one: Bound) -> Bound:
    if not is_time(one.type):
        raise NotTaken(f"a {one.type} is no time")
    return cast(one, CLOCK)


def _part(name: str) -> Callable[[Args], Bound]:
    def made(args: Args) -> Bound:
        (one,) = args
        return Call(name, (_clock(one),), WHOLE)

    return made


def _date(args: Args) -> Bound:
    (one,) = args
    return one if one.type == DAY else Call("date", (_clock(one),), DAY)


def cast_to(one: Bound, word: str) -> Bound:
    """CAST: to a day, to a moment, to what holds all of a number. Raises NotTaken."""
    if word == "DATE":
        return _date((one,))
    if word == "TIMESTAMP" and is_time(one.type):
        return cast(_clock(one), MOMENT)
    wider = _WIDER.get(word)
    if wider is not None and pa.types.is_signed_integer(one.type):
        if one.type.bit_width <= wider.bit_width:
            return cast(one, wider)
    elif word == "DOUBLE" and (pa.types.is_signed_integer(one.type) or one.type == SINGLE):
        return cast(one, DOUBLE)
    raise NotTaken(f"a cast of {one.type} to {word} is not computed here")


def _format(args: Args) -> Bound:
    one, pattern = args
    text = _text(pattern)
    pieces = tuple(_PIECE.findall(text))
    if not text or "".join(pieces) != text:
        raise NotTaken(f"'{text}' has more than yyyy, MM, dd, HH, mm and ss in it")
    return Call("format", (_clock(one),), TEXT, pieces)


def _date_trunc(args: Args) -> Bound:
    unit, one = args
    name = _unit(unit, _UNITS | _FINER)
    return cast(Call("floor", (_clock(one),), CLOCK, (name,)), MOMENT)


def _trunc(args: Args) -> Bound:
    one, unit = args
    floor = Call("floor", (cast(_date((one,)), CLOCK),), CLOCK, (_unit(unit, _UNITS),))
    return Call("date", (floor,), DAY)


def _unit(one: Bound, known: Mapping[str, str]) -> str:
    found = known.get(_text(one).upper())
    if found is None:
        raise NotTaken(f"'{_text(one)}' is no unit of time here")
    return found


def _substring(args: Args) -> Bound:
    one, start, *more = args
    (length,) = more or (Constant(_FARTHEST, WHOLE),)
    if one.type != TEXT:
        raise NotTaken(f"a part of a {one.type} is not computed here")
    return Call("substring", (one,), TEXT, (_whole(start), _whole(length)))


def _first_there(args: Args) -> Bound:
    """The first that is not null, of one type or of numbers."""
    one, other = args
    if pa.types.is_null(one.type) or pa.types.is_null(other.type):
        raise NotTaken("COALESCE of NULL")
    if is_number(one.type) and is_number(other.type):
        one, other = numbers(one, other)
    if one.type != other.type or pa.types.is_nested(one.type):
        raise NotTaken(f"COALESCE of {one.type} and {other.type}")
    return Call("coalesce", (one, other), one.type)


def _length(args: Args) -> Bound:
    (one,) = args
    if one.type not in (TEXT, pa.binary()):
        raise NotTaken(f"the length of a {one.type} is not computed here")
    return Call("length", (one,), WHOLE)


def _text(one: Bound) -> str:
    if isinstance(one, Constant) and one.type == TEXT:
        return str(one.value)
    raise NotTaken("a pattern or unit that is no text")


def _whole(one: Bound) -> int:
    if isinstance(one, Constant) and one.type == WHOLE and isinstance(one.value, int):
        return one.value
    raise NotTaken("a place or length that is no number")


_FUNCTIONS: Mapping[str, Callable[[Args], Bound]] = {
    "YEAR": _part("year"),
    "MONTH": _part("month"),
    "DAY": _part("day"),
    "DAYOFMONTH": _part("day"),
    "HOUR": _part("hour"),
    "DATE": _date,
    "TO_DATE": _date,
    "DATE_FORMAT": _format,
    "DATE_TRUNC": _date_trunc,
    "TRUNC": _trunc,
    "SUBSTRING": _substring,
    "SUBSTR": _substring,
    "COALESCE": _first_there,
    "IFNULL": _first_there,
    "NVL": _first_there,
    "LENGTH": _length,
    "CHAR_LENGTH": _length,
    "CHARACTER_LENGTH": _length,
}


# --- sums -----------------------------------------------------------------------------------


def arithmetic(sign: str, left: Bound, right: Bound) -> Bound:
    """`+ - * / %` of integers and doubles. Raises NotTaken."""
    if not (is_number(left.type) and is_number(right.type)):
        raise NotTaken(f"`{sign}` of {left.type} and {right.type}")
    if sign == "/":
        return Call("/", (_as_double(left), Constant(float(_divisor(right)), DOUBLE)), DOUBLE)
    if sign == "%":
        divisor = _divisor(right)
        if not (pa.types.is_signed_integer(left.type) and isinstance(divisor, int)):
            raise NotTaken(f"`%` of {left.type} and {right.type}")
        left, right = numbers(left, Constant(abs(divisor), right.type))
        return Call("%", (left, right), left.type)
    found = numbers(left, right)
    kind = found[0].type
    if pa.types.is_decimal128(kind):
        raise NotTaken(f"`{sign}` of decimals")
    if SINGLE in (left.type, right.type) and left.type != right.type:
        raise NotTaken(f"`{sign}` of {left.type} and {right.type}")
    return Call(sign, found, kind)


def _as_double(one: Bound) -> Bound:
    if pa.types.is_signed_integer(one.type) or one.type == DOUBLE:
        return cast(one, DOUBLE)
    raise NotTaken(f"`/` of {one.type}")


def _divisor(one: Bound) -> int | float:
    """What is divided by: a number that stands there and is not 0, which settings treat apart."""
    if isinstance(one, Constant) and isinstance(one.value, int | float) and one.value:
        return one.value
    raise NotTaken("a division by what may be 0, or is a decimal")
