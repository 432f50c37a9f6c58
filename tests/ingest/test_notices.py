"""What a person is told while an ingest runs."""

from dataclasses import replace

from lakeferry.ingest.events import Event, Noted, Progress, Warned
from lakeferry.ingest.notices import Notices
from lakeferry.ingest.position import IngestState, StreamIdentity
from lakeferry.ingest.tally import Standing, Tally

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
