"""Who moves most of the bytes, by what a person asks, with what is wrong about it. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.monitor.wanted.own_cost import path_usd_per_gb
from lakeferry.network.topology import Topology

# What a person asks by, and the key of the totals that answers.
BYS: Mapping[str, str] = {
    "path": "path",
    "eni": "interface",
    "worker": "worker",
    "remote": "remote",
    "src": "src",
    "dst": "dst",
    "port": "port",
}
GB = 2**30  # as AWS bills it


@dataclass(frozen=True, slots=True)
class Flow:
    """What one interface, address, port, worker or path moved, by one device."""

    key: str  # '': the flow log does not say
    path: str
    device: str  # id; '' of an internet gateway
    name: str  # of the device, as its tag has it; '' where it has none
    bytes: int
    leaked: int  # of them to and from S3 through NAT
    share: float  # of all bytes
    usd_per_hour: Decimal | None  # of the leak; None where bytes are not what is paid for
    finding: str  # what is wrong; '' for nothing


@dataclass(frozen=True, slots=True)
class Top:
    """The greatest flows, the greatest first."""

    by: str
    flows: tuple[Flow, ...]
    others: int  # how many more there are
    bytes: int  # of all
    seconds: float  # that the rows span

    @property
    def is_fine(self) -> bool:
        return not any(flow.finding for flow in self.flows)


def keys_for(by: str) -> tuple[str, ...]:
    """The keys of `PathTotals` that `top` needs for a question of BYS."""
    return tuple(dict.fromkeys((BYS[by], "path", "device", "leak", "subnet")))


def top(
    totals: pa.Table,
    by: str,
    topology: Topology,
    *,
    seconds: float,
    leaked: Mapping[str, int] | None = None,
    limit: int = 20,
) -> Top:
    """The greatest flows.

    Args:
        totals: of `PathTotals` by `keys_for(by)`.
        seconds: what the rows span; the price of a leak is by hour.
        leaked: of `PathTotals.leaked`, for formats whose rows do not tell it by worker.
    """
    key = BYS[by]
    sums = _sums(totals, key)
    whole = int(pc.sum(sums["bytes"]).as_py() or 0)
    order = [("bytes", "descending"), (key, "ascending"), ("device", "ascending")]
    shown = sums.take(pc.sort_indices(sums, order)[:limit]).to_pylist()
    leaks = _leaks(totals, key)
    names = device_names(topology)
    if by in ("path", "eni") and not leaks:
        for row in shown:
            if octets := (leaked or {}).get(row["device"]):
                leaks[row[key], row["path"], row["device"]] = {None: octets}
    return Top(
        by=by,
        flows=tuple(
            replace(
                _flow(row, key, leaks[row[key], row["path"], row["device"]], topology, seconds),
                share=row["bytes"] / whole if whole else 0.0,
                name=names.get(row["device"], ""),
            )
            for row in shown
        ),
        others=len(sums) - len(shown),
        bytes=whole,
        seconds=seconds,
    )


def _sums(totals: pa.Table, key: str) -> pa.Table:
    by = list(dict.fromkeys((key, "path", "device")))
    found = totals.group_by(by, use_threads=False).aggregate([("bytes", "sum")])
    return pa.table({**{name: found[name] for name in by}, "bytes": found["bytes_sum"]})


def _leaks(
    totals: pa.Table, key: str
) -> defaultdict[tuple[object, str, str], dict[str | None, int]]:
    """Leaked bytes of each group by the subnet of the workers that made them."""
    found: defaultdict[tuple[object, str, str], dict[str | None, int]] = defaultdict(dict)
    if not totals.num_rows:
        return found
    for row in totals.filter(totals["leak"]).to_pylist():
        by_subnet = found[row[key], row["path"], row["device"]]
        by_subnet[row["subnet"]] = by_subnet.get(row["subnet"], 0) + row["bytes"]
    return found


def _flow(
    row: Mapping[str, object],
    key: str,
    leaks: Mapping[str | None, int],
    topology: Topology,
    seconds: float,
) -> Flow:
    octets = row["bytes"]
    assert isinstance(octets, int)
    path = str(row["path"])
    leaked = sum(leaks.values())
    usd = usd_per_hour(leaked, path, topology.found.vpc.region, seconds)
    return Flow(
        key="" if row[key] is None else str(row[key]),
        path=path,
        device=str(row["device"]),
        name="",
        bytes=octets,
        leaked=leaked,
        share=0.0,
        usd_per_hour=usd if leaked else None,
        finding=leak_text(leaks, usd, topology) if leaked else "",
    )


def device_names(topology: Topology) -> dict[str, str]:
    """The tag `Name` of each gateway, instance and endpoint that has one."""
    found = {one.id: one.tags.get("Name", "") for one in topology.nat_gateways}
    found |= {one.id: one.tags.get("Name", "") for one in topology.nat_instances}
    found |= {one.id: one.name for one in topology.found.endpoints}
    return {id: name for id, name in found.items() if name}


def usd_per_hour(octets: int, path: str, region: str, seconds: float) -> Decimal | None:
    """What bytes of a path cost an hour at the rate that was seen; None where bytes are free."""
    price = path_usd_per_gb(path, region)
    if price is None or not seconds:
        return None
    return Decimal(octets) / GB * price * 3600 / Decimal(seconds)


def leak_text(leaks: Mapping[str | None, int], usd: Decimal | None, topology: Topology) -> str:
    """Why S3's bytes take a NAT device, for the subnet that sends most of them."""
    subnet = max(leaks, key=lambda one: (leaks[one], one or ""))
    more, reach, have = "", "reaches", "has"
    if len(leaks) > 1:
        more, reach, have = f" and {len(leaks) - 1} more", "reach", "have"
    if subnet is None:
        why = "S3 through NAT"
    elif any(one.kind == "s3_gateway" and subnet in one.subnet_ids for one in topology.paths):
        why = (
            f"{subnet}{more} {reach} S3 through NAT in spite of an S3 endpoint route: a bucket of "
            "another Region, the endpoint's policy, or the route is new"
        )
    else:
        why = f"{subnet}{more} {have} no S3 endpoint route"
    return f"not ours: {why}, {money(usd)}" if usd is not None else f"not ours: {why}"


def money(usd_an_hour: Decimal) -> str:
    """`$3.60/h`; small sums with what digits they need."""
    if usd_an_hour and usd_an_hour < Decimal("0.005"):
        return f"${usd_an_hour:.2g}/h"
    return f"${usd_an_hour:.2f}/h"
