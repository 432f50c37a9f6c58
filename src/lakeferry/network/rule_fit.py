"""What the service accepts and a flow log in a given format never matches, or not as meant.

A rule knows positions alone. One written for another format is accepted, is paid for, and shows
nothing or nonsense; nobody else says so.

Source: VPC User Guide, "Flow log records"; CloudWatch User Guide, "Contributor Insights rule
syntax".
"""

import re
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote, unquote

from lakeferry.network.fields import TAG_FIELDS
from lakeferry.network.rule_grammar import Problem
from lakeferry.network.rule_value import NUMBER_OPERATORS, Filter, Rule

NUMBER_FIELDS = frozenset({
    "version", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "tcp-flags",
    "traffic-path", "encryption-status",
})  # fmt: skip

_TAGS = frozenset(name for names in TAG_FIELDS.values() for name in names)

# All that a flow log writes in a NODATA or SKIPDATA row; every other field of such a row is `-`.
_ALWAYS = frozenset({"version", "account-id", "interface-id", "start", "end"})

_SERVICES = (
    "AMAZON AMAZON_APPFLOW AMAZON_CONNECT API_GATEWAY CHIME_MEETINGS CHIME_VOICECONNECTOR CLOUD9 "
    "CLOUDFRONT CODEBUILD DYNAMODB EBS EC2 EC2_INSTANCE_CONNECT GLOBALACCELERATOR "
    "KINESIS_VIDEO_STREAMS ROUTE53 ROUTE53_HEALTHCHECKS ROUTE53_HEALTHCHECKS_PUBLISHING "
    "ROUTE53_RESOLVER S3 WORKSPACES_GATEWAYS"
)
_HOPS = "nat_gateway regional_nat_gateway network_load_balancer transit_gateway vpc_endpoint"


def _words(words: str) -> re.Pattern[str]:
    return re.compile("|".join(words.split()))


_NUMBER = re.compile(r"\d+")
_ADDRESS = re.compile(r"[0-9.]+|[0-9a-f:.]*:[0-9a-f:.]*")
_FORMS: dict[str, tuple[re.Pattern[str], str]] = {
    "interface-id": (re.compile(r"eni-[0-9a-f]+"), "`eni-` and hexadecimal digits"),
    "instance-id": (re.compile(r"i-[0-9a-f]+"), "`i-` and hexadecimal digits"),
    "vpc-id": (re.compile(r"vpc-[0-9a-f]+"), "`vpc-` and hexadecimal digits"),
    "subnet-id": (re.compile(r"subnet-[0-9a-f]+"), "`subnet-` and hexadecimal digits"),
    "account-id": (re.compile(r"\d+|unknown"), "digits"),
    "action": (_words("ACCEPT REJECT"), "`ACCEPT` or `REJECT`"),
    "log-status": (_words("OK NODATA SKIPDATA"), "`OK`, `NODATA` or `SKIPDATA`"),
    "flow-direction": (_words("ingress egress"), "`ingress` or `egress`"),
    "type": (_words("IPv4 IPv6 EFA"), "`IPv4`, `IPv6` or `EFA`"),
    "traffic-path": (re.compile(r"[1-8]"), "`1` to `8`"),
    "reject-reason": (_words("BPA EC"), "`BPA` or `EC`"),
    "interface-type": (_words(_HOPS), f"one of {_HOPS}"),
    "next-hop-interface-type": (_words(_HOPS), f"one of {_HOPS}"),
    "pkt-src-aws-service": (_words(_SERVICES), "an AWS service's code, such as `S3`"),
    "pkt-dst-aws-service": (_words(_SERVICES), "an AWS service's code, such as `S3`"),
    **dict.fromkeys(
        ("srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr"),
        (_ADDRESS, "one whole address; there is no CIDR"),
    ),
    **dict.fromkeys(NUMBER_FIELDS - {"traffic-path"}, (_NUMBER, "digits alone")),
}


def fit_problems(rule: Rule, fields: Sequence[str]) -> tuple[Problem, ...]:
    """Compare a rule with the format of a flow log.

    Args:
        fields: AWS's names of the format, in the order of the tokens.
    """
    if rule.log_format == "JSON":
        said = "the rule reads JSON events; flow logs are written as text (CLF)"
        return (Problem("error", "OtherLogFormat", "LogFormat", said),)
    problems = [*_aliases(rule, fields), *_positions(rule, fields)]
    names = {
        name: fields[rule.position(name) - 1]
        for name in rule.used
        if rule.position(name) <= len(fields)
    }
    problems += _value(rule, names)
    for index, one in enumerate(rule.filters):
        if one.match in names:
            problems += _filter(one, names[one.match], f"Contribution.Filters[{index}]")
    problems += _together(rule, names)
    return tuple(problems)


def _aliases(rule: Rule, fields: Sequence[str]) -> Iterator[Problem]:
    """An alias that is a field's name must stand where the field stands."""
    for position, alias in rule.fields:
        name = alias.lower().replace("_", "-")
        if name not in _FORMS and name not in fields:
            continue
        here = fields[position - 1] if position <= len(fields) else None
        if here is None or here == name:
            continue
        there = f"it stands at {fields.index(name) + 1}" if name in fields else "it is not there"
        said = f"position {position} of this format is `{here}`, not `{name}`: {there}"
        yield Problem("error", "AliasElsewhere", f"Fields.{position}", said)


def _positions(rule: Rule, fields: Sequence[str]) -> Iterator[Problem]:
    declared = {alias: position for position, alias in rule.fields}
    places = {f"Fields.{position}": (alias, position) for alias, position in declared.items()}
    for name in rule.used:
        if name not in declared:
            places[f"position {name}"] = (name, int(name))
    for at, (name, position) in places.items():
        if position > len(fields):
            said = (
                f"the format has {len(fields)} fields and no position {position} ({name!r}); "
                "the field is absent from every event"
            )
            severe = name in rule.used
            yield Problem("error", "FieldNotInFormat" if severe else "UnusedPosition", at, said)


def _value(rule: Rule, names: dict[str, str]) -> Iterator[Problem]:
    name = names.get(rule.value_of or "")
    if name is not None and name not in NUMBER_FIELDS:
        said = f"`{name}` is no number, so every event is ignored"
        yield Problem("error", "ValueNotNumeric", "Contribution.ValueOf", said)
    elif name is not None and name not in ("bytes", "packets"):
        said = f"a sum of `{name}` means nothing"
        yield Problem("warning", "SumOfLabels", "Contribution.ValueOf", said)


def _filter(one: Filter, name: str, at: str) -> Iterator[Problem]:
    if one.operator in NUMBER_OPERATORS:
        if name not in NUMBER_FIELDS:
            said = f"`{name}` is no number, so {one.operator} is false for every event"
            yield Problem("error", "NeverMatches", f"{at}.{one.operator}", said)
        return
    if one.operator == "IsPresent":
        said = "every flow log row has every field of the format; an empty one is `-`"
        severity, code = ("warning", "AlwaysMatches") if one.present else ("error", "NeverMatches")
        yield Problem("warning" if severity == "warning" else "error", code, at, said)
        return
    if name in _TAGS:
        yield from _tag(one, name, at)
        return
    form = _FORMS.get(name)
    if one.operator == "StartsWith" or form is None:
        return
    strange = [text for text in one.texts if text != "-" and not form[0].fullmatch(text)]
    if not strange:
        return
    said = f"`{name}` is never {', '.join(map(repr, strange))}: it is {form[1]}"
    hopeless = one.operator == "In" and len(strange) == len(one.texts)
    code = "NeverMatches" if hopeless else "ValueNeverWritten"
    yield Problem("error" if hopeless else "warning", code, f"{at}.{one.operator}", said)


def _tag(one: Filter, name: str, at: str) -> Iterator[Problem]:
    """Values of tags stand in rows percent-encoded, a hyphen too; version 11."""
    strange = [text for text in one.texts if text != "-" and _encoded(text) != text]
    if one.operator == "StartsWith":  # which may end within a code
        strange = [text for text in strange if not _encoded(text).startswith(text)]
    if not strange:
        return
    written = ", ".join(_encoded(text) for text in strange)
    said = (
        f"a flow log writes tags percent-encoded, so `{name}` is never "
        f"{', '.join(map(repr, strange))}: write {written}"
    )
    hopeless = one.operator != "NotIn" and len(strange) == len(one.texts)
    code = "NeverMatches" if hopeless else "ValueNeverWritten"
    yield Problem("error" if hopeless else "warning", code, f"{at}.{one.operator}", said)


def _encoded(text: str) -> str:
    """As a flow log writes a tag's value; a text that is encoded already stays as it is."""
    return quote(unquote(text), safe="").replace("-", "%2D")


def _together(rule: Rule, names: dict[str, str]) -> Iterator[Problem]:
    """Filters that exclude each other, or that let rows in that nobody means."""
    wanted: dict[str, set[str]] = {}
    for index, one in enumerate(rule.filters):
        name = names.get(one.match)
        if name is None or one.operator != "In":
            continue
        before = wanted.get(name)
        wanted[name] = set(one.texts) if before is None else before & set(one.texts)
        if before and not wanted[name]:
            said = f"no value of `{name}` passes all filters on it"
            yield Problem("error", "NeverMatches", f"Contribution.Filters[{index}]", said)
    yield from _traffic_path(rule, names, wanted)
    if rule.value_of is None and not _narrows(rule, names, lambda name: name not in _ALWAYS):
        said = (
            "NODATA and SKIPDATA rows count too, as the contributor `-`: "
            "add the filter log-status In [OK]"
        )
        yield Problem("warning", "CountsNoData", "Contribution.Filters", said)


def _traffic_path(
    rule: Rule, names: dict[str, str], wanted: dict[str, set[str]]
) -> Iterator[Problem]:
    """`traffic-path` is written for egress rows alone; ingress rows have `-`."""
    if "traffic-path" not in (names.get(name) for name in rule.used):
        return
    numbers = any(
        names.get(one.match) == "traffic-path" and one.operator in ("EqualTo", "GreaterThan")
        for one in rule.filters
    )
    paths = wanted.get("traffic-path", set())
    positive = numbers or bool(paths - {"-"})
    if positive and wanted.get("flow-direction") == {"ingress"}:
        said = "ingress rows have no traffic-path: it is `-` in every one"
        yield Problem("error", "NeverMatches", "Contribution.Filters", said)
    elif not positive and wanted.get("flow-direction") != {"egress"} and paths != {"-"}:
        said = "ingress rows have `-` as traffic-path: add the filter flow-direction In [egress]"
        yield Problem("warning", "PathOfIngress", "Contribution.Filters", said)


def _narrows(rule: Rule, names: dict[str, str], counts: Callable[[str], bool]) -> bool:
    positive = ("In", "StartsWith", *NUMBER_OPERATORS)
    return any(
        one.operator in positive and one.texts != ("-",) and counts(names.get(one.match, one.match))
        for one in rule.filters
    )
