"""A workspace's hive_metastore through a SQL warehouse: what it has, and where that really lies."""

from collections.abc import Iterator
from typing import Any

import pytest

from lakeferry.catalog import statements, workspace
from lakeferry.catalog.tables import Grant, Partition
from lakeferry.catalog.workspace import WorkspaceCatalog
from lakeferry.connect.databricks import WorkspaceAccess, workspace_client
from lakeferry.errors import FerryError
from tests.servers import sql_warehouse
from tests.servers.sql_warehouse import WAREHOUSE, Warehouse

LAKE = "abfss://lake@atlas.dfs.core.windows.net"


@pytest.fixture
def warehouse(monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """It has the schemas `sales`, of five tables and a view, and `empty`."""
    monkeypatch.setattr(statements, "FIRST_PAUSE_S", 0.001)
    with sql_warehouse.running() as found:
        found.rows = {
            "SHOW SCHEMAS IN hive_metastore": [
                {"databaseName": "sales"}, {"databaseName": "empty"}
            ],
            "SHOW VIEWS IN `hive_metastore`.`empty`": [],
            "SHOW TABLES IN `hive_metastore`.`empty`": [],
            "SHOW VIEWS IN `hive_metastore`.`sales`": [
                {"namespace": "sales", "viewName": "recent", "isTemporary": False}
            ],
            "SHOW TABLES IN `hive_metastore`.`sales`": [
                {"database": "sales", "tableName": name, "isTemporary": False}
                for name in ("orders", "root", "unmapped", "files", "broken", "recent")
            ],
            **described("orders", "dbfs:/mnt/sales/orders", description="all orders",
                        partitionColumns=["day"], properties={"delta.appendOnly": "true"}),
            **described("root", "dbfs:/user/hive/warehouse/sales.db/root"),
            **described("unmapped", "dbfs:/mnt/other/x"),
            **described("files", "wasbs://raw@atlas.blob.core.windows.net/f", format="parquet",
                        partitionColumns=["country", "day"]),
            "DESCRIBE TABLE `hive_metastore`.`sales`.`files`": [
                {"col_name": name, "data_type": kind, "comment": None}
                for name, kind in (("id", "bigint"), ("country", "string"), ("day", "date"),
                                   ("# Partition Information", ""), ("# col_name", "data_type"),
                                   ("country", "string"), ("day", "date"))
            ],
        }  # fmt: skip
        found.failures = {detail("broken"): "[DELTA_TABLE_NOT_FOUND_ON_DISK] Path is gone"}
        yield found
    workspace_client.cache_clear()


@pytest.fixture
def place(warehouse: Warehouse) -> WorkspaceCatalog:
    access = WorkspaceAccess(warehouse.host, token="dapi-any")
    return WorkspaceCatalog(access, WAREHOUSE, {"/mnt/sales": f"{LAKE}/sales/"})


def detail(table: str) -> str:
    return f"DESCRIBE DETAIL `hive_metastore`.`sales`.`{table}`"


def described(table: str, location: str, **more: Any) -> dict[str, list[dict[str, Any]]]:
    """As DESCRIBE DETAIL tells a table: one row."""
    row: dict[str, Any] = {
        "format": "delta", "id": "5ad45b15-6f9b-4b1c-9c2c-5f4f6b1d9f2e",
        "name": f"spark_catalog.sales.{table}", "description": None, "location": location,
        "createdAt": "2026-01-02T03:04:05.000Z", "lastModified": "2026-11-26T03:04:05.000Z",
        "partitionColumns": [], "clusteringColumns": [], "numFiles": "17", "sizeInBytes": "4711",
        "properties": {}, "minReaderVersion": "1", "minWriterVersion": "2",
        "tableFeatures": ["appendOnly", "invariants"], "statistics": {},
    }  # fmt: skip
    return {detail(table): [{**row, **more}]}


def test_every_table_of_every_schema_is_told_with_its_real_place(place: WorkspaceCatalog) -> None:
    found = {one.table: one for one in workspace.list_tables(place)}

    assert {name: (one.kind, one.location) for name, one in found.items()} == {
        "orders": ("delta", f"{LAKE}/sales/orders"),
        "root": ("delta", "dbfs:/user/hive/warehouse/sales.db/root"),
        "unmapped": ("delta", "dbfs:/mnt/other/x"),
        "files": ("parquet", "abfss://raw@atlas.dfs.core.windows.net/f"),
        "broken": ("unknown", ""),
        "recent": ("view", ""),
    }
    orders = found["orders"]
    assert (orders.full_name, orders.comment) == ("hive_metastore.sales.orders", "all orders")
    assert (orders.partition_columns, orders.has_partitions) == (("day",), False)
    assert orders.properties == {"delta.appendOnly": "true"}
    assert [name for name, one in found.items() if not one.is_external] == ["root"]


def test_what_cannot_be_reached_where_it_lies_is_told_with_the_way_to_reach_it(
    place: WorkspaceCatalog,
) -> None:
    found = {one.table: one for one in workspace.list_tables(place, ["sales"])}

    assert "DBFS root" in found["root"].problem
    assert "DEEP CLONE `hive_metastore`.`sales`.`root`" in found["root"].next_step
    assert "`/mnt/other` is a mount" in found["unmapped"].problem
    assert "mounts: {/mnt/other: ADDRESS}" in found["unmapped"].next_step
    assert "Path is gone" in found["broken"].problem
    assert {name for name, one in found.items() if not one.problem} == {
        "orders", "files", "recent"
    }  # fmt: skip


def test_the_root_itself_may_be_mapped(place: WorkspaceCatalog) -> None:
    mapped = WorkspaceCatalog(place.access, WAREHOUSE, {"/": "s3://root-bucket/prod/123/"})

    found = workspace.find_table(mapped, "sales", "root")

    assert found is not None
    assert found.location == "s3://root-bucket/prod/123/user/hive/warehouse/sales.db/root"
    assert found.problem == ""


def test_a_statement_is_waited_for_and_its_chunks_are_all_read(
    place: WorkspaceCatalog, warehouse: Warehouse
) -> None:
    warehouse.states = ("PENDING", "PENDING", "RUNNING", "RUNNING", "RUNNING")
    warehouse.rows["SHOW SCHEMAS IN hive_metastore"] = [
        {"databaseName": f"s{number}"} for number in range(7)
    ]

    assert list(workspace.list_schemas(place)) == [f"s{number}" for number in range(7)]


def test_a_table_that_is_not_there_is_none(place: WorkspaceCatalog) -> None:
    assert workspace.find_table(place, "sales", "nothing") is None


FILES = "`hive_metastore`.`sales`.`files`"


@pytest.fixture
def partitioned(warehouse: Warehouse) -> Warehouse:
    """Two partitions, one of them with a null, which the workspace tells of one by one."""
    for spec, at in (
        (r"`country` = 'd\'e/f', `day` = '2026-11-26'", "dbfs:/mnt/sales/x"),
        ("`country` = 'fr', `day` = '__HIVE_DEFAULT_PARTITION__'", "s3://y"),
    ):
        warehouse.rows[f"DESCRIBE TABLE EXTENDED {FILES} PARTITION ({spec})"] = [
            {"col_name": "Location", "data_type": "string", "comment": None},
            {"col_name": "# Detailed Partition Information", "data_type": "", "comment": ""},
            {"col_name": "Location", "data_type": at, "comment": ""},
            {"col_name": "# Storage Information", "data_type": "", "comment": ""},
            {"col_name": "Location", "data_type": "s3://of-the-table", "comment": ""},
        ]
    return warehouse


@pytest.mark.parametrize(
    "rows",
    [
        [
            {"partition": "country=d%27e%2Ff/day=2026-11-26"},
            {"partition": "country=fr/day=__HIVE_DEFAULT_PARTITION__"},
        ],
        [
            {"country": "d'e/f", "day": "2026-11-26"},
            {"country": "fr", "day": "__HIVE_DEFAULT_PARTITION__"},
        ],
    ],
    ids=["in one column, as for tables of files", "in columns of their own"],
)
def test_partitions_that_only_the_metastore_knows_come_with_their_places(
    place: WorkspaceCatalog, partitioned: Warehouse, rows: list[dict[str, str]]
) -> None:
    partitioned.rows[f"SHOW PARTITIONS {FILES}"] = [dict(row) for row in rows]

    table = workspace.find_table(place, "sales", "files")

    assert table is not None
    assert table.has_partitions
    assert list(workspace.partitions(place, table)) == [
        Partition(("d'e/f", "2026-11-26"), f"{LAKE}/sales/x"), Partition(("fr", None), "s3://y")
    ]  # fmt: skip


def test_the_types_of_partition_columns_are_those_that_the_table_declares(
    place: WorkspaceCatalog,
) -> None:
    table = workspace.find_table(place, "sales", "files")

    assert table is not None
    assert {one.name: one.type for one in table.columns} == {
        "id": "bigint", "country": "string", "day": "date"
    }  # fmt: skip


def test_a_table_whose_columns_cannot_be_told_stops_no_other(
    place: WorkspaceCatalog, warehouse: Warehouse
) -> None:
    warehouse.failures[f"DESCRIBE TABLE {FILES}"] = "[INTERNAL_ERROR] a type is not known"

    found = {one.table: one for one in workspace.list_tables(place, ["sales"])}

    assert "a type is not known" in found["files"].problem
    assert found["orders"].problem == ""


def test_what_is_granted_on_a_table_is_read(place: WorkspaceCatalog, warehouse: Warehouse) -> None:
    warehouse.rows["SHOW GRANTS ON TABLE `hive_metastore`.`sales`.`orders`"] = [
        {"Principal": "analysts", "ActionType": "SELECT", "ObjectType": "TABLE", "ObjectKey": "o"},
        {"Principal": "ops", "ActionType": "USAGE", "ObjectType": "DATABASE", "ObjectKey": "sales"},
    ]
    table = workspace.find_table(place, "sales", "orders")

    assert table is not None
    assert workspace.grants(place, table) == (Grant("analysts", "SELECT"),)


def test_a_warehouse_or_a_schema_that_is_not_there_is_named(place: WorkspaceCatalog) -> None:
    with pytest.raises(FerryError, match="no SQL warehouse `gone`") as no_warehouse:
        list(workspace.list_schemas(WorkspaceCatalog(place.access, "gone")))
    with pytest.raises(FerryError, match=r"no schema `hive_metastore\.nowhere`") as no_schema:
        list(workspace.list_tables(place, ["nowhere"]))

    assert (no_warehouse.value.code, no_schema.value.code) == ("LF-8107", "LF-8107")


def test_a_missing_right_is_named_with_the_statement_that_gives_it(
    place: WorkspaceCatalog, warehouse: Warehouse
) -> None:
    warehouse.failures[detail("orders")] = (
        "[INSUFFICIENT_PERMISSIONS] User does not have permission SELECT on table `orders`."
    )

    with pytest.raises(FerryError, match="does not have permission SELECT") as refused:
        workspace.find_table(place, "sales", "orders")

    assert refused.value.code == "LF-8104"
    assert "GRANT USAGE, SELECT" in refused.value.next_step


def test_a_statement_that_fails_is_told_in_the_words_of_the_workspace(
    place: WorkspaceCatalog, warehouse: Warehouse
) -> None:
    warehouse.failures["SHOW SCHEMAS IN hive_metastore"] = "[INTERNAL_ERROR] the driver is gone"

    with pytest.raises(FerryError, match="the driver is gone") as failed:
        list(workspace.list_schemas(place))

    assert failed.value.code == "LF-8108"
