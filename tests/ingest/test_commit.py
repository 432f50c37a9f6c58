"""Rows and positions become visible at once and once, whoever else writes to the table."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pytest

from lakeferry.delta.snapshot import read_snapshot
from lakeferry.delta.txn_files import folder_of
from lakeferry.errors import FerryError
from lakeferry.ingest.payload.rows import RAW_SCHEMA
from lakeferry.ingest.position.state import After
from lakeferry.ingest.settings import TargetSettings
from lakeferry.ingest.table.commit import commit
from lakeferry.ingest.table.opening import read_target
from lakeferry.ingest.table.target import Lost, Target
from lakeferry.ingest.worker.messages import Counts
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store
from tests.ingest.batches import (
    BY_DAY,
    NAME,
    NOON_MS,
    SHARD,
    deltalake_table,
    moved,
    numbers_in,
    opened,
    put,
    raw,
    read,
    settings,
)
from tests.judges.duckdb_reader import duckdb_rows
from tests.servers import Server, dynamodb


@pytest.fixture(params=["sidecar", "domain"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> TargetSettings:
    return settings(tmp_path / "t", offsets=request.param, partition_by=BY_DAY)


def lines(target: Target, version: int) -> list[dict[str, Any]]:
    path = f"_delta_log/{version:020}.json"
    return [json.loads(line) for line in b"".join(target.store.read(path)).splitlines()]


def now(where: TargetSettings) -> Target:
    found = read_target(where, RAW_SCHEMA, NAME)
    assert found is not None
    return found


def data_files(where: TargetSettings) -> list[str]:
    listed = open_store(where.url, where.options).list("")
    return sorted(meta.path for meta in listed if meta.path.endswith(".parquet"))


def states(where: TargetSettings) -> int:
    store = open_store(where.url, where.options)
    return sum(1 for _ in store.list(folder_of(NAME)))


# --- what a commit is -----------------------------------------------------------------------


def test_the_rows_and_the_place_where_reading_goes_on_come_with_one_version(
    where: TargetSettings,
) -> None:
    target = moved(put(opened(where), 1, 2, 3))

    found = now(where)
    assert (found.version, found.state) == (1, target.state)
    assert found.state is not None
    assert found.state.shards == {SHARD: After("3", NOON_MS, 3)}
    assert numbers_in(where) == [1, 2, 3]


def test_duckdb_reads_the_same_rows(where: TargetSettings) -> None:
    moved(put(moved(put(opened(where), 1, 2)), 3))

    rows = duckdb_rows(where.url)

    assert sorted(rows.column("sequenceNumber").to_pylist()) == ["1", "2", "3"]
    assert {str(day) for day in rows.column("day").to_pylist()} == {"2026-11-26"}


def test_a_commit_says_what_spark_says_of_a_stream(where: TargetSettings) -> None:
    target = opened(where)
    files, after = read(target, [1, 2])
    counts = Counts(records=3, rows=2, bad=1)

    target = moved(commit(target, files, after, counts=counts))

    [info] = [line["commitInfo"] for line in lines(target, 1) if "commitInfo" in line]
    assert lines(target, 1)[0] == {"commitInfo": info}
    assert (info["operation"], info["isBlindAppend"], info["readVersion"]) == (
        "STREAMING UPDATE", True, 0,
    )  # fmt: skip
    assert info["operationParameters"]["queryId"] == "lakeferry:ingest:clicks"
    metrics = info["operationMetrics"]
    assert (metrics["numOutputRows"], metrics["numAddedFiles"]) == ("2", "1")
    assert (metrics["lakeferry.records"], metrics["lakeferry.bad"]) == ("3", "1")


def test_every_txn_says_when_it_was_written_for_tables_that_let_old_ones_expire(
    where: TargetSettings,
) -> None:
    target = moved(put(opened(where), 1))

    for version in (0, 1):
        [txn] = [line["txn"] for line in lines(target, version) if "txn" in line]
        assert txn["lastUpdated"] > NOON_MS


def test_a_commit_without_rows_keeps_the_place(where: TargetSettings) -> None:
    put(opened(where))

    assert numbers_in(where) == []
    state = now(where).state
    assert state is not None
    assert state.epoch == 1


def test_a_state_that_does_not_follow_is_not_committed(where: TargetSettings) -> None:
    target = opened(where)
    files, after = read(target, [1])

    with pytest.raises(ValueError, match="epoch 2 cannot follow epoch 0"):
        commit(target, files, replace(after, epoch=2))

    assert now(where).version == 0


# --- others came first ----------------------------------------------------------------------


def test_after_a_commit_of_another_writer_the_same_files_are_committed_behind_it(
    tmp_path: Path,
) -> None:
    where = settings(tmp_path / "t")
    target = opened(where)
    files, after = read(target, [1, 2])
    deltalake.write_deltalake(where.url, raw([900]), mode="append")
    deltalake.write_deltalake(where.url, raw([901]), mode="append")

    done = commit(target, files, after)

    assert moved(done).version == 3
    assert numbers_in(where) == [1, 2, 900, 901]
    assert set(data_files(where)) > {file.path for file in files}


def test_compaction_by_another_writer_does_not_disturb(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    target = moved(put(opened(where), 1))
    target = moved(put(target, 2))
    files, after = read(target, [3])
    deltalake_table(where).optimize.compact()

    target = moved(commit(target, files, after))

    assert (target.version, numbers_in(where)) == (4, [1, 2, 3])
    assert numbers_in(where) == [1, 2, 3]


def test_of_two_that_read_the_same_records_one_commits_and_the_other_leaves_nothing(
    where: TargetSettings,
) -> None:
    one, other = opened(where), opened(where)
    files, after = read(other, [1, 2])
    moved(put(one, 1, 2))
    before = states(where)

    done = commit(other, files, after)

    assert done == Lost(1)
    assert numbers_in(where) == [1, 2]
    assert not set(data_files(where)) & {file.path for file in files}
    assert states(where) == before


def test_whoever_slept_through_many_commits_of_the_other_has_lost(where: TargetSettings) -> None:
    zombie, alive = opened(where), opened(where)
    files, after = read(zombie, [1, 2, 3])
    for number in range(1, 8):
        alive = moved(put(alive, number))

    assert commit(zombie, files, after) == Lost(1)

    again = moved(put(now(where), 8))
    assert (again.version, numbers_in(where)) == (8, list(range(1, 9)))


def test_two_ingests_of_different_names_fill_one_table_side_by_side(where: TargetSettings) -> None:
    clicks, views = opened(where), opened(where, name="views")

    clicks = moved(put(clicks, 1))
    views = moved(put(views, 101))
    clicks = moved(put(clicks, 2))

    assert numbers_in(where) == [1, 2, 101]
    found = read_target(where, RAW_SCHEMA, "views")
    assert found is not None
    assert (found.state, clicks.version) == (views.state, 4)


# --- the table changed ----------------------------------------------------------------------


def rewritten(target: Target, **changes: Any) -> None:
    """Another writer's commit that changes the metadata."""
    snapshot = read_snapshot(target.store)
    body = {
        "id": snapshot.metadata.id,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": snapshot.metadata.schema_string,
        "partitionColumns": list(snapshot.metadata.partition_columns),
        "configuration": dict(snapshot.metadata.configuration),
    } | changes
    text = json.dumps({"commitInfo": {}}) + "\n" + json.dumps({"metaData": body}) + "\n"
    path = f"_delta_log/{snapshot.version + 1:020}.json"
    target.store.put_if_absent(path, [text.encode()], size_hint=len(text))


def with_field(target: Target, name: str, kind: str, *, nullable: bool) -> str:
    tree = json.loads(target.metadata.schema_string)
    tree["fields"].append({"name": name, "type": kind, "nullable": nullable, "metadata": {}})
    return json.dumps(tree)


def test_a_new_column_that_may_be_null_lets_the_rows_in(where: TargetSettings) -> None:
    target = opened(where)
    files, after = read(target, [1])
    rewritten(target, schemaString=with_field(target, "note", "string", nullable=True))

    target = moved(commit(target, files, after))

    assert target.version == 2
    assert deltalake_table(where).to_pyarrow_table().column("note").to_pylist() == [None]
    assert moved(put(target, 2)).version == 3


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"partitionColumns": ["shardId"]}, "partitioned by shardId"),
        ({"configuration": {"delta.constraints.some": "shardId <> ''"}}, "delta.constraints.some"),
    ],
)
def test_a_change_that_the_rows_do_not_fit_makes_them_void(
    where: TargetSettings, changes: dict[str, Any], difference: str
) -> None:
    target = opened(where)
    files, after = read(target, [1])
    rewritten(target, **changes)
    before = states(where)

    lost = commit(target, files, after)

    assert isinstance(lost, Lost)
    assert difference in lost.changed
    assert not set(data_files(where)) & {file.path for file in files}
    assert states(where) == before


def test_another_table_in_the_place_of_the_one_that_rows_were_made_for_stops(
    where: TargetSettings,
) -> None:
    target = opened(where)
    files, after = read(target, [1])
    rewritten(target, id="another")
    before = states(where)

    with pytest.raises(FerryError, match="replaced by another") as caught:
        commit(target, files, after)

    assert caught.value.code == "LF-7045"
    assert not set(data_files(where)) & {file.path for file in files}
    assert states(where) == before


# --- what stores do -------------------------------------------------------------------------


class Strange:
    """A store whose put of a commit does what a test asks for; all else is the real one."""

    def __init__(self, store: Store, *, before: Iterator[None]) -> None:
        self._store = store
        self._before = before

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def put_if_absent(self, path: str, chunks: Iterable[bytes], *, size_hint: int) -> None:
        self._store.put_if_absent(path, chunks, size_hint=size_hint)
        if path.endswith("1.json") and "_lakeferry" not in path:
            next(self._before, None)


def lost_answer() -> Iterator[None]:
    raise FerryError("LF-1003", "no answer", "here", "again")
    yield


def killed() -> Iterator[None]:
    raise KeyboardInterrupt
    yield


def strange(target: Target, before: Iterator[None]) -> Target:
    store: Any = Strange(target.store, before=before)
    return replace(target, store=store)


def test_an_answer_that_was_lost_is_found_in_the_log(where: TargetSettings) -> None:
    target = strange(opened(where), lost_answer())

    target = moved(put(target, 1))

    assert (target.version, numbers_in(where)) == (1, [1])
    assert moved(put(target, 2)).version == 2


def test_whoever_was_killed_behind_the_commit_finds_it_done(where: TargetSettings) -> None:
    with pytest.raises(KeyboardInterrupt):
        put(strange(opened(where), killed()), 1, 2)

    target = now(where)
    assert target.state is not None
    assert target.state.shards == {SHARD: After("2", NOON_MS, 2)}
    assert moved(put(target, 3)).version == 2
    assert numbers_in(where) == [1, 2, 3]


def test_a_sleeper_that_wakes_where_the_log_was_cleaned_is_told_so(
    where: TargetSettings,
) -> None:
    zombie, alive = opened(where), opened(where)
    files, after = read(zombie, [1])
    for number in range(1, 6):
        alive = moved(put(alive, number))
    table = deltalake_table(where)
    table.create_checkpoint()
    for version in range(5):
        alive.store.delete(f"_delta_log/{version:020}.json")

    with pytest.raises(FerryError) as caught:
        commit(zombie, files, after)

    assert caught.value.code == "LF-7046"
    assert numbers_in(where) == [1, 2, 3, 4, 5]
    assert moved(put(now(where), 6)).version == 6


# --- obligations of features ----------------------------------------------------------------


def upgraded(target: Target, features: list[str], configuration: dict[str, str]) -> None:
    body = {
        "minReaderVersion": 1,
        "minWriterVersion": 7,
        "writerFeatures": features,
    }
    text = json.dumps({"commitInfo": {"inCommitTimestamp": 4_000_000_000_000}}) + "\n"
    text += json.dumps({"protocol": body}) + "\n"
    path = f"_delta_log/{target.version + 1:020}.json"
    meta = {
        "id": target.metadata.id,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": target.metadata.schema_string,
        "partitionColumns": list(target.metadata.partition_columns),
        "configuration": dict(target.metadata.configuration) | configuration,
    }
    text += json.dumps({"metaData": meta}) + "\n"
    target.store.put_if_absent(path, [text.encode()], size_hint=len(text))


TRACKED = ["appendOnly", "invariants", "domainMetadata", "rowTracking"]


def test_row_ids_are_given_without_a_gap_and_never_twice(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    upgraded(opened(where), TRACKED, {"delta.enableRowTracking": "true"})

    target = moved(put(opened(where), 1, 2))
    target = moved(put(target, 3))

    adds = [line["add"] for at in (2, 3) for line in lines(target, at) if "add" in line]
    assert [(add["baseRowId"], add["defaultRowCommitVersion"]) for add in adds] == [(0, 2), (2, 3)]
    marks = read_snapshot(target.store).domains["delta.rowTracking"].configuration
    assert json.loads(marks) == {"rowIdHighWaterMark": 2}


def test_row_ids_are_given_anew_behind_those_of_whoever_came_first(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    upgraded(opened(where), TRACKED, {"delta.enableRowTracking": "true"})
    clicks, views = opened(where), opened(where, name="views")
    moved(put(views, 101, 102, 103))

    clicks = moved(put(clicks, 1))

    [add] = [line["add"] for line in lines(clicks, clicks.version) if "add" in line]
    assert (add["baseRowId"], add["defaultRowCommitVersion"]) == (3, clicks.version)


def test_in_commit_timestamps_rise_even_where_the_clock_does_not(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    on = {"delta.enableInCommitTimestamps": "true"}
    upgraded(opened(where), ["inCommitTimestamp"], on)

    target = moved(put(opened(where), 1))
    target = moved(put(target, 2))

    stamps = [lines(target, at)[0]["commitInfo"]["inCommitTimestamp"] for at in (2, 3)]
    assert stamps == [4_000_000_000_001, 4_000_000_000_002]


@pytest.fixture(params=["by condition", "by a lock"])
def s3(request: pytest.FixtureRequest, s3_server: Server) -> Iterator[Server]:
    if request.param == "by condition":
        yield s3_server
        return
    with dynamodb.locked(s3_server, request.getfixturevalue("moto_access")) as server:
        yield server


@pytest.mark.server
def test_on_s3_a_loser_leaves_nothing_and_a_follower_commits_behind(
    s3: Server, tmp_path: Path
) -> None:
    where = settings(f"{s3.place}/{tmp_path.name}", options=s3.options)
    one, other = opened(where), opened(where)
    files, after = read(other, [1])
    one = moved(put(one, 1))
    views = opened(where, name="views")
    moved(put(views, 101))

    assert commit(other, files, after) == Lost(1)
    one = moved(put(one, 2))

    assert numbers_in(where) == [1, 2, 101]
    assert one.version == 4
    assert not set(data_files(where)) & {file.path for file in files}


def test_arrow_schemas_of_rows_are_those_of_the_table(where: TargetSettings) -> None:
    put(opened(where), 1)

    rows = deltalake_table(where).to_pyarrow_table()
    assert rows.schema.field("approximateArrivalTimestamp").type == pa.timestamp("us", "UTC")
    assert str(rows.column("day")[0]) == "2026-11-26"
