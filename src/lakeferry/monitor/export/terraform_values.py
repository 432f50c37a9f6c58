"""How a Terraform configuration says references, texts, ARNs inside texts and tags. Pure.

A text is a template to Terraform, so `${` of a flow log field is written `$${`.

Source: Terraform Language, "JSON Configuration Syntax", "Strings and Templates".
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lakeferry.monitor.export.foreseen import New, NewEndpoint, NewInterface, cut_at_marks
from lakeferry.monitor.export.template_names import OF_NAT, WORDS, Names
from lakeferry.network.nat_resources import (
    ElasticIp,
    InstanceProfile,
    NatInstance,
    NetworkInterface,
    StandbyGateway,
)
from lakeferry.network.resources import (
    Alarm,
    CompositeAlarm,
    Dashboard,
    FlowLog,
    InsightRule,
    LogGroup,
    Resource,
    Role,
    SecurityGroup,
    Tags,
    Topic,
    VpcEndpoint,
)  # fmt: skip

Block = dict[str, Any]
Entry = tuple[str, str, Block]  # type, label, arguments

TYPES: Mapping[type, str] = {
    SecurityGroup: "aws_security_group",
    VpcEndpoint: "aws_vpc_endpoint",
    LogGroup: "aws_cloudwatch_log_group",
    Role: "aws_iam_role",
    InstanceProfile: "aws_iam_instance_profile",
    NetworkInterface: "aws_network_interface",
    ElasticIp: "aws_eip",
    StandbyGateway: "aws_nat_gateway",
    NatInstance: "aws_instance",
    FlowLog: "aws_flow_log",
    InsightRule: "aws_cloudwatch_contributor_insight_rule",
    Topic: "aws_sns_topic",
    Alarm: "aws_cloudwatch_metric_alarm",
    CompositeAlarm: "aws_cloudwatch_composite_alarm",
    Dashboard: "aws_cloudwatch_dashboard",
}


def address(names: Names, resource: Resource) -> str:
    """`aws_sns_topic.alarms`: how expressions name a resource."""
    words = "_".join(names.words(resource)).lower() or "deployment"
    label = words if words[0].isalpha() else f"{WORDS[type(resource)].lower()}_{words}"
    return f"{TYPES[type(resource)]}.{label}"


def label_of(names: Names, resource: Resource) -> str:
    return address(names, resource).partition(".")[2]


def of(names: Names, resource: Resource, attribute: str) -> str:
    return f"${{{address(names, resource)}.{attribute}}}"


def literal(words: str) -> str:
    """A text that Terraform reads as it is."""
    return re.sub(r"([$%])\{", r"\1\1{", words)


def text(names: Names, words: str) -> str:
    """A text; an ARN of what the configuration makes is a reference."""
    return "".join(
        "".join(_coming(names, one) for one in cut_at_marks(part))
        if isinstance(part, str)
        else of(names, part, "arn")
        for part in names.text(words)
    )


def script(names: Names, words: str) -> str:
    """A text with marks of standby gateways and of new ids, each by reference."""
    return "".join(
        "".join(_coming(names, one) for one in cut_at_marks(part))
        if isinstance(part, str)
        else of(names, part, "id")
        for part in names.script(words)
    )


def _coming(names: Names, one: str | New) -> str:
    """A text as it is; an id that is not there yet by reference."""
    if isinstance(one, str):
        return literal(one)
    if isinstance(one, NewInterface):
        endpoint = names.made(VpcEndpoint, one.endpoint)
        assert endpoint is not None, "interfaces are foreseen of what the configuration makes"
        return f"${{tolist({address(names, endpoint)}.network_interface_ids)[{one.number}]}}"
    if isinstance(one, NewEndpoint):
        endpoint = names.made(VpcEndpoint, one.name)
        assert endpoint is not None, "endpoints are foreseen that the configuration makes"
        return of(names, endpoint, "id")
    made = names.made(OF_NAT[one.kind], one.name)
    assert made is not None, "NAT instances are foreseen of what the configuration makes"
    return of(names, made, "private_ip" if one.kind == "ip" else "id")


def group_ids(names: Names, groups: Iterable[str]) -> list[str]:
    """Of security groups: by reference those that are made here, the others as they are."""
    found = ((name, names.made(SecurityGroup, name)) for name in groups)
    return [of(names, made, "id") if made else name for name, made in found]


def tags_of(names: Names, tags: Tags, name: str = "") -> Block:
    """The tags that the provider does not give to all."""
    everywhere = names.settings.all_tags
    own = {key: value for key, value in tags.items() if everywhere.get(key) != value}
    named = {**own, "Name": name} if name else own
    return {literal(key): literal(value) for key, value in sorted(named.items())}


def present(arguments: Mapping[str, Any]) -> Block:
    """The arguments that say something: none that is empty or None; False and 0 stay."""
    return {key: value for key, value in arguments.items() if value not in ("", [], {}, None)}
