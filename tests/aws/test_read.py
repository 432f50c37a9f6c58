"""A network is read from an AWS account, and gives the topology that was built there."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lakeferry.aws.read import READ_ACTIONS, Sight, read
from lakeferry.connect.aws import AwsAccess, client
from lakeferry.errors import FerryError
from lakeferry.network.discover import Scope, topology
from lakeferry.network.fields import RECOMMENDED_FORMAT
from lakeferry.network.resources import (
    Alarm,
    Dashboard,
    FlowLog,
    InsightRule,
    LogGroup,
    MetricQuery,
    Role,
    Topic,
)
from lakeferry.network.topology import Hop, Topology
from lakeferry.network.topology import Path as Way
from tests.aws import data_plane
from tests.aws.data_plane import DataPlane
from tests.servers.moto import ACCOUNT, REGION, forget_clients

pytestmark = pytest.mark.server
OURS = {"lakeferry:deployment": "m1"}
LISTED = [{"Key": "lakeferry:deployment", "Value": "m1"}]


@pytest.fixture
def plane(moto_access: AwsAccess) -> DataPlane:
    return data_plane.made(moto_access)


def seen(access: AwsAccess, scope: Scope) -> Topology:
    sight = read(access, scope)
    return topology(sight.found, scope, beyond=sight.beyond)


def test_a_vpc_gives_its_paths_workers_and_devices(
    moto_access: AwsAccess, plane: DataPlane
) -> None:
    made = seen(moto_access, Scope(vpc=plane.vpc))

    def hops(*pairs: tuple[str, str]) -> tuple[Hop, ...]:
        return tuple(Hop(kind, id, ACCOUNT, plane.vpc) for kind, id in pairs)

    out = ("internet_gateway", plane.internet_gateway)
    both = tuple(sorted(plane.private))
    first, second = plane.private
    endpoints = sorted([(plane.kinesis, False), (plane.sts, True)])
    gateway, box = ("nat_gateway", plane.nat_gateway), ("nat_instance", plane.nat_instance)
    assert made.paths == (
        Way(*gateway, (first,), hops(gateway, out)),
        Way(*box, (second,), hops(box, out)),
        Way("s3_gateway", plane.s3, (first,), hops(("gateway_endpoint", plane.s3))),
        *(
            Way("interface_endpoint", id, both, hops(("interface_endpoint", id)), "", far)
            for id, far in endpoints
        ),
    )
    assert made.scope == both
    assert tuple(eni.id for eni in made.workers) == plane.workers
    assert [one.id for one in made.nat_gateways] == [plane.nat_gateway]
    assert [one.id for one in made.nat_instances] == [plane.nat_instance]
    assert [(one.code, one.where) for one in made.findings] == [
        ("endpoint-zones", plane.sts),
        ("no-s3-endpoint", plane.tables[1]),
    ]


@pytest.mark.parametrize(
    "scope",
    [
        lambda plane: Scope(subnets=plane.private),
        lambda plane: Scope(interfaces=plane.workers),
        lambda _plane: Scope(worker_tags={"ClusterId": "1124-1"}),
        lambda plane: Scope(worker_subnets=plane.private),
    ],
    ids=["subnets", "interfaces", "worker tags", "worker subnets"],
)
def test_whatever_names_the_network_the_same_is_found(
    moto_access: AwsAccess, plane: DataPlane, scope: Callable[[DataPlane], Scope]
) -> None:
    assert seen(moto_access, scope(plane)) == seen(moto_access, Scope(vpc=plane.vpc))


def test_tags_of_a_vpc_or_of_subnets_name_the_network(
    moto_access: AwsAccess, plane: DataPlane
) -> None:
    ec2 = client(moto_access, "ec2")
    ec2.create_tags(Resources=[plane.private[0]], Tags=[{"Key": "for", "Value": "lake"}])
    by_subnet = seen(moto_access, Scope(tags={"for": "lake"}))
    ec2.create_tags(Resources=[plane.vpc], Tags=[{"Key": "for", "Value": "lake"}])
    by_vpc = seen(moto_access, Scope(tags={"for": "lake"}))

    assert by_subnet.scope == (plane.private[0],)
    assert by_vpc.scope == tuple(sorted(plane.private))


def test_the_flow_log_and_its_group_are_found(moto_access: AwsAccess, plane: DataPlane) -> None:
    found = read(moto_access, Scope(vpc=plane.vpc)).found

    assert found.flow_logs == (
        FlowLog(
            "", plane.vpc, "VPC", "ALL", "cloud-watch-logs", "/network/flow", "flow",
            RECOMMENDED_FORMAT, 60,
        ),
    )  # fmt: skip
    assert [(one.id, one.delivery) for one in found.flow_logs] == [(plane.flow_log, "SUCCESS")]
    assert found.log_groups == (LogGroup("/network/flow", None),)


# ---- what is ours


BODY = '{"Schema":{"Name":"CloudWatchLogRule","Version":1},"LogGroupNames":["/lakeferry/m1/flow"]}'
POLICY = (
    '{"Statement":[{"Action":"logs:PutLogEvents","Effect":"Allow","Resource":"*"}],'
    '"Version":"2012-10-17"}'
)


def ours(access: AwsAccess) -> None:
    """One of each that bears a name of a deployment, beside others that do not."""
    logs, iam, sns = (client(access, name) for name in ("logs", "iam", "sns"))
    watch = client(access, "cloudwatch")
    logs.create_log_group(logGroupName="/lakeferry/m1/flow", tags=OURS)
    logs.put_retention_policy(logGroupName="/lakeferry/m1/flow", retentionInDays=30)
    logs.create_log_group(logGroupName="/elsewhere")
    for name in ("lakeferry-m1.flow", "other"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=data_plane.TRUST, Tags=LISTED)
    iam.put_role_policy(
        RoleName="lakeferry-m1.flow", PolicyName="lakeferry-m1.flow", PolicyDocument=POLICY
    )
    for name in ("lakeferry-m1", "other"):
        arn = sns.create_topic(Name=name, Attributes={"Policy": POLICY}, Tags=LISTED)["TopicArn"]
    sns.subscribe(
        TopicArn=arn.replace("other", "lakeferry-m1"), Protocol="email", Endpoint="ops@example.com"
    )
    for name in ("lakeferry-m1.leak-up", "other"):
        watch.put_insight_rule(RuleName=name, RuleDefinition=BODY, RuleState="ENABLED", Tags=LISTED)
    for name in ("lakeferry-m1.s3-leak", "other"):
        watch.put_metric_alarm(
            AlarmName=name, ComparisonOperator="GreaterThanThreshold", Threshold=15432099,
            EvaluationPeriods=3, DatapointsToAlarm=2, TreatMissingData="notBreaching",
            AlarmActions=[arn.replace("other", "lakeferry-m1"), arn], Tags=LISTED,
            Metrics=[{
                "Id": "leak", "Expression": 'INSIGHT_RULE_METRIC("lakeferry-m1.leak-up","Sum")',
                "Period": 60, "Label": "bytes", "ReturnData": True,
            }],
        )  # fmt: skip
    for name in ("lakeferry-m1", "other"):
        watch.put_dashboard(DashboardName=name, DashboardBody='{"widgets": []}')


def test_what_bears_a_name_of_ours_is_found_with_its_tags(
    moto_access: AwsAccess, plane: DataPlane
) -> None:
    ours(moto_access)

    found = read(moto_access, Scope(vpc=plane.vpc)).found

    trust = json.dumps(json.loads(data_plane.TRUST), sort_keys=True, separators=(",", ":"))
    assert found.log_groups[0] == LogGroup("/lakeferry/m1/flow", 30, tags=OURS)
    assert found.roles == (Role("lakeferry-m1.flow", trust, POLICY, OURS),)
    assert found.topics == (Topic("lakeferry-m1", POLICY, (("email", "ops@example.com"),), OURS),)
    body = json.dumps(json.loads(BODY), sort_keys=True, separators=(",", ":"))
    assert found.dashboards == (Dashboard("lakeferry-m1", '{"widgets":[]}'),)
    assert found.alarms == (
        Alarm(
            "lakeferry-m1.s3-leak",
            "",
            (
                MetricQuery(
                    "leak", 60, 'INSIGHT_RULE_METRIC("lakeferry-m1.leak-up","Sum")', label="bytes"
                ),
            ),
            "GreaterThanThreshold",
            15432099,
            3,
            2,
            "notBreaching",
            ("lakeferry-m1", f"arn:aws:sns:{REGION}:{ACCOUNT}:other"),
            tags=OURS,
        ),
    )
    # All rules, for they share the Region's quota; tags are asked for of ours alone.
    assert found.rules == (
        InsightRule("lakeferry-m1.leak-up", body, tags=OURS),
        InsightRule("other", body),
    )


def test_a_log_group_of_another_name_is_found_when_it_is_asked_for(
    moto_access: AwsAccess, plane: DataPlane
) -> None:
    client(moto_access, "logs").create_log_group(logGroupName="/elsewhere")
    client(moto_access, "logs").create_log_group(logGroupName="/elsewhere/too")

    found = read(moto_access, Scope(vpc=plane.vpc), groups=["/elsewhere"]).found

    assert [one.name for one in found.log_groups] == ["/elsewhere", "/network/flow"]


# ---- permissions


def recorded(access: AwsAccess) -> set[str]:
    """IAM's names of the actions that clients of an access ask for from now on."""
    asked: set[str] = set()
    for service in ("cloudwatch", "ec2", "iam", "logs", "sns", "sts"):

        def record(model: Any, service: str = service, **_: Any) -> None:
            asked.add(f"{service}:{model.name}")

        client(access, service).meta.events.register("before-call", record)
    return asked


def test_reading_asks_for_the_listed_permissions_and_no_other(
    moto_access: AwsAccess, plane: DataPlane
) -> None:
    ours(moto_access)
    through_a_transit_gateway(moto_access, plane)
    forget_clients()  # who we are is asked once
    asked = recorded(moto_access)

    read(moto_access, Scope(vpc=plane.vpc))

    assert sorted(asked) == list(READ_ACTIONS)


def through_a_transit_gateway(access: AwsAccess, plane: DataPlane) -> None:
    """Route the first private subnet through a gateway, whose routes moto answers by half."""
    ec2 = client(access, "ec2")
    gateway = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    ec2.create_transit_gateway_vpc_attachment(
        TransitGatewayId=gateway, VpcId=plane.vpc, SubnetIds=[plane.private[0]]
    )
    ec2.replace_route(
        RouteTableId=plane.tables[0], DestinationCidrBlock="0.0.0.0/0", TransitGatewayId=gateway
    )


# ---- bad input


@pytest.mark.parametrize(
    "scope",
    [
        Scope(vpc="vpc-0123456789abcdef0"),
        Scope(subnets=("subnet-0123456789abcdef0",)),
        Scope(interfaces=("eni-0123456789abcdef0",)),
        Scope(tags={"for": "nothing"}),
        Scope(worker_tags={"for": "nothing"}),
        Scope(),
    ],
)
def test_a_network_that_is_not_there_is_refused(moto_access: AwsAccess, scope: Scope) -> None:
    with pytest.raises(FerryError) as refused:
        read(moto_access, scope)

    assert refused.value.code == "LF-6351"


def test_what_lies_in_two_vpcs_is_refused_by_name(moto_access: AwsAccess, plane: DataPlane) -> None:
    other = data_plane.made_egress(moto_access)

    with pytest.raises(FerryError) as refused:
        read(moto_access, Scope(vpc=plane.vpc, subnets=(other.entered,)))

    assert refused.value.code == "LF-6352"
    assert plane.vpc in refused.value.where
    assert other.vpc in refused.value.where


def test_sight_is_a_value(moto_access: AwsAccess, plane: DataPlane) -> None:
    first, again = (read(moto_access, Scope(vpc=plane.vpc)) for _ in range(2))

    assert first == again
    assert isinstance(first, Sight)


def test_the_document_lists_the_permissions_of_reading() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "network.md").read_text()
    (listed,) = re.findall(r"```\n(.*?)```", page, re.DOTALL)

    assert tuple(listed.split()) == READ_ACTIONS
