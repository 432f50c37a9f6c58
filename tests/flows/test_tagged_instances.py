"""Nodes come and go in an emulated account: they appear in alarms and graphs, and leave them."""

import json
from pathlib import Path
from typing import Any

import pytest

from lakeferry.connect.aws import AwsAccess, client
from tests.aws.data_plane import DataPlane, made
from tests.cli.program import Ended, called, json_lines

pytestmark = pytest.mark.server

VALUE = "migABCDE12345"
TAGS = [{"Key": "map-migrated", "Value": VALUE}, {"Key": "Vendor", "Value": "Databricks"}]


@pytest.fixture
def plane(moto_access: AwsAccess) -> DataPlane:
    return made(moto_access)


@pytest.fixture
def monitor(moto_access: AwsAccess, plane: DataPlane, tmp_path: Path) -> Any:
    """`lakeferry monitor ...` with tagged instances, each by its id."""
    assert moto_access.endpoint is not None
    environment = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

    def typed(command: str, *words: str) -> Ended:
        return called(
            "monitor", command, *words, "--name", "m1", "--vpc", plane.vpc, "--region",
            "us-east-1", "--endpoint-url", moto_access.endpoint or "", "--put-tag",
            f"map-migrated={VALUE}", "--tagged-instances", "each", "--allowances",
            "--rule", "rejected", folder=tmp_path, **environment,
        )  # fmt: skip

    return typed


def started(access: AwsAccess, plane: DataPlane, count: int) -> list[str]:
    run = client(access, "ec2").run_instances(
        ImageId="ami-12c6146b", InstanceType="c6gn.medium", MinCount=count, MaxCount=count,
        SubnetId=plane.private[0], TagSpecifications=[{"ResourceType": "instance", "Tags": TAGS}],
    )  # fmt: skip
    return sorted(one["InstanceId"] for one in run["Instances"])


def in_alarms(access: AwsAccess) -> dict[str, list[str]]:
    """Instances by the alarm that names them, of those on tagged instances."""
    found: dict[str, list[str]] = {}
    start = "lakeferry-m1.instance-"
    for one in client(access, "cloudwatch").describe_alarms(AlarmNamePrefix=start)["MetricAlarms"]:
        several = one.get("Metrics", ())  # of a single instance it is an alarm on its own metric
        metrics = [each["MetricStat"]["Metric"] for each in several if "MetricStat" in each]
        ids = {each["Value"] for metric in (metrics or [one]) for each in metric["Dimensions"]}
        found[one["AlarmName"].removeprefix(start)] = sorted(ids)
    return found


def in_graphs(access: AwsAccess) -> list[list[str]]:
    """Instances of each graph of tagged instances."""
    answer = client(access, "cloudwatch").get_dashboard(DashboardName="lakeferry-m1")
    widgets = json.loads(answer["DashboardBody"])["widgets"]
    shown = [one["properties"] for one in widgets]
    return [
        [row[3] for row in one["metrics"]]
        for one in shown
        if one.get("title", "").startswith("Tagged instances")
    ]


def test_nodes_appear_in_alarms_and_graphs_when_they_come_and_leave_when_they_go(
    moto_access: AwsAccess, plane: DataPlane, monitor: Any
) -> None:
    first = started(moto_access, plane, 2)
    assert monitor("apply", "--yes").returncode == 0
    assert set(map(tuple, in_alarms(moto_access).values())) == {tuple(first)}
    assert all(one == first for one in in_graphs(moto_access))
    assert len(in_graphs(moto_access)) == 11
    assert monitor("plan").returncode == 0

    second = started(moto_access, plane, 1)
    client(moto_access, "ec2").terminate_instances(InstanceIds=first[:1])
    drifted = monitor("plan", "--json")
    applied = monitor("apply", "--yes", "--allow", "many")

    left = sorted([*first[1:], *second])
    assert drifted.returncode == 3
    changed = {one["name"] for one in json_lines(drifted) if one["type"] == "change"}
    assert "lakeferry-m1.instance-cpu" in changed
    assert "lakeferry-m1" in changed  # the dashboard
    assert applied.returncode == 0
    assert set(map(tuple, in_alarms(moto_access).values())) == {tuple(left)}
    assert all(one == left for one in in_graphs(moto_access))
    assert monitor("plan").returncode == 0


def test_a_tag_that_is_put_makes_a_node_a_member(
    moto_access: AwsAccess, plane: DataPlane, monitor: Any
) -> None:
    ec2 = client(moto_access, "ec2")
    (node,) = started(moto_access, plane, 1)
    ec2.delete_tags(Resources=[node], Tags=[{"Key": "map-migrated"}])
    monitor("apply", "--yes")
    before = in_alarms(moto_access)

    ec2.create_tags(Resources=[node], Tags=TAGS[:1])
    monitor("apply", "--yes", "--allow", "many")

    assert before == {}
    assert set(map(tuple, in_alarms(moto_access).values())) == {(node,)}


def test_the_cost_of_each_alarm_stands_beside_it(
    moto_access: AwsAccess, plane: DataPlane, monitor: Any
) -> None:
    started(moto_access, plane, 3)

    costs = {
        one["name"].removeprefix("lakeferry-m1."): one["usd_a_month"]
        for one in json_lines(monitor("plan", "--json"))
        if one["type"] == "cost" and "instance-" in one["name"]
    }

    nodes = {name: usd for name, usd in costs.items() if name.startswith("instance-")}
    assert nodes["instance-cpu"] == pytest.approx(0.30)
    assert nodes["instance-network"] == pytest.approx(0.60)
    assert nodes["instance-allowance.pps"] == pytest.approx(0.30)
