"""Every real table that is given, as it stands."""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from lakeferry.delta.actions import protocol_json, txn_json
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.store.open import open_store
from tests.corpora import DELTA, ROOT, SPARK, required

from .tables import paths, spark_keys

GOLDEN = "delta-io+delta-kernel-rs/golden"
# Broken on purpose, or beyond what a log alone can tell.
REFUSED = {
    f"{GOLDEN}/data-reader-absolute-paths-escaped-chars/delta": "LF-3105",
    f"{GOLDEN}/deltalog-commit-info/delta": "LF-3105",
    f"{GOLDEN}/deltalog-invalid-protocol-version/delta": "LF-3001",
    f"{GOLDEN}/deltalog-state-reconstruction-from-checkpoint-missing-metadata/delta": "LF-3105",
    f"{GOLDEN}/deltalog-state-reconstruction-from-checkpoint-missing-protocol/delta": "LF-3105",
    f"{GOLDEN}/deltalog-state-reconstruction-without-metadata/delta": "LF-3105",
    f"{GOLDEN}/deltalog-state-reconstruction-without-protocol/delta": "LF-3105",
    f"{GOLDEN}/update-deleted-directory/delta": "LF-3105",
    f"{GOLDEN}/versions-not-contiguous/delta": "LF-3102",
    "delta-io+delta-rs/simple_table_features": "LF-3001",
    "delta-io+delta/kernel-benchmarks/basic_catalog_managed/delta": "LF-3002",
}
# Their `remove` names the file in another spelling than their `add`; the list was made by a reader
# that does not know that, Spark does.
SPELLINGS = {f"{GOLDEN}/canonicalized-paths-{kind}/delta" for kind in
             ("normal-a", "normal-b", "special-a", "special-b")}  # fmt: skip


def listed_tables() -> list[dict[str, str]]:
    if not ROOT.exists():
        return []
    with (DELTA / "tables.tsv").open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


TABLES = {row["table"]: row for row in listed_tables()}
STEPS = [
    pytest.param(folder.parent, step, id=f"{folder.parent.name}-{step['version']}-{step['label']}")
    for folder in sorted(SPARK.glob("*/expected.json"))
    for step in json.loads(folder.read_text())["steps"]
]


def test_the_corpora_are_there() -> None:
    required(DELTA)

    assert len(TABLES) > 170
    assert len(STEPS) > 100


@pytest.mark.parametrize("name", sorted(set(TABLES) - set(REFUSED) - SPELLINGS))
def test_a_published_table_has_its_version_and_live_files(name: str) -> None:
    row = TABLES[name]

    snapshot = read_snapshot(open_store(str(DELTA / name)))

    assert (snapshot.version, len(paths(snapshot.files))) == (
        int(row["version"]),
        int(row["live_files"]),
    )


@pytest.mark.parametrize("name", sorted(SPELLINGS))
def test_a_file_removed_under_another_spelling_is_gone(name: str) -> None:
    required(DELTA)

    assert paths(read_snapshot(open_store(str(DELTA / name))).files) == []


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_broken_table_is_refused_with_its_code(name: str) -> None:
    required(DELTA)

    with pytest.raises(FerryError) as refused:
        read_snapshot(open_store(str(DELTA / name)))

    assert refused.value.code == REFUSED[name]


def test_published_commits_of_a_catalog_s_table_can_be_read_when_accepted() -> None:
    table = required(DELTA) / "delta-io+delta/kernel-benchmarks/basic_catalog_managed/delta"

    snapshot = read_snapshot(open_store(str(table)), allow_features=frozenset({"catalogManaged"}))

    assert (snapshot.version, len(paths(snapshot.files))) == (1, 2)


@pytest.mark.parametrize(("folder", "step"), STEPS)
def test_each_step_is_what_spark_saw(folder: Path, step: dict[str, Any]) -> None:
    table = json.loads((folder / "expected.json").read_text())["table"]

    snapshot = read_snapshot(open_store(str(folder / table)), version=step["version"])

    keys = spark_keys(snapshot.files)
    sizes = [
        size for batch in snapshot.files.batches(["size"]) for size in batch.column(0).to_pylist()
    ]
    assert hashlib.sha256("\n".join(keys).encode()).hexdigest() == step["keys_sha256"]
    assert len(keys) == step["files"]["count"]
    assert sum(sizes) == step["files"]["bytes"]
    assert sum(not key.endswith("|") for key in keys) == step["files"]["with_dv"]
    assert snapshot.metadata.id == step["metadata_id"]
    assert snapshot.metadata.schema_string == step["schema_string"]
    assert snapshot.metadata.configuration == step["configuration"]
    assert list(snapshot.metadata.partition_columns) == step["partition_columns"]
    assert comparable(protocol_json(snapshot.protocol)) == comparable(step["protocol"])
    assert {name: domain.configuration for name, domain in snapshot.domains.items()} == step[
        "domains"
    ]
    seen = [txn_json(txn) for txn in snapshot.txns.values()]
    # Where a retention is set Spark hides expired transactions; we keep what the log shows.
    hides = "delta.setTransactionRetentionDuration" in snapshot.metadata.configuration
    expired = {"ancient", "no-last-updated"} if hides else set()
    assert by_app(txn for txn in seen if txn["appId"] not in expired) == by_app(step["txn"])


def comparable(protocol: dict[str, Any]) -> dict[str, Any]:
    return {
        name: sorted(value) if isinstance(value, list) else value
        for name, value in protocol.items()
        if value is not None
    }


def by_app(txns: Any) -> list[tuple[str, int, int | None]]:
    return sorted((txn["appId"], txn["version"], txn.get("lastUpdated")) for txn in txns)
