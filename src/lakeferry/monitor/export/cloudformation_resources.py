"""Each wanted resource as a resource of CloudFormation. Pure.

No `Fn::Sub`: flow log fields are written `${version}`, which it would take for its own. What the
template makes is named by `Ref` and `Fn::GetAtt`; texts with ARNs inside are joined around them.

Source: CloudFormation Template Reference, the page of each type.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lakeferry.monitor.export import cloudformation_nat
from lakeferry.monitor.export.cloudformation_values import (
    Entry,
    Template,
    arn,
    document,
    group_ids,
    logical_id,
    present,
    ref,
    tag_list,
    text,
)
from lakeferry.monitor.export.template_names import Names
from lakeferry.monitor.wanted.alarm_parts import plain_metric
from lakeferry.network.fields import format_text
from lakeferry.network.nat_resources import ElasticIp, NatInstance
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


def entries(names: Names, resource: Resource) -> Iterator[Entry]:
    """A resource, and what CloudFormation has apart from it: policies and subscriptions."""
    type_, properties = _MAKERS[type(resource)](names, resource)
    entry: Template = {"Type": type_, "Properties": properties}
    needed = [logical_id(names, one) for one in names.needed(resource)]
    if isinstance(resource, NatInstance):  # its first boot needs the way out
        needed += [cloudformation_nat.association_id(names, one) for one in names.taken(resource)]
    if needed:
        entry["DependsOn"] = needed
    yield logical_id(names, resource), entry
    if isinstance(resource, Topic):
        yield from _topic_parts(names, resource)
    if isinstance(resource, ElasticIp):
        yield from cloudformation_nat.association(names, resource)


# ---- endpoints


def _security_group(_names: Names, one: SecurityGroup) -> tuple[str, Template]:
    rules = [
        {
            "IpProtocol": some.protocol,
            **({} if some.protocol == "-1" else {"FromPort": some.first, "ToPort": some.last}),
            ("CidrIpv6" if ":" in cidr else "CidrIp"): cidr,
        }
        for some in one.ingress
        for cidr in some.cidrs
    ]
    return "AWS::EC2::SecurityGroup", {
        "GroupName": one.name,
        "GroupDescription": one.description,
        "VpcId": one.vpc_id,
        "SecurityGroupIngress": rules,
        "Tags": tag_list(one.tags, one.name),
    }


def _endpoint(names: Names, one: VpcEndpoint) -> tuple[str, Template]:
    return "AWS::EC2::VPCEndpoint", present(
        {
            "VpcId": one.vpc_id,
            "ServiceName": one.service,
            "VpcEndpointType": one.type,
            "RouteTableIds": list(one.route_table_ids),
            "SubnetIds": list(one.subnet_ids),
            "SecurityGroupIds": group_ids(names, one.security_groups),
            "PrivateDnsEnabled": one.private_dns if one.type == "Interface" else None,
            "PolicyDocument": document(names, one.policy) if one.policy else None,
            "Tags": tag_list(one.tags, one.name),
        }
    )


# ---- logs


def _log_group(names: Names, one: LogGroup) -> tuple[str, Template]:
    chosen = one == names.flow_group and one.retention_days is not None
    return "AWS::Logs::LogGroup", present(
        {
            "LogGroupName": one.name,
            "RetentionInDays": {"Ref": "LogRetentionDays"} if chosen else one.retention_days,
            "KmsKeyId": one.kms_key,
            "Tags": tag_list(one.tags),
        }
    )


def _role(names: Names, one: Role) -> tuple[str, Template]:
    policy = {"PolicyName": one.name, "PolicyDocument": document(names, one.policy)}
    return "AWS::IAM::Role", {
        "RoleName": one.name,
        "AssumeRolePolicyDocument": document(names, one.trust),
        "Policies": [policy],
        "Tags": tag_list(one.tags),
    }


def _flow_log(names: Names, one: FlowLog) -> tuple[str, Template]:
    to_s3 = one.destination_type == "s3"
    group, role = names.made(LogGroup, one.destination), names.made(Role, one.role)
    return "AWS::EC2::FlowLog", present(
        {
            "ResourceId": one.resource_id,
            "ResourceType": one.resource_type,
            "TrafficType": one.traffic,
            "LogDestinationType": one.destination_type,
            "LogDestination": one.destination if to_s3 else "",
            "LogGroupName": "" if to_s3 else ref(names, group) if group else one.destination,
            "DeliverLogsPermissionArn": arn(names, role) if role else "",
            "LogFormat": format_text(one.fields),
            "MaxAggregationInterval": one.interval_s,
            # All three or none.
            "DestinationOptions": {
                "FileFormat": one.file_format,
                "HiveCompatiblePartitions": one.hive,
                "PerHourPartition": one.per_hour,
            }
            if to_s3
            else None,
            "TagFieldSpecifications": [
                {"ResourceType": kind, "TagKeys": list(keys)} for kind, keys in one.tag_keys
            ],
            "Tags": tag_list(one.tags, one.name),
        }
    )


# ---- rules, alarms, dashboard


def _rule(names: Names, one: InsightRule) -> tuple[str, Template]:
    return "AWS::CloudWatch::InsightRule", {
        "RuleName": one.name,
        "RuleBody": text(names, one.body),
        "RuleState": {"Ref": "RuleState"} if one.enabled else "DISABLED",
        "Tags": tag_list(one.tags),
    }


def _topic(_names: Names, one: Topic) -> tuple[str, Template]:
    return "AWS::SNS::Topic", {"TopicName": one.name, "Tags": tag_list(one.tags)}


def _topic_parts(names: Names, one: Topic) -> Iterator[Entry]:
    policy = {"Topics": [ref(names, one)], "PolicyDocument": document(names, one.policy)}
    yield "TopicPolicy", {"Type": "AWS::SNS::TopicPolicy", "Properties": policy}
    for number, (protocol, _) in enumerate(one.subscriptions, start=1):
        properties = {
            "TopicArn": ref(names, one),
            "Protocol": protocol,
            "Endpoint": {"Ref": f"Subscriber{number}"},
        }
        yield (
            f"Subscription{number}",
            {
                "Type": "AWS::SNS::Subscription",
                "Condition": f"HasSubscriber{number}",
                "Properties": properties,
            },
        )


def _alarm(names: Names, one: Alarm) -> tuple[str, Template]:
    properties = {
        "AlarmName": one.name,
        "AlarmDescription": text(names, one.description),
        "ComparisonOperator": one.comparison,
        "Threshold": one.threshold,
        "EvaluationPeriods": one.periods,
        "DatapointsToAlarm": one.datapoints,
        "TreatMissingData": one.missing,
        **_actions(names, one),
        "Tags": tag_list(one.tags),
    }
    only = plain_metric(one)
    if only:
        metric = {
            "Namespace": only.namespace,
            "MetricName": only.metric,
            "Dimensions": _dimensions(names, only),
            "Period": only.period_s,
            "Statistic": only.statistic,
        }
        return "AWS::CloudWatch::Alarm", present({**properties, **metric})
    queries = [_query(names, query) for query in one.metrics]
    return "AWS::CloudWatch::Alarm", present({**properties, "Metrics": queries})


def _query(names: Names, one: MetricQuery) -> Template:
    found: Template = {"Id": one.id, "Label": one.label, "ReturnData": one.returned}
    if one.expression:
        return present({**found, "Expression": one.expression, "Period": one.period_s})
    dimensions = _dimensions(names, one)
    metric = present(
        {"Namespace": one.namespace, "MetricName": one.metric, "Dimensions": dimensions}
    )
    stat = {"Metric": metric, "Period": one.period_s, "Stat": one.statistic}
    return present({**found, "MetricStat": stat})


def _dimensions(names: Names, one: MetricQuery) -> list[Template]:
    return [{"Name": name, "Value": text(names, value)} for name, value in one.dimensions]


def _composite(names: Names, one: CompositeAlarm) -> tuple[str, Template]:
    ours = names.made(Alarm, one.suppressor)
    suppressor = {
        "ActionsSuppressor": ref(names, ours) if ours else one.suppressor,
        "ActionsSuppressorWaitPeriod": one.suppressor_wait_s,
        "ActionsSuppressorExtensionPeriod": one.suppressor_wait_s,
    }
    return "AWS::CloudWatch::CompositeAlarm", present(
        {
            "AlarmName": one.name,
            "AlarmDescription": one.description,
            "AlarmRule": one.rule,
            **_actions(names, one),
            **(suppressor if one.suppressor else {}),
            "Tags": tag_list(one.tags),
        }
    )


def _actions(names: Names, one: Alarm | CompositeAlarm) -> Template:
    def called(action: str) -> Any:
        topic = names.made(Topic, action)
        return ref(names, topic) if topic else action

    return {
        "ActionsEnabled": {"Ref": "AlarmActions"},
        "AlarmActions": [called(action) for action in one.actions],
        "OKActions": [called(action) for action in one.ok_actions],
    }


def _dashboard(names: Names, one: Dashboard) -> tuple[str, Template]:
    return "AWS::CloudWatch::Dashboard", {
        "DashboardName": one.name,
        "DashboardBody": text(names, one.body),
        "Tags": tag_list(one.tags),
    }


_MAKERS: Mapping[type, Callable[[Names, Any], tuple[str, Template]]] = {
    SecurityGroup: _security_group,
    VpcEndpoint: _endpoint,
    LogGroup: _log_group,
    Role: _role,
    FlowLog: _flow_log,
    InsightRule: _rule,
    Topic: _topic,
    Alarm: _alarm,
    CompositeAlarm: _composite,
    Dashboard: _dashboard,
    **cloudformation_nat.MAKERS,
}
