"""The Lambda that looks at NAT instances, as templates make it."""

import json
from typing import Any

import pytest

from lakeferry.errors import FerryError
from lakeferry.monitor.export.foreseen import foreseen
from lakeferry.monitor.export.template import export
from lakeferry.monitor.nat.health import NatHealth, nat_health
from lakeferry.monitor.wanted.alarm_parts import plain_metric
from lakeferry.network import discover
from lakeferry.network.discover import Scope
from lakeferry.network.nat_resources import NatInstance
from tests.monitor.nat_networks import GATEWAY, Case, found, network, wishes
from tests.monitor.read_back import EventRule, Function, Stack, aws_id
from tests.monitor.read_back_terraform import Configuration
from tests.monitor.test_three_ways import compared

LOOKING: Case = (network(), wishes(nat={"check": "lambda"}))


def health(case: Case = LOOKING) -> NatHealth:
    made = nat_health(foreseen(*case), case[1], case[0])
    assert made is not None
    return made


def templates(case: Case = LOOKING) -> tuple[list[Any], list[Any]]:
    both = (
        json.loads(export(foreseen(*case), case[1], format=format, network=case[0]).text)
        for format in ("cloudformation", "terraform")
    )
    stack, configuration = both
    kinds = Function | EventRule
    return (
        [one for one in Stack(stack).read() if isinstance(one, kinds)],
        [one for one in Configuration(configuration).read() if isinstance(one, kinds)],
    )


def test_each_instance_has_a_function_in_a_private_subnet_behind_it() -> None:
    by_stack, _ = templates()
    functions = {one.name: one for one in by_stack if isinstance(one, Function)}

    assert sorted(functions) == ["lakeferry-m1-nat-health-us-east-1a",
                                 "lakeferry-m1-nat-health-us-east-1b"]  # fmt: skip
    first, second = (functions[name] for name in sorted(functions))
    assert first.subnets == ("subnet-00000000000000000",)
    assert second.subnets == ("subnet-00000000000000001",)
    assert first.security_groups == second.security_groups == ("lakeferry-m1.nat-health",)


def test_it_knows_its_interface_its_tables_and_what_stands_by() -> None:
    by_stack, _ = templates()
    first, second = (one.environment for one in by_stack if isinstance(one, Function))

    assert first["NAT_INTERFACE"] == aws_id("eni", "lakeferry-m1.nat.us-east-1a")
    assert first["ROUTE_TABLES"] == "rtb-00000000000000000"
    assert first["STANDBY"] == GATEWAY  # of others, in its zone
    assert second["STANDBY"] == aws_id("nat", "lakeferry-m1.nat-standby.us-east-1b")
    assert second["NAT_PATH"] == "us-east-1b"
    assert len(first["URLS"].split(",")) == 2
    assert all(one.startswith("https://") for one in first["URLS"].split(","))


def test_where_instances_stand_by_each_one_is_followed_by_the_next() -> None:
    by_stack, _ = templates((network(), wishes(nat={"check": "lambda", "standby": "instance"})))
    first, second = (one.environment for one in by_stack if isinstance(one, Function))

    assert first["STANDBY"] == second["NAT_INTERFACE"]
    assert second["STANDBY"] == first["NAT_INTERFACE"]


def test_where_nothing_stands_by_it_only_tells() -> None:
    case = (network(), wishes(nat={"check": "lambda", "standby": "none"}))
    by_stack, _ = templates(case)

    assert {one.environment["STANDBY"] for one in by_stack if isinstance(one, Function)} == {""}
    assert any("move nothing" in one for one in health(case).notes)


def test_it_runs_once_a_minute_and_may_be_started() -> None:
    by_stack, _ = templates()
    triggers = [one for one in by_stack if isinstance(one, EventRule)]

    assert {one.schedule for one in triggers} == {"rate(1 minute)"}
    assert all(one.may_invoke and one.state == "ENABLED" for one in triggers)
    functions = {one.name for one in by_stack if isinstance(one, Function)}
    assert {one.invokes.rsplit(":", 1)[1] for one in triggers} == functions


@pytest.mark.parametrize("standby", ["gateway", "instance", "none"])
def test_both_templates_make_the_same_functions(standby: str) -> None:
    by_stack, by_terraform = templates((network(), wishes(nat={"check": "lambda",
                                                               "standby": standby})))  # fmt: skip

    assert compared(by_stack) == compared(by_terraform)
    assert len(by_stack) == 4


def test_its_role_may_move_the_routes_of_its_tables_and_no_others() -> None:
    statements = {
        one["Sid"]: one for one in json.loads(health().role.policy)["Statement"]
    }  # fmt: skip

    assert statements["MoveRoutes"]["Action"] == ["ec2:ReplaceRoute"]
    assert statements["MoveRoutes"]["Resource"] == [
        f"arn:aws:ec2:us-east-1:123456789012:route-table/rtb-0000000000000000{n}" for n in (0, 1)
    ]
    assert all("Describe" in one for one in statements["Look"]["Action"])


def test_interfaces_are_made_by_lambda_and_not_by_its_code() -> None:
    statements = {one["Sid"]: one for one in json.loads(health().role.policy)["Statement"]}
    denied = statements["ButNotItsCode"]

    assert denied["Effect"] == "Deny"
    assert "ec2:CreateNetworkInterface" in denied["Action"]
    assert "ec2:DescribeNetworkInterfaces" not in denied["Action"]
    functions = denied["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"]
    assert {one.rsplit(":", 1)[1] for one in functions} == {
        one.name for one in health().functions
    }  # fmt: skip


def test_the_endpoint_of_ec2_is_part_of_the_template_and_lets_the_function_in() -> None:
    made = {one.name: one for one in foreseen(*LOOKING).resources}
    door = made["lakeferry-m1.endpoints"]

    assert made["lakeferry-m1.ec2"].private_dns  # type: ignore[union-attr]
    (ports,) = door.ingress  # type: ignore[union-attr]
    assert (ports.first, ports.last) == (443, 443)
    # The private subnets, and those of the NAT instances: private DNS is of the whole VPC, so their
    # own calls (`lakeferry-nat fail-over`) go by the endpoint too.
    assert ports.cidrs == ("10.0.0.0/24", "10.0.1.0/24", "10.0.16.0/28", "10.0.17.0/28")
    assert health().door.ingress == ()  # nothing comes in


def test_nobody_looking_is_an_alarm_and_standing_by_is_told() -> None:
    alarms = {one.name: one for one in health().alarms}
    dead = alarms["lakeferry-m1.nat-path-dead.us-east-1a"]
    standby = alarms["lakeferry-m1.nat-on-standby.us-east-1a"]

    assert (dead.comparison, dead.threshold, dead.missing) == ("LessThanThreshold", 1, "breaching")
    metric = plain_metric(dead)
    assert metric is not None
    assert (metric.namespace, metric.metric) == ("Lakeferry", "PathAlive")
    assert metric.dimensions == (("Deployment", "m1"), ("NatPath", "us-east-1a"))
    assert standby.missing == "notBreaching"
    assert "lakeferry monitor failback" in standby.description


def test_without_the_wish_or_without_instances_there_is_none() -> None:
    case = (network(), wishes())
    none = (network(), wishes(nat={"kind": "gateway", "check": "lambda"}))

    assert nat_health(foreseen(*case), case[1], case[0]) is None
    assert nat_health(foreseen(*none), none[1], none[0]) is None


def test_an_instance_that_no_subnet_in_question_leads_to_is_refused() -> None:
    topology = network()
    elsewhere = discover.topology(
        found(), Scope(vpc=topology.found.vpc.id, subnets=("subnet-00000000000000001",))
    )
    made = foreseen(*LOOKING)
    assert any(isinstance(one, NatInstance) for one in made.resources)

    with pytest.raises(FerryError, match="has no subnet") as refused:
        nat_health(made, LOOKING[1], elsewhere)

    assert refused.value.code == "LF-6431"
