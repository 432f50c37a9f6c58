"""What does a clone cost beside Spark copying the same table by read and write?

    python -m bench.clone_vs_spark [--runs 3] [--rows 4000000]

Spark 4 with Delta, local[2]: its session's start is not counted, only read and write of a warm
session. lakeferry's whole process is counted. A copy by Spark is another table: new files, no txn,
no history; that is what people do where nothing clones.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.judges.spark_reader import session

FILES = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=4_000_000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="lakeferry-spark-"))
    try:
        compare(folder, options.runs, options.rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def compare(folder: Path, runs: int, rows: int) -> None:
    spark = session()
    source, target = folder / "source", folder / "target"
    columns = "id", "uuid() AS name", "rand() AS amount", "id % 97 AS kind"
    frame = spark.range(rows).selectExpr(*columns).repartition(FILES)
    frame.write.format("delta").save(str(source))
    size = sum(path.stat().st_size for path in source.glob("*.parquet"))
    ours, theirs, again = [], [], []
    for run in range(runs + 1):
        shutil.rmtree(target, ignore_errors=True)
        started = time.perf_counter()
        spark.read.format("delta").load(str(source)).write.format("delta").save(str(target))
        spark_s = time.perf_counter() - started
        shutil.rmtree(target)
        first, second = clone(source, target), clone(source, target)
        if run:  # the first round warms both
            theirs.append(spark_s)
            ours.append(first)
            again.append(second)
    print(f"\n**{rows:,} rows, {FILES} files, {size / 1e6:.0f} MB, disk to disk**\n")
    print("| client | wall s | lakeferry's wall × |")
    print("|---|---:|---:|")
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    print(f"| lakeferry, first clone | {statistics.median(ours):.2f} | |")
    print(f"| Spark, read and write, warm | {statistics.median(theirs):.2f} | {ratio:.2f} |")
    print(f"| lakeferry again, nothing new | {statistics.median(again):.2f} | |")


def clone(source: Path, target: Path) -> float:
    started = time.perf_counter()
    command = [sys.executable, "-m", "lakeferry.cli.main", "clone", str(source), str(target), "-q"]
    subprocess.run(command, check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
