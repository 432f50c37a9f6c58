"""Spark with Delta as a judge: the implementation that everybody else follows.

It lies in the cache folder, not in the environment. One session serves a whole test process, for
a start takes about 10 s; a test that wants it takes the fixture `spark`, marked `spark`.
"""

import hashlib
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.servers import SHORT_LIVED, require, s3a


@dataclass(frozen=True, slots=True)
class SparkState:
    """A snapshot as Spark reads it from the log."""

    version: int
    metadata: dict[str, Any]  # the `metaData` action
    protocol: dict[str, Any]
    txns: dict[str, dict[str, Any]]  # by appId; expired ones are left out
    domains: dict[str, dict[str, Any]]  # by domain
    files: tuple[dict[str, Any], ...]  # `add` actions

    @property
    def keys(self) -> tuple[str, ...]:
        """`path|vector id` of each live file, sorted, as in `corpora/spark`."""
        return tuple(sorted(f"{file['path']}|{_vector_id(file)}" for file in self.files))

    @property
    def keys_sha256(self) -> str:
        """As in `expected.json`."""
        return hashlib.sha256("\n".join(self.keys).encode()).hexdigest()


def _vector_id(file: dict[str, Any]) -> str:
    vector = file.get("deletionVector")
    if not vector:
        return ""
    at = f"@{vector['offset']}" if vector.get("offset") is not None else ""
    return f"{vector['storageType']}{vector['pathOrInlineDv']}{at}"


@cache
def session() -> Any:
    """The one session of this process, or a skip with the command that installs Spark."""
    folder = require("spark").parent
    jars = [*sorted(require("delta-jars").parent.glob("delta-*.jar")), *s3a.jars()]
    sys.path.insert(0, str(folder))
    os.environ["TZ"] = "UTC"
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ["SPARK_HOME"] = str(folder / "pyspark")
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    from pyspark.sql import SparkSession

    builder = SparkSession.builder
    for key, value in _settings(jars).items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def _settings(jars: list[Path]) -> dict[str, str]:
    return {
        "spark.master": "local[2]",
        "spark.jars": ",".join(map(str, jars)),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": tempfile.mkdtemp(prefix="lakeferry-warehouse-"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": "2g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": " ".join(["-Duser.timezone=UTC", *SHORT_LIVED]),
        "spark.sql.shuffle.partitions": "2",
        "spark.default.parallelism": "2",
        "spark.databricks.delta.snapshotPartitions": "1",  # 50 by default: slow on tiny tables
        # Queries of some rows take longer to compile, and to plan anew, than to run.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.readSideCharPadding": "false",  # no other reader pads char(n)
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }


@pytest.fixture(name="spark", scope="session")
def spark_session() -> Any:
    """Give it to a test module with `from tests.judges.spark_reader import spark_session`."""
    return session()  # it ends with the process: another module may still want it


def spark_rows(spark: Any, path: str | Path, version: int | None = None) -> pa.Table:
    """All rows as Spark sees them; void columns are left out by Spark itself."""
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
    reader = spark.read.format("delta")
    if version is not None:
        reader = reader.option("versionAsOf", version)
    # Not toArrow: its last step, a cast, refuses null variants.
    batches = reader.load(str(path))._collect_as_arrow(empty_list_if_zero_records=False)
    return pa.Table.from_batches(batches)


def spark_state(spark: Any, path: str | Path, *, anew: bool = True) -> SparkState:
    """The newest snapshot at `path`. The cache is cleared, or an older look would answer.

    Not `anew`: of the log as the last look read it, where nothing was written since.
    """
    log = spark._jvm.org.apache.spark.sql.delta.DeltaLog
    if anew:
        log.clearCache()
    snapshot = log.forTable(spark._jsparkSession, str(path)).unsafeVolatileSnapshot()
    txns = [json.loads(text)["txn"] for text in _action_texts(snapshot.setTransactions())]
    domains = [
        json.loads(text)["domainMetadata"] for text in _action_texts(snapshot.domainMetadata())
    ]
    return SparkState(
        version=snapshot.version(),
        metadata=json.loads(snapshot.metadata().json())["metaData"],
        protocol=json.loads(snapshot.protocol().json())["protocol"],
        txns={txn["appId"]: txn for txn in txns},
        domains={domain["domain"]: domain for domain in domains},
        files=tuple(json.loads(text) for text in snapshot.allFiles().toJSON().collectAsList()),
    )


def _action_texts(actions: Any) -> list[str]:
    return [actions.apply(place).json() for place in range(actions.size())]
