"""Where discovered tables land, and what happens to those that would land in one place."""

from pathlib import Path

import pytest

from lakeferry.ledger import read
from lakeferry.ledger.open import open_to_read
from tests.fleet import lakes
from tests.fleet.trial import Trial, codes, two_lakes


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return two_lakes(tmp_path)


def test_of_two_tables_that_would_land_in_one_place_the_second_is_blocked_until_they_do_not(
    trial: Trial,
) -> None:
    lakes.delta(trial.lake("sales"), "EU/orders")
    found = trial.look()

    states = trial.states()
    assert {states["sales.EU.orders"], states["sales.eu.orders"]} == {"blocked", "discovered"}
    assert codes(found) == {"LF-8056": 1}
    seen = len(trial.states())
    assert trial.look().changes.any is False
    assert (trial.states(), seen) == (states, 4)

    (trial.folder / "sales" / "EU").rename(trial.folder / "away")
    trial.look()

    assert trial.table("sales.eu.orders").state == "discovered"


def test_a_table_that_two_sources_reach_is_told_and_blocks_nothing(trial: Trial) -> None:
    trial.said["risk"] = f"}}\n  eu: {{root: {trial.folder}/sales/eu"

    found = trial.look()

    assert codes(found) == {"LF-8059": 1}
    states = trial.states()
    assert (states["sales.eu.orders"], states["eu.default.orders"]) == ("discovered", "discovered")


def test_of_two_tables_of_one_name_neither_moves_before_it_is_said_which_is_meant(
    trial: Trial,
) -> None:
    lakes.delta(trial.lake("sales"), "crm/orders")
    lakes.delta(trial.lake("sales"), "crm.db/orders")

    found = trial.look()

    assert trial.states()["sales.crm.orders"] == "blocked"
    assert codes(found) == {"LF-8056": 1}
    for place in ("crm", "crm.db"):
        assert f"{trial.folder}/sales/{place}/orders" in found.remarks["LF-8056"].remark.what
    trial.look()
    assert trial.states()["sales.crm.orders"] == "blocked"
    trial.said["sales"] = ', exclude: ["crm.db/*"]'
    trial.look()
    table = trial.table("sales.crm.orders")
    assert (table.state, table.source_url) == (
        "discovered", f"{trial.folder}/sales/crm/orders"
    )  # fmt: skip


@pytest.mark.parametrize("hands", [1, 8])
def test_a_table_that_is_moved_stays_the_one_that_it_was_when_another_of_its_name_comes(
    trial: Trial, hands: int
) -> None:
    trial.look()
    trial.move("sales.eu.orders", "planned", "syncing", "synced")
    before = trial.table("sales.eu.orders")
    lakes.delta(trial.lake("sales"), "eu.db/orders")

    found = trial.look(hands=hands)

    after = trial.table("sales.eu.orders")
    assert (after.source_url, after.source_id) == (before.source_url, before.source_id)
    assert (after.state, codes(found)) == ("synced", {"LF-8056": 1})


def test_a_table_that_was_moved_at_its_source_is_followed_when_all_of_it_was_seen(
    trial: Trial,
) -> None:
    trial.look()
    trial.move("sales.eu.orders", "planned", "syncing", "synced")
    (trial.folder / "sales/eu").rename(trial.folder / "sales/eu.db")

    trial.look(by="paths")  # its catalog, if it had one, would not be asked

    assert trial.table("sales.eu.orders").source_url == f"{trial.folder}/sales/eu/orders"
    trial.look()
    table = trial.table("sales.eu.orders")
    assert (table.source_url, table.state) == (f"{trial.folder}/sales/eu.db/orders", "synced")


@pytest.mark.parametrize(("out", "kept"), [("eu.orders", "us"), ("us.orders", "eu")])
def test_a_table_that_is_left_out_takes_nobodys_place(trial: Trial, out: str, kept: str) -> None:
    lakes.delta(trial.lake("sales"), "us/orders")
    trial.said["sales"] = f', layout: "x/{{table}}", exclude: ["{out}"]'

    found = trial.look(hands=1)

    table = trial.table(f"sales.{kept}.orders")
    assert (table.state, table.source_url) == ("discovered", f"{trial.folder}/sales/{kept}/orders")
    assert codes(found) == {}


def test_a_table_whose_layout_was_changed_before_it_began_lands_at_the_new_place_alone(
    trial: Trial,
) -> None:
    trial.look()
    trial.said["sales"] = ', layout: "x/{schema}/{table}"'

    trial.look()

    db = open_to_read(trial.folder / "ledger.db")
    found = {one.target_url.removeprefix(f"{trial.folder}/target/"): one.state
             for one in read.tables(db) if one.name == "sales.eu.orders"}  # fmt: skip
    db.close()
    assert found == {"sales/eu/orders": "orphaned", "x/eu/orders": "discovered"}
