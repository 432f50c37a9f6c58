"""Requests to AWS made from resources, plainly, to be judged by botocore's own models.

Written apart from the code that makes the real ones: a second reading of the same values.
"""

from collections.abc import Callable, Iterator
from typing import Any

from lakeferry.network.fields import format_text
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
    Tags,
    Topic,
    VpcEndpoint,
)  # fmt: skip

Request = tuple[str, str, dict[str, Any]]  # service, operation, parameters


def requests(resource: Resource) -> Iterator[Request]:
    """The calls that make a resource."""
    for service, operation, parameters in _MAKERS[type(resource)](resource):
        yield service, operation, {name: one for name, one in parameters.items() if one}


def _tags(tags: Tags) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _specified(kind: str, tags: Tags) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": _tags(tags)}]


def _group(one: SecurityGroup) -> Iterator[Request]:
    yield "ec2", "CreateSecurityGroup", {
        "GroupName": one.name, "Description": one.description, "VpcId": one.vpc_id,
        "TagSpecifications": _specified("security-group", one.tags),
    }  # fmt: skip
    rules = [
        {
            "IpProtocol": rule.protocol, "FromPort": rule.first, "ToPort": rule.last,
            "IpRanges": [{"CidrIp": cidr} for cidr in rule.cidrs],
        }
        for rule in one.ingress
    ]  # fmt: skip
    yield "ec2", "AuthorizeSecurityGroupIngress", {"GroupId": "sg-1", "IpPermissions": rules}


def _endpoint(one: VpcEndpoint) -> Iterator[Request]:
    yield "ec2", "CreateVpcEndpoint", {
        "VpcEndpointType": one.type, "VpcId": one.vpc_id, "ServiceName": one.service,
        "PolicyDocument": one.policy, "RouteTableIds": list(one.route_table_ids),
        "SubnetIds": list(one.subnet_ids), "SecurityGroupIds": list(one.security_groups),
        "PrivateDnsEnabled": one.private_dns,
        "TagSpecifications": _specified("vpc-endpoint", one.tags),
    }  # fmt: skip


def _log_group(one: LogGroup) -> Iterator[Request]:
    yield "logs", "CreateLogGroup", {"logGroupName": one.name, "tags": dict(one.tags)}
    yield "logs", "PutRetentionPolicy", {
        "logGroupName": one.name, "retentionInDays": one.retention_days,
    }  # fmt: skip


def _role(one: Role) -> Iterator[Request]:
    yield "iam", "CreateRole", {
        "RoleName": one.name, "AssumeRolePolicyDocument": one.trust, "Tags": _tags(one.tags),
    }  # fmt: skip
    yield "iam", "PutRolePolicy", {
        "RoleName": one.name, "PolicyName": one.name, "PolicyDocument": one.policy,
    }  # fmt: skip


def _flow_log(one: FlowLog) -> Iterator[Request]:
    to_s3 = one.destination_type == "s3"
    yield "ec2", "CreateFlowLogs", {
        "ResourceIds": [one.resource_id], "ResourceType": one.resource_type,
        "TrafficType": one.traffic, "LogDestinationType": one.destination_type,
        "LogGroupName": "" if to_s3 else one.destination,
        "LogDestination": one.destination if to_s3 else "",
        "DeliverLogsPermissionArn": one.role, "LogFormat": format_text(one.fields),
        "MaxAggregationInterval": one.interval_s,
        "DestinationOptions": {
            "FileFormat": one.file_format, "HiveCompatiblePartitions": one.hive,
            "PerHourPartition": one.per_hour,
        } if to_s3 else {},
        "TagSpecifications": _specified("vpc-flow-log", one.tags),
    }  # fmt: skip


def _rule(one: InsightRule) -> Iterator[Request]:
    yield "cloudwatch", "PutInsightRule", {
        "RuleName": one.name, "RuleDefinition": one.body, "Tags": _tags(one.tags),
        "RuleState": "ENABLED" if one.enabled else "DISABLED",
    }  # fmt: skip


def _topic(one: Topic) -> Iterator[Request]:
    yield "sns", "CreateTopic", {
        "Name": one.name, "Attributes": {"Policy": one.policy}, "Tags": _tags(one.tags),
    }  # fmt: skip
    for protocol, endpoint in one.subscriptions:
        yield "sns", "Subscribe", {
            "TopicArn": one.name, "Protocol": protocol, "Endpoint": endpoint,
        }  # fmt: skip


def _alarm(one: Alarm) -> Iterator[Request]:
    yield "cloudwatch", "PutMetricAlarm", {
        "AlarmName": one.name, "AlarmDescription": one.description,
        "ComparisonOperator": one.comparison, "Threshold": one.threshold,
        "EvaluationPeriods": one.periods, "DatapointsToAlarm": one.datapoints,
        "TreatMissingData": one.missing, "AlarmActions": list(one.actions),
        "OKActions": list(one.ok_actions), "Tags": _tags(one.tags),
        "Metrics": [_query(query) for query in one.metrics],
    }  # fmt: skip


def _query(one: MetricQuery) -> dict[str, Any]:
    found: dict[str, Any] = {"Id": one.id, "Label": one.label, "ReturnData": one.returned}
    if one.expression:
        return {**found, "Expression": one.expression, "Period": one.period_s}
    dimensions = [{"Name": name, "Value": value} for name, value in one.dimensions]
    metric = {
        "Namespace": one.namespace, "MetricName": one.metric, "Dimensions": dimensions,
    }  # fmt: skip
    stat = {"Metric": metric, "Period": one.period_s, "Stat": one.statistic}
    return {**found, "MetricStat": stat}


def _composite(one: CompositeAlarm) -> Iterator[Request]:
    yield "cloudwatch", "PutCompositeAlarm", {
        "AlarmName": one.name, "AlarmDescription": one.description, "AlarmRule": one.rule,
        "AlarmActions": list(one.actions), "OKActions": list(one.ok_actions),
        "ActionsSuppressor": one.suppressor,
        "ActionsSuppressorWaitPeriod": one.suppressor_wait_s,
        "ActionsSuppressorExtensionPeriod": one.suppressor_wait_s, "Tags": _tags(one.tags),
    }  # fmt: skip


def _dashboard(one: Dashboard) -> Iterator[Request]:
    yield "cloudwatch", "PutDashboard", {"DashboardName": one.name, "DashboardBody": one.body}


_MAKERS: dict[type, Callable[[Any], Iterator[Request]]] = {
    SecurityGroup: _group,
    VpcEndpoint: _endpoint,
    LogGroup: _log_group,
    Role: _role,
    FlowLog: _flow_log,
    InsightRule: _rule,
    Topic: _topic,
    Alarm: _alarm,
    CompositeAlarm: _composite,
    Dashboard: _dashboard,
}
