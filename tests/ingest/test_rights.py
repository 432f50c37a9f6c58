"""The least policy of an ingest."""

from lakeferry.ingest.rights import Reach, ingest_policy

ARN = "arn:aws:kinesis:eu-west-1:111122223333:stream/clicks"


def statements(reach: Reach) -> dict[str, dict[str, object]]:
    return {one["Sid"]: one for one in ingest_policy(reach)["Statement"]}


def test_reading_is_limited_to_the_stream_and_writing_to_the_tables() -> None:
    found = statements(Reach((ARN,), ("s3://lake/clicks", "s3://lake/clicks_rejected")))

    assert found["ReadStreams"]["Resource"] == [ARN]
    assert found["WriteTables"]["Resource"] == [
        "arn:aws:s3:::lake/clicks/*", "arn:aws:s3:::lake/clicks_rejected/*",
    ]  # fmt: skip
    assert found["ListTables"]["Resource"] == ["arn:aws:s3:::lake"]
    assert found["SeeTheWay"]["Action"] == [
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeVpcEndpoints",
    ]  # fmt: skip


def test_listing_has_no_condition_for_it_would_turn_a_missing_object_into_a_refusal() -> None:
    assert "Condition" not in statements(Reach((ARN,), ("s3://lake/clicks",)))["ListTables"]


def test_a_table_elsewhere_than_in_s3_needs_no_right_of_aws() -> None:
    assert set(statements(Reach((ARN,), ()))) == {"ReadStreams", "SeeTheWay"}


def test_a_key_may_be_used_and_a_whole_bucket_may_be_the_table() -> None:
    key = "arn:aws:kms:eu-west-1:111122223333:key/1"

    found = statements(Reach((ARN,), ("s3://lake",), keys=(key,)))

    assert found["UseKeys"]["Resource"] == [key]
    assert found["WriteTables"]["Resource"] == ["arn:aws:s3:::lake/*"]
