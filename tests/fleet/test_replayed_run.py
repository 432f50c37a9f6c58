"""Predicted against actual of real syncs: what the estimate of today tells of their moments."""

from pathlib import Path
from statistics import median

import pytest

from tests.fleet.replayed_run import RECORDINGS, replayed

SYNCS = sorted(RECORDINGS.glob("sync_*.json"))
of_each_sync = pytest.mark.parametrize("sync", SYNCS, ids=lambda path: path.stem)


def test_two_syncs_were_recorded() -> None:
    assert len(SYNCS) == 2


@of_each_sync
def test_of_a_recorded_sync_four_of_five_ranges_held_and_the_middle_was_near(sync: Path) -> None:
    told = [one.told for one in replayed(sync) if one.told is not None]

    assert len(told) >= 30
    assert sum(one.is_held for one in told) >= 0.8 * len(told)
    assert median(one.error for one in told) < 0.2


@of_each_sync
def test_of_a_recorded_sync_more_than_half_was_told_of(sync: Path) -> None:
    moments = replayed(sync)

    assert moments[0].told is None  # nothing was seen yet
    assert sum(one.told is not None for one in moments) > 0.5 * len(moments)


@of_each_sync
def test_of_a_recorded_sync_the_ranges_of_its_second_half_were_worth_telling(sync: Path) -> None:
    late = [one.told for one in replayed(sync) if one.told is not None and one.share >= 0.5]

    assert median((one.said.p90 - one.said.p10) / one.came_s for one in late) < 1
