"""Wanted resources as one Terraform configuration in JSON syntax that stands by itself. Pure.

Source: Terraform Language, "JSON Configuration Syntax", "Provider Requirements", "Input Variables";
Terraform Registry, hashicorp/aws ("default_tags", "allowed_account_ids") and hashicorp/archive.
"""

from collections.abc import Iterator
from typing import Any

from lakeferry.monitor.flow_logs import RETENTIONS
from lakeferry.monitor.keep_rules import Keeper
from lakeferry.monitor.template_names import Names, dashboard_link
from lakeferry.monitor.terraform_resources import Block, Entry, entries, literal, of, tags_of
from lakeferry.network.resources import Alarm, CompositeAlarm, Dashboard, InsightRule, Topic

# The arguments are those of 6.25, the first looked at in which a flow log can be of a regional NAT
# gateway; 7 may rename arguments.
AWS_PROVIDER = ">= 6.25, < 7.0"
ARCHIVE_PROVIDER = ">= 2.7, < 3.0"
RULE = "aws_cloudwatch_contributor_insight_rule"


def terraform(names: Names, keeper: Keeper | None = None) -> Block:
    """The configuration of all resources that `names` holds, and of the keeper if wanted."""
    made = [entry for one in names.resources for entry in entries(names, one)]
    if keeper:
        made += _keeper(names, keeper)
        made = [_left_to_the_keeper(*entry) for entry in made]
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
        "output": dict(_outputs(names)),
    }
    if keeper:
        providers["archive"] = {"source": "hashicorp/archive", "version": ARCHIVE_PROVIDER}
        configuration["data"] = {"archive_file": {"keep_rules": _archive(keeper)}}
    return configuration


def _default_tags(names: Names) -> Block:
    return {literal(key): literal(value) for key, value in names.settings.all_tags.items()}


def _variables(names: Names) -> Iterator[tuple[str, Block]]:
    """What a person may choose anew at each apply; the defaults are what was planned."""
    yield (
        "region",
        {
            "type": "string",
            "default": names.settings.region,
            "description": "Region of the VPC; the ids in this file are of no other",
        },
    )
    if names.of(InsightRule):
        yield (
            "rule_state",
            {
                "type": "string",
                "default": "ENABLED",
                "description": "Whether the Contributor Insights rules count, and cost",
                "validation": {
                    "condition": '${contains(["ENABLED", "DISABLED"], var.rule_state)}',
                    "error_message": "rule_state is ENABLED or DISABLED.",
                },
            },
        )
    if any(isinstance(one, Alarm | CompositeAlarm) for one in names.resources):
        yield (
            "alarm_actions",
            {
                "type": "bool",
                "default": True,
                "description": "Whether alarms notify, and repair NAT instances",
            },
        )
    group = names.flow_group
    if group and group.retention_days:
        allowed = ", ".join(map(str, RETENTIONS))
        yield (
            "log_retention_days",
            {
                "type": "number",
                "default": group.retention_days,
                "description": "Days for which flow logs are kept",
                "validation": {
                    "condition": f"${{contains([{allowed}], var.log_retention_days)}}",
                    "error_message": f"CloudWatch Logs keeps logs for {allowed} days.",
                },
            },
        )
    for topic in names.of(Topic):
        for number, (protocol, who) in enumerate(topic.subscriptions, start=1):
            yield (
                f"subscriber_{number}",
                {
                    "type": "string",
                    "default": who,  # no template: a default is taken as it is
                    "description": f"Who is told by {protocol}; empty for nobody",
                },
            )


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


# ---- the keeper of rules


def _archive(keeper: Keeper) -> Block:
    return {
        "type": "zip",
        "source_content": literal(keeper.source),
        "source_content_filename": "index.py",
        "output_path": f"${{path.module}}/{keeper.function}.zip",
    }


def _left_to_the_keeper(type_: str, label: str, arguments: Block) -> Entry:
    """What the keeper writes into rules is no drift that the next apply takes back."""
    if type_ == RULE:
        arguments = {**arguments, "lifecycle": {"ignore_changes": ["rule_definition"]}}
    return type_, label, arguments


def _keeper(names: Names, keeper: Keeper) -> Iterator[Entry]:
    archive = "${data.archive_file.keep_rules."
    tags: dict[str, Any] = {"tags": own} if (own := tags_of(names, keeper.tags)) else {}
    yield (
        "aws_lambda_function",
        "keep_rules",
        {
            "function_name": keeper.function,
            "description": keeper.description,
            "runtime": keeper.runtime,
            "handler": "index.handler",
            "filename": archive + "output_path}",
            "source_code_hash": archive + "output_base64sha256}",
            "role": of(names, keeper.role, "arn"),
            "timeout": keeper.timeout_s,
            "memory_size": keeper.memory_mib,
            "logging_config": {"log_format": "Text", "log_group": of(names, keeper.group, "name")},
            **tags,
        },
    )
    for trigger in keeper.triggers:
        label = f"keep_rules_{trigger.word.lower()}"
        when: dict[str, Any] = {"schedule_expression": trigger.schedule}
        if trigger.pattern:
            when = {"event_pattern": literal(trigger.pattern_text)}
        yield (
            "aws_cloudwatch_event_rule",
            label,
            {
                "name": trigger.name,
                "description": trigger.description,
                "state": "ENABLED",
                **when,
                **tags,
            },
        )
        yield (
            "aws_cloudwatch_event_target",
            label,
            {
                "rule": f"${{aws_cloudwatch_event_rule.{label}.name}}",
                "target_id": "keep-rules",
                "arn": "${aws_lambda_function.keep_rules.arn}",
            },
        )
        yield (
            "aws_lambda_permission",
            label,
            {
                "action": "lambda:InvokeFunction",
                "function_name": "${aws_lambda_function.keep_rules.function_name}",
                "principal": "events.amazonaws.com",
                "source_arn": f"${{aws_cloudwatch_event_rule.{label}.arn}}",
            },
        )
