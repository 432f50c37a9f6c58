"""What watches a network, as values: flow logs, log groups, rules, alarms, dashboards, topics.

Tags are asked for where the name is one of ours: of other rules they decide nothing, and each is a
request of its own. A log group that flow logs write to is asked in any case, for there are few.

Source: EC2, CloudWatch Logs, CloudWatch, IAM and SNS API References.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from lakeferry.aws.read_network import OURS, PAGE, SMALL_PAGE, Answer, canonical, tags_of
from lakeferry.connect.aws import AwsAccess, call, pages
from lakeferry.errors import FerryError
from lakeferry.network.resources import (
    NO_TAGS,
    Alarm,
    CompositeAlarm,
    Dashboard,
    FlowLog,
    InsightRule,
    LogGroup,
    MetricQuery,
    Role,
    Tags,
    Topic,
)

OUR_GROUPS = "/lakeferry/"  # begins the names of log groups that we make, unless one is given
# A resource can go between being listed and being asked about.
UNCONFIRMED = "PendingConfirmation"  # in place of a subscription's ARN
GONE = (
    "NoSuchEntity", "NotFound", "NotFoundException", "ResourceNotFound",
    "ResourceNotFoundException",
)  # fmt: skip
_FIELD = re.compile(r"\$\{([^}]+)\}")
_TYPES = {
    "vpc": "VPC", "subnet": "Subnet", "eni": "NetworkInterface", "nat": "RegionalNatGateway",
    "tgw": "TransitGateway", "tgw-attach": "TransitGatewayAttachment",
}  # fmt: skip


def find_flow_logs(access: AwsAccess, resources: Collection[str]) -> tuple[FlowLog, ...]:
    """Flow logs over any of the resources (ids), and those that bear a name of ours."""
    found = pages(access, "ec2", "describe_flow_logs", "FlowLogs", PaginationConfig=SMALL_PAGE)
    logs = (_flow_log(one) for one in found)
    kept = [one for one in logs if one.resource_id in resources or one.name.startswith(OURS)]
    return tuple(sorted(kept, key=lambda one: one.id))


def formats_into(access: AwsAccess, group: str) -> tuple[tuple[str, ...], ...]:
    """The formats of the flow logs that write to a log group, each once."""
    found = pages(access, "ec2", "describe_flow_logs", "FlowLogs", PaginationConfig=SMALL_PAGE)
    logs = [_flow_log(one) for one in found]
    return tuple(dict.fromkeys(one.fields for one in logs if one.destination == group))


def _flow_log(one: Answer) -> FlowLog:
    tags, to_s3 = tags_of(one.get("Tags", ())), one.get("LogDestinationType") == "s3"
    options, id = one.get("DestinationOptions", {}), one.get("ResourceId", "")
    return FlowLog(
        name=tags.get("Name", ""),
        resource_id=id,
        resource_type=_TYPES.get(id.rpartition("-")[0], ""),
        traffic=one.get("TrafficType", "ALL"),
        destination_type=one.get("LogDestinationType", "cloud-watch-logs"),
        destination=_destination(one),
        role=one.get("DeliverLogsPermissionArn", "").rpartition("/")[2],
        fields=tuple(_FIELD.findall(one.get("LogFormat", ""))),
        interval_s=one.get("MaxAggregationInterval", 600),
        file_format=options.get("FileFormat", "plain-text") if to_s3 else "",
        hive=options.get("HiveCompatiblePartitions", False) if to_s3 else False,
        per_hour=options.get("PerHourPartition", False) if to_s3 else False,
        tags=tags,
        tag_keys=tuple(
            sorted(
                (each["ResourceType"], tuple(each["TagKeys"]))
                for each in one.get("TagFieldSpecifications", ())
            )
        ),
        id=one["FlowLogId"],
        delivery=one.get("DeliverLogsStatus", ""),
        error=one.get("DeliverLogsErrorMessage", ""),
    )


def _destination(one: Answer) -> str:
    """The name of a log group, which AWS gives by itself or inside an ARN; else the ARN."""
    if name := one.get("LogGroupName"):
        return str(name)
    arn: str = one.get("LogDestination", "")
    _, is_group, name = arn.partition(":log-group:")
    return name.removesuffix(":*") if is_group else arn


def find_log_groups(access: AwsAccess, names: Collection[str]) -> tuple[LogGroup, ...]:
    """The groups of these names that exist, and all that begin as ours do."""
    found: dict[str, LogGroup] = {}
    for start in (OUR_GROUPS, *sorted(names)):
        groups = pages(
            access, "logs", "describe_log_groups", "logGroups",
            logGroupNamePrefix=start, PaginationConfig={"PageSize": 50},
        )  # fmt: skip
        for one in groups:
            name = one["logGroupName"]
            if name not in found and (name in names or name.startswith(OUR_GROUPS)):
                found[name] = _log_group(access, one)
    return tuple(found[name] for name in sorted(found))


def _log_group(access: AwsAccess, one: Answer) -> LogGroup:
    arn = one.get("logGroupArn") or one["arn"].removesuffix(":*")
    answer = _if_there(access, "logs", "list_tags_for_resource", on=arn, resourceArn=arn)
    return LogGroup(
        name=one["logGroupName"],
        retention_days=one.get("retentionInDays"),
        kms_key=one.get("kmsKeyId", ""),
        tags=answer.get("tags", NO_TAGS),
        stored_bytes=one.get("storedBytes", 0),
    )


def find_rules(access: AwsAccess, arn_start: str) -> tuple[InsightRule, ...]:
    """All rules of the Region, for they share a quota; not those that AWS manages.

    Args:
        arn_start: of CloudWatch's ARNs here: 'arn:aws:cloudwatch:us-east-1:111122223333:'.
    """
    found = (one for one in _rule_pages(access) if not one.get("ManagedRule"))
    rules = (
        InsightRule(
            name=one["Name"],
            body=canonical(one["Definition"]),
            enabled=one["State"].upper() == "ENABLED",
            tags=_cloudwatch_tags(access, f"{arn_start}insight-rule/{one['Name']}"),
        )
        for one in found
    )
    return tuple(sorted(rules, key=_name))


def _rule_pages(access: AwsAccess) -> Iterator[Answer]:
    """botocore has no paginator for this one action."""
    more: dict[str, Any] = {}
    while True:
        answer = call(access, "cloudwatch", "describe_insight_rules", MaxResults=100, **more)
        yield from answer.get("InsightRules", ())
        if not answer.get("NextToken"):
            return
        more = {"NextToken": answer["NextToken"]}


def find_alarms(access: AwsAccess) -> tuple[tuple[Alarm, ...], tuple[CompositeAlarm, ...]]:
    """Alarms whose name begins as ours do."""
    metric: list[Alarm] = []
    composite: list[CompositeAlarm] = []
    answers = pages(
        access, "cloudwatch", "describe_alarms", "MetricAlarms",
        AlarmNamePrefix=OURS, AlarmTypes=["MetricAlarm"], PaginationConfig=SMALL_PAGE,
    )  # fmt: skip
    for one in answers:
        metric.append(_alarm(one, _cloudwatch_tags(access, one["AlarmArn"])))
    answers = pages(
        access, "cloudwatch", "describe_alarms", "CompositeAlarms",
        AlarmNamePrefix=OURS, AlarmTypes=["CompositeAlarm"], PaginationConfig=SMALL_PAGE,
    )  # fmt: skip
    for one in answers:
        composite.append(_composite(one, _cloudwatch_tags(access, one["AlarmArn"])))
    return tuple(sorted(metric, key=_name)), tuple(sorted(composite, key=_name))


def _alarm(one: Answer, tags: Tags) -> Alarm:
    periods = one["EvaluationPeriods"]
    return Alarm(
        name=one["AlarmName"],
        description=one.get("AlarmDescription", ""),
        metrics=_queries(one),
        comparison=one["ComparisonOperator"],
        threshold=one.get("Threshold", 0.0),
        periods=periods,
        datapoints=one.get("DatapointsToAlarm", periods),
        missing=one.get("TreatMissingData", "missing"),
        actions=_actions(one, "AlarmActions"),
        ok_actions=_actions(one, "OKActions"),
        tags=tags,
        actions_enabled=one.get("ActionsEnabled", True),
        state=one.get("StateValue", ""),
        state_reason=one.get("StateReason", ""),
    )


def _queries(one: Answer) -> tuple[MetricQuery, ...]:
    """An alarm on one metric names it at the top; that is a query too."""
    if "MetricName" in one:
        top = {"Metric": one, "Period": one["Period"], "Stat": _statistic(one)}
        return (_query({"Id": "m1", "MetricStat": top}),)
    return tuple(_query(query) for query in one.get("Metrics", ()))


def _statistic(one: Answer) -> str:
    found: str = one.get("Statistic") or one.get("ExtendedStatistic") or ""
    return found


def _query(one: Answer) -> MetricQuery:
    stat = one.get("MetricStat", {})
    metric = stat.get("Metric", {})
    pairs = ((each["Name"], each["Value"]) for each in metric.get("Dimensions", ()))
    return MetricQuery(
        id=one["Id"],
        period_s=stat.get("Period") or one.get("Period") or 0,
        expression=one.get("Expression", ""),
        namespace=metric.get("Namespace", ""),
        metric=metric.get("MetricName", ""),
        dimensions=tuple(sorted(pairs)),
        statistic=stat.get("Stat", ""),
        label=one.get("Label", ""),
        returned=one.get("ReturnData", True),
    )


def _actions(one: Answer, key: str) -> tuple[str, ...]:
    """ARNs, but topics that bear a name of ours in the alarm's own account by that name."""
    region, account = one["AlarmArn"].split(":")[3:5]
    start = f":sns:{region}:{account}:{OURS}"
    return tuple(arn.rpartition(":")[2] if start in arn else arn for arn in one.get(key, ()))


def _composite(one: Answer, tags: Tags) -> CompositeAlarm:
    return CompositeAlarm(
        name=one["AlarmName"],
        description=one.get("AlarmDescription", ""),
        rule=one["AlarmRule"],
        actions=_actions(one, "AlarmActions"),
        ok_actions=_actions(one, "OKActions"),
        suppressor=one.get("ActionsSuppressor", ""),
        suppressor_wait_s=one.get("ActionsSuppressorWaitPeriod", 0),
        tags=tags,
        actions_enabled=one.get("ActionsEnabled", True),
        state=one.get("StateValue", ""),
    )


def find_dashboards(access: AwsAccess) -> tuple[Dashboard, ...]:
    """Dashboards whose name begins as ours do."""
    found = pages(
        access, "cloudwatch", "list_dashboards", "DashboardEntries", DashboardNamePrefix=OURS
    )
    boards: list[Dashboard] = []
    for one in found:
        name, arn = one["DashboardName"], one["DashboardArn"]
        answer = _if_there(access, "cloudwatch", "get_dashboard", on=arn, DashboardName=name)
        if answer:
            tags = _cloudwatch_tags(access, arn)
            boards.append(Dashboard(name, canonical(answer["DashboardBody"]), tags))
    return tuple(sorted(boards, key=_name))


def find_roles(access: AwsAccess) -> tuple[Role, ...]:
    """IAM roles whose name begins as ours do, each with the inline policy of its own name and with
    what other policies it has.
    """
    found = pages(access, "iam", "list_roles", "Roles", PaginationConfig=PAGE)
    kept = [one for one in found if one["RoleName"].startswith(OURS)]
    return tuple(sorted((_role(access, one) for one in kept), key=_name))


def _role(access: AwsAccess, one: Answer) -> Role:
    name, arn = one["RoleName"], one["Arn"]
    policy = _if_there(access, "iam", "get_role_policy", on=arn, RoleName=name, PolicyName=name)
    tags = _if_there(access, "iam", "list_role_tags", on=arn, RoleName=name)
    return Role(
        name=name,
        trust=canonical(one.get("AssumeRolePolicyDocument", "")),
        policy=canonical(policy.get("PolicyDocument", "")),
        tags=tags_of(tags.get("Tags", ())),
        other_policies=_other_policies(access, one),
    )


def _other_policies(access: AwsAccess, one: Answer) -> tuple[str, ...]:
    name, arn = one["RoleName"], one["Arn"]
    try:
        inline = list(
            pages(access, "iam", "list_role_policies", "PolicyNames", on=arn, RoleName=name)
        )
        attached = pages(
            access, "iam", "list_attached_role_policies", "AttachedPolicies", on=arn, RoleName=name
        )
        return tuple(sorted({*inline, *(each["PolicyArn"] for each in attached)} - {name}))
    except FerryError as error:
        if error.code == "LF-1206" and "NoSuchEntity" in error.what:
            return ()
        raise


def find_topics(access: AwsAccess) -> tuple[Topic, ...]:
    """SNS topics whose name begins as ours do, with who is subscribed."""
    found = pages(access, "sns", "list_topics", "Topics")
    arns = (one["TopicArn"] for one in found)
    kept = [arn for arn in arns if arn.rpartition(":")[2].startswith(OURS)]
    return tuple(sorted((_topic(access, arn) for arn in kept), key=_name))


def _topic(access: AwsAccess, arn: str) -> Topic:
    answer = _if_there(access, "sns", "get_topic_attributes", on=arn, TopicArn=arn)
    tags = _if_there(access, "sns", "list_tags_for_resource", on=arn, ResourceArn=arn)
    told = pages(
        access, "sns", "list_subscriptions_by_topic", "Subscriptions", on=arn, TopicArn=arn
    )
    subscribed = sorted((one["Protocol"], one["Endpoint"], one["SubscriptionArn"]) for one in told)
    return Topic(
        name=arn.rpartition(":")[2],
        policy=canonical(answer.get("Attributes", {}).get("Policy", "")),
        subscriptions=tuple((how, who) for how, who, _ in subscribed),
        tags=tags_of(tags.get("Tags", ())),
        unconfirmed=tuple((how, who) for how, who, id in subscribed if id == UNCONFIRMED),
    )


def _cloudwatch_tags(access: AwsAccess, arn: str) -> Tags:
    name = re.split("[:/]", arn)[-1]
    if not name.startswith(OURS):
        return NO_TAGS
    answer = _if_there(access, "cloudwatch", "list_tags_for_resource", on=arn, ResourceARN=arn)
    return tags_of(answer.get("Tags", ()))


def _if_there(
    access: AwsAccess, service: str, operation: str, *, on: str, **parameters: Any
) -> Mapping[str, Any]:
    """The answer; empty where the resource has gone meanwhile."""
    from botocore.exceptions import ClientError

    try:
        return call(access, service, operation, on=on, expected=GONE, **parameters)
    except ClientError:
        return {}


def _name(one: Any) -> str:
    found: str = one.name
    return found
