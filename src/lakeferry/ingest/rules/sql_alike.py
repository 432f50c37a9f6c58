"""Two sides of a comparison, or of a sum, made of one type: as all settings of Spark do it. Pure.

What Spark's settings (ANSI or not) make two answers of is not taken: numbers beside texts, decimals
beside doubles, floats beside integers of a column. The session's time zone is UTC here: a timestamp
without a zone means that, and so does a day that is compared with a timestamp.

Source: apache/spark `TypeCoercion`, `AnsiTypeCoercion`, `DecimalPrecision`.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa

from lakeferry.ingest.rules.sql_nodes import Bound, Call, Constant, NotTaken
from lakeferry.ingest.rules.sql_parse import day_of

CLOCK = pa.timestamp("us")  # without a zone; what times are computed as
MOMENT = pa.timestamp("us", "UTC")
TEXT, DAY, WHOLE, LONG = pa.string(), pa.date32(), pa.int32(), pa.int64()
SINGLE, DOUBLE, TRUTH = pa.float32(), pa.float64(), pa.bool_()
_EXACT = 1 << 24  # integers up to here are the same as floats
_DIGITS = {8: 3, 16: 5, 32: 10, 64: 20}  # of integers, by their bits
_MOST_DIGITS = 38
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def alike(left: Bound, right: Bound) -> tuple[Bound, Bound]:
    """Both of one type, to be compared. Raises NotTaken."""
    if pa.types.is_null(left.type) and pa.types.is_null(right.type):
        raise NotTaken("nothing but NULL is compared")
    if pa.types.is_null(left.type):
        return Constant(None, right.type), right
    if pa.types.is_null(right.type):
        return left, Constant(None, left.type)
    if is_time(left.type) or is_time(right.type):
        return _times(left, right)
    if is_number(left.type) and is_number(right.type):
        return numbers(left, right)
    if left.type == right.type and left.type in (TEXT, TRUTH):
        return left, right
    raise NotTaken(f"{left.type} is compared with {right.type}")


def cast(one: Bound, kind: pa.DataType) -> Bound:
    """The same, of another type that holds all of it."""
    return one if one.type == kind else Call("cast", (one,), kind)


def is_number(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_signed_integer(kind) or kind in (SINGLE, DOUBLE) or _is_decimal(kind))


def is_time(kind: pa.DataType) -> bool:
    return kind in (DAY, CLOCK, MOMENT)


def _is_decimal(kind: pa.DataType) -> bool:
    return bool(pa.types.is_decimal128(kind))


# --- numbers --------------------------------------------------------------------------------


def numbers(left: Bound, right: Bound) -> tuple[Bound, Bound]:
    """Two numbers as one type that holds both. Raises NotTaken."""
    kinds = (left.type, right.type)
    if left.type == right.type and not _is_decimal(left.type):
        return left, right
    if all(map(pa.types.is_signed_integer, kinds)):
        wide = max(kinds, key=lambda kind: kind.bit_width)
        return cast(left, wide), cast(right, wide)
    if SINGLE in kinds or DOUBLE in kinds:
        return _double(left, right), _double(right, left)
    (left_whole, left_scale), (right_whole, right_scale) = _digits(left), _digits(right)
    scale = max(left_scale, right_scale)
    digits = max(left_whole, right_whole) + scale
    if digits > _MOST_DIGITS:
        raise NotTaken(f"{left.type} and {right.type} have more than {_MOST_DIGITS} digits")
    kind = pa.decimal128(max(digits, 1), scale)
    return _decimal(left, kind), _decimal(right, kind)


def _double(one: Bound, beside: Bound) -> Bound:
    if isinstance(one, Constant) and isinstance(one.value, int | Decimal):
        if beside.type == SINGLE and isinstance(one.value, int) and abs(one.value) > _EXACT:
            raise NotTaken(f"{one.value} is beyond what a FLOAT holds exactly")
        return Constant(float(one.value), DOUBLE)
    if one.type in (SINGLE, DOUBLE) or (
        pa.types.is_signed_integer(one.type) and beside.type == DOUBLE
    ):
        return cast(one, DOUBLE)
    raise NotTaken(f"{one.type} meets {beside.type}, which Spark's settings read in two ways")


def _digits(one: Bound) -> tuple[int, int]:
    """Before and behind the point."""
    if _is_decimal(one.type):
        return one.type.precision - one.type.scale, one.type.scale
    return _DIGITS[one.type.bit_width], 0


def _decimal(one: Bound, kind: pa.DataType) -> Bound:
    if isinstance(one, Constant) and isinstance(one.value, int):
        return Constant(Decimal(one.value), kind)
    return Constant(one.value, kind) if isinstance(one, Constant) else cast(one, kind)


# --- times ----------------------------------------------------------------------------------


def _times(left: Bound, right: Bound) -> tuple[Bound, Bound]:
    left, right = _told(left, right.type), _told(right, left.type)
    if not (is_time(left.type) and is_time(right.type)):
        raise NotTaken(f"{left.type} is compared with {right.type}")
    if left.type == right.type:
        return left, right
    return cast(left, CLOCK), cast(right, CLOCK)


def _told(one: Bound, kind: pa.DataType) -> Bound:
    """A text beside a time is one."""
    if not (isinstance(one, Constant) and one.type == TEXT and is_time(kind)):
        return one
    return Constant(day_of(str(one.value)), DAY) if kind == DAY else moment(str(one.value), kind)


def moment(text: str, kind: pa.DataType) -> Constant:
    """`2026-11-26 09:00:00`, with or without a zone, as microseconds since the epoch.

    Args:
        kind: MOMENT or CLOCK; a text for the latter has no zone.
    """
    found = _TIME.fullmatch(text)
    if found is None or (found[3] and kind == CLOCK):
        raise NotTaken(f"'{text}' is no timestamp like 2026-11-26 09:00:00")
    try:
        told = datetime.fromisoformat(f"{found[1]}T{found[2] or '00:00'}{found[3] or 'Z'}")
        return Constant((told - _EPOCH) // timedelta(microseconds=1), kind)
    except (ValueError, OverflowError) as error:
        raise NotTaken(f"'{text}' is no timestamp: {error}") from error
