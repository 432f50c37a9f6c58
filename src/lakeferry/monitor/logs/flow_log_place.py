"""Where the flow logs of a network lie, and in which format, when nobody says. Pure."""

from collections.abc import Sequence

from lakeferry.errors import FerryError
from lakeferry.monitor.logs.opening import LOG_GROUP
from lakeferry.network.finding_kinds import finding
from lakeferry.network.flow_log_findings import counted_twice
from lakeferry.network.resources import FlowLog
from lakeferry.network.topology import Finding, Topology


def flow_log_place(
    topology: Topology,
    place: str | None,
    fields: Sequence[str] | None = None,
    *,
    prefix: str = "",
) -> tuple[str, tuple[str, ...] | None]:
    """The place to read, and the format of rows that do not state it.

    Args:
        place: as it was given; None: that of the deployment's own flow log, else of any that
            sees the network, a log group before a bucket.
        fields: as given, which wins; else those of the flow log that writes to the group.
        prefix: begins the names of the deployment's own things; '': of none.

    Raises:
        FerryError: LF-6205 where the network has no flow log.
    """
    given = tuple(fields) if fields else None
    if place is None:
        log = _own(topology.found.flow_logs, prefix)
        if log is None:
            raise FerryError(
                "LF-6205",
                "no flow log sees this network",
                topology.found.vpc.id,
                "name a file, a folder, s3://bucket/prefix or log-group:NAME; or make a flow log "
                "with `lakeferry monitor apply`",
            )
        return _place(log), given or log.fields
    if place.startswith(LOG_GROUP):
        name = place.removeprefix(LOG_GROUP)
        logs = [one for one in topology.found.flow_logs if one.destination == name]
        return place, given or (logs[0].fields if logs else None)
    return place, given


def doubled(topology: Topology, place: str) -> Finding | None:
    """A finding where two flow logs write the same rows to what lies at a place."""
    found = topology.found
    twice = counted_twice(found, [one for one in found.flow_logs if _lies_at(one, place)])
    if twice is None:
        return None
    return finding(
        "flow-log-twice",
        place,
        f"{' and '.join(twice)} both write here: their rows are counted twice",
        "name the place of one of them alone, or delete one and wait until its rows are past",
    )


def _lies_at(log: FlowLog, place: str) -> bool:
    """A prefix of a bucket holds the logs below it; one inside a log's own holds part of it."""
    there, asked = (f"{one.rstrip('/')}/" for one in (_place(log), place))
    return there.startswith(asked) or asked.startswith(there)


def _own(logs: Sequence[FlowLog], prefix: str) -> FlowLog | None:
    def order(one: FlowLog) -> tuple[bool, bool, int]:
        ours = bool(prefix) and one.name.startswith(prefix)
        return not ours, one.destination_type != "cloud-watch-logs", -len(one.fields)

    readable = [one for one in logs if one.destination_type in ("cloud-watch-logs", "s3")]
    return min(readable, key=order, default=None)


def _place(log: FlowLog) -> str:
    if log.destination_type == "cloud-watch-logs":
        return f"{LOG_GROUP}{log.destination}"
    return f"s3://{log.destination.rpartition(':::')[2].rstrip('/')}"
