"""A ledger that was lost, read back from real tables on this disk."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import orjson
import pytest

from lakeferry.fleet.proof.receipt_files import put_receipt, receipt_of
from lakeferry.fleet.standing.rebuild_run import Rebuilt, rebuild
from lakeferry.ledger.rows import LakeTable
from lakeferry.ledger.write import Ledger
from lakeferry.store.open import open_store
from tests.clone.small import append, clone, new_table
from tests.fleet.plans import MANIFEST, known, wanted_in


class Lake:
    """Source `sales` of three tables, of which two were cloned, and one has moved on since."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("orders", "items", "news"):
            new_table(self.source(name), "a", "b")
        for name in ("orders", "items"):
            clone(self.source(name), self.target(name))
        append(self.source("items"), 1, "c")
        wanted_in(folder)

    def source(self, name: str) -> Path:
        return self.folder / "sales" / "eu" / name

    def target(self, name: str) -> Path:
        return self.folder / "lake" / "sales" / "eu" / name

    def rebuilt(self, manifest: str = MANIFEST) -> tuple[Rebuilt, dict[str, LakeTable]]:
        wanted = wanted_in(self.folder, manifest)
        (self.folder / "ledger.db").unlink(missing_ok=True)
        with Ledger(self.folder / "ledger.db", run_id="again", command="rebuild-ledger") as ledger:
            made = rebuild(wanted, ledger, now_ms=5_000_000_000_000, emit=print, stop=Event())
        return made, known(self.folder)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def test_what_targets_hold_is_known_again(lake: Lake) -> None:
    made, rows = lake.rebuilt()

    assert {name: row.state for name, row in rows.items()} == {
        "sales.eu.orders": "synced", "sales.eu.items": "synced", "sales.eu.news": "discovered",
    }  # fmt: skip
    assert (rows["sales.eu.items"].held_version, rows["sales.eu.items"].source_version) == (0, 1)
    assert rows["sales.eu.items"].behind_since_ms is not None
    assert rows["sales.eu.orders"].behind_since_ms is None
    assert rows["sales.eu.news"].left_files == 2
    assert list(made.faults) == ["logs"]  # its folder was never made


def test_doing_it_again_gives_the_same(lake: Lake) -> None:
    assert lake.rebuilt()[1] == lake.rebuilt()[1]


def test_nothing_is_written_to_the_lake(lake: Lake) -> None:
    def files() -> list[Path]:
        return sorted(path for path in lake.folder.rglob("*") if "ledger.db" not in path.name)

    before = files()
    lake.rebuilt()
    assert files() == before


def test_receipts_come_back_with_the_state_that_they_prove(lake: Lake) -> None:
    url = str(lake.target("orders"))
    body = {"source_version": 0, "equal": True, "strength": "rows"}
    put_receipt(open_store(url), receipt_of(url, "verify", 1000, orjson.dumps(body).decode()))

    row = lake.rebuilt()[1]["sales.eu.orders"]

    assert (row.state, row.strength, row.state_since_ms) == ("verified", "rows", 1000)


def test_a_target_that_others_wrote_to_is_drifted(lake: Lake) -> None:
    append(lake.target("orders"), 1, "z")

    row = lake.rebuilt()[1]["sales.eu.orders"]

    assert (row.state, row.code) == ("drifted", "LF-5003")


def test_a_clone_whose_source_the_manifest_names_no_longer_is_orphaned(lake: Lake) -> None:
    elsewhere = new_table(lake.folder / "old" / "t", "a")
    clone(elsewhere, lake.folder / "lake" / "gone" / "eu" / "t")

    _, rows = lake.rebuilt()

    assert rows["eu.t"].state == "orphaned"
    assert rows["eu.t"].held_version == 0


def test_a_clone_whose_table_is_gone_from_its_source_is_orphaned(lake: Lake) -> None:
    lake.source("orders").rename(lake.folder / "away")

    _, rows = lake.rebuilt()

    assert rows["eu.orders"].state == "orphaned"
    assert "sales.eu.orders" not in rows


def test_of_a_source_that_cannot_be_read_the_targets_records_tell(lake: Lake) -> None:
    lake.source("orders").parent.parent.rename(lake.folder / "away")

    made, rows = lake.rebuilt()

    assert "sales" in made.faults
    assert {name: row.state for name, row in rows.items()} == {
        "sales.eu.orders": "synced", "sales.eu.items": "synced",
    }  # fmt: skip
    assert rows["sales.eu.orders"].source_url == str(lake.source("orders"))


def test_a_target_that_cannot_be_read_is_blocked(lake: Lake) -> None:
    log = lake.target("orders") / "_delta_log"
    log.joinpath(f"{0:020d}.json").write_text("no json\n")
    for file in (*log.glob("*.checkpoint*"), *log.glob("*.crc"), *log.glob("_last*")):
        file.unlink()

    made, rows = lake.rebuilt()

    assert rows["sales.eu.orders"].state == "blocked"
    assert rows["sales.eu.orders"].code.startswith("LF-31")
    assert str(lake.target("orders")) in made.faults


def test_a_lake_of_which_nothing_was_moved_is_discovered(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.folder.joinpath("lake").rename(tmp_path / "away")

    made, rows = lake.rebuilt()

    assert {row.state for row in rows.values()} == {"discovered"}
    assert list(made.faults) == ["logs"]


def test_a_ledger_that_knows_tables_is_not_filled(lake: Lake) -> None:
    lake.rebuilt()
    before = known(lake.folder)

    with again(lake.folder) as ledger, pytest.raises(ValueError, match="not restored"):
        rebuild(wanted_in(lake.folder), ledger, now_ms=1, emit=print, stop=Event())
    assert known(lake.folder) == before


def test_one_that_is_stopped_leaves_the_ledger_empty(lake: Lake) -> None:
    stop = Event()
    stop.set()

    with again(lake.folder) as ledger, pytest.raises(KeyboardInterrupt):
        rebuild(wanted_in(lake.folder), ledger, now_ms=1, emit=print, stop=stop)
    assert known(lake.folder) == {}


@contextmanager
def again(folder: Path) -> Iterator[Ledger]:
    with Ledger(folder / "ledger.db", run_id="second", command="rebuild-ledger") as ledger:
        yield ledger


def test_a_table_whose_source_was_deleted_after_the_switch_is_still_switched(lake: Lake) -> None:
    target = lake.target("orders")
    said = orjson.dumps({"source_version": 0, "target_version": 0}).decode()
    put_receipt(open_store(str(target)), receipt_of(str(target), "cutover", 70, said))
    for name in ("orders", "items"):
        shutil.rmtree(lake.source(name))

    _, rows = lake.rebuilt()

    assert rows["sales.eu.orders"].state == "cut_over"
    assert rows["sales.eu.orders"].source_url == str(lake.source("orders"))
    assert [one.state for name, one in rows.items() if name.endswith("items")] == ["orphaned"]


def test_a_record_that_lacks_what_it_must_say_blocks_its_table_alone(lake: Lake) -> None:
    [record] = (lake.target("orders") / "_delta_log/_lakeferry").glob("0*.json")
    said = orjson.loads(record.read_bytes())
    del said["source_id"]
    record.write_bytes(orjson.dumps(said))

    made, rows = lake.rebuilt()

    assert (rows["sales.eu.orders"].state, rows["sales.eu.items"].state) == ("blocked", "synced")
    assert made.faults[str(lake.target("orders"))].code == "LF-8021"
