"""Counting made requests by the log alone: what is missing, doubled or strange is seen."""

from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from lakeferry.demo.count_rows import Counted, count_rows
from lakeferry.demo.kinesis_feed_load import event_id


def write(table: Path, *ids: str) -> None:
    write_deltalake(str(table), pa.table({"event_id": list(ids)}), mode="append")


def test_each_record_once_is_neither_a_gap_nor_a_double(tmp_path: Path) -> None:
    write(tmp_path, event_id(0, 0, 0), event_id(0, 1, 1))
    write(tmp_path, event_id(0, 1, 0))

    assert count_rows(tmp_path, {0: 1, 1: 2}) == Counted(2, 3, gaps=0, doubles=0, strangers=0)


def test_what_is_missing_there_twice_or_never_was_is_counted(tmp_path: Path) -> None:
    write(tmp_path, event_id(0, 0, 0), event_id(0, 0, 0), event_id(0, 7, 9))

    assert count_rows(tmp_path, {0: 3}) == Counted(1, 3, gaps=2, doubles=1, strangers=1)


def test_rows_that_were_removed_count_no_more(tmp_path: Path) -> None:
    write(tmp_path, event_id(0, 0, 0))
    DeltaTable(str(tmp_path)).delete()

    assert count_rows(tmp_path, {0: 1}) == Counted(0, 0, gaps=1, doubles=0, strangers=0)
