"""Thrift's binary protocol: what was read is written again, whatever it means."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.connect import thrift_form as thrift
from lakeferry.connect.thrift_form import NotThrift, Typed

# As a service writes `{1: "a", 9: {"k": "v"}}`, by hand from the specification.
BY_HAND = bytes.fromhex(
    "80010002" "00000003" "676574" "00000007"  # version 1, a reply; `get`; number 7
    "0b0001" "00000001" "61"  # 1: a text
    "0d0009" "0b0b" "00000001" "00000001" "6b" "00000001" "76"  # 9: a map of texts
    "00"
)  # fmt: skip


def plain(kind: int) -> st.SearchStrategy[Any]:
    """Values of a type, small."""
    whole = {
        thrift.BOOL: st.booleans(),
        thrift.BYTE: st.integers(-(2**7), 2**7 - 1),
        thrift.I16: st.integers(-(2**15), 2**15 - 1),
        thrift.I32: st.integers(-(2**31), 2**31 - 1),
        thrift.I64: st.integers(-(2**63), 2**63 - 1),
        thrift.DOUBLE: st.floats(allow_nan=False),
        thrift.STRING: st.binary(max_size=6).map(lambda one: one.decode(errors="surrogateescape")),
        thrift.STRUCT: st.deferred(lambda: fields),
    }
    return whole[kind] if kind in whole else typed(kind)


def typed(kind: int) -> st.SearchStrategy[Typed]:
    if kind in (thrift.LIST, thrift.SET):
        return kinds.flatmap(
            lambda of: st.lists(plain(of), max_size=3).map(lambda one: Typed(kind, one, of))
        )
    if kind == thrift.MAP:
        return st.tuples(kinds, kinds).flatmap(
            lambda both: st.lists(st.tuples(plain(both[0]), plain(both[1])), max_size=3).map(
                lambda one: Typed(kind, one, both[1], both[0])
            )
        )
    return plain(kind).map(lambda one: Typed(kind, one))


kinds = st.sampled_from([
    thrift.BOOL, thrift.BYTE, thrift.DOUBLE, thrift.I16, thrift.I32, thrift.I64, thrift.STRING,
    thrift.STRUCT, thrift.MAP, thrift.SET, thrift.LIST,
])  # fmt: skip
fields = st.dictionaries(st.integers(-5, 300), kinds.flatmap(typed), max_size=3)


@given(found=fields)
def test_what_was_read_is_written_again_byte_for_byte(found: thrift.Fields) -> None:
    message = thrift.message(thrift.CALL, "alter_table", 5, found)

    kind, method, number, read = thrift.read_message(io.BytesIO(message).read)

    assert (kind, method, number, read) == (thrift.CALL, "alter_table", 5, found)
    assert thrift.message(kind, method, number, read) == message


def test_bytes_are_as_the_specification_says() -> None:
    found: thrift.Fields = {1: thrift.text("a"), 9: thrift.text_map({"k": "v"})}

    assert thrift.message(thrift.REPLY, "get", 7, found) == BY_HAND
    assert thrift.read_message(io.BytesIO(BY_HAND).read) == (thrift.REPLY, "get", 7, found)


def test_the_answer_of_another_protocol_is_told() -> None:
    with pytest.raises(NotThrift, match="it begins with 0x48545450"):
        thrift.read_message(io.BytesIO(b"HTTP/1.1 400 Bad Request\r\n\r\n").read)


def test_a_length_that_nobody_would_send_is_refused_before_it_is_read() -> None:
    cut = BY_HAND[:18] + bytes.fromhex("7fffffff")

    with pytest.raises(NotThrift, match="2147483647"):
        thrift.read_message(io.BytesIO(cut).read)
