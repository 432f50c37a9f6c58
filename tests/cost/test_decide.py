"""Which path, by how much, and what would change it: facts/cost.md 5.3, 5.10, 5.12, 6 and 8."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.cost.path.break_even import capacity_gb, instance_or_gateway
from lakeferry.cost.path.decide import (
    Bounded,
    Destination,
    Option,
    Wanted,
    decide,
    flip_bytes,
    outcome,
)
from lakeferry.cost.path.load import load_of, planned_load
from lakeferry.cost.path.migration import Path
from lakeferry.cost.path.money import cents, exact
from lakeferry.cost.path.recovery import Failures, recovery
from lakeferry.cost.path.replay import GBPS, NAT_GATEWAY, Carrier, Replay, replay, steady, together
from lakeferry.cost.prices.values import GIB, Price, Tier
from lakeferry.errors import FerryError

WIRE = 2_162_688 * GIB  # 2 PiB and 1/32 of overhead
MONTH = 43_200  # minutes of 30 days
GATEWAY_GB = Decimal("0.045")
NONE = Replay(0, 0, 0, 0, 0, Fraction(0))


def price(*tiers: tuple[str, str | None, str], id: str = "aws.natgw.gb.us-east-1") -> Price:
    return Price(
        id,
        "GB",
        tuple(Tier(Decimal(a), Decimal(b) if b else None, Decimal(usd)) for a, b, usd in tiers),
        "",
        None,
        "price_list",
        bytes_per_unit=GIB,
    )


PROCESSED = price(("0", None, "0.045"))


def over(carrier: Carrier, devices: int, size: int, minutes: int) -> Replay:
    """Bytes spread evenly over time and devices."""
    shares = planned_load(size, minutes=devices).tolist()
    return together(replay(planned_load(one, minutes=minutes), carrier) for one in shares)


def gateways(size: int = WIRE, minutes: int = MONTH) -> Option:
    return Option(
        "nat_gateway",
        "3 NAT gateways",
        over(NAT_GATEWAY, 3, size, minutes),
        capacity=3 * NAT_GATEWAY.sustained,
        usd_per_started_hour=3 * Decimal("0.05"),
        data=PROCESSED,
    )


@exact()
def instances(size: int = WIRE, minutes: int = MONTH) -> Option:
    """3 x c7gn.large with 8 GB disks; standby of 3 gateways and an endpoint in 3 zones."""
    disks = 3 * 8 * Decimal("0.08") / 720
    return Option(
        "nat_instance",
        "3 x c7gn.large",
        over(steady(5 * GBPS), 3, size, minutes),
        capacity=3 * 5 * GBPS,
        usd_per_hour=3 * (Decimal("0.1248") + Decimal("0.005")) + disks,
        usd_per_started_hour=3 * Decimal("0.05") + Decimal("0.03"),
    )


def test_sections_5_and_8_instances_win_by_97017_072_on_two_pebibytes() -> None:
    found = decide([gateways(), instances()], Wanted("internet", planned_minutes=MONTH))

    assert found.chosen.option.label == "3 x c7gn.large"
    assert [cents(one.total) for one in found.outcomes] == [
        Decimal("411.89"),
        Decimal("97428.96"),
    ]
    assert found.wins_by is not None
    assert round(found.wins_by, 20) == Decimal("97017.072")
    assert found.reason == "97,017.07 below 3 NAT gateways"


def test_section_5_1_gateways_without_overhead_cost_94479_84() -> None:
    found = outcome(gateways(2**51), Wanted("internet", planned_minutes=MONTH))

    assert (found.fixed, found.data) == (Decimal("108.00"), Decimal("94371.84"))
    assert found.total == Decimal("94479.84")


def test_section_8_what_would_change_the_choice() -> None:
    found = decide([gateways(), instances()], Wanted("internet", planned_minutes=MONTH))
    flips = {flip.what: flip for flip in found.flips}

    # 5.3: (411.888 - 108) / 0.045 GB; and the hours at which both cost the same
    assert round(flips["bytes"].at / GIB, 4) == round(Decimal("303.888") / GATEWAY_GB, 4)
    with exact():
        an_hour = Decimal("303.888") / 720
        assert round(flips["hours"].at, 6) == round(Decimal("97320.96") / an_hour, 6)
        more = flips["dollars an hour"].at - flips["dollars an hour"].now
        assert round(more * 720, 6) == Decimal("97017.072")
    assert flips["capacity"].at == 3 * 5 * GBPS * MONTH
    assert found.flips[0].what == "capacity"  # what is nearest comes first


def test_section_6_two_minutes_later_at_120_an_hour_cost_4_00() -> None:
    load = load_of([gb * 10**9 for gb in (5, 30, 30, 5, 0, 0)])
    slow = Option("nat_instance", "slow", replay(load, steady(10**10)), 10**10)
    wanted = Wanted("internet", planned_minutes=6, waiting_usd_hour=Decimal(120))

    assert outcome(slow, wanted).delay == Decimal("4.00")


def test_gateways_are_billed_by_started_hours_and_instances_by_the_minute() -> None:
    ran = replay(load_of([1] * 61), steady(1))
    wanted = Wanted("internet", planned_minutes=61)
    whole = Option("nat_gateway", "", ran, 1, usd_per_started_hour=Decimal(6))
    exactly = Option("nat_instance", "", ran, 1, usd_per_hour=Decimal(6))

    assert outcome(whole, wanted).fixed == 12
    assert round(outcome(exactly, wanted).fixed, 20) == Decimal("6.1")


def test_the_price_of_waiting_may_turn_the_choice() -> None:
    size, minutes = 7 * GBPS * 600, 600
    slow = replace(
        instances(size, minutes), label="slow", replay=over(steady(2 * GBPS), 3, size, minutes)
    )
    options = [gateways(size, minutes), slow]
    cheap = decide(options, Wanted("internet", minutes))
    (flip,) = [one for one in cheap.flips if one.what == "dollars a waiting hour"]

    def chosen(factor: str) -> str:
        usd = flip.at * Decimal(factor)
        return decide(options, Wanted("internet", minutes, None, usd)).chosen.option.label

    assert cheap.chosen.option.label == "slow"
    assert chosen("0.98") == "slow"
    assert chosen("1.01") == "3 NAT gateways"


# facts/cost.md 5.3: the break-even, with its bound


@pytest.mark.parametrize(
    ("instance", "gateway", "gb"),
    [
        ("95.394", "36.50", "1308.7556"),
        ("131.894", "36.50", "2119.8667"),
        ("417.582", "109.50", "6846.2667"),
    ],
)
def test_section_5_3_break_even_is_told_with_what_can_be_carried(
    instance: str, gateway: str, gb: str
) -> None:
    found = Bounded(
        instance_or_gateway(Decimal(instance), Decimal(gateway), GATEWAY_GB),
        capacity_gb(Decimal(5), 730),
    )

    assert round(found.gb, 4) == Decimal(gb)
    assert found.pays
    assert "it carries at most 1,529,697.33 GB" in str(found)


def test_section_5_3_a_nano_is_cheaper_from_the_first_byte_and_carries_9655_gb() -> None:
    found = Bounded(
        instance_or_gateway(Decimal("7.356"), Decimal("36.50"), GATEWAY_GB),
        capacity_gb(Decimal("0.032"), 720),
    )

    assert found.capacity_gb == Decimal("9655.95245361328125")
    assert str(found) == "cheaper from the first byte; it carries at most 9,655.95 GB"


def test_a_way_that_cannot_carry_its_break_even_never_pays() -> None:
    assert str(Bounded(Decimal(10), Decimal(10))).startswith("never cheaper: it carries at most")


def test_section_5_3_the_replay_decides_about_a_nano_and_not_the_price() -> None:
    nano = Option(
        "nat_instance",
        "t4g.nano",
        over(steady(32 * GBPS // 1000), 1, WIRE, MONTH),
        capacity=32 * GBPS // 1000,
        usd_per_hour=Decimal("0.0092"),
    )
    found = decide([nano, gateways()], Wanted("internet", MONTH, latest_minutes=2 * MONTH))

    assert found.chosen.option.label == "3 NAT gateways"
    assert found.outcomes[1].set_aside == "it ends 6659.2 days too late"
    assert found.runner_up is None
    assert found.wins_by is None
    assert found.reason == "the only one in time at prices that are all known"


# facts/cost.md 5.12: the steps


def option(path: Path, usd: str, **given_: Any) -> Option:
    return replace(Option(path, path, NONE, 1, usd_once=Decimal(usd)), **given_)


@pytest.mark.parametrize("destination", ["s3", "dynamodb"])
def test_section_5_12_s3_and_dynamodb_of_the_region_take_the_gateway_endpoint_always(
    destination: Destination,
) -> None:
    options = [option("nat_instance", "0"), option("s3_gateway", "0")]
    found = decide(options, Wanted(destination, 0))

    assert found.chosen.option.path == "s3_gateway"
    assert found.reason == "a gateway endpoint takes these bytes for nothing: always"


@pytest.mark.parametrize(
    ("destination", "chosen"),
    [
        ("aws_service", "interface_endpoint"),
        ("partner", "privatelink"),
        ("internet", "direct_connect"),
    ],
)
def test_section_5_12_only_paths_that_lead_there_are_compared(
    destination: Destination, chosen: str
) -> None:
    options = [
        option("interface_endpoint", "1"),
        option("privatelink", "2"),
        option("direct_connect", "3"),
        option("nat_gateway", "9"),
    ]
    found = decide(options, Wanted(destination, 0))

    assert found.chosen.option.path == chosen
    assert len(found.outcomes) == 2


def test_section_5_12_a_circuit_that_comes_too_late_is_set_aside_with_the_reason() -> None:
    options = [option("direct_connect", "1", lead_days=60), option("nat_gateway", "9")]
    found = decide(options, Wanted("internet", 0, days_to_start=30))

    assert found.chosen.option.path == "nat_gateway"
    assert found.outcomes[1].set_aside == "it takes 60 days to get, and there are 30"


@pytest.mark.parametrize(("gateway", "chosen"), [("101", "nat_gateway"), ("102", "nat_instance")])
def test_section_5_12_within_1_percent_the_managed_one_is_taken(gateway: str, chosen: str) -> None:
    options = [option("nat_instance", "100"), option("nat_gateway", gateway)]
    found = decide(options, Wanted("internet", 0))

    assert found.chosen.option.path == chosen
    assert found.wins_by == (Decimal(-1) if chosen == "nat_gateway" else Decimal(2))


def test_a_tie_says_what_is_paid_for_being_looked_after() -> None:
    options = [option("nat_instance", "100"), option("nat_gateway", "100.5")]

    assert decide(options, Wanted("internet", 0)).reason == (
        "0.50 above nat_instance, a tie: AWS keeps it alive"
    )


def test_what_has_no_price_is_never_chosen_for_being_cheap() -> None:
    options = [
        option("interconnect", "0", data=replace(PROCESSED, tiers=None, id="aws.interconnect")),
        option("direct_connect", "0", unpriced=("carrier",)),
        option("nat_gateway", "9"),
    ]
    found = decide(options, Wanted("internet", 0))

    assert found.chosen.option.path == "nat_gateway"
    assert {one.set_aside for one in found.outcomes[1:]} == {
        "no price is known for aws.interconnect: its total is a lower bound",
        "no price is known for carrier: its total is a lower bound",
    }


def test_a_plan_that_no_path_carries_in_time_is_refused_with_the_time_that_it_takes() -> None:
    with pytest.raises(FerryError) as raised:
        decide([instances()], Wanted("internet", MONTH, latest_minutes=MONTH - 60))

    assert raised.value.code == "LF-6521"
    assert raised.value.where == "to internet: 3 x c7gn.large: it ends 60 minutes too late"
    assert raised.value.next_step == "allow 30.0 days, or give more or larger instances"


def test_a_destination_without_path_is_refused() -> None:
    with pytest.raises(FerryError, match="LF-6521"):
        decide([option("privatelink", "1")], Wanted("internet", 0))


# facts/cost.md 5.10


def test_section_5_10_failures_cost_6_00_and_3_minutes_a_month() -> None:
    failures = Failures(Decimal("0.2"), instances=3, minutes=Decimal(5))
    found = recovery(failures, waiting_usd_hour=Decimal(120))

    assert (found.minutes, found.usd) == (Decimal(3), Decimal("6.00"))


def test_section_5_10_while_the_standby_carries_each_gb_costs() -> None:
    failures = Failures(Decimal(1), 1, Decimal(0), standby_minutes=Decimal(10))
    found = recovery(
        failures,
        waiting_usd_hour=Decimal(120),
        bytes_a_minute=GIB,
        standby_usd_gb=GATEWAY_GB,
    )

    assert found.usd == Decimal("0.45")


def test_failures_of_fewer_than_no_instances_are_refused() -> None:
    with pytest.raises(ValueError, match="failures"):
        Failures(Decimal(-1), 1, Decimal(1))


# what holds for all ladders

rates = st.integers(0, 9).map(lambda cents: Decimal(cents) / 100)


@given(
    st.tuples(rates, rates, rates), st.integers(1, 50), st.integers(51, 99), rates,
    st.integers(0, 90), st.integers(0, 120),
)  # fmt: skip
def test_at_the_volume_of_a_flip_both_cost_the_same(
    steps: tuple[Decimal, Decimal, Decimal], cut: int, end: int, flat: Decimal, fixed: int, now: int
) -> None:
    ladder = price(
        ("0", str(cut), str(steps[0])),
        (str(cut), str(end), str(steps[1])),
        (str(end), None, str(steps[2])),
    )
    ran = replay(load_of([now * GIB]), steady(max(1, now * GIB)))
    one = Option("interface_endpoint", "one", ran, 1, data=ladder)
    two = Option("nat_gateway", "two", ran, 1, data=price(("0", None, str(flat))),
                 usd_once=Decimal(fixed) / 100)  # fmt: skip
    wanted = Wanted("aws_service", 1)
    gap = outcome(two, wanted).total - outcome(one, wanted).total
    at = flip_bytes(one, two, gap=gap)

    def apart(size: int) -> Decimal:
        return two.usd_once + two.data_usd(size) - one.data_usd(size)

    if at is None:
        signs = {apart(gb * GIB) > 0 for gb in range(200)}
        assert len(signs) == 1
    else:
        assert abs(apart(int(at))) < Decimal("1e-8")


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=5))
def test_the_chosen_is_never_more_than_1_percent_above_the_cheapest(usd: list[int]) -> None:
    paths: tuple[Path, Path] = ("nat_gateway", "nat_instance")
    options = [option(paths[n % 2], str(one), label=f"{n}") for n, one in enumerate(usd)]
    found = decide(options, Wanted("internet", 0))

    assert found.chosen.total <= min(usd) * Decimal("1.01")
    assert decide(options[::-1], Wanted("internet", 0)).chosen.total == found.chosen.total


def test_a_tie_with_another_that_nobody_keeps_alive_changes_nothing() -> None:
    options = [option("nat_instance", "100", label="a"), option("nat_instance", "100.5", label="b")]

    assert decide(options, Wanted("internet", 0)).chosen.option.label == "a"


def test_of_two_volumes_at_which_costs_meet_the_nearest_is_told() -> None:
    # 1 dollar a GB and nothing after 10 GB, against 2 dollars and 0.5 a GB: they meet twice
    ran = replay(load_of([15 * GIB]), steady(15 * GIB))
    one = Option(
        "interface_endpoint", "one", ran, 1, data=price(("0", "10", "1"), ("10", None, "0"))
    )
    two = Option("nat_gateway", "two", ran, 1, data=price(("0", None, "0.5")), usd_once=Decimal(2))
    gap = Decimal(2) + Decimal("7.5") - 10

    assert flip_bytes(one, two, gap=gap) == 16 * GIB
    assert flip_bytes(one, replace(two, usd_once=Decimal("4.9")), gap=gap + Decimal("2.9")) == (
        Decimal("10.2") * GIB
    )


def test_without_a_gateway_endpoint_bytes_of_s3_take_the_cheapest_that_is_left() -> None:
    found = decide([option("nat_gateway", "2"), option("interface_endpoint", "1")], Wanted("s3", 0))

    assert found.chosen.option.path == "interface_endpoint"


def test_ways_without_a_price_a_byte_have_no_volume_at_which_the_choice_flips() -> None:
    found = decide([option("nat_gateway", "2"), option("nat_instance", "1")], Wanted("internet", 0))

    assert [flip.what for flip in found.flips] == ["capacity"]
