"""Thrift's binary protocol: values <-> bytes, fields that nobody names kept as they are.

A struct is a dict of its fields by their numbers; each value goes with its type, so what was read
can be written again without knowing what it means. That matters where a whole struct is read,
changed in one field and sent back: a client made from a list of fields would lose the others.

Source: Thrift specification, "Thrift Binary protocol encoding".
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from struct import Struct as Packing
from typing import Any

BOOL, BYTE, DOUBLE, I16, I32, I64 = 2, 3, 4, 6, 8, 10
STRING, STRUCT, MAP, SET, LIST = 11, 12, 13, 14, 15
CALL, REPLY, EXCEPTION = 1, 2, 3
_VERSION = 0x8001_0000
_STOP = 0
_NUMBERS = {BYTE: Packing("!b"), DOUBLE: Packing("!d"), I16: Packing("!h"), I32: Packing("!i"),
            I64: Packing("!q"), BOOL: Packing("!?")}  # fmt: skip
_HOLDERS = (MAP, SET, LIST)
_FIELD = Packing("!bh")
_PAIR = Packing("!bbi")
_ITEMS = Packing("!bi")
MOST_BYTES = 1 << 30  # of one text: more is the answer of another protocol
MOST_ITEMS = 1 << 26

Read = Callable[[int], bytes]  # exactly so many bytes, or EOFError
Fields = dict[int, "Typed"]


class NotThrift(ValueError):
    """The bytes are no message of this protocol."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A value with its type.

    Of a list or a set the value is a list of items and `of` their type; of a map a list of pairs,
    and `key` and `of` the types of their two halves; of a struct its fields. An item that is a
    list, a set or a map itself is `Typed` again, every other one plain.
    """

    kind: int
    value: Any
    of: int = 0
    key: int = 0


def text(value: str) -> Typed:
    return Typed(STRING, value)


def i32(value: int) -> Typed:
    return Typed(I32, value)


def flag(value: bool) -> Typed:
    return Typed(BOOL, value)


def struct(fields: Fields) -> Typed:
    return Typed(STRUCT, fields)


def texts(values: Iterable[str]) -> Typed:
    return Typed(LIST, list(values), STRING)


def structs(values: Iterable[Fields]) -> Typed:
    return Typed(LIST, list(values), STRUCT)


def text_map(values: Mapping[str, str]) -> Typed:
    return Typed(MAP, list(values.items()), STRING, STRING)


def value(fields: Fields, number: int, default: Any) -> Any:
    """The value of a field; `default` where it is not there."""
    found = fields.get(number)
    return default if found is None else found.value


# ---- bytes -> values


def read_message(read: Read) -> tuple[int, str, int, Fields]:
    """Type, method, sequence number and fields of the next message.

    Raises:
        EOFError: the stream ends before its end.
        NotThrift: it is none.
    """
    head = _number(read, I32) & 0xFFFF_FFFF
    if head & 0xFFFF_FF00 != _VERSION:
        raise NotThrift(f"it begins with {head:#010x}")
    method = _read(read, STRING).value
    return head & 0xFF, method, _number(read, I32), _read_fields(read)


def _read_fields(read: Read) -> Fields:
    found: Fields = {}
    while kind := read(1)[0]:
        number = _number(read, I16)
        found[number] = _read(read, kind)
    return found


def _read(read: Read, kind: int) -> Typed:
    if kind in (LIST, SET):
        of, count = _ITEMS.unpack(read(5))
        return Typed(kind, [_item(read, of) for _ in range(_sane(count, MOST_ITEMS))], of)
    if kind == MAP:
        key, of, count = _PAIR.unpack(read(6))
        pairs = range(_sane(count, MOST_ITEMS))
        return Typed(kind, [(_item(read, key), _item(read, of)) for _ in pairs], of, key)
    return Typed(kind, _plain(read, kind))


def _item(read: Read, kind: int) -> Any:
    return _read(read, kind) if kind in _HOLDERS else _plain(read, kind)


def _plain(read: Read, kind: int) -> Any:
    if kind == STRING:
        # Bytes that are no UTF-8 come back as they were when the text is written.
        return read(_sane(_number(read, I32), MOST_BYTES)).decode(errors="surrogateescape")
    if kind == STRUCT:
        return _read_fields(read)
    if kind not in _NUMBERS:
        raise NotThrift(f"it holds a value of type {kind}")
    return _number(read, kind)


def _number(read: Read, kind: int) -> Any:
    packing = _NUMBERS[kind]
    return packing.unpack(read(packing.size))[0]


def _sane(count: int, most: int) -> int:
    if not 0 <= count <= most:
        raise NotThrift(f"it holds {count} items")
    return count


# ---- values -> bytes


def message(kind: int, method: str, number: int, fields: Fields) -> bytes:
    """A whole message."""
    out = bytearray(_NUMBERS[I32].pack((_VERSION | kind) - (1 << 32)))
    _write(out, text(method))
    out += _NUMBERS[I32].pack(number)
    _write_fields(out, fields)
    return bytes(out)


def _write_fields(out: bytearray, fields: Fields) -> None:
    for number, one in fields.items():
        out += _FIELD.pack(one.kind, number)
        _write(out, one)
    out.append(_STOP)


def _write(out: bytearray, one: Typed) -> None:
    if one.kind in (LIST, SET):
        out += _ITEMS.pack(one.of, len(one.value))
        for item in one.value:
            _write_item(out, one.of, item)
    elif one.kind == MAP:
        out += _PAIR.pack(one.key, one.of, len(one.value))
        for key, item in one.value:
            _write_item(out, one.key, key)
            _write_item(out, one.of, item)
    elif one.kind == STRUCT:
        _write_fields(out, one.value)
    elif one.kind == STRING:
        data = one.value.encode(errors="surrogateescape")
        out += _NUMBERS[I32].pack(len(data)) + data
    else:
        out += _NUMBERS[one.kind].pack(one.value)


def _write_item(out: bytearray, kind: int, item: Any) -> None:
    _write(out, item if kind in _HOLDERS else Typed(kind, item))
