"""Through any reshards each record is read once, no child before its parents; losses are seen."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.ingest.crew.gone import forgettable, losses, without
from lakeferry.ingest.kinesis.aggregate import HIGHEST_HASH
from lakeferry.ingest.kinesis.lineage import (
    Shard,
    first_missed,
    first_positions,
    is_same_stream,
    is_whole,
    listing,
    older_missed,
    readable,
)
from lakeferry.ingest.kinesis.wire import HashKeyRange, ListedShard, SequenceNumberRange
from lakeferry.ingest.position.history import breaks
from lakeferry.ingest.position.state import (
    After,
    Ended,
    FromTime,
    FromTrimHorizon,
    Gap,
    Missed,
    Position,
    StreamIdentity,
)
from tests.ingest.streams import LAST, Reader, Stream

# p splits into a and b, which merge into m.
P, A, B, M = (
    Shard("p", (), closed=True),
    Shard("a", ("p",), (0, LAST // 2), closed=True),
    Shard("b", ("p",), (LAST // 2 + 1, LAST), closed=True),
    Shard("m", ("a", "b")),
)
ALL = {shard.shard_id: shard for shard in (P, A, B, M)}


def only(*shards: Shard) -> dict[str, Shard]:
    return {shard.shard_id: shard for shard in shards}


# --- which may be read ----------------------------------------------------------------------


def test_a_child_waits_for_the_committed_end_of_its_parent() -> None:
    assert readable(ALL, {"p": After("7", 9)}) == {"p": After("7", 9)}


def test_both_children_of_a_split_begin_at_their_oldest_record() -> None:
    assert readable(ALL, {"p": Ended(9, ("a", "b"))}) == {
        "a": FromTrimHorizon(9),
        "b": FromTrimHorizon(9),
    }


def test_a_merge_waits_for_both_of_its_parents() -> None:
    half: dict[str, Position] = {"p": Ended(9), "a": Ended(12), "b": After("7", 11)}

    assert readable(ALL, half) == {"b": After("7", 11)}
    assert readable(ALL, {**half, "b": Ended(11)}) == {"m": FromTrimHorizon(11)}


def test_a_merge_waits_for_a_parent_that_was_not_even_begun() -> None:
    assert set(readable(ALL, {"p": Ended(9), "a": Ended(12)})) == {"b"}


def test_a_parent_that_is_still_to_be_begun_is_waited_for_though_a_listing_lacks_it() -> None:
    begun: dict[str, Position] = {"p": Ended(9, ("a", "b")), "b": After("7", 9)}

    assert set(readable(only(P, B, M), {**begun, "b": Ended(11, ("m",))})) == set()
    assert set(readable(ALL, {**begun, "b": Ended(11, ("m",))})) == {"a"}


def test_a_child_of_a_parent_that_nobody_knows_waits_for_older_shards_with_its_keys() -> None:
    youngest, gone = Shard("z", ("a",), (0, 9)), {"a": Missed(FromTrimHorizon(), 9)}

    assert set(readable(only(P, youngest), {"p": After("7", 9)}, gone)) == {"p"}
    assert set(readable(only(B, youngest), {"b": After("7", 9)}, gone)) == {"b", "z"}
    assert set(readable(only(youngest), {"p": After("7", 9)}, gone)) == set()


def test_parents_that_were_gone_before_we_began_are_not_waited_for() -> None:
    gone = {"p": Missed(FromTrimHorizon(5), 7)}

    assert readable(only(A, B), {"a": FromTrimHorizon()}, gone) == {
        "a": FromTrimHorizon(),
        "b": FromTrimHorizon(7),
    }


def test_a_parent_of_which_nothing_is_known_is_waited_for_and_missed() -> None:
    begun: dict[str, Position] = {"x": After("7", 90)}
    listed = only(Shard("x", (), (0, 9)), Shard("z", ("y",), (10, 19)))

    assert set(readable(listed, begun)) == {"x"}
    assert losses(listed, begun, horizon_ms=50) == (Gap("y", 90, 90),)
    older = {**listed, "w": Shard("w", (), (10, 19))}  # may name it as its child when it is read
    assert losses(older, begun, horizon_ms=50) == ()


def test_a_parent_that_no_look_showed_is_read_if_a_later_one_does() -> None:
    listed = only(A, B, M)
    missed = first_missed(listed, FromTime(50), now_ms=99)

    assert missed == {"p": Missed(FromTime(50, 50), 99)}
    assert readable(ALL, first_positions(listed, FromTime(50), 99), missed) == {
        "p": FromTime(50, 50),
        "a": FromTime(50, 50),
        "b": FromTime(50, 50),
    }
    assert set(readable(ALL, {"p": FromTime(50, 50), "a": FromTime(50, 50)})) == {"p"}


def test_an_unknown_parent_of_a_shard_that_is_begun_late_would_be_begun_likewise() -> None:
    late = {"a": Missed(FromTime(5, 5), 50)}
    lost: dict[str, Position] = {"a": Ended(9)}

    assert older_missed(only(A, B), {"b": FromTrimHorizon()}, late, ["a", "b"]) == {"p": late["a"]}
    assert older_missed(only(A, B), lost, late, ["a", "b"]) == {}


def test_a_shard_that_was_given_up_is_read_on_from_where_it_stood_when_it_is_listed_again() -> None:
    known: dict[str, Position] = {"p": Ended(9, ("a", "b")), "a": Ended(50, (), 3), "b": Ended(40)}
    gone = {"a": Missed(After("7", 20, 3), 50)}

    assert readable(only(P, B, M), known, gone) == {"m": FromTrimHorizon(40)}
    assert readable(ALL, known, gone) == {"a": After("7", 20, 3)}


KEYS = (0, HIGHEST_HASH // 2), (HIGHEST_HASH // 2 + 1, HIGHEST_HASH)


@pytest.mark.parametrize(
    ("shards", "whole"),
    [
        ([Shard("a", (), KEYS[0]), Shard("b", (), KEYS[1])], True),
        ([Shard("a", (), KEYS[0])], False),
        ([Shard("b", (), KEYS[1])], False),
        ([Shard("p"), Shard("a", ("p",), KEYS[0]), Shard("b", ("p",), KEYS[1])], True),
        ([Shard("p"), Shard("a", ("p",), KEYS[0])], False),
        ([Shard("a", ("p",), KEYS[0]), Shard("b", ("p",), KEYS[1])], False),
        ([Shard("p", closed=True)], True),
        ([], False),
    ],
    ids=[
        "all keys", "keys are lacking above", "and below", "parent and both children",
        "a child is lacking", "the parent is lacking", "children not shown yet", "nothing",
    ],
)  # fmt: skip
def test_a_listing_is_whole_that_has_all_parents_and_a_youngest_shard_for_each_key(
    shards: list[Shard], whole: bool
) -> None:
    assert is_whole(only(*shards)) is whole


def test_a_shard_that_was_ended_and_forgotten_is_not_read_again_when_it_is_listed_again() -> None:
    assert readable(ALL, {"m": After("7", 9)}) == {"m": After("7", 9)}


def test_a_new_ingest_reads_closed_shards_before_their_children() -> None:
    start = first_positions(ALL, FromTime(50), now_ms=99)

    assert start == dict.fromkeys(ALL, FromTime(50, 50))
    assert readable(ALL, start) == {"p": FromTime(50, 50)}


def test_the_oldest_records_are_asked_for_as_of_now() -> None:
    assert first_positions(only(P), FromTrimHorizon(), now_ms=99) == {"p": FromTrimHorizon(99)}


def test_a_listing_is_read_from_the_service_s_words() -> None:
    found = listing(
        [
            ListedShard("a", HashKeyRange("0", "9"), SequenceNumberRange("1", "5")),
            ListedShard("m", HashKeyRange("0", "19"), SequenceNumberRange("6"), "a", "b"),
        ]
    )

    assert found == {"a": Shard("a", (), (0, 9), True), "m": Shard("m", ("a", "b"), (0, 19))}


# --- for all lineages and all orders of progress --------------------------------------------

number = st.integers(0, LAST)
USUAL = [*["put"] * 3, "split", "merge", *["read"] * 3, "commit", "crash", "retain", "leave out"]
happening = st.tuples(st.sampled_from(USUAL), number)


def played(
    before: Sequence[tuple[str, int]],
    after: Sequence[tuple[str, int]],
    at: int,
    left_out: int = 0,
) -> Reader:
    """A stream with a history, and a reader that begins then (`at` 0: at the oldest record).

    `left_out`: by all looks that it begins with, a bit a shard.
    """
    stream = Stream()
    stream.add((), (0, LAST))
    for what, choice in before:
        happen(stream, None, what, choice)
    start = FromTime(min(at, stream.now)) if at else FromTrimHorizon()
    stream.left_out = left_out
    reader = Reader.begin(stream, start)
    for what, choice in after:
        happen(stream, reader, what, choice)
    reader.drain()
    return reader


def happen(stream: Stream, reader: Reader | None, what: str, choice: int) -> None:
    match what, reader:
        case "put", _:
            stream.put(choice)
        case "split", _:
            stream.split(choice)
        case "merge", _:
            stream.merge(choice)
        case "read", Reader():
            reader.step(choice, 1 + choice % 3)
        case "commit", Reader():
            reader.commit()
        case "crash", Reader():
            reader.crash()
        case "retain", Reader():
            reader.retention(choice)
        case "leave out", Reader():
            stream.left_out = choice
        case "give up", Reader():
            reader.give_up()


histories = st.lists(happening, min_size=15, max_size=60)


@given(histories, histories)
def test_every_record_of_every_shard_is_read_exactly_once(
    before: list[tuple[str, int]], after: list[tuple[str, int]]
) -> None:
    reader = played(before, after, at=0)

    assert sorted(reader.rows) == sorted(reader.stream.keys)


@given(histories, histories, st.integers(1, 60))
def test_from_a_time_on_every_record_is_read_exactly_once(
    before: list[tuple[str, int]], after: list[tuple[str, int]], at: int
) -> None:
    reader = played(before, after, at)

    started = min(at, reader.began)
    assert sorted(reader.rows) == [one for one in sorted(reader.stream.keys) if one >= started]


@given(histories, histories)
def test_records_of_one_key_stay_in_order(
    before: list[tuple[str, int]], after: list[tuple[str, int]]
) -> None:
    reader = played(before, after, at=0)

    by_key: dict[int, list[int]] = {}
    for record in reader.rows:
        by_key.setdefault(reader.stream.keys[record], []).append(record)
    assert all(rows == sorted(rows) for rows in by_key.values())


losing = st.tuples(st.sampled_from([*USUAL, "give up", "leave out"]), number)


@given(histories, st.lists(losing, min_size=15, max_size=60), number)
def test_whatever_looks_left_out_and_was_given_up_for_it_is_read_once_when_it_is_shown(
    before: list[tuple[str, int]], after: list[tuple[str, int]], left_out: int
) -> None:
    reader = played(before, after, 0, left_out)

    assert sorted(reader.rows) == sorted(reader.stream.keys)
    for one, next_one in pairwise(reader.history):
        assert [found for found in breaks(one, next_one) if found.shard_id] == []


# --- what retention took --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listed", "committed", "gaps"),
    [
        (only(M), {"m": After("7", 100)}, ()),
        (only(M), {"m": After("7", 99)}, (Gap("m", 99, 100),)),
        (only(M), {"m": FromTime(40, 99)}, (Gap("m", 99, 100),)),
        (only(M), {"a": After("7", 200), "m": FromTime(1, 200)}, (Gap("a", 200, 200),)),
        (only(M), {"a": Ended(50), "b": Ended(50), "m": After("7", 150)}, ()),
        (only(A, B), {"p": Ended(50, ("a", "b")), "a": After("7", 150)}, (Gap("b", 50, 100),)),
        (only(A, B), {"p": Ended(150, ("a", "b")), "a": After("7", 150)}, ()),
        (only(A), {"p": Ended(150, ("a", "b")), "a": After("7", 150)}, (Gap("b", 150, 150),)),
    ],
    ids=[
        "at the horizon",
        "behind it",
        "behind it, no record yet",
        "a shard that is gone before its end",
        "ended long ago",
        "a child that nobody began in time",
        "a child to begin",
        "a child that is gone",
    ],
)
def test_what_may_be_lost_is_named_by_shard_and_time(
    listed: dict[str, Shard], committed: dict[str, Position], gaps: tuple[Gap, ...]
) -> None:
    assert losses(listed, committed, horizon_ms=100) == gaps


def test_after_a_gap_was_accepted_reading_goes_on_with_the_oldest_that_there_is() -> None:
    listed = only(A, B)
    committed: dict[str, Position] = {
        "p": After("7", 50, 3),
        "a": FromTime(1, 50),
    }

    found = without(committed, losses(listed, committed, horizon_ms=100), listed)

    assert found == {"p": Ended(100, (), 3), "a": FromTime(1, 100)}
    assert losses(listed, found, horizon_ms=100) == ()
    assert set(readable(listed, found)) == {"a", "b"}


def test_an_ended_shard_is_forgotten_once_it_is_not_listed_and_all_that_follows_is_known() -> None:
    after = only(A, B, M)

    assert forgettable(ALL, {"p": Ended(9, ("a", "b")), "a": Ended(9), "b": Ended(9)}) == set()
    assert forgettable(after, {"p": Ended(9, ("a", "b")), "a": After("7", 9)}) == set()
    assert forgettable(after, {"p": Ended(9, ("a", "b")), "a": Ended(9), "b": After("7", 9)}) == {
        "p"
    }


def test_nothing_is_forgotten_by_a_listing_that_lacks_what_is_read() -> None:
    known: dict[str, Position] = {"p": Ended(9), "x": After("7", 9)}

    assert forgettable({}, known) == frozenset()
    assert forgettable(only(Shard("x")), known) == frozenset({"p"})


def test_a_shard_is_not_forgotten_before_its_parent() -> None:
    committed: dict[str, Position] = {
        "p": Ended(9, ("a", "b")),
        "a": Ended(9, ("m",)),
        "m": After("7", 9),
    }

    assert forgettable(only(P, B, M), committed) == set()


# --- which stream it is ---------------------------------------------------------------------

KNOWN = StreamIdentity("clicks", "arn:1", 1000, "id-1")


@pytest.mark.parametrize(
    ("found", "same"),
    [
        (KNOWN, True),
        (StreamIdentity("clicks", "arn:1", 1000), True),
        (StreamIdentity("clicks", "arn:1", 1001), False),
        (StreamIdentity("clicks", "arn:1", 1000, "id-2"), False),
        (StreamIdentity("clicks", "arn:2", 1000), False),
        (StreamIdentity("clicks"), True),
    ],
)
def test_a_stream_made_again_under_its_name_is_another(found: StreamIdentity, same: bool) -> None:
    assert is_same_stream(KNOWN, found) is same
