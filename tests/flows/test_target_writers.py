"""What Spark does to a clone between two runs: undone where harmless, refused where not."""

from pathlib import Path
from typing import Any

import pytest

import lakeferry
from tests.flows.compare import digest, look, state
from tests.flows.growing import files_below
from tests.flows.spark_table import append, clone, optimize, vacuum
from tests.judges.spark_reader import spark_session, spark_state

__all__ = ["spark_session"]  # the fixture `spark`

pytestmark = pytest.mark.spark


def two_files(spark: Any, folder: Path) -> tuple[Path, Path]:
    """A source of two files and its clone."""
    source, target = folder / "table", folder / "clone"
    append(spark, source, 1, 2)
    append(spark, source, 3)
    clone(source, target)
    return source, target


def test_optimize_at_the_target_is_undone_and_no_file_copied_again(
    spark: Any, tmp_path: Path
) -> None:
    source, target = two_files(spark, tmp_path)
    optimize(spark, target)
    assert len(look(target).files.batches().__next__()) == 1

    report = clone(source, target)

    assert (report.files_copied, report.bytes_copied, report.commits) == (0, 0, 1)
    assert state(look(target)) == state(look(source))
    assert digest(look(target)) == digest(look(source))
    assert sorted(spark_state(spark, target).keys) == sorted(spark_state(spark, source).keys)
    assert clone(source, target).up_to_date


def test_a_file_that_vacuum_took_from_the_target_is_copied_again(
    spark: Any, tmp_path: Path
) -> None:
    source, target = two_files(spark, tmp_path)
    optimize(spark, target)
    vacuum(spark, target)
    assert len(files_below(target)) == 1

    report = clone(source, target)

    assert (report.files_copied, report.commits) == (2, 1)
    assert digest(look(target)) == digest(look(source))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO {t} VALUES (9, 'mine')",
        "DELETE FROM {t} WHERE id = 1",
        "ALTER TABLE {t} SET TBLPROPERTIES ('delta.appendOnly' = 'true')",
        "ALTER TABLE {t} ADD COLUMN (mine INT)",
    ],
)
def test_a_foreign_commit_is_refused_and_replace_takes_the_target_back(
    spark: Any, statement: str, tmp_path: Path
) -> None:
    source, target = two_files(spark, tmp_path)
    spark.sql(statement.replace("{t}", f"delta.`{target}`"))
    before = look(target)
    log = sorted((target / "_delta_log").iterdir())

    with pytest.raises(lakeferry.FerryError, match="version 1") as caught:
        clone(source, target)

    assert (caught.value.code, caught.value.exit_code) == ("LF-5003", 3)
    assert sorted((target / "_delta_log").iterdir()) == log
    report = clone(source, target, replace=True)
    after = look(target)
    assert report.files_copied == 0
    assert state(after) == state(look(source))
    assert digest(after) == digest(look(source))
    assert (after.version, after.metadata.id) == (before.version + 1, before.metadata.id)
    assert clone(source, target).up_to_date


def test_a_mirror_that_was_written_to_is_refused_for_good(spark: Any, tmp_path: Path) -> None:
    source, target = tmp_path / "table", tmp_path / "mirror"
    append(spark, source, 1)
    clone(source, target, mode="mirror")
    append(spark, target, 9)
    append(spark, source, 2)
    rows = digest(look(target))

    with pytest.raises(lakeferry.FerryError) as caught:
        clone(source, target, mode="mirror")

    assert (caught.value.code, caught.value.exit_code) == ("LF-5003", 3)
    assert digest(look(target)) == rows
