"""Topics, rules, alarms and dashboards: tags that a put ignores, requests that come too fast."""

from dataclasses import replace

import pytest

from lakeferry.aws.ensure import ensure, remove
from lakeferry.aws.place import Place
from lakeferry.network.resources import (
    Alarm,
    CompositeAlarm,
    Dashboard,
    InsightRule,
    LogGroup,
    MetricQuery,
    Topic,
)  # fmt: skip
from tests.aws.ensuring import ACCOUNT, OURS, TAGS, refused, stubbed

ALARMS = f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:"
LEAK = Alarm(
    "lakeferry-m1.leak", "S3 through NAT",
    (MetricQuery("m1", 60, 'INSIGHT_RULE_METRIC("r","Sum")'),), "GreaterThanThreshold", 5.0, 3, 2,
    "notBreaching", actions=("lakeferry-m1", "arn:aws:sns:us-east-1:1:ops"), tags=OURS,
)  # fmt: skip


# ---- topics


def test_a_topic_tells_whom_it_shall_and_forgets_the_rest_once_they_had_confirmed(
    place: Place,
) -> None:
    arn = f"arn:aws:sns:us-east-1:{ACCOUNT}:lakeferry-m1"
    told = (("email", "new@example.com"), ("email", "ops@example.com"))
    before = Topic(
        "lakeferry-m1", "{}",
        (("email", "gone@example.com"), ("email", "never@example.com"), told[1]), OURS,
    )  # fmt: skip
    listed = [
        {"Protocol": "email", "Endpoint": "gone@example.com", "SubscriptionArn": f"{arn}:1"},
        {"Protocol": "email", "Endpoint": "never@example.com",
         "SubscriptionArn": "PendingConfirmation"},
        {"Protocol": "email", "Endpoint": "ops@example.com", "SubscriptionArn": f"{arn}:2"},
    ]  # fmt: skip
    with stubbed("sns") as sns:
        sns.add_response(
            "set_topic_attributes", {},
            {"TopicArn": arn, "AttributeName": "Policy", "AttributeValue": '{"P":1}'},
        )  # fmt: skip
        sns.add_response(
            "subscribe", {},
            {"TopicArn": arn, "Protocol": "email", "Endpoint": "new@example.com"},
        )  # fmt: skip
        sns.add_response(
            "list_subscriptions_by_topic", {"Subscriptions": listed[1:], "NextToken": "two"}
        )
        sns.add_response(
            "list_subscriptions_by_topic", {"Subscriptions": listed[:1]},
            {"TopicArn": arn, "NextToken": "two"},
        )  # fmt: skip
        sns.add_response("unsubscribe", {}, {"SubscriptionArn": f"{arn}:1"})
        ensure(place, Topic("lakeferry-m1", '{"P":1}', told, OURS), before)


def test_a_topic_of_ours_that_is_there_already_gets_policy_tags_and_subscriptions(
    place: Place,
) -> None:
    arn = f"arn:aws:sns:us-east-1:{ACCOUNT}:lakeferry-m1"
    said = "Topic already exists with different attributes"
    with stubbed("sns") as sns:
        sns.add_client_error("create_topic", "InvalidParameter", said)
        sns.add_response("list_tags_for_resource", {"Tags": [*TAGS, {"Key": "old", "Value": "x"}]})
        sns.add_response("set_topic_attributes", {})
        sns.add_response(
            "subscribe", {}, {"TopicArn": arn, "Protocol": "email", "Endpoint": "ops@example.com"}
        )
        sns.add_response(
            "tag_resource", {}, {"ResourceArn": arn, "Tags": [{"Key": "owner", "Value": "data"}]}
        )
        sns.add_response("untag_resource", {}, {"ResourceArn": arn, "TagKeys": ["old"]})
        told = (("email", "ops@example.com"),)
        ensure(place, Topic("lakeferry-m1", '{"P":1}', told, {**OURS, "owner": "data"}), None)


# ---- rules, alarms, dashboards


def test_tags_of_a_rule_that_is_there_are_set_apart_since_a_put_ignores_them(
    place: Place,
) -> None:
    before = InsightRule("lakeferry-m1.r", "{}", tags={**OURS, "old": "x"})
    arn = f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:insight-rule/lakeferry-m1.r"
    with stubbed("cloudwatch") as cloudwatch:
        cloudwatch.add_response("put_insight_rule", {})
        cloudwatch.add_response(
            "tag_resource", {}, {"ResourceARN": arn, "Tags": [{"Key": "owner", "Value": "d"}]}
        )
        cloudwatch.add_response("untag_resource", {}, {"ResourceARN": arn, "TagKeys": ["old"]})
        ensure(place, replace(before, tags={**OURS, "owner": "d"}), before)


def test_a_rule_that_aws_does_not_delete_is_told_and_one_that_is_gone_is_not(
    place: Place,
) -> None:
    rule = InsightRule("lakeferry-m1.r", "{}", tags=OURS)
    failed = {"FailureResource": rule.name, "FailureCode": "ManagedRule"}
    with stubbed("cloudwatch") as cloudwatch:
        cloudwatch.add_response(
            "delete_insight_rules", {"Failures": [{"FailureCode": "RuleNotFound"}]}
        )
        remove(place, rule)
        cloudwatch.add_response("delete_insight_rules", {"Failures": [failed]})
        with refused("LF-6403"):
            remove(place, rule)


def test_an_alarm_that_comes_too_fast_is_put_again_after_pauses_that_grow(
    place: Place, slept: list[float]
) -> None:
    with stubbed("cloudwatch") as cloudwatch:
        for _ in range(3):
            cloudwatch.add_client_error("put_metric_alarm", "Throttling", "Rate exceeded")
        cloudwatch.add_response("put_metric_alarm", {})
        ensure(place, LEAK, None)

    assert slept == [0.34, 0.68, 1.36]


def test_an_alarm_that_is_refused_as_too_fast_to_the_end_says_so(
    place: Place, slept: list[float]
) -> None:
    with stubbed("cloudwatch") as cloudwatch, refused("LF-1204"):
        for _ in range(7):
            cloudwatch.add_client_error("put_metric_alarm", "Throttling", "Rate exceeded")
        ensure(place, LEAK, None)

    assert len(slept) == 6


def test_an_alarm_on_math_and_one_that_recovers_an_instance_are_put_in_their_forms(
    place: Place,
) -> None:
    plain = MetricQuery(
        "m1", 60, namespace="AWS/EC2", metric="StatusCheckFailed_System", statistic="Maximum",
        dimensions=(("InstanceId", "i-1"),), label="x",
    )  # fmt: skip
    common = {
        "AlarmName": LEAK.name, "AlarmDescription": LEAK.description, "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 3, "OKActions": [],
        "DatapointsToAlarm": 2, "TreatMissingData": "notBreaching", "Tags": TAGS,
        "ActionsEnabled": True,
    }  # fmt: skip
    ours = f"arn:aws:sns:us-east-1:{ACCOUNT}:lakeferry-m1"
    recover = "arn:aws:automate:us-east-1:ec2:recover"
    with stubbed("cloudwatch") as cloudwatch:
        cloudwatch.add_response(
            "put_metric_alarm", {},
            {
                **common, "AlarmActions": [ours, "arn:aws:sns:us-east-1:1:ops"],
                "Metrics": [
                    {"Id": "m1", "Period": 60, "ReturnData": True,
                     "Expression": 'INSIGHT_RULE_METRIC("r","Sum")'},
                ],
            },
        )  # fmt: skip
        cloudwatch.add_response(
            "put_metric_alarm", {},
            {
                **common, "AlarmActions": [recover], "Namespace": "AWS/EC2", "Period": 60,
                "MetricName": "StatusCheckFailed_System", "Statistic": "Maximum",
                "Dimensions": [{"Name": "InstanceId", "Value": "i-1"}],
            },
        )  # fmt: skip
        ensure(place, LEAK, None)
        ensure(place, replace(LEAK, metrics=(plain,), actions=(recover,)), None)


def test_a_composite_alarm_is_silenced_by_its_suppressor(place: Place) -> None:
    silenced = CompositeAlarm(
        "lakeferry-m1.any", "any", 'ALARM("a")', suppressor="asleep", suppressor_wait_s=300,
        tags=OURS,
    )  # fmt: skip
    put = {
        "AlarmName": "lakeferry-m1.any", "AlarmDescription": "any", "AlarmRule": 'ALARM("a")',
        "AlarmActions": [], "OKActions": [], "Tags": TAGS, "ActionsEnabled": True,
    }  # fmt: skip
    with stubbed("cloudwatch") as cloudwatch:
        cloudwatch.add_response("put_composite_alarm", {}, {
            **put, "ActionsSuppressor": "asleep", "ActionsSuppressorWaitPeriod": 300,
            "ActionsSuppressorExtensionPeriod": 300})  # fmt: skip
        cloudwatch.add_response("put_composite_alarm", {}, put)
        cloudwatch.add_client_error("delete_alarms", "ResourceNotFound")
        ensure(place, silenced, None)
        ensure(place, replace(silenced, suppressor="", suppressor_wait_s=0), None)
        remove(place, silenced)


def test_a_dashboard_about_which_there_is_a_message_is_a_failure(place: Place) -> None:
    message = {"DataPath": "/widgets/0/properties", "Message": "Should have required property"}
    said = {"DashboardValidationMessages": [message]}
    with stubbed("cloudwatch") as cloudwatch:
        cloudwatch.add_response("put_dashboard", said)
        with refused("/widgets/0/properties: Should have required property"):
            ensure(place, Dashboard("lakeferry-m1", "{}"), None)
        cloudwatch.add_client_error("delete_dashboards", "ResourceNotFound")
        remove(place, Dashboard("lakeferry-m1", "{}"))


def test_a_permission_that_is_missing_names_action_resource_and_statement(place: Place) -> None:
    said = (
        f"User: arn:aws:iam::{ACCOUNT}:user/ops is not authorized to perform: "
        f"cloudwatch:PutMetricAlarm on resource: {ALARMS}{LEAK.name}"
    )
    with stubbed("cloudwatch") as cloudwatch, refused("LF-1203") as missing:
        cloudwatch.add_client_error("put_metric_alarm", "AccessDenied", said)
        ensure(place, LEAK, None)

    assert "may not cloudwatch:PutMetricAlarm" in missing.value.what
    assert f'"Resource":"{ALARMS}lakeferry-*"' in missing.value.next_step


def test_a_kind_does_not_become_another(place: Place) -> None:
    with pytest.raises(TypeError, match="LogGroup cannot become Alarm"):
        ensure(place, LEAK, LogGroup("/flow", 30))
