"""Which way bytes go: by addresses, and by what the VPC has."""

import pytest

from lakeferry.ingest.kinesis.endpoint_check import Resolved, Surroundings, way_of

HOST = "kinesis.us-east-1.amazonaws.com"
AROUND = Surroundings(
    "vpc-1", "subnet-1",
    endpoint_of={"10.0.1.9": "vpce-1", "10.0.2.9": "vpce-1"},
    interface_endpoints={"kinesis-streams": ("vpce-1", True)},
    gateway_endpoints={"s3": "vpce-9"},
)  # fmt: skip


def kinesis(*addresses: str) -> Resolved:
    return Resolved("kinesis-streams", HOST, addresses)


def test_private_dns_leads_to_the_interfaces_of_the_endpoint() -> None:
    way = way_of(kinesis("10.0.1.9", "10.0.2.9"), AROUND)

    assert (way.path, way.is_fine) == ("endpoint", True)
    assert way.text == f"{HOST} is 10.0.1.9, 10.0.2.9: endpoint vpce-1"


def test_a_public_address_is_a_way_through_nat_and_the_endpoint_that_lacks_is_named() -> None:
    bare = Surroundings("vpc-1", "subnet-1", {}, {})

    way = way_of(kinesis("3.91.171.1"), bare)

    assert (way.path, way.is_fine) == ("public", False)
    assert "from subnet-1 the bytes leave through NAT" in way.text
    assert "lakeferry monitor plan --endpoint kinesis-streams" in way.next_step


def test_an_endpoint_without_private_dns_is_passed_by_and_that_is_said() -> None:
    without = Surroundings("vpc-1", "subnet-1", {}, {"kinesis-streams": ("vpce-1", False)})

    way = way_of(kinesis("3.91.171.1"), without)

    assert way.text.endswith("past endpoint vpce-1")
    assert "--endpoint-url of vpce-1" in way.next_step
    assert "modify-vpc-endpoint --vpc-endpoint-id vpce-1 --private-dns-enabled" in way.next_step


def test_an_endpoint_with_private_dns_that_this_machine_does_not_ask_is_told_otherwise() -> None:
    way = way_of(kinesis("3.91.171.1"), AROUND)

    assert "the VPC's own resolver" in way.next_step


def test_one_public_address_among_private_ones_is_enough_to_warn() -> None:
    way = way_of(kinesis("10.0.1.9", "3.91.171.1"), AROUND)

    assert (way.path, way.is_fine) == ("public", False)
    assert "some bytes leave subnet-1" in way.text


def test_s3_keeps_its_public_addresses_where_a_gateway_endpoint_is_routed_to() -> None:
    found = Resolved("s3", "s3.us-east-1.amazonaws.com", ("52.216.0.1",))

    assert way_of(found, AROUND).path == "gateway endpoint"
    assert way_of(found, Surroundings("vpc-1", "subnet-1", {}, {})).path == "public"


def test_without_rights_to_look_a_private_address_is_fine_and_a_public_one_a_warning() -> None:
    assert way_of(kinesis("10.0.1.9"), None).is_fine
    assert way_of(kinesis("100.64.0.9", "10.0.1.9"), None).path == "private"
    assert not way_of(kinesis("3.91.171.1"), None).is_fine


def test_interfaces_of_two_endpoints_are_both_named() -> None:
    both = Surroundings("v", "s", {"10.0.1.9": "vpce-2", "10.0.2.9": "vpce-1"}, {})

    assert way_of(kinesis("10.0.1.9", "10.0.2.9"), both).text.endswith("endpoint vpce-1, vpce-2")


def test_an_address_that_is_of_no_endpoint_beside_those_that_are_wants_a_look() -> None:
    way = way_of(kinesis("10.0.1.9", "10.0.7.7"), AROUND)

    assert (way.path, way.is_fine) == ("private", False)
    assert "vpce-1" in way.next_step


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_this_machine_is_no_way_out(address: str) -> None:
    assert way_of(kinesis(address), None).path == "this machine"


def test_a_name_without_an_address_is_told() -> None:
    way = way_of(kinesis(), AROUND)

    assert (way.path, way.is_fine) == ("unknown", False)
