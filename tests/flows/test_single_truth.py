"""What the target's catalog says of each table is what `status` says, after whatever was done."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lakeferry.catalog.reading import find_table
from lakeferry.catalog.registering import Catalog, register, set_properties, unregister
from lakeferry.catalog.tables import (
    AS_OF,
    LAG,
    RECEIPT,
    SOURCE,
    SOURCE_VERSION,
    CatalogTable,
    Registration,
)
from lakeferry.cli.fleet.flags import ledger_path
from lakeferry.connect.aws import AwsAccess
from lakeferry.fleet.catalogs.catalog_check import compare_with_catalog
from lakeferry.fleet.catalogs.target_catalog import target_catalog
from tests.cli.program import called, json_lines
from tests.flows.fleets import Fleet, append
from tests.servers import Server, unity_catalog

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def unity_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with unity_catalog.running(tmp_path_factory.mktemp("unity")) as url:
        yield url


@pytest.fixture(params=["glue", "hive", "unity"])
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> Fleet:
    """Two tables, registered at each sync; not synced yet."""
    kind = str(request.param)
    schema = "w" + "".join(char for char in tmp_path.name.lower() if char.isalnum())[-24:]
    said, more, environment = said_of(kind, request)
    fleet = Fleet(tmp_path, str(tmp_path / "out"), environment=environment)
    catalog = f", catalog: {{{said}, schema: '{schema}_{{schema}}', register: at-sync}}"
    fleet.write(more, target=catalog)
    append(fleet.lake / "sales/orders")
    append(fleet.lake / "hr/people")
    fleet.see()
    return fleet


def said_of(kind: str, request: pytest.FixtureRequest) -> tuple[str, str, Mapping[str, str]]:
    """How the manifest names the catalog."""
    if kind == "hive":
        server: Server = request.getfixturevalue("hive_metastore_server")
        return f"kind: hive, uri: '{server.place}'", "", {}
    if kind == "unity":
        url = request.getfixturevalue("unity_server")
        return f"kind: unity, uri: '{url}', catalog: atlas", "", {}
    access: AwsAccess = request.getfixturevalue("moto_access")
    options = json.dumps({"endpoint": access.endpoint, "region": access.region})
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    more = f"connections: {{lake: {{kind: aws, options: {options}}}}}\n"
    return "kind: glue, connection: lake", more, keys


def catalog(fleet: Fleet) -> Catalog:
    found = target_catalog(fleet.wanted.target)
    assert found is not None
    return found


def entry(fleet: Fleet, name: str) -> CatalogTable:
    from lakeferry.fleet.catalogs.registration import catalog_name

    found = find_table(catalog(fleet), *catalog_name(fleet.wanted, fleet.tables()[name]))
    assert found is not None
    return found


def verify(fleet: Fleet, *words: str) -> int:
    ended = called("verify", "--json", *words, folder=fleet.folder, **fleet.environment)
    assert ended.stderr == "", ended.stderr
    json_lines(ended)
    return ended.returncode


def checked(fleet: Fleet) -> tuple[int, list[dict[str, Any]]]:
    """`status --check --live`: its exit code, and what the catalog says otherwise."""
    words = ("status", "--check", "--live", "--json")
    ended = called(*words, folder=fleet.folder, **fleet.environment)
    assert ended.stderr == "", ended.stderr
    lines = json_lines(ended)
    found = [line for line in lines if line["type"] == "difference"]
    assert lines[-1]["catalog_differs"] == len(found)
    return ended.returncode, found


def test_catalog_and_status_agree_through_syncs_proofs_and_new_versions(fleet: Fleet) -> None:
    fleet.sync()
    said = entry(fleet, "sales.orders").properties
    assert said[SOURCE] == str(fleet.lake / "sales/orders")
    assert (said[SOURCE_VERSION], said[LAG], RECEIPT in said) == ("0", "0", False)
    assert checked(fleet) == (0, [])

    verify(fleet, "--strength", "rows")
    [receipt] = (Path(fleet.target) / "a/sales/orders/_delta_log/_lakeferry/receipts").iterdir()
    said = entry(fleet, "sales.orders").properties
    assert said[RECEIPT] == sha256_of(receipt)
    assert checked(fleet) == (0, [])

    append(fleet.lake / "sales/orders", columns=("text", "more"))
    fleet.sync()
    table = entry(fleet, "sales.orders")
    assert (table.properties[SOURCE_VERSION], RECEIPT in table.properties) == ("1", False)
    assert [one.name for one in table.columns][-1] == "more"
    assert RECEIPT in entry(fleet, "hr.people").properties
    assert checked(fleet) == (0, [])


def sha256_of(file: Path) -> str:
    import hashlib

    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_what_either_says_otherwise_is_named(fleet: Fleet) -> None:
    fleet.sync()
    place, orders = catalog(fleet), entry(fleet, "sales.orders")
    people = entry(fleet, "hr.people")
    set_properties(place, orders.schema, orders.table, {
        SOURCE_VERSION: "7", LAG: "900", RECEIPT: "4711" * 16,
    })  # fmt: skip
    set_properties(place, people.schema, people.table, {SOURCE: "s3://else/where"})

    code, found = checked(fleet)

    assert code == 3
    assert [(one["table"], one["what"].split(" of ")[0].split(" in ")[0]) for one in found] == [
        ("a.hr.people", f"`{people.schema}.{people.table}` comes from s3://else/where"),
        ("a.sales.orders", "900 s behind"),
        ("a.sales.orders", "receipt 471147114711"),
        ("a.sales.orders", "version 7"),
    ]
    assert all("lakeferry sync -s" in one["next"][0] for one in found)


def test_a_table_that_was_dropped_there_is_missed_and_the_next_sync_registers_it(
    fleet: Fleet,
) -> None:
    from lakeferry.delta.snapshot import read_snapshot
    from lakeferry.fleet.catalogs.registration import registration
    from lakeferry.store.open import open_store

    fleet.sync()
    row = fleet.tables()["hr.people"]
    metadata = read_snapshot(open_store(row.target_url, {})).metadata
    unregister(catalog(fleet), registration(fleet.wanted, row, metadata, now_ms=0))

    before = checked(fleet)
    fleet.sync()

    assert (before[0], [one["table"] for one in before[1]]) == (3, ["a.hr.people"])
    assert "is not in the catalog" in before[1][0]["what"]
    assert checked(fleet) == (0, [])


def test_a_source_that_moved_on_is_behind_in_both(fleet: Fleet) -> None:
    """A change that the manifest does not accept: the target stays, and its lag grows."""
    fleet.sync()
    manifest = fleet.folder / "lakeferry.yaml"
    text = manifest.read_text()
    manifest.write_text(text.replace("sources:", "defaults: {schema_changes: none}\nsources:"))
    append(fleet.lake / "sales/orders", columns=("text", "more"))

    fleet.sync()

    row = fleet.tables()["sales.orders"]
    assert (row.state, row.held_version, row.behind_since_ms is None) == ("drifted", 0, False)
    assert entry(fleet, "sales.orders").properties[SOURCE_VERSION] == "0"
    assert compare_with_catalog(fleet.wanted, ledger_path(fleet.wanted)) == ()


def test_a_sync_that_brings_nothing_asks_the_catalog_to_change_nothing(fleet: Fleet) -> None:
    fleet.sync()
    there = entry(fleet, "sales.orders")
    long_ago = {AS_OF: "2026-01-01T00:00:00Z"}  # what would be told anew, were anything told
    set_properties(catalog(fleet), there.schema, there.table, long_ago)

    fleet.sync()

    assert entry(fleet, "sales.orders").properties[AS_OF] == long_ago[AS_OF]


def test_a_name_that_is_another_table_s_is_a_warning_and_the_data_come_over(fleet: Fleet) -> None:
    from lakeferry.fleet.catalogs.registration import catalog_name

    schema, name = catalog_name(fleet.wanted, fleet.tables()["sales.orders"])
    fleet.sync("-s", "a.hr.people")
    other = entry(fleet, "hr.people")
    wanted = Registration(schema, name, other.location, (), (), "", {SOURCE: "s3://else/where"})
    register(catalog(fleet), wanted)

    code, lines = fleet.sync()

    warned = [line for line in lines if line["type"] == "warning"]
    assert (code, [one["code"] for one in warned]) == (0, ["LF-8101"])
    assert fleet.tables()["sales.orders"].state == "synced"
    assert checked(fleet)[0] == 3
