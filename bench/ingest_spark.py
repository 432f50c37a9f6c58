"""How many records a second does Spark bring into a table by our source, raw and parsed?

    python -m bench.ingest_spark [--records 640000] [--shards 64] [--runs 3]

The feed of `bench.ingest` over HTTP on core 1; Spark, local[2] with Delta, on core 0: JVM, driver,
Python workers. All that is there is one batch. CPU is that of all its processes from the start;
`records a wall s` counts the query alone. Each run is proven: delta-rs finds each record once.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from bench._ingest_ways import FEED_CORE, TEMPLATES, begin, opened, proven
from tests.servers.kinesis_feed import away


def measure(what: str, shards: int, records: int, folder: Path) -> tuple[float, float]:
    """Records a wall second of the query, and a CPU second of all."""
    folder.mkdir()
    words = ("--shards", str(shards), "--records", str(records // shards))
    with away(folder, *words, "--templates", TEMPLATES, core=FEED_CORE) as feed:
        command = [sys.executable, "-m", "bench._spark_ingest", feed.url, feed.stream, feed.region]
        log = folder / "spark.log"
        done = begin([*command, str(folder), what], log).wait()
        if done.code:
            sys.exit(f"{what}: {done.code}\n{log.read_text()[-2000:]}")
        rows = proven(opened(str(folder / "table")), feed.truth())
        told = json.loads(log.read_text().splitlines()[-1])
    shutil.rmtree(folder)
    return rows / told["wall_s"], rows / told["cpu_s"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.ingest_spark")
    parser.add_argument("--records", type=int, default=640_000)
    parser.add_argument("--shards", type=int, default=64)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    print("| way | records a wall s | records a cpu s | µs a record |")
    print("|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="lakeferry-bench-") as place:
        for what in ("raw", "parsed"):
            runs = [
                measure(what, asked.shards, asked.records, Path(place) / f"{what}-{number}")
                for number in range(asked.runs)
            ]
            wall = statistics.median(wall for wall, _ in runs)
            cpu = statistics.median(cpu for _, cpu in runs)
            print(f"| Spark, our source, {what} | {wall:,.0f} | {cpu:,.0f} | {1e6 / cpu:.1f} |",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
