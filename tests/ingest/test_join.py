"""Files become one without a row changing, and without hindering anybody who writes meanwhile."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeferry.delta.snapshot import Snapshot, read_snapshot
from lakeferry.errors import FerryError
from lakeferry.ingest.settings import TargetSettings
from lakeferry.ingest.table.opening import change_columns
from lakeferry.ingest.table.target import Target
from lakeferry.ingest.upkeep.compact import COLUMNS, Join, Sizes, plan_joins
from lakeferry.ingest.upkeep.join_commit import SLOWEST_MS, GivenUp, Known, commit_join
from lakeferry.ingest.upkeep.join_files import join_files, joined_form
from lakeferry.ingest.worker.messages import DataFile
from lakeferry.store.open import open_store
from tests.ingest.batches import (
    BY_DAY,
    deltalake_table,
    moved,
    numbers_in,
    opened,
    put,
    raw,
    settings,
)
from tests.judges.duckdb_reader import duckdb_rows

ALWAYS = 2**62
SIZES = Sizes(files=2)


@pytest.fixture(params=["sidecar", "domain"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> TargetSettings:
    return settings(tmp_path / "t", offsets=request.param, partition_by=BY_DAY)


def three_commits(where: TargetSettings) -> Target:
    target = opened(where)
    for numbers in ((1, 2), (3, 4), (5,)):
        target = moved(put(target, *numbers))
    return target


def planned(where: TargetSettings) -> tuple[Snapshot, Join, DataFile]:
    """The one join of a table, its file uploaded."""
    store = open_store(where.url, where.options)
    snapshot = read_snapshot(store)
    [join] = plan_joins(snapshot.files.batches(COLUMNS), older_than_ms=ALWAYS, sizes=SIZES)
    form = joined_form(store.url, snapshot.metadata, "clicks")
    return snapshot, join, join_files(store, join, form)


def known(snapshot: Snapshot) -> Known:
    return Known(snapshot.version, snapshot.metadata, snapshot.in_commit_timestamp)


def joined(where: TargetSettings) -> Known | GivenUp:
    snapshot, join, file = planned(where)
    return commit_join(open_store(where.url), known(snapshot), join, file)


def actions(where: TargetSettings, version: int) -> list[dict[str, Any]]:
    text = (Path(where.url) / "_delta_log" / f"{version:020}.json").read_text()
    return [json.loads(line) for line in text.splitlines()]


def parquet_files(where: TargetSettings) -> set[Path]:
    return set(Path(where.url).rglob("part-*.parquet"))


# --- rows ---------------------------------------------------------------------------------------


def test_the_same_rows_in_their_order_are_in_one_file(where: TargetSettings) -> None:
    three_commits(where)

    done = joined(where)

    assert isinstance(done, Known)
    [path] = deltalake_table(where).file_uris()
    assert [int(text) for text in pq.read_table(path)["sequenceNumber"].to_pylist()] == [
        1, 2, 3, 4, 5,
    ]  # fmt: skip
    assert "day=2026-11-26/part-clicks-" in path
    assert numbers_in(where) == [1, 2, 3, 4, 5]
    assert duckdb_rows(where.url).num_rows == 5


def test_no_row_changes_by_the_words_of_the_log(where: TargetSettings) -> None:
    three_commits(where)

    joined(where)

    told = actions(where, 4)
    assert [next(iter(action)) for action in told] == ["commitInfo", *["remove"] * 3, "add"]
    assert all(not body["dataChange"] for one in told[1:] for body in one.values())
    assert told[1]["remove"]["partitionValues"] == {"day": "2026-11-26"}
    stats = json.loads(told[4]["add"]["stats"])
    assert stats["numRecords"] == 5
    assert (stats["minValues"]["sequenceNumber"], stats["maxValues"]["sequenceNumber"]) == (
        "1", "5",
    )  # fmt: skip


def test_the_version_before_still_has_its_files(where: TargetSettings) -> None:
    three_commits(where)

    joined(where)

    before = deltalake.DeltaTable(where.url, version=3)
    assert len(before.file_uris()) == 3
    assert before.to_pyarrow_table().num_rows == 5


def test_an_older_file_lacks_columns_that_came_later(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    schema = raw((1,)).schema
    target = moved(put(opened(where), 1))
    wider = schema.append(pa.field("note", pa.string())).append(
        pa.field("in", pa.struct([("a", pa.int32())]))
    )
    changed = change_columns(target, where, wider)
    assert isinstance(changed, Target)
    moved(put(changed, 2))

    done = joined(where)

    assert isinstance(done, Known)
    table = deltalake_table(where).to_pyarrow_table(columns=["sequenceNumber", "note", "in"])
    assert table.to_pylist() == [
        {"sequenceNumber": "1", "note": None, "in": None},
        {"sequenceNumber": "2", "note": None, "in": None},
    ]


def test_columns_that_are_mapped_keep_their_names_and_ids(tmp_path: Path) -> None:
    where = settings(tmp_path / "t", partition_by=BY_DAY)
    mapped_by_id(where)
    target = opened(where)
    for number in (1, 2):
        target = moved(put(target, number))

    joined(where)

    [path] = parquet_files_now(where)
    schema = pq.read_schema(path)
    field = schema.field("col-sequenceNumber")
    assert field.metadata[b"PARQUET:field_id"] == b"5"
    assert sorted(duckdb_rows(where.url)["sequenceNumber"].to_pylist()) == ["1", "2"]


def mapped_by_id(where: TargetSettings) -> None:
    """Turn an empty table into one whose columns are mapped."""
    opened(where)
    told = actions(where, 0)
    [metadata] = [one["metaData"] for one in told if "metaData" in one]
    schema = json.loads(metadata["schemaString"])
    for number, field in enumerate(schema["fields"], 1):
        field["metadata"]["delta.columnMapping.id"] = number
        field["metadata"]["delta.columnMapping.physicalName"] = f"col-{field['name']}"
    metadata["schemaString"] = json.dumps(schema)
    metadata["configuration"] |= {
        "delta.columnMapping.mode": "id",
        "delta.columnMapping.maxColumnId": str(len(schema["fields"])),
    }
    for one in told:
        if "protocol" in one:
            one["protocol"] = {"minReaderVersion": 2, "minWriterVersion": 5}
    path = Path(where.url) / "_delta_log" / f"{0:020}.json"
    path.write_text("\n".join(map(json.dumps, told)))


def parquet_files_now(where: TargetSettings) -> list[Path]:
    store = open_store(where.url)
    return [
        Path(where.url) / path
        for batch in read_snapshot(store).files.batches(["path"])
        for path in batch.column("path").to_pylist()
    ]


# --- others write meanwhile ---------------------------------------------------------------------


def test_appends_of_an_ingest_have_nothing_to_do_with_it(where: TargetSettings) -> None:
    target = three_commits(where)
    snapshot, join, file = planned(where)
    target = moved(put(target, 6))
    target = moved(put(target, 7))

    done = commit_join(open_store(where.url), known(snapshot), join, file)

    assert done == Known(6, snapshot.metadata)
    moved(put(target, 8))
    assert numbers_in(where) == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("spelt", ["day=", "day%3D"])
def test_a_file_that_another_removed_is_not_brought_back(where: TargetSettings, spelt: str) -> None:
    three_commits(where)
    snapshot, join, file = planned(where)
    before = parquet_files(where)
    remove_first(where, snapshot.version + 1, spelt)

    done = commit_join(open_store(where.url), known(snapshot), join, file)

    assert isinstance(done, GivenUp)
    assert done.why == "version 4 changes a file that was to be joined"
    assert before - parquet_files(where) == {Path(where.url) / file.path}
    assert len(parquet_files_now(where)) == 2


def remove_first(where: TargetSettings, version: int, spelt: str) -> None:
    """What DELETE writes of the file of version 1."""
    [add] = [one["add"] for one in actions(where, 1) if "add" in one]
    gone = {
        "path": add["path"].replace("day=", spelt),
        "deletionTimestamp": 1,
        "dataChange": True,
        "extendedFileMetadata": True,
        "partitionValues": add["partitionValues"],
        "size": add["size"],
    }
    path = Path(where.url) / "_delta_log" / f"{version:020}.json"
    path.write_text(json.dumps({"remove": gone}) + "\n")


def test_two_joins_of_the_same_files_make_one(where: TargetSettings) -> None:
    three_commits(where)
    snapshot, join, file = planned(where)
    joined(where)

    done = commit_join(open_store(where.url), known(snapshot), join, file)

    assert isinstance(done, GivenUp)
    assert numbers_in(where) == [1, 2, 3, 4, 5]


def test_a_join_that_slept_until_its_file_may_be_swept_is_given_up(where: TargetSettings) -> None:
    three_commits(where)
    snapshot, join, file = planned(where)
    old = replace(file, modified_ms=file.modified_ms - SLOWEST_MS)

    done = commit_join(open_store(where.url), known(snapshot), join, old)

    assert isinstance(done, GivenUp)
    assert numbers_in(where) == [1, 2, 3, 4, 5]


def test_a_join_whose_file_was_swept_is_given_up(where: TargetSettings) -> None:
    three_commits(where)
    snapshot, join, file = planned(where)
    (Path(where.url) / file.path).unlink()

    done = commit_join(open_store(where.url), known(snapshot), join, file)

    assert isinstance(done, GivenUp)
    assert numbers_in(where) == [1, 2, 3, 4, 5]


def test_a_table_that_changed_is_looked_at_anew(where: TargetSettings) -> None:
    target = three_commits(where)
    snapshot, join, file = planned(where)
    wider = raw((1,)).schema.append(pa.field("note", pa.string()))
    change_columns(target, where, wider)

    done = commit_join(open_store(where.url), known(snapshot), join, file)

    assert done == GivenUp(4, "version 4 changes the table")


def test_in_commit_timestamps_rise_over_a_join(tmp_path: Path) -> None:
    where = settings(tmp_path / "t", partition_by=BY_DAY)
    opened(where)
    told = actions(where, 0)
    far = 4_102_444_800_000  # a writer whose clock is ahead: the year 2100
    for one in told:
        if "metaData" in one:
            one["metaData"]["configuration"]["delta.enableInCommitTimestamps"] = "true"
        if "protocol" in one:
            features = ["inCommitTimestamp", "appendOnly", "invariants"]
            one["protocol"] = {
                "minReaderVersion": 1,
                "minWriterVersion": 7,
                "writerFeatures": features,
            }
        if "commitInfo" in one:
            one["commitInfo"] = {"inCommitTimestamp": far, **one["commitInfo"]}
    path = Path(where.url) / "_delta_log" / f"{0:020}.json"
    path.write_text("\n".join(map(json.dumps, told)))
    target = opened(where)
    for number in (1, 2):
        target = moved(put(target, number))
    snapshot, join, file = planned(where)
    moved(put(target, 3))

    commit_join(open_store(where.url), known(snapshot), join, file)

    stamps = [actions(where, version)[0]["commitInfo"]["inCommitTimestamp"] for version in range(5)]
    assert stamps == [far, far + 1, far + 2, far + 3, far + 4]


def test_a_file_that_is_gone_fails_the_join_alone(where: TargetSettings) -> None:
    three_commits(where)
    store = open_store(where.url)
    snapshot = read_snapshot(store)
    [join] = plan_joins(snapshot.files.batches(COLUMNS), older_than_ms=ALWAYS, sizes=SIZES)
    lost = replace(join, files=(replace(join.files[0], path="day=1/none.parquet"), *join.files))
    form = joined_form(store.url, snapshot.metadata, "clicks")

    with pytest.raises(FerryError) as raised:
        join_files(store, lost, form)

    assert raised.value.code == "LF-7032"
    assert len(parquet_files(where)) == 3
