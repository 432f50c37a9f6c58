"""What a person is told while an ingest runs."""

from dataclasses import replace

from lakeferry.ingest.crew.notices import Notices
from lakeferry.ingest.crew.tally import Standing, Tally
from lakeferry.ingest.events import Event, Noted, Progress, Warned
from lakeferry.ingest.position.state import IngestState, StreamIdentity

DAY_S = 86_400.0
STANDING = Standing(1, IngestState(1, StreamIdentity("clicks")), 2, 0, DAY_S)
TOLD = Tally(0.0).progress(1.0, STANDING, 0)


def left(hours: float) -> Progress:
    return replace(TOLD, retention_left_s=hours * 3600)


def test_a_shard_that_is_not_read_is_told_once_and_when_it_is_read_again() -> None:
    told: list[Event] = []
    notices = Notices(told.append)

    for paused in ({"a": "KMS"}, {"a": "KMS"}, {}):
        notices.paused(paused)

    assert [type(event) for event in told] == [Warned, Noted]


def test_an_epoch_that_waits_for_its_commit_is_told_once_and_when_one_is_in_time_again() -> None:
    told: list[Event] = []
    notices = Notices(told.append)

    for waited_s in (1.0, 21.0, 40.0):
        notices.late(waited_s, "s3://lake/clicks")
    notices.taken(41.0)
    notices.taken(2.0)
    notices.taken(2.0)

    assert [type(event) for event in told] == [Warned, Noted]
    assert isinstance(told[0], Warned)
    assert told[0].message == "what was read waits for its commit since 21 s: s3://lake/clicks"


def test_a_quarter_of_retention_that_is_left_is_told_once() -> None:
    told: list[Event] = []
    notices = Notices(told.append)

    for hours in (23.0, 5.9, 5.0, 7.0, 5.0):
        notices.retention(left(hours), DAY_S)

    assert [event.message[:8] for event in told if isinstance(event, Warned)] == ["in 5.9 h"]


def test_it_is_told_again_after_it_was_over() -> None:
    told: list[Event] = []
    notices = Notices(told.append)

    for hours in (5.0, 20.0, -1.0):
        notices.retention(left(hours), DAY_S)

    assert [event.message[:8] for event in told if isinstance(event, Warned)] == [
        "in 5.0 h",
        "in 0.0 h",
    ]


def test_of_fields_that_are_left_out_a_hundred_are_named() -> None:
    told: list[Event] = []
    notices = Notices(told.append)

    for first in (0, 60, 120):
        notices.left_out({f"$.user {at:03}": "no name" for at in range(first, first + 90)})

    messages = [event.message for event in told if isinstance(event, Warned)]
    assert len(messages) == 101
    assert messages[99] == "the field `$.user 099` is left out: no name"
    assert messages[100] == "100 fields are left out; further ones are not told any more"


def test_what_a_producer_calls_a_field_moves_no_terminal() -> None:
    told: list[Event] = []

    Notices(told.append).left_out({"$.\x1b[2Ja\nb": "no name"})

    [event] = told
    assert isinstance(event, Warned)
    assert event.message == "the field `$.?[2Ja?b` is left out: no name"


def test_a_table_that_gets_no_more_fields_is_told_once() -> None:
    told: list[Event] = []
    notices = Notices(told.append)

    notices.left_out({}, full=True)
    notices.left_out({}, full=True)

    assert [event.message[:37] for event in told if isinstance(event, Warned)] == [
        "the table has 1,000 fields or more, a"
    ]


def test_fields_that_are_ignored_are_named_once_and_the_first_of_many() -> None:
    told: list[Event] = []
    notices = Notices(told.append)

    notices.ignored(["$.b", "$.a\n"])
    notices.ignored(["$.b"])
    notices.ignored([f"$.{at:03}" for at in range(200)])
    notices.ignored(["$.after a hundred"])

    assert [event.message for event in told if isinstance(event, Noted)] == [
        "left out, as they are not declared: $.a?, $.b",
        "left out, as they are not declared: $.000, $.001, $.002, $.003, $.004, $.005, $.006, "
        "$.007 and 90 more",
    ]
