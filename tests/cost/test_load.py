"""Loads: bytes a minute, planned or seen, without a byte lost to rounding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.cost.path.load import SAFE, load_of, planned_load, summed, total

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
