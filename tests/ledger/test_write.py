"""What a ledger keeps of a migration."""

import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from lakeferry.fleet.standing.states import STATES
from lakeferry.ledger import leadership, read
from lakeferry.ledger.open import open_to_read
from lakeferry.ledger.rows import CheckResult, LakeTable, LandedFile, Move, Pace, Receipt, Work
from lakeferry.ledger.write import Ledger
from tests.ledger.lakes import ORDERS, Clock, file, leading, start, step, table


def known(path: Path, target_url: str = ORDERS) -> LakeTable:
    db = open_to_read(path)
    [found] = [one for one in read.tables(db) if one.target_url == target_url]
    db.close()
    return found


def history(path: Path) -> list[tuple[int, str, dict[str, Any]]]:
    db = open_to_read(path)
    told = db.execute("SELECT seq, kind, body FROM event ORDER BY seq")
    found = [(seq, kind, json.loads(body)) for seq, kind, body in told]
    db.close()
    return found


def landed(db: sqlite3.Connection) -> list[LandedFile]:
    """What is kept of the files of clones that are open."""
    names = ", ".join(f"landed.{name}" for name in LandedFile._fields)
    found = db.execute(f"SELECT {names} FROM landed JOIN clone USING (clone_id)"
                       " WHERE state = 'copying' ORDER BY path")  # fmt: skip
    return [LandedFile._make(row) for row in found]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".lakeferry" / "ledger.db"


def test_a_table_that_was_found_is_discovered_and_all_of_it_is_left(path: Path) -> None:
    clock = Clock()
    with leading(path, clock_ms=clock) as ledger:
        ledger.see([table("sales.orders")])

    assert known(path) == table("sales.orders", state_since_ms=clock.now_ms)


def test_a_second_look_renews_what_it_saw_and_keeps_what_the_migration_knows(path: Path) -> None:
    with leading(path) as ledger:
        ledger.see([table("sales.orders")])
        ledger.move(step("discovered", "planned"))
        ledger.see([table("sales.orders", bytes=300, wave=2, left_bytes=300)])

    after = known(path)
    assert (after.state, after.bytes, after.wave, after.left_bytes) == ("planned", 300, 2, 100)


def test_a_move_says_why_and_what_to_do(path: Path) -> None:
    blocked = step("discovered", "blocked", why="no log", code="LF-3101", next_step="exclude it")
    with leading(path) as ledger:
        ledger.see([table("sales.orders")])
        ledger.move(blocked)

    after = known(path)
    assert (after.state, after.why, after.code) == ("blocked", "no log", "LF-3101")
    assert after.next_step == "exclude it"


def test_moves_are_made_all_or_none(path: Path) -> None:
    with leading(path) as ledger:
        ledger.see([table("sales.orders"), table("sales.lines")])
        with pytest.raises(ValueError, match="lines is discovered, not planned"):
            ledger.move(
                step("discovered", "planned"), step("planned", "syncing", "s3://lake/sales/lines")
            )

    assert known(path).state == "discovered"


def test_a_table_that_nobody_found_does_not_move(path: Path) -> None:
    with leading(path) as ledger, pytest.raises(ValueError, match="is None, not planned"):
        ledger.move(step("planned", "syncing"))


@pytest.mark.parametrize("state", STATES)
def test_every_state_of_a_table_can_be_kept(path: Path, state: str) -> None:
    with leading(path) as ledger:
        ledger.see([table("sales.orders", state=state)])

    assert known(path).state == state


def test_every_step_is_an_event_and_no_number_is_missing(path: Path) -> None:
    with leading(path) as ledger:
        ledger.see([table("sales.orders")])
        with pytest.raises(ValueError, match="is planned, not syncing"):
            ledger.move(step("discovered", "planned"), step("syncing", "synced"))
        ledger.tell("note", {"message": "hello"})
        ledger.move(step("discovered", "planned", why="plan 7"))
        ledger.end(0)

    assert history(path) == [
        (1, "start", {"command": "sync", "manifest_sha256": None}),
        (2, "state", {"to": "discovered", "why": "", "source": "abfss://sales/orders"}),
        (3, "note", {"message": "hello"}),
        (4, "state", {"from": "discovered", "to": "planned", "why": "plan 7"}),
        (5, "end", {"exit": 0}),
    ]


def test_events_go_on_in_the_next_run(path: Path) -> None:
    leading(path).close()
    leading(path, "second").close()

    assert [seq for seq, _, _ in history(path)] == [1, 2]


def test_what_has_landed_is_no_longer_left(path: Path) -> None:
    with leading(path) as ledger:
        ledger.see([table("sales.orders")])
        ledger.plan([Work(ORDERS, 150, 3, 9)])
        clone = ledger.begin_clone(start())
        ledger.land(clone, file("a.parquet", 60))
        ledger.flush()

        after = known(path)
        db = open_to_read(path)
        assert (after.left_bytes, after.left_files, after.left_requests) == (90, 2, 6)
        assert landed(db) == [file("a.parquet", 60)]
        db.close()


def test_landed_files_wait_for_each_other(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leadership, "KEEP_S", 3600)
    with leading(path) as ledger:
        ledger.see([table("sales.orders")])
        clone = ledger.begin_clone(start())
        ledger.land(clone, file("a.parquet"))
        assert known(path).left_files == 2

        for number in range(leadership.KEEP_ROWS):
            ledger.land(clone, file(f"{number}.parquet", 0))
        assert known(path).left_files == 0


def test_a_committed_clone_is_what_the_table_holds(path: Path) -> None:
    clock = Clock()
    with leading(path, clock_ms=clock) as ledger:
        ledger.see([table("sales.orders", source_version=9, behind_since_ms=5)])
        ledger.move(step("discovered", "planned"))
        clone = ledger.begin_clone(start(7), step("planned", "syncing"))
        ledger.land(clone, file("a.parquet"))
        ledger.commit_clone(clone, 3, step("syncing", "synced"))

    after = known(path)
    assert (after.state, after.held_version, after.target_version) == ("synced", 7, 3)
    assert (after.left_bytes, after.left_files, after.held_at_ms) == (0, 0, clock.now_ms)
    assert (after.source_version, after.behind_since_ms) == (9, 5)
    db = open_to_read(path)
    assert landed(db) == []
    db.close()


def test_a_clone_of_the_newest_version_leaves_nothing_behind(path: Path) -> None:
    with leading(path) as ledger:
        ledger.see([table("sales.orders", source_version=9, behind_since_ms=5)])
        ledger.commit_clone(ledger.begin_clone(start(10)), 3)

    after = known(path)
    assert (after.source_version, after.behind_since_ms) == (10, None)


def test_a_clone_that_a_killed_run_left_open_is_given_up_by_the_next(path: Path) -> None:
    with leading(path) as ledger:
        ledger.see([table("sales.orders")])
        ledger.land(ledger.begin_clone(start(7)), file("a.parquet"))
    with leading(path, "second") as ledger:
        clone = ledger.begin_clone(start(8))
        assert ledger.landed(clone) == (1, 50)  # what landed lies at the target all the same

    db = open_to_read(path)
    found = db.execute("SELECT source_version, state FROM clone ORDER BY clone_id").fetchall()
    assert found == [(7, "abandoned"), (8, "copying")]
    assert landed(db) == [file("a.parquet")]
    db.close()


def test_what_landed_of_a_stopped_clone_is_the_next_ones_if_it_begins_where_that_did(
    path: Path,
) -> None:
    with leading(path) as ledger:
        ledger.see([table("sales.orders")])
        stopped = ledger.begin_clone(start(7))
        ledger.land(stopped, file("a.parquet"))
        ledger.abandon_clone(stopped)
        third = ledger.begin_clone(start(8))
        ledger.land(third, file("a.parquet"), is_left=False)
        ledger.land(third, file("b.parquet"))
        assert ledger.landed(third) == (2, 100)
        assert ledger.landed(ledger.begin_clone(start(9)._replace(base_source_version=8))) == (0, 0)

    assert known(path).left_files == 0  # of the two; the one that was found again counted once


def test_a_table_whose_target_is_deleted_holds_nothing_and_nothing_of_it_has_landed(
    path: Path,
) -> None:
    with leading(path) as ledger:
        ledger.see([table("sales.orders", held_version=7, state="planned", left_bytes=10)])
        clone = ledger.begin_clone(start(8))
        ledger.land(clone, file("a.parquet"))
        ledger.forget_clone(ORDERS, step("planned", "drifted", code="LF-5009"), kind="gone")
        assert ledger.landed(ledger.begin_clone(start(8))) == (0, 0)

    after = known(path)
    assert (after.state, after.held_version, after.left_bytes) == ("drifted", None, 100)
    assert ("gone", {"why": ""}) in [(kind, body) for _, kind, body in history(path)]


def test_an_abandoned_clone_changes_nothing_of_what_is_held(path: Path) -> None:
    with leading(path) as ledger:
        ledger.see([table("sales.orders")])
        ledger.abandon_clone(ledger.begin_clone(start(7)), step("discovered", "failed"))

    assert (known(path).state, known(path).held_version) == ("failed", None)


def test_a_proof_gives_a_strength_and_a_difference_takes_it(path: Path) -> None:
    equal = CheckResult(ORDERS, 7, "listed", "equal", "2 of 2 files", 10)
    with leading(path) as ledger:
        ledger.see([table("sales.orders")])
        ledger.check(equal, strength="listed")
        assert known(path).strength == "listed"
        ledger.check(equal, CheckResult(ORDERS, 7, "rows", "different", "1 row", 11))

    assert known(path).strength is None
    db = open_to_read(path)
    assert [check.kind for check in read.checks(db, ORDERS)] == ["rows", "listed"]
    db.close()


def test_a_new_version_is_not_proven_by_the_proof_of_an_old_one(path: Path) -> None:
    with leading(path) as ledger:
        ledger.see([table("sales.orders")])
        ledger.check(CheckResult(ORDERS, 7, "rows", "equal", "", 10), strength="rows")
        ledger.commit_clone(ledger.begin_clone(start(8)), 4)

    assert known(path).strength is None


def test_a_receipt_that_comes_twice_is_kept_once(path: Path) -> None:
    receipt = Receipt("ab" * 32, ORDERS, "cutover", 10, '{"equal":true}')
    with leading(path) as ledger:
        ledger.see([table("sales.orders")])
        ledger.receive(receipt)
        ledger.receive(receipt)

    db = open_to_read(path)
    assert read.receipts(db, ORDERS) == [receipt]
    db.close()


def test_paces_are_kept_for_the_estimate(path: Path) -> None:
    paces = [Pace("internet", 60_000, 60.0, 10**9, 40, capped=False),
             Pace("internet", 120_000, 42.5, 10**8, 9, capped=True)]  # fmt: skip
    with leading(path) as ledger:
        ledger.pace(paces[0])
        ledger.pace(paces[1])

    db = open_to_read(path)
    assert read.paces(db, since_ms=0) == paces
    assert read.paces(db, since_ms=60_000) == paces[1:]
    db.close()


def test_a_ledger_is_restored_only_where_it_knows_nothing(path: Path) -> None:
    with leading(path) as ledger:
        ledger.restore([table("sales.orders", state="cut_over", held_version=4)])
        with pytest.raises(ValueError, match="not restored"):
            ledger.restore([table("sales.lines")])

    assert (known(path).state, known(path).held_version) == ("cut_over", 4)


def test_an_event_stays_as_it_was_told(path: Path) -> None:
    with leading(path) as ledger:
        for attempt in ("DELETE FROM event", "UPDATE event SET kind = 'x'"):
            with pytest.raises(Exception, match="an event stays"):
                ledger._lead.db.execute(attempt)


def test_readers_read_while_the_writer_writes_and_cannot_write(path: Path) -> None:
    with leading(path) as ledger:
        db = open_to_read(path)
        with read.at_one_moment(db):
            before = read.tables(db)
            ledger.see([table("sales.orders")])
            assert read.tables(db) == before == []
        assert [found.name for found in read.tables(db)] == ["sales.orders"]
        with pytest.raises(Exception, match="readonly"):
            db.execute("DELETE FROM lake_table")
        db.close()


def test_only_the_thread_that_opened_a_ledger_writes(path: Path) -> None:
    refused: list[BaseException] = []
    with leading(path) as ledger:

        def write() -> None:
            try:
                ledger.see([table("sales.orders")])
            except Exception as error:  # noqa: BLE001 - to be looked at by the test
                refused.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        thread.join()

    assert "same thread" in str(refused)


def moved_together(ledger: Ledger, *moves: Move) -> None:
    with ledger.together():
        for move in moves:
            ledger.move(move)


def test_what_is_written_together_is_one_transaction(path: Path) -> None:
    items = "s3://lake/sales/items"
    with leading(path) as ledger:
        ledger.see([table("sales.orders"), table("sales.items")])
        with pytest.raises(ValueError, match="is discovered, not synced"):
            moved_together(ledger, step("discovered", "planned"), step("synced", "planned", items))
        taken_back = known(path).state
        with ledger.together():
            clone = ledger.begin_clone(start(), step("discovered", "planned"))
            ledger.land(clone, file("a.parquet"))
            for_others = known(path).state
            ledger.commit_clone(clone, 0)

        assert (taken_back, for_others, known(path).state) == (
            "discovered",
            "discovered",
            "planned",
        )
        db = open_to_read(path)
        assert db.execute("SELECT count(*) FROM landed").fetchone() == (0,)
        db.close()
