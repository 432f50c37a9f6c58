"""Metric math over past series: what an alarm's `Metrics` would have given. Pure.

A series is a mapping from the start of a period (s, UTC) to a value. As in CloudWatch, an
operation has a value only where both sides have one, and division by zero has none.

Source: CloudWatch User Guide, "Using metric math" and "Using metric math with Contributor
Insights".
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import cast

from lakeferry.network.alarm_state import Series
from lakeferry.network.event_columns import Number
from lakeferry.network.metric_syntax import (
    BadExpression,
    Call,
    Constant,
    Id,
    Listed,
    Node,
    NotFromLogs,
    Operation,
    Text,
    parse_expression,
)
from lakeferry.network.resources import MetricQuery
from lakeferry.network.rule_report import METRICS, RuleReport, rolled_up

Scalar = Number | float
Value = Scalar | Series | tuple["Value", ...] | str


@dataclass(frozen=True, slots=True)
class Past:
    """What an expression can be computed from."""

    rules: Mapping[str, RuleReport]
    start_s: int = 0  # the time that FILL fills: whole periods of [start, end)
    end_s: int = 0
    # Series of service metrics by (namespace, metric, dimensions, statistic); none from flow logs.
    metrics: Mapping[tuple[str, str, tuple[tuple[str, str], ...], str], Series] = field(
        default_factory=dict
    )


def metric_series(queries: Sequence[MetricQuery], past: Past) -> Series:
    """The series of the one query that is returned.

    Raises: BadExpression for an expression that cannot be parsed or computed, a rule or service
    metric that is not in the past, or an id that refers to itself.
    """
    returned = [query for query in queries if query.returned]
    if len(returned) != 1:
        raise BadExpression("exactly one of the metrics must be returned")
    found = _Computation({query.id: query for query in queries}, past).query(returned[0].id, ())
    if not isinstance(found, Mapping):
        raise BadExpression(f"`{returned[0].expression}` gives no single series")
    return found


class _Computation:
    def __init__(self, queries: Mapping[str, MetricQuery], past: Past) -> None:
        self._queries = queries
        self._past = past

    def query(self, name: str, above: tuple[str, ...]) -> Value:
        if name in above:
            raise BadExpression(f"`{name}` refers to itself")
        if name not in self._queries:
            raise BadExpression(f"no metric has the id `{name}`")
        query = self._queries[name]
        if query.expression:
            return self._value(parse_expression(query.expression), query, (*above, name))
        key = (query.namespace, query.metric, query.dimensions, query.statistic)
        if key not in self._past.metrics:
            raise NotFromLogs(f"{query.namespace} {query.metric} is not known from flow logs")
        return self._past.metrics[key]

    def _value(self, node: Node, query: MetricQuery, above: tuple[str, ...]) -> Value:
        match node:
            case Constant() | Text():
                return node.value
            case Id(name):
                return name.upper() if name.upper() == "REPEAT" else self.query(name, above)
            case Listed(members):
                return tuple(self._value(member, query, above) for member in members)
            case Operation(operator, left, right):
                sides = self._value(left, query, above), self._value(right, query, above)
                return _joined(operator, *sides)
            case Call():
                return self._called(node, query, above)

    def _called(self, call: Call, query: MetricQuery, above: tuple[str, ...]) -> Value:
        match call:
            case Call("PERIOD", (Id(name),)):
                return self._queries[name].period_s if name in self._queries else query.period_s
            case Call("INSIGHT_RULE_METRIC", arguments):
                return self._rule_metric(arguments, query)
            case Call("METRICS", ()):
                others = (q.id for q in self._queries.values() if not q.expression)
                return tuple(self.query(name, above) for name in others)
            case _:
                values = [self._value(one, query, above) for one in call.arguments]
                return self._compute(call.function, values, query)

    def _rule_metric(self, arguments: tuple[Node, ...], query: MetricQuery) -> Series:
        match arguments:
            case (Text(rule), Text(metric)):
                pass
            case _:
                raise BadExpression("INSIGHT_RULE_METRIC takes two texts: rule and metric")
        if rule not in self._past.rules:
            raise BadExpression(f"there is no rule `{rule}`")
        if metric not in METRICS:
            raise BadExpression(f"a rule has no metric `{metric}`: {', '.join(METRICS)}")
        return rolled_up(self._past.rules[rule], query.period_s).series(metric)

    def _compute(self, function: str, values: list[Value], query: MetricQuery) -> Value:
        if function == "FILL" and len(values) == 2:
            return self._fill(_series(values[0]), values[1], query.period_s)
        if function in ("RATE", "DIFF") and len(values) == 1:
            return _change(_series(values[0]), per_second=function == "RATE")
        if function in _EACH and len(values) == 1:
            return _mapped(_EACH[function], values[0])
        if function == "IF" and 2 <= len(values) <= 3:
            return _choice(*values)
        if function in _OVER and values:
            members = values[0] if isinstance(values[0], tuple) else tuple(values)
            return _over(function, members)
        raise BadExpression(f"{function} with {len(values)} arguments is not known here")

    def _fill(self, series: Series, filler: Value, period_s: int) -> Series:
        first = self._past.start_s - self._past.start_s % period_s
        last: Scalar | None = None
        found: dict[int, Scalar] = {}
        for at in range(first, self._past.end_s, period_s):
            if at in series:
                last = found[at] = series[at]
            elif filler == "REPEAT":
                if last is not None:
                    found[at] = last
            elif isinstance(filler, Mapping):
                if at in filler:
                    found[at] = filler[at]
            elif isinstance(filler, tuple | str):
                raise BadExpression("FILL takes a number, a series or REPEAT here")
            else:
                found[at] = filler
        return found


def _series(value: Value) -> Series:
    if not isinstance(value, Mapping):
        raise BadExpression("a series was expected")
    return value


def _mapped(function: Callable[[Scalar], Scalar], value: Value) -> Value:
    if isinstance(value, tuple):
        return tuple(_mapped(function, one) for one in value)
    if isinstance(value, Mapping):
        return {at: function(one) for at, one in value.items()}
    if isinstance(value, str):
        raise BadExpression(f"{value!r} is no number")
    return function(value)


def _joined(operator: str, left: Value, right: Value) -> Value:
    """An operation on numbers and series, in each period that both have."""
    if isinstance(left, tuple):
        return tuple(_joined(operator, one, right) for one in left)
    if isinstance(right, tuple):
        return tuple(_joined(operator, left, one) for one in right)
    if isinstance(left, str) or isinstance(right, str):
        raise BadExpression(f"{operator} takes numbers and series")
    if not isinstance(left, Mapping) and not isinstance(right, Mapping):
        found = _apply(operator, left, right)
        if found is None:
            raise BadExpression("division by zero")
        return found
    periods = left if isinstance(left, Mapping) else cast(Series, right)
    series: dict[int, Scalar] = {}
    for at in periods:
        one = left.get(at) if isinstance(left, Mapping) else left
        other = right.get(at) if isinstance(right, Mapping) else right
        if one is not None and other is not None:
            value = _apply(operator, one, other)
            if value is not None:
                series[at] = value
    return series


def _apply(operator: str, left: Scalar, right: Scalar) -> Scalar | None:
    try:
        return _OPERATIONS[operator](left, right)
    except (ZeroDivisionError, OverflowError, ValueError):
        return None


def _quotient(left: Scalar, right: Scalar) -> Scalar:
    if isinstance(left, float) or isinstance(right, float):
        return left / right
    return Fraction(left) / Fraction(right)


_OPERATIONS: Mapping[str, Callable[[Scalar, Scalar], Scalar]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _quotient,
    "^": lambda left, right: math.pow(left, right),
    "<": lambda left, right: int(left < right),
    "<=": lambda left, right: int(left <= right),
    ">": lambda left, right: int(left > right),
    ">=": lambda left, right: int(left >= right),
    "==": lambda left, right: int(left == right),
    "!=": lambda left, right: int(left != right),
    "AND": lambda left, right: int(bool(left) and bool(right)),
    "OR": lambda left, right: int(bool(left) or bool(right)),
}
_EACH: Mapping[str, Callable[[Scalar], Scalar]] = {
    "ABS": lambda value: value if value >= 0 else -value,
    "CEIL": lambda value: value.__ceil__(),
    "FLOOR": lambda value: value.__floor__(),
}
_OVER: Mapping[str, Callable[[Sequence[Scalar]], Scalar]] = {
    "SUM": lambda values: sum(values, 0),
    "MAX": max,
    "MIN": min,
    "AVG": lambda values: sum(values, 0) / Fraction(len(values)),
}


def _over(function: str, members: tuple[Value, ...]) -> Value:
    """Of a list of series a series, of one series a number."""
    if len(members) == 1 and isinstance(members[0], Mapping):
        values = list(members[0].values())
        if not values:
            raise BadExpression(f"{function} of a series without a value")
        return _OVER[function](values)
    series = [_series(member) for member in members]
    periods = sorted({at for one in series for at in one})
    return {at: _OVER[function]([one[at] for one in series if at in one]) for at in periods}


def _change(series: Series, *, per_second: bool) -> Series:
    """From each datapoint to the next, which may be more than a period away."""
    periods = sorted(series)
    found: dict[int, Scalar] = {}
    for before, at in pairwise(periods):
        change = series[at] - series[before]
        found[at] = _apply("/", change, at - before) or 0 if per_second else change
    return found


def _choice(condition: Value, yes: Value, no: Value | None = None) -> Value:
    """IF(condition, yes, no): without `no`, a period that fails has no value."""
    if not isinstance(condition, Mapping):
        return yes if condition else _series(no if no is not None else {})
    found: dict[int, Scalar] = {}
    for at, truth in condition.items():
        chosen = yes if truth else no
        value = chosen.get(at) if isinstance(chosen, Mapping) else chosen
        if isinstance(value, tuple | str):
            raise BadExpression("IF chooses between numbers and series")
        if value is not None:
            found[at] = value
    return found
