"""Series that outlive CloudWatch's 15 days: which are kept, and how points become a table. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.aws.read_metrics import Point, WantedMetric
from lakeferry.monitor.wanted.service_alarms import (
    EC2,
    ENDPOINTS,
    NAT,
    endpoint_dimensions,
    watched_endpoints,
)
from lakeferry.monitor.wanted.stream_alarms import KINESIS, METRICS
from lakeferry.network.flow_totals import MINUTE
from lakeferry.network.topology import Topology

DAY = 86_400
FLOW_LOG = "flow-log"  # stands for the namespace of what flow logs say
PATH_SERIES = ("path", "device", "direction", "leak", MINUTE)
KEY = ("time", "period_s", "namespace", "name", "detail", "statistic")
SCHEMA = pa.schema(
    [
        ("time", pa.timestamp("s", tz="UTC")),  # begin of the period
        ("period_s", pa.int32()),
        ("namespace", pa.string()),  # 'AWS/NATGateway', ...; 'insight-rule'; 'flow-log'
        ("name", pa.string()),  # of the metric, the rule or the path
        ("detail", pa.string()),  # dimensions `a=b,c=d`; a contributor's keys
        ("statistic", pa.string()),  # 'Sum', ...; 'Contributor'
        ("value", pa.float64()),
    ]
)

# What is kept of each device and endpoint. Rules' reports come beside it.
_NAT = {
    "Sum": (
        "BytesInFromSource", "BytesOutToDestination", "BytesInFromDestination", "BytesOutToSource",
        "PacketsDropCount", "ErrorPortAllocation", "ConnectionAttemptCount",
    ),
    "Maximum": ("ActiveConnectionCount",),
}  # fmt: skip
_EC2 = {
    "Sum": ("NetworkIn", "NetworkOut", "NetworkPacketsIn", "NetworkPacketsOut"),
    "Maximum": ("StatusCheckFailed", "CPUUtilization"),
}
_ENDPOINT = {
    "Sum": ("BytesProcessed", "NewConnections", "PacketsDropped", "RstPacketsReceived"),
    "Maximum": ("ActiveConnections",),
}


def wanted_metrics(topology: Topology, streams: Iterable[str] = ()) -> tuple[WantedMetric, ...]:
    """The metrics of services that are kept for a network, in a fixed order."""
    found: list[WantedMetric] = []
    for gateway in topology.nat_gateways:
        found += _of(NAT, _NAT, {"NatGatewayId": gateway.id})
    for instance in topology.nat_instances:
        found += _of(EC2, _EC2, {"InstanceId": instance.id})
    for endpoint in watched_endpoints(topology):
        found += _of(ENDPOINTS, _ENDPOINT, dict(endpoint_dimensions(endpoint)))
    for stream in streams:
        found += _of(KINESIS, METRICS, {"StreamName": stream})
    return tuple(found)


def _of(
    namespace: str, metrics: Mapping[str, tuple[str, ...]], dimensions: dict[str, str]
) -> list[WantedMetric]:
    pairs = tuple(sorted(dimensions.items()))
    return [
        WantedMetric(namespace, name, pairs, statistic)
        for statistic, names in metrics.items()
        for name in names
    ]


def path_points(totals: pa.Table) -> Iterator[Point]:
    """Bytes of each path by minute, as `PathTotals` by PATH_SERIES sums them."""
    for row in totals.to_pylist():
        detail = f"device={row['device']},direction={row['direction']}"
        name = f"{row['path']} leak" if row["leak"] else row["path"]
        yield Point(row[MINUTE], 60, FLOW_LOG, name, detail, "Sum", float(row["bytes"]))


def points_table(points: Iterable[Point]) -> pa.Table:
    """Points as rows of SCHEMA, in the order in which they came."""
    rows = list(points)
    return pa.table(
        {
            "time": pa.array([one.at_s for one in rows], SCHEMA.field("time").type),
            "period_s": pa.array([one.period_s for one in rows], pa.int32()),
            **{
                name: pa.array([getattr(one, name) for one in rows], pa.string())
                for name in ("namespace", "name", "detail", "statistic")
            },
            "value": pa.array([one.value for one in rows], pa.float64()),
        },
        schema=SCHEMA,
    )


def merged(older: pa.Table, newer: pa.Table) -> pa.Table:
    """Both, sorted by KEY; of points with equal keys the one that came last.

    CloudWatch goes on changing a period while late events come, so the newer reading is truer.
    """
    whole = pa.concat_tables([older.cast(SCHEMA), newer.cast(SCHEMA)])
    numbered = whole.append_column("order", pa.array(range(len(whole)), pa.int64()))
    last = numbered.group_by(list(KEY), use_threads=False).aggregate([("order", "max")])
    kept = whole.take(last["order_max"])
    return kept.take(pc.sort_indices(kept, [(name, "ascending") for name in KEY]))


def by_day(table: pa.Table) -> dict[str, pa.Table]:
    """Rows by their day of UTC, 'YYYY-MM-DD', the oldest first."""
    if not table.num_rows:
        return {}
    days = pc.strftime(table["time"], "%Y-%m-%d")
    return {day: table.filter(pc.equal(days, day)) for day in sorted(pc.unique(days).to_pylist())}


def day_of(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d")


def days_between(start_s: int, end_s: int) -> list[str]:
    """The days of UTC that [start, end) touches."""
    return [day_of(at) for at in range(start_s // DAY * DAY, end_s, DAY)]


def folder_of(deployment: str) -> str:
    return f"deployment={deployment}"


def path_of(deployment: str, day: str) -> str:
    """Where a day of a deployment lies: the form that table readers know as Hive's."""
    return f"{folder_of(deployment)}/day={day}/series.parquet"
