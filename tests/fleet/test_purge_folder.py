"""Of what lies at a folder's target only what a sync wrote, as it wrote it, may be deleted."""

import os
from pathlib import Path

import pytest

from lakeferry.clone.folder import sync_files
from lakeferry.clone.folder_state import FOLDER, LANDED
from lakeferry.clone.report import CloneRequest
from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.wanted import Target
from lakeferry.fleet.rollback.purge import Purge, plan_purge, purge
from lakeferry.fleet.rollback.purge_folder import at_source_no_longer
from lakeferry.ledger.rows import LakeTable
from lakeferry.store.local import LocalStore
from lakeferry.store.protocol import read_all
from tests.fleet.lakes import put


class Copy:
    """A folder of three files and its copy."""

    def __init__(self, folder: Path) -> None:
        self.source, self.target = LocalStore(f"{folder}/lake"), LocalStore(f"{folder}/out")
        self.row = LakeTable(
            self.target.url, "a.default.landing", "a", self.source.url, "folder", 1, "local"
        )
        for path in ("a.json", "2026/b.json", "2026/day/c.json"):
            put(self.source, path, path)
        self.place = Target(self.target.url, None, None, "", {}, None, None)
        self.bring()

    def bring(self) -> None:
        sync_files(CloneRequest(self.source.url, self.target.url))

    def planned(self) -> Purge:
        return plan_purge(self.place, self.row)

    def deleted(self) -> list[str]:
        return [meta.path for meta in self.planned().ours if not meta.path.startswith(FOLDER)]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_what_a_sync_wrote_is_ours(copy: Copy) -> None:
    put(copy.target, "theirs.json")
    put(copy.target, "2026/b.json", "2026/x.json")  # of the size that it had

    assert copy.deleted() == ["2026/day/c.json", "a.json"]
    assert copy.planned().others == ("2026/b.json", "theirs.json")


@pytest.mark.parametrize(
    ("made", "stay"),
    [
        ("2026/_delta_log/00000000000000000000.json", ["2026/b.json", "2026/day/c.json"]),
        ("2026/day/metadata/v1.metadata.json", ["2026/day/c.json"]),
        ("2026/day/_lakeferry/folder.json", ["2026/day/c.json"]),
        ("_delta_log/00000000000000000000.json", ["2026/b.json", "2026/day/c.json", "a.json"]),
    ],
)
def test_files_that_a_table_has_taken_over_stay(copy: Copy, made: str, stay: list[str]) -> None:
    put(copy.target, made)

    assert copy.planned().others == tuple(sorted([made, *stay]))
    assert sorted([*copy.deleted(), *stay]) == ["2026/b.json", "2026/day/c.json", "a.json"]


def test_what_an_older_release_brought_is_left_with_its_records_until_it_comes_again(
    copy: Copy,
) -> None:
    [marks] = Path(copy.target.url, FOLDER).glob(f"*.{LANDED}")
    marks.unlink()

    with pytest.raises(FerryError, match="nothing tells which files") as refused:
        copy.planned()

    assert (refused.value.code, "--replace" in refused.value.next_step) == ("LF-8082", True)
    sync_files(CloneRequest(copy.source.url, copy.target.url, replace=True))
    assert len(copy.deleted()) == 3


def test_a_switch_that_the_ledger_does_not_know_keeps_all(copy: Copy) -> None:
    put(copy.target, f"{FOLDER}/receipts/001700000000000-cutover.json", "{}")

    with pytest.raises(FerryError, match="in use") as refused:
        copy.planned()

    assert refused.value.code == "LF-8087"
    put(copy.target, f"{FOLDER}/receipts/001700000000001-rollback.json", "{}")
    assert len(copy.deleted()) == 3


def test_what_is_written_over_after_the_listing_stays(copy: Copy) -> None:
    planned = copy.planned()
    put(copy.target, "2026/b.json", "2026/x.json")  # of the size that it had

    stay = purge(copy.place, planned, turn=lambda: None)

    assert (stay, [meta.path for meta in copy.target.list("")]) == (
        ("2026/b.json",), ["2026/b.json"],
    )  # fmt: skip
    assert read_all(copy.target, "2026/b.json") == b"2026/x.json"


def test_a_purge_that_was_cut_off_goes_on_from_any_file(copy: Copy) -> None:
    put(copy.source, "_delta_log.bak/d.json")
    put(copy.source, "_delta_log/e.json")  # what was never a log
    copy.bring()
    paths = [meta.path for meta in copy.planned().ours]

    for path in paths:
        copy.target.delete(path)
        assert [meta.path for meta in copy.planned().ours] == paths[paths.index(path) + 1 :]

    copy.bring()
    purge(copy.place, copy.planned(), turn=lambda: None)
    assert list(copy.target.list("")) == []


def test_names_of_any_bytes_are_looked_for_at_the_source(copy: Copy) -> None:
    Path(copy.source.url, os.fsdecode(b"\xff.json")).write_text("1")

    assert at_source_no_longer(copy.source, copy.planned().ours) == 0
