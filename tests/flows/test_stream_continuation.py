"""Streams stop, their table is cloned, they go on at the clone: by Spark, over several hops.

The steps are those of docs/guides/continue-a-stream.md.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.flows.spark_table import append, clone, optimize
from tests.flows.streams import COLUMNS, Landing, ids_in, move_checkpoint, run_reader, run_sink
from tests.judges.spark_reader import spark_session, spark_state

__all__ = ["spark_session"]  # the fixture `spark`

pytestmark = pytest.mark.spark


# ---- a stream that writes the table


@pytest.mark.parametrize("mode", ["snapshot", "mirror"])
def test_a_sink_goes_on_over_three_hops_without_loss_or_doubling(
    spark: Any, mode: str, tmp_path: Path
) -> None:
    landing, landed = Landing(tmp_path / "landing"), list[int]()
    tables = [tmp_path / f"table{hop}" for hop in range(4)]
    checkpoints = [tmp_path / f"checkpoint{hop}" for hop in range(4)]
    landed += landing.land(0)
    landed += landing.land(1)
    run_sink(spark, landing, tables[0], checkpoints[0])

    for hop in (1, 2, 3):
        clone(tables[hop - 1], tables[hop], mode=mode)
        # Each hop's last batch is in the table and not in the checkpoint: it runs again.
        move_checkpoint(checkpoints[hop - 1], checkpoints[hop], forget_last_batch=True)
        landed += landing.land(hop + 1)
        run_sink(spark, landing, tables[hop], checkpoints[hop])

        assert ids_in(spark, tables[hop]) == landed
    assert ids_in(spark, tables[0]) == landed[:6]  # the first one was left alone


def test_a_sink_writes_its_last_batch_twice_where_txn_is_not_carried(
    spark: Any, tmp_path: Path
) -> None:
    landing = Landing(tmp_path / "landing")
    landed = [*landing.land(0), *landing.land(1)]
    run_sink(spark, landing, tmp_path / "table", tmp_path / "checkpoint")

    clone(tmp_path / "table", tmp_path / "clone", carry_txns=False)
    move_checkpoint(tmp_path / "checkpoint", tmp_path / "moved", forget_last_batch=True)
    run_sink(spark, landing, tmp_path / "clone", tmp_path / "moved")

    assert ids_in(spark, tmp_path / "clone") == sorted([*landed, *landed[3:]])


def test_a_batch_writer_s_repeated_version_is_skipped_at_the_clone(
    spark: Any, tmp_path: Path
) -> None:
    source, target = tmp_path / "table", tmp_path / "clone"
    append(spark, source, 1, 2, txnAppId="nightly/é job", txnVersion=7)

    clone(source, target)
    append(spark, target, 1, 2, txnAppId="nightly/é job", txnVersion=7)
    append(spark, target, 3, txnAppId="nightly/é job", txnVersion=8)

    assert ids_in(spark, target) == [1, 2, 3]


def test_a_sink_s_later_batches_come_with_incremental_clones(spark: Any, tmp_path: Path) -> None:
    """The source goes on writing between two clones; the switch comes after the second."""
    landing = Landing(tmp_path / "landing")
    source, target = tmp_path / "table", tmp_path / "clone"
    landed = landing.land(0)
    run_sink(spark, landing, source, tmp_path / "checkpoint")
    clone(source, target)
    landed += [*landing.land(1), *landing.land(2)]
    run_sink(spark, landing, source, tmp_path / "checkpoint")

    report = clone(source, target)
    move_checkpoint(tmp_path / "checkpoint", tmp_path / "moved", forget_last_batch=True)
    run_sink(spark, landing, target, tmp_path / "moved")

    [app] = report.txns
    assert report.txns[app] == 2
    assert report.files_copied == 2
    assert ids_in(spark, target) == landed


# ---- a stream that reads the table, at a mirror


def test_sink_and_reader_both_go_on_at_mirrors_over_three_hops(spark: Any, tmp_path: Path) -> None:
    landing, landed = Landing(tmp_path / "landing"), list[int]()
    out = tmp_path / "out"
    tables = [tmp_path / f"table{hop}" for hop in range(4)]
    sinks = [tmp_path / f"sink{hop}" for hop in range(4)]
    readers = [tmp_path / f"reader{hop}" for hop in range(4)]
    landed += [*landing.land(0), *landing.land(1)]
    run_sink(spark, landing, tables[0], sinks[0])
    run_reader(spark, tables[0], out, readers[0])
    assert ids_in(spark, out) == landed

    for hop in (1, 2, 3):
        # Written after the reader stopped: it must find these rows at the mirror.
        landed += landing.land(2 * hop)
        run_sink(spark, landing, tables[hop - 1], sinks[hop - 1])
        clone(tables[hop - 1], tables[hop], mode="mirror")
        move_checkpoint(sinks[hop - 1], sinks[hop], forget_last_batch=True)
        move_checkpoint(readers[hop - 1], readers[hop], forget_last_batch=True)
        landed += landing.land(2 * hop + 1)
        run_sink(spark, landing, tables[hop], sinks[hop])
        run_reader(spark, tables[hop], out, readers[hop])

        assert ids_in(spark, tables[hop]) == landed
        assert ids_in(spark, out) == landed


def test_a_reader_of_change_data_goes_on_at_a_mirror(spark: Any, tmp_path: Path) -> None:
    source, mirror, out = tmp_path / "table", tmp_path / "mirror", tmp_path / "out"
    spark.sql(
        f"CREATE TABLE delta.`{source}` ({COLUMNS}) USING delta "
        "TBLPROPERTIES (delta.enableChangeDataFeed = true)"
    )
    append(spark, source, 1, 2, 3)
    run_reader(spark, source, out, tmp_path / "reader", readChangeFeed=True, startingVersion=0)
    spark.sql(f"UPDATE delta.`{source}` SET v = 'changed' WHERE id = 2")

    clone(source, mirror, mode="mirror")
    move_checkpoint(tmp_path / "reader", tmp_path / "moved")
    run_reader(spark, mirror, out, tmp_path / "moved", readChangeFeed=True, startingVersion=0)

    seen = spark.read.format("delta").load(str(out)).select("id", "v", "_change_type").collect()
    assert sorted(tuple(row) for row in seen) == [
        (1, "row", "insert"),
        (2, "changed", "update_postimage"),
        (2, "row", "insert"),
        (2, "row", "update_preimage"),
        (3, "row", "insert"),
    ]


# ---- a stream that reads the table, at a snapshot clone


def test_a_reader_s_old_checkpoint_is_refused_at_a_snapshot_clone(
    spark: Any, tmp_path: Path
) -> None:
    source, target, out = tmp_path / "table", tmp_path / "clone", tmp_path / "out"
    append(spark, source, 1, 2)
    run_reader(spark, source, out, tmp_path / "reader")
    clone(source, target)
    append(spark, target, 3)
    move_checkpoint(tmp_path / "reader", tmp_path / "moved")

    with pytest.raises(Exception, match="DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE"):
        run_reader(spark, target, out, tmp_path / "moved")


def test_the_recipe_for_readers_of_a_snapshot_clone_loses_and_doubles_nothing(
    spark: Any, tmp_path: Path
) -> None:
    source, target, out = tmp_path / "table", tmp_path / "clone", tmp_path / "out"
    append(spark, source, 1, 2)
    append(spark, source, 3)
    run_reader(spark, source, out, tmp_path / "reader")  # drained to version 1
    append(spark, source, 4)  # and this came too late for it

    report = clone(source, target, version=1)
    starting = 1 + (report.target_version or 0)
    clone(source, target)  # brings 4
    run_reader(spark, target, out, tmp_path / "new", startingVersion=starting)
    assert ids_in(spark, out) == [1, 2, 3, 4]

    append(spark, source, 5)
    clone(source, target)
    run_reader(spark, target, out, tmp_path / "new", startingVersion=starting)
    assert ids_in(spark, out) == [1, 2, 3, 4, 5]


def test_the_recipe_must_wait_for_the_first_commit_after_the_clone(
    spark: Any, tmp_path: Path
) -> None:
    source, target, out = tmp_path / "table", tmp_path / "clone", tmp_path / "out"
    append(spark, source, 1, 2)
    run_reader(spark, source, out, tmp_path / "reader")
    report = clone(source, target)
    starting = 1 + (report.target_version or 0)

    with pytest.raises(Exception, match="Cannot time travel Delta table to version 1"):
        run_reader(spark, target, out, tmp_path / "new", startingVersion=starting)
    append(spark, target, 3)  # the clone is the table now
    run_reader(spark, target, out, tmp_path / "new", startingVersion=starting)

    assert ids_in(spark, out) == [1, 2, 3]


def test_starting_at_latest_instead_of_waiting_can_lose_rows(spark: Any, tmp_path: Path) -> None:
    """The reason why the guide says to wait: nothing is noted until a first batch."""
    source, target, out = tmp_path / "table", tmp_path / "clone", tmp_path / "out"
    append(spark, source, 1, 2)
    run_reader(spark, source, out, tmp_path / "reader")
    clone(source, target)

    run_reader(spark, target, out, tmp_path / "new", startingVersion="latest")
    append(spark, target, 3)
    run_reader(spark, target, out, tmp_path / "new", startingVersion="latest")

    assert ids_in(spark, out) == [1, 2]


# ---- a stream that has always read the clone, and clones that bring what is new


def test_appends_stay_appends_for_streams_that_read_the_clone(spark: Any, tmp_path: Path) -> None:
    source, target, out = tmp_path / "table", tmp_path / "clone", tmp_path / "out"
    append(spark, source, 1, 2)
    clone(source, target)
    run_reader(spark, target, out, tmp_path / "reader")

    append(spark, source, 3)
    append(spark, source, 4)
    clone(source, target)
    run_reader(spark, target, out, tmp_path / "reader")

    assert ids_in(spark, out) == [1, 2, 3, 4]
    assert flags(target, 1) == {"add": [True, True], "remove": []}


def test_optimize_at_the_source_shows_no_row_twice_to_streams(spark: Any, tmp_path: Path) -> None:
    source, target, out = tmp_path / "table", tmp_path / "clone", tmp_path / "out"
    append(spark, source, 1)
    append(spark, source, 2)
    clone(source, target)
    run_reader(spark, target, out, tmp_path / "reader")

    optimize(spark, source)
    report = clone(source, target)
    run_reader(spark, target, out, tmp_path / "reader")
    append(spark, source, 3)
    clone(source, target)
    run_reader(spark, target, out, tmp_path / "reader")

    assert report.commits == 1
    assert flags(target, 1) == {"add": [False], "remove": [False, False]}
    assert ids_in(spark, out) == ids_in(spark, target) == [1, 2, 3]


def test_a_file_born_and_rearranged_between_two_clones_is_seen_once(
    spark: Any, tmp_path: Path
) -> None:
    source, target, out = tmp_path / "table", tmp_path / "clone", tmp_path / "out"
    append(spark, source, 1)
    clone(source, target)
    run_reader(spark, target, out, tmp_path / "reader")

    append(spark, source, 2)  # f1
    optimize(spark, source)  # f0 + f1 -> f2
    append(spark, source, 3)
    report = clone(source, target)
    run_reader(spark, target, out, tmp_path / "reader")

    assert report.commits == 3  # one commit could not say which rows of f2 are new
    assert ids_in(spark, out) == ids_in(spark, target) == [1, 2, 3]
    assert len(spark_state(spark, target).files) == 2


def test_optimize_at_the_target_and_its_undoing_show_no_row_twice(
    spark: Any, tmp_path: Path
) -> None:
    source, target, out = tmp_path / "table", tmp_path / "clone", tmp_path / "out"
    append(spark, source, 1)
    append(spark, source, 2)
    clone(source, target)
    run_reader(spark, target, out, tmp_path / "reader")

    optimize(spark, target)
    append(spark, source, 3)
    report = clone(source, target)
    run_reader(spark, target, out, tmp_path / "reader")

    assert report.files_copied == 1  # the new one alone; the two old ones are still there
    assert ids_in(spark, out) == ids_in(spark, target) == [1, 2, 3]
    assert sorted(spark_state(spark, target).keys) == sorted(spark_state(spark, source).keys)


def flags(table: Path, version: int) -> dict[str, list[bool]]:
    """`dataChange` of each add and remove of one commit."""
    commit = table / "_delta_log" / f"{version:020}.json"
    actions = [json.loads(line) for line in commit.read_text(encoding="utf-8").splitlines()]
    return {
        kind: [action[kind]["dataChange"] for action in actions if kind in action]
        for kind in ("add", "remove")
    }
