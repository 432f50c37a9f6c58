"""What may be changed in a manifest midway, and what may not."""

from pathlib import Path

import pytest

from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.moved import Moved, check_new_places, check_places, moved
from lakeferry.fleet.manifest.select import TableFacts
from tests.fleet.manifests import migration

TEXT = """\
version: 1
name: lake
target: {root: s3://lake}
sources: {a: {root: s3://a}, b: {root: s3://b, layout: "b/{path}"}}
"""
TABLES = (
    TableFacts("s3://lake/a/s/t", "a", "s", "t", state="synced"),
    TableFacts("s3://lake/b/x/t/", "b", "x", "t", state="cut_over", path="x/t"),
    TableFacts("s3://lake/a/s/new", "a", "s", "new", state="planned"),
    TableFacts("s3://lake/gone/s/t", "gone", "s", "t", state="synced"),
)


def test_waves_limits_and_new_sources_may_change(tmp_path: Path) -> None:
    text = TEXT.replace("{root: s3://a}", "{root: s3://a, wave: 7}, c: {root: s3://c}")

    assert moved(migration(tmp_path, f"{text}limits: {{bandwidth: 1 GB/s}}\n"), TABLES) == ()


def test_another_root_moves_every_table_that_has_begun(tmp_path: Path) -> None:
    found = moved(migration(tmp_path, TEXT.replace("s3://lake", "s3://other")), TABLES)

    assert found == (
        Moved("a.s.t", "s3://lake/a/s/t", "s3://other/a/s/t"),
        Moved("b.x.t", "s3://lake/b/x/t/", "s3://other/b/x/t"),
    )


def test_another_layout_is_refused_with_both_places(tmp_path: Path) -> None:
    wanted = migration(tmp_path, TEXT.replace("b/{path}", "bb/{path}"))

    with pytest.raises(FerryError) as refused:
        check_places(wanted, TABLES)

    error = refused.value
    assert (error.code, error.exit_code) == ("LF-2041", 2)
    assert error.what == "a table that has begun would land elsewhere: b.x.t"
    assert error.where == "it lies at s3://lake/b/x/t/, and the manifest says s3://lake/bb/x/t"


def test_a_table_that_has_not_begun_waits_for_a_discovery_that_knows_where_it_lands(
    tmp_path: Path,
) -> None:
    wanted = migration(tmp_path, TEXT.replace("s3://lake", "s3://other"))

    with pytest.raises(FerryError) as refused:
        check_new_places(wanted, TABLES)

    error = refused.value
    assert (error.code, error.what) == (
        "LF-2041", "a.s.new would land elsewhere than when it was discovered",
    )  # fmt: skip
    assert "lakeferry discover" in error.next_step
    check_new_places(migration(tmp_path, TEXT), TABLES)
