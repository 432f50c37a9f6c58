"""Does an ingest keep up with 57,870 records a second on one core, and how late is a record seen?

    python -m bench.ingest_live [--minutes 10] [--rate 57870] [--flush 60s --flush 5s]

Made events come in real time on 64 shards, over TLS; the product is held to core 0, the feed to
core 1. How late a record is seen is the time of its commit's file less its arrival, over all
records. Then: how long a restart takes until it commits, and what a commit costs at 1,000 shards.
At the end delta-rs must find each record up to the last of each shard once.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow.parquet as pq

from bench._ingest_ways import (
    FEED_CORE,
    PARSED,
    RAW,
    Watched,
    begin,
    fed,
    lakeferry,
    opened,
    proven,
)
from tests.servers.kinesis_feed import self_signed

SHARDS = 64
ARRIVAL = "_arrival"  # column of rows that are parsed
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Live:
    """What one run in real time showed."""

    flush: str
    minutes: float
    rows: int
    per_s: float
    behind: int  # records that had come and are not in the table
    of_a_core: float
    us: float  # of CPU a record
    seen_s: tuple[float, float, float]  # after their arrival: median, 99th percentile, last
    worker_mib: float
    coordinator_mib: float
    slope: float  # MiB a minute
    drained_s: float


def keep_up(folder: Path, flush: str, minutes: float, rate: float) -> Live:
    """Run in real time, then drain, then prove the table."""
    place = folder / f"live-{flush}"
    words = ("--shards", str(SHARDS), "--rate", str(rate / SHARDS))
    with fed(place, _tls(folder), *words) as feed:
        table, log = place / "table", place / "product.log"
        running = begin(lakeferry(feed, str(table), *PARSED, "--flush", flush), log)
        time.sleep(minutes * 60)
        due = sum(shard.due for shard in feed.truth().values())
        told_to_end = time.monotonic()
        done = ended(running, log)
        drained_s = time.monotonic() - told_to_end
        rows = proven(opened(str(table)), feed.truth(), whole=False)
    p50, p99, most = np.percentile(lateness(table), [50, 99, 100])
    shutil.rmtree(place)
    return Live(
        flush,
        minutes,
        rows,
        rows / done.wall_s,
        max(0, due - rows),
        done.cpu_s / done.wall_s,
        1e6 * done.cpu_s / rows,
        (float(p50), float(p99), float(most)),
        done.worker_peak,
        done.coordinator_peak,
        slope(done),
        drained_s,
    )


def show_live(runs: Sequence[Live]) -> None:
    print(
        "| flush | minutes | records | a second | behind at the end | of a core | µs a record "
        "| seen after s, median | p99 | last | worker MiB | coordinator MiB | MiB a minute "
        "| drained s |\n|---|" + "---:|" * 13
    )
    for one in runs:
        p50, p99, most = one.seen_s
        print(
            f"| {one.flush} | {one.minutes:g} | {one.rows:,} | {one.per_s:,.0f} | {one.behind:,} "
            f"| {one.of_a_core:.0%} | {one.us:.2f} | {p50:.1f} | {p99:.1f} | {most:.1f} "
            f"| {one.worker_mib:.0f} | {one.coordinator_mib:.0f} | {one.slope:+.2f} "
            f"| {one.drained_s:.1f} |"
        )


def lateness(table: Path) -> Numbers:
    """Seconds from the arrival of each record to the file of the commit that has it."""
    found: list[Numbers] = []
    for commit in sorted((table / "_delta_log").glob("*.json")):
        seen = commit.stat().st_mtime
        for line in commit.read_bytes().splitlines():
            add = orjson.loads(line).get("add")
            if add:
                column = pq.read_table(table / add["path"], columns=[ARRIVAL]).column(0)
                arrived = column.cast("int64").to_numpy()  # µs
                found.append(seen - arrived / 1e6)
    return np.concatenate(found)


def slope(done: Watched) -> float:
    """MiB a minute by which the workers grow, over the second half of the run."""
    points = [one for line in done.workers.values() for one in line if one[0] > done.wall_s / 2]
    if len(points) < 10:
        return 0.0
    at, mib = np.array(points).T
    return float(np.polyfit(at / 60, mib, 1)[0])


def ended(running: Watched, log: Path, accept: Sequence[int] = (0,)) -> Watched:
    running.process.send_signal(signal.SIGTERM)
    done = running.wait()
    if done.code not in accept:
        sys.exit(f"it ended with {done.code}\n{log.read_text()[-3000:]}")
    return done


def restart(folder: Path, runs: int) -> float:
    """Seconds from the start of the process to its first commit, less the second of its flush."""
    place, found = folder / "restart", []
    with fed(place, _tls(folder), "--shards", "16", "--rate", "200") as feed:
        table, log = place / "table", place / "product.log"
        for _ in range(runs + 1):
            before = commits(table)
            running = begin(lakeferry(feed, str(table), *PARSED, "--flush", "1s"), log)
            while commits(table) <= before + (before == 0):  # the first has no rows
                time.sleep(0.01)
                if running.process.poll() is not None:
                    sys.exit(log.read_text()[-3000:])
            found.append(time.monotonic() - running.begun - 1)
            ended(running, log)
        proven(opened(str(table)), feed.truth(), whole=False)
    shutil.rmtree(place)
    return float(np.median(found[1:]))


def commit_cost(folder: Path, seconds: float) -> tuple[int, float, int]:
    """At 1,000 shards: commits, CPU ms of the coordinator for each, bytes of the last one.

    All that the coordinator does meanwhile counts, so that it is more than a commit alone.
    """
    place = folder / "thousand"
    with fed(place, _tls(folder), "--shards", "1000", "--rate", "1") as feed:
        table, log = place / "table", place / "product.log"
        running = begin(lakeferry(feed, str(table), *RAW, "--flush", "2s"), log)
        while commits(table) < 3:
            time.sleep(0.1)
            if running.process.poll() is not None:
                sys.exit(log.read_text()[-3000:])
        before, cpu_s = commits(table), running.coordinator_cpu_s
        time.sleep(seconds)
        count, cpu_s = commits(table) - before, running.coordinator_cpu_s - cpu_s
        ended(running, log)
        size = max((table / "_delta_log").glob("*.json")).stat().st_size
        # Without the domain feature positions lie in a file beside the log.
        beside = sorted((table / "_delta_log" / "_lakeferry" / "ingest").glob("*/*.json"))
        size += beside[-1].stat().st_size if beside else 0
    shutil.rmtree(place)
    return count, 1000 * cpu_s / max(1, count), size


def commits(table: Path) -> int:
    return len(list((table / "_delta_log").glob("*.json")))


def _tls(folder: Path) -> tuple[str, str]:
    return str(folder / "feed.crt"), str(folder / "feed.key")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=57_870)
    parser.add_argument("--flush", action="append")
    parser.add_argument("--only", choices=("live", "rest"))
    asked = parser.parse_args()
    os.sched_setaffinity(0, {FEED_CORE})  # and what it starts, the product apart
    folder = Path(tempfile.mkdtemp(prefix="lakeferry-bench-"))
    os.environ["AWS_CA_BUNDLE"] = self_signed(folder)[0]
    try:
        if asked.only != "rest":
            print(f"**{asked.rate:,.0f} records a second on {SHARDS} shards**\n", flush=True)
            flushes = asked.flush or ["60s", "5s"]
            show_live([keep_up(folder, one, asked.minutes, asked.rate) for one in flushes])
        if asked.only != "live":
            print(f"\nRestart to the first commit: {restart(folder, 5):.2f} s (median of 5).")
            count, ms, size = commit_cost(folder, 30)
            print(
                f"At 1,000 shards: {ms:.0f} ms CPU of the coordinator and {size:,} bytes a commit "
                f"({count} commits, every 2 s)."
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\nLoad of the machine at the end: {os.getloadavg()[0]:.0f}")


if __name__ == "__main__":
    main()
