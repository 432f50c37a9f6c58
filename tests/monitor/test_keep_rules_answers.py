"""The keeper of rules on answers of AWS's shape that the emulator does not give."""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lakeferry.monitor.export.keep_rules import keeper
from lakeferry.monitor.wanted.desired import desired
from lakeferry.network.topology import Topology
from tests.monitor.wishes import full
from tests.network.sample_scenario import topology
from tests.network.test_rule_set import regional

Answer = dict[str, Any]
SUBNETS = topology().scope
IN_USE = {"State": "active", "DestinationCidrBlock": "0.0.0.0/0"}
OURS = [{"Key": "lakeferry:deployment", "Value": "m1"}]


def lambda_of(network: Topology, **chosen: Any) -> ModuleType:
    """The Lambda's module, as its own source makes it."""
    settings = full(**chosen)
    module = ModuleType("index")
    source = keeper(desired(network, settings), settings).source
    exec(compile(source, "index.py", "exec"), module.__dict__)
    return module


class Service:
    """Answers by operation, in pages of one item; what was written is kept."""

    def __init__(self, **answers: tuple[str, list[Answer]]) -> None:
        self._answers = answers
        self.asked: list[tuple[str, Answer]] = []

    def __getattr__(self, operation: str) -> Callable[..., Answer]:
        def call(**asked: Any) -> Answer:
            self.asked.append((operation, asked))
            key, items = self._answers.get(operation, ("Items", []))
            chosen = [one for one in items if _matches(one, asked.get("Filters", ()))]
            at = int(asked.get("NextToken", 0))
            more = {"NextToken": str(at + 1)} if at + 1 < len(chosen) else {}
            return {key: chosen[at : at + 1], **more}

        return call

    def written(self, operation: str) -> list[Answer]:
        return [asked for name, asked in self.asked if name == operation]


def _matches(one: Answer, filters: Any) -> bool:
    fields = {"network-interface-id": "NetworkInterfaceId"}
    found = {each["Name"]: each["Values"] for each in filters}
    attached = one.get("Attachment", {}).get("InstanceId")
    if "attachment.instance-id" in found:
        return attached in found["attachment.instance-id"]
    return all(one[fields[name]] in found[name] for name in found if name in fields)


def network(
    *routes: Answer,
    gateways: list[Answer] | None = None,
    endpoints: list[Answer] | None = None,
    enis: list[Answer] | None = None,
    further: list[Answer] | None = None,
) -> Service:
    """All subnets of the scope have one table with these routes."""
    table = {"Routes": list(routes), "Associations": [{"SubnetId": one} for one in SUBNETS]}
    return Service(
        describe_route_tables=("RouteTables", [table, *(further or [])]),
        describe_nat_gateways=("NatGateways", gateways or []),
        describe_vpc_endpoints=("VpcEndpoints", endpoints or []),
        describe_network_interfaces=("NetworkInterfaces", enis or []),
    )


def zonal(id: str, eni: str, subnet: str = "subnet-public") -> Answer:
    addresses = [{"NetworkInterfaceId": eni, "PrivateIp": "10.0.0.1"}]
    return {
        "NatGatewayId": id, "State": "available", "AvailabilityMode": "zonal",
        "SubnetId": subnet, "NatGatewayAddresses": addresses,
    }  # fmt: skip


def test_a_regional_nat_gateway_is_kept_by_its_own_id() -> None:
    gateway = {"NatGatewayId": "nat-9", "State": "available", "AvailabilityMode": "regional"}
    ec2 = network({**IN_USE, "NatGatewayId": "nat-9"}, gateways=[gateway])

    found, gateways = lambda_of(regional()).interfaces(ec2)

    assert found["regional"] == {"nat-9": ""}
    assert found["gateway"] == found["all"] == {}
    assert gateways == {"nat-9"}


def test_rules_of_a_regional_nat_gateway_follow_another_one() -> None:
    module = lambda_of(regional(), questions=("nat-billed",))
    (family,) = module.PLAN["families"]
    name = "lakeferry-m1.nat-billed-regional"
    old = {"Name": name, "State": "ENABLED", "Definition": json.dumps(
        module.body(family, ["nat-0123"], {"nat-0123": ""}))}  # fmt: skip
    cloudwatch = Service(list_tags_for_resource=("Tags", OURS))
    done: dict[str, list[str]] = {"created": [], "changed": [], "deleted": [], "said": []}

    module.keep(cloudwatch, {name: old}, family, {"nat-9": ""}, done)

    assert done["changed"] == [name]
    (asked,) = cloudwatch.written("put_insight_rule")
    filters = json.loads(asked["RuleDefinition"])["Contribution"]["Filters"]
    assert filters[0] == {"Match": "resource-id", "In": ["nat-9"]}


def test_a_nat_gateway_behind_a_firewall_is_found() -> None:
    firewall = {
        "VpcEndpointId": "vpce-f", "VpcEndpointType": "GatewayLoadBalancer", "State": "available",
        "ServiceName": "com.amazonaws.vpce.us-east-1.vpce-svc-1", "SubnetIds": ["subnet-firewall"],
    }  # fmt: skip
    behind = {
        "Routes": [{**IN_USE, "NatGatewayId": "nat-1"}],
        "Associations": [{"SubnetId": "subnet-firewall"}],
    }
    ec2 = network(
        {**IN_USE, "GatewayId": "vpce-f"},
        gateways=[zonal("nat-1", "eni-1"), zonal("nat-2", "eni-2")],
        endpoints=[firewall],
        further=[behind],
    )

    found, _ = lambda_of(topology()).interfaces(ec2)

    assert found["gateway"] == {"eni-1": "10.0.0.1"}


@pytest.mark.parametrize(
    "route",
    [
        {**IN_USE, "NatGatewayId": "nat-1", "State": "blackhole"},
        {**IN_USE, "NatGatewayId": "nat-1", "DestinationCidrBlock": "10.9.0.0/16"},
        {**IN_USE, "NatGatewayId": "nat-gone"},
        {**IN_USE, "GatewayId": "igw-1"},
        {**IN_USE, "TransitGatewayId": "tgw-1"},
    ],
)
def test_what_is_no_way_out_by_a_nat_device_gives_no_interface(route: Answer) -> None:
    found, _ = lambda_of(topology()).interfaces(network(route, gateways=[zonal("nat-1", "eni-1")]))

    assert found["all"] == {}


def test_all_interfaces_of_a_nat_instance_count_also_where_the_route_names_one() -> None:
    placed = {"SubnetId": "subnet-p", "Attachment": {"InstanceId": "i-1"}}
    enis = [
        {"NetworkInterfaceId": "eni-1", "PrivateIpAddress": "10.0.0.1", **placed},
        {"NetworkInterfaceId": "eni-2", "PrivateIpAddress": "10.0.0.2", **placed},
    ]
    waiting = {**enis[0], "NetworkInterfaceId": "eni-3", "Attachment": {}}
    by_interface = network({**IN_USE, "NetworkInterfaceId": "eni-1"}, enis=enis)
    by_instance = network({**IN_USE, "InstanceId": "i-1"}, enis=enis)
    unattached = network({**IN_USE, "NetworkInterfaceId": "eni-3"}, enis=[waiting])
    module = lambda_of(topology())

    both = {"eni-1": "10.0.0.1", "eni-2": "10.0.0.2"}
    assert module.interfaces(by_interface)[0]["instance"] == both
    assert module.interfaces(by_instance)[0]["instance"] == both
    assert module.interfaces(unattached)[0]["instance"] == {"eni-3": "10.0.0.1"}


def test_the_main_table_counts_where_a_subnet_has_none_of_its_own() -> None:
    main = {"Routes": [{**IN_USE, "NatGatewayId": "nat-1"}], "Associations": [{"Main": True}]}
    ec2 = Service(
        describe_route_tables=("RouteTables", [main]),
        describe_nat_gateways=("NatGateways", [zonal("nat-1", "eni-1")]),
    )

    assert lambda_of(topology()).interfaces(ec2)[0]["gateway"] == {"eni-1": "10.0.0.1"}


def test_routes_that_go_round_in_a_circle_come_to_an_end() -> None:
    ec2 = network(
        {**IN_USE, "NatGatewayId": "nat-1"}, gateways=[zonal("nat-1", "eni-1", SUBNETS[0])]
    )

    assert lambda_of(topology()).interfaces(ec2)[0]["gateway"] == {"eni-1": "10.0.0.1"}


def test_every_page_of_an_answer_is_read() -> None:
    gateways = [zonal(f"nat-{n}", f"eni-{n}") for n in range(7)]
    routes = [{**IN_USE, "NatGatewayId": one["NatGatewayId"]} for one in gateways]

    found, _ = lambda_of(topology()).interfaces(network(*routes, gateways=gateways))

    assert sorted(found["gateway"]) == [f"eni-{n}" for n in range(7)]


def test_a_rule_that_was_not_deleted_inside_an_answer_of_200_fails_the_run() -> None:
    failure = {"FailureCode": "InternalServerError", "FailureDescription": "try again"}
    cloudwatch = Service(delete_insight_rules=("Failures", [failure]))

    with pytest.raises(RuntimeError, match="InternalServerError"):
        lambda_of(topology()).delete(cloudwatch, "lakeferry-m1.leak-up.2")


@given(st.lists(st.sets(st.integers(0, 40), max_size=35), min_size=1, max_size=6))
@hypothesis_settings(max_examples=60, deadline=None)
def test_each_interface_is_in_one_rule_of_ten_and_stays_there(history: list[set[int]]) -> None:
    module = lambda_of(topology())
    family = next(one for one in module.PLAN["families"] if one["name"].endswith(".leak-up"))
    rules: dict[str, Answer] = {}
    before: dict[str, str] = {}
    for numbers in history:
        ids = {f"eni-{n:02}": f"10.0.0.{n}" for n in numbers}
        wanted = module.grouped(rules, family, ids)
        rules = {
            name: {"Definition": json.dumps(module.body(family, some, ids))}
            for name, some in wanted.items()
            if some
        }

        placed = [(id, name) for name, some in wanted.items() for id in some]
        assert sorted(id for id, _ in placed) == sorted(ids)
        assert all(len(some) <= 10 for some in wanted.values())
        assert all(before.get(id, name) == name for id, name in placed)
        assert {
            name: some for name, some in module.grouped(rules, family, ids).items() if some
        } == {name: some for name, some in wanted.items() if some}
        before = dict(placed)
