"""What is taken from an AWS price list, what is not, and what is refused; cost.md section 10."""

from decimal import Decimal
from itertools import count

import pytest

from lakeferry.cost.prices.price_file import overridden, read_book
from lakeferry.cost.prices.price_list import Imported, read_price_list
from lakeferry.cost.prices.price_writing import written
from lakeferry.cost.prices.values import Tier
from lakeferry.errors import FerryError
from tests.cost.plans import BOOK, US
from tests.cost.price_lists import Product, chunks, price_list, product, terms

NAT = {"operation": "NatGateway"}
NAT_GB = product("NATGB", "NatGateway-Bytes", "0.0500000000", **NAT)
PLAIN = {
    "instanceType": "c7gn.large",
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "operation": "RunInstances",
    "unit": "Hrs",
}
OUT = {"servicecode": "AWSDataTransfer", "regionCode": "", "transferType": "AWS Outbound"}
EGRESS = (("0", "10240", "0.0900000000", "GB"), ("10240", "Inf", "0.0850000000", "GB"))


def imported(*products: Product, without: tuple[str, ...] = (), **more: str) -> Imported:
    return read_price_list(chunks(price_list(*products, **more)), "list.json", BOOK, without)


def usd(found: Imported, id: str) -> Decimal | None:
    return found.book.at(id).last_usd


def refusal(*products: Product, text: bytes | None = None, **more: str) -> FerryError:
    whole = price_list(*products, **more) if text is None else text
    with pytest.raises(FerryError) as error:
        read_price_list(chunks(whole), "list.json", BOOK)
    assert error.value.exit_code == 2
    return error.value


# ---- what is taken


def test_a_price_keeps_what_our_book_says_of_it_and_has_the_date_of_its_publication() -> None:
    found = imported(NAT_GB).book.at(f"aws.natgw.gb.{US}")
    ours = BOOK.at(f"aws.natgw.gb.{US}")

    assert (found.last_usd, found.as_of, found.confidence) == (
        Decimal("0.05"),
        "2026-08-17",
        "price_list",
    )
    assert (found.unit, found.bytes_per_unit, found.sku) == (ours.unit, 2**30, "NatGateway-Bytes")
    assert found.source == "AWS Price List, AmazonEC2, list.json"


def test_a_ladder_is_in_order_whatever_the_order_of_its_ranges() -> None:
    sku, attributes, _ = product("OUT", "DataTransfer-Out-Bytes", **OUT, fromRegionCode=US)

    found = imported((sku, attributes, terms(sku, *reversed(EGRESS))), offer="AWSDataTransfer")

    tiers = found.book.at(f"aws.egress.internet.{US}").tiers or ()
    assert tiers == (
        Tier(Decimal(0), Decimal(10240), Decimal("0.09")),
        Tier(Decimal(10240), None, Decimal("0.085")),
    )


def test_an_imported_book_is_a_file_that_overrides_the_own_book() -> None:
    found = imported(NAT_GB, product("C7GN", "BoxUsage:c7gn.large", "0.2", **PLAIN))

    again = read_book(written(found.book), "imported.json")

    assert again == found.book
    book = overridden(BOOK, again, "imported.json")
    assert book.at(f"aws.natgw.gb.{US}").last_usd == Decimal("0.05")
    assert book.hourly("c7gn.large", US).last_usd == Decimal("0.2")
    assert book.hourly("c7gn.large", "us-west-2") == BOOK.hourly("c7gn.large", "us-west-2")


def test_a_region_that_the_book_did_not_know_is_known_after_an_import() -> None:
    found = imported(
        product("X", "EUC1-NatGateway-Bytes", "0.052", regionCode="eu-central-1", **NAT)
    )

    book = overridden(BOOK, found.book, "imported.json")

    assert book.of("aws.natgw.gb", "eu-central-1").last_usd == Decimal("0.052")


def test_a_list_of_s3_brings_a_region_what_its_storage_classes_cost() -> None:
    there = {"servicecode": "AmazonS3", "regionCode": "eu-central-1"}

    found = imported(
        product("A", "EUC1-TimedStorage-SIA-ByteHrs", "0.0135", **there, unit="GB-Mo"),
        product("B", "EUC1-Requests-SIA-Tier1", "0.00001", **there, unit="Requests"),
        product("C", "EUC1-Retrieval-SIA", "0.01", **there, unit="GB"),
        offer="AmazonS3",
    )

    ids = ("aws.s3.storage_standard_ia", "aws.s3.put_standard_ia", "aws.s3.retrieval_standard_ia")
    assert [usd(found, f"{id}.eu-central-1") for id in ids] == [
        Decimal("0.0135"), Decimal("0.00001"), Decimal("0.01")
    ]  # fmt: skip


# ---- the traps of cost.md section 10, in its order


def test_trap_1_what_is_not_wanted_is_let_go_while_the_list_is_read() -> None:
    passed = count()

    def long_list() -> object:
        text = price_list(NAT_GB)
        head, _, tail = text.partition(b'"products": {')
        yield head + b'"products": {'
        for number in range(20_000):
            next(passed)
            yield b'"S%d": {"sku": "S%d", "attributes": {"usagetype": "X-%d"}},' % ((number,) * 3)
        yield tail

    found = read_price_list(long_list(), "list.json", BOOK)  # type: ignore[arg-type]

    assert next(passed) == 20_000
    assert list(found.book.prices) == [f"aws.natgw.gb.{US}"]


def test_trap_2_other_meters_whose_names_contain_a_wanted_one_are_other_meters() -> None:
    found = imported(
        product("REG", "RegionalNatGateway-Bytes", "0.0470000000"),
        product("PRV", "NatGateway-Prvd-Bytes", "0.0000000000"),
        NAT_GB,
    )

    assert usd(found, f"aws.natgw.gb.{US}") == Decimal("0.05")
    assert usd(found, f"aws.natgw_regional.gb.{US}") == Decimal("0.047")
    assert usd(found, f"aws.natgw_prvd.gb.{US}") == 0


def test_trap_2_the_same_usage_type_of_another_operation_is_another_meter() -> None:
    found = imported(NAT_GB, product("OTHER", "NatGateway-Bytes", "9", operation="Elsewhere"))

    assert usd(found, f"aws.natgw.gb.{US}") == Decimal("0.05")


@pytest.mark.parametrize(
    "other",
    [
        {"operatingSystem": "Windows"},
        {"tenancy": "Dedicated"},
        {"preInstalledSw": "SQL Std"},
        {"capacitystatus": "UnusedCapacityReservation"},
        {"operation": "RunInstances:0010"},
    ],
)
def test_trap_3_an_instance_is_linux_shared_plain_used_and_nothing_else(
    other: dict[str, str],
) -> None:
    found = imported(
        product("OTHER", "BoxUsage:c7gn.large", "0.1811", **{**PLAIN, **other}),
        product("C7GN", "BoxUsage:c7gn.large", "0.1248", **PLAIN),
    )

    hourly = found.book.instance("c7gn.large").hourly
    assert {region: one.last_usd for region, one in hourly.items()} == {US: Decimal("0.1248")}


def test_trap_3_a_type_whose_bandwidth_is_not_known_is_left_out() -> None:
    found = imported(product("X", "BoxUsage:z9.huge", "7", **PLAIN))

    assert not found.book.instance_types


@pytest.mark.parametrize(
    ("usage", "region_code", "region"),
    [
        ("NatGateway-Bytes", "us-east-1", "us-east-1"),
        ("USE1-NatGateway-Bytes", "", "us-east-1"),
        ("NatGateway-Bytes", "", "us-east-1"),
        ("USE2-NatGateway-Bytes", "", "us-east-2"),
        ("USW2-NatGateway-Bytes", "", "us-west-2"),
        ("EU-NatGateway-Bytes", "", "eu-west-1"),
        ("EUW1-NatGateway-Bytes", "", "eu-west-1"),
        ("APS1-NatGateway-Bytes", "", "ap-southeast-1"),
        ("APS2-NatGateway-Bytes", "", "ap-southeast-2"),
        ("APS3-NatGateway-Bytes", "", "ap-south-1"),
        ("XYZ9-NatGateway-Bytes", "xy-new-9", "xy-new-9"),
        ("EU-NatGateway-Bytes", "eu-west-9", "eu-west-9"),
    ],
)
def test_trap_4_the_region_is_what_the_product_says_and_then_what_its_prefix_says(
    usage: str, region_code: str, region: str
) -> None:
    found = imported(product("X", usage, regionCode=region_code, **NAT))

    assert list(found.book.prices) == [f"aws.natgw.gb.{region}"]


def test_trap_4_a_prefix_of_no_known_region_is_refused() -> None:
    error = refusal(product("X", "XYZ9-NatGateway-Bytes", regionCode="", **NAT))

    assert error.code == "LF-6541"
    assert "XYZ9-NatGateway-Bytes" in error.where


def test_trap_4_one_meter_under_both_names_of_a_region_is_one_price() -> None:
    found = imported(NAT_GB, product("AGAIN", "USE1-NatGateway-Bytes", "0.05", **NAT))

    assert usd(found, f"aws.natgw.gb.{US}") == Decimal("0.05")


def test_trap_5_several_on_demand_terms_are_ambiguous() -> None:
    sku, attributes, first = NAT_GB
    second = terms(sku, ("0", "Inf", "0.06", "GB"), code="ZZZZ")

    error = refusal((sku, attributes, {**first, **second}))

    assert error.code == "LF-6542"
    assert error.where == "list.json: NATGB has 2 on-demand terms: NATGB.JRTCKXETXF, NATGB.ZZZZ"


def test_trap_5_overlapping_ranges_are_ambiguous() -> None:
    ranges = ("0", "10240", "0.09", "GB"), ("10000", "Inf", "0.08", "GB")

    error = refusal((*NAT_GB[:2], terms("NATGB", *ranges)))

    assert error.code == "LF-6542"
    assert "the range from 0 to 10240 overlaps that from 10000" in error.where


def test_trap_5_products_that_differ_in_price_alone_are_ambiguous_and_all_are_named() -> None:
    error = refusal(NAT_GB, product("AGAIN", "USE1-NatGateway-Bytes", "0.06", **NAT))

    assert error.code == "LF-6542"
    assert error.where == f"list.json: aws.natgw.gb.{US} is AGAIN at 0.06; NATGB at 0.05"


def test_what_is_ambiguous_can_be_left_out() -> None:
    found = imported(
        NAT_GB,
        product("AGAIN", "USE1-NatGateway-Bytes", "0.06", **NAT),
        product("HOUR", "NatGateway-Hours", "0.045", unit="Hrs", **NAT),
        without=(f"aws.natgw.gb.{US}",),
    )

    assert list(found.book.prices) == [f"aws.natgw.hour.{US}"]


def test_trap_6_dashboards_have_no_product_so_their_price_is_absent_and_not_zero() -> None:
    watching = {"servicecode": "AmazonCloudWatch", "unit": "Alarms"}
    found = imported(
        product("ALARM", "CW:AlarmMonitorUsage", "0.10", **watching), offer="AmazonCloudWatch"
    )

    dashboard = f"aws.cw.dashboard.{US}"
    assert dashboard in found.absent
    assert dashboard not in found.book.prices
    assert overridden(BOOK, found.book, "").at(dashboard) == BOOK.at(dashboard)


def test_trap_7_directions_of_transfer_are_told_apart() -> None:
    transfer = {"servicecode": "AWSDataTransfer", "regionCode": ""}
    to_ohio = {"fromRegionCode": US, "toRegionCode": "us-east-2"}

    def moved(sku: str, usage: str, price: str, kind: str, **sides: str) -> Product:
        return product(sku, usage, price, transferType=kind, **transfer, **sides)

    found = imported(
        moved("A", "DataTransfer-Out-Bytes", "0.09", "AWS Outbound", fromRegionCode=US),
        moved("B", "DataTransfer-Out-Bytes", "7", "Elsewhere Outbound", fromRegionCode=US),
        moved("C", "DataTransfer-Regional-Bytes", "0.01", "IntraRegion", fromRegionCode=US),
        moved("D", "USE1-USE2-AWS-Out-Bytes", "0.011", "InterRegion Outbound", **to_ohio),
        moved("E", "USE1-USE2-AWS-In-Bytes", "0", "InterRegion Inbound", **to_ohio),
        moved("F", "DataTransfer-In-Bytes", "0", "AWS Inbound", toRegionCode=US),
        offer="AWSDataTransfer",
    )

    assert {id: one.last_usd for id, one in found.book.prices.items()} == {
        f"aws.crossaz.gb.{US}": Decimal("0.01"),
        f"aws.egress.internet.{US}": Decimal("0.09"),
        f"aws.ingress.internet.{US}": 0,
        f"aws.interregion.{US}.us-east-2": Decimal("0.011"),
    }


def test_a_local_zone_is_no_region() -> None:
    zone = product("X", "NatGateway-Bytes", "0.09", locationType="AWS Local Zone", **NAT)

    assert usd(imported(zone, NAT_GB), f"aws.natgw.gb.{US}") == Decimal("0.05")


# ---- what is refused


def test_a_list_that_is_cut_off_anywhere_is_refused() -> None:
    whole = price_list(NAT_GB)

    for length in range(0, len(whole) - 1, 37):
        assert refusal(text=whole[:length]).code == "LF-6541"


def test_a_list_in_another_currency_is_refused() -> None:
    error = refusal(text=price_list(NAT_GB).replace(b'"USD"', b'"CNY"'))

    assert error.code == "LF-6503"
    assert "the list is in CNY" in str(error)


@pytest.mark.parametrize(
    ("ranges", "why"),
    [
        ([("0", "Inf", "0.045", "TB")], "is priced by `TB`; GB is expected"),
        ([("0", "10", "0.045", "GB")], "nothing is priced above 10"),
        ([("10", "Inf", "0.045", "GB")], "no price begins at 0"),
        ([("0", "9", "1", "GB"), ("10", "Inf", "1", "GB")], "nothing is priced from 9 to 10"),
        ([("0", "Inf", "free", "GB")], "NATGB: "),
        ([("0", "Inf", "Infinity", "GB")], "'Infinity' is no amount"),
        ([("0", "Inf", "-0.045", "GB")], "NATGB: a tier from 0"),
        ([("0", "9", "1", "GB"), ("9", "Inf", "1", "Hrs")], "is priced by GB, Hrs"),
        ([], "is priced by no unit"),
    ],
)
def test_what_is_no_ladder_of_gb_is_refused(
    ranges: list[tuple[str, str, str, str]], why: str
) -> None:
    error = refusal((*NAT_GB[:2], terms("NATGB", *ranges)))

    assert error.code == "LF-6541"
    assert why in error.where


def test_a_list_without_a_date_is_refused() -> None:
    assert "publicationDate" in refusal(NAT_GB, published="").where


def test_products_after_the_terms_are_refused_for_their_prices_went_by() -> None:
    late = b'{"offerCode": "AmazonEC2", "terms": {"OnDemand": {"X": {}}}, "products": {"Y": {}}}'

    assert refusal(text=late).where == "list.json: the product Y stands after the terms"


def test_the_offer_stands_for_the_service_of_products_that_do_not_name_theirs() -> None:
    found = imported(product("X", "NatGateway-Bytes", "0.05", servicecode="", **NAT))

    assert usd(found, f"aws.natgw.gb.{US}") == Decimal("0.05")
