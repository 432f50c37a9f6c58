"""The way from NAT gateways to NAT instances and back: its order, what it interrupts, dollars."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from lakeferry.cli.monitor.nat_migration_answers import migration_body, migration_lines
from lakeferry.monitor.nat.bill import nat_bill
from lakeferry.monitor.nat.migration import NatMigration, nat_migration
from lakeferry.monitor.plan import provision_plan
from lakeferry.monitor.wanted.desired import desired
from lakeferry.network.nat_resources import DefaultRoute, NatInstance, StandbyGateway
from lakeferry.network.resources import PlannedFlow, VpcEndpoint
from tests.monitor.nat_networks import GATEWAY, Case, network, wishes

MONTH_S = 730 * 3600


def way(case: Case, found: Sequence[Any] = ()) -> NatMigration | None:
    wanted = desired(*case)
    plan = provision_plan(wanted.resources, found, case[1])
    return nat_migration(case[0], wanted, case[1], plan)


USUAL: Case = (network(), wishes())


def there(case: Case = USUAL) -> NatMigration:
    made = way(case)
    assert made is not None
    return made


def back(before: str = GATEWAY) -> NatMigration:
    """All is there, and gateways are wished for again."""
    wanted = desired(network(), wishes()).resources
    found = [
        replace(one, before=before) if isinstance(one, DefaultRoute) else one for one in wanted
    ]
    made = way((network(), wishes(nat={"kind": "gateway"})), found)
    assert made is not None
    return made


def names(made: NatMigration) -> list[str]:
    return [one.name for one in made.steps]


# ---- steps


def test_s3_leaves_the_nat_first_then_instances_are_made_and_routes_moved_one_by_one() -> None:
    assert names(there()) == [
        "s3-endpoint", "instances", "drain", "move", "move", "observe", "keep", "keep",
    ]  # fmt: skip


def test_each_step_says_whose_connections_it_breaks() -> None:
    interrupts = {one.name: one.interrupts for one in there().steps}

    assert "connections to S3" in interrupts["s3-endpoint"]
    assert interrupts["instances"] == interrupts["drain"] == interrupts["keep"] == ""
    moves = [one for one in there().steps if one.name == "move"]
    assert [one.interrupts.partition(":")[0] for one in moves] == [
        "subnet-00000000000000000", "subnet-00000000000000001",
    ]  # fmt: skip
    assert all("open connections, once" in one.interrupts for one in moves)


def test_an_endpoint_that_is_there_interrupts_nothing() -> None:
    tables = ("rtb-00000000000000000", "rtb-00000000000000001")
    base = network()
    endpoint = VpcEndpoint(
        "", base.found.vpc.id, "com.amazonaws.us-east-1.s3", "Gateway", route_table_ids=tables,
        id="vpce-1", state="available",
    )  # fmt: skip
    topology = replace(base, found=replace(base.found, endpoints=(endpoint,)))

    first = there((topology, wishes())).steps[0]

    assert (first.name, first.interrupts) == ("s3-endpoint", "")
    assert "is there" in first.what


def test_a_gateway_that_stands_by_is_kept_and_another_may_go() -> None:
    kept = [one.what for one in there().steps if one.name == "keep"]
    assert any(one.startswith(GATEWAY) for one in kept)

    among_themselves = there((network(), wishes(nat={"standby": "instance"})))
    (gone,) = (one for one in among_themselves.steps if one.name == "remove")
    assert gone.command == f"aws ec2 delete-nat-gateway --nat-gateway-id {GATEWAY}"
    assert "by whoever made it" in gone.what


def test_the_way_back_is_one_command_at_once_and_one_for_good() -> None:
    at_once, for_good = there().way_back

    assert at_once.command == "lakeferry monitor failover"
    assert f"rtb-00000000000000000 to {GATEWAY}" in for_good.what
    assert "--nat gateway" in for_good.command


def test_back_to_gateways_it_is_rehearsed_before_instances_go() -> None:
    assert names(back()) == ["drain", "rehearse", "move", "move", "remove"]
    rehearse = back().steps[1]
    assert rehearse.command == "lakeferry monitor failover"
    assert "24 hours" in rehearse.what


@pytest.mark.parametrize("before", ["", "none", "nat-gone"])
def test_a_table_that_has_no_gateway_to_go_back_to_is_told_before_anything(before: str) -> None:
    first, second, *_ = back(before).steps

    assert first.name == second.name == "gateway"
    assert "lose their way out" in first.what


def test_where_no_route_moves_there_is_no_migration() -> None:
    case = (network(), wishes())
    wanted = desired(*case).resources

    assert way(case, wanted) is None
    assert way((network(), wishes(nat={"kind": "none"}))) is None


# ---- dollars; cost.md 5.3, each with 8 GB gp3 and addresses


def instances(zones: int, standby: int) -> list[Any]:
    kind = "c7gn.large"
    made: list[Any] = [
        NatInstance(f"lakeferry-m1.nat.us-east-1{zone}", kind, "arm64", "", "", "")
        for zone in "abc"[:zones]
    ]
    return made + [StandbyGateway(f"s{n}", "subnet-1") for n in range(standby)]


def test_one_instance_pays_from_1309_gb_a_month_on() -> None:
    bill = nat_bill(instances(1, 0), [GATEWAY], wishes(nat={"standby": "none"}))

    assert bill.instances == Decimal("95.394")
    assert bill.gateways == Decimal("36.50")
    assert bill.break_even_gb is not None
    assert round(bill.break_even_gb, 4) == Decimal("1308.7556")


def test_with_its_standby_gateway_from_2120_gb_on() -> None:
    ours = nat_bill(instances(1, 1), [GATEWAY], wishes())
    kept = nat_bill(instances(1, 0), [GATEWAY], wishes())  # the gateway of others stands by

    assert ours.break_even_gb is not None
    assert round(ours.break_even_gb, 4) == Decimal("2119.8667")
    assert kept == ours


def test_in_three_zones_with_an_endpoint_for_the_lambda_from_6846_gb_on() -> None:
    endpoint = VpcEndpoint(
        "", "vpc-1", "com.amazonaws.us-east-1.ec2", "Interface", ("s-1", "s-2", "s-3")
    )
    chosen = wishes(nat={"check": "lambda"})
    bill = nat_bill([*instances(3, 3), endpoint], ["nat-1", "nat-2", "nat-3"], chosen)

    assert bill.instances == Decimal("417.582")
    assert bill.break_even_gb is not None
    assert round(bill.break_even_gb, 4) == Decimal("6846.2667")


def test_what_is_saved_is_of_the_plan_s_gigabytes_in_a_month() -> None:
    flow = PlannedFlow("nat_gateway", 2 * 10_000 * 2**30, 2 * MONTH_S)
    bill = nat_bill(instances(1, 0), [GATEWAY], wishes(planned=(flow,), nat={"standby": "none"}))

    assert bill.planned_gb == 10_000
    assert bill.by_gateways == Decimal("36.50") + Decimal(450)
    assert bill.saved == Decimal("486.50") - Decimal("95.394")


def test_a_plan_shorter_than_a_month_is_in_it_whole() -> None:
    flow = PlannedFlow("nat_gateway", 10_000 * 2**30, 86_400)

    assert nat_bill((), [], wishes(planned=(flow,))).planned_gb == 10_000


def test_the_capacity_stands_beside_the_break_even() -> None:
    bill = nat_bill(instances(2, 0), [GATEWAY], wishes())

    # 2 x 5 Gbit/s for 730 h
    assert bill.capacity_gb == Decimal(10 * 10**9) / 8 * MONTH_S / 2**30


# ---- as shown


def test_people_see_steps_in_order_the_way_back_and_dollars() -> None:
    lines = migration_lines(there(), 100)
    text = "\n".join(lines)

    assert lines[0] == "  from NAT gateways to instances, in this order:"
    assert "    1. S3's gateway endpoint" in text
    assert "interrupts subnet-00000000000000000: open connections, once" in " ".join(text.split())
    assert "do it: lakeferry monitor failover" in text
    assert "  the way back:" in lines
    assert "instances are cheaper from" in text
    assert max(map(len, lines)) <= 100


def test_programs_get_exact_decimals() -> None:
    body = migration_body(there())

    assert body["to"] == "instances"
    assert [one["name"] for one in body["steps"]] == names(there())
    usd = body["usd_a_month"]
    assert usd["gateways_per_gb"] == "0.045"
    assert Decimal(usd["gateways"]) - Decimal(usd["instances"]) == Decimal(
        usd["saved_by_instances"]
    )


def test_without_a_plan_nothing_is_said_to_be_saved() -> None:
    made = there((network(), wishes(planned=())))

    assert migration_body(made)["usd_a_month"]["saved_by_instances"] is None
    assert "a GB by gateways" in "\n".join(migration_lines(made, 200))
