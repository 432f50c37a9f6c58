"""The storage class of a table's files: who says it, what is written with it, what it costs."""

from decimal import Decimal
from pathlib import Path

import pytest

from lakeferry.cli.config.wanted_answers import wanted_rows
from lakeferry.cost.prices.price_file import own_book
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.stale import changes
from lakeferry.fleet.planning.stored_prices import stored_by_class
from tests.fleet.manifests import faults, migration, read
from tests.fleet.plans import line, plan_of

TB = 10**12
MANIFEST = """version: 1
name: atlas
target: {root: s3://lake, region: us-east-1, storage_class: STANDARD}
defaults: {storage_class: INTELLIGENT_TIERING}
families: {old: {root: "s3://{name}", storage_class: STANDARD_IA}}
sources:
  now: {root: s3://now}
  then: {use: old, tables: {"logs.*": {storage_class: GLACIER_IR}}}
"""


def class_of(wanted: Migration, source: str, schema: str, table: str) -> str | None:
    options = wanted.sources[source].options_of(schema, table)
    return wanted.store_options(options).get("storage_class")


def test_a_table_is_written_with_the_class_that_the_nearest_level_says(tmp_path: Path) -> None:
    wanted = migration(tmp_path, MANIFEST)

    assert class_of(wanted, "now", "eu", "orders") == "INTELLIGENT_TIERING"
    assert class_of(wanted, "then", "eu", "orders") == "STANDARD_IA"
    assert class_of(wanted, "then", "logs", "web") == "GLACIER_IR"
    assert wanted.target.store_options["storage_class"] == "STANDARD"


def test_a_table_of_which_nobody_says_one_gets_the_target_s_or_the_buckets_own(
    tmp_path: Path,
) -> None:
    of_target = migration(tmp_path, MANIFEST.replace("defaults: {storage_class", "# {"))
    of_bucket = migration(
        tmp_path, "version: 1\nname: a\ntarget: {root: s3://b}\nsources: {a: {root: s3://a}}\n"
    )

    assert class_of(of_target, "now", "eu", "orders") == "STANDARD"
    assert class_of(of_bucket, "a", "eu", "orders") is None


def test_what_holds_for_a_table_is_shown_with_its_line(tmp_path: Path) -> None:
    manifest = read(tmp_path, MANIFEST).manifest
    plain = read(tmp_path, MANIFEST.replace("defaults: {storage_class", "# {")).manifest

    def shown(name: str) -> tuple[str, str]:
        [row] = [row for row in wanted_rows(manifest, name) if row[0] == "storage_class"]
        return row[1], row[2].rpartition("lakeferry.yaml:")[2]

    assert shown("then.logs.web") == ("GLACIER_IR", "8:55")
    assert shown("then.eu.orders") == ("STANDARD_IA", "5:54")
    [row] = [row for row in wanted_rows(plain, "now.eu.orders") if row[0] == "storage_class"]
    assert row[1] == "STANDARD"
    assert row[2].endswith("lakeferry.yaml:3:61")


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ("defaults: {storage_class: STANDARD_IA}", "defaults.storage_class"),
        ("families: {f: {storage_class: STANDARD_IA}}", "families.f.storage_class"),
        ('sources: {a: {root: /x, tables: {"b.c": {storage_class: STANDARD_IA}}}}',
         "sources.a.tables.b.c.storage_class"),
    ],
)  # fmt: skip
def test_a_target_that_is_no_bucket_of_s3_has_none_at_any_level(
    tmp_path: Path, part: str, path: str
) -> None:
    [fault] = faults(tmp_path, f"version: 1\nname: a\ntarget: {{root: gs://b}}\n{part}\n")

    assert f"{path}: only buckets of S3 have storage classes" in fault


def test_a_tag_of_that_name_is_no_storage_class(tmp_path: Path) -> None:
    text = "version: 1\nname: a\ntarget: {root: gs://b}\ndefaults: {tags: {storage_class: cold}}\n"

    read(tmp_path, text)


def test_a_plan_is_stale_when_files_would_be_written_with_another_class(tmp_path: Path) -> None:
    from tests.fleet.plans import found

    wanted = migration(tmp_path, MANIFEST)
    table = found(wanted, "now.eu.orders")
    planned = line("now.eu.orders", target_url=table.target_url, source_url=table.source_url)

    [changed] = changes(plan_of(planned), wanted, [table])
    assert changed.what == "storage class the bucket's own -> INTELLIGENT_TIERING"


def test_a_month_of_all_that_lies_and_the_dearer_writes_of_what_moves_are_told_by_class() -> None:
    lines = (
        line("a.b.c", storage_class="GLACIER_IR", live_bytes=2**40, live_files=10, requests=1000),
        line("a.b.d", action="keep", storage_class="GLACIER_IR", live_bytes=2**40, requests=1000),
        line("a.b.e", storage_class="INTELLIGENT_TIERING", live_bytes=2**30, live_files=1_000_000),
        line("a.b.f", action="blocked", storage_class="STANDARD_IA"),
        line("a.b.g", live_bytes=2**30, live_files=1, requests=1),
    )

    cold, watched, plain = stored_by_class(lines, own_book(), "us-east-1")

    assert (cold.storage_class, cold.tables, cold.bytes) == ("GLACIER_IR", 2, 2**41)
    assert cold.usd_a_month == 2048 * Decimal("0.004")
    assert cold.usd_writes == 1000 * (Decimal("0.00002") - Decimal("0.000005"))
    assert watched.usd_a_month == Decimal("0.023") + 1_000_000 * Decimal("0.0000025")
    assert (plain.storage_class, plain.usd_a_month) == ("STANDARD", Decimal("0.023"))
    assert plain.usd_writes == 0


def test_without_a_choice_there_is_nothing_to_tell() -> None:
    assert stored_by_class([line()], own_book(), "us-east-1") == ()


def test_a_price_or_a_region_that_is_not_known_is_told_by_its_name_and_is_never_zero() -> None:
    one = line(storage_class="STANDARD_IA")

    [elsewhere] = stored_by_class([one], own_book(), "eu-west-1")
    [nowhere] = stored_by_class([one], own_book(), None)

    assert (elsewhere.usd_a_month, elsewhere.usd_writes) == (None, None)
    assert elsewhere.missing == "the price aws.s3.storage_standard_ia.eu-west-1"
    assert (nowhere.usd_a_month, nowhere.missing) == (None, "target.region is not said")
