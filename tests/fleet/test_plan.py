"""What a look at a table comes to in a plan."""

from pathlib import Path

import pytest

from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.plan import planned, requests_of, seen_again, work_of
from lakeferry.fleet.planning.planned import Counted, Fault, PlannedTable, Seen
from lakeferry.ledger.rows import LakeTable, Work
from tests.fleet.plans import found, wanted_in

MIB = 2**20


@pytest.fixture
def wanted(tmp_path: Path) -> Migration:
    return wanted_in(tmp_path)


def one(wanted: Migration, table: LakeTable, **seen: object) -> PlannedTable:
    looked = Seen(table.target_url, **{"source_version": 7, **seen})  # type: ignore[arg-type]
    return planned(wanted, [table], {table.target_url: looked})[0]


def test_a_table_that_nothing_was_copied_of_is_a_first_copy_of_all_that_is_live(
    wanted: Migration,
) -> None:
    table = found(wanted, "sales.eu.orders", bytes=80 * MIB, files=3, source_version=7)

    line = one(wanted, table)

    assert (line.action, line.bytes, line.files, line.source_version) == ("copy", 80 * MIB, 3, 7)
    assert line.requests == 12  # of three files of 27 MiB: four each


def test_requests_are_exact_of_one_file_and_near_of_many() -> None:
    assert [requests_of(size * MIB, 1) for size in (0, 7, 8, 80)] == [1, 1, 2, 11]
    assert requests_of(1000 * MIB, 1000) == 1000
    assert requests_of(100 * 1000 * MIB, 1000) == pytest.approx(13 * 1000, rel=0.01)


def test_what_the_look_counted_wins_over_what_the_ledger_knew(wanted: Migration) -> None:
    table = found(wanted, "sales.eu.orders", bytes=100, files=2)

    assert one(wanted, table, live=(500, 9)).bytes == 500


def test_an_increment_moves_what_the_clone_counted(wanted: Migration) -> None:
    table = found(wanted, "sales.eu.orders", bytes=100, files=2, state="synced", held_version=5)

    line = one(wanted, table, held_version=5, work=Counted(40, 1, 1, 2), live=(140, 3))

    assert (line.action, line.bytes, line.added, line.removed) == ("increment", 40, 1, 2)
    assert line.live_bytes == 140
    assert line.why == "the target holds version 5, the source is at 7"


def test_a_table_whose_target_holds_the_newest_version_is_up_to_date(wanted: Migration) -> None:
    table = found(wanted, "sales.eu.orders", state="verified", held_version=7)

    line = one(wanted, table, held_version=7, is_current=True)

    assert (line.action, line.bytes, line.files) == ("keep", 0, 0)
    assert line.why == "the target holds version 7, the newest"


@pytest.mark.parametrize(
    ("code", "action"),
    [
        ("LF-3001", "blocked"),
        ("LF-4102", "blocked"),
        ("LF-4105", "drifted"),
        ("LF-5003", "drifted"),
        ("LF-5002", "decide"),
    ],
)
def test_a_fault_says_who_has_to_act(wanted: Migration, code: str, action: str) -> None:
    table = found(wanted, "sales.eu.orders", bytes=100, files=2)

    line = one(wanted, table, fault=Fault(code, "it cannot", "there", "do this"))

    assert (line.action, line.code, line.bytes) == (action, code, 0)
    assert (line.why, line.next_step) == ("it cannot: there", "do this")


def test_what_a_discovery_found_wrong_stays_so_while_nothing_was_read_that_says_otherwise(
    wanted: Migration,
) -> None:
    blocked = found(
        wanted, "sales.eu.orders", state="blocked", code="LF-3001", why="unknown feature"
    )

    assert (one(wanted, blocked).action, one(wanted, blocked).code) == ("blocked", "LF-3001")
    assert one(wanted, blocked, is_judged=True).action == "copy"


def test_a_table_that_would_land_where_another_does_waits_whatever_a_look_at_it_finds(
    wanted: Migration,
) -> None:
    blocked = found(
        wanted, "sales.eu.orders", state="blocked", code="LF-8056", next_step="exclude one"
    )

    line = one(wanted, blocked, is_judged=True)

    assert (line.action, line.code, line.next_step) == ("blocked", "LF-8056", "exclude one")


def test_what_failed_is_tried_again(wanted: Migration) -> None:
    assert one(wanted, found(wanted, "sales.eu.orders", state="failed")).action == "copy"


def test_of_a_table_that_is_cut_over_the_source_no_longer_counts(wanted: Migration) -> None:
    table = found(wanted, "sales.eu.orders", state="cut_over", held_version=5)
    foreign = Fault("LF-5003", "someone else has written", "", "")

    assert one(wanted, table, fault=foreign).action == "keep"


def test_tables_that_are_out_of_scope_are_no_part_of_a_plan(wanted: Migration) -> None:
    rows = [found(wanted, f"sales.eu.{state}", state=state) for state in ("orphaned", "excluded")]
    seen = {row.target_url: Seen(row.target_url, 7) for row in rows}

    assert planned(wanted, rows, seen) == ()


def test_a_plan_goes_by_wave_and_name(wanted: Migration) -> None:
    rows = [found(wanted, name) for name in ("logs.eu.a", "sales.eu.z", "sales.eu.b")]
    lines = planned(wanted, rows, {row.target_url: Seen(row.target_url, 7) for row in rows})

    assert [(line.wave, line.name) for line in lines] == [
        (1, "sales.eu.b"), (1, "sales.eu.z"), (2, "logs.eu.a"),
    ]  # fmt: skip
    assert [line.route for line in lines] == ["internet", "internet", "direct-connect"]


def test_the_ledger_keeps_what_is_left(wanted: Migration) -> None:
    line = one(wanted, found(wanted, "sales.eu.orders", bytes=100, files=2))

    assert work_of([line]) == (Work(line.target_url, 100, 2, 2),)


def test_a_look_renews_what_the_ledger_knows_of_the_source(wanted: Migration) -> None:
    table = found(wanted, "sales.eu.orders", held_version=5, behind_since_ms=None, files=1)
    seen = Seen(table.target_url, 8, source_id="one", protocol="3/7", live=(500, 9))

    again = seen_again(table, seen, now_ms=99)

    assert (again.source_version, again.bytes, again.files, again.looked_at_ms) == (8, 500, 9, 99)
    assert again.behind_since_ms == 99
    assert seen_again(again, Seen(table.target_url, 8, is_current=True), now_ms=100)._replace(
        looked_at_ms=99
    ) == again._replace(behind_since_ms=None)


def test_a_look_that_failed_changes_nothing(wanted: Migration) -> None:
    table = found(wanted, "sales.eu.orders", source_version=7)
    fault = Fault("LF-1003", "no answer", "", "")

    assert seen_again(table, Seen(table.target_url, fault=fault), now_ms=99) == table
