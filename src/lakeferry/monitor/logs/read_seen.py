"""Flow logs -> what each NAT device carried by the hour: the middle of copied, seen and billed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Event as Flag

import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.cost.bill.observed import Seen, seen_of
from lakeferry.monitor.logs.opening import LogEvents
from lakeferry.monitor.logs.read_paths import PathReader, read_paths
from lakeferry.network.attribute import NAT_PATHS
from lakeferry.network.flow_batch import ReadReport
from lakeferry.network.flow_totals import MINUTE
from lakeferry.network.members import Members, members_of
from lakeferry.network.topology import Topology
from lakeferry.store.open import NO_OPTIONS

BY_DEVICE = ("path", "device", "leak", "subnet", MINUTE)


@dataclass(frozen=True, slots=True)
class SeenLogs:
    """What flow logs saw, and what they cannot tell."""

    seen: tuple[Seen, ...]  # each byte once; `interface` is the device itself, `nat-…`
    report: ReadReport
    undated_leak: Mapping[str, int]  # bytes of S3 by device, of formats that tell no row of them
    not_forwarded: Mapping[str, int]  # by device: came from outside, nobody asked; in no `seen`


def read_seen_logs(
    place: str,
    topology: Topology,
    *,
    fields: tuple[str, ...] | None = None,
    options: Mapping[str, str] = NO_OPTIONS,
    log_events: LogEvents | None = None,
    start_s: int | None = None,
    end_s: int | None = None,
    stop: Flag | None = None,
) -> SeenLogs:
    """Read the flow logs at a place, in bounded memory: the bytes of NAT devices.

    An endpoint's bytes are left out: a copy tells nothing of them, and most are not its own.

    Args:
        place: a file, a folder, `s3://…`, `log-group:NAME`, or `-`; see `read_paths`.
        topology: the network that they are of. Bytes that a device carries for subnets which are
            not in its scope are others' traffic.
        start_s, end_s: rows that begin outside are left out, s since the epoch.

    Raises:
        FerryError: LF-6205 where nothing is found; those of `read_flow_log`.
        KeyboardInterrupt: `stop` was set.
    """
    members = members_of(topology)
    reader = PathReader.of(members, BY_DEVICE, start_s=start_s, end_s=end_s)
    read_paths(place, reader, fields=fields, options=options, log_events=log_events, stop=stop)
    totals = reader.totals
    skipped = _by_device(totals.skipped, members)
    table = totals.table()
    by_nat = table.filter(pc.is_in(table["path"], pa.array(NAT_PATHS)))
    found = seen_of(by_nat, skipped, subnets=set(topology.scope) or None)
    undated = _undated(totals.leaked(), found)
    stray = {device: size for device, size in totals.not_forwarded().items() if size}
    return SeenLogs(found, reader.report, undated, stray)


def _undated(leaked: Mapping[str, int], found: Iterable[Seen]) -> dict[str, int]:
    """Bytes of S3 by device, for devices of which no hour in `found` has any."""
    told = {one.interface for one in found if one.to_s3}
    return {device: size for device, size in leaked.items() if size and device not in told}


def _by_device(skipped: Mapping[str, int], members: Members) -> dict[str, int]:
    found: Counter[str] = Counter()
    for interface, count in skipped.items():
        found[members.member(interface).device or interface] += count
    return dict(found)
