"""Predicted against actual: the ranges that were told of a recorded migration held."""

from functools import cache
from statistics import median

import pytest

from tests.fleet.recorded_run import Prediction, predictions


@cache
def told_of(seed: int) -> list[Prediction]:
    return predictions(seed)


@pytest.mark.parametrize("seed", range(3))
def test_of_ten_ranges_nine_held_and_the_middle_was_near(seed: int) -> None:
    told = told_of(seed)

    assert len(told) >= 24
    assert sum(one.is_held for one in told) >= 0.9 * len(told)
    assert median(one.error for one in told) < 0.15


@pytest.mark.parametrize("seed", range(3))
def test_a_range_that_held_was_worth_telling(seed: int) -> None:
    """Once a day was seen, it is no wider than the time that is left, most of the time."""
    told = [one for one in told_of(seed) if one.after_s >= 86_400]

    assert median((one.said.p90 - one.said.p10) / one.came_s for one in told) < 0.6
