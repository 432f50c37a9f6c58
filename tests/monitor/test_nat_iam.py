"""The texts of policies for NAT instances: what no emulator can judge.

That the actions are those that are asked for is shown in `tests/flows/test_provision_nat.py`.
"""

import json
from typing import Any

import pytest

from lakeferry.monitor.iam import STEPS, Step, actions_of, least_policy
from lakeferry.monitor.settings import FlowLogWish, NatWish
from tests.monitor.wishes import full

EC2 = "arn:aws:ec2:us-east-1:123456789012"
IS_OURS = {"StringEquals": {"aws:ResourceTag/lakeferry:deployment": "m1"}}
MOST_OF_A_ROLE = 10_240  # characters of all its inline policies, without blanks


def statement(sid: str, step: Step = "apply", **nat: Any) -> Any:
    wish = NatWish(**{"kind": "instance", **nat})
    (found,) = [
        one for one in least_policy(full("m1", nat=wish), step)["Statement"] if one["Sid"] == sid
    ]
    return found


def test_what_is_made_must_bear_the_tag_and_what_is_changed_or_removed_bears_it() -> None:
    becomes = {"StringEquals": {"aws:RequestTag/lakeferry:deployment": "m1"}}

    assert statement("MakeNat")["Condition"] == becomes
    assert statement("OurNat")["Condition"] == IS_OURS
    assert statement("OurNat", "destroy")["Condition"] == IS_OURS
    assert statement("UseOfOurNat")["Condition"] == IS_OURS
    assert statement("TagNatThatIsMade")["Condition"]["StringEquals"]["ec2:CreateAction"] == [
        "AllocateAddress", "CreateNatGateway", "CreateNetworkInterface", "RunInstances",
    ]  # fmt: skip


def test_the_user_data_of_others_instances_cannot_be_read() -> None:
    assert statement("LookAtNatInstances", "plan") == {
        "Sid": "LookAtNatInstances",
        "Effect": "Allow",
        "Action": ["ec2:DescribeInstanceAttribute"],
        "Resource": [f"{EC2}:instance/*"],
        "Condition": IS_OURS,
    }


def test_one_role_may_be_passed_and_only_to_ec2() -> None:
    passed = statement("PassNatRole")

    assert passed["Resource"] == ["arn:aws:iam::123456789012:role/lakeferry-m1.nat"]
    assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    assert "arn:aws:iam::123456789012:role/lakeferry-m1.nat" in statement("Role")["Resource"]
    assert statement("Profile")["Resource"] == [
        "arn:aws:iam::123456789012:instance-profile/lakeferry-m1.nat"
    ]


def test_one_command_may_be_sent_and_only_to_instances_of_the_deployment() -> None:
    document = "arn:aws:ssm:us-east-1::document/AWS-RunShellScript"

    assert statement("AskForPath")["Resource"] == [document]
    assert statement("AskNatInstances")["Condition"] == {
        "StringEquals": {"ssm:resourceTag/lakeferry:deployment": "m1"}
    }


def test_a_destroy_makes_nothing_and_leads_routes_back() -> None:
    assert statement("Routes", "destroy")["Action"] == ["ec2:DeleteRoute", "ec2:ReplaceRoute"]
    assert statement("Routes")["Resource"] == [f"{EC2}:route-table/*"]
    removing = actions_of(least_policy(full("m1", nat=NatWish("instance")), "destroy"))
    assert not {one for one in removing if one.partition(":")[2].startswith(("Create", "Run"))}


def test_whoever_looks_by_lambda_plans_an_endpoint_of_ec2() -> None:
    def asks(check: str) -> bool:
        settings = full("m1", endpoints=(), nat=NatWish("instance", check=check))  # type: ignore[arg-type]
        return "ec2:DescribeVpcAttribute" in actions_of(least_policy(settings, "plan"))

    assert asks("lambda")
    assert not asks("peer")


def test_without_nat_instances_nothing_is_granted_for_them() -> None:
    asked = actions_of(least_policy(full("m1"), "apply"))

    assert not {"ec2:RunInstances", "ec2:ReplaceRoute", "ssm:SendCommand"} & asked


@pytest.mark.parametrize("step", STEPS)
def test_a_document_fits_a_role_and_grants_nothing_by_a_star(step: Step) -> None:
    both = FlowLogWish(("cloudwatch", "s3"), bucket="arn:aws:s3:::lake/flow")
    document = least_policy(full("a" * 40, nat=NatWish("instance"), flow_logs=both), step)

    assert len(json.dumps(document, separators=(",", ":"))) < MOST_OF_A_ROLE
    assert not any("*" in one for one in actions_of(document))
    assert len({one["Sid"] for one in document["Statement"]}) == len(document["Statement"])
