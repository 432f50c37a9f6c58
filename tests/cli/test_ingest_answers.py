"""What an ingest tells, in words and as JSON lines that the schema knows."""

from dataclasses import replace

import jsonschema
import pytest

from lakeferry.cli.ingest.answers import (
    began_text,
    body_of,
    ended_body,
    ended_lines,
    furthest_behind,
    is_detail,
    progress_parts,
    text_of,
)
from lakeferry.cli.json_lines import schema
from lakeferry.cli.render import fitted
from lakeferry.ingest.events import (
    BatchCommitted,
    Began,
    Compacted,
    Ended,
    Event,
    GapAccepted,
    Noted,
    Progress,
    ShardEnded,
    ShardsBegun,
    ShardSpan,
    Warned,
)
from lakeferry.ingest.kinesis.aggregate import OutOfRange
from lakeferry.ingest.position.state import Gap

TABLE = "s3://atlas-lake-prod/streams/clicks"
BEGAN = Began(
    "clicks", "clicks", "vpce-0aa1-x.kinesis.us-east-1.vpce.amazonaws.com", TABLE, 70_411, 70_410,
    "epoch 70410", 8, 8, 1, 86_400.0,
)  # fmt: skip
PROGRESS = Progress(
    60.0, 12_480.0, 7.5e6, 1000, 990, 980, 0, 0, 0, 90_000, 50, 3, 1, 0, 4, 70_412, 4, 800,
    "shardId-1", 31_000, 86_399.0, 0.0, 8, worker_rss=(200_000_000,), coordinator_rss=200_000_000,
)  # fmt: skip
GAP = Gap("shardId-000000000001", 1_764_151_200_000, 1_764_154_800_000)
BATCH = BatchCommitted(
    70_412, 70_411, 374_400, 12, 2, 29_000_000,
    (ShardSpan("shardId-000000000001", "495", "497", 3),), 1_764_154_800_000, None, 1.5, 900,
)  # fmt: skip
ENDED = Ended("caught up", 3, 2, 2, 100, 99, 1, 0, 9_000, (GAP,), 0, 12.0)
EVENTS: tuple[Event, ...] = (
    BEGAN, PROGRESS, BATCH, ShardEnded("shardId-000000000001", ("shardId-000000000002",)),
    ShardsBegun(("shardId-000000000002",), 8), Compacted("compaction", 9, 40, 1, 1000),
    GapAccepted(GAP), Noted("so it is"), Warned("LF-7065", "it leaves", "put an endpoint"),
)  # fmt: skip


def test_the_first_line_says_stream_endpoint_table_and_where_it_goes_on() -> None:
    assert began_text(BEGAN) == (
        "kinesis clicks (8 shards, endpoint vpce-0aa1) → s3://atlas-lake-prod/streams/clicks   "
        "resumes at epoch 70410, version 70411"
    )


LINE = (
    "12,480 rec/s  7.5 MB/s  0.8 s behind  version 70412  table 31 s behind  400.0 MB  4 commits  "
    "+374,400 rows  0 gaps  0 doubles"
)


def test_progress_is_one_line_of_rates_lags_version_memory_rows_gaps_and_doubles() -> None:
    assert "  ".join(progress_parts(PROGRESS, 374_400)) == LINE


def test_on_a_narrow_terminal_memory_the_tables_lag_and_the_commits_go_first() -> None:
    parts = progress_parts(PROGRESS, 374_400)

    assert fitted(parts, 200) == LINE
    assert fitted(parts, 90) == (
        "12,480 rec/s  7.5 MB/s  0.8 s behind  version 70412  +374,400 rows  0 gaps  0 doubles"
    )


def test_what_is_not_known_is_a_dash() -> None:
    unknown = Progress(
        1.0, 0.0, 0.0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, None, "", None, None, None, 0
    )

    assert progress_parts(unknown, 0)[2:5] == ("– behind", "version 0", "table – behind")


def test_a_commit_and_upkeep_are_details_and_the_rest_is_not() -> None:
    assert [is_detail(one) for one in (BATCH, EVENTS[5], BEGAN, GapAccepted(GAP))] == [
        True, True, False, False,
    ]  # fmt: skip
    assert text_of(BATCH) == "version 70412  +374,400 rows, 12 rejected  2 files, 29.0 MB  in 1.5 s"
    assert text_of(GapAccepted(GAP)) == (
        "gap of up to 1 h 0 min in shardId-000000000001: "
        "2025-11-26T10:00:00.000Z to 2025-11-26T11:00:00.000Z"
    )


def test_a_reshard_of_many_shards_is_one_short_line() -> None:
    many = tuple(f"shardId-{number:012}" for number in range(500))

    assert text_of(ShardsBegun(many, 900)) == (
        "reads shardId-000000000000 and 499 more too; 900 shards now"
    )
    assert text_of(ShardsBegun(many, 500)) == ""  # the first line has said so


@pytest.mark.parametrize("event", EVENTS, ids=lambda one: type(one).__name__)
def test_every_event_is_a_line_that_the_schema_knows(event: Event) -> None:
    body = body_of(event, TABLE)

    head = {"v": 1, "seq": 1, "ts": "2026-11-26T12:00:00.000Z", "run": "0123456789ab"}
    jsonschema.Draft202012Validator(schema()).validate({**head, **body})


def test_a_batch_says_first_and_last_sequence_number_of_each_shard() -> None:
    body = body_of(BATCH, TABLE)

    assert body["shards"] == {"shardId-000000000001": {"first": "495", "last": "497", "records": 3}}
    assert (body["newest"], body["oldest"]) == ("2025-11-26T11:00:00.000Z", None)


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("keep", "18 records of aggregates of another shard kept"),
        ("drop-record",
         "18 records of aggregates of another shard dropped: producers of the KPL send them again"),
        ("quarantine", "18 records of aggregates of another shard in t_rejected"),
        ("kcl", "18 aggregates dropped whole, for a record in each belongs to another shard"),
    ],
)  # fmt: skip
def test_the_end_says_what_became_of_records_of_another_shard(rule: OutOfRange, line: str) -> None:
    ended = replace(ENDED, bad=0, out_of_range=18, out_of_range_rule=rule)

    assert ended_lines(ended, "t", "✓", "t_rejected")[-1] == f"    {line}"
    assert ended_body(ended)["out_of_range"] == 18
    assert ended_body(ended)["out_of_range_rule"] == rule


def test_the_end_says_what_was_committed_and_what_was_not_kept() -> None:
    assert ended_lines(ENDED, "t", "✓", "t_rejected") == [
        "  ✓ caught up  version 3 of t  12 s",
        "    100 records, 99 rows in 2 commits, 8 rec/s, 1 gap",
        "    1 bad record in t_rejected, each with its reason",
    ]


def test_of_many_shards_the_furthest_behind_are_told() -> None:
    lags: dict[str, int | None] = {f"shardId-{number}": number for number in range(500)}

    found = furthest_behind({**lags, "shardId-new": None})

    assert len(found) == 20
    assert list(found.items())[:2] == [("shardId-new", None), ("shardId-499", 499)]
