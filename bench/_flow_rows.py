"""Made flow logs of a migration, of any size: rows that belong together, and the network they fit.

Every connection of a minute gives the rows that AWS would write: two at the worker; where it
crosses a NAT gateway, four more there; where it crosses an interface endpoint, two more. A file
holds five minutes, in the recommended format, as S3 gets it, shuffled.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from zlib import DEFLATED, compressobj

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakeferry.network.fields import RECOMMENDED_FORMAT, column, is_integer
from lakeferry.network.resources import (
    Eni,
    NatAddress,
    NatGateway,
    Subnet,
    Vpc,
    VpcEndpoint,
)
from lakeferry.network.rule_set import RuleWish, rule_set
from lakeferry.network.topology import Found, Hop, Topology
from lakeferry.network.topology import Path as Way

REGION, ACCOUNT, VPC = "us-east-1", "123456789012", "vpc-0a1b2c3d4e5f60718"
WORKERS, ZONES, SOURCES, S3_HOSTS = 192, 2, 300, 2_000
FIRST_S, FILE_S = 1_795_428_000, 300
_ROWS_OF = {"nat": 6, "s3": 2, "kinesis": 4}  # of a connection in a minute
_SHARES = {"nat": 0.55, "s3": 0.35, "kinesis": 0.10}

Columns = dict[str, pa.Array]


def rows(number: int, count: int) -> Columns:
    """About `count` rows: the file `number` of a log."""
    random = np.random.default_rng(number)
    mean = sum(_ROWS_OF[path] * share for path, share in _SHARES.items())
    made = [_of_path(path, int(count * share / mean), number, random)
            for path, share in _SHARES.items()]  # fmt: skip
    whole = pa.concat_tables([part for parts in made for part in parts])
    order = pa.array(random.permutation(len(whole)))
    return {name: whole[name].combine_chunks().take(order) for name in RECOMMENDED_FORMAT}


def _of_path(path: str, count: int, number: int, random: np.random.Generator) -> list[pa.Table]:
    """The rows of connections that take one path, an Arrow table for each place and direction."""
    worker = random.integers(0, WORKERS, count)
    zone = worker % ZONES
    ports = _texts(random.integers(1024, 65536, count))
    start = FIRST_S + number * FILE_S + random.integers(0, FILE_S, count)
    common = {"start": start, "end": start + random.integers(1, 60, count)}
    sizes = {
        way: np.maximum(1, random.lognormal(6 if way == big else 3, 2, count).astype(np.int64))
        for big in ("out" if path == "s3" else "in",)
        for way in ("out", "in")
    }
    packets = {way: {"packets": size, "bytes": size * random.integers(40, 1500, count)}
               for way, size in sizes.items()}  # fmt: skip
    last = S3_HOSTS if path == "s3" else SOURCES
    host = _address(pa.array(random.integers(0, last, count)), 52 if path == "s3" else 20, 216)
    outside = {"s3": "7", "nat": "1", "kinesis": "1"}[path]
    made = []
    for place, egress, origin, goal, packet_from, packet_to, way in _sights(path, worker, host):
        up = way == "out"
        texts = {
            **place, "srcaddr": origin, "dstaddr": goal, "pkt-srcaddr": packet_from,
            "pkt-dstaddr": packet_to, "srcport": ports if up else "443",
            "dstport": "443" if up else ports, "az-id": _picked(zone, "use1-az{}"),
            "flow-direction": "egress" if egress else "ingress",
            "traffic-path": outside if egress else "-",
            "pkt-dst-aws-service": "S3" if path == "s3" and up else "-",
            "pkt-src-aws-service": "S3" if path == "s3" and not up else "-",
        }  # fmt: skip
        made.append(_table(count, texts, {**common, **packets[way]}))
    return made


# Place, whether it is egress there, from, to, the packet's from and to, whose bytes.
Sight = tuple[Columns, bool, pa.Array, pa.Array, pa.Array, pa.Array, str]


def _sights(path: str, worker: np.ndarray, host: pa.Array) -> list[Sight]:
    """Where, and as what, a connection is seen."""
    zone = worker % ZONES
    inner = _address(pa.array(worker), 10, 20, 16)
    at_worker = {"interface-id": _ids("eni", worker), "subnet-id": _ids("subnet", 100 + zone),
                 "instance-id": _ids("i", worker)}  # fmt: skip
    if path == "kinesis":
        host = _address(pa.array(zone), 10, 20, 32)
        device = {"interface-id": _ids("eni", 300 + zone), "subnet-id": _ids("subnet", 100 + zone)}
    else:
        device = {"interface-id": _ids("eni", 200 + zone), "subnet-id": _ids("subnet", 200 + zone)}
    nat = _address(pa.array(zone), 10, 20, 0)
    found: list[Sight] = [
        (at_worker, True, inner, host, inner, host, "out"),
        (at_worker, False, host, inner, host, inner, "in"),
    ]
    if path == "kinesis":
        found += [(device, False, inner, host, inner, host, "out"),
                  (device, True, host, inner, host, inner, "in")]  # fmt: skip
    if path == "nat":
        found += [(device, False, inner, nat, inner, host, "out"),
                  (device, True, nat, host, nat, host, "out"),
                  (device, False, host, nat, host, nat, "in"),
                  (device, True, nat, inner, host, inner, "in")]  # fmt: skip
    return found


_SAME = {"version": "8", "account-id": ACCOUNT, "protocol": "6", "action": "ACCEPT",
         "log-status": "OK", "vpc-id": VPC, "instance-id": "-", "type": "IPv4",
         "reject-reason": "-"}  # fmt: skip


def _table(
    count: int, texts: Mapping[str, pa.Array | str], numbers: Mapping[str, np.ndarray]
) -> pa.Table:
    columns: Columns = {name: pa.array(values) for name, values in numbers.items()}
    for name, values in {**_SAME, **texts}.items():
        columns[name] = pa.repeat(values, count) if isinstance(values, str) else values
    return pa.table({name: columns[name] for name in RECOMMENDED_FORMAT})


def _texts(numbers: np.ndarray) -> pa.StringArray:
    return pa.array(numbers).cast(pa.string())


def _picked(numbers: np.ndarray, form: str, most: int = 400) -> pa.StringArray:
    return pa.array([form.format(one) for one in range(most)]).take(pa.array(numbers))


def _ids(kind: str, numbers: np.ndarray) -> pa.StringArray:
    return pa.array([id_of(kind, one) for one in range(400)]).take(pa.array(numbers))


def id_of(kind: str, number: int) -> str:
    """The id of a thing: digits that look random, as AWS's do."""
    return f"{kind}-0{(number * 0x9E3779B97F4A7C15 + 0x1234567) % (1 << 64):016x}"


def _address(numbers: pa.Array, first: int, second: int, third: int = 0) -> pa.StringArray:
    most = pc.max(numbers).as_py() + 1
    texts = [f"{first}.{second}.{third + one // 250}.{one % 250 + 1}" for one in range(most)]
    return pa.array(texts).take(numbers)


def write_text(columns: Columns, file: Path) -> int:
    """Write gzip text with a header, as `zlib` packs it; how many rows."""
    tokens = [one if one.type == pa.string() else one.cast(pa.string()) for one in columns.values()]
    lines = pc.binary_join_element_wise(*tokens, " ")
    whole = pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), "\n")
    packer = compressobj(6, DEFLATED, 31)
    with file.open("wb") as sink:
        sink.write(packer.compress((" ".join(RECOMMENDED_FORMAT) + "\n").encode()))
        sink.write(packer.compress(whole[0].as_buffer()) + packer.compress(b"\n") + packer.flush())
    return len(lines)


def write_parquet(columns: Columns, file: Path, compression: str) -> None:
    """Write the columns with AWS's names for Parquet; packed by `compression`."""
    made = {}
    for name, found in columns.items():
        values = found
        if is_integer(name) and values.type == pa.string():
            fine = pc.not_equal(values, "-")
            values = pc.if_else(fine, values, pa.scalar(None, pa.string())).cast(pa.int32())
        made[column(name)] = values
    level = {"gzip": 6, "zstd": 3}[compression]
    pq.write_table(pa.table(made), file, compression=compression, compression_level=level)


def topology() -> Topology:
    """What discovery would find where these rows were logged."""
    zones = [f"{REGION}{'ab'[zone]}" for zone in range(ZONES)]

    def eni(number: int, subnet: int, kind: str, ip: str, instance: str = "") -> Eni:
        return Eni(id_of("eni", number), VPC, id_of("subnet", subnet), zones[number % ZONES], kind,
                   ip, (ip,), instance_id=instance, owner_id=ACCOUNT)  # fmt: skip

    workers = tuple(
        eni(one, 100 + one % ZONES, "interface", f"10.20.16.{one + 1}", id_of("i", one))
        for one in range(WORKERS)
    )
    outer = [eni(200 + z, 200 + z, "natGateway", f"10.20.0.{z + 1}") for z in range(ZONES)]
    of_endpoint = [eni(300 + z, 100 + z, "vpc_endpoint", f"10.20.32.{z + 1}") for z in range(ZONES)]
    private = tuple(sorted(id_of("subnet", 100 + zone) for zone in range(ZONES)))
    gateways = tuple(
        NatGateway(id_of("nat", z), VPC, one.subnet_id, "zonal", "public", "available",
                   (NatAddress(one.id, one.private_ip, f"198.51.100.{z + 1}", one.zone),))
        for z, one in enumerate(outer)
    )  # fmt: skip
    service: Callable[[str], str] = f"com.amazonaws.{REGION}.{{}}".format
    endpoints = (
        VpcEndpoint("", VPC, service("s3"), "Gateway", route_table_ids=("rtb-01",), id="vpce-01"),
        VpcEndpoint("", VPC, service("kinesis-streams"), "Interface", private, private_dns=True,
                    id="vpce-02", state="available",
                    eni_ids=tuple(sorted(one.id for one in of_endpoint))),
    )  # fmt: skip
    subnets = tuple(
        Subnet(id_of("subnet", 100 * at + z), VPC, zones[z], f"use1-az{z}", (f"10.20.{net}.0/24",))
        for at, net in ((1, 16), (2, 0))
        for z in range(ZONES)
    )
    enis = tuple(sorted((*workers, *outer, *of_endpoint), key=lambda one: one.id))
    found = Found(
        Vpc(VPC, ("10.20.0.0/16",), ACCOUNT, REGION),
        subnets=subnets, enis=enis, nat_gateways=gateways, endpoints=endpoints,
    )  # fmt: skip
    ways = (
        *(Way("nat_gateway", one.id, private, (Hop("nat_gateway", one.id),)) for one in gateways),
        Way("s3_gateway", "vpce-01", private, ()),
    )
    return Topology(found, private, workers, gateways, (), ways, ())


def main() -> None:
    """Write files in three forms to FOLDER/made, and every rule of the network to FOLDER/rules."""
    folder, files, rows_each = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    made, rules = folder / "made", folder / "rules"
    for one in (made, rules):
        one.mkdir(exist_ok=True)
    for number in range(files):
        if not (made / f"{number}.zstd.parquet").exists():
            columns = rows(number, rows_each)
            write_text(columns, made / f"{number}.log.gz")
            for compression in ("gzip", "zstd"):
                write_parquet(columns, made / f"{number}.{compression}.parquet", compression)
    wish = RuleWish("lakeferry-m1.", ("/lakeferry/m1/flow",))
    for wanted in rule_set(topology(), RECOMMENDED_FORMAT, wish).rules:
        (rules / f"{wanted.name}.json").write_text(wanted.body)


if __name__ == "__main__":
    main()
