"""Whatever is broken in a list or a file of prices is a fault with a code, and nothing worse."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeferry.cost.path.money import plain
from lakeferry.cost.prices.azure_prices import read_pages
from lakeferry.cost.prices.price_file import read_book
from lakeferry.cost.prices.price_list import read_price_list
from lakeferry.cost.prices.price_writing import written
from lakeferry.errors import FerryError
from tests.cost.plans import BOOK
from tests.cost.price_lists import price_list, product
from tests.cost.test_azure_prices import row

Read = Callable[[bytes], object]

LIST = price_list(
    product("NATGB", "NatGateway-Bytes", "0.0500000000", operation="NatGateway"),
    product("NATHR", "NatGateway-Hours", "0.0450000000", unit="Hrs", operation="NatGateway"),
)
PAGE = json.dumps(
    {"BillingCurrency": "USD", "Items": [row(0, 0), row(100, 0.09)], "NextPageLink": None}
).encode()


def of_aws(text: bytes) -> bytes:
    return written(read_price_list([text[:700], text[700:]], "list.json", BOOK).book)


def of_azure(text: bytes) -> bytes:
    return written(read_pages([text], date(2026, 11, 26)))


def of_a_file(text: bytes) -> bytes:
    return written(read_book(text, "prices.json"))


READ: dict[str, tuple[Read, bytes, set[str]]] = {
    "a list of AWS": (of_aws, LIST, {"LF-6503", "LF-6541", "LF-6542"}),
    "a page of Azure": (of_azure, PAGE, {"LF-6503", "LF-6541", "LF-6542"}),
    "a file of prices": (of_a_file, of_aws(LIST), {"LF-6503", "LF-6504"}),
}
TOKENS = (b"null", b"[]", b"{}", b'"x"', b"true", b"-5", b"1e999", b'"1e9999999"', b'"NaN"', b'""')


@pytest.mark.parametrize("name", READ)
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_broken_text_is_a_fault_with_a_code(name: str, data: st.DataObject) -> None:
    read, text, codes = READ[name]
    at = data.draw(st.integers(0, len(text) - 1))
    broken = data.draw(
        st.one_of(
            st.binary(min_size=1, max_size=3).map(lambda new: text[:at] + new + text[at + 1 :]),
            st.integers(1, 60).map(lambda size: text[:at] + text[at + size :]),
            st.sampled_from(TOKENS).map(lambda new: _instead(text, at, new)),
        )
    )

    fault = _fault(read, broken)

    assert fault is None or (fault.code in codes and fault.exit_code == 2 and fault.next_step)


def _fault(read: Read, text: bytes) -> FerryError | None:
    try:
        read(text)
    except FerryError as error:
        return error
    return None


def _instead(text: bytes, at: int, new: bytes) -> bytes:
    """With another value at the next key."""
    start = text.find(b": ", at) + 2
    if start < 2:
        return text[:at]
    ends = [end for mark in (b",", b"}", b"\n") if (end := text.find(mark, start)) > 0]
    return text[:start] + new + text[min(ends, default=len(text)) :]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e9999999", "-1e40", "1e-9999999", "0e999"])
def test_what_nobody_means_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match=r"no amount|more digits"):
        plain(Decimal(text))


@pytest.mark.parametrize("text", ["0", "0.0450000000", "1048576", "1e-9", "123456789012345678"])
def test_what_is_bought_is_an_amount(text: str) -> None:
    assert plain(Decimal(text)) == Decimal(text)
