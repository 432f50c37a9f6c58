"""Egress ladders out of answers of the Azure Retail Prices API; cost.md section 10."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from lakeferry.cost.prices.azure_prices import ENDPOINT, first_page, pages, read_pages
from lakeferry.cost.prices.price_file import overridden, read_book
from lakeferry.cost.prices.price_writing import written
from lakeferry.cost.prices.values import PriceBook
from lakeferry.errors import FerryError
from tests.cost.plans import BOOK

TODAY = date(2026, 11, 23)
MGN, INTERNET = "Rtn Preference: MGN", "Bandwidth - Routing Preference: Internet"
METER = "9995d93a-7d35-4d3f-9c69-7a7fea447ef4"
DEFAULT = [
    (0, 0), (100, 0.087), (10335, 0.083), (51295, 0.07), (153695, 0.05), (512095, 0.05),
]  # fmt: skip
OPTED = [(0, 0), (100, 0.08), (10100, 0.065), (50100, 0.06), (150100, 0.04)]


def row(start: float, price: float, **other: Any) -> dict[str, Any]:
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": start,
        "retailPrice": price,
        "unitPrice": price,
        "armRegionName": "eastus",
        "location": "US East",
        "effectiveStartDate": "2024-02-01T00:00:00Z",
        "meterId": METER,
        "meterName": "Standard Data Transfer Out",
        "productId": "DZH318Z0BNVX",
        "skuId": "DZH318Z0BNVX/003F",
        "productName": MGN,
        "skuName": "Standard",
        "serviceName": "Bandwidth",
        "serviceFamily": "Networking",
        "unitOfMeasure": "1 GB",
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": "",
        **other,
    }


def page(*rows: dict[str, Any], following: str | None = None, currency: str = "USD") -> bytes:
    whole = {
        "BillingCurrency": currency,
        "CustomerEntityId": "Default",
        "CustomerEntityType": "Retail",
        "Items": list(rows),
        "NextPageLink": following,
        "Count": len(rows),
    }
    return json.dumps(whole).encode()


def ladder(book: PriceBook, id: str) -> list[tuple[Decimal, Decimal]]:
    return [(one.start, one.usd) for one in book.at(id).tiers or ()]


def refusal(*texts: bytes) -> FerryError:
    with pytest.raises(FerryError) as error:
        read_pages(texts, TODAY)
    assert error.value.exit_code == 2
    return error.value


DEFAULT_ROWS = [row(start, price) for start, price in DEFAULT]
OPTED_ROWS = [row(start, price, productName=INTERNET, meterId="other") for start, price in OPTED]


# ---- what is taken


def test_the_published_rows_give_the_ladders_of_our_book() -> None:
    book = read_pages([page(*DEFAULT_ROWS, *OPTED_ROWS)], TODAY)

    assert sorted(book.prices) == [
        "azure.egress.internet_routing.eastus",
        "azure.egress.mgn.eastus",
    ]
    for id, price in book.prices.items():
        assert price.tiers == BOOK.at(id).tiers
        assert (price.sku, price.as_of) == (BOOK.at(id).sku, "2026-11-23")


def test_an_imported_book_is_a_file_that_overrides_the_own_book() -> None:
    book = read_pages([page(*DEFAULT_ROWS)], TODAY)

    again = read_book(written(book), "imported.json")

    assert again == book
    assert overridden(BOOK, again, "imported.json").prices.keys() == BOOK.prices.keys()


def test_a_price_keeps_the_digits_that_the_answer_has() -> None:
    book = read_pages([page(row(0, 0.1)).replace(b"0.1,", b"0.1000000000000000000000001,")], TODAY)

    assert book.at("azure.egress.mgn.eastus").last_usd == Decimal("0.1000000000000000000000001")


# ---- the traps, in their order


def test_a_ladder_may_stand_on_several_pages_in_any_order() -> None:
    first, second = (
        page(*DEFAULT_ROWS[3:], following=f"{ENDPOINT}?$skip=1000"),
        page(*DEFAULT_ROWS[:3]),
    )

    book = read_pages([first, second], TODAY)

    assert ladder(book, "azure.egress.mgn.eastus") == [
        (Decimal(start), Decimal(str(price))) for start, price in DEFAULT
    ]


def test_pages_without_the_last_one_are_refused() -> None:
    error = refusal(page(*DEFAULT_ROWS[:3], following=f"{ENDPOINT}?$skip=1000"))

    assert (error.code, error.where) == (
        "LF-6541",
        f"Azure Retail Prices API: a page is missing: {ENDPOINT}?$skip=1000",
    )


def test_a_region_with_one_routing_has_no_price_for_the_other() -> None:
    only = [{**one, "armRegionName": "chilecentral"} for one in OPTED_ROWS]

    book = read_pages([page(*only)], TODAY)

    assert list(book.prices) == ["azure.egress.internet_routing.chilecentral"]


def test_the_same_routing_has_other_names_in_other_regions() -> None:
    rows = [row(0, 0.1, productName="Routing Preference: Internet", armRegionName="uksouth")]

    assert list(read_pages([page(*rows)], TODAY).prices) == [
        "azure.egress.internet_routing.uksouth"
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"serviceName": "Azure Front Door Service", "productName": MGN},
        {"productName": "Azure Front Door"},
        {"type": "Reservation", "reservationTerm": "1 Year"},
        {"reservationTerm": "1 Year"},
        {"type": "DevTestConsumption"},
        {"meterName": "Standard Data Transfer In"},
    ],
)
def test_rows_of_others_with_the_same_meter_are_not_taken(other: dict[str, str]) -> None:
    book = read_pages([page(row(0, 0.05), row(0, 0.99, **other))], TODAY)

    assert ladder(book, "azure.egress.mgn.eastus") == [(Decimal(0), Decimal("0.05"))]


def test_the_latest_row_that_is_not_of_the_future_is_in_force() -> None:
    rows = [
        row(0, 0.3, effectiveStartDate="2026-11-24T00:00:00Z"),
        row(0, 0.2, effectiveStartDate="2026-11-23T00:00:00Z"),
        row(0, 0.1, effectiveStartDate="2020-01-01T00:00:00Z"),
    ]

    for found in (rows, rows[::-1]):
        assert read_pages([page(*found)], TODAY).at("azure.egress.mgn.eastus").last_usd == (
            Decimal("0.2")
        )


def test_two_prices_since_the_same_day_are_ambiguous() -> None:
    assert refusal(page(row(0, 0.1), row(0, 0.2))).code == "LF-6542"


def test_two_meters_of_one_routing_with_different_ladders_are_ambiguous() -> None:
    error = refusal(page(row(0, 0.1), row(0, 0.2, meterId="another")))

    assert error.code == "LF-6542"
    assert "meter another at 0.2" in error.where


def test_the_same_row_twice_is_one_row() -> None:
    again = row(0, 0.1, isPrimaryMeterRegion=False)

    assert len(read_pages([page(row(0, 0.1), again)], TODAY).prices) == 1


def test_a_zero_above_the_first_row_is_no_price() -> None:
    error = refusal(page(row(0, 0), row(100, 0.087), row(512095, 0)))

    assert error.code == "LF-6541"
    assert "no price but 0 from 512095 on" in error.where


def test_a_filter_has_the_case_that_the_service_wants() -> None:
    assert first_page("westeurope") == (
        "https://prices.azure.com/api/retail/prices?currencyCode='USD'&$filter="
        "serviceName%20eq%20%27Bandwidth%27%20and%20armRegionName%20eq%20%27westeurope%27%20"
        "and%20priceType%20eq%20%27Consumption%27"
    )


# ---- following pages


def test_pages_are_followed_to_the_last() -> None:
    second = "https://prices.azure.com:443/api/retail/prices?$skip=1000"
    answers = {first_page("eastus"): page(following=second), second: page(*DEFAULT_ROWS)}

    assert list(pages(answers.__getitem__, first_page("eastus"))) == list(answers.values())


@pytest.mark.parametrize(
    ("link", "why"),
    [
        (first_page("eastus"), "its pages have no end"),
        ("https://elsewhere.example/prices", "the next page is elsewhere"),
        ("http://prices.azure.com/api/retail/prices?$skip=1", "the next page is elsewhere"),
    ],
)
def test_a_link_back_or_to_elsewhere_is_not_followed(link: str, why: str) -> None:
    asked: list[str] = []

    def get(url: str) -> bytes:
        asked.append(url)
        return page(following=link)

    with pytest.raises(FerryError, match="LF-6541") as error:
        list(pages(get, first_page("eastus")))

    assert why in error.value.where
    assert asked == [first_page("eastus")]


# ---- what is refused


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"<html>", "LF-6541"),
        (b"[]", "LF-6541"),
        (b'{"Items": null}', "LF-6541"),
        (page(row(0, 0.1, unitOfMeasure="1 TB")), "LF-6541"),
        (page(row(100, 0.1)), "LF-6541"),
        (page({**row(0, 0.1), "retailPrice": None}), "LF-6541"),
        (page(row(0, -0.1)), "LF-6541"),
        (page({**row(0, 0.1), "effectiveStartDate": "soon"}), "LF-6541"),
        (page(row(0, 0.1), currency="EUR"), "LF-6503"),
        (page(row(0, 0.1, currencyCode="EUR")), "LF-6503"),
    ],
)
def test_what_is_no_answer_in_dollars_is_refused(text: bytes, code: str) -> None:
    assert refusal(text).code == code
