"""Loads: bytes a minute, planned or seen, without a byte lost to rounding."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.cost.load import SAFE, load_of, planned_load, seen_load, seen_loads, summed, total

record = st.tuples(st.integers(-200, 900), st.integers(0, 700), st.integers(0, 2**45))


@given(st.integers(0, 2**70), st.integers(1, 500))
def test_a_planned_load_is_even_to_the_byte_and_sums_to_the_plan(size: int, minutes: int) -> None:
    load = planned_load(size, minutes=minutes).tolist()

    assert sum(load) == size
    assert max(load) - min(load) <= 1


def test_two_pebibytes_in_thirty_days_are_6_95_gbps_in_every_minute() -> None:
    # facts/cost.md section 1: 6.9499994 Gbps
    load = planned_load(2**51, minutes=43_200)

    assert total(load) == 2**51
    assert set(load.tolist()) == {52_124_995_687, 52_124_995_688}


def test_a_record_is_spread_over_its_seconds() -> None:
    # 90 s from second 30: 30 s lie in the first minute, 60 s in the second
    load = seen_load(
        np.array([1_000_000_020 + 30]),
        np.array([1_000_000_020 + 120]),
        np.array([900]),
        first_s=1_000_000_020,
        minutes=3,
    )

    assert load.tolist() == [300, 600, 0]


def test_a_record_that_ends_where_it_starts_lasts_a_second() -> None:
    assert seen_load(
        np.array([60]), np.array([60]), np.array([7]), first_s=0, minutes=2
    ).tolist() == [0, 7]


@given(st.lists(record, max_size=12))
def test_spreading_is_even_to_a_byte_a_record_and_loses_nothing(
    records: list[tuple[int, int, int]],
) -> None:
    start, lasts, size = np.array(records, dtype=np.int64).reshape(-1, 3).T
    load = seen_load(start, start + lasts, size, first_s=-240, minutes=40).tolist()
    wanted = [Fraction(0)] * 40
    for begins, length, bytes in records:
        for second in range(begins + 240, begins + 240 + max(length, 1)):
            wanted[second // 60] += Fraction(bytes, max(length, 1))

    assert sum(load) == sum(bytes for _, _, bytes in records)
    for found, exact in zip(load, wanted, strict=True):
        assert abs(found - exact) < max(len(records), 1)


def test_what_lies_outside_of_the_minutes_is_left_out() -> None:
    load = seen_load(
        np.array([0, 30]), np.array([60, 90]), np.array([60, 60]), first_s=60, minutes=1
    )

    assert load.tolist() == [30]


@given(st.lists(st.integers(0, 2**62), max_size=20))
def test_a_total_is_exact_beyond_int64(load: list[int]) -> None:
    assert total(np.array(load, dtype=np.int64)) == sum(load)
    assert load_of(load).tolist() == load
    assert load_of(load).dtype == (np.int64 if sum(load) < SAFE else object)


@pytest.mark.parametrize("given_", [[1, -1], [0.5], np.array([1.0])])
def test_half_and_negative_bytes_are_refused(given_: list[int]) -> None:
    with pytest.raises(ValueError, match="bytes a minute"):
        load_of(given_)


def test_a_plan_without_minutes_is_refused() -> None:
    with pytest.raises(ValueError, match="no plan"):
        planned_load(1, minutes=0)


def test_loads_of_several_lengths_are_summed_minute_by_minute() -> None:
    assert summed([load_of([1, 2]), load_of([10])]).tolist() == [11, 2]
    assert summed([load_of([2**62]), load_of([2**62, 1])]).tolist() == [2**63, 1]
    same = load_of([2**61, 1])
    assert summed([same, load_of([1]), same, same, same]).tolist() == [2**63 + 1, 4]
    assert summed([]).tolist() == []


def test_records_of_several_sources_become_loads_of_the_same_minutes() -> None:
    found = seen_loads(
        ["b", "a", "b"],
        np.array([125, 240, 180]),
        np.array([180, 240, 300]),
        np.array([55, 9, 120]),
    )

    assert found.first_s == 120
    assert {name: load.tolist() for name, load in found.loads.items()} == {
        "a": [0, 0, 9],
        "b": [55, 60, 60],
    }


def test_no_records_are_no_loads() -> None:
    nothing = np.zeros(0, dtype=np.int64)

    assert seen_loads([], nothing, nothing, nothing).loads == {}
