"""What goes wrong between a worker and Kinesis: each record is written once, in order, or said why.

Rows of the fault table are named in the docstrings of their tests.
"""

import os
import signal
import time
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.demo.kinesis_feed_faults import Breakage
from lakeferry.ingest.kinesis.connection import CONNECT_S, TIMEOUT_S, Kinesis
from lakeferry.ingest.position.state import After, FromTrimHorizon
from lakeferry.ingest.settings import PayloadSettings
from lakeferry.ingest.worker.messages import Broken, Read, ShardStart, Told
from lakeferry.ingest.worker.process import work
from tests.ingest.worker_runs import (
    ONE,
    PAYLOAD,
    ZERO,
    Coordinator,
    ends,
    event,
    form_of,
    ingest_of,
    numbers,
    records_of,
    working,
)
from tests.servers.relay import relayed

MIB = 1 << 20


pytestmark = pytest.mark.usefixtures("keys")


def test_an_iterator_that_expires_is_replaced_after_the_last_record_in_memory(
    feed: Feed, worker: Coordinator
) -> None:
    """Row 11."""
    feed.set(iterator_s=0.3)  # a shard that has nothing new is asked once a second
    feed.put(ZERO, *map(event, range(10)))
    worker.read(ZERO)
    worker.wait_for(10)
    worker.told(lambda told: told.counts.expired >= 2)
    feed.put(ZERO, *map(event, range(10, 20)))
    worker.wait_for(20)

    assert numbers(worker.rows(worker.drain())) == list(range(20))


def test_an_iterator_that_expires_before_any_record_is_found_loses_none(
    feed: Feed, worker: Coordinator
) -> None:
    """Row 11."""
    feed.set(iterator_s=0.3)
    worker.read(ZERO)
    worker.told(lambda told: told.counts.expired >= 2)
    feed.put(ZERO, event(1))
    worker.wait_for(1)

    assert numbers(worker.rows(worker.drain())) == [1]


def test_an_iterator_that_expires_though_it_is_new_is_no_reason_to_hurry(
    feed: Feed, worker: Coordinator
) -> None:
    feed.put(ZERO, event(1))
    feed.wrong("expired iterator")
    worker.read(ZERO)
    worker.told(lambda told: told.counts.expired >= 2)
    begun, before = time.monotonic(), feed.counts()["GetShardIterator"]
    time.sleep(3)
    asked = feed.counts()["GetShardIterator"] - before
    feed.mend()
    worker.wait_for(1)

    assert asked <= 5 * (time.monotonic() - begun)
    assert numbers(worker.rows(worker.drain())) == [1]


def test_a_shard_that_is_throttled_half_the_time_is_read_and_not_asked_more_often(
    feed: Feed, worker: Coordinator
) -> None:
    """Row 12."""
    feed.throttle(0.5)
    begun = time.monotonic()
    worker.read(ZERO, ONE)
    for number in range(20):
        feed.put(ZERO, event(2 * number))
        feed.put(ONE, event(2 * number + 1))
        time.sleep(0.2)
    told = worker.wait_for(40)

    assert sorted(numbers(worker.rows(worker.drain()))) == list(range(40))
    assert told.counts.throttled >= 1
    assert feed.counts()["GetRecords"] <= 2 * (5 * (time.monotonic() - begun) + 1)


def test_after_a_page_of_10_mib_its_shard_alone_is_left_for_5_s(
    feed: Feed, worker: Coordinator
) -> None:
    """Row 13."""
    large = b'{"a":%d,"s":"' + b"x" * (MIB - 50) + b'"}'
    feed.put(ZERO, *(large % number for number in range(11)))
    feed.put(ONE, event(100))
    worker.read(ZERO, ONE)
    for number in range(101, 131):
        feed.put(ONE, event(number))
        time.sleep(0.2)
    told = worker.wait_for(42)
    found = numbers(worker.rows(worker.drain()))

    assert told.counts.throttled == 0, "the feed refuses what comes sooner"
    assert max(found[found.index(9) : found.index(10)]) > 100, "the other was read meanwhile"
    assert sorted(found) == [*range(11), *range(100, 131)]


@pytest.mark.parametrize("what", ["500", "503", "reset", "cut", "stale", "drip"])
def test_a_page_that_fails_is_asked_for_again_and_used_in_no_part(
    what: Breakage, feed: Feed, worker: Coordinator
) -> None:
    """Row 14."""
    feed.put(ZERO, *map(event, range(500)))
    worker.read(ZERO)
    worker.wait_for(500)
    feed.wrong(what, times=3, seconds=0.5)
    feed.put(ZERO, *map(event, range(500, 1_000)))
    worker.wait_for(1_000)

    batch = worker.drain()
    assert numbers(worker.rows(batch)) == list(range(1_000))
    assert records_of(ends(batch, ZERO)) == 1_000


def test_data_behind_many_empty_pages_is_found(feed: Feed, worker: Coordinator) -> None:
    """Row 15."""
    feed.put(ZERO, event(1))
    feed.wrong("empty", times=12)
    worker.read(ZERO)
    told = worker.wait_for(1)

    # A call that comes too soon for the service is refused, and is one of the twelve.
    assert told.counts.empty + told.counts.throttled >= 12
    assert numbers(worker.rows(worker.drain())) == [1]


@pytest.mark.parametrize(
    "data",
    [b'{"s":"' + b"x" * (10 * MIB - 8) + b'"}', b"{}"],
    ids=["10 MiB", "next to nothing"],
)
def test_a_record_of_any_size_is_a_row(data: bytes, feed: Feed, worker: Coordinator) -> None:
    """Row 19."""
    feed.set(max_record_bytes=10 * MIB)
    feed.put(ZERO, data, key="k" * 256)
    worker.read(ZERO)
    told = worker.wait_for(1)

    assert (told.counts.rows, told.counts.bad) == (1, 0)
    assert len(worker.rows(worker.drain())) == 1


def test_keys_that_expired_are_asked_for_again_until_they_are_renewed(
    feed: Feed, worker: Coordinator
) -> None:
    """Row 25."""
    feed.put(ZERO, event(1))
    feed.wrong("expired token", operation=None, times=5)
    worker.read(ZERO)
    worker.wait_for(1)

    assert feed.counts()["expired token"] == 5
    assert numbers(worker.rows(worker.drain())) == [1]


@pytest.mark.parametrize("operation", ["GetRecords", "GetShardIterator"])
def test_a_right_that_was_taken_away_ends_the_worker_and_is_named(
    operation: str, feed: Feed, worker: Coordinator
) -> None:
    """Row 25."""
    feed.wrong("denied", operation=operation)
    worker.read(ZERO)
    broken = worker.hear(Broken)

    assert broken.error.code == "LF-1203"
    assert f"kinesis:{operation}" in broken.error.what
    assert worker.has_ended()


def test_a_shard_whose_key_is_disabled_pauses_and_others_go_on_until_it_is_back(
    feed: Feed, worker: Coordinator
) -> None:
    """Row 26."""
    feed.wrong("kms", shard_id=ZERO)
    feed.put(ZERO, event(0))
    feed.put(ONE, event(1))
    worker.read(ZERO, ONE)
    worker.wait_for(1)
    told = worker.told(lambda told: bool(told.lags[ZERO].paused))
    feed.mend()
    again = worker.wait_for(2)

    assert told.lags[ZERO].paused.startswith("KMSDisabledException: The key")
    assert told.lags[ONE].paused == again.lags[ZERO].paused == ""
    assert sorted(numbers(worker.rows(worker.drain()))) == [0, 1]


def test_ten_minutes_between_the_clocks_are_corrected_and_the_service_s_time_counts(
    feed: Feed, worker: Coordinator
) -> None:
    """Row 27."""
    feed.skew(600)
    feed.put(ZERO, event(1))
    worker.read(ZERO)
    worker.wait_for(1)
    batch = worker.drain()

    (row,) = worker.rows(batch)
    ahead_s = row["_arrival"].timestamp() - time.time()
    assert 500 < ahead_s <= 600
    assert 500_000 < ends(batch, ZERO).read_until_ms - time.time() * 1000 <= 600_000
    assert batch.newest_ms == round(row["_arrival"].timestamp() * 1000)


def test_a_connection_that_says_nothing_any_more_is_made_anew_within_10_s(
    feed: Feed, worker: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 28."""
    monkeypatch.setattr("lakeferry.ingest.worker.fetch.Kinesis", partial(Kinesis, timeout_s=2))
    feed.put(ZERO, event(0))
    worker.read(ZERO)
    worker.wait_for(1)
    feed.wrong("hang", operation=None, times=1, seconds=600)
    while not feed.counts().get("hang"):
        time.sleep(0.05)
    begun = time.monotonic()
    feed.put(ZERO, event(1))
    worker.wait_for(2)

    assert feed.counts()["hang"] == 1
    assert time.monotonic() - begun < 10
    assert TIMEOUT_S + CONNECT_S < 10, "in place of the 2 s"


def test_a_page_that_drips_for_ever_holds_up_its_shard_no_longer_than_it_may(
    feed: Feed, worker: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 28."""
    monkeypatch.setattr("lakeferry.ingest.worker.fetch.Kinesis", partial(Kinesis, whole_s=2))
    feed.put(ZERO, *map(event, range(100)))
    feed.wrong("drip", times=1, seconds=120)
    begun = time.monotonic()
    worker.read(ZERO)
    worker.wait_for(100)

    assert feed.counts()["drip"] == 1
    assert time.monotonic() - begun < 30
    assert numbers(worker.rows(worker.drain())) == list(range(100))


def test_an_endpoint_that_is_back_after_an_outage_is_read_on(feed: Feed, tmp_path: Path) -> None:
    """Row 28."""
    with relayed(int(feed.url.rpartition(":")[2])) as relay:
        there = f"http://127.0.0.1:{relay.port}"
        ingest = ingest_of(feed, tmp_path, PayloadSettings(PAYLOAD), url=there)
        with working(ingest, tmp_path) as worker:
            feed.put(ZERO, event(0))
            worker.read(ZERO)
            before = worker.wait_for(1).counts
            relay.cut()
            feed.put(ZERO, event(1))
            time.sleep(3)
            relay.mend()
            begun = time.monotonic()
            told = worker.wait_for(2)
            took = time.monotonic() - begun
            batch = worker.drain()

    assert numbers(worker.rows(batch)) == [0, 1]
    assert took < 10
    assert told.counts.calls - before.calls < 20  # of some seconds: no busy loop


def test_the_lag_of_a_shard_that_nobody_answers_for_grows(feed: Feed, worker: Coordinator) -> None:
    worker.read(ZERO)
    worker.told(lambda told: ZERO in told.lags and told.lags[ZERO].behind_ms == 0)
    feed.wrong("500", operation=None)

    told = worker.told(lambda told: (told.lags[ZERO].behind_ms or 0) > 5_000)

    assert told.lags[ZERO].paused == ""


# --- the process ----------------------------------------------------------------------------


def test_a_worker_that_waits_for_data_uses_no_more_than_2_percent_of_a_core(
    feed: Feed, tmp_path: Path
) -> None:
    """Row 15."""
    feed.wrong("empty", operation="GetRecords")
    feed.put(ZERO, event(1))
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    ingest = ingest_of(feed, tmp_path, PayloadSettings(PAYLOAD))
    given = (theirs, ingest, form_of(tmp_path, PAYLOAD), None, PAYLOAD)
    process = context.Process(target=work, args=given, daemon=True)
    process.start()
    theirs.close()
    worker = Coordinator(ours, tmp_path)
    starts = tuple(ShardStart(one, FromTrimHorizon(), (0, 9)) for one in (ZERO, ONE))
    worker.order(Read(starts))
    worker.told(lambda told: told.counts.empty >= 8)
    begun, used = time.monotonic(), cpu_seconds(process.pid)
    time.sleep(5)
    share = (cpu_seconds(process.pid) - used) / (time.monotonic() - begun)
    feed.mend()
    worker.wait_for(1)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()

    assert share < 0.02


def cpu_seconds(process: int | None) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_worker_whose_coordinator_is_gone_ends(feed: Feed, tmp_path: Path) -> None:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    ingest = ingest_of(feed, tmp_path, PayloadSettings(PAYLOAD))
    given = (theirs, ingest, form_of(tmp_path, PAYLOAD), None, PAYLOAD)
    process = context.Process(target=work, args=given, daemon=True)
    process.start()
    theirs.close()
    worker = Coordinator(ours, tmp_path)
    worker.order(Read((ShardStart(ZERO, After("1", 0, 1), (0, 9)),)))
    worker.hear(Told)

    ours.close()
    process.join(60)

    assert process.exitcode == 0
