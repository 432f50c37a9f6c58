"""The optional Lambda that keeps alarms and graphs in step with tagged instances. Pure.

Where nodes come and go without anybody running `lakeferry`, it looks each five minutes, which is
how often their metrics come, and writes alarms and graphs anew. With `query` there is nothing to
keep: CloudWatch finds them by the tag.

Source: as `keep_rules`; Service Authorization Reference, CloudWatch (PutMetricAlarm, DeleteAlarms
by alarm, PutDashboard by dashboard).
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from typing import Any

from lakeferry.cost.prices.price_file import own_book
from lakeferry.monitor.export.keep_rules import RETENTION_DAYS, Keeper
from lakeferry.monitor.export.lambda_function import (
    MOST_EVENT_RULE_NAME,
    LambdaFunction,
    Trigger,
    function_name,
)
from lakeferry.monitor.settings import OWNER_TAG, MonitorSettings
from lakeferry.monitor.wanted.alarm_parts import Kind, alarm, service_metric
from lakeferry.monitor.wanted.dashboard import (
    COLUMNS,
    MOST_ALARMS,
    MOST_METRICS,
    MOST_WIDGETS,
    WIDTH,
    dashboard_name,
    tagged_widgets,
)
from lakeferry.monitor.wanted.desired import Desired
from lakeferry.monitor.wanted.flow_logs import MOST_ROLE_NAME
from lakeferry.monitor.wanted.notify import actions_of
from lakeferry.monitor.wanted.tagged_instances import (
    MOST_SERIES,
    TITLE,
    Family,
    families,
    sustained_bytes,
    tag_of,
)
from lakeferry.network.policy_text import policy_text
from lakeferry.network.resources import Alarm, CompositeAlarm, Instance, LogGroup, Role, Vpc
from lakeferry.network.rule_set import fitted
from lakeferry.network.topology import Found, Topology

WORD = "keep-instances"


def instance_keeper(desired: Desired, settings: MonitorSettings) -> Keeper | None:
    """The Lambda for the tagged instances; None where none is named by its id."""
    if tag_of(settings) is None or settings.tagged.how != "each":
        return None
    name = function_name(settings.deployment, WORD)
    group = LogGroup(
        f"/lakeferry/{settings.deployment}/{WORD}",
        RETENTION_DAYS,
        settings.flow_logs.kms_key,
        settings.all_tags,
    )
    trigger = fitted(f"{settings.prefix}{WORD}.schedule", MOST_EVENT_RULE_NAME)
    looks = "Looks for instances that alarms and graphs must name"
    made = LambdaFunction(
        words=("keep", "instances"),
        name=name,
        description="Keeps alarms and graphs in step with tagged instances",
        timeout_s=300,
        memory_mib=256,
        source=_source(_plan(desired, settings)),
        role=_role(settings, group),
        group=group,
        triggers=(Trigger("Schedule", trigger, looks, schedule="rate(5 minutes)"),),
        tags=settings.all_tags,
    )
    failed = service_metric("AWS/Lambda", "Errors", {"FunctionName": name}, "Sum", 300)
    said = "alarms are not kept in step with tagged instances: see the log of the Lambda"
    kind = Kind(300, 1, 1, "notBreaching")
    told = alarm(settings, f"{WORD}-failed", said, (failed,), 0, kind)
    return Keeper(made, told, ())


def _role(settings: MonitorSettings, group: LogGroup) -> Role:
    start, where = f"arn:{settings.partition}", f"{settings.region}:{settings.account}"
    alarms = f"{start}:cloudwatch:{where}:alarm:"
    board = f"{start}:cloudwatch::{settings.account}:dashboard/{dashboard_name(settings)}"
    log = f"{start}:logs:{where}:log-group:{group.name}:*"
    statements = (
        _allow("Look", ("ec2:DescribeInstances",), "*"),  # AWS limits it to no resource
        _allow("LookAtAlarms", ("cloudwatch:DescribeAlarms",), f"{alarms}*"),
        _allow(
            "AlarmsOfInstances",
            (
                "cloudwatch:DeleteAlarms", "cloudwatch:ListTagsForResource",
                "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource",
            ),
            f"{alarms}{settings.prefix}instance-*",
        ),
        _allow("Dashboard", ("cloudwatch:GetDashboard", "cloudwatch:PutDashboard"), board),
        _allow("Log", ("logs:CreateLogStream", "logs:PutLogEvents"), log),
    )  # fmt: skip
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    name = fitted(f"{settings.prefix}{WORD}", MOST_ROLE_NAME)
    return Role(name, policy_text(trust), policy_text(*statements), settings.iam_tags)


def _allow(sid: str, actions: tuple[str, ...], resource: str) -> dict[str, object]:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}


# ---- the source


def _source(plan: Mapping[str, Any]) -> str:
    here = files("lakeferry.monitor.export").joinpath("keep_instances_lambda.py")
    before, mark, after = here.read_text(encoding="utf-8").partition("PLAN: dict[str, Any] = {}\n")
    assert mark, "the line that the plan takes the place of"
    body = json.dumps(plan, sort_keys=True, separators=(",", ":"))
    return f"{before}PLAN: dict[str, Any] = json.loads(\n    {body!r}\n)\n{after}"


def _plan(desired: Desired, settings: MonitorSettings) -> Mapping[str, Any]:
    tag = tag_of(settings)
    assert tag is not None, "instances are told by it"
    known = ((kind, sustained_bytes(kind)) for kind in own_book().instance_types)
    where = f"{settings.region}:{settings.account}"
    return {
        "vpc": desired.vpc_id,
        "tag": list(tag),
        "arn": f"arn:{settings.partition}:cloudwatch:{where}:alarm:",
        "topics": f"arn:{settings.partition}:sns:{where}:",  # begins the ARN of one of ours
        "owner": [OWNER_TAG, settings.deployment],
        "tags": dict(settings.all_tags),
        "made": [one.name for one in desired.resources if isinstance(one, Alarm)],
        "families": [_family(one, settings) for one in families(settings)],
        "sustained": {kind: f"{most:.0f}" for kind, most in known if most is not None},
        "dashboard": dashboard_name(settings),
        "graphs": _graphs(settings, tag),
        "title": TITLE,
        "columns": COLUMNS * WIDTH,
        "composite": [one.name for one in desired.resources if isinstance(one, CompositeAlarm)],
        "most_alarms": MOST_ALARMS,
        "most_metrics": MOST_METRICS,
        "most_widgets": MOST_WIDGETS,
        "most_series": MOST_SERIES,
    }


def _family(one: Family, settings: MonitorSettings) -> Mapping[str, Any]:
    return {
        "name": settings.prefix + one.name,
        "namespace": one.namespace,
        "metrics": [list(pair) for pair in one.metrics],
        "of": one.of,
        "worst": one.worst,
        "at_once": one.at_once,
        "period": one.kind.period_s,
        "alarm": {
            "AlarmDescription": one.said,
            "ComparisonOperator": one.kind.comparison,
            "Threshold": one.limit,
            "EvaluationPeriods": one.kind.periods,
            "DatapointsToAlarm": one.kind.datapoints,
            "TreatMissingData": one.kind.missing,
            "AlarmActions": list(actions_of(settings)),
            "OKActions": list(actions_of(settings)),
        },
    }


def _graphs(settings: MonitorSettings, tag: tuple[str, str]) -> list[Mapping[str, Any]]:
    """Each graph with the line of one instance, whose id is put in later."""
    vpc = Vpc("", (), settings.account, settings.region)
    one = Instance("i-0", "", "", "", "running", (), True, dict([tag]))
    network = Topology(Found(vpc, instances=(one,)), (), (), (), (), (), ())
    return list(tagged_widgets(network, replace(settings, planned=())))
