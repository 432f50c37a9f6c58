"""Unity Catalog by REST: every request and answer passes the models of its published client."""

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from lakeferry.catalog import unity
from lakeferry.catalog.tables import Change, Grant
from lakeferry.catalog.unity_entry import UnityCatalog
from lakeferry.catalog.unity_requests import tag, tags_of
from lakeferry.connect.databricks import WorkspaceAccess, workspace_client
from lakeferry.errors import FerryError
from tests.catalog.registrations import orders, with_properties
from tests.judges.unity_reader import table_as_the_client_reads_it
from tests.servers import unity_catalog

pytestmark = pytest.mark.server


@dataclass(frozen=True, slots=True)
class Stub:
    url: str

    def set(self, **values: Any) -> dict[str, Any]:
        """What it holds after that; `requests` is all that was asked."""
        data = json.dumps(values).encode()
        request = urllib.request.Request(f"{self.url}/stub", data=data, method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    @property
    def table(self) -> dict[str, Any]:
        found: dict[str, Any] = self.set()["tables"]["atlas.sales.orders"]
        return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with unity_catalog.running(tmp_path_factory.mktemp("unity")) as url:
        yield url
    workspace_client.cache_clear()


@pytest.fixture
def stub(server: str) -> Stub:
    found = Stub(server)
    found.set(schemas={}, tables={}, granted={}, tags={}, requests=[], throttled=0, denied={},
              a_page=2)  # fmt: skip
    return found


@pytest.fixture
def oss(stub: Stub) -> UnityCatalog:
    """The open-source server: no tags."""
    return UnityCatalog(WorkspaceAccess(stub.url, token="not-used"), "atlas", has_tags=False)


@pytest.fixture
def databricks(stub: Stub) -> UnityCatalog:
    return UnityCatalog(WorkspaceAccess(stub.url, token="not-used"), "atlas")


def test_a_registered_table_is_an_external_one_with_all_that_was_said_of_it(
    oss: UnityCatalog, stub: Stub
) -> None:
    assert unity.register(oss, orders()) == Change("created")

    entry = stub.table
    assert (entry["table_type"], entry["data_source_format"]) == ("EXTERNAL", "DELTA")
    assert entry["storage_location"] == orders().location
    assert entry["comment"] == "all orders"
    assert entry["properties"]["lakeferry.source_version"] == "24518"
    assert [
        (one["name"], one["type_name"], one["type_text"], one.get("partition_index"))
        for one in entry["columns"]
    ] == [
        ("Id", "LONG", "bigint", None),
        ("price", "DECIMAL", "decimal(10,2)", None),
        ("at", "TIMESTAMP_NTZ", "timestamp_ntz", None),
        ("lines", "ARRAY", "array<struct<sku:string,n:int>>", None),
        ("day", "DATE", "date", 0),
    ]
    assert entry["columns"][0]["comment"] == "of the order"
    assert json.loads(entry["columns"][0]["type_json"])["type"] == "long"
    found = unity.find_table(oss, "sales", "orders")
    assert found is not None
    assert (found.kind, found.partition_columns, found.columns) == (
        "delta", ("day",), orders().columns
    )  # fmt: skip


def test_the_published_client_reads_what_was_registered(oss: UnityCatalog, stub: Stub) -> None:
    unity.register(oss, orders())

    table = table_as_the_client_reads_it(stub.url, "atlas.sales.orders")

    assert (table["data_source_format"], table["storage_location"]) == ("DELTA", orders().location)
    assert [one["type_text"] for one in table["columns"]] == [one.type for one in orders().columns]
    assert table["properties"] == dict(orders().properties)


@pytest.mark.parametrize("has_tags", [True, False])
def test_to_register_twice_is_to_register_once(oss: UnityCatalog, has_tags: bool) -> None:
    place = replace(oss, has_tags=has_tags)
    unity.register(place, orders())

    assert unity.register(place, orders()) == Change("none")


def test_the_open_server_makes_an_entry_anew_and_keeps_what_was_granted(
    oss: UnityCatalog, stub: Stub
) -> None:
    unity.register(oss, orders())
    stub.set(granted={"atlas.sales.orders": {"ann": ["SELECT"], "etl": ["SELECT", "MODIFY"]}})

    changed = unity.register(oss, with_properties(orders(), lag="40"))

    assert changed == Change("updated", ("lakeferry.lag",))
    assert stub.table["properties"]["lakeferry.lag"] == "40"
    found = unity.find_table(oss, "sales", "orders")
    assert found is not None
    assert unity.grants(oss, found) == (
        Grant("ann", "SELECT"), Grant("etl", "SELECT"), Grant("etl", "MODIFY")
    )  # fmt: skip


def test_databricks_tells_lag_by_tags_and_nothing_is_dropped_for_it(
    databricks: UnityCatalog, stub: Stub
) -> None:
    unity.register(databricks, orders())
    made = stub.table["table_id"]

    assert unity.set_properties(
        databricks, "sales", "orders", {"lakeferry.lag": "40", "lakeferry.receipt": None}
    ) == Change("updated", ("lakeferry.lag",))

    assert stub.set()["tags"]["atlas.sales.orders"]["lakeferry_lag"] == "40"
    assert stub.table["table_id"] == made
    found = unity.find_table(databricks, "sales", "orders")
    assert found is not None
    assert found.properties["lakeferry.lag"] == "40"
    assert unity.register(databricks, with_properties(orders(), lag="40")) == Change("none")


def test_tags_that_a_killed_run_did_not_put_are_put_by_the_next(
    databricks: UnityCatalog, stub: Stub
) -> None:
    unity.register(databricks, orders())
    stub.set(tags={})

    changed = unity.register(databricks, orders())

    assert changed == Change("updated", tuple(sorted(orders().properties)))
    assert unity.register(databricks, orders()) == Change("none")


def test_tags_are_named_as_the_sdk_names_them(databricks: UnityCatalog) -> None:
    unity.register(databricks, orders())
    api = workspace_client(databricks.access).entity_tag_assignments

    listed = {one.tag_key: one.tag_value for one in api.list("tables", "atlas.sales.orders")}

    assert listed["lakeferry_source_version"] == "24518"


def test_a_table_of_somebody_else_is_not_written_over(oss: UnityCatalog, stub: Stub) -> None:
    unity.register(oss, orders())
    stub.set(tables={"atlas.sales.orders": {**stub.table, "properties": {}}})

    with pytest.raises(FerryError, match=r"another table named `atlas\.sales\.orders`") as refused:
        unity.register(oss, orders())

    assert refused.value.code == "LF-8101"


def test_where_the_entry_that_is_made_anew_is_refused_the_old_one_is_there_again(
    oss: UnityCatalog, stub: Stub
) -> None:
    unity.register(oss, orders())
    before = unity.find_table(oss, "sales", "orders")
    anew = replace(with_properties(orders(), lag="40"), location=f"{orders().location}/")
    stub.set(granted={"atlas.sales.orders": {"ann": ["SELECT"]}},
             denied={f"POST /tables {anew.location}": "no CREATE EXTERNAL TABLE"})  # fmt: skip

    with pytest.raises(FerryError, match="no CREATE EXTERNAL TABLE"):
        unity.register(oss, anew)

    assert before is not None
    assert unity.find_table(oss, "sales", "orders") == before
    assert unity.grants(oss, before) == (Grant("ann", "SELECT"),)


def test_an_entry_whose_files_the_catalog_owns_is_never_made_anew(
    oss: UnityCatalog, stub: Stub
) -> None:
    unity.register(oss, orders())
    managed = {**stub.table, "table_type": "MANAGED"}
    stub.set(tables={"atlas.sales.orders": managed})

    with pytest.raises(FerryError, match="would delete them") as refused:
        unity.set_properties(oss, "sales", "orders", {"lakeferry.lag": "40"})

    assert refused.value.code == "LF-8103"
    assert stub.table == managed


@pytest.mark.parametrize("has_tags", [True, False])
def test_only_what_is_as_it_was_registered_is_taken_away(
    oss: UnityCatalog, stub: Stub, has_tags: bool
) -> None:
    place = replace(oss, has_tags=has_tags)
    unity.register(place, orders())
    entry = stub.table
    stub.set(tables={"atlas.sales.orders": {**entry, "table_type": "MANAGED"}})

    with pytest.raises(FerryError, match="would delete them") as refused:
        unity.unregister(place, orders())
    assert refused.value.code == "LF-8103"

    stub.set(tables={"atlas.sales.orders": entry})
    assert unity.unregister(place, orders()) == Change("removed")
    assert unity.unregister(place, orders()) == Change("none")


def test_a_listing_has_every_table_of_every_schema_page_by_page(
    oss: UnityCatalog, stub: Stub
) -> None:
    wanted = {f"atlas.s{schema}.t{table}" for schema in range(5) for table in range(5)}
    for name in wanted:
        _, schema, table = name.split(".")
        unity.register(oss, replace(orders(), schema=schema, table=table))
    stub.set(requests=[])

    found = [one.full_name for one in unity.list_tables(oss)]

    assert sorted(found) == sorted(wanted)
    assert stub.set()["requests"].count("GET /tables") == 15  # two a page
    assert {one.schema for one in unity.list_tables(oss, ["s3"])} == {"s3"}


def test_what_is_throttled_is_asked_again(oss: UnityCatalog, stub: Stub) -> None:
    unity.register(oss, orders())
    stub.set(throttled=2)

    assert [one.table for one in unity.list_tables(oss)] == ["orders"]


def test_what_is_throttled_beyond_the_sdks_patience_is_still_asked_again(
    oss: UnityCatalog, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    unity.register(oss, orders())
    api = workspace_client(oss.access).api_client
    monkeypatch.setattr(api._api_client, "_retry_timeout_seconds", 0.3)
    stub.set(throttled=3)

    assert [one.table for one in unity.list_tables(oss)] == ["orders"]


def test_a_missing_right_is_named_with_the_statement_that_gives_it(
    oss: UnityCatalog, stub: Stub
) -> None:
    denied = "User does not have CREATE EXTERNAL TABLE on External Location 'lake'."
    stub.set(denied={"POST /tables": denied})

    with pytest.raises(FerryError, match="does not have CREATE EXTERNAL TABLE") as refused:
        unity.register(oss, orders())

    assert refused.value.code == "LF-8104"
    assert "GRANT CREATE EXTERNAL TABLE ON EXTERNAL LOCATION" in refused.value.next_step
    assert "GRANT USE SCHEMA, CREATE TABLE ON SCHEMA `atlas`.`sales`" in refused.value.next_step


def test_a_catalog_or_schema_that_is_not_there_is_named(oss: UnityCatalog) -> None:
    with pytest.raises(FerryError, match="no catalog `nowhere`") as no_catalog:
        list(unity.list_tables(replace(oss, catalog="nowhere")))
    with pytest.raises(FerryError, match=r"no schema `atlas\.nothing`") as no_schema:
        list(unity.list_tables(oss, ["nothing"]))

    assert (no_catalog.value.code, no_schema.value.code) == ("LF-8107", "LF-8107")


def test_a_table_whose_tags_are_refused_is_not_left_behind_as_somebody_elses(
    databricks: UnityCatalog, stub: Stub
) -> None:
    stub.set(denied={"POST /entity-tag-assignments": "no APPLY TAG"})

    with pytest.raises(FerryError, match="no APPLY TAG"):
        unity.register(databricks, orders())

    assert stub.set(denied={})["tables"] == {}
    assert unity.register(databricks, orders()) == Change("created")


def test_a_table_that_is_dropped_while_it_is_asked_for_has_no_tags_and_no_grants(
    databricks: UnityCatalog, stub: Stub
) -> None:
    unity.register(databricks, orders())
    found = unity.find_table(databricks, "sales", "orders")
    assert found is not None
    stub.set(tables={}, tags={})

    assert tags_of(databricks, "atlas.sales.orders") == {}
    assert unity.grants(databricks, found) == ()
    with pytest.raises(FerryError, match=r"no table `atlas\.sales\.orders`") as refused:
        tag(databricks, "atlas.sales.orders", {"lakeferry.lag": "7"})
    assert refused.value.code == "LF-8107"
