"""An event that is sent twice is one row, over restarts and reshards, by one worker or two."""

from pathlib import Path

import pyarrow as pa
import pytest

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.ingest.settings import DedupSettings, Ingest, PayloadSettings
from tests.flows.ingests import event_ids, ingest_of, ingest_once, running

pytestmark = pytest.mark.usefixtures("keys", "warm_workers")

SCHEMA = pa.schema([("event_id", pa.string())])
USERS = 40


def put_all(feed: Feed) -> None:
    """One event of each user; a producer that tries again uses the same partition key."""
    for user in range(USERS):
        feed.put(f"user-{user}", f'{{"event_id": "event-{user:02}"}}')


def asked(feed: Feed, table: Path, workers: int) -> Ingest:
    return ingest_of(
        feed.url,
        table,
        payload=PayloadSettings(SCHEMA),
        dedup=DedupSettings(("event_id",), 600),
        workers=workers,
    )


EACH_ONCE = [f"event-{user:02}" for user in range(USERS)]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_sent_again_after_a_restart_and_a_split_is_left_out(
    workers: int, tmp_path: Path
) -> None:
    with Feed(shards=2) as feed:
        put_all(feed)
        ingest = asked(feed, tmp_path / "table", workers)
        ingest_once(ingest)
        for shard in feed.shards():
            feed.split(shard)
        put_all(feed)

        again = ingest_once(ingest)

        assert sorted(event_ids(tmp_path / "table")) == EACH_ONCE
        assert again.ended is not None
        assert again.ended.rows == 0


def test_a_child_that_another_worker_reads_knows_what_its_parent_brought(tmp_path: Path) -> None:
    with Feed(shards=2) as feed:
        with running(asked(feed, tmp_path / "table", 2)) as ingest:
            put_all(feed)
            ingest.until_committed(USERS)
            for _ in range(2):
                for shard in feed.shards():
                    feed.split(shard)
                put_all(feed)
            feed.put("user-0", '{"event_id": "last"}')
            ingest.until_committed(USERS + 1)
            ingest.stop()

        assert sorted(event_ids(tmp_path / "table")) == [*EACH_ONCE, "last"]
