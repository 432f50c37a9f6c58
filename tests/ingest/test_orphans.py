"""Only files that were never committed and never will be are removed, and only our own."""

import os
import time
from pathlib import Path

import pytest

from lakeferry.ingest.settings import TargetSettings
from lakeferry.ingest.table.commit import commit
from lakeferry.ingest.table.orphans import HOUR_MS, Swept, own_file, sweep
from lakeferry.ingest.table.target import Target
from tests.ingest.batches import (
    BY_DAY,
    NAME,
    deltalake_table,
    moved,
    numbers_in,
    opened,
    put,
    raw,
    read,
    settings,
    uploaded,
)

UUID = "2c19d585-0e15-4ef7-a599-484443ed3f6f"


@pytest.fixture
def where(tmp_path: Path) -> TargetSettings:
    return settings(tmp_path / "t", partition_by=BY_DAY)


def aged(where: TargetSettings, path: str, hours: float) -> None:
    then = time.time() - hours * 3600
    os.utime(Path(where.url) / path, (then, then))


def swept(target: Target, *, margin_ms: int = HOUR_MS) -> tuple[str, ...]:
    return sweep(target.store, NAME, margin_ms=margin_ms).removed


def test_what_a_crash_left_goes_when_two_commits_have_come_after_it(where: TargetSettings) -> None:
    target = opened(where)
    [left], _ = read(target, [1, 2])
    target = moved(put(opened(where), 1, 2))

    assert swept(target, margin_ms=0) == ()

    target = moved(put(target, 3))
    assert swept(target) == ()
    assert swept(target, margin_ms=0) == (left.path,)
    assert numbers_in(where) == [1, 2, 3]


def test_a_file_younger_than_the_last_commit_but_one_may_still_be_committed(
    where: TargetSettings,
) -> None:
    ahead = opened(where)
    target = moved(put(opened(where), 1))
    [waiting], _ = read(ahead, [1, 2])
    target = moved(put(target, 2))

    assert swept(target, margin_ms=0) == ()
    assert (Path(where.url) / waiting.path).exists()

    target = moved(put(target, 3))
    assert swept(target, margin_ms=0) == (waiting.path,)


def test_files_that_a_commit_names_stay(where: TargetSettings) -> None:
    target = opened(where)
    files, after = read(target, [1])
    target = moved(commit(target, files, after))
    target = moved(put(target, 2))
    aged(where, files[0].path, 30)
    deltalake_table(where).optimize.compact()
    target = moved(put(moved(put(target, 3)), 4))

    assert swept(target) == ()
    assert (Path(where.url) / files[0].path).exists()


def test_files_of_others_stay(where: TargetSettings) -> None:
    target = moved(put(opened(where), 1))
    views = opened(where, name="views")
    [theirs] = uploaded(views, raw([101]))
    foreign = Path(where.url) / f"part-00000-{UUID}-c000.snappy.parquet"
    foreign.write_bytes(b"another writer's")
    aged(where, theirs.path, 3)
    aged(where, foreign.name, 3)
    target = moved(put(moved(put(target, 2)), 3))

    assert swept(target) == ()


def test_a_table_within_the_folder_of_the_table_loses_nothing(where: TargetSettings) -> None:
    within = settings(f"{where.url}/_rejected", partition_by=BY_DAY)
    theirs, after = read(inner := opened(within), [1, 2])
    moved(commit(inner, theirs, after))
    aged(within, theirs[0].path, 30)
    target = moved(put(moved(put(moved(put(opened(where), 1)), 2)), 3))

    assert swept(target) == ()
    assert numbers_in(within) == [1, 2]


def test_a_file_older_than_tombstones_are_kept_is_left_to_vacuum(where: TargetSettings) -> None:
    target = opened(where)
    [left], _ = read(target, [1])
    aged(where, left.path, 24 * 8)
    target = moved(put(moved(put(target, 1)), 2))

    assert swept(target) == ()


def test_after_one_commit_nothing_is_known_to_be_void(where: TargetSettings) -> None:
    target = opened(where)

    assert sweep(target.store, NAME) == Swept()


@pytest.mark.parametrize(
    ("path", "own"),
    [
        (f"day=2026-11-26/part-clicks-00000-{UUID}.zstd.parquet", True),
        (f"part-clicks-123456-{UUID}.zstd.parquet", True),
        (f"part-clicks2-00000-{UUID}.zstd.parquet", False),
        (f"part-00000-{UUID}-c000.snappy.parquet", False),
        (f"part-clicks-00000-{UUID}.zstd.parquet/x", False),
    ],
)
def test_a_file_is_known_as_ours_by_its_whole_name(path: str, own: bool) -> None:
    assert own_file(path, NAME) is own
