"""EC2's answers, in the shape that AWS gives them, become values; none is lost on a later page."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from lakeferry.aws.read import read_network
from lakeferry.aws.read_monitoring import find_flow_logs
from lakeferry.aws.read_network import filters, find_vpcs
from lakeferry.connect.aws import AwsAccess
from lakeferry.errors import FerryError
from lakeferry.network.discover import Scope, topology
from lakeferry.network.resources import (
    Eni,
    NatAddress,
    NatGateway,
    PortRange,
    PrefixList,
    Vpc,
    VpcEndpoint,
)
from lakeferry.network.topology import Found
from tests.aws.answers import (
    CORPORATE,
    FIREWALL,
    KINESIS,
    KINESIS_ENIS,
    ONE_VPC,
    OWN,
    PUBLIC,
    REGION,
    REGIONAL,
    RELAY,
    S3,
    S3_LIST,
    VPC,
    WORKER,
    WORKER_B,
    ZONAL,
    ZONAL_ENI,
    A,
    B,
    C,
)
from tests.aws.recorded_ec2 import Item, NotOfAws, RecordedEc2, ec2_xml, serving


@pytest.fixture(scope="module")
def server() -> Iterator[RecordedEc2]:
    """One for all tests here, for botocore takes a second to make a client of a new address."""
    with serving(RecordedEc2({}, OWN)) as recorded:
        yield recorded


@pytest.fixture
def ec2(server: RecordedEc2, monkeypatch: pytest.MonkeyPatch) -> RecordedEc2:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    server.accounts, server.page, server.throttled, server.denied = {OWN: ONE_VPC}, 1000, 0, ()
    server.asked.clear()
    return server


def found_in(ec2: RecordedEc2, endpoint: str = "") -> Found:
    access = AwsAccess(REGION, endpoint=endpoint or ec2.endpoint)
    (vpc,) = find_vpcs(access, filters(vpc_id=[VPC]))
    found = read_network(access, vpc)
    ids = {VPC, *(one.id for one in found.subnets)}
    return replace(found, flow_logs=find_flow_logs(access, ids))


def test_a_vpc_has_its_addresses_of_both_kinds(ec2: RecordedEc2) -> None:
    cidrs = ("10.1.0.0/16", "2600:1f18:1::/56")

    assert found_in(ec2).vpc == Vpc(VPC, cidrs, OWN, REGION, {"Name": "lake"})


def test_a_zonal_nat_gateway_has_its_primary_address_first(ec2: RecordedEc2) -> None:
    zonal, _ = found_in(ec2).nat_gateways

    assert zonal == NatGateway(
        ZONAL, VPC, PUBLIC, "zonal", "public", "available",
        (
            NatAddress(ZONAL_ENI, "10.1.9.4", "198.51.100.4", "us-east-1a"),
            NatAddress(ZONAL_ENI, "10.1.9.5", "198.51.100.5", "us-east-1a"),
        ),
    )  # fmt: skip


def test_a_regional_nat_gateway_has_an_address_a_zone_and_no_interface(ec2: RecordedEc2) -> None:
    _, regional = found_in(ec2).nat_gateways

    assert regional == NatGateway(
        REGIONAL, VPC, "", "regional", "public", "available",
        (
            NatAddress("", "", "198.51.100.6", "us-east-1a"),
            NatAddress("", "", "198.51.100.7", "us-east-1c"),
        ),
        route_table_id="rtb-0a1000000000000e",
    )  # fmt: skip


def test_an_interface_keeps_all_its_addresses_and_what_aws_calls_it(ec2: RecordedEc2) -> None:
    enis = {one.id: one for one in found_in(ec2).enis}

    assert enis[WORKER] == Eni(
        WORKER, VPC, A, "us-east-1a", "interface", "10.1.1.10",
        ("10.1.1.10", "10.1.1.11", "2600:1f18:1::10"), instance_id="i-0a1", owner_id=OWN,
        security_group_ids=("sg-0a1", "sg-0a2"),
    )  # fmt: skip
    assert (enis[ZONAL_ENI].kind, enis[ZONAL_ENI].public_ip) == ("natGateway", "198.51.100.4")
    assert enis[KINESIS_ENIS[0]].kind == "vpc_endpoint"


def test_endpoints_of_all_types_are_found_but_deleted_ones(ec2: RecordedEc2) -> None:
    endpoints = {one.id: one for one in found_in(ec2).endpoints}

    assert sorted(endpoints) == [S3, KINESIS, RELAY, FIREWALL]
    # The policy that AWS writes when none is given is none.
    assert endpoints[S3] == VpcEndpoint(
        "", VPC, "com.amazonaws.us-east-1.s3", "Gateway", route_table_ids=("rtb-0a1000000000000a",)
    )
    assert endpoints[KINESIS] == VpcEndpoint(
        "lakeferry-m1.kinesis-streams", VPC, "com.amazonaws.us-east-1.kinesis-streams",
        "Interface", (A, C), security_groups=("lakeferry-m1.endpoints", "sg-0a9"),
        private_dns=True, policy='{"Statement":[],"Version":"2012-10-17"}',
        tags={"Name": "lakeferry-m1.kinesis-streams"},
    )  # fmt: skip
    assert endpoints[KINESIS].eni_ids == KINESIS_ENIS


def test_prefix_lists_of_s3_and_of_routes_are_read_with_their_entries(ec2: RecordedEc2) -> None:
    lists = found_in(ec2).prefix_lists

    assert lists == (
        PrefixList(CORPORATE, "everywhere", ("0.0.0.0/0",)),
        PrefixList(S3_LIST, "com.amazonaws.us-east-1.s3", ("52.216.0.0/15", "54.231.0.0/16")),
    )


def test_a_security_group_shows_every_source_of_what_it_lets_in(ec2: RecordedEc2) -> None:
    (group,) = found_in(ec2).security_groups

    assert group.ingress == (
        PortRange("-1", -1, -1, ()),
        PortRange("tcp", 443, 443, ("10.1.1.0/24", "sg-0a1")),
        PortRange("tcp", 6666, 6666, ("10.1.1.0/24", "10.1.2.0/24")),
    )


def test_flow_logs_of_the_network_and_those_of_ours_are_found(ec2: RecordedEc2) -> None:
    logs = {one.id: one for one in found_in(ec2).flow_logs}

    assert sorted(logs) == ["fl-0a1", "fl-0a2", "fl-0a3", "fl-0b2"]
    assert (logs["fl-0a1"].role, logs["fl-0a1"].delivery) == ("flow", "FAILED")
    assert logs["fl-0a1"].error == "Access error"
    assert logs["fl-0a1"].destination == logs["fl-0a2"].destination == "/network/flow"
    assert logs["fl-0a2"].resource_type == "Subnet"
    parquet = logs["fl-0a3"]
    assert (parquet.destination, parquet.file_format) == ("arn:aws:s3:::flow/lake", "parquet")
    assert (parquet.hive, parquet.per_hour) == (True, True)


def test_ways_follow_prefix_lists_main_tables_and_both_kinds_of_gateway(ec2: RecordedEc2) -> None:
    made = topology(found_in(ec2), Scope(vpc=VPC))

    out = [path for path in made.paths if path.kind == "nat_gateway"]
    assert [(path.id, path.subnet_ids, path.crosses_zones) for path in out] == [
        (ZONAL, (A, B), True),
        (REGIONAL, (C,), False),
    ]
    assert [[hop.kind for hop in path.hops] for path in out] == [
        ["nat_gateway", "internet_gateway"],
        ["nat_gateway", "internet_gateway"],
    ]
    assert made.scope == (A, B, C)
    assert [eni.id for eni in made.workers] == [WORKER, WORKER_B]


def test_what_is_odd_is_found(ec2: RecordedEc2) -> None:
    made = topology(found_in(ec2), Scope(vpc=VPC))

    assert [(one.code, one.where) for one in made.findings] == [
        ("blackhole-route", "rtb-0a1000000000000b"),
        ("cross-zone-route", ZONAL),
        ("endpoint-down", RELAY),
        ("endpoint-zones", KINESIS),
        ("endpoint-zones", RELAY),
        ("flow-log-failed", "fl-0a1"),
        ("flow-log-fields", "fl-0a1"),
        ("flow-log-fields", "fl-0a2"),
        ("flow-log-fields", "fl-0a3"),
        ("flow-log-part", "fl-0a1"),
        ("flow-log-twice", "fl-0a1, fl-0a2"),
        ("no-s3-endpoint", "rtb-0a1000000000000b"),
        ("no-s3-endpoint", "rtb-0a1000000000000c"),
        ("regional-nat-unseen", REGIONAL),
        ("flow-log-slow", "fl-0a1"),
        ("ipv6-way-out", "rtb-0a1000000000000a"),
    ]


# ---- pages, throttling, refusals


@pytest.mark.parametrize("page", [1, 2, 3])
def test_however_small_the_pages_the_same_is_found(ec2: RecordedEc2, page: int) -> None:
    whole = found_in(ec2)
    ec2.page = page

    assert found_in(ec2) == whole
    assert ec2.asked.count((OWN, "DescribeNetworkInterfaces")) > 2


def test_in_whatever_order_aws_answers_the_same_is_found(ec2: RecordedEc2) -> None:
    whole = found_in(ec2)
    ec2.accounts = {OWN: {name: turned(items) for name, items in ONE_VPC.items()}}

    assert found_in(ec2) == whole


def turned(items: Sequence[Item]) -> list[Item]:
    """The items, and the lists in them, the other way round."""
    return [
        {key: list(reversed(one)) if isinstance(one, list) else one for key, one in item.items()}
        for item in reversed(items)
    ]


def test_throttling_is_waited_out(ec2: RecordedEc2) -> None:
    ec2.throttled = 2

    assert found_in(ec2).vpc.id == VPC


def test_throttling_beyond_all_retries_is_told(
    ec2: RecordedEc2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    ec2.throttled = 2

    with pytest.raises(FerryError) as refused:
        found_in(ec2, ec2.endpoint.replace("127.0.0.1", "localhost"))  # a client of its own

    assert refused.value.code == "LF-1204"
    assert "DescribeVpcs" in refused.value.what


def test_a_missing_permission_is_named_with_a_statement_that_grants_it(ec2: RecordedEc2) -> None:
    ec2.denied = ((OWN, "DescribeVpcEndpoints"),)

    with pytest.raises(FerryError) as refused:
        found_in(ec2)

    assert str(refused.value).splitlines() == [
        f"LF-1203 arn:aws:iam::{OWN}:user/eve may not ec2:DescribeVpcEndpoints",
        f"  on *; ec2 DescribeVpcEndpoints; endpoint {ec2.endpoint}, us-east-1",
        "  next: add this statement (full policy: `lakeferry config iam --for monitor`), then run "
        "the same command again",
        '    {"Effect":"Allow","Action":"ec2:DescribeVpcEndpoints","Resource":"*"}',
    ]


@pytest.mark.parametrize(
    ("operation", "item", "said"),
    [
        ("DescribeVpcs", {"VpcID": VPC}, 'Unknown parameter in Vpcs[0]: "VpcID"'),
        ("DescribeVpcs", {"VpcId": 5}, "Invalid type for parameter Vpcs[0].VpcId"),
        ("DescribeVpcs", {"VpcId": VPC, "State": "there"}, "VpcState is never there"),
    ],
)
def test_a_literal_that_is_no_answer_of_aws_is_refused_by_its_model(
    operation: str, item: Item, said: str
) -> None:
    with pytest.raises(NotOfAws) as refused:
        ec2_xml(operation, {"Vpcs": [item]})

    assert said in str(refused.value)
