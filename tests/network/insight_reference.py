"""A second, plain reading of the rules' semantics: one event after the other, no arrays.

It shares no code with the evaluator but the value of a rule. Events are token lists for CLF rules
and decoded JSON objects for JSON rules; an absent token is None.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from lakeferry.network.rules import Filter, Rule

NUMBER = re.compile(r"^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")


@dataclass
class Answer:
    """Single values by bucket and key; and what was ignored."""

    values: dict[int, dict[tuple[str, ...], list[Fraction]]] = field(default_factory=dict)
    no_key: int = 0
    no_value: int = 0

    def period(self, start_s: int) -> dict[str, Any]:
        keys = self.values[start_s]
        single = [value for values in keys.values() for value in values]
        return {
            "UniqueContributors": len(keys),
            "MaxContributorValue": max(sum(values) for values in keys.values()),
            "SampleCount": len(single),
            "Sum": sum(single),
            "Minimum": min(single),
            "Maximum": max(single),
            "Average": float(sum(single) / len(single)),
        }

    def contributors(self) -> dict[tuple[str, ...], dict[int, Fraction]]:
        found: dict[tuple[str, ...], dict[int, Fraction]] = {}
        for start_s, keys in self.values.items():
            for key, values in keys.items():
                found.setdefault(key, {})[start_s] = sum(values, Fraction(0))
        return found


def evaluate(rule: Rule, events: Sequence[tuple[int, Any]], period_s: int = 60) -> Answer:
    """`events`: (milliseconds, tokens or JSON object)."""
    answer = Answer()
    for at_ms, event in events:
        if not all(passes(one, text_of(rule, event, one.match)) for one in rule.filters):
            continue
        key = [text_of(rule, event, name) for name in rule.keys]
        if None in key:
            answer.no_key += 1
            continue
        value: Fraction | None = Fraction(1)
        if rule.value_of is not None:
            value = number_of(text_of(rule, event, rule.value_of))
        if value is None:
            answer.no_value += 1
            continue
        bucket = at_ms // 1000 // period_s * period_s
        cut = tuple(str(text).encode()[:1024].decode(errors="ignore") for text in key)
        answer.values.setdefault(bucket, {}).setdefault(cut, []).append(value)
    return answer


def text_of(rule: Rule, event: Any, name: str) -> str | None:
    if rule.log_format == "CLF":
        index = rule.position(name) - 1
        return event[index] if index < len(event) else None
    here: Any = event
    for part in re.findall(r"[^.$\[\]]+|\[\d+\]", name):
        if part.startswith("["):
            index = int(part[1:-1])
            here = here[index] if isinstance(here, list) and index < len(here) else None
        else:
            here = here.get(part) if isinstance(here, Mapping) else None
    if isinstance(here, bool):
        return "true" if here else "false"
    return str(here) if isinstance(here, str | int) else None


def number_of(text: str | None) -> Fraction | None:
    if text is None or not NUMBER.match(text) or abs(float(text)) == float("inf"):
        return None  # no double could hold it
    return Fraction(Decimal(text)) if float(text) else Fraction(0)


def passes(one: Filter, text: str | None) -> bool:
    if one.operator == "IsPresent":
        return (text is not None) == one.present
    if text is None:
        return False
    if one.texts:
        return {
            "In": text in one.texts,
            "NotIn": text not in one.texts,
            "StartsWith": any(text.startswith(prefix) for prefix in one.texts),
        }[one.operator]
    number, limit = number_of(text), Fraction(one.number)
    if number is None:
        return False
    return {
        "GreaterThan": number > limit,
        "LessThan": number < limit,
        "EqualTo": number == limit,
        "NotEqualTo": number != limit,
    }[one.operator]
