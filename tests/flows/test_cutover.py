"""Tables switched to their targets, by the program as it is typed; judged by what lies there."""

import csv
import json
import os
import shutil
import time
from pathlib import Path
from threading import Event as Flag
from typing import Any

import orjson
import pytest
from deltalake import DeltaTable

from lakeferry.cli.fleet.flags import known_tables, led, ledger_path
from lakeferry.fleet.cutover.events import Event
from lakeferry.fleet.cutover.plan import MARK, CutoverRequest, Step
from lakeferry.fleet.cutover.run import cutover as door
from lakeferry.fleet.proof.receipt_files import receipts_at
from lakeferry.fleet.proof.run import ProveRequest, prove
from lakeferry.ledger import read
from lakeferry.ledger.open import open_to_read
from lakeferry.ledger.rows import Move
from lakeferry.store.open import open_store
from tests.cli.program import called, json_lines
from tests.flows.fleets import ROWS, Fleet, append
from tests.flows.live_cutover import heard, is_watching

Lines = list[dict[str, Any]]


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    fleet = Fleet(tmp_path, str(tmp_path / "out"))
    fleet.write()
    return fleet


def ready(fleet: Fleet, *names: str, strength: str = "replayed") -> None:
    """Tables that are synced and proven."""
    for name in names:
        append(fleet.lake / name.replace(".", "/"))
    fleet.see()
    fleet.sync()
    prove_all(fleet, strength)


def prove_all(fleet: Fleet, strength: str = "replayed") -> None:
    rows = [one for one in known_tables(fleet.wanted) if one.held_version is not None]
    asked = ProveRequest(strength)
    with led(fleet.wanted, "verify") as ledger:
        prove(fleet.wanted, ledger, rows, asked, emit=lambda _: None, stop=Flag())
        ledger.end(0)


def run(fleet: Fleet, command: str, *words: str) -> tuple[int, Lines]:
    ended = called(command, "--json", *words, folder=fleet.folder, **fleet.environment)
    assert ended.stderr == "", ended.stderr
    return ended.returncode, json_lines(ended)


def cutover(fleet: Fleet, *words: str) -> tuple[int, Lines]:
    return run(fleet, "cutover", "--yes", "--freeze-check", "0s", *words)


def states(fleet: Fleet) -> dict[str, str]:
    return {name: one.state for name, one in fleet.tables().items()}


def steps(lines: Lines) -> list[tuple[int, str]]:
    return [(one["step"], one["state"]) for one in lines if one["type"] == "step"]


ALL = [(1, "ok"), (2, "ok"), (3, "ok"), (4, "ok"), (5, "ok"), (6, "skipped"), (7, "ok")]


def test_a_wave_goes_through_the_checklist_and_is_cut_over(fleet: Fleet) -> None:
    ready(fleet, "sales.orders", "sales.items")

    code, lines = cutover(fleet, "--wave", "1")

    assert (code, steps(lines)) == (0, ALL)
    assert states(fleet) == {"sales.orders": "cut_over", "sales.items": "cut_over"}
    assert lines[-1]["cut_over"] == ["a.sales.items", "a.sales.orders"]
    assert 0 < lines[-1]["pause_s"] < 30


def test_how_long_nobody_has_written_is_told_while_that_is_awaited(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")
    append(fleet.lake / "sales/orders")

    code, lines = watched_once(fleet)

    told, *_ = filter(is_watching, lines)
    assert (code, told["of_s"]) == (130, 120)
    assert 0 <= told["quiet_s"] < 120


def watched_once(fleet: Fleet) -> tuple[int, Lines]:
    """A cut-over that is ended once it watches the sources."""
    return heard(fleet, lambda said: not is_watching(said), "--freeze-check", "120s")


def test_a_source_whose_clock_is_hours_behind_is_watched_from_when_its_commit_was_seen(
    fleet: Fleet,
) -> None:
    ready(fleet, "sales.orders")
    append(fleet.lake / "sales/orders")
    as_if_at(fleet.lake / "sales/orders", timestamp=10**17, modified_s=time.time() - 9 * 3600)

    _, lines = watched_once(fleet)
    code, _ = cutover(fleet, "--wave", "1")

    told, *_ = filter(is_watching, lines)
    assert (code, told["quiet_s"] < 120) == (0, True)
    [job] = csv.DictReader((fleet.folder / "cutover-wave1.csv").open(encoding="utf-8"))
    assert (job["last_version"], job["last_time"]) == ("1", f"{10**17} ms since 1970")


def as_if_at(table: Path, *, timestamp: int, modified_s: float) -> None:
    """The newest commit as one that was made by another clock."""
    commit = max((table / "_delta_log").glob("*.json"))
    actions = [json.loads(line) for line in commit.read_text().splitlines()]
    for action in actions:
        if "commitInfo" in action:
            action["commitInfo"]["timestamp"] = timestamp
    commit.write_text("".join(json.dumps(action) + "\n" for action in actions))
    os.utime(commit, (modified_s, modified_s))


def test_the_receipt_lies_beside_the_table_and_in_the_ledger_under_one_hash(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")
    cutover(fleet, "a.sales.orders")

    url = fleet.tables()["sales.orders"].target_url
    [beside] = [one for one in receipts_at(open_store(url), url) if one.kind == "cutover"]

    db = open_to_read(fleet.folder / ".lakeferry" / "ledger.db")
    [kept] = [one for one in read.receipts(db, url) if one.kind == "cutover"]
    assert kept == beside
    said = orjson.loads(beside.body)
    assert (said["source_version"], said["target_version"], said["strength"]) == (0, 0, "replayed")
    assert said["steps"]["freeze check"]["heads"] == {"a.sales.orders": 0}


def test_what_a_source_wrote_after_the_proof_is_brought_and_proven_again(fleet: Fleet) -> None:
    ready(fleet, "sales.orders", "sales.items")
    append(fleet.lake / "sales/orders")

    code, _ = cutover(fleet, "--wave", "1")

    assert code == 0
    assert fleet.rows("sales.orders").num_rows == 2 * ROWS
    assert fleet.tables()["sales.orders"].held_version == 1
    kinds = [one.kind for one in checks(fleet, "sales.orders") if one.source_version == 1]
    assert set(kinds) == {"replayed", "listed", "txn"}
    assert {"listed"} < {one.kind for one in checks(fleet, "sales.items")}


def checks(fleet: Fleet, name: str) -> list[Any]:
    db = open_to_read(fleet.folder / ".lakeferry" / "ledger.db")
    return list(read.checks(db, fleet.tables()[name].target_url))


def test_a_table_that_was_never_proven_is_in_the_way_of_all(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")
    append(fleet.lake / "sales/items")
    fleet.see()
    fleet.sync()

    code, lines = cutover(fleet, "--wave", "1")

    assert (code, lines[-2]["code"]) == (2, "LF-8071")
    assert lines[-2]["next"] == ["lakeferry verify -s a.sales.items --strength replayed"]
    assert states(fleet) == {"sales.orders": "verified", "sales.items": "synced"}


def test_nothing_is_meant_where_nothing_is_named(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")

    code, lines = cutover(fleet)

    assert (code, lines[-2]["code"]) == (2, "LF-2001")


def test_a_dry_run_tells_each_step_and_writes_nothing(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")
    append(fleet.lake / "sales/orders")
    before = tree(fleet.folder)

    code, lines = run(fleet, "cutover", "--dry-run", "--freeze-check", "10min", "--wave", "1")

    assert tree(fleet.folder) == before
    assert code == 0
    assert steps(lines) == [(1, "ok"), (2, "planned"), (3, "planned"), (5, "ok"), (6, "skipped")]
    [loud] = [one for one in lines if one.get("step") == 2]
    assert loud["message"].startswith("1 source table had a commit within 600 s, by app delta-rs")


def tree(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and "ledger" not in path.name
    }


def test_who_wrote_last_is_listed_to_be_pointed_elsewhere(fleet: Fleet) -> None:
    append(fleet.lake / "sales/orders")
    as_job(fleet.lake / "sales/orders", 8812, "hourly-sync")
    fleet.see()
    fleet.sync()
    prove_all(fleet)

    _, lines = cutover(fleet, "--wave", "1")

    listed = list(csv.DictReader((fleet.folder / "cutover-wave1.csv").open(encoding="utf-8")))
    assert lines[-1]["files"] == ["cutover-wave1.html", "cutover-wave1.csv"]
    assert [(one["kind"], one["id"], one["name"]) for one in listed] == [
        ("job", "8812", "hourly-sync")
    ]
    assert listed[0]["registered_as"] == f"delta.`{fleet.tables()['sales.orders'].target_url}`"


def test_a_list_that_cannot_be_written_asks_for_a_look_and_the_switch_stays(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")
    (fleet.folder / "cutover-wave1.html").mkdir()

    code, lines = cutover(fleet, "--wave", "1")

    assert code == 3
    assert [one["code"] for one in lines if one["type"] == "warning"] == ["LF-2004"]
    assert states(fleet) == {"sales.orders": "cut_over"}
    assert lines[-1]["files"] == ["cutover-wave1.csv"]


def test_a_ledger_made_anew_brings_nothing_to_a_table_in_use_and_deletes_nothing_of_it(
    fleet: Fleet,
) -> None:
    ready(fleet, "sales.orders")
    cutover(fleet, "--wave", "1")
    shutil.rmtree(fleet.folder / ".lakeferry")
    append(fleet.lake / "sales/orders")
    fleet.see()
    before = tree(fleet.folder / "out")

    _, planned = run(fleet, "plan")
    code, lines = fleet.sync()
    purge = ("-s", "a.sales.orders", "--purge", "--confirm", "a.sales.orders")
    refused, purged = run(fleet, "rollback", *purge)

    [line] = [one for one in planned if one["type"] == "plan_item"]
    assert (line["action"], line["code"]) == ("blocked", "LF-8087")
    assert (refused, purged[-2]["code"]) == (2, "LF-8087")
    assert (code, [one["code"] for one in lines[-1]["look_at"]]) == (3, ["LF-8087"])
    assert tree(fleet.folder / "out") == before
    shutil.rmtree(fleet.folder / ".lakeferry")
    assert called("config", "rebuild-ledger", folder=fleet.folder).returncode == 0
    assert states(fleet) == {"sales.orders": "cut_over"}


def test_a_ledger_from_before_a_switch_brings_nothing_to_the_table_in_use_until_it_is_given_again(
    fleet: Fleet,
) -> None:
    ready(fleet, "sales.orders")
    shutil.copytree(fleet.folder / ".lakeferry", fleet.folder / "backup")
    cutover(fleet, "--wave", "1")
    shutil.rmtree(fleet.folder / ".lakeferry")
    (fleet.folder / "backup").rename(fleet.folder / ".lakeferry")
    append(fleet.lake / "sales/orders")
    before = tree(fleet.folder / "out")

    _, planned = run(fleet, "plan")
    code, lines = fleet.sync()

    [line] = [one for one in planned if one["type"] == "plan_item"]
    assert (line["action"], line["code"]) == ("blocked", "LF-8087")
    assert (code, [one["code"] for one in lines[-1]["look_at"]]) == (3, ["LF-8087"])
    assert tree(fleet.folder / "out") == before
    assert cutover(fleet, "--wave", "1")[0] == 0
    assert states(fleet) == {"sales.orders": "cut_over"}


@pytest.mark.parametrize("amid", ["frozen", "syncing"])
def test_what_the_manifest_leaves_out_by_now_is_not_switched_though_a_run_was_killed_amid_it(
    fleet: Fleet, amid: str
) -> None:
    ready(fleet, "sales.orders", "sales.items")
    left_out = fleet.tables()["sales.orders"].target_url
    with led(fleet.wanted, "sync") as ledger:
        if amid == "syncing":
            ledger.move(Move(left_out, "verified", "planned"))
        ledger.move(Move(left_out, "verified" if amid == "frozen" else "planned", amid))
    fleet.write(source=", exclude: ['sales.orders']")

    fleet.sync()
    code, _ = cutover(fleet, "--wave", "1")

    assert (code, states(fleet)) == (0, {"sales.items": "cut_over", "sales.orders": "excluded"})


def test_lists_of_an_earlier_switch_are_never_written_over(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")
    earlier = fleet.folder / "cutover-wave1.html"
    earlier.write_text("receipts of tables that were switched before")

    _, lines = cutover(fleet, "--wave", "1")

    assert lines[-1]["files"] == ["cutover-wave1-2.html", "cutover-wave1-2.csv"]
    assert earlier.read_text() == "receipts of tables that were switched before"
    page = (fleet.folder / "cutover-wave1-2.html").read_text()
    for told in ("<b>1</b>table", "no commit on any source", "sales.orders", "replayed"):
        assert told in page


def test_a_run_that_was_killed_after_the_mark_writes_its_lists_when_it_is_repeated(
    fleet: Fleet,
) -> None:
    append(fleet.lake / "sales/orders")
    as_job(fleet.lake / "sales/orders", 8812, "hourly-sync")
    ready(fleet, "sales.items")

    def killed_at_the_mark(event: Event) -> None:
        if isinstance(event, Step) and event.number == MARK:
            raise EOFError

    rows, path = known_tables(fleet.wanted), ledger_path(fleet.wanted)
    with led(fleet.wanted, "cutover") as ledger, pytest.raises(EOFError):
        door(
            fleet.wanted, ledger, path, rows, CutoverRequest("wave 1", freeze_s=0),
            emit=killed_at_the_mark, ask=lambda *_: True, stop=Flag(),
        )  # fmt: skip
    code, lines = cutover(fleet, "-s", "a.sales.orders")
    _, again = cutover(fleet, "--wave", "1")

    assert (code, lines[-1]["cut_over"], lines[-1]["already"]) == (0, [], ["a.sales.orders"])
    assert (lines[-1]["files"], again[-1]["files"]) == (
        ["cutover-wave1.html", "cutover-wave1.csv"], [],
    )  # fmt: skip
    assert [one["id"] for one in lines[-1]["repoint"]] == ["8812"]
    assert "sales.orders" in (fleet.folder / "cutover-wave1.html").read_text()


def as_job(table: Path, number: int, name: str) -> None:
    """The newest commit says that a job of Databricks made it."""
    commit = max((table / "_delta_log").glob("*.json"))
    actions = [json.loads(line) for line in commit.read_text().splitlines()]
    for action in actions:
        if "commitInfo" in action:
            action["commitInfo"]["job"] = {"jobId": str(number), "jobName": name}
    commit.write_text("".join(json.dumps(action) + "\n" for action in actions))


def test_a_wave_waits_for_the_waves_before_it(fleet: Fleet) -> None:
    fleet.write("waves: {1: {}, 2: {after: 1}}\n", source=", tables: {'hr.*': {wave: 2}}")
    ready(fleet, "sales.orders", "hr.people")

    code, lines = cutover(fleet, "--wave", "2")
    cutover(fleet, "--wave", "1")
    after, _ = cutover(fleet, "--wave", "2")

    assert (code, lines[-2]["code"], after) == (2, "LF-8071", 0)
    assert lines[-2]["next"] == ["lakeferry cutover --wave 1"]


def test_once_more_finds_nothing_to_do(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")
    cutover(fleet, "--wave", "1")

    code, lines = cutover(fleet, "--wave", "1")

    assert (code, lines[-1]["already"], lines[-1]["cut_over"]) == (0, ["a.sales.orders"], [])


def test_a_target_that_lost_a_file_is_not_switched_to(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")
    target = Path(fleet.tables()["sales.orders"].target_url)
    [file] = target.glob("*.parquet")
    file.unlink()

    code, lines = cutover(fleet, "--wave", "1")

    assert (code, lines[-2]["code"]) == (1, "LF-8073")
    assert states(fleet) == {"sales.orders": "drifted"}
    assert not list((target / "_delta_log" / "_lakeferry").rglob("*cutover*"))
    again, lines = cutover(fleet, "--wave", "1")
    assert (again, lines[-2]["code"]) == (2, "LF-8071")


def test_a_table_that_is_cut_over_is_not_synced_over(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")
    cutover(fleet, "--wave", "1")
    append(fleet.lake / "sales/orders")

    fleet.sync()

    assert DeltaTable(fleet.tables()["sales.orders"].target_url).version() == 0
