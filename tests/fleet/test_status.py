"""Where a migration stands."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakeferry.fleet.standing.estimate import Load
from lakeferry.fleet.standing.states import STATES
from lakeferry.fleet.standing.status import (
    By,
    all_of,
    as_wanted,
    behind_s,
    cells_as_wanted,
    grouped,
    grouped_cells,
    state_text,
    to_look_at,
    told_together,
)
from lakeferry.ledger import read
from lakeferry.ledger.rows import LakeTable
from lakeferry.ledger.schema import migrate
from tests.ledger.lakes import table

NOW_MS = 1_795_500_000_000  # 2026-11-24T06:00Z
HOUR_MS = 3_600_000


def keys(*tables: LakeTable, by: str) -> list[str]:
    return [group.key for group in grouped(tables, by, now_ms=NOW_MS)]  # type: ignore[arg-type]


def text(*tables: LakeTable) -> str:
    return state_text(told_together("", tables, now_ms=NOW_MS))


def test_tables_are_told_by_source_wave_state_or_one_by_one() -> None:
    tables = (
        table("b.x", wave=10, state="planned"),
        table("a.y", wave=2, state="blocked"),
        table("a.x", wave=2, state="discovered"),
    )

    assert keys(*tables, by="source") == ["a", "b"]
    assert keys(*tables, by="wave") == ["2", "10"]
    assert keys(*tables, by="state") == ["discovered", "planned", "blocked"]
    assert keys(*tables, by="table") == ["a.x", "a.y", "b.x"]


def test_a_group_sums_what_its_tables_have_and_lack() -> None:
    tables = (
        table("a.x", bytes=300, files=3, left_bytes=100, left_files=1, left_requests=4),
        table("b.x", bytes=100, files=1, left_bytes=0, left_files=0, left_requests=0),
        table("b.y", route="vpn", bytes=600, files=6, left_bytes=400, left_files=5),
    )

    total = told_together("", tables, now_ms=NOW_MS)

    assert (total.sources, total.tables, total.bytes, total.files) == (2, 3, 1000, 10)
    assert (total.left_bytes, total.left_files, total.done) == (500, 6, 0.5)
    assert total.loads == {"internet": Load(100, 4), "vpn": Load(400, 6)}


TABLES = st.lists(
    st.builds(
        table,
        name=st.sampled_from(["a.x", "a.y", "b.x", "c.x"]),
        wave=st.integers(1, 3),
        route=st.sampled_from(["internet", "vpn"]),
        state=st.sampled_from(STATES),
        strength=st.sampled_from([None, "rows", "listed"]),
        bytes=st.integers(0, 9), files=st.integers(0, 9), left_bytes=st.integers(0, 9),
        left_files=st.integers(0, 9), left_requests=st.integers(0, 9),
        held_version=st.none() | st.integers(0, 9), lag_target_s=st.none() | st.integers(0, 9),
        behind_since_ms=st.none() | st.integers(NOW_MS - 9000, NOW_MS),
        state_since_ms=st.integers(0, 9),
    ),
    max_size=8,
)  # fmt: skip


@given(TABLES, st.sampled_from(["source", "wave", "state", "table"]))
def test_groups_come_to_what_their_tables_come_to(tables: list[LakeTable], by: By) -> None:
    groups = grouped(tables, by, now_ms=NOW_MS)

    assert all_of(groups, tables) == told_together("", tables, now_ms=NOW_MS)


LATE = table("a.x", state="synced", held_version=4, behind_since_ms=NOW_MS - 9000, lag_target_s=8)


@example([LATE, LATE._replace(state="cut_over"), LATE._replace(held_version=None)], "wave")
@given(TABLES, st.sampled_from(["source", "wave", "state"]))
def test_what_a_ledger_sums_is_what_its_tables_come_to(tables: list[LakeTable], by: By) -> None:
    tables = [one._replace(target_url=f"s3://lake/{at}") for at, one in enumerate(tables)]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        migrate(db)
        marks = ", ".join("?" * len(LakeTable._fields))
        columns = ", ".join(LakeTable._fields)
        db.executemany(f"INSERT INTO lake_table ({columns}) VALUES ({marks})", tables)

        cells = read.cells(db, now_ms=NOW_MS)

    assert grouped_cells(cells, by, NOW_MS) == grouped(tables, by, now_ms=NOW_MS)
    gone = as_wanted(tables, {"a"})
    assert grouped_cells(cells_as_wanted(cells, {"a"}), by, NOW_MS) == grouped(
        gone, by, now_ms=NOW_MS
    )


def test_what_is_out_of_scope_is_counted_by_state_alone() -> None:
    total = told_together("", [table("a.x", state="excluded"), table("a.y")], now_ms=NOW_MS)

    assert total.by_state == {"discovered": 1, "excluded": 1}
    assert (total.tables, total.bytes, total.left_bytes) == (1, 100, 100)


def test_a_group_of_which_nothing_is_in_scope_is_done() -> None:
    group = told_together("", [table("a.x", state="orphaned")], now_ms=NOW_MS)

    assert (group.done, group.sources, group.behind_s) == (1.0, 0, None)
    assert state_text(group) == "nothing in scope"


def test_more_that_is_left_than_there_is_leaves_nothing_done() -> None:
    assert told_together("", [table("a.x", left_bytes=900)], now_ms=NOW_MS).done == 0


def test_a_table_is_behind_since_the_first_commit_that_it_lacks() -> None:
    late = table("a.x", held_version=4, behind_since_ms=NOW_MS - HOUR_MS)

    assert behind_s(late, NOW_MS) == 3600
    assert behind_s(late._replace(behind_since_ms=None), NOW_MS) == 0
    assert behind_s(late._replace(behind_since_ms=NOW_MS + 5), NOW_MS) == 0
    assert behind_s(late._replace(held_version=None), NOW_MS) is None


def test_a_group_is_as_far_behind_as_its_furthest_table() -> None:
    tables = (
        table("a.x", held_version=4, behind_since_ms=NOW_MS - HOUR_MS),
        table("a.y", held_version=4),
        table("a.z"),
    )

    assert told_together("", tables, now_ms=NOW_MS).behind_s == 3600


def test_tables_further_behind_than_wanted_ask_for_a_look_until_they_are_cut_over() -> None:
    late = table("a.x", state="synced", held_version=4, behind_since_ms=NOW_MS - HOUR_MS,
                 lag_target_s=3599)  # fmt: skip
    over = late._replace(state="cut_over")
    in_time = late._replace(lag_target_s=3600)

    assert told_together("", [late, over, in_time], now_ms=NOW_MS).beyond_target == 1
    assert told_together("", [late], now_ms=NOW_MS).needs_a_look
    assert not told_together("", [in_time], now_ms=NOW_MS).needs_a_look
    # Of that one it is asked why anybody still writes at its source.
    written = told_together("", [over, in_time], now_ms=NOW_MS)
    assert (written.beyond_target, written.late, written.needs_a_look) == (0, 1, True)


@pytest.mark.parametrize("state", ["blocked", "drifted", "failed"])
def test_what_a_person_must_look_at_is_told_by_name(state: str) -> None:
    asks = table("a.x", state=state, code="LF-4102", next_step="sync --replan")
    tables = [table("a.y", state=state), asks, table("a.z", state="synced")]

    assert told_together("", tables, now_ms=NOW_MS).needs_a_look
    assert [found.name for found in to_look_at(tables)] == ["a.x", "a.y"]


def test_a_group_stands_where_its_least_advanced_table_stands() -> None:
    cut_over = table("a.x", state="cut_over", state_since_ms=NOW_MS - 4 * 24 * HOUR_MS)
    verified = table("a.x", state="verified", strength="replayed")
    planned, synced = table("a.x", state="planned"), table("a.x", state="synced")
    blocked, failed = table("a.y", state="blocked"), table("a.z", state="failed")

    assert text(cut_over) == "cut over 20 Nov"
    assert text(verified, verified) == "verified (replayed)"
    assert text(verified, verified._replace(strength="rows")) == "verified"
    assert text(verified, cut_over, cut_over, blocked) == "verified, 2 cut over, 1 blocked"
    assert text(synced, verified) == "synced"
    assert text(planned) == "planned"
    assert text(planned, synced) == "syncing"
    assert text(table("a.x", state="syncing"), blocked, blocked) == "syncing, 2 blocked"
    assert text(blocked, failed) == "1 blocked, 1 failed"
