"""Patterns of a manifest that mean no table."""

from pathlib import Path

from lakeferry.fleet.discovery.found import FoundTable
from lakeferry.fleet.discovery.pattern_use import PatternUse
from tests.fleet.manifests import migration

MANIFEST = """
version: 1
name: t
target: {root: /target}
defaults: {exclude: ["*.tmp_*", "**/_old/**"], include: ["*.orders", "*.nothing"]}
sources:
  sales: {root: /sales}
  risk: {root: /risk, include: ["eu.*", "eu.items"], tables: {"eu.order": {wave: 2}}}
"""


def use(folder: Path, *names: str) -> PatternUse:
    found = PatternUse(migration(folder, MANIFEST).sources.values())
    for name in names:
        source, schema, table = name.split(".")
        found.see(FoundTable(source, schema, table, "delta", ""))
    return found


def told(found: PatternUse, *seen: str) -> list[tuple[str, str]]:
    return [(source, one.what.partition(" with ")[2]) for source, one in found.unused(seen)]


def test_a_pattern_that_fits_no_table_is_told_with_its_source(tmp_path: Path) -> None:
    found = use(tmp_path, "sales.eu.orders", "risk.eu.orders")

    assert told(found, "sales", "risk") == [
        ("risk", "include ['eu.items']"),
        ("risk", "tables ['eu.order']"),
        ("sales", "include ['*.nothing']"),
    ]


def test_what_many_sources_leave_out_need_not_be_there(tmp_path: Path) -> None:
    assert not any("exclude" in what for _, what in told(use(tmp_path), "sales", "risk"))


def test_what_many_sources_share_is_right_where_it_fits_anywhere(tmp_path: Path) -> None:
    text = MANIFEST.replace(', include: ["eu.*", "eu.items"]', "")
    found = PatternUse(migration(tmp_path, text).sources.values())
    found.see(FoundTable("risk", "eu", "orders", "delta", ""))

    assert ("sales", "include ['*.orders']") not in told(found, "sales", "risk")
    assert ("sales", "include ['*.nothing']") in told(found, "sales", "risk")


def test_of_a_source_that_was_not_seen_to_its_end_nothing_is_told(tmp_path: Path) -> None:
    assert [source for source, _ in told(use(tmp_path), "risk")] == ["risk"] * 3


def test_the_nearest_name_is_told(tmp_path: Path) -> None:
    found = use(tmp_path, "risk.eu.orders")

    steps = {one.what.partition("[")[2]: one.next_step for _, one in found.unused(["risk"])}

    assert steps["'eu.order']"] == "did you mean `eu.orders`?"
