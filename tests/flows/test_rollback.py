"""Switches taken back, by the program as it is typed; judged by delta-rs and what lies there."""

import shutil
from pathlib import Path
from threading import Event

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakeferry.cli.fleet.flags import led, ledger_path
from lakeferry.fleet.proof.receipt_files import receipts_at
from lakeferry.fleet.rollback.plan import RollbackRequest
from lakeferry.fleet.rollback.run import rollback as go_back
from lakeferry.ledger.rows import Move
from lakeferry.store.open import open_store
from tests.cli.program import called
from tests.flows.fleets import ROWS, Fleet, append
from tests.flows.test_cutover import Lines, cutover, ready, run, states, tree


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    fleet = Fleet(tmp_path, str(tmp_path / "out"))
    fleet.write()
    return fleet


def rollback(fleet: Fleet, *words: str) -> tuple[int, Lines]:
    return run(fleet, "rollback", "--yes", *words)


def target(fleet: Fleet, name: str) -> Path:
    return Path(fleet.tables()[name].target_url)


def switched(fleet: Fleet, *names: str) -> None:
    ready(fleet, *names)
    code, _ = cutover(fleet, "--wave", "1")
    assert code == 0


def test_a_switch_is_taken_back_and_made_again(fleet: Fleet) -> None:
    switched(fleet, "sales.orders")

    code, lines = rollback(fleet, "--wave", "1")
    again, _ = rollback(fleet, "--wave", "1")

    assert (code, again, lines[-1]["rolled_back"]) == (0, 0, ["a.sales.orders"])
    assert states(fleet) == {"sales.orders": "verified"}
    url = str(target(fleet, "sales.orders"))
    kinds = [one.kind for one in receipts_at(open_store(url), url) if one.kind != "verify"]
    assert kinds == ["cutover", "rollback"]
    append(fleet.lake / "sales/orders")
    fleet.sync()
    assert cutover(fleet, "--wave", "1")[0] == 0
    assert states(fleet) == {"sales.orders": "cut_over"}
    assert fleet.unequal() == []


def test_the_last_receipt_is_that_of_the_last_switch_whatever_clocks_tell(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    switched(fleet, "sales.orders")
    monkeypatch.setattr("lakeferry.fleet.rollback.run.now_ms", lambda: 1_000)  # of another machine

    rollback(fleet, "--wave", "1")
    url = str(target(fleet, "sales.orders"))
    after = [one.kind for one in receipts_at(open_store(url), url)]
    monkeypatch.setattr("lakeferry.fleet.cutover.switch.now_ms", lambda: 1_000)
    cutover(fleet, "--wave", "1")

    assert after[-1] == "rollback"
    assert receipts_at(open_store(url), url)[-1].kind == "cutover"
    assert states(fleet) == {"sales.orders": "cut_over"}


def test_what_was_written_since_is_listed_and_nothing_is_changed(fleet: Fleet) -> None:
    switched(fleet, "sales.orders", "sales.items")
    append(target(fleet, "sales.orders"))
    append(target(fleet, "sales.orders"))
    before = tree(fleet.folder)

    code, lines = rollback(fleet, "--wave", "1")

    assert code == 3
    [written] = lines[-1]["written"]
    assert (written["table"], written["commits"], written["rows"]) == (
        "a.sales.orders",
        2,
        2 * ROWS,
    )
    assert written["writers"][0].startswith("app delta-rs")
    assert [one["code"] for one in lines if one["type"] == "warning"] == ["LF-8078"]
    assert tree(fleet.folder) == before
    assert states(fleet) == {"sales.orders": "cut_over", "sales.items": "cut_over"}


def test_what_may_be_chosen_leads_on(fleet: Fleet) -> None:
    switched(fleet, "sales.orders")

    synced = called("sync", "--yes", folder=fleet.folder)
    assert "nothing is brought over: 1 cut over" in synced.stderr
    unasked = called("rollback", "--wave", "1", folder=fleet.folder)
    append(target(fleet, "sales.orders"))
    stopped = called("rollback", "--wave", "1", folder=fleet.folder)

    assert (unasked.returncode, stopped.returncode) == (2, 3)
    assert "--dry-run" not in unasked.stderr  # it has none
    assert "--accept-loss" in stopped.stdout
    assert "without these tables" not in stopped.stdout  # there are no others


def test_what_is_written_while_a_person_thinks_is_not_lost(fleet: Fleet) -> None:
    switched(fleet, "sales.orders")
    rows = list(fleet.tables().values())
    path = ledger_path(fleet.wanted)

    def ask(question: str, by_default: bool) -> bool:  # noqa: ARG001
        append(target(fleet, "sales.orders"))
        return True

    with led(fleet.wanted, "rollback") as ledger:
        report = go_back(
            fleet.wanted, ledger, path, rows, RollbackRequest("wave 1"),
            emit=lambda *_: None, ask=ask, stop=Event(),
        )  # fmt: skip

    assert ([one.row.name for one in report.stopped], report.back) == (["a.sales.orders"], ())
    assert states(fleet) == {"sales.orders": "cut_over"}


def test_an_optimize_at_the_target_is_no_loss(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")
    append(fleet.lake / "sales/orders")
    cutover(fleet, "--wave", "1")
    DeltaTable(str(target(fleet, "sales.orders"))).optimize.compact()

    code, lines = rollback(fleet, "--wave", "1")

    assert (code, lines[-1]["written"]) == (0, [])


def test_a_loss_that_is_accepted_is_named_and_undone_by_a_sync(fleet: Fleet) -> None:
    switched(fleet, "sales.orders")
    append(target(fleet, "sales.orders"))

    code, lines = rollback(fleet, "--wave", "1", "--accept-loss")

    assert (code, states(fleet)) == (0, {"sales.orders": "drifted"})
    assert lines[-1]["left_behind"][0].startswith(
        "a.sales.orders 1 commit, 10 rows by app delta-rs"
    )
    after, _ = fleet.sync("-s", "a.sales.orders", "--replace")
    assert (after, fleet.unequal(), states(fleet)) == (0, [], {"sales.orders": "synced"})


def test_of_a_mirror_a_loss_is_undone_by_deleting_its_table_and_a_sync(fleet: Fleet) -> None:
    fleet.write(source=", mode: mirror")
    switched(fleet, "sales.orders")
    append(target(fleet, "sales.orders"))
    rollback(fleet, "--wave", "1", "--accept-loss")

    step = fleet.tables()["sales.orders"].next_step
    shutil.rmtree(target(fleet, "sales.orders"))
    after, _ = fleet.sync()

    assert "delete the table at the target yourself" in step
    assert (after, fleet.unequal(), states(fleet)) == (0, [], {"sales.orders": "synced"})


@pytest.mark.parametrize("mode", ["snapshot", "mirror"])
def test_what_was_written_since_is_carried_back_to_the_source(fleet: Fleet, mode: str) -> None:
    fleet.write(source=f", mode: {mode}")
    switched(fleet, "sales.orders")
    append(target(fleet, "sales.orders"))

    code, lines = rollback(fleet, "--wave", "1", "--reverse")

    source = DeltaTable(str(fleet.lake / "sales/orders"))
    assert (code, lines[-1]["carried_back"]) == (0, ["a.sales.orders"])
    assert source.to_pyarrow_table().num_rows == 2 * ROWS
    assert (fleet.unequal(), states(fleet)) == ([], {"sales.orders": "synced"})
    # And both go on: the source is written, and a sync brings it over.
    append(fleet.lake / "sales/orders")
    assert fleet.sync()[0] == 0
    assert (fleet.unequal(), fleet.rows("sales.orders").num_rows) == ([], 3 * ROWS)


def test_nothing_is_carried_back_to_a_source_that_has_its_own_commits(fleet: Fleet) -> None:
    switched(fleet, "sales.orders")
    append(target(fleet, "sales.orders"))
    append(fleet.lake / "sales/orders")
    before = tree(fleet.folder)

    code, lines = rollback(fleet, "--wave", "1", "--reverse")

    assert (code, lines[-2]["code"]) == (1, "LF-8079")
    assert tree(fleet.folder) == before


def test_the_source_is_never_written_to_otherwise(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")
    before = tree(fleet.lake)

    cutover(fleet, "--wave", "1")
    append(target(fleet, "sales.orders"))
    rollback(fleet, "--wave", "1", "--accept-loss")

    assert tree(fleet.lake) == before


def test_a_table_that_is_not_cut_over_is_not_taken_back(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")

    code, lines = rollback(fleet, "--wave", "1")

    assert (code, lines[-2]["code"]) == (2, "LF-8077")


def test_a_target_is_restored_to_an_older_version_by_a_new_commit(fleet: Fleet) -> None:
    switched(fleet, "sales.orders")
    place = target(fleet, "sales.orders")
    write_deltalake(str(place), pa.table({"id": [1], "text": ["x"]}), mode="overwrite")

    code, lines = rollback(fleet, "-s", "a.sales.orders", "--to-version", "0")

    table = DeltaTable(str(place))
    assert (code, table.version(), lines[-1]["version"]) == (0, 2, 2)
    assert fleet.unequal() == []
    assert table.history(1)[0]["operation"] == "RESTORE"
    assert rollback(fleet, "-s", "a.sales.orders", "--to-version", "7")[1][-2]["code"] == "LF-8081"


def test_a_version_whose_files_were_vacuumed_is_not_restored(fleet: Fleet) -> None:
    switched(fleet, "sales.orders")
    place = target(fleet, "sales.orders")
    [file] = place.glob("*.parquet")
    write_deltalake(str(place), pa.table({"id": [1], "text": ["x"]}), mode="overwrite")
    file.unlink()

    code, lines = rollback(fleet, "-s", "a.sales.orders", "--to-version", "0")

    assert (code, lines[-2]["code"], DeltaTable(str(place)).version()) == (2, "LF-8081", 1)


def test_only_what_clones_brought_is_deleted_and_only_by_its_name(fleet: Fleet) -> None:
    ready(fleet, "sales.orders", "sales.items")
    place = target(fleet, "sales.orders")
    (place / "notes.txt").write_text("somebody's")

    asked, lines = rollback(fleet, "-s", "a.sales.orders", "--purge")
    wrong, _ = rollback(fleet, "-s", "a.sales.orders", "--purge", "--confirm", "orders")
    assert (asked, lines[-2]["code"], wrong, len(tree(place)) > 5) == (2, "LF-2003", 2, True)
    code, lines = rollback(fleet, "-s", "a.sales.orders", "--purge", "--confirm", "a.sales.orders")

    assert (code, list(tree(place))) == (0, ["notes.txt"])
    assert lines[-1]["stay"] == {"a.sales.orders": ["notes.txt"]}
    row = fleet.tables()["sales.orders"]
    assert (row.state, row.held_version, row.strength) == ("planned", None, None)
    assert fleet.sync()[0] == 0
    assert fleet.unequal() == []


def test_a_target_that_is_used_or_was_written_to_is_not_deleted(fleet: Fleet) -> None:
    switched(fleet, "sales.orders")
    purge = ("-s", "a.sales.orders", "--purge", "--confirm", "a.sales.orders")

    used, lines = rollback(fleet, *purge)
    append(target(fleet, "sales.orders"))
    rollback(fleet, "--wave", "1", "--accept-loss")
    written, more = rollback(fleet, *purge)

    assert (used, lines[-2]["code"]) == (2, "LF-8082")
    assert (written, more[-2]["code"]) == (2, "LF-8082")


def test_the_only_copy_of_a_table_is_not_deleted(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")
    (fleet.lake / "sales/orders").rename(fleet.folder / "away")
    before = tree(target(fleet, "sales.orders"))

    code, lines = rollback(fleet, "-s", "a.sales.orders", "--purge", "--confirm", "a.sales.orders")

    assert (code, lines[-2]["code"]) == (2, "LF-8082")
    assert "its only copy" in lines[-2]["message"]
    assert tree(target(fleet, "sales.orders")) == before


def test_what_a_killed_switch_has_left_frozen_is_not_deleted_though_it_is_left_out_now(
    fleet: Fleet,
) -> None:
    ready(fleet, "sales.orders")
    place = target(fleet, "sales.orders")
    with led(fleet.wanted, "cutover") as ledger:
        ledger.move(Move(str(place), "verified", "frozen"))
    before = tree(place)
    fleet.write(source=", exclude: ['sales.orders']")

    code, lines = rollback(fleet, "-s", "a.sales.orders", "--purge", "--confirm", "a.sales.orders")

    assert (code, lines[-2]["code"], tree(place) == before) == (2, "LF-8082", True)


def test_the_copy_of_a_table_that_is_left_out_is_deleted_and_it_stays_left_out(
    fleet: Fleet,
) -> None:
    ready(fleet, "sales.orders")
    place = target(fleet, "sales.orders")
    with led(fleet.wanted, "discover") as ledger:
        ledger.move(Move(str(place), "verified", "excluded"))

    code, _ = rollback(fleet, "-s", "a.sales.orders", "--purge", "--confirm", "a.sales.orders")

    assert (code, list(tree(place)), states(fleet)) == (0, [], {"sales.orders": "excluded"})
