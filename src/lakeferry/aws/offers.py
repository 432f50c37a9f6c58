"""Which instance types EC2 offers in which zones.

Source: EC2 API Reference, DescribeInstanceTypeOfferings.
"""

from collections.abc import Iterable, Mapping, Set

from lakeferry.aws.read_network import filters
from lakeferry.connect.aws import AwsAccess, pages


def find_offers(access: AwsAccess, types: Iterable[str]) -> Mapping[str, Set[str]]:
    """Those of the types that are offered, by zone. Raises LF-1201 to LF-1206."""
    found = pages(
        access, "ec2", "describe_instance_type_offerings", "InstanceTypeOfferings",
        LocationType="availability-zone", Filters=filters(instance_type=sorted(set(types))),
    )  # fmt: skip
    offered: dict[str, set[str]] = {}
    for one in found:
        offered.setdefault(one["Location"], set()).add(one["InstanceType"])
    return offered
