"""The texts of policies: names, ARNs and conditions, which no emulator can judge.

That the actions are those that are asked for is shown in `tests/flows/test_provision_rights.py`.
"""

import json
from dataclasses import replace
from typing import Any

import pytest

from lakeferry.monitor.iam import STEPS, Step, actions_of, least_policy
from lakeferry.monitor.settings import FlowLogWish
from tests.monitor.wishes import full

BOTH = FlowLogWish(("cloudwatch", "s3"), bucket="arn:aws:s3:::lake/flow")
HERE = "us-east-1:123456789012"
MOST_OF_A_MANAGED_POLICY = 6144  # characters without blanks


def statement(sid: str, step: Step = "apply", **chosen: Any) -> Any:
    document = least_policy(full("m1", **{"flow_logs": BOTH, **chosen}), step)
    (found,) = [one for one in document["Statement"] if one["Sid"] == sid]
    return found


def test_putting_a_rule_is_limited_to_its_name_and_to_the_log_groups_that_it_may_read() -> None:
    assert statement("PutRules") == {
        "Sid": "PutRules",
        "Effect": "Allow",
        "Action": ["cloudwatch:PutInsightRule"],
        "Resource": [f"arn:aws:cloudwatch:{HERE}:insight-rule/lakeferry-m1.*"],
        "Condition": {
            "ForAllValues:StringEqualsIgnoreCase": {
                "cloudwatch:requestInsightRuleLogGroups": ["/lakeferry/m1/flow"]
            }
        },
    }


def test_rules_may_read_the_log_groups_that_are_named() -> None:
    document = least_policy(full(), "apply", log_groups=["/network/flow"])

    assert '"cloudwatch:requestInsightRuleLogGroups":["/network/flow"]' in json.dumps(
        document, separators=(",", ":")
    )


def test_alarms_rules_and_the_dashboard_are_those_of_the_deployment() -> None:
    assert statement("Watching") == {
        "Sid": "Watching",
        "Effect": "Allow",
        "Action": [
            "cloudwatch:DeleteAlarms",
            "cloudwatch:DeleteInsightRules",
            "cloudwatch:PutCompositeAlarm",
            "cloudwatch:PutDashboard",
            "cloudwatch:PutMetricAlarm",
            "cloudwatch:TagResource",
            "cloudwatch:UntagResource",
        ],
        "Resource": [
            f"arn:aws:cloudwatch:{HERE}:insight-rule/lakeferry-m1.*",
            f"arn:aws:cloudwatch:{HERE}:alarm:lakeferry-m1.*",
            "arn:aws:cloudwatch::123456789012:dashboard/lakeferry-m1",
        ],
    }
    assert statement("Watching", "destroy")["Action"] == [
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DeleteDashboards",
        "cloudwatch:DeleteInsightRules",
    ]


def test_only_one_role_may_be_passed_and_only_to_flow_logs() -> None:
    assert statement("PassRole") == {
        "Sid": "PassRole",
        "Effect": "Allow",
        "Action": ["iam:PassRole"],
        "Resource": ["arn:aws:iam::123456789012:role/lakeferry-m1.flow"],
        "Condition": {"StringEquals": {"iam:PassedToService": "vpc-flow-logs.amazonaws.com"}},
    }


def test_what_is_made_in_the_network_must_bear_the_tag_and_what_is_removed_bears_it() -> None:
    ours = [
        f"arn:aws:ec2:{HERE}:security-group/*",
        f"arn:aws:ec2:{HERE}:vpc-endpoint/*",
        f"arn:aws:ec2:{HERE}:vpc-flow-log/*",
    ]

    made, removed = statement("MakeInNetwork"), statement("OursInNetwork", "destroy")

    assert (made["Resource"], removed["Resource"]) == (ours, ours)
    assert made["Condition"] == {"StringEquals": {"aws:RequestTag/lakeferry:deployment": "m1"}}
    assert removed["Condition"] == {"StringEquals": {"aws:ResourceTag/lakeferry:deployment": "m1"}}
    assert removed["Action"] == [
        "ec2:DeleteFlowLogs", "ec2:DeleteSecurityGroup", "ec2:DeleteVpcEndpoints",
    ]  # fmt: skip
    assert statement("TagWhatIsMade")["Condition"] == {
        "StringEquals": {
            "ec2:CreateAction": ["CreateFlowLogs", "CreateSecurityGroup", "CreateVpcEndpoint"]
        }
    }


def test_log_group_role_topic_and_bucket_are_named_one_by_one() -> None:
    assert statement("LogGroup")["Resource"] == [
        f"arn:aws:logs:{HERE}:log-group:/lakeferry/m1/flow",
        f"arn:aws:logs:{HERE}:log-group:/lakeferry/m1/flow:*",
    ]
    assert statement("Role")["Resource"] == ["arn:aws:iam::123456789012:role/lakeferry-m1.flow"]
    assert statement("Topic")["Resource"] == [f"arn:aws:sns:{HERE}:lakeferry-m1"]
    assert statement("Bucket")["Resource"] == ["arn:aws:s3:::lake"]


def test_nothing_is_granted_for_what_is_not_chosen() -> None:
    document = least_policy(full(notify=()), "apply")

    assert not any(one.startswith(("s3:", "sns:Cre", "sns:Sub")) for one in actions_of(document))


def test_tags_in_rows_ask_for_the_rights_to_see_tags() -> None:
    keys = replace(BOTH, tag_keys=(("instance", ("ClusterId",)),))
    groups = replace(BOTH, tag_keys=(("auto-scaling-group", ("team",)),))

    assert statement("TagsInRows", flow_logs=keys)["Action"] == ["ec2:DescribeTags"]
    assert statement("TagsInRows", flow_logs=groups)["Action"] == [
        "autoscaling:DescribeTags", "ec2:DescribeTags",
    ]  # fmt: skip
    assert statement("LinkRole", flow_logs=keys)["Resource"] == [
        "arn:aws:iam::123456789012:role/aws-service-role/*"
    ]


def test_a_plan_only_reads_and_a_destroy_makes_nothing() -> None:
    reading = actions_of(least_policy(full(), "plan"))
    removing = actions_of(least_policy(full(), "destroy")) - reading

    verbs = ("Describe", "Get", "List", "Search")
    assert all(one.partition(":")[2].startswith(verbs) for one in reading)
    assert all(one.partition(":")[2].startswith(("Delete", "Detach")) for one in removing)
    assert reading < actions_of(least_policy(full(), "apply"))


def test_roles_of_other_accounts_are_taken_only_where_they_are_named() -> None:
    beyond = "arn:aws:iam::444455556666:role/look"

    document = least_policy(full(), "plan", roles=[beyond])

    assert document["Statement"][-1] == {
        "Sid": "LookBeyond", "Effect": "Allow", "Action": ["sts:AssumeRole"], "Resource": [beyond],
    }  # fmt: skip
    assert "sts:AssumeRole" not in actions_of(least_policy(full(), "apply"))


def test_whoever_watches_reads_rows_and_reports_of_this_deployment() -> None:
    group = f"arn:aws:logs:{HERE}:log-group:/lakeferry/m1/flow"
    assert statement("ReadRows", "watch")["Resource"] == [group, f"{group}:*"]
    assert statement("ReadReports", "watch")["Resource"] == [
        f"arn:aws:cloudwatch:{HERE}:insight-rule/lakeferry-m1.*"
    ]
    assert statement("ReadBucket", "watch")["Resource"] == ["arn:aws:s3:::lake/*"]
    more = actions_of(least_policy(full(), "watch")) - actions_of(least_policy(full(), "plan"))
    assert more == {
        "logs:FilterLogEvents", "cloudwatch:GetInsightRuleReport", "cloudwatch:GetMetricData",
    }  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_a_document_fits_one_managed_policy_and_grants_nothing_by_a_star(step: Step) -> None:
    document = least_policy(full("a" * 40, flow_logs=BOTH), step)

    assert len(json.dumps(document, separators=(",", ":"))) < MOST_OF_A_MANAGED_POLICY
    assert not any("*" in one for one in actions_of(document))
    assert len({one["Sid"] for one in document["Statement"]}) == len(document["Statement"])


def test_another_partition_has_its_own_arns() -> None:
    document = least_policy(replace(full(), region="cn-north-1"), "apply")

    assert "arn:aws:" not in json.dumps(document)
    assert "arn:aws-cn:cloudwatch:cn-north-1" in json.dumps(document)
