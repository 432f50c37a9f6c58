"""Flow logs -> who moved what by which path, minute by minute: what `cost --observe` asks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event as Flag

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.cost.observe.flow_groups import BY_FLOW
from lakeferry.monitor.logs.opening import LogEvents
from lakeferry.monitor.logs.read_paths import PathReader, read_paths
from lakeferry.network.flow_batch import FlowBatch, ReadReport
from lakeferry.network.members import members_of
from lakeferry.network.path_totals import PathTotals
from lakeferry.network.topology import Topology
from lakeferry.store.open import NO_OPTIONS

BY_WHO = ("path", "device", "leak", "worker", "remote")
_MINUTE = 60  # s


@dataclass(frozen=True, slots=True)
class FlowRead:
    """What was read. Both tables count each byte once, as `monitor top` does."""

    flow: pa.Table  # by BY_FLOW: bytes, packets, records
    who: pa.Table  # by BY_WHO: the same
    report: ReadReport
    undated_leak: Mapping[str, int]  # bytes of S3 by NAT device, where no row tells of them
    skipped: int  # records that AWS says it left out
    undirected: int  # rows of which nothing says whether they came or went


@dataclass(slots=True)
class _Reader(PathReader):
    """Totals by minute, and beside them totals of who. Long records are spread over minutes."""

    who: PathTotals = field(kw_only=True)

    def add(self, batch: FlowBatch) -> None:
        PathReader.add(self, FlowBatch(batch.fields, spread(batch.rows), batch.source))

    def take(self, batch: FlowBatch) -> None:
        self.totals.add(batch)
        self.who.add(batch)


def read_flow(
    place: str,
    topology: Topology,
    *,
    fields: tuple[str, ...] | None = None,
    options: Mapping[str, str] = NO_OPTIONS,
    log_events: LogEvents | None = None,
    start_s: int | None = None,
    end_s: int | None = None,
    stop: Flag | None = None,
) -> FlowRead:
    """Read the flow logs at a place, in memory that grows with minutes and hosts, not with rows.

    Args:
        place: a file, a folder, `s3://…`, `log-group:NAME`, or `-`; see `read_paths`.
        topology: the network that they are of, discovered or saved.
        start_s, end_s: rows that begin outside are left out, s since the epoch.

    Raises:
        FerryError: LF-6205 where nothing is found; those of `read_flow_log`.
        KeyboardInterrupt: `stop` was set.
    """
    members = members_of(topology)
    reader = _Reader(
        PathTotals(members, BY_FLOW), ReadReport(), start_s, end_s,
        who=PathTotals(members, BY_WHO),
    )  # fmt: skip
    read_paths(
        place, reader, fields=fields, options=options, log_events=log_events, stop=stop,
        beside=("end",),
    )  # fmt: skip
    flow, totals = reader.totals.table(), reader.totals
    told = set(pc.unique(flow.filter(flow["leak"])["device"]).to_pylist())
    undated = {one: size for one, size in totals.leaked().items() if size and one not in told}
    return FlowRead(
        flow, reader.who.table(), reader.report, undated, sum(totals.skipped.values()),
        totals.undirected,
    )  # fmt: skip


def spread(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Records of more than a minute as one for each of their minutes, their bytes evenly.

    A flow log that aggregates ten minutes would else show a peak of ten times the rate. Sums stay
    as they are, to the byte: after `cut` of `whole` seconds `size * cut // whole` bytes are due,
    and a piece gets what is due at its end less what was due at its beginning.
    """
    if "end" not in rows.schema.names or not rows.num_rows:
        return rows
    start = np.asarray(pc.fill_null(rows["start"], 0))
    lasts = np.asarray(pc.fill_null(rows["end"], 0)) - start
    pieces = np.where(lasts > _MINUTE, -(-lasts // _MINUTE), 1)
    if pieces.max() == 1:
        return rows
    record = np.repeat(np.arange(len(pieces)), pieces)  # of which record each piece is
    piece = np.arange(len(record)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    found = rows.take(pa.array(record))
    whole = np.maximum(lasts, 1)[record]
    cuts = [
        np.where(pieces[record] == 1, edge, np.minimum(at * _MINUTE, whole))
        for at, edge in ((piece, 0), (piece + 1, whole))
    ]
    made = {"start": pc.if_else(pc.is_valid(found["start"]), start[record] + piece * _MINUTE, None)}
    for name in ("bytes", "packets"):
        size = np.asarray(pc.fill_null(found[name], 0))
        # size * cut // whole, in two terms so that no product leaves 64 bits.
        due = [size // whole * cut + size % whole * cut // whole for cut in cuts]
        made[name] = pc.if_else(pc.is_valid(found[name]), pa.array(due[1] - due[0]), None)
    columns = [made.get(name, found[name]) for name in found.schema.names]
    return pa.RecordBatch.from_arrays(columns, names=found.schema.names)
