"""Streams, partitions and names as people write them."""

import pytest

from lakeferry.ingest.settings import PartitionColumn
from lakeferry.ingest.words import (
    NamedStream,
    Unclear,
    ingest_name,
    named_stream,
    partition_column,
)

ARN = "arn:aws:kinesis:eu-west-1:111122223333:stream/clicks"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("clicks", NamedStream("clicks", "clicks")),
        ("kinesis://us-east-1/clicks", NamedStream("clicks", "clicks", "us-east-1")),
        # Only its ARN names a stream of another account, so it stays one.
        (ARN, NamedStream(ARN, "clicks", "eu-west-1")),
        ("arn:aws-cn:kinesis:cn-north-1:111122223333:stream/a",
         NamedStream("arn:aws-cn:kinesis:cn-north-1:111122223333:stream/a", "a", "cn-north-1")),
    ],
)  # fmt: skip
def test_a_stream_is_named_in_three_ways(text: str, found: NamedStream) -> None:
    assert named_stream(text) == found


@pytest.mark.parametrize(
    "text", ["", "a b", "kinesis://clicks", "kafka://us-east-1/a", "s3://b/a", ARN + "/consumer/x"]
)
def test_what_is_no_stream_is_refused_with_how_it_is_written(text: str) -> None:
    with pytest.raises(Unclear) as refused:
        named_stream(text)

    assert "kinesis://us-east-1/NAME" in refused.value.next_step


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("region", PartitionColumn("region")),
        ("day=date(ts)", PartitionColumn("day", "ts", "date")),
        (" hour = hour( ts ) ", PartitionColumn("hour", "ts", "hour")),
        ("date(_arrival)", PartitionColumn("_arrival_date", "_arrival", "date")),
    ],
)
def test_a_partition_is_a_column_or_computed_of_one(text: str, found: PartitionColumn) -> None:
    assert partition_column(text) == found


@pytest.mark.parametrize("text", ["", "day=ts", "day=month(ts)", "day=date()", "date(a)=b"])
def test_other_partitions_are_refused(text: str) -> None:
    with pytest.raises(Unclear):
        partition_column(text)


@pytest.mark.parametrize(
    "text", ["clicks", "lakeferry/clicks", "lakeferry:ingest:clicks", "lakeferry:clicks"]
)
def test_a_name_is_known_with_and_without_what_the_table_puts_before_it(text: str) -> None:
    assert ingest_name(text) == "clicks"
