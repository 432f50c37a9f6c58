"""Reports in the shape of GetInsightRuleReport: checked against botocore's own model."""

import json
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from lakeferry.errors import FerryError
from lakeferry.network.evaluate import Evaluation
from lakeferry.network.rule_report import METRICS, RuleReport, report_body, rolled_up
from lakeferry.network.rules import parse_rule
from tests.corpora import required
from tests.network.insight_makers import SAMPLE, batch, rule, sample_batches


def reported(rows: list[list[str]], minutes: list[int]) -> RuleReport:
    evaluation = Evaluation([rule(["k"], value_of="v", fields=("k", "v"))])
    evaluation.add(batch(("k", "v"), rows, [minute * 60_000 for minute in minutes]))
    return evaluation.finish()["r"]


SMALL = reported([["b", "5"], ["a", "5"], ["c", "1"], ["c", "3"], ["a", "0"]], [0, 0, 0, 1, 2])


def test_the_answer_of_every_rule_of_the_sample_has_the_services_shape() -> None:
    bodies = json.loads(required(SAMPLE / "rules" / "custom.json").read_text())
    rules = [parse_rule(name, json.dumps(body)) for name, body in bodies.items()]
    evaluation = Evaluation(rules)
    for one in sample_batches("custom"):
        evaluation.add(one)

    model = botocore.session.get_session().get_service_model("cloudwatch")
    shape = model.operation_model("GetInsightRuleReport").output_shape
    for report in evaluation.finish().values():
        body = report_body(report)
        # Parameters are validated strictly: every member must be known and of its type.
        assert ParamValidator().validate(body, shape).generate_report() == ""
        assert set(body) == set(shape.members)
        assert len(body["Contributors"]) == min(10, len(report.shares))


def test_the_whole_report() -> None:
    assert report_body(SMALL, max_contributors=2, metrics=["Sum", "UniqueContributors"]) == {
        "KeyLabels": ["k"],
        "AggregationStatistic": "Sum",
        "AggregateValue": 14,
        "ApproximateUniqueCount": 3,
        "Contributors": [
            {
                "Keys": ["a"],
                "ApproximateAggregateValue": 5,
                "Datapoints": [
                    {"Timestamp": at(0), "ApproximateValue": 5},
                    {"Timestamp": at(2), "ApproximateValue": 0},
                ],
            },
            {
                "Keys": ["b"],
                "ApproximateAggregateValue": 5,
                "Datapoints": [{"Timestamp": at(0), "ApproximateValue": 5}],
            },
        ],
        "MetricDatapoints": [
            {"Timestamp": at(0), "Sum": 11, "UniqueContributors": 3},
            {"Timestamp": at(1), "Sum": 3, "UniqueContributors": 1},
            {"Timestamp": at(2), "Sum": 0, "UniqueContributors": 1},
        ],
    }


def at(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


def test_ties_go_by_the_bytes_of_the_keys() -> None:
    assert list(SMALL.ranked().top) == [(("a",), 5), (("b",), 5), (("c",), 4)]


def test_order_by_maximum_looks_at_the_greatest_period() -> None:
    found = reported([["a", "3"], ["a", "3"], ["b", "5"]], [0, 1, 0])

    assert list(found.ranked("Sum").top) == [(("a",), 6), (("b",), 5)]
    assert list(found.ranked("Maximum").top) == [(("b",), 5), (("a",), 3)]


def test_the_aggregate_is_of_all_contributors_and_only_of_the_range() -> None:
    body = report_body(SMALL, max_contributors=1, start_s=60, end_s=120)

    assert body["AggregateValue"] == 3
    assert body["ApproximateUniqueCount"] == 1
    assert [one["Keys"] for one in body["Contributors"]] == [["c"]]


def test_the_metrics_of_a_longer_period_are_of_its_events_not_of_its_minutes() -> None:
    (one,) = rolled_up(SMALL, 300).periods

    assert [one.value(metric) for metric in METRICS] == [3, 5, 5, 14, 0, 5, 2.8]


@pytest.mark.parametrize("call", [
    lambda: report_body(SMALL, metrics=["Total"]),
    lambda: report_body(SMALL, order_by="Name"),
    lambda: SMALL.series("sum"),
])  # fmt: skip
def test_an_unknown_metric_is_named(call: Any) -> None:
    with pytest.raises(FerryError) as caught:
        call()

    assert caught.value.code == "LF-6303"


def test_fractions_are_reported_as_the_nearest_double_and_whole_numbers_as_integers() -> None:
    body = report_body(reported([["a", "0.1"], ["a", "0.2"], ["b", "2.0"]], [0, 0, 0]))

    assert [one["ApproximateAggregateValue"] for one in body["Contributors"]] == [2, 0.3]
