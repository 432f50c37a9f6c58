"""The alarm on bytes of a NAT gateway that stands by: routes have moved, and each GB is charged."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from lakeferry.monitor.settings import AlarmLimit
from lakeferry.monitor.wanted.desired import Desired, desired
from lakeferry.network.resources import Alarm, Dashboard, MetricQuery, Route, RouteTable
from lakeferry.network.topology import Topology
from tests.monitor.nat_networks import (
    GATEWAY,
    VPC,
    ZONES,
    Case,
    arrived,
    found,
    network,
    wishes,
)
from tests.monitor.read_back import aws_id
from tests.network.sample_scenario import ACCOUNT, REGION

OURS = "lakeferry-m1.nat-standby.us-east-1b"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"


def standby_alarms(made: Desired) -> list[Alarm]:
    every = (one for one in made.resources if isinstance(one, Alarm))
    return [one for one in every if ".nat-standby-bytes." in one.name]


def gateways(made: Desired) -> list[str]:
    return [value for one in standby_alarms(made) for _, value in one.metrics[0].dimensions]


def two_zones(**chosen: Any) -> Case:
    """In the first a gateway of others stands by, in the second one of ours."""
    return network(), wishes(notify=(TOPIC,), **chosen)


def test_bytes_of_what_stands_by_are_told_by_a_plain_alarm_that_says_what_to_do() -> None:
    (theirs, ours) = standby_alarms(arrived(two_zones()))

    assert ours == Alarm(
        name="lakeferry-m1.nat-standby-bytes.us-east-1b",
        description=(
            "the NAT gateway that stands by in us-east-1b carries bytes, for dollars a GB: routes "
            "have left a NAT instance; `lakeferry monitor failback` leads them back"
        ),
        metrics=(
            MetricQuery(
                "m1", 60, "", "AWS/NATGateway", "BytesOutToDestination",
                (("NatGatewayId", aws_id("nat", OURS)),), "Sum", "BytesOutToDestination",
            ),
        ),
        comparison="GreaterThanThreshold",
        threshold=100_000,
        periods=3,
        datapoints=2,
        missing="notBreaching",
        actions=(TOPIC,),
        ok_actions=(TOPIC,),
        tags=ours.tags,
    )  # fmt: skip
    assert theirs.metrics[0].dimensions == (("NatGatewayId", GATEWAY),)
    assert theirs.name.endswith(".us-east-1a")


@pytest.mark.parametrize("check", ["peer", "none"])
def test_whoever_looks_at_the_path_this_alarm_is_there(check: str) -> None:
    assert gateways(arrived(two_zones(nat={"check": check}))) == [GATEWAY, aws_id("nat", OURS)]


@pytest.mark.parametrize(
    "nat",
    [
        {"check": "lambda"},  # it tells of the routes themselves
        {"standby": "instance"},  # whose bytes cost nothing
        {"standby": "none", "check": "none"},
    ],
)
def test_there_is_none_where_bytes_of_a_gateway_would_tell_nothing_new(nat: Any) -> None:
    assert standby_alarms(arrived(two_zones(nat=nat))) == []


def test_there_is_none_before_the_instances_are_there_for_until_then_the_gateway_carries() -> None:
    assert standby_alarms(desired(*two_zones())) == []


def test_it_stays_as_it_is_while_the_gateway_carries() -> None:
    """A plan during an outage must not take away what tells of it."""
    case = two_zones()
    lost = arrived(case, led=lambda tables: tuple(map(failed_over, tables)))

    assert standby_alarms(lost) == standby_alarms(arrived(case))


def failed_over(table: RouteTable) -> RouteTable:
    by_instance = any(one.target.startswith("eni-") for one in table.routes)
    return replace(table, routes=(Route("0.0.0.0/0", GATEWAY, "active"),)) if by_instance else table


def shared() -> Topology:
    """The gateway of others also leads a subnet that is not in question."""
    table = RouteTable(
        "rtb-0000000000000beef", VPC, False, ("subnet-0000000000000beef",),
        (Route("0.0.0.0/0", GATEWAY, "active"),),
    )  # fmt: skip
    base = found()
    return replace(network(), found=replace(base, route_tables=(*base.route_tables, table)))


def test_a_gateway_that_others_use_too_has_none_and_that_is_said() -> None:
    made = arrived((shared(), two_zones()[1]))

    assert gateways(made) == [aws_id("nat", OURS)]
    assert [note for note in made.notes if "no alarm tells when" in note] == [
        f"no alarm tells when {GATEWAY} takes over in us-east-1a: routes of others lead to it, so "
        "it carries bytes at all times; `lakeferry monitor plan` shows moved routes"
    ]


def test_a_manifest_sets_its_limit_or_switches_it_off() -> None:
    limit = {"nat-standby-bytes": AlarmLimit(1000.0, "bytes_per_s")}
    off = {"nat-standby-bytes": AlarmLimit(None)}

    assert [one.threshold for one in standby_alarms(arrived(two_zones(alarms=limit)))] == [6e4] * 2
    assert standby_alarms(arrived(two_zones(alarms=off))) == []


def test_its_ten_cents_a_month_are_counted() -> None:
    costs = [
        one.usd for one in arrived(two_zones()).costs if ".nat-standby-bytes." in one.name
    ]  # fmt: skip

    assert costs == [Decimal("0.10")] * len(ZONES)


def test_what_stands_by_has_a_graph_too() -> None:
    (board,) = (one for one in arrived(two_zones()).resources if isinstance(one, Dashboard))
    shown = {one["properties"].get("title"): one for one in json.loads(board.body)["widgets"]}

    graph = shown[f"NAT gateway {aws_id('nat', OURS)}, stands by in us-east-1b"]["properties"]
    metrics = [row[:4] for row in graph["metrics"] if len(row) > 1]
    assert metrics == [
        ["AWS/NATGateway", metric, "NatGatewayId", aws_id("nat", OURS)]
        for metric in ("BytesOutToDestination", "BytesOutToSource")
    ]
    assert f"NAT gateway {GATEWAY}, stands by in us-east-1a" in shown
