"""Right-sizing: facts/cost.md sections 4 and 7, and facts/network.md section 9."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.cost.path.load import load_of, planned_load
from lakeferry.cost.path.replay import GBPS
from lakeferry.cost.path.sizing import (
    Allowance,
    Demand,
    Kernel,
    busiest,
    internet_gbps,
    kernel,
    limits,
    ports_left,
    sizes,
    sizes_in,
)
from lakeferry.cost.prices.price_file import own_book
from lakeferry.cost.prices.values import InstanceType

BOOK = own_book()
IPV4 = Decimal("0.005")
# The types of section 7's table, and what an hour of each costs in us-east-1 (section 4).
HOURLY: dict[str, Decimal | None] = {
    "c7gn.medium": Decimal("0.0624"),
    "c6gn.medium": Decimal("0.0432"),
    "c7gn.large": Decimal("0.1248"),
    "c6gn.large": Decimal("0.0864"),
    "c7gn.8xlarge": Decimal("1.9968"),
}
L_6_95 = Demand(down=695 * GBPS // 100)  # 2 PiB in 30 flat days


def kinds(*names: str) -> Sequence[InstanceType]:
    return [BOOK.instance(name) for name in names or HOURLY]


# facts/cost.md section 4


def test_section_4_every_type_of_the_book_sustains_to_the_internet_what_the_rule_says() -> None:
    given_ = {name: one.internet_gbps for name, one in BOOK.instance_types.items()}
    ruled = {
        name: internet_gbps(one.vcpus, one.card0_gbps) for name, one in BOOK.instance_types.items()
    }

    assert len(given_) == 71
    assert ruled == given_


@pytest.mark.parametrize(
    ("vcpus", "card0", "sustained"),
    [
        (2, "0.032", "0.032"),  # t4g.nano
        (2, "6.25", "5"),  # c7gn.large
        (31, "100", "5"),
        (32, "12", "6"),  # c6g.8xlarge
        (32, "100", "50"),  # c7gn.8xlarge
        (32, "8", "5"),
        (64, "3", "3"),
        (128, "200", "100"),  # c6in.32xlarge: one of its two cards
    ],
)
def test_section_4_below_32_vcpus_5_gbps_and_from_there_half(
    vcpus: int, card0: str, sustained: str
) -> None:
    assert internet_gbps(vcpus, Decimal(card0)) == Decimal(sustained)


def test_section_4_each_byte_passes_twice_so_down_and_up_share_the_bandwidth() -> None:
    # c7gn.medium: 3.125 in all, 3.125 to the internet
    medium = BOOK.instance("c7gn.medium")
    one_way = Demand(down=2 * GBPS)
    two_ways = Demand(down=2 * GBPS, up=2 * GBPS)
    in_turn = Demand(down=2 * GBPS, up=2 * GBPS, both=2 * GBPS)

    def most(demand: Demand) -> tuple[str, int]:
        bound = max(limits(medium, demand, Allowance()), key=lambda one: one.instances(Fraction(1)))
        return bound.name, bound.instances(Fraction(1))

    assert most(one_way) == ("internet bandwidth", 2)
    assert most(two_ways) == ("bandwidth, down and up together", 3)
    assert most(in_turn) == ("internet bandwidth", 2)


# facts/cost.md section 7


def test_section_7_the_table_to_the_cent() -> None:
    found = sizes(kinds(), L_6_95, hours=720, usd_per_hour=HOURLY, usd_beside=IPV4)

    assert [(one.type, one.each_gbps, one.count, one.usd) for one in found] == [
        ("c7gn.medium", Decimal("3.125"), 5, Decimal("242.64")),
        ("c6gn.medium", Decimal("1.6"), 8, Decimal("277.632")),
        ("c7gn.large", Decimal("5"), 3, Decimal("280.368")),
        ("c6gn.large", Decimal("3"), 5, Decimal("329.04")),
        ("c7gn.8xlarge", Decimal("50"), 2, Decimal("2882.592")),
    ]


def test_section_7_in_three_zones_n_is_a_multiple_and_c7gn_large_wins() -> None:
    found = sizes(kinds(), L_6_95, hours=720, usd_per_hour=HOURLY, usd_beside=IPV4, zones=3)

    assert [(one.type, one.count, one.usd) for one in found[:2]] == [
        ("c7gn.large", 3, Decimal("280.368")),
        ("c7gn.medium", 6, Decimal("291.168")),
    ]


def test_section_7_two_of_three_c7gn_large_carry_7_0_at_70_percent_and_no_more() -> None:
    def count(hundredths: int) -> int:
        demand = Demand(down=hundredths * GBPS // 100)
        return sizes(kinds("c7gn.large"), demand, hours=1, usd_per_hour=HOURLY)[0].count

    assert (count(695), count(700), count(701)) == (3, 3, 4)


def test_section_7_the_flat_load_of_2_pib_in_30_days_stands_for_6_95() -> None:
    load = planned_load(2**51, minutes=43_200)
    found = sizes(kinds(), Demand(busiest(load)), hours=720, usd_per_hour=HOURLY, usd_beside=IPV4)

    assert [(one.type, one.count) for one in found[:3]] == [
        ("c7gn.medium", 5),
        ("c6gn.medium", 8),
        ("c7gn.large", 3),
    ]


def test_section_7_43_minutes_of_30_days_may_lie_above_the_percentile() -> None:
    assert busiest(load_of([*[1] * 43_157, *[9] * 43])) == 1
    assert busiest(load_of([*[1] * 43_156, *[9] * 44])) == 9
    assert busiest(load_of([3, 1, 2])) == 3
    assert busiest(load_of([])) == 0


def test_section_7_of_the_whole_book_a_newer_type_is_cheaper_still() -> None:
    found = sizes_in(BOOK, "us-east-1", L_6_95, hours=720)

    assert (found[0].type, found[0].count, found[0].usd) == ("c8gn.medium", 5, Decimal("231.48"))


def test_only_types_that_a_region_offers_are_sized_there() -> None:
    found = sizes_in(BOOK, "ap-southeast-2", L_6_95, hours=720, zones=3)

    assert "c7gn.large" not in [one.type for one in found]
    assert all(one.count % 3 == 0 for one in found)


def test_section_4_a_single_flow_is_carried_at_5_gbps_at_most() -> None:
    assert not Demand(down=6 * GBPS, connections=1).flows_carry_it
    assert Demand(down=6 * GBPS, connections=2).flows_carry_it
    assert Demand(down=6 * GBPS).flows_carry_it  # nothing is said of connections


def test_a_type_without_a_price_is_left_out_and_not_free() -> None:
    prices = {**HOURLY, "c7gn.medium": None}
    found = sizes(kinds(), L_6_95, hours=720, usd_per_hour=prices)

    assert "c7gn.medium" not in [one.type for one in found]


def test_there_are_two_instances_however_little_there_is_to_carry() -> None:
    assert sizes(kinds("c7gn.large"), Demand(0), hours=1, usd_per_hour=HOURLY)[0].count == 2


@pytest.mark.parametrize(("hours", "zones", "head_room"), [(-1, 1, 1), (1, 0, 1), (1, 1, 2)])
def test_a_size_for_nothing_that_can_be_is_refused(hours: int, zones: int, head_room: int) -> None:
    with pytest.raises(ValueError, match="head room"):
        sizes([], L_6_95, hours=hours, usd_per_hour={}, zones=zones, head_room=Fraction(head_room))


# packets, tracked connections and ports: facts/network.md sections 8 and 9


def test_small_packets_need_more_instances_than_their_bytes() -> None:
    demand = Demand(down=GBPS, packet_bytes=125)  # 1,000,000 packets a second, each passes twice
    allowance = {"c7gn.large": Allowance(packets_a_second=1_000_000)}
    found = sizes(kinds("c7gn.large"), demand, hours=1, usd_per_hour=HOURLY, allowances=allowance)

    assert demand.packets_a_second == 2_000_000
    assert (found[0].count, found[0].bound_by) == (4, "packets a second")


def test_tracked_connections_count_those_that_just_ended() -> None:
    demand = Demand(down=0, connections=40_000, opened_a_second=500)
    allowance = {"c7gn.large": Allowance(connections=100_000)}
    found = sizes(kinds("c7gn.large"), demand, hours=1, usd_per_hour=HOURLY, allowances=allowance)

    assert demand.conntrack_entries == 100_000
    assert (found[0].count, found[0].bound_by) == (3, "conntrack entries")


def test_connections_to_one_destination_run_out_of_ports_before_bandwidth() -> None:
    demand = Demand(down=GBPS, connections=100_000, to_one_destination=100_000)
    one = sizes(kinds("c7gn.large"), demand, hours=1, usd_per_hour=HOURLY)
    two = sizes(
        kinds("c7gn.large"),
        demand,
        hours=1,
        usd_per_hour=HOURLY,
        allowances={"c7gn.large": Allowance(addresses=3)},
    )

    assert (one[0].count, one[0].bound_by) == (4, "ports to one destination")
    assert two[0].count == 2


def test_a_kernel_gets_a_table_that_holds_when_an_instance_is_lost() -> None:
    few = kernel(Demand(down=0, connections=10), count=2)
    many = kernel(
        Demand(down=0, connections=200_000, opened_a_second=1_000, to_one_destination=180_000),
        count=3,
    )

    assert few == Kernel(65_536, 16_384, 0, 1)
    # 320,000 / 2 / 0.7 = 228,572 entries; 90,000 ports of 45,158 an address
    assert many == Kernel(262_144, 65_536, 90_000, 2)


def test_a_nat_gateway_has_55_000_ports_for_each_address_and_destination() -> None:
    assert ports_left(55_000, destinations=1) == 0
    assert ports_left(55_001, destinations=1) == -1
    assert ports_left(0, destinations=3, addresses=2) == 330_000


# what holds for all demands


@given(st.integers(0, 100), st.integers(0, 100), st.integers(1, 20))
def test_more_to_carry_never_needs_fewer_instances(down: int, up: int, more: int) -> None:
    def count(down: int, up: int) -> int:
        demand = Demand(down * GBPS, up * GBPS)
        return sizes(kinds("c7gn.large"), demand, hours=1, usd_per_hour=HOURLY)[0].count

    assert count(down, up) <= count(down + more, up)
    assert count(down, up) <= count(down, up + more)


@given(st.integers(0, 10**13), st.integers(1, 4))
def test_one_instance_fewer_in_each_zone_would_not_do(down: int, zones: int) -> None:
    found = sizes(kinds("c7gn.large"), Demand(down), hours=1, usd_per_hour=HOURLY, zones=zones)
    left, room = found[0].count - 1, Fraction(7, 10) * 5 * GBPS

    assert found[0].count % zones == 0
    assert down <= left * room
    assert found[0].count - zones < 2 or down > (left - zones) * room
