"""What a line of an AWS bill meters: its usage type without the Region, compared exactly. Pure.

`RegionalNatGateway-Bytes` and `NatGateway-Prvd-Bytes` are other meters than `NatGateway-Bytes`,
so nothing here looks for a part of a name.

Source: AWS Price List, attribute `usagetype`; CUR dictionary, `line_item_usage_type`.
"""

import re
from dataclasses import dataclass
from typing import Literal

Measure = Literal["bytes", "hours", "requests", "other"]

NAT, REGIONAL_NAT, PROVISIONED_NAT = "nat_gateway", "regional_nat_gateway", "provisioned_nat"
ENDPOINT = "interface_endpoint"

# What carries bytes and is billed by them, resource by resource.
BILLED_BY_BYTE = (NAT, REGIONAL_NAT, PROVISIONED_NAT, ENDPOINT)

BYTES_PER_GB = 2**30  # cuts of AWS's own ladders are multiples of 1,024


@dataclass(frozen=True, slots=True)
class Meter:
    """One usage type, taken apart."""

    name: str  # without the prefix of the Region: `NatGateway-Bytes`
    region: str | None  # what the prefix says; None: it has none, or one that is not known
    path: str  # what it is part of: `nat_gateway`, `cross_az`, ...; `other`
    measure: Measure


# A prefix has three letters and a digit; only that of eu-west-1 is older and shorter.
_PREFIX = re.compile(r"(EU|[A-Z]{3}\d)-(?=.)")
_BETWEEN_REGIONS = re.compile(r"(?:EU|[A-Z]{3}\d)-AWS-(?:In|Out)-Bytes")

_REGIONS = {
    "AFS1": "af-south-1",
    "APE1": "ap-east-1",
    "APN1": "ap-northeast-1",
    "APN2": "ap-northeast-2",
    "APN3": "ap-northeast-3",
    "APS1": "ap-southeast-1",
    "APS2": "ap-southeast-2",
    "APS3": "ap-south-1",
    "APS4": "ap-southeast-3",
    "APS5": "ap-south-2",
    "APS6": "ap-southeast-4",
    "APS7": "ap-southeast-5",
    "CAN1": "ca-central-1",
    "CAN2": "ca-west-1",
    "EU": "eu-west-1",
    "EUC1": "eu-central-1",
    "EUC2": "eu-central-2",
    "EUN1": "eu-north-1",
    "EUS1": "eu-south-1",
    "EUS2": "eu-south-2",
    "EUW1": "eu-west-1",
    "EUW2": "eu-west-2",
    "EUW3": "eu-west-3",
    "ILC1": "il-central-1",
    "MEC1": "me-central-1",
    "MES1": "me-south-1",
    "SAE1": "sa-east-1",
    "UGE1": "us-gov-east-1",
    "UGW1": "us-gov-west-1",
    "USE1": "us-east-1",
    "USE2": "us-east-2",
    "USW1": "us-west-1",
    "USW2": "us-west-2",
}

_METERS: dict[str, tuple[str, Measure]] = {
    "NatGateway-Bytes": (NAT, "bytes"),
    "NatGateway-Hours": (NAT, "hours"),
    "RegionalNatGateway-Bytes": (REGIONAL_NAT, "bytes"),
    "RegionalNatGateway-Hours": (REGIONAL_NAT, "hours"),
    "NatGateway-Prvd-Bytes": (PROVISIONED_NAT, "bytes"),
    "NatGateway-Prvd-Gbps": (PROVISIONED_NAT, "other"),
    "VpcEndpoint-Bytes": (ENDPOINT, "bytes"),
    "VpcEndpoint-Hours": (ENDPOINT, "hours"),
    # Each byte between zones has two lines, InterZone-In and InterZone-Out.
    "DataTransfer-Regional-Bytes": ("cross_az", "bytes"),
    "DataTransfer-xAZ-In-Bytes": ("cross_az", "bytes"),
    "DataTransfer-xAZ-Out-Bytes": ("cross_az", "bytes"),
    "DataTransfer-In-Bytes": ("internet_in", "bytes"),
    "DataTransfer-Out-Bytes": ("internet_out", "bytes"),
    "PublicIPv4:InUseAddress": ("public_ipv4", "hours"),
    "PublicIPv4:IdleAddress": ("public_ipv4", "hours"),
    "Requests-Tier1": ("s3_requests", "requests"),
    "Requests-Tier2": ("s3_requests", "requests"),
    "VendedLog-Bytes": ("flow_logs", "bytes"),
}
_FAMILIES: tuple[tuple[str, str, Measure], ...] = (
    ("BoxUsage:", "instance", "hours"),
    ("EBS:VolumeUsage.", "volume", "other"),
    ("CW:", "watching", "other"),
    ("DirectConnect", "direct_connect", "other"),
)


def meter_of(usage_type: str) -> Meter:
    """Take a usage type apart. One that is not known has the path `other`.

    us-east-1 has no prefix or `USE1-`; both occur in one bill. Of a local zone's two prefixes
    only the first is removed, so its meters are never taken for those of the Region.
    """
    found = _PREFIX.match(usage_type)
    name = usage_type[found.end() :] if found else usage_type
    region = _REGIONS.get(found[1]) if found else None
    if _BETWEEN_REGIONS.fullmatch(name):
        return Meter(name, region, "between_regions", "bytes")
    if name in _METERS:
        return Meter(name, region, *_METERS[name])
    for start, path, measure in _FAMILIES:
        if name.startswith(start):
            return Meter(name, region, path, measure)
    return Meter(name, region, "other", "other")
