"""What `doctor --for cutover` finds out before a switch, typed as a user types it."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from lakeferry.catalog.registering import register
from lakeferry.catalog.tables import SOURCE, Registration
from lakeferry.connect.databricks import workspace_client
from lakeferry.errors import FerryError
from lakeferry.fleet.catalogs.target_catalog import target_catalog
from lakeferry.store.local import LocalStore
from tests.cli.program import called, json_lines
from tests.flows.fleets import Fleet, append
from tests.flows.test_cutover import tree
from tests.servers import unity_catalog


def fleet_in(folder: Path, target: str = "") -> Fleet:
    fleet = Fleet(folder, str(folder / "out"))
    fleet.write("waves: {1: {freeze: 1h}}\n", target=target)
    append(fleet.lake / "sales/orders")
    fleet.see()
    assert called("sync", "--yes", folder=folder).returncode == 0
    return fleet


def doctor(folder: Path, *words: str, code: int = 0) -> dict[str, tuple[str, str]]:
    """Outcome and text of each trial, by name."""
    ended = called("doctor", "--for", "cutover", *words, "--json", folder=folder)
    assert ended.returncode == code, ended.stdout + ended.stderr
    lines: list[dict[str, Any]] = json_lines(ended)
    return {one["name"]: (one["outcome"], f"{one['what']} next: {one['next_step']}")
            for one in lines if one["type"] == "check"}  # fmt: skip


def test_it_tells_what_is_there_and_what_is_to_be_done_before(tmp_path: Path) -> None:
    fleet = fleet_in(tmp_path)
    before = tree(tmp_path)

    found = doctor(tmp_path, "--wave", "1")

    assert list(found)[:9] == [
        "ledger", "lists", "tables", "source", "freeze", "target", "write", "clock", "replace",
    ]  # fmt: skip
    assert {name for name, (outcome, _) in found.items() if outcome != "ok"} == {
        "tables", "freeze",
    }  # fmt: skip
    assert "no proof of strength" in found["tables"][1]
    assert "next: lakeferry verify -s a.sales.orders" in found["tables"][1]
    assert "1 source table had a commit within 3600 s, by app delta-rs" in found["freeze"][1]
    assert "nothing is there yet" not in found["target"][1]  # other tables, or this one, are
    assert found["catalog"] == ("ok", "no catalog is told next: ")
    assert found["receipts"][1].startswith("a file was written beside 1 table and taken away")
    assert tree(tmp_path) == before
    assert fleet.tables()["sales.orders"].state == "synced"
    doctor(tmp_path, "--wave", "1", "--strict", code=3)


def test_a_source_that_is_gone_is_a_blocker(tmp_path: Path) -> None:
    fleet = fleet_in(tmp_path)
    shutil.rmtree(fleet.lake)

    found = doctor(tmp_path, "a.sales.orders", code=1)

    assert found["source"][0] == "blocker"
    assert found["receipts"][0] == "ok"


def test_a_target_that_lets_nobody_delete_is_good_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(store: LocalStore, path: str) -> None:
        raise FerryError("LF-1002", "may not delete", f"{store.url}/{path}", "ask for it")

    fleet_in(tmp_path)
    monkeypatch.setattr(LocalStore, "delete", refuse)

    outcome, text = doctor(tmp_path, "--wave", "1")["receipts"]

    assert (outcome, "and stays:" in text) == ("warning", True)


@pytest.mark.parametrize(
    ("words", "code"), [((), "LF-2001"), (("--wave", "7"), "LF-2107"), (("a.b.c",), "LF-2107")]
)
def test_what_is_not_named_or_not_known_is_refused(
    tmp_path: Path, words: tuple[str, ...], code: str
) -> None:
    fleet_in(tmp_path)

    ended = called("doctor", "--for", "cutover", *words, folder=tmp_path)

    assert (ended.returncode, code in ended.stderr) == (2, True)


@pytest.mark.server
def test_an_entry_in_the_catalog_is_made_and_taken_away(tmp_path: Path) -> None:
    with unity_catalog.running(tmp_path) as url:
        fleet = fleet_in(tmp_path, f", catalog: {{kind: unity, uri: '{url}', catalog: atlas}}")
        place = target_catalog(fleet.wanted.target)
        assert place is not None

        fresh = doctor(tmp_path, "--wave", "1")["catalog"]
        left = unity_catalog_tables(place)
        there = fleet.tables()["sales.orders"].target_url
        wanted = Registration("a_sales", "orders", there, (), properties={SOURCE: "another's"})
        register(place, wanted)
        taken = doctor(tmp_path, "--wave", "1", code=1)["catalog"]
    workspace_client.cache_clear()

    assert (fresh[0], "an entry was made in `a_sales` and taken away" in fresh[1]) == ("ok", True)
    assert left == []
    assert (taken[0], "LF-8101" in taken[1]) == ("blocker", True)


def unity_catalog_tables(place: Any) -> list[str]:
    from lakeferry.catalog.reading import list_tables

    return [one.table for one in list_tables(place)]
