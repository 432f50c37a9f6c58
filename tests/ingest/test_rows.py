"""A page's records become rows: aggregates many, others one; what is bad keeps all it came with."""

from datetime import UTC, datetime

from lakeferry.ingest.kinesis.wire import Record
from lakeferry.ingest.payload.rows import (
    QUARANTINE_SCHEMA,
    RAW_SCHEMA,
    Bad,
    Fault,
    Rows,
    page_rows,
    quarantine_table,
    raw_table,
)
from tests.ingest.kpl import aggregate, message, record, sealed

SHARD = "shardId-000000000003"
PLAIN = Record("11", 1763942400.123, b"one", "k")
PACKED = Record("12", 1763942401.0, aggregate([("a", b"two"), ("b", b"three")]), "x")
BROKEN = Record("13", 1763942402.0, sealed(message(["a"], [record(7, b"?")])), "y")
UTC_123 = datetime(2025, 11, 24, 0, 0, 0, 123000, tzinfo=UTC)


def test_a_page_without_aggregates_is_taken_as_it_is() -> None:
    page = page_rows(SHARD, [PLAIN])

    assert page.rows == Rows(SHARD, [b"one"], ["k"], ["11"], [None], [1763942400123])
    assert len(page.bad.rows) == page.out_of_range == page.dropped == 0


def test_an_aggregate_gives_its_records_their_own_keys_and_one_sequence_number() -> None:
    rows = page_rows(SHARD, [PLAIN, PACKED]).rows

    assert rows.data == [b"one", b"two", b"three"]
    assert rows.partition_keys == ["k", "a", "b"]
    assert rows.sequence_numbers == ["11", "12", "12"]
    assert rows.sub_sequences == [None, 0, 1]
    assert rows.arrivals_ms == [1763942400123, 1763942401000, 1763942401000]


def test_an_aggregate_that_points_nowhere_goes_to_quarantine_whole() -> None:
    page = page_rows(SHARD, [BROKEN, PACKED])

    assert page.rows.data == [b"two", b"three"]
    assert page.bad.rows.data == [BROKEN.data]
    assert page.bad.rows.sub_sequences == [None]
    assert "cannot be taken apart" in page.bad.faults[0].error


def test_records_of_another_shard_go_where_the_option_says_and_are_counted() -> None:
    lower = (0, 2**127 - 1)  # MD5 of "b" is in the upper half

    kept = page_rows(SHARD, [PACKED], lower)
    put_by = page_rows(SHARD, [PACKED], lower, out_of_range="quarantine")
    dropped = page_rows(SHARD, [PACKED], lower, out_of_range="drop-record")

    assert (kept.rows.data, kept.out_of_range, kept.dropped) == ([b"two", b"three"], 1, 0)
    assert (put_by.rows.data, put_by.bad.rows.data) == ([b"two"], [b"three"])
    assert put_by.bad.rows.sub_sequences == [1]
    assert (dropped.rows.data, dropped.dropped) == ([b"two"], 1)


def test_raw_rows_have_the_columns_of_databricks_and_one_more() -> None:
    table = raw_table(page_rows(SHARD, [PLAIN, PACKED]).rows, "clicks")

    assert table.schema == RAW_SCHEMA
    assert RAW_SCHEMA.names[:6] == [
        *("partitionKey", "data", "stream"),
        *("shardId", "sequenceNumber", "approximateArrivalTimestamp"),
    ]
    assert table.to_pylist()[0] == {
        "partitionKey": "k",
        "data": b"one",
        "stream": "clicks",
        "shardId": SHARD,
        "sequenceNumber": "11",
        "approximateArrivalTimestamp": UTC_123,
        "subSequenceNumber": None,
    }


def test_a_quarantined_row_has_all_that_is_needed_to_try_again() -> None:
    bad = Bad(page_rows(SHARD, [PLAIN]).rows, (Fault("Expected `int`, got `str`", "$.a"),))

    table = quarantine_table(bad, "clicks", epoch=7)

    assert table.schema == QUARANTINE_SCHEMA
    assert table.to_pylist() == [
        {
            "stream": "clicks",
            "shardId": SHARD,
            "sequenceNumber": "11",
            "subSequenceNumber": None,
            "partitionKey": "k",
            "approximateArrivalTimestamp": UTC_123,
            "data": b"one",
            "error": "Expected `int`, got `str`",
            "errorPath": "$.a",
            "epoch": 7,
        }
    ]


def test_an_empty_page_gives_empty_tables() -> None:
    page = page_rows(SHARD, [])

    assert raw_table(page.rows, "clicks").num_rows == 0
    assert quarantine_table(page.bad, "clicks", epoch=7).num_rows == 0
