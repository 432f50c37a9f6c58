"""Every real table, read by us and by other engines: the same rows, value by value."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lakeferry.delta.snapshot import read_snapshot
from lakeferry.store.local import LocalStore
from lakeferry.store.protocol import Store
from lakeferry.verify.digest import Digest, digest_batches
from lakeferry.verify.read_rows import logical_schema, read_rows
from tests import corpora
from tests.judges.content_hash import content_hash
from tests.judges.deltalake_reader import deltalake_rows
from tests.judges.duckdb_reader import duckdb_rows
from tests.judges.spark_reader import spark_rows, spark_session, spark_state

__all__ = ["spark_session"]  # the fixture `spark`

# Refused by us on purpose: another reader version; commits that only a catalog knows.
REFUSED = {
    "delta-io+delta-rs/simple_table_features",
    "delta-io+delta/kernel-benchmarks/basic_catalog_managed/delta",
}
KERNEL = "delta-io+delta-kernel-rs/"
GOLDEN = f"{KERNEL}golden/"
LOST = "loses a partition column whose physical name is another"
LIMITS = {
    "deltalake": {
        f"{KERNEL}data/type-widening": "refuses type widening",
        f"{GOLDEN}basic-with-vacuum-protocol-check-feature/delta": "refuses the feature",
        "delta-io+delta-rs/spark-shredded-variant-preview-delta": "refuses the feature",
        "delta-io+delta-rs/table_with_edge_timestamps": "INT96 beyond 2262 overflows",
        "type-widening": "refuses type widening",
        "odd-root-path": "decodes `%41` in a local root",
        "shallow-clone": "its absolute paths are elsewhere here",
    },
    "duckdb": {
        f"{KERNEL}data/unshredded-variant": "gives no variants to Arrow",
        f"{GOLDEN}parquet-all-types-legacy-format/delta": "internal error on maps",
        f"{GOLDEN}data-reader-timestamp_ntz-id-mode/delta": LOST,
        f"{GOLDEN}data-reader-timestamp_ntz-name-mode/delta": LOST,
        "delta-io+delta-rs/spark-shredded-variant-preview-delta": "gives no variants to Arrow",
        "delta-io+delta-rs/spark-variant-checkpoint": "gives no variants to Arrow",
        "column-mapping-name": LOST,
        "compacted-log": "refuses void columns",
        "odd-root-path": "decodes `%41` in a local root",
        "shallow-clone": "its absolute paths are elsewhere here",
        "variant": "gives no variants to Arrow",
    },
}
READERS: dict[str, Callable[[Path], pa.Table]] = {
    "deltalake": deltalake_rows,
    "duckdb": duckdb_rows,
}


def published_tables() -> list[dict[str, str]]:
    """Lines of tables.tsv whose data files are all here."""
    listing = corpora.DELTA / "tables.tsv"
    if not listing.exists():
        return []
    with listing.open(encoding="utf-8") as lines:
        tables = list(csv.DictReader(lines, delimiter="\t"))
    return [
        table for table in tables if table["status"] == "complete" and table["table"] not in REFUSED
    ]


def spark_tables() -> list[str]:
    return sorted(path.parent.name for path in corpora.SPARK.glob("*/expected.json"))


def spark_folder(name: str) -> Path:
    home = corpora.SPARK / name
    return home / str(json.loads((home / "expected.json").read_text())["table"])


def spark_steps() -> list[Any]:
    """One parameter for each state of each table that Spark wrote."""
    return [
        pytest.param(name, step, id=f"{name}-{place}")
        for name in spark_tables()
        for place, step in enumerate(
            json.loads((corpora.SPARK / name / "expected.json").read_text())["steps"]
        )
    ]


def our_digest(root: Path) -> tuple[pa.Schema, Digest]:
    store = LocalStore(str(root))
    snapshot = read_snapshot(store)
    schema = logical_schema(snapshot)
    batches = read_rows(store, snapshot, elsewhere=beside(root))
    return schema, digest_batches(schema, batches)


def beside(root: Path) -> Callable[[str], tuple[Store, str]]:
    """The shallow clone's base lies beside its table, not where it was written."""

    def find(uri: str) -> tuple[Store, str]:
        base = LocalStore(str(root.parent / "base"))
        return base, uri.partition("/base/")[2].replace("%20", " ").replace("%25", "%")

    return find


@pytest.mark.parametrize(("name", "step"), spark_steps())
def test_we_see_the_rows_that_spark_saw(name: str, step: dict[str, Any]) -> None:
    root = spark_folder(name)
    store = LocalStore(str(root))
    snapshot = read_snapshot(store, version=step["version"])

    batches = read_rows(store, snapshot, elsewhere=beside(root))

    found = content_hash(logical_schema(snapshot), batches)
    assert found == (step["rows"], step["content_sha256"])


@pytest.mark.parametrize("table", published_tables(), ids=lambda table: table["table"])
def test_we_count_the_rows_that_two_readers_counted(table: dict[str, str]) -> None:
    _, found = our_digest(corpora.DELTA / table["table"])

    counts = {table["rows_delta-rs_1.6.6"], table["rows_polars-deltalake_1.3.2"]}
    assert str(found.rows) in {count for count in counts if not count.startswith("ERR")}


def judged() -> list[Any]:
    """One parameter for each reader and table; known limits of a reader are expected to fail."""
    places = [(table["table"], corpora.DELTA / table["table"]) for table in published_tables()]
    places += [(name, spark_folder(name)) for name in spark_tables()]
    return [
        pytest.param(reader, root, id=f"{reader}-{name}", marks=limits(reader, name))
        for reader in READERS
        for name, root in places
    ]


def limits(reader: str, name: str) -> list[pytest.MarkDecorator]:
    why = LIMITS[reader].get(name)
    return [] if why is None else [pytest.mark.xfail(strict=True, reason=f"{reader} {why}")]


@pytest.mark.parametrize(("reader", "root"), judged())
def test_another_reader_sees_our_digest(reader: str, root: Path) -> None:
    schema, ours = our_digest(root)

    theirs = digest_batches(schema, READERS[reader](root).to_batches())

    assert ours.differences(theirs) == ()
    assert theirs == ours


SEEN_BY_SPARK = [
    "all-types",
    "column-mapping-id",
    "column-mapping-name",
    "compacted-log",
    "odd-root-path",
    "partition-escapes",
    "type-widening",
    "variant",
]


@pytest.mark.spark
@pytest.mark.parametrize("name", SEEN_BY_SPARK)
def test_spark_sees_our_digest(spark: Any, name: str, tmp_path: Path) -> None:
    corpora.required(corpora.SPARK)
    root = spark_folder(name)
    schema, ours = our_digest(root)

    # A copy: Spark may write side files.
    copy = tmp_path / root.name
    shutil.copytree(root, copy)
    theirs = digest_batches(schema, spark_rows(spark, copy).to_batches())

    assert ours.differences(theirs) == ()
    assert theirs == ours


@pytest.mark.spark
@pytest.mark.parametrize("name", ["txn-stream", "domain-metadata", "dv-partitioned-checkpoint"])
def test_spark_gives_the_state_that_was_recorded(spark: Any, name: str) -> None:
    corpora.required(corpora.SPARK)
    expected = json.loads((corpora.SPARK / name / "expected.json").read_text())["steps"][-1]

    state = spark_state(spark, spark_folder(name))

    assert state.version == expected["version"]
    assert state.metadata["configuration"] == expected["configuration"]
    assert state.metadata["schemaString"] == expected["schema_string"]
    assert state.keys_sha256 == expected["keys_sha256"]
    assert sorted(state.txns) == sorted(txn["appId"] for txn in expected["txn"])
    assert {name: domain["configuration"] for name, domain in state.domains.items()} == (
        expected["domains"]
    )
