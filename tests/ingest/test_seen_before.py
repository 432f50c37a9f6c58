"""A window that begins anew knows what the table got within it."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakeferry.errors import FerryError
from lakeferry.ingest.dedup.seen_before import Remembered, remember
from lakeferry.ingest.dedup.window import Window
from lakeferry.ingest.position.state import After, FromTrimHorizon
from lakeferry.ingest.settings import DedupSettings, PartitionColumn
from lakeferry.ingest.worker.messages import ShardStart, TableForm
from lakeferry.store.open import open_store

NOW = datetime.now(UTC).replace(microsecond=0)
BY_ID = DedupSettings(("id",), 600)
ARRIVAL = pa.timestamp("us", "UTC")
SCHEMA = pa.schema([("id", pa.string()), ("day", pa.string()), ("_arrival", ARRIVAL)])


def ms(minutes_ago: float) -> int:
    return round((NOW - timedelta(minutes=minutes_ago)).timestamp() * 1000)


def rows(*found: tuple[str | None, float]) -> pa.Table:
    """Rows by id, and how many minutes ago each arrived."""
    times = [NOW - timedelta(minutes=ago) for _, ago in found]
    return pa.table([[one for one, _ in found], ["d"] * len(found), times], schema=SCHEMA)


def form(url: Path, schema: pa.Schema = SCHEMA) -> TableForm:
    return TableForm(str(url), schema, ())


def start(minutes_ago: float) -> ShardStart:
    place = After("49590338271490256608559692538361571095921575989136588898", ms(minutes_ago), 5)
    return ShardStart("shardId-000000000000", place, (0, 2**128 - 1))


def kept(window: Window, *ids: str) -> list[bool]:
    found: list[bool] = window.fresh(pa.table({"id": list(ids)}), [ms(0)] * len(ids)).to_pylist()
    return found


def test_a_restart_knows_the_keys_of_the_tables_newest_rows(tmp_path: Path) -> None:
    write_deltalake(tmp_path, rows(("a", 3), ("b", 2)))
    write_deltalake(tmp_path, rows(("c", 1), (None, 1)), mode="append")
    window = Window(BY_ID)

    found = remember(window, BY_ID, open_store(str(tmp_path)), form(tmp_path), [start(0)])

    assert found == Remembered(files=2, rows=4)
    assert kept(window, "a", "b", "c", "d", "d") == [False, False, False, True, False]


def test_rows_that_arrived_before_the_window_are_not_remembered(tmp_path: Path) -> None:
    write_deltalake(tmp_path, rows(("old", 30), ("a", 3)))
    write_deltalake(tmp_path, rows(("older", 40)), mode="append")
    window = Window(BY_ID)

    found = remember(window, BY_ID, open_store(str(tmp_path)), form(tmp_path), [start(0)])

    assert found == Remembered(files=1, rows=1)
    assert kept(window, "old", "older", "a") == [True, True, False]


def test_a_shard_that_is_far_behind_is_remembered_from_where_it_stands(tmp_path: Path) -> None:
    write_deltalake(tmp_path, rows(("old", 30)))
    window = Window(BY_ID)

    assert remember(
        window, BY_ID, open_store(str(tmp_path)), form(tmp_path), [start(0), start(25)]
    ) == Remembered(files=1, rows=1)
    assert window.fresh(pa.table({"id": ["old"]}), [ms(24)]).to_pylist() == [False]


def test_the_tables_newest_rows_do_not_push_out_what_a_slow_shard_needs(tmp_path: Path) -> None:
    write_deltalake(tmp_path, rows(("old", 30)))
    write_deltalake(tmp_path, rows(("new", 1)), mode="append")
    window = Window(BY_ID)

    remember(window, BY_ID, open_store(str(tmp_path)), form(tmp_path), [start(25)])

    page = pa.table({"id": ["old", "new"]})
    assert window.fresh(page, [ms(24), ms(1)]).to_pylist() == [False, False]


def test_files_that_were_written_before_the_window_are_not_opened(tmp_path: Path) -> None:
    write_deltalake(tmp_path, rows(("a", 3)))
    (file,) = tmp_path.glob("*.parquet")
    file.write_bytes(b"no longer Parquet")
    tomorrow = ShardStart("s", FromTrimHorizon(ms(-24 * 60)), (0, 1))

    assert remember(
        Window(BY_ID), BY_ID, open_store(str(tmp_path)), form(tmp_path), [tomorrow]
    ) == Remembered(0, 0)


def test_a_partition_column_may_be_of_the_key_and_a_column_that_came_later_too(
    tmp_path: Path,
) -> None:
    write_deltalake(tmp_path, rows(("a", 3)), partition_by=["day"])
    schema = SCHEMA.append(pa.field("tenant", pa.string()))
    by_three = DedupSettings(("id", "day", "tenant"), 600)
    of = TableForm(str(tmp_path), schema, (PartitionColumn("day"),))
    window = Window(by_three)

    assert remember(window, by_three, open_store(str(tmp_path)), of, [start(0)]).rows == 1
    page = pa.table({"id": ["a"], "day": ["d"], "tenant": [None]})
    assert window.fresh(page, [ms(0)]).to_pylist() == [True]  # its key is not whole

    by_two = DedupSettings(("id", "day"), 600)
    window = Window(by_two)
    remember(window, by_two, open_store(str(tmp_path)), of, [start(0)])
    assert window.fresh(page, [ms(0)]).to_pylist() == [False]


def test_without_an_arrival_column_the_commit_says_when(tmp_path: Path) -> None:
    write_deltalake(tmp_path, rows(("a", 3)).select(["id", "day"]))
    window = Window(BY_ID)

    of = form(tmp_path, pa.schema([("id", pa.string()), ("day", pa.string())]))
    assert remember(window, BY_ID, open_store(str(tmp_path)), of, [start(0)]).rows == 1
    committed_ms = time.time_ns() // 10**6  # just now, which `NOW` may be long before
    page = pa.table({"id": ["a", "b"]})
    assert window.fresh(page, [committed_ms] * 2).to_pylist() == [False, True]


def test_rows_that_compaction_wrote_anew_are_remembered_by_their_arrival(tmp_path: Path) -> None:
    for one in range(4):
        write_deltalake(tmp_path, rows((f"old{one}", 60), (f"new{one}", 2)), mode="append")
    DeltaTable(tmp_path).optimize.compact()
    window = Window(BY_ID)

    found = remember(window, BY_ID, open_store(str(tmp_path)), form(tmp_path), [start(0)])

    assert found == Remembered(files=1, rows=4)


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    write_deltalake(tmp_path, rows(("a", 3)))
    (file,) = tmp_path.glob("*.parquet")
    store, of = open_store(str(tmp_path)), form(tmp_path)
    file.write_bytes(bytes(file.stat().st_size))

    with pytest.raises(FerryError, match="LF-4109"):
        remember(Window(BY_ID), BY_ID, store, of, [start(0)])

    file.unlink()
    with pytest.raises(FerryError, match="LF-4101"):
        remember(Window(BY_ID), BY_ID, store, of, [start(0)])


def test_a_table_without_the_column_of_the_key_is_refused(tmp_path: Path) -> None:
    by_event = DedupSettings(("event_id",), 600)

    with pytest.raises(FerryError, match="LF-7081"):
        remember(Window(by_event), by_event, open_store(str(tmp_path)), form(tmp_path), [start(0)])
