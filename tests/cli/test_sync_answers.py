"""What a sync says to people, and what flags of it mean."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lakeferry.cli.fleet.sync_answers import moved_text, open_lines, progress_parts, report_lines
from lakeferry.cli.fleet.sync_budget import budget_of, next_clock_s
from lakeferry.cli.fleet.sync_flags import SyncFlags
from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.wanted import Limits
from lakeferry.fleet.standing.status import told_together
from lakeferry.fleet.standing.time_left import Left
from lakeferry.fleet.sync.events import OpenTable, Progress, SyncReport, TableMoved
from tests.ledger.lakes import table

ORDERS = table("sales.orders", bytes=4 * 10**12, left_bytes=10**12, state="syncing")
DRIFTED = table("sales.items", state="drifted", code="LF-4105", why="the schema changed: `a` is "
                "gone", next_step="allow it once")  # fmt: skip
DONE = SyncReport(
    states={"synced": 3}, synced=2, current=1, blocked=0, drifted=0, failed=0, not_begun=0,
    waiting=0, files=5, bytes=10**9, present=0, seconds=61, usd=None, ended_by="",
    was_stopped=False, look_at=(),
)  # fmt: skip


def progress(*open_tables: OpenTable) -> Progress:
    total = told_together("", [ORDERS, DRIFTED], now_ms=0)
    return Progress(total, 90, 1.9e9, 300, open_tables, Left(25_000, 29_000, 32_400), "")


def test_one_line_says_how_far_all_are() -> None:
    assert progress_parts(progress(OpenTable("a.b.c", "internet", 1, 2, 3))) == (
        "3.0 TB of 4.0 TB",
        "75.0 %",
        "1.9 GB/s",
        "1 table open",
        "7 to 9 h left",
        "1 table to look at",
    )


def test_a_closed_window_is_named() -> None:
    assert "a window is closed" in progress_parts(replace(progress(), waits="a window is closed"))


def test_the_three_slowest_tables_have_a_line_each() -> None:
    many = [OpenTable(f"source.schema.{'x' * at}", "internet", 3 * at, 4 * at, 9)
            for at in range(10, 60, 10)]  # fmt: skip

    lines = open_lines(progress(*many))

    assert len(lines) == 3
    assert lines[0].endswith(" 75 %  30 B of 40 B  internet")
    assert len({line.index(" 75 %") for line in lines}) == 1


def test_a_long_name_is_elided_in_its_middle() -> None:
    [line] = open_lines(progress(OpenTable("source." + "x" * 60 + ".end", "internet", 1, 2, 3)))

    assert line.startswith("source.")
    assert "…" in line
    assert "x.end  " in line


def test_a_table_that_asks_for_a_person_says_what_to_do() -> None:
    text = moved_text(TableMoved(DRIFTED, "synced"))

    assert "sales.items  drifted: LF-4105 the schema changed: `a` is gone" in text
    assert text.endswith("next: allow it once")
    assert moved_text(TableMoved(ORDERS, "planned")) == ""


def test_the_end_is_one_line_where_nothing_is_left() -> None:
    [line] = report_lines(DONE, "lakeferry sync")

    assert line.endswith("2 tables synced, 1 up to date  5 files, 1.0 GB  1 min 1 s")


def test_what_is_left_is_named_with_the_command_that_goes_on() -> None:
    report = replace(DONE, drifted=1, not_begun=4, look_at=(DRIFTED,), was_stopped=True,
                     usd=Decimal("1.234"), present=7)  # fmt: skip

    lines = report_lines(report, "lakeferry sync --wave 3")

    assert "1 drifted, 4 not done" in lines[0]
    assert "7 were there already, about $1.23" in lines[0]
    assert lines[1:] == [
        "    sales.items  drifted: LF-4105 the schema changed: `a` is gone",
        "      next: allow it once",
        "    resume: lakeferry sync --wave 3",
    ]


@pytest.mark.parametrize(
    ("now", "expected"),
    [("2026-11-26T05:59", "2026-11-26T06:00"), ("2026-11-26T06:00", "2026-11-27T06:00"),
     ("2026-11-30T22:15", "2026-12-01T06:00")],
)  # fmt: skip
def test_stop_at_is_the_next_time_that_a_clock_shows_it(now: str, expected: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)

    assert next_clock_s("06:00", at) == datetime.fromisoformat(f"{expected}+00:00").timestamp()


@pytest.mark.parametrize("text", ["6", "25:00", "six", ""])
def test_what_is_no_time_of_the_day_is_refused(text: str) -> None:
    with pytest.raises(FerryError, match="LF-2001"):
        next_clock_s(text, datetime(2026, 11, 26, tzinfo=UTC))


def test_of_flags_and_manifest_the_stricter_counts() -> None:
    limits = Limits(max_bytes=10, stop_cost_usd=Decimal(20), stop_error_share=0.01)

    found = budget_of(SyncFlags(max_cost=5.5, max_time="2 h"), limits, 1000.0)

    assert (found.bytes, found.usd, found.until_s, found.error_share) == (
        10, Decimal("5.5"), 8200.0, 0.01,
    )  # fmt: skip
    assert budget_of(SyncFlags(max_cost=50), limits, 0).usd == Decimal(20)


@pytest.mark.parametrize("dollars", [-1.0, float("nan"), float("inf")])
def test_what_is_no_sum_of_dollars_is_refused(dollars: float) -> None:
    with pytest.raises(FerryError, match="LF-2001"):
        budget_of(SyncFlags(max_cost=dollars), Limits(), 0)
