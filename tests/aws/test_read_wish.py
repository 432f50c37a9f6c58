"""What a wish leans on: services, topics and alarms that AWS has, or has not."""

import pytest

from lakeferry.aws.read_wish import (
    find_services,
    refuse_missing_alarm,
    refuse_missing_topics,
    refuse_without_dns,
)
from lakeferry.network.resources import EndpointService
from tests.aws.ensuring import ACCESS, ACCOUNT, refused, stubbed

STS, ODD = "com.amazonaws.us-east-1.sts", "com.amazonaws.us-east-1.odd"
OPS = f"arn:aws:sns:us-east-1:{ACCOUNT}:ops"


def test_a_service_has_the_zones_that_aws_names_and_an_unknown_one_has_none() -> None:
    both = [
        {"ServiceName": STS, "AvailabilityZones": ["us-east-1b", "us-east-1a"]},
        {"ServiceName": STS, "AvailabilityZones": ["us-east-1a"]},
    ]
    with stubbed("ec2") as ec2:
        ec2.add_client_error(
            "describe_vpc_endpoint_services", "InvalidServiceName",
            expected_params={"ServiceNames": [ODD]},
        )  # fmt: skip
        ec2.add_response(
            "describe_vpc_endpoint_services", {"ServiceDetails": both}, {"ServiceNames": [STS]}
        )

        found = find_services(ACCESS, [STS, ODD, STS])

    assert found == (EndpointService(ODD, ()), EndpointService(STS, ("us-east-1a", "us-east-1b")))


def test_a_topic_of_this_account_is_looked_for_on_every_page() -> None:
    with stubbed("sns") as sns:
        sns.add_response("list_topics", {"Topics": [{"TopicArn": OPS + "2"}], "NextToken": "two"})
        sns.add_response("list_topics", {"Topics": [{"TopicArn": OPS}]}, {"NextToken": "two"})
        refuse_missing_topics(ACCESS, ACCOUNT, ["ops@example.com", OPS])


def test_a_topic_that_is_not_there_is_refused() -> None:
    with stubbed("sns") as sns, refused("LF-6406"):
        sns.add_response("list_topics", {"Topics": [{"TopicArn": OPS + "2"}]})
        refuse_missing_topics(ACCESS, ACCOUNT, [OPS])


def test_a_topic_of_another_region_is_refused_and_one_of_another_account_taken_as_given() -> None:
    with stubbed("sns"), refused("LF-6406"):
        refuse_missing_topics(ACCESS, ACCOUNT, [OPS.replace("us-east-1", "eu-west-1")])
    with stubbed("sns"):
        refuse_missing_topics(ACCESS, ACCOUNT, [OPS.replace(ACCOUNT, "999999999999")])


def test_what_is_no_whole_arn_is_refused_and_another_kind_of_action_taken_as_given() -> None:
    with stubbed("sns"), refused("LF-6406"):
        refuse_missing_topics(ACCESS, ACCOUNT, ["arn:aws:ops"])
    with stubbed("sns"):
        refuse_missing_topics(ACCESS, ACCOUNT, [f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:x"])


@pytest.mark.parametrize(
    ("names", "flag"),
    [(["EnableDnsSupport"], "support"), (["EnableDnsSupport", "EnableDnsHostnames"], "hostnames")],
)
def test_a_vpc_without_names_is_refused_with_the_command_that_gives_them(
    names: list[str], flag: str
) -> None:
    with stubbed("ec2") as ec2, refused("LF-6406") as without:
        for name in names:
            ec2.add_response(
                "describe_vpc_attribute", {name: {"Value": name != names[-1]}},
                {"VpcId": "vpc-1", "Attribute": f"e{name[1:]}"},
            )  # fmt: skip
        refuse_without_dns(ACCESS, "vpc-1")

    assert without.value.next_step.endswith(f"--enable-dns-{flag}")


@pytest.mark.parametrize("there", ["MetricAlarms", "CompositeAlarms", ""])
def test_an_alarm_that_shall_silence_others_must_be_there(there: str) -> None:
    asked = {"AlarmNames": ["quiet"], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
    with stubbed("cloudwatch") as cloudwatch:
        answer = {there: [{"AlarmName": "quiet"}]} if there else {}
        cloudwatch.add_response("describe_alarms", answer, asked)
        if there:
            refuse_missing_alarm(ACCESS, "quiet")
        else:
            with refused("LF-6406"):
                refuse_missing_alarm(ACCESS, "quiet")
