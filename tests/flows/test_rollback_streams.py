"""Streams on the way back: their checkpoints as Spark lays them, without Spark."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from deltalake import DeltaTable

from lakeferry.fleet.cutover.sides import Stores
from lakeferry.fleet.cutover.stream_ways import StreamPosition
from lakeferry.fleet.rollback.reverse_streams import AtTarget, left_streams
from lakeferry.store.open import open_store
from tests.cli.program import called, json_lines
from tests.fleet.lakes import put
from tests.fleet.manifests import migration
from tests.flows.fleets import Fleet, append
from tests.flows.test_cutover import states, tree

READER = "0c5e6d20-0000-4000-8000-00000000000a"


def reads(folder: Path, table: Path, *, version: int, batch: int) -> Path:
    """The checkpoint of a query that has read a table before `version`, in `batch` + 1 batches."""
    store = open_store(str(folder))
    put(store, "metadata", orjson.dumps({"id": READER}))
    table_id = DeltaTable(str(table)).metadata().id
    offset = {"reservoirId": table_id, "reservoirVersion": version, "index": -1}
    put(store, f"offsets/{batch}", b"v1\n{}\n" + orjson.dumps(offset))
    put(store, f"commits/{batch}", "v1\n{}")
    return folder


class Scene:
    """A table that a query reads, switched; by default as a mirror."""

    def __init__(self, folder: Path, mode: str = "mirror") -> None:
        self.fleet = Fleet(folder, str(folder / "out"))
        self.fleet.write(source=f", mode: {mode}")
        self.source, self.target = self.fleet.lake / "s/events", folder / "out/a/s/events"
        append(self.source)
        append(self.source)
        self.job = reads(folder / "jobs/reader", self.source, version=2, batch=0)
        self.fleet.see()
        self.run("sync", "--yes")
        self.run("verify", "--yes", "-s", "a", "--strength", "listed")
        words = ("--wave", "1", "--freeze-check", "0s", "--strength", "listed")
        self.run("cutover", "--yes", *words, "--checkpoint", str(self.job))

    def run(self, *words: str, code: int = 0) -> list[dict[str, Any]]:
        ended = called(*words, "--json", folder=self.fleet.folder)
        assert ended.returncode == code, ended.stdout + ended.stderr
        return json_lines(ended)

    def rollback(self, *words: str, code: int = 0) -> list[dict[str, Any]]:
        return self.run("rollback", "--yes", "--wave", "1", *words, code=code)

    @property
    def carried(self) -> Path:
        [found] = (self.fleet.folder / "out/_checkpoints").iterdir()
        return found


def test_a_reader_of_a_mirror_goes_on_with_the_checkpoint_that_it_had_at_the_target(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path)
    append(scene.target)
    reads(scene.carried, scene.target, version=3, batch=1)

    lines = scene.rollback("--reverse")

    [stream] = lines[-1]["streams"]
    back = tmp_path / "jobs/reader-back"
    assert (stream["does"], stream["goes_on_with"]) == ("continues", str(back))
    assert tree(back) == tree(scene.carried)
    assert sorted(one.name for one in (scene.job / "offsets").iterdir()) == ["0"]
    assert DeltaTable(str(scene.source)).version() == 2
    written = scene.target / "_delta_log/_lakeferry/receipts"
    said = orjson.loads(max(written.glob("*-rollback.json")).read_bytes())
    assert said["checkpoints"] == [
        {"query": READER, "from": str(scene.carried), "to": str(back)}
    ]  # fmt: skip


def test_of_copies_that_carrying_leaves_the_next_switch_takes_the_one_that_is_furthest(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path)
    append(scene.target)
    reads(scene.carried, scene.target, version=3, batch=1)
    scene.rollback("--reverse")
    scene.run("verify", "--yes", "-s", "a", "--strength", "listed")
    back = tmp_path / "jobs/reader-back"

    words = ("--wave", "1", "--freeze-check", "0s", "--strength", "listed", "--checkpoint")
    lines = scene.run("cutover", "--yes", *words, str(back), "--checkpoint", str(scene.job))

    [stream] = lines[-1]["streams"]
    assert (stream["checkpoint"], stream["does"]) == (str(back), "continues")


def test_a_checkpoint_that_went_on_at_the_target_is_not_written_over(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    first = scene.carried
    reads(first, scene.target, version=2, batch=7)
    scene.rollback("--accept-loss")

    words = ("--wave", "1", "--freeze-check", "0s", "--strength", "listed", "--checkpoint")
    scene.run("cutover", "--yes", *words, str(scene.job))

    assert (first / "offsets/7").exists()
    second = first.with_name(f"{first.name}-2")
    assert tree(second) == tree(scene.job)


def test_one_that_did_nothing_at_the_target_goes_on_with_the_one_that_it_had(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path)
    append(scene.target)

    [stream] = scene.rollback("--reverse")[-1]["streams"]

    assert (stream["does"], stream["goes_on_with"]) == ("continues", str(scene.job))
    assert not (tmp_path / "jobs/reader-back").exists()


def test_one_that_went_on_is_named_where_nothing_is_carried_back(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    reads(scene.carried, scene.target, version=2, batch=4)

    [stream] = scene.rollback(code=3)[-1]["streams"]

    assert stream["why"] == (
        "it went on at the target to batch 4, and begins again with batch 1 at the source; "
        "--reverse carries its checkpoint back"
    )
    assert states(scene.fleet) == {"s.events": "verified"}


def test_a_checkpoint_at_a_source_that_cannot_be_opened_holds_no_way_back(tmp_path: Path) -> None:
    wanted = migration(tmp_path, "version: 1\nname: n\ntarget: {root: /out}\nsources: {}\n")
    store = open_store(str(tmp_path / "carried"))
    position = StreamPosition(store.url, READER, last_batch=4, last_commit=4, reads=())

    assert left_streams(Stores(wanted), [AtTarget(position, store, "ftp://gone/reader")]) == ()


@pytest.mark.parametrize(("ahead", "does"), [(1, "restart"), (0, "cannot")])
def test_a_reader_of_a_snapshot_begins_behind_what_came_back_or_is_refused_by_name(
    tmp_path: Path, ahead: int, does: str
) -> None:
    scene = Scene(tmp_path, "snapshot")
    assert not (tmp_path / "out/_checkpoints").exists()
    append(scene.target)
    head = DeltaTable(str(scene.target)).version()
    new = reads(tmp_path / "new", scene.target, version=head + ahead, batch=0)
    before = tree(scene.fleet.lake)

    code = 1 if does == "cannot" else 0
    lines = scene.rollback("--reverse", "--checkpoint", str(new), code=code)

    if does == "cannot":
        assert lines[-2]["code"] == "LF-8085"
        assert "let it read to the end first" in lines[-2]["message"]
        assert (tree(scene.fleet.lake), states(scene.fleet)) == (before, {"s.events": "cut_over"})
        return
    [stream] = lines[-1]["streams"]
    version_there = DeltaTable(str(scene.source)).version()
    assert (stream["does"], stream["starting_versions"]) == (
        "restart", {"a.s.events": version_there + 1},
    )  # fmt: skip


def test_a_checkpoint_is_carried_back_only_with_what_was_written(tmp_path: Path) -> None:
    scene = Scene(tmp_path)

    alone = scene.rollback("--checkpoint", str(scene.carried), code=2)
    none = scene.rollback("--reverse", "--checkpoint", str(tmp_path / "nothing"), code=2)

    assert (alone[-2]["code"], none[-2]["code"]) == ("LF-2001", "LF-8074")
