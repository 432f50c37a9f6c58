"""Which alarms there shall be."""

from dataclasses import replace
from decimal import Decimal

import pytest

from lakeferry.monitor.settings import OWNER_TAG, AlarmLimit
from lakeferry.monitor.wanted import tagged_instances
from lakeferry.monitor.wanted.alarms import ALARMS
from lakeferry.network.metric_syntax import parse_expression
from lakeferry.network.resources import Alarm, CompositeAlarm, InsightRule, Topic, VpcEndpoint
from lakeferry.network.topology import Topology
from tests.monitor.nat_networks import arrived, cases
from tests.monitor.wishes import bare, full, named, of_kind, wanted, with_found
from tests.network.sample_scenario import ACCOUNT, NAT_GATEWAY, REGION, topology

# Every metric that AWS documents for the services that are watched.
DOCUMENTED = {
    "AWS/NATGateway": {
        "ActiveConnectionCount", "BytesInFromDestination", "BytesInFromSource",
        "BytesOutToDestination", "BytesOutToSource", "ConnectionAttemptCount",
        "ConnectionEstablishedCount", "ErrorPortAllocation", "IdleTimeoutCount",
        "PacketsDropCount", "PacketsInFromDestination", "PacketsInFromSource",
        "PacketsOutToDestination", "PacketsOutToSource",
    },
    "AWS/PrivateLinkEndpoints": {
        "ActiveConnections", "BytesProcessed", "NewConnections", "PacketsDropped",
        "RstPacketsReceived",
    },
    "AWS/EC2": {
        "NetworkIn", "NetworkOut", "NetworkPacketsIn", "NetworkPacketsOut", "StatusCheckFailed",
        "StatusCheckFailed_System", "StatusCheckFailed_Instance", "CPUUtilization",
    },
    "AWS/Kinesis": {
        "GetRecords.IteratorAgeMilliseconds", "GetRecords.Bytes", "IncomingBytes",
        "IncomingRecords", "ReadProvisionedThroughputExceeded",
        "WriteProvisionedThroughputExceeded", "GetRecords.Records", "GetRecords.Success",
        "PutRecords.FailedRecords", "PutRecords.ThrottledRecords",
    },
}  # fmt: skip
DIMENSIONS = {
    "AWS/NATGateway": ["NatGatewayId"],
    "AWS/PrivateLinkEndpoints": ["Endpoint Type", "Service Name", "VPC Endpoint Id", "VPC Id"],
    "AWS/EC2": ["InstanceId"],
    "AWS/Kinesis": ["StreamName"],
}
RULE_METRICS = {
    "UniqueContributors", "MaxContributorValue", "SampleCount", "Sum", "Minimum", "Maximum",
    "Average",
}  # fmt: skip


def test_every_metric_of_an_alarm_is_one_that_its_service_documents() -> None:
    for alarm in of_kind(wanted(), Alarm):
        for query in alarm.metrics:
            if query.namespace:
                assert query.metric in DOCUMENTED[query.namespace], alarm.name
                assert [name for name, _ in query.dimensions] == DIMENSIONS[query.namespace]


@pytest.mark.parametrize("per", ["vpc", "eni"])
def test_every_rule_that_an_alarm_reads_is_made_with_it(per: str) -> None:
    made = wanted(per=per, usd_per_day=Decimal(100))
    rules = {one.name for one in of_kind(made, InsightRule)}
    read = 0
    for alarm in of_kind(made, Alarm):
        for query in alarm.metrics:
            if "INSIGHT_RULE_METRIC" in query.expression:
                _, rule, _, metric, _ = query.expression.split('"')
                assert rule in rules
                assert metric in RULE_METRICS
                read += 1
    assert read >= 6


def test_every_expression_can_be_parsed_and_every_id_is_one_that_cloudwatch_takes() -> None:
    for alarm in of_kind(wanted(), Alarm):
        for query in alarm.metrics:
            assert query.id[0].islower()
            assert query.id.isalnum()
            if query.expression:
                parse_expression(query.expression)
                assert len(query.expression) <= 2048


def test_every_alarm_has_one_result_and_at_most_ten_metrics_within_a_day() -> None:
    for alarm in of_kind(wanted(per="eni"), Alarm):
        assert sum(query.returned for query in alarm.metrics) == 1
        assert len(alarm.metrics) <= 10
        assert len({query.id for query in alarm.metrics}) == len(alarm.metrics)
        assert alarm.periods * max(query.period_s for query in alarm.metrics) <= 86_400
        assert 1 <= alarm.datapoints <= alarm.periods
        assert len(alarm.actions) <= 5


def test_no_alarm_fills_a_late_series() -> None:
    assert not any("FILL" in q.expression for a in of_kind(wanted(), Alarm) for q in a.metrics)


def test_the_leak_alarm_adds_both_directions_and_needs_two_of_three_minutes() -> None:
    leak = named(wanted(), Alarm, ".s3-through-nat")

    assert leak.threshold == 15_432_099
    assert (leak.datapoints, leak.periods, leak.missing) == (2, 3, "notBreaching")
    assert leak.metrics[-1].expression == "SUM([r1, r2])"
    rules = {query.expression.split('"')[1] for query in leak.metrics[:-1]}
    assert rules == {"lakeferry-m1.leak-up", "lakeferry-m1.leak-down"}


def test_stalls_are_told_by_the_services_metrics_and_wake_people_once() -> None:
    made = wanted()
    stalled = named(made, Alarm, f".stalled.{NAT_GATEWAY}")
    together = named(made, CompositeAlarm, ".stalled")

    assert stalled.metrics[0].metric == "BytesOutToSource"
    assert stalled.missing == "breaching"
    assert stalled.actions == ()
    assert f'ALARM("{stalled.name}")' in together.rule
    assert "lakeferry-m1" in together.actions


def test_stalls_are_expected_outside_the_plans_window_and_in_its_pauses() -> None:
    made = wanted(window=(1000, 9000), pauses=((3000, 4000),))
    asleep = named(made, Alarm, ".asleep")

    assert named(made, CompositeAlarm, ".stalled").suppressor == asleep.name
    assert asleep.metrics[-1].expression == (
        "IF(EPOCH(m1) < 1000 OR EPOCH(m1) >= 9000 OR "
        "(EPOCH(m1) >= 3000 AND EPOCH(m1) < 4000), 1, 0)"
    )


def test_an_alarm_of_yours_can_silence_stalls() -> None:
    made = wanted(window=None, suppressor="cut-over")

    assert named(made, CompositeAlarm, ".stalled").suppressor == "cut-over"


def test_without_a_plan_there_is_no_stall_alarm_and_it_says_why() -> None:
    made = wanted(planned=())

    assert of_kind(made, CompositeAlarm) == ()
    assert any("no stall alarm" in note for note in made.notes)


def test_a_given_limit_takes_the_place_of_the_derived_one() -> None:
    made = wanted(alarms={
        "s3-through-nat": AlarmLimit(1000.0, "bytes_per_s"),
        "nat-gateway-bytes": AlarmLimit(2.0, "bytes_per_s"),
        "stream-behind": AlarmLimit(30.0, "seconds"),
        "rejected": AlarmLimit(99.0, "count"),
    })  # fmt: skip

    assert named(made, Alarm, ".s3-through-nat").threshold == 60_000
    assert named(made, Alarm, ".nat-gateway-bytes").threshold == 7200
    assert named(made, Alarm, ".stream-behind.clicks").threshold == 30_000
    assert named(made, Alarm, ".rejected").threshold == 99


def test_an_alarm_can_be_switched_off() -> None:
    made = wanted(alarms={"rejected": AlarmLimit(None), "skipped": AlarmLimit(None)})

    names = [one.name for one in of_kind(made, Alarm)]
    assert "lakeferry-m1.rejected" not in names
    assert "lakeferry-m1.skipped" not in names


def with_instance_of_ours() -> Topology:
    """The sample's network, whose NAT instance is one that an apply made."""
    base = topology()
    (one,) = base.nat_instances
    tags = {OWNER_TAG: "m1", "Name": "lakeferry-m1.nat.us-east-1b"}
    return replace(base, nat_instances=(replace(one, tags=tags),))


def test_alarms_of_an_instance_of_ours_bear_its_zone_so_that_another_one_keeps_them() -> None:
    made = wanted(with_instance_of_ours())

    names = [one.name for one in of_kind(made, Alarm) if "nat-instance" in one.name]
    assert names == [
        f"lakeferry-m1.nat-instance-{what}.us-east-1b"
        for what in ("cpu", "limit", "reboot", "recover")
    ]
    assert named(made, Alarm, "cpu.us-east-1b").threshold == 80


def test_every_alarm_has_a_name_that_a_manifest_can_give_a_limit_for() -> None:
    made = wanted(
        with_instance_of_ours(),
        usd_per_day=Decimal(10),
        alarms={
            "nat-gateway-bytes": AlarmLimit(1.0, "bytes_per_s"),
            "lag": AlarmLimit(2.0, "factor"),
            "cost-forecast": AlarmLimit(1.0, "usd"),
        },
    )
    standing = arrived(cases()["two zones"])
    every = (*of_kind(made, Alarm), *of_kind(standing, Alarm))
    names = {one.name.removeprefix("lakeferry-m1.").split(".")[0] for one in every}

    assert names - {"asleep"} == set(ALARMS) - set(tagged_instances.ALARMS)


def test_a_name_that_is_no_alarm_of_the_network_is_said() -> None:
    made = wanted(alarms={"speed": AlarmLimit(2.0, "factor")})

    assert any("speed" in note for note in made.notes)


def test_endpoints_of_ours_are_called_by_their_kind_and_others_by_their_id() -> None:
    ours = named(wanted(bare()), VpcEndpoint, "m1.sts")
    (theirs, *_) = [one for one in topology().found.endpoints if one.type == "Interface"]
    network = with_found(endpoints=(replace(ours, id="vpce-9"), theirs))

    names = {one.name for one in of_kind(wanted(network), Alarm) if "endpoint-drops" in one.name}

    assert names == {f"lakeferry-m1.endpoint-drops.{one}" for one in ("sts", theirs.id)}


def test_skipped_rows_inform_and_wake_nobody() -> None:
    skipped = named(wanted(), Alarm, ".skipped")

    assert skipped.actions == ()
    assert skipped.threshold == 0


def test_a_nat_instance_is_recovered_and_rebooted_by_plain_alarms_that_never_race() -> None:
    made = wanted()
    recover = named(made, Alarm, ".nat-instance-recover.i-e06342a37b9aace83")
    reboot = named(made, Alarm, ".nat-instance-reboot.i-e06342a37b9aace83")

    assert f"arn:aws:automate:{REGION}:ec2:recover" in recover.actions
    assert f"arn:aws:automate:{REGION}:ec2:reboot" in reboot.actions
    assert (recover.periods, reboot.periods) == (2, 3)
    assert not recover.metrics[0].expression


def test_the_limit_of_a_nat_instance_is_that_of_its_type() -> None:
    limit = named(wanted(), Alarm, ".nat-instance-limit.i-e06342a37b9aace83")

    assert limit.threshold * 8 / 300 == 4e9  # c7gn.large: 5 Gbit/s to the internet


def test_a_type_whose_limit_is_not_known_has_no_alarm_on_it() -> None:
    base = topology()
    strange = (replace(base.nat_instances[0], kind="z9.huge"),)

    made = wanted(replace(base, nat_instances=strange))

    assert not any("nat-instance-limit" in one.name for one in of_kind(made, Alarm))


def test_port_exhaustion_counts_addresses_and_destinations() -> None:
    limit = named(wanted(destinations=3), Alarm, f".nat-gateway-connections.{NAT_GATEWAY}")

    assert limit.threshold == 0.8 * 55_000 * 3


def test_people_are_told_by_a_topic_that_only_our_alarms_may_use() -> None:
    made = wanted()
    (topic,) = of_kind(made, Topic)

    assert topic.subscriptions == (("email", "ops@example.com"),)
    assert f'"aws:SourceAccount":"{ACCOUNT}"' in topic.policy
    assert ":alarm:lakeferry-m1.*" in topic.policy
    rejected = named(made, Alarm, ".rejected")
    assert rejected.actions == ("lakeferry-m1", f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts")


def test_a_topic_of_yours_needs_none_of_ours() -> None:
    made = wanted(notify=(f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts",))

    assert of_kind(made, Topic) == ()


def test_who_cannot_be_notified_is_said() -> None:
    assert any("#channel" in note for note in wanted(notify=("#channel",)).notes)
    assert any("notify nobody" in note for note in wanted(notify=()).notes)


def test_nobody_is_told_more_ways_than_an_alarm_has_actions() -> None:
    topics = tuple(f"arn:aws:sns:{REGION}:{ACCOUNT}:t{n}" for n in range(9))

    made = wanted(notify=topics)

    assert len(named(made, Alarm, ".rejected").actions) == 5
    assert any("at most 5 actions" in note for note in made.notes)
    assert full(notify=topics).notify == topics


def test_a_subscription_that_nobody_confirmed_and_nobody_wants_is_left_to_time() -> None:
    never = ("email", "never@example.com")
    topic = Topic("lakeferry-m1", "{}", (never,), unconfirmed=(never,))
    network = with_found(topics=(topic,))

    (said,) = (one for one in wanted(network).notes if "never confirmed" in one)
    assert said.startswith("1 subscription of lakeferry-m1 shall go")
    asked = wanted(network, notify=(never[1], "ops@example.com")).notes
    assert not any("never confirmed" in one for one in asked)
    assert any(one.startswith("1 of 2 who shall be told by lakeferry-m1 did not") for one in asked)
