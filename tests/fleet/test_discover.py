"""A discovery of lakes on this machine's disk, and what the ledger knows after it."""

import os
import threading
from pathlib import Path

import orjson
import pytest

from lakeferry.errors import FerryError
from lakeferry.fleet.discovery.gather import Before
from lakeferry.fleet.discovery.run import Wish, discover
from lakeferry.fleet.manifest.facts import facts_of
from lakeferry.fleet.manifest.moved import moved
from lakeferry.ledger import read
from lakeferry.ledger.open import open_to_read
from lakeferry.ledger.rows import CloneStart, Move
from tests.fleet import lakes, manifests
from tests.fleet.trial import MANIFEST, Trial, codes, two_lakes


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return two_lakes(tmp_path)


# ---- the first look


def test_every_table_comes_into_the_ledger_with_what_its_log_says(trial: Trial) -> None:
    found = trial.look()

    assert trial.states() == dict.fromkeys(
        ("risk.default.scores", "sales.default.items", "sales.eu.orders"), "discovered"
    )
    table = trial.table("sales.eu.orders")
    assert table.target_url == f"{trial.folder}/target/sales/eu/orders"
    assert table.source_url == f"{trial.folder}/sales/eu/orders"
    assert (table.source_id, table.source_version) == ("id of eu/orders", 0)
    assert (table.bytes, table.files, table.left_bytes, table.left_files) == (150, 3, 150, 3)
    assert table.left_requests == 3
    assert (table.schema_name, table.table_name, table.path) == ("eu", "orders", "eu/orders")
    assert (table.protocol, table.retention_s, table.kind) == ("1/2", 604_800, "delta")
    assert (found.sources, found.tables, found.in_scope) == (2, 3, 3)
    assert (found.is_whole, found.is_first, found.changes.new.count) == (True, True, 3)


def test_the_inventory_holds_what_is_not_moved_too(trial: Trial) -> None:
    lake = trial.lake("sales")
    lakes.iceberg(lake, "ice")
    lakes.checkpoint(lake, "jobs/_checkpoint")
    lakes.put(lake, "landing/2024/01/a.json", "12")
    lakes.put(lake, "landing/2024/02/b.json", "345")

    found = trial.look()

    db = open_to_read(trial.folder / "ledger.db")
    kept = {row.name: (row.kind, row.target_url is None) for row in read.inventory(db)}
    [landing] = [orjson.loads(row.body) for row in read.inventory(db) if row.kind == "folder"]
    db.close()
    assert kept["sales.default.ice"] == ("iceberg", False)
    assert kept["sales.jobs._checkpoint"] == ("checkpoint", True)
    assert kept["sales.default.landing"] == ("folder", True)
    assert (landing["files"], landing["bytes"], landing["formats"]) == (2, 5, {"json": 2})
    assert trial.states()["sales.default.ice"] == "excluded"
    assert "sales.jobs._checkpoint" not in trial.states()
    assert (dict(found.excluded), dict(found.beside)) == (
        {"not Delta": 1}, {"checkpoint": 1, "folder": 1},
    )  # fmt: skip


def test_a_folder_of_files_comes_along_where_an_include_names_its_path(trial: Trial) -> None:
    lakes.put(trial.lake("sales"), "landing/a.json")
    trial.said["sales"] = ', include: ["**", "landing/"]'

    found = trial.look()

    assert trial.table("sales.default.landing").kind == "folder"
    assert (found.tables, found.in_scope, dict(found.beside)) == (4, 4, {})


def test_a_source_that_is_one_table_is_named_by_its_address(trial: Trial) -> None:
    lakes.delta(trial.lake("risk"), "")

    trial.look("risk")

    assert list(trial.states()) == ["risk.default.risk"]


def test_a_table_that_the_manifest_leaves_out_is_known_and_its_log_is_not_read(
    trial: Trial,
) -> None:
    lakes.put(trial.lake("sales"), "eu/scratch_1/_delta_log/00000000000000000000.json", "no JSON")
    trial.said["sales"] = ', exclude: ["*.scratch_*"]'

    found = trial.look()

    assert trial.states()["sales.eu.scratch_1"] == "excluded"
    assert dict(found.excluded) == {"by pattern": 1}
    assert codes(found) == {}


def test_a_table_that_cannot_be_cloned_is_blocked_with_its_code(trial: Trial) -> None:
    future = lakes.protocol(3, 7, readerFeatures=["future"], writerFeatures=["future"])
    lakes.delta(trial.lake("risk"), "next", of=future)

    found = trial.look()

    table = trial.table("risk.default.next")
    assert (table.state, table.code, table.left_bytes) == ("blocked", "LF-3001", 0)
    assert 'unknown reader feature "future"' in table.why
    assert codes(found) == {"LF-3001": 1}


def test_nothing_is_left_to_move_of_a_table_that_is_blocked_or_left_out(trial: Trial) -> None:
    lakes.delta(trial.lake("risk"), "next", of=lakes.protocol(1, 7, writerFeatures=["future"]))
    lakes.iceberg(trial.lake("risk"), "ice")

    trial.look()

    tables = trial.tables()
    sizes = {name: (tables[f"risk.default.{name}"].bytes, tables[f"risk.default.{name}"].left_bytes)
             for name in ("next", "ice", "scores")}  # fmt: skip
    assert sizes == {"next": (200, 0), "ice": (300, 0), "scores": (200, 200)}


def test_a_table_that_vacuum_may_overtake_is_told(trial: Trial) -> None:
    kept = {"delta.deletedFileRetentionDuration": "interval 1 hours"}
    lakes.delta(trial.lake("risk"), "fast", size=10**12, config=kept)  # 2 TB: 4.4 h at 1 Gbit/s

    assert codes(trial.look()) == {"LF-8057": 1}
    assert trial.table("risk.default.fast").state == "discovered"


# ---- sources that cannot be read


def test_a_source_that_cannot_be_read_is_told_and_the_others_are_discovered(trial: Trial) -> None:
    trial.said["risk"] = "/nowhere"

    found = trial.look()

    assert {name: error.code for name, error in found.faults.items()} == {"risk": "LF-2101"}
    assert sorted(trial.states()) == ["sales.default.items", "sales.eu.orders"]
    assert not found.is_whole


def test_a_folder_whose_name_no_other_store_could_hold_is_told(trial: Trial) -> None:
    os.makedirs(os.fsencode(trial.folder / "sales") + b"/odd\xff/t/_delta_log")

    found = trial.look()

    assert {name: one.told[0][1] for name, one in found.refused.items()} == {
        "sales": "its name is no UTF-8"
    }
    assert (found.is_whole, found.in_scope) == (False, 3)


def test_a_link_back_to_a_folder_above_is_not_followed(trial: Trial) -> None:
    (trial.folder / "sales" / "eu" / "again").symlink_to(trial.folder / "sales")
    (trial.folder / "risk" / "to_sales").symlink_to(trial.folder / "sales" / "items")

    trial.look()

    assert sorted(trial.states()) == [
        "risk.default.scores", "risk.default.to_sales", "sales.default.items", "sales.eu.orders",
    ]  # fmt: skip


def test_nothing_is_gone_from_a_source_that_could_not_be_read(trial: Trial) -> None:
    trial.look()
    (trial.folder / "risk").rename(trial.folder / "away")

    found = trial.look()

    assert (found.changes.any, trial.states()["risk.default.scores"]) == (False, "discovered")


def test_what_lies_deeper_than_was_to_be_looked_is_told_and_not_gone(trial: Trial) -> None:
    lakes.delta(trial.lake("sales"), "a/b/c/deep")
    trial.look()

    found = trial.look(most_depth=2)

    assert {name: one.told[0][0] for name, one in found.deep.items()} == {"sales": "a/b/c"}
    assert (found.changes.any, found.is_whole) == (False, True)
    assert trial.states()["sales.a.b.c.deep"] == "discovered"


# ---- looking again


def test_the_same_look_again_finds_nothing_new_though_tables_have_grown(trial: Trial) -> None:
    trial.look()
    lakes.commit(trial.lake("sales"), "items", 1, lakes.add("more.parquet", 7))

    found = trial.look()

    assert (found.is_first, found.changes.any) == (False, False)
    table = trial.table("sales.default.items")
    assert (table.source_version, table.bytes, table.files) == (1, 207, 3)


def test_what_is_new_changed_and_gone_is_told_by_name(trial: Trial) -> None:
    trial.look()
    lakes.delta(trial.lake("risk"), "later")
    more = lakes.protocol(1, 4)
    lakes.commit(trial.lake("sales"), "items", 1, more)
    (trial.folder / "sales" / "eu").rename(trial.folder / "away")

    changes = trial.look().changes

    assert changes.new.names == ["risk.default.later"]
    assert changes.changed.names == ["sales.default.items"]
    assert changes.gone.names == ["sales.eu.orders"]


def test_a_table_that_is_gone_is_orphaned_and_comes_back_as_discovered(trial: Trial) -> None:
    trial.look()
    (trial.folder / "sales" / "eu").rename(trial.folder / "away")
    trial.look()
    assert trial.table("sales.eu.orders").state == "orphaned"
    assert trial.look().changes.any is False  # it is gone once

    (trial.folder / "away").rename(trial.folder / "sales" / "eu")

    assert trial.look().changes.new.names == ["sales.eu.orders"]
    assert trial.table("sales.eu.orders").state == "discovered"
    assert trial.look().changes.any is False  # and came back once


def test_a_table_that_was_cut_over_stays_so_when_its_source_is_removed(trial: Trial) -> None:
    trial.look()
    trial.move("sales.eu.orders", "planned", "syncing", "synced", "verified", "frozen", "cut_over")
    (trial.folder / "sales" / "eu").rename(trial.folder / "away")

    assert trial.look().changes.gone.names == ["sales.eu.orders"]
    assert trial.table("sales.eu.orders").state == "cut_over"


def test_a_look_keeps_the_state_and_what_a_table_holds(trial: Trial) -> None:
    trial.look()
    trial.move("sales.eu.orders", "planned", "syncing", "synced")
    before = trial.table("sales.eu.orders")

    trial.look()

    assert trial.table("sales.eu.orders").state == "synced"
    assert trial.table("sales.eu.orders").state_since_ms == before.state_since_ms


def test_how_long_a_target_is_behind_begins_with_the_first_commit_that_it_lacks(
    trial: Trial,
) -> None:
    trial.look()
    lake = trial.lake("sales")
    with trial.ledger() as ledger:
        url = trial.table("sales.default.items").target_url
        clone = ledger.begin_clone(CloneStart(url, None, 0, "ab" * 32, 2, 200))
        ledger.commit_clone(clone, 0)
    trial.look()
    assert trial.table("sales.default.items").behind_since_ms is None

    lakes.commit(lake, "items", 1, lakes.add("a"))
    trial.look()
    since = trial.table("sales.default.items").behind_since_ms
    assert since is not None
    lakes.commit(lake, "items", 2, lakes.add("b"))
    os.utime(trial.folder / "sales/items/_delta_log" / f"{2:020}.json", (3e9, 3e9))
    trial.look()

    assert trial.table("sales.default.items").behind_since_ms == since


def test_a_block_goes_with_its_reason_and_comes_only_before_a_table_has_begun(
    trial: Trial,
) -> None:
    bad = trial.folder / "sales/items/_delta_log/00000000000000000001.json"
    trial.look()
    trial.move("sales.default.items", "planned")
    bad.write_text("{")
    trial.look()
    assert trial.table("sales.default.items").code == "LF-3103"

    bad.unlink()
    trial.look()
    assert trial.table("sales.default.items").state == "discovered"

    trial.move("sales.default.items", "planned", "syncing")
    bad.write_text("{")
    trial.look()
    assert trial.table("sales.default.items").state == "syncing"


def test_a_block_of_another_command_stays(trial: Trial) -> None:
    trial.look()
    with trial.ledger() as ledger:
        url = trial.table("sales.default.items").target_url
        ledger.move(Move(url, "discovered", "blocked", code="LF-4102"))

    trial.look()

    assert trial.table("sales.default.items").state == "blocked"


def test_a_pattern_that_is_changed_moves_tables_out_of_scope_and_back(trial: Trial) -> None:
    trial.look()
    trial.said["sales"] = ', exclude: ["eu.*"]'
    assert trial.look().changes.changed.names == ["sales.eu.orders"]
    assert trial.table("sales.eu.orders").state == "excluded"

    trial.said["sales"] = ""
    trial.look()

    assert trial.table("sales.eu.orders").state == "discovered"


def test_the_tables_of_a_source_that_the_manifest_names_no_longer_are_orphaned(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial.look()
    without = "\n".join(line for line in MANIFEST.splitlines() if "risk:" not in line)
    monkeypatch.setattr("tests.fleet.trial.MANIFEST", without)

    trial.look()

    assert trial.table("risk.default.scores").state == "orphaned"


def test_a_log_that_cannot_be_read_for_once_leaves_what_was_known_of_its_table(
    trial: Trial,
) -> None:
    trial.look()
    before = trial.table("sales.eu.orders")
    trial.move("sales.eu.orders", "planned", "syncing", "synced")
    (trial.folder / "sales/eu/orders/_delta_log/00000000000000000001.json").write_text("{")

    trial.look()

    table = trial.table("sales.eu.orders")
    assert (table.bytes, table.files, table.source_version) == (150, 3, 0)
    assert (table.source_id, table.protocol) == (before.source_id, "1/2")


# ---- what is asked for


def test_a_selection_looks_at_its_tables_alone_and_takes_none_of_the_others_for_gone(
    trial: Trial,
) -> None:
    trial.look()
    (trial.folder / "sales" / "items").rename(trial.folder / "away")

    found = trial.look("sales.eu.*")

    assert trial.seen == ["sales.eu.orders"]
    assert (found.sources, found.changes.any) == (1, False)


def test_a_selection_that_means_no_source_is_refused(trial: Trial) -> None:
    with pytest.raises(FerryError) as refused:
        trial.look("sale")

    assert refused.value.code == "LF-2107"


def test_a_look_that_only_checks_keeps_nothing(trial: Trial) -> None:
    found = trial.look(keeps=False)

    assert found.changes.new.count == 3
    assert not (trial.folder / "ledger.db").exists()


def test_a_pattern_that_fits_no_table_is_told_with_the_nearest_name(trial: Trial) -> None:
    trial.said["sales"] = ', include: ["eu.*", "default.item"]'

    found = trial.look()

    told = found.remarks["LF-2107"]
    assert told.tables.names == ["sales"]
    assert "include ['default.item']" in told.remark.what
    assert told.remark.next_step == "did you mean `default.items`?"


def test_a_look_that_is_stopped_keeps_what_it_saw_and_takes_nothing_for_gone(
    trial: Trial,
) -> None:
    trial.look()
    lakes.delta(trial.lake("risk"), "later")
    stop = threading.Event()
    before = dict(trial.states())
    (trial.folder / "sales" / "eu").rename(trial.folder / "away")

    with pytest.raises(KeyboardInterrupt):
        trial.look(hands=1, stop=stop, on_first=stop.set)

    assert before.items() <= trial.states().items()


def test_a_table_lands_where_its_layout_says_and_stays_there(
    trial: Trial,
) -> None:
    trial.said["sales"] = ', layout: "{catalog}/{path}"'
    trial.look()
    trial.move("sales.eu.orders", "planned", "syncing", "synced")

    url = trial.table("sales.eu.orders").target_url
    facts = [facts_of(trial.wanted(), one) for one in trial.tables().values()]

    assert url == f"{trial.folder}/target/eu/orders"
    assert moved(trial.wanted(), facts) == ()


def test_sixty_sources_are_looked_at_side_by_side_and_each_table_is_found_once(
    tmp_path: Path,
) -> None:
    trial = Trial(tmp_path)
    for source in range(60):
        for number in range(5):
            lakes.delta(trial.lake(f"lake{source}"), f"s{number}/t{number}")
    entries = "\n".join(f"  l{number}: {{root: {tmp_path}/lake{number}}}" for number in range(60))
    text = f"version: 1\nname: many\ntarget: {{root: {tmp_path}/t}}\nsources:\n{entries}\n"
    wanted = manifests.migration(tmp_path, text)
    seen: list[str] = []

    found = discover(
        wanted, Wish(hands=8), before=Before(), ledger=None, now_ms=trial.now_ms,
        emit=lambda _: None, stop=threading.Event(),
        on_found=lambda one, _: seen.append(one.name),
    )  # fmt: skip

    assert (found.sources, found.in_scope) == (60, 300)
    assert len(seen) == len(set(seen)) == 300
