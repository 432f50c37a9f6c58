"""Tables that Spark writes to in tests, and their clones."""

import json
from pathlib import Path
from typing import Any

import pytest

import lakeferry
from lakeferry.clone.report import CloneReport


class Table:
    """A clone that Spark writes to. `{t}` in a statement is the table."""

    def __init__(self, spark: Any, root: Path) -> None:
        self.spark = spark
        self.root = root

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        self.spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
        rows = self.spark.sql(statement.replace("{t}", f"delta.`{self.root}`")).collect()
        return [tuple(row) for row in rows]

    def column(self, name: str) -> list[Any]:
        return [value for (value,) in self.sql(f"SELECT {name} FROM {{t}} ORDER BY 1")]

    def refuses(self, statement: str, error: str) -> None:
        with pytest.raises(Exception, match=error):
            self.sql(statement)

    def commit(self, version: int | None = None) -> list[dict[str, Any]]:
        """The actions of one commit, the newest by default."""
        commits = sorted((self.root / "_delta_log").glob("0*[0-9].json"))
        path = commits[-1] if version is None else commits[0].with_name(f"{version:020}.json")
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def added(self) -> list[dict[str, Any]]:
        return [action["add"] for action in self.commit() if "add" in action]


def clone(source: Path, target: Path, **more: Any) -> CloneReport:
    """`lakeferry.clone` of one folder into another."""
    return lakeferry.clone(str(source), str(target), jobs=2, **more)


def append(spark: Any, table: str | Path, *ids: int, **options: str | int) -> None:
    """One file of rows (id, 'row'), as one commit."""
    frame = spark.createDataFrame([(at, "row") for at in ids], "id INT, v STRING").coalesce(1)
    frame.write.format("delta").mode("append").options(**options).save(str(table))


def optimize(spark: Any, table: Path) -> None:
    """All files of each partition into one."""
    Table(spark, table).sql("OPTIMIZE {t}")


def vacuum(spark: Any, table: Path) -> None:
    """Delete every file that the newest version does not name."""
    settings = {
        "spark.databricks.delta.retentionDurationCheck.enabled": "false",
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",  # 10,000 tasks else
    }
    for name, value in settings.items():
        spark.conf.set(name, value)
    try:
        Table(spark, table).sql("VACUUM {t} RETAIN 0 HOURS")
    finally:
        for name in settings:
            spark.conf.unset(name)


def checksum_is_valid(spark: Any, table: Path, *, anew: bool = True) -> bool:
    """Spark's own comparison of the newest `N.crc`, which must be there, with what it replays.

    Not `anew`: of the log as the last look read it, where nothing was written since.
    """
    log = spark._jvm.org.apache.spark.sql.delta.DeltaLog
    if anew:
        log.clearCache()
    snapshot = log.forTable(spark._jsparkSession, str(table)).unsafeVolatileSnapshot()
    assert snapshot.checksumOpt().isDefined()
    return bool(snapshot.validateChecksum(getattr(snapshot, "validateChecksum$default$1")()))
