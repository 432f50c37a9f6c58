"""Windows of the week, in the time of their zones, and across the nights when clocks change."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.fleet.manifest.wanted import Window
from lakeferry.fleet.manifest.window import Allowed, Gap, allowed_at, gap_of, is_open, next_change

OFFICE = Window((0, 1, 2, 3, 4), 8 * 60, 18 * 60, "Europe/Berlin", path="direct-connect",
                bytes_per_s=250e6)  # fmt: skip
SUNDAY = Window((6,), 2 * 60, 5 * 60, "UTC", is_pause=True)
NIGHT = Window((4,), 22 * 60, 6 * 60, "America/New_York", bytes_per_s=1e9)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("moment", "is_in"),
    [
        ("2026-11-24T06:59Z", False),  # Tuesday, 07:59 in Berlin
        ("2026-11-24T07:00Z", True),
        ("2026-11-24T16:59Z", True),
        ("2026-11-24T17:00Z", False),
        ("2026-07-21T06:00Z", True),  # summer: an hour earlier
        ("2026-11-28T10:00Z", False),  # Saturday
    ],
)
def test_a_window_is_in_the_time_of_its_zone(moment: str, is_in: bool) -> None:
    assert is_open(OFFICE, at(moment)) is is_in


@pytest.mark.parametrize(
    ("moment", "is_in"),
    [
        ("2026-11-28T02:59Z", False),  # Friday 21:59 in New York
        ("2026-11-28T03:00Z", True),
        ("2026-11-28T10:59Z", True),  # Saturday 05:59
        ("2026-11-28T11:00Z", False),
        ("2026-11-27T10:00Z", False),  # Friday morning: Thursday is no day of it
    ],
)
def test_a_window_may_go_on_past_midnight(moment: str, is_in: bool) -> None:
    assert is_open(NIGHT, at(moment)) is is_in


def test_the_strictest_open_window_decides_and_one_of_another_path_has_no_say() -> None:
    slower = Window(tuple(range(7)), 0, 0, "UTC", bytes_per_s=100e6)
    tuesday = at("2026-11-24T12:00Z")

    assert allowed_at([OFFICE], tuesday, path="internet") == Allowed(None, False)
    assert allowed_at([OFFICE], tuesday, path="direct-connect") == Allowed(250e6, False)
    both = allowed_at([OFFICE, slower], tuesday, path="direct-connect")
    assert both == Allowed(100e6, False)
    assert allowed_at([SUNDAY], at("2026-11-29T03:00Z"), path="internet") == Allowed(None, True)


def test_the_next_change_is_the_next_begin_or_end() -> None:
    assert next_change([OFFICE, SUNDAY], at("2026-11-24T12:00Z"), path="direct-connect") == at(
        "2026-11-24T17:00+00:00"
    )
    assert next_change([SUNDAY], at("2026-11-29T05:00Z")) == at("2026-12-06T02:00Z")
    assert next_change([], at("2026-11-29T05:00Z")) is None


# ---- nights when clocks change


SPRING = Window((6,), 2 * 60 + 30, 5 * 60, "Europe/Berlin", is_pause=True)


def test_an_hour_that_is_left_out_is_found() -> None:
    assert gap_of(SPRING, date(2026, 11, 26)) == Gap(date(2027, 3, 28), "02:30", "from")
    ends_in_it = Window((5,), 22 * 60, 2 * 60, "Europe/Berlin", is_pause=True)
    assert gap_of(ends_in_it, date(2026, 11, 26)) == Gap(date(2027, 3, 28), "02:00", "to")
    assert gap_of(OFFICE, date(2026, 11, 26)) is None
    assert gap_of(SUNDAY, date(2026, 11, 26)) is None


def test_a_window_that_would_begin_in_a_left_out_hour_begins_when_clocks_have_gone_on() -> None:
    assert not is_open(SPRING, at("2027-03-28T00:59Z"))
    assert is_open(SPRING, at("2027-03-28T01:00Z"))  # 03:00 in Berlin
    assert not is_open(SPRING, at("2027-03-28T03:00Z"))


def test_an_hour_that_comes_twice_is_of_the_window_both_times() -> None:
    autumn = Window((6,), 2 * 60, 3 * 60, "Europe/Berlin", is_pause=True)

    assert is_open(autumn, at("2026-10-25T00:30Z"))
    assert is_open(autumn, at("2026-10-25T01:30Z"))
    assert not is_open(autumn, at("2026-10-25T02:00Z"))


windows = st.builds(
    Window,
    st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    is_pause=st.just(True),
)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))


@given(window=windows, moment=moments)
def test_nothing_changes_before_the_next_change(window: Window, moment: datetime) -> None:
    change = next_change([window], moment)

    assert change is not None
    now = allowed_at([window], moment)
    for share in (0.25, 0.5, 0.999):
        assert allowed_at([window], moment + (change - moment) * share) == now
    assert change - moment <= timedelta(days=8)
