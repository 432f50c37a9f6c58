"""A stream's alarms tell a person in time: read late, refused, soon gone."""

import json
from pathlib import Path
from typing import Any

import pytest

from lakeferry.monitor.settings import AlarmLimit, MonitorSettings
from lakeferry.monitor.wanted.alarms import alarms
from lakeferry.monitor.wanted.own_cost import MonthlyCost
from lakeferry.monitor.wanted.stream_alarms import stream_alarms, stream_graphs
from lakeferry.network.resources import Alarm, Dashboard
from lakeferry.network.rule_set import RuleSet
from tests.monitor.test_choices import request
from tests.monitor.wishes import full, of_kind, settings, wanted
from tests.network.sample_scenario import topology

DAY = 86_400.0


def made(**chosen: Any) -> dict[str, Alarm]:
    """The alarms of the stream `clicks`, by what they tell."""
    asked: MonitorSettings = settings(streams=("clicks",), **chosen)
    return {one.name.split(".")[1]: one for one in stream_alarms(asked)}


def test_each_stream_has_an_alarm_for_each_way_to_fail() -> None:
    found = [one.name for one in stream_alarms(settings(streams=("clicks", "views")))]

    assert [one.removeprefix("lakeferry-m1.") for one in found[:6]] == [
        "stream-behind.clicks", "stream-read-throttled.clicks", "stream-write-throttled.clicks",
        "stream-read-failed.clicks", "stream-put-failed.clicks", "stream-loss.clicks",
    ]  # fmt: skip
    assert len(found) == 12


def test_what_is_left_until_loss_is_the_retention_less_the_age_of_what_is_read() -> None:
    loss = made(retentions_s={"clicks": 7 * DAY})["stream-loss"]
    age, left = loss.metrics

    assert (age.metric, age.statistic, age.returned) == (
        "GetRecords.IteratorAgeMilliseconds", "Maximum", False,
    )  # fmt: skip
    assert left.expression == "604800000 - m1"
    assert (loss.comparison, loss.threshold) == ("LessThanThreshold", 43_200_000)


def test_of_a_stream_that_keeps_records_for_a_day_half_a_day_must_be_left() -> None:
    assert made()["stream-loss"].metrics[1].expression == "86400000 - m1"
    assert made()["stream-loss"].threshold == 43_200_000
    assert made(retentions_s={"clicks": DAY / 2})["stream-loss"].threshold == 21_600_000


def test_a_stream_that_nobody_reads_is_soon_lost_and_has_no_metric() -> None:
    assert made()["stream-loss"].missing == "breaching"
    assert made()["stream-behind"].missing == "missing"


def test_a_limit_for_loss_is_given_in_seconds() -> None:
    limits = {"stream-loss": AlarmLimit(3600.0, "seconds"), "stream-put-failed": AlarmLimit(None)}

    found = made(alarms=limits)

    assert found["stream-loss"].threshold == 3_600_000
    assert "stream-put-failed" not in found


def test_calls_that_fail_are_told_by_the_share_that_succeeds() -> None:
    failing = made()["stream-read-failed"]

    assert (failing.comparison, failing.threshold) == ("LessThanThreshold", 0.9)
    assert (failing.metrics[0].metric, failing.metrics[0].statistic) == (
        "GetRecords.Success", "Average",
    )  # fmt: skip


def test_a_stream_of_which_nothing_is_known_is_told() -> None:
    assert any("24 hours" in note and "clicks" in note for note in wanted().notes)
    assert not any("24 hours" in note for note in wanted(retentions_s={"clicks": DAY}).notes)


def test_the_dashboard_shows_rates_records_lateness_and_refusals() -> None:
    (board,) = of_kind(wanted(), Dashboard)
    titles = [one["properties"].get("title", "") for one in json.loads(board.body)["widgets"]]

    assert [one for one in titles if one.startswith("Stream")] == [
        "Stream clicks", "Stream clicks: records", "Stream clicks: how late it is read",
        "Stream clicks: refused",
    ]  # fmt: skip


def test_the_line_in_the_graph_of_lateness_is_where_records_are_gone() -> None:
    asked = settings(streams=("clicks",), retentions_s={"clicks": 2 * DAY})

    (line,) = next(lines for title, _, _, lines in stream_graphs(asked) if "how late" in title)

    assert line == {"label": "gone from here on", "value": 172_800_000}


def test_each_alarm_of_a_stream_reads_one_metric_and_is_priced_so() -> None:
    costs: list[MonthlyCost] = [one for one in wanted().costs if ".stream-" in one.name]

    assert len(costs) == 6
    assert {one.basis.partition(" (")[0] for one in costs} == {"1 metric read"}


def test_alarms_of_streams_are_among_those_of_a_deployment() -> None:
    names = [one.name for one in alarms(topology(), RuleSet((), ()), full())]

    assert "lakeferry-m1.stream-loss.clicks" in names


@pytest.mark.parametrize(
    ("source", "watched"),
    [
        ("kinesis://eu-west-1/clicks", ("clicks",)),
        ("arn:aws:kinesis:eu-west-1:111122223333:stream/clicks", ("clicks",)),
        ("clicks", ("clicks",)),
        ("kinesis://us-east-1/clicks", ()),
        ("arn:aws:kinesis:us-east-1:111122223333:stream/clicks", ()),
    ],
)
def test_streams_that_are_ingested_in_the_region_are_watched(
    tmp_path: Path, source: str, watched: tuple[str, ...]
) -> None:
    text = (
        "network: {region: eu-west-1}\n"
        f'streams: {{a: {{from: "{source}", to: "s3://lake/a", schema: "id STRING"}}}}\n'
    )

    assert request(tmp_path, text).settings.watched_streams == watched


INGESTED = 'streams: {a: {from: clicks, to: "s3://lake/a", schema: "id STRING"}}\n'


def test_an_ingest_alone_does_not_narrow_the_policy_of_an_endpoint(tmp_path: Path) -> None:
    """Producers may write other streams through it."""
    chosen = request(tmp_path, f"network: {{region: eu-west-1}}\n{INGESTED}").settings

    assert (chosen.streams, chosen.watched_streams) == ((), ("clicks",))


def test_where_streams_are_named_for_a_policy_those_that_are_ingested_pass_it_too(
    tmp_path: Path,
) -> None:
    head = "network: {region: eu-west-1, streams: [views]}\n"

    chosen = request(tmp_path, head + INGESTED).settings

    assert chosen.streams == chosen.watched_streams == ("views", "clicks")
