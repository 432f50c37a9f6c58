"""A rule that matches nothing is named with its likely reason."""

import pytest

from lakeferry.network.evaluate import Evaluation
from lakeferry.network.json_events import JsonReadReport, read_json_events
from lakeferry.network.rule_tally import Reason, reason
from lakeferry.network.rules import Filter, Rule
from tests.network.insight_makers import V2, batch, rule

ROW = ["2", "1", "eni-1", "10.0.0.1", "10.0.0.2", "1", "443", "6", "2", "84", "60", "90"]
ROWS = [[*ROW, "ACCEPT", "OK"], [*ROW[:2], "eni-2", *ROW[3:], "REJECT", "OK"]]


def why(one: Rule, *, start_s: int | None = None) -> Reason | None:
    evaluation = Evaluation([one], start_s=start_s)
    evaluation.add(batch(V2, ROWS, [60_000, 60_000]))
    return reason(one, evaluation.finish()["r"].tally, V2)


def found(one: Rule) -> tuple[str, str, int | None]:
    told = why(one)
    assert told is not None
    return told.code, told.text, told.filter


def within(match: str, *texts: str) -> Filter:
    return Filter(match, "In", texts=texts)


def test_a_rule_that_matches_has_no_reason() -> None:
    assert why(rule(["srcaddr"])) is None


def test_an_interface_that_is_not_in_the_log_is_named_with_those_that_are() -> None:
    code, text, index = found(rule(["srcaddr"], within("interface-id", "eni-9")))

    assert (code, index) == ("never_seen", 0)
    assert text == (
        "no such interface in the log: eni-9 was never seen in 2 events; seen: eni-1, eni-2"
    )


def test_a_value_in_another_case_is_pointed_at() -> None:
    code, text, _ = found(rule(["srcaddr"], within("action", "accept")))

    assert code == "never_seen"
    assert text.endswith("case matters, and it is written ACCEPT")


def test_filters_that_never_pass_together_are_told_apart_from_values_never_seen() -> None:
    code, text, index = found(
        rule(["srcaddr"], within("interface-id", "eni-1"), within("action", "REJECT"))
    )

    assert (code, index) == ("never_together", 1)
    assert text.startswith("filter 2 (action In [REJECT]) removed the last 1 events; alone it")


def test_a_position_that_the_format_lacks_is_named_with_where_the_field_stands() -> None:
    one = rule(["srcaddr"], within("action", "ACCEPT"), fields=(*V2[:12], "x", "y", "action"))

    assert found(one)[:2] == (
        "not_in_format",
        "position 15 (`action`) is not in the log format of 14 fields; `action` stands at 13",
    )


def test_a_number_filter_on_text_shows_what_the_text_is() -> None:
    code, text, _ = found(rule(["srcaddr"], Filter("action", "EqualTo", number=1)))

    assert code == "no_number"
    assert text == "no value of `action` is EqualTo 1; 2 events had ACCEPT, REJECT"


def test_a_prefix_that_no_value_has() -> None:
    code, text, _ = found(rule(["srcaddr"], Filter("srcaddr", "StartsWith", texts=("192.",))))

    assert code == "never_seen"
    assert text == "srcaddr StartsWith [192.] passes none of 2 events; they had 10.0.0.1"


def test_a_value_that_is_never_a_number() -> None:
    assert found(rule(["srcaddr"], value_of="action"))[0] == "no_value"


def test_events_outside_the_range() -> None:
    told = why(rule(["srcaddr"]), start_s=3600)

    assert told == Reason("out_of_range", "all 2 events lie outside the range")


def test_an_empty_log() -> None:
    one = rule(["srcaddr"])

    told = reason(one, Evaluation([one]).finish()["r"].tally)

    assert told == Reason("no_events", "the log holds no event")


def test_events_without_a_time() -> None:
    evaluation = Evaluation([rule(["k"], fields=("k",))])
    evaluation.add(batch(("k",), [["a"]], [None]))

    told = reason(rule(["k"], fields=("k",)), evaluation.finish()["r"].tally)

    assert told is not None
    assert told.code == "no_time"


def test_a_rule_for_the_other_log_format() -> None:
    assert found(Rule("r", "JSON", ("$.a",)))[0] == "other_log_format"

    text = Rule("r", "CLF", ("1",))
    evaluation = Evaluation([text])
    body = iter([b'{"timestamp": 1795428010000, "message": "{\\"a\\": 1}"}\n'])
    for events in read_json_events(body, name="log", report=JsonReadReport()):
        evaluation.add_json(events)
    told = reason(text, evaluation.finish()["r"].tally)
    assert told is not None
    assert told.code == "other_log_format"


@pytest.mark.parametrize("path", ["$.b", "$.a.b"])
def test_a_path_that_no_json_event_has(path: str) -> None:
    one = Rule("r", "JSON", (path,))
    evaluation = Evaluation([one])
    for events in read_json_events(
        iter([b'{"a": 1, "time": 5}']), name="x", report=JsonReadReport()
    ):
        evaluation.add_json(events)

    told = reason(one, evaluation.finish()["r"].tally)

    assert told == Reason("not_in_format", f"no event has the field {path}")
