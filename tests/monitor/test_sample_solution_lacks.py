"""What the published AWS sample solution lacks beside its rules, and that ours does it right.

Its rules are compared in tests/network/test_sample_solution.py. The sample is two CloudFormation
templates of aws-samples/aws-cloudwatch-monitoring.
"""

import json
from dataclasses import replace

from lakeferry.network.resources import (
    Alarm,
    CompositeAlarm,
    Dashboard,
    FlowLog,
    InsightRule,
    LogGroup,
    Role,
    key_of,
)  # fmt: skip
from tests.monitor.wishes import bare, named, of_kind, wanted, with_found
from tests.network.sample_scenario import NAT_GATEWAY, topology

SAMPLE_NAMES = {
    "VPCEndpointBytesInsightRule", "PrivateLinkBytesInsightRule", "NATInstanceBytesInsightRule",
    "S3GatewayBytesInsightRule", "NATGatewayBytesInsightRule", "DatabricksCWDashboard",
    "NATInstanceHighBytesTransferAlarm",
}  # fmt: skip


def test_nothing_is_typed_by_hand_interfaces_and_addresses_come_from_discovery() -> None:
    listed = {eni for one in wanted().rules.rules for eni in one.watched}

    assert listed
    assert listed <= {eni.id for eni in topology().found.enis}


def test_every_zone_of_an_endpoint_is_in_its_rule() -> None:
    for endpoint in topology().found.endpoints:
        if endpoint.eni_ids:
            assert any(
                set(endpoint.eni_ids) <= set(one.watched)
                for one in wanted().rules.of("endpoint-bytes")
            )


def test_an_endpoint_that_is_made_again_changes_its_rule_which_keeps_its_name() -> None:
    again = tuple(
        replace(one, eni_ids=tuple(f"{id[:-1]}f" for id in one.eni_ids))
        for one in topology().found.endpoints
    )
    before, after = (
        {one.name: one.body for one in of_kind(made, InsightRule)}
        for made in (wanted(), wanted(with_found(endpoints=again)))
    )

    changed = {name.removeprefix("lakeferry-m1.") for name in before if before[name] != after[name]}
    assert before.keys() == after.keys()
    assert {"endpoint-s3", "endpoint-kinesis-streams"} <= changed
    assert not any(name.startswith("nat-") for name in changed)


def test_the_s3_gateway_is_told_by_path_and_service_and_by_no_address() -> None:
    rule = named(wanted(), InsightRule, ".s3-gateway-up")
    filters = json.loads(rule.body)["Contribution"]["Filters"]

    assert {one["Match"] for one in filters} == {
        "subnet-id", "traffic-path", "pkt-dst-aws-service", "action",
    }  # fmt: skip


def test_what_is_not_there_has_no_rule_that_is_paid_for() -> None:
    rules = of_kind(wanted(bare(), endpoints=()), InsightRule)

    assert not any("endpoint" in one.name or "gateway-up" in one.name for one in rules)


def test_no_rule_reads_a_field_that_the_format_lacks() -> None:
    made = wanted()
    for rule in of_kind(made, InsightRule):
        for position, name in json.loads(rule.body)["Fields"].items():
            assert made.fields[int(position) - 1] == name


def test_a_threshold_of_bytes_comes_from_the_plan_and_not_from_a_guess() -> None:
    stalled = named(wanted(), Alarm, f".stalled.{NAT_GATEWAY}")

    assert stalled.threshold == 0.25 * 2e15 / (30 * 86_400) * 300


def test_every_alarm_says_how_many_points_it_needs_and_what_missing_data_mean() -> None:
    for alarm in of_kind(wanted(), Alarm):
        assert alarm.missing in ("missing", "ignore", "breaching", "notBreaching")
        assert alarm.datapoints >= 1
        assert alarm.ok_actions == tuple(
            one for one in alarm.actions if not one.startswith("arn:aws:automate")
        )


def test_there_are_alarms_on_gateways_refusals_endpoints_leak_stall_and_spend() -> None:
    made = wanted(usd_per_day=10)
    names = {one.name.removeprefix("lakeferry-m1.") for one in of_kind(made, Alarm)}

    for start in ("nat-gateway-limit", "rejected", "endpoint-drops", "s3-through-nat", "budget"):
        assert any(name.startswith(start) for name in names)
    assert of_kind(made, CompositeAlarm)


def test_how_many_there_are_is_no_sum_of_what_they_send() -> None:
    (query, *_) = named(wanted(), Alarm, ".workers-missing").metrics

    assert query.expression == 'INSIGHT_RULE_METRIC("lakeferry-m1.workers","UniqueContributors")'


def test_a_sum_always_says_of_what() -> None:
    for rule in of_kind(wanted(), InsightRule):
        body = json.loads(rule.body)
        assert (body["AggregateOn"] == "Sum") == ("ValueOf" in body["Contribution"])


def test_the_flow_log_its_group_and_its_role_are_part_of_it() -> None:
    made = wanted()

    assert all(of_kind(made, kind) for kind in (FlowLog, LogGroup, Role))


def test_everything_that_can_bear_a_tag_says_whose_it_is() -> None:
    tags = [one.tags for one in wanted(bare()).resources]

    assert tags
    assert {one["lakeferry:deployment"] for one in tags} == {"m1"}


def test_every_name_carries_the_deployments_and_none_is_the_samples() -> None:
    for _, name in map(key_of, wanted(bare()).resources):
        assert "m1" in name
        assert name not in SAMPLE_NAMES


def test_widgets_do_not_pile_up_in_one_place() -> None:
    (board,) = of_kind(wanted(), Dashboard)
    places = [(one["x"], one["y"]) for one in json.loads(board.body)["widgets"]]

    assert len(set(places)) == len(places)


def test_the_cost_is_known_before_anything_is_made() -> None:
    assert wanted().usd_a_month > 0
