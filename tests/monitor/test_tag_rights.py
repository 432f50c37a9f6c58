"""The texts of policies about tags; `tests/flows/test_tag_rights.py` records their actions."""

import json

import pytest

from lakeferry.monitor.iam import actions_of, least_policy
from lakeferry.monitor.tags.rights import tag_policy
from tests.monitor.wishes import full

HERE = "us-east-1:123456789012"
ONLY = {"ForAllValues:StringEquals": {"aws:TagKeys": ["map-migrated", "owner"]}}


def test_only_the_keys_that_are_wanted_may_be_put() -> None:
    document = tag_policy(full("m1"), fix=True)

    putting = [one for one in document["Statement"] if "Tag" in json.dumps(one["Action"])]
    putting = [one for one in putting if one["Sid"].startswith(("Put", "Tag"))]
    assert len(putting) == 4
    assert all(one["Condition"] == ONLY for one in putting)


def test_what_lakeferry_made_is_tagged_by_the_names_of_the_deployment() -> None:
    (ours,) = (one for one in tag_policy(full("m1"), fix=True)["Statement"]
               if one["Sid"] == "TagOurs")  # fmt: skip

    assert ours["Resource"] == [
        f"arn:aws:cloudwatch:{HERE}:insight-rule/lakeferry-m1.*",
        f"arn:aws:cloudwatch:{HERE}:alarm:lakeferry-m1.*",
        f"arn:aws:logs:{HERE}:log-group:/lakeferry/m1/flow",
        f"arn:aws:logs:{HERE}:log-group:/lakeferry/m1/flow:*",
        f"arn:aws:sns:{HERE}:lakeferry-m1",
    ]


def test_looking_changes_nothing() -> None:
    more = actions_of(tag_policy(full(), fix=False)) - actions_of(least_policy(full(), "plan"))

    assert more == {
        "autoscaling:DescribeAutoScalingGroups", "ec2:DescribeLaunchTemplateVersions",
        "ec2:DescribeVolumes",
    }  # fmt: skip


@pytest.mark.parametrize("fix", [False, True])
def test_a_document_fits_one_managed_policy_and_grants_nothing_by_a_star(fix: bool) -> None:
    document = tag_policy(full("a" * 40), fix=fix)

    assert len(json.dumps(document, separators=(",", ":"))) < 6144
    assert not any("*" in one for one in actions_of(document))
    assert len({one["Sid"] for one in document["Statement"]}) == len(document["Statement"])
