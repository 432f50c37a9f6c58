"""Wanted resources as one CloudFormation template that stands by itself. Pure.

Source: CloudFormation User Guide, "Template anatomy", "CloudFormation quotas"; Template Reference,
AWS::Lambda::Function Code (inline code of Python is zipped as `index`; the zip has at most 4 MB).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from lakeferry.monitor import route_commands
from lakeferry.monitor.cloudformation_resources import entries
from lakeferry.monitor.cloudformation_values import Entry, Template, arn, ref, tag_list
from lakeferry.monitor.flow_logs import RETENTIONS
from lakeferry.monitor.keep_rules import Keeper, Trigger
from lakeferry.monitor.template_names import Names, dashboard_link
from lakeferry.network.nat_resources import DefaultRoute, NetworkInterface
from lakeferry.network.resources import Alarm, CompositeAlarm, Dashboard, InsightRule, Topic


def cloudformation(
    names: Names, keeper: Keeper | None = None, routes: Sequence[DefaultRoute] = ()
) -> Template:
    """The template of all resources that `names` holds, and of the keeper of rules if wanted.

    `routes` are those that a person moves once it is deployed: their commands are outputs.
    """
    made = [entry for one in names.resources for entry in entries(names, one)]
    if keeper:
        made += _keeper(names, keeper)
    parameters = dict(_parameters(names))
    template: Template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"lakeferry watches the network of {names.settings.deployment}: flow logs, "
        "Contributor Insights rules, alarms, a dashboard",
        "Parameters": parameters,
        "Resources": dict(made),
        "Outputs": {**dict(_outputs(names)), **dict(_moves(names, routes))},
    }
    subscribers = [name for name in parameters if name.startswith("Subscriber")]
    if subscribers:
        template["Conditions"] = {
            f"Has{name}": {"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]} for name in subscribers
        }
    return template


def _parameters(names: Names) -> Iterator[Entry]:
    """What a person may choose anew at each deployment; the defaults are what was planned."""
    if names.of(InsightRule):
        said = "Whether the Contributor Insights rules count, and cost"
        yield "RuleState", _choice("ENABLED", ["ENABLED", "DISABLED"], said)
    if any(isinstance(one, Alarm | CompositeAlarm) for one in names.resources):
        said = "Whether alarms notify, and repair NAT instances"
        yield "AlarmActions", _choice("true", ["true", "false"], said)
    group = names.flow_group
    if group and group.retention_days:
        said = "Days for which flow logs are kept"
        chosen = _choice(group.retention_days, list(RETENTIONS), said)
        yield "LogRetentionDays", {**chosen, "Type": "Number"}
    for topic in names.of(Topic):
        for number, (protocol, address) in enumerate(topic.subscriptions, start=1):
            yield (
                f"Subscriber{number}",
                {
                    "Type": "String",
                    "Default": address,
                    "Description": f"Who is told by {protocol}; empty for nobody",
                },
            )


def _choice(default: object, of: list[Any], said: str) -> Template:
    return {"Type": "String", "Default": default, "AllowedValues": of, "Description": said}


def _outputs(names: Names) -> Iterator[Entry]:
    for board in names.of(Dashboard):
        start, _, _ = dashboard_link(names.settings).rpartition(board.name)
        yield (
            "DashboardLink",
            {
                "Description": "The dashboard in the console",
                "Value": {"Fn::Join": ["", [start, ref(names, board)]]},
            },
        )
    for topic in names.of(Topic):
        yield "TopicArn", {"Description": "Where alarms are told", "Value": ref(names, topic)}
    if group := names.flow_group:
        yield "LogGroupName", {"Description": "Where flow logs go", "Value": ref(names, group)}


def _moves(names: Names, routes: Sequence[DefaultRoute]) -> Iterator[Entry]:
    for one in routes:
        to = names.made(NetworkInterface, one.interface)
        assert to is not None, "routes lead to interfaces that are made with them"
        command = {
            "Fn::Join": ["", [route_commands.before_id(one, names.settings), ref(names, to)]]
        }
        yield (
            f"Move{route_commands.word(one)}",
            {"Description": "Leads a route table to its NAT instance", "Value": command},
        )


# ---- the keeper of rules


def _keeper(names: Names, keeper: Keeper) -> Iterator[Entry]:
    yield "KeepRules", {"Type": "AWS::Lambda::Function", "Properties": _function(names, keeper)}
    for trigger in keeper.triggers:
        id = f"KeepRules{trigger.word}"
        rule = {**_trigger(trigger), "Tags": tag_list(keeper.tags)}
        yield id, {"Type": "AWS::Events::Rule", "Properties": rule}
        permission = {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": "KeepRules"},
            "Principal": "events.amazonaws.com",
            "SourceArn": {"Fn::GetAtt": [id, "Arn"]},
        }
        yield f"{id}Permission", {"Type": "AWS::Lambda::Permission", "Properties": permission}


def _function(names: Names, keeper: Keeper) -> Template:
    return {
        "FunctionName": keeper.function,
        "Description": keeper.description,
        "Runtime": keeper.runtime,
        "Handler": "index.handler",
        "Code": {"ZipFile": keeper.source},
        "Role": arn(names, keeper.role),
        "Timeout": keeper.timeout_s,
        "MemorySize": keeper.memory_mib,
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": ref(names, keeper.group)},
        "Tags": tag_list(keeper.tags),
    }


def _trigger(trigger: Trigger) -> Template:
    when: dict[str, Any] = {"ScheduleExpression": trigger.schedule}
    if trigger.pattern:
        when = {"EventPattern": trigger.pattern}
    return {
        "Name": trigger.name,
        "Description": trigger.description,
        "State": "ENABLED",
        "Targets": [{"Id": "keep-rules", "Arn": {"Fn::GetAtt": ["KeepRules", "Arn"]}}],
        **when,
    }
