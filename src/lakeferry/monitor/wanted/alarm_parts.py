"""The parts that every alarm is made of: names, limits, metric queries.

Source: CloudWatch API reference, PutMetricAlarm, MetricDataQuery.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted.notify import actions_of
from lakeferry.network.resources import Alarm, MetricQuery
from lakeferry.network.rule_set import WantedRule

GREATER, GREATER_OR_EQUAL, LESS = (
    "GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold",
)  # fmt: skip
INFORMS = True


@dataclass(frozen=True, slots=True)
class Kind:
    """How datapoints become a state: `datapoints` of `periods` beyond the limit."""

    period_s: int
    datapoints: int  # M
    periods: int  # N
    missing: str
    quiet: bool = False  # seen on the dashboard, wakes nobody
    comparison: str = GREATER


def alarm_name(settings: MonitorSettings, suffix: str) -> str:
    return settings.prefix + suffix


def limit_of(
    settings: MonitorSettings, name: str, usual: float | None, period_s: int
) -> float | None:
    """The threshold of one datapoint; None where the alarm is off or nothing gives a limit."""
    given = settings.alarms.get(name)
    if given is None:
        return usual
    if given.value is None:
        return usual if given.kind else None
    factors: Mapping[str, float] = {"bytes_per_s": period_s, "seconds": 1000}
    return given.value * factors.get(given.kind, 1)


def alarm(
    settings: MonitorSettings,
    suffix: str,
    said: str,
    metrics: tuple[MetricQuery, ...],
    limit: float,
    kind: Kind,
    more_actions: tuple[str, ...] = (),
) -> Alarm:
    """An alarm of the deployment; those that are not quiet tell when it is over, too."""
    told = () if kind.quiet else actions_of(settings)
    return Alarm(
        name=alarm_name(settings, suffix),
        description=said,
        metrics=metrics,
        comparison=kind.comparison,
        threshold=limit,
        periods=kind.periods,
        datapoints=kind.datapoints,
        missing=kind.missing,
        actions=(*more_actions, *told),
        ok_actions=told,
        tags=settings.all_tags,
    )


def rule_metric(
    rule: WantedRule, metric: str, period_s: int, *, id: str = "m1", returned: bool = True
) -> MetricQuery:
    """A metric of a Contributor Insights rule."""
    expression = f'INSIGHT_RULE_METRIC("{rule.name}","{metric}")'
    return MetricQuery(id, period_s, expression, label=rule.why, returned=returned)


def expression(id: str, text: str, period_s: int, label: str = "") -> MetricQuery:
    """The result of metric math over the other queries."""
    return MetricQuery(id, period_s, text, label=label)


def service_metric(
    namespace: str,
    metric: str,
    dimensions: Mapping[str, str],
    statistic: str,
    period_s: int,
    *,
    id: str = "m1",
    returned: bool = True,
) -> MetricQuery:
    """A metric that an AWS service publishes."""
    return MetricQuery(
        id=id,
        period_s=period_s,
        namespace=namespace,
        metric=metric,
        dimensions=tuple(sorted(dimensions.items())),
        statistic=statistic,
        label=metric,
        returned=returned,
    )


def plain_metric(one: Alarm) -> MetricQuery | None:
    """The metric of an alarm on one alone, without math: EC2's own actions need that form."""
    if len(one.metrics) == 1 and not one.metrics[0].expression:
        return one.metrics[0]
    return None
