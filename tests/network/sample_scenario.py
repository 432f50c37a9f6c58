"""The network of the scenario in `corpora/flowlogs/sample`, and its flow log rows as text.

Interfaces and addresses come from `expected.json`; their subnets and instances, which stand
nowhere else, from the rows.
"""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pyarrow as pa

from lakeferry.network.resources import (
    Eni,
    Instance,
    NatAddress,
    NatGateway,
    Route,
    RouteTable,
    Subnet,
    Vpc,
    VpcEndpoint,
)
from lakeferry.network.topology import Found, Hop, Topology
from lakeferry.network.topology import Path as Way
from tests.corpora import ROOT, required

SAMPLE = ROOT / "flowlogs" / "sample"
ACCOUNT, REGION = "123456789012", "us-east-1"
S3 = f"com.amazonaws.{REGION}.s3"
KINESIS = f"com.amazonaws.{REGION}.kinesis-streams"
NAT_GATEWAY = "nat-97b5d4259fdf7c1d6"


@dataclass(frozen=True, slots=True)
class TextRows:
    fields: tuple[str, ...]
    rows: pa.RecordBatch


@cache
def expected() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(required(SAMPLE / "expected.json").read_bytes())
    return found


@cache
def text_rows(encoding: str) -> TextRows:
    """All rows of one text encoding, every token as written, and when each event was."""
    files = sorted(required(SAMPLE / encoding).rglob("*.log.gz"))
    fields = tuple(gzip.decompress(files[0].read_bytes()).split(b"\n", 1)[0].decode().split())
    tokens = [line.split() for file in files for line in _lines(file)]
    columns = {
        name.replace("-", "_"): pa.array([row[index] for row in tokens])
        for index, name in enumerate(fields)
    }
    start = fields.index("start")
    columns["event_ms"] = pa.array([int(row[start]) * 1000 for row in tokens], pa.int64())
    return TextRows(fields, pa.RecordBatch.from_pydict(columns))


def _lines(file: Path) -> Iterator[str]:
    yield from gzip.decompress(file.read_bytes()).decode().splitlines()[1:]


@cache
def topology() -> Topology:
    """What discovery would find where the sample was logged."""
    places = _places()
    enis = tuple(sorted((_eni(id, places) for id in expected()["enis"]), key=lambda one: one.id))
    of_role = {role: tuple(e for e in enis if e.description == role) for role in _ROLES}
    private = tuple(sorted({eni.subnet_id for eni in of_role["worker"]}))
    (nat,) = of_role["nat_gateway"]
    gateway = NatGateway(
        NAT_GATEWAY, _vpc(), nat.subnet_id, "zonal", "public", "available",
        (NatAddress(nat.id, nat.private_ip, "198.51.100.10", nat.zone),),
    )  # fmt: skip
    (inner,) = of_role["nat_instance"]
    instance = Instance(
        inner.instance_id, _vpc(), inner.subnet_id, "c7gn.large", "running", (inner.id,), False
    )
    endpoints = (
        VpcEndpoint("", _vpc(), S3, "Gateway", route_table_ids=("rtb-01",), id="vpce-01"),
        _interface(S3, "vpce-02", of_role["s3_interface_endpoint"]),
        _interface(KINESIS, "vpce-03", of_role["kinesis_interface_endpoint"]),
    )
    found = Found(
        Vpc(_vpc(), (expected()["arguments"]["cidr"],), ACCOUNT, REGION),
        subnets=tuple(_subnet(eni) for eni in {e.subnet_id: e for e in enis}.values()),
        enis=enis,
        route_tables=(
            RouteTable("rtb-01", _vpc(), True, (), (Route("0.0.0.0/0", NAT_GATEWAY, "active"),)),
        ),
        nat_gateways=(gateway,),
        instances=(instance,),
        endpoints=endpoints,
    )
    ways = (
        Way("nat_gateway", NAT_GATEWAY, private, (Hop("nat_gateway", NAT_GATEWAY),)),
        Way("nat_instance", instance.id, private, (Hop("nat_instance", instance.id),)),
        Way("s3_gateway", "vpce-01", private, ()),
    )
    return Topology(found, private, of_role["worker"], (gateway,), (instance,), ways, ())


_ROLES = (
    "nat_gateway", "nat_instance", "s3_interface_endpoint", "kinesis_interface_endpoint", "worker",
)  # fmt: skip
_KINDS = {"nat_gateway": "natGateway", "s3_interface_endpoint": "vpc_endpoint"}


def _vpc() -> str:
    found: str = expected()["vpc"]
    return found


def _places() -> dict[str, tuple[str, str]]:
    """Subnet and instance ('' for none) of each interface."""
    rows = text_rows("custom").rows
    names = ("interface_id", "subnet_id", "instance_id")
    cells = zip(*(rows[name].to_pylist() for name in names), strict=True)
    return {eni: (subnet, instance.strip("-")) for eni, subnet, instance in cells}


def _eni(id: str, places: dict[str, tuple[str, str]]) -> Eni:
    facts = expected()["enis"][id]
    subnet, instance = places[id]
    role = facts["role"]
    return Eni(
        id, _vpc(), subnet, f"us-east-1{'ab'[int(facts['az'][-1]) - 1]}",
        _KINDS.get(role, "interface"), facts["ip"], (facts["ip"],), instance_id=instance,
        owner_id=ACCOUNT, source_dest_check=role != "nat_instance", description=role,
    )  # fmt: skip


def _subnet(eni: Eni) -> Subnet:
    zone_id = f"use1-az{'ab'.index(eni.zone[-1]) + 1}"
    network = ip_network(f"{eni.private_ip}/24", strict=False)
    return Subnet(eni.subnet_id, _vpc(), eni.zone, zone_id, (str(network),))


def _interface(service: str, id: str, enis: tuple[Eni, ...]) -> VpcEndpoint:
    return VpcEndpoint(
        "", _vpc(), service, "Interface", tuple(sorted(eni.subnet_id for eni in enis)),
        private_dns=True, id=id, state="available", eni_ids=tuple(sorted(eni.id for eni in enis)),
    )  # fmt: skip
