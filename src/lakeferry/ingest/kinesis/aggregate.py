"""KPL records: many user records in one of Kinesis, taken apart without protobuf's library. Pure.

Layout: F3 89 9A C2, a protobuf message, the 16 bytes of its MD5. The message holds a table of
partition keys (1), a table of explicit hash keys (2) and records (3), each of them an index into
the first table (1), maybe one into the second (2), and bytes (3).

Source: awslabs/amazon-kinesis-producer, aggregation-format.md; what a reader does with records
that belong to another shard: awslabs/amazon-kinesis-client, AggregatorUtil.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import md5
from typing import Literal

import msgspec

MAGIC = b"\xf3\x89\x9a\xc2"
DIGEST_BYTES = 16
HIGHEST_HASH = 2**128 - 1

# What becomes of user records whose hash key is none of the shard's. `drop-record` is right when
# all producers are KPL, which sends those again; `kcl` does as the KCL, which drops the whole
# aggregate; `keep` loses nothing and may double.
OutOfRange = Literal["keep", "drop-record", "quarantine", "kcl"]


class UserRecord(msgspec.Struct, frozen=True, gc=False):  # made ten times faster than a dataclass
    """One record as its producer made it."""

    sub_sequence: int  # 0, 1, 2 ... within its Kinesis record
    partition_key: str
    explicit_hash_key: str | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What one aggregated Kinesis record holds, sorted by what becomes of it."""

    kept: tuple[UserRecord, ...] = ()
    quarantined: tuple[UserRecord, ...] = ()  # in another shard's range
    dropped: int = 0
    out_of_range: int = 0  # as far as was looked: `kcl` stops at the first
    # Why the whole record goes to quarantine: it says that it is an aggregate, truly, and then
    # points into nowhere.
    broken: str | None = None


def unpack(
    data: bytes,
    hash_range: tuple[int, int] = (0, HIGHEST_HASH),
    *,
    out_of_range: OutOfRange = "keep",
) -> Unpacked | None:
    """The user records of one Kinesis record; None if it is an ordinary one.

    Args:
        data: of the Kinesis record.
        hash_range: of the shard that it was read from, first and last, both within.

    A record is an aggregate only if length, magic, MD5 and protobuf all agree; otherwise it is
    some producer's own bytes and is delivered whole. An aggregate of no records is one nonetheless.
    """
    if len(data) <= len(MAGIC) + DIGEST_BYTES or not data.startswith(MAGIC):
        return None
    message = data[len(MAGIC) : -DIGEST_BYTES]
    if md5(message, usedforsecurity=False).digest() != data[-DIGEST_BYTES:]:
        return None
    try:
        keys, hash_keys, indexed = _parse_message(message)
    except _NotProtobuf:
        return None
    try:
        records = [
            UserRecord(number, keys[key], None if own is None else hash_keys[own], body)
            for number, (key, own, body) in enumerate(indexed)
        ]
    except IndexError:
        return Unpacked(
            broken=f"an index of its records is beyond its {len(keys)} partition keys and "
            f"{len(hash_keys)} hash keys"
        )
    if hash_range == (0, HIGHEST_HASH):
        return Unpacked(kept=tuple(records))
    return _sorted(records, hash_range, out_of_range)


def hash_key(partition_key: str, explicit_hash_key: str | None = None) -> int:
    """Where a record belongs, 0 to 2^128 - 1: its explicit hash key, else the MD5 of its key.

    Producers exist that write a word for a number ("undefined"); they are taken to have none.
    """
    if explicit_hash_key is not None and explicit_hash_key.isdecimal():
        return int(explicit_hash_key)
    return _md5_number(partition_key)


@lru_cache(maxsize=65_536)  # records of one key follow each other
def _md5_number(partition_key: str) -> int:
    digest = md5(partition_key.encode(errors="surrogatepass"), usedforsecurity=False).digest()
    return int.from_bytes(digest, "big")


def _sorted(
    records: Sequence[UserRecord], hash_range: tuple[int, int], rule: OutOfRange
) -> Unpacked:
    first, last = hash_range
    within: list[UserRecord] = []
    outside: list[UserRecord] = []
    for record in records:
        belongs = first <= hash_key(record.partition_key, record.explicit_hash_key) <= last
        (within if belongs else outside).append(record)
        if outside and rule == "kcl":
            return Unpacked(dropped=len(records), out_of_range=1)
    if rule == "keep" or not outside:
        return Unpacked(kept=tuple(records), out_of_range=len(outside))
    if rule == "quarantine":
        return Unpacked(tuple(within), tuple(outside), out_of_range=len(outside))
    return Unpacked(tuple(within), dropped=len(outside), out_of_range=len(outside))


class _NotProtobuf(Exception):
    """The bytes are no message of this kind; the caller takes them as they are."""


Indexed = tuple[int, int | None, bytes]  # index of key, index of explicit hash key, data


def _parse_message(message: bytes) -> tuple[list[str], list[str], list[Indexed]]:
    """The two tables and the records. Raises _NotProtobuf."""
    keys: list[str] = []
    hash_keys: list[str] = []
    records: list[Indexed] = []
    at, end = 0, len(message)
    while at < end:
        tag, at = _varint(message, at, end)
        if tag not in (0x0A, 0x12, 0x1A):
            at = _skip(message, at, end, tag)
            continue
        length, at = _varint(message, at, end)
        stop = at + length
        if stop > end:
            raise _NotProtobuf
        if tag == 0x1A:
            records.append(_parse_record(message, at, stop))
        else:
            text = message[at:stop].decode(errors="replace")
            (keys if tag == 0x0A else hash_keys).append(text)
        at = stop
    return keys, hash_keys, records


def _parse_record(message: bytes, at: int, end: int) -> Indexed:
    key: int | None = None
    own: int | None = None
    data: bytes | None = None
    while at < end:
        tag, at = _varint(message, at, end)
        if tag == 0x1A:
            length, at = _varint(message, at, end)
            if at + length > end:
                raise _NotProtobuf
            data = message[at : at + length]
            at += length
        elif tag == 0x08:
            key, at = _varint(message, at, end)
        elif tag == 0x10:
            own, at = _varint(message, at, end)
        else:
            at = _skip(message, at, end, tag)
    if key is None or data is None:
        raise _NotProtobuf  # both are required
    return key, own, data


def _varint(message: bytes, at: int, end: int) -> tuple[int, int]:
    """An unsigned number of at most 64 bits and where it ends."""
    if at >= end:
        raise _NotProtobuf
    byte = message[at]
    if byte < 0x80:  # nearly all are one byte
        return byte, at + 1
    value, shift = 0, 0
    while shift < 70 and at < end:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
    raise _NotProtobuf


def _skip(message: bytes, at: int, end: int, tag: int) -> int:
    """Where a field that is not ours ends: tags of records, or what later versions add."""
    kind, number = tag & 7, tag >> 3
    if number == 0:
        raise _NotProtobuf
    if kind == 0:
        return _varint(message, at, end)[1]
    if kind == 2:
        length, at = _varint(message, at, end)
        at += length
    elif kind in (1, 5):
        at += 8 if kind == 1 else 4
    else:
        raise _NotProtobuf  # groups, which this message never had
    if at > end:
        raise _NotProtobuf
    return at
