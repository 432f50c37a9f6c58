"""Deletion vectors: descriptors, names of their files, and the rows that they delete.

Source: Delta protocol, "Deletion Vectors", "Deletion Vector Descriptor Schema", "Deletion Vector
Format", "Deletion Vector File Storage Format".
"""

import re
import struct
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lakeferry.delta.paths import below, canonical
from lakeferry.delta.roaring import Damaged, Rows, read_bitmap, read_native
from lakeferry.errors import FerryError
from lakeferry.store.protocol import Store

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_DIGITS = {letter: value for value, letter in enumerate(_ALPHABET)}
_UUID_CHARACTERS = 20  # of Z85 for 16 bytes
_PORTABLE = 1681511377  # 64-bit portable Roaring follows
_NATIVE = 1681511376  # an older layout, also that of the protocol's worked example
_FILE_VERSION = 1
_STANDARD_NAME = re.compile(
    r"(?:^|/)deletion_vector_([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\.bin$"
)


@dataclass(frozen=True, slots=True)
class DeletionVector:
    """A descriptor: where a vector lies, and how large it is."""

    storage_type: str  # 'u' file below the table root, 'i' inline, 'p' file anywhere
    path_or_inline_dv: str
    size_in_bytes: int  # of the bitmap with its magic number
    cardinality: int  # rows that it deletes
    offset: int | None = None  # in its file, bytes
    max_row_index: int | None = None

    @property
    def unique_id(self) -> str:
        place = f"{self.storage_type}{self.path_or_inline_dv}"
        return place if self.offset is None else f"{place}@{self.offset}"


def parse_descriptor(row: Mapping[str, Any]) -> DeletionVector:
    """From one value of the column `deletionVector`, or from JSON.

    Raises:
        FerryError: LF-3105 a field is missing; LF-4109 a storage type that no protocol knows.
    """
    try:
        vector = DeletionVector(
            storage_type=row["storageType"],
            path_or_inline_dv=row["pathOrInlineDv"],
            size_in_bytes=row["sizeInBytes"],
            cardinality=row["cardinality"],
            offset=row.get("offset"),
            max_row_index=row.get("maxRowIndex"),
        )
    except KeyError as error:
        raise FerryError(
            "LF-3105",
            f"a deletion vector lacks the required field {error}",
            f"descriptor: {dict(row)}",
            "the log was damaged; restore the file from a backup",
        ) from error
    if vector.storage_type not in ("u", "i", "p"):
        raise _damaged(vector, f"storage type `{vector.storage_type}` is unknown")
    return vector


def relative_file(vector: DeletionVector) -> str | None:
    """Key of a 'u' vector's file below the table root; None for the other kinds."""
    if vector.storage_type != "u":
        return None
    text = vector.path_or_inline_dv
    prefix, encoded = text[:-_UUID_CHARACTERS], text[-_UUID_CHARACTERS:]
    try:
        name = uuid.UUID(bytes=decode_z85(encoded))
    except ValueError as error:
        raise _damaged(vector, str(error)) from error
    if any(part in ("", ".", "..") for part in prefix.split("/")) and prefix:
        raise _damaged(vector, f"the prefix `{prefix}` climbs out of the table")
    return f"{prefix}/deletion_vector_{name}.bin" if prefix else f"deletion_vector_{name}.bin"


def relative_vector(url: str) -> str:
    """`pathOrInlineDv` of the 'u' vector as which a vector from elsewhere lands below a root.

    The file keeps its uuid where its name has the standard form; else its address gives one, so
    that every run finds the same.

    Args:
        url: `paths.canonical` of the vector's file, percent-decoded.
    """
    found = _STANDARD_NAME.search(url)
    name = uuid.UUID(found[1]) if found else uuid.uuid5(uuid.NAMESPACE_URL, url)
    return encode_z85(name.bytes)


def read_rows(store: Store, vector: DeletionVector) -> Rows:
    """Rows that a vector of the table at the store's root deletes, ascending, from 0.

    Raises:
        FerryError: LF-4109 it is damaged; LF-3106 a 'p' vector lies outside the root.
        FileNotFoundError: its file is not there.
    """
    if vector.storage_type == "i":
        return parse_inline(vector)
    key = relative_file(vector) or below(vector.path_or_inline_dv, canonical(store.url))
    if key is None:
        raise FerryError(
            "LF-3106",
            "a deletion vector lies outside the table",
            f"{vector.path_or_inline_dv}, table {store.url}",
            "read it through a store of its own place",
        )
    check_file_version(b"".join(store.read(key, start=0, end=1)), key)
    start, end = file_range(vector)
    return parse_stored(vector, b"".join(store.read(key, start=start, end=end)))


def file_range(vector: DeletionVector) -> tuple[int, int]:
    """[start, end) of the bytes of its file that `parse_stored` needs."""
    start = vector.offset or 0
    return start, start + 4 + vector.size_in_bytes + 4


def parse_stored(vector: DeletionVector, data: bytes) -> Rows:
    """Rows that a vector in a file deletes, ascending, from 0.

    Args:
        vector: a 'u' or 'p' descriptor.
        data: the bytes of `file_range`.

    Raises:
        FerryError: LF-4109: size, CRC-32, format or cardinality do not fit.
    """
    if len(data) < 8 + vector.size_in_bytes:
        raise _damaged(vector, f"{len(data)} bytes where {8 + vector.size_in_bytes} must be")
    (size,) = struct.unpack_from(">i", data, 0)
    if size != vector.size_in_bytes:
        raise _damaged(vector, f"the file says {size} bytes, the log {vector.size_in_bytes}")
    bitmap = data[4 : 4 + size]
    (stored,) = struct.unpack_from(">I", data, 4 + size)
    if zlib.crc32(bitmap) != stored:
        raise _damaged(vector, f"CRC-32 is {zlib.crc32(bitmap):08x}, the file says {stored:08x}")
    return _rows(vector, bitmap)


def parse_inline(vector: DeletionVector) -> Rows:
    """Rows that an 'i' vector deletes. Raises as `parse_stored` does."""
    try:
        bitmap = decode_z85(vector.path_or_inline_dv)
    except ValueError as error:
        raise _damaged(vector, str(error)) from error
    if len(bitmap) < vector.size_in_bytes:
        raise _damaged(vector, f"{len(bitmap)} bytes where {vector.size_in_bytes} must be")
    return _rows(vector, bitmap[: vector.size_in_bytes])  # Z85 comes in steps of 4 bytes


def _rows(vector: DeletionVector, bitmap: bytes) -> Rows:
    try:
        rows = _read_serialized(bitmap)
    except Damaged as error:
        raise _damaged(vector, str(error)) from error
    if len(rows) != vector.cardinality:
        raise _damaged(vector, f"it deletes {len(rows)} rows, the log says {vector.cardinality}")
    return rows


def _read_serialized(bitmap: bytes) -> Rows:
    magic = bitmap[:4]
    if magic == _PORTABLE.to_bytes(4, "little"):
        return read_bitmap(bitmap[4:])
    if magic == _NATIVE.to_bytes(4, "big"):
        return read_native(bitmap[4:], ">i")
    if magic == _NATIVE.to_bytes(4, "little"):
        return read_native(bitmap[4:], "<i")
    raise Damaged(f"it begins with {magic.hex()}, no magic number of a bitmap")


def check_file_version(first_byte: bytes, name: str) -> None:
    """Refuse a file of vectors whose format is unknown. Raises LF-4109."""
    if first_byte != bytes([_FILE_VERSION]):
        raise FerryError(
            "LF-4109",
            f"the file `{name}` is no file of deletion vectors, or of a newer format",
            f"its first byte is {first_byte.hex() or 'missing'}, expected 01",
            "restore the file, or upgrade lakeferry",
        )


def encode_z85(data: bytes) -> str:
    """Z85 of bytes whose number is a multiple of 4. Source: ZeroMQ RFC 32."""
    letters = []
    for (word,) in struct.iter_unpack(">I", data):
        letters.append("".join(_ALPHABET[word // 85**power % 85] for power in (4, 3, 2, 1, 0)))
    return "".join(letters)


def decode_z85(text: str) -> bytes:
    """Bytes of Z85. Raises ValueError where it is none."""
    if len(text) % 5:
        raise ValueError(f"{len(text)} characters of Z85 are no multiple of 5")
    words = []
    for start in range(0, len(text), 5):
        word = 0
        for letter in text[start : start + 5]:
            if letter not in _DIGITS:
                raise ValueError(f"`{letter}` is no character of Z85")
            word = word * 85 + _DIGITS[letter]
        if word >= 1 << 32:
            raise ValueError(f"`{text[start : start + 5]}` is no Z85 of 4 bytes")
        words.append(word)
    return struct.pack(f">{len(words)}I", *words)


def _damaged(vector: DeletionVector, why: str) -> FerryError:
    return FerryError(
        "LF-4109",
        "a deletion vector is damaged",
        f"vector `{vector.unique_id}`: {why}",
        "the source table is damaged; restore the vector's file from a backup",
    )
