"""The worked figures of cost.md, sections 1, 3 and 4: units, ladders, prices by service."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from lakeferry.cost.path.egress import source_egress
from lakeferry.cost.path.migration import Source
from lakeferry.cost.path.money import cents
from lakeferry.cost.path.quote import Line
from lakeferry.cost.path.requests import read_requests, source_requests
from lakeferry.cost.path.span import from_date, of_hours
from lakeferry.cost.prices.values import decimal_gb, ladder
from tests.cost.plans import BOOK, GIB, PIB, TWO_PIB, US, of_gb, rounded, with_tiers

NAT_GB = BOOK.at("aws.natgw.gb.us-east-1")
AZURE = "azure.egress.mgn.eastus"


def usd(line: Line) -> Decimal:
    assert line.usd is not None
    return line.usd


# ---- 1 units and money


def test_1_2_azures_gb_read_as_decimal_costs_seven_percent_more() -> None:
    (binary,) = source_egress(TWO_PIB, BOOK, "nat_gateway")
    (decimal,) = source_egress(TWO_PIB, decimal_gb(BOOK, "azure"), "nat_gateway")

    assert (rounded(binary.usd), rounded(decimal.usd)) == ("108630.98", "116363.37")
    assert round(usd(decimal) / usd(binary) - 1, 3) == Decimal("0.071")


@pytest.mark.parametrize(
    ("volume", "gb", "dollars"),
    [
        (2 * 10**15, "1862645.14923095703125", "83819.03"),
        (2 * PIB, "2097152", "94371.84"),
    ],
)
def test_1_3_two_pb_and_two_pib_are_not_the_same_gb(volume: int, gb: str, dollars: str) -> None:
    units = NAT_GB.units(volume)

    assert units == Decimal(gb)
    assert rounded(ladder(NAT_GB, units)) == dollars


def test_1_3_a_gb_of_a_thousand_million_bytes_is_a_third_reading() -> None:
    decimal = replace(NAT_GB, bytes_per_unit=10**9)

    assert decimal.units(2 * PIB) == Decimal("2251799.813685248")
    assert rounded(ladder(decimal, decimal.units(2 * PIB))) == "101330.99"


def test_1_4_two_pib_in_thirty_days_are_almost_seven_gbps() -> None:
    plain = replace(TWO_PIB, overhead=Decimal(0))

    assert round(plain.gbps, 7) == Decimal("6.9499994")


@pytest.mark.parametrize(
    ("start", "days", "hours"),
    [
        (datetime(2026, 11, 1, tzinfo=UTC), 30, [720]),
        (datetime(2026, 12, 1, tzinfo=UTC), 31, [744]),
        (datetime(2026, 2, 1, tzinfo=UTC), 28, [672]),
        (datetime(2028, 2, 1, tzinfo=UTC), 29, [696]),
        (datetime(2026, 11, 16, tzinfo=UTC), 30, [360, 360]),
    ],
)
def test_1_5_a_month_has_its_own_hours(start: datetime, days: int, hours: list[int]) -> None:
    assert [part.hours for part in from_date(start, days * 24).parts] == hours


def test_1_6_money_is_rounded_half_to_even_once() -> None:
    assert [str(cents(Decimal(text))) for text in ("0.125", "0.135", "-21348.895")] == [
        "0.12",
        "0.14",
        "-21348.90",
    ]


def test_1_8_free_amounts_are_taken_off_only_when_asked_for() -> None:
    assert of_gb("aws.egress.internet.us-east-1", 100) == 9
    assert of_gb("aws.egress.internet.us-east-1", 100, free=True) == 0
    assert of_gb(AZURE, 100) == 0  # inside Azure's own ladder


def test_1_10_half_in_each_of_two_months_costs_more_than_all_in_one() -> None:
    start = datetime(2026, 11, 16, tzinfo=UTC)  # 15 days of November, 15 of December
    (one,) = source_egress(TWO_PIB, BOOK, "nat_gateway")
    split = TWO_PIB.lasting(from_date(start, 720))
    (two,) = source_egress(split, BOOK, "nat_gateway")

    assert (str(usd(one)), rounded(two.usd)) == ("108630.975", "112404.35")
    assert usd(two) - usd(one) == Decimal("3773.375")


def test_1_10_as_many_accounts_climb_as_many_ladders() -> None:
    each = replace(TWO_PIB, bytes=2 * PIB // 64)
    many = replace(TWO_PIB, source=Source("azure", "eastus", accounts=64))
    (shared,) = source_egress(TWO_PIB, BOOK, "nat_gateway")
    (apart,) = source_egress(many, BOOK, "nat_gateway")
    (alone,) = source_egress(each, BOOK, "nat_gateway")

    assert usd(apart) == 64 * usd(alone)
    assert usd(apart) > usd(shared)


def test_1_10_what_is_used_already_has_climbed_the_lower_tiers() -> None:
    used = replace(TWO_PIB, used={AZURE: 512_095 * GIB})
    (line,) = source_egress(used, BOOK, "nat_gateway")

    assert usd(line) == 2_097_152 * Decimal("0.05")


# ---- 3 prices by service


@pytest.mark.parametrize(
    ("id", "prices"),
    [
        ("aws.natgw.hour", "0.045 0.045 0.048 0.059"),
        ("aws.natgw.gb", "0.045 0.045 0.048 0.059"),
        ("aws.vpce.hour", "0.01 0.01 0.011 0.013"),
        ("aws.vpce_gateway", "0 0 0 0"),
        ("aws.ipv4.hour", "0.005 0.005 0.005 0.005"),
        ("aws.crossaz.gb", "0.01 0.01 0.01 0.01"),
    ],
)
def test_3_the_table_of_prices_by_region(id: str, prices: str) -> None:
    regions = ("us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2")
    found = [BOOK.of(id, region).last_usd for region in regions]

    assert found == [Decimal(one) for one in prices.split()]


@pytest.mark.parametrize(
    ("pair", "usd"),
    [
        ("us-east-1.us-east-2", "0.01"),
        ("us-east-1.us-west-2", "0.02"),
        ("us-west-2.other", "0.02"),
        ("ap-southeast-2.other", "0.098"),
    ],
)
def test_3_only_the_sending_region_pays(pair: str, usd: str) -> None:
    assert of_gb(f"aws.interregion.{pair}", 1) == Decimal(usd)


def test_3_the_endpoints_ladder_by_a_binary_and_a_decimal_cut() -> None:
    binary = BOOK.of("aws.vpce.gb", US)
    tiers = ((0, 10**6, "0.01"), (10**6, 5 * 10**6, "0.006"), (5 * 10**6, None, "0.004"))
    two_pib = Decimal(2_097_152)

    assert ladder(binary, two_pib) == Decimal("16777.216")
    assert ladder(with_tiers(binary, *tiers), two_pib) == Decimal("16582.912")


def test_3_a_provisioned_nat_gateway_is_in_the_list_and_never_offered() -> None:
    price = BOOK.at("aws.natgw_prvd.gbps_hour.us-east-1")

    assert not price.offer
    assert ladder(price, Decimal(10 * 720)) == Decimal("7747.20")
    assert of_gb("aws.natgw.gb.us-east-1", 2_097_152) == Decimal("94371.84")


def test_3_the_three_readings_of_azures_egress() -> None:
    page = with_tiers(
        BOOK.at(AZURE),
        (0, 100, "0"),
        (100, 10_340, "0.087"),
        (10_340, 51_300, "0.083"),
        (51_300, 153_700, "0.07"),
        (153_700, None, "0.05"),
    )
    two_pib = Decimal(2_097_152)
    opted_in = of_gb("azure.egress.internet_routing.eastus", 2_097_152)

    assert of_gb(AZURE, 2_097_152) == Decimal("108630.975")
    assert ladder(page, two_pib) == Decimal("108631.160")
    assert opted_in == Decimal("87282.08")
    assert Decimal("108630.975") - opted_in == Decimal("21348.895")


@pytest.mark.parametrize(
    ("id", "quantity", "dollars"),
    [
        ("azure.er.metered.zone1.eastus", 2_097_152, "52428.80"),
        ("aws.dx.port_10g", 720, "1620.00"),
        ("aws.datasync.gb", 2_097_152, "26214.40"),
        ("gcp.egress.internet.us-central1", 2_097_152, "168089.60"),
        ("gcp.egress.gcs.us-central1", 2_097_152, "168089.60"),
        ("aws.s3.storage.us-east-1", 2_097_152, "44603.392"),  # section 8
        ("aws.kinesis.shard_hour.us-east-1", 24 * 720, "259.20"),
        ("aws.cw.dashboard.us-east-1", 1, "3.00"),
    ],
)
def test_3_what_much_of_one_thing_costs(id: str, quantity: int, dollars: str) -> None:
    assert of_gb(id, quantity) == Decimal(dollars)


def test_3_a_data_lake_bills_reads_by_4_mib() -> None:
    assert read_requests(TWO_PIB) == 536_870_912
    assert [line.usd for line in source_requests(TWO_PIB, BOOK)] == [Decimal("214.7483648")]


# ---- 4 EC2 as NAT instance


@pytest.mark.parametrize(
    ("type", "internet_gbps", "hourly", "for_730_hours"),
    [
        ("t4g.nano", "0.032", "0.0042", "3.07"),
        ("t4g.small", "0.128", "0.0168", "12.26"),
        ("c6gn.medium", "1.6", "0.0432", "31.54"),
        ("c6gn.large", "3", "0.0864", "63.07"),
        ("c7gn.medium", "3.125", "0.0624", "45.55"),
        ("c7gn.large", "5", "0.1248", "91.10"),
        ("c7gn.xlarge", "5", "0.2496", "182.21"),
        ("c8gn.large", "5", "0.1185", "86.50"),  # 86.505: the paper rounds it half up, to 86.51
        ("c6in.large", "3.125", "0.1134", "82.78"),
        ("m6in.large", "3.125", "0.13923", "101.64"),
        ("r6in.large", "3.125", "0.17433", "127.26"),
        ("c6in.8xlarge", "25", "1.8144", "1324.51"),
        ("c7gn.8xlarge", "50", "1.9968", "1457.66"),
    ],
)
def test_4_what_an_instance_sustains_and_costs(
    type: str, internet_gbps: str, hourly: str, for_730_hours: str
) -> None:
    price = BOOK.hourly(type, US)

    assert BOOK.instance(type).internet_gbps == Decimal(internet_gbps)
    assert price.last_usd == Decimal(hourly)
    assert rounded(ladder(price, Decimal(730))) == for_730_hours


def test_1_6_one_byte_more_than_an_exbibyte_is_still_exact() -> None:
    usd = ladder(NAT_GB, NAT_GB.units(2**60 + 1))

    assert usd is not None
    assert Fraction(usd) == Fraction(2**60 + 1, GIB) * Fraction(45, 1000)


def test_a_month_without_a_date_counts_720_hours() -> None:
    assert of_hours(30 * 24).months == 1
    assert of_hours(45 * 24).months == Decimal("1.5")
