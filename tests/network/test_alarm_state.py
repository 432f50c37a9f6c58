"""Alarms, evaluated as CloudWatch documents it and replayed over the past."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.errors import FerryError
from lakeferry.network.alarm_form import alarm_of
from lakeferry.network.alarm_state import State, alarm_state, replay_alarm, seconds_in_alarm

TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
KEEP = "keep"


def state_of(points: str, m: int, missing: str, current: State = "OK") -> State:
    """`points` as the guide writes them: X breaching, 0 not, - missing; oldest first; N is 3."""
    read = [{"X": True, "0": False, "-": None}[point] for point in points]
    return alarm_state(read, m=m, n=3, missing=missing, current=current)


# The two tables of the CloudWatch User Guide, row by row: M, points, then the state under
# missing, ignore, breaching and notBreaching.
PUBLISHED = [
    (3, "0-X-X", "OK", "OK", "OK", "OK"),
    (3, "0----", "OK", "OK", "OK", "OK"),
    (3, "-----", "INSUFFICIENT_DATA", KEEP, "ALARM", "OK"),
    (3, "0XX-X", "ALARM", "ALARM", "ALARM", "ALARM"),
    (3, "--X--", "ALARM", KEEP, "ALARM", "OK"),
    (2, "0-X-X", "ALARM", "ALARM", "ALARM", "ALARM"),
    (2, "00X0X", "ALARM", "ALARM", "ALARM", "ALARM"),
    (2, "0-X--", "OK", "OK", "ALARM", "OK"),
    (2, "----0", "OK", "OK", "ALARM", "OK"),
    (2, "---X-", "ALARM", KEEP, "ALARM", "OK"),
]


@pytest.mark.parametrize(("m", "points", *TREATMENTS), PUBLISHED)
@pytest.mark.parametrize("current", ["OK", "ALARM", "INSUFFICIENT_DATA"])
def test_the_ten_published_rows_hold(
    m: int,
    points: str,
    missing: str,
    ignore: str,
    breaching: str,
    notBreaching: str,
    current: State,
) -> None:
    found = [state_of(points, m, treatment, current) for treatment in TREATMENTS]

    wanted = [missing, ignore, breaching, notBreaching]
    assert found == [current if state == KEEP else state for state in wanted]


@pytest.mark.parametrize("points", ["----X", "---X-"])
def test_an_alarm_waits_while_the_next_point_could_still_deny_it(points: str) -> None:
    assert state_of(points, 3, "missing") == "OK"
    assert state_of("--X--", 3, "missing") == "ALARM"


@given(
    points=st.lists(st.sampled_from([True, False, None]), min_size=5, max_size=5),
    m=st.integers(1, 3),
    current=st.sampled_from(["OK", "ALARM", "INSUFFICIENT_DATA"]),
)
def test_the_treatment_matters_only_where_points_are_missing(
    points: list[bool | None], m: int, current: State
) -> None:
    states = {alarm_state(points, m=m, n=3, missing=t, current=current) for t in TREATMENTS}

    if sum(point is not None for point in points) >= 3:
        assert len(states) == 1
    assert alarm_state(points, m=m, n=3, missing="breaching", current=current) == "ALARM" or (
        alarm_state(points, m=m, n=3, missing="notBreaching", current=current) == "OK"
    )


REQUEST: dict[str, Any] = {
    "AlarmName": "leak",
    "ComparisonOperator": "GreaterThanThreshold",
    "Threshold": 10,
    "EvaluationPeriods": 3,
    "DatapointsToAlarm": 2,
    "TreatMissingData": "notBreaching",
    "Metrics": [
        {
            "Id": "leak",
            "Expression": 'INSIGHT_RULE_METRIC("leak","Sum")',
            "Period": 60,
            "ReturnData": True,
        }
    ],
}


def test_a_replay_says_when_the_alarm_would_have_fired_and_ended() -> None:
    alarm = alarm_of(REQUEST)
    series = {0: 5, 60: 11, 120: 12, 180: 1, 240: 2, 300: 3}

    changes = replay_alarm(alarm, series)

    assert [(one.at_s, one.before, one.after) for one in changes] == [
        (60, "INSUFFICIENT_DATA", "OK"),
        (180, "OK", "ALARM"),
        (300, "ALARM", "OK"),
    ]
    assert changes[1].reason == "2 of 3 GreaterThanThreshold 10: [5, 11, 12], oldest first"
    assert seconds_in_alarm(changes, 360) == 120
    assert seconds_in_alarm((), 360) == 0


def test_a_stall_is_seen_by_what_is_missing() -> None:
    alarm = replace(
        alarm_of(REQUEST), comparison="LessThanThreshold", missing="breaching", datapoints=3
    )

    changes = replay_alarm(alarm, dict.fromkeys(range(0, 600, 60), 100), end_s=1200)

    # Of five points that are looked at, real ones count before missing ones.
    assert [(one.at_s, one.after) for one in changes] == [(60, "OK"), (900, "ALARM")]


def test_an_alarm_without_any_datapoint_never_leaves_insufficient_data() -> None:
    alarm = replace(alarm_of(REQUEST), missing="missing")

    assert replay_alarm(alarm, {}, start_s=0, end_s=3600) == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"DatapointsToAlarm": 4}, "between 1 and EvaluationPeriods"),
        ({"EvaluationPeriods": 1441, "DatapointsToAlarm": 1}, "86400"),
        ({"TreatMissingData": "none"}, "TreatMissingData"),
        ({"ComparisonOperator": "Greater"}, "ComparisonOperator"),
        ({"Threshold": "much"}, "much"),
        ({"Metrics": []}, "ReturnData"),
        ({"AlarmName": ""}, "AlarmName"),
    ],
)
def test_what_the_service_would_refuse_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(FerryError) as caught:
        alarm_of(REQUEST | change)

    assert caught.value.code == "LF-6304"
    assert said in caught.value.where


def test_an_alarm_on_one_service_metric_is_read_too() -> None:
    alarm = alarm_of(
        {
            "AlarmName": "ports",
            "Namespace": "AWS/NATGateway",
            "MetricName": "ErrorPortAllocation",
            "Dimensions": [{"Name": "NatGatewayId", "Value": "nat-1"}],
            "Statistic": "Sum",
            "Period": 300,
            "EvaluationPeriods": 3,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
        }
    )

    assert alarm.metrics[0].dimensions == (("NatGatewayId", "nat-1"),)
    assert (alarm.datapoints, alarm.missing) == (3, "missing")
