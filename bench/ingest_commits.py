"""Does an ingest of very many commits grow, slow down, or stumble over its own upkeep?

    python -m bench.ingest_commits [--commits 10000]

Commits of one shard to a local table as fast as they go, every tenth with a file, checkpoints every
100 versions by the child process that an ingest has for it. Told of each tenth: memory of this
process, time a commit; at the end the highest memory of the children.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

from lakeferry.ingest.events import Event, Warned
from lakeferry.ingest.position.state import advanced
from lakeferry.ingest.settings import Rhythm
from lakeferry.ingest.table.commit import commit
from lakeferry.ingest.table.target import Target
from lakeferry.ingest.upkeep.maintain import Maintenance
from tests.ingest.batches import BY_DAY, moved, opened, raw, settings, span, uploaded


def rss_mib() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    [told] = [line for line in lines if line.startswith("VmRSS")]
    return int(told.split()[1]) / 1024


def one_commit(target: Target, number: int) -> Target:
    assert target.state is not None
    numbers = [number] if number % 10 == 0 else []
    after = advanced(target.state, (span(target, numbers),))
    return moved(commit(target, uploaded(target, raw(numbers)), after))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--commits", type=int, default=10_000)
    count = parser.parse_args().commits
    told: list[Event] = []
    with tempfile.TemporaryDirectory() as folder:
        where = settings(Path(folder) / "t", partition_by=BY_DAY)
        target = opened(where)
        rhythm = Rhythm(compact_every_s=None)
        upkeep = Maintenance(where, "clicks", rhythm, version=0, now_s=time.monotonic())
        print("| commits | MiB of this process | ms of cpu a commit | ms a commit |")
        print("|---:|---:|---:|---:|")
        step = max(1, count // 10)
        cpu, wall = time.process_time(), time.monotonic()
        for number in range(1, count + 1):
            target = one_commit(target, number)
            told += upkeep.turn(target.version, time.monotonic())
            if number % step == 0:
                spent, took = time.process_time() - cpu, time.monotonic() - wall
                print(
                    f"| {number:,} | {rss_mib():.1f} | {spent / step * 1e3:.1f} "
                    f"| {took / step * 1e3:.0f} |",
                    flush=True,
                )
                cpu, wall = time.process_time(), time.monotonic()
        told += upkeep.finish(60)
    highest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    bad = sum(isinstance(one, Warned) for one in told)
    print(f"\n{len(told) - bad} checkpoints, {bad} that failed; their process: {highest:.0f} MiB")


if __name__ == "__main__":
    main()
