"""Refusals of Kinesis in our words, each with its next step."""

from dataclasses import replace

import pytest

from lakeferry.connect.aws import AwsAccess
from lakeferry.ingest.kinesis.refusal_text import refusal_error, unanswered_error
from lakeferry.ingest.kinesis.signing import endpoint_of
from lakeferry.ingest.kinesis.wire import Refusal
from lakeferry.ingest.settings import SourceSettings

SOURCE = SourceSettings("clicks", endpoint_of("eu-west-1"), AwsAccess("eu-west-1"))
ROLE = "arn:aws:sts::111122223333:assumed-role/reader/i-1"
ARN = "arn:aws:kinesis:eu-west-1:111122223333:stream/clicks"


def test_a_right_that_is_missing_is_named_with_the_statement_that_grants_it() -> None:
    message = (
        f"User: {ROLE} is not authorized to perform: kinesis:ListShards on resource: {ARN} because "
        "no identity-based policy allows the kinesis:ListShards action"
    )

    error = refusal_error(Refusal(400, "AccessDeniedException", message), SOURCE, "ListShards")

    assert (error.code, error.what) == ("LF-1203", f"{ROLE} may not kinesis:ListShards")
    assert error.where.startswith(f"on {ARN}; kinesis ListShards on clicks")
    assert "config iam --for ingest" in error.next_step
    assert f'"Resource":"{ARN}"' in error.next_step
    assert '"kinesis:GetRecords"' in error.next_step  # all of them, not one after another


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("ResourceNotFoundException", 400, "LF-7062"),
        ("UnrecognizedClientException", 400, "LF-1201"),
        ("ExpiredTokenException", 400, "LF-1201"),
        ("ProvisionedThroughputExceededException", 400, "LF-1204"),
        ("LimitExceededException", 400, "LF-1204"),
        ("InvalidArgumentException", 400, "LF-1206"),
        ("", 403, "LF-1206"),
    ],
)
def test_each_refusal_has_its_code(kind: str, status: int, code: str) -> None:
    error = refusal_error(Refusal(status, kind, "it is so"), SOURCE, "GetRecords")

    assert error.code == code
    assert "kinesis.eu-west-1.amazonaws.com" in error.where
    assert error.next_step


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("ExpiredTokenException", "the keys have expired"),
        ("InvalidSignatureException", "Kinesis accepts no such keys"),
        ("UnrecognizedClientException", "Kinesis accepts no such keys"),
    ],
)
def test_keys_that_are_there_and_refused_are_not_called_missing(kind: str, what: str) -> None:
    assert refusal_error(Refusal(400, kind, "it is so"), SOURCE, "GetRecords").what == what


def test_a_region_that_is_not_the_endpoints_is_told_as_that_and_not_as_wrong_keys() -> None:
    message = "Credential should be scoped to a valid region, not 'eu-west-1'."

    error = refusal_error(
        Refusal(400, "InvalidSignatureException", message), SOURCE, "DescribeStreamSummary"
    )

    assert (error.code, "another Region than eu-west-1" in error.what) == ("LF-1201", True)
    assert "--region" in error.next_step


def test_what_is_not_kinesis_is_told_as_that() -> None:
    elsewhere = replace(SOURCE, endpoint=endpoint_of("eu-west-1", "http://kinesalite.test:4567"))

    error = refusal_error(Refusal(404, "", ""), elsewhere, "ListShards")

    assert (
        error.what
        == "what answers at kinesalite.test:4567 is not Kinesis, or stands before it: 404"
    )
    assert error.where.startswith("kinesis ListShards on clicks")
    assert "--endpoint-url" in error.next_step


def test_only_of_a_host_of_aws_it_is_said_that_an_endpoint_may_lack() -> None:
    elsewhere = replace(SOURCE, endpoint=endpoint_of("eu-west-1", "http://127.0.0.1:4567"))

    steps = [unanswered_error("no", one).next_step for one in (SOURCE, elsewhere)]

    assert "needs an interface endpoint" in steps[0]
    assert steps[1].startswith("see that something serves Kinesis at 127.0.0.1:4567")
