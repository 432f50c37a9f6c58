"""Variant binaries -> Python values, for the content hash only.

Source: Parquet format, VariantEncoding.md.
"""

import struct
from decimal import Decimal
from itertools import pairwise
from typing import Any

_FIXED = {3: "<b", 4: "<h", 5: "<i", 6: "<q", 7: "<d", 14: "<f"}
_DECIMAL_BYTES = {8: 4, 9: 8, 10: 16}


def variant_value(metadata: bytes, value: bytes) -> Any:
    """The value that a variant's two binaries encode."""
    return _value(_names(metadata), value)


def _number(data: bytes, start: int, size: int) -> int:
    return int.from_bytes(data[start : start + size], "little")


def _names(metadata: bytes) -> list[str]:
    size = (metadata[0] >> 6) + 1
    count = _number(metadata, 1, size)
    bounds = [_number(metadata, 1 + size * (1 + place), size) for place in range(count + 1)]
    text = metadata[1 + size * (count + 2) :]
    return [text[low:high].decode() for low, high in pairwise(bounds)]


def _value(names: list[str], data: bytes) -> Any:
    kind, header = data[0] & 3, data[0] >> 2
    if kind == 1:
        return data[1 : 1 + header].decode()
    if kind == 2:
        return _object(names, data, header)
    if kind == 3:
        return _array(names, data, header)
    return _primitive(header, data)


def _object(names: list[str], data: bytes, header: int) -> dict[str, Any]:
    offset_size, id_size = (header & 3) + 1, (header >> 2 & 3) + 1
    count_size = 4 if header >> 4 & 1 else 1
    count = _number(data, 1, count_size)
    ids, offsets = 1 + count_size, 1 + count_size + count * id_size
    values = offsets + (count + 1) * offset_size
    return {
        names[_number(data, ids + place * id_size, id_size)]: _value(
            names, data[values + _number(data, offsets + place * offset_size, offset_size) :]
        )
        for place in range(count)
    }


def _array(names: list[str], data: bytes, header: int) -> list[Any]:
    offset_size, count_size = (header & 3) + 1, 4 if header >> 2 & 1 else 1
    count = _number(data, 1, count_size)
    offsets = 1 + count_size
    values = offsets + (count + 1) * offset_size
    return [
        _value(names, data[values + _number(data, offsets + place * offset_size, offset_size) :])
        for place in range(count)
    ]


def _primitive(kind: int, data: bytes) -> Any:
    if kind in (0, 1, 2):
        return (None, True, False)[kind]
    if kind in _FIXED:
        return struct.unpack_from(_FIXED[kind], data, 1)[0]
    if kind in _DECIMAL_BYTES:
        unscaled = int.from_bytes(data[2 : 2 + _DECIMAL_BYTES[kind]], "little", signed=True)
        return Decimal(unscaled).scaleb(-data[1])
    body = data[5 : 5 + _number(data, 1, 4)]
    return {15: body, 16: body.decode(errors="replace")}[kind]  # no times in the corpus
