"""What a selection can ask of a table."""

from pathlib import Path

import pytest

from lakeferry.fleet.manifest.facts import as_said, facts_of, is_let_in
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


def test_wave_route_lag_and_scope_are_what_the_manifest_says_now(
    tmp_path: Path, table: LakeTable
) -> None:
    before = table._replace(wave=1, state="synced", code="", held_version=3)
    more = ', wave: 7, lag_target: 1 h, exclude: ["eu.*"]}}'
    said = MANIFEST.replace(', tags: {{pii: "yes"}}}}', more) + "waves: {{2: {{}}, 7: {{}}}}\n"
    wanted = wanted_in(tmp_path, said)

    now = as_said(wanted, before)

    assert (now.wave, now.route, now.lag_target_s, now.state) == (7, "internet", 3600, "excluded")
    # Readers use it: what the manifest leaves out now stays as it is.
    assert as_said(wanted, before._replace(state="cut_over")).state == "cut_over"
    assert as_said(wanted_in(tmp_path), now._replace(source="gone")).wave == 7


@pytest.mark.parametrize("why", ["the manifest leaves it out", "by pattern"])
def test_what_a_pattern_left_out_and_none_does_now_is_let_in(
    tmp_path: Path, table: LakeTable, why: str
) -> None:
    out = table._replace(state="excluded", why=why)
    said = MANIFEST.replace(', tags: {{pii: "yes"}}}}', ', exclude: ["eu.*"]}}')

    assert is_let_in(wanted_in(tmp_path), out)
    assert not is_let_in(wanted_in(tmp_path), table)
    assert not is_let_in(wanted_in(tmp_path), out._replace(why="not Delta"))
    assert not is_let_in(wanted_in(tmp_path, said), out)
