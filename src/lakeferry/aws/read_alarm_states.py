"""In which state alarms are, since when and why.

Source: CloudWatch API Reference, `DescribeAlarms`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lakeferry.connect.aws import AwsAccess, pages


@dataclass(frozen=True, slots=True)
class AlarmStanding:
    """One alarm as it stands."""

    name: str
    kind: str  # 'metric', 'composite'
    state: str  # 'OK', 'ALARM', 'INSUFFICIENT_DATA'
    since_ms: int | None  # of the state; None where CloudWatch does not say
    reason: str
    description: str
    acts: bool  # whether its actions are carried out


def alarm_standings(access: AwsAccess, prefix: str) -> tuple[AlarmStanding, ...]:
    """Alarms whose names begin with `prefix`, by name.

    Raises:
        FerryError: LF-1201 to LF-1206.
    """
    found = [
        *_of_kind(access, prefix, "MetricAlarm", "MetricAlarms", "metric"),
        *_of_kind(access, prefix, "CompositeAlarm", "CompositeAlarms", "composite"),
    ]
    return tuple(sorted(found, key=lambda one: one.name))


def _of_kind(
    access: AwsAccess, prefix: str, type: str, key: str, kind: str
) -> Iterator[AlarmStanding]:
    for one in pages(
        access, "cloudwatch", "describe_alarms", key, AlarmNamePrefix=prefix, AlarmTypes=[type]
    ):
        yield AlarmStanding(
            name=one["AlarmName"],
            kind=kind,
            state=one.get("StateValue", "INSUFFICIENT_DATA"),
            since_ms=_since_ms(one),
            reason=" ".join(one.get("StateReason", "").split()),
            description=one.get("AlarmDescription", ""),
            acts=one.get("ActionsEnabled", True),
        )


def _since_ms(one: Mapping[str, Any]) -> int | None:
    """When it came into its state; when it was last looked at, where AWS leaves that out."""
    at = one.get("StateTransitionedTimestamp") or one.get("StateUpdatedTimestamp")
    return None if at is None else int(at.timestamp() * 1000)
