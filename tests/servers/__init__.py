"""Real servers on free ports, each a context manager that gives an address and its options.

`scripts/install_servers.py` installs them. A server dies with the process that started it, also
when that is killed; what tests share over a whole run is in `fixtures.py`.
"""

import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("LAKEFERRY_CACHE") or Path.home() / ".cache" / "lakeferry")
PROGRAMS: Mapping[str, tuple[Path, str]] = {  # name -> what must be there, what must be on PATH
    "versitygw": (CACHE / "go/bin/versitygw", ""),
    "azurite": (CACHE / "npm/node_modules/.bin/azurite-blob", "node"),
    "kinesalite": (CACHE / "npm/node_modules/kinesalite/cli.js", "node"),
    "kinesis-local": (CACHE / "npm/node_modules/kinesis-local/main.js", "node"),
    "provider-aws": (CACHE / "terraform-providers/aws/lib/index.d.ts", ""),
    "provider-archive": (CACHE / "terraform-providers/archive/lib/index.d.ts", ""),
    "hdfs": (CACHE / "hadoop-3.4.2/MiniHdfs.class", "java"),
    "hive-metastore": (
        CACHE / "hive-metastore-3.1.3/hive-standalone-metastore-3.1.3.jar",
        "java",
    ),
    "unity-models": (CACHE / "unitycatalog-client-0.7.0/.ready", ""),
    "fake-gcs": (CACHE / "go/bin/fake-gcs-server", ""),
    "toxiproxy": (CACHE / "go/bin/toxiproxy-server", ""),
    "delta-jars": (CACHE / "delta-4.0.1/delta-storage-4.0.1.jar", "java"),
    "s3a-jars": (CACHE / "s3a-3.4.1/hadoop-aws-3.4.1.jar", "java"),
    "spark": (CACHE / "pyspark-4.0.1/.ready", "java"),
}
# Servers of tests live for minutes: what the second compiler, a parallel collector and the check of
# each class would save later they never earn back. To be up takes a metastore 2.0 s of CPU so,
# and 4.5 without; HDFS 2.8 instead of 4.9.
SHORT_LIVED = (
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-BytecodeVerificationRemote",
)
JAVA = ("java", "-Xmx512m", *SHORT_LIVED)
SET_PARENT_DEATH_SIGNAL = 1  # prctl's PR_SET_PDEATHSIG
PORTS = range(10_000, 32_000)  # a tenth of them for each of pytest's workers
_given: set[int] = set()
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs: what `open_store` needs to speak to it."""

    place: str  # address of a bucket or folder that exists and is writable; no trailing slash
    options: Mapping[str, str] = field(default_factory=dict)
    endpoint: str = ""  # http://127.0.0.1:PORT
    port: int = 0


def require(name: str) -> Path:
    """The program `name`; skips the test where it is not installed, fails where all must run."""
    program, tool = PROGRAMS[name]
    if tool and not shutil.which(tool):
        reason = f"`{tool}` is missing; `python scripts/install_servers.py` says what brings it"
    elif not program.exists():
        reason = f"{name} is missing: python scripts/install_servers.py --only {name}"
    else:
        return program
    if os.environ.get("LAKEFERRY_TEST_REQUIRE") == "all":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def free_port() -> int:
    """Of this machine. The kernel gives none of these to connections: until a server has begun,
    which may take seconds, any of another test could take its port. Nor does another worker of
    the same run, or this one a second time."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    first, count = PORTS.start, len(PORTS)
    if worker:
        count //= 10
        first += int(worker) % 10 * count
    while True:
        port = first + secrets.randbelow(count)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


@contextmanager
def started(
    command: list[str], log: Path, *, ready: Callable[[], bool], timeout_s: float = 240
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` until the block ends; `ready` is asked until it says True."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
            start_new_session=True, preexec_fn=die_with_parent,  # noqa: PLW1509
        )  # fmt: skip
    try:
        deadline = time.monotonic() + timeout_s
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-3000:]
                raise RuntimeError(f"{command[0]} did not start ({process.poll()}):\n{tail}")
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def die_with_parent() -> None:
    """Be killed when whoever forked this process ends, even by a kill."""
    _LIBC.prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
