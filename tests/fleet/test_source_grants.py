"""Grants at a source as statements for its target: every catalog that names tables is asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeferry.catalog.hive import HiveCatalog
from lakeferry.catalog.tables import SOURCE, Registration
from lakeferry.catalog.unity_entry import UnityCatalog
from lakeferry.catalog.workspace import WorkspaceCatalog
from lakeferry.connect.databricks import WorkspaceAccess, workspace_client
from lakeferry.fleet.cutover.source_grants import grant_lines
from lakeferry.fleet.discovery.from_catalog import known_by
from lakeferry.fleet.manifest.wanted import Source
from lakeferry.ledger.rows import LakeTable
from tests.fleet.manifests import migration
from tests.servers import sql_warehouse
from tests.servers.sql_warehouse import WAREHOUSE, Warehouse

NAME = "`hive_metastore`.`sales`.`orders`"
TARGET = UnityCatalog(WorkspaceAccess("https://dbc-1.cloud.databricks.com"), "atlas")
WANTED = Registration("ws_sales", "orders", "s3://atlas-lake/ws/sales/orders", (),
                      properties={SOURCE: "abfss://lake@atlas/sales/orders"})  # fmt: skip
ROW = LakeTable(WANTED.location, "ws.sales.orders", "ws", "abfss://lake@atlas/sales/orders",
                "delta", 1, "internet", schema_name="sales", table_name="orders")  # fmt: skip


@pytest.fixture
def warehouse(monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    monkeypatch.setenv("OLD_TOKEN", "dapi-any")
    with sql_warehouse.running() as found:
        found.states = ()
        found.rows = {
            f"DESCRIBE DETAIL {NAME}": [{"format": "delta", "location": "dbfs:/mnt/sales/orders"}],
            f"SHOW GRANTS ON TABLE {NAME}": [
                {"Principal": "analysts", "ActionType": "SELECT", "ObjectType": "TABLE"},
                {"Principal": "etl", "ActionType": "MODIFY", "ObjectType": "TABLE"},
            ],
        }
        yield found
    workspace_client.cache_clear()


def source(folder: Path, names_from: str, connections: str) -> Source:
    text = (
        f"version: 1\nname: atlas\nconnections: {{lake: {{kind: aws}}, {connections}}}\n"
        "target: {connection: lake, region: us-east-1, root: 's3://atlas-lake'}\n"
        f"sources: {{ws: {{root: 'abfss://lake@atlas.dfs.core.windows.net/', from: {names_from}}}}}"
    )
    return migration(folder, text).sources["ws"]


@pytest.mark.parametrize("names", ["catalog: hive", "catalog: unity, name: hive_metastore"])
def test_grants_of_a_workspaces_own_metastore_are_told(
    tmp_path: Path, warehouse: Warehouse, names: str
) -> None:
    link = f'old: {{kind: databricks, host: "{warehouse.host}", token: "${{env:OLD_TOKEN}}"}}'
    where = f"{{{names}, connection: old, warehouse: {WAREHOUSE}}}"

    known = known_by(source(tmp_path, where, link))

    assert isinstance(known, WorkspaceCatalog)
    assert grant_lines(known, ROW, TARGET, WANTED) == (
        "GRANT MODIFY ON TABLE `atlas`.`ws_sales`.`orders` TO `etl`;",
        "GRANT SELECT ON TABLE `atlas`.`ws_sales`.`orders` TO `analysts`;",
        f"-- at the source: REVOKE MODIFY ON TABLE {NAME} FROM `etl`;",
    )


def test_a_metastore_of_a_cluster_with_kerberos_is_asked_with_a_ticket(tmp_path: Path) -> None:
    names = '{catalog: hive, uri: "thrift://hms.dc1:9083", connection: safe}'

    found = known_by(source(tmp_path, names, "safe: {kind: hdfs, auth: kerberos}"))

    assert found == HiveCatalog("thrift://hms.dc1:9083", service="hive")


def test_a_source_whose_folders_alone_name_its_tables_has_no_grants(tmp_path: Path) -> None:
    assert known_by(source(tmp_path, "{catalog: paths}", "a: {kind: azure}")) is None
