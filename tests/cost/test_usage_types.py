"""Usage types are compared whole, after the prefix of their Region."""

import pytest

from lakeferry.cost.bill.usage_types import meter_of


@pytest.mark.parametrize(
    ("usage_type", "region", "path"),
    [
        ("NatGateway-Bytes", None, "nat_gateway"),
        ("USE1-NatGateway-Bytes", "us-east-1", "nat_gateway"),
        ("EU-NatGateway-Bytes", "eu-west-1", "nat_gateway"),
        ("EUW1-NatGateway-Bytes", "eu-west-1", "nat_gateway"),
        ("APS3-NatGateway-Bytes", "ap-south-1", "nat_gateway"),
        ("XXX9-NatGateway-Bytes", None, "nat_gateway"),  # a Region that is newer than this table
        ("USE2-VpcEndpoint-Bytes", "us-east-2", "interface_endpoint"),
        ("EU-DataTransfer-Regional-Bytes", "eu-west-1", "cross_az"),
        ("USE1-DataTransfer-xAZ-Out-Bytes", "us-east-1", "cross_az"),
        ("USE1-EUW1-AWS-Out-Bytes", "us-east-1", "between_regions"),
        ("EU-USE1-AWS-In-Bytes", "eu-west-1", "between_regions"),
        ("BoxUsage:c7gn.large", None, "instance"),
        ("USW2-EBS:VolumeUsage.gp3", "us-west-2", "volume"),
        ("CW:AlarmMonitorUsage", None, "watching"),
        ("", None, "other"),
    ],
)
def test_a_usage_type_is_a_prefix_and_a_meter(
    usage_type: str, region: str | None, path: str
) -> None:
    found = meter_of(usage_type)

    assert (found.region, found.path) == (region, path)


@pytest.mark.parametrize(
    ("usage_type", "path"),
    [
        ("RegionalNatGateway-Bytes", "regional_nat_gateway"),
        ("EU-RegionalNatGateway-Bytes", "regional_nat_gateway"),
        ("NatGateway-Prvd-Bytes", "provisioned_nat"),
        ("NatGateway-Prvd-Gbps", "provisioned_nat"),
        ("USE1-BOS1-NatGateway-Bytes", "other"),  # of a local zone
        ("NatGateway-Bytes-More", "other"),
        ("MyNatGateway-Bytes", "other"),
        ("USE1-", "other"),
    ],
)
def test_what_only_looks_like_a_zonal_nat_gateway_is_none(usage_type: str, path: str) -> None:
    assert meter_of(usage_type).path == path


@pytest.mark.parametrize(
    ("usage_type", "measure"),
    [
        ("NatGateway-Bytes", "bytes"),
        ("NatGateway-Hours", "hours"),
        ("NatGateway-Prvd-Gbps", "other"),
        ("Requests-Tier1", "requests"),
    ],
)
def test_a_meter_says_what_it_measures(usage_type: str, measure: str) -> None:
    assert meter_of(usage_type).measure == measure
