"""A Hive metastore that asks for Kerberos: a ticket opens it, and what is missing is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeferry.catalog import hive
from lakeferry.catalog.hive import HiveCatalog
from lakeferry.catalog.tables import Change
from lakeferry.errors import FerryError
from tests.catalog.registrations import orders
from tests.servers import Server, hive_metastore, kerberos
from tests.servers.kerberos import Realm

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    with kerberos.running(tmp_path_factory.mktemp("kerberos")) as found:
        yield found


@pytest.fixture(scope="module", params=["authentication", "privacy"])
def server(
    request: pytest.FixtureRequest, realm: Realm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Once it only asks who we are, once it encrypts what is said."""
    folder = tmp_path_factory.mktemp("secured")
    with hive_metastore.running(folder, realm, protection=request.param) as found:
        yield found


@pytest.fixture
def ticket(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5_CONFIG", str(realm.config))
    if not (realm.folder / "etl.cache").exists():
        realm.ticket("etl")
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{realm.folder}/etl.cache")


@pytest.mark.usefixtures("ticket")
def test_a_ticket_opens_it_and_tables_are_registered(server: Server, tmp_path: Path) -> None:
    place = HiveCatalog(server.place, service="hive")

    assert hive.register(place, orders(f"file://{tmp_path}/orders")) == Change("created")
    assert hive.register(place, orders(f"file://{tmp_path}/orders")) == Change("none")
    found = hive.find_table(place, "sales", "orders")
    assert found is not None
    assert found.comment == "all orders"
    assert [one.full_name for one in hive.list_tables(place)] == ["sales.orders"]


def test_without_a_ticket_it_is_told_how_to_get_one(
    server: Server, realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRB5_CONFIG", str(realm.config))
    monkeypatch.setenv("KRB5CCNAME", "FILE:/nowhere/at/all")
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", "FILE:/nowhere/either")
    new = server.place.replace("localhost", "LOCALHOST")  # none of the connections that are open

    with pytest.raises(FerryError, match="kinit") as refused:
        list(hive.list_schemas(HiveCatalog(new, service="hive")))

    assert refused.value.code == "LF-8104"


def test_who_comes_without_kerberos_is_told_that_it_is_asked_for(server: Server) -> None:
    with pytest.raises(FerryError, match="auth: kerberos") as silent:
        list(hive.list_schemas(HiveCatalog(server.place)))

    assert silent.value.code == "LF-8105"
