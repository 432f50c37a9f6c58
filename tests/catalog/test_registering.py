"""What every catalog promises alike: the same sentences of each of them."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from lakeferry.catalog import reading, registering
from lakeferry.catalog.glue import GlueCatalog
from lakeferry.catalog.hive import HiveCatalog
from lakeferry.catalog.judging import same_place
from lakeferry.catalog.registering import Catalog
from lakeferry.catalog.tables import SOURCE, Change, Grant, Registration
from lakeferry.catalog.unity_entry import UnityCatalog
from lakeferry.connect.aws import AwsAccess
from lakeferry.connect.databricks import WorkspaceAccess, workspace_client
from lakeferry.errors import FerryError
from lakeferry.store.open import open_store
from tests.catalog.registrations import make_orders, orders, with_properties
from tests.servers import Server, unity_catalog

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def unity_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with unity_catalog.running(tmp_path_factory.mktemp("unity")) as url:
        yield url
    workspace_client.cache_clear()


def _glue(request: pytest.FixtureRequest) -> Catalog:
    access: AwsAccess = request.getfixturevalue("moto_access")
    return GlueCatalog(access)


def _hive(request: pytest.FixtureRequest) -> Catalog:
    server: Server = request.getfixturevalue("hive_metastore_server")
    return HiveCatalog(server.place)


def _unity(request: pytest.FixtureRequest) -> Catalog:
    url: str = request.getfixturevalue("unity_url")
    empty = json.dumps({"schemas": {}, "tables": {}, "granted": {}, "tags": {}}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{url}/stub", data=empty), timeout=30).close()
    return UnityCatalog(WorkspaceAccess(url, token="not-used"), "atlas", has_tags=False)


def _databricks(request: pytest.FixtureRequest) -> Catalog:
    place = _unity(request)
    assert isinstance(place, UnityCatalog)
    return replace(place, has_tags=True)


CATALOGS: dict[str, Callable[[pytest.FixtureRequest], Catalog]] = {
    "glue": _glue, "hive": _hive, "unity": _unity, "databricks": _databricks
}  # fmt: skip


@pytest.fixture(params=CATALOGS)
def place(request: pytest.FixtureRequest) -> Catalog:
    name: str = request.param
    return CATALOGS[name](request)


@pytest.fixture
def wanted(tmp_path: Path) -> Registration:
    """A table that exists, in a schema of its own: all tests share one metastore."""
    schema = tmp_path.name.lower().replace("-", "_")[-60:].strip("_")
    return replace(orders(make_orders(tmp_path / "orders")), schema=schema)


def test_a_table_is_registered_told_of_and_taken_away(place: Catalog, wanted: Registration) -> None:
    done = [
        registering.register(place, wanted),
        registering.register(place, wanted),
        registering.set_properties(place, wanted.schema, "orders", {"lakeferry.lag": "40"}),
        registering.set_properties(place, wanted.schema, "orders", {"lakeferry.lag": "40"}),
    ]
    found = reading.find_table(place, wanted.schema, "orders")
    gone = registering.unregister(place, wanted)

    assert done == [
        Change("created"), Change("none"), Change("updated", ("lakeferry.lag",)), Change("none")
    ]  # fmt: skip
    assert found is not None
    assert same_place(found.location, wanted.location)
    assert (found.kind, found.comment, found.properties["lakeferry.lag"]) == (
        "delta", "all orders", "40"
    )  # fmt: skip
    assert gone == Change("removed")
    assert reading.find_table(place, wanted.schema, "orders") is None
    assert list(open_store(wanted.location).list("_delta_log"))


def test_of_several_who_register_one_table_at_once_all_succeed_and_it_is_there_once(
    place: Catalog, wanted: Registration
) -> None:
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda _: registering.register(place, wanted).kind, range(6)))

    assert set(done) <= {"created", "none", "updated"}
    assert [one.table for one in reading.list_tables(place, [wanted.schema])] == ["orders"]
    assert registering.register(place, wanted) == Change("none")


def test_two_sources_never_share_a_name(place: Catalog, wanted: Registration) -> None:
    registering.register(place, wanted)
    other = with_properties(wanted, source="hdfs://dc1/warehouse/orders")
    assert other.properties[SOURCE] != wanted.properties[SOURCE]

    with pytest.raises(FerryError, match="not from hdfs://dc1") as refused:
        registering.register(place, other)
    with pytest.raises(FerryError):
        registering.unregister(place, other)

    assert refused.value.code == "LF-8101"


def test_grants_are_a_list_for_people(place: Catalog) -> None:
    (made,) = registering.grants_to_make(place, "sales", "orders", [Grant("ann", "SELECT")])

    assert "SELECT" in made
    assert "ann" in made
