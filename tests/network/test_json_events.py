"""JSON log events, as CloudWatch exports them, as subscriptions deliver them, or bare."""

import gzip

import orjson
import pytest

from lakeferry.errors import FerryError
from lakeferry.network.json_events import JsonReadReport, read_json_events, texts_at

EVENT = {"timestamp": 1_700_000_000_123, "message": '{"a": {"b": [1, "x"]}}'}


def read(body: bytes, chunk: int = 7) -> tuple[list[tuple[int | None, object]], JsonReadReport]:
    report = JsonReadReport()
    parts = (body[at : at + chunk] for at in range(0, len(body), chunk))
    batches = list(read_json_events(parts, name="log", report=report))
    events = [event for one in batches for event in one.events]
    times = [at for one in batches for at in one.event_ms.to_pylist()]
    return list(zip(times, events, strict=True)), report


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, lambda b: gzip.compress(b[:9]) + gzip.compress(b[9:])]
)
def test_log_events_and_subscription_messages_are_unwrapped(pack) -> None:  # type: ignore[no-untyped-def]
    lines = orjson.dumps(EVENT) + b"\n\n" + orjson.dumps({"logEvents": [EVENT, EVENT]})

    events, report = read(pack(lines))

    assert events == [(1_700_000_000_123, {"a": {"b": [1, "x"]}})] * 3
    assert (report.events, report.bad_lines) == (3, 0)


@pytest.mark.parametrize(
    ("event", "time_ms"),
    [
        ({"timestamp": 1_700_000_000}, 1_700_000_000_000),
        ({"@timestamp": "2023-11-14T22:13:20.5Z"}, 1_700_000_000_500),
        ({"time": "2023-11-14 22:13:20"}, 1_700_000_000_000),
        ({"time": "soon"}, None),
        ({}, None),
    ],
)
def test_a_bare_event_has_the_time_that_it_states(event: object, time_ms: int | None) -> None:
    assert read(orjson.dumps(event))[0] == [(time_ms, event)]


def test_bad_lines_are_counted_and_the_first_is_shown() -> None:
    events, report = read(b'{"a": 1}\nno json\n[1]\n{"timestamp": 1, "message": "text"}\n')

    assert len(events) == 1
    assert (report.events, report.bad_lines) == (1, 3)
    assert report.first_bad == "log:2: no JSON object"


def test_leaves_are_texts_as_json_writes_them() -> None:
    values: list[object] = ["x", 1, 1.5, True, None, {}, []]
    events = [{"a": [{"b": value}]} for value in values]

    assert texts_at(events, "$.a[0].b").to_pylist() == ["x", "1", "1.5", "true", None, None, None]
    assert texts_at(events, "$.a[1].b").null_count == 7
    assert texts_at(events, "$.a['b']").null_count == 7


@pytest.mark.parametrize("spoil", [lambda b: b[:-20], lambda b: b[:30] + b"!!" + b[32:]])
def test_a_damaged_gzip_is_refused(spoil) -> None:  # type: ignore[no-untyped-def]
    whole = gzip.compress(b"".join(orjson.dumps({"n": n}) + b"\n" for n in range(99)))

    with pytest.raises(FerryError) as raised:
        read(spoil(whole))

    assert (raised.value.code, raised.value.where) == ("LF-6204", "log")


def test_the_answer_of_get_log_events_is_one_document_on_many_lines() -> None:
    answer = {"events": [EVENT, EVENT], "nextForwardToken": "f/1"}

    events, report = read(orjson.dumps(answer, option=orjson.OPT_INDENT_2))

    assert events == [(1_700_000_000_123, {"a": {"b": [1, "x"]}})] * 2
    assert (report.events, report.bad_lines) == (2, 0)


def test_a_flow_log_event_in_json_has_the_time_at_which_it_starts() -> None:
    events, _ = read(b'{"interfaceId": "eni-1", "start": 1700000000}\n')

    assert [time for time, _ in events] == [1_700_000_000_000]
