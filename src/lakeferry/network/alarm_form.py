"""A request of `PutMetricAlarm` as a value, checked as the service checks it."""

import re
from collections.abc import Mapping
from typing import Any

from lakeferry.errors import FerryError
from lakeferry.network.resources import Alarm, MetricQuery
from lakeferry.network.rule_report import METRICS, unknown_metric

COMPARISONS = (
    "GreaterThanThreshold", "GreaterThanOrEqualToThreshold",
    "LessThanThreshold", "LessThanOrEqualToThreshold",
)  # fmt: skip
MISSING = ("missing", "ignore", "breaching", "notBreaching")
_OF_RULE = re.compile(r"""INSIGHT_RULE_METRIC\(\s*["'][^"']*["']\s*,\s*["']([^"']*)["']""", re.I)
LONGEST_S = 86_400  # EvaluationPeriods times Period


def alarm_of(request: Mapping[str, Any]) -> Alarm:
    """The alarm of a request. Raises LF-6304 naming what the service would refuse, LF-6303."""
    name = str(request.get("AlarmName", ""))
    if not name:
        raise unfit("", "it has no AlarmName")
    try:
        periods = int(request["EvaluationPeriods"])
        alarm = Alarm(
            name=name,
            description=str(request.get("AlarmDescription", "")),
            metrics=_queries(request),
            comparison=str(request["ComparisonOperator"]),
            threshold=float(request["Threshold"]),
            periods=periods,
            datapoints=int(request.get("DatapointsToAlarm", periods)),
            missing=str(request.get("TreatMissingData", "missing")),
            actions=tuple(map(str, request.get("AlarmActions", ()))),
            ok_actions=tuple(map(str, request.get("OKActions", ()))),
        )
    except KeyError as error:
        raise unfit(name, f"{error.args[0]} is missing") from error
    except (TypeError, ValueError) as error:
        raise unfit(name, str(error)) from error
    for query in alarm.metrics:
        for metric in _OF_RULE.findall(query.expression):
            if metric not in METRICS:
                raise unknown_metric(metric, f"alarm `{name}`")
    said = _fault(alarm)
    if said:
        raise unfit(name, said)
    return alarm


def _queries(request: Mapping[str, Any]) -> tuple[MetricQuery, ...]:
    if "Metrics" in request:
        return tuple(_query(one) for one in request["Metrics"])
    statistic = request.get("Statistic") or request.get("ExtendedStatistic") or ""
    return (
        MetricQuery(
            id="m1",
            period_s=int(request["Period"]),
            namespace=str(request["Namespace"]),
            metric=str(request["MetricName"]),
            dimensions=_dimensions(request),
            statistic=str(statistic),
        ),
    )


def _query(one: Mapping[str, Any]) -> MetricQuery:
    returned = one.get("ReturnData", True)
    if "Expression" in one:
        return MetricQuery(
            id=str(one["Id"]),
            period_s=int(one.get("Period", 60)),
            expression=str(one["Expression"]),
            label=str(one.get("Label", "")),
            returned=bool(returned),
        )
    stat = one["MetricStat"]
    return MetricQuery(
        id=str(one["Id"]),
        period_s=int(stat["Period"]),
        namespace=str(stat["Metric"].get("Namespace", "")),
        metric=str(stat["Metric"].get("MetricName", "")),
        dimensions=_dimensions(stat["Metric"]),
        statistic=str(stat["Stat"]),
        label=str(one.get("Label", "")),
        returned=bool(returned),
    )


def _dimensions(metric: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(d["Name"]), str(d["Value"])) for d in metric.get("Dimensions", ())))


def _fault(alarm: Alarm) -> str:
    """What the service would refuse; '' where it would not."""
    returned = [query for query in alarm.metrics if query.returned]
    longest = max((query.period_s for query in alarm.metrics), default=0) * alarm.periods
    faults = {
        "exactly one of Metrics must have ReturnData": len(returned) != 1,
        "ids of Metrics must differ": len({q.id for q in alarm.metrics}) != len(alarm.metrics),
        f"ComparisonOperator is one of {', '.join(COMPARISONS)}": (
            alarm.comparison not in COMPARISONS
        ),
        f"TreatMissingData is one of {', '.join(MISSING)}": alarm.missing not in MISSING,
        "EvaluationPeriods is at least 1": alarm.periods < 1,
        "DatapointsToAlarm lies between 1 and EvaluationPeriods": not (
            1 <= alarm.datapoints <= alarm.periods
        ),
        "a Period is at least 1 s": any(query.period_s < 1 for query in alarm.metrics),
        f"EvaluationPeriods times Period is at most {LONGEST_S} s": longest > LONGEST_S,
    }
    return next((said for said, wrong in faults.items() if wrong), "")


def unfit(name: str, said: str) -> FerryError:
    return FerryError(
        "LF-6304", f"the alarm `{name}` cannot be understood", said, "correct the request"
    )
