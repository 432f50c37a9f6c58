"""Sources whose tables a catalog knows: Glue, a Hive metastore, Unity Catalog."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lakeferry.catalog import glue, hive, unity
from lakeferry.catalog.glue import GlueCatalog
from lakeferry.catalog.hive import HiveCatalog
from lakeferry.catalog.unity_entry import UnityCatalog
from lakeferry.cli.fleet.flags import known_tables
from lakeferry.cli.manifest_flags import ManifestFlags, migration
from lakeferry.connect import thrift_form as thrift
from lakeferry.connect.aws import AwsAccess, client
from lakeferry.connect.databricks import WorkspaceAccess, workspace_client
from lakeferry.connect.metastore import ask
from lakeferry.store.open import open_store
from tests.catalog.registrations import orders
from tests.cli.program import called, json_lines
from tests.fleet import lakes
from tests.servers import Server, sql_warehouse, unity_catalog

pytestmark = pytest.mark.server
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
DELTA = {"EXTERNAL": "TRUE", "spark.sql.sources.provider": "delta"}


def written(folder: Path, connections: dict[str, Any], **source: Any) -> Path:
    text = {
        "version": 1, "name": "trial", "target": {"root": f"{folder}/target"},
        "connections": connections, "sources": {"lake": source},
    }  # fmt: skip
    folder.joinpath("lakeferry.yaml").write_text(json.dumps(text))
    return folder


def found(folder: Path, *flags: str) -> dict[str, dict[str, Any]]:
    lines = json_lines(called("discover", "--json", *flags, folder=folder, **KEYS))
    assert lines[-1]["exit"] == (3 if "--check" in flags else 0), lines
    return {line["table"]: line for line in lines if line["type"] == "found"}


def codes(one: dict[str, Any]) -> list[str]:
    return [remark["code"] for remark in one["remarks"]]


# ---- Glue


def glue_table(api: Any, name: str, location: str, **entry: Any) -> None:
    storage = {"Location": location, "Columns": [{"Name": "id", "Type": "bigint"}]}
    table = {"TableType": "EXTERNAL_TABLE", "Parameters": DELTA, **entry}
    api.create_table(
        DatabaseName="shop", TableInput={"Name": name, "StorageDescriptor": storage, **table}
    )


@pytest.fixture
def shop(moto_access: AwsAccess, tmp_path: Path) -> Path:
    """Glue's database `shop` over a lake in which one table is not registered."""
    lake = open_store(str(tmp_path / "lake"))
    lakes.delta(lake, "place-1", files=3, size=50)
    lakes.delta(lake, "forgotten")
    api = client(moto_access, "glue")
    api.create_database(DatabaseInput={"Name": "shop"})
    glue_table(api, "orders", f"file://{tmp_path}/lake/place-1")
    glue_table(api, "lost", f"{tmp_path}/lake/not-there")
    glue_table(api, "mounted", "dbfs:/mnt/x/orders")
    view = {"TableType": "VIRTUAL_VIEW", "ViewOriginalText": "SELECT 1", "Parameters": {}}
    glue_table(api, "seen", "", **view)
    glue.register(GlueCatalog(moto_access), orders(f"file://{tmp_path}/target/ours"))
    link = {"kind": "aws", "endpoint": moto_access.endpoint, "region": moto_access.region}
    return written(
        tmp_path, {"aws": link}, root=f"{tmp_path}/lake",
        **{"from": {"catalog": "glue", "connection": "aws"}},
    )  # fmt: skip


def test_tables_of_glue_have_its_names_and_a_difference_to_the_folders_has_a_code(
    shop: Path,
) -> None:
    tables = found(shop)

    assert sorted(tables) == [
        "lake.default.forgotten", "lake.shop.lost", "lake.shop.mounted", "lake.shop.orders",
        "lake.shop.seen",
    ]  # fmt: skip
    known = tables["lake.shop.orders"]
    assert (known["kind"], known["files"], known["bytes"], codes(known)) == ("delta", 3, 150, [])
    assert (known["path"], known["catalog"]) == ("place-1", "glue")
    assert known["target"] == f"{shop}/target/lake/shop/orders"
    assert codes(tables["lake.shop.lost"]) == ["LF-8054"]
    assert codes(tables["lake.default.forgotten"]) == ["LF-8055"]
    assert codes(tables["lake.shop.mounted"]) == ["LF-8053"]
    assert tables["lake.shop.mounted"]["remarks"][0]["next_step"].startswith("add it to the source")
    assert (tables["lake.shop.seen"]["kind"], tables["lake.shop.seen"]["why_not"]) == (
        "view", "view",
    )  # fmt: skip


def test_the_folders_alone_or_the_catalog_alone_may_be_asked(shop: Path) -> None:
    assert sorted(found(shop, "--check", "--from", "glue")) == [
        "lake.shop.lost", "lake.shop.mounted", "lake.shop.orders", "lake.shop.seen",
    ]  # fmt: skip
    assert sorted(found(shop, "--check", "--from", "paths")) == [
        "lake.default.forgotten", "lake.default.place-1",
    ]  # fmt: skip


def test_what_only_the_other_one_knows_is_not_gone(shop: Path) -> None:
    found(shop)

    found(shop, "--from", "glue")
    lines = json_lines(called("discover", "--json", "--check", folder=shop, **KEYS))

    assert (lines[-1]["exit"], lines[-1]["changes"]["gone"]["count"]) == (0, 0)


def test_a_table_behind_a_mount_is_found_where_the_manifest_says_what_it_stands_for(
    shop: Path,
) -> None:
    lakes.delta(open_store(str(shop / "far")), "orders", files=1)
    text = json.loads(shop.joinpath("lakeferry.yaml").read_text())
    text["sources"]["lake"]["from"]["mounts"] = {"/mnt/x": f"{shop}/far"}
    shop.joinpath("lakeferry.yaml").write_text(json.dumps(text))

    mounted = found(shop)["lake.shop.mounted"]

    assert (mounted["url"], mounted["files"], codes(mounted)) == (f"{shop}/far/orders", 1, [])


def test_hundreds_of_tables_of_a_catalog_are_each_looked_at_once(
    shop: Path, moto_access: AwsAccess
) -> None:
    lake, api = open_store(str(shop / "far")), client(moto_access, "glue")
    for number in range(450):
        lakes.delta(lake, f"t{number}", files=1, size=number)
        glue_table(api, f"t{number}", f"file://{shop}/far/t{number}")

    tables = found(shop)

    sizes = {name: one["bytes"] for name, one in tables.items() if ".shop.t" in name}
    assert sizes == {f"lake.shop.t{number}": number for number in range(450)}


# ---- Hive


@pytest.fixture
def metastore(hive_metastore_server: Server, tmp_path: Path) -> Iterator[str]:
    """Its database `shop` with a Delta table and one of Parquet files."""
    uri = hive_metastore_server.place
    lake = open_store(str(tmp_path / "lake"))
    lakes.delta(lake, "o", files=3, size=50)
    lakes.parquet(lake, "p/day=1/a.parquet")
    ask(uri, "create_database", {1: thrift.struct({1: thrift.text("shop")})}, {})
    for name, folder, parameters in (("orders", "o", DELTA), ("visits", "p", {"EXTERNAL": "TRUE"})):
        serde = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
        column = thrift.structs([{1: thrift.text("id"), 2: thrift.text("int")}])
        storage = thrift.struct({
            1: column, 2: thrift.text(f"file:{tmp_path}/lake/{folder}"),
            3: thrift.text("org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"),
            4: thrift.text("org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"),
            7: thrift.struct({2: thrift.text(serde), 3: thrift.text_map({})}),
        })  # fmt: skip
        table = {
            1: thrift.text(name), 2: thrift.text("shop"), 3: thrift.text("etl"), 7: storage,
            9: thrift.text_map(parameters), 12: thrift.text("EXTERNAL_TABLE"),
        }  # fmt: skip
        ask(uri, "create_table", {1: thrift.struct(table)}, {1: "There", 2: "Invalid", 3: "Meta"})
    yield uri
    drop = {1: thrift.text("shop"), 2: thrift.flag(False), 3: thrift.flag(True)}
    ask(uri, "drop_database", drop, {})


def test_tables_of_a_hive_metastore_are_found_where_they_lie(
    metastore: str, tmp_path: Path
) -> None:
    assert {one.table for one in hive.list_tables(HiveCatalog(metastore), ["shop"])} == {
        "orders", "visits",
    }  # fmt: skip
    written(tmp_path, {}, **{"from": {"catalog": "hive", "uri": metastore, "name": "shop"}},
            kind="hive")  # fmt: skip

    tables = found(tmp_path)

    assert {name: (one["kind"], one["files"]) for name, one in tables.items()} == {
        "lake.shop.orders": ("delta", 3), "lake.shop.visits": ("parquet", 1),
    }  # fmt: skip


# ---- Unity Catalog


def test_tables_of_unity_catalog_are_found_where_they_lie(tmp_path: Path) -> None:
    lakes.delta(open_store(str(tmp_path / "lake")), "o", files=3, size=50)
    with unity_catalog.running(tmp_path) as url:
        place = UnityCatalog(WorkspaceAccess(url, token="not-used"), "atlas", has_tags=False)
        unity.register(place, orders(f"file://{tmp_path}/lake/ours"))
        api = workspace_client(place.access).api_client
        entry = {
            "name": "lines", "catalog_name": "atlas", "schema_name": "sales",
            "table_type": "EXTERNAL", "data_source_format": "DELTA",
            "storage_location": f"file://{tmp_path}/lake/o", "columns": [], "properties": {},
        }  # fmt: skip
        api.do("POST", "/api/2.1/unity-catalog/tables", body=entry)
        written(
            tmp_path, {"ws": {"kind": "databricks", "host": url, "token": "${env:TOKEN}"}},
            kind="unity", **{"from": {"catalog": "unity", "connection": "ws", "name": "atlas"}},
        )  # fmt: skip
        lines = json_lines(called("discover", "--json", folder=tmp_path, TOKEN="not-used"))
    workspace_client.cache_clear()

    tables = {line["table"]: line for line in lines if line["type"] == "found"}
    assert {name: (one["catalog"], one["files"], codes(one)) for name, one in tables.items()} == {
        "lake.sales.lines": ("atlas", 3, [])
    }


# ---- hive_metastore of a workspace


def described(table: str, location: str) -> dict[str, list[dict[str, Any]]]:
    row = {"format": "delta", "location": location, "partitionColumns": [], "properties": {}}
    return {f"DESCRIBE DETAIL `hive_metastore`.`sales`.`{table}`": [row]}


def test_tables_of_a_workspace_are_found_behind_its_mounts_and_the_dbfs_root_is_told(
    tmp_path: Path,
) -> None:
    lakes.delta(open_store(str(tmp_path / "far")), "orders", files=3, size=50)
    with sql_warehouse.running() as warehouse:
        warehouse.rows = {
            "SHOW SCHEMAS IN hive_metastore": [{"databaseName": "sales"}],
            "SHOW VIEWS IN `hive_metastore`.`sales`": [],
            "SHOW TABLES IN `hive_metastore`.`sales`": [
                {"tableName": name} for name in ("orders", "root", "other")
            ],
            **described("orders", "dbfs:/mnt/sales/orders"),
            **described("root", "dbfs:/user/hive/warehouse/sales.db/root"),
            **described("other", "dbfs:/mnt/other/x"),
        }
        link = {"kind": "databricks", "host": warehouse.host, "token": "${env:TOKEN}"}
        names = {
            "catalog": "unity", "connection": "ws", "warehouse": sql_warehouse.WAREHOUSE,
            "mounts": {"/mnt/sales": f"{tmp_path}/far"},
        }  # fmt: skip
        written(tmp_path, {"ws": link}, kind="unity", **{"from": names})
        lines = json_lines(called("discover", "--json", folder=tmp_path, TOKEN="dapi-any"))
    workspace_client.cache_clear()

    tables = {line["table"]: line for line in lines if line["type"] == "found"}
    assert {name: (one["files"], codes(one)) for name, one in tables.items()} == {
        "lake.sales.orders": (3, []),
        "lake.sales.root": (None, ["LF-8053"]),
        "lake.sales.other": (None, ["LF-8053"]),
    }
    assert "DEEP CLONE" in tables["lake.sales.root"]["remarks"][0]["next_step"]
    assert (lines[-1]["in_scope"], lines[-1]["blocked"]) == (3, 2)


def test_a_schema_that_refuses_takes_nothing_from_the_others_nor_from_what_was_known(
    tmp_path: Path,
) -> None:
    for name in ("orders", "people", "more", "forgotten"):
        lakes.delta(open_store(str(tmp_path / "far")), name, files=1)
    hr = "SHOW VIEWS IN `hive_metastore`.`hr`"
    with sql_warehouse.running() as warehouse:
        warehouse.states = ()
        warehouse.rows = {
            "SHOW SCHEMAS IN hive_metastore": [{"databaseName": "hr"}, {"databaseName": "sales"}],
            hr: [],
            "SHOW TABLES IN `hive_metastore`.`hr`": [{"tableName": "people"}],
            "SHOW VIEWS IN `hive_metastore`.`sales`": [],
            "SHOW TABLES IN `hive_metastore`.`sales`": [{"tableName": "orders"}],
            **described("orders", "dbfs:/mnt/far/orders"),
            **described("more", "dbfs:/mnt/far/more"),
            "DESCRIBE DETAIL `hive_metastore`.`hr`.`people`": [
                {"format": "delta", "location": "dbfs:/mnt/far/people", "partitionColumns": [],
                 "properties": {}},
            ],
        }  # fmt: skip
        names = {
            "catalog": "unity", "connection": "ws", "warehouse": sql_warehouse.WAREHOUSE,
            "mounts": {"/mnt/far": f"{tmp_path}/far"},
        }  # fmt: skip
        source = {"kind": "unity", "root": f"{tmp_path}/far", "from": names}
        link = {"kind": "databricks", "host": warehouse.host, "token": "${env:TOKEN}"}
        written(tmp_path, {"ws": link}, **source)

        def look(*flags: str) -> list[dict[str, Any]]:
            ended = called("discover", *flags, "--json", folder=tmp_path, TOKEN="dapi-any")
            return json_lines(ended)

        look()
        warehouse.failures[hr] = "User does not have privilege USAGE on schema hr"
        warehouse.rows["SHOW TABLES IN `hive_metastore`.`sales`"].append({"tableName": "more"})
        refused = look()
        wanted = migration(ManifestFlags(file=str(tmp_path / "lakeferry.yaml")))
        states = {row.name: row.state for row in known_tables(wanted)}
        written(tmp_path, {"ws": link}, **source, exclude=["hr.*"])
        left_out = look("--check")
        written(tmp_path, {"ws": link}, kind="unity", **{"from": names})
        aside, meant = look("-s", "lake.sales.*"), look("-s", "lake.hr.people")
    workspace_client.cache_clear()

    tables = {line["table"] for line in refused if line["type"] == "found"}
    [told] = [line for line in refused if line["type"] == "finding" and line["code"] == "LF-8058"]
    assert tables == {"lake.sales.orders", "lake.sales.more"}  # whose `forgotten` is nobody knows
    assert (refused[-1]["exit"], refused[-1]["unlisted"]) == (1, {"lake": ["hr"]})
    assert "not all tables of schema hr are known: LF-8104" in told["message"]
    assert "its folders were not looked into" in told["message"]
    assert told["next"][0].startswith("GRANT USAGE, SELECT, READ_METADATA ON SCHEMA")
    assert refused[-1]["changes"]["gone"]["count"] == 0
    assert states["lake.hr.people"] == "discovered"
    assert (left_out[-1]["exit"], left_out[-1]["unlisted"]) == (3, {})
    assert not any("hr.*" in line["message"] for line in left_out if line["type"] == "finding")
    assert (aside[-1]["exit"], aside[-1]["unlisted"]) == (0, {"lake": ["hr"]})
    [said] = [line for line in aside if line["type"] == "finding" and line["code"] == "LF-8058"]
    assert (said["severity"], "nothing of it was asked for" in said["message"]) == ("info", True)
    assert meant[-1]["exit"] == 1
