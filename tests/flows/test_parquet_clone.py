"""Parquet tables as Delta tables at the target, again and again; judged by delta-rs and DuckDB."""

import os
import shutil
import time
import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from lakeferry.clone import parquet_clone
from lakeferry.clone.parquet_clone import clone_parquet, look_at_parquet
from lakeferry.clone.parquet_folder import Declared, Place
from lakeferry.clone.report import CloneReport, CloneRequest
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.events import Event, FileLanded, Warned
from lakeferry.store.open import open_store
from tests.flows import kill_runner
from tests.flows.kill_runner import Order
from tests.judges.deltalake_reader import deltalake_rows
from tests.judges.duckdb_reader import duckdb_rows
from tests.servers import Server

SOURCES = {"s3": "s3_server", "azure": "azure_server", "hdfs": "hdfs_server"}


def put(table: Path, name: str, first: int = 0, rows: int = 5, **more: pa.Array) -> Path:
    """A file with rows that no other one has."""
    file = table / name
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = {"id": pa.array(range(first, first + rows), pa.int64()),
               "text": [f"text {row}" for row in range(first, first + rows)]}  # fmt: skip
    pq.write_table(pa.table(columns | more), file, compression="none")
    return file


def clone(
    table: Path, target: Path, declared: Declared | None = None, **more: object
) -> CloneReport:
    request = CloneRequest(str(table), str(target), **more)  # type: ignore[arg-type]
    return clone_parquet(request, declared or Declared())


def source_rows(table: Path) -> list[dict[str, object]]:
    """By Arrow's own reader of Parquet folders, with partitions as text."""
    files = sorted(
        file
        for file in table.rglob("*.parquet")
        if "_temporary" not in file.parts and file.stat().st_size
    )
    keys = [part.partition("=")[0] for part in files[0].relative_to(table).parts[:-1]]
    schema = pa.schema([(key, pa.string()) for key in keys])
    found = ds.dataset(
        [str(file) for file in files], format="parquet", partition_base_dir=str(table),
        partitioning=ds.partitioning(schema, flavor="hive"),
    )  # fmt: skip
    return sorted(found.to_table().to_pylist(), key=lambda row: row["id"])


def told(rows: pa.Table) -> list[dict[str, object]]:
    return sorted(rows.to_pylist(), key=lambda row: row["id"])


def check(table: Path, target: Path) -> None:
    rows = source_rows(table)
    assert told(deltalake_rows(target)) == rows
    assert told(duckdb_rows(target)) == rows


@pytest.fixture
def table(tmp_path: Path) -> Path:
    table = tmp_path / "lake/table"
    put(table, "day=2026-11-25/part-0.parquet", 0)
    put(table, "day=2026-11-26 10%3A00/part-0.parquet", 10)
    put(table, "day=__HIVE_DEFAULT_PARTITION__/part-0.parquet", 20)
    (table / "_SUCCESS").touch()
    (table / "_temporary/0").mkdir(parents=True)
    (table / "_temporary/0/part-9.parquet").write_bytes(b"half")
    (table / "day=2026-11-25/empty.parquet").touch()
    return table


def test_a_folder_becomes_a_table_that_other_engines_read(table: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"

    report = clone(table, target)

    assert (report.files_copied, report.source_version, report.target_version) == (3, 0, 0)
    check(table, target)
    at = DeltaTable(str(target))
    assert at.metadata().partition_columns == ["day"]
    assert at.to_pyarrow_table(filters=[("day", "=", "2026-11-26 10:00")]).num_rows == 5


def test_rows_and_bounds_of_each_file_are_in_the_log(tmp_path: Path) -> None:
    table, target = tmp_path / "table", tmp_path / "out"
    put(table, "a.parquet", 100, wide=pa.array([1.5, float("nan"), 2, 3, 4]))
    clone(table, target)

    [stats] = [
        text for batch in read_snapshot(open_store(str(target))).files.batches(["stats"])
        for text in batch.column("stats").to_pylist()
    ]  # fmt: skip

    assert '"numRecords":5,"minValues":{"id":100,"text":"text 100"}' in stats
    assert '"nullCount":{"id":0,"text":0,"wide":0}' in stats


def test_again_only_what_changed_moves_and_what_went_is_removed(
    table: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out"
    clone(table, target)
    put(table, "day=2026-11-27/part-0.parquet", 30)
    shutil.rmtree(table / "day=2026-11-25")

    again = clone(table, target)
    third = clone(table, target)

    assert (again.files_copied, again.num_removed_files, again.source_version) == (1, 1, 1)
    check(table, target)
    assert (third.up_to_date, third.commits, third.source_version) == (True, 0, 1)


def test_a_file_written_over_in_place_is_another_one_and_old_readers_keep_theirs(
    tmp_path: Path,
) -> None:
    table, target = tmp_path / "table", tmp_path / "out"
    file = put(table, "part-0.parquet", 0)
    before = source_rows(table)
    clone(table, target)
    size = file.stat().st_size
    put(table, "part-0.parquet", 5)
    assert file.stat().st_size == size

    report = clone(table, target)

    assert (report.files_copied, report.num_removed_files) == (1, 1)
    check(table, target)
    assert told(deltalake_rows(target, version=0)) == before


def test_a_copy_that_was_cut_off_before_a_file_was_written_over_leaves_no_old_rows(
    tmp_path: Path,
) -> None:
    table, target = tmp_path / "table", tmp_path / "out"
    put(table, "part-0.parquet", 0)

    def stop(event: Event) -> None:
        if isinstance(event, FileLanded):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clone_parquet(CloneRequest(str(table), str(target)), Declared(), emit=stop)
    put(table, "part-0.parquet", 5)

    clone(table, target)

    check(table, target)


def test_columns_that_come_later_are_null_in_what_was_there(tmp_path: Path) -> None:
    table, target = tmp_path / "table", tmp_path / "out"
    put(table, "a.parquet", 0)
    clone(table, target)
    put(table, "b.parquet", 5, late=pa.array([1, 2, 3, 4, 5], pa.int32()))

    clone(table, target)

    rows = told(deltalake_rows(target))
    assert [row["late"] for row in rows] == [None] * 5 + [1, 2, 3, 4, 5]
    assert told(duckdb_rows(target)) == rows


def test_a_file_that_does_not_fit_is_named_and_the_target_stays(tmp_path: Path) -> None:
    table, target = tmp_path / "table", tmp_path / "out"
    put(table, "a.parquet", 0)
    clone(table, target)
    pq.write_table(pa.table({"id": ["not a number"]}), table / "b.parquet")

    with pytest.raises(FerryError, match="`id` is string in this file and long") as refused:
        clone(table, target)

    assert (refused.value.code, refused.value.where) == ("LF-4110", "b.parquet")
    assert DeltaTable(str(target)).version() == 0


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    table = tmp_path / "table"
    put(table, "a.parquet", 0)
    bad = table / "broken.parquet"
    bad.write_bytes(b"PAR1 and then nothing of use")
    os.utime(bad, (1, 1))

    with pytest.raises(FerryError, match=r"`broken\.parquet` is no whole Parquet file") as refused:
        clone(table, tmp_path / "out")

    assert refused.value.code == "LF-4103"


def test_a_file_that_is_being_written_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, target = tmp_path / "table", tmp_path / "out"
    whole = put(table, "a.parquet", 0).read_bytes()
    file = table / "b.parquet"
    file.write_bytes(put(tmp_path / "aside", "b.parquet", 5).read_bytes()[:100])
    waits = []

    def write_on(seconds: float) -> None:
        waits.append(seconds)
        file.write_bytes((tmp_path / "aside/b.parquet").read_bytes())

    monkeypatch.setattr(time, "sleep", write_on)

    clone(table, target)

    assert (len(waits), len(whole) > 0) == (1, True)
    check(table, target)


def test_a_source_that_never_stands_still_is_given_up_and_nothing_is_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, target = tmp_path / "table", tmp_path / "out"
    put(table, "a.parquet", 0)
    monkeypatch.setattr(parquet_clone, "PAUSE_S", 0)

    def write_over(event: Event) -> None:
        if isinstance(event, FileLanded):
            put(table, "a.parquet", time.monotonic_ns() % 1000)

    with pytest.raises(FerryError, match="gave up after 6 rounds") as refused:
        clone_parquet(CloneRequest(str(table), str(target)), Declared(), emit=write_over)

    assert refused.value.code == "LF-4107"
    assert not DeltaTable.is_deltatable(str(target))


def test_files_that_come_while_it_copies_are_the_next_runs(tmp_path: Path) -> None:
    table, target = tmp_path / "table", tmp_path / "out"
    put(table, "a.parquet", 0)

    def add(event: Event) -> None:
        if isinstance(event, FileLanded):
            put(table, "b.parquet", 5)

    first = clone_parquet(CloneRequest(str(table), str(target)), Declared(), emit=add)
    second = clone(table, target)

    assert (first.files_copied, second.files_copied) == (1, 1)
    check(table, target)


def test_partitions_that_only_a_metastore_knows_come_from_where_they_lie(tmp_path: Path) -> None:
    table, away, target = tmp_path / "table", tmp_path / "away/elsewhere", tmp_path / "out"
    put(table, "2024/01/000000_0", 0)
    put(away, "000000_0", 10)
    put(table, "forgotten/000000_0", 99)  # no partition of the metastore
    places = (Place(("2024-01-01", "7"), str(table / "2024/01")),
              Place(("2024-01-02", None), f"file://{away}"))  # fmt: skip
    declared = Declared(("day", "n"), {"day": "date", "n": "integer"}, places)

    clone(table, target, declared)

    rows = told(deltalake_rows(target))
    assert [(row["id"], str(row["day"]), row["n"]) for row in rows][::5] == [
        (0, "2024-01-01", 7), (10, "2024-01-02", None),
    ]  # fmt: skip
    assert told(duckdb_rows(target)) == rows


def test_files_below_the_folder_of_a_partition_are_told_and_no_part_of_it(tmp_path: Path) -> None:
    table, away, target = tmp_path / "table", tmp_path / "away", tmp_path / "out"
    put(table, "1/000000_0", 0)
    put(table, "1/HIVE_UNION_SUBDIR_1/000000_0", 50)
    put(table, "1/two/000000_0", 20)
    put(away, "000000_0", 10)
    put(away, "deep/er/000000_0", 60)
    places = (Place(("1",), str(table / "1")), Place(("2",), str(table / "1/two")),
              Place(("3",), str(away)))  # fmt: skip
    told: list[Event] = []

    clone_parquet(
        CloneRequest(str(table), str(target)), Declared(("day",), {}, places), emit=told.append
    )

    assert sorted(set(deltalake_rows(target)["id"].to_pylist()))[::5] == [0, 10, 20]
    [warned] = [one for one in told if isinstance(one, Warned)]
    assert warned.message.startswith("2 files of the folder are no part of the table")
    assert "1/HIVE_UNION_SUBDIR_1/000000_0" in warned.message


def test_a_target_that_others_wrote_to_is_not_written_over(tmp_path: Path) -> None:
    table, target = tmp_path / "table", tmp_path / "out"
    put(table, "a.parquet", 0)
    clone(table, target)
    write_deltalake(str(target), deltalake_rows(target), mode="append")
    put(table, "b.parquet", 5)

    with pytest.raises(FerryError, match="someone else has written") as refused:
        clone(table, target)
    assert refused.value.code == "LF-5003"

    clone(table, target, replace=True)
    check(table, target)


def test_a_source_whose_files_are_all_gone_empties_no_target(tmp_path: Path) -> None:
    table, target = tmp_path / "table", tmp_path / "out"
    put(table, "a.parquet", 0).rename(tmp_path / "moved")
    with pytest.raises(FerryError, match="has no Parquet file"):
        clone(table, target)


def test_a_look_counts_what_a_clone_would_move(table: Path, tmp_path: Path) -> None:
    request = CloneRequest(str(table), str(tmp_path / "out"))
    first = look_at_parquet(request, Declared())
    clone(table, tmp_path / "out")
    put(table, "day=2026-11-27/part-0.parquet", 30)
    shutil.rmtree(table / "day=2026-11-25")

    now = look_at_parquet(request, Declared())

    assert (first.state, first.held, first.files, first.is_current) == (0, None, 3, False)
    assert (now.state, now.held, now.files, now.removed, now.live_files) == (1, 0, 1, 1, 3)
    clone(table, tmp_path / "out")
    assert look_at_parquet(request, Declared()).is_current


@pytest.mark.server
@pytest.mark.parametrize("kind", SOURCES)
def test_it_moves_from_each_kind_of_store_and_again(
    kind: str, table: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(SOURCES[kind])
    place = f"{server.place}/parquet-{uuid.uuid4().hex}"
    source, target = open_store(f"{place}/table", server.options), tmp_path / "out"
    asked = CloneRequest(source.url, str(target), source_options=server.options)

    def bring() -> None:
        for file in table.rglob("*"):
            if file.is_file():
                body = file.read_bytes()
                source.write(str(file.relative_to(table)), [body], size=len(body))

    bring()
    clone_parquet(asked, Declared())
    check(table, target)
    put(table, "day=2026-11-25/part-0.parquet", 40)
    name = "day=2026-11-25/part-0.parquet"
    source.write(name, [(table / name).read_bytes()], size=(table / name).stat().st_size)

    again = clone_parquet(asked, Declared())

    assert (again.files_copied, again.num_removed_files) == (1, 1)
    check(table, target)


@pytest.mark.server
def test_within_one_service_the_bytes_do_not_pass_through_here(
    s3_server: Server, table: Path, tmp_path: Path
) -> None:
    place = f"{s3_server.place}/parquet-{uuid.uuid4().hex}"
    for file in table.rglob("*.parquet"):
        body = file.read_bytes()
        open_store(f"{place}/table", s3_server.options).write(
            str(file.relative_to(table)), [body], size=len(body)
        )
    seen: list[str] = []

    def hear(event: Event) -> None:
        if isinstance(event, FileLanded):
            seen.append(event.how)

    clone_parquet(
        CloneRequest(f"{place}/table", f"{place}/out", source_options=s3_server.options,
                     target_options=s3_server.options), Declared(), emit=hear,
    )  # fmt: skip

    assert seen == ["server_copy"] * 3
    for meta in open_store(f"{place}/out", s3_server.options).list(""):
        body = b"".join(open_store(f"{place}/out", s3_server.options).read(meta.path))
        file = tmp_path / "back" / meta.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    check(table, tmp_path / "back")


def test_killed_at_any_operation_it_ends_right(tmp_path: Path) -> None:
    table = tmp_path / "table"
    put(table, "day=1/a.parquet", 0)
    put(table, "day=2/a.parquet", 10)
    base = tmp_path / "base"
    clone(table, base)
    old = source_rows(table)
    put(table, "day=1/a.parquet", 20)
    put(table, "day=3/a.parquet", 30)
    new = source_rows(table)
    with kill_runner.running() as runner:

        def target_of(name: str) -> Path:
            return Path(shutil.copytree(base, tmp_path / name))

        whole = runner.run(Order(str(table), str(target_of("whole")), "parquet"))
        assert whole.moments > 10, whole.error
        states = set()
        for number in range(1, whole.moments + 1):
            # After one operation is before the next one.
            for when in ("before",) if number % 2 else ("amid",):
                target = target_of(f"{number}-{when}")
                order = Order(str(table), str(target), "parquet", die_at=number, die_when=when)
                runner.run(order)
                seen = told(deltalake_rows(target))
                assert seen in (old, new), (number, when)
                states.add(seen == new)
                again = runner.run(Order(str(table), str(target), "parquet"))
                assert not again.error, again.error
                assert told(deltalake_rows(target)) == new
                shutil.rmtree(target)
        assert states == {True, False}
