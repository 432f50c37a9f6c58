"""What is killed of a fleet's commands, of clones and of files that a person names."""

import json
import shutil
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake

from tests.cli.test_config_prices import nat_list
from tests.flows.command_runner import PYTHON, Runner
from tests.flows.moments import Line, Scene, type_all

MANIFEST = """\
version: 1
name: fleet
target: {{root: '{out}'}}
sources:
  a: {{kind: local, root: '{lake}/a', include: ['s.*', '/landing']}}
  b: {{kind: local, root: '{lake}/b', mode: mirror}}
"""
ORDERS = "lake/a/s/orders"
STATUS, PLAN, DISCOVER, SYNC = ("status",), ("plan",), ("discover",), ("sync", "--yes")
VERIFY = ("verify", "--yes", "-s", "a", "-s", "b", "--strength", "listed")
REBUILD = ("config", "rebuild-ledger")
LISTED = ("discover", "-o", "found.jsonl")
PLANNED, APPLY = ("plan", "-o", "a.lfp"), ("sync", "a.lfp", "--yes")
INIT = ("config", "init", "--name", "fleet", "--target", "s3://new", "--source", "a=s3://old")
CHECK = ("config", "check")
IMPORT = ("config", "prices", "--aws", "index.json", "--out", "new.json")
SHOW = ("config", "prices", "natgw", "--prices", "new.json")
CLONE, HELD = ("clone", ORDERS, "out/t"), ("verify", ORDERS, "out/t")
MIRROR = (*CLONE, "--mode", "mirror")

ONWARD = (STATUS, PLAN, DISCOVER, PLAN, SYNC, VERIFY, STATUS)
LOSE = (PYTHON, f"{__name__}:lose")  # the ledger, as if the machine were gone
READ_BACK = (LOSE, STATUS, REBUILD, STATUS, PLAN, SYNC, VERIFY, STATUS)
SEEN_ANEW = (LOSE, *ONWARD)
BY_PLAN = (STATUS, APPLY, PLANNED, APPLY, VERIFY, STATUS)
NO_LEDGER = {"LF-8007": "discover"}
LOST = {"LF-8007": "config rebuild-ledger"}
NO_PLAN = {"LF-2051": "plan", "LF-2052": "plan"}
IT_IS_THERE = {"LF-2004": "", "LF-6543": "", "LF-8009": "status"}


# --- what lies there ------------------------------------------------------------------------


def rows_of(first: int) -> pa.Table:
    return pa.table({"id": list(range(first, first + 5))})


def lake(folder: Path, runner: Runner, *, lines: tuple[Line, ...] = ()) -> None:
    """A table of two versions, a mirrored one that asks for checkpoints, Parquet, plain files."""
    text = MANIFEST.format(out=folder / "out", lake=folder / "lake")
    (folder / "lakeferry.yaml").write_text(text)
    often = {"delta.checkpointInterval": "2"}
    for table, options in ((ORDERS, None), ("lake/b/s/people", often)):
        write_deltalake(str(folder / table), rows_of(0), configuration=options)
        write_deltalake(str(folder / table), rows_of(5), mode="append")
    _more_files(folder / "lake/a", day=1)
    type_all(folder, runner, lines)


def grown(folder: Path, runner: Runner, *, lines: tuple[Line, ...] = ()) -> None:
    """The same, brought over; then all of it was written to, and a table came."""
    lake(folder, runner, lines=(DISCOVER, SYNC, VERIFY))
    for table in ("a/s/orders", "a/s/orders", "b/s/people", "b/s/people", "a/s/items"):
        write_deltalake(str(folder / "lake" / table), rows_of(20), mode="append")
    _more_files(folder / "lake/a", day=2)
    type_all(folder, runner, lines)


def _more_files(source: Path, *, day: int) -> None:
    (source / f"s/visits/day={day}").mkdir(parents=True)
    pq.write_table(rows_of(5 * day), source / f"s/visits/day={day}/part-0.parquet")
    (source / "landing").mkdir(exist_ok=True)
    (source / f"landing/{day}.json").write_text("1" * day)


def lost(folder: Path, runner: Runner) -> None:
    """A fleet whose ledger is gone."""
    grown(folder, runner)
    lose(folder)


def lose(folder: str | Path = ".") -> None:
    shutil.rmtree(Path(folder, ".lakeferry"))


def cloned(folder: Path, runner: Runner, *, lines: tuple[Line, ...] = ()) -> None:
    """One table, and what was cloned of it before it was written to."""
    write_deltalake(str(folder / ORDERS), rows_of(0))
    type_all(folder, runner, lines)
    write_deltalake(str(folder / ORDERS), rows_of(5), mode="append")


def nothing(folder: Path, runner: Runner) -> None:
    """An empty folder."""


def old_manifest(folder: Path, runner: Runner) -> None:  # noqa: ARG001
    (folder / "lakeferry.yaml").write_text("version: 1\nname: old\n")


def price_list(folder: Path, runner: Runner) -> None:  # noqa: ARG001
    (folder / "index.json").write_bytes(nat_list())


# --- what is found there --------------------------------------------------------------------


def fleet(folder: Path) -> dict[str, Any]:
    """What the ledger says of each table, and what is at the target, which is as the source is."""
    with closing(sqlite3.connect(folder / ".lakeferry/ledger.db")) as db:
        states = dict(db.execute("SELECT name, state FROM lake_table").fetchall())
        receipts = db.execute("SELECT body FROM receipt").fetchall()
    proven = {json.loads(body)["table"] for (body,) in receipts}
    tables = {
        str(log.parent.relative_to(folder / "out")): _table(folder, log.parent)
        for log in sorted(folder.glob("out/**/_delta_log"))
    }
    [landing] = folder.glob("out/**/landing")
    files = {one.name: one.read_text() for one in landing.glob("*.json")}
    source = folder / "lake/a/landing"
    assert files == {one.name: one.read_text() for one in source.iterdir()}
    assert not list(folder.glob("lake/**/_lakeferry"))
    return {"states": states, "proven": proven, "tables": tables, "files": files}


def _table(folder: Path, target: Path) -> tuple[int, list[int]]:
    """Its version and ids."""
    version, ids = _ids(target)
    source = folder / "lake" / target.relative_to(folder / "out")
    if (source / "_delta_log").exists():
        assert ids == _ids(source)[1]
    else:
        assert ids == sorted(ds.dataset(str(source), format="parquet").to_table()["id"].to_pylist())
    return version, ids


def _ids(table: Path) -> tuple[int, list[int]]:
    opened = DeltaTable(str(table))
    return opened.version(), sorted(opened.to_pyarrow_table()["id"].to_pylist())


def inventory(folder: Path) -> dict[str, Any]:
    lines = (folder / "found.jsonl").read_text().splitlines()
    return {"names": [json.loads(line)["table"] for line in lines], **fleet(folder)}


def manifest(folder: Path) -> tuple[str, str]:
    editors = json.loads((folder / ".lakeferry/schema.json").read_text())
    return (folder / "lakeferry.yaml").read_text(), editors["$schema"]


def prices(folder: Path) -> str:
    return (folder / "new.json").read_text()


def clone(folder: Path) -> tuple[int, list[int]]:
    return _ids(folder / "out/t")


SCENES = {
    "discover": Scene(LISTED, lake, (*ONWARD, LISTED), inventory, NO_LEDGER),
    "discover again": Scene(LISTED, grown, (*ONWARD, LISTED), inventory),
    "rebuild": Scene(REBUILD, lost, ONWARD, fleet, NO_LEDGER | IT_IS_THERE),
    "plan": Scene(PLANNED, partial(lake, lines=(DISCOVER,)), BY_PLAN, fleet, NO_PLAN),
    "plan again": Scene(
        PLANNED, partial(grown, lines=(PLANNED, DISCOVER)), BY_PLAN, fleet, NO_PLAN
    ),
    "sync": Scene(SYNC, partial(lake, lines=(DISCOVER,)), ONWARD, fleet),
    "sync again": Scene(SYNC, partial(grown, lines=(DISCOVER,)), ONWARD, fleet),
    "sync by a plan": Scene(
        APPLY, partial(grown, lines=(DISCOVER, PLANNED)), BY_PLAN, fleet, NO_PLAN
    ),
    "sync, then the machine is lost": Scene(
        SYNC, partial(lake, lines=(DISCOVER,)), SEEN_ANEW, fleet, NO_LEDGER
    ),
    "sync again, then the machine is lost": Scene(
        SYNC, partial(grown, lines=(DISCOVER,)), READ_BACK, fleet, LOST
    ),
    "verify": Scene(
        (*VERIFY, "--report", "r.html"), partial(grown, lines=(DISCOVER, SYNC)), ONWARD, fleet
    ),
    "init": Scene(INIT, nothing, (INIT, CHECK), manifest, IT_IS_THERE),
    "init over": Scene((*INIT, "--replace"), old_manifest, ((*INIT, "--replace"), CHECK), manifest),
    "prices": Scene(IMPORT, price_list, (IMPORT, SHOW), prices, IT_IS_THERE),
    "clone": Scene(CLONE, cloned, (CLONE, HELD), clone),
    "clone again": Scene(CLONE, partial(cloned, lines=(CLONE,)), (CLONE, HELD), clone),
    "mirror": Scene(MIRROR, cloned, (MIRROR, HELD), clone),
    "mirror again": Scene(MIRROR, partial(cloned, lines=(MIRROR,)), (MIRROR, HELD), clone),
}
