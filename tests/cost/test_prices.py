"""The price book: its file, what overrides it, what it refuses, and the ladder's invariants."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.cost.path.money import exact
from lakeferry.cost.path.quote import CONFIDENCE
from lakeferry.cost.prices.price_file import overridden, own_book, read_book
from lakeferry.cost.prices.values import Price, Tier, ladder
from lakeferry.errors import FerryError
from tests.corpora import ROOT as CORPORA
from tests.cost.plans import BOOK, US

OWN = Path(__file__).resolve().parents[2] / "src" / "lakeferry" / "cost" / "prices" / "prices.json"
FACTS = CORPORA.parent / "facts" / "prices.json"
SOURCED_SINCE = "azure.blob.read.eastus"

ONE: dict[str, Any] = {
    "id": "aws.natgw.gb.us-east-1",
    "unit": "GB",
    "tiers": [{"from": "0", "to": None, "price": "0.04"}],
    "bytes_per_unit": 2**30,
    "source": "our agreement",
    "as_of": "2026-11-01",
    "confidence": "price_list",
}


def file_of(*prices: dict[str, Any], **more: Any) -> bytes:
    whole: dict[str, Any] = {"schema_version": 1, "currency": "USD", "prices": list(prices), **more}
    return json.dumps(whole).encode()


def refusal(text: bytes) -> FerryError:
    with pytest.raises(FerryError) as error:
        read_book(text, "ours.json")
    assert error.value.code == "LF-6504"
    return error.value


# ---- the book that comes along


def test_the_book_is_the_one_whose_sources_were_read() -> None:
    if not FACTS.exists():
        pytest.skip(f"no {FACTS.name}")

    own, facts = json.loads(OWN.read_text()), json.loads(FACTS.read_text())
    ours = {one["id"]: one for one in own["prices"]}
    read = {one["id"]: one for one in facts["prices"] if one["id"] != SOURCED_SINCE}

    assert {id: ours[id] for id in read} == read
    assert own["instance_types"] == facts["instance_types"]


def test_the_book_has_606_prices_and_71_instance_types() -> None:
    assert (len(BOOK.prices), len(BOOK.instance_types)) == (606, 71)


def test_every_price_says_its_source_and_its_standing() -> None:
    assert all(price.source and price.confidence in CONFIDENCE for price in BOOK.prices.values())


def test_an_instances_price_says_the_source_of_its_region() -> None:
    assert "karpenter" in BOOK.hourly("c7gn.large", US).source
    assert "skypilot" in BOOK.hourly("c7gn.medium", "eu-west-1").source


def test_prices_without_a_figure_are_exactly_those_that_are_missing() -> None:
    missing = {id for id, price in BOOK.prices.items() if price.tiers is None}

    assert missing == {id for id, price in BOOK.prices.items() if price.confidence == "missing"}
    assert missing == {
        "aws.interconnect.gbps_hour",
        "aws.snowball.job",
        "azure.er.circuit",
        *(
            f"azure.blob.rehydrate_high{what}.{region}"
            for what in ("", "_request")
            for region in ("eastus", "westeurope")
        ),
    }


@pytest.mark.parametrize(
    ("id", "usd"),
    [
        # What reading cold bytes costs, of the Regions that have any price here.
        ("aws.s3.restore_glacier_standard.us-east-1", "0.01"),
        ("aws.s3.restore_glacier_standard_request.us-east-1", "0.00005"),
        ("aws.s3.restore_glacier_bulk.us-west-2", "0"),
        ("aws.s3.restore_deep_archive_standard.us-east-1", "0.02"),
        ("aws.s3.restore_deep_archive_standard_request.us-west-2", "0.0001"),
        ("aws.s3.restore_deep_archive_bulk.us-east-1", "0.0025"),
        ("aws.s3.retrieval_glacier_ir.eu-west-1", "0.03"),
        ("aws.s3.get_glacier_ir.ap-southeast-2", "0.00001"),
        ("aws.s3.retrieval_standard_ia.eu-central-1", "0.01"),
        ("aws.s3.get_onezone_ia.sa-east-1", "0.000001"),
        ("aws.s3.retrieval_glacier_ir.ap-southeast-7", "0.03"),
        ("azure.blob.read.eastus", "0.0000004"),
        ("azure.blob.read.norwayeast", "0.000000473"),
        ("azure.blob.retrieval_cold.southindia", "0.0453"),
        ("azure.blob.read_cool.uksouth", "0.0000011"),
        ("azure.blob.rehydrate_standard.uksouth", "0.0208"),
        ("azure.blob.rehydrate_standard_request.eastasia", "0.000875"),
        ("azure.blob.read.westeurope", "0.00000043"),
        ("azure.blob.rehydrate_standard.westeurope", "0.024"),
        ("azure.blob.rehydrate_standard_request.eastus", "0.0005"),
        ("gcp.storage.retrieval_coldline", "0.02"),
        ("gcp.storage.retrieval_archive", "0.05"),
        ("gcp.storage.read.us-central1", "0.0000004"),
    ],
)
def test_what_cold_bytes_cost_is_as_its_source_has_it(id: str, usd: str) -> None:
    price = BOOK.at(id)

    assert price.last_usd == Decimal(usd)
    assert price.source
    assert price.as_of


def test_of_34_regions_of_aws_and_36_of_azure_reading_what_is_cold_has_its_prices() -> None:
    of_aws, of_azure = BOOK.regions("aws"), BOOK.regions("azure")

    assert (len(of_aws), len(of_azure)) == (34, 36)
    for region in of_aws:
        for name in ("standard_ia", "onezone_ia", "glacier_ir"):
            ids = (f"aws.s3.{what}_{name}.{region}" for what in ("retrieval", "get"))
            assert all(BOOK.at(id).tiers for id in ids)
    for region in of_azure:
        assert BOOK.at(f"azure.blob.rehydrate_standard.{region}").tiers


def test_a_region_of_which_only_stored_bytes_are_known_is_none_that_a_path_is_priced_in() -> None:
    with pytest.raises(FerryError, match="no prices for `eu-central-1` of aws") as refused:
        BOOK.of("aws.natgw.gb", "eu-central-1")

    assert refused.value.code == "LF-6501"
    assert BOOK.crossed("aws") == ("ap-southeast-2", "eu-west-1", "us-east-1", "us-west-2")


@pytest.mark.parametrize("type", sorted(BOOK.instance_types))
def test_what_a_type_sustains_to_the_internet_follows_from_its_first_card(type: str) -> None:
    found = BOOK.instance(type)
    card = found.card0_gbps
    five = Decimal(5)

    assert found.internet_gbps == (
        min(card, five) if found.vcpus < 32 else min(card, max(card / 2, five))
    )


# ---- what is asked for and not there


def test_a_price_that_a_known_region_lacks_is_unpriced_and_never_zero() -> None:
    price = BOOK.of("aws.s3.put", "eu-west-1")

    assert (price.tiers, price.confidence) == (None, "missing")
    assert ladder(price, Decimal(10**9)) is None


@pytest.mark.parametrize(
    ("provider", "region", "near"),
    [
        ("aws", "us-est-1", "us-east-1"),
        ("aws", "eu-central-1", "eu-west-1"),
        ("azure", "northeurope", "westeurope"),
        ("azure", "East US", "eastus"),
        ("gcp", "europe-west1", "us-central1"),
    ],
)
def test_an_unknown_region_is_refused_and_the_nearest_is_named(
    provider: str, region: str, near: str
) -> None:
    with pytest.raises(FerryError) as error:
        BOOK.of(f"{provider}.natgw.hour", region)

    assert (error.value.code, error.value.exit_code) == ("LF-6501", 2)
    assert f"nearest: {near}" in error.value.where


@pytest.mark.parametrize(
    ("type", "near"),
    [("c7gn.larg", "c7gn.large"), ("c7gn-8xlarge", "c7gn.8xlarge"), ("t4g.pico", "t4g.micro")],
)
def test_an_unknown_type_is_refused_and_the_nearest_is_named(type: str, near: str) -> None:
    with pytest.raises(FerryError) as error:
        BOOK.hourly(type, US)

    assert (error.value.code, error.value.exit_code) == ("LF-6502", 2)
    assert f"nearest: {near} " in error.value.where


def test_a_type_without_a_price_in_a_region_is_unpriced() -> None:
    assert BOOK.hourly("c7gn.large", "ap-southeast-2").tiers is None


# ---- files that override


def test_a_file_overrides_by_id_and_leaves_the_rest() -> None:
    ours = read_book(file_of(ONE), "ours.json")
    book = overridden(BOOK, ours, "ours.json")

    assert book.of("aws.natgw.gb", US).last_usd == Decimal("0.04")
    assert book.of("aws.natgw.gb", US).source == "our agreement"
    assert book.of("aws.natgw.hour", US) == BOOK.of("aws.natgw.hour", US)


def test_a_file_may_add_a_region_and_a_type() -> None:
    hour = {**ONE, "id": "aws.natgw.hour.eu-central-1", "region": "eu-central-1", "unit": "hour"}
    type = json.loads(OWN.read_text())["instance_types"]["items"][0]
    there = {"eu-central-1": {"price": "0.2", "confidence": "price_list", "as_of": None}}
    added = {"items": [{**type, "hourly_usd": there}]}
    text = file_of({**hour, "provider": "aws"}, instance_types=added)
    book = overridden(BOOK, read_book(text, "ours.json"), "ours.json")

    assert book.of("aws.natgw.hour", "eu-central-1").last_usd == Decimal("0.04")
    assert book.hourly(type["type"], "eu-central-1").last_usd == Decimal("0.2")
    assert book.hourly(type["type"], US) == BOOK.hourly(type["type"], US)


def test_two_currencies_do_not_stand_in_one_book() -> None:
    euros = read_book(file_of(ONE, currency="EUR"), "ours.json")

    with pytest.raises(FerryError) as error:
        overridden(BOOK, euros, "ours.json")

    assert (error.value.code, error.value.exit_code) == ("LF-6503", 2)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"tiers": [{"from": "0", "to": None, "price": 0.04}]}, "0.04 is not a string"),
        ({"tiers": [{"from": "0", "to": None, "price": "-1"}]}, "at -1"),
        ({"tiers": [{"from": "0", "to": None, "price": "NaN"}]}, "'NaN' is no amount"),
        ({"tiers": [{"from": "0", "to": None, "price": "much"}]}, "aws.natgw.gb.us-east-1"),
        ({"tiers": []}, "do not run from 0 upwards without a gap"),
        ({"tiers": [{"from": "1", "to": None, "price": "1"}]}, "without a gap"),
        ({"tiers": [{"from": "0", "to": "9", "price": "1"}]}, "without a gap"),
        (
            {
                "tiers": [
                    {"from": "0", "to": "9", "price": "1"},
                    {"from": "10", "to": None, "price": "1"},
                ]
            },
            "without a gap",
        ),
        ({"confidence": "sure"}, "'sure' is none of"),
        ({"as_of": "last spring"}, "aws.natgw.gb.us-east-1"),
        ({"bytes_per_unit": 0}, "`bytes_per_unit` 0 is no whole number above 0"),
        ({"source": None, "confidence": "golden", "unit": None, "tiers": 3}, "aws.natgw.gb"),
    ],
)
def test_a_price_that_cannot_be_right_is_refused_by_name(change: dict[str, Any], why: str) -> None:
    assert why in refusal(file_of({**ONE, **change})).where


def test_a_field_that_is_missing_is_named() -> None:
    without = {key: value for key, value in ONE.items() if key != "source"}

    assert "`source` is missing" in refusal(file_of(without)).where


def test_an_id_that_stands_there_twice_is_refused() -> None:
    assert "stands there twice" in refusal(file_of(ONE, ONE)).where


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b'{"schema_version": 2}', b"\xff"])
def test_what_is_no_file_of_prices_is_refused(text: bytes) -> None:
    refusal(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*ONE, "from", "to", "price", "type", "items", "free", "amount"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@contextmanager
def read_or_refused() -> Iterator[None]:
    try:
        yield
    except FerryError as error:
        assert error.code == "LF-6504"  # noqa: PT017 - most of what is made up is refused, not all


@given(st.sampled_from(["prices", "instance_types", "currency", "written"]), JSON)
def test_any_json_is_a_book_or_is_refused_by_name(key: str, value: Any) -> None:
    with read_or_refused():
        read_book(file_of(**{key: value}), "ours.json")


@given(st.sampled_from(sorted(ONE)), JSON)
def test_any_field_is_read_or_is_refused_by_name(key: str, value: Any) -> None:
    with read_or_refused():
        read_book(file_of({**ONE, key: value}), "ours.json")


@given(st.sampled_from(["hourly_usd", "vcpus", "arch", "peak_gbps", "type"]), JSON)
def test_any_field_of_a_type_is_read_or_is_refused_by_name(key: str, value: Any) -> None:
    type = json.loads(OWN.read_text())["instance_types"]["items"][0]
    with read_or_refused():
        read_book(file_of(instance_types={"items": [{**type, key: value}]}), "ours.json")


# ---- the ladder

CUTS = st.lists(st.integers(1, 10**7), min_size=0, max_size=5, unique=True).map(sorted)
UNITS = st.decimals(0, 10**8, places=6)
USD = st.decimals(0, 10, places=5)


@st.composite
def prices(draw: st.DrawFn) -> Price:
    cuts = draw(CUTS)
    starts = [Decimal(cut) for cut in (0, *cuts)]
    ends = [*starts[1:], None]
    tiers = tuple(Tier(start, end, draw(USD)) for start, end in zip(starts, ends, strict=True))
    free = draw(st.none() | st.decimals(0, 1000, places=2))
    return Price("made", "GB", tiers, "made", None, "price_list", free=free)


def usd(price: Price, units: Decimal, used: Decimal = Decimal(0), free: bool = False) -> Decimal:
    found = ladder(price, units, used=used, free=free)
    assert found is not None
    return found


@given(prices(), UNITS, UNITS, st.booleans())
def test_more_never_costs_less(price: Price, some: Decimal, more: Decimal, free: bool) -> None:
    with exact():
        assert usd(price, some, free=free) <= usd(price, some + more, free=free)


@given(prices(), UNITS, UNITS, UNITS, st.booleans())
def test_pieces_that_climb_one_after_the_other_cost_what_the_whole_costs(
    price: Price, used: Decimal, first: Decimal, second: Decimal, free: bool
) -> None:
    with exact():
        whole = usd(price, first + second, used, free)
        pieces = usd(price, first, used, free) + usd(price, second, used + first, free)

    assert whole == pieces


@given(prices(), UNITS)
def test_each_unit_is_paid_at_its_own_tier(price: Price, units: Decimal) -> None:
    def by_fractions() -> Fraction:
        """The same, walked from the top of the ladder down."""
        left, paid = Fraction(units), Fraction(0)
        for tier in reversed(price.tiers or ()):
            above = max(Fraction(0), left - Fraction(tier.start))
            paid += above * Fraction(tier.usd)
            left -= above
        return paid

    assert Fraction(usd(price, units)) == by_fractions()


@given(prices(), UNITS, UNITS)
def test_a_free_amount_never_makes_anything_dearer(
    price: Price, units: Decimal, used: Decimal
) -> None:
    flat = replace(price, tiers=(Tier(Decimal(0), None, Decimal(1)),))

    assert usd(flat, units, used, free=True) <= usd(flat, units, used)


@given(st.integers(0, 2**62), st.integers(0, 2**62))
def test_bytes_become_units_without_rounding(one: int, other: int) -> None:
    price = BOOK.at("aws.natgw.gb.us-east-1")

    with exact():
        assert price.units(one) + price.units(other) == price.units(one + other)


def test_a_negative_quantity_has_no_price() -> None:
    with pytest.raises(ValueError, match="negative"):
        ladder(BOOK.at("aws.natgw.gb.us-east-1"), Decimal(-1))


def test_the_own_book_is_read_once() -> None:
    assert own_book() is own_book()
