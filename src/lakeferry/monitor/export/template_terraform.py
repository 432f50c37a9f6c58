"""Wanted resources as one Terraform configuration in JSON syntax that stands by itself. Pure.

Source: Terraform Language, "JSON Configuration Syntax", "Provider Requirements", "Input Variables";
Terraform Registry, hashicorp/aws ("default_tags", "allowed_account_ids") and hashicorp/archive.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from lakeferry.monitor.export import route_commands, terraform_nat
from lakeferry.monitor.export.lambda_function import RUNTIME, LambdaFunction, Trigger
from lakeferry.monitor.export.template_names import Names, dashboard_link
from lakeferry.monitor.export.terraform_resources import entries
from lakeferry.monitor.export.terraform_values import (
    Block,
    Entry,
    address,
    group_ids,
    literal,
    of,
    script,
    tags_of,
)
from lakeferry.monitor.wanted.flow_logs import RETENTIONS
from lakeferry.network.nat_resources import RECORD, DefaultRoute, NetworkInterface
from lakeferry.network.resources import Alarm, CompositeAlarm, Dashboard, InsightRule, Topic

# The arguments are those of 6.25, the first looked at in which a flow log can be of a regional NAT
# gateway; 7 may rename arguments.
AWS_PROVIDER = ">= 6.25, < 7.0"
ARCHIVE_PROVIDER = ">= 2.7, < 3.0"


def terraform(
    names: Names,
    functions: Sequence[LambdaFunction] = (),
    routes: Sequence[DefaultRoute] = (),
) -> Block:
    """The configuration of all resources that `names` holds, and of functions.

    `routes` are those that a person moves once it is applied: their commands are an output.
    """
    made = [entry for one in names.resources for entry in entries(names, one)]
    for function in functions:
        made += _functions(names, function)
    resources: dict[str, dict[str, Block]] = {}
    for type_, label, arguments in made:
        resources.setdefault(type_, {})[label] = arguments
    providers = {"aws": {"source": "hashicorp/aws", "version": AWS_PROVIDER}}
    settings = names.settings
    configuration: Block = {
        "terraform": {"required_version": ">= 1.5", "required_providers": providers},
        "provider": {
            "aws": {
                "region": "${var.region}",
                "allowed_account_ids": [settings.account],
                "default_tags": {"tags": _default_tags(names)},
            }
        },
        "variable": dict(_variables(names)),
        "resource": resources,
        "output": {**dict(_outputs(names)), **_moves(names, routes)},
    }
    data: dict[str, Block] = {}
    if images := terraform_nat.images(names):
        data["aws_ssm_parameter"] = images
    if functions:
        providers["archive"] = {"source": "hashicorp/archive", "version": ARCHIVE_PROVIDER}
        data["archive_file"] = {_label(one): _archive(one) for one in functions}
    if data:
        configuration["data"] = data
    if names.of(NetworkInterface):
        # Where a route led before it led to our interface is kept there, by whoever moved it.
        configuration["provider"]["aws"]["ignore_tags"] = {"key_prefixes": [RECORD]}
    return configuration


def _default_tags(names: Names) -> Block:
    return {literal(key): literal(value) for key, value in names.settings.all_tags.items()}


def _variables(names: Names) -> Iterator[tuple[str, Block]]:
    """What a person may choose anew at each apply; the defaults are what was planned."""
    said = "Region of the VPC; the ids in this file are of no other"
    yield "region", _variable("string", names.settings.region, said)
    if names.of(InsightRule):
        said = "Whether the Contributor Insights rules count, and cost"
        state = _variable("string", "ENABLED", said)
        yield "rule_state", _one_of(state, "rule_state", '"ENABLED", "DISABLED"')
    if any(isinstance(one, Alarm | CompositeAlarm) for one in names.resources):
        said = "Whether alarms notify, and repair NAT instances"
        yield "alarm_actions", _variable("bool", True, said)
    group = names.flow_group
    if group and group.retention_days:
        days = _variable("number", group.retention_days, "Days for which flow logs are kept")
        allowed = ", ".join(map(str, RETENTIONS))
        yield "log_retention_days", _one_of(days, "log_retention_days", allowed)
    for topic in names.of(Topic):
        for number, (protocol, who) in enumerate(topic.subscriptions, start=1):
            said = f"Who is told by {protocol}; empty for nobody"
            yield f"subscriber_{number}", _variable("string", who, said)


def _variable(type_: str, default: object, said: str) -> Block:
    """The default is no template: it is taken as it is."""
    return {"type": type_, "default": default, "description": said}


def _one_of(variable: Block, name: str, allowed: str) -> Block:
    validation = {
        "condition": f"${{contains([{allowed}], var.{name})}}",
        "error_message": f"{name} is one of {allowed.replace(chr(34), '')}.",
    }
    return {**variable, "validation": validation}


def _outputs(names: Names) -> Iterator[tuple[str, Block]]:
    for board in names.of(Dashboard):
        start, _, _ = dashboard_link(names.settings).rpartition(board.name)
        value = literal(start) + of(names, board, "dashboard_name")
        yield "dashboard_link", {"description": "The dashboard in the console", "value": value}
    for topic in names.of(Topic):
        arn = of(names, topic, "arn")
        yield "topic_arn", {"description": "Where alarms are told", "value": arn}
    if group := names.flow_group:
        name = of(names, group, "name")
        yield "log_group_name", {"description": "Where flow logs go", "value": name}


def _moves(names: Names, routes: Sequence[DefaultRoute]) -> Block:
    commands = {}
    for one in routes:
        to = names.made(NetworkInterface, one.interface)
        assert to is not None, "routes lead to interfaces that are made with them"
        start = literal(route_commands.before_id(one, names.settings))
        commands[one.route_table_id] = start + of(names, to, "id")
    said = "Lead each route table to its NAT instance"
    return {"move_routes": {"description": said, "value": commands}} if commands else {}


# ---- functions


def _label(one: LambdaFunction) -> str:
    return re.sub("[^a-z0-9]+", "_", "_".join(one.words).lower())


def _archive(one: LambdaFunction) -> Block:
    return {
        "type": "zip",
        "source_content": literal(one.source),
        "source_content_filename": "index.py",
        "output_path": f"${{path.module}}/{one.name}.zip",
    }


def _functions(names: Names, one: LambdaFunction) -> Iterator[Entry]:
    label = _label(one)
    tags: dict[str, Any] = {"tags": own} if (own := tags_of(names, one.tags)) else {}
    yield "aws_lambda_function", label, {**_function(names, one), **tags}
    for trigger in one.triggers:
        of_trigger = f"{label}_{trigger.word.lower()}"
        yield "aws_cloudwatch_event_rule", of_trigger, {**_trigger(trigger), **tags}
        target = {
            "rule": f"${{aws_cloudwatch_event_rule.{of_trigger}.name}}",
            "target_id": "-".join(one.words),
            "arn": f"${{aws_lambda_function.{label}.arn}}",
        }
        yield "aws_cloudwatch_event_target", of_trigger, target
        permission = {
            "action": "lambda:InvokeFunction",
            "function_name": f"${{aws_lambda_function.{label}.function_name}}",
            "principal": "events.amazonaws.com",
            "source_arn": f"${{aws_cloudwatch_event_rule.{of_trigger}.arn}}",
        }
        yield "aws_lambda_permission", of_trigger, permission


def _function(names: Names, one: LambdaFunction) -> Block:
    archive = f"${{data.archive_file.{_label(one)}."
    variables = {name: script(names, value) for name, value in one.environment.items()}
    made: Block = {
        "function_name": one.name,
        "description": one.description,
        "runtime": RUNTIME,
        "handler": "index.handler",
        "filename": archive + "output_path}",
        "source_code_hash": archive + "output_base64sha256}",
        "role": of(names, one.role, "arn"),
        "timeout": one.timeout_s,
        "memory_size": one.memory_mib,
        "logging_config": {"log_format": "Text", "log_group": of(names, one.group, "name")},
    }
    if variables:
        made["environment"] = {"variables": variables}
    if one.subnet_ids:
        made["vpc_config"] = {
            "subnet_ids": list(one.subnet_ids),
            "security_group_ids": group_ids(names, one.security_groups),
        }
        # Lambda tries the role when the function is made: it must make an interface.
        needed = address(names, one.role).replace("aws_iam_role.", "aws_iam_role_policy.")
        made["depends_on"] = [needed]
    return made


def _trigger(trigger: Trigger) -> Block:
    when: dict[str, Any] = {"schedule_expression": trigger.schedule}
    if trigger.pattern:
        when = {"event_pattern": literal(trigger.pattern_text)}
    return {
        "name": trigger.name,
        "description": trigger.description,
        "state": "ENABLED",
        **when,
    }
