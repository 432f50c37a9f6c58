"""Flow logs, log groups and roles: failures inside successes, roles that are not known yet."""

from contextlib import ExitStack
from dataclasses import replace

import pytest
from botocore.stub import ANY

from lakeferry.aws.ensure import ensure, remove
from lakeferry.aws.place import Place
from lakeferry.network.resources import (
    OWNER_TAG,
    FlowLog,
    LogGroup,
    Role,
    Topic,
    VpcEndpoint,
)  # fmt: skip
from tests.aws.ensuring import (
    ACCOUNT,
    DOOR,
    OURS,
    TAGS,
    THEIRS,
    refused,
    stubbed,
    unsuccessful,
)

FLOW = FlowLog(
    "lakeferry-m1.flow", "vpc-1", "VPC", "ALL", "cloud-watch-logs", "/flow", "lakeferry-m1.flow",
    ("version", "bytes"), 60, tags=OURS,
)  # fmt: skip


# ---- flow logs


def test_a_flow_log_that_a_successful_answer_lists_as_unsuccessful_is_a_failure(
    place: Place,
) -> None:
    with stubbed("ec2") as ec2, refused("LF-6403") as failed:
        ec2.add_response("create_flow_logs", unsuccessful("400", "Flow log limit exceeded"))
        ensure(place, FLOW, None)

    assert "Flow log limit exceeded; vpc-1" in failed.value.where
    assert failed.value.exit_code == 1


def test_a_role_that_was_made_a_moment_ago_is_waited_for(place: Place, slept: list[float]) -> None:
    cannot = "Unable to assume given IAM role: 'arn:aws:iam::111122223333:role/lakeferry-m1.flow'"
    with stubbed("ec2") as ec2:
        ec2.add_client_error("create_flow_logs", "InvalidParameter", cannot)
        ec2.add_response(
            "create_flow_logs",
            unsuccessful("400", "Access Denied for LogDestination: /flow. Check the role"),
        )
        ec2.add_response(
            "create_flow_logs",
            {"FlowLogIds": ["fl-1"], "Unsuccessful": []},
            {
                "ResourceIds": ["vpc-1"], "ResourceType": "VPC", "TrafficType": "ALL",
                "LogDestinationType": "cloud-watch-logs", "LogGroupName": "/flow",
                "LogFormat": "${version} ${bytes}", "MaxAggregationInterval": 60,
                "DeliverLogsPermissionArn": f"arn:aws:iam::{ACCOUNT}:role/lakeferry-m1.flow",
                "ClientToken": ANY,
                "TagSpecifications": [
                    {
                        "ResourceType": "vpc-flow-log",
                        "Tags": [{"Key": "Name", "Value": "lakeferry-m1.flow"}, *TAGS],
                    }
                ],
            },
        )  # fmt: skip
        ensure(place, FLOW, None)

    assert slept == [2.0, 3.0]


def test_a_role_that_never_can_be_taken_is_told_when_the_time_is_up(
    place: Place, slept: list[float]
) -> None:
    with stubbed("ec2") as ec2, refused("LF-6404") as late:
        for _ in range(11):
            ec2.add_client_error("create_flow_logs", "InvalidParameter", "assume given IAM role")
        ensure(place, FLOW, None)

    assert "after 90 s EC2 cannot take the role `lakeferry-m1.flow`" in late.value.what
    assert sum(slept) == 90


def test_a_parameter_that_is_wrong_is_not_waited_for(place: Place, slept: list[float]) -> None:
    with stubbed("ec2") as ec2, refused("LF-1206"):
        ec2.add_client_error("create_flow_logs", "InvalidParameter", "Unknown field bogus")
        ensure(place, FLOW, None)

    assert slept == []


@pytest.mark.parametrize(("tags", "ours"), [(TAGS, True), (THEIRS, False), ([], False)])
def test_a_flow_log_that_is_there_already_is_a_success_if_it_is_ours(
    place: Place, tags: list[dict[str, str]], ours: bool
) -> None:
    listed = {"FlowLogs": [{"Tags": [*tags, {"Key": "Name", "Value": FLOW.name}]}]}
    with stubbed("ec2") as ec2:
        ec2.add_client_error("create_flow_logs", "FlowLogAlreadyExists")
        ec2.add_response("describe_flow_logs", listed)
        if ours:
            ensure(place, FLOW, None)
        else:
            with refused("LF-6401"):
                ensure(place, FLOW, None)


def test_other_tags_are_all_that_a_flow_log_is_given(place: Place) -> None:
    before = replace(FLOW, id="fl-1", tags={OWNER_TAG: "m1", "old": "x", "aws:x": "y"})
    with stubbed("ec2") as ec2:
        ec2.add_response(
            "create_tags", {},
            {"Resources": ["fl-1"], "Tags": [{"Key": "owner", "Value": "data"}]},
        )  # fmt: skip
        ec2.add_response("delete_tags", {}, {"Resources": ["fl-1"], "Tags": [{"Key": "old"}]})
        ensure(place, replace(FLOW, tags={**OURS, "owner": "data"}), before)


def test_a_flow_log_that_is_gone_already_is_removed(place: Place) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_client_error("delete_flow_logs", "InvalidFlowLogId.NotFound")
        remove(place, replace(FLOW, id="fl-1"))
        ec2.add_response("delete_flow_logs", unsuccessful("InvalidFlowLogId.NotFound", "gone"))
        remove(place, replace(FLOW, id="fl-1"))


# ---- what is there already, and whose it is


def test_a_log_group_of_ours_that_is_there_already_gets_its_retention(place: Place) -> None:
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/flow"
    with stubbed("logs") as logs:
        logs.add_client_error("create_log_group", "ResourceAlreadyExistsException")
        logs.add_response("list_tags_for_resource", {"tags": {OWNER_TAG: "m1"}})
        logs.add_response(
            "describe_log_groups",
            {"logGroups": [{"logGroupName": "/flow", "retentionInDays": 7}]},
        )
        logs.add_response(
            "put_retention_policy", {}, {"logGroupName": "/flow", "retentionInDays": 30}
        )
        logs.add_response(
            "associate_kms_key", {}, {"logGroupName": "/flow", "kmsKeyId": "arn:aws:kms:k"}
        )
        logs.add_response("tag_resource", {}, {"resourceArn": arn, "tags": {"owner": "data"}})
        wanted = LogGroup("/flow", 30, "arn:aws:kms:k", {**OURS, "owner": "data"})
        ensure(place, wanted, None)


def test_a_log_group_can_keep_for_ever_and_lose_its_key_and_tags(place: Place) -> None:
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/flow"
    with stubbed("logs") as logs:
        logs.add_response("delete_retention_policy", {}, {"logGroupName": "/flow"})
        logs.add_response("disassociate_kms_key", {}, {"logGroupName": "/flow"})
        logs.add_response("untag_resource", {}, {"resourceArn": arn, "tagKeys": ["owner"]})
        before = LogGroup("/flow", 30, "arn:aws:kms:k", {**OURS, "owner": "data"})
        ensure(place, LogGroup("/flow", None, tags=OURS), before)


def test_what_others_made_meanwhile_is_refused(place: Place) -> None:
    role = Role("lakeferry-m1.flow", "{}", "{}", OURS)
    topic = Topic("lakeferry-m1", "{}", tags=OURS)
    with ExitStack() as stack:
        logs, iam, sns, ec2 = (
            stack.enter_context(stubbed(one)) for one in ("logs", "iam", "sns", "ec2")
        )
        logs.add_client_error("create_log_group", "ResourceAlreadyExistsException")
        logs.add_response("list_tags_for_resource", {"tags": {}})
        iam.add_client_error("create_role", "EntityAlreadyExists")
        iam.add_response("list_role_tags", {"Tags": THEIRS})
        sns.add_client_error("create_topic", "InvalidParameter")
        sns.add_response("list_tags_for_resource", {"Tags": []})
        ec2.add_client_error("create_security_group", "InvalidGroup.Duplicate")
        ec2.add_response("describe_security_groups", {"SecurityGroups": [
            {"GroupId": "sg-9", "GroupName": DOOR.name, "Tags": THEIRS}]})  # fmt: skip
        for wanted in (LogGroup("/flow", 30, tags=OURS), role, topic, DOOR):
            with refused("LF-6401"):
                ensure(place, wanted, None)


def test_a_role_of_ours_that_is_there_already_is_brought_to_what_it_shall_be(
    place: Place,
) -> None:
    name = "lakeferry-m1.flow"
    with stubbed("iam") as iam:
        iam.add_client_error("create_role", "EntityAlreadyExists")
        iam.add_response("list_role_tags", {"Tags": [*TAGS, {"Key": "old", "Value": "x"}]})
        iam.add_response(
            "update_assume_role_policy", {}, {"RoleName": name, "PolicyDocument": '{"T":1}'}
        )
        iam.add_response(
            "put_role_policy", {},
            {"RoleName": name, "PolicyName": name, "PolicyDocument": '{"P":1}'},
        )  # fmt: skip
        iam.add_response(
            "tag_role", {}, {"RoleName": name, "Tags": [{"Key": "owner", "Value": "data"}]}
        )
        iam.add_response("untag_role", {}, {"RoleName": name, "TagKeys": ["old"]})
        ensure(place, Role(name, '{"T":1}', '{"P":1}', {**OURS, "owner": "data"}), None)


def test_a_role_that_is_gone_already_is_removed(place: Place) -> None:
    with stubbed("iam") as iam:
        iam.add_client_error("delete_role_policy", "NoSuchEntity")
        iam.add_client_error("delete_role", "NoSuchEntity")
        remove(place, Role("lakeferry-m1.flow", "{}", "{}", OURS))


def test_nothing_is_asked_for_what_is_as_it_shall_be(place: Place) -> None:
    group, role = LogGroup("/flow", 30, "key", OURS), Role("lakeferry-m1.flow", "{}", "{}", OURS)
    topic = Topic("lakeferry-m1", "{}", (("email", "ops@example.com"),), OURS)
    endpoint = VpcEndpoint("e", "vpc-1", "s3", "Gateway", tags=OURS, id="vpce-1")
    with ExitStack() as stack:
        for service in ("logs", "iam", "sns", "ec2"):
            stack.enter_context(stubbed(service))
        for one in (group, role, topic, endpoint, DOOR, replace(FLOW, id="fl-1")):
            ensure(place, one, one)


def test_a_flow_log_to_s3_is_asked_for_with_all_its_options(place: Place) -> None:
    wish = replace(
        FLOW, destination_type="s3", destination="arn:aws:s3:::lake/flow", role="",
        file_format="parquet", hive=True, per_hour=True,
        tag_keys=(("instance", ("ClusterId",)),),
    )  # fmt: skip
    with stubbed("ec2") as ec2:
        ec2.add_response(
            "create_flow_logs",
            {"FlowLogIds": ["fl-1"]},
            {
                "ResourceIds": ["vpc-1"], "ResourceType": "VPC", "TrafficType": "ALL",
                "LogDestinationType": "s3", "LogDestination": "arn:aws:s3:::lake/flow",
                "LogFormat": "${version} ${bytes}", "MaxAggregationInterval": 60,
                "ClientToken": ANY, "TagSpecifications": ANY,
                "DestinationOptions": {
                    "FileFormat": "parquet", "HiveCompatiblePartitions": True,
                    "PerHourPartition": True,
                },
                "TagFieldSpecifications": [
                    {"ResourceType": "instance", "TagKeys": ["ClusterId"]}
                ],
            },
        )  # fmt: skip
        ensure(place, wish, None)
