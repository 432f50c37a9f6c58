"""A stream that is there says how long it keeps records, and its alarms and graphs follow it."""

from dataclasses import replace

import pytest

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.monitor import run
from lakeferry.monitor.iam import actions_of, least_policy
from lakeferry.network.resources import Alarm
from tests.flows.provisioning import network, one_of_each
from tests.servers.moto import ACCOUNT

pytestmark = pytest.mark.server


def test_an_alarm_follows_the_retention_of_its_stream(moto_access: AwsAccess) -> None:
    kinesis = client(moto_access, "kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    asked = one_of_each(moto_access, network(moto_access))
    settings = replace(asked.settings, alarms={}, streams=("clicks",))
    asked = replace(asked, settings=settings)
    run.apply(asked)
    cloudwatch = client(moto_access, "cloudwatch")

    def expression() -> str:
        (alarm,) = cloudwatch.describe_alarms(
            AlarmNames=["lakeferry-m1.stream-loss.clicks"], AlarmTypes=["MetricAlarm"]
        )["MetricAlarms"]
        found: str = alarm["Metrics"][1]["Expression"]
        return found

    assert expression() == "86400000 - m1"
    kinesis.increase_stream_retention_period(StreamName="clicks", RetentionPeriodHours=48)
    drift = run.plan(asked).drift
    assert {(one.kind, one.name) for one in drift} >= {
        (Alarm.kind_name, "lakeferry-m1.stream-loss.clicks")
    }
    run.apply(asked)
    assert expression() == "172800000 - m1"
    assert run.plan(asked).drift == ()

    run.destroy(asked)
    assert cloudwatch.describe_alarms(AlarmNamePrefix="lakeferry-m1.stream")["MetricAlarms"] == []


def test_a_plan_may_ask_the_streams_that_it_watches_and_no_other(moto_access: AwsAccess) -> None:
    asked = one_of_each(moto_access, "vpc-1")
    settings = replace(asked.settings, account=ACCOUNT)
    (statement,) = (
        one for one in least_policy(settings, "plan")["Statement"] if one["Sid"] == "LookAtStreams"
    )

    assert statement["Action"] == ["kinesis:DescribeStreamSummary"]
    assert statement["Resource"] == [f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/clicks"]
    alone = replace(settings, streams=())
    assert "kinesis:DescribeStreamSummary" not in actions_of(least_policy(alone, "apply"))
