"""A group of bytes over every path that leads where it goes: money, size, and the choice."""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from lakeferry.cost.observe.flow_choice import PRIVATE, GroupChoice, Terms, a_month, choose
from lakeferry.cost.observe.flow_groups import FlowGroup, destination_of, flow_of
from lakeferry.cost.observe.run import observe
from lakeferry.cost.path.decide import Destination
from lakeferry.cost.path.load import Load, load_of, planned_load, summed
from lakeferry.cost.path.migration import NatInstances
from lakeferry.cost.path.money import cents
from lakeferry.cost.path.options import Trouble
from lakeferry.cost.path.replay import GBPS
from lakeferry.cost.prices.price_file import own_book
from lakeferry.errors import FerryError
from tests.network.networks import changed, seen

PIB, GIB = 2**50, 2**30
MONTH = 43_200  # minutes of 720 hours
BOOK = own_book()


def group(
    loads: Mapping[str, Load], *, path: str = "nat_gateway", leads_to: Destination = "internet",
    devices: int = 3,
) -> FlowGroup:  # fmt: skip
    """All bytes go down, in packets of 1,400 bytes, over 100 connections."""
    down = summed(loads.values())
    ids = tuple(f"{'i' if path == 'nat_instance' else 'nat'}-{n}" for n in range(devices))
    return FlowGroup(
        path, leads_to, ids, loads, down, load_of(np.zeros(len(down), np.int64)),
        load_of(down // 1400), load_of(np.full(len(down), 100)),
    )  # fmt: skip


def evenly(size: int, subnets: int, minutes: int = MONTH) -> dict[str, Load]:
    whole = planned_load(size, minutes=subnets).tolist()
    return {f"subnet-{n}": planned_load(one, minutes=minutes) for n, one in enumerate(whole)}


def three_zones(subnets: int = 6) -> dict[str, str]:
    return {f"subnet-{n}": f"us-east-1{'abc'[n % 3]}" for n in range(subnets)}


def terms(**more: object) -> Terms:
    return Terms("us-east-1", zones=three_zones(), **more)  # type: ignore[arg-type]


def totals(choice: GroupChoice) -> dict[str, Decimal]:
    assert choice.decision is not None
    return {one.option.path: cents(one.total) for one in choice.decision.outcomes}


def test_two_pib_in_a_month_cost_what_the_worked_examples_say() -> None:
    """cost.md 5.1 and 5.2: 94,479.84 by gateways; 282.288 and 129.60 standby by instances."""
    named = terms(instances=NatInstances("c7gn.large", 3))
    found = choose(group(evenly(2 * PIB, 6)), named, BOOK)

    assert totals(found)["nat_gateway"] == Decimal("94479.84")
    assert totals(found)["nat_instance"] == Decimal("411.89")
    assert found.sized is not None
    assert (found.sized.size.type, found.sized.size.count) == ("c7gn.large", 3)
    assert found.decision is not None
    assert found.decision.chosen.option.path == "nat_instance"
    assert found.saves is not None
    assert cents(found.saves) == Decimal("94067.95")


def test_break_even_of_three_zones_with_standby_stands_beside_the_capacity() -> None:
    """cost.md 5.3 has 6,846.27 GB for 730 hours; 720 of them give 6,753.07 GB (disks alike)."""
    named = terms(instances=NatInstances("c7gn.large", 3))
    found = choose(group(evenly(2 * PIB, 6)), named, BOOK).break_even

    assert found is not None
    assert cents(found.gb) == cents((Decimal("411.888") - 108) / Decimal("0.045"))
    assert cents(found.capacity_gb) == cents(
        Decimal(3 * 5 * GBPS * MONTH) / GIB  # 15 Gbit/s for 720 hours
    )


def test_subnets_are_whole_so_more_instances_are_needed_than_their_sum_says() -> None:
    # 2.3 Gbit/s of each subnet: two of them are too much for what is left of an instance.
    found = choose(group(evenly(2 * PIB, 3)), terms(), BOOK).sized

    assert found is not None
    assert found.placement is not None
    for own, moved in zip(found.placement.carries, found.placement.takes_over, strict=True):
        assert len(own) <= 1
        assert set(moved) == set(own)  # whoever carries something has a successor


def test_s3_through_a_gateway_costs_its_bytes_and_the_endpoint_nothing() -> None:
    """cost.md 5.6: 40,000 GB are 1,800.00 a month; the remedy costs 0."""
    leak = group(evenly(40_000 * GIB, 6), leads_to="s3")
    found = choose(leak, terms(), BOOK)

    assert totals(found)["nat_gateway"] == Decimal("1800.00")
    assert found.decision is not None
    assert found.decision.chosen.option.path == "s3_gateway"
    assert found.decision.chosen.total == 0
    assert found.saves == Decimal("1800")


@pytest.mark.parametrize(("gb", "wins"), [(600, "nat_gateway"), (650, "interface_endpoint")])
def test_an_endpoint_wins_from_its_break_even_on(gb: int, wins: str) -> None:
    """cost.md 5.4 has 625.714 GB in 730 hours: 617.14 in 720, for 3 zones."""
    found = choose(
        group(evenly(gb * GIB, 6), leads_to="aws_service"), terms(gateway_stays=True), BOOK
    )

    assert found.break_even is not None
    assert cents(found.break_even.gb) == Decimal("617.14")
    assert found.decision is not None
    assert found.decision.chosen.option.path == wins


def test_an_endpoint_is_weighed_against_the_gateway_where_instances_carry_the_bytes_now() -> None:
    by_instance = group(evenly(600 * GIB, 6), path="nat_instance", leads_to="aws_service")
    found = choose(by_instance, terms(gateway_stays=True), BOOK)

    assert found.break_even is not None
    assert cents(found.break_even.gb) == Decimal("617.14")


def test_public_addresses_are_shown_and_not_chosen_for_private_subnets() -> None:
    found = choose(group(evenly(PIB, 6)), terms(), BOOK)

    assert found.decision is not None
    (public,) = (one for one in found.decision.outcomes if one.option.path == "internet_gateway")
    assert public.set_aside == PRIVATE


def test_what_flowed_is_not_held_up_by_what_its_workers_are_said_to_sustain() -> None:
    loads = evenly(2 * PIB, 3)  # 6.95 Gbit/s, which one t4g.nano sent by its credit

    found = choose(group(loads), terms(workers=1, worker_type="t4g.nano"), BOOK)

    assert found.replays["3 x NAT gateway"].minutes == MONTH


def test_what_is_refused_by_policy_is_never_chosen() -> None:
    found = choose(group(evenly(PIB, 6)), terms(refused=("nat_instance",)), BOOK)

    assert found.decision is not None
    assert found.decision.chosen.option.path == "nat_gateway"
    assert found.is_settled
    assert found.saves is None


def test_the_instances_that_are_there_are_priced_as_they_are() -> None:
    here = terms(types={f"i-{n}": "c7gn.xlarge" for n in range(3)})
    found = choose(group(evenly(PIB, 6), path="nat_instance"), here, BOOK)

    assert found.today is not None
    # 3 x (0.2496 + 0.005) x 720, and 24 GB of disk at 0.08; no standby was seen.
    assert cents(found.today.total) == Decimal("551.86")


def test_failures_and_what_waits_make_instances_dearer() -> None:
    trouble = Trouble(10, 5, Decimal("0.2"), Decimal(120))
    calm, troubled = (
        choose(group(evenly(PIB, 6)), one, BOOK) for one in (terms(), terms(trouble=trouble))
    )

    assert troubled.sized is not None
    count = troubled.sized.size.count
    # cost.md 5.10: 0.2 failures x 5 minutes x 120 an hour are 2.00 of each instance.
    # For 5 minutes more the standby gateway carries its share of 1,048,576 GB in 43,200 minutes.
    more = totals(troubled)["nat_instance"] - totals(calm)["nat_instance"]
    assert more == 2 * count + Decimal("1.09")


def test_bytes_that_lead_nowhere_else_are_told_and_not_decided() -> None:
    assert destination_of("vpc", "") is None
    found = choose(FlowGroup("vpc", None, (), {}, *(load_of([1]) for _ in range(4))), terms(), BOOK)
    assert (found.decision, found.saves, found.is_settled) == (None, None, False)


def test_a_region_without_prices_is_refused() -> None:
    with pytest.raises(FerryError, match="LF-6501"):
        choose(group(evenly(PIB, 6)), Terms("mars-north-1"), BOOK)


def test_nothing_that_flowed_is_nothing_to_observe() -> None:
    empty = pa.table({name: pa.array([], pa.int64()) for name in ("minute", "path", "service")})

    with pytest.raises(FerryError, match="LF-6643"):
        observe(empty, empty, seen(changed()))


@pytest.mark.parametrize(
    ("path", "service", "leads_to"),
    [
        ("nat_gateway", "", "internet"),
        ("nat_gateway", "s3", "s3"),
        ("nat_instance", "dynamodb", "dynamodb"),
        ("internet_gateway", "aws_service", "aws_service"),
        ("s3_gateway", "s3", "s3"),
        ("s3_interface", "", "s3"),
        ("dynamodb_gateway", "", "dynamodb"),
        ("privatelink", "", "partner"),
        ("kinesis", "", "aws_service"),
        ("transit_gateway", "", None),
        ("unknown", "", None),
    ],
)
def test_where_bytes_of_a_path_go(path: str, service: str, leads_to: str | None) -> None:
    assert destination_of(path, service) == leads_to


@settings(deadline=None, max_examples=20)
@given(some.lists(some.integers(0, 10**12), min_size=2, max_size=60), some.integers(1, 10**10))
def test_more_bytes_are_never_cheaper_on_any_path(load: list[int], more: int) -> None:
    def priced(one: Load) -> dict[str, Decimal]:
        found = choose(
            group({"subnet-0": one}), terms(instances=NatInstances("c7gn.large", 3)), BOOK
        )
        return totals(found)

    before, after = priced(load_of(load)), priced(load_of([one + more for one in load]))

    for path in ("nat_gateway", "nat_instance"):
        assert after[path] >= before[path]


@given(some.integers(0, 2**60), some.integers(1, 10**6))
def test_a_month_is_720_hours_at_the_rate_that_was_seen(size: int, minutes: int) -> None:
    assert a_month(size, minutes) == size * MONTH // minutes
    assert a_month(size, MONTH) == size


def test_totals_of_minutes_become_groups_without_losing_a_byte() -> None:
    rows = {
        "path": ["nat_gateway", "nat_gateway", "vpc"], "device": ["nat-1", "nat-1", None],
        "leak": [False, True, False], "subnet": ["subnet-0", None, "subnet-0"],
        "direction": ["down", "up", "up"], "service": ["", "s3", ""],
        "minute": [600, 720, 660], "bytes": [5, 7, 11], "packets": [1, 1, 1], "records": [1, 1, 1],
    }  # fmt: skip
    found = flow_of(pa.table(rows))

    assert (found.first_s, found.minutes, found.bytes) == (600, 3, 23)
    by_path = {(one.path, one.destination): one for one in found.groups}
    assert by_path["nat_gateway", "s3"].up.tolist() == [0, 0, 7]
    assert by_path["nat_gateway", "internet"].down.tolist() == [5, 0, 0]
    assert by_path["vpc", None].devices == ()
