import os
from pathlib import Path

import pytest

from lakeferry.delta.checkpoint_write import write_checkpoint
from lakeferry.delta.log import LogFile, LogListing
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.delta.time_travel import file_times
from lakeferry.errors import FerryError
from lakeferry.store.open import open_store
from lakeferry.store.protocol import ObjectMeta, Store
from tests.corpora import SPARK, required

from .tables import Action, add, commit, metadata, table

ICT = {"delta__enableInCommitTimestamps": "true"}


def at_times(root: Path, *times_ms: int) -> Store:
    """A table with one commit at each time, by its file's modification time."""
    store = table(root, *([add(f"f{version}")] for version in range(len(times_ms))))
    for version, ms in enumerate(times_ms):
        os.utime(root / "_delta_log" / f"{version:020d}.json", ns=(ms * 10**6, ms * 10**6))
    return store


def info(ms: int) -> Action:
    return {"commitInfo": {"inCommitTimestamp": ms}}


def version_of(store: Store, ms: int) -> int:
    return read_snapshot(store, timestamp_ms=ms).version


def test_a_time_means_the_last_commit_before_it(tmp_path: Path) -> None:
    store = at_times(tmp_path, 1000, 2000, 3000)

    assert [version_of(store, ms) for ms in (1000, 1999, 2000, 3000)] == [0, 0, 1, 2]


def test_a_time_before_the_first_commit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FerryError) as refused:
        version_of(at_times(tmp_path, 1000, 2000), 999)

    assert refused.value.code == "LF-2105"
    assert "as old as 1970-01-01T00:00:00.999Z" in refused.value.what
    assert "oldest version left is 0, committed 1970-01-01T00:00:01.000Z" in refused.value.where


def test_a_time_after_the_newest_commit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FerryError) as refused:
        version_of(at_times(tmp_path, 1000, 2000), 2001)

    assert refused.value.code == "LF-2105"
    assert "1970-01-01T00:00:02.001Z" in refused.value.what
    assert "newest version is 1, committed 1970-01-01T00:00:02.000Z" in refused.value.where
    assert "up to 1970-01-01T00:00:02.000Z" in refused.value.next_step


@pytest.mark.parametrize("far", [-(10**17), 10**17])
def test_a_time_that_no_calendar_has_is_refused(tmp_path: Path, far: int) -> None:
    with pytest.raises(FerryError, match="LF-2105"):
        version_of(at_times(tmp_path, 1000), far)


def test_file_times_that_go_back_are_made_to_rise(tmp_path: Path) -> None:
    store = at_times(tmp_path, 5000, 2000, 2000, 6000)

    assert [version_of(store, ms) for ms in (5000, 5001, 5002, 6000)] == [0, 1, 2, 3]
    assert read_snapshot(store, version=2).timestamp_ms == 5002


def test_in_commit_timestamps_count_where_the_table_has_them(tmp_path: Path) -> None:
    commit(tmp_path, 0, info(100), {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
           metadata(**ICT))  # fmt: skip
    for version in range(1, 6):
        commit(tmp_path, version, info(100 + version * 10), add(f"f{version}"))
    store = open_store(str(tmp_path))

    assert [version_of(store, ms) for ms in (100, 109, 110, 145, 150)] == [0, 0, 1, 4, 5]
    assert read_snapshot(store, version=3).in_commit_timestamp == 130
    assert read_snapshot(store, version=3).timestamp_ms == 130
    for outside in (99, 151):
        with pytest.raises(FerryError, match="LF-2105"):
            version_of(store, outside)


def test_versions_from_before_in_commit_timestamps_go_by_file_times(tmp_path: Path) -> None:
    at_times(tmp_path, 1000, 2000)
    since = {
        "delta__inCommitTimestampEnablementVersion": "2",
        "delta__inCommitTimestampEnablementTimestamp": "5000",
    }
    commit(tmp_path, 2, info(5000), metadata(**ICT, **since))
    commit(tmp_path, 3, info(6000), add("x"))
    store = open_store(str(tmp_path))

    assert [version_of(store, ms) for ms in (1500, 4999, 5000, 6000)] == [0, 1, 2, 3]
    assert read_snapshot(store, version=1).in_commit_timestamp is None


def test_a_commit_that_lacks_its_timestamp_is_named(tmp_path: Path) -> None:
    table(tmp_path, [metadata(**ICT)], [add("a")])

    with pytest.raises(FerryError) as refused:
        version_of(open_store(str(tmp_path)), 10**15)

    assert refused.value.code == "LF-3105"


def test_only_versions_that_can_be_rebuilt_are_meant() -> None:
    root = required(SPARK) / "log-cleaned/table"
    store = open_store(str(root))
    first = read_snapshot(store, version=4)
    assert first.timestamp_ms is not None

    assert version_of(store, first.timestamp_ms) >= 4
    with pytest.raises(FerryError, match="LF-2105"):
        version_of(store, 1000)


def test_spark_s_in_commit_timestamps_are_read() -> None:
    store = open_store(str(required(SPARK) / "in-commit-timestamps-v0/table"))

    snapshot = read_snapshot(store)

    assert snapshot.in_commit_timestamp is not None
    assert version_of(store, snapshot.in_commit_timestamp) == snapshot.version
    assert version_of(store, snapshot.in_commit_timestamp - 1) == snapshot.version - 1


def test_a_commit_whose_first_line_is_something_else_has_no_timestamp(tmp_path: Path) -> None:
    table(tmp_path, [metadata(**ICT)])
    snapshot = read_snapshot(open_store(str(tmp_path)))
    write_checkpoint(open_store(str(tmp_path)), 0, state=snapshot, files=snapshot.files)

    assert read_snapshot(open_store(str(tmp_path))).in_commit_timestamp is None


def test_a_version_known_by_its_checkpoint_alone_has_the_checkpoint_s_time(tmp_path: Path) -> None:
    snapshot = read_snapshot(table(tmp_path / "a", [add("a")]))
    write_checkpoint(open_store(str(tmp_path / "b")), 0, state=snapshot, files=snapshot.files)
    [file] = (tmp_path / "b" / "_delta_log").iterdir()
    os.utime(file, ns=(7_000 * 10**6, 7_000 * 10**6))

    assert read_snapshot(open_store(str(tmp_path / "b"))).timestamp_ms == 7_000


def test_a_store_without_times_gives_none() -> None:
    commits = {0: LogFile("commit", 0, ObjectMeta("_delta_log/x", 1))}
    listing = LogListing("s3://b/t", commits, (), (), (), {}, (), True)

    assert file_times(listing) == {}


def test_an_empty_commit_has_no_timestamp(tmp_path: Path) -> None:
    table(tmp_path, [metadata(**ICT)], [])

    assert read_snapshot(open_store(str(tmp_path))).in_commit_timestamp is None
