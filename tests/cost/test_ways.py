"""The same loads over several ways: sources on devices."""

from lakeferry.cost.path.load import load_of
from lakeferry.cost.path.replay import NAT_GATEWAY, steady
from lakeferry.cost.path.ways import Way, dealt, nat_gateways, replay_way

LOADS = {"a": load_of([9, 0]), "b": load_of([3, 3]), "c": load_of([1, 1])}


def test_each_device_carries_its_own_sources_and_no_other() -> None:
    apart = Way("nat_instance", "2", steady(8), (("a",), ("b", "c")))
    found = replay_way(LOADS, apart)

    assert apart.capacity == 16
    assert (found.carried, found.waiting, found.minutes) == (17, 1, 2)


def test_sources_that_share_a_device_wait_for_each_other() -> None:
    shared = Way("nat_instance", "1", steady(8), (("a", "b", "c"),))

    assert replay_way(LOADS, shared).waiting == 5 + 1


def test_a_nat_gateway_stands_in_each_zone() -> None:
    found = nat_gateways({"use1-az1": ["a", "b"], "use1-az2": ["c"]})

    assert found.label == "2 NAT gateways"
    assert found.carrier == NAT_GATEWAY
    assert found.carries == (("a", "b"), ("c",))


def test_sources_without_a_place_are_dealt_in_turn() -> None:
    assert dealt(["a", "b", "c"], 2) == (("a", "c"), ("b",))
