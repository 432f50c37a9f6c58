"""How long a migration will still take."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.fleet.manifest.wanted import Window
from lakeferry.fleet.standing.estimate import (
    HORIZON_S,
    Load,
    Route,
    Span,
    rates,
    route_left,
    stretched,
    time_left,
)
from lakeferry.fleet.standing.time_left import Left
from lakeferry.fleet.sync.ahead import known_ahead
from lakeferry.ledger.rows import Pace

NOW_S = 1_795_500_000.0


def hours(*moved: tuple[float, float], each_s: int = 3600, capped: bool = False) -> list[Pace]:
    """(bytes, requests) of each hour up to now, the last one last."""
    return [
        Pace("internet", round((NOW_S - each_s * (len(moved) - number - 1)) * 1000), each_s,
             round(size), round(requests), capped)
        for number, (size, requests) in enumerate(moved)
    ]  # fmt: skip


def left_of(load: Load, paces: list[Pace], *ahead: Span) -> Left:
    found = rates(paces, now_s=NOW_S)
    assert found is not None
    return route_left(load, found, ahead, now_s=NOW_S)


def test_bytes_alone_take_as_long_as_bytes_did() -> None:
    steady = hours(*[(360e9, 0)] * 48)

    assert left_of(Load(720e9, 0), steady) == pytest.approx((7200, 7200, 7200))


def test_what_bytes_and_what_requests_cost_is_told_apart_by_spans_of_other_mixtures() -> None:
    """100 MB/s and 50 requests a second, alone; small files first, then large ones."""
    mixed = hours(*[(60e9, 150_000)] * 24, *[(240e9, 60_000)] * 24)

    assert left_of(Load(100e9, 0), mixed) == pytest.approx((1000, 1000, 1000))
    assert left_of(Load(0, 5000), mixed) == pytest.approx((100, 100, 100))


def test_spans_of_one_mixture_leave_open_which_it_was_and_the_range_says_so() -> None:
    small_files = hours(*[(60e9, 150_000)] * 48)

    early, middle, late = left_of(Load(10e9, 250), small_files)

    assert (early, middle, late) == pytest.approx((6, 303, 600))
    assert left_of(Load(10e9, 25_000), small_files) == pytest.approx((600, 600, 600))


def test_mixtures_that_hardly_differ_in_an_uneven_run_leave_it_open_too() -> None:
    """The truth is bytes alone; what the hours differ in is the pace."""
    paces = [1.0, 0.8, 1.3, 0.9, 1.1, 1.0] * 8
    mixtures = [150_000 + number * 100 for number in range(48)]
    uneven = hours(*[(pace * 60e9, pace * one) for pace, one in zip(paces, mixtures, strict=True)])

    early, _, late = left_of(Load(1000e9, 0), uneven)

    assert early < 0.1 * late


def test_a_route_whose_rate_varies_is_not_taken_for_a_faster_one() -> None:
    uneven = hours(*[(120e9, 0), (600e9, 0)] * 24)

    assert left_of(Load(600e9, 0), uneven).p50 == pytest.approx(6000)


def test_the_range_is_that_of_the_means_of_six_hours() -> None:
    rate = [10e12, 5e12, 10e12, 10e12, 10e12, 20e12, 10e12, 10e12]
    uneven = hours(*[(one, 0) for one in rate for _ in range(6)])
    all_of_it = Load(sum(rate) * 6, 0)

    assert left_of(all_of_it, uneven) == pytest.approx(
        (0.85 * 1.0625 * 48 * 3600, 48 * 3600, 1.3 * 1.0625 * 48 * 3600)
    )


def test_the_last_hour_varies_as_hours_do_and_not_as_quarters_of_days() -> None:
    uneven = hours(*[(120e9, 0), (600e9, 0)] * 24)

    whole, last = left_of(Load(8640e9, 0), uneven), left_of(Load(360e9, 0), uneven)

    assert whole == pytest.approx((86_400, 86_400, 86_400))
    assert last == pytest.approx((2160, 3600, 10_800))


def test_the_basis_tells_how_long_was_seen_and_over_what_means_are_taken() -> None:
    two_days = rates(hours(*[(1e9, 0)] * 2880, each_s=60), now_s=NOW_S)
    quarter = rates(hours(*[(1e9, 0)] * 16, each_s=60), now_s=NOW_S)

    assert two_days is not None
    assert quarter is not None
    assert two_days.basis(86_400) == "48h,6h-means"
    assert two_days.basis(7000) == "48h,2h-means"
    assert quarter.basis(86_400) == "16min,2min-means"


def test_before_a_day_was_seen_the_range_is_wider_by_up_to_a_quarter() -> None:
    after_an_hour = left_of(Load(360e12, 0), hours((360e9, 0)))
    after_half_a_day = left_of(Load(360e9 * 12, 0), hours(*[(360e9, 0)] * 12))

    assert after_an_hour == pytest.approx((0.75 * 3.6e6, 3.6e6, 1.25 * 3.6e6), rel=0.02)
    assert after_half_a_day == pytest.approx([12 * 3600 * part for part in (15 / 16, 1, 17 / 16)])


def test_in_the_first_minutes_no_range_is_narrower_than_a_fifth_to_either_side() -> None:
    after_three_minutes = left_of(Load(6e9, 0), hours(*[(6e9, 0)] * 3, each_s=60))
    after_an_hour = left_of(Load(6e9, 0), hours(*[(6e9, 0)] * 60, each_s=60))

    early, middle, late = after_three_minutes
    assert middle == pytest.approx(60)
    assert 0.7 < early / middle < 0.81
    assert 1.19 < late / middle < 1.3
    assert after_an_hour == pytest.approx((60, 60, 60), rel=0.01)


def test_of_fifty_spans_one_may_be_odd_at_either_end() -> None:
    odd = hours(*[(180e9, 0)] * 92, (18e12, 0), (6, 0), each_s=1800)

    found = rates(odd, now_s=NOW_S)

    assert found is not None
    assert found.costs[1].s_per_byte == pytest.approx(1e-8)


def test_what_is_older_than_two_days_says_nothing() -> None:
    old = [one._replace(at_ms=one.at_ms - HORIZON_S * 1000) for one in hours((360e9, 0))]

    assert rates(old, now_s=NOW_S) is None
    assert left_of(Load(180e9, 0), [*old, *hours((180e9, 0))]).p50 == pytest.approx(3600)


def test_spans_that_a_window_held_back_count_only_where_there_are_no_others() -> None:
    capped = hours(*[(60e9, 0)] * 40, capped=True)

    assert left_of(Load(60e9, 0), [*capped, *hours((360e9, 0))]).p50 == pytest.approx(600)
    assert left_of(Load(60e9, 0), capped).p50 == pytest.approx(3600)


def test_time_in_which_nothing_moved_counts() -> None:
    stalled = hours(*[(360e9, 0)] * 24, *[(0, 0)] * 24)

    assert left_of(Load(360e9, 0), stalled).p50 == pytest.approx(7200)


def test_one_minute_is_no_witness_beside_six_hours() -> None:
    odd_minute = [*hours((1, 0), each_s=60), *hours(*[(360e9, 0)] * 30)[:-10]]

    assert left_of(Load(36e12, 0), odd_minute).p90 < 1.1 * 360_000


def test_the_slowest_route_decides() -> None:
    fast, slow = (rates(hours(*[(size, 0)] * 24), now_s=NOW_S) for size in (360e9, 60e9))
    routes = {"internet": Route(Load(60e9, 0), fast), "vpn": Route(Load(20e9, 0), slow)}

    assert time_left(routes, now_s=NOW_S) == pytest.approx((1200, 1200, 1200))


def test_a_route_with_work_that_was_never_seen_leaves_all_unknown() -> None:
    seen = rates(hours(*[(360e9, 0)] * 24), now_s=NOW_S)
    routes = {"internet": Route(Load(60e9, 0), seen), "vpn": Route(Load(1, 0), None)}

    assert time_left(routes, now_s=NOW_S) is None
    idle = {**routes, "vpn": Route(Load(0, 0), None)}
    assert time_left(idle, now_s=NOW_S) == pytest.approx((600, 600, 600))


def test_with_nothing_left_it_is_done() -> None:
    assert time_left({"vpn": Route(Load(0, 0), None)}, now_s=NOW_S) == (0, 0, 0)


def test_a_pause_ahead_is_added() -> None:
    ahead = (Span(NOW_S + 100, None), Span(NOW_S + 700, None, is_paused=True))

    assert stretched(1000, 1e9, ahead, now_s=NOW_S) == 1600
    assert stretched(100, 1e9, ahead, now_s=NOW_S) == 100


def test_a_cap_ahead_stretches_what_lies_in_it_and_no_more() -> None:
    """10 MB/s of work for 100 s; 1 MB/s is left in the first 500 s."""
    ahead = (Span(NOW_S + 500, 1e6),)

    assert stretched(100, 1e9, ahead, now_s=NOW_S) == pytest.approx(550)
    assert stretched(100, 1e9, (Span(NOW_S + 500, 50e6),), now_s=NOW_S) == 100


def test_a_pause_without_end_has_no_end_in_sight() -> None:
    ahead = (Span(math.inf, None, is_paused=True),)

    assert stretched(10, 1e9, ahead, now_s=NOW_S) == math.inf


def test_windows_of_the_manifest_stand_in_the_way_of_their_route_alone() -> None:
    """Tuesday 24 November 2026, 09:00 in Berlin; the office keeps the line until 18:00."""
    now_s = datetime(2026, 11, 24, 8, tzinfo=UTC).timestamp()
    office = Window(
        days=(0, 1, 2, 3, 4), begins=8 * 60, ends=18 * 60, zone="Europe/Berlin",
        path="direct-connect", select=None, bytes_per_s=None, is_pause=True,
    )  # fmt: skip
    ahead = known_ahead([office], now_s=now_s, route="direct-connect")

    assert stretched(3600, 1e9, ahead, now_s=now_s) == 10 * 3600
    assert stretched(15 * 3600, 1e9, ahead, now_s=now_s) == (9 + 14 + 10 + 1) * 3600
    assert known_ahead([office], now_s=now_s, route="internet") == ()


SPANS = st.lists(
    st.tuples(st.integers(0, 10**12), st.integers(0, 10**6)), min_size=1, max_size=40
).filter(lambda moved: any(size or requests for size, requests in moved))
LOADS = st.builds(Load, st.integers(0, 10**15), st.integers(0, 10**9))
AHEAD = st.lists(
    st.tuples(st.integers(1, 10**5), st.none() | st.integers(1, 10**9), st.booleans()), max_size=8
).map(
    lambda parts: tuple(
        Span(NOW_S + sum(part[0] for part in parts[: number + 1]), rate, is_paused)
        for number, (_, rate, is_paused) in enumerate(parts)
    )
)


@given(SPANS, LOADS, AHEAD)
def test_the_range_is_in_order_and_no_time_is_below_nothing(
    moved: list[tuple[int, int]], load: Load, ahead: tuple[Span, ...]
) -> None:
    early, middle, late = left_of(load, hours(*moved), *ahead)

    assert 0 <= early <= middle * (1 + 1e-9) <= late * (1 + 1e-8)


@given(SPANS, LOADS, LOADS)
def test_more_to_move_never_takes_less_time(
    moved: list[tuple[int, int]], load: Load, more: Load
) -> None:
    both = Load(load.bytes + more.bytes, load.requests + more.requests)
    less, all_of_it = left_of(load, hours(*moved)), left_of(both, hours(*moved))

    assert less.p50 <= all_of_it.p50 * (1 + 1e-9)


@given(SPANS, LOADS, AHEAD)
def test_a_window_never_makes_it_shorter(
    moved: list[tuple[int, int]], load: Load, ahead: tuple[Span, ...]
) -> None:
    free, held = left_of(load, hours(*moved)), left_of(load, hours(*moved), *ahead)

    assert [a <= b * (1 + 1e-9) for a, b in zip(free, held, strict=True)] == [True] * 3


@given(SPANS, LOADS)
def test_a_route_that_was_half_as_fast_takes_twice_as_long(
    moved: list[tuple[int, int]], load: Load
) -> None:
    once = left_of(load, hours(*moved, each_s=1800))
    twice = left_of(load, hours(*moved, each_s=3600))

    assert twice.p50 == pytest.approx(2 * once.p50)


@given(SPANS.flatmap(lambda moved: st.tuples(st.just(moved), st.permutations(range(len(moved))))))
def test_the_order_in_which_spans_are_told_does_not_matter(
    told: tuple[list[tuple[int, int]], list[int]],
) -> None:
    in_order = hours(*told[0])
    shuffled = [in_order[number] for number in told[1]]

    assert left_of(Load(1e12, 1e6), shuffled) == pytest.approx(left_of(Load(1e12, 1e6), in_order))


@given(
    st.floats(1e-10, 1e-6),
    st.floats(1e-4, 1),
    st.lists(st.tuples(st.integers(1, 10**10), st.integers(1, 10**5)), min_size=4, max_size=40),
    LOADS,
)
def test_whatever_bytes_and_requests_cost_is_found_out_or_lies_within_the_range(
    s_per_byte: float, s_per_request: float, moved: list[tuple[int, int]], load: Load
) -> None:
    told = [
        one._replace(seconds=one.bytes * s_per_byte + one.requests * s_per_request)
        for one in hours(*moved)
    ]
    truth = load.bytes * s_per_byte + load.requests * s_per_request

    early, _, late = left_of(load, told)

    assert early * (1 - 1e-3) <= truth <= late * (1 + 1e-3)
