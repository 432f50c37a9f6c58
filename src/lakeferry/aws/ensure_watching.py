"""Insight rules, topics, alarms and dashboards: made, changed, removed.

A put writes the whole of a thing, so it is the same call whether it is there or not. Tags are an
exception: they are taken with the first put and ignored with every later one.

Source: CloudWatch API Reference, PutInsightRule, PutMetricAlarm, PutCompositeAlarm, PutDashboard
(`DashboardValidationMessages` inside an answer that is a success); SNS API Reference.
"""

from collections.abc import Mapping
from typing import Any

from lakeferry.aws.patience import paced
from lakeferry.aws.place import Place, tag_change, tag_list
from lakeferry.aws.read_monitoring import UNCONFIRMED
from lakeferry.connect.aws import pages
from lakeferry.errors import FerryError
from lakeferry.network.resources import (
    Alarm,
    CompositeAlarm,
    Dashboard,
    InsightRule,
    MetricQuery,
    Tags,
    Topic,
)

# ---- rules


def ensure_rule(place: Place, wanted: InsightRule, before: InsightRule | None) -> None:
    arn = place.arn("cloudwatch", f"insight-rule/{wanted.name}")
    place.ask(
        "cloudwatch", "put_insight_rule", arn,
        RuleName=wanted.name, RuleDefinition=wanted.body, Tags=tag_list(wanted.tags),
        RuleState="ENABLED" if wanted.enabled else "DISABLED",
    )  # fmt: skip
    _retag(place, arn, wanted.tags, before.tags if before else wanted.tags)


def remove_rule(place: Place, found: InsightRule) -> None:
    arn = place.arn("cloudwatch", f"insight-rule/{found.name}")
    answer = place.ask("cloudwatch", "delete_insight_rules", arn, RuleNames=[found.name])
    for one in answer.get("Failures", ()):
        if "NotFound" in one.get("FailureCode", ""):
            continue
        raise FerryError(
            "LF-6403",
            f"AWS did not do it: rule `{found.name}` is not deleted",
            f"{one.get('FailureCode', '')}: {one.get('FailureDescription', '')}; {arn}",
            "mend what the message names, then run the same command again",
        )


def _retag(place: Place, arn: str, wanted: Tags, before: Tags) -> None:
    change = tag_change(before, wanted)
    if change.put:
        place.ask("cloudwatch", "tag_resource", arn, ResourceARN=arn, Tags=tag_list(change.put))
    if change.drop:
        place.ask("cloudwatch", "untag_resource", arn, ResourceARN=arn, TagKeys=list(change.drop))


# ---- topics


def ensure_topic(place: Place, wanted: Topic, before: Topic | None) -> None:
    """A topic with its policy and all who are told. E-mail addresses must confirm."""
    arn = place.topic(wanted.name)
    if before is None:
        before = _made_topic(place, wanted, arn)
    if wanted.policy != before.policy:
        place.ask("sns", "set_topic_attributes", arn,
                  TopicArn=arn, AttributeName="Policy", AttributeValue=wanted.policy)  # fmt: skip
    for protocol, endpoint in sorted(set(wanted.subscriptions) - set(before.subscriptions)):
        place.ask("sns", "subscribe", arn,
                  TopicArn=arn, Protocol=protocol, Endpoint=endpoint)  # fmt: skip
    _unsubscribe(place, arn, set(before.subscriptions) - set(wanted.subscriptions))
    change = tag_change(before.tags, wanted.tags)
    if change.put:
        place.ask("sns", "tag_resource", arn, ResourceArn=arn, Tags=tag_list(change.put))
    if change.drop:
        place.ask("sns", "untag_resource", arn, ResourceArn=arn, TagKeys=list(change.drop))


def _made_topic(place: Place, wanted: Topic, arn: str) -> Topic:
    """A new topic that tells nobody; or the one that is there, if it is ours."""
    _, taken = place.attempt(
        "sns", "create_topic", arn, ("InvalidParameter",),
        Name=wanted.name, Attributes={"Policy": wanted.policy}, Tags=tag_list(wanted.tags),
    )  # fmt: skip
    if not taken:
        return Topic(wanted.name, wanted.policy, (), wanted.tags)
    # "Topic already exists with different attributes", or tags.
    listed = place.ask("sns", "list_tags_for_resource", arn, ResourceArn=arn)["Tags"]
    tags = {one["Key"]: one["Value"] for one in listed}
    place.check_ours(f"the topic `{wanted.name}`", tags)
    return Topic(wanted.name, "", (), tags)


def _unsubscribe(place: Place, arn: str, gone: set[tuple[str, str]]) -> None:
    """One that was never confirmed cannot be taken back; it goes by itself within days."""
    if not gone:
        return
    listed = pages(
        place.access, "sns", "list_subscriptions_by_topic", "Subscriptions", on=arn, TopicArn=arn
    )
    for one in listed:
        subscription = one["SubscriptionArn"]
        if (one["Protocol"], one["Endpoint"]) in gone and subscription != UNCONFIRMED:
            place.ask("sns", "unsubscribe", subscription, SubscriptionArn=subscription)


def remove_topic(place: Place, found: Topic) -> None:
    arn = place.topic(found.name)
    place.ask("sns", "delete_topic", arn, TopicArn=arn)


# ---- alarms


def ensure_alarm(place: Place, wanted: Alarm, before: Alarm | None) -> None:
    arn = place.arn("cloudwatch", f"alarm:{wanted.name}")
    request = {**_alarm(place, wanted), **_watched(wanted)}
    paced(lambda: place.ask("cloudwatch", "put_metric_alarm", arn, **request), sleep=place.sleep)
    _retag(place, arn, wanted.tags, before.tags if before else wanted.tags)


def _alarm(place: Place, wanted: Alarm) -> Mapping[str, Any]:
    return {
        "AlarmName": wanted.name,
        "AlarmDescription": wanted.description,
        "ComparisonOperator": wanted.comparison,
        "Threshold": wanted.threshold,
        "EvaluationPeriods": wanted.periods,
        "DatapointsToAlarm": wanted.datapoints,
        "TreatMissingData": wanted.missing,
        "ActionsEnabled": wanted.actions_enabled,
        "AlarmActions": place.actions(wanted.actions),
        "OKActions": place.actions(wanted.ok_actions),
        "Tags": tag_list(wanted.tags),
    }


def _watched(wanted: Alarm) -> Mapping[str, Any]:
    """One plain metric stands at the top: only such an alarm can recover or reboot an instance."""
    first = wanted.metrics[0]
    if len(wanted.metrics) > 1 or first.expression:
        return {"Metrics": [_query(one) for one in wanted.metrics]}
    stat = {"Period": first.period_s, **_statistic(first.statistic)}
    return {**_metric(first), **stat}


def _query(one: MetricQuery) -> Mapping[str, Any]:
    found: dict[str, Any] = {"Id": one.id, "ReturnData": one.returned}
    if one.label:
        found["Label"] = one.label
    if one.expression:
        return {**found, "Expression": one.expression, "Period": one.period_s}
    stat = {"Metric": _metric(one), "Period": one.period_s, "Stat": one.statistic}
    return {**found, "MetricStat": stat}


def _metric(one: MetricQuery) -> Mapping[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in one.dimensions]
    return {"Namespace": one.namespace, "MetricName": one.metric, "Dimensions": dimensions}


def _statistic(name: str) -> Mapping[str, str]:
    plain = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
    return {"Statistic": name} if name in plain else {"ExtendedStatistic": name}


def ensure_composite(place: Place, wanted: CompositeAlarm, before: CompositeAlarm | None) -> None:
    arn = place.arn("cloudwatch", f"alarm:{wanted.name}")
    request: dict[str, Any] = {
        "AlarmName": wanted.name,
        "AlarmDescription": wanted.description,
        "AlarmRule": wanted.rule,
        "ActionsEnabled": wanted.actions_enabled,
        "AlarmActions": place.actions(wanted.actions),
        "OKActions": place.actions(wanted.ok_actions),
        "Tags": tag_list(wanted.tags),
    }
    if wanted.suppressor:
        request["ActionsSuppressor"] = wanted.suppressor
        request["ActionsSuppressorWaitPeriod"] = wanted.suppressor_wait_s
        request["ActionsSuppressorExtensionPeriod"] = wanted.suppressor_wait_s
    paced(lambda: place.ask("cloudwatch", "put_composite_alarm", arn, **request), sleep=place.sleep)
    _retag(place, arn, wanted.tags, before.tags if before else wanted.tags)


def remove_alarm(place: Place, found: Alarm | CompositeAlarm) -> None:
    arn = place.arn("cloudwatch", f"alarm:{found.name}")
    place.attempt("cloudwatch", "delete_alarms", arn, ("ResourceNotFound",),
                  AlarmNames=[found.name])  # fmt: skip


# ---- dashboards


def ensure_dashboard(place: Place, wanted: Dashboard, before: Dashboard | None) -> None:
    """A dashboard without a single message about it."""
    del before  # a put writes the whole of it
    arn = place.arn("cloudwatch", f"dashboard/{wanted.name}")
    answer = place.ask("cloudwatch", "put_dashboard", arn,
                       DashboardName=wanted.name, DashboardBody=wanted.body)  # fmt: skip
    said = answer.get("DashboardValidationMessages", ())
    if said:
        first = f"{said[0].get('DataPath', '')}: {said[0].get('Message', '')}"
        raise FerryError(
            "LF-6403",
            f"the dashboard `{wanted.name}` is there, and CloudWatch cannot show all of it",
            f"{len(said)} messages, the first {first}; {arn}",
            "tell us with the output of `lakeferry monitor export`: the body should have been "
            "right",
        )


def remove_dashboard(place: Place, found: Dashboard) -> None:
    arn = place.arn("cloudwatch", f"dashboard/{found.name}")
    place.attempt(
        "cloudwatch", "delete_dashboards", arn,
        ("DashboardNotFoundError", "ResourceNotFound"), DashboardNames=[found.name],
    )  # fmt: skip
