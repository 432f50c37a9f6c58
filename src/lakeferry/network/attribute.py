"""Flow records -> who carried which bytes by which path, each byte once. Pure, in Arrow.

A byte through a NAT device is logged three times: at the worker, and twice at the device. It is
counted on the device's inner side, where it enters from a worker or leaves to one: there worker
and remote host stand in one row, and what the device did not let through is not there. Bytes of
an interface endpoint are counted at its interfaces, all rows; what has no interface of its own
(a gateway endpoint, an internet gateway) at the worker's.

Source: VPC User Guide, "Flow log record examples" (NAT gateway) and "Flow log records".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.network.flow_batch import FlowBatch
from lakeferry.network.flow_rows import (
    DIRECTIONS,
    DOWN,
    UNKNOWN,
    UP,
    Codes,
    FlowRows,
    is_s3_text,
    named,
)
from lakeferry.network.flow_totals import MINUTE
from lakeferry.network.known_texts import KnownTexts
from lakeferry.network.members import DEVICE, INSIDE, S3, Members, Way

NEEDED = ("interface-id", "srcaddr", "dstaddr", "bytes", "packets", "start")
HELPFUL = (
    "srcport", "dstport", "protocol", "action", "log-status", "subnet-id", "pkt-srcaddr",
    "pkt-dstaddr", "pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction",
    "traffic-path", "resource-id",
)  # fmt: skip

# What totals can be asked by, beside the minute.
KEYS = (
    "path", "device", "interface", "direction", "leak", "worker", "subnet", "remote", "src", "dst",
    "port", "service",
)  # fmt: skip
BY_PATH = ("path", "device", "interface", "direction", "leak", MINUTE)

# The four sums of a NAT device, by the names that AWS/NATGateway gives them.
SIDES = ("BytesInFromSource", "BytesOutToDestination", "BytesInFromDestination", "BytesOutToSource")

# What a far end is, as far as rows tell: none of AWS's services, S3, DynamoDB, or another of them
# that an interface endpoint may lead to. Machines of EC2 are anybody's.
SERVICES = ("", "s3", "dynamodb", "aws_service")
_OTHER_SERVICES = (
    "AMAZON", "AMAZON_APPFLOW", "AMAZON_CONNECT", "API_GATEWAY", "CODEBUILD",
    "KINESIS_VIDEO_STREAMS",
)  # fmt: skip

INSIDE_VPC = "vpc"  # the path from a worker to another
NAT_PATHS = ("nat_gateway", "nat_instance")
# Where bytes were counted. A device's own rows go before what workers say of it.
AT_DEVICE, AT_WORKER = "device", "worker"

_BY_TRAFFIC_PATH = {
    2: "internet_gateway", 3: "virtual_private_gateway", 4: "peering", 5: "peering",
    6: "local_gateway", 8: "internet_gateway",
}  # fmt: skip

WayOf = Callable[[str | None], int]


@dataclass(frozen=True, slots=True)
class Sent:
    """By which way workers' bytes went out of the VPC, an entry a row."""

    ports: np.ndarray  # int64, a hash of interface, remote address, ports and protocol
    peer: np.ndarray  # int64, a hash of interface and remote address
    minute: np.ndarray  # s since the epoch
    way: Codes  # index into `Attribution.ways`


@dataclass(frozen=True, slots=True)
class Attributed:
    """What one batch of rows says. The batches are for `FlowTotals`; None: there is none.

    counted: rows whose path is known; the keys that were asked for, and `at`.
    returned: rows that came back to a worker from outside. Which way stands in no row, it was
    that of what was sent: keys as above, with the way that today's routes would give, and `ports`
    and `peer` as `Sent` has them.
    sides: rows at NAT devices: `device`, `interface`, `side` (one of SIDES), and `s3`: whether
    the far end is S3, which the outer side shows in every format.
    """

    counted: FlowBatch | None
    returned: FlowBatch | None
    sides: FlowBatch | None
    sent: Sent
    undirected: int  # rows left out: nothing says whether they came or went, or when
    rejected_bytes: int


class Attribution:
    """Looks at batches, one after another. It remembers names, no rows."""

    def __init__(self, members: Members, by: Sequence[str]) -> None:
        self.ways: list[tuple[str, str, str]] = []  # path, device, at
        self._codes: dict[tuple[str, str, str], int] = {}
        self._members = members
        self._by = [name for name in by if name != MINUTE]
        self._known = KnownTexts()

    def look(self, batch: FlowBatch) -> Attributed:
        """What the rows of a batch say.

        Args:
            batch: read typed and `coded`, with the columns NEEDED and of HELPFUL what there is.
        """
        accepted, rejected = _accepted(batch.rows)
        dated = accepted.filter(accepted["start"].is_valid())
        rows = FlowRows(dated, self._members, self._known)
        outside = self._outside(rows)
        counted = self._counted(rows, outside)
        back = self._by_routes(rows, outside & (rows.direction == DOWN))
        return Attributed(
            counted=self._keyed(batch, rows, counted),
            returned=self._returned(batch, rows, back),
            sides=self._sides(batch, rows),
            sent=_sent(rows, outside & (rows.direction == UP), counted),
            undirected=len(accepted) - len(dated) + int((rows.direction == UNKNOWN).sum()),
            rejected_bytes=rejected,
        )

    # ---- by which way

    def _outside(self, rows: FlowRows) -> np.ndarray:
        """Rows between a worker and what lies outside the VPC."""
        far = rows.about(rows.far_end, self._members.address) & (INSIDE | DEVICE) == 0
        found: np.ndarray = far & ~rows.is_nat & ~rows.is_endpoint
        return found

    def _counted(self, rows: FlowRows, outside: np.ndarray) -> Codes:
        """The way of each row that is counted where it stands; -1 for others."""
        at_device = rows.by_member(
            lambda one: -1 if one.role == "other" else self._way(one.path, one.device, AT_DEVICE)
        )
        far = rows.about(rows.far_end, self._members.address)
        here = ~rows.is_nat & ~rows.is_endpoint & (far & INSIDE > 0) & (far & DEVICE == 0)
        way = np.where(rows.inner | rows.is_endpoint, at_device, -1)
        up = rows.direction == UP
        way = np.where(here & up, self._way(INSIDE_VPC, "", AT_WORKER), way)
        way = np.where(outside & up, self._by_traffic_path(rows, outside & up), way)
        return np.where(rows.direction == UNKNOWN, -1, way)

    def _by_traffic_path(self, rows: FlowRows, of: np.ndarray) -> Codes:
        """The way of rows that left a worker for the outside, as the row has it."""
        stated = rows.numbers("traffic_path")
        way = self._by_routes(rows, of)
        for number, path in _BY_TRAFFIC_PATH.items():
            way = np.where(stated == number, self._way(path, "", AT_WORKER), way)
        # 2 is a gateway endpoint too, on instances that are not built on Nitro.
        gateway = (stated == 7) | ((stated == 2) & _is_service(rows, ("S3", "DYNAMODB")))
        way = np.where(gateway, self._gateway(rows), way)
        # 1 is another interface of the VPC, so it is no gateway endpoint, whatever routes say.
        return np.where(stated == 1, self._default(rows), way)

    def _by_routes(self, rows: FlowRows, of: np.ndarray) -> Codes:
        """The way that today's routes give; -1 for rows that are not `of` them."""
        s3 = rows.is_s3
        gateway = self._spread(rows, self._to_s3)
        way = np.where(s3 & (gateway >= 0), gateway, self._default(rows))
        return np.where(of, way, -1)

    def _gateway(self, rows: FlowRows) -> Codes:
        """The gateway endpoint of a row's subnet; one that is not known has no id."""
        known = self._spread(rows, self._to_s3)
        s3 = np.where(known >= 0, known, self._way("s3_gateway", "", AT_WORKER))
        other = self._way("dynamodb_gateway", "", AT_WORKER)
        return np.where(_is_service(rows, ("DYNAMODB",)), other, s3)

    def _default(self, rows: FlowRows) -> Codes:
        nothing = self._way("unknown", "", AT_WORKER)
        found = self._spread(rows, self._out)
        return np.where(found >= 0, found, nothing)

    def _spread(self, rows: FlowRows, way_of: WayOf) -> Codes:
        """A way for each row's subnet: of its interface, else as the row names it; -1: none."""
        known = rows.by_member(lambda one: one.subnet_id != "")
        by_member = rows.by_member(lambda one: way_of(one.subnet_id))
        return np.where(known, by_member, rows.where("subnet_id", way_of))

    def _to_s3(self, subnet: str | None) -> int:
        return self._code(self._members.to_s3.get(subnet or ""))

    def _out(self, subnet: str | None) -> int:
        return self._code(self._members.out.get(subnet or ""))

    def _code(self, way: Way | None) -> int:
        return -1 if way is None else self._way(way.path, way.device, AT_WORKER)

    def _way(self, path: str, device: str, at: str) -> int:
        key = (path, device, at)
        if key not in self._codes:
            self._codes[key] = len(self.ways)
            self.ways.append(key)
        return self._codes[key]

    def _service(self, rows: FlowRows) -> Codes:
        """Index into SERVICES of each row's far end."""
        to, of = (rows.where(f"pkt_{side}_aws_service", _kind) for side in ("dst", "src"))
        return np.where(rows.is_s3, 1, np.where(rows.direction == UP, to, of))

    def _is_s3_outside(self, rows: FlowRows) -> np.ndarray:
        """The same at a NAT device, where on the outer side what comes in is from the far end."""
        far = np.where(rows.coming, rows.end("src"), rows.end("dst"))
        bits = rows.about(far, self._members.address)
        to, of = (rows.where(f"pkt_{side}_aws_service", is_s3_text) for side in ("dst", "src"))
        return (bits & S3 > 0) | np.where(rows.coming, of, to)

    # ---- by what it is asked

    def _keyed(self, batch: FlowBatch, rows: FlowRows, way: Codes) -> FlowBatch | None:
        at = np.flatnonzero(way >= 0)
        return _batch(batch, self._columns(rows, at, way[at])) if len(at) else None

    def _returned(self, batch: FlowBatch, rows: FlowRows, way: Codes) -> FlowBatch | None:
        at = np.flatnonzero(way >= 0)
        if not len(at):
            return None
        ports, peer = rows.hashes(at)
        columns = self._columns(rows, at, way[at])
        hashed = {"ports": pa.array(ports), "peer": pa.array(peer)}
        s3 = {"s3": pa.array(rows.is_s3[at])}
        return _batch(batch, {**columns, "way": pa.array(way[at]), **hashed, **s3})

    def _sides(self, batch: FlowBatch, rows: FlowRows) -> FlowBatch | None:
        at = np.flatnonzero(rows.is_nat & (rows.direction != UNKNOWN))
        if not len(at):
            return None
        inner = rows.inner[at]
        side = np.where(rows.coming[at], np.where(inner, 0, 2), np.where(inner, 3, 1))
        columns = {
            "device": rows.of_member(lambda one: one.device, at),
            "interface": rows.of_member(lambda one: one.id, at),
            "side": named(SIDES, side),
            "s3": pa.array(self._is_s3_outside(rows)[at]),
        }
        return _batch(batch, {**columns, **_measures(rows, at)})

    def _columns(self, rows: FlowRows, at: np.ndarray, way: Codes) -> dict[str, pa.Array]:
        made: dict[str, pa.Array] = {}
        for name in dict.fromkeys((*self._by, "path", "device", "at")):
            if name in ("path", "device", "at"):
                index = ("path", "device", "at").index(name)
                made[name] = named([one[index] for one in self.ways], way)
            else:
                made[name] = self._key(rows, name, at, way)
        return {**made, **_measures(rows, at)}

    def _key(self, rows: FlowRows, name: str, at: np.ndarray, way: Codes) -> pa.Array:
        up = rows.direction == UP
        if name == "service":
            return named(SERVICES, self._service(rows)[at])
        texts = {
            "worker": lambda: rows.texts(rows.near_end, at, self._members.name),
            "subnet": lambda: rows.texts(rows.near_end, at, self._members.subnet),
            "remote": lambda: rows.texts(rows.far_end, at, self._members.place),
            "src": lambda: rows.texts(rows.end("src"), at, _itself),
            "dst": lambda: rows.texts(rows.end("dst"), at, _itself),
            "interface": lambda: rows.of_member(lambda one: one.id, at),
            "direction": lambda: named(DIRECTIONS, rows.direction[at]),
        }
        if name == "leak":
            nat = np.array([path in NAT_PATHS for path, _, _ in self.ways])[way]
            return pa.array(nat & rows.is_s3[at])
        if name == "port":
            ports = np.where(up, rows.numbers("dstport"), rows.numbers("srcport"))
            return pa.array(ports[at], pa.int64())
        return texts[name]()


def _is_service(rows: FlowRows, services: Sequence[str]) -> np.ndarray:
    """Rows whose far end is one of these services, as the row has it."""
    bits = sum(_SERVICES[one] for one in services)
    to, of = (rows.where(f"pkt_{side}_aws_service", _service) for side in ("dst", "src"))
    found: np.ndarray = np.where(rows.direction == UP, to, of) & bits > 0
    return found


_SERVICES = {"S3": 1, "DYNAMODB": 2}


def _service(text: str | None) -> int:
    return _SERVICES.get(text or "", 0)


def _kind(text: str | None) -> int:
    return {"S3": 1, "DYNAMODB": 2}.get(text or "", 3 if text in _OTHER_SERVICES else 0)


def _itself(text: str | None) -> str | None:
    return text


def _accepted(rows: pa.RecordBatch) -> tuple[pa.RecordBatch, int]:
    """Rows with bytes that were let through, and the bytes of the others.

    Rows of NODATA and SKIPDATA have no bytes.
    """
    fine = pc.is_valid(rows["bytes"])
    if "action" in rows.schema.names:
        action = rows["action"]
        texts = action.cast(pa.string()) if pa.types.is_dictionary(action.type) else action
        fine = pc.and_(fine, pc.fill_null(pc.not_equal(texts, "REJECT"), True))
    accepted = rows.filter(fine)
    whole, kept = (pc.sum(one["bytes"]).as_py() or 0 for one in (rows, accepted))
    return accepted, whole - kept


def _measures(rows: FlowRows, at: np.ndarray) -> dict[str, pa.Array]:
    indices = pa.array(at)
    return {name: rows.table[name].take(indices) for name in ("start", "bytes", "packets")}


def _batch(batch: FlowBatch, columns: dict[str, pa.Array]) -> FlowBatch:
    rows = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    return FlowBatch(batch.fields, rows, batch.source)


def _sent(rows: FlowRows, of: np.ndarray, way: Codes) -> Sent:
    at = np.flatnonzero(of)
    ports, peer = rows.hashes(at)
    return Sent(ports, peer, rows.numbers("start")[at] // 60 * 60, way[at])
