"""Statistics of a checkpoint kept as a struct (`stats_parsed`) -> the JSON text of `stats`.

Names are physical ones, as in the JSON. Nulls are left out; times are ISO 8601, decimals plain
numbers.

Source: Delta protocol, "Per-file Statistics" and "Checkpoint Schema".
"""

import datetime
import math
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa


def stats_json(parsed: pa.StructArray) -> pa.Array:
    """One JSON text a row; null where the struct is null or says nothing."""
    plain = parsed.cast(_without_nanoseconds(parsed.type))
    return pa.array([_text(row) for row in plain.to_pylist()], pa.string())


def _without_nanoseconds(kind: pa.DataType) -> pa.DataType:
    """The same type with microseconds, which Delta's own times have and Python's can hold."""
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _without_nanoseconds(field.type)) for field in kind])
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    return kind


def _text(row: dict[str, Any] | None) -> str | None:
    body = _compact(row)
    if not body:
        return None
    return orjson.dumps(body, default=_leaf, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()


def _compact(value: Any) -> Any:
    """Without null members; floats that JSON cannot hold as their names."""
    if isinstance(value, dict):
        members = {name: _compact(member) for name, member in value.items()}
        # A struct column whose values are all null has an empty object, which says nothing.
        return {name: member for name, member in members.items() if member not in (None, {})}
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def _leaf(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        precision = "milliseconds" if value.microsecond % 1000 == 0 else "microseconds"
        text = value.replace(tzinfo=None).isoformat(timespec=precision)
        return text + "Z" if value.tzinfo else text
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    raise TypeError(f"no JSON for {type(value)}")
