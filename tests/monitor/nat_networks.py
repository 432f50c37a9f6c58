"""Networks in which NAT instances shall be, and the same networks when they are there."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lakeferry.monitor.settings import MonitorSettings, NatWish, TaggedWish
from lakeferry.monitor.wanted.desired import Desired, desired
from lakeferry.network import discover
from lakeferry.network.discover import Scope
from lakeferry.network.nat_resources import (
    DefaultRoute,
    NatInstance,
    NetworkInterface,
    StandbyGateway,
)
from lakeferry.network.resources import (
    Eni,
    Instance,
    NatAddress,
    NatGateway,
    PlannedFlow,
    Route,
    RouteTable,
    Subnet,
    Vpc,
    VpcEndpoint,
)
from lakeferry.network.topology import Found, Topology
from tests.monitor.networks import interfaces_of
from tests.monitor.read_back import aws_id
from tests.network.sample_scenario import ACCOUNT, REGION

VPC = "vpc-0123456789abcdef0"
ZONES = ("us-east-1a", "us-east-1b")
GATEWAY = "nat-0123456789abcdef0"  # of others, in the first zone
Case = tuple[Topology, MonitorSettings]
Tables = tuple[RouteTable, ...]


def _id(start: str, number: int) -> str:
    return f"{start}-{number:017x}"


def found(zones: int = 2, *, gateway: bool = True) -> Found:
    """In each zone a public and a private subnet; all go out by one NAT gateway, or not at all."""
    subnets, tables, enis, instances = [], [], [], []
    public = tuple(_id("subnet", 16 + n) for n in range(zones))
    for n, zone in enumerate(ZONES[:zones]):
        private, worker = _id("subnet", n), _id("i", n)
        subnets += [
            Subnet(private, VPC, zone, f"use1-az{n}", (f"10.0.{n}.0/24",)),
            Subnet(public[n], VPC, zone, f"use1-az{n}", (f"10.0.{16 + n}.0/28",)),
        ]
        routes = (Route("0.0.0.0/0", GATEWAY, "active"),) if gateway else ()
        tables.append(RouteTable(_id("rtb", n), VPC, False, (private,), routes))
        address = f"10.0.{n}.9"
        enis.append(
            Eni(
                _id("eni", n), VPC, private, zone, "interface", address, (address,),
                instance_id=worker,
            )
        )  # fmt: skip
        instances.append(
            Instance(worker, VPC, private, "r6i.large", "running", (_id("eni", n),), True)
        )
    out = (Route("0.0.0.0/0", _id("igw", 1), "active"),)
    tables.append(RouteTable(_id("rtb", 16), VPC, True, public, out))
    there = NatAddress(_id("eni", 32), "10.0.16.5", "198.51.100.10", ZONES[0])
    enis.append(Eni(there.eni_id, VPC, public[0], ZONES[0], "natGateway", there.private_ip))
    gateways = NatGateway(GATEWAY, VPC, public[0], "zonal", "public", "available", (there,))
    return Found(
        Vpc(VPC, ("10.0.0.0/16", "2001:db8::/56"), ACCOUNT, REGION),
        subnets=tuple(subnets), enis=tuple(enis), route_tables=tuple(tables),
        nat_gateways=(gateways,) if gateway else (), instances=tuple(instances),
    )  # fmt: skip


def network(zones: int = 2, *, gateway: bool = True) -> Topology:
    return discover.topology(found(zones, gateway=gateway), Scope(vpc=VPC))


def wishes(**chosen: Any) -> MonitorSettings:
    nat = NatWish(**{"kind": "instance", "type": "c7gn.large", **chosen.pop("nat", {})})
    usual: dict[str, Any] = {
        "tags": {"owner": "data-platform"},
        "notify": ("ops@example.com",),
        "planned": (PlannedFlow("nat_gateway", 10**14, 86_400.0 * 30),),
    }
    return MonitorSettings("m1", ACCOUNT, REGION, nat=nat, **{**usual, **chosen})


def cases() -> dict[str, Case]:
    return {
        "two zones": (network(), wishes()),
        "no gateway before": (network(gateway=False), wishes()),
        "one zone": (network(1), wishes(planned=())),
        "the image is given": (network(), wishes(nat={"image": "ami-0123456789abcdef0"})),
        "instances stand by": (network(), wishes(nat={"standby": "instance"})),
        "nothing stands by": (network(), wishes(nat={"standby": "none", "check": "none"})),
        "a Lambda looks": (network(), wishes(nat={"check": "lambda"})),
        "an older machine": (network(), wishes(nat={"type": "c6in.large"})),
        "odd tags": (network(), wishes(tags={"a b": "x:y/z = 1@q"})),
        "a rule each": (network(), wishes(per="eni")),
        "they bear the tag by which instances are watched": (
            network(),
            wishes(tags={"map-migrated": "migABCDE12345"}, tagged=TaggedWish("each")),
        ),
    }


def arrived(case: Case, led: Callable[[Tables], Tables] = tuple) -> Desired:
    """What there shall be when instances are there, endpoints too, and routes lead to them.

    Args:
        led: what becomes of the route tables then.
    """
    topology, settings = case
    first = desired(topology, settings)
    before = topology.found
    enis, instances, tables = list(before.enis), list(before.instances), list(before.route_tables)
    types = {one.name: one.type for one in first.resources if isinstance(one, NatInstance)}
    for one in first.resources:
        if isinstance(one, NetworkInterface):
            eni, box, address = (aws_id(start, one.name) for start in ("eni", "i", "ip"))
            enis.append(
                Eni(
                    eni, VPC, one.subnet_id, one.name[-10:], "interface", address, (address,),
                    "203.0.113.7", box, source_dest_check=False, tags=one.tags,
                )
            )  # fmt: skip
            tags = {**one.tags, "Name": one.name}
            kind = types[one.name]
            instances.append(
                Instance(box, VPC, one.subnet_id, kind, "running", (eni,), False, tags)
            )
        if isinstance(one, DefaultRoute):
            eni, box = (aws_id(start, one.interface) for start in ("eni", "i"))
            route = Route("0.0.0.0/0", eni, "active", box)
            tables = [
                replace(table, routes=(route,)) if table.id == one.route_table_id else table
                for table in tables
            ]
    gateways = tuple(
        NatGateway(
            aws_id("nat", one.name), VPC, one.subnet_id, "zonal", "public", "available", (),
            {**one.tags, "Name": one.name},
        )
        for one in first.resources
        if isinstance(one, StandbyGateway)
    )  # fmt: skip
    endpoints = tuple(
        replace(one, eni_ids=interfaces_of(one))
        for one in first.resources
        if isinstance(one, VpcEndpoint) and one.type == "Interface"
    )
    after = replace(
        before, enis=tuple(enis), instances=tuple(instances), route_tables=led(tuple(tables)),
        endpoints=endpoints, nat_gateways=(*before.nat_gateways, *gateways),
    )  # fmt: skip
    flows = tuple(
        replace(one, path="nat_instance") if one.path == "nat_gateway" else one
        for one in settings.planned
    )
    return desired(discover.topology(after, Scope(vpc=VPC)), replace(settings, planned=flows))
