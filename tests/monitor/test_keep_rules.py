"""The Lambda that keeps rules in step, run as a program of its own against a server of AWS."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from lakeferry.aws.ensure import ensure
from lakeferry.aws.place import Place
from lakeferry.aws.read import read
from lakeferry.connect.aws import AwsAccess, client
from lakeferry.monitor.export.keep_rules import keeper
from lakeferry.monitor.settings import EndpointWish, FlowLogWish, MonitorSettings
from lakeferry.monitor.wanted.desired import Desired, desired
from lakeferry.network.discover import Scope, topology
from lakeferry.network.fields import DEFAULT_FORMAT
from lakeferry.network.resources import InsightRule
from lakeferry.network.rules import check_rule
from tests.aws import data_plane
from tests.aws.data_plane import DataPlane
from tests.servers.moto import ACCOUNT, REGION

pytestmark = pytest.mark.server
RUN = "import index, json, sys; json.dump(index.handler({}, None), sys.stderr)"
Done = dict[str, list[str]]
NOTHING: Done = {"created": [], "changed": [], "deleted": [], "said": []}


@dataclass(frozen=True)
class Deployed:
    """A deployment whose rules are there, and its Lambda."""

    access: AwsAccess
    plane: DataPlane
    settings: MonitorSettings
    made: Desired
    folder: Path
    called: set[str] = field(default_factory=set)  # every call of every run

    def run(self) -> Done:
        """What one run of the Lambda did."""
        source = keeper(self.made, self.settings).source
        module = ModuleType("index")
        printed = StringIO()
        with patch.dict(os.environ, self.environment), redirect_stdout(printed):
            boto3.setup_default_session()
            boto3.DEFAULT_SESSION.events.register("before-call", self._note)
            exec(compile(source, "index.py", "exec"), module.__dict__)
            done: Done = module.handler({}, None)
        assert json.loads(printed.getvalue()) == done  # the log says the same
        return done

    def run_by_itself(self) -> Done:
        """The same by a Python that knows nothing of this project."""
        (self.folder / "index.py").write_text(keeper(self.made, self.settings).source)
        environment = {**os.environ, **self.environment, "PYTHONPATH": str(self.folder)}
        ran = subprocess.run(
            [sys.executable, "-c", RUN], env=environment, capture_output=True, check=True
        )
        done: Done = json.loads(ran.stderr)
        assert json.loads(ran.stdout) == done
        return done

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": str(self.access.endpoint),
            "AWS_DEFAULT_REGION": REGION,
            "AWS_MAX_ATTEMPTS": "1",
        }

    def _note(self, model: Any, **_: Any) -> None:
        service = {"monitoring": "cloudwatch"}.get(model.service_model.endpoint_prefix, "ec2")
        self.called.add(f"{service}:{model.name}")

    @property
    def cloudwatch(self) -> Any:
        return client(self.access, "cloudwatch")

    @property
    def ec2(self) -> Any:
        return client(self.access, "ec2")

    def rules(self) -> Mapping[str, Any]:
        """Every rule of the Region, others' too, without the deployment's prefix."""
        listed = self.cloudwatch.describe_insight_rules()["InsightRules"]
        return {one["Name"].removeprefix(self.settings.prefix): one for one in listed}

    def lists(self, name: str, field: str = "interface-id") -> list[str]:
        filters = json.loads(self.rules()[name]["Definition"])["Contribution"]["Filters"]
        return next(list(one.get("In", ())) for one in filters if one["Match"] == field)

    def endpoint_enis(self, id: str) -> list[str]:
        found = self.ec2.describe_vpc_endpoints(VpcEndpointIds=[id])["VpcEndpoints"][0]
        return sorted(found["NetworkInterfaceIds"])

    def other_way(self) -> str:
        """The first private subnet goes out by a new NAT gateway; the new one's interface."""
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        made = self.ec2.create_nat_gateway(SubnetId=self.plane.public[1], AllocationId=address)
        id = made["NatGateway"]["NatGatewayId"]
        self.ec2.replace_route(
            RouteTableId=self.plane.tables[0], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=id
        )
        return interface_of(self.ec2, id)

    def endpoint(self, service: str, zones: int = 2) -> str:
        """A further interface endpoint; its id."""
        made = self.ec2.create_vpc_endpoint(
            VpcId=self.plane.vpc, ServiceName=f"com.amazonaws.{REGION}.{service}",
            VpcEndpointType="Interface", SubnetIds=list(self.plane.private[:zones]),
        )  # fmt: skip
        id: str = made["VpcEndpoint"]["VpcEndpointId"]
        return id

    def no_endpoint(self, id: str) -> None:
        """Gone, and its interfaces with it, as AWS does; the server leaves them."""
        enis = self.endpoint_enis(id)
        self.ec2.delete_vpc_endpoints(VpcEndpointIds=[id])
        for eni in enis:
            self.no_interface(eni)

    def no_interface(self, eni: str) -> None:
        there = self.ec2.describe_network_interfaces(
            Filters=[{"Name": "network-interface-id", "Values": [eni]}]
        )["NetworkInterfaces"]
        for one in there:
            self.ec2.delete_network_interface(NetworkInterfaceId=one["NetworkInterfaceId"])


def interface_of(ec2: Any, nat_gateway: str) -> str:
    listed = ec2.describe_nat_gateways(NatGatewayIds=[nat_gateway])["NatGateways"]
    id: str = listed[0]["NatGatewayAddresses"][0]["NetworkInterfaceId"]
    return id


def deployed(access: AwsAccess, folder: Path, **chosen: Any) -> Deployed:
    plane = data_plane.made(access)
    usual: dict[str, Any] = {"tags": {"owner": "data-platform"}, "notify": ("ops@example.com",)}
    settings = MonitorSettings("m1", ACCOUNT, REGION, **{**usual, **chosen})
    scope = Scope(vpc=plane.vpc)
    sight = read(access, scope)
    network = topology(sight.found, scope, beyond=sight.beyond)
    # The flow log of the data plane would be used as it is: its format lacks tcp-flags.
    made = desired(network, settings)
    place = Place(access, ACCOUNT, settings.deployment)
    for rule in made.resources:
        if isinstance(rule, InsightRule):
            ensure(place, rule, None)
    return Deployed(access, plane, settings, made, folder)


def test_it_changes_nothing_where_all_is_as_it_was_planned(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    here = deployed(moto_access, tmp_path)
    before = here.rules()

    assert here.run() == here.run_by_itself() == NOTHING
    assert here.rules() == before
    assert len(before) > 10


def test_interfaces_that_come_join_the_rules_of_their_service(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    here = deployed(moto_access, tmp_path)
    second = here.endpoint("kinesis-streams")

    done = here.run()

    assert done == {
        **NOTHING,
        "changed": [
            "lakeferry-m1.connections-kinesis-streams", "lakeferry-m1.endpoint-kinesis-streams",
        ],
    }  # fmt: skip
    both = [*here.endpoint_enis(here.plane.kinesis), *here.endpoint_enis(second)]
    assert sorted(here.lists("endpoint-kinesis-streams")) == sorted(both)
    assert here.run() == NOTHING


def test_interfaces_that_go_leave_the_rules_and_others_stay_where_they_are(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    here = deployed(moto_access, tmp_path)
    second = here.endpoint("kinesis-streams")
    here.run()
    gone = here.lists("endpoint-kinesis-streams")[0]
    stay = here.lists("endpoint-kinesis-streams")[1:]

    here.no_endpoint(second)
    here.no_endpoint(here.plane.kinesis)
    third = here.endpoint("kinesis-streams")
    here.run()

    assert gone not in here.lists("endpoint-kinesis-streams")
    assert not set(stay) & set(here.lists("endpoint-kinesis-streams"))
    assert sorted(here.lists("endpoint-kinesis-streams")) == here.endpoint_enis(third)


def test_a_rule_whose_interfaces_are_all_gone_stays_since_alarms_name_it(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    here = deployed(moto_access, tmp_path)
    before = here.rules()

    here.no_endpoint(here.plane.kinesis)

    assert here.run() == NOTHING
    assert here.rules() == before


def test_another_nat_gateway_on_the_way_out_is_counted_and_the_old_one_while_it_is_there(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    here = deployed(moto_access, tmp_path)
    old = interface_of(here.ec2, here.plane.nat_gateway)
    new = here.other_way()

    here.run()

    assert here.lists("nat-gateway-billed") == [old, new]
    assert set(here.lists("leak-up")) > {old, new}  # and the NAT instance

    here.no_interface(old)
    here.ec2.delete_nat_gateway(NatGatewayId=here.plane.nat_gateway)
    here.run()

    assert here.lists("nat-gateway-billed") == [new]


def test_a_nat_gateway_that_the_subnets_do_not_use_is_none_of_ours(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    here = deployed(moto_access, tmp_path)
    address = here.ec2.allocate_address(Domain="vpc")["AllocationId"]
    here.ec2.create_nat_gateway(SubnetId=here.plane.public[1], AllocationId=address)

    assert here.run() == NOTHING


def test_a_nat_instance_that_was_replaced_is_found_by_its_route(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    here = deployed(moto_access, tmp_path)
    (old,) = here.lists("nat-instance-billed")
    run = here.ec2.run_instances(
        ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=here.plane.public[1]
    )
    new = run["Instances"][0]["NetworkInterfaces"][0]["NetworkInterfaceId"]
    here.ec2.replace_route(
        RouteTableId=here.plane.tables[1], DestinationCidrBlock="0.0.0.0/0", NetworkInterfaceId=new
    )
    here.ec2.terminate_instances(InstanceIds=[here.plane.nat_instance])
    here.no_interface(old)

    here.run()

    assert here.lists("nat-instance-billed") == [new]


def test_more_than_ten_interfaces_are_split_and_it_says_that_no_alarm_names_the_new_rule(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    here = deployed(moto_access, tmp_path)
    first = here.lists("endpoint-kinesis-streams")
    more = [here.endpoint("kinesis-streams") for _ in range(5)]

    done = here.run()

    assert done["created"] == [
        "lakeferry-m1.connections-kinesis-streams.2", "lakeferry-m1.endpoint-kinesis-streams.2",
    ]  # fmt: skip
    assert done["said"] == [
        f"{name} is in no alarm and no graph: export the template again" for name in done["created"]
    ]
    one, two = here.lists("endpoint-kinesis-streams"), here.lists("endpoint-kinesis-streams.2")
    assert (len(one), len(two)) == (10, 2)
    assert one[:2] == first
    assert not set(one) & set(two)
    assert here.run() == NOTHING
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:insight-rule/{done['created'][0]}"
    tags = here.cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"]
    assert {"Key": "lakeferry:deployment", "Value": "m1"} in tags
    assert {"Key": "owner", "Value": "data-platform"} in tags

    for id in more:
        here.no_endpoint(id)
    assert here.run()["deleted"] == done["created"]
    assert here.lists("endpoint-kinesis-streams") == first
    assert here.run() == NOTHING


def test_room_in_the_first_rule_is_filled_before_a_second_one_is_made(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    here = deployed(moto_access, tmp_path)
    more = [here.endpoint("kinesis-streams") for _ in range(5)]
    here.run()
    in_second = set(here.lists("endpoint-kinesis-streams.2"))
    first_half = next(id for id in more if not set(here.endpoint_enis(id)) & in_second)

    here.no_endpoint(first_half)
    new = here.endpoint("kinesis-streams")
    here.run()

    assert set(here.endpoint_enis(new)) <= set(here.lists("endpoint-kinesis-streams"))
    assert set(here.lists("endpoint-kinesis-streams.2")) == in_second


def test_rules_of_other_deployments_and_of_nobody_are_never_touched(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    here = deployed(moto_access, tmp_path)
    other = here.rules()["endpoint-kinesis-streams"]["Definition"]
    for name, owner in (
        ("lakeferry-m10.endpoint-kinesis-streams", "m10"),
        ("lakeferry-m1-b.endpoint-kinesis-streams", "m1-b"),
        ("lakeferry-m1.endpoint-kinesis-streams.2", "somebody"),  # our name, another's tag
        ("theirs", "them"),
    ):
        tags = [{"Key": "lakeferry:deployment", "Value": owner}]
        here.cloudwatch.put_insight_rule(
            RuleName=name, RuleState="ENABLED", RuleDefinition=other, Tags=tags
        )
    before = here.rules()
    for _ in range(2):
        here.endpoint("kinesis-streams")
    here.no_endpoint(here.plane.kinesis)

    done = here.run()

    ours = {"endpoint-kinesis-streams", "connections-kinesis-streams"}
    after = here.rules()
    assert {name for name in after if after[name] != before.get(name)} <= ours
    assert before.keys() == after.keys()
    left = "lakeferry-m1.endpoint-kinesis-streams.2 has not the tag of this deployment: left alone"
    assert left in done["said"]


def test_with_a_rule_an_interface_new_ones_get_their_own(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    here = deployed(moto_access, tmp_path, per="eni")
    assert here.run() == NOTHING
    second = here.endpoint("sts", zones=1)
    (eni,) = here.endpoint_enis(second)

    assert here.run()["created"] == [
        f"lakeferry-m1.connections-sts.{eni}", f"lakeferry-m1.endpoint-sts.{eni}",
    ]  # fmt: skip
    assert here.lists(f"endpoint-sts.{eni}") == [eni]
    assert here.run() == NOTHING

    here.no_endpoint(second)
    here.no_endpoint(here.plane.sts)

    assert here.run()["deleted"] == [
        f"lakeferry-m1.connections-sts.{eni}", f"lakeferry-m1.endpoint-sts.{eni}",
    ]  # fmt: skip
    assert any(name.startswith("endpoint-sts.eni-") for name in here.rules())  # the template's


def test_in_the_default_format_addresses_follow_their_interfaces(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    v2 = FlowLogWish(fields=DEFAULT_FORMAT, group="/lakeferry/m1/flow")  # not the one that is there
    here = deployed(moto_access, tmp_path, flow_logs=v2)
    assert here.run() == NOTHING
    new = here.other_way()

    here.run()

    assert new in here.lists("nat-gateway-billed")
    shown = here.ec2.describe_network_interfaces(
        NetworkInterfaceIds=here.lists("nat-gateway-billed")
    )["NetworkInterfaces"]
    addresses = {one["NetworkInterfaceId"]: one["PrivateIpAddress"] for one in shown}
    assert here.lists("nat-gateway-billed", "dstaddr") == [
        addresses[eni] for eni in here.lists("nat-gateway-billed")
    ]


def test_endpoints_that_the_template_itself_makes_get_their_rules_when_they_are_there(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    here = deployed(moto_access, tmp_path, endpoints=(EndpointWish("logs", "interface"),))
    assert "endpoint-logs" not in here.rules()
    assert here.run() == NOTHING
    made = here.endpoint("logs")

    done = here.run()

    assert done["created"] == ["lakeferry-m1.connections-logs", "lakeferry-m1.endpoint-logs"]
    assert sorted(here.lists("endpoint-logs")) == here.endpoint_enis(made)


def test_rules_that_were_switched_off_stay_off(moto_access: AwsAccess, tmp_path: Path) -> None:
    here = deployed(moto_access, tmp_path)
    names = [f"lakeferry-m1.{name}" for name in here.rules()]
    here.cloudwatch.disable_insight_rules(RuleNames=names)
    for _ in range(5):
        here.endpoint("kinesis-streams")

    here.run()

    assert {one["State"] for one in here.rules().values()} == {"DISABLED"}
    assert "endpoint-kinesis-streams.2" in here.rules()


def test_every_rule_that_it_writes_is_one_that_cloudwatch_takes(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    here = deployed(moto_access, tmp_path)
    here.other_way()
    for service in ("kinesis-streams", "sts", "ec2messages"):
        for _ in range(6):
            here.endpoint(service)

    here.run()

    assert len(here.rules()) > 20
    for name, one in here.rules().items():
        assert check_rule(one["Definition"], name=name, fields=here.made.fields) == (), name


def test_its_role_may_do_what_it_calls_and_nothing_else(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    here = deployed(moto_access, tmp_path)
    more = [here.endpoint("kinesis-streams") for _ in range(5)]
    here.run()
    for id in more:
        here.no_endpoint(id)
    here.run()

    policy = json.loads(keeper(here.made, here.settings).function.role.policy)
    allowed = {action for statement in policy["Statement"] for action in statement["Action"]}
    # With tags PutInsightRule asks for TagResource; Lambda itself writes the log.
    granted = {"cloudwatch:TagResource", "logs:CreateLogStream", "logs:PutLogEvents"}
    assert allowed - granted == here.called


def test_writing_and_removing_are_limited_to_the_deployments_rules_and_log_groups(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    here = deployed(moto_access, tmp_path)
    statements = json.loads(keeper(here.made, here.settings).function.role.policy)["Statement"]

    mine = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:insight-rule/lakeferry-m1.*"
    by_name = {one["Sid"]: one for one in statements}
    assert by_name["Write"]["Resource"] == by_name["RulesOfThisDeployment"]["Resource"] == mine
    assert by_name["Write"]["Condition"] == {
        "ForAllValues:StringEqualsIgnoreCase": {
            "cloudwatch:requestInsightRuleLogGroups": ["/lakeferry/m1/flow"]
        }
    }
    assert by_name["Look"]["Resource"] == "*"
    assert all(":Describe" in action for action in by_name["Look"]["Action"])


def test_a_refusal_of_aws_fails_the_run_so_that_its_alarm_tells(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    here = deployed(moto_access, tmp_path)
    lost = replace(here, access=replace(here.access, endpoint="http://127.0.0.1:9"))

    with pytest.raises(EndpointConnectionError):
        lost.run()
