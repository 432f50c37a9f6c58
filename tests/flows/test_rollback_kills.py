"""A way back that carries commits and checkpoints, killed at each of its writes: again it ends.

Whatever was carried until then, the same command ends with both sides equal, nothing doubled, and
each stream's checkpoint at the source as it was at the target.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from lakeferry.store.open import open_store
from tests.cli.program import called
from tests.fleet.lakes import checkpoint, put
from tests.flows import command_runner
from tests.flows.command_runner import Command, Runner
from tests.flows.fleets import Fleet
from tests.flows.test_cutover import states

QUERY = "5f0c7a1e-0000-4000-8000-000000000001"
REVERSE = ("rollback", "--wave", "1", "--yes", "--reverse")
EACH = 3  # of the writes each third is a moment to die here; all of them were once, by hand


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with command_runner.running() as found:
        yield found


def run(folder: Path, *words: str, code: int = 0) -> None:
    ended = called(*words, folder=folder)
    assert ended.returncode == code, ended.stdout + ended.stderr


def rows_of(first: int) -> pa.Table:
    return pa.table({"id": list(range(first, first + 5))})


def delta_scene(folder: Path, mode: str) -> Fleet:
    """A table that a stream writes, switched and written at its target; so was its checkpoint."""
    fleet = Fleet(folder, str(folder / "out"))
    fleet.write(source=f", mode: {mode}")
    table = fleet.lake / "s/events"

    def write(at: Path, first: int, batch: int) -> None:
        noted = CommitProperties(app_transactions=[Transaction(QUERY, batch)])
        write_deltalake(str(at), rows_of(first), mode="append", commit_properties=noted)

    write(table, 0, 0)
    write(table, 5, 1)
    checkpoint(open_store(str(folder / "jobs")), "sink", QUERY, reads="of no table")
    fleet.see()
    run(folder, "sync", "--yes")
    run(folder, "verify", "--yes", "-s", "a", "--strength", "listed")
    words = ("--wave", "1", "--freeze-check", "0s", "--strength", "listed")
    run(folder, "cutover", "--yes", *words, "--checkpoint", str(folder / "jobs/sink"))
    write(Path(fleet.target, "a/s/events"), 10, 2)
    [carried] = Path(fleet.target, "_checkpoints").iterdir()
    put(open_store(str(carried)), "commits/2", "v1\n{}")
    return fleet


def files_scene(folder: Path) -> Fleet:
    """A Parquet table and a folder, switched and written at their targets."""
    fleet = Fleet(folder, str(folder / "out"))
    fleet.write(source=", include: ['s.*', '/landing']")
    for day in (1, 2):
        (fleet.lake / f"s/visits/day={day}").mkdir(parents=True)
        pq.write_table(rows_of(5 * day), fleet.lake / f"s/visits/day={day}/part-0.parquet")
    (fleet.lake / "landing").mkdir()
    (fleet.lake / "landing/a.json").write_text("1")
    run(folder, "discover")
    run(folder, "sync", "--yes")
    run(folder, "verify", "--yes", "-s", "a", "--strength", "listed")
    run(folder, "cutover", "--yes", "--wave", "1", "--freeze-check", "0s", "--strength", "listed")
    target = next(Path(fleet.target).glob("**/visits"))
    more = rows_of(20).append_column("day", pa.array(["3"] * 5))
    write_deltalake(str(target), more, mode="append", partition_by=["day"])
    landing = next(Path(fleet.target).glob("**/landing"))
    (landing / "b.json").write_text("22")
    return fleet


def check_delta(fleet: Fleet) -> None:
    source = DeltaTable(str(fleet.lake / "s/events"))
    assert sorted(source.to_pyarrow_table().column("id").to_pylist()) == list(range(15))
    assert fleet.unequal() == []
    assert source.transaction_version(QUERY) == 2
    assert states(fleet) == {"s.events": "synced"}
    [carried] = Path(fleet.target, "_checkpoints").iterdir()
    [back] = [one for one in (fleet.folder / "jobs").iterdir() if one.name != "sink"]
    assert back.name == "sink-back"
    assert tree(back) == tree(carried)
    assert "commits/2" not in tree(fleet.folder / "jobs/sink")


def check_files(fleet: Fleet) -> None:
    ids = pq.read_table(fleet.lake / "s/visits").column("id").to_pylist()
    target = next(Path(fleet.target).glob("**/visits"))
    held = DeltaTable(str(target)).to_pyarrow_table().column("id").to_pylist()
    assert sorted(ids) == sorted(held) == [*range(5, 15), *range(20, 25)]
    assert (fleet.lake / "landing/b.json").read_text() == "22"
    assert set(states(fleet).values()) == {"synced"}
    assert not list(fleet.lake.glob("**/_lakeferry"))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*")
            if one.is_file()}  # fmt: skip


def laid(folder: Path, there: Path) -> None:
    """The same files once more, by links: their inodes are part of their ETags. Not the ledger."""

    def file(one: str, to: str) -> None:
        if "ledger" in Path(one).name:
            shutil.copy2(one, to)
        else:
            os.link(one, to)

    shutil.copytree(folder, there, copy_function=file)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["snapshot", "mirror", "files"])
def test_killed_at_any_write_it_is_repeated_and_ends(
    kind: str, runner: Runner, tmp_path: Path
) -> None:
    home, kept = tmp_path / "home", tmp_path / "kept"
    home.mkdir()
    fleet = files_scene(home) if kind == "files" else delta_scene(home, kind)
    check = check_files if kind == "files" else check_delta
    laid(home, kept)

    whole = runner.run(Command(str(home), REVERSE))
    assert whole.code == 0, whole.text
    check(fleet)
    for number in range(1, whole.writes + 1, EACH):
        for when in ("before", "after"):
            shutil.rmtree(home)
            laid(kept, home)
            ended = runner.run(Command(str(home), REVERSE, number, when))
            assert ended.code in (-9, 0), ended.text
            again = runner.run(Command(str(home), REVERSE))
            assert again.code == 0, (number, when, again.text)
            check(fleet)
