"""Positions handed over to another consumer."""

import json

from lakeferry.ingest.position.state import (
    After,
    Ended,
    FromTrimHorizon,
    IngestState,
    StreamIdentity,
)
from lakeferry.ingest.position.text import parse_state
from lakeferry.ingest.position.way_back import way_back

STREAM = StreamIdentity("clicks", "arn:1", 1_700_000_000_000)
STATE = IngestState(
    7, STREAM,
    {
        "shardId-000000000000": Ended(1_764_000_000_000, ("shardId-000000000001",), 9),
        "shardId-000000000001": After("4964", 1_764_154_800_500, 3),
        "shardId-000000000002": FromTrimHorizon(1_764_154_900_000),
    },
)  # fmt: skip


def test_another_lakeferry_reads_the_exact_positions() -> None:
    body = way_back(STATE, "s3://lake/clicks", 12)

    assert parse_state(json.dumps(body), "a file") == STATE


def test_others_begin_at_the_moment_to_which_every_shard_that_goes_on_was_read() -> None:
    body = way_back(STATE, "s3://lake/clicks", 12)

    assert body["at_timestamp"] == "2025-11-26T11:00:00.500Z"
    position = json.loads(body["databricks"]["initialPosition"])
    assert position["at_timestamp"] == "2025-11-26T11:00:00.500Z"
    # What they read twice is at most up to here, by shard.
    assert body["overlap"] == {"shardId-000000000001": "4964"}
    assert (body["table"], body["version"]) == ("s3://lake/clicks", 12)


def test_a_shard_whose_reading_is_not_known_leaves_no_time_to_begin_at() -> None:
    state = IngestState(0, STREAM, {"shardId-000000000000": FromTrimHorizon()})

    body = way_back(state, "t", 0)

    assert (body["at_timestamp"], body["databricks"]) == (None, None)
