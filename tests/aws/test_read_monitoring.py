"""What watches a network, from answers that the emulator cannot give: botocore's model judges them.

Composite alarms, rules that AWS manages, pages without a paginator, things that go while they are
read.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from lakeferry.aws.read_monitoring import (
    find_alarms,
    find_dashboards,
    find_log_groups,
    find_roles,
    find_rules,
    find_topics,
)
from lakeferry.errors import FerryError
from lakeferry.network.resources import Alarm, CompositeAlarm, InsightRule, LogGroup, MetricQuery
from tests.aws.ensuring import ACCESS, stubbed

pytestmark = pytest.mark.usefixtures("keys")

START = "arn:aws:cloudwatch:us-east-1:111122223333:"
OURS = [{"Key": "lakeferry:deployment", "Value": "m1"}]
DAY = "2026-11-24T00:00:00Z"


@pytest.fixture
def cloudwatch() -> Iterator[Stubber]:
    with stubbed("cloudwatch") as stub:
        yield stub


def rule(name: str, **more: Any) -> dict[str, Any]:
    schema = '{"Name":"CloudWatchLogRule","Version":1}'
    return {"Name": name, "State": "ENABLED", "Schema": schema, "Definition": "{}", **more}


def alarm(name: str, **more: Any) -> dict[str, Any]:
    return {
        "AlarmName": name, "AlarmArn": f"{START}alarm:{name}", "EvaluationPeriods": 3,
        "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1.5, "StateValue": "ALARM",
        "StateReason": "Threshold Crossed", "ActionsEnabled": True, **more,
    }  # fmt: skip


def tags(stub: Stubber, arn: str, found: list[dict[str, str]]) -> None:
    stub.add_response("list_tags_for_resource", {"Tags": found}, {"ResourceARN": arn})


def test_rules_of_every_page_are_found_but_not_those_that_aws_manages(cloudwatch: Stubber) -> None:
    managed = rule("VpcEndpointService-BytesByEndpointId-v1-vpce-svc-1", ManagedRule=True)
    cloudwatch.add_response(
        "describe_insight_rules",
        {"InsightRules": [rule("other", State="DISABLED"), managed], "NextToken": "two"},
        {"MaxResults": 100},
    )
    cloudwatch.add_response(
        "describe_insight_rules",
        {"InsightRules": [rule("lakeferry-m1.workers", Definition='{"b": 1, "a": []}')]},
        {"MaxResults": 100, "NextToken": "two"},
    )
    tags(cloudwatch, f"{START}insight-rule/lakeferry-m1.workers", OURS)

    assert find_rules(ACCESS, START) == (
        InsightRule("lakeferry-m1.workers", '{"a":[],"b":1}', tags={"lakeferry:deployment": "m1"}),
        InsightRule("other", "{}", enabled=False),
    )


def test_alarms_on_one_metric_on_math_and_composite_ones_are_found(cloudwatch: Stubber) -> None:
    plain = alarm(
        "lakeferry-m1.ports", Namespace="AWS/NATGateway", MetricName="ErrorPortAllocation",
        Dimensions=[{"Name": "NatGatewayId", "Value": "nat-1"}], Period=300, Statistic="Maximum",
    )  # fmt: skip
    sent = {
        "Namespace": "AWS/EC2", "MetricName": "NetworkIn",
        "Dimensions": [{"Name": "InstanceId", "Value": "i-1"}],
    }  # fmt: skip
    math = alarm(
        "lakeferry-m1.rate", DatapointsToAlarm=2, TreatMissingData="breaching",
        AlarmActions=["arn:aws:sns:us-east-1:111122223333:lakeferry-m1",
                      "arn:aws:sns:us-east-1:444455556666:lakeferry-m1"],
        Metrics=[
            {"Id": "m", "MetricStat": {"Metric": sent, "Period": 60, "Stat": "Sum"},
             "ReturnData": False},
            {"Id": "e", "Expression": "m*8/60", "Label": "bit/s", "Period": 60,
             "ReturnData": True},
        ],
    )  # fmt: skip
    cloudwatch.add_response(
        "describe_alarms",
        {"MetricAlarms": [plain], "NextToken": "two"},
        {"AlarmNamePrefix": "lakeferry-", "AlarmTypes": ["MetricAlarm"], "MaxRecords": 100},
    )
    tags(cloudwatch, plain["AlarmArn"], OURS)
    cloudwatch.add_response("describe_alarms", {"MetricAlarms": [math]})
    tags(cloudwatch, math["AlarmArn"], [])
    composite = {
        "AlarmName": "lakeferry-m1.health", "AlarmArn": f"{START}alarm:lakeferry-m1.health",
        "AlarmRule": 'ALARM("lakeferry-m1.ports")', "ActionsSuppressor": "pause",
        "ActionsSuppressorWaitPeriod": 60, "StateValue": "OK", "ActionsEnabled": False,
        "OKActions": ["arn:aws:sns:us-east-1:111122223333:ops"],
    }  # fmt: skip
    cloudwatch.add_response("describe_alarms", {"CompositeAlarms": [composite]})
    tags(cloudwatch, str(composite["AlarmArn"]), OURS)

    metric, composites = find_alarms(ACCESS)

    ports = MetricQuery(
        "m1", 300, namespace="AWS/NATGateway", metric="ErrorPortAllocation",
        dimensions=(("NatGatewayId", "nat-1"),), statistic="Maximum",
    )  # fmt: skip
    stat = MetricQuery(
        "m", 60, namespace="AWS/EC2", metric="NetworkIn", dimensions=(("InstanceId", "i-1"),),
        statistic="Sum", returned=False,
    )  # fmt: skip
    assert metric == (
        Alarm(
            "lakeferry-m1.ports", "", (ports,), "GreaterThanThreshold", 1.5, 3, 3, "missing",
            tags={"lakeferry:deployment": "m1"},
        ),
        Alarm(
            "lakeferry-m1.rate", "", (stat, MetricQuery("e", 60, "m*8/60", label="bit/s")),
            "GreaterThanThreshold", 1.5, 3, 2, "breaching",
            # A topic of ours goes by its name in the alarm's account, another's by its ARN.
            ("lakeferry-m1", "arn:aws:sns:us-east-1:444455556666:lakeferry-m1"),
        ),
    )  # fmt: skip
    assert [(one.state, one.state_reason) for one in metric] == [("ALARM", "Threshold Crossed")] * 2
    assert composites == (
        CompositeAlarm(
            "lakeferry-m1.health", "", 'ALARM("lakeferry-m1.ports")',
            ok_actions=("arn:aws:sns:us-east-1:111122223333:ops",), suppressor="pause",
            suppressor_wait_s=60, tags={"lakeferry:deployment": "m1"}, actions_enabled=False,
        ),
    )  # fmt: skip


def test_a_dashboard_that_goes_while_it_is_read_is_none(cloudwatch: Stubber) -> None:
    arn = "arn:aws:cloudwatch::111122223333:dashboard/lakeferry-m1"
    entry = {"DashboardName": "lakeferry-m1", "DashboardArn": arn}
    cloudwatch.add_response("list_dashboards", {"DashboardEntries": [entry]})
    cloudwatch.add_client_error("get_dashboard", "ResourceNotFound", "gone", 404)

    assert find_dashboards(ACCESS) == ()


def test_a_role_without_the_policy_of_its_name_has_none() -> None:
    with stubbed("iam") as iam:
        role = {
            "Path": "/", "RoleName": "lakeferry-m1.flow", "RoleId": "AROA1234567890123456",
            "Arn": "arn:aws:iam::111122223333:role/lakeferry-m1.flow", "CreateDate": DAY,
            "AssumeRolePolicyDocument": "%7B%7D",
        }  # fmt: skip
        iam.add_response("list_roles", {"Roles": [role], "IsTruncated": False})
        iam.add_client_error("get_role_policy", "NoSuchEntity", "no such policy", 404)
        iam.add_response("list_role_tags", {"Tags": OURS, "IsTruncated": False})
        iam.add_response(
            "list_role_policies",
            {"PolicyNames": [role["RoleName"]], "IsTruncated": True, "Marker": "two"},
        )
        iam.add_response("list_role_policies", {"PolicyNames": ["more"]}, {
            "RoleName": role["RoleName"], "Marker": "two"})  # fmt: skip
        admin = {"PolicyName": "admin", "PolicyArn": "arn:aws:iam::aws:policy/admin"}
        iam.add_response("list_attached_role_policies", {"AttachedPolicies": [admin]})

        (found,) = find_roles(ACCESS)

        assert (found.name, found.policy) == ("lakeferry-m1.flow", "")
        assert found.other_policies == (admin["PolicyArn"], "more")


def test_a_role_that_goes_while_it_is_read_has_no_policies() -> None:
    with stubbed("iam") as iam:
        role = {
            "Path": "/", "RoleName": "lakeferry-m1.flow", "RoleId": "AROA1234567890123456",
            "Arn": "arn:aws:iam::111122223333:role/lakeferry-m1.flow", "CreateDate": DAY,
            "AssumeRolePolicyDocument": "%7B%7D",
        }  # fmt: skip
        iam.add_response("list_roles", {"Roles": [role], "IsTruncated": False})
        for asked in ("get_role_policy", "list_role_tags", "list_role_policies"):
            iam.add_client_error(asked, "NoSuchEntity", "no such role", 404)

        (found,) = find_roles(ACCESS)

        assert (found.tags, found.other_policies) == ({}, ())


def test_topics_of_others_are_not_asked_about() -> None:
    with stubbed("sns") as sns:
        arn = "arn:aws:sns:us-east-1:111122223333:other"
        sns.add_response("list_topics", {"Topics": [{"TopicArn": arn}], "NextToken": "two"})
        sns.add_response("list_topics", {"Topics": []}, {"NextToken": "two"})

        assert find_topics(ACCESS) == ()


def test_a_subscription_that_was_never_confirmed_is_told_from_others() -> None:
    arn = "arn:aws:sns:us-east-1:111122223333:lakeferry-m1"
    told = [
        {"Protocol": "email", "Endpoint": "ops@example.com", "SubscriptionArn": f"{arn}:1"},
        {"Protocol": "email", "Endpoint": "a@example.com",
         "SubscriptionArn": "PendingConfirmation"},
    ]  # fmt: skip
    with stubbed("sns") as sns:
        sns.add_response("list_topics", {"Topics": [{"TopicArn": arn}]})
        sns.add_response("get_topic_attributes", {"Attributes": {}})
        sns.add_response("list_tags_for_resource", {"Tags": OURS})
        sns.add_response("list_subscriptions_by_topic", {"Subscriptions": told})

        (found,) = find_topics(ACCESS)

    assert found.subscriptions == (("email", "a@example.com"), ("email", "ops@example.com"))
    assert found.unconfirmed == (("email", "a@example.com"),)


def test_a_log_group_is_found_by_its_whole_name_alone() -> None:
    with stubbed("logs") as logs:
        arn = "arn:aws:logs:us-east-1:111122223333:log-group:/flow"
        logs.add_response("describe_log_groups", {"logGroups": []})
        near = {"logGroupName": "/flow-old", "arn": f"{arn}-old:*", "storedBytes": 5}
        group = {
            "logGroupName": "/flow", "arn": f"{arn}:*", "storedBytes": 12, "retentionInDays": 30,
            "kmsKeyId": "arn:aws:kms:us-east-1:111122223333:key/1",
        }  # fmt: skip
        logs.add_response("describe_log_groups", {"logGroups": [near, group]})
        logs.add_response("list_tags_for_resource", {"tags": {"a": "b"}}, {"resourceArn": arn})

        found = find_log_groups(ACCESS, ["/flow"])

        assert found == (
            LogGroup("/flow", 30, "arn:aws:kms:us-east-1:111122223333:key/1", {"a": "b"}),
        )
        assert found[0].stored_bytes == 12


def test_a_permission_that_is_missing_names_the_resource(cloudwatch: Stubber) -> None:
    cloudwatch.add_response(
        "describe_insight_rules", {"InsightRules": [rule("lakeferry-m1.workers")]}
    )
    cloudwatch.add_client_error("list_tags_for_resource", "AccessDenied", "no", 403)

    with pytest.raises(FerryError) as refused:
        find_rules(ACCESS, START)

    assert refused.value.code == "LF-1203"
    assert refused.value.what == "the identity may not cloudwatch:ListTagsForResource"
    assert refused.value.next_step.endswith(
        '{"Effect":"Allow","Action":"cloudwatch:ListTagsForResource",'
        f'"Resource":"{START}insight-rule/lakeferry-*"}}'
    )
