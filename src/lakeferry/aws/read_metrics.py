"""Past values of metrics and of Contributor Insights rules, window by window.

Source: CloudWatch API Reference, `GetMetricData` (at most 500 metrics a request) and
`GetInsightRuleReport` (at most 24 h a request, and 15 days back).
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lakeferry.connect.aws import AwsAccess, call
from lakeferry.errors import FerryError

DAY = 86_400
KEPT_S = 15 * DAY  # that CloudWatch keeps rules' reports, and values of one minute
MOST_METRICS = 500  # of one request
MOST_CONTRIBUTORS = 100  # of one report
PAUSE_S = 0.1  # between reports: half of 20 a second, which the account shares
INSIGHT_METRICS = (
    "UniqueContributors", "MaxContributorValue", "SampleCount", "Sum", "Minimum", "Maximum",
    "Average",
)  # fmt: skip
CONTRIBUTOR = "Contributor"  # the statistic of one contributor's value
RULES = "insight-rule"  # stands for the namespace of a rule's values


@dataclass(frozen=True, slots=True)
class WantedMetric:
    """One statistic of one metric."""

    namespace: str  # 'AWS/NATGateway'
    name: str
    dimensions: tuple[tuple[str, str], ...]  # sorted
    statistic: str  # 'Sum', 'Maximum', ...


@dataclass(frozen=True, slots=True)
class Point:
    """One value of one period."""

    at_s: int  # begin of the period, UTC
    period_s: int
    namespace: str  # RULES for a rule
    name: str  # of the metric or the rule
    detail: str  # dimensions, `a=b,c=d`; or a contributor's keys between blanks
    statistic: str
    value: float


def metric_points(
    access: AwsAccess,
    wanted: Sequence[WantedMetric],
    *,
    start_s: int,
    end_s: int,
    period_s: int = 60,
) -> Iterator[Point]:
    """Values with start <= time < end, a day of a few metrics at a time.

    Raises:
        FerryError: LF-6251 where CloudWatch gives only a part; LF-1201 to LF-1206.
    """
    for first in range(0, len(wanted), MOST_METRICS):
        part = wanted[first : first + MOST_METRICS]
        for start, end in windows(start_s, end_s):
            yield from _window(access, part, start, end, period_s)


def _window(
    access: AwsAccess, wanted: Sequence[WantedMetric], start_s: int, end_s: int, period_s: int
) -> Iterator[Point]:
    by_id = {f"m{at}": one for at, one in enumerate(wanted)}
    queries = [_query(id, one, period_s) for id, one in by_id.items()]
    token: str | None = None
    while True:
        more: dict[str, Any] = {"NextToken": token} if token else {}
        answer = call(
            access, "cloudwatch", "get_metric_data", MetricDataQueries=queries,
            StartTime=_instant(start_s), EndTime=_instant(end_s), ScanBy="TimestampAscending",
            **more,
        )  # fmt: skip
        for found in answer.get("MetricDataResults", ()):
            yield from _points(by_id[found["Id"]], found, period_s)
        token = answer.get("NextToken")
        if not token:
            return


def _query(id: str, one: WantedMetric, period_s: int) -> dict[str, Any]:
    metric = {
        "Namespace": one.namespace,
        "MetricName": one.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in one.dimensions],
    }
    return {"Id": id, "MetricStat": {"Metric": metric, "Period": period_s, "Stat": one.statistic}}


def _points(one: WantedMetric, found: Mapping[str, Any], period_s: int) -> Iterator[Point]:
    if found.get("StatusCode") in ("InternalError", "Forbidden"):
        said = "; ".join(each.get("Value", "") for each in found.get("Messages", ()))
        raise FerryError(
            "LF-6251",
            f"CloudWatch did not give {one.namespace} {one.name}: {found['StatusCode']} {said}",
            _detail(one),
            "run again; for Forbidden, let the role call cloudwatch:GetMetricData",
        )
    for at, value in zip(found.get("Timestamps", ()), found.get("Values", ()), strict=True):
        yield Point(
            _seconds(at), period_s, one.namespace, one.name, _detail(one), one.statistic, value
        )


def _detail(one: WantedMetric) -> str:
    return ",".join(f"{name}={value}" for name, value in one.dimensions)


def rule_points(
    access: AwsAccess,
    rule: str,
    *,
    start_s: int,
    end_s: int,
    period_s: int = 60,
    contributors: int = 10,
    pause_s: float = PAUSE_S,
) -> Iterator[Point]:
    """A rule's metrics and its greatest contributors, with start <= time < end.

    Every 24 h is a request of its own, after a pause: the quota of requests is the account's.

    Raises:
        FerryError: LF-1201 to LF-1206.
    """
    for number, (start, end) in enumerate(windows(start_s, end_s)):
        if number:
            time.sleep(pause_s)
        answer = call(
            access, "cloudwatch", "get_insight_rule_report", on=rule, RuleName=rule,
            StartTime=_instant(start), EndTime=_instant(end), Period=period_s,
            MaxContributorCount=contributors, Metrics=list(INSIGHT_METRICS), OrderBy="Sum",
        )  # fmt: skip
        yield from _report(rule, answer, period_s)


def _report(rule: str, answer: Mapping[str, Any], period_s: int) -> Iterator[Point]:
    for found in answer.get("MetricDatapoints", ()):
        at = _seconds(found["Timestamp"])
        for name in INSIGHT_METRICS:
            if name in found:
                yield Point(at, period_s, RULES, rule, "", name, found[name])
    for who in answer.get("Contributors", ()):
        keys = " ".join(who["Keys"])
        for found in who.get("Datapoints", ()):
            at, value = _seconds(found["Timestamp"]), found["ApproximateValue"]
            yield Point(at, period_s, RULES, rule, keys, CONTRIBUTOR, value)


def windows(start_s: int, end_s: int) -> Iterator[tuple[int, int]]:
    """[start, end) cut at midnights of UTC: none is longer than a day."""
    at = start_s
    while at < end_s:
        end = min(end_s, (at // DAY + 1) * DAY)
        yield at, end
        at = end


def _instant(at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
