"""Subnets on NAT instances: a subnet has one target, so N instances are no pool (section 4, 7)."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from lakeferry.cost.observe.placement import Overload, Subnet, fewest, overloads, place
from lakeferry.cost.path.load import load_of
from lakeferry.cost.path.replay import GBPS

ZONES = ("a", "b", "c")
SUSTAINED = 5 * GBPS


def subnet(id: str, zone: str, hundredths: int) -> Subnet:
    return Subnet(id, zone, load_of([hundredths * GBPS // 100] * 10))


# 6.95 Gbps over six subnets, two in each of three zones
SIX = [subnet(f"{zone}{n}", zone, 116) for zone in ZONES for n in (1, 2)]
THREE = [subnet(zone, zone, 231) for zone in ZONES]


def test_each_subnet_goes_to_the_instance_of_its_zone() -> None:
    found = place(SIX, ZONES, 3)

    assert found.zones == ZONES
    assert found.carries == (("a1", "a2"), ("b1", "b2"), ("c1", "c2"))
    assert found.crossing == ()


def test_the_subnets_of_a_lost_instance_are_shared_by_those_that_are_left() -> None:
    found = place(SIX, ZONES, 3)

    assert found.takes_over[0] == {"a1": 1, "a2": 2}
    assert overloads(found, SIX, sustained=SUSTAINED) == ()  # 3 x 1.16 = 3.48 of 3.5 Gbps


def test_three_instances_are_too_few_where_each_zone_has_a_single_subnet() -> None:
    # section 7 counts 3 x c7gn.large for 6.95 Gbps: as a pool, which they are not
    found = place(THREE, ZONES, 3)

    assert overloads(found, THREE, sustained=SUSTAINED) == (
        Overload(1, 0, 462 * GBPS // 100, Fraction(35, 10) * GBPS),
        Overload(0, 1, 462 * GBPS // 100, Fraction(35, 10) * GBPS),
        Overload(0, 2, 462 * GBPS // 100, Fraction(35, 10) * GBPS),
    )


def test_more_instances_take_over_what_one_could_not() -> None:
    found = fewest(THREE, ZONES, sustained=SUSTAINED, least=3)

    assert found is not None
    assert len(found.carries) == 6
    assert overloads(found, THREE, sustained=SUSTAINED) == ()


def test_a_subnet_that_is_too_much_for_one_instance_has_no_placement() -> None:
    assert fewest([subnet("a", "a", 351)], ["a"], sustained=SUSTAINED, least=2) is None


def test_more_instances_than_anybody_would_run_are_no_placement() -> None:
    assert fewest(THREE, ZONES, sustained=SUSTAINED, least=3, most=5) is None
    assert fewest(THREE, ZONES, sustained=SUSTAINED, least=3, most=6) is not None


def test_a_zone_without_instance_is_carried_from_another_and_named() -> None:
    found = place([subnet("d", "d", 1), subnet("a", "a", 1)], ZONES, 3)

    assert found.crossing == ("d",)


def test_a_single_instance_leaves_its_subnets_without_target_when_lost() -> None:
    assert place([subnet("a", "a", 1)], ["a"], 1).takes_over == ({},)


@given(
    st.lists(st.tuples(st.sampled_from(ZONES), st.integers(0, 300)), max_size=8),
    st.integers(2, 7),
)
def test_every_subnet_has_one_target_also_when_any_instance_is_lost(
    given_: list[tuple[str, int]], count: int
) -> None:
    subnets = [subnet(f"s{n}", zone, load) for n, (zone, load) in enumerate(given_)]
    found = place(subnets, ZONES, count)

    assert sorted(id for own in found.carries for id in own) == sorted(one.id for one in subnets)
    for lost, moved in enumerate(found.takes_over):
        assert sorted(moved) == list(found.carries[lost])
        assert lost not in moved.values()
