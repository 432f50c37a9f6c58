"""Spark goes on writing to a clone as if it were the source, and the clone is cloned in turn."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests import corpora
from tests.flows.compare import digest, look, state
from tests.flows.growing import files_below, recorded
from tests.flows.spark_table import Table, clone, vacuum
from tests.judges.spark_reader import spark_session

__all__ = ["spark_session"]  # the fixture `spark`

pytestmark = [
    pytest.mark.spark,
    pytest.mark.parametrize("mode", ["snapshot", "mirror"]),
]


def moved(spark: Any, name: str, mode: str, folder: Path) -> Table:
    """A clone of one of the tables that Spark wrote, at its last step."""
    corpora.required(corpora.SPARK)
    table = recorded(name)
    clone(table.home / table.folder, folder / "clone", mode=mode)
    return Table(spark, folder / "clone")


def assert_clones_of_the_clone_are_equal(table: Table, folder: Path) -> None:
    """In both modes, by our reader in all respects and by Spark's rows."""
    ours, seen = look(table.root), table.sql("SELECT * FROM {t}")
    for mode in ("snapshot", "mirror"):
        next_home = Table(table.spark, folder / f"next {mode}")
        clone(table.root, next_home.root, mode=mode)
        theirs = look(next_home.root)
        assert state(theirs) == state(ours)
        assert digest(theirs) == digest(ours)
        assert sorted(map(repr, next_home.sql("SELECT * FROM {t}"))) == sorted(map(repr, seen))


def test_constraints_refuse_at_the_clone(spark: Any, mode: str, tmp_path: Path) -> None:
    table = moved(spark, "check-constraints", mode, tmp_path)

    table.refuses("INSERT INTO {t} VALUES (900, 1, 'xyz')", "DELTA_VIOLATE_CONSTRAINT")
    table.refuses("INSERT INTO {t} VALUES (NULL, 1, 'de')", "DELTA_NOT_NULL_CONSTRAINT_VIOLATED")
    table.refuses("UPDATE {t} SET country = 'long'", "DELTA_VIOLATE_CONSTRAINT")
    table.sql("INSERT INTO {t} VALUES (900, 1, 'de')")

    assert len(table.column("id")) == 8 + 1
    assert table.column("id")[-1] == 900
    table.sql("ALTER TABLE {t} ADD CONSTRAINT grown CHECK (age >= 0 OR age IS NULL)")
    table.refuses("INSERT INTO {t} VALUES (901, -1, 'de')", "DELTA_VIOLATE_CONSTRAINT")
    assert_clones_of_the_clone_are_equal(table, tmp_path)


def test_identity_columns_continue_at_the_clone(spark: Any, mode: str, tmp_path: Path) -> None:
    table = moved(spark, "identity", mode, tmp_path)
    before = set(table.column("k")), set(table.column("n"))

    table.sql("INSERT INTO {t} (v) VALUES ('x'), ('y'), ('z')")
    table.refuses("INSERT INTO {t} (k, n, v) VALUES (1, 2, 'q')", "IDENTITY_COLUMNS_EXPLICIT")

    keys, numbers = table.column("k"), table.column("n")
    assert len(set(keys)) == len(keys) == 5 + 3
    assert len(set(numbers)) == len(numbers)
    assert min(set(keys) - before[0]) > 140  # the mark that the source had reached
    assert max(set(numbers) - before[1]) < -1006
    assert_clones_of_the_clone_are_equal(table, tmp_path)

    # And on from there, at the third place.
    third = Table(spark, tmp_path / f"next {mode}")
    third.sql("INSERT INTO {t} (v) VALUES ('last')")
    assert len(set(third.column("k"))) == 5 + 3 + 1


def test_generated_columns_are_generated_at_the_clone(
    spark: Any, mode: str, tmp_path: Path
) -> None:
    table = moved(spark, "generated-columns", mode, tmp_path)

    table.sql("INSERT INTO {t} (id, at) VALUES (77, TIMESTAMP'2024-02-29 12:00:00')")
    table.refuses(
        "INSERT INTO {t} (id, at, day, twice) "
        "VALUES (78, TIMESTAMP'2024-02-29 12:00:00', DATE'2024-02-29', 999)",
        "CHECK constraint Generated Column",
    )

    [row] = table.sql("SELECT CAST(day AS STRING), twice FROM {t} WHERE id = 77")
    assert row == ("2024-02-29", 154)
    assert_clones_of_the_clone_are_equal(table, tmp_path)


def test_delete_merge_and_update_write_deletion_vectors_at_the_clone(
    spark: Any, mode: str, tmp_path: Path
) -> None:
    table = moved(spark, "deletion-vectors", mode, tmp_path)
    ids = table.column("id")

    table.sql(f"DELETE FROM {{t}} WHERE id IN ({ids[3]}, {ids[20]})")
    assert any(add.get("deletionVector") for add in table.added())
    table.sql(
        f"MERGE INTO {{t}} AS t USING (SELECT {ids[5]} AS id UNION SELECT 100000) AS s "
        "ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = 'merged' "
        "WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, 'new')"
    )
    assert any(add.get("deletionVector") for add in table.added())
    table.sql(f"UPDATE {{t}} SET v = 'updated' WHERE id = {ids[7]}")

    left = [at for at in ids if at not in (ids[3], ids[20])]
    assert table.column("id") == [*left, 100000]
    assert table.sql("SELECT id FROM {t} WHERE v IN ('merged', 'updated', 'new') ORDER BY id") == [
        (ids[5],),
        (ids[7],),
        (100000,),
    ]
    assert_clones_of_the_clone_are_equal(table, tmp_path)


def test_optimize_restore_and_vacuum_work_at_the_clone(
    spark: Any, mode: str, tmp_path: Path
) -> None:
    table = moved(spark, "deletion-vectors", mode, tmp_path)
    version, rows = look(table.root).version, digest(look(table.root))

    table.sql("OPTIMIZE {t}")
    assert digest(look(table.root)) == rows
    table.sql("DELETE FROM {t} WHERE id % 2 = 0")
    assert digest(look(table.root)) != rows
    table.sql(f"RESTORE TABLE {{t}} TO VERSION AS OF {version}")
    assert digest(look(table.root)) == rows
    before = files_below(table.root)
    vacuum(spark, table.root)

    assert set(files_below(table.root)) < set(before)
    assert digest(look(table.root)) == rows
    assert_clones_of_the_clone_are_equal(table, tmp_path)


def test_columns_are_added_renamed_and_dropped_at_the_clone(
    spark: Any, mode: str, tmp_path: Path
) -> None:
    table = moved(spark, "column-mapping-name", mode, tmp_path)

    table.sql("ALTER TABLE {t} ADD COLUMN (more DECIMAL(9, 2) COMMENT 'added')")
    table.sql("ALTER TABLE {t} RENAME COLUMN gone TO there")
    table.sql("INSERT INTO {t} (id, `new name; (x)`, part, there, more) "
              "VALUES (60, 'sixty', 'p9', 'yes', 6.25)")  # fmt: skip
    table.sql("ALTER TABLE {t} DROP COLUMN `new name; (x)`")

    [row] = table.sql("SELECT part, there, CAST(more AS STRING) FROM {t} WHERE id = 60")
    assert row == ("p9", "yes", "6.25")
    assert len(table.column("id")) == 7 + 1
    ids = [
        field["metadata"]["delta.columnMapping.id"]
        for field in json.loads(look(table.root).metadata.schema_string)["fields"]
    ]
    assert max(ids) == 6  # after the highest that the source ever gave, 5
    assert_clones_of_the_clone_are_equal(table, tmp_path)


def test_rows_keep_their_ids_and_new_ones_get_new_ids(
    spark: Any, mode: str, tmp_path: Path
) -> None:
    table = moved(spark, "row-tracking", mode, tmp_path)
    query = "SELECT id, _metadata.row_id FROM {t} ORDER BY id"
    before = dict(table.sql(query))

    table.sql("INSERT INTO {t} VALUES (500, 'new'), (501, 'new')")
    table.sql("UPDATE {t} SET v = 'changed' WHERE id = 5")
    table.sql("OPTIMIZE {t}")

    after = dict(table.sql(query))
    assert {key: after[key] for key in before} == before
    assert len(set(after.values())) == len(after) == len(before) + 2
    assert min(after[500], after[501]) > max(before.values())
    assert_clones_of_the_clone_are_equal(table, tmp_path)
    third = Table(spark, tmp_path / "next snapshot")
    assert dict(third.sql(query)) == after


def test_in_commit_timestamps_rise_at_the_clone(spark: Any, mode: str, tmp_path: Path) -> None:
    table = moved(spark, "in-commit-timestamps", mode, tmp_path)
    before = look(table.root)

    table.sql("INSERT INTO {t} VALUES (100)")
    table.sql("INSERT INTO {t} VALUES (101)")

    after = look(table.root)
    assert before.in_commit_timestamp is not None
    assert after.in_commit_timestamp is not None
    assert after.in_commit_timestamp > before.in_commit_timestamp
    # Older commits of a mirror have the times of their files.
    history = [row[:2] for row in table.sql("DESCRIBE HISTORY {t}") if row[0] >= before.version]
    assert [version for version, _ in history] == [after.version, after.version - 1, before.version]
    assert [time for _, time in history] == sorted((time for _, time in history), reverse=True)
    assert_clones_of_the_clone_are_equal(table, tmp_path)


def test_clustering_and_change_data_go_on_at_the_clone(
    spark: Any, mode: str, tmp_path: Path
) -> None:
    table = moved(spark, "clustering", mode, tmp_path / "clustering")
    table.sql("ALTER TABLE {t} CLUSTER BY (a)")
    table.sql("OPTIMIZE {t}")
    assert_clones_of_the_clone_are_equal(table, tmp_path / "clustering")

    table = moved(spark, "change-data-feed", mode, tmp_path / "changes")
    first = table.column("id")[0]
    table.sql(f"DELETE FROM {{t}} WHERE id = {first}")
    changes = spark.read.format("delta").option("readChangeFeed", True)
    changes = changes.option("startingVersion", look(table.root).version).load(str(table.root))
    assert [tuple(row) for row in changes.select("id", "_change_type").collect()] == [
        (first, "delete")
    ]
    assert_clones_of_the_clone_are_equal(table, tmp_path / "changes")


def test_types_are_widened_further_at_the_clone(spark: Any, mode: str, tmp_path: Path) -> None:
    table = moved(spark, "type-widening", mode, tmp_path)
    before = len(table.column("a"))

    table.sql("ALTER TABLE {t} ALTER COLUMN d TYPE DECIMAL(20, 8)")

    assert len(table.column("a")) == before
    assert_clones_of_the_clone_are_equal(table, tmp_path)
