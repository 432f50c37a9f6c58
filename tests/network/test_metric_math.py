"""Expressions of alarms and dashboards, computed over past series of rules."""

from collections.abc import Mapping
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.network.contributions import Contributions
from lakeferry.network.metric_math import Past, Scalar, metric_series
from lakeferry.network.metric_syntax import BadExpression, parse_expression
from lakeferry.network.resources import MetricQuery
from lakeferry.network.rule_report import RuleReport
from lakeferry.network.rules import Rule
from lakeferry.network.shares import Scope, Shares


def report(name: str, values: Mapping[int, int]) -> RuleReport:
    found = Contributions(1)
    for at, value in values.items():
        found.add_odd(at // 60, ("k",), value)
    return RuleReport(Rule(name, "CLF", ("1",)), Shares(found, 60), Scope(60))


PAST = Past(
    {"up": report("up", {0: 10, 60: 20, 180: 40}), "down": report("down", {0: 1, 60: 0, 120: 3})},
    start_s=0,
    end_s=240,
)
UP = 'INSIGHT_RULE_METRIC("up","Sum")'
DOWN = "INSIGHT_RULE_METRIC('down', 'Sum')"


def computed(expression: str, *others: MetricQuery, period_s: int = 60) -> dict[int, Scalar]:
    query = MetricQuery("e0", period_s, expression)
    return dict(metric_series([query, *others], PAST))


@pytest.mark.parametrize(
    ("expression", "series"),
    [
        (UP, {0: 10, 60: 20, 180: 40}),
        (f"{UP} + {DOWN}", {0: 11, 60: 20}),
        (f"FILL({UP}, 0) + FILL({DOWN}, 0)", {0: 11, 60: 20, 120: 3, 180: 40}),
        (f"FILL({UP}, REPEAT)", {0: 10, 60: 20, 120: 20, 180: 40}),
        (f"{UP} / {DOWN}", {0: 10}),
        (f"{UP} * 8 / PERIOD(e0) / 1e9", {0: 8e1 / 60 / 1e9, 60: 16e1 / 60 / 1e9,
                                          180: 32e1 / 60 / 1e9}),
        (f"-{UP} - 2 ^ 2", {0: -14, 60: -24, 180: -44}),
        (f"RATE({UP})", {60: Fraction(1, 6), 180: Fraction(1, 6)}),
        (f"DIFF({UP})", {60: 10, 180: 20}),
        (f"MAX([{UP}, {DOWN}])", {0: 10, 60: 20, 120: 3, 180: 40}),
        (f"SUM([{UP}, {DOWN}])", {0: 11, 60: 20, 120: 3, 180: 40}),
        (f"{UP} - AVG({UP})", {0: Fraction(-40, 3), 60: Fraction(-10, 3), 180: Fraction(50, 3)}),
        (f"IF({UP} > 15, {UP}, 0)", {0: 0, 60: 20, 180: 40}),
        (f"IF({UP} > 15 AND {UP} < 30, {UP})", {60: 20}),
        (f"ABS({DOWN} - 2)", {0: 1, 60: 2, 120: 1}),
        ("INSIGHT_RULE_METRIC('up', 'UniqueContributors')", {0: 1, 60: 1, 180: 1}),
    ],
)  # fmt: skip
def test_an_expression_gives_the_series_that_cloudwatch_documents(
    expression: str, series: dict[int, Scalar]
) -> None:
    found = computed(expression)

    assert found.keys() == series.keys()
    assert [float(value) for value in found.values()] == pytest.approx(
        [float(value) for value in series.values()], rel=1e-12
    )


def test_a_longer_period_joins_the_minutes() -> None:
    assert computed(UP, period_s=120) == {0: 30, 120: 40}


def test_queries_refer_to_each_other_by_id() -> None:
    hidden = MetricQuery("e1", 60, UP, returned=False)

    assert computed("e1 * 8 / PERIOD(e1)", hidden)[0] == Fraction(80, 60)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("e0 + 1", "refers to itself"),
        ("e7", "no metric has the id"),
        ('INSIGHT_RULE_METRIC("nope","Sum")', "no rule `nope`"),
        ('INSIGHT_RULE_METRIC("up","Bogus")', "no metric `Bogus`"),
        ("INSIGHT_RULE_METRIC(up)", "two texts"),
        (f"{UP} +", "was expected"),
        (f"{UP} )", "was not expected"),
        ("1 + 1", "no single series"),
        ("1 / 0", "division by zero"),
        ("SEARCH('x')", "SEARCH"),
        ("((((" * 30 + "1" + "))))" * 30, "deep"),
        ("#", "no part of an expression"),
    ],
)
def test_what_cannot_be_computed_is_named(expression: str, said: str) -> None:
    with pytest.raises(BadExpression) as caught:
        computed(expression)

    assert said in str(caught.value)


def test_a_service_metric_is_not_known_from_flow_logs() -> None:
    nat = MetricQuery("m1", 60, namespace="AWS/NATGateway", metric="BytesOutToSource")

    with pytest.raises(BadExpression, match="AWS/NATGateway BytesOutToSource"):
        metric_series([nat], PAST)


@given(st.text(alphabet="0123456789.+-*/^<>=()[], aeORAND\"'", max_size=30))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        parse_expression(text)
    except BadExpression as refused:
        assert str(refused)  # noqa: PT017 - a few of these texts are expressions
