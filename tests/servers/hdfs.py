"""HDFS: a namenode and a datanode in one Java process.

It takes long to start and much memory, so the processes of one test run share it (`shared`):
the first starts it, and it ends when the last user has ended, however that ends.
"""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import JAVA, Server, free_port, require, started


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A cluster of one's own."""
    jars = require("hdfs").parent
    rpc, http = free_port(), free_port()
    command = [*JAVA, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
               "-cp", f"{jars}/*:{jars}", "MiniHdfs", str(folder / "hdfs"),
               str(rpc), str(http)]  # fmt: skip
    log = folder / "hdfs.log"
    # The ports answer before the datanode does: its own line says when it is ready.
    with started(command, log, ready=lambda: b"READY" in log.read_bytes(), timeout_s=240):
        yield Server(f"hdfs://127.0.0.1:{rpc}", {}, f"http://127.0.0.1:{http}", rpc)


@contextmanager
def shared(folder: Path) -> Iterator[Server]:
    """The cluster of all processes that name this `folder`; started by the first."""
    require("hdfs")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "hdfs.users").open("w") as users, (folder / "hdfs.start").open("w") as start:
        fcntl.flock(start, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)  # held as long as this process uses the cluster
        found = folder / "hdfs.json"
        if not found.exists():
            _start_keeper(folder, found)
        fcntl.flock(start, fcntl.LOCK_UN)
        place, endpoint, port = json.loads(found.read_text())
        yield Server(place, {}, endpoint, port)


def _start_keeper(folder: Path, found: Path) -> None:
    with (folder / "hdfs.keeper.log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.hdfs", str(folder)],
            cwd=Path(__file__).parents[2], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    while not found.exists():
        if keeper.poll() is not None:
            raise RuntimeError((folder / "hdfs.keeper.log").read_text()[-3000:])
        time.sleep(0.1)


def keep(folder: Path) -> None:
    """Run the cluster until no process holds the users' lock."""
    # Whoever waits for the lock to begin another one, in the same folder, has it when this is gone.
    with (folder / "hdfs.users").open("w") as users, running(folder) as server:
        draft = folder / "hdfs.json.new"
        draft.write_text(json.dumps([server.place, server.endpoint, server.port]))
        draft.rename(folder / "hdfs.json")
        while True:
            time.sleep(0.5)
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            os.unlink(folder / "hdfs.json")
            return


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
