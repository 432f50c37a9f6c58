"""Log events of a CloudWatch Logs group, in the order of their time, page by page.

Source: CloudWatch Logs API Reference, `FilterLogEvents` (at most 10,000 events or 1 MB a page;
a page may be empty though more follow).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from lakeferry.connect.aws import AwsAccess, call
from lakeferry.errors import FerryError

PAGE = 10_000  # events, the most that one answer holds


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event as CloudWatch Logs keeps it."""

    id: str  # the same however often it is read
    stream: str
    at_ms: int  # of a flow log: when the row's capture began
    arrived_ms: int  # when CloudWatch Logs got it
    message: str


def event_pages(
    access: AwsAccess, group: str, *, start_ms: int | None = None, end_ms: int | None = None
) -> Iterator[list[LogEvent]]:
    """The events of a group with start <= time < end. One page is held at a time.

    Raises:
        FerryError: LF-1201 to LF-1206; LF-6205 for a group that does not exist.
    """
    wanted: dict[str, Any] = {"logGroupName": group, "limit": PAGE}
    if start_ms is not None:
        wanted["startTime"] = start_ms
    if end_ms is not None:
        wanted["endTime"] = end_ms - 1  # the service includes it
    token: str | None = None
    while True:
        more: dict[str, Any] = {"nextToken": token} if token else {}
        answer = _page(access, group, {**wanted, **more})
        found = [
            LogEvent(
                one["eventId"],
                one["logStreamName"],
                one["timestamp"],
                one["ingestionTime"],
                one["message"],
            )
            for one in answer.get("events", ())
        ]
        if found:
            yield found
        last, token = token, answer.get("nextToken")
        if not token or token == last:
            return


def _page(access: AwsAccess, group: str, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    from botocore.exceptions import ClientError

    missing = ("ResourceNotFoundException",)
    try:
        return call(access, "logs", "filter_log_events", on=group, expected=missing, **wanted)
    except ClientError as error:
        raise FerryError(
            "LF-6205",
            "there is no such log group",
            f"{group}; {access.shown}",
            "check name, Region and account; `lakeferry monitor discover` shows where flow logs go",
        ) from error


def event_lines(events: Sequence[LogEvent]) -> bytes:
    """Events as JSON lines, the form in which `read_flow_log` and rules take them."""
    lines = (orjson.dumps({"timestamp": one.at_ms, "message": one.message}) for one in events)
    return b"".join(line + b"\n" for line in lines)


def log_lines(
    access: AwsAccess, group: str, *, start_ms: int | None = None, end_ms: int | None = None
) -> Iterator[bytes]:
    """The events of a group as JSON lines, a page a chunk. Raises as `event_pages` does."""
    for page in event_pages(access, group, start_ms=start_ms, end_ms=end_ms):
        yield event_lines(page)
