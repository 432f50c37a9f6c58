"""What a rule reports: contributors, their values by period, and the rule's metrics. Exact.

CloudWatch's own values are approximate and doubles; ours are neither. Source: CloudWatch API
reference, GetInsightRuleReport; User Guide, "INSIGHT_RULE_METRIC".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from lakeferry.errors import FerryError
from lakeferry.network.contributions import Key, Share
from lakeferry.network.event_columns import Number
from lakeferry.network.rule_tally import Tally
from lakeferry.network.rule_value import Rule
from lakeferry.network.shares import PeriodShare, Ranked, Scope, Shares

METRICS = (
    "UniqueContributors", "MaxContributorValue", "SampleCount", "Sum", "Minimum", "Maximum",
    "Average",
)  # fmt: skip
ORDERS = ("Sum", "Maximum")
MOST_CONTRIBUTORS = 100  # MaxContributorCount


@dataclass(frozen=True, slots=True)
class PeriodMetrics:
    """The metrics of a rule in one period; a period without a matching event has none."""

    start_s: int  # UTC
    contributors: int
    top: Number  # the value of the contributor that has most
    samples: int
    sum: Number
    minimum: Number  # of a single event
    maximum: Number

    def value(self, metric: str) -> Number | float:
        """One of METRICS. Raises LF-6303 for another word."""
        if metric == "Average":
            return plain_number(self.sum / self.samples)
        if metric not in _MEMBERS:
            raise unknown_metric(metric)
        found: Number = getattr(self, _MEMBERS[metric])
        return found


_MEMBERS = {
    "UniqueContributors": "contributors",
    "MaxContributorValue": "top",
    "SampleCount": "samples",
    "Sum": "sum",
    "Minimum": "minimum",
    "Maximum": "maximum",
}


@dataclass(frozen=True, slots=True)
class RuleReport:
    """All that one rule found in a log."""

    rule: Rule
    found: Shares
    scope: Scope
    tally: Tally = field(default_factory=Tally)

    @property
    def period_s(self) -> int:
        return self.scope.period_s

    @property
    def shares(self) -> Mapping[Key, Mapping[int, Share]]:
        """All shares by contributor and by start of the period (s): an object for each."""
        return self.found.of(self.scope, None)

    @property
    def total(self) -> Number:
        """Over all contributors and periods: the sum, or the count."""
        return sum((one.all.value for one in self.found.by_period(self.scope).values()), 0)

    @property
    def periods(self) -> tuple[PeriodMetrics, ...]:
        """Metrics of each period in which an event matched, by time."""
        found = self.found.by_period(self.scope)
        return tuple(_metrics(start_s, one) for start_s, one in found.items())

    def ranked(self, order_by: str = "Sum", most: int | None = None) -> Ranked:
        """The contributors that have most; None: all of them, ordered."""
        return self.found.ranked(self.scope, order_by, most)

    def series(self, metric: str) -> dict[int, Number | float]:
        """What INSIGHT_RULE_METRIC(rule, metric) gives: values by start of the period (s)."""
        if metric not in METRICS:
            raise unknown_metric(metric)
        return {one.start_s: one.value(metric) for one in self.periods}


def _metrics(start_s: int, one: PeriodShare) -> PeriodMetrics:
    return PeriodMetrics(
        start_s=start_s,
        contributors=one.contributors,
        top=one.top,
        samples=one.all.samples,
        sum=one.all.value,
        minimum=one.all.minimum,
        maximum=one.all.maximum,
    )


def unknown_metric(metric: str, where: str = "") -> FerryError:
    known = f"known: {', '.join(METRICS)}"
    return FerryError(
        "LF-6303",
        f"a rule has no metric `{metric}`",
        f"{where}; {known}" if where else known,
        "name one of them; case matters",
    )


def rolled_up(report: RuleReport, period_s: int) -> RuleReport:
    """The same over longer periods: exact, for every share is kept by contributor."""
    if period_s == report.period_s:
        return report
    if period_s % report.period_s:
        raise ValueError(f"{period_s} s is no multiple of {report.period_s} s")
    return replace(report, scope=replace(report.scope, period_s=period_s))


def report_body(
    report: RuleReport,
    *,
    max_contributors: int = 10,
    metrics: Sequence[str] = METRICS,
    order_by: str = "Sum",
    start_s: int | None = None,
    end_s: int | None = None,
) -> dict[str, Any]:
    """The report in the shape of `GetInsightRuleReport`'s answer.

    Args:
        start_s, end_s: only periods with start_s <= start < end_s; None: all.

    Values are int where they are whole, of any size; timestamps are datetimes in UTC. Ties go by
    the bytes of the keys, ascending. AggregateValue is of all contributors, not of those shown.
    """
    for metric in metrics:
        if metric not in METRICS:
            raise unknown_metric(metric)
    if order_by not in ORDERS:
        raise FerryError(
            "LF-6303", f"contributors cannot be ordered by `{order_by}`", "known: Sum, Maximum",
            "name one of them",
        )  # fmt: skip
    shown = _within(report, start_s, end_s)
    ranked = shown.ranked(order_by, max_contributors)
    shares = shown.found.of(shown.scope, [key for key, _ in ranked.top])
    return {
        "KeyLabels": list(report.rule.keys),
        "AggregationStatistic": report.rule.aggregate_on,
        "AggregateValue": plain_number(shown.total),
        "ApproximateUniqueCount": ranked.contributors,
        "Contributors": [
            {
                "Keys": list(key),
                "ApproximateAggregateValue": plain_number(value),
                "Datapoints": [
                    {"Timestamp": _time(at), "ApproximateValue": plain_number(share.value)}
                    for at, share in sorted(shares[key].items())
                ],
            }
            for key, value in ranked.top
        ],
        "MetricDatapoints": [
            {"Timestamp": _time(one.start_s)}
            | {metric: plain_number(one.value(metric)) for metric in metrics}
            for one in (shown.periods if metrics else ())
        ],
    }


def _within(report: RuleReport, start_s: int | None, end_s: int | None) -> RuleReport:
    return replace(report, scope=Scope(report.period_s, start_s, end_s))


def plain_number(number: Number | float) -> int | float:
    """An int where it is whole, else the nearest double."""
    if isinstance(number, int):
        return number
    return int(number) if number == int(number) else float(number)


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
