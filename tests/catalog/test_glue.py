"""Glue's Data Catalog, moto's: what is registered there has the form that Athena and Spark read."""

from dataclasses import replace
from typing import Any

import pytest

from lakeferry.catalog import glue, lake_formation, rights
from lakeferry.catalog.glue import GlueCatalog
from lakeferry.catalog.tables import Change, Grant, Partition
from lakeferry.connect.aws import AwsAccess, client
from lakeferry.errors import FerryError
from tests.catalog.registrations import SCHEMA, orders, with_properties

pytestmark = pytest.mark.server
PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    },
}
SYMLINK = {"InputFormat": "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"}


@pytest.fixture
def place(moto_access: AwsAccess) -> GlueCatalog:
    return GlueCatalog(moto_access)


def make(place: GlueCatalog, schema: str, table: str, **entry: Any) -> None:
    """A table as others make it; its database, too."""
    api = client(place.access, "glue")
    if schema not in glue.list_schemas(place):
        api.create_database(DatabaseInput={"Name": schema})
    entry.setdefault("TableType", "EXTERNAL_TABLE")
    api.create_table(DatabaseName=schema, TableInput={"Name": table, **entry})


def raw(place: GlueCatalog) -> dict[str, Any]:
    """As the service has it."""
    answer = client(place.access, "glue").get_table(DatabaseName="sales", Name="orders")
    found: dict[str, Any] = answer["Table"]
    return found


def test_a_registered_table_has_the_form_of_a_native_delta_table(place: GlueCatalog) -> None:
    assert glue.register(place, orders()) == Change("created")

    table = raw(place)
    assert table["TableType"] == "EXTERNAL_TABLE"
    assert table["PartitionKeys"] == []
    assert table["Parameters"] == {
        "spark.sql.sources.provider": "delta", "table_type": "DELTA", "EXTERNAL": "TRUE",
        "comment": "all orders",
        "lakeferry.source": "abfss://sales@atlas.dfs.core.windows.net/orders",
        "lakeferry.source_version": "24518", "lakeferry.lag": "0",
    }  # fmt: skip
    storage = table["StorageDescriptor"]
    assert storage["Location"] == "s3://atlas-lake/sales/orders"
    assert storage["SerdeInfo"]["Parameters"]["path"] == "s3://atlas-lake/sales/orders"
    assert [(one["Name"], one["Type"], one["Comment"]) for one in storage["Columns"]] == [
        ("id", "bigint", "of the order"),
        ("price", "decimal(10,2)", ""),
        ("at", "timestamp", ""),
        ("lines", "array<struct<sku:string,n:int>>", ""),
        ("day", "date", ""),
    ]


def test_to_register_twice_is_to_register_once(place: GlueCatalog) -> None:
    glue.register(place, orders())

    assert glue.register(place, orders()) == Change("none")


def test_what_differs_is_updated_and_what_others_set_stays(place: GlueCatalog) -> None:
    glue.register(place, orders())
    glue.set_properties(place, "sales", "orders", {"owner.team": "sales"})
    later = replace(with_properties(orders(), lag="40"), columns=orders().columns[:2], comment="")

    changed = glue.register(place, later)

    assert changed == Change("updated", ("columns", "comment", "lakeferry.lag"))
    found = glue.find_table(place, "sales", "orders")
    assert found is not None
    assert (found.comment, len(found.columns)) == ("", 2)
    assert found.properties["owner.team"] == "sales"
    assert glue.register(place, later) == Change("none")


def test_a_very_long_comment_is_cut_and_still_equal_the_next_time(place: GlueCatalog) -> None:
    long = replace(orders(), comment="word " * 1000)
    glue.register(place, long)

    assert len(raw(place)["Description"]) == 2048
    assert glue.register(place, long) == Change("none")


def test_a_table_of_somebody_else_is_not_written_over(place: GlueCatalog) -> None:
    make(place, "sales", "orders", StorageDescriptor={"Location": orders().location})

    with pytest.raises(FerryError, match=r"another table named `sales\.orders`") as refused:
        glue.register(place, orders())

    assert refused.value.code == "LF-8101"
    assert "Parameters" not in raw(place)


def test_a_table_of_ours_at_another_place_is_not_led_elsewhere_silently(
    place: GlueCatalog,
) -> None:
    glue.register(place, orders())

    with pytest.raises(FerryError) as refused:
        glue.register(place, orders("s3://atlas-lake/new/orders"))

    assert refused.value.code == "LF-8102"


def test_only_what_is_as_it_was_registered_is_taken_away(place: GlueCatalog) -> None:
    glue.register(place, orders())
    glue.set_properties(place, "sales", "orders", {"lakeferry.lag": "77"})

    with pytest.raises(FerryError, match="location differ") as refused:
        glue.unregister(place, orders("s3://atlas-lake/where/it/was"))
    assert refused.value.code == "LF-8103"

    assert glue.unregister(place, orders()) == Change("removed")
    assert glue.unregister(place, orders()) == Change("none")


def test_who_looks_at_a_table_or_takes_it_away_asks_for_no_more_than_their_rights(
    place: GlueCatalog,
) -> None:
    glue.register(place, orders())
    events = client(place.access, "glue").meta.events
    asked: list[str] = []

    def ask(model: Any, **_: Any) -> None:
        asked.append(f"glue:{model.name}")

    events.register("before-call", ask)
    try:
        found = glue.find_table(place, "sales", "orders")
        assert found is not None
        list(glue.partitions(place, found))
        looked = set(asked)
        asked.clear()
        glue.set_properties(place, "sales", "orders", {"lakeferry.receipt": "5c"})
        glue.unregister(place, orders())
    finally:
        events.unregister("before-call", ask)

    assert (looked, set(asked)) == (set(rights.LOOKS), set(rights.TAKES_AWAY))


def test_a_listing_tells_what_each_table_is_and_where_it_lies(place: GlueCatalog) -> None:
    at = "s3://lake/a"
    make(place, "a", "crawled", Parameters={"table_type": "delta"},
         StorageDescriptor={"Location": at})  # fmt: skip
    make(place, "a", "by_spark", Parameters={"spark.sql.sources.provider": "DELTA"},
         StorageDescriptor={"Location": "s3://lake/a-__PLACEHOLDER__",
                            "SerdeInfo": {"Parameters": {"path": at}}})  # fmt: skip
    make(place, "a", "by_manifest", PartitionKeys=[{"Name": "day", "Type": "date"}],
         StorageDescriptor={"Location": f"{at}/_symlink_format_manifest/", **SYMLINK})  # fmt: skip
    make(place, "b", "files", PartitionKeys=[{"Name": "day", "Type": "date"}],
         StorageDescriptor={"Location": at, **PARQUET})  # fmt: skip
    make(place, "b", "ice", Parameters={"table_type": "ICEBERG"},
         StorageDescriptor={"Location": at})  # fmt: skip
    make(place, "b", "seen", TableType="VIRTUAL_VIEW", ViewOriginalText="SELECT 1")

    found = {one.full_name: one for one in glue.list_tables(place)}

    assert {name: (one.kind, one.location) for name, one in found.items()} == {
        "a.crawled": ("delta", at), "a.by_spark": ("delta", at), "a.by_manifest": ("delta", at),
        "b.files": ("parquet", at), "b.ice": ("iceberg", at), "b.seen": ("view", ""),
    }  # fmt: skip
    assert [name for name, one in found.items() if one.has_partitions] == ["b.files"]


def test_a_database_that_is_not_there_is_named(place: GlueCatalog) -> None:
    with pytest.raises(FerryError, match="no database `nowhere`") as refused:
        list(glue.list_tables(place, ["nowhere"]))

    assert refused.value.code == "LF-8107"


def test_partitions_that_only_glue_knows_come_with_their_places(place: GlueCatalog) -> None:
    make(place, "b", "files", PartitionKeys=[{"Name": "day", "Type": "date"}],
         StorageDescriptor={"Location": "s3://lake/files", **PARQUET})  # fmt: skip
    for day, at in (("2026-11-26", "s3://elsewhere/x"), ("__HIVE_DEFAULT_PARTITION__", "s3://l/n")):
        client(place.access, "glue").create_partition(
            DatabaseName="b", TableName="files",
            PartitionInput={"Values": [day], "StorageDescriptor": {"Location": at}},
        )  # fmt: skip
    table = glue.find_table(place, "b", "files")

    assert table is not None
    assert sorted(glue.partitions(place, table), key=str) == [
        Partition(("2026-11-26",), "s3://elsewhere/x"), Partition((None,), "s3://l/n")
    ]  # fmt: skip


def test_a_schema_that_spark_cut_into_parts_is_read_whole(place: GlueCatalog) -> None:
    first, second = SCHEMA[:100], SCHEMA[100:]
    make(place, "b", "files", StorageDescriptor={"Location": "s3://l/f", **PARQUET}, Parameters={
        "spark.sql.sources.provider": "parquet", "spark.sql.sources.schema.numParts": "2",
        "spark.sql.sources.schema.part.0": first, "spark.sql.sources.schema.part.1": second,
    })  # fmt: skip

    table = glue.find_table(place, "b", "files")

    assert table is not None
    assert table.columns == orders().columns


def test_what_lake_formation_grants_on_a_table_is_read(place: GlueCatalog) -> None:
    glue.register(place, orders())
    etl = "arn:aws:iam::123456789012:role/etl"
    client(place.access, "lakeformation").grant_permissions(
        Principal={"DataLakePrincipalIdentifier": etl},
        Resource={"Table": {"DatabaseName": "sales", "Name": "orders"}},
        Permissions=["SELECT", "DESCRIBE"],
    )
    table = glue.find_table(place, "sales", "orders")

    assert table is not None
    assert set(lake_formation.grants(place, table)) == {
        Grant(etl, "SELECT"), Grant(etl, "DESCRIBE")
    }  # fmt: skip
