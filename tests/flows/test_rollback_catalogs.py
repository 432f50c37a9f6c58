"""A switch taken back in a catalog: what it registered is gone, what somebody changed is left."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lakeferry.catalog import reading, registering
from lakeferry.catalog.registering import Catalog
from lakeferry.catalog.tables import RECEIPT, SOURCE, Registration
from lakeferry.connect import thrift_form as thrift
from lakeferry.connect.aws import AwsAccess
from lakeferry.connect.databricks import workspace_client
from lakeferry.connect.metastore import ask
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.fleet.catalogs.registration import registration
from lakeferry.fleet.catalogs.target_catalog import target_catalog
from lakeferry.store.open import open_store
from tests.flows.fleets import Fleet
from tests.flows.test_cutover import cutover, ready, run, states
from tests.servers import Server, unity_catalog

pytestmark = pytest.mark.server
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def place_of(fleet: Fleet) -> Catalog:
    place = target_catalog(fleet.wanted.target)
    assert place is not None
    return place


def check_gone_and_again(fleet: Fleet) -> None:
    """Taken back, and switched once more."""
    place = place_of(fleet)
    ready(fleet, "sales.orders")
    assert cutover(fleet, "--wave", "1")[0] == 0
    assert reading.find_table(place, "a_sales", "orders") is not None

    code, lines = run(fleet, "rollback", "--yes", "--wave", "1")

    assert (code, lines[-1]["rolled_back"]) == (0, ["a.sales.orders"])
    assert reading.find_table(place, "a_sales", "orders") is None
    assert cutover(fleet, "--wave", "1")[0] == 0
    assert reading.find_table(place, "a_sales", "orders") is not None


def test_glue_forgets_what_a_switch_registered(tmp_path: Path, moto_access: AwsAccess) -> None:
    fleet = Fleet(tmp_path, str(tmp_path / "out"), environment=KEYS)
    link = f"aws: {{kind: aws, endpoint: '{moto_access.endpoint}', region: {moto_access.region}}}"
    fleet.write(f"connections: {{{link}}}\n", target=", catalog: {kind: glue, connection: aws}")

    check_gone_and_again(fleet)


def test_hive_forgets_what_a_switch_registered(
    tmp_path: Path, hive_metastore_server: Server, request: pytest.FixtureRequest
) -> None:
    uri = hive_metastore_server.place
    fleet = Fleet(tmp_path, str(tmp_path / "out"))
    fleet.write(target=f", catalog: {{kind: hive, uri: '{uri}', schema: 'a_{{schema}}'}}")
    drop = {1: thrift.text("a_sales"), 2: thrift.flag(False), 3: thrift.flag(True)}
    request.addfinalizer(lambda: ask(uri, "drop_database", drop, {}))

    check_gone_and_again(fleet)


@pytest.fixture
def unity(tmp_path: Path) -> Iterator[Fleet]:
    with unity_catalog.running(tmp_path) as url:
        fleet = Fleet(tmp_path, str(tmp_path / "out"))
        fleet.write(target=f", catalog: {{kind: unity, uri: '{url}', catalog: atlas}}")
        yield fleet
    workspace_client.cache_clear()


def test_unity_forgets_what_a_switch_registered(unity: Fleet) -> None:
    check_gone_and_again(unity)


def test_what_somebody_made_of_a_name_meanwhile_is_left_and_told(unity: Fleet) -> None:
    place = place_of(unity)
    ready(unity, "sales.orders", "sales.items")
    cutover(unity, "--wave", "1")
    ours = known(unity)
    registering.unregister(place, ours)
    registering.register(place, replace(ours, location=f"{ours.location}-elsewhere"))

    code, lines = run(unity, "rollback", "--yes", "--wave", "1")

    assert code == 3
    assert [(one["table"], one["code"]) for one in lines[-1]["kept"]] == [
        ("a.sales.orders", "LF-8103")
    ]
    assert reading.find_table(place, "a_sales", "orders") is not None
    assert reading.find_table(place, "a_sales", "items") is None
    assert states(unity) == {"sales.orders": "cut_over", "sales.items": "verified"}


def test_a_name_that_is_anothers_is_in_the_way_before_anything_is_done(unity: Fleet) -> None:
    place = place_of(unity)
    ready(unity, "sales.orders", "sales.items")
    registering.register(place, known(unity))
    registering.set_properties(place, "a_sales", "orders", {SOURCE: None})

    code, lines = cutover(unity, "--wave", "1")

    assert (code, lines[-2]["code"]) == (2, "LF-8101")
    assert [one["step"] for one in lines if one["type"] == "step"] == [1]  # nobody had to stop
    assert states(unity) == {"sales.orders": "verified", "sales.items": "verified"}
    assert reading.find_table(place, "a_sales", "items") is None


def test_of_what_was_registered_before_only_the_receipt_is_taken_away(unity: Fleet) -> None:
    place = place_of(unity)
    ready(unity, "sales.orders")
    registering.register(place, known(unity))
    cutover(unity, "--wave", "1")
    there = reading.find_table(place, "a_sales", "orders")
    assert there is not None
    assert RECEIPT in there.properties

    code, _ = run(unity, "rollback", "--yes", "--wave", "1")

    left = reading.find_table(place, "a_sales", "orders")
    assert (code, left is not None) == (0, True)
    assert left is not None
    assert RECEIPT not in left.properties


def known(fleet: Fleet) -> Registration:
    """What a sync would register of `sales.orders`."""
    row = fleet.tables()["sales.orders"]
    metadata = read_snapshot(open_store(row.target_url)).metadata
    return registration(fleet.wanted, row, metadata, now_ms=1)


def test_tables_become_managed_ones_by_statements_that_a_person_runs(unity: Fleet) -> None:
    ready(unity, "sales.orders", "sales.items")
    wishes = {
        "orders": ["--set-managed"],
        "items": ["--set", "target.catalog.external=false"],
    }

    for table, words in wishes.items():
        _, lines = cutover(unity, f"a.sales.{table}", *words)
        assert lines[-1]["set_managed"] == [f"ALTER TABLE atlas.a_sales.{table} SET MANAGED;"]
