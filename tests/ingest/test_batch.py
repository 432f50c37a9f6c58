"""Spans join one batch to the next; bad records are counted over a window, and put down once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.ingest.kinesis.wire import Record
from lakeferry.ingest.payload.rows import Bad, Fault, Rows
from lakeferry.ingest.position.state import (
    After,
    Ended,
    FromTrimHorizon,
    IngestState,
    Position,
    Span,
    StreamIdentity,
    advanced,
)
from lakeferry.ingest.worker.batch import WINDOW, BadRatio, Progress, less, unknown_to
from lakeferry.ingest.worker.inbox import Fetched
from lakeferry.ingest.worker.messages import Counts, ShardStart

START = FromTrimHorizon(3)


def fetched(shard: str, begins: Position, *numbers: int, ends: Position | None = None) -> Fetched:
    records = [Record(str(one), one / 1000, b"", "k") for one in numbers]
    read = begins.records if isinstance(begins, After) else 0
    place = ends or After(str(numbers[-1]), 0, read + len(numbers))
    return Fetched(shard, records, place, 0, 0, begins)


def advance(progress: Progress, shard: str, *numbers: int, ends: Position | None = None) -> None:
    progress.advance(fetched(shard, progress.shards[shard], *numbers, ends=ends))


def begun(*shards: str) -> Progress:
    progress = Progress()
    for shard in shards:
        progress.begin(ShardStart(shard, START, (0, 9)))
    return progress


def test_spans_have_every_shard_those_without_records_too() -> None:
    progress = begun("b", "a")
    advance(progress, "a", 1, 2)
    advance(progress, "a", 3)

    assert progress.cut() == (
        Span("a", START, After("3", 0, 3), 3, "1"),
        Span("b", START, START, 0, None),
    )


def test_the_next_spans_begin_where_these_end() -> None:
    progress = begun("a")
    advance(progress, "a", 1)
    progress.cut()

    assert progress.cut() == (Span("a", After("1", 0, 1), After("1", 0, 1), 0, None),)


def test_a_shard_that_ended_is_in_one_batch_more() -> None:
    progress = begun("a", "b")
    advance(progress, "a", ends=Ended(9, (), 0))

    assert [span.shard_id for span in progress.cut()] == ["a", "b"]
    assert [span.shard_id for span in progress.cut()] == ["b"]


def test_a_page_that_does_not_follow_the_one_before_ends_the_worker() -> None:
    progress = begun("a")
    advance(progress, "a", 1, 2)
    last = progress.shards["a"]

    with pytest.raises(RuntimeError, match="a: a page from"):
        progress.advance(fetched("a", START, 1, 2))
    with pytest.raises(RuntimeError, match="a: a page from"):
        progress.advance(fetched("a", After("4", 0, 4), 5))
    assert progress.shards["a"] == last


def test_a_batch_knows_its_newest_and_oldest_record() -> None:
    progress = begun("a")
    advance(progress, "a", 50, 70)
    advance(progress, "a", 60, 40)

    assert (progress.oldest_ms, progress.newest_ms) == (40, 70)
    progress.cut()
    assert (progress.oldest_ms, progress.newest_ms) == (None, None)


steps = st.lists(st.sampled_from(["a page", "an empty page", "a cut"]), max_size=40)


@given(steps, st.booleans())
def test_batches_join_the_state_that_those_before_them_made(steps: list[str], ended: bool) -> None:
    progress, count = begun("a", "b"), 0
    place: Position = START
    spans = []
    for step in steps:
        if step == "a cut":
            spans.append(progress.cut())
            continue
        taken = 2 if step == "a page" else 0
        numbers = [count + 1, count + 2][:taken]
        count += taken
        place = After(str(count), count, count) if count else place
        advance(progress, "a", *numbers, ends=place)
    if ended:
        advance(progress, "a", ends=Ended(count, (), count))
    state = IngestState(0, StreamIdentity("s"), {"a": START, "b": START})

    for batch in [*spans, progress.cut(), progress.cut()]:
        state = advanced(state, batch)

    place = state.shards["a"]
    assert isinstance(place, Ended) == ended
    assert getattr(place, "records", 0) == count


# --- bad records ----------------------------------------------------------------------------


def test_more_bad_records_than_a_window_may_have_are_too_many() -> None:
    ratio = BadRatio(0.1)

    assert not ratio.add(10_000, 10_000)
    assert ratio.add(1, 1)


def test_what_is_older_than_the_window_is_forgotten() -> None:
    ratio = BadRatio(0.1)
    ratio.add(10_000, 10_000)
    for _ in range(10):
        assert not ratio.add(WINDOW // 10, 0)

    assert ratio.bad == 0


@given(st.lists(st.tuples(st.integers(0, 5_000), st.floats(0, 0.09)), max_size=100))
def test_a_part_below_the_limit_is_never_too_much(pages: list[tuple[int, float]]) -> None:
    ratio = BadRatio(0.1)

    assert not any(ratio.add(records, int(records * part)) for records, part in pages)


def test_without_a_limit_all_may_be_bad() -> None:
    ratio = BadRatio(1.0)

    assert not any(ratio.add(7_001, 7_001) for _ in range(100))


def bad(*numbers: str) -> Bad:
    count = len(numbers)
    rows = Rows("s", [b""] * count, ["k"] * count, numbers, [None] * count, [0] * count)
    return Bad(rows, tuple(Fault(number) for number in numbers))


@pytest.mark.parametrize(
    ("place", "left"),
    [
        (None, ["9", "10", "11"]),
        (FromTrimHorizon(), ["9", "10", "11"]),
        (After("10", 0, 1), ["11"]),
        (After("8", 0, 1), ["9", "10", "11"]),
        (Ended(0), []),
    ],
)
def test_the_quarantine_table_gets_what_it_does_not_have(
    place: Position | None, left: list[str]
) -> None:
    found = unknown_to(place, None, bad("9", "10", "11"))

    assert list(found.rows.sequence_numbers) == left
    assert [fault.error for fault in found.faults] == left


def test_the_quarantine_table_gets_what_is_not_among_the_records_that_it_is_known_to_have() -> None:
    found = unknown_to(After("11", 0, 3), {("10", None), ("9", 4)}, bad("9", "10", "11"))

    assert list(found.rows.sequence_numbers) == ["9", "11"]
    assert unknown_to(After("11", 0, 3), frozenset(), bad("9")) == bad("9")


def test_counts_of_a_batch_are_those_since_the_one_before() -> None:
    assert less(Counts(records=9, calls=5), Counts(records=7)) == Counts(records=2, calls=5)
