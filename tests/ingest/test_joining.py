"""What workers read becomes the next positions."""

from dataclasses import replace

import pytest

from lakeferry.errors import FerryError
from lakeferry.ingest.crew.joining import (
    further,
    is_worth_a_commit,
    next_rejected,
    next_state,
    rejected_places,
)
from lakeferry.ingest.kinesis.lineage import Shard
from lakeferry.ingest.position.state import (
    After,
    Ended,
    FromTime,
    FromTrimHorizon,
    IngestState,
    Missed,
    Position,
    Span,
    StreamIdentity,
)

CLICKS = StreamIdentity("clicks", created_ms=1)
LISTED = {"a": Shard("a"), "b": Shard("b", parents=("a",))}


def state(epoch: int = 3, stream: StreamIdentity = CLICKS, **shards: Position) -> IngestState:
    return IngestState(epoch, stream, shards)


def read(begins: Position, last: str, records: int, total: int, until: int = 9) -> Span:
    return Span("a", begins, After(last, until, total), records, first="50")


def test_a_batch_moves_its_shards_on() -> None:
    after = next_state(state(a=FromTrimHorizon(1)), [read(FromTrimHorizon(1), "57", 2, 2)], LISTED)

    assert after == state(4, a=After("57", 9, 2))


def test_a_batch_that_does_not_join_is_refused() -> None:
    with pytest.raises(FerryError, match="LF-7003"):
        next_state(state(a=After("40", 1, 1)), [read(After("41", 1, 1), "57", 2, 3)], LISTED)


def test_a_gap_that_was_accepted_meanwhile_does_not_part_a_batch_from_its_place() -> None:
    stands, begins = After("40", 500, 1), After("40", 1, 1)

    after = next_state(state(a=stands), [read(begins, "57", 2, 3, until=9)], LISTED)

    assert after.shards == {"a": After("57", 500, 3)}


def test_the_first_record_of_a_backlog_tells_how_much_of_it_the_table_has() -> None:
    begins = FromTrimHorizon(1_000)

    after = next_state(state(a=begins), [read(begins, "57", 2, 2, until=400)], LISTED)

    assert after.shards == {"a": After("57", 400, 2)}


def test_an_ended_shard_is_kept_while_it_is_listed() -> None:
    ended = Span("a", After("40", 1, 1), Ended(9, ("b",), 1), 0)

    after = next_state(state(a=After("40", 1, 1)), [ended], LISTED)

    assert after.shards == {"a": Ended(9, ("b",), 1)}


def test_ended_shards_are_forgotten_once_they_are_gone_and_their_children_are_read() -> None:
    known = state(a=Ended(1, ("b",), 1), b=FromTrimHorizon(1))
    idle = Span("b", FromTrimHorizon(1), FromTrimHorizon(2), 0)

    gone = {"b": LISTED["b"]}
    assert next_state(known, [idle], gone, horizon_ms=2).shards == {"b": FromTrimHorizon(2)}
    assert next_state(known, [idle], gone, horizon_ms=1).shards.keys() == {"a", "b"}


def test_a_shard_that_was_given_up_is_remembered_until_retention_took_all_that_it_had() -> None:
    known = replace(state(b=After("9", 90)), missed={"a": Missed(After("7", 20, 1), 50)})
    idle = Span("b", After("9", 90), After("9", 95), 0)

    assert next_state(known, [idle], {"b": LISTED["b"]}, horizon_ms=50).missed == known.missed
    assert next_state(known, [idle], {"b": LISTED["b"]}, horizon_ms=51).missed == {}
    assert next_state(known, [idle], LISTED, horizon_ms=51).missed == known.missed


def test_nothing_is_forgotten_while_a_parent_that_was_given_up_may_come_back() -> None:
    ended = Ended(1, ("b",), 1)
    known = replace(state(a=ended, b=FromTrimHorizon(1)), missed={"p": Missed(After("7", 1), 50)})
    idle = Span("b", FromTrimHorizon(1), FromTrimHorizon(2), 0)

    assert next_state(known, [idle], {"b": LISTED["b"]}, horizon_ms=9).shards["a"] == ended


def test_a_shard_that_ends_is_in_the_positions_of_that_commit_though_it_is_listed_no_more() -> None:
    known = state(a=After("40", 1, 1), b=FromTrimHorizon(1))
    ends = Span("a", After("40", 1, 1), Ended(9, ("b",), 1), 0)
    idle = Span("b", FromTrimHorizon(1), FromTrimHorizon(2), 0)

    after = next_state(known, [ends, idle], {"b": LISTED["b"]}, horizon_ms=99)

    assert after.shards["a"] == Ended(9, ("b",), 1)
    later = next_state(after, [], {"b": LISTED["b"]}, horizon_ms=99)
    assert later.shards == {"b": FromTrimHorizon(2)}


def test_quarantine_that_is_ahead_after_a_crash_stays_there() -> None:
    ahead = state(5, a=After("90", 9, 9))

    after = next_rejected(ahead, [read(After("40", 1, 1), "57", 2, 3)], CLICKS)

    assert after == state(6, a=After("90", 9, 9))


def test_quarantine_that_is_behind_follows() -> None:
    after = next_rejected(state(5), [read(After("40", 1, 1), "57", 2, 3)], CLICKS)

    assert after == state(6, a=After("57", 9, 3))


def test_quarantine_of_an_older_stream_of_the_name_means_nothing() -> None:
    anew = StreamIdentity("clicks", created_ms=2)
    old = state(5, a=After("90", 9, 9))

    assert rejected_places(old, anew) == {}
    assert rejected_places(old, CLICKS) == old.shards
    assert next_rejected(old, [read(FromTime(1), "57", 2, 2)], anew).shards == {
        "a": After("57", 9, 2)
    }


def test_places_of_a_shard_are_ordered_as_numbers() -> None:
    assert further(After("100", 0), After("99", 0))
    assert further(After("1", 0), FromTime(7))
    assert further(Ended(0), After("100", 0))
    assert not further(Ended(0), Ended(0))


def test_time_alone_is_not_worth_a_commit() -> None:
    idle = Span("a", FromTrimHorizon(1), FromTrimHorizon(5_001), 0)
    one_read = read(FromTrimHorizon(1), "57", 2, 2)

    assert not is_worth_a_commit(state(a=FromTrimHorizon(1)), [idle], idle_s=5)
    assert is_worth_a_commit(state(), [idle], idle_s=5)  # a child that began
    assert is_worth_a_commit(state(a=FromTrimHorizon(1)), [one_read], idle_s=5)


def test_a_long_time_without_a_record_is_worth_a_commit() -> None:
    idle = Span("a", FromTrimHorizon(1), FromTrimHorizon(5_001), 0)

    assert is_worth_a_commit(state(a=FromTrimHorizon(1)), [idle], idle_s=4.9)
