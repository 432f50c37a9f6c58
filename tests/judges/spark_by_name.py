"""Spark with Delta over a Hive metastore: rows of a query that names tables, as JSON.

A process of its own: which catalog a session has is settled when its JVM begins. That takes 15 s of
CPU, so one answers all tests of a process:
python -m tests.judges.spark_by_name thrift://host:9083 FOLDER, then lines of queries.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Server, die_with_parent, require

ROOT = Path(__file__).parents[2]
ANSWER = "answer: "  # Spark says things to stdout, too
RowsByName = Callable[..., list[list[Any]]]


@pytest.fixture(scope="session")
def rows_by_name(
    hive_metastore_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RowsByName]:
    """Takes queries over tables of the metastore, gives the rows of the last one."""
    require("spark")
    require("delta-jars")
    folder = tmp_path_factory.mktemp("spark-by-name")
    command = [sys.executable, "-m", "tests.judges.spark_by_name"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [*command, hive_metastore_server.place, str(folder)], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            preexec_fn=die_with_parent,  # noqa: PLW1509
        ) as process,
    ):  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        to_spark, from_spark = process.stdin, process.stdout

        def asked(*queries: str) -> list[list[Any]]:
            to_spark.write(json.dumps(queries) + "\n")
            to_spark.flush()
            for line in from_spark:
                if line.startswith(ANSWER):
                    rows: list[list[Any]] = json.loads(line.removeprefix(ANSWER))
                    return rows
            raise RuntimeError((folder / "log").read_text(errors="replace")[-4000:])

        yield asked
        to_spark.close()  # then it ends


def main(uri: str, folder: str) -> None:
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
    for line in sys.stdin:
        rows: list[list[Any]] = []
        for query in json.loads(line):
            rows = [list(row) for row in spark.sql(query).collect()]
        print(ANSWER + json.dumps(rows, default=str), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
