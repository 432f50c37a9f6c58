"""What monitoring costs a month."""

from decimal import Decimal

import pytest

from lakeferry.monitor.settings import FlowLogWish
from lakeferry.monitor.wanted.own_cost import MonthlyCost, nat_gbps, nat_usd_per_gb, path_usd_per_gb
from tests.monitor.test_wanted_flow_logs import BUCKET
from tests.monitor.wishes import bare, wanted


def cost(name: str, **chosen: object) -> MonthlyCost:
    made = wanted(bare(), **chosen)
    return next(one for one in made.costs if one.name.endswith(name))


def cents(usd: Decimal) -> Decimal:
    return usd.quantize(Decimal("0.01"))


def test_each_resource_has_its_cost_beside_it() -> None:
    made = wanted()

    assert [(one.kind, one.name) for one in made.costs] == [
        (one.kind_name, one.name) for one in made.resources
    ]
    assert made.usd_a_month == sum(one.usd for one in made.costs)


def test_512_connections_by_nat_are_135_million_rows_a_month() -> None:
    volume = wanted().volume  # 512 x 6 rows a minute

    assert volume.rows == 134_553_600
    assert volume.row_bytes == 246


def test_rows_are_paid_by_the_gb_that_is_delivered() -> None:
    flow = cost(".flow-cloudwatch")

    assert cents(flow.usd) == Decimal("15.41")  # 30.8 GB at 0.50
    assert "30.8 GB" in flow.basis


def test_delivery_to_s3_pays_for_parquet_too() -> None:
    wish = FlowLogWish(("s3",), bucket=BUCKET)

    assert cents(cost(".flow-s3", flow_logs=wish).usd) == Decimal("16.49")


def test_ten_thousand_gb_pass_into_the_cheaper_tier() -> None:
    flow = cost(".flow-cloudwatch", connections=512 * 400)

    assert flow.usd == Decimal("0.50") * 10_240 + Decimal("0.25") * (
        Decimal(400 * 134_553_600 * 246) / 2**30 - 10_240
    )


def test_a_rule_costs_half_a_dollar_and_its_matched_events() -> None:
    billed = cost(".nat-gateway-billed")

    assert cents(billed.usd) == Decimal("1.40")
    assert "44,851,200 matched events" in billed.basis


def test_an_alarm_costs_a_dime_for_each_metric_it_reads() -> None:
    assert cost(".rejected").usd == Decimal("0.10")
    assert cost(".s3-through-nat").usd == Decimal("0.20")
    assert cost("m1.stalled").usd == Decimal("0.50")  # composite


def test_an_interface_endpoint_costs_its_hours_in_each_zone_and_a_gateway_nothing() -> None:
    assert cost("m1.sts").usd == Decimal("14.60")
    assert cost(".s3-gateway").usd == 0


def test_a_price_says_how_sure_it_is() -> None:
    assert "secondary" in cost(".rejected").basis
    assert "price_list" in cost("m1.sts").basis


def test_a_region_without_a_price_shows_that_of_another_and_says_so() -> None:
    from dataclasses import replace

    from lakeferry.monitor.wanted.desired import desired
    from tests.monitor.wishes import full

    made = desired(bare(), replace(full(), region="eu-central-1"))

    assert all("price of us-east-1" in one.basis for one in made.costs if one.usd)


def test_what_a_nat_costs_and_sustains_is_data() -> None:
    assert nat_usd_per_gb("us-east-1") == Decimal("0.045")
    assert nat_usd_per_gb("eu-west-1") == Decimal("0.048")
    assert nat_gbps("c7gn.large") == 5
    assert nat_gbps("z9.huge") is None


@pytest.mark.parametrize(
    ("path", "crosses", "usd"),
    [
        ("nat_gateway", False, Decimal("0.045")),
        ("nat_gateway", True, Decimal("0.065")),  # a cent for the sender, one for the receiver
        ("nat_instance", False, None),  # hours, not bytes
        ("nat_instance", True, Decimal("0.02")),
        ("s3_gateway", False, Decimal(0)),
        ("kinesis", False, Decimal("0.01")),
        ("transit_gateway", False, Decimal("0.02")),
        ("internet_gateway", False, None),
    ],
)
def test_each_path_has_its_price_for_a_gb(path: str, crosses: bool, usd: Decimal | None) -> None:
    assert path_usd_per_gb(path, "us-east-1", crosses_zones=crosses) == usd
