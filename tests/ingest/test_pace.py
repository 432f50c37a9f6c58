"""A shard is asked within its quota or our share of it, and left in peace when it has nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.ingest.kinesis.pace import Pace, wait_after_refusal

MB, MIB = 1_000_000, 1 << 20


@pytest.mark.parametrize(
    ("page_bytes", "behind_ms", "seconds"),
    [
        (1_000, 5_000, 0.2),
        (1 * MB, 5_000, 0.5),
        (2 * MB, 5_000, 1.0),
        (10 * MIB, 5_000, 5.24288),
        (0, 0, 1.0),
        (0, 60_000, 0.2),
        (0, None, 0.2),
        (1_000, 0, 1.0),
        (1_000, 999, 1.0),
        (1_000, 1_000, 0.2),
        (10 * MIB, 0, 5.24288),
    ],
    ids=[
        "five calls a second",
        "half a second's bytes",
        "a second's bytes",
        "a page of 10 MiB, after which 5 s are refused",
        "caught up and empty",
        "empty and behind",
        "empty, and not told",
        "caught up with records",
        "nearly caught up",
        "a second behind",
        "caught up by a page of 10 MiB",
    ],
)
def test_the_next_call_waits_for_calls_and_bytes(
    page_bytes: int, behind_ms: int | None, seconds: float
) -> None:
    assert Pace().next_call(page_bytes, behind_ms) == pytest.approx(seconds)


def test_a_share_takes_that_part_of_both_quotas() -> None:
    pace = Pace(share=0.4)

    assert pace.next_call(1_000, 5_000) == pytest.approx(0.5)
    assert pace.next_call(2 * MB, 5_000) == pytest.approx(2.5)


def test_a_shard_that_is_caught_up_may_be_asked_as_often_as_the_quota_allows() -> None:
    pace = Pace(idle_s=0.1)

    assert pace.next_call(0, 0) == pytest.approx(0.2)


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
    st.tuples(st.integers(0, 10 * MIB), st.none() | st.integers(0, 10**8)),
    min_size=1,
    max_size=50,
)


@given(pages, st.floats(0.05, 1))
def test_no_run_of_pages_takes_more_than_the_share(
    pages: list[tuple[int, int | None]], share: float
) -> None:
    pace = Pace(share=share)

    seconds = sum(pace.next_call(*page) for page in pages)

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
