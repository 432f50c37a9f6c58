"""What the target's catalog is told of a table: its name there, and what `status` says of it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakeferry.catalog import reading, registering
from lakeferry.catalog.glue import GlueCatalog
from lakeferry.catalog.hive import HiveCatalog
from lakeferry.catalog.unity_entry import UnityCatalog
from lakeferry.connect.aws import AwsAccess
from lakeferry.connect.databricks import WorkspaceAccess
from lakeferry.delta.actions import Metadata
from lakeferry.errors import FerryError
from lakeferry.fleet.catalogs.registration import catalog_name, refuse_one_name, registration, told
from lakeferry.fleet.catalogs.target_catalog import target_catalog
from lakeferry.fleet.cutover.look import shown_name
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.standing.status import behind_s
from lakeferry.ledger.rows import LakeTable
from tests.catalog.registrations import SCHEMA
from tests.fleet.manifests import migration

NOON = int(datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp() * 1000)
METADATA = Metadata(
    id="5ad45b15", schema_string=SCHEMA, partition_columns=("day",), configuration={},
    description="all orders",
)  # fmt: skip
TABLE = LakeTable(
    "s3://atlas-lake/dc-1/Sales/Orders.v2", "dc-1.Sales.Orders.v2", "dc-1",
    "hdfs://dc1/warehouse/sales/orders", "delta", 3, "internet",
    schema_name="Sales", table_name="Orders.v2", source_version=24_520, held_version=24_518,
    target_version=63, behind_since_ms=NOON - 40_900,
)  # fmt: skip


def wanted(folder: Path, catalog: str = "{kind: glue}", connections: str = "") -> Migration:
    return migration(
        folder,
        "version: 1\nname: atlas\n"
        f"connections: {{hadoop: {{kind: hdfs}}{connections}}}\n"
        "target:\n"
        "  root: s3://atlas-lake\n"
        "  region: eu-west-1\n"
        f"  catalog: {catalog}\n"
        "sources:\n"
        "  dc-1: {connection: hadoop, root: 'hdfs://dc1/warehouse'}\n",
    )


def test_a_name_becomes_one_that_every_catalog_takes(tmp_path: Path) -> None:
    assert catalog_name(wanted(tmp_path), TABLE) == ("dc_1_sales", "orders_v2")


def test_two_tables_that_a_catalog_would_know_by_one_name_are_refused_before_one_has_it(
    tmp_path: Path,
) -> None:
    other = TABLE._replace(name="dc-1.sales.orders-v2", schema_name="sales", table_name="orders-v2")
    refuse_one_name(wanted(tmp_path), [TABLE, TABLE._replace(table_name="Items")], "Glue")

    with pytest.raises(FerryError, match=r"two tables as `dc_1_sales\.orders_v2`") as refused:
        refuse_one_name(wanted(tmp_path), [TABLE, other], "Glue")

    assert refused.value.code == "LF-8101"


def test_statements_quote_what_sql_would_not_take_as_a_name(tmp_path: Path) -> None:
    lake = wanted(tmp_path, "{kind: unity, catalog: my-lake, uri: 'http://localhost:8080'}")
    nowhere = wanted(tmp_path, "{kind: glue, register: never}")

    assert shown_name(lake, TABLE, "sales", "orders`; --") == "`my-lake`.sales.`orders``; --`"
    assert shown_name(nowhere, TABLE, "sales", "orders") == f"delta.`{TABLE.target_url}`"


def test_the_schema_follows_the_layout_of_the_manifest(tmp_path: Path) -> None:
    layout = '{kind: glue, schema: "w{wave}_{kind}"}'

    assert catalog_name(wanted(tmp_path, layout), TABLE) == ("w3_hdfs", "orders_v2")


def test_what_is_told_is_what_status_says_at_that_moment() -> None:
    assert told(TABLE, now_ms=NOON) == {
        "lakeferry.source": "hdfs://dc1/warehouse/sales/orders",
        "lakeferry.source_version": "24518",
        "lakeferry.lag": "40",
        "lakeferry.as_of": "2026-11-26T12:00:00Z",
    }
    assert behind_s(TABLE, NOON) == 40.9


def test_a_table_that_was_never_moved_has_neither_version_nor_lag() -> None:
    found = told(TABLE._replace(held_version=None, target_version=None), now_ms=NOON)

    assert found == {"lakeferry.source": "hdfs://dc1/warehouse/sales/orders"}


@pytest.mark.server
def test_the_catalog_alone_tells_what_the_ledger_knows(
    tmp_path: Path, moto_access: AwsAccess
) -> None:
    place = GlueCatalog(moto_access)
    entry = registration(wanted(tmp_path), TABLE, METADATA, now_ms=NOON)
    registering.register(place, entry)
    later = TABLE._replace(held_version=24_520, behind_since_ms=None)

    changed = registering.set_properties(
        place, entry.schema, entry.table, told(later, now_ms=NOON + 60_000)
    )

    assert changed.parts == ("lakeferry.as_of", "lakeferry.lag", "lakeferry.source_version")
    found = reading.find_table(place, "dc_1_sales", "orders_v2")
    assert found is not None
    assert (found.location, found.comment) == (TABLE.target_url, "all orders")
    assert told(later, now_ms=NOON + 60_000).items() <= found.properties.items()
    assert float(found.properties["lakeferry.lag"]) == behind_s(later, NOON + 60_000)


def test_the_catalog_of_the_target_is_reached_as_the_manifest_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = ', new: {kind: databricks, host: "https://dbc-1.cloud.databricks.com", token: "${env:T}"}'
    monkeypatch.setenv("T", "dapi")
    hive = wanted(tmp_path, '{kind: hive, uri: "thrift://hms:9083"}')
    safe = wanted(
        tmp_path,
        '{kind: hive, connection: safe, uri: "thrift://hms:9083"}',
        ", safe: {kind: hdfs, auth: kerberos}",
    )
    glue = wanted(tmp_path, "{kind: glue}")
    unity = wanted(tmp_path, "{kind: unity, connection: new, catalog: atlas}", new)
    oss = wanted(tmp_path, '{kind: unity, uri: "https://uc.example:8080", catalog: atlas}')

    assert target_catalog(hive.target) == HiveCatalog("thrift://hms:9083")
    assert target_catalog(safe.target) == HiveCatalog("thrift://hms:9083", service="hive")
    assert target_catalog(glue.target) == GlueCatalog(AwsAccess("eu-west-1"))
    assert target_catalog(unity.target) == UnityCatalog(
        WorkspaceAccess("https://dbc-1.cloud.databricks.com", token="dapi"), "atlas"
    )
    assert target_catalog(oss.target) == UnityCatalog(
        WorkspaceAccess("https://uc.example:8080", token="none"), "atlas", has_tags=False
    )
    assert target_catalog(wanted(tmp_path, "{kind: none}").target) is None
