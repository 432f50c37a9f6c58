"""What it costs to read what lies cold: by tier, by way, in the Region where it lies."""

from decimal import Decimal
from pathlib import Path

import pytest

from lakeferry.cost.prices.price_file import own_book
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.archived import archive_fault, counted
from lakeferry.fleet.planning.cold_prices import retrievals
from lakeferry.fleet.planning.planned import Cold, PlannedTable, Retrieved
from lakeferry.store.cold import ColdFile
from tests.fleet.manifests import migration
from tests.fleet.plans import line

GIB = 2**30
MANIFEST = """version: 1
name: atlas
target: {root: s3://lake, region: us-west-2}
connections: {c: {kind: aws, region: us-east-1}}
sources:
  azure: {root: abfss://c@a.dfs.core.windows.net/}
  google: {root: gs://b}
  own: {root: s3://own, connection: c}
  s3: {root: s3://b}
"""


@pytest.fixture
def wanted(tmp_path: Path) -> Migration:
    return migration(tmp_path, MANIFEST)


def of(
    wanted: Migration, name: str, *cold: Cold, given_from: str = "", action: str = "copy"
) -> Retrieved:
    source = wanted.sources[name]
    one: PlannedTable = line(
        f"{name}.a.b", cold=cold, action=action, source_url=f"{source.root}/a/b", bytes=100 * GIB,
        files=100,
    )  # fmt: skip
    [found] = retrievals([one], wanted, own_book(), given_from)
    return found


@pytest.mark.parametrize(
    ("tier", "ways"),
    [
        # 100 GiB and 1,000 requests.
        ("GLACIER", {"standard": "1.05", "bulk": "0", "expedited": "13"}),
        ("DEEP_ARCHIVE", {"standard": "2.1", "bulk": "0.275"}),
    ],
)
def test_an_archive_of_s3_is_priced_by_each_way_to_restore_it(
    wanted: Migration, tier: str, ways: dict[str, str]
) -> None:
    found = of(wanted, "s3", Cold(tier, 1000, 100 * GIB, waits=True), action="blocked")

    assert (found.place, found.waits) == ("aws:us-west-2", True)
    assert {way.name: way.usd for way in found.ways} == {
        name: Decimal(usd) for name, usd in ways.items()
    }


def test_the_region_is_that_of_the_source_where_its_connection_says_one(wanted: Migration) -> None:
    found = of(wanted, "own", Cold("GLACIER_IR", 100, 100 * GIB, waits=False))

    assert found.place == "aws:us-east-1"
    assert found.ways == (("", 100 * Decimal("0.03") + 100 * Decimal("0.00001"), ""),)


def test_azure_s_standard_rehydration_is_priced_and_the_high_one_is_named_as_unknown(
    wanted: Migration,
) -> None:
    cold = Cold("Archive", 10_000, 100 * GIB, waits=True)

    standard, high = of(wanted, "azure", cold, given_from="azure:westeurope").ways

    assert standard == ("standard", 100 * Decimal("0.024") + 6, "")
    assert high == ("high", None, "the price azure.blob.rehydrate_high.westeurope")


def test_where_nobody_says_the_region_nothing_is_guessed(wanted: Migration) -> None:
    found = of(wanted, "azure", Cold("Archive", 1, GIB, waits=True), given_from="aws:us-east-1")

    assert found.ways == (("", None, "where they lie: --assume from=azure:REGION"),)


def test_google_s_retrieval_costs_the_same_everywhere(wanted: Migration) -> None:
    found = of(wanted, "google", Cold("COLDLINE", 100, 100 * GIB, waits=False))

    assert found.ways == (("", 100 * Decimal("0.02") + 100 * Decimal("0.00001"), ""),)


def test_what_a_region_lacks_is_told_by_name_and_what_it_has_is_priced(tmp_path: Path) -> None:
    wanted = migration(tmp_path, MANIFEST.replace("us-west-2", "eu-central-1"))

    restored = of(wanted, "s3", Cold("GLACIER", 1, GIB, waits=True), action="blocked")
    read = of(wanted, "s3", Cold("STANDARD_IA", 100, 100 * GIB, waits=False))

    assert [(way.usd, way.missing) for way in restored.ways] == [
        (None, f"the price aws.s3.restore_glacier_{way}.eu-central-1")
        for way in ("standard", "bulk", "expedited")
    ]
    assert read.ways == (("", 100 * Decimal("0.01") + 100 * Decimal("0.000001"), ""),)


def test_a_tier_without_a_price_is_told_by_its_name(wanted: Migration) -> None:
    found = of(wanted, "s3", Cold("ARCHIVE_ACCESS", 1, GIB, waits=True))

    assert found.ways == (("", None, "the price of the tier ARCHIVE_ACCESS"),)


def test_what_is_only_listed_is_priced_for_no_more_than_moves(wanted: Migration) -> None:
    found = of(wanted, "s3", Cold("STANDARD_IA", 10_000, 5000 * GIB, waits=False))

    assert (found.files, found.bytes) == (100, 100 * GIB)


def test_what_does_not_move_is_not_read_for_a_fee(wanted: Migration) -> None:
    held = line("s3.a.b", cold=(Cold("STANDARD_IA", 1, 1, waits=False),), action="keep")

    assert retrievals([held], wanted, own_book()) == ()


def test_files_are_counted_by_tier_and_those_that_wait_come_first() -> None:
    files = [
        ColdFile("a", 1, "STANDARD_IA", waits=False),
        ColdFile("b", 2, "GLACIER", is_under_way=True),
        ColdFile("c", 3, "GLACIER"),
    ]

    assert counted(files) == (Cold("GLACIER", 2, 5, True, 1), Cold("STANDARD_IA", 1, 1, False))


def test_only_what_waits_keeps_a_table_from_moving() -> None:
    assert archive_fault([Cold("GLACIER_IR", 1, 1, waits=False)], "s3://b", None) is None
