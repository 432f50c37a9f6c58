"""Wanted resources as one CloudFormation template that stands by itself. Pure.

Source: CloudFormation User Guide, "Template anatomy", "CloudFormation quotas"; Template Reference,
AWS::Lambda::Function Code (inline code of Python is zipped as `index`; the zip has at most 4 MB).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lakeferry.monitor.export import route_commands
from lakeferry.monitor.export.cloudformation_resources import entries
from lakeferry.monitor.export.cloudformation_values import (
    Entry,
    Template,
    arn,
    group_ids,
    present,
    ref,
    script,
    tag_list,
)
from lakeferry.monitor.export.lambda_function import RUNTIME, LambdaFunction, Trigger
from lakeferry.monitor.export.template_names import Names, dashboard_link
from lakeferry.monitor.wanted.flow_logs import RETENTIONS
from lakeferry.network.nat_resources import DefaultRoute, NetworkInterface
from lakeferry.network.resources import Alarm, CompositeAlarm, Dashboard, InsightRule, Topic


def cloudformation(
    names: Names,
    functions: Iterable[LambdaFunction] = (),
    routes: Sequence[DefaultRoute] = (),
) -> Template:
    """The template of all resources that `names` holds, and of functions.

    `routes` are those that a person moves once it is deployed: their commands are outputs.
    """
    made = [entry for one in names.resources for entry in entries(names, one)]
    for function in functions:
        made += _functions(names, function)
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


# ---- functions


def _functions(names: Names, one: LambdaFunction) -> Iterator[Entry]:
    id = "".join(word.capitalize() for word in one.words)
    yield id, {"Type": "AWS::Lambda::Function", "Properties": _function(names, one)}
    for trigger in one.triggers:
        of_trigger = f"{id}{trigger.word}"
        rule = {**_trigger(trigger, one, id), "Tags": tag_list(one.tags)}
        yield of_trigger, {"Type": "AWS::Events::Rule", "Properties": rule}
        permission = {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": id},
            "Principal": "events.amazonaws.com",
            "SourceArn": {"Fn::GetAtt": [of_trigger, "Arn"]},
        }
        yield (
            f"{of_trigger}Permission",
            {"Type": "AWS::Lambda::Permission", "Properties": permission},
        )


def _function(names: Names, one: LambdaFunction) -> Template:
    variables = {name: script(names, value) for name, value in one.environment.items()}
    inside = {
        "SubnetIds": list(one.subnet_ids),
        "SecurityGroupIds": group_ids(names, one.security_groups),
    }
    return present(
        {
            "FunctionName": one.name,
            "Description": one.description,
            "Runtime": RUNTIME,
            "Handler": "index.handler",
            "Code": {"ZipFile": one.source},
            "Environment": {"Variables": variables} if variables else None,
            "Role": arn(names, one.role),
            "Timeout": one.timeout_s,
            "MemorySize": one.memory_mib,
            "LoggingConfig": {"LogFormat": "Text", "LogGroup": ref(names, one.group)},
            "VpcConfig": inside if one.subnet_ids else None,
            "Tags": tag_list(one.tags),
        }
    )


def _trigger(trigger: Trigger, one: LambdaFunction, id: str) -> Template:
    when: dict[str, Any] = {"ScheduleExpression": trigger.schedule}
    if trigger.pattern:
        when = {"EventPattern": trigger.pattern}
    return {
        "Name": trigger.name,
        "Description": trigger.description,
        "State": "ENABLED",
        "Targets": [{"Id": "-".join(one.words), "Arn": {"Fn::GetAtt": [id, "Arn"]}}],
        **when,
    }
