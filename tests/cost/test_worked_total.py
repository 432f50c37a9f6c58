"""The worked migration of cost.md section 8: its lines, its total, and what moves it.

cost.md had no price of the reads at the source; it is known since: its $214.75 are in the total.
total.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from lakeferry.cost.path.egress import waiver_hint
from lakeferry.cost.path.migration import MIB, Migration, NatInstances, Path, Source
from lakeferry.cost.path.money import cents, dollars, exact, exact_text
from lakeferry.cost.path.quote import Quote, doubts
from lakeferry.cost.path.span import from_date, of_hours, typical_month
from lakeferry.cost.path.total import paths_of, price
from lakeferry.cost.plan.sensitivity import flip_gb, flip_hours, sensitivity
from lakeferry.errors import FerryError
from tests.cost.plans import BOOK, GIB, PIB, TWO_PIB, US

GATEWAY = price(TWO_PIB, BOOK, "nat_gateway")
INSTANCE = price(TWO_PIB, BOOK, "nat_instance")


def of(quote: Quote, id: str) -> Decimal | None:
    found = [line.usd for line in quote.lines if line.price_id == f"{id}.{US}"]
    (usd,) = found
    return usd


def moves(path: Path, what: str, changed: Migration) -> str:
    (found,) = sensitivity(TWO_PIB, BOOK, path, [(what, changed)])
    return str(cents(found.usd))


def test_8_every_line_of_the_gateways() -> None:
    assert GATEWAY.of("source egress") == Decimal("108630.975")
    assert of(GATEWAY, "aws.natgw.gb") == Decimal("97320.96")  # 2,162,688 GB with overhead
    with exact():
        hours = GATEWAY.of("network path") - Decimal("97320.96")
    assert hours == Decimal("108.00")
    assert GATEWAY.of("target requests") == Decimal("335.54432")
    assert GATEWAY.of("verification") == Decimal("6.7108864")
    assert GATEWAY.of("workers") == Decimal("3919.104")
    assert str(GATEWAY.of("monitoring")).startswith("201.24014468")
    assert GATEWAY.of("source requests") == Decimal("214.7483648")
    assert GATEWAY.unpriced == ()


def test_8_the_instances_differ_only_in_the_path_and_the_standby() -> None:
    assert INSTANCE.of("network path", "standby") == Decimal("411.888")
    assert INSTANCE.growing_with("bytes") < GATEWAY.growing_with("bytes")
    for part in ("source egress", "target requests", "verification", "workers", "monitoring"):
        assert INSTANCE.of(part) == GATEWAY.of(part)


def test_8_both_totals_to_the_last_digit() -> None:
    assert exact_text(GATEWAY.total) == "210737.2827158819305419921875"
    assert exact_text(INSTANCE.total) == "113720.2107158819305419921875"
    with exact():
        assert GATEWAY.total - INSTANCE.total == Decimal("97017.072")


def test_8_a_total_with_an_unpriced_line_is_a_lower_bound() -> None:
    known = {id: one for id, one in BOOK.prices.items() if not id.startswith("azure.blob")}
    quote = price(TWO_PIB, replace(BOOK, prices=known), "nat_gateway")

    assert (dollars(quote.total), quote.at_least) == ("210,522.53", True)
    assert (dollars(GATEWAY.total), GATEWAY.at_least) == ("210,737.28", False)


@pytest.mark.parametrize(
    ("what", "changed", "gateway", "instance"),
    [
        ("volume +10 %", TWO_PIB.of_bytes(2 * PIB * 11 // 10), "20273.56", "10541.46"),
        ("2 PB, not 2 PiB", TWO_PIB.of_bytes(2 * 10**15), "-22670.21", "-11787.63"),
        ("overhead 8 %", replace(TWO_PIB, overhead=Decimal("0.08")), "4600.63", "0.00"),
        ("parts of 8 MiB", replace(TWO_PIB, part_size=8 * MIB), "1174.41", "1174.41"),
        ("45 days", TWO_PIB.lasting(of_hours(45 * 24)), "2017.15", "2169.10"),
        (
            "Internet routing",
            replace(TWO_PIB, source=Source("azure", "eastus", "internet")),
            "-21348.90",
            "-21348.90",
        ),
    ],
)
def test_8_what_each_assumption_moves(
    what: str, changed: Migration, gateway: str, instance: str
) -> None:
    assert moves("nat_gateway", what, changed) == gateway
    assert moves("nat_instance", what, changed) == instance


def test_8_the_usual_changes_are_sorted_as_a_tornado() -> None:
    found = sensitivity(TWO_PIB, BOOK, "nat_gateway")

    assert [one.what for one in found] == [
        "2 PB instead of 2 PiB",
        "Internet routing at the source",
        "volume 10 % larger",
        "overhead of 8 %",
        "45 instead of 30 days",
        "parts of 8 MiB",
    ]


def test_parts_that_large_objects_do_not_go_in_are_no_case_to_try() -> None:
    large = replace(TWO_PIB, objects=1_000)  # of 2.2 TB: 8 MiB would be 262,144 parts

    assert "parts of 8 MiB" not in [
        one.what for one in sensitivity(replace(large, part_size=1024 * MIB), BOOK, "nat_gateway")
    ]


def test_8_one_more_day_of_instances_standby_and_workers() -> None:
    longer = price(replace(TWO_PIB, overrun_hours=24), BOOK, "nat_instance")

    assert longer.of("overrun") == Decimal("144.3024")


def test_8_the_choice_flips_at_a_volume_and_at_a_duration() -> None:
    volume = flip_gb(GATEWAY, INSTANCE, Decimal("0.045"))
    hours = flip_hours(GATEWAY, INSTANCE, 720)

    assert str(volume).startswith("6753.0666")  # (411.888 - 108) / 0.045
    assert hours is not None
    assert round(hours) == 230_582  # 97,320.96 / (303.888 / 720): 26 years


def test_where_an_hour_of_instances_is_not_dearer_no_duration_flips_the_choice() -> None:
    bare = NatInstances("t4g.nano", 1, standby=False)
    instance = price(replace(TWO_PIB, nat_instances=bare, zones=1), BOOK, "nat_instance")
    gateway = price(replace(TWO_PIB, zones=1), BOOK, "nat_gateway")

    assert flip_hours(gateway, instance, 720) is None


def test_8_storage_of_both_copies_is_about_half_the_gateways_bytes() -> None:
    both = price(replace(TWO_PIB, with_storage=True), BOOK, "nat_gateway")

    assert of(both, "aws.s3.storage") == Decimal("44603.392")
    assert [line.item for line in both.unpriced] == ["source storage while both exist, GB-months"]


# ---- what a quote says of itself


def test_a_quote_says_its_worst_standing_and_its_oldest_date() -> None:
    assert (INSTANCE.confidence, INSTANCE.as_of) == ("unverified", "2024-07-01")


def test_old_and_unverified_prices_are_named_once() -> None:
    found = doubts((*INSTANCE.lines, *INSTANCE.lines), date(2026, 11, 26))

    assert "aws.s3.get.us-east-1: not seen in a source" in found
    assert "aws.s3.put.us-east-1: as of 2024-07-01, 878 days old" in found
    assert len(found) == len(set(found))
    assert not any("natgw" in one for one in found)  # 2026-08-17


def test_the_printed_total_is_the_rounded_total_and_not_the_sum_of_rounded_lines() -> None:
    third = replace(INSTANCE.lines[0], usd=Decimal("0.004"))
    quote = Quote((third, third, third))

    assert (cents(quote.total), quote.rounding) == (Decimal("0.01"), Decimal("0.01"))


def test_two_currencies_are_not_added() -> None:
    with pytest.raises(ValueError, match="EUR"):
        GATEWAY + replace(INSTANCE, currency="EUR")


def test_each_line_says_where_its_price_is_from() -> None:
    assert all(line.source for line in INSTANCE.lines)


# ---- leaving a cloud


def test_an_exit_programme_credits_the_internet_egress() -> None:
    leaving = replace(TWO_PIB, source=Source("azure", "eastus", waiver="exit"))
    quote = price(leaving, BOOK, "nat_instance")

    assert quote.of("source egress", "credits") == 0


def test_an_exit_programme_ends_after_sixty_days() -> None:
    slow = replace(TWO_PIB, source=Source("azure", "eastus", waiver="exit"), span=of_hours(61 * 24))

    assert price(slow, BOOK, "nat_instance").of("credits") == 0


def test_an_exit_programme_does_not_reach_expressroute() -> None:
    leaving = replace(TWO_PIB, source=Source("azure", "eastus", waiver="exit"))

    assert price(leaving, BOOK, "expressroute").of("credits") == 0
    assert price(leaving, BOOK, "expressroute").of("source egress") == Decimal("52428.80")


def test_egress_at_cost_is_unpriced_until_the_cloud_says_its_price() -> None:
    asked = replace(TWO_PIB, source=Source("azure", "westeurope", waiver="eu_at_cost"))
    quote = price(asked, BOOK, "nat_gateway")

    assert "azure.egress.eu_at_cost.westeurope" in [line.price_id for line in quote.unpriced]


def test_a_waiver_is_pointed_at_where_egress_is_a_fifth_of_the_total() -> None:
    at_home = replace(TWO_PIB, source=Source("on_premises"))

    assert "azure may credit this egress" in waiver_hint(TWO_PIB, GATEWAY)
    assert waiver_hint(at_home, price(at_home, BOOK, "nat_gateway")) == ""


# ---- paths


def test_a_path_that_does_not_lead_from_the_source_is_refused_with_those_that_do() -> None:
    with pytest.raises(FerryError) as error:
        price(TWO_PIB, BOOK, "direct_connect")

    assert error.value.code == "LF-6506"
    assert "nat_gateway, nat_instance, internet_gateway, expressroute" in error.value.where


def test_the_gateway_endpoint_serves_only_the_buckets_own_region() -> None:
    here = replace(TWO_PIB, source=Source("aws", "us-east-1"))
    elsewhere = replace(TWO_PIB, source=Source("aws", "us-west-2"))

    assert "s3_gateway" in paths_of(here)
    assert "s3_gateway" not in paths_of(elsewhere)
    assert price(here, BOOK, "s3_gateway").of("source egress", "network path") == 0
    assert price(elsewhere, BOOK, "nat_gateway").of("source egress") == Decimal("41943.04")


def test_what_is_written_through_the_gateway_is_paid_twice() -> None:
    leaking = price(replace(TWO_PIB, s3_endpoint=False), BOOK, "nat_gateway")

    assert of(leaking, "aws.natgw.gb") == 2 * Decimal("97320.96")


def test_5_5_one_gateway_for_two_zones_costs_the_same_as_two_at_3650_gb() -> None:
    plain = replace(TWO_PIB, bytes=3650 * GIB, zones=2, overhead=Decimal(0), span=typical_month())
    shared = price(replace(plain, nat_gateways=1), BOOK, "nat_gateway")
    zonal = price(plain, BOOK, "nat_gateway")

    assert of(shared, "aws.crossaz.gb") == Decimal("36.50")
    assert shared.total == zonal.total


def test_fewer_instances_than_zones_let_bytes_cross() -> None:
    one = replace(TWO_PIB, overhead=Decimal(0), nat_instances=NatInstances(count=1))
    crossing = of(price(one, BOOK, "nat_instance"), "aws.crossaz.gb")

    assert str(crossing).startswith("27962.0266")  # section 5.5


def test_what_others_are_charged_by_another_region_is_the_senders_alone() -> None:
    ohio = replace(TWO_PIB, source=Source("aws", "ap-southeast-2"))

    assert price(ohio, BOOK, "nat_gateway").of("source egress") == Decimal("205520.896")


def test_pushing_pays_no_nat_of_aws_and_that_of_the_source_only_by_choice() -> None:
    plain = price(TWO_PIB, BOOK, "internet_gateway", "push")
    behind = price(TWO_PIB, BOOK, "nat_gateway", "push")

    assert plain.of("network path", "standby", "monitoring") == 0
    assert behind.of("network path") == Decimal("97353.36")  # 720 x 0.045 and 2,162,688 GB
    assert "azure.worker.hour" in [line.price_id for line in plain.unpriced]


def test_a_worker_beside_the_source_has_the_price_that_is_given() -> None:
    given = replace(TWO_PIB, source=Source("azure", "eastus", worker_usd_hour=Decimal("0.80")))

    assert price(given, BOOK, "internet_gateway", "push").of("workers") == Decimal("3456.00")


def test_google_bills_its_nat_by_the_vm() -> None:
    google = replace(TWO_PIB, source=Source("gcp", "us-central1"))
    quote = price(google, BOOK, "nat_gateway", "push")

    assert quote.of("source egress") == Decimal("168089.60")
    assert quote.of("network path") == Decimal("6.048") + Decimal("10.80") + Decimal("97320.96")


def test_a_plan_over_two_months_pays_half_of_what_is_monthly_in_each() -> None:
    start = datetime(2026, 11, 16, tzinfo=UTC)
    quote = price(TWO_PIB.lasting(from_date(start, 744)), BOOK, "nat_instance")

    disks = of(quote, "aws.ebs.gp3")  # 360 of November's 720 h, 384 of December's 744
    with exact():
        months = Decimal(360) / 720 + Decimal(384) / 744
        assert disks == 24 * months * Decimal("0.08")
