"""Events of a log group come page by page, each once, in the form in which logs are read."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from lakeferry.aws.read_alarm_states import alarm_standings
from lakeferry.aws.read_logs import event_pages, log_lines
from lakeferry.connect.aws import AwsAccess, client
from lakeferry.errors import FerryError

ACCESS = AwsAccess("us-east-1", endpoint="http://127.0.0.1:9")  # nobody listens: answers are given
GROUP = "/lakeferry/m1/flow"


@pytest.fixture
def stubs(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Stubber]]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    made = {name: Stubber(client(ACCESS, name)) for name in ("logs", "cloudwatch")}
    for stub in made.values():
        stub.activate()
    yield made
    for stub in made.values():
        stub.deactivate()
        stub.assert_no_pending_responses()


def event(id: str, at_ms: int, message: str) -> dict[str, Any]:
    return {
        "eventId": id, "logStreamName": "eni-1-all", "timestamp": at_ms,
        "ingestionTime": at_ms + 300_000, "message": message,
    }  # fmt: skip


def test_all_pages_are_read_and_an_empty_one_ends_nothing(stubs: dict[str, Stubber]) -> None:
    asked = {"logGroupName": GROUP, "limit": 10_000, "startTime": 1000, "endTime": 1999}
    stubs["logs"].add_response(
        "filter_log_events", {"events": [event("a", 1000, "one")], "nextToken": "t1"}, asked
    )
    stubs["logs"].add_response(
        "filter_log_events", {"events": [], "nextToken": "t2"}, {**asked, "nextToken": "t1"}
    )
    stubs["logs"].add_response(
        "filter_log_events", {"events": [event("b", 1500, "two")]}, {**asked, "nextToken": "t2"}
    )
    found = list(log_lines(ACCESS, GROUP, start_ms=1000, end_ms=2000))
    assert found == [
        b'{"timestamp":1000,"message":"one"}\n', b'{"timestamp":1500,"message":"two"}\n',
    ]  # fmt: skip


def test_a_page_is_asked_for_when_the_one_before_is_used_up(stubs: dict[str, Stubber]) -> None:
    asked = {"logGroupName": GROUP, "limit": 10_000}
    stubs["logs"].add_response(
        "filter_log_events", {"events": [event("a", 1, "one")], "nextToken": "t"}, asked
    )
    pages = event_pages(ACCESS, GROUP)
    assert [one.id for one in next(pages)] == ["a"]
    stubs["logs"].add_response(
        "filter_log_events", {"events": [event("b", 2, "two")]}, {**asked, "nextToken": "t"}
    )
    assert [one.arrived_ms for one in next(pages)] == [300_002]
    assert list(pages) == []


def test_a_group_that_is_not_there_is_named(stubs: dict[str, Stubber]) -> None:
    stubs["logs"].add_client_error(
        "filter_log_events", "ResourceNotFoundException", "The log group does not exist.", 400
    )
    with pytest.raises(FerryError, match=f"LF-6205 there is no such log group\n  {GROUP}"):
        list(event_pages(ACCESS, GROUP))


def test_a_group_that_may_not_be_read_is_another_matter(stubs: dict[str, Stubber]) -> None:
    stubs["logs"].add_client_error("filter_log_events", "AccessDeniedException", "no", 400)

    with pytest.raises(FerryError, match="LF-1203"):
        list(event_pages(ACCESS, GROUP))


def test_alarms_stand_with_their_reason_and_since_when(stubs: dict[str, Stubber]) -> None:
    from datetime import UTC, datetime

    when = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    stubs["cloudwatch"].add_response(
        "describe_alarms",
        {"MetricAlarms": [{
            "AlarmName": "lakeferry-m1.s3-leak", "StateValue": "ALARM",
            "StateReason": "Threshold Crossed:\n 2 of 3", "StateTransitionedTimestamp": when,
            "ActionsEnabled": False,
        }]},
        {"AlarmNamePrefix": "lakeferry-m1.", "AlarmTypes": ["MetricAlarm"]},
    )  # fmt: skip
    stubs["cloudwatch"].add_response(
        "describe_alarms",
        {"CompositeAlarms": [{"AlarmName": "lakeferry-m1.any", "StateValue": "OK"}]},
        {"AlarmNamePrefix": "lakeferry-m1.", "AlarmTypes": ["CompositeAlarm"]},
    )
    any_, leak = alarm_standings(ACCESS, "lakeferry-m1.")
    assert (any_.name, any_.kind, any_.since_ms) == ("lakeferry-m1.any", "composite", None)
    assert (leak.state, leak.reason, leak.acts) == ("ALARM", "Threshold Crossed: 2 of 3", False)
    assert leak.since_ms == int(when.timestamp() * 1000)
