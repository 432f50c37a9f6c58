"""A Contributor Insights rule as a value, and the JSON text of it.

Source: CloudWatch User Guide, "Contributor Insights rule syntax".
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

TEXT_OPERATORS = ("In", "NotIn", "StartsWith")
NUMBER_OPERATORS = ("GreaterThan", "LessThan", "EqualTo", "NotEqualTo")
OPERATORS = (*TEXT_OPERATORS, *NUMBER_OPERATORS, "IsPresent")


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition of a rule; a rule's conditions are joined by AND."""

    match: str  # alias, position or JSON path
    operator: str  # one of OPERATORS
    texts: tuple[str, ...] = ()  # of In, NotIn, StartsWith: any of them
    number: int | float = 0  # of GreaterThan, LessThan, EqualTo, NotEqualTo
    present: bool = True  # of IsPresent


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that CloudWatch would accept."""

    name: str
    log_format: Literal["CLF", "JSON"]
    keys: tuple[str, ...]  # 1 to 4: alias, position or JSON path
    filters: tuple[Filter, ...] = ()
    value_of: str | None = None  # with Sum only; None counts events
    aggregate_on: Literal["Count", "Sum"] = "Count"
    fields: tuple[tuple[int, str], ...] = ()  # CLF: (position from 1, alias), by position
    log_groups: tuple[str, ...] = ("*",)  # names or, with `by_arn`, ARNs
    by_arn: bool = False

    @property
    def used(self) -> tuple[str, ...]:
        """Every field that the rule reads, once each: keys, value, filters."""
        value = (self.value_of,) if self.value_of is not None else ()
        return tuple(dict.fromkeys((*self.keys, *value, *(one.match for one in self.filters))))

    def position(self, name: str) -> int:
        """Where in a CLF event the field `name` stands, from 1."""
        found = {alias: position for position, alias in self.fields}
        return found[name] if name in found else int(name)


def rule_body(rule: Rule) -> str:
    """The rule as `PutInsightRule` takes it: canonical JSON, sorted and without blanks."""
    contribution: dict[str, Any] = {
        "Keys": list(rule.keys),
        # The guide calls Filters optional; the service answers "MissingKey" without it.
        "Filters": [_filter_body(one) for one in rule.filters],
    }
    if rule.value_of is not None:
        contribution["ValueOf"] = rule.value_of
    body: dict[str, Any] = {
        "Schema": {"Name": "CloudWatchLogRule", "Version": 1},
        "LogGroupARNs" if rule.by_arn else "LogGroupNames": list(rule.log_groups),
        "LogFormat": rule.log_format,
        "Contribution": contribution,
        "AggregateOn": rule.aggregate_on,
    }
    if rule.fields:
        body["Fields"] = {str(position): alias for position, alias in rule.fields}
    # Not orjson: the service takes ASCII alone, and numbers may pass 64 bits.
    return json.dumps(body, sort_keys=True, separators=(",", ":"))


def _filter_body(one: Filter) -> dict[str, Any]:
    operand: object = one.number
    if one.operator in TEXT_OPERATORS:
        operand = list(one.texts)
    elif one.operator == "IsPresent":
        operand = one.present
    return {"Match": one.match, one.operator: operand}


def rule_of(name: str, body: dict[str, Any]) -> Rule:
    """The value of a decoded body, which must have passed `rule_grammar`."""
    contribution = body["Contribution"]
    fields = {int(position): alias for position, alias in body.get("Fields", {}).items()}
    by_arn = "LogGroupARNs" in body
    return Rule(
        name=name,
        log_format=body["LogFormat"],
        keys=tuple(contribution["Keys"]),
        filters=tuple(_filter_of(one) for one in contribution["Filters"]),
        value_of=contribution.get("ValueOf"),
        aggregate_on=body["AggregateOn"],
        fields=tuple(sorted(fields.items())) if body["LogFormat"] == "CLF" else (),
        log_groups=tuple(body["LogGroupARNs" if by_arn else "LogGroupNames"]),
        by_arn=by_arn,
    )


def _filter_of(one: dict[str, Any]) -> Filter:
    operator = next(key for key in one if key != "Match")
    operand = one[operator]
    if operator in TEXT_OPERATORS:
        return Filter(one["Match"], operator, texts=tuple(operand))
    if operator == "IsPresent":
        return Filter(one["Match"], operator, present=operand)
    return Filter(one["Match"], operator, number=operand)
