"""A stream into a table, whole: nothing lost, nothing twice, whatever the stream does meanwhile."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic, sleep

import pytest

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.demo.kinesis_feed_load import SCHEMA
from lakeferry.errors import FerryError
from lakeferry.ingest.events import Began, Progress, ShardEnded, ShardsBegun, Warned
from lakeferry.ingest.settings import Ingest, PayloadSettings
from tests.flows.ingests import (
    PATIENCE_S,
    QUICK,
    assert_each_once,
    begun_by,
    due,
    event_ids,
    feed_of,
    has_ended,
    ingest_of,
    ingest_once,
    kill_group,
    process,
    running,
    versions_of,
    workers,
)

pytestmark = pytest.mark.usefixtures("keys", "warm_workers")

PUT = b'{"event_id": "%s", "status": 200}'


def test_all_that_is_there_comes_into_the_table_once(tmp_path: Path) -> None:
    with feed_of(4, 2_000) as feed:
        ended = ingest_once(ingest_of(feed.url, tmp_path / "table")).ended

        assert ended is not None
        assert (ended.reason, ended.rows) == ("caught up", 8_000)
        assert_each_once(tmp_path / "table", feed.truth())


def test_a_second_run_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    with feed_of(2, 2_000, rate=400) as feed:
        asked = ingest_of(feed.url, tmp_path / "table")
        with running(asked) as first:
            first.until_committed(400)
            first.stop()
        before = feed.truth()
        second = ingest_once(asked)

        assert second.until(Began).resumes.startswith("epoch ")
        assert_each_once(tmp_path / "table", before, feed.truth())


def test_a_second_run_has_nothing_to_do_where_nothing_came(tmp_path: Path) -> None:
    with feed_of(2, 1_000) as feed:
        ingest_once(ingest_of(feed.url, tmp_path / "table"))
        again = ingest_once(ingest_of(feed.url, tmp_path / "table")).ended

        assert again is not None
        assert again.rows == 0
        assert_each_once(tmp_path / "table", feed.truth())


def test_splits_and_merges_and_splits_of_splits_lose_nothing_and_keep_the_order_of_keys(
    tmp_path: Path,
) -> None:
    with feed_of(4, 1_500, rate=300) as feed:
        asked = ingest_of(feed.url, tmp_path / "table")
        with running(asked) as ingest:
            ingest.until_committed(200)
            one, other = feed.split("shardId-000000000000")
            feed.merge("shardId-000000000001", "shardId-000000000002")
            ingest.until(ShardEnded, lambda event: event.shard_id == "shardId-000000000000")
            feed.split(one)
            feed.merge(other, feed.shards()[feed.shards().index(other) + 1])
            ingest.until(ShardEnded, lambda event: event.shard_id == one)
            ingest.stop()
        finish(asked, feed)
        parents = {shard_id: shard.parents for shard_id, shard in feed.truth().items()}

    versions = versions_of(tmp_path / "table")
    assert len(versions) == 10
    for shard_id, above in parents.items():
        for parent in above:
            assert versions[parent][-1] < versions[shard_id][0], f"{shard_id} before {parent}"


def test_a_shard_that_a_listing_leaves_out_between_its_parent_and_its_child_is_read(
    tmp_path: Path,
) -> None:
    with feed_of(4, 1_000, rate=300) as feed:
        seldom = replace(QUICK, list_every_s=600)  # but for an end that is committed
        asked = ingest_of(feed.url, tmp_path / "table", rhythm=seldom)
        with running(asked) as ingest:
            ingest.until_committed(200)
            feed.wrong("unlisted", operation="ListShards", times=1)
            left_out, listed = feed.split("shardId-000000000003")
            until(lambda: feed.truth()[left_out].due > 0)
            feed.split(left_out)
            ingest.until(ShardsBegun, lambda event: listed in event.shards)
            ingest.until_committed(3_000)
            ingest.stop()
        assert feed.counts()["unlisted"] == 1
        finish(asked, feed)


def test_a_doubling_of_the_shards_needs_no_new_beginning(tmp_path: Path) -> None:
    with feed_of(4, 1_000, rate=300) as feed:
        asked = ingest_of(feed.url, tmp_path / "table")
        with running(asked) as ingest:
            ingest.until_committed(200)
            feed.resize(8)
            told = ingest.until(Progress, lambda one: one.shards == 8)
            ended = ingest.stop()

        assert told.restarts == ended.restarts == 0
        finish(asked, feed)


def test_records_between_a_latest_start_and_a_crash_before_the_first_are_not_lost(
    tmp_path: Path,
) -> None:
    with Feed(shards=2) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", start="latest")
        with process(feed.url, tmp_path / "table", tmp_path, start="latest") as child:
            until(lambda: (tmp_path / "table/_delta_log/00000000000000000000.json").exists())
            kill_group(child)
        feed.put("shardId-000000000000", *[PUT % b"a%d" % at for at in range(10)])
        ingest_once(asked)

        assert sorted(event_ids(tmp_path / "table")) == sorted(f"a{at}" for at in range(10))


def test_records_that_were_there_before_a_latest_start_are_left_alone(tmp_path: Path) -> None:
    with Feed(shards=2) as feed:
        feed.put("shardId-000000000000", PUT % b"old", arrived_ms=feed.now_ms() - 5_000)
        ingest_once(ingest_of(feed.url, tmp_path / "table", start="latest"))
        feed.put("shardId-000000000001", PUT % b"new")
        ingest_once(ingest_of(feed.url, tmp_path / "table", start="latest"))

        assert event_ids(tmp_path / "table") == ["new"]


# --- what the stream no longer has ----------------------------------------------------------


def test_records_that_retention_took_unread_stop_the_ingest_with_the_hours(tmp_path: Path) -> None:
    with Feed(shards=1) as feed:
        asked = ingest_of(feed.url, tmp_path / "table")
        ingest_once(asked)
        feed.skew(26 * 3600)
        feed.trim()

        with pytest.raises(FerryError, match=r"LF-7052 .* up to 2\.0 h of 1 shard"):
            ingest_once(asked)


def test_with_leave_it_goes_on_behind_the_gap_and_remembers_it(tmp_path: Path) -> None:
    with Feed(shards=1) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", on_loss="go on")
        ingest_once(asked)
        feed.put("shardId-000000000000", PUT % b"lost")
        feed.skew(26 * 3600)
        feed.trim()
        sleep(0.01)
        feed.put("shardId-000000000000", PUT % b"kept")
        ended = ingest_once(asked).ended

        assert ended is not None
        assert [gap.shard_id for gap in ended.gaps] == ["shardId-000000000000"]
        assert event_ids(tmp_path / "table") == ["kept"]


def test_a_stream_that_was_made_anew_is_refused(tmp_path: Path) -> None:
    with feed_of(2, 500) as feed:
        asked = ingest_of(feed.url, tmp_path / "table")
        ingest_once(asked)
        feed.recreate(2)

        with pytest.raises(FerryError, match="LF-7051"):
            ingest_once(asked)


def test_a_stream_that_was_made_anew_is_read_from_its_start_if_asked_for(tmp_path: Path) -> None:
    with feed_of(2, 500) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", on_recreated="restart")
        ingest_once(asked)
        before = due(feed.truth(), 0)
        feed.recreate(2)
        sleep(1.1)  # the service's clock has whole seconds
        ingest_once(replace(asked, start="latest"))  # which was before the stream was made

        assert sorted(event_ids(tmp_path / "table")) == sorted(before + due(feed.truth(), 1))


def test_a_stream_that_is_made_anew_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    with feed_of(2, 500) as feed, running(ingest_of(feed.url, tmp_path / "table")) as ingest:
        ingest.until_committed(1_000)
        feed.recreate(2)
        ingest.wait()

        assert isinstance(ingest.error, FerryError)
        assert ingest.error.code == "LF-7051"


# --- two of one name ------------------------------------------------------------------------


def test_of_two_coordinators_of_one_name_each_record_is_committed_by_one(tmp_path: Path) -> None:
    with feed_of(4, 100_000, rate=250) as feed:
        asked = ingest_of(feed.url, tmp_path / "table")
        with running(asked) as one, running(asked) as other:
            until(lambda: len(one.commits) + len(other.commits) > 8)
        finish(asked, feed)


def test_a_coordinator_that_was_stopped_while_another_went_on_doubles_nothing(
    tmp_path: Path,
) -> None:
    with feed_of(2, 100_000, rate=200) as feed:
        asked = ingest_of(feed.url, tmp_path / "table")
        with process(feed.url, tmp_path / "table", tmp_path) as zombie:
            until(lambda: _has_version(tmp_path / "table", 2))
            os.killpg(zombie.pid, signal.SIGSTOP)
            with running(asked) as other:
                other.until_committed(1_000)
                os.killpg(zombie.pid, signal.SIGCONT)
                until(lambda: "times=1)" in (tmp_path / "ingest.log").read_text())
            zombie.terminate()
            zombie.wait(90)
        finish(asked, feed)


def _has_version(table: Path, version: int) -> bool:
    return (table / f"_delta_log/{version:020}.json").exists()


# --- the end --------------------------------------------------------------------------------


def test_sigterm_commits_what_was_read_and_exits_with_0_within_30_seconds(tmp_path: Path) -> None:
    with feed_of(4, 100_000, rate=2_000) as feed:
        rhythm = {"every_s": 60.0}
        with process(feed.url, tmp_path / "table", tmp_path, rhythm=rhythm) as child:
            until(lambda: feed.counts().get("GetRecords", 0) > 20)
            began = monotonic()
            child.terminate()
            code, took = child.wait(90), monotonic() - began
        rows = event_ids(tmp_path / "table")

        assert (code, len(rows) == len(set(rows)), bool(rows)) == (0, True, True)
        assert took < 30


def test_workers_end_with_a_coordinator_that_was_killed(tmp_path: Path) -> None:
    table = tmp_path / "table"
    with feed_of(2, 100_000, rate=500) as feed, process(feed.url, table, tmp_path) as child:
        until(lambda: _has_version(table, 1))
        found = begun_by(child.pid)
        child.kill()
        child.wait()
        until(lambda: all(map(has_ended, found)))

    assert len(found) >= 2


# --- shards that cannot be read -------------------------------------------------------------


def test_a_shard_whose_key_is_disabled_is_told_and_holds_up_no_other(tmp_path: Path) -> None:
    with feed_of(2, 1_000) as feed:
        feed.wrong("kms", shard_id="shardId-000000000000")
        with running(ingest_of(feed.url, tmp_path / "table")) as ingest:
            ingest.until_committed(1_000)
            ingest.until(Warned, lambda event: "KMSDisabledException" in event.message)
            told = ingest.until(Progress, lambda one: bool(one.paused))

    assert set(told.paused) == {"shardId-000000000000"}


def test_a_stream_that_is_deleted_while_it_is_read_is_told(tmp_path: Path) -> None:
    with feed_of(2, 500) as feed, running(ingest_of(feed.url, tmp_path / "table")) as ingest:
        ingest.until_committed(1_000)
        feed.delete()
        ingest.wait()

        assert isinstance(ingest.error, FerryError)
        assert ingest.error.code == "LF-7062"


@pytest.mark.usefixtures("cold_workers")
def test_a_worker_that_is_stopped_beyond_the_life_of_its_iterators_goes_on(tmp_path: Path) -> None:
    with feed_of(2, 100_000, rate=300) as feed:
        feed.set(iterator_s=3.0)
        asked = ingest_of(feed.url, tmp_path / "table", workers=1)
        with running(asked) as ingest:
            ingest.until_committed(300)
            [worker] = workers()
            os.kill(worker, signal.SIGSTOP)
            sleep(5)
            os.kill(worker, signal.SIGCONT)
            told = ingest.until(Progress, lambda one: one.expired > 0)
            ingest.until_committed(3_000)
            ingest.stop()

        assert told.restarts == 0
        finish(asked, feed)


def test_a_shard_that_stays_unread_beyond_retention_stops_the_ingest(tmp_path: Path) -> None:
    with Feed(shards=2) as feed, running(ingest_of(feed.url, tmp_path / "table")) as ingest:
        ingest.until(Progress, lambda told: len(told.lags) == 2 and told.behind_ms == 0)
        feed.wrong("kms", shard_id="shardId-000000000000")
        ingest.until(Warned, lambda event: "KMSDisabledException" in event.message)
        feed.set(retention_hours=0)
        ingest.wait()

        assert isinstance(ingest.error, FerryError)
        assert ingest.error.code == "LF-7052"
        assert ingest.error.where.startswith("shardId-000000000000")


def test_where_one_record_ends_the_ingest_the_others_that_were_read_are_committed(
    tmp_path: Path,
) -> None:
    slow, failing = replace(QUICK, every_s=600), PayloadSettings(schema=SCHEMA, on_bad="fail")
    with Feed(shards=2) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", rhythm=slow, payload=failing)
        with running(asked) as ingest:
            feed.put("shardId-000000000000", *[PUT % b"a%d" % at for at in range(10)])
            ingest.until(Progress, lambda told: told.rows == 10)
            feed.put("shardId-000000000001", b"no JSON")
            ingest.wait()

            assert isinstance(ingest.error, FerryError)
            assert ingest.error.code.startswith("LF-702")

        assert sorted(event_ids(tmp_path / "table")) == sorted(f"a{at}" for at in range(10))


def test_a_run_that_ends_by_itself_names_shards_that_it_cannot_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeferry.ingest.crew.session.PAUSED_S", 8.0)
    with feed_of(2, 500) as feed:
        feed.wrong("kms", shard_id="shardId-000000000000")

        with pytest.raises(FerryError, match="LF-7055 1 of the stream's shards"):
            ingest_once(ingest_of(feed.url, tmp_path / "table"))

        assert len(event_ids(tmp_path / "table")) == 500


@pytest.mark.usefixtures("cold_workers")
def test_a_worker_that_dies_costs_nothing_but_time(tmp_path: Path) -> None:
    with feed_of(4, 1_500, rate=300) as feed:
        asked = ingest_of(feed.url, tmp_path / "table")
        with running(asked) as ingest:
            ingest.until_committed(500)
            os.kill(workers()[-1], signal.SIGKILL)
            ingest.until(Began, lambda event: event.times == 1)
            ingest.stop()
        finish(asked, feed)


@pytest.mark.usefixtures("cold_workers")
def test_a_worker_that_hangs_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with feed_of(2, 100_000, rate=200) as feed:
        asked = ingest_of(feed.url, tmp_path / "table")
        with running(asked) as ingest:
            ingest.until_committed(200)
            os.kill(workers()[-1], signal.SIGSTOP)
            with monkeypatch.context() as hasty:  # while one hangs, and no longer
                hasty.setattr("lakeferry.ingest.crew.processes.SILENCE_S", 4.0)
                ingest.until(Began, lambda event: event.times == 1)
            ingest.stop()

        finish(asked, feed)


def _never_speaks(pipe: Connection, _: object) -> None:
    """A worker that hears its orders, and says nothing."""
    while True:
        pipe.recv()


def test_workers_that_never_live_end_the_ingest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeferry.ingest.crew.processes._live", _never_speaks)
    monkeypatch.setattr("lakeferry.ingest.crew.processes.START_S", 0.2)
    monkeypatch.setattr("lakeferry.ingest.run.LONGEST_WAIT_S", 0.1)
    ended = pytest.raises(FerryError, match="LF-7054 workers ended 5 times")
    with feed_of(2, 100) as feed, ended:
        ingest_once(ingest_of(feed.url, tmp_path / "table"))


def finish(asked: Ingest, feed: Feed) -> None:
    """Read the rest; then the table has each record once."""
    before = feed.truth()
    ingest_once(asked)
    assert_each_once(asked.target.url, before, feed.truth())


def until(is_so: Callable[[], bool]) -> None:
    end = monotonic() + PATIENCE_S
    while not is_so():
        assert monotonic() < end, "it never came to be"
        sleep(0.05)
