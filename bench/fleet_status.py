"""How long does it take to tell where a migration of 10,000 tables stands?

    python -m bench.fleet_status [--runs 9]

A ledger of 100, 1,000, 10,000 tables with two days of paces on two routes. Each run is a process of
its own: Python starts, imports, opens the ledger, reads and counts by wave, tells the time left.
Beside it what a process costs that does nothing, and one that only imports lakeferry; the command
as it is typed, which reads a manifest of 60 sources, too; and the same query again in a process
that has begun, as the page asks it.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from lakeferry.fleet.standing.read_status import read_status
from lakeferry.ledger.rows import LakeTable, Pace
from lakeferry.ledger.write import Ledger, now_ms

STATES = ("planned", "syncing", "synced", "verified", "cut_over", "blocked")
ONCE = """
import sys, time
from pathlib import Path
from lakeferry.fleet.standing.read_status import read_status
found = read_status(Path(sys.argv[1]), "wave", now_ms=time.time_ns() // 1_000_000)
assert found.left is not None
"""


def fill(path: Path, count: int) -> None:
    """A migration in its midst, and an event for each table."""
    now = now_ms()
    with Ledger(path, run_id="bench", command="sync") as ledger:
        ledger.see(made(number, now) for number in range(count))
        for minute in range(48 * 60):
            for route in ("internet", "direct-connect"):
                size = 10**10 + (minute * 7919) % 10**9
                at_ms = now - minute * 60_000
                ledger.pace(Pace(route, at_ms, 60.0, size, 900 + minute % 300, capped=False))


def made(number: int, now: int) -> LakeTable:
    source, wave = f"source-{number % 60:02}", 1 + number % 5
    name = f"{source}.schema_{number % 7}.table_{number:05}"
    root = f"{source}/schema_{number % 7}/table_{number:05}"
    return LakeTable(
        f"s3://atlas-lake-prod/{root}", name, source, f"abfss://{root}", "delta", wave,
        ("internet", "direct-connect")[number % 2], 21_600, STATES[number % 6],
        bytes=200_000_000_000, files=2000, left_bytes=50_000_000_000, left_files=500,
        left_requests=1700, held_version=number, source_version=number, looked_at_ms=now,
    )  # fmt: skip


def manifest() -> str:
    """Of the sources that `made` names."""
    root = "abfss://lake@atlas.dfs.core.windows.net/source"
    lines = [f"  source-{one:02}: {{kind: adls, root: '{root}-{one:02}/'}}" for one in range(60)]
    head = "version: 1\nname: atlas\ntarget: {root: 's3://atlas-lake-prod'}\nsources:\n"
    return head + "\n".join(lines) + "\n"


def process(*arguments: str, folder: Path | None = None) -> tuple[float, float]:
    """Seconds by the wall and of the processor."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([sys.executable, *arguments], check=True, cwd=folder, stdout=subprocess.DEVNULL)
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def row(name: str, taken: list[tuple[float, float]]) -> None:
    walls, cpus = zip(*taken, strict=True)
    print(f"| {name} | {min(walls) * 1e3:.0f} | {median(walls) * 1e3:.0f} "
          f"| {median(cpus) * 1e3:.0f} |", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=9)
    runs = range(parser.parse_args().runs)
    print("| | least ms | median ms | median ms of cpu |")
    print("|---|---:|---:|---:|")
    row("a process that does nothing", [process("-c", "pass") for _ in runs])
    row("`import lakeferry`", [process("-c", "import lakeferry") for _ in runs])
    with tempfile.TemporaryDirectory() as folder:
        for count in (100, 1000, 10_000):
            here = Path(folder) / f"{count}"
            path = here / ".lakeferry" / "ledger.db"
            fill(path, count)
            (here / "lakeferry.yaml").write_text(manifest())
            typed = [process("-m", "lakeferry", "status", folder=here) for _ in runs]
            row(f"{count:,} tables, `lakeferry status` as typed", typed)
            row(f"{count:,} tables, a process each", [process("-c", ONCE, str(path)) for _ in runs])
            row(f"{count:,} tables, asked again", [again(path) for _ in runs])


def again(path: Path) -> tuple[float, float]:
    began, cpu = time.monotonic(), time.process_time()
    read_status(path, "wave", now_ms=now_ms())
    return time.monotonic() - began, time.process_time() - cpu


if __name__ == "__main__":
    main()
