"""The sums of a plan, its times, and what differs between two of them."""

from datetime import UTC, datetime

import pytest

from lakeferry.fleet.manifest.wanted import Window
from lakeferry.fleet.planning.difference import between
from lakeferry.fleet.planning.route_times import all_left, lefts
from lakeferry.fleet.planning.totals import (
    Sum,
    by_route,
    by_wave,
    split_jobs,
    summed,
    vacuum_risks,
)
from lakeferry.fleet.standing.time_left import Left
from lakeferry.ledger.rows import Pace
from tests.fleet.plans import line, plan_of

NOW_S = datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp()
COPY = line("sales.eu.a")
INCREMENT = line("sales.eu.b", action="increment", bytes=10, files=1, requests=1, added=1)
KEPT = line("sales.eu.c", action="keep", bytes=0, files=0, requests=0, added=0)
BLOCKED = line("logs.eu.d", action="blocked", wave=2, bytes=0, files=0, requests=0, added=0,
               route="vpn", source="logs", code="LF-3001")  # fmt: skip
ALL = (COPY, INCREMENT, KEPT, BLOCKED)


def test_a_wave_is_told_by_action_in_their_order() -> None:
    first, second = by_wave(ALL)

    assert (first.wave, first.sources, first.tables) == (1, 1, 3)
    assert list(first.by_action) == ["copy", "increment", "keep"]
    assert first.by_action["increment"] == Sum(1, 10, 1, 1, 1, 0)
    assert (second.wave, list(second.by_action)) == (2, ["blocked"])


def test_what_is_aside_is_told_with_the_size_of_its_table() -> None:
    assert by_wave(ALL)[1].by_action["blocked"].bytes == 100
    assert summed([BLOCKED]).files == 2


def test_routes_carry_only_what_moves() -> None:
    assert by_route(ALL) == {"internet": Sum(2, 110, 3, 3, 3, 0)}


def test_jobs_that_write_into_several_waves_are_named() -> None:
    lines = [
        line("sales.eu.a", job="job 1", wave=1), line("sales.eu.b", job="job 1", wave=2),
        line("sales.eu.c", job="job 2", wave=1), line("sales.eu.d", job="job 2", wave=1),
        line("sales.eu.e", wave=1), line("sales.eu.f", wave=2),
    ]  # fmt: skip

    assert [(job, len(found)) for job, found in split_jobs(lines).items()] == [("job 1", 2)]


def test_a_table_is_at_risk_where_vacuum_is_faster_than_the_copy() -> None:
    soon, late = line("a.b.soon", retention_s=3600), line("a.b.late", retention_s=90_000)
    unknown = line("a.b.unknown", retention_s=None)

    assert vacuum_risks([late, soon, unknown], 7200) == (soon,)
    assert vacuum_risks([late, soon], 90_000) == (soon, late)
    assert vacuum_risks([line(action="keep", retention_s=0)], 7200) == ()


def test_without_an_estimate_each_table_is_held_against_its_own_copy_at_one_gigabit() -> None:
    large = line("a.b.large", bytes=125_000_000 * 3600, retention_s=3600)

    assert vacuum_risks([large, COPY], None) == (large,)


# ---- time


def test_an_assumed_rate_gives_one_time_a_route() -> None:
    found, basis = lefts([line(bytes=6000)], [], (), 100.0, now_s=NOW_S)

    assert (found, basis) == ({"internet": Left(60, 60, 60)}, "assumed")


def test_a_pause_ahead_is_in_the_time() -> None:
    pause = Window(tuple(range(7)), 12 * 60, 13 * 60, "UTC", is_pause=True)

    found, _ = lefts([line(bytes=6000)], [], (pause,), 100.0, now_s=NOW_S)

    assert found["internet"].p50 == 3660


def test_what_was_seen_is_the_rate_of_the_plan() -> None:
    paces = [Pace("internet", round((NOW_S - 60 * minute) * 1000), 60, 6000, 0, capped=False)
             for minute in range(600)]  # fmt: skip

    found, basis = lefts([line(bytes=360_000)], paces, (), None, now_s=NOW_S)

    assert found["internet"].p50 == pytest.approx(3600, rel=0.01)
    assert basis.endswith("-means")


def test_a_route_that_was_not_seen_at_work_has_no_time_and_so_has_the_whole() -> None:
    found, basis = lefts([line()], [], (), None, now_s=NOW_S)

    assert (found, basis, all_left(found, ["internet"])) == ({}, "", None)


def test_the_slowest_route_decides() -> None:
    assert all_left({"a": Left(1, 2, 9), "b": Left(3, 4, 5)}, ["a", "b"]) == Left(3, 4, 9)
    assert all_left({}, []) == Left(0, 0, 0)


# ---- two plans


def test_equal_plans_do_not_differ() -> None:
    assert between(plan_of(*ALL), plan_of(*ALL, made_at_ms=9)).tables == ()


def test_a_difference_names_the_table_and_what_it_is() -> None:
    before = plan_of(COPY, INCREMENT, BLOCKED)
    after = plan_of(
        line("sales.eu.a", action="blocked", code="LF-4102", bytes=0, files=0),
        line("sales.eu.b", action="increment", bytes=30, files=2, source_version=9),
        KEPT,
    )

    found = between(before, after)

    assert [(one.name, one.what) for one in found.tables] == [
        ("logs.eu.d", "no longer in the plan"),
        ("sales.eu.a", "copy -> blocked (LF-4102), -100 bytes, -2 files"),
        ("sales.eu.b", "source version 7 -> 9, +20 bytes, +1 files"),
        ("sales.eu.c", "new in the plan"),
    ]
    assert (found.more_tables, found.more_bytes, found.more_files) == (-1, -80, -1)
