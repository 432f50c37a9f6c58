"""Past values are asked for window by window, and nothing of an answer is lost.

The answers have the shapes of the API reference; botocore's own model judges each request and
answer. `GetInsightRuleReport` has no emulator.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from lakeferry.aws.read_metrics import (
    CONTRIBUTOR,
    Point,
    WantedMetric,
    metric_points,
    rule_points,
    windows,
)
from lakeferry.connect.aws import AwsAccess, client
from lakeferry.errors import FerryError

ACCESS = AwsAccess("us-east-1", endpoint="http://127.0.0.1:9")  # nobody listens: answers are given
MIDNIGHT = 1_795_392_000  # 2026-11-23
DAY = 86_400
NAT = WantedMetric("AWS/NATGateway", "BytesOutToSource", (("NatGatewayId", "nat-1"),), "Sum")
IDLE = WantedMetric("AWS/NATGateway", "ErrorPortAllocation", (("NatGatewayId", "nat-1"),), "Sum")


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(MIDNIGHT + seconds, UTC)


@pytest.fixture
def cloudwatch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    with Stubber(client(ACCESS, "cloudwatch")) as stub:
        yield stub
    stub.assert_no_pending_responses()


def report(*datapoints: dict[str, Any], contributors: Any = ()) -> dict[str, Any]:
    return {
        "KeyLabels": ["srcaddr", "dstaddr"],
        "AggregationStatistic": "Sum",
        "AggregateValue": 12.0,
        "ApproximateUniqueCount": 1,
        "Contributors": list(contributors),
        "MetricDatapoints": list(datapoints),
    }


def test_a_report_gives_the_rule_s_metrics_and_its_contributors(cloudwatch: Stubber) -> None:
    who = {
        "Keys": ["10.0.1.5", "203.0.113.5"],
        "ApproximateAggregateValue": 12.0,
        "Datapoints": [{"Timestamp": at(60), "ApproximateValue": 12.0}],
    }
    cloudwatch.add_response(
        "get_insight_rule_report",
        report({"Timestamp": at(60), "Sum": 12.0, "SampleCount": 3.0}, contributors=[who]),
        {
            "RuleName": "lakeferry-m1.nat", "StartTime": at(0), "EndTime": at(3600), "Period": 60,
            "MaxContributorCount": 10, "Metrics": ANY, "OrderBy": "Sum",
        },
    )  # fmt: skip
    found = rule_points(ACCESS, "lakeferry-m1.nat", start_s=MIDNIGHT, end_s=MIDNIGHT + 3600)
    assert [(one.at_s, one.detail, one.statistic, one.value) for one in found] == [
        (MIDNIGHT + 60, "", "SampleCount", 3.0),
        (MIDNIGHT + 60, "", "Sum", 12.0),
        (MIDNIGHT + 60, "10.0.1.5 203.0.113.5", CONTRIBUTOR, 12.0),
    ]


def test_a_report_is_asked_for_day_by_day(cloudwatch: Stubber) -> None:
    asked = [(at(80_000), at(DAY)), (at(DAY), at(2 * DAY)), (at(2 * DAY), at(2 * DAY + 60))]
    for number, (start, end) in enumerate(asked):
        cloudwatch.add_response(
            "get_insight_rule_report",
            report({"Timestamp": start, "Sum": float(number)}),
            {
                "RuleName": "r", "StartTime": start, "EndTime": end, "Period": 300,
                "MaxContributorCount": 5, "Metrics": ANY, "OrderBy": "Sum",
            },
        )  # fmt: skip
    found = rule_points(
        ACCESS, "r", start_s=MIDNIGHT + 80_000, end_s=MIDNIGHT + 2 * DAY + 60, period_s=300,
        contributors=5, pause_s=0,
    )  # fmt: skip
    assert [one.value for one in found] == [0.0, 1.0, 2.0]


def test_metrics_are_read_over_all_pages(cloudwatch: Stubber) -> None:
    request = {
        "MetricDataQueries": [
            {
                "Id": id,
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/NATGateway",
                        "MetricName": name,
                        "Dimensions": [{"Name": "NatGatewayId", "Value": "nat-1"}],
                    },
                    "Period": 60,
                    "Stat": "Sum",
                },
            }
            for id, name in (("m0", "BytesOutToSource"), ("m1", "ErrorPortAllocation"))
        ],
        "StartTime": at(0),
        "EndTime": at(600),
        "ScanBy": "TimestampAscending",
    }
    first = {"Id": "m0", "Label": "x", "Timestamps": [at(0)], "Values": [5.0],
             "StatusCode": "PartialData"}  # fmt: skip
    second = {"Id": "m0", "Label": "x", "Timestamps": [at(60)], "Values": [7.0],
              "StatusCode": "Complete"}  # fmt: skip
    empty = {"Id": "m1", "Label": "y", "Timestamps": [], "Values": [], "StatusCode": "Complete"}
    cloudwatch.add_response(
        "get_metric_data", {"MetricDataResults": [first, empty], "NextToken": "more"}, request
    )
    cloudwatch.add_response(
        "get_metric_data", {"MetricDataResults": [second]}, {**request, "NextToken": "more"}
    )
    found = list(metric_points(ACCESS, [NAT, IDLE], start_s=MIDNIGHT, end_s=MIDNIGHT + 600))
    assert found == [
        Point(MIDNIGHT, 60, "AWS/NATGateway", "BytesOutToSource", "NatGatewayId=nat-1", "Sum", 5.0),
        Point(
            MIDNIGHT + 60, 60, "AWS/NATGateway", "BytesOutToSource", "NatGatewayId=nat-1", "Sum",
            7.0,
        ),
    ]  # fmt: skip


def test_a_metric_that_may_not_be_read_is_named(cloudwatch: Stubber) -> None:
    cloudwatch.add_response(
        "get_metric_data",
        {"MetricDataResults": [{"Id": "m0", "StatusCode": "Forbidden", "Timestamps": [],
                                "Values": []}]},
    )  # fmt: skip
    with pytest.raises(FerryError, match=r"LF-6251.*AWS/NATGateway BytesOutToSource"):
        list(metric_points(ACCESS, [NAT], start_s=MIDNIGHT, end_s=MIDNIGHT + 60))


def test_a_missing_right_is_named_with_its_action(cloudwatch: Stubber) -> None:
    cloudwatch.add_client_error(
        "get_insight_rule_report", "AccessDeniedException",
        "User: arn:aws:iam::123456789012:user/x is not authorized to perform: "
        "cloudwatch:GetInsightRuleReport on resource: "
        "arn:aws:cloudwatch:us-east-1:123456789012:insight-rule/r", 403,
    )  # fmt: skip
    with pytest.raises(FerryError, match="cloudwatch:GetInsightRuleReport"):
        list(rule_points(ACCESS, "r", start_s=MIDNIGHT, end_s=MIDNIGHT + 60))


def test_windows_end_at_midnight_of_utc() -> None:
    assert list(windows(MIDNIGHT - 60, MIDNIGHT + DAY + 1)) == [
        (MIDNIGHT - 60, MIDNIGHT),
        (MIDNIGHT, MIDNIGHT + DAY),
        (MIDNIGHT + DAY, MIDNIGHT + DAY + 1),
    ]
    assert list(windows(MIDNIGHT, MIDNIGHT)) == []
