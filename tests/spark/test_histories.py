"""Any history of puts, reshards, batches and crashes leaves each record once, in key order."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.spark.read_part import tasks_of
from tests.servers import Server
from tests.spark.driving import Query, Run

KEYS = 16
STEPS = ("put", "split", "merge", "batch", "end before it", "end amid it", "end after it")


class History:
    """A stream and a query that is ended again and again."""

    def __init__(self, feed: Feed, query: Query) -> None:
        self.feed, self.query = feed, query
        self.put = 0

    def step(self, what: str) -> None:
        feed = self.feed
        match what:
            case "put":
                for number in range(self.put, self.put + 7):
                    feed.put(f"user-{number % KEYS}", str(number))
                self.put += 7
            case "split":
                if len(feed.shards()) < 6:
                    feed.split(feed.shards()[0])
            case "merge":
                if len(feed.shards()) > 1:
                    feed.merge(*feed.shards()[:2])
            case "batch":
                with self.query.running() as run:
                    run.batch()
            case _:
                self.end(what)

    def end(self, when: str) -> None:
        """Begin a batch, be ended at some moment of it, and end it in another run."""
        with self.query.running() as run:
            plan = run.log()
            assert plan is not None  # the first batch of a run is always due
            rows = self.read_before_the_end(run, when)
        with self.query.running() as run:
            again = run.finish(run.planned())
            assert when != "end after it" or again == rows

    def read_before_the_end(self, run: Run, when: str) -> object:
        plan = run.planned()
        if when == "end after it":
            return run.finish(plan)
        if when == "end amid it" and plan.groups:
            return run.rows_of(tasks_of(plan, self.query.options)[0])
        return None

    def assert_each_record_is_there_once(self) -> None:
        found = [int(data) for _, _, _, data in self.query.rows]
        assert sorted(found) == list(range(self.put))
        for key in range(KEYS):
            of_key = [number for number in found if number % KEYS == key]
            assert of_key == sorted(of_key)


@contextmanager
def a_history(**given: str) -> Iterator[History]:
    with tempfile.TemporaryDirectory() as folder, Feed(shards=2) as feed:
        few = {"minFetchPeriod": "200ms", "shardsPerTask": "1", "fetchBufferSize": "500b"}
        yield History(feed, Query(feed, Path(folder), given=few | given))


@settings(max_examples=8)
@given(
    st.lists(st.sampled_from(STEPS), min_size=3, max_size=10),
    st.sampled_from(["backlog", "budget"]),
)
def test_each_record_is_there_once_whatever_happened(steps: list[str], first_batch: str) -> None:
    with a_history(firstBatch=first_batch) as history:
        for what in ("put", *steps):
            history.step(what)
        with history.query.running() as run:
            run.until_idle()

        history.assert_each_record_is_there_once()


@pytest.mark.server
def test_the_record_may_lie_in_an_object_store(s3_server: Server) -> None:
    store = {f"metadata.{name}": value for name, value in s3_server.options.items()}
    with a_history(metadataPath=f"{s3_server.place}/record", **store) as history:
        for what in ("put", "end before it", "split", "put", "end amid it", "end after it"):
            history.step(what)
        with history.query.running() as run:
            run.until_idle()

        history.assert_each_record_is_there_once()
