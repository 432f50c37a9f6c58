"""What tests of a worker stand on: a stream of two shards, a worker that reads it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.ingest.settings import PayloadSettings
from tests.ingest.worker_runs import PAYLOAD, Coordinator, ingest_of, working


@pytest.fixture
def feed() -> Iterator[Feed]:
    with Feed(shards=2) as feed:
        yield feed


@pytest.fixture
def worker(feed: Feed, tmp_path: Path) -> Iterator[Coordinator]:
    ingest = ingest_of(feed, tmp_path, PayloadSettings(PAYLOAD))
    with working(ingest, tmp_path) as coordinator:
        yield coordinator
