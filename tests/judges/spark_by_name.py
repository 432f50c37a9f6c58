"""Spark with Delta over a Hive metastore: rows of a query that names tables, as JSON.

python -m tests.judges.spark_by_name thrift://host:9083 FOLDER "CREATE TABLE ..." "SELECT ..."

A process of its own: which catalog a session has is settled when its JVM begins.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.servers import require

ROOT = Path(__file__).parents[2]


def rows_by_name(uri: str, *queries: str) -> list[list[Any]]:
    """The rows of the last query over the tables of a metastore; skips where there is no Spark."""
    require("spark")
    require("delta-jars")
    with tempfile.TemporaryDirectory(prefix="lakeferry-spark-") as folder:
        command = [sys.executable, "-m", "tests.judges.spark_by_name", uri, folder, *queries]
        ended = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
        )
    if ended.returncode:
        raise RuntimeError(f"{ended.stdout[-2000:]}\n{ended.stderr[-4000:]}")
    found: list[list[Any]] = json.loads(ended.stdout.splitlines()[-1])
    return found


def main(uri: str, folder: str, *queries: str) -> None:
    from tests.judges import spark_reader

    usual = spark_reader._settings

    def settings(jars: list[Path]) -> dict[str, str]:
        return {
            **usual(jars),
            "spark.sql.catalogImplementation": "hive",
            "spark.hadoop.hive.metastore.uris": uri,
            "spark.sql.warehouse.dir": f"{folder}/warehouse",
            "spark.local.dir": folder,
        }

    spark_reader._settings = settings
    spark = spark_reader.session()
    rows: list[list[Any]] = []
    for query in queries:
        rows = [list(row) for row in spark.sql(query).collect()]
    print(json.dumps(rows, default=str))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
