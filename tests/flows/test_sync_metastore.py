"""Parquet tables whose partitions only a metastore knows, from the discovery to the target."""

import datetime
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeferry.catalog.hive import HiveCatalog
from lakeferry.connect.aws import AwsAccess, client
from tests.catalog.test_hive import add_partition, make_parquet_table, place
from tests.cli.program import called, json_lines
from tests.flows.test_discover_catalogs import KEYS, written
from tests.judges.deltalake_reader import deltalake_rows
from tests.judges.duckdb_reader import duckdb_rows

pytestmark = pytest.mark.server
NULL = "__HIVE_DEFAULT_PARTITION__"
__all__ = ["place"]  # a fixture


def put(file: Path, *names: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"name": list(names)}), file)


def run(folder: Path, *words: str) -> list[dict[str, Any]]:
    ended = called(*words, "--json", folder=folder, **KEYS)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json_lines(ended)


def rows(target: Path) -> list[dict[str, Any]]:
    found = sorted(deltalake_rows(target).to_pylist(), key=lambda row: row["name"])
    assert sorted(duckdb_rows(target).to_pylist(), key=lambda row: row["name"]) == found
    return found


def test_a_hive_table_comes_with_the_partitions_of_its_metastore(
    place: HiveCatalog,
    tmp_path: Path,
) -> None:
    lake = tmp_path / "lake"
    put(lake / "visits/f/000000_0", "ann")
    put(tmp_path / "somewhere/else/000000_0", "bob")
    put(lake / "visits/dropped/000000_0", "nobody")
    make_parquet_table(place, "visits", lake / "visits")
    add_partition(place, "visits", ("fr", NULL), f"file://{lake}/visits/f")
    add_partition(place, "visits", ("d/e", "2026-11-26"), f"file://{tmp_path}/somewhere/else")
    written(tmp_path, {}, kind="hive", **{"from": {"catalog": "hive", "uri": place.uri}})
    run(tmp_path, "discover")

    first = run(tmp_path, "sync", "--yes")[-1]
    put(lake / "visits/g/000000_0", "cid")
    add_partition(place, "visits", ("it", "2026-11-27"), f"file://{lake}/visits/g")
    again = run(tmp_path, "sync", "--yes")[-1]

    assert (first["files"], again["files"]) == (2, 1)
    assert rows(tmp_path / "target/lake/lake/visits") == [
        {"name": "ann", "country": "fr", "day": None},
        {"name": "bob", "country": "d/e", "day": "2026-11-26"},
        {"name": "cid", "country": "it", "day": "2026-11-27"},
    ]


def test_a_table_of_glue_has_the_types_that_glue_declares(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    put(lake / "visits/day=2026-11-26/n=007/a.parquet", "ann")
    put(tmp_path / "old/b.parquet", "bob")
    api = client(moto_access, "glue")
    api.create_database(DatabaseInput={"Name": "shop"})
    at = {
        "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "SerdeInfo": {
            "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
        },
        "Columns": [{"Name": "name", "Type": "string"}],
    }
    keys = [{"Name": "day", "Type": "date"}, {"Name": "n", "Type": "int"}]
    api.create_table(DatabaseName="shop", TableInput={
        "Name": "visits", "TableType": "EXTERNAL_TABLE", "PartitionKeys": keys,
        "StorageDescriptor": {**at, "Location": f"file://{lake}/visits"},
        "Parameters": {"classification": "parquet"},
    })  # fmt: skip
    for values, folder in ((["2026-11-26", "7"], f"{lake}/visits/day=2026-11-26/n=007"),
                           (["2025-01-01", NULL], f"{tmp_path}/old")):  # fmt: skip
        api.create_partition(DatabaseName="shop", TableName="visits", PartitionInput={
            "Values": values, "StorageDescriptor": {**at, "Location": f"file://{folder}"},
        })  # fmt: skip
    link = {"kind": "aws", "endpoint": moto_access.endpoint, "region": moto_access.region}
    written(
        tmp_path, {"aws": link}, kind="glue",
        **{"from": {"catalog": "glue", "connection": "aws"}},
    )  # fmt: skip
    assert json.loads((tmp_path / "lakeferry.yaml").read_text())["name"] == "trial"
    run(tmp_path, "discover")

    run(tmp_path, "sync", "--yes")

    assert rows(tmp_path / "target/lake/shop/visits") == [
        {"name": "ann", "day": datetime.date(2026, 11, 26), "n": 7},
        {"name": "bob", "day": datetime.date(2025, 1, 1), "n": None},
    ]
