"""Data of Avro -> Arrow, all of a page at once: column by column, where a record's fields are flat.

A page's records have one schema most of the time, so that each step is one for all of them: their
first field, then their second. Five times as fast as a record after the other. It says nothing of
a record that it does not read to its last byte: fastavro is the judge of those.

Source: Apache Avro Specification 1.12, "Binary Encoding".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Places = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

_PAD = 16  # bytes behind the last record: more than a number has
_NUMBERS = {"int": np.int32, "long": np.int64, "float": np.float32, "double": np.float64}
_KNOWN = {*_NUMBERS, "boolean", "string", "bytes"}
_MOST_BYTES = 2**31 - 1  # of a page, and so of a column
_LONG = 64  # bytes of a text, from which on it is copied by itself
# Of numbers that mean times: how many of the column's unit they are, and what Python's have.
_DAYS = (1, -719_162, 2_932_896)
_MICROS = (1, -62_135_596_800_000_000, 253_402_300_799_999_999)
_MILLIS = (1_000, -62_135_596_800_000, 253_402_300_799_999)
_LOGICAL = {
    ("date", "int"): _DAYS,
    ("timestamp-millis", "long"): _MILLIS,
    ("timestamp-micros", "long"): _MICROS,
    ("local-timestamp-millis", "long"): _MILLIS,
    ("local-timestamp-micros", "long"): _MICROS,
}


@dataclass(frozen=True, slots=True)
class FlatField:
    """One field of a record, as it is written."""

    kind: str  # a primitive type of Avro, but for null
    null: int | None  # which branch of its union is null; None: it is no union
    time: tuple[int, int, int] | None  # factor to the column's unit, lowest, highest


def flat_fields(schema: Mapping[str, Any]) -> tuple[FlatField, ...] | None:
    """The fields of a parsed schema; None if there are others than can be read so."""
    found = []
    for one in schema["fields"]:
        kind, null = one["type"], None
        if isinstance(kind, list):
            if len(kind) != 2 or "null" not in kind:
                return None
            null = kind.index("null")
            kind = kind[1 - null]
        time = None
        if isinstance(kind, dict):
            logical, kind = kind.get("logicalType"), str(kind["type"])
            time = _LOGICAL.get((str(logical), kind))
            if logical is not None and time is None:
                return None
        if not isinstance(kind, str) or kind not in _KNOWN:
            return None
        found.append(FlatField(kind, null, time))
    return tuple(found)


def read_flat(
    bodies: Sequence[bytes], fields: Sequence[FlatField], schema: pa.Schema
) -> tuple[list[int], pa.Table] | None:
    """Places of the records that were read to their last byte, and their rows.

    Nothing where a text of one of them is no UTF-8, or all are more than a column holds.
    """
    page = _Page(bodies)
    if len(page.bytes) > _MOST_BYTES:
        return None
    columns = [page.column(one) for one in fields]
    page.fits &= page.at == page.ends
    rows = np.flatnonzero(page.fits)
    try:
        arrays = [
            _array(page.bytes, column, rows, one.type)
            for column, one in zip(columns, schema, strict=True)
        ]
    except pa.ArrowInvalid:
        return None
    return rows.tolist(), pa.Table.from_arrays(arrays, schema=schema)


@dataclass(frozen=True, slots=True)
class _Column:
    """A field of all records; what it holds of those that do not fit means nothing."""

    valid: npt.NDArray[np.bool_]
    values: npt.NDArray[Any]  # of texts: how many bytes
    begins: Places | None  # of texts, in the page


class _Page:
    """All records one behind the other, and how far each of them is read."""

    def __init__(self, bodies: Sequence[bytes]) -> None:
        self.bytes: Bytes = np.frombuffer(b"".join([*bodies, bytes(_PAD)]), np.uint8)
        sizes = np.fromiter(map(len, bodies), np.int64, len(bodies))
        self.ends = np.cumsum(sizes)
        self.at = self.ends - sizes
        self.fits = np.ones(len(bodies), bool)

    def column(self, field: FlatField) -> _Column:
        """Read one field of each record."""
        valid = self.fits.copy()
        if field.null is not None:
            rows = np.flatnonzero(valid)
            branch = self._numbers(rows)
            self._refuse(rows[(branch != 0) & (branch != 1)])
            valid[rows[branch == field.null]] = False
            valid &= self.fits
        rows = np.flatnonzero(valid)
        if field.kind in ("string", "bytes"):
            return self._texts(rows, valid)
        values = np.zeros(len(valid), _NUMBERS.get(field.kind, np.bool_))
        if field.kind == "boolean":
            said = self._taken(rows, 1)[:, 0]
            self._refuse(rows[said > 1])
            values[rows] = said == 1
        elif field.kind in ("float", "double"):
            size = values.itemsize
            values[rows] = self._taken(rows, size).view(f"<f{size}")[:, 0]
        else:
            values = self._whole(rows, values, field)
        return _Column(valid, values, None)

    def _whole(self, rows: Places, values: npt.NDArray[Any], field: FlatField) -> npt.NDArray[Any]:
        found = self._numbers(rows)
        bounds = np.iinfo(values.dtype)
        factor, least, most = field.time or (1, int(bounds.min), int(bounds.max))
        self._refuse(rows[(found < least) | (found > most)])
        values[rows] = np.clip(found, least, most) * factor
        return values

    def _texts(self, rows: Places, valid: npt.NDArray[np.bool_]) -> _Column:
        sizes, begins = np.zeros(len(valid), np.int64), np.zeros(len(valid), np.int64)
        found = self._numbers(rows)
        wrong = (found < 0) | (found > self.ends[rows] - self.at[rows])
        self._refuse(rows[wrong])
        found[wrong] = 0
        sizes[rows], begins[rows] = found, self.at[rows]
        self.at[rows] += found
        return _Column(valid, sizes, begins)

    def _numbers(self, rows: Places) -> Places:
        """The next number of some records: seven bits a byte, the lowest first, zigzag."""
        at = self.at[rows]
        byte = self.bytes[at]
        found = (byte & 0x7F).astype(np.uint64)
        at += 1
        more, shift = np.flatnonzero(byte & 0x80), 7
        while len(more) and shift < 64:
            byte = self.bytes[at[more]]
            at[more] += 1
            if shift == 63:
                self._refuse(rows[more[byte > 1]])  # it has more than 64 bits
            found[more] |= (byte & 0x7F).astype(np.uint64) << np.uint64(shift)
            more, shift = more[byte & 0x80 != 0], shift + 7
        self._moved(rows, at)
        half: Places = (found >> np.uint64(1)).astype(np.int64)
        sign: Places = -(found & np.uint64(1)).astype(np.int64)
        return half ^ sign

    def _taken(self, rows: Places, size: int) -> Bytes:
        """So many bytes of some records."""
        begins = self.at[rows]
        self._moved(rows, begins + size)
        found: Bytes = self.bytes[begins[:, None] + np.arange(size)]
        return found

    def _moved(self, rows: Places, at: Places) -> None:
        """None is read beyond its end: what came from there is another's."""
        ends = self.ends[rows]
        self._refuse(rows[at > ends])
        self.at[rows] = np.minimum(at, ends)

    def _refuse(self, rows: Places) -> None:
        self.fits[rows] = False


def _array(page: Bytes, column: _Column, rows: Places, kind: pa.DataType) -> pa.Array:
    """The rows of a column. Raises pa.ArrowInvalid."""
    valid, values = column.valid[rows], column.values[rows]
    if column.begins is None:
        found = pa.array(values, mask=None if valid.all() else ~valid)
        return found if found.type == kind else found.cast(kind)
    ends = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(values, out=ends[1:])
    bits = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    texts = _joined(page, column.begins[rows], ends)
    buffers = [bits, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(texts)]
    return pa.Array.from_buffers(pa.binary(), len(rows), buffers).cast(kind)


def _joined(page: Bytes, begins: Places, ends: Places) -> bytes | Bytes:
    """Texts of a column, one behind the other."""
    sizes = np.diff(ends)
    if ends[-1] > _LONG * len(begins):
        whole = page.data
        spans = zip(begins.tolist(), sizes.tolist(), strict=True)
        return b"".join([whole[at : at + size] for at, size in spans])
    # Of each byte of the column, where it is in the page.
    first = (begins - ends[:-1]).astype(np.int32)
    found: Bytes = page[np.repeat(first, sizes) + np.arange(ends[-1], dtype=np.int32)]
    return found
