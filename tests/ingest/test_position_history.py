"""States of a right history join, however it went; whatever was lost or doubled shows."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given

from lakeferry.ingest.position.history import Break, added, breaks
from lakeferry.ingest.position.state import (
    After,
    Ended,
    FromTime,
    FromTrimHorizon,
    Gap,
    IngestState,
    Position,
    StreamIdentity,
)
from tests.ingest.test_lineage import histories, played

CLICKS = StreamIdentity("clicks", "arn:1", 17)


def state(epoch: int, **shards: Position) -> IngestState:
    return IngestState(epoch, CLICKS, shards)


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (After("9", 1, 3), After("10", 2, 4)),
        (After("9", 1, 3), After("9", 2, 3)),
        (After("9", 1, 3), Ended(2, (), 3)),
        (FromTime(5, 5), FromTime(5, 9)),
        (FromTime(5, 5), After("9", 9, 1)),
        (FromTrimHorizon(5), Ended(9)),
        (Ended(9, ("b",), 3), Ended(9, ("b",), 3)),
        (Ended(9, ("b",), 3), None),
    ],
)
def test_a_shard_stays_goes_on_ends_and_is_forgotten(then: Position, now: Position | None) -> None:
    after = state(8) if now is None else state(8, a=now)

    assert breaks(state(7, a=then), after) == ()


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (After("10", 1, 3), After("9", 2, 4)),
        (After("9", 1, 3), After("10", 2, 2)),
        (After("9", 1, 3), After("10", 2, 3)),
        (After("9", 1, 3), After("9", 2, 4)),
        (After("9", 1, 3), Ended(2, (), 2)),
        (After("9", 1, 3), FromTrimHorizon(2)),
        (After("9", 1, 3), None),
        (FromTime(5, 5), FromTime(6, 9)),
        (FromTime(5, 5), FromTrimHorizon(9)),
        (FromTime(5, 5), After("9", 9, 0)),
        (FromTime(5, 5), None),
        (Ended(9, (), 3), After("9", 9, 4)),
        (Ended(9, (), 3), Ended(9, (), 4)),
    ],
)
def test_a_shard_that_went_back_jumped_or_got_lost_is_named(
    then: Position, now: Position | None
) -> None:
    after = state(8) if now is None else state(8, a=now)

    assert [one.shard_id for one in breaks(state(7, a=then), after)] == ["a"]


def test_what_went_back_is_told_in_words() -> None:
    [back] = breaks(state(7, a=After("12", 9, 1_200)), state(8, a=After("9", 9, 900)))

    assert back.what == "it goes back: record 9 (900 read) follows record 12 (1,200 read)"


def test_a_commit_that_is_missing_or_doubled_shows_in_its_epoch() -> None:
    assert breaks(state(7), state(9)) == (Break("", "epoch 9 follows 7"),)
    assert breaks(state(7), state(7)) == (Break("", "epoch 7 follows 7"),)


def test_another_stream_does_not_follow() -> None:
    other = replace(state(8), stream=replace(CLICKS, created_ms=18))

    assert len(breaks(state(7), other)) == 1


def test_a_gap_stays_told() -> None:
    gap, more = Gap("a", 1, 2), Gap("b", 1, 2)

    assert breaks(replace(state(7), gaps=(gap,)), replace(state(8), gaps=(gap, more))) == ()
    assert breaks(replace(state(7), gaps=(gap,)), replace(state(8), gaps=(Gap("a", 0, 5),))) == ()
    assert len(breaks(replace(state(7), gaps=(gap,)), state(8))) == 1
    assert len(breaks(replace(state(7), gaps=(gap,)), replace(state(8), gaps=(more,)))) == 1


def test_what_a_commit_brought_is_counted_by_shard() -> None:
    before = state(7, a=After("9", 1, 3), b=FromTime(1), c=Ended(1, (), 2))
    after = state(8, a=Ended(2, (), 5), b=After("7", 2, 1), c=Ended(1, (), 2), d=After("8", 1, 4))

    assert added(before, after) == {"a": 2, "b": 1, "d": 4}
    assert added(None, before) == {"a": 3, "c": 2}


@given(histories, histories)
def test_every_commit_follows_the_one_before_and_tells_its_rows(
    before: list[tuple[str, int]], after: list[tuple[str, int]]
) -> None:
    reader = played(before, after, at=0)

    pairs = list(pairwise(reader.history))
    assert [breaks(one, other) for one, other in pairs] == [()] * len(pairs)
    counted = sum(sum(added(one, other).values()) for one, other in pairs)
    assert counted == len(reader.rows)
