"""A network without a fault: two zones, each with a NAT gateway; tests change one thing of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from lakeferry.network.discover import Scope, topology
from lakeferry.network.fields import RECOMMENDED_FORMAT
from lakeferry.network.resources import (
    Eni,
    FlowLog,
    Instance,
    NatAddress,
    NatGateway,
    Route,
    RouteTable,
    Subnet,
    Vpc,
    VpcEndpoint,
)
from lakeferry.network.topology import Found, Topology

ACCOUNT, REGION, VPC = "111122223333", "us-east-1", "vpc-1"
PRIVATE, PUBLIC = ("subnet-1a", "subnet-1b"), ("subnet-9a", "subnet-9b")
TABLES = ("rtb-1a", "rtb-1b")
GATEWAYS = ("nat-a", "nat-b")
S3, KINESIS = "vpce-s3", "vpce-kinesis"
LOCAL = Route("10.0.0.0/16", "local", "active")


def default(target: str, state: str = "active") -> Route:
    return Route("0.0.0.0/0", target, state)


def subnet(id: str) -> Subnet:
    zone = id[-1]
    return Subnet(id, VPC, f"us-east-1{zone}", f"use1-az-{zone}", ("10.0.0.0/24",))


def worker(n: int, subnet_id: str, **more: Any) -> Eni:
    ip = f"10.0.{n}.9"
    return Eni(
        f"eni-w{n}", VPC, subnet_id, f"us-east-1{subnet_id[-1]}", "interface", ip, (ip,),
        instance_id=f"i-w{n}", owner_id=ACCOUNT, **more,
    )  # fmt: skip


def instance(n: int, subnet_id: str, **more: Any) -> Instance:
    tags = {"Vendor": "Databricks"}
    return Instance(
        f"i-w{n}", VPC, subnet_id, "i4i.2xlarge", "running", (f"eni-w{n}",), True, tags, **more
    )


def device(id: str, subnet_id: str, kind: str, **more: Any) -> Eni:
    return Eni(id, VPC, subnet_id, f"us-east-1{subnet_id[-1]}", kind, "10.0.9.1", **more)


def gateway(id: str, subnet_id: str) -> NatGateway:
    address = NatAddress(f"eni-{id}", "10.0.9.1", "198.51.100.1", f"us-east-1{subnet_id[-1]}")
    return NatGateway(id, VPC, subnet_id, "zonal", "public", "available", (address,))


def table(id: str, subnets: Sequence[str], *routes: Route, main: bool = False) -> RouteTable:
    return RouteTable(id, VPC, main, tuple(subnets), (LOCAL, *routes))


def endpoint(id: str, service: str, subnets: Sequence[str] = (), **more: Any) -> VpcEndpoint:
    enis = tuple(f"eni-{id}-{subnet[-1]}" for subnet in subnets)
    usual: dict[str, Any] = {
        "name": "", "vpc_id": VPC, "service": f"com.amazonaws.{REGION}.{service}",
        "type": "Interface", "subnet_ids": tuple(subnets), "private_dns": True, "id": id,
        "state": "available", "eni_ids": enis,
    }  # fmt: skip
    return VpcEndpoint(**{**usual, **more})


def flow_log(id: str = "fl-1", over: str = VPC, **more: Any) -> FlowLog:
    usual: dict[str, Any] = {
        "name": "", "resource_id": over, "resource_type": "VPC", "traffic": "ALL",
        "destination_type": "cloud-watch-logs", "destination": "/flow", "role": "flow",
        "fields": RECOMMENDED_FORMAT, "interval_s": 60, "id": id, "delivery": "SUCCESS",
    }  # fmt: skip
    return FlowLog(**{**usual, **more})


SOUND = Found(
    Vpc(VPC, ("10.0.0.0/16",), ACCOUNT, REGION),
    subnets=tuple(subnet(id) for id in (*PRIVATE, *PUBLIC)),
    enis=(
        *(worker(n, id) for n, id in enumerate(PRIVATE)),
        *(device(f"eni-{nat}", id, "natGateway")
          for nat, id in zip(GATEWAYS, PUBLIC, strict=True)),
        *(device(f"eni-{KINESIS}-{id[-1]}", id, "vpc_endpoint") for id in PRIVATE),
    ),
    route_tables=(
        table(TABLES[0], PRIVATE[:1], default(GATEWAYS[0]), Route("pl-s3", S3, "active")),
        table(TABLES[1], PRIVATE[1:], default(GATEWAYS[1]), Route("pl-s3", S3, "active")),
        table("rtb-9", (), default("igw-1"), main=True),
    ),
    nat_gateways=tuple(gateway(nat, id) for nat, id in zip(GATEWAYS, PUBLIC, strict=True)),
    instances=tuple(instance(n, id) for n, id in enumerate(PRIVATE)),
    endpoints=(
        endpoint(S3, "s3", type="Gateway", route_table_ids=TABLES),
        endpoint(KINESIS, "kinesis-streams", PRIVATE),
    ),
    flow_logs=(flow_log(),),
)  # fmt: skip


def changed(**parts: Any) -> Found:
    """The sound network with other parts."""
    return replace(SOUND, **parts)


def with_each(kind: str, change: Callable[[Any], Any]) -> Found:
    """The sound network with each thing of a kind changed."""
    return changed(**{kind: tuple(change(one) for one in getattr(SOUND, kind))})


def with_table(id: str, *routes: Route) -> Found:
    """The sound network with other routes in one table."""
    return with_each(
        "route_tables",
        lambda one: replace(one, routes=(LOCAL, *routes)) if one.id == id else one,
    )


def seen(found: Found, scope: Scope | None = None, *beyond: Found) -> Topology:
    return topology(found, scope or Scope(vpc=VPC), beyond=beyond)
