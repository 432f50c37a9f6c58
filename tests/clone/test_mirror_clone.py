"""A mirror is the source's own log: bytes, versions, id, times; and it says what it cannot be."""

import os
from pathlib import Path
from threading import Event as Flag

import pytest

import lakeferry
from lakeferry.delta.checkpoint_head import checkpoint_head
from lakeferry.errors import FerryError
from lakeferry.events import Committed, Event
from lakeferry.store.open import open_store
from tests.clone.small import append, clone, commits, new_table, put_files
from tests.delta.tables import add, commit, remove, write


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = new_table(tmp_path / "source", "a", "b")
    append(root, 1, "c")
    return root


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


def log(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "_delta_log").glob("*.json")}


def test_commits_are_equal_byte_for_byte(source: Path, target: Path) -> None:
    report = clone(source, target, mode="mirror")

    assert log(target) == log(source)
    assert (report.files_copied, report.commits, report.target_version) == (3, 2, 1)


def test_a_mirror_that_is_stopped_ends_between_two_commits(source: Path, target: Path) -> None:
    stop = Flag()

    def stop_after_the_first(event: Event) -> None:
        if isinstance(event, Committed):
            stop.set()

    with pytest.raises(KeyboardInterrupt):
        lakeferry.clone(source, target, mode="mirror", stop=stop, on_event=stop_after_the_first)

    assert list(log(target)) == ["00000000000000000000.json"]
    assert clone(source, target, mode="mirror").commits == 1
    assert log(target) == log(source)


def test_commit_times_are_kept_where_files_have_times(source: Path, target: Path) -> None:
    first = source / "_delta_log/00000000000000000000.json"
    os.utime(first, (1_600_000_000, 1_600_000_000))

    clone(source, target, mode="mirror")

    assert (target / "_delta_log" / first.name).stat().st_mtime == 1_600_000_000


def test_only_new_commits_and_their_files_move(source: Path, target: Path) -> None:
    clone(source, target, mode="mirror")
    append(source, 2, "d")

    report = clone(source, target, mode="mirror")

    assert (report.files_copied, report.commits) == (1, 1)
    assert log(target) == log(source)
    assert clone(source, target, mode="mirror").up_to_date


def test_files_that_were_removed_come_along_for_time_travel(source: Path, target: Path) -> None:
    commit(source, 2, remove("a"))

    clone(source, target, mode="mirror")

    assert (target / "a").exists()


def test_a_removed_file_that_vacuum_took_is_no_error(source: Path, target: Path) -> None:
    commit(source, 2, remove("a"))
    (source / "a").unlink()

    report = clone(source, target, mode="mirror")

    assert log(target) == log(source)
    assert any("vacuumed" in warning for warning in report.warnings)


def test_change_data_files_come_along(source: Path, target: Path) -> None:
    put_files(source, "_change_data/x")
    body = {"path": "_change_data/x", "partitionValues": {}, "size": 10, "dataChange": False}
    commit(source, 2, {"cdc": body})

    clone(source, target, mode="mirror")

    assert (target / "_change_data/x").exists()


def test_commits_of_others_on_the_mirror_are_refused(source: Path, target: Path) -> None:
    clone(source, target, mode="mirror")
    append(target, 2, "foreign")

    with pytest.raises(FerryError) as refused:
        clone(source, target, mode="mirror")

    assert refused.value.code == "LF-5003"
    append(source, 2, "ours")
    with pytest.raises(FerryError) as again:
        clone(source, target, mode="mirror")
    assert again.value.code == "LF-5003"


def test_a_snapshot_clone_does_not_become_a_mirror(source: Path, target: Path) -> None:
    clone(source, target)

    with pytest.raises(FerryError) as refused:
        clone(source, target, mode="mirror")

    assert refused.value.code == "LF-5002"


def test_absolute_paths_forbid_a_mirror(source: Path, target: Path) -> None:
    commit(source, 2, add("file:///elsewhere/x"))

    with pytest.raises(FerryError) as refused:
        clone(source, target, mode="mirror")

    assert refused.value.code == "LF-3003"
    assert not target.exists()


def clean_log(root: Path, head: int) -> None:
    """What log cleanup leaves: a checkpoint of the head, and the head's commit."""
    checkpoint_head(open_store(str(root)), head, now_ms=0)
    for version in range(head):
        (root / f"_delta_log/{version:020d}.json").unlink()


def test_a_mirror_that_log_cleanup_overtook_cannot_go_on(source: Path, target: Path) -> None:
    clone(source, target, mode="mirror", version=0)
    append(source, 2, "d")
    clean_log(source, 2)

    with pytest.raises(FerryError) as refused:
        clone(source, target, mode="mirror")

    assert refused.value.code == "LF-3003"
    assert commits(target) == ["00000000000000000000.json"]


def test_a_new_mirror_begins_where_a_cleaned_log_begins(source: Path, target: Path) -> None:
    clean_log(source, 1)

    clone(source, target, mode="mirror")

    assert commits(target) == ["00000000000000000001.json"]
    assert (target / "_delta_log/00000000000000000001.checkpoint.parquet").exists()
    assert sorted(path.name for path in target.glob("[abc]")) == ["a", "b", "c"]
    append(source, 2, "d")
    assert clone(source, target, mode="mirror").commits == 1


def test_side_files_of_hadoop_are_not_carried(source: Path, target: Path) -> None:
    write(source, ".00000000000000000000.json.crc", b"crc")

    clone(source, target, mode="mirror")

    assert not (target / "_delta_log/.00000000000000000000.json.crc").exists()


def test_an_earlier_version_can_be_mirrored(source: Path, target: Path) -> None:
    clone(source, target, mode="mirror", version=0)

    assert commits(target) == ["00000000000000000000.json"]
    assert not (target / "c").exists()


def test_writer_features_that_we_do_not_know_are_mirrored(tmp_path: Path, target: Path) -> None:
    feature = {"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": ["fromTheFuture"]}
    source = new_table(tmp_path / "future", "a")
    commit(source, 1, {"protocol": feature})

    clone(source, target, mode="mirror")

    assert log(target) == log(source)
    with pytest.raises(FerryError) as refused:
        clone(source, tmp_path / "snapshot")
    assert refused.value.code == "LF-3002"
    clone(source, tmp_path / "snapshot", allow_features=["fromTheFuture"])


def test_replace_brings_back_a_file_that_the_mirror_has_lost(source: Path, target: Path) -> None:
    clone(source, target, mode="mirror")
    (target / "a").unlink()

    report = clone(source, target, mode="mirror", replace=True)

    assert (target / "a").exists()
    assert (report.files_copied, report.commits) == (1, 0)
