"""How a CloudFormation template says ids, ARNs, texts with ARNs inside, policies and tags. Pure.

Source: CloudFormation Template Reference, "Intrinsic functions"; the return values of each type.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from lakeferry.monitor.export.foreseen import New, NewEndpoint, NewInterface, cut_at_marks
from lakeferry.monitor.export.template_names import OF_NAT, WORDS, Names
from lakeferry.network.resources import LogGroup, Resource, SecurityGroup, Tags, Topic, VpcEndpoint

Template = dict[str, Any]
Entry = tuple[str, Template]  # logical id, resource


def logical_id(names: Names, resource: Resource) -> str:
    words = names.words(resource)
    return WORDS[type(resource)] + "".join(word[:1].upper() + word[1:] for word in words)


def ref(names: Names, resource: Resource) -> Template:
    return {"Ref": logical_id(names, resource)}


def arn(names: Names, resource: Resource) -> Template:
    if isinstance(resource, Topic):
        return ref(names, resource)  # a topic's Ref is its ARN
    return {"Fn::GetAtt": [logical_id(names, resource), "Arn"]}


def text(names: Names, literal: str) -> Any:
    """A text; joined where it holds ARNs of what the template makes."""
    parts: list[Any] = []
    for part in names.text(literal):
        if isinstance(part, str):
            parts += [_coming(names, one) for one in cut_at_marks(part) if one]
        elif isinstance(part, LogGroup):
            # The attribute Arn of a log group ends in `:*`, so its ARN is built around the name.
            start = f"arn:{names.settings.partition}:logs:{names.settings.region}"
            parts += [f"{start}:{names.settings.account}:log-group:", ref(names, part)]
        else:
            parts.append(arn(names, part))
    return _joined(parts)


def _joined(parts: list[Any]) -> Any:
    if all(isinstance(part, str) for part in parts):
        return "".join(parts)
    return parts[0] if len(parts) == 1 else {"Fn::Join": ["", parts]}


def _coming(names: Names, one: str | New) -> Any:
    """A text as it is; an id that is not there yet by reference."""
    if isinstance(one, str):
        return one
    if isinstance(one, NewInterface):
        endpoint = names.made(VpcEndpoint, one.endpoint)
        assert endpoint is not None, "interfaces are foreseen of what the template makes"
        ids = {"Fn::GetAtt": [logical_id(names, endpoint), "NetworkInterfaceIds"]}
        return {"Fn::Select": [one.number, ids]}
    if isinstance(one, NewEndpoint):
        endpoint = names.made(VpcEndpoint, one.name)
        assert endpoint is not None, "endpoints are foreseen that the template makes"
        return ref(names, endpoint)
    made = names.made(OF_NAT[one.kind], one.name)
    assert made is not None, "NAT instances are foreseen of what the template makes"
    if one.kind == "ip":
        return {"Fn::GetAtt": [logical_id(names, made), "PrimaryPrivateIpAddress"]}
    return ref(names, made)


def script(names: Names, words: str) -> Any:
    """A text with marks of standby gateways and of new ids, each by reference."""
    parts: list[Any] = []
    for part in names.script(words):
        if isinstance(part, str):
            parts += [_coming(names, one) for one in cut_at_marks(part) if one]
        else:
            parts.append(ref(names, part))
    return _joined(parts)


def document(names: Names, policy: str) -> Any:
    """A policy as an object, its ARNs by reference."""

    def walked(value: Any) -> Any:
        if isinstance(value, str):
            return text(names, value)
        if isinstance(value, list):
            return [walked(one) for one in value]
        if isinstance(value, dict):
            return {key: walked(one) for key, one in value.items()}
        return value

    return walked(json.loads(policy))


def group_ids(names: Names, groups: Iterable[str]) -> list[Any]:
    """Of security groups: by reference those that the template makes, the others as they are."""
    found = ((name, names.made(SecurityGroup, name)) for name in groups)
    return [
        {"Fn::GetAtt": [logical_id(names, made), "GroupId"]} if made else name
        for name, made in found
    ]


def tag_list(tags: Tags, name: str = "") -> list[Template]:
    named = {**tags, "Name": name} if name else tags
    return [{"Key": key, "Value": value} for key, value in sorted(named.items())]


def present(properties: Mapping[str, Any]) -> Template:
    """The properties that say something: none that is empty or None; False, 0 and {} stay."""
    return {key: value for key, value in properties.items() if value not in ("", [], None)}
