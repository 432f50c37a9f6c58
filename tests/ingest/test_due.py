"""When a commit is due."""

from lakeferry.ingest.crew.due import Pending, flush_at, flush_due
from lakeferry.ingest.settings import Rhythm

RHYTHM = Rhythm(every_s=60, idle_commit_s=3600)


def test_records_wait_no_longer_than_the_rhythm_says() -> None:
    pending = Pending(last_flush_s=0, since_s=100)

    assert not flush_due(pending, RHYTHM, 159)
    assert flush_due(pending, RHYTHM, 160)


def test_without_records_positions_are_committed_once_an_hour() -> None:
    pending = Pending(last_flush_s=0)

    assert not flush_due(pending, RHYTHM, 3_599)
    assert flush_due(pending, RHYTHM, 3_600)


def test_a_file_of_full_size_is_due_at_once() -> None:
    assert flush_due(Pending(0, since_s=0, filled=True), RHYTHM, 1)


def test_the_end_of_a_shard_waits_a_second_for_others() -> None:
    pending = Pending(last_flush_s=0, ended_since_s=10)

    assert flush_at(pending, RHYTHM) == 11


def test_no_third_epoch_is_asked_for_while_two_are_in_flight() -> None:
    assert not flush_due(Pending(0, since_s=0, filled=True, in_flight=2), RHYTHM, 1_000)
    assert flush_due(Pending(0, since_s=0, filled=True, in_flight=1), RHYTHM, 1_000)
