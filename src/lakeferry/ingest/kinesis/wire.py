"""Kinesis' answers and refusals as typed values, and the bodies of requests to it. Pure.

A page's records are decoded by msgspec straight into `Record`s; base64 is undone on the way, which
makes it the cheapest of all decoders that were measured. Only what a reader needs is kept.

Source: Kinesis Data Streams API Reference 2013-12-02 (JSON 1.1), in botocore's service model.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec

CONTENT_TYPE = "application/x-amz-json-1.1"
TARGET = "Kinesis_20131202."
MOST_RECORDS = 10_000  # `Limit` of GetRecords
MOST_SHARDS = 1_000  # a page of ListShards, whatever is asked for

IteratorType = Literal[
    "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"
]


class Record(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    """One Kinesis record; a KPL aggregate is one of these."""

    sequence_number: str  # decimal, about 56 digits
    approximate_arrival_timestamp: float  # seconds since the epoch, exact to a millisecond
    data: bytes
    partition_key: str

    @property
    def arrival_ms(self) -> int:
        return round(self.approximate_arrival_timestamp * 1000)


class HashKeyRange(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    """First and last hash key of a shard, both within, as decimal text."""

    starting_hash_key: str
    ending_hash_key: str


class SequenceNumberRange(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    """First sequence number of a shard, and the last if it is closed."""

    starting_sequence_number: str
    ending_sequence_number: str | None = None


class ListedShard(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    """A shard as ListShards shows it."""

    shard_id: str
    hash_key_range: HashKeyRange
    sequence_number_range: SequenceNumberRange
    parent_shard_id: str | None = None
    adjacent_parent_shard_id: str | None = None  # of a merge: the second parent


class ChildShard(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    """A shard that follows a closed one, as its last page announces it."""

    shard_id: str
    parent_shards: tuple[str, ...]
    hash_key_range: HashKeyRange


class RecordsPage(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer to GetRecords. An empty page says nothing: neither the end nor to be caught up."""

    records: list[Record]
    next_shard_iterator: str | None = None  # None: the shard is closed and was read to its end
    millis_behind_latest: int | None = None  # 0: caught up
    told_children: tuple[ChildShard, ...] | None = msgspec.field(name="ChildShards", default=None)

    @property
    def child_shards(self) -> tuple[ChildShard, ...]:
        """Not every server sends them, and one says null where there are none."""
        return self.told_children or ()


class ShardsPage(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer to ListShards, one page."""

    shards: tuple[ListedShard, ...] = ()
    next_token: str | None = None  # lives 300 s


class IteratorAnswer(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer to GetShardIterator."""

    shard_iterator: str  # lives 300 s


class StreamSummary(msgspec.Struct, frozen=True, rename="pascal"):
    """What DescribeStreamSummary says of a stream."""

    stream_name: str
    stream_arn: str = msgspec.field(name="StreamARN")
    stream_status: str
    retention_period_hours: int
    stream_creation_timestamp: float  # seconds since the epoch
    open_shard_count: int
    consumer_count: int = 0
    stream_id: str | None = None  # newer than the API itself; not every server has it
    max_record_size_in_kib: int | None = msgspec.field(name="MaxRecordSizeInKiB", default=None)

    @property
    def created_ms(self) -> int:
        return round(self.stream_creation_timestamp * 1000)


class SummaryAnswer(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer to DescribeStreamSummary."""

    stream_description_summary: StreamSummary


class _Fault(msgspec.Struct, frozen=True):
    type: str = msgspec.field(name="__type", default="")
    lower: str = msgspec.field(name="message", default="")
    upper: str = msgspec.field(name="Message", default="")


_RECORDS = msgspec.json.Decoder(RecordsPage)
_SHARDS = msgspec.json.Decoder(ShardsPage)
_ITERATOR = msgspec.json.Decoder(IteratorAnswer)
_SUMMARY = msgspec.json.Decoder(SummaryAnswer)
_FAULT = msgspec.json.Decoder(_Fault)


class Unreadable(Exception):
    """An answer of 200 whose body is not what the service sends: cut, or somebody else's."""


def records_page(body: bytes) -> RecordsPage:
    """The answer to GetRecords. Raises Unreadable; a part of a page is never used."""
    try:
        return _RECORDS.decode(body)
    except msgspec.MsgspecError as error:
        raise Unreadable(str(error)) from error


def shards_page(body: bytes) -> ShardsPage:
    """The answer to ListShards. Raises Unreadable."""
    try:
        return _SHARDS.decode(body)
    except msgspec.MsgspecError as error:
        raise Unreadable(str(error)) from error


def shard_iterator(body: bytes) -> str:
    """The answer to GetShardIterator. Raises Unreadable."""
    try:
        return _ITERATOR.decode(body).shard_iterator
    except msgspec.MsgspecError as error:
        raise Unreadable(str(error)) from error


def stream_summary(body: bytes) -> StreamSummary:
    """The answer to DescribeStreamSummary. Raises Unreadable."""
    try:
        return _SUMMARY.decode(body).stream_description_summary
    except msgspec.MsgspecError as error:
        raise Unreadable(str(error)) from error


# What a reader does about a refusal.
Remedy = Literal[
    "new iterator",  # after the last record in memory, never from where it started
    "wait",  # the shard's quota is used up, by us or by another reader
    "try again",  # the service failed
    "new credentials",
    "correct the clock",
    "pause the shard",  # a key that decrypts it is out of use
    "stop",
]
_REMEDIES: dict[str, Remedy] = {
    "ExpiredIteratorException": "new iterator",
    "ProvisionedThroughputExceededException": "wait",
    "LimitExceededException": "wait",
    "ThrottlingException": "wait",
    "KMSThrottlingException": "wait",
    "InternalFailure": "try again",
    "InternalFailureException": "try again",
    "ServiceUnavailable": "try again",
    "ExpiredTokenException": "new credentials",
    "ExpiredToken": "new credentials",
    "UnrecognizedClientException": "new credentials",
    "RequestExpired": "correct the clock",
    "RequestTimeTooSkewed": "correct the clock",
    "KMSDisabledException": "pause the shard",
    "KMSInvalidStateException": "pause the shard",
    "KMSAccessDeniedException": "pause the shard",
    "KMSNotFoundException": "pause the shard",
    "KMSOptInRequired": "pause the shard",
}
# Of InvalidSignatureException the words alone tell a wrong clock from a wrong secret.
_CLOCK_WORDS = ("expired", "not yet current")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is not 200."""

    status: int
    kind: str  # the service's own name: 'ExpiredIteratorException'; '' if it gave none
    message: str

    @property
    def remedy(self) -> Remedy:
        if self.kind == "InvalidSignatureException":
            clock = any(word in self.message.lower() for word in _CLOCK_WORDS)
            return "correct the clock" if clock else "stop"
        if self.kind in _REMEDIES:
            return _REMEDIES[self.kind]
        if self.status == 429:
            return "wait"
        return "try again" if self.status >= 500 else "stop"


def refusal(status: int, body: bytes, kind: str = "") -> Refusal:
    """What an answer that is not 200 says; its body may be a proxy's, so anything will do.

    Args:
        kind: of the header x-amzn-ErrorType, where there is one; the body's own goes first.
    """
    try:
        fault = _FAULT.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        fault = _Fault()
    # 'com.amazonaws.kinesis.v20131202#ExpiredIteratorException', or 'Name:http://...'
    named = (fault.type or kind).rpartition("#")[2].partition(":")[0]
    said = fault.lower or fault.upper or body[:200].decode(errors="replace")
    return Refusal(status, named, said)


@dataclass(frozen=True, slots=True)
class Request:
    """One call: its operation and its body. The host never follows from either.

    SDKs move to another host when a stream is named by ARN, so that a VPC endpoint that knows the
    usual name is passed by; here name or ARN stand in the body alone.
    """

    operation: str
    body: bytes


def _request(operation: str, **fields: object) -> Request:
    given = {key: value for key, value in fields.items() if value is not None}
    return Request(operation, msgspec.json.encode(given))


def get_records(iterator: str, *, limit: int = MOST_RECORDS) -> Request:
    """The next page of a shard, of at most `limit` records and 10 MiB."""
    return _request("GetRecords", ShardIterator=iterator, Limit=limit)


def get_shard_iterator(
    stream: str,
    shard_id: str,
    kind: IteratorType,
    *,
    sequence_number: str | None = None,
    at_ms: int | None = None,
) -> Request:
    """A place in a shard. `at_ms`, since the epoch, goes out as seconds."""
    seconds = None if at_ms is None else at_ms / 1000
    return _request(
        "GetShardIterator",
        **_named(stream),
        ShardId=shard_id,
        ShardIteratorType=kind,
        StartingSequenceNumber=sequence_number,
        Timestamp=seconds,
    )


def list_shards(stream: str, *, token: str | None = None) -> Request:
    """A page of shards; a token stands in place of the stream's name, never beside it."""
    if token is not None:
        return _request("ListShards", NextToken=token)
    return _request("ListShards", **_named(stream), MaxResults=MOST_SHARDS)


def describe_stream_summary(stream: str) -> Request:
    """What the stream is, without its shards."""
    return _request("DescribeStreamSummary", **_named(stream))


def _named(stream: str) -> dict[str, str]:
    return {"StreamARN" if stream.startswith("arn:") else "StreamName": stream}
