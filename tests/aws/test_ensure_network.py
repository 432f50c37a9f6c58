"""Endpoints and their groups: what takes minutes, and what is told to change."""

from dataclasses import replace
from typing import Any

from botocore.stub import ANY

from lakeferry.aws.ensure import ensure, remove
from lakeferry.aws.ensure_network import endpoint_id, finish_endpoint
from lakeferry.aws.place import Place
from lakeferry.network.resources import (
    OWNER_TAG,
    PortRange,
    VpcEndpoint,
)  # fmt: skip
from tests.aws.ensuring import DOOR, OURS, TAGS, refused, stubbed, unsuccessful

STS = VpcEndpoint(
    "lakeferry-m1.sts", "vpc-1", "com.amazonaws.us-east-1.sts", "Interface", ("subnet-1",),
    security_groups=("lakeferry-m1.endpoints",), private_dns=True, tags=OURS, id="vpce-1",
)  # fmt: skip


# ---- endpoints and their groups


def described(state: str, **more: Any) -> dict[str, Any]:
    return {"VpcEndpoints": [{"VpcEndpointId": "vpce-1", "State": state, **more}]}


def test_private_dns_waits_until_the_endpoint_is_available(
    place: Place, slept: list[float]
) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_response("describe_vpc_endpoints", {"VpcEndpoints": []})
        ec2.add_response("describe_vpc_endpoints", described("pending"))
        ec2.add_response("describe_vpc_endpoints", described("available", PrivateDnsEnabled=False))
        ec2.add_response(
            "modify_vpc_endpoint", {"Return": True},
            {"VpcEndpointId": "vpce-1", "PrivateDnsEnabled": True},
        )  # fmt: skip
        assert finish_endpoint(place, STS)

    assert len(slept) == 2


def test_an_endpoint_that_waits_for_acceptance_has_no_private_dns_yet(place: Place) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_response("describe_vpc_endpoints", described("pendingAcceptance"))
        assert not finish_endpoint(place, STS)


def test_an_endpoint_that_was_rejected_is_not_waited_for(place: Place, slept: list[float]) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_response("describe_vpc_endpoints", described("rejected"))
        assert not finish_endpoint(place, STS)

    assert slept == []


def test_the_acceptance_of_a_registered_endpoint_is_waited_for(
    place: Place, slept: list[float]
) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_response("describe_vpc_endpoints", described("pendingAcceptance"))
        ec2.add_response("describe_vpc_endpoints", described("pending"))
        ec2.add_response("describe_vpc_endpoints", described("available", PrivateDnsEnabled=True))
        assert finish_endpoint(place, STS, registered=True)

    assert len(slept) == 2


def test_an_endpoint_is_made_without_private_dns_in_the_group_of_its_name(place: Place) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_response(
            "describe_security_groups",
            {"SecurityGroups": [{"GroupName": DOOR.name, "GroupId": "sg-1"}]},
            {
                "Filters": [
                    {"Name": "group-name", "Values": [DOOR.name]},
                    {"Name": "vpc-id", "Values": ["vpc-1"]},
                ]
            },
        )
        ec2.add_response(
            "create_vpc_endpoint",
            {},
            {
                "VpcEndpointType": "Interface", "VpcId": "vpc-1", "ServiceName": STS.service,
                "ClientToken": ANY, "TagSpecifications": ANY, "SubnetIds": ["subnet-1"],
                "SecurityGroupIds": ["sg-1"], "PrivateDnsEnabled": False,
            },
        )  # fmt: skip
        ensure(place, replace(STS, id=""), None)


def test_an_endpoint_is_told_only_what_is_missing_and_what_is_too_much(place: Place) -> None:
    gateway = replace(
        STS, type="Gateway", subnet_ids=(), security_groups=(), private_dns=False,
        route_table_ids=("rtb-1", "rtb-2"),
    )  # fmt: skip
    before = replace(gateway, route_table_ids=("rtb-2", "rtb-3"), policy="{}")
    with stubbed("ec2") as ec2:
        ec2.add_response(
            "modify_vpc_endpoint", {},
            {
                "VpcEndpointId": "vpce-1", "AddRouteTableIds": ["rtb-1"],
                "RemoveRouteTableIds": ["rtb-3"], "ResetPolicy": True,
            },
        )  # fmt: skip
        ensure(place, gateway, before)


def test_a_group_that_an_endpoint_needs_and_that_is_not_there_yet_is_named(place: Place) -> None:
    with stubbed("ec2") as ec2, refused("LF-6404"):
        ec2.add_response("describe_security_groups", {"SecurityGroups": []})
        ensure(place, replace(STS, id=""), None)


def test_an_endpoint_that_aws_does_not_delete_is_told_with_its_words(place: Place) -> None:
    said = unsuccessful("InvalidParameter", "Endpoint must be removed")
    with stubbed("ec2") as ec2, refused("Endpoint must be removed"):
        ec2.add_response("delete_vpc_endpoints", said)
        remove(place, STS)


def test_an_endpoint_is_gone_when_aws_no_longer_knows_it(place: Place, slept: list[float]) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_response("delete_vpc_endpoints", {"Unsuccessful": []})
        ec2.add_response("describe_vpc_endpoints", described("deleting"))
        ec2.add_client_error("describe_vpc_endpoints", "InvalidVpcEndpointId.NotFound")
        remove(place, STS)

    assert len(slept) == 1


def test_the_id_of_an_endpoint_is_found_by_name_and_deployment(place: Place) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_response(
            "describe_vpc_endpoints",
            described("pendingAcceptance"),
            {
                "Filters": [
                    {"Name": "tag:Name", "Values": [STS.name]},
                    {"Name": f"tag:{OWNER_TAG}", "Values": ["m1"]},
                ]
            },
        )
        assert endpoint_id(place, STS.name) == "vpce-1"


def test_a_group_lets_in_what_is_missing_and_no_longer_what_is_strange(place: Place) -> None:
    strange = (PortRange("-1", -1, -1, ("sg-9",)), PortRange("tcp", 443, 443, ("10.0.0.0/16",)))
    with stubbed("ec2") as ec2:
        ec2.add_response(
            "authorize_security_group_ingress", {},
            {
                "GroupId": "sg-1",
                "IpPermissions": [
                    {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
                     "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/56"}]},
                ],
            },
        )  # fmt: skip
        ec2.add_response(
            "revoke_security_group_ingress", {},
            {
                "GroupId": "sg-1",
                "IpPermissions": [
                    {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-9"}]},
                ],
            },
        )  # fmt: skip
        ensure(place, DOOR, replace(DOOR, ingress=strange))


def test_a_group_of_ours_that_is_there_already_gets_what_it_lacks(place: Place) -> None:
    there = {
        "GroupId": "sg-1", "GroupName": DOOR.name, "Tags": TAGS,
        "IpPermissions": [
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
             "IpRanges": [{"CidrIp": "10.0.0.0/16"}]},
        ],
    }  # fmt: skip
    with stubbed("ec2") as ec2:
        ec2.add_client_error("create_security_group", "InvalidGroup.Duplicate")
        ec2.add_response("describe_security_groups", {"SecurityGroups": [there]})
        ec2.add_response("authorize_security_group_ingress", {}, {
            "GroupId": "sg-1", "IpPermissions": [
                {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
                 "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/56"}]}]})  # fmt: skip
        ensure(place, replace(DOOR, id=""), None)


def test_a_group_in_use_is_waited_for(place: Place, slept: list[float]) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_client_error("delete_security_group", "DependencyViolation")
        ec2.add_client_error("delete_security_group", "DependencyViolation")
        ec2.add_response("delete_security_group", {}, {"GroupId": "sg-1"})
        remove(place, DOOR)

    assert slept == [2.0, 3.0]


def test_an_interface_endpoint_gets_and_loses_subnets_and_groups(place: Place) -> None:
    wish = replace(STS, subnet_ids=("subnet-1", "subnet-2"), security_groups=("sg-1", "sg-2"))
    before = replace(wish, subnet_ids=("subnet-2", "subnet-3"), security_groups=("sg-2", "sg-3"))
    with stubbed("ec2") as ec2:
        ec2.add_response(
            "modify_vpc_endpoint", {},
            {
                "VpcEndpointId": "vpce-1", "AddSubnetIds": ["subnet-1"],
                "RemoveSubnetIds": ["subnet-3"], "AddSecurityGroupIds": ["sg-1"],
                "RemoveSecurityGroupIds": ["sg-3"],
            },
        )  # fmt: skip
        ensure(place, wish, before)


def test_a_gateway_endpoint_is_made_in_its_route_tables(place: Place) -> None:
    gateway = VpcEndpoint(
        "lakeferry-m1.s3-gateway", "vpc-1", "com.amazonaws.us-east-1.s3", "Gateway",
        route_table_ids=("rtb-1",), policy="{}", tags=OURS,
    )  # fmt: skip
    with stubbed("ec2") as ec2:
        ec2.add_response(
            "create_vpc_endpoint", {},
            {
                "VpcEndpointType": "Gateway", "VpcId": "vpc-1", "ServiceName": gateway.service,
                "ClientToken": ANY, "TagSpecifications": ANY, "RouteTableIds": ["rtb-1"],
                "PolicyDocument": "{}",
            },
        )  # fmt: skip
        ensure(place, gateway, None)


def test_a_new_group_lets_in_all_that_it_shall(place: Place) -> None:
    def entry(key: str, field: str, source: str) -> dict[str, Any]:
        return {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, key: [{field: source}]}

    with stubbed("ec2") as ec2:
        ec2.add_response("create_security_group", {"GroupId": "sg-7"})
        ec2.add_response(
            "authorize_security_group_ingress", {},
            {
                "GroupId": "sg-7",
                "IpPermissions": [
                    entry("IpRanges", "CidrIp", "10.0.0.0/16"),
                    entry("Ipv6Ranges", "CidrIpv6", "2001:db8::/56"),
                ],
            },
        )  # fmt: skip
        ensure(place, replace(DOOR, id=""), None)
