"""What the ledger keeps of a plan."""

from pathlib import Path

import pytest

from lakeferry.fleet.planning.keeping import keep_plan, still_so
from lakeferry.fleet.planning.plan import planned
from lakeferry.fleet.planning.planned import Counted, Fault, Seen
from lakeferry.ledger.rows import CloneStart, LakeTable, LandedFile
from lakeferry.ledger.write import Ledger
from tests.fleet.plans import discovered, found, known, wanted_in


def kept(folder: Path, table: LakeTable, **seen: object) -> LakeTable:
    """The ledger's row after a plan that found this of the table."""
    discovered(folder, [table])
    looked = {table.target_url: Seen(table.target_url, **seen)}  # type: ignore[arg-type]
    lines = planned(wanted_in(folder), [table], looked)
    with Ledger(folder / "ledger.db", run_id="plan", command="plan") as ledger:
        keep_plan(ledger, [table], looked, lines, now_ms=77)
    return known(folder)[table.name]


@pytest.fixture
def table(tmp_path: Path) -> LakeTable:
    return found(wanted_in(tmp_path), "sales.eu.orders", bytes=100, files=2)


def test_what_is_left_and_what_was_seen_are_kept(tmp_path: Path, table: LakeTable) -> None:
    row = kept(tmp_path, table, source_version=7, source_id="one", live=(300, 4), protocol="3/7")

    assert (row.state, row.left_bytes, row.left_files, row.left_requests) == ("planned", 300, 4, 4)
    assert (row.source_version, row.source_id, row.protocol) == (7, "one", "3/7")
    assert (row.bytes, row.looked_at_ms) == (300, 77)


def test_what_a_stopped_run_has_brought_of_a_first_copy_is_not_left(
    tmp_path: Path, table: LakeTable
) -> None:
    discovered(tmp_path, [table])
    with Ledger(tmp_path / "ledger.db", run_id="sync", command="sync") as ledger:
        clone = ledger.begin_clone(CloneStart(table.target_url, None, 7, "ab", 4, 300))
        ledger.land(clone, LandedFile("a.parquet", 120, "streamed"))
        ledger.abandon_clone(clone)

    row = kept(tmp_path, table, source_version=7, source_id="one", live=(300, 4))

    assert (row.left_bytes, row.left_files, row.left_requests) == (180, 3, 3)


def test_an_increment_leaves_the_state_and_tells_since_when_it_is_behind(
    tmp_path: Path, table: LakeTable
) -> None:
    synced = table._replace(state="verified", held_version=5)

    row = kept(tmp_path, synced, source_version=7, held_version=5, work=Counted(40, 1, 1, 0))

    assert (row.state, row.left_bytes, row.behind_since_ms) == ("verified", 40, 77)


def test_a_table_that_asks_for_a_person_is_kept_with_the_reason(
    tmp_path: Path, table: LakeTable
) -> None:
    fault = Fault("LF-5002", "the target holds another table", "there", "choose another")

    row = kept(tmp_path, table, source_version=7, fault=fault)

    assert (row.state, row.code, row.next_step) == ("blocked", "LF-5002", "choose another")
    assert row.why == "the target holds another table: there"


def test_who_cannot_be_reached_now_is_no_matter_for_a_person(
    tmp_path: Path, table: LakeTable
) -> None:
    row = kept(tmp_path, table, fault=Fault("LF-1003", "no answer", "", ""))

    assert (row.state, row.code, row.looked_at_ms) == ("discovered", "", None)


def test_a_table_that_can_be_cloned_again_is_planned_again(
    tmp_path: Path, table: LakeTable
) -> None:
    blocked = table._replace(state="blocked", code="LF-3001", why="unknown feature")

    assert kept(tmp_path, blocked, source_version=8, is_judged=True).state == "planned"


def test_a_target_that_is_gone_holds_nothing_and_somebody_is_told(
    tmp_path: Path, table: LakeTable
) -> None:
    synced = table._replace(state="synced", held_version=7, target_version=3, left_bytes=0)

    row = kept(tmp_path, synced, source_version=7)

    assert (row.state, row.code, row.held_version) == ("drifted", "LF-5009", None)
    assert (row.left_bytes, row.left_files, row.target_version) == (100, 2, None)
    assert row.why == (
        "the target is gone: its target held version 7, and nothing of it is there any more"
    )
    assert row.next_step.endswith("lakeferry sync -s sales.eu.orders")


def test_a_target_that_is_gone_stays_so_until_a_sync_brings_it_again(
    tmp_path: Path, table: LakeTable
) -> None:
    told = table._replace(state="drifted", code="LF-5009", why="the target is gone")

    row = kept(tmp_path, told, source_version=7, live=(100, 2))

    assert (row.state, row.left_bytes) == ("drifted", 100)


def test_a_target_that_could_not_be_looked_at_is_not_gone(tmp_path: Path, table: LakeTable) -> None:
    synced = table._replace(state="synced", held_version=7)

    row = kept(tmp_path, synced, source_version=7, fault=Fault("LF-1003", "no answer", "", ""))

    assert (row.state, row.held_version) == ("synced", 7)


def test_what_another_run_has_moved_on_meanwhile_is_left_to_it(
    tmp_path: Path, table: LakeTable
) -> None:
    other = found(wanted_in(tmp_path), "sales.eu.items")
    synced = table._replace(state="synced", held_version=7)

    assert still_so([table, other], [synced, other, table._replace(target_url="new")]) == (other,)

    discovered(tmp_path, [synced, other])
    looked = {one.target_url: Seen(one.target_url, 8, is_judged=True) for one in (table, other)}
    lines = planned(wanted_in(tmp_path), [table, other], looked)
    with Ledger(tmp_path / "ledger.db", run_id="plan", command="plan") as ledger:
        keep_plan(ledger, still_so([table, other], [synced, other]), looked, lines, now_ms=77)
    rows = known(tmp_path)
    assert rows["sales.eu.items"].state == "planned"
    assert rows["sales.eu.orders"].source_version == synced.source_version


def test_a_table_that_is_cut_over_is_left_alone(tmp_path: Path, table: LakeTable) -> None:
    done = table._replace(state="cut_over", held_version=5)
    foreign = Fault("LF-5003", "someone else has written to the target", "", "")

    assert kept(tmp_path, done, source_version=7, fault=foreign).state == "cut_over"
