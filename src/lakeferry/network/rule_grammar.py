"""What CloudWatch accepts as the body of a Contributor Insights rule, in its own words.

Messages of the form `Word encountered at Place` and `RULE_BODY_COMPLEXITY: ...` are the service's.
Where it is not known what the service says, the message has the same form and is ours.

Source: CloudWatch User Guide, "Contributor Insights rule syntax"; API reference, PutInsightRule.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

from lakeferry.network.rule_value import NUMBER_OPERATORS, OPERATORS, TEXT_OPERATORS

MOST_CHARACTERS = 8192
MOST_KEYS = MOST_FILTERS = 4
MOST_VALUES = 10
TOP_KEYS = (
    "Schema", "LogGroupNames", "LogGroupARNs", "LogFormat", "Fields", "Contribution", "AggregateOn",
)  # fmt: skip

_POSITION = re.compile(r"[1-9][0-9]{0,3}")
_GROUP_NAME = re.compile(r"[.\-_/#A-Za-z0-9]{0,511}(\*|[.\-_/#A-Za-z0-9])")
_GROUP_ARN = re.compile(
    r"arn:aws[a-z-]*:logs:[a-z0-9-]+:(\d{12}|\*):log-group[:/][.\-_/#A-Za-z0-9]*(:?\*)?"
)
_JSON_PATH = re.compile(r"\$(\.[A-Za-z0-9_\-]+(\[\d+\])?)+")
_ANY_PATH = re.compile(r"\$[.\[].+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a rule.

    `rejected` says that `PutInsightRule` would refuse it; an error that is not rejected is worse:
    the rule would be made, would cost money and would never match.
    """

    severity: Literal["error", "warning"]
    code: str  # one word, stable: 'MissingKey', 'FieldNotInFormat', ...
    at: str  # where in the body: 'Contribution.Filters[0].In'; '' for all of it
    message: str
    rejected: bool = False


def grammar_problems(text: str) -> tuple[Problem, ...]:
    """All that the service would refuse in a body, and what is odd in it; empty where fine."""
    problems = list(_text(text))
    body, repeated = decoded(text)
    if body is None:
        said = "INVALID_RULE_BODY: The RuleBody could not be parsed."
        return (*problems, _refused("INVALID_RULE_BODY", "", said))
    for key in repeated:
        said = f"{key} is written twice in one object; the last one counts"
        problems.append(Problem("warning", "RepeatedKey", key, said))
    problems += _top(body)
    contribution = body.get("Contribution")
    if isinstance(contribution, dict):
        problems += _contribution(contribution, body.get("AggregateOn"))
        problems += _names(body, contribution)
    return tuple(problems)


def decoded(text: str) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """The body as JSON, or None; and the keys that one object has more than once."""
    repeated: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        names = [name for name, _ in items]
        repeated.extend(name for name in found if names.count(name) > 1)
        return found

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    try:
        body = json.loads(text, object_pairs_hook=pairs, parse_constant=refuse)
    except (ValueError, RecursionError):
        return None, ()
    return (body, tuple(repeated)) if isinstance(body, dict) else (None, ())


def _refused(code: str, at: str, message: str) -> Problem:
    return Problem("error", code, at, message, rejected=True)


def _encountered(code: str, at: str, place: str | None = None) -> Problem:
    return _refused(code, at, f"{code} encountered at {place or at}")


def _text(text: str) -> Iterator[Problem]:
    member = "Value at 'ruleDefinition' failed to satisfy constraint: Member must"
    if not text:
        yield _refused("Empty", "", f"{member} have length greater than or equal to 1")
    if len(text) > MOST_CHARACTERS:
        said = f"{member} have length less than or equal to {MOST_CHARACTERS}; it has {len(text)}"
        yield _refused("TooLong", "", said)
    if not text.isascii():
        strange = next(sign for sign in text if not sign.isascii())
        said = rf"{member} satisfy regular expression pattern: [\x00-\x7F]+; it holds {strange!a}"
        yield _refused("NotAscii", "", said)


def _top(body: dict[str, Any]) -> Iterator[Problem]:
    for key in body:
        if key not in TOP_KEYS:
            yield _encountered("UnknownKey", key)
    for key in ("Schema", "LogFormat", "Contribution", "AggregateOn"):
        if key not in body:
            yield _encountered("MissingKey", key)
    if "Schema" in body and not _is_schema(body["Schema"]):
        yield _encountered("InvalidSchema", "Schema")
    yield from _groups(body)
    for key, values in (("LogFormat", ("JSON", "CLF")), ("AggregateOn", ("Count", "Sum"))):
        if key in body and body[key] not in values:
            yield _encountered("InvalidValueType", key)
    if "Contribution" in body and not isinstance(body["Contribution"], dict):
        yield _encountered("InvalidValueType", "Contribution")
    if "Fields" in body:
        yield from _fields(body["Fields"], body.get("LogFormat"))


def _is_schema(schema: object) -> bool:
    if not isinstance(schema, dict):
        return False
    version = schema.get("Version")
    return schema == {"Name": "CloudWatchLogRule", "Version": 1} and type(version) is int


def _groups(body: dict[str, Any]) -> Iterator[Problem]:
    given = [key for key in ("LogGroupNames", "LogGroupARNs") if key in body]
    if not given:
        yield _encountered("MissingKey", "LogGroupNames")
    if len(given) > 1:
        said = "ConflictingKeys encountered at LogGroupARNs: give LogGroupNames or LogGroupARNs"
        yield _refused("ConflictingKeys", "LogGroupARNs", said)
    for key in given:
        groups = body[key]
        if not isinstance(groups, list):
            yield _encountered("InvalidValueType", key)
        elif not groups:
            yield _encountered("Empty", key)
        else:
            for index, group in enumerate(groups):
                yield from _group(group, f"{key}[{index}]", by_arn=key == "LogGroupARNs")


def _group(group: object, at: str, *, by_arn: bool) -> Iterator[Problem]:
    if not isinstance(group, str):
        yield _encountered("InvalidValueType", at)
    elif not group:
        yield _encountered("Empty", at)
    elif not (_GROUP_ARN if by_arn else _GROUP_NAME).fullmatch(group):
        form = (
            "arn:aws:logs:REGION:ACCOUNT:log-group:NAME with `*` at the end, or for ACCOUNT"
            if by_arn
            else "letters, digits and ._-/# with `*` at the end only"
        )
        said = f"InvalidValue encountered at {at}: {group!a} is not {form}"
        yield _refused("InvalidLogGroup", at, said)
    elif group == "*":
        said = "`*` reads every log group of the Region, and each matching event is paid for"
        yield Problem("warning", "EveryLogGroup", at, said)


def _fields(fields: object, log_format: object) -> Iterator[Problem]:
    if not isinstance(fields, dict):
        yield _encountered("InvalidValueType", "Fields")
        return
    if log_format == "JSON" and fields:
        said = "Fields names positions of CLF events; a JSON rule does not use it"
        yield Problem("warning", "FieldsUnused", "Fields", said)
        return
    aliases: set[str] = set()
    for position, alias in fields.items():
        at = f"Fields.{position}"
        if not _POSITION.fullmatch(position):
            said = f"InvalidValue encountered at {at}: a position is a whole number from 1"
            yield _refused("InvalidPosition", at, said)
        if not isinstance(alias, str):
            yield _encountered("InvalidValueType", at)
        elif not alias:
            yield _encountered("Empty", at)
        elif alias in aliases:
            said = f"Duplicate encountered at {at}: the alias {alias!r} names two positions"
            yield _refused("RepeatedAlias", at, said)
        else:
            aliases.add(alias)


def _contribution(contribution: dict[str, Any], aggregate_on: object) -> Iterator[Problem]:
    for key in contribution:
        if key not in ("Keys", "ValueOf", "Filters"):
            yield _encountered("UnknownKey", f"Contribution.{key}", key)
    for key in ("Keys", "Filters"):
        if key not in contribution:
            yield _encountered("MissingKey", f"Contribution.{key}", key)
        elif not isinstance(contribution[key], list):
            yield _encountered("InvalidValueType", f"Contribution.{key}", key)
    if isinstance(contribution.get("Keys"), list):
        yield from _keys(contribution["Keys"])
    if "ValueOf" in contribution:
        yield from _value_of(contribution["ValueOf"], aggregate_on)
    elif aggregate_on == "Sum":
        said = "Sum without ValueOf: the guide's own examples do it and seem to mean Count"
        yield Problem("warning", "SumOfNothing", "AggregateOn", said)
    filters = contribution.get("Filters")
    if isinstance(filters, list):
        if len(filters) > MOST_FILTERS:
            yield _complex("Contribution.Filters", f"{MOST_FILTERS} Filters in the Contribution")
        for index, one in enumerate(filters):
            yield from _filter(one, f"Contribution.Filters[{index}]")


def _complex(at: str, most: str) -> Problem:
    said = f"RULE_BODY_COMPLEXITY: A RuleBody must have no more than {most}."
    return _refused("RULE_BODY_COMPLEXITY", at, said)


def _keys(keys: list[Any]) -> Iterator[Problem]:
    at = "Contribution.Keys"
    if not keys:
        yield _encountered("Empty", at, "Keys")
    if len(keys) > MOST_KEYS:
        yield _complex(at, f"{MOST_KEYS} Keys in the Contribution")
    for index, key in enumerate(keys):
        if not isinstance(key, str):
            yield _encountered("InvalidValueType", f"{at}[{index}]")
        elif not key:
            yield _encountered("Empty", f"{at}[{index}]")
        elif key in keys[:index]:
            said = f"Duplicate encountered at {at}[{index}]: {key!r}"
            yield _refused("RepeatedKeyField", f"{at}[{index}]", said)


def _value_of(value_of: object, aggregate_on: object) -> Iterator[Problem]:
    at = "Contribution.ValueOf"
    if not isinstance(value_of, str):
        yield _encountered("InvalidValueType", at, "ValueOf")
    elif not value_of:
        yield _encountered("Empty", at, "ValueOf")
    if aggregate_on == "Count":
        said = "ValueOf is for AggregateOn Sum only; Count counts events"
        yield _refused("ValueOfWithCount", at, said)


def _filter(one: object, at: str) -> Iterator[Problem]:
    if not isinstance(one, dict):
        yield _encountered("InvalidValueType", at)
        return
    if "Match" not in one:
        yield _encountered("MissingKey", f"{at}.Match")
    elif not isinstance(one["Match"], str):
        yield _encountered("InvalidValueType", f"{at}.Match")
    for key in one:
        if key != "Match" and key not in OPERATORS:
            yield _encountered("UnknownKey", f"{at}.{key}")
    operators = [key for key in one if key in OPERATORS]
    if len(operators) != 1:
        said = f"a filter has Match and one operator of {', '.join(OPERATORS)}"
        code = "MissingOperator" if not operators else "SeveralOperators"
        yield _refused(code, at, f"{code} encountered at {at}: {said}")
    for operator in operators:
        yield from _operand(operator, one[operator], f"{at}.{operator}")


def _operand(operator: str, operand: object, at: str) -> Iterator[Problem]:
    if operator in TEXT_OPERATORS:
        yield from _texts(operator, operand, at)
    elif operator in NUMBER_OPERATORS:
        number = isinstance(operand, int | float) and not isinstance(operand, bool)
        if not number or not _is_finite(cast(float, operand)):
            yield _encountered("InvalidValueType", at)
    elif not isinstance(operand, bool):
        yield _encountered("InvalidValueType", at)


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an int beyond every double
        return False


def _texts(operator: str, operand: object, at: str) -> Iterator[Problem]:
    if not isinstance(operand, list) or not all(isinstance(text, str) for text in operand):
        yield _encountered("InvalidValueType", at)
        return
    if not operand:
        yield _encountered("Empty", at)
    if len(operand) > MOST_VALUES:
        yield _complex(at, f"{MOST_VALUES} values in a Filter")
    if operator == "StartsWith" and "" in operand:
        said = "every text starts with the empty one; what the service does is not documented"
        yield Problem("warning", "EmptyPrefix", at, said)


def _names(body: dict[str, Any], contribution: dict[str, Any]) -> Iterator[Problem]:
    """Every name that the contribution uses must lead to a field."""
    fields = body.get("Fields", {})
    aliases = set(fields.values()) if isinstance(fields, dict) and _all_text(fields) else set()
    for name, at in _used(contribution):
        if body.get("LogFormat") == "CLF":
            if name not in aliases and not _POSITION.fullmatch(name):
                said = f"UnknownField encountered at {at}: {name!r} is no alias of Fields"
                yield _refused("UnknownField", at, f"{said} and no position")
        elif body.get("LogFormat") == "JSON" and not _JSON_PATH.fullmatch(name):
            if not _ANY_PATH.fullmatch(name):
                said = f"InvalidPath encountered at {at}: {name!r} is not of the form $.a.b[0]"
                yield _refused("InvalidPath", at, said)
            else:
                said = f"{name!r} goes beyond the documented form $.a.b[0]"
                yield Problem("warning", "UnusualPath", at, said)


def _all_text(fields: dict[str, Any]) -> bool:
    return all(isinstance(alias, str) for alias in fields.values())


def _used(contribution: dict[str, Any]) -> Iterator[tuple[str, str]]:
    keys, filters = contribution.get("Keys"), contribution.get("Filters")
    for index, key in enumerate(keys if isinstance(keys, list) else []):
        if isinstance(key, str) and key:
            yield key, f"Contribution.Keys[{index}]"
    value_of = contribution.get("ValueOf")
    if isinstance(value_of, str) and value_of:
        yield value_of, "Contribution.ValueOf"
    for index, one in enumerate(filters if isinstance(filters, list) else []):
        match = one.get("Match") if isinstance(one, dict) else None
        if isinstance(match, str):
            yield match, f"Contribution.Filters[{index}].Match"
