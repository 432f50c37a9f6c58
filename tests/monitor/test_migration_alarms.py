"""Alarms of the migration itself: only where the manifest gives a limit, on metrics of our own."""

import json
from decimal import Decimal
from pathlib import Path

from lakeferry.config.read import read_manifest
from lakeferry.monitor.choice_problems import problems
from lakeferry.monitor.settings import AlarmLimit
from lakeferry.monitor.wanted.migration_alarms import migration_alarms
from lakeferry.network.resources import Alarm, Dashboard
from tests.monitor.test_choices import request
from tests.monitor.wishes import named, of_kind, settings, wanted

LIMITS = {"lag": AlarmLimit(2.0, "factor"), "cost-forecast": AlarmLimit(20_000.0, "usd")}
MANIFEST = """network: {region: eu-west-1}
alarms: {rules: {lag: {limit: 2x}, cost-forecast: {limit_usd: 20000}}}
"""


def test_each_has_the_limit_that_the_manifest_gives(tmp_path: Path) -> None:
    lag, cost = migration_alarms(request(tmp_path, MANIFEST).settings)

    assert (lag.name, lag.threshold, lag.comparison, lag.missing) == (
        "lakeferry-m1.lag", 2.0, "GreaterThanThreshold", "missing",
    )  # fmt: skip
    assert (cost.name, cost.threshold, cost.missing) == (
        "lakeferry-m1.cost-forecast", 20_000.0, "ignore",
    )  # fmt: skip
    metrics = [one for alarm in (lag, cost) for one in alarm.metrics]
    assert [(one.namespace, one.metric, one.dimensions, one.statistic) for one in metrics] == [
        ("Lakeferry", "LagRatio", (("Migration", "m1"),), "Maximum"),
        ("Lakeferry", "CostForecast", (("Migration", "m1"),), "Maximum"),
    ]


def test_a_late_table_rings_after_a_quarter_of_an_hour_and_a_forecast_at_once() -> None:
    lag, cost = migration_alarms(settings(alarms=LIMITS))

    assert (lag.metrics[0].period_s * lag.datapoints, cost.datapoints) == (900, 1)


def test_they_tell_whom_the_others_tell() -> None:
    arn = "arn:aws:sns:eu-west-1:111122223333:alerts"

    for one in migration_alarms(settings(alarms=LIMITS, notify=(arn,))):
        assert one.actions == one.ok_actions == (arn,)


def test_without_a_limit_there_is_none() -> None:
    off = {"lag": AlarmLimit(None), "cost-forecast": AlarmLimit(None)}

    assert [*migration_alarms(settings())] == [*migration_alarms(settings(alarms=off))] == []


def test_a_limit_that_is_missing_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "lakeferry.yaml"
    file.write_text("version: 1\nalarms: {rules: {lag: {}, cost-forecast: {limit: 20000}}}\n")

    found = problems(read_manifest(str(file)).manifest)

    assert [(one.code, one.what, one.next_step) for one in found] == [
        (
            "LF-2001", "alarms.rules.lag: it has no limit, so it could never ring",
            "write a multiple of lag_target: `2x`",
        ),
        (
            "LF-2001", "alarms.rules.cost-forecast: `20000` is not what it is held against",
            "write dollars, as `limit_usd: 20000`",
        ),
    ]  # fmt: skip


def test_the_plan_has_them_with_graphs_and_what_they_and_their_metrics_cost() -> None:
    made = wanted(alarms=LIMITS)

    (cost,) = (one for one in made.costs if one.name == "lakeferry-m1.lag")
    assert named(made, Alarm, ".lag").tags == named(made, Alarm, ".cost-forecast").tags
    assert cost.usd == Decimal("0.10") + Decimal("0.30")
    (board,) = of_kind(made, Dashboard)
    graphs = {one["properties"].get("title"): one["properties"] for one in
              json.loads(board.body)["widgets"]}  # fmt: skip
    assert graphs["Furthest behind"]["metrics"][0][:4] == [
        "Lakeferry", "LagRatio", "Migration", "m1",
    ]  # fmt: skip
    assert graphs["Cost of the migration, foreseen"]["annotations"]["horizontal"] == [
        {"label": "limit", "value": 20_000.0}
    ]
