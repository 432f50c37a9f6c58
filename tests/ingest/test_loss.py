"""Records that the stream forgot before they were read."""

from hypothesis import given
from hypothesis import strategies as st

from lakeferry.ingest.crew.loss import (
    MOST_GAPS,
    LossWatch,
    accepted,
    begun_anew,
    is_another,
    joined,
    loss_error,
    recreated_error,
    restarts,
    unread,
)
from lakeferry.ingest.kinesis.lineage import Shard
from lakeferry.ingest.position.history import breaks
from lakeferry.ingest.position.state import (
    After,
    Ended,
    FromTime,
    FromTrimHorizon,
    Gap,
    IngestState,
    Missed,
    Position,
    StreamIdentity,
)
from lakeferry.ingest.worker.messages import Lag

HOUR_MS = 3_600_000
CLICKS = StreamIdentity("clicks", "arn:clicks", 1)
LISTED = {"a": Shard("a")}


def state(**shards: Position) -> IngestState:
    return IngestState(3, CLICKS, shards)


def test_a_shard_behind_the_horizon_is_lost_at_the_first_look() -> None:
    found = LossWatch().seen(LISTED, state(a=After("7", 100)), 500)

    assert found == (Gap("a", 100, 500),)


def test_a_shard_that_one_listing_lacks_is_not_lost_yet() -> None:
    watch, known = LossWatch(), state(a=After("7", 900), b=After("9", 900))

    assert watch.seen(LISTED, known, 500) == ()
    assert watch.doubts
    assert watch.seen(LISTED, known, 500) == ()
    assert watch.seen(LISTED, known, 500) == (Gap("b", 900, 900),)


def test_a_shard_that_is_listed_again_is_not_missed_any_more() -> None:
    watch, known = LossWatch(), state(a=After("7", 900), b=After("9", 900))
    watch.seen(LISTED, known, 500)
    watch.seen(LISTED, known, 500)

    assert watch.seen({**LISTED, "b": Shard("b")}, known, 500) == ()
    assert not watch.doubts
    assert watch.seen(LISTED, known, 500) == ()


def test_what_is_read_and_not_committed_is_not_lost() -> None:
    gap = Gap("a", 100, 500)

    assert unread([gap], {"a": Lag(50)}, 1_000, 500, all_told=True) == ()
    assert unread([gap], {"a": Lag(501)}, 1_000, 500, all_told=False) == (gap,)


def test_a_shard_that_tells_nothing_for_long_counts_as_unread() -> None:
    gap = Gap("a", 100, 500)

    assert unread([gap], {}, 1_000, 500, all_told=False) == ()
    assert unread([gap], {}, 1_000, 500, all_told=True) == (gap,)


def test_an_accepted_gap_is_kept_with_the_positions() -> None:
    after = accepted(state(a=After("7", 100, 5)), [Gap("a", 100, 500)], LISTED, now_ms=900)

    assert after.epoch == 4
    assert after.shards == {"a": After("7", 500, 5)}
    assert after.gaps == (Gap("a", 100, 500),)


def test_gaps_of_a_shard_that_touch_are_one_and_those_of_others_stay() -> None:
    gaps = [Gap("a", 100, 500), Gap("b", 400, 700), Gap("a", 500, 900), Gap("a", 950, 960)]

    assert joined(gaps) == (Gap("b", 400, 700), Gap("a", 100, 900), Gap("a", 950, 960))


def test_of_too_many_gaps_those_that_lie_closest_are_told_as_one() -> None:
    hours = [Gap("a", hour * 100, hour * 100 + 10) for hour in (0, 2, 3, 5, 7)]

    assert joined(hours) == (
        Gap("a", 0, 10), Gap("a", 200, 310), Gap("a", 500, 510), Gap("a", 700, 710),
    )  # fmt: skip


some_gaps = st.lists(
    st.builds(
        lambda shard, since, length: Gap(shard, since, since + length),
        st.sampled_from("ab"), st.integers(0, 1_000), st.integers(0, 300),
    ),
    max_size=30,
)  # fmt: skip


@given(some_gaps)
def test_however_many_gaps_there_were_they_stay_few_and_none_is_left_out(gaps: list[Gap]) -> None:
    now = IngestState(0, CLICKS)
    for gap in gaps:
        now = accepted(now, [gap], {}, now_ms=900)

    assert breaks(IngestState(len(gaps) - 1, CLICKS, gaps=tuple(gaps)), now) == ()
    for shard in "ab":
        kept = [gap for gap in now.gaps if gap.shard_id == shard]
        told = [gap for gap in gaps if gap.shard_id == shard]
        assert len(kept) <= MOST_GAPS
        assert {gap.since_ms for gap in kept} <= {gap.since_ms for gap in told}
        assert {gap.until_ms for gap in kept} <= {gap.until_ms for gap in told}
    assert joined(now.gaps) == now.gaps


def test_a_gap_of_a_shard_that_is_gone_ends_it_and_keeps_where_it_stood() -> None:
    after = accepted(state(b=After("7", 100, 5)), [Gap("b", 100, 500)], LISTED, now_ms=900)

    assert after.shards == {"b": Ended(500, (), 5)}
    assert after.missed == {"b": Missed(After("7", 100, 5), 900)}
    assert after.gaps == (Gap("b", 100, 500),)


def test_a_child_that_is_gone_before_it_was_begun_would_be_read_from_its_oldest_record() -> None:
    after = accepted(state(p=Ended(9, ("c",))), [Gap("c", 9, 500)], LISTED, now_ms=900)

    assert after.missed == {"c": Missed(FromTrimHorizon(500), 900)}


def test_a_parent_of_which_nothing_is_known_gets_no_position_by_being_given_up() -> None:
    after = accepted(state(x=After("7", 400)), [Gap("y", 400, 500)], LISTED, now_ms=900)

    assert after.shards == {"x": After("7", 400)}
    assert after.missed == {"y": Missed(FromTrimHorizon(500), 900)}


def test_what_was_given_up_is_not_missed_again() -> None:
    after = accepted(state(b=After("7", 100, 5)), [Gap("b", 100, 500)], LISTED, now_ms=900)
    watch = LossWatch()

    for _ in range(4):
        assert watch.seen(LISTED, after, 500) == ()
    assert not watch.doubts


def test_a_loss_is_told_in_hours() -> None:
    error = loss_error([Gap("a", 0, 2 * HOUR_MS), Gap("b", 0, HOUR_MS)], "clicks")

    assert error.code == "LF-7052"
    assert "up to 2.0 h of 2 shards" in error.what
    assert error.where == "a: 2.0 h; b: 1.0 h"


def test_of_a_shard_that_is_gone_no_hours_are_told() -> None:
    said = loss_error([Gap("a", 500, 500)], "clicks").where

    assert said == "a: it is listed no more, and was not read to its end"


def test_positions_of_a_stream_that_is_made_anew_begin_again_and_keep_epoch_and_gaps() -> None:
    anew = StreamIdentity("clicks", "arn:clicks", 2)
    first = IngestState(0, anew, {"a": FromTime(9)})
    old = accepted(state(a=After("7", 100)), [Gap("a", 100, 500)], LISTED, now_ms=900)

    assert is_another(old, anew)
    assert begun_anew(old, first) == IngestState(5, anew, {"a": FromTime(9)}, old.gaps)


def test_only_a_stream_of_the_same_name_is_read_in_place_of_one_that_was_deleted() -> None:
    known = IngestState(4, StreamIdentity("clicks", "arn:clicks", 1), {"a": FromTime(9)})
    anew, other = StreamIdentity("clicks", "arn:clicks", 2), StreamIdentity("orders", "", 2)

    assert restarts(known, anew, "restart")
    assert not restarts(known, anew, "fail")
    assert not restarts(known, other, "restart")
    assert "--on-recreated restart" in recreated_error(known, anew).next_step
    assert recreated_error(known, other).next_step == (
        "name `clicks`; to read `orders` into the same table give it a --name"
    )
