"""Examples that others published, cost.md section 11: their figure, ours, and who is wrong."""

from decimal import Decimal
from itertools import pairwise

import pytest

from lakeferry.cost.path.migration import NatInstances
from lakeferry.cost.path.money import exact
from lakeferry.cost.path.paths import crossing_zones, nat_gateway, nat_instance, s3_gateway
from lakeferry.cost.path.span import of_hours, typical_month
from lakeferry.cost.prices.values import ladder
from tests.cost.plans import BOOK, GIB, US, of_gb, rounded, total

EGRESS = "aws.egress.internet.us-east-1"
NAT_GB, NAT_HOUR = "aws.natgw.gb.us-east-1", "aws.natgw.hour.us-east-1"


@exact()
def add(*usd: Decimal) -> Decimal:
    return sum(usd, Decimal(0))


def test_11_alternat_ten_tb_through_one_gateway() -> None:
    processed, hours = of_gb(NAT_GB, 10_240), of_gb(NAT_HOUR, 730)

    assert (processed, hours) == (Decimal("460.80"), Decimal("32.85"))
    # They had one GB a month free.
    assert add(processed, hours, of_gb(EGRESS, 5_119)) == Decimal("954.36")
    assert add(processed, hours, of_gb(EGRESS, 5_120)) == Decimal("954.45")


def test_11_alternat_the_same_through_an_instance() -> None:
    lines = nat_instance(BOOK, US, NatInstances("c6gn.large", 1), typical_month())
    egress = of_gb(EGRESS, 5_120)

    assert egress == Decimal("460.80")
    assert lines[0].usd == Decimal("63.072")
    assert add(egress, Decimal("63.072")) == Decimal("523.872")
    assert add(egress, total(lines)) == Decimal("528.162")


@pytest.mark.parametrize(
    ("type", "usd"),
    [
        ("t4g.nano", "3.066"),
        ("t3.micro", "7.592"),
        ("c7gn.8xlarge", "1457.664"),
        ("c6gn.medium", "31.536"),  # theirs 32.81: a product of another system or tenancy
        ("c7gn.medium", "45.552"),  # 48.25
        ("c7gn.large", "91.104"),  # 132.20
        ("m5n.8xlarge", "1389.92"),  # 1,510.37
        ("r6in.8xlarge", "2036.1744"),  # 1,074.56
    ],
)
def test_11_fck_nats_table_of_instances(type: str, usd: str) -> None:
    assert ladder(BOOK.hourly(type, US), Decimal(730)) == Decimal(usd)


def test_11_infracost_a_nat_gateway() -> None:
    assert of_gb(NAT_HOUR, 730) == Decimal("32.85")
    assert of_gb(NAT_GB, 100) == Decimal("4.50")


def tier_by_tier(id: str, *cuts: int) -> list[str]:
    """What each stretch between the cuts costs, as infracost prints it."""
    whole = [of_gb(id, cut) for cut in (0, *cuts)]
    with exact():
        apart = [after - before for before, after in pairwise(whole)]
    return [rounded(usd) for usd in apart]


def test_11_infracost_egress_of_us_east_1() -> None:
    assert tier_by_tier(EGRESS, 10_240, 51_200, 57_000) == ["921.60", "3481.60", "406.00"]
    assert of_gb(EGRESS, 57_000) == Decimal("4809.20")


def test_11_infracost_egress_of_ap_southeast_2() -> None:
    found = tier_by_tier("aws.egress.internet.ap-southeast-2", 10_240, 51_200, 153_600, 157_000)

    assert found == ["1167.36", "4014.08", "9625.60", "312.80"]


def test_11_infracost_counts_one_side_of_what_crosses_zones() -> None:
    both = crossing_zones(BOOK, US, [2_000 * GIB])

    assert of_gb("aws.crossaz.gb.us-east-1", 2_000) == Decimal("20.00")
    assert total(both) == Decimal("40.00")


def test_11_infracost_direct_connect() -> None:
    assert of_gb("aws.dx.port_1g", 730) == Decimal("219.00")
    assert of_gb("aws.dx.out.us-east-1.EqDC2", 200) == Decimal("4.00")
    assert of_gb("aws.dx.out.eu-west-1.EqDC2", 1_000) == Decimal("28.20")


def test_11_infracost_google_storage_egress() -> None:
    id = "gcp.egress.gcs.us-central1"

    assert tier_by_tier(id, 1_024, 10_240, 12_500) == ["122.88", "1013.76", "180.80"]
    assert of_gb(id, 12_500) == Decimal("1317.44")


@pytest.mark.parametrize(
    ("gateways", "hours", "gb", "usd"),
    [
        (3, 730, 2_048, "190.71"),  # NAT price blog, 2 TB
        (3, 730, 20_480, "1020.15"),  # 20 TB
        (1, 720, 100, "36.90"),  # NAT guide
        (3, 720, 6_000, "367.20"),  # alternatives blog: 3 zones with 2 decimal TB each
        (3, 720, 60_000, "2797.20"),  # FinOps simulation, which says 8,200: bytes x gateways
    ],
)
def test_11_blogs_count_gateways_without_addresses(
    gateways: int, hours: int, gb: int, usd: str
) -> None:
    assert add(of_gb(NAT_HOUR, gateways * hours), of_gb(NAT_GB, gb)) == Decimal(usd)


def test_11_five_decimal_tb_from_s3_are_paid_through_nat_and_free_through_the_endpoint() -> None:
    assert of_gb(NAT_GB, 5_000) == 225
    assert total(s3_gateway(BOOK, US, [5_000 * GIB])) == 0


def test_11_forty_decimal_tb_over_three_zones() -> None:
    assert rounded(total(crossing_zones(BOOK, US, [40_000 * GIB * 2 // 3]))) == "533.33"


def test_11_the_calculators_ladder_of_vended_logs() -> None:
    assert of_gb("aws.cw.vended.us-east-1", 60_000) == Decimal("12728.00")


def test_11_a_hundred_tb_is_two_figures() -> None:
    assert of_gb(NAT_GB, 100_000) == 4_500
    assert of_gb(NAT_GB, 102_400) == 4_608


def test_our_own_gateway_has_its_address_too() -> None:
    assert total(nat_gateway(BOOK, US, 1, of_hours(30 * 24))) == Decimal("36.00")
