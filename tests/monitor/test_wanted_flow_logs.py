"""Flow logs that shall be there, and what they need."""

import json
from dataclasses import replace
from typing import Any

from lakeferry.monitor.settings import OWNER_TAG, FlowLogWish
from lakeferry.monitor.wanted.desired import desired
from lakeferry.monitor.wanted.flow_logs import bucket_policy
from lakeferry.network.resources import FlowLog, InsightRule, LogGroup, NatGateway, Role
from lakeferry.network.topology import Topology
from tests.monitor.wishes import full, named, of_kind, wanted, with_found
from tests.network.sample_scenario import ACCOUNT, REGION, topology
from tests.network.test_rule_set import CUSTOM, V2

BUCKET = "arn:aws:s3:::flow-archive/vpc"


def existing(**changed: Any) -> FlowLog:
    """A flow log that somebody else made, with all that the rules need."""
    usual: dict[str, Any] = {
        "name": "", "resource_id": topology().found.vpc.id, "resource_type": "VPC",
        "traffic": "ALL", "destination_type": "cloud-watch-logs", "destination": "/theirs/flow",
        "role": "their-role", "fields": (*CUSTOM[::-1], "tcp-flags", "region"), "interval_s": 60,
        "id": "fl-0123", "delivery": "SUCCESS",
    }  # fmt: skip
    return FlowLog(**{**usual, **changed})


def beside(log: FlowLog) -> Topology:
    return with_found(flow_logs=(log,))


def test_the_format_begins_with_the_fields_of_version_2_and_holds_what_the_rules_need() -> None:
    made = wanted()
    (log,) = of_kind(made, FlowLog)

    assert log.fields[:14] == V2
    assert set(CUSTOM) <= set(log.fields)
    assert log.fields[-1] == "tcp-flags"
    assert made.unanswerable == ()


def test_tags_in_rows_bring_their_fields_and_their_keys() -> None:
    keys = (("instance", ("ClusterId", "map-migrated")), ("network-interface", ("owner",)))
    made = wanted(flow_logs=FlowLogWish(tag_keys=keys))
    (log,) = of_kind(made, FlowLog)

    assert log.fields[-3:] == ("instance-tag", "instance-tag-2", "interface-tag")
    assert log.tag_keys == keys
    assert any("ec2:DescribeTags" in note for note in made.notes)


def test_a_field_of_tags_without_a_key_and_a_third_key_are_said() -> None:
    keys = (("instance", ("a", "b", "c")),)
    made = wanted(flow_logs=FlowLogWish(fields=(*V2, "asg-tag"), tag_keys=keys))
    (log,) = of_kind(made, FlowLog)

    assert log.tag_keys == (("instance", ("a", "b")),)
    assert log.fields[-3:] == ("asg-tag", "instance-tag", "instance-tag-2")
    assert any("two tags of instance: c are left out" in note for note in made.notes)
    assert any("the field asg-tag needs the key of a tag" in note for note in made.notes)


def test_a_flow_log_of_others_with_other_tags_in_its_rows_is_not_enough() -> None:
    keys = (("instance", ("ClusterId",)),)
    there = existing(
        fields=(*CUSTOM, "tcp-flags", "instance-tag"), tag_keys=(("instance", ("x",)),)
    )
    chosen = full(flow_logs=FlowLogWish(tag_keys=keys))

    assert of_kind(desired(beside(there), chosen), FlowLog) != ()
    same = beside(replace(there, tag_keys=keys))
    assert of_kind(desired(same, chosen), FlowLog) == ()


def test_a_flow_log_takes_all_traffic_of_the_vpc_each_minute() -> None:
    (log,) = of_kind(wanted(), FlowLog)

    assert (log.resource_type, log.traffic, log.interval_s) == ("VPC", "ALL", 60)
    assert log.destination == "/lakeferry/m1/flow"


def test_the_log_group_is_made_first_with_its_retention() -> None:
    (group,) = of_kind(wanted(), LogGroup)

    assert (group.name, group.retention_days) == ("/lakeferry/m1/flow", 30)


def test_a_retention_that_does_not_exist_becomes_the_next_longer_one() -> None:
    made = wanted(flow_logs=FlowLogWish(retention_days=10))

    assert named(made, LogGroup, "flow").retention_days == 14
    assert any("no retention of 10 days" in note for note in made.notes)


def test_the_role_is_for_this_accounts_flow_logs_and_may_write_to_its_group_alone() -> None:
    (role,) = of_kind(wanted(), Role)

    assert json.loads(role.trust) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": ACCOUNT},
                    "ArnLike": {"aws:SourceArn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc-flow-log/*"},
                },
            }
        ],
    }
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/lakeferry/m1/flow"
    assert json.loads(role.policy) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                "Resource": [group, f"{group}:*"],
            },
            {
                "Effect": "Allow",
                "Action": "logs:DescribeLogGroups",
                "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*",
            },
        ],
    }


def test_the_bucket_policy_lets_the_delivery_of_this_account_write_under_its_prefix() -> None:
    settings = full(flow_logs=FlowLogWish(("s3",), bucket=BUCKET))
    write, look = json.loads(bucket_policy(settings))["Statement"]

    assert write["Principal"] == look["Principal"] == {"Service": "delivery.logs.amazonaws.com"}
    assert write["Resource"] == f"{BUCKET}/AWSLogs/{ACCOUNT}/*"
    assert look["Resource"] == "arn:aws:s3:::flow-archive"
    assert write["Condition"] == {
        "StringEquals": {
            "aws:SourceAccount": ACCOUNT, "s3:x-amz-acl": "bucket-owner-full-control",
        },
        "ArnLike": {"aws:SourceArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:*"},
    }  # fmt: skip


def test_flow_logs_can_go_to_both_places() -> None:
    made = wanted(flow_logs=FlowLogWish(("cloudwatch", "s3"), bucket=BUCKET))
    to_logs = named(made, FlowLog, ".flow-cloudwatch")
    to_s3 = named(made, FlowLog, ".flow-s3")

    assert (to_logs.destination_type, to_s3.destination_type) == ("cloud-watch-logs", "s3")
    assert (to_s3.destination, to_s3.file_format, to_s3.role) == (BUCKET, "parquet", "")
    assert to_s3.hive
    assert to_s3.per_hour


def test_flow_logs_in_s3_alone_leave_nothing_for_rules_to_read() -> None:
    made = wanted(flow_logs=FlowLogWish(("s3",), bucket=BUCKET))

    assert of_kind(made, InsightRule) == ()
    assert of_kind(made, LogGroup) == ()
    assert any("no rules" in note for note in made.notes)


def test_a_regional_nat_gateway_has_a_flow_log_and_a_field_of_its_own() -> None:
    nat = NatGateway("nat-0123", topology().found.vpc.id, "", "regional", "public", "available", ())

    made = wanted(replace(topology(), nat_gateways=(nat,)))

    log = named(made, FlowLog, ".nat-0123")
    assert (log.resource_type, log.resource_id) == ("RegionalNatGateway", "nat-0123")
    assert "resource-id" in log.fields


# ---- flow logs of others


def test_a_flow_log_that_says_enough_is_used_and_its_format_is_that_of_the_rules() -> None:
    made = wanted(beside(existing()))

    assert of_kind(made, FlowLog) == of_kind(made, LogGroup) == of_kind(made, Role) == ()
    assert made.fields == existing().fields
    body = json.loads(named(made, InsightRule, ".leak-up").body)
    assert body["LogGroupNames"] == ["/theirs/flow"]
    assert body["Fields"][str(made.fields.index("bytes") + 1)] == "bytes"


def test_a_flow_log_that_lacks_a_field_is_not_used_and_both_are_said_to_be_paid() -> None:
    made = wanted(beside(existing(fields=V2)))

    assert len(of_kind(made, FlowLog)) == 1
    assert any("lacks vpc-id" in note and "both are paid" in note for note in made.notes)


def test_a_flow_log_that_fails_or_takes_too_little_or_too_slowly_is_not_used() -> None:
    for changed in (
        {"delivery": "FAILED"},
        {"traffic": "ACCEPT"},
        {"interval_s": 600},
        {"resource_id": "subnet-1", "resource_type": "Subnet"},
    ):
        assert len(of_kind(wanted(beside(existing(**changed))), FlowLog)) == 1


def test_two_flow_logs_that_share_a_group_double_every_sum_and_that_is_said() -> None:
    made = wanted(beside(existing(fields=V2, destination="/lakeferry/m1/flow")))

    assert any("every sum doubles" in note for note in made.notes)


def test_our_own_flow_log_stays_even_where_another_says_enough() -> None:
    ours = replace(named(wanted(), FlowLog, ".flow-cloudwatch"), id="fl-9")
    assert ours.tags[OWNER_TAG] == "m1"

    made = wanted(with_found(flow_logs=(existing(), ours)))

    assert of_kind(made, FlowLog) == (ours,)


def test_the_flow_log_of_another_deployment_is_not_used_since_it_goes_with_it() -> None:
    theirs = existing(tags={OWNER_TAG: "m2"})
    made = wanted(beside(theirs))

    (log,) = of_kind(made, FlowLog)
    assert log.destination == "/lakeferry/m1/flow"


def test_fewer_questions_do_not_replace_our_flow_log() -> None:
    (ours,) = of_kind(wanted(), FlowLog)
    made = wanted(beside(ours), questions=("nat-billed",))

    assert "tcp-flags" in ours.fields
    assert of_kind(made, FlowLog) == (ours,)


def test_a_format_that_is_given_replaces_our_flow_log() -> None:
    (ours,) = of_kind(wanted(), FlowLog)
    made = wanted(beside(ours), flow_logs=FlowLogWish(fields=CUSTOM))

    (log,) = of_kind(made, FlowLog)
    assert log.fields == CUSTOM
