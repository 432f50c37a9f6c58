"""What flowed, priced: who crosses which path, what leaks, and which path each group should take.

from lakeferry.cost.observe.run import observe
from lakeferry.monitor.logs.read_flow import read_flow

read = read_flow("s3://flow-logs/AWSLogs/", topology)
found = observe(read.flow, read.who, topology)
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.cost.bill.judging import REMEDY
from lakeferry.cost.observe.flow_choice import GroupChoice, Terms, a_month, choose
from lakeferry.cost.observe.flow_groups import OUTWARD, Flow, flow_of
from lakeferry.cost.path.money import exact
from lakeferry.cost.prices.price_file import own_book
from lakeferry.cost.prices.values import GIB, PriceBook
from lakeferry.errors import FerryError
from lakeferry.network.topology import Topology

NAMED = 3  # workers and far ends that are named of each path
_BY_BYTES: Mapping[str, str] = {"nat_gateway": "aws.natgw.gb", "transit_gateway": "aws.tgw.gb"}
_FREE = ("s3_gateway", "dynamodb_gateway", "vpc")


@dataclass(frozen=True, slots=True)
class Named:
    """One end of a path's bytes."""

    name: str  # '': rows do not tell
    bytes: int


@dataclass(frozen=True, slots=True)
class PathSeen:
    """What one device carried, for whom, and what its bytes cost."""

    path: str  # `nat_gateway`, `s3_interface`, …
    device: str  # id; '' where there is none
    bytes: int
    down: int  # of them, to workers
    leak: int  # of them, to and from S3 by a NAT device
    usd_per_gb: Decimal | None  # of 2^30 bytes; None: bytes are not what is paid for
    workers: tuple[Named, ...]  # the greatest first
    remotes: tuple[Named, ...]

    @property
    @exact()
    def usd(self) -> Decimal | None:
        """What the bytes that were seen cost."""
        return None if self.usd_per_gb is None else Decimal(self.bytes) / GIB * self.usd_per_gb

    @property
    @exact()
    def leak_usd(self) -> Decimal | None:
        """Of that, what the leak costs."""
        return None if self.usd_per_gb is None else Decimal(self.leak) / GIB * self.usd_per_gb


@dataclass(frozen=True, slots=True)
class Observation:
    """A network's flow over some minutes, with its prices. A month has 720 hours like these."""

    region: str
    first_s: int  # where the first minute starts, s since the epoch
    minutes: int
    bytes: int  # each byte once
    paths: tuple[PathSeen, ...]  # the greatest first
    choices: tuple[GroupChoice, ...]  # likewise
    currency: str = "USD"
    leak_remedy: str = field(default=REMEDY["leak"] or "")

    @property
    def leak(self) -> int:
        return sum(one.leak for one in self.paths)

    @property
    @exact()
    def leak_usd(self) -> Decimal:
        """What the leak cost in the minutes that were seen; by a NAT instance it costs none."""
        return sum((one.leak_usd or Decimal(0) for one in self.paths), Decimal(0))

    @property
    @exact()
    def leak_usd_month(self) -> Decimal:
        """What it costs in a month."""
        return sum(
            (
                Decimal(a_month(one.leak, self.minutes)) / GIB * (one.usd_per_gb or 0)
                for one in self.paths
            ),
            Decimal(0),
        )

    @property
    @exact()
    def saves(self) -> Decimal:
        """Dollars a month less, if each group took the path that it should."""
        return sum((one.saves for one in self.choices if one.saves is not None), Decimal(0))


def observe(
    flow: pa.Table,
    who: pa.Table,
    topology: Topology,
    *,
    book: PriceBook | None = None,
    terms: Terms | None = None,
    undated_leak: Mapping[str, int] | None = None,
) -> Observation:
    """Price what flowed, and choose a path for each group.

    Args:
        flow: of `PathTotals` by `flow_groups.BY_FLOW`; see `monitor.logs.read_flow`.
        who: of `PathTotals` by path, device, leak, worker and remote, over the same rows.
        topology: the network, which knows zones and instance types.
        book: of prices; None: those that come along.
        terms: what holds for all groups; its zones, types and workers are taken from the network.
        undated_leak: bytes of S3 by NAT device, where rows do not tell them minute by minute.

    Raises:
        FerryError: LF-6643 where nothing flowed; LF-6501 for a Region without prices; LF-6502.
    """
    region = topology.found.vpc.region
    prices = own_book() if book is None else book
    found = flow_of(flow)
    if not found.groups:
        raise FerryError(
            "LF-6643",
            "the flow logs hold no bytes of this network",
            topology.found.vpc.id or "the saved network",
            "choose other times, or see with `lakeferry monitor top` whose bytes there are",
        )
    known = _known(terms or Terms(region), topology, found, who)
    return Observation(
        region,
        found.first_s,
        found.minutes,
        found.bytes,
        _paths(flow, who, prices, region, undated_leak or {}),
        tuple(choose(one, known, prices) for one in found.groups),
        prices.currency,
    )


def _known(terms: Terms, topology: Topology, flow: Flow, who: pa.Table) -> Terms:
    """Terms with what the network and its flow tell."""
    return replace(
        terms,
        region=topology.found.vpc.region,
        zones={one.id: one.zone for one in topology.found.subnets},
        types={one.id: one.kind for one in topology.nat_instances},
        gateway_stays=any(one.path == "nat_gateway" for one in flow.groups),
        workers=_workers(who),
        worker_type=_worker_type(topology),
    )


def _workers(who: pa.Table) -> int:
    """How many machines of ours send to the outside."""
    outward = who.filter(pc.is_in(who["path"], pa.array(OUTWARD)))
    return len([one for one in pc.unique(outward["worker"]).to_pylist() if one])


def _worker_type(topology: Topology) -> str:
    """The instance type that most workers have; '' where none is known."""
    ours = {one.instance_id for one in topology.workers}
    kinds = Counter(one.kind for one in topology.found.instances if one.id in ours)
    return max(kinds, key=lambda one: (kinds[one], one), default="")


# ---- who and what crosses which path


def _paths(
    flow: pa.Table,
    who: pa.Table,
    book: PriceBook,
    region: str,
    undated: Mapping[str, int],
) -> tuple[PathSeen, ...]:
    sums = _summed(flow, ("path", "device", "direction", "leak"))
    workers, remotes = (_greatest(who, end) for end in ("worker", "remote"))
    keys = {(row["path"], row["device"] or "") for row in sums}
    found = []
    for path, device in keys:
        own = [row for row in sums if (row["path"], row["device"] or "") == (path, device)]
        leak = sum(row["bytes"] for row in own if row["leak"]) or undated.get(device, 0)
        found.append(
            PathSeen(
                path=path,
                device=device,
                bytes=sum(row["bytes"] for row in own),
                down=sum(row["bytes"] for row in own if row["direction"] == "down"),
                leak=leak,
                usd_per_gb=usd_per_gb(path, book, region),
                workers=workers.get((path, device), ()),
                remotes=remotes.get((path, device), ()),
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.bytes, one.path, one.device)))


def usd_per_gb(path: str, book: PriceBook, region: str) -> Decimal | None:
    """What 2^30 bytes of a path cost, at the first tier; None where bytes cost nothing known.

    Raises:
        FerryError: LF-6501 for a Region that the book does not know.
    """
    if path in _FREE:
        return Decimal(0)
    if path in OUTWARD and path != "nat_gateway":
        return None  # an instance costs hours, an internet gateway nothing
    if path in ("unknown", "elsewhere", "nowhere", "peering", "local_gateway"):
        return None
    if path == "virtual_private_gateway":
        return None
    return book.of(_BY_BYTES.get(path, "aws.vpce.gb"), region).first_usd


def _greatest(who: pa.Table, end: str) -> dict[tuple[str, str], tuple[Named, ...]]:
    found: dict[tuple[str, str], list[Named]] = {}
    rows = _summed(who, ("path", "device", end))
    for row in sorted(rows, key=lambda one: (-one["bytes"], one[end] or "")):
        of = found.setdefault((row["path"], row["device"] or ""), [])
        if len(of) < NAMED:
            of.append(Named(row[end] or "", row["bytes"]))
    return {key: tuple(names) for key, names in found.items()}


def _summed(rows: pa.Table, by: Sequence[str]) -> list[dict[str, Any]]:
    groups = rows.group_by(list(by), use_threads=False).aggregate([("bytes", "sum")])
    named = groups.rename_columns([*by, "bytes"])
    found: list[dict[str, Any]] = named.to_pylist()
    return found
