"""A Spark that reads a feed into a table by our source, and ends: `URL STREAM REGION FOLDER WHAT`.

`WHAT` is `raw`, or `parsed`: by the schema of `examples/api_requests`, on the JVM. What it prints
last is JSON: seconds of the query, and CPU seconds of all processes from start to end.
"""

import json
import os
import sys
import time
from pathlib import Path

from tests.flows.spark_query import load, start
from tests.judges.spark_reader import session

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "api_requests"
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s() -> float:
    """Of all processes of this session, and of those that they have seen end."""
    found = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                told = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended meanwhile
            if int(told[3]) == os.getsid(0):
                found += sum(map(int, told[11:15]))
    return found / TICKS


def main() -> None:
    url, stream, region, folder, what = sys.argv[1:]
    spark = session()
    rows = load(spark, url, stream, region, Path(folder))
    if what == "parsed":
        sys.path.insert(0, str(EXAMPLE))
        from requests_table import judged, requests  # type: ignore[import-not-found]

        rows = requests(judged(rows))
    begun = time.monotonic()
    start(rows, Path(folder), availableNow=True).awaitTermination()
    print(json.dumps({"wall_s": time.monotonic() - begun, "cpu_s": cpu_s()}), flush=True)


if __name__ == "__main__":
    main()
