"""A walked file gives what a read file gives, however its bytes come, and holds little of it."""

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.cost.prices.json_stream import BrokenJSON, Path, members
from tests.cost.price_lists import chunks

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
objects = st.dictionaries(st.text(), st.dictionaries(st.text(), values, max_size=3), max_size=3)


def top(path: Path) -> bool:
    return len(path) == 1


@given(objects, st.integers(1, 7), st.sampled_from([None, 2]))
def test_members_are_those_of_the_whole_however_the_bytes_are_cut(
    whole: dict[str, dict[str, Any]], size: int, indent: int | None
) -> None:
    text = json.dumps(whole, ensure_ascii=False, indent=indent).encode("utf-8", "replace")

    found = [*members(chunks(text, size), top)]

    read = json.loads(text)
    assert found == [((a, b), value) for a, inner in read.items() for b, value in inner.items()]


@given(objects, st.data())
def test_a_file_that_is_cut_off_is_never_taken_for_whole(
    whole: dict[str, dict[str, Any]], data: st.DataObject
) -> None:
    text = json.dumps(whole).encode()
    length = data.draw(st.integers(0, len(text) - 1))

    with pytest.raises(BrokenJSON):
        list(members(chunks(text[:length], 5), top))


@pytest.mark.parametrize(
    "text",
    [
        b"", b"[]", b"7", b"{} {}", b'{"a" 1}', b'{"a": 1,}', b'{"a": 1 "b": 2}', b"{a: 1}",
        b'{"a": {"b": nought}}', b'{"a": "\xff"}',
    ],
)  # fmt: skip
def test_what_is_no_object_is_broken(text: bytes) -> None:
    with pytest.raises(BrokenJSON):
        list(members([text], top))


def test_a_member_beyond_the_bound_is_broken_and_not_read_to_the_end() -> None:
    def endless() -> Iterator[bytes]:
        yield b'{"a": "'
        while True:
            yield b"x" * 1000

    with pytest.raises(BrokenJSON, match="cannot be read"):
        list(members(endless(), top, largest=50_000))


def test_memory_is_bounded_by_a_chunk_and_a_member_and_not_by_the_file() -> None:
    def peak(products: int) -> int:
        def text() -> Iterator[bytes]:
            yield b'{"products": {"0": 0'
            for number in range(1, products, 50):
                yield b"".join(b',"%d": {"attributes": "%0999d"}' % (n, n)
                               for n in range(number, number + 50))  # fmt: skip
            yield b"}}"

        tracemalloc.start()
        for _ in members(text(), top):
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(10_000) < 2 * peak(1_000) < 2_000_000  # of 10 MB
