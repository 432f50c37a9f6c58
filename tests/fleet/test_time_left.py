"""The words for how long something will still take."""

import math
from datetime import UTC, datetime

import pytest

from lakeferry.fleet.standing.time_left import Left, ends_text, is_measured, left_text

NOW = datetime(2026, 11, 24, 9, 42, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "text"),
    [
        ((1, 10, 20), "seconds left"),
        ((12, 30, 55), "10 to 60 s left"),
        ((912, 1000, 1148), "15 to 19 min left"),
        ((5000, 7000, 9000), "83 min to 2 h left"),
        ((32_000, 32_400, 33_000), "about 9 h left"),
        ((302_400, 338_100, 360_000), "3d 12h to 4d 4h left"),
        ((187_200, 200_000, 273_600), "2d 4h to 3d 4h left"),
        ((7200, 9000, math.inf), "at least 2 h left"),
        ((math.inf, math.inf, math.inf), "no end in sight"),
    ],
)
def test_time_left_is_no_finer_than_an_estimate_can_be(
    left: tuple[float, float, float], text: str
) -> None:
    assert left_text(Left(*left)) == text


@pytest.mark.parametrize(
    ("left", "text"),
    [
        ((302_400, 338_100, 360_000), "ends between Fri 27 Nov 21:30 and Sat 28 Nov 13:30 UTC"),
        ((50, 60, 70), "ends about Tue 24 Nov 09:43 UTC"),
        ((600, 660, 900), "ends between Tue 24 Nov 09:52 and Tue 24 Nov 09:57 UTC"),
        ((600, 660, math.inf), "no end in sight"),
    ],
)
def test_an_end_is_told_to_the_half_hour_or_to_the_minute(
    left: tuple[float, float, float], text: str
) -> None:
    assert ends_text(Left(*left), NOW) == text


def test_nothing_is_told_of_an_end_while_it_is_measuring() -> None:
    assert ends_text(None, NOW) == left_text(None) == "measuring"


def test_enough_was_seen_after_a_minute_and_200_files_and_half_a_percent() -> None:
    assert is_measured(60, 200, 5, 1000)
    assert not is_measured(59, 200, 5, 1000)
    assert not is_measured(60, 199, 5, 1000)
    assert not is_measured(60, 200, 4, 1000)
