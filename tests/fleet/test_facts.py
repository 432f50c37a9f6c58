"""What a selection can ask of a table."""

from pathlib import Path

import pytest

from lakeferry.fleet.manifest.facts import facts_of
from lakeferry.fleet.manifest.select import select, selection
from lakeferry.ledger.rows import LakeTable
from tests.fleet.plans import MANIFEST, found, wanted_in

HOUR_S = 3600


@pytest.fixture
def table(tmp_path: Path) -> LakeTable:
    """450 GB that are copied in an hour at 1 Gbit/s, and that VACUUM may take after that long."""
    return found(
        wanted_in(tmp_path), "sales.eu.orders", bytes=450 * 10**9, left_bytes=450 * 10**9,
        retention_s=HOUR_S,
    )  # fmt: skip


def at_risk(folder: Path, table: LakeTable, limits: str = "") -> bool:
    chosen = selection(["tag:vacuum-risk"], read=str)
    return bool(select(chosen, [facts_of(wanted_in(folder, MANIFEST + limits), table)]))


def test_what_vacuum_may_take_before_it_is_copied_has_a_tag_of_its_own(
    tmp_path: Path, table: LakeTable
) -> None:
    assert at_risk(tmp_path, table)
    assert not at_risk(tmp_path, table._replace(retention_s=HOUR_S + 1))
    assert not at_risk(tmp_path, table._replace(retention_s=None))
    assert not at_risk(tmp_path, table, "limits: {{bandwidth: 10 Gbit/s}}\n")


def test_of_a_table_that_is_held_only_what_is_left_counts(tmp_path: Path, table: LakeTable) -> None:
    assert not at_risk(tmp_path, table._replace(held_version=7, left_bytes=10**9))


def test_the_tags_of_the_manifest_stay(tmp_path: Path, table: LakeTable) -> None:
    assert facts_of(wanted_in(tmp_path), table).tags == {"pii": "yes", "vacuum-risk": ""}
