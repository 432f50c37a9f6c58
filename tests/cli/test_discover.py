"""`lakeferry discover` as it is typed."""

import json
import os
import sqlite3
from pathlib import Path

import pytest

from lakeferry.cli.fleet.discover_answers import Shown, discovery_lines, fault_errors
from lakeferry.errors import FerryError
from lakeferry.fleet.discovery.found import Remark
from lakeferry.fleet.discovery.sums import Changes, Discovery, KindTotals, Named, NotSeen, Told
from lakeferry.ledger.write import Ledger
from lakeferry.store.open import open_store
from tests.cli.program import called, json_lines
from tests.fleet import lakes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A manifest of two sources; `sales` has two tables and a checkpoint, `risk` has one table."""
    sales, risk = open_store(str(tmp_path / "sales")), open_store(str(tmp_path / "risk"))
    lakes.delta(sales, "eu/orders", files=3, size=50)
    lakes.delta(sales, "items")
    lakes.checkpoint(sales, "jobs/check")
    lakes.delta(risk, "scores", config={"delta.enableChangeDataFeed": "true"})
    tmp_path.joinpath("lakeferry.yaml").write_text(
        "version: 1\nname: trial\n"
        f"target: {{root: {tmp_path}/target}}\n"
        f"sources:\n  sales: {{root: {tmp_path}/sales}}\n  risk: {{root: {tmp_path}/risk}}\n"
    )
    return tmp_path


def test_what_is_there_is_told_by_kind_of_source_with_the_next_step(folder: Path) -> None:
    ended = called("discover", folder=folder)

    words = [" ".join(line.split()) for line in ended.stdout.splitlines()]
    assert (ended.returncode, ended.stderr) == (0, "")
    assert words[0].startswith("2 sources 3 tables found, 3 in scope ")
    assert words[1:4] == [
        "kind sources tables size files commits/day features worth knowing",
        "local 2 3 550 B 7 3 CDF 1",
        "beside the tables: 1 streaming checkpoint",
    ]
    assert words[-1] == "next: lakeferry plan"


def test_each_table_is_told_to_who_asks_for_it_and_why_one_is_out_of_scope(folder: Path) -> None:
    told = called("discover", "-v", folder=folder).stderr.splitlines()

    assert "  sales.eu.orders  delta  150 B  3 files" in told
    assert "  sales.jobs.check  checkpoint  not in scope: beside the tables" in told


def test_a_new_manifest_finds_nothing_to_complain_of(folder: Path) -> None:
    (folder / "lakeferry.yaml").unlink()
    called("config", "init", "--target", folder / "out", "--source", f"sales={folder}/sales",
           folder=folder)  # fmt: skip

    assert "▲" not in called("discover", folder=folder).stdout


def test_other_commands_know_the_tables_from_then_on(folder: Path) -> None:
    called("discover", folder=folder)

    ended = called("status", "--by", "table", folder=folder)

    assert [line.split()[0] for line in ended.stdout.splitlines()[1:4]] == [
        "risk.default.scores", "sales.default.items", "sales.eu.orders",
    ]  # fmt: skip


@pytest.mark.parametrize("words", [("discover",), ("config", "rebuild-ledger")])
def test_what_makes_a_ledger_goes_on_from_one_whose_maker_was_killed(
    folder: Path, words: tuple[str, ...]
) -> None:
    folder.joinpath(".lakeferry").mkdir()
    begun = sqlite3.connect(folder / ".lakeferry/ledger.db")
    begun.execute("PRAGMA journal_mode = WAL")
    begun.close()

    ended = called(*words, folder=folder)

    assert (ended.returncode, ended.stderr) == (0, "")
    told = json_lines(called("status", "--json", folder=folder))
    assert told[-1]["total"]["tables"]["total"] == 3


def test_json_lines_hold_each_table_and_the_sums(folder: Path) -> None:
    lines = json_lines(called("discover", "--json", folder=folder))

    found = {line["table"]: line for line in lines if line["type"] == "found"}
    assert found["sales.eu.orders"]["target"] == f"{folder}/target/sales/eu/orders"
    assert found["sales.eu.orders"]["bytes"] == 150
    assert found["sales.jobs.check"]["kind"] == "checkpoint"
    summary = lines[-1]
    assert (summary["sources"], summary["tables"], summary["in_scope"]) == (2, 3, 3)
    assert summary["kinds"]["local"]["bytes"] == 550
    assert summary["changes"]["new"]["count"] == 4


def test_a_source_that_cannot_be_read_is_named_at_the_end_and_the_exit_code_is_1(
    folder: Path,
) -> None:
    ended = called("discover", "--set", "sources.risk.root=/nowhere/at/all", folder=folder)

    assert ended.returncode == 1
    assert "2 tables found, 2 in scope" in ended.stdout
    assert "next: lakeferry plan" not in ended.stdout
    assert "✗ LF-2101 source risk could not be read" in ended.stderr


def test_what_keeps_many_sources_from_being_read_is_told_once_with_their_names() -> None:
    found = Discovery()
    unset = FerryError("LF-2001", "`A` is not set", "${env:A}", "set it")
    found.faults.update({"b": unset, "c": FerryError("LF-1003", "x", "y", "z"), "a": unset})

    first, second = fault_errors(found)

    assert first.what == "2 sources could not be read: `A` is not set"
    assert first.where == "${env:A}; of a, b"
    assert second.what == "source c could not be read: x"


def test_a_check_keeps_nothing_and_says_by_its_exit_code_whether_anything_changed(
    folder: Path,
) -> None:
    assert called("discover", "--check", folder=folder).returncode == 3
    assert not (folder / ".lakeferry").exists()
    called("discover", folder=folder)
    assert called("discover", "--check", folder=folder).returncode == 0

    lakes.delta(open_store(str(folder / "risk")), "later")
    ended = called("discover", "--check", folder=folder)

    assert ended.returncode == 3
    assert "  1 new: risk.default.later" in ended.stdout


def test_a_check_may_run_while_another_command_leads_and_a_discovery_may_not(
    folder: Path,
) -> None:
    called("discover", folder=folder)
    ledger = folder / ".lakeferry" / "ledger.db"
    with Ledger(ledger, run_id="of another", command="sync"):
        assert called("discover", "--check", folder=folder).returncode == 0
        refused = called("discover", folder=folder)

    assert refused.returncode == 2
    assert "LF-8001" in refused.stderr


def test_the_inventory_is_written_one_object_a_line_and_replaces_an_old_one(folder: Path) -> None:
    out = folder / "inventory.jsonl"
    out.write_text("old")

    ended = called("discover", "--out", "inventory.jsonl", "-s", "sales", folder=folder)

    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert ended.returncode == 0
    assert [line["table"] for line in lines] == [
        "sales.default.items", "sales.eu.orders", "sales.jobs.check",
    ]  # fmt: skip
    assert lines[1]["head"]["id"] == "id of eu/orders"
    assert sorted(os.listdir(folder)) == [
        ".lakeferry", "inventory.jsonl", "lakeferry.yaml", "risk", "sales",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--since", "7"], "--since"),
        (["--depth", "-1"], "--depth"),
        (["--jobs", "0"], "--jobs"),
        (["--check", "--out", "x"], "--check"),
        (["-s", "nobody"], "LF-2107"),
        (["-s", "state:odd"], "no state"),
        (["-s", "sales.eu.ordrs"], "LF-2107"),
        (["--wave", "7"], "LF-2107"),
        (["--out", "missing/x"], "LF-2004"),
    ],
)
def test_flags_that_say_nothing_are_refused(folder: Path, flags: list[str], said: str) -> None:
    ended = called("discover", *flags, folder=folder)

    assert (ended.returncode, said in ended.stderr) == (2, True), ended.stderr


def test_only_named_folders_deep_are_looked_into(folder: Path) -> None:
    ended = called("discover", "--depth", "1", folder=folder)

    assert "2 tables found" in ended.stdout
    assert "LF-8058 source sales: " in ended.stdout
    assert "(more than 1 folders below the root)" in ended.stdout


# ---- answers


def named(*names: str, count: int | None = None) -> Named:
    return Named(count or len(names), list(names))


def test_remarks_of_one_code_are_told_together_and_every_line_fits_the_screen() -> None:
    found = Discovery(sources=64, tables=6214, in_scope=5987, requests=61204, elapsed_s=248)
    found.excluded.update({"by pattern": 190, "not Delta": 26, "view": 11})
    found.kinds = {
        "s3": KindTotals({"a"}, 561, 1_600_000, 200_000_000_000_000, 0, 14802.0),
        "adls": KindTotals({"b", "c"}, 4102, 11_900_000, 1_402_000_000_000_000, 1, 212_400.0),
    }
    found.kinds["adls"].features.update({"DV": 1311, "column mapping": 402})
    found.remarks["LF-3001"] = Told(
        Remark("LF-3001", "unknown", "upgrade"), named("a.b.c", "a.b.d")
    )
    found.changes = Changes(new=named("x.y.z", "x.y.w", "x.y.v", count=5))
    found.is_first = False
    found.refused["b"] = NotSeen(2, [("abfss://b/x", "LF-1002 no right")])

    wide = discovery_lines(found, Shown(width=200))

    assert wide[0] == (
        "  64 sources  6,214 tables found, 5,987 in scope "
        "(227 excluded: 190 by pattern, 26 not Delta, 11 views)   4 min 8 s, 61,204 requests"
    )
    assert " ".join(wide[2].split()) == (
        "adls 2 4,102 ≥ 1.4 PB ≥ 11,900,000 212,400 DV 1,311 · column mapping 402"
    )
    assert "  5 new: x.y.v, x.y.w, x.y.z and 2 more" in wide
    assert "  ✗ LF-3001 2 tables (a.b.c, a.b.d), the first: unknown" in wide
    assert (
        "  ▲ LF-8058 source b: abfss://b/x and 1 more (LF-1002 no right) were not looked into"
        in wide
    )
    assert not any(line.endswith("lakeferry plan") for line in wide)
    for width in (60, 80, 120):
        assert max(map(len, discovery_lines(found, Shown(width=width)))) <= width
