"""The requests of a direct apply, as the clients send them, read back into values.

No server: each client is told the answer before a request leaves it, after botocore has checked
the request against its model.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from lakeferry.aws.ensure import ensure
from lakeferry.aws.ensure_network import finish_endpoint
from lakeferry.aws.place import Place
from lakeferry.connect.aws import AwsAccess, client
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.network.fields import parse_format
from lakeferry.network.resources import (
    Alarm,
    CompositeAlarm,
    Dashboard,
    FlowLog,
    InsightRule,
    LogGroup,
    MetricQuery,
    Resource,
    Role,
    SecurityGroup,
    Topic,
    VpcEndpoint,
)  # fmt: skip
from tests.monitor.read_back import WHERE, canonical, name_in, port_ranges, tag_keys
from tests.network.sample_scenario import ACCOUNT, REGION

Asked = list[tuple[str, Mapping[str, Any]]]  # operation and parameters
SERVICES = ("ec2", "logs", "iam", "cloudwatch", "sns")


class Wire:
    """What left the clients."""

    def __init__(self, access: AwsAccess) -> None:
        self.asked: Asked = []
        for service in SERVICES:
            events = client(access, service).meta.events
            events.register("provide-client-params", self._note)
            events.register("before-call", self._answer)

    def _note(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        self.asked.append((model.name, params))

    def _answer(self, model: Any, **_: Any) -> tuple[Any, Mapping[str, Any]]:
        answer = _ANSWERS.get(model.name)
        return _Fine, answer(self.asked[-1][1]) if answer else {}

    def of(self, operation: str, **same: Any) -> list[Mapping[str, Any]]:
        return [
            asked
            for name, asked in self.asked
            if name == operation and all(asked[key] == value for key, value in same.items())
        ]


class _Fine:
    status_code = 200


# Ids of groups are their names, so that what names them reads as our values do.
_ANSWERS: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
    "CreateSecurityGroup": lambda asked: {"GroupId": asked["GroupName"]},
    "DescribeSecurityGroups": lambda asked: {
        "SecurityGroups": [
            {"GroupName": name, "GroupId": name} for name in asked["Filters"][0]["Values"]
        ]
    },
    "DescribeVpcEndpoints": lambda asked: {
        "VpcEndpoints": [{"VpcEndpointId": asked["Filters"][0]["Values"][0], "State": "available"}]
    },
}


def by_requests(resources: Iterable[Resource], settings: MonitorSettings) -> list[Resource]:
    """What a first apply asks AWS for."""
    access = AwsAccess(REGION)
    place = Place(access, ACCOUNT, settings.deployment)
    wire = Wire(access)
    for one in resources:
        ensure(place, one, None)
        if isinstance(one, VpcEndpoint) and one.private_dns:
            finish_endpoint(place, one)
    return list(_read(wire))


def _read(wire: Wire) -> Iterator[Resource]:
    for operation, asked in wire.asked:
        if operation in _READERS:
            yield _READERS[operation](wire, asked)


def _tags(specified: list[Mapping[str, Any]]) -> tuple[str, dict[str, str]]:
    """The name, and the other tags."""
    (one,) = specified
    found = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
    return found.pop("Name"), found


def _listed(tags: list[Mapping[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def _group(wire: Wire, asked: Mapping[str, Any]) -> SecurityGroup:
    name, tags = _tags(asked["TagSpecifications"])
    assert name == asked["GroupName"]
    permissions = [
        one
        for each in wire.of("AuthorizeSecurityGroupIngress", GroupId=name)
        for one in each["IpPermissions"]
    ]
    rules = [
        (one["IpProtocol"], one["FromPort"], one["ToPort"], cidr)
        for one in permissions
        for cidr in (
            *(each["CidrIp"] for each in one.get("IpRanges", ())),
            *(each["CidrIpv6"] for each in one.get("Ipv6Ranges", ())),
        )
    ]
    return SecurityGroup(name, asked["VpcId"], asked["Description"], port_ranges(rules), tags)


def _endpoint(wire: Wire, asked: Mapping[str, Any]) -> VpcEndpoint:
    name, tags = _tags(asked["TagSpecifications"])
    turned_on = wire.of("ModifyVpcEndpoint", VpcEndpointId=name, PrivateDnsEnabled=True)
    policy = asked.get("PolicyDocument", "")
    return VpcEndpoint(
        name, asked["VpcId"], asked["ServiceName"], asked["VpcEndpointType"],
        tuple(asked.get("SubnetIds", ())), tuple(asked.get("RouteTableIds", ())),
        tuple(asked.get("SecurityGroupIds", ())), bool(turned_on),
        canonical(policy) if policy else "", tags,
    )  # fmt: skip


def _log_group(wire: Wire, asked: Mapping[str, Any]) -> LogGroup:
    name = asked["logGroupName"]
    kept = wire.of("PutRetentionPolicy", logGroupName=name)
    days = kept[0]["retentionInDays"] if kept else None
    return LogGroup(name, days, asked.get("kmsKeyId", ""), asked["tags"])


def _role(wire: Wire, asked: Mapping[str, Any]) -> Role:
    name = asked["RoleName"]
    (policy,) = wire.of("PutRolePolicy", RoleName=name, PolicyName=name)
    trust = canonical(asked["AssumeRolePolicyDocument"])
    return Role(name, trust, canonical(policy["PolicyDocument"]), _listed(asked["Tags"]))


def _flow_log(_wire: Wire, asked: Mapping[str, Any]) -> FlowLog:
    name, tags = _tags(asked["TagSpecifications"])
    (resource,) = asked["ResourceIds"]
    options = asked.get("DestinationOptions", {})
    return FlowLog(
        name, resource, asked["ResourceType"], asked["TrafficType"], asked["LogDestinationType"],
        asked.get("LogGroupName") or asked["LogDestination"],
        name_in(asked.get("DeliverLogsPermissionArn", "")), parse_format(asked["LogFormat"]),
        asked["MaxAggregationInterval"], options.get("FileFormat", ""),
        options.get("HiveCompatiblePartitions", False), options.get("PerHourPartition", False),
        tags, tag_keys(asked),
    )  # fmt: skip


def _rule(_wire: Wire, asked: Mapping[str, Any]) -> InsightRule:
    enabled = asked["RuleState"] == "ENABLED"
    return InsightRule(asked["RuleName"], asked["RuleDefinition"], enabled, _listed(asked["Tags"]))


def _topic(wire: Wire, asked: Mapping[str, Any]) -> Topic:
    told = wire.of("Subscribe", TopicArn=f"arn:aws:sns:{WHERE}:{asked['Name']}")
    who = tuple((one["Protocol"], one["Endpoint"]) for one in told)
    policy = canonical(asked["Attributes"]["Policy"])
    return Topic(asked["Name"], policy, who, _listed(asked["Tags"]))


def _alarm(wire: Wire, asked: Mapping[str, Any]) -> Alarm:
    metrics = tuple(_query(one) for one in asked.get("Metrics", ())) or (
        MetricQuery(
            "m1", asked["Period"], "", asked["Namespace"], asked["MetricName"],
            _dimensions(asked), asked["Statistic"], asked["MetricName"],
        ),
    )  # fmt: skip
    return Alarm(
        asked["AlarmName"], asked["AlarmDescription"], metrics, asked["ComparisonOperator"],
        asked["Threshold"], asked["EvaluationPeriods"], asked["DatapointsToAlarm"],
        asked["TreatMissingData"], _actions(wire, asked["AlarmActions"]),
        _actions(wire, asked["OKActions"]), _listed(asked["Tags"]),
    )  # fmt: skip


def _query(one: Mapping[str, Any]) -> MetricQuery:
    label, returned = one.get("Label", ""), one["ReturnData"]
    if "Expression" in one:
        return MetricQuery(
            one["Id"], one["Period"], one["Expression"], label=label, returned=returned
        )
    stat, metric = one["MetricStat"], one["MetricStat"]["Metric"]
    return MetricQuery(
        one["Id"], stat["Period"], "", metric["Namespace"], metric["MetricName"],
        _dimensions(metric), stat["Stat"], label, returned,
    )  # fmt: skip


def _dimensions(one: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((each["Name"], each["Value"]) for each in one["Dimensions"])


def _actions(wire: Wire, arns: list[str]) -> tuple[str, ...]:
    ours = {f"arn:aws:sns:{WHERE}:{one['Name']}" for one in wire.of("CreateTopic")}
    return tuple(name_in(arn) if arn in ours else arn for arn in arns)


def _composite(wire: Wire, asked: Mapping[str, Any]) -> CompositeAlarm:
    wait = asked.get("ActionsSuppressorWaitPeriod", 0)
    assert asked.get("ActionsSuppressorExtensionPeriod", 0) == wait
    return CompositeAlarm(
        asked["AlarmName"], asked["AlarmDescription"], asked["AlarmRule"],
        _actions(wire, asked["AlarmActions"]), _actions(wire, asked["OKActions"]),
        asked.get("ActionsSuppressor", ""), wait, _listed(asked["Tags"]),
    )  # fmt: skip


def _dashboard(_wire: Wire, asked: Mapping[str, Any]) -> Dashboard:
    return Dashboard(asked["DashboardName"], asked["DashboardBody"])


_READERS: Mapping[str, Callable[[Wire, Mapping[str, Any]], Resource]] = {
    "CreateSecurityGroup": _group,
    "CreateVpcEndpoint": _endpoint,
    "CreateLogGroup": _log_group,
    "CreateRole": _role,
    "CreateFlowLogs": _flow_log,
    "PutInsightRule": _rule,
    "CreateTopic": _topic,
    "PutMetricAlarm": _alarm,
    "PutCompositeAlarm": _composite,
    "PutDashboard": _dashboard,
}
