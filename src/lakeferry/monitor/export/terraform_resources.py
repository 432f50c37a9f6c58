"""Each wanted resource as a resource of Terraform's AWS provider, in JSON syntax. Pure.

A text is a template to Terraform, so `${` of a flow log field is written `$${`. The tags that all
bear come from the provider's `default_tags`; a resource names the others.

Source: Terraform Registry, hashicorp/aws, the page of each resource; Terraform Language, "JSON
Configuration Syntax", "Strings and Templates".
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lakeferry.monitor.export import terraform_nat
from lakeferry.monitor.export.template_names import Names
from lakeferry.monitor.export.terraform_values import (
    Block,
    Entry,
    address,
    group_ids,
    literal,
    of,
    present,
    tags_of,
    text,
)
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

# What a flow log is of, by the argument that names it.
FLOW_LOG_TARGETS = {
    "VPC": "vpc_id",
    "Subnet": "subnet_id",
    "NetworkInterface": "eni_id",
    "TransitGateway": "transit_gateway_id",
    "TransitGatewayAttachment": "transit_gateway_attachment_id",
    "RegionalNatGateway": "regional_nat_gateway_id",
}


def entries(names: Names, resource: Resource) -> Iterator[Entry]:
    """A resource, and what the provider has apart from it: policies and subscriptions."""
    arguments = present(_MAKERS[type(resource)](names, resource))
    if isinstance(resource, SecurityGroup):
        arguments.setdefault("ingress", [])  # not said, the provider would leave what is there
    needed = [address(names, one) for one in names.needed(resource)]
    if isinstance(resource, FlowLog) and (role := names.made(Role, resource.role)):
        # EC2 tries the role when the flow log is made, and its policy is a resource of its own.
        needed.append(address(names, role).replace("aws_iam_role.", "aws_iam_role_policy."))
    if isinstance(resource, NatInstance):  # its first boot needs the way out
        bound = (terraform_nat.association(names, one) for one in names.taken(resource))
        needed += [f"{type_}.{label}" for entry in bound for type_, label, _ in entry]
    if needed:
        arguments["depends_on"] = needed
    type_, _, label = address(names, resource).partition(".")
    if isinstance(resource, InsightRule):
        # The provider has no update of a rule: it would say that it did it, and do nothing. So a
        # rule with another body or state is made anew.
        arguments["lifecycle"] = {"replace_triggered_by": [f"terraform_data.rule_{label}"]}
        said = f"{_state(resource)} {text(names, resource.body)}"
        yield "terraform_data", f"rule_{label}", {"input": said}
    yield type_, label, arguments
    if isinstance(resource, Role):
        policy = {
            "name": resource.name,
            "role": of(names, resource, "id"),
            "policy": text(names, resource.policy),
        }
        yield "aws_iam_role_policy", label, policy
    if isinstance(resource, Topic):
        yield from _topic_parts(names, resource, label)
    if isinstance(resource, ElasticIp):
        yield from terraform_nat.association(names, resource)


# ---- endpoints


def _security_group(names: Names, one: SecurityGroup) -> Block:
    return {
        "name": one.name,
        "description": one.description,
        "vpc_id": one.vpc_id,
        "ingress": [
            _ports(some.protocol, some.first, some.last, some.cidrs) for some in one.ingress
        ],
        # The provider takes away what EC2 gives to every group.
        "egress": [_ports("-1", 0, 0, ("0.0.0.0/0",))],
        "tags": tags_of(names, one.tags, one.name),
    }


def _ports(protocol: str, first: int, last: int, cidrs: tuple[str, ...]) -> Block:
    """In JSON all arguments of such a block must be there. The provider calls all ports 0."""
    first, last = (0, 0) if protocol == "-1" else (first, last)
    return {
        "protocol": protocol,
        "from_port": first,
        "to_port": last,
        "cidr_blocks": [cidr for cidr in cidrs if ":" not in cidr],
        "ipv6_cidr_blocks": [cidr for cidr in cidrs if ":" in cidr],
        "prefix_list_ids": [],
        "security_groups": [],
        "self": False,
        "description": "",
    }


def _endpoint(names: Names, one: VpcEndpoint) -> Block:
    return {
        "vpc_id": one.vpc_id,
        "service_name": one.service,
        "vpc_endpoint_type": one.type,
        "route_table_ids": list(one.route_table_ids),
        "subnet_ids": list(one.subnet_ids),
        "security_group_ids": group_ids(names, one.security_groups),
        "private_dns_enabled": one.private_dns if one.type == "Interface" else None,
        "policy": text(names, one.policy),
        "tags": tags_of(names, one.tags, one.name),
    }


# ---- logs


def _log_group(names: Names, one: LogGroup) -> Block:
    chosen = one == names.flow_group and one.retention_days is not None
    return {
        "name": one.name,
        "retention_in_days": "${var.log_retention_days}" if chosen else one.retention_days,
        "kms_key_id": one.kms_key,
        "tags": tags_of(names, one.tags),
    }


def _role(names: Names, one: Role) -> Block:
    return {
        "name": one.name,
        "assume_role_policy": text(names, one.trust),
        "tags": tags_of(names, one.tags),
    }


def _flow_log(names: Names, one: FlowLog) -> Block:
    to_s3 = one.destination_type == "s3"
    group, role = names.made(LogGroup, one.destination), names.made(Role, one.role)
    options = {
        "file_format": one.file_format,
        "hive_compatible_partitions": one.hive,
        "per_hour_partition": one.per_hour,
    }
    return {
        FLOW_LOG_TARGETS[one.resource_type]: one.resource_id,
        "traffic_type": one.traffic,
        "log_destination_type": one.destination_type,
        "log_destination": of(names, group, "arn") if group else one.destination,
        "iam_role_arn": of(names, role, "arn") if role else "",
        "log_format": literal(format_text(one.fields)),
        "max_aggregation_interval": one.interval_s,
        "destination_options": options if to_s3 else None,
        "tags": tags_of(names, one.tags, one.name),
    }


# ---- rules, alarms, dashboard


def _rule(names: Names, one: InsightRule) -> Block:
    return {
        "rule_name": one.name,
        "rule_definition": text(names, one.body),
        "rule_state": _state(one),
        "tags": tags_of(names, one.tags),
    }


def _state(one: InsightRule) -> str:
    return "${var.rule_state}" if one.enabled else "DISABLED"


def _topic(names: Names, one: Topic) -> Block:
    return {"name": one.name, "tags": tags_of(names, one.tags)}


def _topic_parts(names: Names, one: Topic, label: str) -> Iterator[Entry]:
    """The policy names the topic, so it cannot be an argument of it."""
    arn = of(names, one, "arn")
    yield "aws_sns_topic_policy", label, {"arn": arn, "policy": text(names, one.policy)}
    for number, (protocol, _) in enumerate(one.subscriptions, start=1):
        variable = f"var.subscriber_{number}"
        yield (
            "aws_sns_topic_subscription",
            f"subscriber_{number}",
            {
                "count": f'${{{variable} == "" ? 0 : 1}}',
                "topic_arn": arn,
                "protocol": protocol,
                "endpoint": f"${{{variable}}}",
            },
        )


def _alarm(names: Names, one: Alarm) -> Block:
    arguments = {
        "alarm_name": one.name,
        "alarm_description": text(names, one.description),
        "comparison_operator": one.comparison,
        "threshold": one.threshold,
        "evaluation_periods": one.periods,
        "datapoints_to_alarm": one.datapoints,
        "treat_missing_data": one.missing,
        **_actions(names, one),
        "tags": tags_of(names, one.tags),
    }
    only = plain_metric(one)
    if only:
        return {**arguments, **_metric(names, only), "statistic": only.statistic}
    return {**arguments, "metric_query": [_query(names, query) for query in one.metrics]}


def _metric(names: Names, one: MetricQuery) -> Block:
    return {
        "namespace": one.namespace,
        "metric_name": one.metric,
        "dimensions": {name: text(names, value) for name, value in one.dimensions},
        "period": one.period_s,
    }


def _query(names: Names, one: MetricQuery) -> Block:
    found = {"id": one.id, "label": literal(one.label), "return_data": one.returned}
    if one.expression:
        return present({**found, "expression": literal(one.expression), "period": one.period_s})
    return present({**found, "metric": present({**_metric(names, one), "stat": one.statistic})})


def _composite(names: Names, one: CompositeAlarm) -> Block:
    ours = names.made(Alarm, one.suppressor)
    suppressor = {
        "alarm": of(names, ours, "alarm_name") if ours else one.suppressor,
        "wait_period": one.suppressor_wait_s,
        "extension_period": one.suppressor_wait_s,
    }
    return {
        "alarm_name": one.name,
        "alarm_description": literal(one.description),
        "alarm_rule": literal(one.rule),
        **_actions(names, one),
        "actions_suppressor": suppressor if one.suppressor else None,
        "tags": tags_of(names, one.tags),
    }


def _actions(names: Names, one: Alarm | CompositeAlarm) -> Block:
    def called(action: str) -> str:
        topic = names.made(Topic, action)
        return of(names, topic, "arn") if topic else literal(action)

    return {
        "actions_enabled": "${var.alarm_actions}",
        "alarm_actions": [called(action) for action in one.actions],
        "ok_actions": [called(action) for action in one.ok_actions],
    }


def _dashboard(names: Names, one: Dashboard) -> Block:
    """The provider has no tags of a dashboard."""
    return {"dashboard_name": one.name, "dashboard_body": text(names, one.body)}


_MAKERS: Mapping[type, Callable[[Names, Any], Block]] = {
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
    **terraform_nat.MAKERS,
}
