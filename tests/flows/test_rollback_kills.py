"""Switches and ways back that are killed at their changes: the same command again ends each.

Whatever was carried until then, the same command ends with both sides equal, nothing doubled, and
each stream's checkpoint at the source as it was at the target.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from lakeferry.fleet.proof.receipt_files import receipts_at
from lakeferry.ledger import read
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import Receipt
from lakeferry.store.open import open_store
from tests.cli.program import called
from tests.fleet.lakes import checkpoint, put
from tests.flows import command_runner
from tests.flows.command_runner import Runner
from tests.flows.fleets import Fleet
from tests.flows.moments import Play, Scene
from tests.flows.test_cutover import states

NAMES = ("a.s.visits", "a.default.landing")
QUERY = "5f0c7a1e-0000-4000-8000-000000000001"
BACK = ("rollback", "--wave", "1", "--yes")
REVERSE = (*BACK, "--reverse")
SWITCH = ("cutover", "--wave", "1", "--yes", "--freeze-check", "0s", "--strength", "listed")
MOMENTS = 3  # to die; `make soak PART=moments` takes each of them


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with command_runner.running() as found:
        yield found


def run(folder: Path, *words: str, code: int = 0) -> None:
    ended = called(*words, folder=folder)
    assert ended.returncode == code, ended.stdout + ended.stderr


def rows_of(first: int) -> pa.Table:
    return pa.table({"id": list(range(first, first + 5))})


def delta_scene(folder: Path, mode: str, *, is_switched: bool = True) -> Fleet:
    """A table that a stream writes, switched and written at its target; so was its checkpoint.

    `is_switched`: False leaves it proven, and written at its source since.
    """
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
    if not is_switched:
        write(table, 10, 2)
        put(open_store(str(folder / "jobs/sink")), "commits/2", "v1\n{}")
        return fleet
    run(folder, *SWITCH, "--checkpoint", str(folder / "jobs/sink"))
    write(Path(fleet.target, "a/s/events"), 10, 2)
    [carried] = Path(fleet.target, "_checkpoints").iterdir()
    put(open_store(str(carried)), "commits/2", "v1\n{}")
    return fleet


def files_scene(folder: Path, *, is_switched: bool = True, is_written: bool = True) -> Fleet:
    """A Parquet table and a folder, by default switched and written at their targets."""
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
    if not is_switched:
        (fleet.lake / "landing/late.json").write_text("3")  # so that there is a last increment
        return fleet
    run(folder, *SWITCH)
    if not is_written:
        return fleet
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


def check_switched_table(fleet: Fleet) -> None:
    assert states(fleet) == {"s.events": "cut_over"}
    assert is_on_a_page(fleet, "s.events")
    assert fleet.unequal() == []
    target = DeltaTable(str(Path(fleet.target, "a/s/events")))
    assert (target.version(), target.transaction_version(QUERY)) == (1, 2)
    [carried] = Path(fleet.target, "_checkpoints").iterdir()
    assert tree(carried) == tree(fleet.folder / "jobs/sink")


def check_files(fleet: Fleet) -> None:
    ids = pq.read_table(fleet.lake / "s/visits").column("id").to_pylist()
    target = next(Path(fleet.target).glob("**/visits"))
    held = DeltaTable(str(target)).to_pyarrow_table().column("id").to_pylist()
    assert sorted(ids) == sorted(held) == [*range(5, 15), *range(20, 25)]
    assert (fleet.lake / "landing/b.json").read_text() == "22"
    assert set(states(fleet).values()) == {"synced"}
    assert not list(fleet.lake.glob("**/_lakeferry"))


def check_back(fleet: Fleet) -> None:
    assert set(states(fleet).values()) == {"verified"}
    for name in NAMES:
        assert kept(fleet, name) in receipts(fleet, name, "rollback")


def check_switched(fleet: Fleet) -> None:
    assert set(states(fleet).values()) == {"cut_over"}
    assert is_on_a_page(fleet, "s.visits")
    landing = next(Path(fleet.target).glob("**/landing"))
    assert (landing / "late.json").read_text() == "3"
    assert not (landing / "_delta_log").exists()
    for name in NAMES:
        assert kept(fleet, name) in receipts(fleet, name, "cutover")


def is_on_a_page(fleet: Fleet, name: str) -> bool:
    """Whether a person was told of its switch; a page that was cut off amid is followed by one."""
    return any(name in one.read_text() for one in fleet.folder.glob("cutover-wave1*.html"))


def kept(fleet: Fleet, name: str) -> Receipt:
    """The last one of a table that the ledger knows."""
    row = next(one for one in fleet.tables().values() if one.name == name)
    with reading(fleet.folder / ".lakeferry/ledger.db") as db:
        return read.receipts(db, row.target_url)[0]


def receipts(fleet: Fleet, name: str, kind: str) -> list[Receipt]:
    """Beside the table."""
    row = next(one for one in fleet.tables().values() if one.name == name)
    found = receipts_at(open_store(row.target_url), row.target_url, kind=row.kind)
    return [one for one in found if one.kind == kind]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*")
            if one.is_file()}  # fmt: skip


def scene(
    words: tuple[str, ...], lay: Callable[[Path], Fleet], check: Callable[[Fleet], None]
) -> Scene:
    """Killed, it is only typed again."""

    def laid(folder: Path, _: Runner) -> None:
        lay(folder)

    def found(folder: Path) -> None:
        check(Fleet(folder, str(folder / "out")))

    return Scene(words, laid, (words,), found)


SCENES = {
    "a snapshot carried back": scene(REVERSE, partial(delta_scene, mode="snapshot"), check_delta),
    "a mirror carried back": scene(REVERSE, partial(delta_scene, mode="mirror"), check_delta),
    "a table switched": scene(
        (*SWITCH, "--checkpoint", "jobs/sink"),
        partial(delta_scene, mode="snapshot", is_switched=False),
        check_switched_table,
    ),
    "files carried back": scene(REVERSE, files_scene, check_files),
    "files taken back": scene(BACK, partial(files_scene, is_written=False), check_back),
    "files switched": scene(SWITCH, partial(files_scene, is_switched=False), check_switched),
}


@pytest.mark.parametrize("name", SCENES)
def test_killed_at_any_change_it_is_repeated_and_ends(
    name: str, runner: Runner, tmp_path: Path
) -> None:
    play = Play(tmp_path, SCENES[name], runner)

    assert play.kill_some(MOMENTS) > 0
