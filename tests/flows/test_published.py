"""A table whose catalog decides what a commit is, synced where all of them are published."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from tests.flows.fleets import Fleet, small_table

OWNED = {"minReaderVersion": 3, "minWriterVersion": 7,
         "readerFeatures": ["catalogManaged"],
         "writerFeatures": ["catalogManaged"]}  # fmt: skip


def rows_added(table: Path, name: str) -> str:
    """The text of a commit of a new file."""
    rows = pq.read_table(next(table.glob("part-0*.parquet")))
    pq.write_table(rows, table / name)
    size = (table / name).stat().st_size
    return json.dumps({"add": {"path": name, "partitionValues": {}, "size": size,
                               "modificationTime": 1, "dataChange": True}})  # fmt: skip


def test_it_is_synced_while_all_is_published_refused_while_not_and_synced_again(
    tmp_path: Path,
) -> None:
    fleet = Fleet(tmp_path, str(tmp_path / "target"))
    fleet.write()
    table = fleet.lake / "eu" / "orders"
    small_table(table)
    log = table / "_delta_log"
    (log / f"{1:020d}.json").write_text(json.dumps({"protocol": OWNED}) + "\n")
    fleet.see()

    code, _ = fleet.sync()

    assert (code, fleet.rows("eu.orders").num_rows) == (0, 10)
    copied = (tmp_path / "target/a/eu/orders/_delta_log" / f"{0:020d}.json").read_text()
    assert "catalogManaged" not in copied

    (log / "_staged_commits").mkdir()
    staged = log / "_staged_commits" / f"{2:020d}.0b5a.json"
    staged.write_text(rows_added(table, "more.parquet") + "\n")
    code, _ = fleet.sync()
    row = fleet.tables()["eu.orders"]
    assert (code, row.state, row.code) == (3, "blocked", "LF-8051")
    assert fleet.rows("eu.orders").num_rows == 10

    staged.rename(log / f"{2:020d}.json")
    code, _ = fleet.sync()
    assert (code, fleet.rows("eu.orders").num_rows) == (0, 20)
    assert fleet.tables()["eu.orders"].state == "synced"
