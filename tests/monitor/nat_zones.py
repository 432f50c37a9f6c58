"""Networks that want NAT instances: zones with a private and a public subnet each."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lakeferry.monitor.settings import MonitorSettings, NatWish
from lakeferry.network.discover import Scope
from lakeferry.network.discover import topology as discovered
from lakeferry.network.resources import (
    NatAddress,
    NatGateway,
    PlannedFlow,
    Route,
    RouteTable,
    Subnet,
    Vpc,
)
from lakeferry.network.topology import Found, Topology
from tests.monitor.wishes import settings
from tests.network.sample_scenario import ACCOUNT, REGION

VPC = "vpc-00000000000000001"
MONTH = 30 * 86_400
TWO_PIB = (PlannedFlow("nat_gateway", 2 * 2**50, MONTH),)
LOCAL = Route("10.0.0.0/16", "local", "active")


def private(zone: int) -> str:
    return f"subnet-{zone:017x}"


def public(zone: int) -> str:
    return f"subnet-{100 + zone:017x}"


def table(zone: int) -> str:
    return f"rtb-{zone:017x}"


def gateway(zone: int) -> NatGateway:
    """A NAT gateway of others in the public subnet of a zone."""
    address = NatAddress(f"eni-{900 + zone:017x}", "10.0.9.9", "198.51.100.9", _zone(zone))
    id = f"nat-{zone:017x}"
    return NatGateway(id, VPC, public(zone), "zonal", "public", "available", (address,))


def network(zones: int = 2, *, gateways: Sequence[int] = (), **changed: Any) -> Topology:
    """So many zones; private subnets of those in `gateways` go out by a NAT gateway, others not."""
    outward = RouteTable(
        "rtb-0000000000000000f", VPC, False, tuple(public(n) for n in range(1, zones + 1)),
        (LOCAL, Route("0.0.0.0/0", "igw-1", "active")),
    )  # fmt: skip
    found = Found(
        vpc=Vpc(VPC, ("10.0.0.0/16",), ACCOUNT, REGION),
        subnets=tuple(
            Subnet(id, VPC, _zone(n), f"use1-az{n}", (f"10.0.{base + n}.0/24",))
            for n in range(1, zones + 1)
            for base, id in ((0, private(n)), (100, public(n)))
        ),
        route_tables=(*(_inward(n, n in gateways) for n in range(1, zones + 1)), outward),
        nat_gateways=tuple(gateway(n) for n in gateways),
    )
    return discovered(replace(found, **changed), Scope(vpc=VPC))


def _inward(zone: int, by_gateway: bool) -> RouteTable:
    way = (Route("0.0.0.0/0", gateway(zone).id, "active"),) if by_gateway else ()
    return RouteTable(table(zone), VPC, False, (private(zone),), (LOCAL, *way))


def _zone(number: int) -> str:
    return f"{REGION}{'_abcdef'[number]}"


def wishing(planned: Sequence[PlannedFlow] = TWO_PIB, **nat: Any) -> MonitorSettings:
    """Settings that ask for NAT instances."""
    wish = NatWish(**{"kind": "instance", **nat})
    return settings("m1", nat=wish, planned=tuple(planned), tags={"owner": "data"})
