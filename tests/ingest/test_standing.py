"""What other consumers write about where they stand is read as they mean it."""

import json
from typing import Any

import pytest

from lakeferry.errors import FerryError
from lakeferry.ingest.position.standing import Place, Standing, of_connector, of_file, of_leases
from lakeferry.ingest.position.state import (
    After,
    Gap,
    IngestState,
    StreamIdentity,
)
from lakeferry.ingest.position.text import state_text

A, B, C = "shardId-000000000000", "shardId-000000000001", "shardId-000000000002"
N = "49590338271490256608559692538361571095921575989136588898"


def lease(shard: str, checkpoint: str, sub: int = 0, **more: str) -> dict[str, dict[str, str]]:
    """A row as the KCL writes it and as DynamoDB sends it."""
    row = {
        "leaseKey": {"S": shard},
        "leaseCounter": {"N": "17"},
        "checkpoint": {"S": checkpoint},
        "checkpointSubSequenceNumber": {"N": str(sub)},
        "ownerSwitchesSinceCheckpoint": {"N": "0"},
    }
    return row | {name: {"S": value} for name, value in more.items()}


# --- leases ---------------------------------------------------------------------------------


def test_each_lease_says_where_its_shard_stands() -> None:
    rows = [
        lease(A, N, 3),
        lease(B, "SHARD_END"),
        lease(C, "TRIM_HORIZON"),
        lease("shardId-000000000003", "LATEST"),
        lease("shardId-000000000004", "AT_TIMESTAMP"),
    ]

    assert of_leases(rows, "table clicks-app", "clicks") == Standing(
        "table clicks-app",
        {
            A: Place("after", N, 3),
            B: Place("end"),
            C: Place("trim horizon"),
            "shardId-000000000003": Place("latest"),
            "shardId-000000000004": Place("unknown time"),
        },
    )


def test_of_a_table_of_several_streams_only_the_rows_of_one_are_taken() -> None:
    rows = [
        lease(f"1:clicks:9:{A}", N, streamName="1:clicks:9", shardId=A),
        lease(f"1:views:8:{B}", N, streamName="1:views:8", shardId=B),
    ]

    assert of_leases(rows, "t", "clicks").shards == {A: Place("after", N, 0)}
    with pytest.raises(FerryError, match="leases of clicks, views, none of stream sales"):
        of_leases(rows, "t", "sales")


def test_rows_of_version_3_that_are_no_leases_are_left_out() -> None:
    rows = [
        lease(A, N, entityType="LEASE"),
        {"leaseKey": {"S": "Migration3.0"}, "entityType": {"S": "COORDINATOR_STATE"}},
        {"wid": {"S": "worker"}, "entityType": {"S": "WORKER_METRICS"}},
    ]

    assert list(of_leases(rows, "t", "clicks").shards) == [A]


def test_checkpoints_that_were_only_prepared_and_owners_are_told() -> None:
    rows = [lease(A, N, pendingCheckpoint=N + "1"), lease(B, N, leaseOwner="worker-7")]

    prepared, held = of_leases(rows, "t", "clicks").notes

    assert A in prepared
    assert "read again" in prepared
    assert "worker-7" in held


@pytest.mark.parametrize("checkpoint", ["", "NULL", "-1", "0x1"])
def test_a_checkpoint_that_is_none_is_refused(checkpoint: str) -> None:
    with pytest.raises(FerryError, match="LF-7082"):
        of_leases([lease(A, checkpoint)], "t", "clicks")


def test_a_table_without_leases_is_refused() -> None:
    with pytest.raises(FerryError, match="it has no lease, none of stream clicks"):
        of_leases([{"id": {"S": "something else"}}], "t", "clicks")


# --- the connector of awslabs ---------------------------------------------------------------


def position(kind: str, number: str = "", sub: int = -1, *, last: bool = True) -> dict[str, str]:
    return {
        "iteratorType": kind,
        "iteratorPosition": number,
        "subSequenceNumber": str(sub),
        "isLast": str(last).lower(),
    }


def test_a_query_stands_where_its_tasks_ended_and_else_where_the_batch_began() -> None:
    offset = {
        "metadata": {"batchId": "4", "streamName": "clicks"},
        A: position("AFTER_SEQUENCE_NUMBER", N),
        B: position("TRIM_HORIZON"),
        C: position("AT_TIMESTAMP", "1763942400123"),
        "d": position("LATEST"),
        "e": position("AT_SEQUENCE_NUMBER", N),
    }
    ends: dict[str, dict[str, Any]] = {
        A: position("SHARD_END") | {"shardId": A},
        # The connector writes numbers and truth values here, text in the offset.
        B: {
            "shardId": B, "iteratorType": "AFTER_SEQUENCE_NUMBER", "iteratorPosition": N,
            "subSequenceNumber": 5, "isLast": False,
        },
    }  # fmt: skip

    assert of_connector(offset, ends, "dir").shards == {
        A: Place("end"),
        B: Place("after", N, 5),
        C: Place("time", at_ms=1_763_942_400_123),
        "d": Place("latest"),
        "e": Place("at", N),
    }


def test_the_last_user_record_of_an_aggregate_ends_all_of_it() -> None:
    offset = {"metadata": {}, A: position("AFTER_SEQUENCE_NUMBER", N, 9, last=True)}

    assert of_connector(offset, {}, "dir").shards == {A: Place("after", N)}


@pytest.mark.parametrize(
    "told",
    [{}, {"iteratorType": "X"}, position("SOMEWHERE"), position("AT_SEQUENCE_NUMBER", "x")],
)
def test_a_position_of_no_known_kind_is_refused(told: dict[str, str]) -> None:
    with pytest.raises(FerryError, match="LF-7082"):
        of_connector({A: told}, {}, "dir")


# --- a file ---------------------------------------------------------------------------------


def test_a_file_maps_shards_to_positions() -> None:
    text = json.dumps({A: N, B: "shard_end", C: "TRIM_HORIZON", "d": "2026-11-26T12:00:00.5+01:00"})

    assert of_file(text, "f").shards == {
        A: Place("after", N),
        B: Place("end"),
        C: Place("trim horizon"),
        "d": Place("time", at_ms=1_795_690_800_500),
    }


def test_what_lakeferry_prints_is_read_back_exactly() -> None:
    state = IngestState(9, StreamIdentity("clicks"), {A: After(N, 5, 70)}, (Gap(A, 1, 2),))

    found = of_file(state_text(state), "f")

    assert found.shards == {A: After(N, 5, 70)}
    assert found.notes == ("1 gaps that were accepted before are not carried over",)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "nothing", '{"a": 5}', '{"a": "LATEST"}', '{"a": "2026-11-26"}',
        '{"a/b": "1"}', '{"a": null}',
    ],
)  # fmt: skip
def test_a_file_that_is_no_map_of_positions_is_refused(text: str) -> None:
    with pytest.raises(FerryError, match="LF-7082"):
        of_file(text, "f")


def test_a_file_that_says_latest_is_told_what_to_write_for_it() -> None:
    with pytest.raises(FerryError, match="for LATEST write the time at which that consumer began"):
        of_file('{"a": "LATEST"}', "f")
