"""Sizes, rates, times and durations, as people write and read them."""

import pytest

from lakeferry.cli.clone.estimate import Estimate
from lakeferry.cli.units import (
    counted,
    duration_text,
    parse_pairs,
    parse_rate,
    parse_time,
    size_text,
    time_text,
)
from lakeferry.errors import FerryError
from lakeferry.fleet.standing.time_left import left_text


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("200MB/s", 200e6),
        ("1 Gbit/s", 125e6),
        ("64MiB/s", 64 * 2**20),
        ("3.6 GB/h", 1e6),
        ("500kB/s", 500e3),
    ],
)
def test_a_rate_is_bytes_a_second(text: str, rate: float) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["2 Mb/s", "200", "200MB", "fast", "0MB/s", "-1MB/s"])
def test_a_rate_that_could_mean_two_things_or_none_is_refused(text: str) -> None:
    with pytest.raises(FerryError) as refused:
        parse_rate(text, "--assume rate")

    assert (refused.value.exit_code, refused.value.where[:13]) == (2, "--assume rate")


def test_a_time_without_a_zone_is_utc() -> None:
    assert parse_time("1970-01-01 00:00:01") == 1000
    assert parse_time("1970-01-01T01:00:00+01:00") == 0
    assert parse_time("1970-01-02") == 86_400_000


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(FerryError):
        parse_time("yesterday")


def test_pairs_may_hold_an_equals_sign_in_the_value() -> None:
    assert parse_pairs(["a=b=c"], "--map-prefix") == {"a": "b=c"}


def test_a_pair_without_a_value_is_refused() -> None:
    with pytest.raises(FerryError):
        parse_pairs(["a"], "--map-prefix")


def test_one_is_one() -> None:
    assert (counted(1, "file"), counted(4000, "file")) == ("1 file", "4,000 files")


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_960, "1.0 MB"), (5.2e12, "5.2 TB")],
)
def test_sizes_are_decimal(size: float, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.21, "0.2 s"), (59, "59 s"), (2472, "41 min 12 s"), (7260, "2 h 1 min"), (302400, "3d 12h")],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_a_moment_is_written_in_utc() -> None:
    assert time_text(1_795_478_557_268) == "2026-11-24T00:02:37.268Z"


def test_no_estimate_before_enough_was_seen() -> None:
    estimate = Estimate()
    estimate.feed(20, 10**9, 100)

    assert estimate.left_s(20, (10**9, 100), (10**12, 10**5)) is None
    assert left_text(None) == "measuring"


def test_the_slower_of_bytes_and_files_decides() -> None:
    estimate = Estimate()
    for second in range(10, 80, 10):
        estimate.feed(second, second * 10**9, second * 10)

    left = estimate.left_s(70, (70 * 10**9, 700), (100 * 10**9, 10_700))

    assert left == (1000, 1000, 1000)
    assert left_text(left) == "about 17 min left"


def test_the_range_is_that_of_the_rates() -> None:
    estimate, moved = Estimate(), 0
    for window, rate in enumerate([10, 20, 20, 20, 20, 20, 20, 20, 40, 80]):
        moved += rate * 10
        estimate.feed((window + 1) * 10, moved * 10**6, moved)

    left = estimate.left_s(100, (moved * 10**6, moved), ((moved + 4800) * 10**6, moved + 4800))

    assert left == (120, 240, 240)  # of 60, 120, 240 (seven times) and 480 s
    assert left_text(left) == "2 to 4 min left"
