"""A log is made shorter only where no reader misses it."""

import json
import os
from pathlib import Path

import deltalake
import pytest

from lakeferry.delta.actions import Metadata, Protocol
from lakeferry.delta.checkpoint_head import checkpoint_head
from lakeferry.delta.log import list_log
from lakeferry.ingest.settings import TargetSettings
from lakeferry.ingest.upkeep.log_cleanup import DAY_MS, clean_log, cutoff_ms, expired
from lakeferry.store.open import open_store
from tests.ingest.batches import moved, numbers_in, opened, put, settings

NOW_MS = 1_800_000_000_000 // DAY_MS * DAY_MS + DAY_MS // 2  # noon
PLAIN = Protocol(1, 2)


def metadata(**configuration: str) -> Metadata:
    told = {f"delta.{key}": value for key, value in configuration.items()}
    return Metadata("id", "{}", (), told)


# --- since when -------------------------------------------------------------------------------


def test_a_log_is_kept_for_thirty_whole_days_unless_the_table_says_otherwise() -> None:
    midnight = NOW_MS - DAY_MS // 2

    assert cutoff_ms(PLAIN, metadata(), NOW_MS) == midnight - 30 * DAY_MS
    kept = metadata(logRetentionDuration="interval 2 days")
    assert cutoff_ms(PLAIN, kept, NOW_MS) == midnight - 2 * DAY_MS


@pytest.mark.parametrize(
    ("protocol", "told"),
    [
        (PLAIN, metadata(enableExpiredLogCleanup="false")),
        (PLAIN, metadata(logRetentionDuration="for ever")),
        (Protocol(1, 7, None, frozenset({"checkpointProtection"})), metadata()),
    ],
)
def test_where_the_table_forbids_it_or_cannot_be_understood_all_is_kept(
    protocol: Protocol, told: Metadata
) -> None:
    assert cutoff_ms(protocol, told, NOW_MS) is None


# --- what ---------------------------------------------------------------------------------------


@pytest.fixture
def where(tmp_path: Path) -> TargetSettings:
    """A table of versions 0 to 9, one a day up to now, with checkpoints of 3 and 7."""
    where = settings(tmp_path / "t")
    target = opened(where)
    for number in range(1, 10):
        target = moved(put(target, number))
    store = open_store(where.url)
    for version in (3, 7):
        checkpoint_head(store, version, now_ms=NOW_MS)
    for meta in store.list("_delta_log", recursive=False):
        stem = meta.path.rpartition("/")[2][:20]
        if stem.isdecimal():
            age = 9 - int(stem)
            store.set_modified(meta.path, NOW_MS - age * DAY_MS)
    return where


def keep(where: TargetSettings, days: int) -> None:
    """Say in the newest commit how long the log is kept."""
    log = Path(where.url) / "_delta_log"
    lines = [json.loads(line) for line in (log / f"{0:020}.json").read_text().splitlines()]
    [metadata] = [line for line in lines if "metaData" in line]
    configuration = {"delta.logRetentionDuration": f"interval {days} days"}
    metadata["metaData"]["configuration"] |= configuration
    head = log / f"{9:020}.json"
    stat = head.stat()
    head.write_text(head.read_text() + json.dumps(metadata) + "\n")
    os.utime(head, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_what_lies_before_a_checkpoint_that_is_old_enough_goes(where: TargetSettings) -> None:
    keep(where, 4)  # version 4 was current then, which the checkpoint of 3 stands under

    cleaned = clean_log(open_store(where.url), NOW_MS)

    assert cleaned is not None
    assert (cleaned.oldest, cleaned.files) == (3, 3)
    listing = list_log(open_store(where.url))
    assert sorted(listing.commits) == [3, 4, 5, 6, 7, 8, 9]
    assert [one.version for one in listing.checkpoints] == [7, 3]
    assert numbers_in(where) == list(range(1, 10))


def test_every_version_that_must_be_kept_can_still_be_read(where: TargetSettings) -> None:
    keep(where, 4)

    clean_log(open_store(where.url), NOW_MS)

    found = [
        deltalake.DeltaTable(where.url, version=version).to_pyarrow_table().num_rows
        for version in range(4, 10)
    ]
    assert found == [4, 5, 6, 7, 8, 9]


def test_without_a_checkpoint_that_is_old_enough_nothing_goes(where: TargetSettings) -> None:
    keep(where, 7)

    assert clean_log(open_store(where.url), NOW_MS) is None


def test_a_log_younger_than_its_time_stays(where: TargetSettings) -> None:
    assert clean_log(open_store(where.url), NOW_MS) is None


def test_older_checkpoints_and_checksums_go_with_their_commits(where: TargetSettings) -> None:
    keep(where, 1)
    store = open_store(where.url)
    crc = f"_delta_log/{2:020}.crc"
    store.write(crc, [b"{}"], size=2)
    store.set_modified(crc, NOW_MS - 7 * DAY_MS)

    cleaned = clean_log(store, NOW_MS)

    assert cleaned is not None
    assert (cleaned.oldest, cleaned.files) == (7, 7 + 1 + 1)  # commits, the checkpoint, the crc
    assert numbers_in(where) == list(range(1, 10))
    assert clean_log(store, NOW_MS) is None


def test_first_copies_of_commits_that_went_by_a_lock_go_with_them(where: TargetSettings) -> None:
    keep(where, 4)
    store = open_store(where.url)
    token = "0a1b2c3d-0000-4000-8000-000000000000"
    copies = [f"_delta_log/.tmp/{version:020}.json.{token}" for version in (1, 2, 3)]
    for path in (*copies, other := "_delta_log/.tmp/1.part"):
        store.write(path, [b"{}"], size=2)

    cleaned = clean_log(store, NOW_MS)

    assert cleaned is not None
    assert (cleaned.oldest, cleaned.files) == (3, 3 + 2)
    assert sorted(meta.path for meta in store.list("_delta_log/.tmp")) == [copies[2], other]


@pytest.mark.parametrize(("days", "version"), [(4, 3), (1, 7)])
def test_a_checkpoint_that_cannot_be_read_stands_in_for_nothing(
    where: TargetSettings, days: int, version: int
) -> None:
    keep(where, days)
    path = Path(where.url) / "_delta_log" / f"{version:020}.checkpoint.parquet"
    stat = path.stat()
    path.write_bytes(path.read_bytes()[:200])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    assert clean_log(open_store(where.url), NOW_MS) is None


def test_the_oldest_go_first(where: TargetSettings) -> None:
    found = expired(list_log(open_store(where.url)), 8)

    assert found is not None
    base, metas = found
    assert base.version == 7
    names = [meta.path.rpartition("/")[2] for meta in metas]
    assert names == sorted(names)
