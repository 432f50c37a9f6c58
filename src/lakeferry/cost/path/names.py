"""Paths, points and the reason of a choice in the names that people read. Pure."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lakeferry.cost.path.migration import Path

if TYPE_CHECKING:  # it imports numpy, which an import of lakeferry does not need
    from lakeferry.cost.path.front import Front, Point

NAMES: Mapping[Path, str] = {
    "nat_gateway": "NAT gateway",
    "nat_instance": "NAT instances",
    "internet_gateway": "public addresses",
    "s3_gateway": "S3 gateway endpoint",
    "interface_endpoint": "interface endpoint",
    "privatelink": "PrivateLink",
    "direct_connect": "Direct Connect",
    "expressroute": "ExpressRoute",
    "interconnect": "AWS Interconnect",
}


def point_name(one: "Point") -> str:
    """`pull by NAT instances, 4 times as many`."""
    many = f", {one.scale} times as many" if one.scale > 1 else ""
    return f"{one.placement} by {NAMES[one.path]}{many}"


def why_of(found: "Front") -> str:
    """The reason of the choice, with the names that people read."""
    said = found.why
    for one in sorted(found.points, key=lambda one: -len(one.label)):
        said = said.replace(one.label, point_name(one))
    return said
