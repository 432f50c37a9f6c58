"""Predicted against actual of a real sync: what is told of its moments by the estimate of today."""

from statistics import median

from tests.fleet.replayed_run import SLOW_LINE, replayed

MOMENTS = replayed(SLOW_LINE)
TOLD = [one.told for one in MOMENTS if one.told is not None]


def test_of_a_recorded_sync_four_of_five_ranges_held_and_the_middle_was_near() -> None:
    assert len(TOLD) >= 20
    assert sum(one.is_held for one in TOLD) >= 0.8 * len(TOLD)
    assert median(one.error for one in TOLD) < 0.2


def test_of_a_recorded_sync_more_than_half_was_told_of() -> None:
    assert MOMENTS[0].told is None  # nothing was seen yet
    assert len(TOLD) >= 0.5 * len(MOMENTS)


def test_of_a_recorded_sync_the_ranges_of_its_second_half_were_worth_telling() -> None:
    late = [one.told for one in MOMENTS if one.told is not None and one.share >= 0.5]

    assert median((one.said.p90 - one.said.p10) / one.came_s for one in late) < 0.8
