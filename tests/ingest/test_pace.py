"""A shard is asked within its quota or our share of it, and left in peace when it has nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.ingest.kinesis.pace import Pace, wait_after_refusal

MB, MIB = 1_000_000, 1 << 20


@pytest.mark.parametrize(
    ("page_bytes", "caught_up", "seconds"),
    [
        (1_000, False, 0.2),
        (1 * MB, False, 0.5),
        (2 * MB, False, 1.0),
        (10 * MIB, False, 5.24288),
        (0, True, 1.0),
        (0, False, 0.2),
        (1_000, True, 1.0),
        (10 * MIB, True, 5.24288),
    ],
    ids=[
        "five calls a second",
        "half a second's bytes",
        "a second's bytes",
        "a page of 10 MiB, after which 5 s are refused",
        "caught up and empty",
        "empty and behind",
        "caught up with records",
        "caught up by a page of 10 MiB",
    ],
)
def test_the_next_call_waits_for_calls_and_bytes(
    page_bytes: int, caught_up: bool, seconds: float
) -> None:
    assert Pace().next_call(page_bytes, caught_up=caught_up) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("behind_ms", "caught_up"),
    [(0, True), (999, True), (1_000, False), (60_000, False), (None, False)],
)
def test_a_shard_is_caught_up_but_for_what_it_gathers_in_a_pause(
    behind_ms: int | None, caught_up: bool
) -> None:
    assert Pace().is_caught_up(behind_ms) is caught_up


def test_a_share_takes_that_part_of_both_quotas() -> None:
    pace = Pace(share=0.4)

    assert pace.next_call(1_000, caught_up=False) == pytest.approx(0.5)
    assert pace.next_call(2 * MB, caught_up=False) == pytest.approx(2.5)


def test_a_shard_that_is_caught_up_may_be_asked_as_often_as_the_quota_allows() -> None:
    pace = Pace(idle_s=0.1)

    assert pace.next_call(0, caught_up=True) == pytest.approx(0.2)


@pytest.mark.parametrize("share", [0, -0.1, 1.01])
def test_a_share_is_a_part(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        Pace(share=share)


@pytest.mark.parametrize(
    ("record_bytes", "limit"),
    [(None, 40), (590, 3_389), (50, 10_000), (10 * MIB, 1), (0, 10_000)],
)
def test_a_page_is_worth_a_second_of_the_quota(record_bytes: float | None, limit: int) -> None:
    assert Pace().limit(record_bytes) == limit


pages = st.lists(
    st.tuples(st.integers(0, 10 * MIB), st.booleans()),
    min_size=1,
    max_size=50,
)


@given(pages, st.floats(0.05, 1))
def test_no_run_of_pages_takes_more_than_the_share(
    pages: list[tuple[int, bool]], share: float
) -> None:
    pace = Pace(share=share)

    seconds = sum(pace.next_call(size, caught_up=caught_up) for size, caught_up in pages)

    assert sum(size for size, _ in pages) <= 2 * MB * share * seconds * 1.000001
    assert len(pages) <= 5 * share * seconds * 1.000001


@given(st.integers(1, 1000), st.floats(0, 1))
def test_a_refused_shard_is_asked_more_and_more_seldom_up_to_5_s(times: int, random: float) -> None:
    assert 0.2 <= wait_after_refusal(times, random) <= 5
    assert wait_after_refusal(times, random) <= wait_after_refusal(times + 1, random)
    assert wait_after_refusal(1, random) <= 0.4


def test_a_first_page_of_the_largest_aggregates_is_worth_a_second_of_the_quota() -> None:
    assert Pace().limit(None) == Pace().limit(50_000) == 40


def test_no_call_asks_for_more_records_than_it_may() -> None:
    pace = Pace(most_records=500)

    assert pace.limit(None) == 40
    assert Pace(most_records=20).limit(None) == 20
    assert pace.limit(10) == 500
    assert pace.limit(1 * MB) == 2
