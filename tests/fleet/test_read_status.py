"""The state of a migration from its ledger alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lakeferry.errors import FerryError
from lakeferry.fleet.standing.estimate import Span
from lakeferry.fleet.standing.read_status import Status, read_status
from lakeferry.fleet.standing.time_left import Left
from lakeferry.ledger.rows import Pace
from tests.ledger.lakes import Clock, leading, step, table

HALF_DONE = {"bytes": 720_000, "files": 600, "left_bytes": 360_000, "left_files": 300,
             "left_requests": 0}  # fmt: skip
DAY_MS = 86_400_000


def filled(path: Path, minutes: int, clock: Clock) -> None:
    """One table, half done, at 6,000 bytes a minute until now."""
    clock.now_ms = 10 * DAY_MS
    with leading(path, clock_ms=clock) as ledger:
        ledger.see([table("sales.orders", **HALF_DONE)])
        for minute in range(minutes):
            ledger.pace(Pace("internet", 10 * DAY_MS - minute * 60_000, 60, 6000, 0, capped=False))


def test_a_status_says_of_which_moment_it_is_and_who_leads(tmp_path: Path) -> None:
    clock = Clock()
    filled(tmp_path / "ledger.db", 3, clock)
    with leading(tmp_path / "ledger.db", "second", clock_ms=clock) as ledger:
        ledger.move(step("discovered", "blocked", code="LF-3001"))
        found = read_status(tmp_path / "ledger.db", "wave", now_ms=clock.now_ms)

    assert found.leader is not None
    assert (found.seq, found.leader.run_id) == (4, "second")
    assert [group.key for group in found.groups] == ["1"]
    assert [asks.code for asks in found.look_at] == ["LF-3001"]
    assert read_status(tmp_path / "ledger.db", "wave", now_ms=clock.now_ms).leader is None


@pytest.mark.parametrize("minutes", [60, 2880])
def test_the_time_left_is_the_estimates(tmp_path: Path, minutes: int) -> None:
    clock = Clock()
    filled(tmp_path / "ledger.db", minutes, clock)

    found = read_status(tmp_path / "ledger.db", "wave", now_ms=clock.now_ms)

    assert found.left is not None
    assert found.left.p50 == pytest.approx(3600, rel=0.01)


def test_a_pause_ahead_is_in_the_time_left(tmp_path: Path) -> None:
    clock = Clock()
    filled(tmp_path / "ledger.db", 2880, clock)
    pause = (Span(clock.now_ms / 1000 + 5000, None, is_paused=True),)

    found = read_status(
        tmp_path / "ledger.db", "wave", now_ms=clock.now_ms, ahead={"internet": pause}
    )

    assert found.left == pytest.approx(Left(8600, 8600, 8600), rel=0.01)


def test_before_enough_was_seen_nothing_is_told_of_the_time_left(tmp_path: Path) -> None:
    clock = Clock()
    filled(tmp_path / "ledger.db", 0, clock)

    assert read_status(tmp_path / "ledger.db", "wave", now_ms=clock.now_ms).left is None


def test_after_half_a_minute_of_work_nothing_is_told_of_the_time_left(tmp_path: Path) -> None:
    clock = Clock()
    filled(tmp_path / "ledger.db", 0, clock)
    with leading(tmp_path / "ledger.db", "second", clock_ms=clock) as ledger:
        ledger.pace(Pace("internet", 10 * DAY_MS, 30, 6000, 0, capped=False))

    found = read_status(tmp_path / "ledger.db", "wave", now_ms=clock.now_ms)

    assert (found.left, found.lefts) == (None, {"1": None})
    assert found.rates.keys() == {"internet"}


def test_waves_end_one_after_the_other(tmp_path: Path) -> None:
    clock = Clock()
    filled(tmp_path / "ledger.db", 2880, clock)
    with leading(tmp_path / "ledger.db", "second", clock_ms=clock) as ledger:
        ledger.see([table("sales.items", wave=2, **HALF_DONE)])

    found = read_status(tmp_path / "ledger.db", "wave", now_ms=clock.now_ms)
    others = read_status(tmp_path / "ledger.db", "source", now_ms=clock.now_ms)

    first, second = found.lefts["1"], found.lefts["2"]
    assert first is not None
    assert second is not None
    assert (first.p50, second.p50) == pytest.approx((3600, 7200), rel=0.01)
    assert second == found.left
    assert others.lefts == {}


def test_all_tables_summed_are_told_as_one_by_one(tmp_path: Path) -> None:
    clock = Clock()
    filled(tmp_path / "ledger.db", 2880, clock)
    with leading(tmp_path / "ledger.db", "second", clock_ms=clock) as ledger:
        ledger.see([table("b.x", state="blocked"), table("gone.y", state="failed"),
                    table("sales.z", wave=2, state="synced", held_version=1)])  # fmt: skip

    def of(**how: Any) -> Status:
        known = {"sales", "b"}
        return read_status(
            tmp_path / "ledger.db", "wave", now_ms=clock.now_ms, sources=known, **how
        )

    each = of(through=lambda tables: tables)

    assert of() == replace(each, tables=())
    assert [one.name for one in each.look_at] == ["b.x"]
    assert each.sources == {"sales", "b", "gone"}


def test_without_a_ledger_it_is_told_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(FerryError, match="LF-8007"):
        read_status(tmp_path / "ledger.db", "wave", now_ms=0)
