"""A sync whose files are copied by the machines of a real cluster of Spark; one is lost."""

import json
import runpy
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from deltalake import DeltaTable

from lakeferry import verify
from lakeferry.ledger import read
from lakeferry.ledger.open import open_to_read
from lakeferry.ledger.rows import LakeTable
from lakeferry.spark.jobs import OURS
from tests.cli.program import LAKEFERRY, environment_of
from tests.flows.fleets import Fleet, small_table
from tests.judges.spark_reader import session
from tests.servers.spark_cluster import Cluster, spark_cluster

pytestmark = [pytest.mark.spark, pytest.mark.server]

NOTEBOOK = Path(__file__).parents[2] / "examples" / "sync_on_databricks" / "on_databricks.py"
TABLES = 200
SOME = 40  # that have come over when a machine is lost


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with spark_cluster(tmp_path_factory.mktemp("cluster"), workers=2) as cluster:
        yield cluster


@pytest.fixture
def fleet(tmp_path: Path, cluster: Cluster) -> Fleet:
    fleet = Fleet(tmp_path, str(tmp_path / "out"), environment=cluster.environment)
    fleet.write()
    for number in range(TABLES):
        small_table(fleet.lake / f"s{number % 4}" / f"t{number:03d}")
    fleet.see()
    return fleet


@contextmanager
def syncing(fleet: Fleet, log: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The program beside the test; what Spark says goes to a file, for no pipe holds it all."""
    with log.open("w") as said, subprocess.Popen(
        [LAKEFERRY, "sync", "--yes", "--json", *words], cwd=fleet.folder,
        env=environment_of(fleet.folder, dict(fleet.environment)),
        text=True, stdout=subprocess.PIPE, stderr=said,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def lines_of(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


def test_a_machine_that_is_lost_loses_no_table_and_does_none_twice(
    fleet: Fleet, cluster: Cluster, tmp_path: Path
) -> None:
    synced = killed = 0
    with syncing(fleet, tmp_path / "log", "--on", cluster.url, "--limit-rate", "8KB/s") as run:
        for line in lines_of(run):
            synced += line["type"] == "table" and line["state"] == "synced"
            if synced >= SOME and not killed:
                killed = cluster.kill_worker(0)
        code = run.wait(300)
    log = (tmp_path / "log").read_text()

    assert code == 0, log[-3000:]
    assert killed >= 3  # the worker, its executor, a Python
    assert "Lost executor" in log
    assert (synced, line["synced"], line["files"]) == (TABLES, TABLES, TABLES)
    assert {(one.state, one.held_version) for one in fleet.tables().values()} == {("synced", 0)}
    assert {done(fleet, name) for name in fleet.tables()} == {(0, 1)}
    assert fleet.unequal() == []
    for name in list(fleet.tables())[::20]:
        place = name.replace(".", "/")
        assert verify(fleet.lake / place, f"{fleet.target}/a/{place}", strength="rows").equal


def done(fleet: Fleet, name: str) -> tuple[int, int]:
    """Version and files of a target, by delta-rs."""
    table = DeltaTable(f"{fleet.target}/a/{name.replace('.', '/')}")
    return table.version(), len(table.file_uris())


@pytest.fixture(scope="module")
def spark() -> Any:
    return session()


@pytest.fixture
def own_signals() -> Iterator[None]:
    """A command takes signals for itself; the test process has its own back."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@dataclass
class Widgets:
    """Of a notebook of Databricks."""

    given: dict[str, str]

    def text(self, name: str, default: str) -> None:
        self.given.setdefault(name, default)

    def get(self, name: str) -> str:
        return self.given[name]


@pytest.mark.usefixtures("own_signals")
def test_the_notebook_for_databricks_syncs_by_the_session_that_runs(
    tmp_path: Path, spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = Fleet(tmp_path, str(tmp_path / "out"))
    fleet.write()
    for number in range(3):
        small_table(fleet.lake / "s" / f"t{number}")
    monkeypatch.chdir(tmp_path)
    before = len(spark.sparkContext.statusTracker().getJobIdsForGroup(OURS))
    given = SimpleNamespace(widgets=Widgets({"folder": str(tmp_path), "words": "--max-time 1h"}))

    runpy.run_path(str(NOTEBOOK), {"dbutils": given, "spark": spark})

    assert fleet.unequal() == []
    assert {one.state for one in kept(tmp_path)} == {"synced"}
    assert len(spark.sparkContext.statusTracker().getJobIdsForGroup(OURS)) > before
    assert spark.range(3).count() == 3  # a session that was there is left


def kept(folder: Path) -> list[LakeTable]:
    """What the ledger says that the notebook kept."""
    with closing(open_to_read(folder / "ledger.db")) as db:
        return read.tables(db)
