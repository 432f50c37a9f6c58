"""As whom and where AWS is met, and what is said when it refuses."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from lakeferry.connect import s3
from lakeferry.connect.aws import AwsAccess, account_of, call, client, session_of
from lakeferry.connect.aws_refusals import Refusal, explained, refusal_of
from lakeferry.connect.connection import HASTY, connection
from lakeferry.errors import FerryError
from tests.aws.recorded_ec2 import RecordedEc2, serving
from tests.servers.moto import forget_clients

OWN, OTHER = "111122223333", "444455556666"
ROLE, CHAINED = f"arn:aws:iam::{OWN}:role/watch", f"arn:aws:iam::{OTHER}:role/look"
RULE = f"arn:aws:cloudwatch:us-east-1:{OWN}:insight-rule/lakeferry-m1.workers"


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Nothing of the machine's own: what a test sets is all there is."""
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    forget_clients()
    yield
    forget_clients()


def refused(access: AwsAccess) -> FerryError:
    with pytest.raises(FerryError) as caught:
        call(access, "sts", "get_caller_identity")
    return caught.value


# ---- as whom


def test_without_credentials_it_is_said_where_they_come_from() -> None:
    error = refused(AwsAccess("eu-west-1", endpoint="http://127.0.0.1:9"))

    assert error.code == "LF-1201"
    assert "Unable to locate credentials" in error.where
    assert "AWS_PROFILE" in error.next_step


def test_a_profile_that_does_not_exist_is_named() -> None:
    error = refused(AwsAccess("eu-west-1", profile="nobody"))

    assert (error.code, error.what) == ("LF-1201", "the AWS profile does not exist")
    assert "nobody" in error.where


def test_a_profile_gives_its_keys(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text(
        f"[far]\naws_access_key_id = ASIA{OTHER}\naws_secret_access_key = s\n"
    )
    with serving(RecordedEc2({}, OWN)) as recorded:
        access = AwsAccess("eu-west-1", profile="far", endpoint=recorded.endpoint)

        assert account_of(access) == OTHER


@pytest.mark.usefixtures("keys")
def test_the_endpoint_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(RecordedEc2({}, OWN)) as recorded:
        monkeypatch.setenv("AWS_ENDPOINT_URL", recorded.endpoint)

        assert account_of(AwsAccess("eu-west-1")) == OWN


@pytest.mark.usefixtures("keys")
def test_a_role_is_taken_with_its_external_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_EXTERNAL_ID", "lake")
    with serving(RecordedEc2({}, OWN, roles={CHAINED: "lake"})) as recorded:
        access = AwsAccess(
            "eu-west-1", role=CHAINED, external_id="${env:LAKE_EXTERNAL_ID}",
            endpoint=recorded.endpoint,
        )  # fmt: skip

        assert account_of(access) == OTHER
        assert recorded.asked == [(OWN, "AssumeRole"), (OTHER, "GetCallerIdentity")]


@pytest.mark.usefixtures("keys")
def test_a_bucket_is_met_as_a_role_too() -> None:
    roles = {CHAINED: "lake"}
    with serving(RecordedEc2({}, OWN, roles=roles)) as recorded:
        options = {
            "role": CHAINED, "external_id": "lake", "sts_endpoint": recorded.endpoint,
            "region": "eu-west-1",
        }  # fmt: skip
        keys = s3.access(connection("s3", options), "lake")

        assert keys.access_key_id == f"ASIA{OTHER}"
        with pytest.raises(FerryError, match="LF-1202"):
            s3.backend(connection("s3", {**options, "external_id": "no"}), "lake", retry=HASTY)


@pytest.mark.usefixtures("keys")
def test_a_role_of_another_account_can_be_taken_through_a_role() -> None:
    roles = {ROLE: None, CHAINED: "lake"}
    with serving(RecordedEc2({}, "999900001111", roles=roles)) as recorded:
        first = AwsAccess("eu-west-1", role=ROLE, endpoint=recorded.endpoint)
        access = AwsAccess(
            "eu-west-1", role=CHAINED, external_id="lake", endpoint=recorded.endpoint,
            through=first,
        )  # fmt: skip

        assert account_of(access) == OTHER
        assert [who for who, _ in recorded.asked] == ["999900001111", OWN, OTHER]


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    ("external_id", "next_step"), [("ferry", "trust policy"), ("x", "external id")]
)
def test_a_role_that_is_refused_says_what_it_needs(external_id: str, next_step: str) -> None:
    with serving(RecordedEc2({}, OWN, roles={CHAINED: "lake"})) as recorded:
        error = refused(
            AwsAccess(
                "eu-west-1", role=CHAINED, external_id=external_id, endpoint=recorded.endpoint
            )
        )

    assert error.code == "LF-1202"
    assert CHAINED in error.where
    assert next_step in error.next_step


def test_a_role_without_anybody_to_take_it_is_refused() -> None:
    error = refused(AwsAccess("eu-west-1", role=ROLE))

    assert error.code == "LF-1201"
    assert ROLE in error.where


@pytest.mark.usefixtures("keys")
def test_nothing_at_an_endpoint_is_told_as_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    error = refused(AwsAccess("eu-west-1", endpoint="http://127.0.0.1:9"))

    assert error.code == "LF-1205"
    assert "http://127.0.0.1:9" in error.where


@pytest.mark.usefixtures("keys")
def test_a_request_that_botocore_finds_wrong_is_a_bug_of_ours() -> None:
    with pytest.raises(ParamValidationError):
        call(AwsAccess("eu-west-1"), "ec2", "describe_vpcs", VpcIds="vpc-1")


@pytest.mark.usefixtures("keys")
def test_clients_are_shared_and_say_who_we_are() -> None:
    made = client(AwsAccess("eu-west-1"), "ec2")

    assert made is client(AwsAccess("eu-west-1"), "ec2")
    assert "lakeferry/" in made.meta.config.user_agent_extra
    assert made.meta.config.retries["mode"] == "standard"


@pytest.mark.usefixtures("keys")
def test_what_one_has_read_of_a_service_another_need_not_read() -> None:
    one, another = (AwsAccess("us-east-1", endpoint=f"http://127.0.0.1:{port}") for port in (1, 2))
    known = session_of(one)._session.get_component("data_loader")

    assert known is session_of(another)._session.get_component("data_loader")
    assert client(one, "ec2") is not client(another, "ec2")
    assert client(another, "ec2").meta.endpoint_url == "http://127.0.0.1:2"


@pytest.mark.usefixtures("keys")
def test_many_threads_may_ask_for_clients_at_once() -> None:
    access = AwsAccess("eu-west-1")
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda name: client(access, name), ["ec2", "logs", "sns", "sts"] * 4))

    assert {one.meta.service_model.service_name for one in made} == {"ec2", "logs", "sns", "sts"}


# ---- what AWS says


def answered(code: str, message: str, operation: str = "PutInsightRule") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            answered(
                "AccessDenied",
                f"User: arn:aws:sts::{OWN}:assumed-role/lakeferry/s is not authorized to perform: "
                f"cloudwatch:PutInsightRule on resource: {RULE} because no identity-based policy "
                "allows the cloudwatch:PutInsightRule action",
            ),
            Refusal(
                "cloudwatch:PutInsightRule", RULE, f"arn:aws:sts::{OWN}:assumed-role/lakeferry/s"
            ),
        ),
        (
            answered(
                "UnauthorizedOperation",
                "You are not authorized to perform this operation. Encoded authorization failure "
                "message: 9pDgXO",
                "CreateFlowLogs",
            ),
            Refusal("cloudwatch:CreateFlowLogs", "*", ""),
        ),
        (
            answered(
                "AccessDeniedException",
                f"User: arn:aws:iam::{OWN}:user/eve is not authorized to perform: iam:PassRole on "
                f"resource: arn:aws:iam::{OWN}:role/flow with an explicit deny in a service "
                "control policy",
            ),
            Refusal(
                "iam:PassRole", f"arn:aws:iam::{OWN}:role/flow", f"arn:aws:iam::{OWN}:user/eve",
                "service control policy",
            ),
        ),
        (
            answered(
                "AccessDenied",
                f"User: arn:aws:iam::{OWN}:user/eve is not authorized to perform: sns:CreateTopic "
                f"on resource: arn:aws:sns:us-east-1:{OWN}:lakeferry-m1 because no permissions "
                "boundary allows the sns:CreateTopic action",
            ),
            Refusal(
                "sns:CreateTopic", f"arn:aws:sns:us-east-1:{OWN}:lakeferry-m1",
                f"arn:aws:iam::{OWN}:user/eve", "permissions boundary",
            ),
        ),
        (answered("ThrottlingException", "Rate exceeded"), None),
    ],
)  # fmt: skip
def test_the_missing_permission_is_read_from_what_aws_says(
    error: ClientError, expected: Refusal | None
) -> None:
    assert refusal_of(error, "cloudwatch") == expected


def test_a_statement_covers_all_that_bears_a_name_of_ours() -> None:
    statement = json.loads(Refusal("cloudwatch:PutInsightRule", RULE, "").statement)

    assert statement == {
        "Effect": "Allow",
        "Action": "cloudwatch:PutInsightRule",
        "Resource": f"arn:aws:cloudwatch:us-east-1:{OWN}:insight-rule/lakeferry-*",
    }


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (answered("ExpiredToken", "The security token included in the request is expired"),
         "LF-1201", "ExpiredToken"),
        (answered("RequestLimitExceeded", "Request limit exceeded."), "LF-1204", "PutInsightRule"),
        (answered("LimitExceededException", "100 rules"), "LF-1206", "100 rules"),
        (answered("AccessDenied", f"is not authorized to perform: iam:PassRole on resource: {RULE} "
                  "with an explicit deny in an identity-based policy"), "LF-1203", "iam:PassRole"),
        (answered("AccessDenied", f"User: x is not authorized to perform: sts:AssumeRole on "
                  f"resource: {ROLE}", "AssumeRole"), "LF-1202", ROLE),
    ],
)  # fmt: skip
def test_each_refusal_has_its_code_and_the_words_of_aws(error: Any, code: str, said: str) -> None:
    with pytest.raises(FerryError) as caught, explained("eu-west-1", "cloudwatch"):
        raise error

    assert caught.value.code == code
    assert said in str(caught.value)


def test_what_a_policy_of_the_account_forbids_gets_no_statement_that_would_not_help() -> None:
    denied = answered(
        "AccessDenied",
        f"User: x is not authorized to perform: iam:PassRole on resource: {RULE} with an explicit "
        "deny in a service control policy",
    )
    with pytest.raises(FerryError) as caught, explained("eu-west-1"):
        raise denied

    assert "Allow" not in caught.value.next_step
    assert "service control policy" in caught.value.next_step


def test_a_code_that_the_caller_expects_is_let_through() -> None:
    with (
        pytest.raises(ClientError),
        explained("eu-west-1", expected=("NoSuchEntity",)),
    ):
        raise answered("NoSuchEntity", "gone")
