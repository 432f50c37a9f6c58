"""Whoever looks after the stream goes on looking, whatever happens to one look."""

from collections.abc import Callable, Iterator
from time import monotonic, sleep

import pytest

from lakeferry.connect.aws import AwsAccess
from lakeferry.connect.aws_keys import AwsKeys
from lakeferry.demo.kinesis_feed import Feed
from lakeferry.ingest.crew.lookout import Lookout
from lakeferry.ingest.kinesis.signing import endpoint_of
from lakeferry.ingest.settings import SourceSettings

KEYS = AwsKeys("test", "test")


@pytest.fixture
def feed() -> Iterator[Feed]:
    with Feed(shards=2) as found:
        yield found


def source_of(feed: Feed) -> SourceSettings:
    return SourceSettings("clicks", endpoint_of("eu-west-1", feed.url), AwsAccess("eu-west-1"))


def test_a_look_that_is_asked_for_shows_the_stream_as_it_is_since_then(feed: Feed) -> None:
    with Lookout(source_of(feed), 600.0, keys=lambda: KEYS) as lookout:
        before = lookout.first()
        for _ in range(5):
            feed.recreate()
            lookout.ask()  # one may be under way
            since_s = monotonic()
            after = lookout.look()

            assert after.told_s >= since_s
            assert after.identity != before.identity
            before = after


def test_a_look_that_fails_in_an_unknown_way_is_told_and_others_follow(feed: Feed) -> None:
    spoilt: list[Exception] = []

    def keys() -> AwsKeys:
        if spoilt:
            raise spoilt[0]
        return KEYS

    with Lookout(source_of(feed), 0.05, keys=keys) as lookout:
        lookout.first()
        spoilt.append(RuntimeError("a library of keys broke"))
        until(lambda: "a library of keys broke" in str(lookout.trouble))
        spoilt.clear()
        feed.split("shardId-000000000000")
        until(lambda: len(lookout.newest.listed) == 4)


def until(is_so: Callable[[], bool]) -> None:
    end = monotonic() + 60
    while not is_so():
        assert monotonic() < end, "it never came to be"
        sleep(0.01)
