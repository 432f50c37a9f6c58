"""What looks at the stream do not show, or show of another stream of its name, is never dropped."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Timer
from time import monotonic, sleep

import pytest

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.errors import FerryError
from lakeferry.ingest.events import Ended, GapAccepted, Noted, ShardsBegun, Warned
from lakeferry.ingest.settings import Ingest
from lakeferry.verify.offsets import verify_offsets
from tests.flows.ingests import (
    PATIENCE_S,
    QUICK,
    Running,
    assert_each_once,
    event_ids,
    feed_of,
    ingest_of,
    ingest_once,
    running,
)

pytestmark = pytest.mark.usefixtures("keys", "warm_workers")

PUT = b'{"event_id": "%s", "status": 200}'
ZERO, ONE, TWO = (f"shardId-00000000000{number}" for number in range(3))


# --- a new ingest ---------------------------------------------------------------------------


def split_feed() -> Feed:
    """A shard with a past, and its two children."""
    feed = feed_of(1, 300)
    feed.split(ZERO, backlog=200)
    return feed


def test_a_new_ingest_looks_again_for_a_parent_that_its_first_looks_lack(tmp_path: Path) -> None:
    with split_feed() as feed:
        feed.wrong("unlisted", operation="ListShards", times=2)  # the second child alone is left
        ended = ingest_once(ingest_of(feed.url, tmp_path / "table"))

        assert feed.counts()["unlisted"] == 2
        told = [one.message for one in ended.events if isinstance(one, Noted | Warned)]
        assert not [one for one in told if ZERO in one]
        assert_each_once(tmp_path / "table", feed.truth())


def test_a_parent_that_is_shown_after_its_child_was_begun_is_read_all_the_same(
    tmp_path: Path,
) -> None:
    with split_feed() as feed:
        feed.wrong("unlisted", operation="ListShards")
        asked = ingest_of(feed.url, tmp_path / "table")
        with running(asked) as ingest:
            told = ingest.until(Noted, lambda one: ZERO in one.message)
            ingest.until_committed(200)
            feed.mend()
            warned = ingest.until(Warned, lambda one: ZERO in one.message)
            ingest.until_committed(700)
            ingest.stop()

        assert "1 shard that others follow is listed no more" in told.message
        assert warned.message == f"{ZERO} is listed after it was given up as gone"
        assert_each_once(tmp_path / "table", feed.truth())
        assert verify_offsets(str(tmp_path / "table")).right


def test_it_is_read_by_the_next_run_if_this_one_ends_before(tmp_path: Path) -> None:
    with split_feed() as feed:
        feed.wrong("unlisted", operation="ListShards")
        asked = ingest_of(feed.url, tmp_path / "table")
        ingest_once(asked)
        assert len(event_ids(tmp_path / "table")) == 200
        feed.mend()
        ingest_once(asked)

        assert_each_once(tmp_path / "table", feed.truth())


# --- a shard that is given up ---------------------------------------------------------------


def test_a_shard_that_looks_lack_is_told_as_lost_and_read_on_when_it_is_listed_again(
    tmp_path: Path,
) -> None:
    with Feed(shards=2) as feed:
        put(feed, ZERO, "a", 10)
        put(feed, ONE, "b", 10)
        asked = ingest_of(feed.url, tmp_path / "table", on_loss="go on")
        ingest_once(asked)
        put(feed, ZERO, "c", 5)
        feed.wrong("unlisted", operation="ListShards")
        without = ingest_once(asked)
        found = without.until(GapAccepted).gap
        ended = without.until(Ended)
        feed.mend()
        again = ingest_once(asked)

        assert found.shard_id == ZERO
        assert ended.gaps == (found,)
        assert again.until(Warned, lambda one: ZERO in one.message)
        assert again.until(Ended).gaps == (found,)
        wanted = [f"a{at}" for at in range(10)] + [f"b{at}" for at in range(10)]
        assert sorted(event_ids(tmp_path / "table")) == sorted(
            wanted + [f"c{at}" for at in range(5)]
        )
        assert verify_offsets(str(tmp_path / "table")).right


def test_unless_that_is_accepted_nothing_is_read_without_it(tmp_path: Path) -> None:
    with Feed(shards=2) as feed:
        asked = ingest_of(feed.url, tmp_path / "table")
        ingest_once(asked)
        feed.wrong("unlisted", operation="ListShards")

        with pytest.raises(FerryError, match=f"LF-7052(?s:.*){ZERO}: it is listed no more"):
            ingest_once(asked)


# --- another stream of the name -------------------------------------------------------------


def asked_seldom(feed: Feed, table: Path, start: str) -> Ingest:
    """Nobody looks at the stream but who must."""
    return ingest_of(feed.url, table, start=start, rhythm=replace(QUICK, list_every_s=600.0))


def made_anew(feed: Feed, ingest: Running) -> None:
    """The stream is deleted and made again while iterators expire, and has records at once."""
    ingest.until(ShardsBegun)
    until(lambda: feed.counts().get("GetRecords", 0) > 2)
    feed.wrong("expired iterator")
    feed.recreate(1)
    put(feed, ZERO, "new", 10)
    until(lambda: feed.counts().get("expired iterator", 0) > 0)
    feed.mend()


@pytest.mark.parametrize("start", ["latest", "trim-horizon"])
def test_a_shard_without_a_record_yet_is_not_read_on_in_a_stream_that_took_the_name(
    tmp_path: Path, start: str
) -> None:
    with (
        Feed(shards=1) as feed,
        running(asked_seldom(feed, tmp_path / "table", start)) as ingest,
    ):
        made_anew(feed, ingest)
        ingest.wait()

        assert isinstance(ingest.error, FerryError)
        assert ingest.error.code == "LF-7051"
        assert event_ids(tmp_path / "table") == []


def test_its_records_come_once_where_it_is_to_be_read_anew(tmp_path: Path) -> None:
    with Feed(shards=1) as feed:
        asked = asked_seldom(feed, tmp_path / "table", "trim-horizon")
        with running(replace(asked, on_recreated="restart")) as ingest:
            made_anew(feed, ingest)
            ingest.until_committed(10)
            ingest.stop()

        assert sorted(event_ids(tmp_path / "table")) == sorted(f"new{at}" for at in range(10))


def test_a_number_of_the_old_stream_that_the_new_one_refuses_tells_that_it_is_another(
    tmp_path: Path,
) -> None:
    with Feed(shards=1) as feed:
        put(feed, ZERO, "old", 10)
        asked = asked_seldom(feed, tmp_path / "table", "trim-horizon")
        with running(asked) as ingest:
            ingest.until_committed(10)
            made_anew(feed, ingest)
            ingest.wait()

        assert isinstance(ingest.error, FerryError)
        assert ingest.error.code == "LF-7051"
        assert len(event_ids(tmp_path / "table")) == 10


def put(feed: Feed, shard_id: str, name: str, count: int) -> None:
    feed.put(shard_id, *[PUT % f"{name}{at}".encode() for at in range(count)])


def until(happened: Callable[[], bool]) -> None:
    end = monotonic() + PATIENCE_S
    while not happened():
        assert monotonic() < end
        sleep(0.02)


# --- children -------------------------------------------------------------------------------


def test_children_of_a_shard_whose_end_is_read_late_are_read_before_once_is_over(
    tmp_path: Path,
) -> None:
    """They have had records since it was closed, not since its end was read."""
    with feed_of(1, 300) as feed:
        ingest_once(ingest_of(feed.url, tmp_path / "table"))
        children = feed.split(ZERO, backlog=200)
        feed.throttle(1.0, shard_id=ZERO)

        def mend() -> None:
            feed.mend()
            for child in children:  # so that they are begun a while before a page of them comes
                feed.fail("503", times=3, shard_id=child)

        late = Timer(4.0, mend)  # by then all that came before the beginning is long past
        late.start()
        ingest_once(ingest_of(feed.url, tmp_path / "table"))
        late.join()

        assert_each_once(tmp_path / "table", feed.truth())
