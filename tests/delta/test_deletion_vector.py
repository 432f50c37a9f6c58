import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.delta.deletion_vector import (
    DeletionVector,
    decode_z85,
    encode_z85,
    file_range,
    parse_descriptor,
    parse_inline,
    parse_stored,
    read_rows,
    relative_file,
    relative_vector,
)
from lakeferry.delta.roaring import Damaged, read_bitmap
from lakeferry.errors import FerryError
from lakeferry.store.open import open_store

MAGIC = struct.pack("<i", 1681511377)
EXAMPLE = DeletionVector("u", "ab^-aqEH.-t@S}K{vb[*k^", 40, 6, offset=4)


def containers(values: list[int]) -> bytes:
    """A 32-bit bitmap without runs, by the format's own text."""
    by_key: dict[int, list[int]] = {}
    for value in values:
        by_key.setdefault(value >> 16, []).append(value & 0xFFFF)
    header = b"".join(struct.pack("<HH", key, len(low) - 1) for key, low in by_key.items())
    bodies = [
        np.array(low, "<u2").tobytes()
        if len(low) <= 4096
        else np.packbits(np.isin(np.arange(65536), low), bitorder="little").tobytes()
        for low in by_key.values()
    ]
    offsets = b"\0\0\0\0" * len(by_key)  # readers in sequence need none of them
    return struct.pack("<II", 12346, len(by_key)) + header + offsets + b"".join(bodies)


def portable(values: list[int]) -> bytes:
    buckets: dict[int, list[int]] = {}
    for value in sorted(values):
        buckets.setdefault(value >> 32, []).append(value & 0xFFFFFFFF)
    body = b"".join(struct.pack("<I", key) + containers(low) for key, low in buckets.items())
    return struct.pack("<q", len(buckets)) + body


def stored(bitmap: bytes) -> bytes:
    return struct.pack(">i", len(bitmap)) + bitmap + struct.pack(">I", zlib.crc32(bitmap))


def of_file(bitmap: bytes, cardinality: int, *, offset: int = 1) -> DeletionVector:
    return DeletionVector("u", "ab^-aqEH.-t@S}K{vb[*k^", len(bitmap), cardinality, offset)


def refusal(vector: DeletionVector, data: bytes) -> FerryError:
    with pytest.raises(FerryError) as refused:
        parse_stored(vector, data)
    assert refused.value.code == "LF-4109"
    return refused.value


def test_the_protocol_s_inline_example_deletes_its_six_rows() -> None:
    vector = DeletionVector("i", "wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", 40, 6)

    assert parse_inline(vector).tolist() == [3, 4, 7, 11, 18, 29]


def test_the_protocol_s_example_of_a_relative_vector_lies_in_its_prefix_folder() -> None:
    name = "deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"

    assert relative_file(EXAMPLE) == f"ab/{name}"
    assert EXAMPLE.unique_id == "uab^-aqEH.-t@S}K{vb[*k^@4"
    assert file_range(EXAMPLE) == (4, 52)


def test_a_vector_without_a_prefix_lies_in_the_root() -> None:
    vector = DeletionVector("u", "^-aqEH.-t@S}K{vb[*k^", 40, 6)

    assert relative_file(vector) == "deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"
    assert vector.unique_id == "u^-aqEH.-t@S}K{vb[*k^"


def test_other_kinds_have_no_file_below_the_root() -> None:
    assert relative_file(DeletionVector("p", "s3://b/x.bin", 40, 6, 1)) is None


def test_a_vector_from_elsewhere_keeps_the_uuid_of_a_standard_name() -> None:
    url = "s3://b/base/ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"

    assert relative_vector(url) == "^-aqEH.-t@S}K{vb[*k^"


def test_a_vector_of_another_name_gets_a_uuid_from_its_address() -> None:
    first, again = relative_vector("s3://b/odd.bin"), relative_vector("s3://b/odd.bin")

    assert first == again != relative_vector("s3://b/odd2.bin")
    assert len(first) == 20


@given(st.binary(max_size=40).map(lambda data: data[: len(data) // 4 * 4]))
def test_z85_decodes_to_what_was_encoded(data: bytes) -> None:
    assert decode_z85(encode_z85(data)) == data


@pytest.mark.parametrize("text", ["abcd", "ab cd", "#####"])
def test_what_is_no_z85_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Z85"):
        decode_z85(text)


@given(st.sets(st.integers(0, 3).map(lambda high: high << 31) | st.integers(0, 300_000)))
def test_every_bitmap_reads_as_its_values(values: set[int]) -> None:
    assert read_bitmap(portable(sorted(values))).tolist() == sorted(values)


def test_a_dense_bitmap_is_a_bitmap_container() -> None:
    values = list(range(0, 60_000, 3))

    assert read_bitmap(portable(values)).tolist() == values


def test_runs_are_read() -> None:
    runs = (
        struct.pack("<IB", 12347, 1)
        + struct.pack("<HH", 2, 6)
        + struct.pack("<HHHHH", 2, 5, 3, 100, 2)
    )
    body = struct.pack("<q", 1) + struct.pack("<I", 0) + runs

    assert read_bitmap(body).tolist() == [2 << 16 | n for n in (5, 6, 7, 8, 100, 101, 102)]


@given(st.integers(0, 60), st.binary(max_size=2))
def test_cut_or_lengthened_bitmaps_are_damaged_or_differ(length: int, more: bytes) -> None:
    whole = portable([1, 5, 70_000, 1 << 33])
    cut = whole[:length] + more
    if cut == whole:
        return
    try:
        values = read_bitmap(cut).tolist()
    except Damaged:
        return
    assert values != [1, 5, 70_000, 1 << 33]


def test_a_vector_in_a_file_is_read_with_its_checksum() -> None:
    bitmap = MAGIC + portable([0, 9])

    assert parse_stored(of_file(bitmap, 2), stored(bitmap)).tolist() == [0, 9]


def test_a_flipped_bit_is_found() -> None:
    bitmap = MAGIC + portable([0, 9])
    data = bytearray(stored(bitmap))
    data[30] ^= 1

    assert "CRC-32" in refusal(of_file(bitmap, 2), bytes(data)).where


def test_another_number_of_rows_is_found() -> None:
    bitmap = MAGIC + portable([0, 9])

    assert "deletes 2 rows" in refusal(of_file(bitmap, 3), stored(bitmap)).where


def test_another_size_and_a_cut_file_are_found() -> None:
    bitmap = MAGIC + portable([0, 9])

    assert "bytes" in refusal(of_file(bitmap + b"x", 2), stored(bitmap) + b"x").where
    assert "bytes" in refusal(of_file(bitmap, 2), stored(bitmap)[:-1]).where


def test_a_file_with_several_vectors_is_read_by_range(tmp_path: Path) -> None:
    first, second = MAGIC + portable([1]), MAGIC + portable([2, 3])
    vector = of_file(second, 2, offset=1 + len(stored(first)))
    name = relative_file(vector)
    assert name is not None
    (tmp_path / "ab").mkdir()
    (tmp_path / name).write_bytes(b"\x01" + stored(first) + stored(second))

    assert read_rows(open_store(str(tmp_path)), vector).tolist() == [2, 3]


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin").write_bytes(
        b"\2"
    )

    with pytest.raises(FerryError, match="first byte is 02"):
        read_rows(open_store(str(tmp_path)), EXAMPLE)


def test_a_descriptor_without_a_required_field_or_of_an_unknown_type_is_refused() -> None:
    whole = {"storageType": "r", "pathOrInlineDv": "x", "sizeInBytes": 1, "cardinality": 1}

    with pytest.raises(FerryError, match="storage type `r`"):
        parse_descriptor(whole)
    with pytest.raises(FerryError, match="LF-3105"):
        parse_descriptor({"storageType": "u"})


def of_container(key: int, cookie: int, body: bytes) -> bytes:
    return struct.pack("<qI", 1, key) + struct.pack("<I", cookie) + body


@pytest.mark.parametrize(
    ("bitmap", "why"),
    [
        (struct.pack("<q", -1), "buckets"),
        (struct.pack("<qI", 2, 5) + containers([1]) + struct.pack("<I", 5) + containers([1]),
         "follows bucket"),
        (of_container(0, 99, b""), "cookie"),
        (of_container(0, 12346, struct.pack("<I", 70_000)), "containers"),
        (of_container(0, 12346, struct.pack("<IHHHHII", 2, 1, 0, 1, 0, 0, 0) + b"\0" * 4),
         "follows container"),
        (of_container(0, 12346, struct.pack("<IHHIHH", 1, 0, 1, 0, 7, 7)), "does not ascend"),
        (of_container(0, 12346, struct.pack("<IHHI", 1, 0, 4999, 0) + b"\0" * 8192), "0 values"),
        (of_container(0, 12347, struct.pack("<BHHHHHHH", 1, 0, 3, 2, 9, 1, 9, 1)),
         "does not ascend"),
        (portable([1]) + b"x", "left over"),
        (portable([1])[:-1], "end within"),
    ],
)  # fmt: skip
def test_each_way_to_be_no_bitmap_is_named(bitmap: bytes, why: str) -> None:
    with pytest.raises(Damaged, match=why):
        read_bitmap(bitmap)


@pytest.mark.parametrize("order", [">", "<"])
def test_the_older_layout_is_read_in_both_byte_orders(order: str) -> None:
    parts = [containers([3]), containers([1, 2])]
    sized = b"".join(struct.pack(f"{order}i", len(part)) + part for part in parts)
    bitmap = struct.pack(f"{order}ii", 1681511376, 2) + sized

    assert parse_stored(of_file(bitmap, 3), stored(bitmap)).tolist() == [3, 2**32 + 1, 2**32 + 2]
    assert "left over" in refusal(of_file(bitmap + b"x", 3), stored(bitmap + b"x")).where


def test_bytes_without_a_magic_number_are_refused() -> None:
    assert "magic" in refusal(of_file(b"nonsense", 1), stored(b"nonsense")).where


def test_a_name_or_a_prefix_that_is_none_is_refused() -> None:
    with pytest.raises(FerryError, match="LF-4109"):
        relative_file(DeletionVector("u", "short", 40, 6, 1))
    with pytest.raises(FerryError, match="climbs out"):
        relative_file(DeletionVector("u", "../" + "^-aqEH.-t@S}K{vb[*k^", 40, 6, 1))


def test_inline_vectors_that_are_cut_or_no_z85_are_refused() -> None:
    with pytest.raises(FerryError, match="Z85"):
        parse_inline(DeletionVector("i", "abc", 40, 6))
    with pytest.raises(FerryError, match="0 bytes"):
        parse_inline(DeletionVector("i", "", 40, 6))


def test_vectors_are_read_wherever_their_kind_says(tmp_path: Path) -> None:
    bitmap = MAGIC + portable([2, 3])
    (tmp_path / "x.bin").write_bytes(b"\x01" + stored(bitmap))
    store = open_store(str(tmp_path))
    inline = DeletionVector("i", encode_z85(bitmap + b"\0" * (-len(bitmap) % 4)), len(bitmap), 2)
    inside = DeletionVector("p", f"file:{tmp_path}/x.bin", len(bitmap), 2, 1)
    outside = DeletionVector("p", "s3://b/x.bin", len(bitmap), 2, 1)

    assert read_rows(store, inline).tolist() == [2, 3]
    assert read_rows(store, inside).tolist() == [2, 3]
    with pytest.raises(FerryError, match="outside the table"):
        read_rows(store, outside)


def test_the_parsed_descriptor_has_all_its_fields() -> None:
    row = {"storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^", "offset": 4,
           "sizeInBytes": 40, "cardinality": 6, "maxRowIndex": None}  # fmt: skip

    assert parse_descriptor(row) == EXAMPLE
