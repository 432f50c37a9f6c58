"""A sync whose files are copied by the machines of a real cluster of Spark; one is lost."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from lakeferry import verify
from tests.cli.program import LAKEFERRY, environment_of
from tests.flows.fleets import Fleet, small_table
from tests.servers.spark_cluster import Cluster, spark_cluster

pytestmark = [pytest.mark.spark, pytest.mark.server, pytest.mark.timeout(600)]

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
        code = run.wait(60)
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
