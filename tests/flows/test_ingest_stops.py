"""An ingest that is told to stop: all that was read is in the table, or it fails and says why."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

import pytest

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.errors import FerryError
from lakeferry.ingest.events import Noted, Progress, Warned
from lakeferry.ingest.settings import PartitionColumn, PayloadSettings, TargetSettings
from tests.flows.ingests import (
    PATIENCE_S,
    QUICK,
    Running,
    assert_each_once,
    event_ids,
    feed_of,
    has_ended,
    ingest_of,
    ingest_once,
    process,
    running,
    workers,
)
from tests.ingest.kpl import aggregate

pytestmark = pytest.mark.usefixtures("keys")

PUT = b'{"event_id": "%s", "status": 200}'
ZERO, ONE = "shardId-000000000000", "shardId-000000000001"
NEVER = replace(QUICK, every_s=600.0)  # but for a stop, nothing is committed


def put(feed: Feed, shard: str, name: str, count: int) -> None:
    feed.put(shard, *[PUT % f"{name}{at}".encode() for at in range(count)])


def error_of(ingest: Running) -> FerryError:
    ingest.wait()
    assert isinstance(ingest.error, FerryError), ingest.ended
    return ingest.error


def read_by(ingest: Running, rows: int) -> None:
    ingest.until(Progress, lambda told: told.rows >= rows)


def lose_a_worker(ingest: Running) -> None:
    os.kill(workers()[-1], signal.SIGKILL)
    ingest.until(Warned, lambda told: "reading begins anew" in told.message)


# --- not all that was read is committed -----------------------------------------------------


def test_what_a_worker_held_that_died_in_the_last_flush_fails_the_stop_and_the_rest_is_committed(
    tmp_path: Path,
) -> None:
    with Feed(shards=2) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", rhythm=NEVER)
        with running(asked) as ingest:
            put(feed, ZERO, "a", 10)
            put(feed, ONE, "b", 10)
            read_by(ingest, 20)
            other, dying = workers()
            os.kill(dying, signal.SIGSTOP)
            ingest.flag.set()
            until(lambda: has_ended(other))  # it brought all, and was asked for no more
            os.kill(dying, signal.SIGKILL)
            error = error_of(ingest)

        assert (error.code, error.exit_code) == ("LF-7056", 1)
        assert "ended with code -9" in error.where
        assert len(event_ids(tmp_path / "table")) == 10
        ingest_once(asked)
        assert len(set(event_ids(tmp_path / "table"))) == 20


def test_what_a_worker_cannot_bring_at_the_end_is_named(tmp_path: Path) -> None:
    rejected = tmp_path / "table_rejected"
    with Feed(shards=1) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", rhythm=NEVER, workers=1)
        with running(asked) as ingest:
            feed.put(ZERO, b"no JSON")
            ingest.until(Progress, lambda told: told.bad == 1)
            rejected.rename(tmp_path / "moved")
            rejected.write_text("a file where the folder was")
            ingest.flag.set()
            error = error_of(ingest)

    assert (error.code, error.exit_code) == ("LF-7056", 1)
    assert "worker 0 failed: LF-" in error.where
    assert "table_rejected" in error.where


def test_a_stop_while_reading_is_to_begin_anew_says_what_was_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeferry.ingest.run.FIRST_WAIT_S", 60.0)
    with Feed(shards=1) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", rhythm=NEVER, workers=1)
        with running(asked) as ingest:
            put(feed, ZERO, "a", 10)
            read_by(ingest, 10)
            lose_a_worker(ingest)
            ingest.flag.set()
            error = error_of(ingest)

        assert error.code == "LF-7056"
        assert "ended with code -9" in error.where
        ingest_once(asked)
        assert len(event_ids(tmp_path / "table")) == 10


# --- harmless -------------------------------------------------------------------------------


def test_a_worker_that_had_read_nothing_fails_no_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeferry.ingest.run.FIRST_WAIT_S", 60.0)
    with Feed(shards=1) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", rhythm=NEVER, workers=1)
        with running(asked) as ingest:
            ingest.until(Progress, lambda told: told.behind_ms == 0)
            lose_a_worker(ingest)

            assert ingest.stop().reason == "stopped"


def test_what_another_of_the_name_has_committed_meanwhile_is_not_missed(tmp_path: Path) -> None:
    with Feed(shards=1) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", rhythm=NEVER, workers=1)
        with running(asked) as ingest:
            put(feed, ZERO, "a", 10)
            read_by(ingest, 10)
            ingest_once(asked)
            ended = ingest.stop()

            assert ended.reason == "stopped"
            ingest.until(Noted, lambda told: "has all that was read here" in told.message)
        assert len(event_ids(tmp_path / "table")) == 10


def test_what_another_of_the_name_has_not_committed_is_missed(tmp_path: Path) -> None:
    with Feed(shards=1) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", rhythm=NEVER, workers=1)
        with running(asked) as ingest:
            put(feed, ZERO, "a", 10)
            read_by(ingest, 10)
            ingest_once(asked)
            put(feed, ZERO, "b", 5)
            read_by(ingest, 15)
            ingest.flag.set()
            error = error_of(ingest)

    assert error.code == "LF-7056"
    assert "another ingest of this name" in error.where


def test_sigterm_while_many_workers_start_is_a_clean_stop(tmp_path: Path) -> None:
    log = tmp_path / "ingest.log"
    with (
        feed_of(8, 1_000) as feed,
        process(feed.url, tmp_path / "table", tmp_path, workers=24) as ingest,
    ):
        until(lambda: log.exists() and b"Began" in log.read_bytes())
        began = monotonic()
        ingest.terminate()
        code = ingest.wait(PATIENCE_S)

    assert code == 0
    assert monotonic() - began < 25
    assert "Traceback" not in log.read_text()


def test_a_stop_under_load_commits_all_that_was_read(tmp_path: Path) -> None:
    with feed_of(4, 100_000, rate=500) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", rhythm=NEVER)
        with running(asked) as ingest:
            read_by(ingest, 1_000)
            ended = ingest.stop()

        assert ended.rows >= 1_000
        before = feed.truth()
        ingest_once(asked)
        assert_each_once(tmp_path / "table", before, feed.truth())


# --- what the end tells ---------------------------------------------------------------------


def test_a_commit_that_is_scattered_over_many_partitions_is_told_once(tmp_path: Path) -> None:
    target = TargetSettings(str(tmp_path / "table"), partition_by=(PartitionColumn("event_id"),))
    with Feed(shards=1) as feed:
        put(feed, ZERO, "a", 80)
        ingest = ingest_once(ingest_of(feed.url, target.url, workers=1, target=target))

    told = [one for one in ingest.events if isinstance(one, Warned)]
    assert len(told) == 1
    assert "80 files" in told[0].message
    assert "`event_id` has 80 values" in told[0].message


def test_records_that_were_dropped_by_choice_are_counted_at_the_end(tmp_path: Path) -> None:
    with Feed(shards=2) as feed:
        records = [(f"user-{at}", b'{"a":%d}' % at) for at in range(40)]  # of either shard
        feed.put(ZERO, aggregate(records))
        asked = ingest_of(feed.url, tmp_path / "table", payload=PayloadSettings())
        source = replace(asked.source, out_of_range="drop-record")
        ended = ingest_once(replace(asked, source=source)).ended

    assert ended is not None
    assert (ended.rows, ended.out_of_range) == (22, 18)
    assert ended.out_of_range_rule == "drop-record"


def until(is_so: Callable[[], bool]) -> None:
    end = monotonic() + PATIENCE_S
    while not is_so():
        assert monotonic() < end, "it never came to be"
        sleep(0.05)
