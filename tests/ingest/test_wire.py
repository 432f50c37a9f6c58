"""Answers of Kinesis become values, its refusals say what to do, and a name moves no host."""

import json

import pytest

from lakeferry.ingest.kinesis.wire import (
    ChildShard,
    HashKeyRange,
    Record,
    Refusal,
    Remedy,
    Unreadable,
    describe_stream_summary,
    get_records,
    get_shard_iterator,
    list_shards,
    records_page,
    refusal,
    shard_iterator,
    shards_page,
    stream_summary,
)

ARN = "arn:aws:kinesis:eu-west-1:111122223333:stream/clicks"
PAGE = b"""{"Records":[{"SequenceNumber":"49590338271490256608559692538361571095921575989136588898",
"ApproximateArrivalTimestamp":1.763942400123E9,"Data":"eyJhIjoxfQ==","PartitionKey":"user-7",
"EncryptionType":"KMS"}],"NextShardIterator":"AAAA","MillisBehindLatest":2100,"Later":{"a":[1]}}"""


def test_a_page_holds_bytes_and_not_base64() -> None:
    page = records_page(PAGE)

    assert page.records == [
        Record(
            "49590338271490256608559692538361571095921575989136588898",
            1763942400.123,
            b'{"a":1}',
            "user-7",
        )
    ]
    assert page.records[0].arrival_ms == 1763942400123
    assert (page.next_shard_iterator, page.millis_behind_latest) == ("AAAA", 2100)


@pytest.mark.parametrize("ending", [b'"NextShardIterator":null', b'"MillisBehindLatest":0'])
def test_a_closed_shard_s_last_page_has_no_iterator(ending: bytes) -> None:
    page = records_page(b'{"Records":[],' + ending + b"}")

    assert page.next_shard_iterator is None


def test_the_last_page_announces_the_children() -> None:
    page = records_page(
        b'{"Records":[],"ChildShards":[{"ShardId":"shardId-000000000002",'
        b'"ParentShards":["shardId-000000000000","shardId-000000000001"],'
        b'"HashKeyRange":{"StartingHashKey":"0","EndingHashKey":"99"}}]}'
    )

    assert page.child_shards == (
        ChildShard(
            "shardId-000000000002",
            ("shardId-000000000000", "shardId-000000000001"),
            HashKeyRange("0", "99"),
        ),
    )


def test_no_children_may_be_null() -> None:  # so kinesis-local says it
    assert records_page(b'{"Records":[],"ChildShards":null}').child_shards == ()


@pytest.mark.parametrize(
    "body", [PAGE[:-1], PAGE[:200], b"", b"<html>", b"[]", PAGE.replace(b"==", b"=!")]
)
def test_a_page_that_is_cut_or_not_the_service_s_is_used_in_no_part(body: bytes) -> None:
    with pytest.raises(Unreadable):
        records_page(body)


def test_shards_name_parents_ranges_and_ends() -> None:
    page = shards_page(
        b'{"NextToken":"t","Shards":[{"ShardId":"c","ParentShardId":"a",'
        b'"AdjacentParentShardId":"b","HashKeyRange":{"StartingHashKey":"0","EndingHashKey":'
        b'"340282366920938463463374607431768211455"},"SequenceNumberRange":'
        b'{"StartingSequenceNumber":"1","EndingSequenceNumber":"9"}}]}'
    )

    (shard,) = page.shards
    assert (shard.parent_shard_id, shard.adjacent_parent_shard_id) == ("a", "b")
    assert int(shard.hash_key_range.ending_hash_key) == 2**128 - 1
    assert shard.sequence_number_range.ending_sequence_number == "9"
    assert page.next_token == "t"


def test_a_summary_tells_one_stream_from_its_namesake() -> None:
    body = {
        "StreamDescriptionSummary": {
            "StreamName": "clicks",
            "StreamARN": ARN,
            "StreamId": "abcdefghijklmnopqrstuvwx",
            "StreamStatus": "ACTIVE",
            "RetentionPeriodHours": 24,
            "StreamCreationTimestamp": 1763942400.5,
            "OpenShardCount": 3,
            "MaxRecordSizeInKiB": 10240,
            "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        }
    }

    summary = stream_summary(json.dumps(body).encode())

    assert (summary.stream_arn, summary.created_ms) == (ARN, 1763942400500)
    assert summary.stream_id == "abcdefghijklmnopqrstuvwx"
    assert summary.max_record_size_in_kib == 10240


def test_an_iterator_is_taken_out_of_its_answer() -> None:
    assert shard_iterator(b'{"ShardIterator":"AAAB"}') == "AAAB"


# --- refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "message", "remedy"),
    [
        (400, "ExpiredIteratorException", "Iterator expired.", "new iterator"),
        (400, "ProvisionedThroughputExceededException", "Rate exceeded", "wait"),
        (429, "", "", "wait"),
        (400, "ExpiredTokenException", "The security token is expired", "new credentials"),
        (
            400,
            "InvalidSignatureException",
            "Signature expired: 2026",
            "correct the clock",
        ),
        (400, "InvalidSignatureException", "Signature not yet current", "correct the clock"),
        (400, "InvalidSignatureException", "does not match the signature", "stop"),
        (400, "KMSDisabledException", "The key is disabled", "pause the shard"),
        (500, "InternalFailure", "", "try again"),
        (503, "", "Slow down", "try again"),
        (400, "ResourceNotFoundException", "Stream clicks not found", "stop"),
        (400, "AccessDeniedException", "is not authorized to perform", "stop"),
        (400, "InvalidArgumentException", "reached max possible value for the shard", "stop"),
    ],
)
def test_each_refusal_has_its_remedy(status: int, kind: str, message: str, remedy: Remedy) -> None:
    assert Refusal(status, kind, message).remedy == remedy


@pytest.mark.parametrize(
    ("body", "header", "kind", "message"),
    [
        (b'{"__type":"ThrottlingException","message":"m"}', "", "ThrottlingException", "m"),
        (b'{"__type":"com.amazonaws.kinesis.v20131202#InternalFailure","message":"m"}', "",
         "InternalFailure", "m"),
        (b'{"Message":"m"}', "InternalFailure:http://h/coral/", "InternalFailure", "m"),
        (b"<html>Bad Gateway</html>", "", "", "<html>Bad Gateway</html>"),
        (b"\xff\xfe", "", "", "\ufffd\ufffd"),
    ],
)  # fmt: skip
def test_a_refusal_is_read_whoever_wrote_it(
    body: bytes, header: str, kind: str, message: str
) -> None:
    assert refusal(400, body, header) == Refusal(400, kind, message)


# --- requests -------------------------------------------------------------------------------


def test_a_stream_is_named_by_name_or_by_arn() -> None:
    assert json.loads(describe_stream_summary("clicks").body) == {"StreamName": "clicks"}
    assert json.loads(describe_stream_summary(ARN).body) == {"StreamARN": ARN}


def test_a_token_stands_alone() -> None:
    assert json.loads(list_shards("clicks").body) == {"StreamName": "clicks", "MaxResults": 1000}
    assert json.loads(list_shards("clicks", token="t").body) == {"NextToken": "t"}


def test_a_place_in_a_shard_carries_only_what_its_type_needs() -> None:
    after = get_shard_iterator("clicks", "s", "AFTER_SEQUENCE_NUMBER", sequence_number="7")
    at = get_shard_iterator("clicks", "s", "AT_TIMESTAMP", at_ms=1763942400123)

    assert json.loads(after.body) == {
        "StreamName": "clicks",
        "ShardId": "s",
        "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
        "StartingSequenceNumber": "7",
    }
    assert json.loads(at.body)["Timestamp"] == 1763942400.123


def test_a_page_is_asked_for_with_a_limit() -> None:
    request = get_records("AAAA", limit=3000)

    assert (request.operation, json.loads(request.body)) == (
        "GetRecords",
        {"ShardIterator": "AAAA", "Limit": 3000},
    )
