"""Values of CSV that the reader surely refuses, found in a whole column at once. Pure.

Only what no spelling of a type has counts: the reader itself stays the judge of all other values.
"""

import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.ingest.payload.rows import Fault

_INTEGER = r"^[ \t]*-?(0[xX])?[0-9A-Fa-f]+[ \t]*$"
_DAY = r"^[ \t]*[0-9]{4}-[0-9]{2}-[0-9]{2}[ \t]*$"
_MOMENT = r"^[ \t]*[0-9]{4}-[0-9]{2}-[0-9]{2}"
_WORD = r"^[ \t]*(true|false)[ \t]*$"
_NUMBER = r"^[-+0-9.,eE \t]+$"  # with a point or without, or in powers of ten
_FLOAT = r"^[-+0-9.,eE \tinfatyINFATY]+$"  # or no number, or an infinite one


def surely_refused(values: pa.Array, field: pa.Field) -> list[int]:
    """Places of values, as bytes, that no spelling of the field's type can be.

    Raises:
        pa.ArrowInvalid: some are no UTF-8.
    """
    if not field.nullable and values.null_count:
        return pc.indices_nonzero(values.is_null()).to_pylist()  # type: ignore[no-any-return]
    pattern = _pattern(field.type)
    if pattern is None:
        return []
    texts, odd = values.cast(pa.string()), None
    if pattern == _INTEGER:  # figures alone are found in a tenth of the time
        odd = pc.indices_nonzero(pc.invert(pc.ascii_is_decimal(texts)))
        texts = texts.take(odd)
    fits = pc.match_substring_regex(texts, pattern)
    found = pc.indices_nonzero(pc.invert(fits).fill_null(False))
    return (found if odd is None else odd.take(found)).to_pylist()  # type: ignore[no-any-return]


def told(value: bytes | None, field: pa.Field) -> Fault:
    """What is wrong with such a value, in the reader's words."""
    path = f"$.{field.name}"
    if value is None:
        return Fault("it is empty", path)
    text = value.decode()
    if pa.types.is_timestamp(field.type):
        return Fault(f"Failed to parse string: '{text}'", path)
    return Fault(f"{field.type}: invalid value '{text}'", path)


def _pattern(kind: pa.DataType) -> str | None:
    types = pa.types
    found = (
        (types.is_integer, _INTEGER),
        (types.is_boolean, _WORD),
        (types.is_date, _DAY),
        (types.is_timestamp, _MOMENT),
        (types.is_decimal, _NUMBER),
        (types.is_floating, _FLOAT),
    )
    return next((pattern for test, pattern in found if test(kind)), None)
