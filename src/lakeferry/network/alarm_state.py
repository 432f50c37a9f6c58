"""When an alarm would have fired: M out of N, missing data, the premature rule, replayed. Pure.

Source: CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data" and
"Avoiding premature transitions to alarm state"; its ten published rows are a test.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lakeferry.network.event_columns import Number
from lakeferry.network.resources import Alarm

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
Series = Mapping[int, Number | float]  # value by start of the period (s, UTC)

# How many periods more than N are looked at. The guide says "a higher number"; its tables, for N
# of 3, show 5. Assumed for every N.
MORE_PERIODS = 2


@dataclass(frozen=True, slots=True)
class StateChange:
    """One change of an alarm's state."""

    at_s: int  # the end of the newest period that was looked at; flow logs arrive minutes later
    before: State
    after: State
    reason: str  # one line with the values


def alarm_state(
    points: Sequence[bool | None], *, m: int, n: int, missing: str, current: State
) -> State:
    """The state that an alarm has after one evaluation.

    Args:
        points: the evaluation range, oldest first: breaching, not breaching, None for missing.
        m: DatapointsToAlarm. n: EvaluationPeriods.
        missing: TreatMissingData.
        current: the state before, which `ignore` keeps.
    """
    real = [point for point in points if point is not None]
    if len(real) >= n:  # the newest n that are there; how to treat missing data is not needed
        return "ALARM" if sum(real[-n:]) >= m else "OK"
    filled = n - len(real) if missing == "breaching" else 0
    if sum(real) + filled >= m:
        return "ALARM"
    if missing in ("breaching", "notBreaching") or False in real:
        return "OK"
    # Nothing real says that all is well.
    if missing == "ignore":
        return current
    return _premature(points, m) if real else "INSUFFICIENT_DATA"


def _premature(points: Sequence[bool | None], m: int) -> State:
    """Fewer than `m` points, all breaching: an alarm only if the oldest is at least `m` old.

    Otherwise the next point, if it does not breach, would deny the alarm at once.
    """
    oldest = len(points) - points.index(True)
    return "ALARM" if oldest >= m else "OK"


def breaches(value: Number | float, comparison: str, threshold: float) -> bool:
    """Whether one value is beyond the threshold."""
    match comparison:
        case "GreaterThanThreshold":
            return value > threshold
        case "GreaterThanOrEqualToThreshold":
            return value >= threshold
        case "LessThanThreshold":
            return value < threshold
        case "LessThanOrEqualToThreshold":
            return value <= threshold
        case _:
            raise ValueError(f"{comparison!r} is no comparison with a threshold")


def replay_alarm(
    alarm: Alarm, series: Series, *, start_s: int | None = None, end_s: int | None = None
) -> tuple[StateChange, ...]:
    """Every change of state, had the alarm been there, by time.

    Args:
        series: of the alarm's metric, by its period.
        start_s, end_s: the time that is replayed; None: from the first datapoint to the last.
            Before its start nothing is known: the points there are missing.

    The alarm begins with INSUFFICIENT_DATA and is evaluated at the end of each period.
    """
    period_s = next(query.period_s for query in alarm.metrics if query.returned)
    if start_s is None or end_s is None:
        if not series:
            return ()
        start_s = min(series) if start_s is None else start_s
        end_s = max(series) + period_s if end_s is None else end_s
    first = start_s - start_s % period_s
    width = alarm.periods + MORE_PERIODS
    state: State = "INSUFFICIENT_DATA"
    changes: list[StateChange] = []
    for now in range(first + period_s, math.ceil(end_s / period_s) * period_s + 1, period_s):
        starts = [now - age * period_s for age in range(width, 0, -1)]
        values = [series.get(at) if at >= first else None for at in starts]
        points = [
            None if v is None else breaches(v, alarm.comparison, alarm.threshold) for v in values
        ]
        after = alarm_state(
            points, m=alarm.datapoints, n=alarm.periods, missing=alarm.missing, current=state
        )
        if after != state:
            changes.append(StateChange(now, state, after, _reason(alarm, values)))
            state = after
    return tuple(changes)


def _reason(alarm: Alarm, values: Sequence[Number | float | None]) -> str:
    shown = ", ".join("-" if v is None else f"{float(v):.10g}" for v in values[MORE_PERIODS:])
    return (
        f"{alarm.datapoints} of {alarm.periods} {alarm.comparison} {alarm.threshold:.10g}: "
        f"[{shown}], oldest first"
    )


def seconds_in_alarm(changes: Sequence[StateChange], end_s: int) -> int:
    """How long the alarm would have been in ALARM until `end_s`."""
    total = 0
    for index, change in enumerate(changes):
        if change.after == "ALARM":
            later = changes[index + 1].at_s if index + 1 < len(changes) else end_s
            total += max(later, change.at_s) - change.at_s
    return total
