"""Where a machine stands in a VPC, as an emulated EC2 tells it."""

import pytest

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.ingest.kinesis.endpoint_check import Resolved, way_of
from lakeferry.ingest.kinesis.endpoint_look import own_addresses, resolved_host, surroundings

pytestmark = pytest.mark.server


def test_the_interfaces_and_routes_of_a_vpc_tell_the_way(moto_access: AwsAccess) -> None:
    ec2 = client(moto_access, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    mine = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["PrivateIpAddress"]
    region = moto_access.region
    kinesis = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName=f"com.amazonaws.{region}.kinesis-streams",
        VpcEndpointType="Interface", SubnetIds=[subnet], PrivateDnsEnabled=True,
    )["VpcEndpoint"]  # fmt: skip
    s3 = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName=f"com.amazonaws.{region}.s3", VpcEndpointType="Gateway",
        RouteTableIds=[table],
    )["VpcEndpoint"]["VpcEndpointId"]  # fmt: skip
    eni = kinesis["NetworkInterfaceIds"][0]
    found = ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"]
    address = found[0]["PrivateIpAddress"]

    around = surroundings(moto_access, [mine])

    assert around is not None
    assert (around.vpc_id, around.subnet_id) == (vpc, subnet)
    assert around.endpoint_of == {address: kinesis["VpcEndpointId"]}
    assert around.gateway_endpoints == {"s3": s3}
    ways = [
        way_of(one, around).path
        for one in (
            Resolved("kinesis-streams", "k", (address,)),
            Resolved("s3", "s", ("52.216.0.1",)),
            Resolved("kinesis-streams", "k", ("3.91.171.1",)),
        )
    ]
    assert ways == ["endpoint", "gateway endpoint", "public"]


def test_a_gateway_endpoint_of_another_subnet_is_none_of_ours(moto_access: AwsAccess) -> None:
    ec2 = client(moto_access, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    other = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    mine = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["PrivateIpAddress"]
    ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName=f"com.amazonaws.{moto_access.region}.s3",
        VpcEndpointType="Gateway", RouteTableIds=[other],
    )  # fmt: skip

    around = surroundings(moto_access, [mine])

    assert around is not None
    assert around.gateway_endpoints == {}


def test_a_machine_of_no_interface_of_the_account_stands_nowhere(moto_access: AwsAccess) -> None:
    assert surroundings(moto_access, ["192.0.2.9"]) is None


def test_names_resolve_to_all_their_addresses_and_unknown_ones_to_none() -> None:
    found = resolved_host("kinesis-streams", "localhost:4567")

    assert found.host == "localhost:4567"
    assert set(found.addresses) <= {"127.0.0.1", "::1"}
    assert found.addresses
    assert resolved_host("s3", "nowhere.invalid").addresses == ()


def test_an_address_of_our_own_is_found_without_sending_anything() -> None:
    assert own_addresses("127.0.0.1") == ("127.0.0.1",)
