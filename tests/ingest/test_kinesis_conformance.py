"""Our reader sees the same on three servers: our own feed, and two that others wrote.

Where one of them differs from what AWS documents, a test below names it; nothing else may hang on
it. None of the three is AWS: they agree with its documents and with each other.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.connect.aws_keys import AwsKeys
from lakeferry.demo.kinesis_feed import Feed
from lakeferry.ingest.kinesis.connection import Kinesis, Refused, Unanswered
from lakeferry.ingest.kinesis.lineage import Shard, listing, readable
from lakeferry.ingest.kinesis.signing import endpoint_of
from lakeferry.ingest.kinesis.wire import Record
from lakeferry.ingest.payload.rows import page_rows
from lakeferry.ingest.position.state import After, Ended, FromTime, FromTrimHorizon, Position
from tests.ingest.kpl import aggregate

REGION = "eu-west-1"
FIRST, SECOND = "shardId-000000000000", "shardId-000000000001"
HORIZON = FromTrimHorizon()
MOST_PAGES = 30  # of a shard that should have ended by then
HERE = pytest.param("feed", id="feed")
KINESALITE = pytest.param("kinesalite", id="kinesalite", marks=pytest.mark.server)
KINESIS_LOCAL = pytest.param("kinesis-local", id="kinesis-local", marks=pytest.mark.server)


@dataclass
class Stand:
    """A stream of a server, of one shard at first: written by boto3, read by our reader."""

    boto: Any
    line: Kinesis
    name: str
    url: str
    committed: dict[str, Position] = field(default_factory=dict)
    read: list[tuple[str, bytes]] = field(default_factory=list)  # key and data

    def put(self, *data: bytes, key: str = "user-1") -> list[str]:
        told = [
            self.boto.put_record(StreamName=self.name, Data=one, PartitionKey=key) for one in data
        ]
        return [one["SequenceNumber"] for one in told]

    def settled(self) -> dict[str, Shard]:
        """The shards, when the stream is done with what it was told."""
        while self.line.summary(self.name).stream_status != "ACTIVE":
            time.sleep(0.01)
        return listing(self.line.shards(self.name))

    def split(self, shard_id: str) -> list[str]:
        first, last = self.settled()[shard_id].hash_range
        self.boto.split_shard(
            StreamName=self.name, ShardToSplit=shard_id,
            NewStartingHashKey=str((first + last + 1) // 2),
        )  # fmt: skip
        return [name for name, one in self.settled().items() if shard_id in one.parents]

    def merge(self, one: str, other: str) -> str:
        self.boto.merge_shards(StreamName=self.name, ShardToMerge=one, AdjacentShardToMerge=other)
        (child,) = [name for name, shard in self.settled().items() if one in shard.parents]
        return child

    def records(self, shard_id: str, place: Position = HORIZON) -> list[Record]:
        return self.line.records(self.line.iterator(self.name, shard_id, place)).records

    def read_shard(self, shard_id: str, place: Position) -> bool:
        """Read on to the end, or until caught up; whether it ended."""
        iterator: str | None = self.line.iterator(self.name, shard_id, place)
        for _ in range(MOST_PAGES):
            page = self.line.records(iterator or "", limit=2)
            self.read += [(one.partition_key, one.data) for one in page.records]
            if page.records:
                last = page.records[-1]
                self.committed[shard_id] = After(last.sequence_number, last.arrival_ms)
            iterator = page.next_shard_iterator
            if iterator is None:
                children = tuple(child.shard_id for child in page.child_shards)
                self.committed[shard_id] = Ended(0, children)
                return True
        return False

    def read_all(self) -> None:
        """As an ingest does: parents to their committed ends, then children."""
        ended = True
        while ended:
            ready = readable(listing(self.line.shards(self.name)), self.committed)
            ends = [self.read_shard(name, place) for name, place in ready.items()]
            ended = any(ends)


@pytest.fixture
def stand(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stand]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    url, feed = _address(request)
    name = f"clicks-{time.monotonic_ns()}"
    boto = client(AwsAccess(REGION, endpoint=url), "kinesis")
    boto.create_stream(StreamName=name, ShardCount=1)
    found = Stand(boto, line_to(url, 60), name, url)
    found.settled()
    yield found
    found.line.close()
    if feed is not None:
        feed.close()


def line_to(url: str, timeout_s: float) -> Kinesis:
    return Kinesis(endpoint_of(REGION, url), lambda: AwsKeys("test", "test"), timeout_s=timeout_s)


def _address(request: pytest.FixtureRequest) -> tuple[str, Feed | None]:
    if request.param == "feed":
        feed = Feed(quota=False)
        return feed.url, feed
    fixture = {"kinesalite": "kinesalite_server", "kinesis-local": "kinesis_local_server"}
    endpoint: str = request.getfixturevalue(fixture[request.param]).endpoint
    return endpoint, None


everywhere = pytest.mark.parametrize("stand", [HERE, KINESALITE, KINESIS_LOCAL], indirect=True)
kinesalite = pytest.mark.parametrize("stand", [KINESALITE], indirect=True)
kinesis_local = pytest.mark.parametrize("stand", [KINESIS_LOCAL], indirect=True)


@everywhere
def test_records_of_a_shard_come_in_the_order_in_which_they_were_put(stand: Stand) -> None:
    stand.put(b"1", b"2", b"3", b"4", b"5")

    stand.read_shard(FIRST, HORIZON)

    assert [data for _, data in stand.read] == [b"1", b"2", b"3", b"4", b"5"]


@everywhere
def test_sequence_numbers_rise_as_numbers(stand: Stand) -> None:
    numbers = stand.put(b"1", b"2", b"3")

    found = [one.sequence_number for one in stand.records(FIRST)]

    assert found == numbers
    assert sorted(found, key=int) == found


@everywhere
@pytest.mark.parametrize("place", range(3))
def test_reading_goes_on_after_any_record(stand: Stand, place: int) -> None:
    numbers = stand.put(b"0", b"1", b"2")

    found = stand.records(FIRST, After(numbers[place], 0))

    assert [one.data for one in found] == [b"0", b"1", b"2"][place + 1 :]


@everywhere
def test_reading_begins_at_a_time(stand: Stand) -> None:
    stand.put(b"1")
    time.sleep(0.05)
    between = int(time.time() * 1000)
    time.sleep(0.05)
    stand.put(b"2", b"3")

    assert [one.data for one in stand.records(FIRST, FromTime(between))] == [b"2", b"3"]
    assert len(stand.records(FIRST, FromTime(between - 60_000))) == 3


@everywhere
def test_a_record_came_when_it_was_put(stand: Stand) -> None:
    before = time.time() * 1000
    stand.put(b"1")

    (record,) = stand.records(FIRST)

    assert before - 1000 <= record.arrival_ms <= time.time() * 1000 + 1000


@everywhere
def test_any_bytes_and_the_longest_key_arrive_as_they_were(stand: Stand) -> None:
    stand.put(bytes(range(256)), key="ключ" * 64)

    (record,) = stand.records(FIRST)

    assert (record.data, record.partition_key) == (bytes(range(256)), "ключ" * 64)


@everywhere
def test_an_aggregate_arrives_whole(stand: Stand) -> None:
    stand.put(aggregate([("a", b"one"), ("b", b"two")]))

    rows = page_rows(FIRST, stand.records(FIRST)).rows

    assert (rows.data, rows.sub_sequences) == ([b"one", b"two"], [0, 1])


@everywhere
def test_a_shard_that_was_split_ends_and_is_told_so(stand: Stand) -> None:
    stand.put(b"1", b"2", b"3")
    stand.split(FIRST)

    ended = stand.read_shard(FIRST, HORIZON)

    assert ended
    assert [data for _, data in stand.read] == [b"1", b"2", b"3"]


@everywhere
def test_the_end_is_told_to_whoever_resumes_after_the_last_record(stand: Stand) -> None:
    numbers = stand.put(b"1", b"2")
    stand.split(FIRST)

    assert stand.read_shard(FIRST, After(numbers[-1], 0))
    assert stand.read == []


@everywhere
def test_a_shard_without_a_record_ends_too(stand: Stand) -> None:
    stand.split(FIRST)

    assert stand.read_shard(FIRST, HORIZON)


@everywhere
def test_a_split_gives_two_children_that_share_their_parent_s_keys(stand: Stand) -> None:
    whole = stand.settled()[FIRST].hash_range

    one, other = stand.split(FIRST)

    found = stand.settled()
    assert found[FIRST].closed
    assert found[one].parents == found[other].parents == (FIRST,)
    assert (found[one].hash_range[0], found[other].hash_range[1]) == whole
    assert found[one].hash_range[1] + 1 == found[other].hash_range[0]


@everywhere
def test_a_merge_gives_one_child_of_two_parents(stand: Stand) -> None:
    one, other = stand.split(FIRST)

    child = stand.merge(one, other)

    found = stand.settled()
    assert set(found[child].parents) == {one, other}
    assert (found[one].closed, found[other].closed, found[child].closed) == (True, True, False)


@everywhere
def test_over_a_split_and_a_merge_each_record_comes_once_and_in_the_order_of_its_key(
    stand: Stand,
) -> None:
    stand.put(b"1", key="a")
    stand.put(b"1", key="b")
    one, other = stand.split(FIRST)
    stand.put(b"2", key="a")
    stand.put(b"2", key="b")
    stand.read_all()
    child = stand.merge(one, other)
    stand.put(b"3", key="a")
    stand.put(b"3", key="b")

    stand.read_all()

    assert [data for key, data in stand.read if key == "a"] == [b"1", b"2", b"3"]
    assert [data for key, data in stand.read if key == "b"] == [b"1", b"2", b"3"]
    assert isinstance(stand.committed[one], Ended)
    assert isinstance(stand.committed[child], After)


@everywhere
def test_a_stream_says_what_it_is(stand: Stand) -> None:
    summary = stand.line.summary(stand.name)

    assert (summary.stream_name, summary.stream_status) == (stand.name, "ACTIVE")
    assert (summary.retention_period_hours, summary.open_shard_count) == (24, 1)
    assert abs(summary.created_ms - time.time() * 1000) < 60_000


@everywhere
def test_a_stream_that_is_not_there_is_refused_by_name(stand: Stand) -> None:
    with pytest.raises(Refused) as found:
        stand.line.summary("nobody")

    assert found.value.refusal.kind == "ResourceNotFoundException"
    assert found.value.refusal.remedy == "stop"


@everywhere
def test_a_time_to_come_is_refused(stand: Stand) -> None:
    stand.put(b"1")

    with pytest.raises(Refused, match="InvalidArgumentException"):
        stand.records(FIRST, FromTime(int(time.time() * 1000) + 60_000))


@pytest.mark.parametrize("stand", [HERE, KINESIS_LOCAL], indirect=True)
def test_the_last_page_of_a_shard_names_its_children(stand: Stand) -> None:
    children = stand.split(FIRST)

    stand.read_shard(FIRST, HORIZON)

    place = stand.committed[FIRST]
    assert isinstance(place, Ended)
    assert sorted(place.children) == children


@pytest.mark.parametrize("stand", [HERE, KINESIS_LOCAL], indirect=True)
def test_a_stream_that_was_doubled_has_twice_the_open_shards(stand: Stand) -> None:
    stand.boto.update_shard_count(
        StreamName=stand.name, TargetShardCount=2, ScalingType="UNIFORM_SCALING"
    )

    found = stand.settled()
    assert sorted(one.parents for one in found.values() if not one.closed) == [(FIRST,), (FIRST,)]


# --- where they lie -------------------------------------------------------------------------


@kinesalite
def test_kinesalite_never_names_the_children_of_a_shard(stand: Stand) -> None:
    stand.split(FIRST)

    stand.read_shard(FIRST, HORIZON)

    place = stand.committed[FIRST]
    assert isinstance(place, Ended)
    assert place.children == ()  # AWS names them, since 2020


@kinesalite
def test_kinesalite_never_answers_where_nothing_came_since_a_time(stand: Stand) -> None:
    hasty = line_to(stand.url, 3)

    with pytest.raises(Unanswered, match="no answer in time"):
        hasty.iterator(stand.name, FIRST, FromTime(int(time.time() * 1000) - 1))

    hasty.close()


@kinesalite
def test_kinesalite_says_caught_up_of_a_page_that_was_not_the_last(stand: Stand) -> None:
    stand.put(b"1", b"2")
    time.sleep(0.01)

    page = stand.line.records(stand.line.iterator(stand.name, FIRST, HORIZON), limit=1)

    assert page.millis_behind_latest == 0


@kinesis_local
def test_kinesis_local_ends_every_closed_shard_at_the_same_number(stand: Stand) -> None:
    stand.split(FIRST)

    closed = stand.line.shards(stand.name)[0]

    assert closed.sequence_number_range.ending_sequence_number == str(2**63 - 1)


@kinesis_local
def test_kinesis_local_breaks_at_an_iterator_that_is_none(stand: Stand) -> None:
    with pytest.raises(Refused) as found:
        stand.line.records("A" * 100)

    assert found.value.refusal.status == 500  # AWS: InvalidArgumentException
