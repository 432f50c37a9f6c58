"""Our statements in the policy of a bucket, beside those of others."""

import json
from typing import Any

import pytest
from botocore.stub import ANY

from lakeferry.aws.bucket_policy import ensure_policy, find_policies, remove_policy
from lakeferry.aws.place import Place
from lakeferry.connect.aws import client
from lakeferry.network.resources import BucketPolicy
from tests.aws.ensuring import ACCESS, ACCOUNT, refused, stubbed

ASKED = {"Bucket": "lake", "ExpectedBucketOwner": ACCOUNT}
OURS = BucketPolicy("lake", '{"Statement":[{"Sid":"A"}],"Version":"2012-10-17"}')
PLACE = Place(ACCESS, ACCOUNT, "m1")


def held(*statements: Any) -> dict[str, str]:
    return {"Policy": json.dumps({"Statement": list(statements)})}


@pytest.mark.parametrize("code", ["AccessDenied", "MethodNotAllowed"])
def test_a_bucket_of_another_account_is_left_to_its_owner(code: str) -> None:
    with stubbed("s3") as s3:
        for _ in range(3):
            s3.add_client_error("get_bucket_policy", code, expected_params=ASKED)
        ensure_policy(PLACE, OURS)
        remove_policy(PLACE, OURS)
        assert find_policies(PLACE, ["lake"], needed="lake") == ()


def test_a_bucket_without_another_policy_is_left_without_one() -> None:
    with stubbed("s3") as s3:
        s3.add_client_error("get_bucket_policy", "NoSuchBucketPolicy", expected_params=ASKED)
        s3.add_response("put_bucket_policy", {}, {**ASKED, "Policy": ANY})
        ensure_policy(PLACE, OURS)
        s3.add_client_error("get_bucket_policy", "NoSuchBucketPolicy", expected_params=ASKED)
        s3.add_response("delete_bucket_policy", {}, ASKED)
        remove_policy(PLACE, OURS)


def test_statements_of_others_stay_and_ours_are_read_as_they_were_wanted() -> None:
    theirs = {"Sid": "Theirs", "Effect": "Deny"}
    put: list[str] = []
    events = client(ACCESS, "s3").meta.events
    events.register(
        "provide-client-params.s3.PutBucketPolicy", lambda params, **_: put.append(params["Policy"])
    )
    with stubbed("s3") as s3:
        s3.add_response("get_bucket_policy", held(theirs), ASKED)
        s3.add_response("put_bucket_policy", {})
        ensure_policy(PLACE, OURS)
        s3.add_response("get_bucket_policy", {"Policy": put[0]}, ASKED)
        assert find_policies(PLACE, ["lake"]) == (OURS,)
        s3.add_response("get_bucket_policy", {"Policy": put[0]}, ASKED)
        s3.add_response("put_bucket_policy", {})
        remove_policy(PLACE, OURS)
        s3.add_response("get_bucket_policy", {"Policy": put[1]}, ASKED)
        assert find_policies(PLACE, ["lake"]) == (BucketPolicy("lake", ""),)

    first, second = (json.loads(one)["Statement"] for one in put)
    assert first[0] == theirs
    assert first[1]["Sid"].startswith("ALakeferry")
    assert first[1]["Sid"].isalnum()
    assert second == [theirs]


def test_statements_of_another_deployment_are_those_of_others() -> None:
    with stubbed("s3") as s3:
        s3.add_client_error("get_bucket_policy", "NoSuchBucketPolicy")
        s3.add_response("put_bucket_policy", {})
        put: list[str] = []
        client(ACCESS, "s3").meta.events.register(
            "provide-client-params.s3.PutBucketPolicy",
            lambda params, **_: put.append(params["Policy"]),
        )
        ensure_policy(Place(ACCESS, ACCOUNT, "m2"), OURS)
        s3.add_response("get_bucket_policy", {"Policy": put[0]})
        assert find_policies(PLACE, ["lake"]) == (BucketPolicy("lake", ""),)


def test_a_bucket_that_is_needed_must_be_there_and_one_that_went_is_passed_over() -> None:
    with stubbed("s3") as s3:
        for _ in range(3):
            s3.add_client_error("get_bucket_policy", "NoSuchBucket")
        assert find_policies(PLACE, ["lake"], needed="other") == ()
        remove_policy(PLACE, OURS)
        with refused("LF-6406"):
            find_policies(PLACE, ["lake"], needed="lake")
