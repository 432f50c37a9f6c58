"""A plan's paths, replayed and priced from the book: facts/cost.md sections 5, 6 and 8 together."""

from dataclasses import replace
from decimal import Decimal

import pytest

from lakeferry.cost.path.decide import Decision, Option, Wanted, decide
from lakeferry.cost.path.load import load_of, total
from lakeferry.cost.path.migration import Migration, NatInstances, Path, Source
from lakeferry.cost.path.money import cents
from lakeferry.cost.path.options import (
    Replayed,
    Trouble,
    destination_of,
    even_loads,
    replayed,
    ways,
)
from lakeferry.cost.path.replay import GBPS
from lakeferry.cost.path.span import of_hours
from lakeferry.cost.path.total import price
from lakeferry.cost.prices.values import GIB
from lakeferry.errors import FerryError
from tests.cost.plans import BOOK, TWO_PIB

MONTH = 43_200  # minutes


def found(migration: Migration = TWO_PIB) -> dict[str, Replayed]:
    return {one.option.path: one for one in replayed(migration, BOOK, even_loads(migration))}


def decided(migration: Migration = TWO_PIB, *, latest: int | None = None) -> Decision:
    options = [one.option for one in found(migration).values()]
    private: tuple[Path, ...] = (
        "internet_gateway",
    )  # workers without public addresses, as Databricks has them
    wanted = Wanted("internet", MONTH, latest_minutes=latest, days_to_start=30, refused=private)
    return decide(options, wanted)


def test_the_plan_of_section_8_goes_by_three_nat_instances_and_saves_97017_072() -> None:
    decision = decided()
    rows = {one.option.path: one for one in decision.outcomes}

    assert decision.chosen.option.label == "3 x c7gn.large"
    assert cents(rows["nat_gateway"].data) == Decimal("97320.96")
    assert cents(rows["nat_gateway"].fixed) == Decimal("108.00")
    assert cents(rows["nat_instance"].total) == Decimal("411.89")
    assert round(rows["nat_gateway"].total - rows["nat_instance"].total, 20) == (
        Decimal("97017.072")
    )


def test_public_addresses_are_cheapest_and_not_taken_where_workers_are_to_be_private() -> None:
    # 6 x 0.005 x 720
    row = next(one for one in decided().outcomes if one.option.path == "internet_gateway")

    assert cents(row.total) == Decimal("21.60")
    assert row.set_aside == "a policy refuses this path"


def test_a_circuit_comes_too_late_and_has_no_price_of_its_carrier() -> None:
    row = next(one for one in decided().outcomes if one.option.path == "expressroute")

    assert row.set_aside == "it takes 45 days to get, and there are 30"
    assert "carrier.circuit.month" in row.option.unpriced


def test_three_instances_of_five_gbps_carry_the_plan_in_its_time_and_t4g_nano_does_not() -> None:
    nano = replace(TWO_PIB, nat_instances=NatInstances("t4g.nano", 3))

    assert found()["nat_instance"].option.replay.minutes == MONTH
    assert found(nano)["nat_instance"].option.replay.minutes > 50 * MONTH


def test_a_loss_is_replayed_for_nat_instances_and_nothing_else() -> None:
    rows = found()
    lost = rows["nat_instance"].lost

    assert lost is not None
    assert lost.replay.carried == TWO_PIB.wire_bytes
    # 2.39 Gbps wait for 5 minutes, and go to an instance that carries as much of its own
    assert 5 < lost.replay.longest_delay < 9
    assert rows["nat_gateway"].lost is None


def test_bursts_are_carried_by_credit_where_credit_is_counted_on() -> None:
    loads = {"a": load_of([30 * GBPS] + [0] * 59)}
    plan = replace(TWO_PIB, nat_instances=NatInstances("c7gn.large", 2))

    def minutes(credit: int) -> int:
        rows = replayed(plan, BOOK, loads, credit=credit)
        return next(one.option.replay.minutes for one in rows if one.option.path == "nat_instance")

    assert minutes(0) == 6
    assert minutes(25 * GBPS) == 1


def test_failures_are_priced_at_what_waits() -> None:
    # 5.10: 0.2 x 3 x 5 minutes x 120 an hour = 6.00 a month; with a standby gateway, for the other
    # 5 minutes of each, its bytes: 3 x 2,162,688 / 43,200 / 3 at 0.045
    for standby, usd in ((False, "6.00"), (True, "8.2528")):
        plan = replace(TWO_PIB, nat_instances=NatInstances(standby=standby))
        rows = replayed(
            plan,
            BOOK,
            even_loads(plan),
            trouble=Trouble(failures_a_month=Decimal("0.2"), waiting_usd_hour=Decimal(120)),
        )
        option = next(one.option for one in rows if one.option.path == "nat_instance")

        assert round(option.risk_usd_per_hour * 720, 20) == Decimal(usd)


def test_a_circuit_out_of_azure_saves_56202_of_its_egress() -> None:
    # 2 PiB: 108,630.975 by the internet, 52,428.80 metered
    rows = found()

    assert rows["nat_instance"].option.leaving_usd == 0
    assert rows["expressroute"].option.leaving_usd == Decimal("-56202.175")


def test_a_ladder_with_bytes_of_others_on_it_starts_where_they_end() -> None:
    plan = replace(
        TWO_PIB, source=Source("aws", "us-east-1"), used={"aws.vpce.gb.us-east-1": 2**50}
    )
    option = found(plan)["interface_endpoint"].option

    assert option.used == 2**20
    # 2,162,688 GB above the first PiB: 0.006 each
    assert option.usd_once + option.data_usd(plan.wire_bytes) == Decimal("12976.128")


def test_a_plan_that_no_path_carries_in_time_is_refused() -> None:
    with pytest.raises(FerryError, match="LF-6521"):
        decided(replace(TWO_PIB, span=of_hours(31 * 24)), latest=MONTH)


def test_loads_of_a_plan_are_its_bytes_on_the_wire() -> None:
    loads = even_loads(TWO_PIB)

    assert len(loads) == 6
    assert sum(total(load) for load in loads.values()) == TWO_PIB.wire_bytes == 2_162_688 * GIB


def test_thousands_of_workers_share_two_loads() -> None:
    loads = even_loads(replace(TWO_PIB, workers=7_000))

    assert len(loads) == 7_000
    assert len({id(load) for load in loads.values()}) == 2
    assert sum(total(load) for load in loads.values()) == TWO_PIB.wire_bytes


def test_every_path_of_a_source_has_its_devices() -> None:
    google = replace(TWO_PIB, source=Source("gcp", "us-central1"))
    azure = replace(TWO_PIB, scale_units=3)
    here = replace(TWO_PIB, source=Source("aws", "us-east-1"))
    labels = [one.label for plan in (google, here) for one in ways(plan, BOOK, ["a", "b", "c"])]

    assert ways(azure, BOOK, ["a"])[-1].label == "ExpressRoute of 6 Gbps"
    assert labels == [
        "3 x NAT gateway",
        "3 x c7gn.large",
        "6 public addresses",
        "AWS Interconnect of 10 Gbps",
        "3 x NAT gateway",
        "3 x c7gn.large",
        "6 public addresses",
        "S3 gateway endpoint",
        "interface endpoint in 3 zones",
    ]


def test_an_option_of_the_book_has_every_price_that_decides() -> None:
    option: Option = found()["nat_instance"].option

    assert option.complete
    assert cents(option.usd_of_an_hour * 720) == Decimal("411.89")


def test_bytes_of_the_same_region_go_to_s3_and_those_of_a_partner_to_the_partner() -> None:
    def at(source: Source) -> str:
        return destination_of(replace(TWO_PIB, source=source))

    assert at(Source("aws", "us-east-1")) == "s3"
    assert at(Source("aws", "us-west-2")) == "internet"
    assert at(Source("partner")) == "partner"
    assert at(Source("azure", "eastus")) == "internet"


def test_bytes_of_s3_in_the_same_region_take_the_gateway_endpoint() -> None:
    plan = replace(TWO_PIB, source=Source("aws", "us-east-1"))
    options = [one.option for one in found(plan).values()]

    decision = decide(options, Wanted(destination_of(plan), MONTH))

    assert decision.chosen.option.path == "s3_gateway"
    assert decision.chosen.total == 0


def test_who_carries_whom_may_be_given_where_subnets_are_known() -> None:
    loads = {"a": load_of([6 * GBPS]), "b": load_of([6 * GBPS]), "c": load_of([0])}
    apart = replayed(TWO_PIB, BOOK, loads, carries={"nat_instance": (("a",), ("b",), ("c",))})
    shared = replayed(TWO_PIB, BOOK, loads, carries={"nat_instance": (("a", "b"), ("c",))})

    def minutes(rows: tuple[Replayed, ...]) -> int:
        return next(one.option.replay.minutes for one in rows if one.option.path == "nat_instance")

    assert (minutes(apart), minutes(shared)) == (2, 3)


def test_as_many_gateways_carry_the_plan_as_it_names() -> None:
    rows = found(replace(TWO_PIB, nat_gateways=1))
    way = rows["nat_gateway"].way

    assert (way.label, len(way.carries)) == ("1 x NAT gateway", 1)
    assert rows["nat_gateway"].option.capacity == 100 * GBPS
    # two of three zones cross to it, both sides of 0.01
    assert cents(rows["nat_gateway"].option.usd_once) == Decimal("28835.84")


def test_what_goes_to_s3_through_a_gateway_is_processed_and_carried_twice() -> None:
    leaking = found(replace(TWO_PIB, s3_endpoint=False))["nat_gateway"].option

    assert leaking.capacity == 150 * GBPS  # of bytes of the plan, by three gateways of 100
    assert leaking.data_usd(TWO_PIB.wire_bytes) == 2 * Decimal("97320.96")
    assert leaking.usd_once == 0


def test_what_goes_to_s3_through_an_instance_halves_its_card_and_not_its_way_out() -> None:
    leaking = found(replace(TWO_PIB, s3_endpoint=False))["nat_instance"].option

    assert leaking.capacity == 3 * Decimal("3.125") * GBPS  # 5 to the internet, 6.25 of the card


def test_where_the_plan_leaks_instances_win_by_twice_as_much() -> None:
    gap = {}
    for endpoint in (True, False):
        plan = replace(TWO_PIB, s3_endpoint=endpoint, nat_instances=NatInstances("c7gn.large", 9))
        decision = decided(plan)
        rows = {one.option.path: one for one in decision.outcomes}
        gap[endpoint] = rows["nat_gateway"].data
        at = next(one.at for one in decision.flips if one.what == "bytes")
        # 9 x 0.1298 x 720, 5.76 for disks, 129.60 of standby, less 108.00: at 0.045 or twice it
        assert round(at / GIB) == (19_299 if endpoint else 9_650)

    assert gap[False] == 2 * gap[True]


def test_instances_are_billed_to_the_second_and_what_is_managed_by_the_started_hour() -> None:
    option = found()["nat_instance"].option

    # 3 x 0.1248 and three disks; addresses, standby gateways and their endpoint
    assert round(option.usd_per_hour * 720, 20) == Decimal("271.488")
    assert option.usd_per_started_hour * 720 == Decimal("140.4")


def test_an_instance_cannot_be_dark_for_longer_than_it_is_lost() -> None:
    with pytest.raises(ValueError, match="dark"):
        Trouble(lost_minutes=1, dark_minutes=2)


def test_one_endpoint_or_worker_is_no_several() -> None:
    here = replace(TWO_PIB, source=Source("aws", "us-east-1"), zones=1, workers=1)
    way = next(one for one in ways(here, BOOK, ["a"]) if one.path == "interface_endpoint")

    assert way.label == "interface endpoint in 1 zone"
    assert any(
        line.item == "1 worker c6in.4xlarge, hours"
        for line in price(here, BOOK, "s3_gateway").lines
    )
