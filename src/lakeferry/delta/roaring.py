"""64-bit Roaring bitmaps, read: the portable format, and Delta's older one around 32-bit bitmaps.

Source: RoaringFormatSpec, "Extension for 64-bit implementations" and the 32-bit layout; Delta
protocol, "Deletion Vector Format", its worked example.
"""

import struct

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.uint64]

_NO_RUNS = 12346  # cookie of a 32-bit bitmap without run containers
_RUNS = 12347  # lower half of the cookie of one with some
_OFFSETS_FROM = 4  # containers from which on a bitmap with runs has an offset header
_ARRAY_MAX = 4096  # values that an array container can hold
_BITMAP_BYTES = 8192


class Damaged(ValueError):
    """The bytes are no Roaring bitmap."""


class _Bytes:
    """A cursor that refuses to read past the end."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0

    def take(self, count: int) -> memoryview:
        if count < 0 or self._at + count > len(self._data):
            raise Damaged(f"{len(self._data)} bytes end within a value at {self._at}")
        self._at += count
        return self._data[self._at - count : self._at]

    def integer(self, form: str) -> int:
        value: int = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        return value

    def array(self, kind: str, count: int) -> npt.NDArray[np.uint16]:
        values: npt.NDArray[np.uint16] = np.frombuffer(
            self.take(count * np.dtype(kind).itemsize), dtype=kind
        )
        return values

    @property
    def left(self) -> int:
        return len(self._data) - self._at


def read_bitmap(data: bytes) -> Rows:
    """Values of a 64-bit bitmap, ascending. Raises `Damaged`."""
    cursor = _Bytes(data)
    buckets = cursor.integer("<q")
    if not 0 <= buckets <= 1 << 32:
        raise Damaged(f"{buckets} buckets")
    parts: list[Rows] = []
    last = -1
    for _ in range(buckets):
        key = cursor.integer("<I")
        if key <= last:
            raise Damaged(f"bucket {key} follows bucket {last}")
        last = key
        parts.append(_bitmap_32(cursor).astype(np.uint64) | np.uint64(key << 32))
    if cursor.left:
        raise Damaged(f"{cursor.left} bytes are left over")
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)


def read_native(data: bytes, integer: str) -> Rows:
    """Values of Delta's older format: a count, then sized 32-bit bitmaps for keys 0, 1, ...

    `integer`: struct format of the counts, for writers differed in byte order. Raises `Damaged`.
    """
    cursor = _Bytes(data)
    parts: list[Rows] = []
    for key in range(cursor.integer(integer)):
        bitmap = _Bytes(bytes(cursor.take(cursor.integer(integer))))
        parts.append(_bitmap_32(bitmap).astype(np.uint64) | np.uint64(key << 32))
    if cursor.left:
        raise Damaged(f"{cursor.left} bytes are left over")
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)


def _bitmap_32(cursor: _Bytes) -> npt.NDArray[np.uint32]:
    cookie = cursor.integer("<I")
    if cookie == _NO_RUNS:
        count = cursor.integer("<I")
        is_run = np.zeros(count if count <= 1 << 16 else 0, dtype=np.bool_)
    elif cookie & 0xFFFF == _RUNS:
        count = (cookie >> 16) + 1
        flags = np.frombuffer(cursor.take((count + 7) // 8), dtype=np.uint8)
        is_run = np.unpackbits(flags, bitorder="little")[:count].astype(np.bool_)
    else:
        raise Damaged(f"cookie {cookie}")
    if count > 1 << 16:
        raise Damaged(f"{count} containers")
    header = cursor.array("<u2", 2 * count).reshape(count, 2)
    if cookie == _NO_RUNS or count >= _OFFSETS_FROM:
        cursor.take(4 * count)
    parts: list[npt.NDArray[np.uint32]] = []
    last = -1
    for (key, less_one), has_runs in zip(header.tolist(), is_run.tolist(), strict=True):
        if key <= last:
            raise Damaged(f"container {key} follows container {last}")
        last = key
        low = _runs(cursor) if has_runs else _container(cursor, less_one + 1)
        parts.append(low.astype(np.uint32) | np.uint32(key << 16))
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint32)


def _container(cursor: _Bytes, count: int) -> npt.NDArray[np.uint16]:
    if count <= _ARRAY_MAX:
        values = cursor.array("<u2", count)
        if (values[1:] <= values[:-1]).any():
            raise Damaged("an array container does not ascend")
        return values
    bits = np.unpackbits(np.frombuffer(cursor.take(_BITMAP_BYTES), np.uint8), bitorder="little")
    found = np.flatnonzero(bits).astype(np.uint16)
    if len(found) != count:
        raise Damaged(f"a bitmap container has {len(found)} values, its header says {count}")
    return found


def _runs(cursor: _Bytes) -> npt.NDArray[np.uint16]:
    count = cursor.integer("<H")
    pairs = cursor.array("<u2", 2 * count).reshape(count, 2).astype(np.int64)
    starts, ends = pairs[:, 0], pairs[:, 0] + pairs[:, 1]
    if count and (ends[-1] > 0xFFFF or (starts[1:] <= ends[:-1]).any()):
        raise Damaged("a run container does not ascend")
    ranges = [np.arange(start, end + 1) for start, end in zip(starts, ends, strict=True)]
    return np.concatenate(ranges).astype(np.uint16) if ranges else np.empty(0, dtype=np.uint16)
