"""The content hash of `corpora/spark`, over Arrow batches: what `expected.json` was made with.

One canonical JSON line a row, sorted, joined, SHA-256. The recipe is in the corpus' LIST.md.
Written value by value on purpose: it shares nothing with the vectorised digest.
"""

import hashlib
import json
import math
from collections.abc import Iterable
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa

from tests.judges.variant import variant_value

_EXACT = Context(prec=60)


def content_hash(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> tuple[int, str]:
    """Number of rows and the hex SHA-256 of their canonical lines; void columns left out."""
    fields = [field for field in schema if not pa.types.is_null(field.type)]
    lines = [
        _dump([canonical(value, field.type) for value, field in zip(row, fields, strict=True)])
        for batch in batches
        for row in _rows(batch, [field.name for field in fields])
    ]
    lines.sort(key=str.encode)
    return len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _rows(batch: pa.RecordBatch, names: list[str]) -> Iterable[tuple[Any, ...]]:
    return zip(*(batch.column(name).to_pylist() for name in names), strict=True)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def canonical(value: Any, kind: pa.DataType) -> Any:
    """One value of Arrow type `kind` as what its line holds."""
    if value is None:
        return None
    if is_variant(kind):
        return json.dumps(
            variant_value(value["metadata"], value["value"]),
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            default=float,
        )
    if pa.types.is_struct(kind):
        return [canonical(value[field.name], field.type) for field in kind]
    if pa.types.is_map(kind):
        pairs = [
            [canonical(key, kind.key_type), canonical(item, kind.item_type)] for key, item in value
        ]
        return sorted(pairs, key=lambda pair: _dump(pair[0]).encode())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [canonical(item, kind.value_type) for item in value]
    return _scalar(value, kind)


def _scalar(value: Any, kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "true" if value else "false"
    if pa.types.is_floating(kind):
        return _float(value)
    if pa.types.is_decimal(kind):
        exact = Decimal(value).quantize(Decimal(1).scaleb(-kind.scale), context=_EXACT)
        return format(exact, "f")
    if pa.types.is_timestamp(kind):
        # Python's strftime would write the year 1 without its zeros.
        text = value.replace(tzinfo=None).isoformat(timespec="microseconds")
        return f"{text}Z" if kind.tz else f"{text}"
    return value.hex() if isinstance(value, bytes) else str(value)


def _float(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(float(value))


def is_variant(kind: pa.DataType) -> bool:
    """Whether a struct is a variant's two binaries."""
    return pa.types.is_struct(kind) and {(field.name, str(field.type)) for field in kind} == {
        ("metadata", "binary"),
        ("value", "binary"),
    }
