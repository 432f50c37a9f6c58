"""What the policies allow is what is asked for: recorded at the client, and judged by an IAM.

The emulator's IAM knows neither narrow resources nor conditions of these services, so it judges
the documents' actions alone; their texts are held in `tests/monitor/test_iam.py`.
"""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.errors import FerryError
from lakeferry.monitor import run
from lakeferry.monitor.iam import IMPLIED, Step, actions_of, least_policy
from lakeferry.monitor.run import MonitorRequest
from lakeferry.monitor.settings import EndpointWish, FlowLogWish
from lakeferry.network.resources import PlannedFlow
from tests.flows.provisioning import changed, network, one_of_each, request, watched
from tests.servers.moto import ACCOUNT, forget_clients

pytestmark = pytest.mark.server

BOTH = FlowLogWish(("cloudwatch", "s3"), bucket="arn:aws:s3:::lake")
PLANNED = (PlannedFlow("nat_instance", 10**15, 86_400 * 30),)
ENDPOINTS = (EndpointWish("logs", "interface"),)
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"


@contextmanager
def recorded(access: AwsAccess) -> Iterator[set[str]]:
    """IAM's names of the actions that are asked for."""
    asked: set[str] = set()
    names = {"monitoring": "cloudwatch"}  # CloudWatch signs with another name

    def seen(service: str, operation: str) -> None:
        asked.add(f"{names.get(service, service)}:{operation}")

    with watched(access, seen):
        yield asked


def granted(asked: MonitorRequest, step: Step) -> set[str]:
    settings = replace(asked.settings, account=ACCOUNT)
    return set(actions_of(least_policy(settings, step)))


def implied(actions: set[str]) -> set[str]:
    return {more for one in actions for more in IMPLIED.get(one, ())}


def prepared(access: AwsAccess) -> str:
    """A network with a bucket, and a way through a transit gateway."""
    vpc = network(access)
    client(access, "s3").create_bucket(Bucket="lake")
    ec2 = client(access, "ec2")
    wanted = [
        {"Name": "vpc-id", "Values": [vpc]},
        {"Name": "cidr-block", "Values": ["10.0.0.0/24"]},
    ]
    (subnet,) = ec2.describe_subnets(Filters=wanted)["Subnets"]
    gateway = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    ec2.create_transit_gateway_vpc_attachment(
        TransitGatewayId=gateway, VpcId=vpc, SubnetIds=[subnet["SubnetId"]]
    )
    table = ec2.describe_route_tables(
        Filters=[{"Name": "association.subnet-id", "Values": [subnet["SubnetId"]]}]
    )["RouteTables"][0]["RouteTableId"]
    ec2.replace_route(
        RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", TransitGatewayId=gateway
    )
    return vpc


BY_HAND = {"iam:AttachRolePolicy", "iam:CreatePolicy", "iam:GetRole"}


def by_hand(access: AwsAccess) -> None:
    """Changes in the console, to all that only a hand can change."""
    ec2, iam, sns = (client(access, one) for one in ("ec2", "iam", "sns"))
    (group,) = ec2.describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["lakeferry-m1.endpoints"]}]
    )["SecurityGroups"]
    ec2.revoke_security_group_ingress(
        GroupId=group["GroupId"], IpPermissions=group["IpPermissions"]
    )
    ec2.authorize_security_group_ingress(
        GroupId=group["GroupId"],
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
             "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
        ],
    )  # fmt: skip
    trust = iam.get_role(RoleName="lakeferry-m1.flow")["Role"]["AssumeRolePolicyDocument"]
    trust["Statement"][0]["Principal"] = {"Service": "ec2.amazonaws.com"}
    iam.update_assume_role_policy(RoleName="lakeferry-m1.flow", PolicyDocument=json.dumps(trust))
    attached(iam)
    sns.set_topic_attributes(
        TopicArn=f"arn:aws:sns:us-east-1:{ACCOUNT}:lakeferry-m1", AttributeName="Policy",
        AttributeValue='{"Version":"2012-10-17","Statement":[]}',
    )  # fmt: skip


def attached(iam: Any) -> None:
    """A policy of somebody's on the role of the deployment."""
    document = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
    )
    made = iam.create_policy(PolicyName=uuid4().hex, PolicyDocument=document)
    iam.attach_role_policy(RoleName="lakeferry-m1.flow", PolicyArn=made["Policy"]["Arn"])


def test_the_policies_hold_the_actions_that_are_asked_for_and_no_other(
    moto_access: AwsAccess,
) -> None:
    vpc = prepared(moto_access)
    first = request(moto_access, vpc, flow_logs=BOTH, planned=PLANNED)
    other = request(
        moto_access, vpc, planned=PLANNED,
        flow_logs=replace(BOTH, retention_days=None, kms_key=KEY),
        tags={"owner": "finance"}, notify=("other@example.com",), buckets=("lake",),
    )  # fmt: skip
    last = request(
        moto_access, vpc, flow_logs=replace(BOTH, destinations=("s3",)), notify=(), endpoints=(),
    )  # fmt: skip
    none = request(moto_access, vpc)
    every = {"delete", "replace", "many"}
    forget_clients()  # who we are is asked once

    with recorded(moto_access) as applying:
        run.apply(first)
        by_hand(moto_access)
        run.apply(first, allow=every)
        run.apply(other, allow=every)
        run.apply(first, allow=every)
        run.apply(last, allow=every)
        run.apply(none, allow=every)
    run.apply(first, allow=every)
    forget_clients()
    with recorded(moto_access) as planning:
        run.plan(first)
    forget_clients()
    with recorded(moto_access) as destroying:
        run.destroy(first)
    run.apply(first)
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::x"}
    policy = json.loads(client(moto_access, "s3").get_bucket_policy(Bucket="lake")["Policy"])
    policy["Statement"].append(statement)
    client(moto_access, "s3").put_bucket_policy(Bucket="lake", Policy=json.dumps(policy))
    attached(client(moto_access, "iam"))
    with recorded(moto_access) as beside:
        run.destroy(first)

    assert planning == granted(first, "plan")
    assert applying - BY_HAND | implied(applying) == granted(first, "apply")
    assert destroying | beside == granted(first, "destroy")


# ---- judged


class Judge:
    """A user of the account, whose every request is judged by the emulator's IAM."""

    def __init__(self, access: AwsAccess, monkeypatch: pytest.MonkeyPatch) -> None:
        self._access = access
        self._iam = client(access, "iam")  # with the keys of the account itself
        self._iam.create_user(UserName="ops")
        key = self._iam.create_access_key(UserName="ops")["AccessKey"]
        forget_clients()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])

    def allow(self, actions: set[str]) -> None:
        """These actions, on everything: the emulator asks for the resource `*` alone."""
        self._judged(on=False)
        statement = {"Effect": "Allow", "Action": sorted(actions), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._iam.put_user_policy(UserName="ops", PolicyName="ops", PolicyDocument=document)
        self._judged(on=True)

    def _judged(self, *, on: bool) -> None:
        url = f"{self._access.endpoint}/moto-api/reset-auth"
        count = b"0" if on else b"inf"
        plain = urllib.request.Request(url, count, {"Content-Type": "text/plain"})
        urllib.request.urlopen(plain, timeout=30).close()

    def off(self) -> None:
        self._judged(on=False)


@pytest.fixture
def judge(moto_access: AwsAccess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Judge]:
    made = Judge(moto_access, monkeypatch)
    yield made
    made.off()


def test_with_the_policies_everything_is_allowed(moto_access: AwsAccess, judge: Judge) -> None:
    asked = request(moto_access, network(moto_access))

    judge.allow(granted(asked, "plan"))
    first = run.plan(asked)
    judge.allow(granted(asked, "apply"))
    run.apply(asked, fingerprint=first.plan.fingerprint)
    judge.allow(granted(asked, "plan"))
    again = run.plan(asked)
    judge.allow(granted(asked, "destroy"))
    gone = run.destroy(asked)

    assert changed(again.plan) == {}
    assert gone.is_complete


def test_whoever_grants_what_each_refusal_names_gets_there_with_what_the_policy_holds(
    moto_access: AwsAccess, judge: Judge
) -> None:
    asked = one_of_each(moto_access, network(moto_access))
    have = granted(asked, "plan")
    given: list[str] = []

    while (refusal := _refused(judge, have, asked)) is not None:
        action = json.loads(refusal.next_step.splitlines()[-1])["Action"]
        assert refusal.code == "LF-1203"
        assert f"may not {action}" in refusal.what
        assert "resources were made and are kept" in refusal.where
        given.append(action)
        have.add(action)

    assert len(given) == len(set(given)) > 10
    assert set(given) <= granted(asked, "apply")
    judge.allow(granted(asked, "plan"))
    assert changed(run.plan(asked).plan) == {}


def _refused(judge: Judge, have: set[str], asked: MonitorRequest) -> FerryError | None:
    judge.allow(have)
    try:
        run.apply(asked)
    except FerryError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("step", "missing"),
    [
        ("plan", "ec2:DescribeVpcs"), ("plan", "ec2:DescribeFlowLogs"),
        ("plan", "logs:DescribeLogGroups"), ("destroy", "ec2:DeleteVpcEndpoints"),
        ("destroy", "ec2:DeleteFlowLogs"), ("destroy", "logs:DeleteLogGroup"),
    ],
)  # fmt: skip
def test_an_action_that_is_taken_away_is_named(
    moto_access: AwsAccess, judge: Judge, step: Step, missing: str
) -> None:
    asked = request(moto_access, network(moto_access), endpoints=ENDPOINTS)
    judge.allow(granted(asked, "apply"))
    run.apply(asked)

    judge.allow(granted(asked, step) - {missing})
    with pytest.raises(FerryError) as refused:
        run.destroy(asked) if step == "destroy" else run.plan(asked)

    assert (refused.value.code, refused.value.exit_code) == ("LF-1203", 2)
    assert f"may not {missing}" in refused.value.what
    assert f'"Action":"{missing}"' in refused.value.next_step
