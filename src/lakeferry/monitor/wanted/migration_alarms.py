"""Alarms and graphs of the migration itself: tables that lag, and the dollars that are foreseen.

No service knows these, so whoever runs `sync` or `status --live` puts them as metrics of our own.
Silence of the lag is told as such (INSUFFICIENT_DATA): nobody looks, which is neither well nor ill.
A forecast stays what it was while nothing moves.

Source: CloudWatch User Guide, "Publish custom metrics", "Configuring how CloudWatch alarms treat
missing data" (a lone datapoint decides where others are missing, but with `ignore` it must be all
that is asked for); Service Authorization Reference of CloudWatch.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lakeferry.catalog.rights import Statement, statement
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted.alarm_parts import Kind, alarm, limit_of, service_metric
from lakeferry.network.resources import Alarm

NAMESPACE, DIMENSION = "Lakeferry", "Migration"
LAG, FORECAST = "LagRatio", "CostForecast"

# By the names that the manifest uses, and in what the limit of one is given.
ALARMS: Mapping[str, str] = {"lag": "factor", "cost-forecast": "usd"}
METRICS: Mapping[str, str] = {"lag": LAG, "cost-forecast": FORECAST}

_KINDS: Mapping[str, Kind] = {
    "lag": Kind(300, 3, 3, "missing"),
    "cost-forecast": Kind(300, 1, 1, "ignore"),
}
_SAID: Mapping[str, str] = {
    "lag": (
        "a table is further behind its source than so many times its lag_target; see which: "
        "lakeferry status --by table"
    ),
    "cost-forecast": (
        "what moved and what is left of the migration comes to more dollars by the plan's prices"
    ),
}


def migration_alarms(settings: MonitorSettings) -> Iterator[Alarm]:
    """One for each of the two that has a limit; without one there is none."""
    for name, kind in _KINDS.items():
        limit = limit_of(settings, name, None, kind.period_s)
        if limit is not None:
            dimensions = {DIMENSION: settings.deployment}
            metric = service_metric(NAMESPACE, METRICS[name], dimensions, "Maximum", kind.period_s)
            yield alarm(settings, name, _SAID[name], (metric,), limit, kind)


def right_to_put(role: str | None) -> Iterator[Statement]:
    """What whoever puts the metrics needs; PutMetricData knows no resources, but namespaces.

    Args:
        role: ARN of the role that is taken for it; None: it is who runs the command.
    """
    allowed = statement("PutMetrics", ("cloudwatch:PutMetricData",), ("*",))
    yield {**allowed, "Condition": {"StringEquals": {"cloudwatch:namespace": NAMESPACE}}}
    if role is not None and role.startswith("arn:"):
        yield statement("TakeRoleOfAlarms", ("sts:AssumeRole",), [role])


# ---- graphs

Rows = list[list[Any]]
Graph = tuple[str, Rows, str, Sequence[Mapping[str, Any]]]  # title, rows, unit, lines


def migration_graphs(settings: MonitorSettings) -> Iterator[Graph]:
    """What the dashboard shows of each that has an alarm."""
    for name, title, unit in (
        ("lag", "Furthest behind", "times its lag_target"),
        ("cost-forecast", "Cost of the migration, foreseen", "dollars"),
    ):
        limit = limit_of(settings, name, None, 0)
        if limit is not None:
            options = {"stat": "Maximum", "period": 300}
            row = [NAMESPACE, METRICS[name], DIMENSION, settings.deployment, options]
            yield title, [row], unit, ({"label": "limit", "value": limit},)
