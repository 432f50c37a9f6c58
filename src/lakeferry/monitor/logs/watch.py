"""Bytes of each path against the plan: what was moved, how fast it goes, when it will end. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.monitor.logs.top import GB, leak_text, usd_per_hour
from lakeferry.monitor.wanted.own_cost import path_usd_per_gb
from lakeferry.network.attribute import NAT_PATHS
from lakeferry.network.flow_batch import FlowBatch
from lakeferry.network.flow_totals import MINUTE
from lakeferry.network.members import Members, members_of
from lakeferry.network.path_totals import PathTotals
from lakeferry.network.resources import PlannedFlow
from lakeferry.network.topology import Topology

BY = ("path", "device", "interface", "direction", "leak", "subnet", MINUTE)
RECENT_S = 7200  # minutes that are kept one by one
_DRAIN_S = 3600  # how often older ones are added up
RATE_S = 900  # over which a rate is taken
_NEWEST_S = 60  # the last minute is not whole yet
_ON_TIME = 0.9  # of what the plan would have sent by now

WORKERS = "workers"  # stands for their interfaces, which come and go
Key = tuple[str, str, str, str, bool, str]  # path, device, interface, direction, leak, subnet


@dataclass(frozen=True, slots=True)
class PathFlow:
    """One path as it stands."""

    path: str
    device: str  # '' where several share the line, or there is none
    bytes: int
    leaked: int  # of them S3 through NAT
    bytes_per_s: float  # over the last quarter of an hour
    planned_bytes: int | None  # None: the plan does not name this path
    planned_per_s: float | None
    usd: Decimal | None  # so far; None where bytes are not what is paid for
    finding: str

    @property
    def share(self) -> float | None:
        """Of the planned bytes."""
        return self.bytes / self.planned_bytes if self.planned_bytes else None

    @property
    def left_s(self) -> float | None:
        """Until the planned bytes have passed, at the rate of now."""
        if self.planned_bytes is None or self.bytes_per_s <= 0:
            return None
        return max(0, self.planned_bytes - self.bytes) / self.bytes_per_s


@dataclass(frozen=True, slots=True)
class Fault:
    """A log that could not be read, or a question that AWS did not answer."""

    what: str
    next_step: str

    def __str__(self) -> str:
        return f"{self.what}; next: {self.next_step}"


@dataclass(frozen=True, slots=True)
class WatchView:
    """All paths at one moment."""

    at_s: int  # of the newest row's minute; 0: there is none
    paths: tuple[PathFlow, ...]  # the greatest first; planned ones that carry nothing come last
    rows: int
    skipped: int  # rows of SKIPDATA: AWS left records out
    bad_lines: int
    undirected: int
    faults: tuple[Fault, ...]
    planned: tuple[PlannedFlow, ...]

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.paths)

    @property
    def is_fine(self) -> bool:
        return not any(one.finding for one in self.paths)


@dataclass(slots=True)
class Watch:
    """Sums that eat rows. Minutes are kept one by one while they are recent, then added up."""

    topology: Topology
    planned: tuple[PlannedFlow, ...] = ()
    start_s: int | None = None  # of the plan; rows before it are left out
    newest_s: int = 0
    rows: int = 0
    _past: Counter[Key] = field(default_factory=Counter)
    _members: Members = field(init=False)
    _totals: PathTotals = field(init=False)

    def __post_init__(self) -> None:
        self._members = members_of(self.topology)
        self._totals = PathTotals(self._members, BY)

    def add(self, batch: FlowBatch) -> None:
        rows = batch.rows
        if self.start_s is not None:
            rows = rows.filter(pc.greater_equal(rows["start"], self.start_s))
        newest = pc.max(rows["start"]).as_py()
        if newest is None:
            return
        self.rows += rows.num_rows
        self._totals.add(FlowBatch(batch.fields, rows, batch.source))
        if newest > self.newest_s:
            before, self.newest_s = self.newest_s, newest
            if newest // _DRAIN_S > before // _DRAIN_S:
                self._count(self._totals.drain(newest // 60 * 60 - RECENT_S), self._past)

    def totals(self) -> Counter[Key]:
        """Bytes by path, device, interface, direction, leak and subnet, since the begin."""
        found = Counter(self._past)
        self._count(self._totals.table(), found)
        return found

    def view(self, *, bad_lines: int = 0, faults: Sequence[Fault] = ()) -> WatchView:
        """How it stands."""
        totals, rates = self.totals(), self.rates()
        names = dict.fromkeys((path, device) for path, device, *_ in totals)
        planned = {one.path: one for one in self.planned}
        shown = [self._path(path, device, totals, rates, planned, names) for path, device in names]
        carried = {one.path for one in shown}
        shown.sort(key=lambda one: (-one.bytes, one.path, one.device))
        shown += [_idle(one) for one in self.planned if one.path not in carried]
        return WatchView(
            at_s=self.newest_s // 60 * 60,
            paths=tuple(shown),
            rows=self.rows,
            skipped=sum(self._totals.skipped.values()),
            bad_lines=bad_lines,
            undirected=self._totals.undirected,
            faults=tuple(faults),
            planned=self.planned,
        )

    def rates(self) -> dict[tuple[str, str], float]:
        """Bytes a second by path and device, over the last minutes that are whole."""
        end = self.newest_s // 60 * 60 + 60 - _NEWEST_S
        table = self._totals.table()
        inside = pc.and_(pc.greater_equal(table[MINUTE], end - RATE_S), pc.less(table[MINUTE], end))
        recent = table.filter(inside)
        if not recent.num_rows:
            return {}
        first = pc.min(recent[MINUTE]).as_py()
        sums: Counter[tuple[str, str]] = Counter()
        for row in recent.select(["path", "device", "bytes"]).to_pylist():
            sums[row["path"], row["device"]] += row["bytes"]
        return {key: octets / (end - first) for key, octets in sums.items()}

    def _count(self, table: pa.Table, into: Counter[Key]) -> None:
        for row in table.select([*BY[:-1], "bytes"]).to_pylist():
            interface = row["interface"]
            if self._members.member(interface).role == "other" and interface != row["device"]:
                interface = WORKERS
            key = (row["path"], row["device"], interface, row["direction"], row["leak"])
            into[(*key, row["subnet"] or "")] += row["bytes"]

    def _path(
        self,
        path: str,
        device: str,
        totals: Mapping[Key, int],
        rates: Mapping[tuple[str, str], float],
        planned: Mapping[str, PlannedFlow],
        names: Mapping[tuple[str, str], None],
    ) -> PathFlow:
        octets = sum(n for key, n in totals.items() if key[:2] == (path, device))
        leaks = self._leaks(path, device, totals)
        plan = planned.get(path)
        alike = sum(1 for one, _ in names if one == path)  # devices share the path's plan
        region = self.topology.found.vpc.region
        price = path_usd_per_gb(path, region)
        return PathFlow(
            path=path,
            device=device,
            bytes=octets,
            leaked=sum(leaks.values()),
            bytes_per_s=rates.get((path, device), 0.0),
            planned_bytes=plan.bytes // alike if plan else None,
            planned_per_s=plan.bytes / plan.seconds / alike if plan else None,
            usd=None if price is None else Decimal(octets) / GB * price,
            finding=self._finding(leaks, path, octets, rates.get((path, device), 0.0)),
        )

    def _leaks(self, path: str, device: str, totals: Mapping[Key, int]) -> dict[str | None, int]:
        found: Counter[str | None] = Counter()
        for (one, other, _, _, leak, subnet), octets in totals.items():
            if leak and (one, other) == (path, device):
                found[subnet or None] += octets
        if path in NAT_PATHS and not found and (octets := self._totals.leaked().get(device, 0)):
            found[None] = octets  # of a format that shows it on the outer side alone
        return dict(found)

    def _finding(self, leaks: Mapping[str | None, int], path: str, octets: int, rate: float) -> str:
        if not leaks:
            return ""
        share = sum(leaks.values()) / octets if octets else 0
        usd = usd_per_hour(int(share * rate * 3600), path, self.topology.found.vpc.region, 3600)
        return leak_text(leaks, usd, self.topology)


def _idle(plan: PlannedFlow) -> PathFlow:
    """A planned path that has carried nothing."""
    rate = plan.bytes / plan.seconds
    return PathFlow(plan.path, "", 0, 0, 0.0, plan.bytes, rate, None, "carries nothing yet")


def expected_bytes(flow: PathFlow, start_s: int, at_s: int) -> float | None:
    """What the plan would have moved by a time; None for a path that it does not name."""
    if flow.planned_bytes is None or flow.planned_per_s is None:
        return None
    return min(flow.planned_bytes, max(0, at_s - start_s) * flow.planned_per_s)


def is_behind(flow: PathFlow, start_s: int, at_s: int) -> bool:
    """Whether a path has moved less than nine tenths of what the plan has by now."""
    expected = expected_bytes(flow, start_s, at_s)
    return expected is not None and flow.bytes < _ON_TIME * expected
