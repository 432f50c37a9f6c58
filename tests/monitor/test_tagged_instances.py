"""Instances that bear the tag are in alarms and graphs, while they come and go."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.monitor.settings import AlarmLimit, TaggedWish
from lakeferry.monitor.wanted.tagged_instances import ALARMS, ALLOWANCES, query
from lakeferry.network.metric_math import Past, metric_series
from lakeferry.network.resources import Alarm, Dashboard, Instance
from lakeferry.network.topology import Topology
from tests.monitor.wishes import of_kind, wanted
from tests.network.sample_scenario import topology

VALUE = "migABCDE12345"
EACH, QUERY = TaggedWish("each"), TaggedWish("query")


def node(
    id: str, kind: str = "c6gn.medium", value: str = VALUE, state: str = "running"
) -> Instance:
    return Instance(id, "vpc-1", "subnet-1", kind, state, (), True, {"map-migrated": value})


def network(*nodes: Instance) -> Topology:
    base = topology()
    return replace(base, found=replace(base.found, instances=(*base.found.instances, *nodes)))


def alarms(way: TaggedWish, *nodes: Instance, **chosen: Any) -> dict[str, Alarm]:
    made = of_kind(wanted(network(*nodes), tagged=way, **chosen), Alarm)
    return {
        one.name.removeprefix("lakeferry-m1."): one
        for one in made
        if one.name.startswith("lakeferry-m1.instance-")
    }


def members(one: Alarm) -> list[str]:
    return sorted({value for metric in one.metrics for _, value in metric.dimensions})


def graphs(way: TaggedWish, *nodes: Instance) -> dict[str, list[Any]]:
    (board,) = of_kind(wanted(network(*nodes), tagged=way), Dashboard)
    found = (one["properties"] for one in json.loads(board.body)["widgets"])
    return {
        one["title"].removeprefix("Tagged instances: "): one["metrics"]
        for one in found
        if one.get("title", "").startswith("Tagged instances")
    }


def shown(metrics: list[Any]) -> list[str]:
    return [one[3] for one in metrics]


# ---- each by its id


def test_a_node_that_comes_is_in_every_alarm_and_graph_and_one_that_goes_leaves() -> None:
    before = alarms(EACH, node("i-1"))
    after = alarms(EACH, node("i-1"), node("i-2"))

    assert {name: members(one) for name, one in before.items()} == {
        "instance-cpu": ["i-1"], "instance-status": ["i-1"], "instance-disk": ["i-1"],
        "instance-network": ["i-1"],
    }  # fmt: skip
    assert all(members(one) == ["i-1", "i-2"] for one in after.values())
    assert all(shown(one) == ["i-1"] for one in graphs(EACH, node("i-1")).values())
    assert all(
        shown(one) == ["i-1", "i-2"] for one in graphs(EACH, node("i-1"), node("i-2")).values()
    )


def test_who_bears_another_value_or_does_not_run_is_in_none() -> None:
    strangers = (node("i-8", value="mig99999"), node("i-9", state="stopped"))

    assert alarms(EACH, *strangers) == {}
    assert graphs(EACH, *strangers) == {}


def test_many_nodes_share_alarms_of_at_most_ten_metrics() -> None:
    made = alarms(EACH, *(node(f"i-{number:02}") for number in range(20)))

    assert all(len(one.metrics) <= 10 for one in made.values())
    cpu = [made[name] for name in ("instance-cpu", "instance-cpu.2", "instance-cpu.3")]
    assert [len(members(one)) for one in cpu] == [9, 9, 2]
    assert sorted(id for one in cpu for id in members(one)) == [f"i-{n:02}" for n in range(20)]


def datapoints(one: Alarm, values: dict[str, dict[int, float]]) -> list[float]:
    """What the alarm looks at, when each node's metric has these values."""
    past = {}
    for metric in one.metrics:
        if metric.namespace:
            ((_, id),) = metric.dimensions
            key = (metric.namespace, metric.metric, metric.dimensions, metric.statistic)
            past[key] = values.get(id, {})
    series = metric_series(one.metrics, Past({}, metrics=past))
    return [float(series[at]) for at in sorted(series)]


def test_the_worst_of_the_nodes_counts_and_a_node_that_is_gone_does_not() -> None:
    cpu = alarms(EACH, node("i-1"), node("i-2"), node("i-3"))["instance-cpu"]

    worst = datapoints(cpu, {"i-1": {0: 10, 300: 20}, "i-2": {0: 99, 300: 97}})

    assert worst == [99, 97]
    assert cpu.threshold == 95
    assert cpu.missing == "notBreaching"


def test_a_single_node_is_an_alarm_on_its_own_metric() -> None:
    cpu = alarms(EACH, node("i-1"))["instance-cpu"]

    assert datapoints(cpu, {"i-1": {0: 10, 300: 20}}) == [10, 20]


def test_each_node_is_held_against_what_its_own_type_sustains() -> None:
    # c6gn.medium sustains 1.6 Gbit/s, c7gn.large 6.25: 60 and 234.375 GB in five minutes.
    both = alarms(EACH, node("i-1"), node("i-2", "c7gn.large"))["instance-network"]

    assert datapoints(both, {"i-1": {0: 54e9}, "i-2": {0: 54e9}}) == pytest.approx([0.9])
    assert both.threshold == 0.8


def test_a_type_whose_bandwidth_is_not_known_is_said_and_has_no_alarm_near_it() -> None:
    strange = node("i-1", "x9.huge")

    assert "instance-network" not in alarms(EACH, strange)
    notes = wanted(network(strange), tagged=EACH).notes
    assert any("no alarm near it: x9.huge" in one for one in notes)


def test_allowances_alarm_on_what_a_counter_grew_by_and_not_on_what_it_is() -> None:
    made = alarms(replace(EACH, allowances=True), node("i-1"), node("i-2"))
    counter = made["instance-allowance.pps"]

    assert datapoints(counter, {"i-1": {0: 700, 300: 700}, "i-2": {0: 5, 300: 9}}) == [4]
    assert counter.threshold == 0
    assert len([name for name in made if "allowance" in name]) == len(ALLOWANCES)
    assert {one.namespace for one in counter.metrics} == {"CWAgent", ""}


def test_a_new_node_with_old_counters_raises_no_alarm() -> None:
    made = alarms(replace(EACH, allowances=True), node("i-1"), node("i-2"))[
        "instance-allowance.pps"
    ]

    assert datapoints(made, {"i-1": {0: 7, 300: 7, 600: 7}, "i-2": {300: 900, 600: 900}}) == [0, 0]


def test_every_alarm_has_a_name_that_a_manifest_can_give_a_limit_for() -> None:
    made = alarms(replace(EACH, allowances=True), node("i-1"))

    assert {name.split(".")[0] for name in made} == set(ALARMS)


@pytest.mark.parametrize("name", ALARMS)
def test_every_alarm_can_be_turned_off(name: str) -> None:
    way = replace(EACH, allowances=True)

    made = alarms(way, node("i-1"), alarms={name: AlarmLimit(None)})

    assert not [one for one in made if one.split(".")[0] == name]


def test_a_limit_of_the_manifest_is_a_share_of_all() -> None:
    limits = {
        "instance-cpu": AlarmLimit(0.5, "share"),
        "instance-network": AlarmLimit(0.6, "share"),
    }

    made = alarms(EACH, node("i-1"), alarms=limits)

    assert made["instance-cpu"].threshold == 50
    assert made["instance-network"].threshold == 0.6


# ---- by the tag itself


def test_by_a_query_nobody_is_named_so_nodes_come_and_go_by_themselves() -> None:
    few, many = alarms(QUERY, node("i-1")), alarms(QUERY, node("i-1"), node("i-2"))

    assert few == many
    assert few["instance-cpu"].metrics[0].expression == (
        'SELECT AVG(CPUUtilization) FROM SCHEMA("AWS/EC2", InstanceId) '
        f"WHERE tag.\"map-migrated\" = '{VALUE}' GROUP BY InstanceId ORDER BY AVG() DESC"
    )
    assert graphs(QUERY, node("i-1")) == graphs(QUERY, node("i-1"), node("i-2"))


def test_where_less_is_worse_the_least_comes_first() -> None:
    text = alarms(QUERY, node("i-1"))["instance-disk"].metrics[0].expression

    assert text.startswith('SELECT MIN("EBSByteBalance%")')
    assert text.endswith("ORDER BY MIN() ASC")


def test_a_query_is_held_against_the_least_of_the_types() -> None:
    made = alarms(QUERY, node("i-1"), node("i-2", "c7gn.large"))

    assert made["instance-network.networkin"].threshold == pytest.approx(0.8 * 60e9)


def test_a_quote_in_a_value_is_doubled() -> None:
    assert "tag.owner = 'O''Neil'" in query("CPUUtilization", "MAX", ("owner", "O'Neil"))


def test_what_a_query_needs_is_said() -> None:
    notes = wanted(network(node("i-1")), tagged=QUERY).notes

    assert any("resource tags for telemetry" in one for one in notes)


def test_without_the_tag_nothing_is_watched_and_that_is_said() -> None:
    found = wanted(network(node("i-1")), tagged=EACH, tags={"owner": "data"})

    assert not [one for one in of_kind(found, Alarm) if "instance-cpu" in one.name]
    assert "no instance is watched by its tag: `tags` has no `map-migrated`" in found.notes


# ---- dollars


def cost_of(way: TaggedWish, *nodes: Instance) -> dict[str, Decimal]:
    found = wanted(network(*nodes), tagged=way).costs
    return {
        one.name.removeprefix("lakeferry-m1."): one.usd
        for one in found
        if one.name.startswith("lakeferry-m1.instance-")
    }


def test_both_ways_cost_ten_cents_a_metric_and_month() -> None:
    nodes = [node(f"i-{number}") for number in range(5)]

    assert cost_of(EACH, *nodes) == {
        "instance-cpu": Decimal("0.50"), "instance-status": Decimal("0.50"),
        "instance-disk": Decimal("0.50"), "instance-network": Decimal("0.80"),
        "instance-network.2": Decimal("0.20"),
    }  # fmt: skip
    assert cost_of(QUERY, *nodes) == {
        "instance-cpu": Decimal("0.50"), "instance-status": Decimal("0.50"),
        "instance-disk": Decimal("0.50"), "instance-network.networkin": Decimal("0.50"),
        "instance-network.networkout": Decimal("0.50"),
    }  # fmt: skip


# ---- for all


@given(st.sets(st.integers(0, 60)), st.booleans())
def test_every_node_is_in_exactly_one_alarm_of_each_question(
    numbers: set[int], allowances: bool
) -> None:
    nodes = [node(f"i-{number:02}") for number in numbers]

    made = alarms(replace(EACH, allowances=allowances), *nodes)

    questions: dict[str, list[str]] = {}
    for name, one in made.items():
        base = name.rstrip("0123456789").rstrip(".")
        questions.setdefault(base, []).extend(members(one))
    for found in questions.values():
        assert sorted(found) == sorted(one.id for one in nodes)
