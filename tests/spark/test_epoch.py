"""What a batch reads is decided once; who ends where is written as it is read."""

from hypothesis import given
from hypothesis import strategies as st

from lakeferry.ingest.kinesis.lineage import Listing, Shard
from lakeferry.ingest.position.state import (
    After,
    Ended,
    FromTrimHorizon,
    IngestState,
    Position,
    Span,
    StreamIdentity,
)
from lakeferry.spark.epoch import (
    ChunkEnd,
    EpochPlan,
    Mark,
    groups_of,
    is_behind,
    state_after,
    to_read,
)
from lakeferry.spark.epoch_text import (
    end_text,
    mark_of,
    offset_of,
    parse_end,
    parse_plan,
    plan_text,
)

STREAM = StreamIdentity("clicks", "arn:aws:kinesis:eu-west-1:1:stream/clicks", 7)
START = FromTrimHorizon()


def listed(*shards: tuple[str, tuple[str, ...]]) -> Listing:
    return {name: Shard(name, parents, (0, 2**128 - 1)) for name, parents in shards}


def names(groups: tuple[Listing, ...]) -> list[list[str]]:
    return [list(group) for group in groups]


# --- who reads what -------------------------------------------------------------------------


def test_shards_are_shared_out_among_tasks() -> None:
    shards = listed(("s1", ()), ("s2", ()), ("s3", ()))
    known: dict[str, Position] = dict.fromkeys(shards, START)

    assert names(groups_of(shards, known, per_task=2, whole=False)) == [["s1", "s2"], ["s3"]]


def test_a_child_waits_for_the_batch_after_the_end_of_its_parent() -> None:
    shards = listed(("s1", ()), ("s2", ("s1",)), ("s3", ("s1",)))
    known: dict[str, Position] = {"s1": START}

    assert names(groups_of(shards, known, per_task=5, whole=False)) == [["s1"]]
    ended: dict[str, Position] = {"s1": Ended(9)}
    assert names(groups_of(shards, ended, per_task=5, whole=False)) == [["s2", "s3"]]


def test_a_batch_of_all_that_is_there_has_parents_and_children_in_one_task() -> None:
    shards = listed(("s1", ()), ("s2", ("s1",)), ("s3", ("s2", "s4")), ("s4", ()), ("s5", ()))
    known: dict[str, Position] = {"s1": START, "s4": START, "s5": START}

    groups = groups_of(shards, known, per_task=1, whole=True)

    assert names(groups) == [["s1", "s2", "s3", "s4"], ["s5"]]


def test_within_such_a_task_a_child_is_read_after_its_parents() -> None:
    shards = listed(("s1", ()), ("s2", ("s1",)))

    assert list(to_read(shards, {"s1": START}, ())) == ["s1"]
    assert list(to_read(shards, {"s1": Ended(9)}, ("s1",))) == ["s2"]
    assert list(to_read(shards, {"s1": START}, ("s1",))) == []


# --- where it ends --------------------------------------------------------------------------


def plan() -> EpochPlan:
    shards = listed(("s1", ()), ("s2", ()))
    state = IngestState(4, STREAM, {"s1": After("10", 5, 3), "s2": START})
    return EpochPlan(
        Mark(5, "ab", 77), Mark(4, "cd"), state, ({"s1": shards["s1"]}, {"s2": shards["s2"]})
    )


def end(shard: str, begins: Position, ends: Position, records: int, **more: object) -> ChunkEnd:
    first = "11" if records else None
    return ChunkEnd((Span(shard, begins, ends, records, first),), **more)  # type: ignore[arg-type]


def test_a_batch_ends_when_every_task_has_recorded_its_last_part() -> None:
    first = end("s1", After("10", 5, 3), After("12", 6, 5), 2, last=False)
    second = end("s1", After("12", 6, 5), Ended(8, (), 5), 0)
    other = end("s2", START, START, 0)

    assert state_after(plan(), [[first], [other]]) is None
    assert state_after(plan(), [[first, second], []]) is None
    after = state_after(plan(), [[first, second], [other]])
    assert after is not None
    assert after.epoch == 5
    assert after.shards == {"s1": Ended(8, (), 5), "s2": START}


def test_a_shard_that_had_more_to_give_makes_the_next_batch_due() -> None:
    caught_up = end("s1", After("10", 5, 3), After("12", 6, 5), 2, behind_ms={"s1": 0})
    behind = end("s2", START, After("11", 6, 1), 1, behind_ms={"s2": 400})

    assert not is_behind([[caught_up]])
    assert is_behind([[caught_up], [behind]])


def test_the_last_part_of_a_shard_says_whether_it_is_behind() -> None:
    first = end("s1", After("10", 5, 3), After("12", 6, 5), 2, behind_ms={"s1": 400}, last=False)
    second = end("s1", After("12", 6, 5), After("14", 7, 7), 2, behind_ms={"s1": 0})

    assert not is_behind([[first, second]])


# --- as text --------------------------------------------------------------------------------


def test_a_plan_is_read_as_it_was_written() -> None:
    assert parse_plan(plan_text(plan()), "the record") == plan()


positions = st.one_of(
    st.builds(FromTrimHorizon, st.integers(0, 9)),
    st.builds(After, st.integers(0, 10**56).map(str), st.integers(0, 9), st.integers(0, 9)),
    st.builds(Ended, st.integers(0, 9), st.tuples(st.just("s9")), st.integers(0, 9)),
)
spans = st.builds(Span, st.sampled_from(["s1", "s2"]), positions, positions, st.integers(0, 9))
chunk_ends = st.builds(
    ChunkEnd,
    st.lists(spans, max_size=3).map(tuple),
    st.dictionaries(st.sampled_from(["s1", "s2"]), st.none() | st.integers(0, 9)),
    st.frozensets(st.sampled_from(["s1", "s2"])),
    st.dictionaries(st.sampled_from(["s1", "s2"]), st.text()),
    st.booleans(),
)


@given(chunk_ends)
def test_an_end_is_read_as_it_was_written(one: ChunkEnd) -> None:
    assert parse_end(end_text(one), "the record") == one


@given(
    st.builds(
        Mark, st.integers(0, 2**40), st.text("0123456789abcdef"), st.none() | st.integers(0, 2**45)
    )
)
def test_an_offset_of_spark_is_a_mark(mark: Mark) -> None:
    assert mark_of(offset_of(mark)) == mark
