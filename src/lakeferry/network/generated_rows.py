"""Made up traffic as the lines that a flow log of any format would hold of it.

Who logs what, and which field holds which end, is as AWS documents it: a NAT device's interface
has four rows of a connection where its worker has two, an endpoint's has two, a gateway endpoint
none; `traffic-path` is written for egress alone.

Source: VPC User Guide, "Flow log records" and "Flow log record examples" (NAT gateway).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from lakeferry.network.fields import FIELDS
from lakeferry.network.generated_flows import (
    LIFE,
    MINUTE,
    GeneratedFlow,
    Worker,
    generated_flows,
    stand_ins,
)
from lakeferry.network.members import Member, members_of
from lakeferry.network.topology import Topology

Row = Mapping[str, object]  # by AWS's names; of a field that is not there the log says `-`

_TO_DEVICE = 1  # traffic-path: another resource of the VPC
_PATHS = {"s3_gateway": 7, "internet_gateway": 8}
_HOPS = {"nat": "nat_gateway", "endpoint": "vpc_endpoint"}  # as interface-type says it
_PACKET = 1400  # bytes
_SYN, _SYN_ACK = 2, 18
_STRANGER = "198.51.100.7"  # TEST-NET-2: nobody's
_ALWAYS = ("version", "account-id", "interface-id", "start", "end", "log-status")


def generated_log(
    topology: Topology,
    fields: Sequence[str],
    *,
    start_s: int,
    minutes: int,
    rates: Mapping[str, int] | None = None,
) -> Iterator[bytes]:
    """A flow log in text with a header line, a chunk a minute.

    Args:
        fields: the format, AWS's names in order.
        start_s: of the first minute, s since the epoch.
        rates: see `generated_flows`.
    """
    yield (" ".join(fields) + "\n").encode()
    devices = [one.id for one in members_of(topology).interfaces.values() if one.role != "other"]
    workers, zones = stand_ins(topology), {one.id: one.zone_id for one in topology.found.subnets}
    vpc = topology.found.vpc
    usual: Row = {
        "version": max((FIELDS[name].since for name in fields), default=2),
        "account-id": vpc.account, "region": vpc.region, "vpc-id": vpc.id,
    }  # fmt: skip
    flows = generated_flows(topology, start_s=start_s, minutes=minutes, rates=rates)
    for now, some in groupby(flows, lambda flow: flow.start_s):
        here = list(some)
        rows = [row for flow in here for row in rows_of(flow)]
        rows += _besides(devices, workers[0], here, (now - start_s) // MINUTE)
        placed = ({**usual, "az-id": zones.get(str(row.get("subnet-id"))), **row} for row in rows)
        yield "".join(f"{_line(fields, row)}\n" for row in placed).encode()


def rows_of(flow: GeneratedFlow) -> Iterator[Row]:
    """All rows of one flow: at the worker, and at the device."""
    worker, far = flow.worker.ip, flow.remote
    own: Row = {
        "interface-id": flow.worker.id,
        "instance-id": flow.worker.instance_id,
        "subnet-id": flow.worker.subnet_id,
    }
    yield {**_up(flow, "egress", worker), **own, **_next_hop(flow)}
    yield {**_down(flow, "ingress", worker), **own}
    if not flow.device:
        return
    inner, outer = flow.device[0], flow.device[-1]
    if inner.role == "endpoint":
        yield {**_up(flow, "ingress", worker), **_at(inner)}
        yield {**_down(flow, "egress", worker), **_at(inner), "traffic-path": _TO_DEVICE}
        return
    # A NAT device logs each packet as it comes in and as it goes out. On the worker's side its own
    # address takes the remote's place, and `pkt-` says whom the packet was for.
    own_ip, outside = inner.ips[0], outer.ips[0]
    yield {**_up(flow, "ingress", worker), **_at(inner), "dstaddr": own_ip, "pkt-dstaddr": far}
    yield {**_up(flow, "egress", outside), **_at(outer), "traffic-path": 8}
    yield {**_down(flow, "ingress", outside), **_at(outer)}
    back = {"srcaddr": own_ip, "traffic-path": _TO_DEVICE}
    yield {**_down(flow, "egress", worker), **_at(inner), **back}


def _up(flow: GeneratedFlow, direction: str, near: str) -> dict[str, object]:
    """What is sent, as an interface sees it at which the near end has this address."""
    return {
        **_measured(flow, flow.up, direction),
        "srcaddr": near, "dstaddr": flow.remote, "pkt-srcaddr": near, "pkt-dstaddr": flow.remote,
        "srcport": flow.port, "dstport": 443,
        "tcp-flags": _SYN if flow.is_new else 0,
        "pkt-dst-aws-service": "S3" if flow.is_s3 else "-",
    }  # fmt: skip


def _down(flow: GeneratedFlow, direction: str, near: str) -> dict[str, object]:
    return {
        **_measured(flow, flow.down, direction),
        "srcaddr": flow.remote, "dstaddr": near, "pkt-srcaddr": flow.remote, "pkt-dstaddr": near,
        "srcport": 443, "dstport": flow.port,
        "tcp-flags": _SYN_ACK if flow.is_new else 0,
        "pkt-src-aws-service": "S3" if flow.is_s3 else "-",
    }  # fmt: skip


def _measured(flow: GeneratedFlow, size: int, direction: str) -> dict[str, object]:
    return {
        "protocol": 6, "packets": -(-size // _PACKET), "bytes": size, "type": "IPv4",
        "flow-direction": direction, "action": "ACCEPT", **_when(flow.start_s),
    }  # fmt: skip


def _when(start_s: int, status: str = "OK") -> dict[str, object]:
    return {"start": start_s, "end": start_s + MINUTE - 1, "log-status": status}


def _next_hop(flow: GeneratedFlow) -> dict[str, object]:
    found: dict[str, object] = {"traffic-path": _PATHS.get(flow.path, _TO_DEVICE)}
    if flow.device:
        hop = flow.device[0]
        found |= {"next-hop-interface-id": hop.id, "next-hop-interface-type": _kind(hop)}
    return found


def _at(device: Member) -> dict[str, object]:
    """Whose row it is. A regional NAT gateway has no interface: `resource-id` names it."""
    return {
        "interface-id": device.id,
        "instance-id": device.instance_id,
        "subnet-id": device.subnet_id,
        "interface-type": _kind(device),
        "resource-id": device.device if device.id == "-" else "-",
    }


def _kind(device: Member) -> str:
    if device.path == "nat_instance":
        return "-"
    return "regional_nat_gateway" if device.id == "-" else _HOPS[device.role]


def _besides(
    devices: Sequence[str], first: Worker, flows: Sequence[GeneratedFlow], minute: int
) -> Iterator[Row]:
    """What is no traffic of a worker: a stranger, interfaces without traffic, lost rows."""
    now, used = flows[0].start_s, {one.id for flow in flows for one in flow.device}
    for id in devices:
        if id not in used:
            yield {"interface-id": id, **_when(now, "NODATA")}
    if minute % LIFE == 0:
        yield {
            "interface-id": first.id, "instance-id": first.instance_id,
            "subnet-id": first.subnet_id, "srcaddr": _STRANGER, "dstaddr": first.ip,
            "pkt-srcaddr": _STRANGER, "pkt-dstaddr": first.ip, "srcport": 40_000 + minute,
            "dstport": 22, "protocol": 6, "packets": 1, "bytes": 44, "type": "IPv4",
            "tcp-flags": _SYN, "flow-direction": "ingress", "action": "REJECT", **_when(now),
        }  # fmt: skip
    if minute == LIFE - 1:
        yield {"interface-id": first.id, **_when(now, "SKIPDATA")}


def _line(fields: Sequence[str], row: Row) -> str:
    if row["log-status"] != "OK":
        row = {name: row[name] for name in _ALWAYS}
    texts = (row.get(name) for name in fields)
    return " ".join("-" if text in (None, "") else str(text) for text in texts)
