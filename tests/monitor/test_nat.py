"""NAT instances that are wanted: where, of which type, beside what; and what is refused."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lakeferry.errors import FerryError
from lakeferry.monitor.nat.instances import nat
from lakeferry.monitor.nat.size import refuse_not_offered, types_by_zone
from lakeferry.monitor.settings import OWNER_TAG, EndpointWish
from lakeferry.monitor.wanted.desired import Desired, desired
from lakeferry.network.nat_resources import (
    DefaultRoute,
    ElasticIp,
    InstanceProfile,
    NatInstance,
    NetworkInterface,
    StandbyGateway,
)
from lakeferry.network.resources import (
    Alarm,
    Eni,
    Instance,
    PlannedFlow,
    Resource,
    Role,
    Route,
    SecurityGroup,
    TransitAttachment,
    VpcEndpoint,
    key_of,
)
from tests.monitor.nat_zones import (
    MONTH,
    VPC,
    gateway,
    network,
    private,
    public,
    table,
    wishing,
)
from tests.monitor.wishes import settings
from tests.network.sample_scenario import ACCOUNT


def kinds(made: Desired) -> list[str]:
    return [one.kind_name for one in made.resources]


def one(made: Desired, kind: type[Resource], end: str = "") -> Any:
    (found,) = [
        each for each in made.resources if isinstance(each, kind) and each.name.endswith(end)
    ]
    return found


def every(made: Desired, kind: type[Resource]) -> list[Any]:
    return [each for each in made.resources if isinstance(each, kind)]


def said(made: Desired) -> str:
    return "\n".join(made.notes)


# ---- what is there


def test_each_zone_gets_an_instance_in_a_public_subnet_of_its_own() -> None:
    made = desired(network(3), wishing())

    assert [(each.name, each.subnet_id) for each in every(made, NetworkInterface)] == [
        ("lakeferry-m1.nat.us-east-1a", public(1)),
        ("lakeferry-m1.nat.us-east-1b", public(2)),
        ("lakeferry-m1.nat.us-east-1c", public(3)),
    ]
    assert [each.name for each in every(made, NatInstance)] == [
        each.name for each in every(made, NetworkInterface)
    ]
    assert [(each.route_table_id, each.interface[-1]) for each in every(made, DefaultRoute)] == [
        (table(1), "a"), (table(2), "b"), (table(3), "c"),
    ]  # fmt: skip


def test_an_interface_forwards_and_lets_in_the_vpc_alone() -> None:
    made = desired(network(), wishing())

    eni, group = one(made, NetworkInterface, "1a"), one(made, SecurityGroup, ".nat")
    assert eni.source_dest_check is False
    assert eni.security_groups == (group.name,)
    assert [(rule.protocol, rule.cidrs) for rule in group.ingress] == [("-1", ("10.0.0.0/16",))]


def test_an_instance_takes_metadata_by_tokens_alone_and_is_recovered_by_ec2() -> None:
    box = one(desired(network(), wishing()), NatInstance, "1a")

    assert (box.tokens, box.hops, box.recovery, box.monitoring) == ("required", 1, "default", True)
    assert (box.type, box.arch, box.image) == ("c8gn.large", "arm64", "")
    assert box.image_parameter.endswith("/al2023-ami-kernel-default-arm64")
    assert box.profile == "lakeferry-m1.nat"
    assert box.user_data.startswith("#!/bin/bash")


def test_the_role_may_move_the_named_routes_and_take_sessions_and_nothing_else() -> None:
    role = one(desired(network(), wishing()), Role, ".nat")

    allowed = {each["Sid"]: each for each in json.loads(role.policy)["Statement"]}
    assert allowed["MoveRoutes"]["Action"] == ["ec2:ReplaceRoute"]
    assert [arn.rpartition("/")[2] for arn in allowed["MoveRoutes"]["Resource"]] == [
        table(1), table(2),
    ]  # fmt: skip
    assert set(allowed) == {"MoveRoutes", "FindPeersAndRoutes", "Sessions"}
    # An older agent, of an image that a person names, has no other way to get a command.
    assert {"ec2messages:GetMessages", "ec2messages:SendReply"} <= {*allowed["Sessions"]["Action"]}
    assert {one.partition(":")[0] for one in allowed["Sessions"]["Action"]} == {
        "ec2messages", "ssm", "ssmmessages",
    }  # fmt: skip
    assert "ec2.amazonaws.com" in role.trust


def test_a_gateway_stands_by_in_each_zone_and_the_instances_know_it() -> None:
    made = desired(network(), wishing())

    assert [each.name for each in every(made, StandbyGateway)] == [
        "lakeferry-m1.nat-standby.us-east-1a", "lakeferry-m1.nat-standby.us-east-1b",
    ]  # fmt: skip
    assert one(made, ElasticIp, "nat-standby.us-east-1a").interface == ""
    assert one(made, ElasticIp, "nat.us-east-1a").interface == "lakeferry-m1.nat.us-east-1a"
    assert "${lakeferry-m1.nat-standby.us-east-1b}" in one(made, NatInstance, "1a").user_data


def test_a_nat_gateway_that_is_there_stands_by_and_none_is_made_beside_it() -> None:
    made = desired(network(gateways=(1,)), wishing())

    assert [each.name[-1] for each in every(made, StandbyGateway)] == ["b"]
    assert gateway(1).id in one(made, NatInstance, "1a").user_data
    assert f"{gateway(1).id} in us-east-1a is not ours: it stands by" in said(made)


def test_a_gateway_that_others_make_later_takes_no_place_of_ours() -> None:
    """Its id would be in user data, and every instance would be made anew."""
    name = "lakeferry-m1.nat-standby.us-east-1a"
    ours = replace(gateway(1), id="nat-9", tags={OWNER_TAG: "m1", "Name": name})
    first = desired(network(1, nat_gateways=(ours,)), wishing())
    beside = desired(network(1, nat_gateways=(gateway(1), ours)), wishing())
    failed = replace(ours, state="failed")
    instead = desired(network(1, nat_gateways=(gateway(1), failed)), wishing())

    assert one(beside, StandbyGateway).name == name
    assert one(beside, NatInstance).user_data == one(first, NatInstance).user_data
    assert every(instead, StandbyGateway) == []


def test_a_gateway_of_another_deployment_does_not_stand_by() -> None:
    theirs = replace(gateway(1), tags={OWNER_TAG: "m2"})

    made = desired(network(nat_gateways=(theirs,)), wishing())

    assert len(every(made, StandbyGateway)) == 2


def test_each_comes_after_what_it_needs_and_routes_come_last() -> None:
    made = desired(network(), wishing())

    first = [kinds(made).index(kind) for kind in (
        "security_group", "vpc_endpoint", "role", "instance_profile", "network_interface",
        "elastic_ip", "standby_gateway", "nat_instance", "dashboard", "default_route",
    )]  # fmt: skip
    assert first == sorted(first)
    assert kinds(made)[-2:] == ["default_route", "default_route"]
    assert len({key_of(each) for each in made.resources}) == len(made.resources)
    assert all(each.tags[OWNER_TAG] == "m1" for each in made.resources)


def test_s3_takes_its_gateway_endpoint_before_any_route_moves() -> None:
    made = desired(network(), wishing())

    assert one(made, VpcEndpoint).service == "com.amazonaws.us-east-1.s3"
    assert one(made, VpcEndpoint).route_table_ids == (table(1), table(2))
    chosen = replace(wishing(), endpoints=(EndpointWish("s3", "gateway"),))
    assert len(every(desired(network(), chosen), VpcEndpoint)) == 1


@pytest.mark.parametrize("kind", ["none", "gateway"])
def test_whoever_wants_no_instance_gets_nothing_of_it(kind: str) -> None:
    made = desired(network(), wishing(kind=kind))

    assert not {each.kind_name for each in made.resources} & {
        each.kind_name for each in (NatInstance, NetworkInterface, ElasticIp, InstanceProfile)
    }
    assert desired(network(), settings("m1")).resources == desired(
        network(), replace(wishing(kind=kind), planned=(), tags={})
    ).resources  # fmt: skip


def test_each_costs_its_hours_beside_it() -> None:
    made = desired(network(), wishing())

    usd = {(cost.kind, cost.name[-1]): cost.usd for cost in made.costs}
    assert f"{usd['nat_instance', 'a']:.3f}" == "87.145"  # 0.1185 x 730 + 8 x 0.08
    assert f"{usd['elastic_ip', 'a']:.2f}" == "3.65"
    assert f"{usd['standby_gateway', 'a']:.2f}" == "32.85"
    assert usd["network_interface", "a"] == 0


# ---- how many, and where


def test_more_instances_than_zones_share_the_route_tables_of_a_zone() -> None:
    base = network(1)
    second = replace(base.found.subnets[0], id=private(7))
    tables = (*base.found.route_tables, replace(
        base.found.route_tables[0], id=table(7), subnet_ids=(private(7),)))  # fmt: skip
    wide = network(1, subnets=(*base.found.subnets, second), route_tables=tables)

    made = desired(wide, wishing(count=2))

    assert {each.route_table_id: each.interface for each in every(made, DefaultRoute)} == {
        table(1): "lakeferry-m1.nat.us-east-1a", table(7): "lakeferry-m1.nat.us-east-1a.2",
    }  # fmt: skip


@given(zones=st.integers(1, 5), more=st.integers(0, 4), data=st.data())
@hypothesis_settings(max_examples=40, deadline=None)
def test_every_private_table_leads_to_one_instance_of_its_own_zone(
    zones: int, more: int, data: st.DataObject
) -> None:
    base = network(zones, gateways=range(1, zones + 1))
    in_zone = [data.draw(st.integers(1, zones)) for _ in range(more)]
    subnets = tuple(
        replace(base.found.subnets[2 * (zone - 1)], id=private(50 + n))
        for n, zone in enumerate(in_zone)
    )
    tables = tuple(
        replace(base.found.route_tables[zone - 1], id=table(50 + n), subnet_ids=(private(50 + n),))
        for n, zone in enumerate(in_zone)
    )
    wide = network(
        zones, nat_gateways=base.found.nat_gateways, subnets=(*base.found.subnets, *subnets),
        route_tables=(*base.found.route_tables, *tables),
    )  # fmt: skip
    count = data.draw(st.none() | st.integers(zones, zones + more))

    made = desired(wide, wishing(count=count, type="c7gn.large"))

    led = {each.route_table_id: each.interface for each in every(made, DefaultRoute)}
    stands = {each.name: each.subnet_id for each in every(made, NetworkInterface)}
    zone_of = {each.id: each.zone for each in wide.found.subnets}
    assert led.keys() == {t.id for t in wide.found.route_tables} - {"rtb-0000000000000000f"}
    assert set(led.values()) == stands.keys()  # none stands idle
    for each in wide.found.route_tables:
        if each.id in led:
            assert zone_of[each.subnet_ids[0]] == zone_of[stands[led[each.id]]]
    assert count is None or len(stands) == count


@pytest.mark.parametrize("count", [1, 4])
def test_fewer_than_zones_and_more_than_route_tables_are_refused(count: int) -> None:
    with pytest.raises(FerryError, match="LF-6431") as refused:
        desired(network(3), wishing(count=count))

    assert "take 3: each zone has its own" in refused.value.next_step


def test_a_zone_without_a_public_subnet_is_named() -> None:
    base = network(2)
    fewer = network(2, subnets=tuple(s for s in base.found.subnets if s.id != public(2)))

    with pytest.raises(FerryError, match="us-east-1b has private subnets and no public one"):
        desired(fewer, wishing())


def test_an_instance_stays_in_its_subnet_when_others_are_made_beside_it() -> None:
    """All of it would be made anew for a subnet whose id happens to sort before."""
    base = network(1)
    outward = base.found.route_tables[-1]
    new = "subnet-00000000000000000"
    eni = Eni(
        "eni-1", VPC, public(1), "us-east-1a", "interface", "10.0.101.4", ("10.0.101.4",),
        source_dest_check=False, tags={OWNER_TAG: "m1"},
    )  # fmt: skip
    grown: dict[str, Any] = {
        "subnets": (replace(base.found.subnets[1], id=new), *base.found.subnets),
        "route_tables": (
            base.found.route_tables[0],
            replace(outward, subnet_ids=(new, *outward.subnet_ids)),
        ),
    }

    there = desired(network(1, enis=(eni,), **grown), wishing())

    assert one(desired(network(1, **grown), wishing()), NetworkInterface).subnet_id == new
    assert one(there, NetworkInterface).subnet_id == public(1)
    assert one(there, StandbyGateway).subnet_id == public(1)


def test_what_other_vpcs_send_through_is_told_to_be_lost() -> None:
    """A NAT gateway takes the addresses of a transit gateway's other VPCs, our rules do not."""
    hub = TransitAttachment("tgw-attach-1", "tgw-1", "vpc", VPC, ACCOUNT, (private(1),))
    far = replace(hub, id="tgw-attach-2", resource_id="vpc-2", subnet_ids=())

    told = said(desired(network(2, transit=(hub, far)), wishing()))

    assert f"tgw-attach-1 of tgw-1 comes in by {private(1)} of {table(1)}" in told
    assert "what other VPCs send to the internet by it is lost" in told
    assert "tgw-attach-2" not in told


def test_a_table_of_two_zones_leads_to_one_of_them_and_the_other_is_told() -> None:
    base = network(2)
    shared = replace(base.found.route_tables[0], subnet_ids=(private(1), private(2)))
    mixed = network(2, route_tables=(shared, base.found.route_tables[-1]))

    made = desired(mixed, wishing())

    assert len(every(made, NatInstance)) == 1
    assert f"{table(1)} also leads {private(2)} to the NAT instance of us-east-1a" in said(made)


def test_a_route_of_another_deployment_is_left_to_it() -> None:
    theirs = replace(gateway(1), tags={OWNER_TAG: "m2"})

    with pytest.raises(FerryError, match=r"leads to nat-.* of the deployment m2"):
        desired(network(gateways=(1,), nat_gateways=(theirs,)), wishing())


def test_a_route_that_goes_before_the_default_route_is_told() -> None:
    halves = tuple(Route(one, gateway(1).id, "active") for one in ("0.0.0.0/1", "128.0.0.0/1"))
    base = network(1)
    split = replace(base.found.route_tables[0], routes=halves)

    tables = (split, base.found.route_tables[1])
    made = desired(network(1, nat_gateways=(gateway(1),), route_tables=tables), wishing())

    assert f"{table(1)} leads all bytes by 0.0.0.0/1, which goes before 0.0.0.0/0" in said(made)


def test_more_addresses_than_a_region_usually_gives_are_told() -> None:
    three = desired(network(3, gateways=(1, 2, 3)), wishing())  # which stand by as they are

    assert "6 Elastic IPs are needed; AWS gives 5" in said(desired(network(3), wishing()))
    assert "3 Elastic IPs are needed, and NAT gateways have 3; AWS gives 5" in said(three)
    assert "Elastic IPs" not in said(desired(network(2, gateways=(1, 2)), wishing()))


# ---- type


def test_the_cheapest_that_carries_the_plan_is_taken_and_the_reason_said() -> None:
    made = desired(network(3), wishing())

    assert one(made, NatInstance, "1a").type == "c8gn.large"  # 0.1185 an hour; c7gn 0.1248
    assert "3 x c8gn.large: 6.95 Gbit/s are planned" in said(made)


def test_less_takes_a_smaller_one() -> None:
    made = desired(network(3), wishing([PlannedFlow("nat_gateway", 2**50, MONTH)]))

    assert one(made, NatInstance, "1a").type == "c8gn.medium"  # 3.47 of 0.7 x 3 x 3.125 Gbit/s


def test_a_type_that_carries_less_than_is_planned_is_warned_of_with_figures() -> None:
    made = desired(network(2), wishing(type="c6gn.large"))

    assert "2 x c6gn.large carry less than is planned: 6.95 Gbit/s are, and 3 Gbit/s each" in (
        said(made)
    )
    assert "below 32 vCPU no type has more than 5 Gbit/s there" in said(made)


def test_a_burstable_type_is_warned_of() -> None:
    assert "t4g.nano is burstable: it sustains 0.032 Gbit/s" in said(
        desired(network(), wishing((), type="t4g.nano"))
    )


def test_a_type_that_is_not_known_is_refused_with_the_nearest() -> None:
    with pytest.raises(FerryError, match="LF-6502") as refused:
        desired(network(), wishing(type="c7gn.lrge"))

    assert "c7gn.large" in refused.value.where


def test_a_type_that_a_zone_does_not_offer_is_refused_with_one_that_it_does() -> None:
    made = desired(network(2), wishing(type="c7gn.large"))
    wanted = types_by_zone(made.resources, network(2))

    assert wanted == {"c7gn.large": ("us-east-1a", "us-east-1b")}
    offered = {"us-east-1a": {"c7gn.large"}, "us-east-1b": {"c6gn.large", "m6in.large"}}
    with pytest.raises(FerryError, match=r"c7gn\.large in us-east-1b") as refused:
        refuse_not_offered(wanted, offered, "us-east-1")
    assert "take c6gn.large" in refused.value.next_step


# ---- by what costs least


def test_much_goes_by_instances_and_little_by_gateways() -> None:
    much = desired(network(3), wishing(kind="auto"))
    little = desired(network(3), wishing([PlannedFlow("nat_gateway", 2**40, MONTH)], kind="auto"))

    assert len(every(much, NatInstance)) == 3
    assert "NAT by what costs least: instances" in said(much)
    assert "NAT gateways $94,479.84" in said(much)
    assert every(little, NatInstance) == []
    assert "NAT by what costs least: gateways" in said(little)


def test_the_comparison_is_the_worked_example_to_the_cent() -> None:
    """Three c7gn.large with standby gateways and an endpoint of EC2 against three NAT gateways."""
    made = desired(network(3), wishing(kind="auto", type="c7gn.large", check="lambda"))

    assert "3 x c7gn.large, a standby gateway in each zone cost $411.89, NAT gateways" in said(made)


def test_without_a_plan_nothing_is_decided_and_what_is_there_stays() -> None:
    tags = {OWNER_TAG: "m1", "Name": "lakeferry-m1.nat.us-east-1a"}
    there = Instance("i-1", "vpc-1", public(1), "c7gn.large", "running", (), False, tags)

    assert every(desired(network(), wishing((), kind="auto")), NatInstance) == []
    assert every(desired(network(instances=(there,)), wishing((), kind="auto")), NatInstance)


# ---- outages


@pytest.mark.parametrize(
    ("most", "wish"),
    [
        (8, {}), (119, {"check": "lambda"}), (599, {"check": "none"}), (599, {"standby": "none"}),
    ],
)  # fmt: skip
def test_an_outage_shorter_than_what_was_chosen_holds_is_refused(
    most: int, wish: dict[str, Any]
) -> None:
    with pytest.raises(FerryError, match="LF-6432"):
        desired(network(), wishing(max_outage_s=most, **wish))

    assert desired(network(), wishing(max_outage_s=most + 1, **wish))


def test_a_single_instance_has_no_peer_and_holds_only_what_recovery_does() -> None:
    with pytest.raises(FerryError, match="600 s") as refused:
        desired(network(1), wishing(max_outage_s=60))

    assert "--nat-check lambda" in refused.value.next_step
    assert "has no peer that looks at it" in said(desired(network(1), wishing()))


def test_a_single_instance_minds_its_own_path_where_a_gateway_stands_by() -> None:
    alone = desired(network(1), wishing())

    assert "${lakeferry-m1.nat-standby.us-east-1a}" in one(alone, NatInstance).user_data
    assert table(1) not in one(desired(network(1), wishing(standby="none")), NatInstance).user_data
    assert (
        table(1) not in one(desired(network(1), wishing(standby="instance")), NatInstance).user_data
    )


def test_the_lambda_reaches_ec2_by_an_endpoint_and_not_through_what_it_looks_at() -> None:
    wanted = nat(network(), wishing(check="lambda"))

    assert wanted.endpoints == (EndpointWish("s3", "gateway"), EndpointWish("ec2", "interface"))
    assert all("MoveRoutes" not in role.policy for role in wanted.roles)


def test_endpoints_of_others_that_nat_instances_have_to_pass_are_told() -> None:
    """Private DNS is of the whole VPC: a peer that they do not let in never moves a route."""
    theirs = VpcEndpoint(
        "", VPC, "com.amazonaws.us-east-1.ssm", "Interface", private_dns=True, id="vpce-1"
    )
    others = (
        theirs,
        replace(theirs, id="vpce-2", private_dns=False),
        replace(theirs, id="vpce-3", service="com.amazonaws.us-east-1.sts"),
        replace(theirs, id="vpce-4", tags={OWNER_TAG: "m1"}),
    )

    told = said(desired(network(1, endpoints=others), wishing()))

    assert f"vpce-1 answers for com.amazonaws.us-east-1.ssm in all of {VPC}" in told
    assert f"must let in {public(1)} by port 443" in told
    assert not any(f"vpce-{n} answers" in told for n in (2, 3, 4))


def test_an_auto_scaling_group_is_not_made_and_that_is_said() -> None:
    assert "no Auto Scaling group is made" in said(desired(network(), wishing(auto_scaling=True)))


# ---- what watches it


def test_nothing_is_made_for_a_gateway_that_is_about_to_lose_its_bytes() -> None:
    before = desired(network(gateways=(1, 2)), wishing(kind="none"))
    made = desired(network(gateways=(1, 2)), wishing())

    assert any("nat-gateway" in each.name for each in every(before, Alarm))
    assert not any("nat-gateway" in each.name for each in every(made, Alarm))


def test_an_instance_keeps_its_alarms_while_a_gateway_stands_in_for_it() -> None:
    """What watches it stays as it is, and nothing is made for the gateway."""
    tags = {OWNER_TAG: "m1", "Name": "lakeferry-m1.nat.us-east-1a"}
    eni = Eni("eni-1", VPC, public(1), "us-east-1a", "interface", "10.0.101.9", ("10.0.101.9",),
              "198.51.100.1", "i-1", source_dest_check=False, tags=tags)  # fmt: skip
    box = Instance("i-1", VPC, public(1), "c8gn.large", "running", ("eni-1",), False, tags)
    base = network(1)

    def watched(way: Route) -> list[str]:
        table_ = replace(base.found.route_tables[0], routes=(way,))
        there = network(1, enis=(eni,), instances=(box,), nat_gateways=(gateway(1),),
                        route_tables=(table_, base.found.route_tables[1]))  # fmt: skip
        return [each.name for each in every(desired(there, wishing()), Alarm)]

    usual = watched(Route("0.0.0.0/0", "eni-1", "active", "i-1"))
    lost = watched(Route("0.0.0.0/0", gateway(1).id, "active"))

    assert "lakeferry-m1.stalled.us-east-1a" in usual
    assert lost == usual
