"""A standalone cluster of Spark on this machine: a master and workers, each in a JVM of its own."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.servers import SHORT_LIVED, free_port, listens, require, started


@dataclass(frozen=True)
class Cluster:
    """One that runs."""

    url: str  # spark://127.0.0.1:PORT
    workers: tuple[int, ...]  # processes
    environment: dict[str, str]  # of a program that uses it

    def kill_worker(self, number: int) -> int:
        """A machine is gone: worker, executors, their Pythons. How many processes it was."""
        family = [self.workers[number], *_descendants(self.workers[number])]
        for process in family:
            os.kill(process, signal.SIGKILL)
        return len(family)


@contextmanager
def spark_cluster(folder: Path, *, workers: int) -> Iterator[Cluster]:
    """Workers of one core each. Logs and settings are in `folder`."""
    packages = require("spark").parent
    home = packages / "pyspark"
    port = free_port()
    url = f"spark://127.0.0.1:{port}"
    settings = folder / "conf"
    settings.mkdir()
    (settings / "spark-defaults.conf").write_text(_SETTINGS + f"spark.local.dir {folder}/local\n")
    started_by = {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_CONF_DIR": str(settings),
        "SPARK_WORKER_DIR": str(folder / "work"),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": " ".join(SHORT_LIVED),
    }
    program = ["env", *(f"{name}={value}" for name, value in started_by.items()),
               str(home / "bin" / "spark-class")]  # fmt: skip
    package = "org.apache.spark.deploy"
    with ExitStack() as running:
        running.enter_context(
            started(
                [*program, f"{package}.master.Master", "--host", "127.0.0.1", "--port", str(port),
                 "--webui-port", "0"],
                folder / "master.log", ready=lambda: listens(port),
            )
        )  # fmt: skip
        begun = []
        for number in range(workers):
            log = folder / f"worker-{number}.log"
            begun.append(
                running.enter_context(
                    started(
                        [*program, f"{package}.worker.Worker", "--cores", "1", "--memory", "1g",
                         "--host", "127.0.0.1", "--webui-port", "0", url],
                        log, ready=partial(_has_registered, log),
                    )
                ).pid
            )  # fmt: skip
        environment = {
            name: value for name, value in started_by.items() if name != "SPARK_WORKER_DIR"
        } | {"PYTHONPATH": str(packages), "PYSPARK_PYTHON": sys.executable}
        yield Cluster(url, tuple(begun), environment)


_SETTINGS = f"""\
spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.driver.memory 512m
spark.executor.memory 512m
spark.ui.enabled false
spark.driver.extraJavaOptions {" ".join(SHORT_LIVED)}
spark.executor.extraJavaOptions {" ".join(SHORT_LIVED)}
"""


def _has_registered(log: Path) -> bool:
    return "registered with master" in log.read_text()


def _descendants(process: int) -> list[int]:
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                told = (folder / "stat").read_text()
            except OSError:
                continue
            parents[int(folder.name)] = int(told.rpartition(")")[2].split()[1])
    found: list[int] = []
    new = [process]
    while new:
        new = [child for child, parent in parents.items() if parent in new]
        found += new
    return found
