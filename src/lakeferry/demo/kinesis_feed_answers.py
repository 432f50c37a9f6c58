"""What the feed answers to each operation of Kinesis, as bytes of JSON 1.1.

Source: Kinesis Data Streams API Reference 2013-12-02, and botocore's service model.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from lakeferry.demo.kinesis_feed_shard import Body, Shard, whole
from lakeferry.demo.kinesis_feed_stream import TOKEN_MS, Fault, Stream, hash_keys, opened
from lakeferry.ingest.kinesis.wire import MOST_RECORDS, MOST_SHARDS

MOST_PUT = 500  # records of one PutRecords
Asked = Mapping[str, Any]


@dataclass
class Account:
    """The streams of one account and Region. Mutable; guarded by the lock of its feed."""

    region: str
    now_ms: Callable[[], int]
    quota: bool = True  # of streams that are made from here on
    streams: dict[str, Stream] = field(default_factory=dict)

    def named(self, asked: Asked) -> Stream:
        """The stream that a request names, by name or ARN. Raises Fault."""
        name = asked.get("StreamName") or str(asked.get("StreamARN", "")).rpartition("/")[2]
        if not name:
            raise Fault("InvalidArgumentException", "a StreamName or StreamARN is needed")
        if name not in self.streams:
            raise Fault(
                "ResourceNotFoundException", f"Stream {name} under account 000000000000 not found."
            )
        return self.streams[name]

    def meant(self, stream_id: str) -> Stream:
        """The stream of an iterator. Raises Fault."""
        for stream in self.streams.values():
            if stream.stream_id == stream_id:
                return stream
        raise Fault("ResourceNotFoundException", "the stream of the ShardIterator is not there")


def answer(account: Account, operation: str, asked: Asked) -> Body:
    """The body of a 200. Raises Fault."""
    if operation not in _OPERATIONS:
        raise Fault("UnknownOperationException", f"{operation} is not answered by this feed")
    found = _OPERATIONS[operation](account, asked)
    return found if isinstance(found, Body) else whole(orjson.dumps(found))


# --- reading --------------------------------------------------------------------------------


def _get_records(account: Account, asked: Asked) -> Body:
    most = asked.get("Limit", MOST_RECORDS)
    if not 1 <= most <= MOST_RECORDS:
        raise Fault("ValidationException", f"Limit {most} is not 1 to {MOST_RECORDS}")
    stream = account.meant(str(opened(asked["ShardIterator"])[0]))
    shard, place = stream.place(asked["ShardIterator"])
    return stream.page(shard, place, most)


def _get_shard_iterator(account: Account, asked: Asked) -> Asked:
    at = asked.get("Timestamp")
    token = account.named(asked).iterator(
        asked["ShardId"],
        asked["ShardIteratorType"],
        asked.get("StartingSequenceNumber"),
        None if at is None else round(at * 1000),
    )
    return {"ShardIterator": token}


def _list_shards(account: Account, asked: Asked) -> Asked:
    token, after = asked.get("NextToken"), asked.get("ExclusiveStartShardId", "")
    if token is not None:
        if "StreamName" in asked:
            raise Fault("InvalidArgumentException", "NextToken and StreamName together")
        stream_id, made_ms, most, asked_filter, after = orjson.loads(b64decode(token))
        if account.now_ms() - made_ms > TOKEN_MS:
            raise Fault("ExpiredNextTokenException", "The NextToken is older than 300 s")
        stream = account.meant(stream_id)
    else:
        stream, asked_filter = account.named(asked), asked.get("ShardFilter", {})
        most = min(asked.get("MaxResults", MOST_SHARDS), MOST_SHARDS)
    at = asked_filter.get("Timestamp")
    found = stream.listed(
        asked_filter.get("Type", "FROM_TRIM_HORIZON"),
        None if at is None else round(at * 1000),
        asked_filter.get("ShardId", ""),
    )
    left = [shard for shard in found if shard.shard_id > after]
    page: dict[str, Any] = {"Shards": [_listed(shard) for shard in left[:most]]}
    if len(left) > most:
        inner = [stream.stream_id, account.now_ms(), most, asked_filter, left[most - 1].shard_id]
        page["NextToken"] = b64encode(orjson.dumps(inner)).decode()
    return page


def _listed(shard: Shard) -> Asked:
    numbers = {"StartingSequenceNumber": str(shard.base)}
    if shard.last_number is not None:
        numbers["EndingSequenceNumber"] = str(shard.last_number)
    told = {
        "ShardId": shard.shard_id,
        "HashKeyRange": hash_keys(shard),
        "SequenceNumberRange": numbers,
    }
    names = ("ParentShardId", "AdjacentParentShardId")
    return told | dict(zip(names, shard.parents, strict=False))


def _summary(account: Account, asked: Asked) -> Asked:
    stream = account.named(asked)
    return {"StreamDescriptionSummary": _told(stream) | {
        "OpenShardCount": len(stream.open_shards()),
        "ConsumerCount": 0,
        "StreamId": stream.stream_id,
        "MaxRecordSizeInKiB": stream.max_record_bytes // 1024,
    }}  # fmt: skip


def _told(stream: Stream) -> dict[str, Any]:
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": "PROVISIONED"},
        "RetentionPeriodHours": stream.retention_hours,
        "StreamCreationTimestamp": stream.created_ms / 1000,
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "NONE",
    }


def _describe(account: Account, asked: Asked) -> Asked:
    stream = account.named(asked)
    found = stream.listed("FROM_TRIM_HORIZON")
    left = [one for one in found if one.shard_id > asked.get("ExclusiveStartShardId", "")]
    most = min(asked.get("Limit", 100), 100)
    return {"StreamDescription": _told(stream) | {
        "Shards": [_listed(shard) for shard in left[:most]],
        "HasMoreShards": len(left) > most,
    }}  # fmt: skip


def _list_streams(account: Account, _: Asked) -> Asked:
    return {"StreamNames": sorted(account.streams), "HasMoreStreams": False}


# --- writing --------------------------------------------------------------------------------


def _put_record(account: Account, asked: Asked) -> Asked:
    shard_id, number = _put(account.named(asked), asked)
    return {"ShardId": shard_id, "SequenceNumber": number, "EncryptionType": "NONE"}


def _put_records(account: Account, asked: Asked) -> Asked:
    stream, records = account.named(asked), asked["Records"]
    if not 1 <= len(records) <= MOST_PUT:
        raise Fault("ValidationException", f"Records are not 1 to {MOST_PUT}")
    told = [_put(stream, one) for one in records]
    return {
        "FailedRecordCount": 0,
        "Records": [{"ShardId": shard, "SequenceNumber": number} for shard, number in told],
        "EncryptionType": "NONE",
    }


def _put(stream: Stream, one: Asked) -> tuple[str, str]:
    data = b64decode(one["Data"])
    return stream.put(one["PartitionKey"], data, hash_key=one.get("ExplicitHashKey"))


# --- the stream itself ----------------------------------------------------------------------


def _create(account: Account, asked: Asked) -> Asked:
    name = asked["StreamName"]
    if name in account.streams:
        raise Fault("ResourceInUseException", f"Stream {name} already exists.")
    stream = Stream(name, account.region, account.now_ms, quota=account.quota)
    account.streams[name] = stream
    stream.begin(asked.get("ShardCount", 4))
    return {}


def _delete(account: Account, asked: Asked) -> Asked:
    del account.streams[account.named(asked).name]
    return {}


def _split(account: Account, asked: Asked) -> Asked:
    account.named(asked).split(asked["ShardToSplit"], int(asked["NewStartingHashKey"]))
    return {}


def _merge(account: Account, asked: Asked) -> Asked:
    account.named(asked).merge(asked["ShardToMerge"], asked["AdjacentShardToMerge"])
    return {}


def _resize(account: Account, asked: Asked) -> Asked:
    stream, target = account.named(asked), asked["TargetShardCount"]
    before = len(stream.open_shards())
    stream.resize(target)
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "CurrentShardCount": before,
        "TargetShardCount": target,
    }


_OPERATIONS: Mapping[str, Callable[[Account, Asked], Asked | Body]] = {
    "CreateStream": _create,
    "DeleteStream": _delete,
    "DescribeStream": _describe,
    "DescribeStreamSummary": _summary,
    "GetRecords": _get_records,
    "GetShardIterator": _get_shard_iterator,
    "ListShards": _list_shards,
    "ListStreams": _list_streams,
    "MergeShards": _merge,
    "PutRecord": _put_record,
    "PutRecords": _put_records,
    "SplitShard": _split,
    "UpdateShardCount": _resize,
}
