"""A Hive metastore, the real service: what is registered there is what Spark reads by name."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lakeferry.catalog import hive
from lakeferry.catalog.hive import HiveCatalog
from lakeferry.catalog.hive_layout import NULL
from lakeferry.catalog.judging import same_place
from lakeferry.catalog.tables import Change, Grant, Partition
from lakeferry.connect import thrift_form as thrift
from lakeferry.connect.metastore import ask
from lakeferry.errors import FerryError
from tests.catalog.registrations import make_orders, orders, with_properties
from tests.judges.spark_by_name import RowsByName
from tests.servers import Server, free_port

pytestmark = pytest.mark.server


@pytest.fixture
def place(hive_metastore_server: Server) -> Iterator[HiveCatalog]:
    """Without databases but `default`."""
    found = HiveCatalog(hive_metastore_server.place)
    yield found
    for schema in hive.list_schemas(found):
        if schema != "default":
            drop = {1: thrift.text(schema), 2: thrift.flag(False), 3: thrift.flag(True)}
            ask(found.uri, "drop_database", drop, {})


def text_fields(*names: str) -> thrift.Typed:
    return thrift.structs(
        {1: thrift.text(name), 2: thrift.text("string"), 3: thrift.text("")} for name in names
    )


def storage(location: str) -> thrift.Typed:
    return thrift.struct({
        1: text_fields("name"), 2: thrift.text(location),
        3: thrift.text("org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"),
        4: thrift.text("org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"),
        7: thrift.struct({
            2: thrift.text("org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"),
            3: thrift.text_map({}),
        }),
    })  # fmt: skip


def make_parquet_table(place: HiveCatalog, name: str, folder: Path) -> None:
    """Partitioned by two columns, as Hive would make it."""
    if "lake" not in hive.list_schemas(place):
        ask(place.uri, "create_database", {1: thrift.struct({1: thrift.text("lake")})}, {})
    table: thrift.Fields = {
        1: thrift.text(name), 2: thrift.text("lake"), 3: thrift.text("etl"),
        7: storage(f"file://{folder}"), 8: text_fields("country", "day"),
        9: thrift.text_map({"EXTERNAL": "TRUE"}), 12: thrift.text("EXTERNAL_TABLE"),
    }  # fmt: skip
    ask(place.uri, "create_table", {1: thrift.struct(table)}, {1: "There", 2: "Invalid", 3: "Meta"})


def add_partition(place: HiveCatalog, name: str, values: tuple[str, ...], location: str) -> None:
    partition: thrift.Fields = {
        1: thrift.texts(values), 2: thrift.text("lake"), 3: thrift.text(name),
        6: storage(location), 7: thrift.text_map({}),
    }  # fmt: skip
    ask(place.uri, "add_partition", {1: thrift.struct(partition)}, {1: "Invalid", 3: "Meta"})


def test_a_registered_table_is_found_with_all_that_was_said_of_it(
    place: HiveCatalog, tmp_path: Path
) -> None:
    wanted = orders(f"file://{tmp_path}/orders")

    assert hive.register(place, wanted) == Change("created")

    found = hive.find_table(place, "sales", "orders")
    assert found is not None
    assert (found.kind, found.location, found.comment) == ("delta", wanted.location, "all orders")
    assert found.is_external
    assert found.is_ours
    assert found.properties["lakeferry.source_version"] == "24518"
    assert [(one.name, one.type, one.comment) for one in found.columns] == [
        ("id", "bigint", "of the order"),
        ("price", "decimal(10,2)", ""),
        ("at", "timestamp", ""),
        ("lines", "array<struct<sku:string,n:int>>", ""),
        ("day", "date", ""),
    ]


def test_to_register_twice_is_to_register_once(place: HiveCatalog, tmp_path: Path) -> None:
    wanted = orders(f"file://{tmp_path}/orders")
    hive.register(place, wanted)

    assert hive.register(place, wanted) == Change("none")


def test_what_differs_is_updated_and_what_others_set_stays(
    place: HiveCatalog, tmp_path: Path
) -> None:
    wanted = orders(f"file://{tmp_path}/orders")
    hive.register(place, wanted)
    hive.set_properties(place, "sales", "orders", {"owner.team": "sales"})
    later = replace(with_properties(wanted, lag="40"), columns=wanted.columns[:2], comment="")

    assert hive.register(place, later) == Change("updated", ("columns", "comment", "lakeferry.lag"))

    found = hive.find_table(place, "sales", "orders")
    assert found is not None
    assert (found.comment, len(found.columns)) == ("", 2)
    assert found.properties["owner.team"] == "sales"
    assert found.properties["lakeferry.lag"] == "40"


def test_a_table_of_somebody_else_is_not_written_over(place: HiveCatalog, tmp_path: Path) -> None:
    wanted = orders(f"file://{tmp_path}/orders")
    hive.register(place, wanted)
    hive.set_properties(place, "sales", "orders", {"lakeferry.source": None})

    with pytest.raises(FerryError, match=r"another table named `sales\.orders`") as refused:
        hive.register(place, wanted)

    assert refused.value.code == "LF-8101"


def test_a_table_of_ours_at_another_place_is_not_led_elsewhere_silently(
    place: HiveCatalog, tmp_path: Path
) -> None:
    hive.register(place, orders(f"file://{tmp_path}/orders"))

    with pytest.raises(FerryError) as refused:
        hive.register(place, orders(f"file://{tmp_path}/elsewhere"))

    assert refused.value.code == "LF-8102"


def test_only_what_is_as_it_was_registered_is_taken_away(
    place: HiveCatalog, tmp_path: Path
) -> None:
    wanted = orders(make_orders(tmp_path / "orders"))
    hive.register(place, wanted)
    hive.set_properties(place, "sales", "orders", {"lakeferry.lag": "77", "comment": "mine now"})

    with pytest.raises(FerryError, match="comment differ") as refused:
        hive.unregister(place, wanted)
    assert refused.value.code == "LF-8103"

    hive.set_properties(place, "sales", "orders", {"comment": wanted.comment})
    assert hive.unregister(place, wanted) == Change("removed")
    assert hive.unregister(place, wanted) == Change("none")
    assert (tmp_path / "orders" / "_delta_log").is_dir()


def test_properties_of_a_table_that_is_not_there_cannot_be_set(place: HiveCatalog) -> None:
    with pytest.raises(FerryError) as refused:
        hive.set_properties(place, "sales", "nothing", {"a": "b"})

    assert refused.value.code == "LF-8107"


def test_a_listing_has_every_table_of_every_database_page_by_page(
    place: HiveCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hive, "A_PAGE", 2)
    for number in range(5):
        make_parquet_table(place, f"t{number}", tmp_path / f"t{number}")
    hive.register(place, orders(f"file://{tmp_path}/orders"))

    found = {one.full_name: one.kind for one in hive.list_tables(place)}

    assert found == {**{f"lake.t{n}": "parquet" for n in range(5)}, "sales.orders": "delta"}
    assert [one.full_name for one in hive.list_tables(place, ["sales"])] == ["sales.orders"]
    with pytest.raises(FerryError) as refused:
        hive.list_tables(place, ["nowhere"])
    assert refused.value.code == "LF-8107"


def test_partitions_that_only_the_metastore_knows_come_with_their_places(
    place: HiveCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hive, "PARTITIONS", 2)
    make_parquet_table(place, "visits", tmp_path / "visits")
    add_partition(place, "visits", ("de", "2026-11-26"), f"file://{tmp_path}/somewhere/else")
    add_partition(place, "visits", ("fr", NULL), f"file://{tmp_path}/visits/f")
    add_partition(place, "visits", ("x=y/z", "2026-11-27"), f"file://{tmp_path}/visits/x")

    table = hive.find_table(place, "lake", "visits")

    assert table is not None
    assert (table.has_partitions, table.partition_columns) == (True, ("country", "day"))
    assert sorted(hive.partitions(place, table), key=str) == [
        Partition(("de", "2026-11-26"), f"file:{tmp_path}/somewhere/else"),
        Partition(("fr", None), f"file:{tmp_path}/visits/f"),
        Partition(("x=y/z", "2026-11-27"), f"file:{tmp_path}/visits/x"),
    ]


def test_what_the_metastore_keeps_of_rights_is_read(place: HiveCatalog, tmp_path: Path) -> None:
    hive.register(place, orders(f"file://{tmp_path}/orders"))
    reference = thrift.struct({
        1: thrift.i32(3), 2: thrift.text("sales"), 3: thrift.text("orders"),
        4: thrift.texts(()),
    })  # fmt: skip
    info = thrift.struct({
        1: thrift.text("select"), 2: thrift.i32(0), 3: thrift.text("admin"), 4: thrift.i32(1),
        5: thrift.flag(False),
    })  # fmt: skip
    one: thrift.Fields = {
        1: reference,
        2: thrift.text("ann"),
        3: thrift.i32(1),
        4: info,
        5: thrift.text("SQL"),
    }
    ask(place.uri, "grant_privileges", {1: thrift.struct({1: thrift.structs([one])})}, {1: "Meta"})
    table = hive.find_table(place, "sales", "orders")

    assert table is not None
    assert Grant("ann", "SELECT", "user") in hive.grants(place, table)


def test_a_port_where_nobody_listens_is_told_with_what_to_do() -> None:
    with pytest.raises(FerryError, match="does not answer") as silent:
        list(hive.list_schemas(HiveCatalog(f"thrift://127.0.0.1:{free_port()}")))

    assert silent.value.code == "LF-8105"


@pytest.mark.spark
def test_spark_reads_a_registered_table_by_its_name(
    place: HiveCatalog, rows_by_name: RowsByName, tmp_path: Path
) -> None:
    hive.register(place, orders(make_orders(tmp_path / "orders")))

    rows = rows_by_name("SELECT id, day FROM sales.orders ORDER BY id")

    assert rows == [[1, "2026-11-26"], [2, "2026-11-26"], [3, "2026-11-27"]]


@pytest.mark.spark
def test_tables_that_spark_registered_are_told_as_it_wrote_them(
    place: HiveCatalog, rows_by_name: RowsByName, tmp_path: Path
) -> None:
    at, beside = f"file://{tmp_path}/visits", f"file://{tmp_path}/else"
    delta = make_orders(tmp_path / "orders")
    rows_by_name(
        "CREATE DATABASE lake",
        "CREATE TABLE lake.visits (Id BIGINT COMMENT 'of the visit', Seen TIMESTAMP_NTZ, "
        f"Country STRING, Day DATE) USING parquet PARTITIONED BY (Country, Day) LOCATION '{at}'",
        "INSERT INTO lake.visits VALUES (1, NULL, 'de', DATE'2026-11-26'), "
        "(2, NULL, NULL, DATE'2026-11-27')",
        "ALTER TABLE lake.visits ADD PARTITION (Country = 'fr', Day = DATE'2026-11-26') "
        f"LOCATION '{beside}'",
        f"CREATE TABLE lake.orders USING delta LOCATION '{delta}'",
    )

    table = hive.find_table(place, "lake", "visits")
    found_delta = hive.find_table(place, "lake", "orders")

    assert found_delta is not None
    assert (found_delta.kind, same_place(found_delta.location, delta)) == ("delta", True)
    assert not found_delta.is_ours
    assert table is not None
    assert (table.kind, same_place(table.location, at), table.has_partitions) == (
        "parquet", True, True
    )  # fmt: skip
    assert [(one.name, one.type, one.comment) for one in table.columns] == [
        ("Id", "bigint", "of the visit"), ("Seen", "timestamp_ntz", ""), ("Country", "string", ""),
        ("Day", "date", ""),
    ]  # fmt: skip
    assert table.partition_columns == ("Country", "Day")
    found = {one.values: one.location for one in hive.partitions(place, table)}
    assert set(found) == {("de", "2026-11-26"), (None, "2026-11-27"), ("fr", "2026-11-26")}
    assert same_place(found["fr", "2026-11-26"], beside)
    assert same_place(found["de", "2026-11-26"], f"{at}/Country=de/Day=2026-11-26")
