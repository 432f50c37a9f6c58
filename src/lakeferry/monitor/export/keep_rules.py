"""The optional small Lambda that keeps rules in step with interfaces, and what it needs. Pure.

Rules name the interfaces of NAT devices and endpoints. Where these come and go without anybody
running `lakeferry`, the Lambda looks each five minutes and writes the lists anew.

Source: CloudFormation Template Reference, AWS::Lambda::Function Code (inline code is a zip of at
most 4 MB); Service Authorization Reference, CloudWatch (`cloudwatch:requestInsightRuleLogGroups`);
EC2 User Guide, "Automate Amazon EC2 using EventBridge" (calls come by CloudTrail).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from lakeferry.monitor.export.lambda_function import (
    MOST_EVENT_RULE_NAME,
    LambdaFunction,
    Trigger,
    function_name,
)
from lakeferry.monitor.settings import OWNER_TAG, MonitorSettings
from lakeferry.monitor.wanted.alarm_parts import Kind, alarm, service_metric
from lakeferry.monitor.wanted.desired import Desired
from lakeferry.monitor.wanted.flow_logs import MOST_ROLE_NAME
from lakeferry.network.policy_text import policy_text
from lakeferry.network.resources import (
    Alarm,
    InsightRule,
    LogGroup,
    Resource,
    Role,
    Vpc,
    VpcEndpoint,
)  # fmt: skip
from lakeferry.network.rule_set import RuleWish, WantedRule, fitted, rule_set
from lakeferry.network.services import AWS_SERVICES, DATABRICKS_SERVICES, service_name
from lakeferry.network.topology import Found, Topology

RETENTION_DAYS = 30
# What the rules watch, by the words that rules have for it; endpoints go by their label.
DEVICES = {
    "NAT gateway": "gateway",
    "NAT instance": "instance",
    "NAT": "all",
    "regional NAT gateway": "regional",
}
WATCHED_FIELDS = ("interface-id", "resource-id")
ADDRESS_FIELDS = ("srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr")
# Calls after which interfaces may be others. Instances that start and stop are not here: workers
# do it all the time, and the route of a NAT instance changes with it or its interface stays.
CALLS = (
    "AssociateNatGatewayAddress", "AssociateRouteTable", "AttachNetworkInterface",
    "CreateNatGateway", "CreateRoute", "CreateVpcEndpoint", "DeleteNatGateway", "DeleteRoute",
    "DeleteVpcEndpoints", "ModifyVpcEndpoint", "ReplaceRoute", "ReplaceRouteTableAssociation",
)  # fmt: skip

LOOK = (
    "cloudwatch:DescribeInsightRules", "ec2:DescribeNatGateways", "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables", "ec2:DescribeVpcEndpoints",
)  # fmt: skip
TEND = (
    "cloudwatch:DeleteInsightRules", "cloudwatch:ListTagsForResource", "cloudwatch:TagResource",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Keeper:
    """The Lambda and all that it needs."""

    function: LambdaFunction
    alarm: Alarm
    notes: tuple[str, ...]

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Those that are like other resources of the deployment."""
        return self.function.group, self.function.role, self.alarm

    @property
    def source(self) -> str:
        """Python."""
        return self.function.source


def keeper(desired: Desired, settings: MonitorSettings) -> Keeper:
    """The Lambda for the rules of a deployment."""
    name = function_name(settings.deployment, "keep-rules")
    group = LogGroup(
        f"/lakeferry/{settings.deployment}/keep-rules",
        RETENTION_DAYS,
        settings.flow_logs.kms_key,
        settings.all_tags,
    )
    failed = service_metric("AWS/Lambda", "Errors", {"FunctionName": name}, "Sum", 300)
    said = "rules are not kept in step with network interfaces: see the log of the Lambda"
    families, notes = _families(desired, settings)
    made = LambdaFunction(
        words=("keep", "rules"),
        name=name,
        description="Keeps Contributor Insights rules in step with network interfaces",
        timeout_s=120,
        memory_mib=256,
        source=_source(_plan(desired, settings, families)),
        role=_role(desired, settings, group),
        group=group,
        triggers=tuple(_triggers(settings)),
        tags=settings.all_tags,
    )
    kind = Kind(300, 1, 1, "notBreaching")
    told = alarm(settings, "keep-rules-failed", said, (failed,), 0, kind)
    return Keeper(made, told, notes)


def _triggers(settings: MonitorSettings) -> Iterator[Trigger]:
    def called(tail: str) -> str:
        return fitted(f"{settings.prefix}keep-rules.{tail}", MOST_EVENT_RULE_NAME)

    said = "Looks for network interfaces that rules must name"
    yield Trigger("Schedule", called("schedule"), said, schedule="rate(5 minutes)")
    pattern = {
        "source": ["aws.ec2"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {"eventSource": ["ec2.amazonaws.com"], "eventName": list(CALLS)},
    }
    yield Trigger("Calls", called("calls"), f"{said}, at once after a change", pattern=pattern)


def _role(desired: Desired, settings: MonitorSettings, group: LogGroup) -> Role:
    start, where = f"arn:{settings.partition}", f"{settings.region}:{settings.account}"
    rules = f"{start}:cloudwatch:{where}:insight-rule/{settings.prefix}*"
    groups = sorted({one for rule in desired.rules.rules for one in rule.rule.log_groups})
    # Whoever writes rules can read every log group through them.
    reads = {"cloudwatch:requestInsightRuleLogGroups": groups}
    log = f"{start}:logs:{where}:log-group:{group.name}:*"
    statements = (
        _allow("Look", LOOK, "*"),  # AWS limits these to no resource
        {
            **_allow("Write", ("cloudwatch:PutInsightRule",), rules),
            "Condition": {"ForAllValues:StringEqualsIgnoreCase": reads},
        },
        _allow("RulesOfThisDeployment", TEND, rules),
        _allow("Log", ("logs:CreateLogStream", "logs:PutLogEvents"), log),
    )
    principal = {"Service": "lambda.amazonaws.com"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    name = fitted(f"{settings.prefix}keep-rules", MOST_ROLE_NAME)
    return Role(name, policy_text(trust), policy_text(*statements), settings.iam_tags)


def _allow(sid: str, actions: Sequence[str], resource: str) -> dict[str, object]:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}


# ---- the source


def _source(plan: Mapping[str, Any]) -> str:
    """The Lambda's file with its plan inside: environment variables hold 4 KB alone."""
    text = (
        files("lakeferry.monitor.export")
        .joinpath("keep_rules_lambda.py")
        .read_text(encoding="utf-8")
    )
    before, mark, after = text.partition("PLAN: dict[str, Any] = {}\n")
    assert mark, "the line that the plan takes the place of"
    body = json.dumps(plan, sort_keys=True, separators=(",", ":"))
    return f"{before}PLAN: dict[str, Any] = json.loads(\n    {body!r}\n)\n{after}"


def _plan(
    desired: Desired, settings: MonitorSettings, families: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    region, account = settings.region, settings.account
    services = {kind: service_name(kind, region) for kind in DATABRICKS_SERVICES}
    return {
        "vpc": desired.vpc_id,
        "subnets": list(desired.scope),
        "arn": f"arn:{settings.partition}:cloudwatch:{region}:{account}:insight-rule/",
        "owner": [OWNER_TAG, settings.deployment],
        "tags": dict(settings.all_tags),
        "labels": {name.rsplit(".", 1)[-1]: kind for kind, name in services.items() if name},
        "apart": list(AWS_SERVICES),
        "made": [one.name for one in desired.resources if isinstance(one, InsightRule)],
        "families": list(families),
    }


def _families(
    desired: Desired, settings: MonitorSettings
) -> tuple[tuple[Mapping[str, Any], ...], tuple[str, ...]]:
    """Rules that differ in their interfaces alone, once each; and what cannot be kept."""
    found: dict[str, Mapping[str, Any]] = {}
    notes: list[str] = []
    for rule in (*desired.rules.rules, *_of_new_endpoints(desired, settings)):
        if not rule.watched:
            continue
        each = settings.per == "eni" and rule.name.endswith(rule.watched[0])
        name = rule.name.removesuffix(f".{rule.watched[0]}") if each else _unnumbered(rule.name)
        if settings.per == "eni" and not each and len(rule.name) >= 128:
            notes.append(f"{rule.name} is not kept in step: its name was cut")
            continue
        found.setdefault(
            name,
            {
                "name": name,
                "of": DEVICES.get(rule.subject, rule.subject),
                "each": each,
                "field": _watched_field(rule),
                "body": _pattern(rule),
            },
        )
    return tuple(found[name] for name in sorted(found)), tuple(notes)


def _unnumbered(name: str) -> str:
    return re.sub(r"\.\d+$", "", name)


def _watched_field(rule: WantedRule) -> str:
    return next(one.match for one in rule.rule.filters if one.match in WATCHED_FIELDS)


def _pattern(rule: WantedRule) -> Mapping[str, Any]:
    """The rule's body with 'ids' and 'ips' where its lists of interfaces and addresses were."""
    body: dict[str, Any] = json.loads(rule.body)
    for one in body["Contribution"]["Filters"]:
        kinds = {"ids": WATCHED_FIELDS, "ips": ADDRESS_FIELDS}
        kind = next((kind for kind, fields in kinds.items() if one["Match"] in fields), None)
        for operator in ("In", "NotIn"):
            if kind and operator in one:
                one[operator] = kind
    return body


def _of_new_endpoints(desired: Desired, settings: MonitorSettings) -> tuple[WantedRule, ...]:
    """Rules for endpoints that the template itself makes, whose interfaces nobody knows yet."""
    groups = {one for rule in desired.rules.rules for one in rule.rule.log_groups}
    new = [
        VpcEndpoint("", one.vpc_id, one.service, "Interface", eni_ids=("eni-0",))
        for one in desired.resources
        if isinstance(one, VpcEndpoint) and one.type == "Interface" and not one.eni_ids
    ]
    if not groups or not new:
        return ()
    vpc = Vpc(desired.vpc_id, (), settings.account, settings.region)
    network = Topology(Found(vpc, endpoints=tuple(new)), (), (), (), (), (), ())
    asked = tuple(one for one in settings.questions if one in ("endpoint-bytes", "connections"))
    wish = RuleWish(settings.prefix, tuple(sorted(groups)), settings.per, asked)
    return rule_set(network, desired.fields, wish).rules
