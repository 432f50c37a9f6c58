"""Observed bytes as groups to decide about: which subnets reach what kind of place by which path.

A group is what one decision is made for. Subnets that go by NAT gateways to the internet are one
group, whatever their zone; their bytes to S3 by the same gateways are another.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.cost.path.decide import Destination
from lakeferry.cost.path.load import Load, load_of, summed, total
from lakeferry.cost.path.sizing import Demand, busiest

UNKNOWN_SUBNET = ""  # of bytes whose rows do not tell it
BY_FLOW = ("path", "device", "leak", "subnet", "direction", "service", "minute")
OUTWARD = ("nat_gateway", "nat_instance", "internet_gateway")  # what leads to everywhere
_LED: Mapping[str, Destination] = {
    "s3_gateway": "s3", "s3_interface": "s3", "dynamodb_gateway": "dynamodb",
    "privatelink": "partner",
}  # fmt: skip
# Paths whose bytes have no other way that is known here.
_NOWHERE_ELSE = (
    "vpc", "transit_gateway", "virtual_private_gateway", "peering", "local_gateway", "elsewhere",
    "nowhere", "unknown",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class FlowGroup:
    """Bytes of some subnets to one kind of destination by one kind of path, minute by minute."""

    path: str  # as flow attribution names it: `nat_gateway`, `s3_interface`, `sts`, …
    destination: Destination | None  # None: no other path that is known leads there
    devices: tuple[str, ...]  # ids; empty where there are none
    loads: Mapping[str, Load]  # bytes a minute in both directions, by subnet
    down: Load  # of all subnets, to workers
    up: Load
    packets: Load  # a minute, both directions
    connections: Load  # rows a minute of what workers sent: one a connection that was open

    @property
    def bytes(self) -> int:
        return total(self.down) + total(self.up)

    @property
    def minutes(self) -> int:
        return len(self.down)

    def demand(self, to_one: float = 1.0) -> Demand:
        """What NAT instances must carry: 99.9th percentiles of minutes.

        Args:
            to_one: the share of connections that go to the busiest address and port.

        Connections are taken for such as ended within their minute, so what the kernel remembers
        is not underrated.
        """
        both = busiest(summed((self.down, self.up)))
        packets, open_ = max(1, busiest(self.packets)), busiest(self.connections)
        return Demand(
            down=busiest(self.down),
            up=busiest(self.up),
            both=both,
            packet_bytes=max(1, both // packets),
            connections=open_,
            opened_a_second=-(-open_ // 60),
            to_one_destination=round(open_ * to_one),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """All groups, over the same minutes."""

    first_s: int  # where the first minute starts, s since the epoch
    minutes: int
    groups: tuple[FlowGroup, ...]  # the greatest first

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.groups)


def flow_of(totals: pa.Table) -> Flow:
    """Totals of `network.PathTotals` by BY_FLOW as groups; each byte is in one of them."""
    timed = totals.filter(pc.is_valid(totals["minute"]))
    if not timed.num_rows:
        return Flow(0, 0, ())
    spread = pc.min_max(timed["minute"]).as_py()
    first, minutes = spread["min"], (spread["max"] - spread["min"]) // 60 + 1
    kinds = sorted({(one["path"], one["service"]) for one in _pairs(timed)})
    by_group: dict[tuple[str, Destination | None], list[pa.Table]] = {}
    for path, service in kinds:
        fits = pc.and_(pc.equal(timed["path"], path), pc.equal(timed["service"], service))
        found = timed.filter(pc.fill_null(fits, False))
        by_group.setdefault((path, destination_of(path, service)), []).append(found)
    groups = [
        _group(path, leads_to, pa.concat_tables(rows), first, minutes)
        for (path, leads_to), rows in by_group.items()
    ]
    order = sorted(groups, key=lambda one: (-one.bytes, one.path, one.destination or ""))
    return Flow(first, minutes, tuple(order))


def destination_of(path: str, service: str) -> Destination | None:
    """What bytes of a path are for. `service`: one of `attribute.SERVICES`."""
    if path in OUTWARD:
        named: Mapping[str, Destination] = {
            "s3": "s3", "dynamodb": "dynamodb", "aws_service": "aws_service",
        }  # fmt: skip
        return named.get(service, "internet")
    if path in _NOWHERE_ELSE:
        return None
    return _LED.get(path, "aws_service")


def _pairs(rows: pa.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        rows.select(["path", "service"])
        .group_by(["path", "service"], use_threads=False)
        .aggregate([])
        .to_pylist()
    )
    return found


def _group(
    path: str, leads_to: Destination | None, rows: pa.Table, first: int, minutes: int
) -> FlowGroup:
    minute = (np.asarray(rows["minute"]) - first) // 60
    sent = np.asarray(pc.equal(rows["direction"], "up"))

    def by_minute(name: str, of: np.ndarray) -> Load:
        found = np.zeros(minutes, np.int64)
        np.add.at(found, minute[of], np.asarray(rows[name])[of])
        return load_of(found)

    everything = np.ones(len(minute), bool)
    return FlowGroup(
        path=path,
        destination=leads_to,
        devices=tuple(sorted(one for one in pc.unique(rows["device"]).to_pylist() if one)),
        loads=dict(_by_subnet(rows, by_minute)),
        down=by_minute("bytes", ~sent),
        up=by_minute("bytes", sent),
        packets=by_minute("packets", everything),
        connections=by_minute("records", sent),
    )


def _by_subnet(rows: pa.Table, by_minute: Any) -> Iterator[tuple[str, Load]]:
    subnets = pc.fill_null(rows["subnet"], UNKNOWN_SUBNET)
    for one in sorted(pc.unique(subnets).to_pylist()):
        yield one, by_minute("bytes", np.asarray(pc.equal(subnets, one)))
