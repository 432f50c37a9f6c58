"""The feed: what is put is read, what is made is unique, what goes wrong goes wrong on command."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.connect.aws_keys import AwsKeys
from lakeferry.demo.kinesis_feed import Feed
from lakeferry.demo.kinesis_feed_load import SCHEMA, Kind, Load, event_id
from lakeferry.ingest.kinesis.connection import Kinesis, Refused, Unanswered
from lakeferry.ingest.kinesis.signing import endpoint_of
from lakeferry.ingest.kinesis.wire import RecordsPage
from lakeferry.ingest.payload.guide import Guide
from lakeferry.ingest.payload.json_rows import declare
from lakeferry.ingest.payload.repair import parse
from lakeferry.ingest.payload.rows import page_rows
from lakeferry.ingest.position.state import After, FromTime, FromTrimHorizon, Position
from tests.servers.kinesis_feed import FeedAway, away, self_signed

HORIZON = FromTrimHorizon()
FIRST = "shardId-000000000000"


def reader(feed: Feed | FeedAway, keys: tuple[str, str] = ("test", "test")) -> Kinesis:
    return Kinesis(endpoint_of(feed.region, feed.url), lambda: AwsKeys(*keys), timeout_s=60)


def page(
    feed: Feed | FeedAway,
    place: Position = HORIZON,
    shard_id: str = FIRST,
    limit: int = 1000,
) -> RecordsPage:
    line = reader(feed)
    return line.records(line.iterator(feed.stream, shard_id, place), limit=limit)


def data(found: RecordsPage) -> list[bytes]:
    return [one.data for one in found.records]


class Still(Feed):
    """Its clock stands, but for what it is told: on a busy machine a second is soon over."""

    def __init__(self, **given: Any) -> None:
        self._at_ms = int(time.time() * 1000)
        super().__init__(**given)

    def now_ms(self) -> int:
        return self._at_ms + self._skew_ms


@pytest.fixture
def still() -> Iterator[Feed]:
    with Still() as feed:
        yield feed


@pytest.fixture
def made() -> Iterator[Feed]:
    with Feed(shards=2, load=Load(backlog=10_000), quota=False) as feed:
        yield feed


def test_what_was_put_is_read_in_its_order(kinesis_feed: Feed) -> None:
    kinesis_feed.put("user-1", b"one", b"two")

    found = page(kinesis_feed)

    assert data(found) == [b"one", b"two"]
    assert found.millis_behind_latest == 0


def test_after_a_number_comes_the_next_record(kinesis_feed: Feed) -> None:
    numbers = kinesis_feed.put("user-1", b"one", b"two", b"three")

    assert data(page(kinesis_feed, After(numbers[0], 0))) == [b"two", b"three"]


def test_a_split_ends_its_parent_and_names_its_children(kinesis_feed: Feed) -> None:
    kinesis_feed.put("user-1", b"one")
    children = kinesis_feed.split(FIRST)

    found = page(kinesis_feed)

    assert found.next_shard_iterator is None
    assert [child.shard_id for child in found.child_shards] == children
    assert [child.parent_shards for child in found.child_shards] == [(FIRST,), (FIRST,)]


def test_a_merge_has_two_parents(kinesis_feed: Feed) -> None:
    one, other = kinesis_feed.split(FIRST)

    merged = kinesis_feed.merge(one, other)

    last = reader(kinesis_feed).shards(kinesis_feed.stream)[-1]
    assert (last.shard_id, last.parent_shard_id, last.adjacent_parent_shard_id) == (
        merged, one, other)  # fmt: skip


@pytest.mark.parametrize("kind", ["json", "bad", "raw"])
def test_made_records_are_each_their_own(kind: Kind) -> None:
    with Feed(shards=2, load=Load(kind, backlog=5_000), quota=False) as feed:
        found = page(feed, shard_id="shardId-000000000001", limit=5_000)

    assert [one[15:36].decode() for one in data(found)] == [event_id(0, 1, n) for n in range(5_000)]
    assert len({one.sequence_number for one in found.records}) == 5_000


def test_made_aggregates_hold_made_records() -> None:
    with Feed(load=Load("kpl", backlog=30), quota=False) as feed:
        rows = page_rows(FIRST, page(feed).records).rows

    assert [one[15:36].decode() for one in rows.data] == [event_id(0, 0, n) for n in range(2_400)]


def test_a_made_record_is_the_same_whenever_it_is_read(made: Feed) -> None:
    whole = page(made, limit=10_000).records

    again = page(made, After(whole[6_999].sequence_number, 0), limit=50).records

    assert again == whole[7_000:7_050]


def test_made_records_are_found_by_the_time_of_their_arrival(made: Feed) -> None:
    whole = page(made, limit=10_000).records

    found = page(made, FromTime(whole[6_000].arrival_ms)).records

    assert found[0].sequence_number == whole[6_000].sequence_number


def test_the_truth_says_what_was_served(made: Feed) -> None:
    first = page(made, limit=10)
    page(made, After(first.records[4].sequence_number, 0), limit=10)
    page(made, After(first.records[9].sequence_number, 0), limit=1)

    truth = made.truth()[FIRST]

    assert (truth.due, truth.served) == (10_000, ((0, 14),))


def test_another_secret_is_refused(kinesis_feed: Feed) -> None:
    with pytest.raises(Refused, match="InvalidSignatureException"):
        reader(kinesis_feed, ("test", "wrong")).shards(kinesis_feed.stream)


def test_a_clock_that_is_off_is_corrected_by_the_answers_date(kinesis_feed: Feed) -> None:
    kinesis_feed.skew(600)
    line = reader(kinesis_feed)

    line.shards(kinesis_feed.stream)

    assert line.clock_error.total_seconds() == pytest.approx(600, abs=20)


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("throttle", "ProvisionedThroughputExceededException"),
        ("500", "InternalFailure"),
        ("503", "ServiceUnavailable"),
        ("expired iterator", "ExpiredIteratorException"),
        ("denied", "AccessDeniedException"),
        ("kms", "KMSDisabledException"),
    ],
)
def test_a_refusal_comes_on_command_and_once(kinesis_feed: Feed, what: str, kind: str) -> None:
    kinesis_feed.put("user-1", b"one")
    kinesis_feed.wrong(what, times=1)  # type: ignore[arg-type]  # of the table

    with pytest.raises(Refused, match=kind):
        page(kinesis_feed)
    assert data(page(kinesis_feed)) == [b"one"]


@pytest.mark.parametrize("what", ["reset", "cut"])
def test_half_a_body_is_no_answer(made: Feed, what: str) -> None:
    iterator = reader(made).iterator(made.stream, FIRST, HORIZON)
    made.wrong(what, times=1)  # type: ignore[arg-type]  # of the table

    with pytest.raises(Unanswered):
        reader(made).records(iterator)
    assert len(reader(made).records(iterator).records) == 10_000


def test_a_body_that_drips_arrives(made: Feed) -> None:
    made.wrong("drip", times=1, seconds=0.2)

    assert len(page(made).records) == 1000


def test_a_stale_page_is_the_one_before(made: Feed) -> None:
    line = reader(made)
    first = line.records(line.iterator(made.stream, FIRST, FromTrimHorizon()), limit=10)
    made.wrong("stale", times=1)

    stale = line.records(first.next_shard_iterator or "", limit=10)
    fresh = line.records(stale.next_shard_iterator or "", limit=10)

    assert stale.records == first.records
    assert fresh.records[0].sequence_number > first.records[9].sequence_number


def test_an_empty_page_on_command_skips_nothing(made: Feed) -> None:
    line = reader(made)
    made.wrong("empty", times=1)

    empty = line.records(line.iterator(made.stream, FIRST, FromTrimHorizon()))

    assert empty.records == []
    assert (empty.millis_behind_latest or 0) > 0
    assert len(line.records(empty.next_shard_iterator or "").records) == 10_000


def test_the_sixth_call_of_a_second_is_refused(still: Feed) -> None:
    line = reader(still)
    iterator = line.iterator(still.stream, FIRST, FromTrimHorizon())
    for _ in range(5):
        line.records(iterator)

    with pytest.raises(Refused, match="ProvisionedThroughputExceeded"):
        line.records(iterator)


def test_a_page_of_10_mib_closes_its_shard_for_5_s(still: Feed) -> None:
    still.put("user-1", *[bytes((1 << 20) - 6)] * 11)  # keys count, too
    found = page(still)
    still.skew(4.99)

    assert len(found.records) == 10
    with pytest.raises(Refused, match="ProvisionedThroughputExceeded"):
        page(still)
    still.skew(5)
    assert len(page(still).records) == 10


def test_what_retention_took_is_skipped_without_a_word(kinesis_feed: Feed) -> None:
    (number, _) = kinesis_feed.put("user-1", b"one", b"two")
    kinesis_feed.trim()
    kinesis_feed.skew(1)
    kinesis_feed.put("user-1", b"three")

    assert data(page(kinesis_feed, After(number, 0))) == [b"three"]
    assert kinesis_feed.truth()[FIRST].first == 2


def test_a_stream_that_was_made_again_is_another(kinesis_feed: Feed) -> None:
    before = reader(kinesis_feed).summary(kinesis_feed.stream)
    kinesis_feed.put("user-1", b"one")

    kinesis_feed.recreate()

    after = reader(kinesis_feed).summary(kinesis_feed.stream)
    assert before.stream_id != after.stream_id
    assert page(kinesis_feed).records == []


def test_a_loop_of_boto3_reads_all(made: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    boto = client(AwsAccess(made.region, endpoint=made.url), "kinesis")
    iterator = boto.get_shard_iterator(
        StreamName=made.stream, ShardId=FIRST, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]

    found = []
    for _ in range(4):
        answer = boto.get_records(ShardIterator=iterator, Limit=3_000)
        found += [json.loads(one["Data"])["event_id"] for one in answer["Records"]]
        iterator = answer["NextShardIterator"]

    assert found == [event_id(0, 0, n) for n in range(10_000)]
    assert answer["MillisBehindLatest"] == 0


def test_shards_are_listed_in_pages() -> None:
    with Feed(shards=2_300) as feed:
        found = reader(feed).shards(feed.stream)

    assert [one.shard_id for one in found] == [f"shardId-{n:012}" for n in range(2_300)]


def test_a_shard_whose_records_have_all_gone_is_listed_no_more(kinesis_feed: Feed) -> None:
    children = kinesis_feed.split(FIRST)
    kinesis_feed.trim()
    kinesis_feed.skew(1)

    found = reader(kinesis_feed).shards(kinesis_feed.stream)

    assert [one.shard_id for one in found] == children


def test_an_iterator_lives_as_long_as_it_is_told(kinesis_feed: Feed) -> None:
    line = reader(kinesis_feed)
    iterator = line.iterator(kinesis_feed.stream, FIRST, HORIZON)
    kinesis_feed.set(iterator_s=60)
    kinesis_feed.skew(61)

    with pytest.raises(Refused, match="ExpiredIteratorException"):
        line.records(iterator)


def test_made_records_arrive_at_their_rate() -> None:
    with Still(load=Load(backlog=100, rate=50)) as feed:
        feed.skew(10)

        truth = feed.truth()[FIRST]

    assert truth.due == 600


def test_children_of_a_made_shard_go_on_at_half_its_rate() -> None:
    with Still(load=Load(backlog=100, rate=50), quota=False) as feed:
        feed.skew(10)
        children = feed.split(FIRST)
        feed.skew(20)

        truth = feed.truth()

    assert [truth[one].due for one in (FIRST, *children)] == [600, 250, 250]


def test_arrivals_that_jitter_go_back_in_time() -> None:
    with Feed(load=Load(backlog=1_000, jitter_ms=500), quota=False) as feed:
        times = [one.arrival_ms for one in page(feed).records]

    assert times != sorted(times)
    assert max(times) - min(times) < 2_000


def test_one_in_a_hundred_bad_records_has_a_word_for_a_number() -> None:
    declared = declare(SCHEMA)
    with Feed(load=Load("bad", backlog=1_000), quota=False) as feed:
        rows = page_rows(FIRST, page(feed).records).rows

    parsed = parse(rows, declared, Guide(declared.read_as))

    assert parsed.table.num_rows == 990
    assert [one[15:36].decode() for one in parsed.bad.rows.data] == [
        event_id(0, 0, n) for n in range(99, 1_000, 100)
    ]


def test_a_feed_speaks_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = self_signed(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", certificate)

    with Feed(load=Load(backlog=10), tls=(certificate, key)) as feed:
        assert feed.url.startswith("https://")
        assert len(page(feed).records) == 10


def test_a_feed_of_another_process_is_told_by_http(tmp_path: Path) -> None:
    with away(tmp_path, "--shards", "2", "--records", "100") as feed:
        children = feed.split(FIRST)
        found = page(feed)
        truth = feed.truth()

    assert len(found.records) == 100
    assert [child.shard_id for child in found.child_shards] == children
    assert truth[FIRST].served == ((0, 99),)
    assert datetime.fromtimestamp(found.records[-1].arrival_ms / 1000, UTC) > datetime.now(
        UTC
    ) - timedelta(seconds=60)
