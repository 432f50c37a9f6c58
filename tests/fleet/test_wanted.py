"""What a manifest wants of a migration: defaults, families, profiles, and the order of meaning."""

import pickle
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from lakeferry.config.read import read_manifest
from lakeferry.fleet.manifest.inheritance import table_tree
from lakeferry.fleet.manifest.wanted import Limits, TableOptions, Wave, Window
from lakeferry.fleet.manifest.wanted_problems import missing_problems, wanted_problems
from lakeferry.fleet.manifest.wanted_values import migration_of
from tests.fleet.manifests import migration, read

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "migration.yaml"
SMALLEST = """\
version: 1
name: first
target: {root: s3://my-bucket/lake}
sources: {sales: {kind: adls, root: "abfss://sales@myaccount.dfs.core.windows.net/"}}
"""
LEVELS = """\
version: 1
name: levels
target: {root: s3://lake}
defaults: {verify: listed, lag_target: 1 h, tags: {team: a, pii: "no"}}
families: {f: {root: "s3://{name}-lake", lag_target: 2 h, tables: {"*.big": {mode: mirror}}}}
sources:
  plain: {root: s3://plain}
  shared: {use: f}
  of-family: {use: f, lag_target: 3 h, tags: {pii: "yes"},
    tables: {"audit.*": {verify: rows, wave: 4}, "*.big": {verify: hashed}, "**": {wave: 2}}}
profiles: {staging: {defaults: {verify: replayed}, target: {root: s3://staging}}}
"""


# ---- the examples


def test_four_lines_are_a_migration(tmp_path: Path) -> None:
    found = migration(tmp_path, SMALLEST)

    source = found.sources["sales"]
    assert (source.kind, source.path, source.link) == ("adls", "internet", None)
    assert source.options_of("default", "orders") == TableOptions()
    assert found.landing(source, "default", "orders") == "s3://my-bucket/lake/sales/default/orders"
    assert found.waves == {1: Wave(1)}
    assert (found.limits, found.ledger) == (Limits(), ".lakeferry/ledger.db")


@pytest.mark.parametrize(
    ("names_from", "place"),
    [
        ("{catalog: unity, connection: ws, name: finance}", "finance/eu/orders"),
        ("{catalog: unity, connection: ws, warehouse: ab12}", "hive_metastore/eu/orders"),
        ('{catalog: hive, uri: "thrift://hms:9083", name: shop}', "hive/eu/orders"),
        ("{catalog: paths}", "eu/orders"),
    ],
)
def test_the_catalog_of_a_layout_is_that_of_the_source_whoever_finds_a_table(
    tmp_path: Path, names_from: str, place: str
) -> None:
    text = (
        "version: 1\nname: n\ntarget: {root: s3://lake, layout: '{catalog}/{schema}/{table}'}\n"
        'connections: {ws: {kind: databricks, host: "https://dbc-1.cloud.databricks.com"}}\n'
        f"sources: {{a: {{root: s3://a, from: {names_from}}}}}\n"
    )
    found = migration(tmp_path, text)

    assert found.landing(found.sources["a"], "eu", "orders") == f"s3://lake/{place}"


def test_the_example_of_64_sources_is_read_whole() -> None:
    manifest = read_manifest(EXAMPLE).manifest
    assert wanted_problems(manifest) == missing_problems(manifest) == []
    found = migration_of(manifest)

    assert len(found.sources) == 64
    kinds = [one.kind for one in found.sources.values()]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "adls": 38, "hdfs": 14, "s3": 9, "gcs": 3,
    }  # fmt: skip
    roots = {one.root for one in found.sources.values()}
    assert len(roots) == 64
    assert found.sources["dc3-cold"].root == "hdfs://dc3/warehouse/cold"
    assert found.sources["sandbox-a"].options.lag_target_s == 86_400
    gold = found.sources["finance-gold"]
    assert (gold.names_from.catalog, gold.names_from.name) == ("unity", "finance")
    assert gold.names_from.link is not None
    assert gold.names_from.link.name == "old-ws"
    assert gold.is_in_scope("fx", "rates")
    assert not gold.is_in_scope("fx", "scratch_rates")
    assert found.waves[2] == Wave(
        2, "core", (1,), None, datetime(2026, 11, 26, 22, tzinfo=UTC), 1800
    )
    assert found.limits == Limits(
        bytes_per_s=5e9, tables=64, files=512,
        account_requests_per_s=4000, stop_cost_usd=Decimal(20_000), stop_error_share=0.01,
        windows=(
            Window((0, 1, 2, 3, 4), 480, 1080, "Europe/Berlin", "direct-connect", None, 250e6),
            Window((6,), 120, 300, "UTC", is_pause=True),
        ),
    )  # fmt: skip


def test_values_travel_with_work() -> None:
    found = migration_of(read_manifest(EXAMPLE).manifest)

    assert pickle.loads(pickle.dumps(found)) == found


def test_a_store_is_opened_with_the_options_of_its_connection() -> None:
    found = migration_of(read_manifest(EXAMPLE).manifest)

    assert found.sources["sales-raw"].store_options == {
        "tenant_id": "${env:AZURE_TENANT_ID}",
        "client_id": "${env:AZURE_CLIENT_ID}",
        "client_secret": "${aws-secret:atlas/azure-sp#client_secret}",
    }
    # A keytab and a key file are opened by the client's own library.
    assert found.sources["dc1-ads"].store_options["keytab"] == "/etc/lakeferry/hdfs.keytab"
    assert found.sources["maps"].store_options == {
        "service_account_file": "/etc/lakeferry/gcp.json"
    }
    assert found.target.store_options == {
        "region": "us-east-1",
        "sse": "aws:kms",
        "kms_key": "arn:aws:kms:us-east-1:111122223333:key/9a77c0de-0000-4000-8000-1234567890ab",
    }


# ---- the order of meaning


@pytest.mark.parametrize(
    ("source", "table", "expected"),
    [
        ("plain", "s.t", TableOptions(1, "snapshot", "listed", lag_target_s=3600,
                                      tags={"team": "a", "pii": "no"})),
        ("shared", "s.big", TableOptions(1, "mirror", "listed", lag_target_s=7200,
                                         tags={"team": "a", "pii": "no"})),
        ("of-family", "s.t", TableOptions(2, "snapshot", "listed", lag_target_s=10_800,
                                          tags={"team": "a", "pii": "yes"})),
        ("of-family", "s.big", TableOptions(2, "mirror", "hashed", lag_target_s=10_800,
                                            tags={"team": "a", "pii": "yes"})),
        # Of patterns the last that fits wins.
        ("of-family", "audit.t", TableOptions(2, "snapshot", "rows", lag_target_s=10_800,
                                              tags={"team": "a", "pii": "yes"})),
    ],
)  # fmt: skip
def test_each_level_is_laid_upon_the_one_below(
    tmp_path: Path, source: str, table: str, expected: TableOptions
) -> None:
    schema, _, name = table.partition(".")

    found = migration(tmp_path, LEVELS)

    assert found.sources[source].options_of(schema, name) == expected


def test_a_profile_is_above_all_that_the_manifest_says_and_set_is_above_it(tmp_path: Path) -> None:
    plain = migration(tmp_path, LEVELS)
    staging = migration(tmp_path, LEVELS, profile="staging")
    by_hand = migration(
        tmp_path, LEVELS, profile="staging", sets=["defaults.verify=rows", "target.root=s3://x"]
    )

    def verify_of_big(which: object) -> str:
        return which.sources["of-family"].options_of("s", "big").verify  # type: ignore[attr-defined,no-any-return]

    assert [verify_of_big(one) for one in (plain, staging, by_hand)] == [
        "hashed", "replayed", "rows",
    ]  # fmt: skip
    assert [one.target.root for one in (plain, staging, by_hand)] == [
        "s3://lake", "s3://staging", "s3://x",
    ]  # fmt: skip


def test_every_value_of_a_table_knows_where_it_was_written(tmp_path: Path) -> None:
    layers = read(tmp_path, LEVELS, sets=["sources.of-family.on_vacuumed=latest"]).manifest.layers

    tree = table_tree(layers, "of-family", "audit", "t")

    found = {
        key: f"{one.value.text} {one.value.place.file.rpartition('/')[2]}:{one.value.place.line}"
        for key, one in tree.entries.items()
    }
    assert found == {
        "verify": "rows lakeferry.yaml:10",
        "lag_target": "3 h lakeferry.yaml:9",
        "tags": " lakeferry.yaml:4",
        "root": "s3://of-family-lake lakeferry.yaml:5",
        "wave": "2 lakeferry.yaml:10",
        "on_vacuumed": "latest --set:1",
    }


def test_a_table_of_another_wave_makes_that_wave(tmp_path: Path) -> None:
    found = migration(tmp_path, LEVELS)

    assert list(found.waves) == [1, 2, 4]


# ---- what is needed, and of which command


def test_a_manifest_of_a_network_alone_wants_no_migration(tmp_path: Path) -> None:
    manifest = read(tmp_path, "version: 1\nnetwork: {vpc: vpc-1}\n").manifest

    found = missing_problems(manifest)

    assert [one.what for one in found] == [
        "name is missing", "target is missing", "sources is missing",
    ]  # fmt: skip
    assert found[1].next_step == "add `target: {root: s3://bucket/prefix}`"


def test_a_profile_may_say_a_part_of_what_is_required(tmp_path: Path) -> None:
    text = SMALLEST + "profiles: {staging: {target: {region: eu-west-1}}}\n"

    found = migration(tmp_path, text, profile="staging")

    assert (found.target.root, found.target.region) == ("s3://my-bucket/lake", "eu-west-1")
