"""Blocks of whole lines: nothing lost, lines numbered rightly, whatever the chunks are."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.network.flow_bytes import blocks, has_blank_pair, inflated, newlines

LINES = st.lists(st.sampled_from(["", "a", "bb", "c" * 9, "d" * 40]), max_size=30)


@given(LINES, st.booleans(), st.integers(1, 50), st.integers(1, 30))
def test_blocks_are_the_lines_that_fit_with_their_numbers(
    lines: list[str], ended: bool, size: int, most: int
) -> None:
    text = ("\n".join(lines) + ("\n" if ended else "")).encode()
    chunks = [text[at : at + size] for at in range(0, len(text), size)]
    left_out: list[int] = []

    found = list(blocks(iter(chunks), lambda line, _: left_out.append(line), most))

    numbered = {
        number: line
        for first, block in found
        for number, line in enumerate(block.split(b"\n"), first)
        if line
    }
    wanted = {number: line.encode() for number, line in enumerate(lines, 1) if line}
    assert numbered == {n: line for n, line in wanted.items() if n not in left_out}
    assert all(len(wanted[number]) >= most for number in left_out)


@pytest.mark.parametrize("at", [0, 262_142, 262_143, 262_144, 262_145, 524_287, 599_998])
def test_two_blanks_in_a_row_are_seen_wherever_they_lie(at: int) -> None:
    plain = b"a " * 300_000
    assert not has_blank_pair(plain)
    assert has_blank_pair(plain[: at // 2 * 2] + b"  " + plain[at // 2 * 2 + 2 :])
    assert has_blank_pair(b"a" * at + b" \n" + b"a" * 100_000)


def test_newlines_of_a_large_block_are_all_counted() -> None:
    assert newlines(b"ab\n" * 300_000) == 300_000
    assert newlines(b"") == 0


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4), st.integers(1, 40))
def test_gzip_members_in_a_row_are_one_body(members: list[bytes], size: int) -> None:
    packed = b"".join(gzip.compress(member) for member in members)
    chunks = (packed[at : at + size] for at in range(0, len(packed), size))
    assert b"".join(inflated(chunks, "log")) == b"".join(members)
