"""Where alarms begin, from what the plan will send. Bytes, seconds and counts; nothing of AWS.

Each figure says where it comes from. Sources: VPC User Guide, "NAT gateway basics" (bandwidth,
packets, ports); EC2 User Guide, "Amazon EC2 instance network bandwidth"; Kinesis Data Streams
Developer Guide, "Monitor with CloudWatch".
"""

from collections.abc import Sequence
from decimal import Decimal

from lakeferry.network.resources import PlannedFlow
from lakeferry.network.topology import Topology

# A path that carries a quarter of its planned rate for a quarter of an hour has stalled.
STALLED_SHARE = 0.25
HEADROOM = 0.8  # warn at this share of a limit

GATEWAY_GBPS = 100  # a NAT gateway grows from 5 to 100 Gbit/s
GATEWAY_PACKETS = 10_000_000  # a second; beyond, packets are dropped
DROPPED_SHARE = 0.0001
PORTS = 55_000  # connections for each address and destination (address, port, protocol)

# A minute, out of a NAT gateway that stands by: what the acknowledgements of some 4 MB make.
STANDBY_BYTES = 100_000

BUSY_PERCENT = 80.0  # of an instance's processors, which forwarding needs for every packet

REJECTS_AT_LEAST = 10  # a minute
REJECTS_FACTOR = 5  # of the first hour's median
DOMINANT_FACTOR = 3  # of an equal share
WORKERS_SHARE = 0.8
BUDGET_FACTOR = Decimal("1.1")
RETENTION_SHARE = 0.25  # of a stream's retention that its reader may be behind
LOSS_SHARE = 0.5  # of it that must be left: half a day, where a stream keeps records for one
LOSS_MOST_S = 43_200.0  # half a day is enough for a person to come
SUCCEEDING = 0.9  # of the calls that read a stream

# AWS bills GB of 2^30 bytes; with 10^9 the alarm comes 7 % earlier, never later.
BYTES_PER_GB = 10**9


def planned_bytes(planned: Sequence[PlannedFlow], path: str, period_s: int) -> float:
    """Bytes that the plan sends over a path in one period, on average; 0 where it sends none."""
    return sum(one.bytes / one.seconds * period_s for one in planned if one.path == path)


def stalled_bytes(planned: Sequence[PlannedFlow], path: str, period_s: int, devices: int) -> float:
    """Below this many bytes a period one of `devices` that share a path has stalled."""
    return STALLED_SHARE * planned_bytes(planned, path, period_s) / devices


def leak_bytes(usd_a_day: Decimal, usd_per_gb: Decimal) -> int:
    """Bytes a minute that cost the tolerance: $1 a day at $0.045 a GB are 15,432,099."""
    return round(usd_a_day / usd_per_gb * BYTES_PER_GB / 1440)


def gateway_bytes(period_s: int) -> float:
    return HEADROOM * GATEWAY_GBPS * 1e9 / 8 * period_s


def gateway_packets(period_s: int) -> float:
    return HEADROOM * GATEWAY_PACKETS * period_s


def gateway_connections(addresses: int, destinations: int) -> float:
    """Connections of a NAT gateway: a migration talks to few destinations, so ports run out."""
    return HEADROOM * PORTS * addresses * destinations


def instance_bytes(gbps: float, period_s: int) -> float:
    """NetworkIn counts what came from workers and from the internet: each direction's limit."""
    return HEADROOM * gbps * 1e9 / 8 * period_s


def rejects(median_of_first_hour: float = 0) -> float:
    return max(REJECTS_AT_LEAST, REJECTS_FACTOR * median_of_first_hour)


def dominant_share(workers: int) -> float:
    """Of all bytes, what one worker gets at most; 1 is never exceeded."""
    return min(1.0, DOMINANT_FACTOR / workers)


def iterator_age_ms(lag_target_s: float, retention_s: float) -> float:
    """How old the oldest record may be that a stream's reader has not read."""
    return 1000 * min(60 * lag_target_s, RETENTION_SHARE * retention_s)


def loss_s(retention_s: float) -> float:
    """How long a person has at least, before what was not read is gone."""
    return min(LOSS_SHARE * retention_s, LOSS_MOST_S)


def budget_gb(usd_a_day: Decimal, usd_per_gb: Decimal) -> float:
    """Bytes a day by NAT that would pass the planned spend by a tenth."""
    return float(BUDGET_FACTOR * usd_a_day / usd_per_gb * 2**30)


def planned_flows(
    topology: Topology, bytes: int, days: float, *, new_nat: bool = False
) -> tuple[PlannedFlow, ...]:
    """What a migration of `bytes` in `days` sends over the paths that were found.

    Bytes are pulled through NAT devices, as many through each, and written by the S3 endpoint;
    retries and headers are not in it. Interface endpoints of other services carry their own.
    `new_nat`: NAT instances may be made, and carry them where there is no device yet.
    """
    kinds = [path.kind for path in topology.paths]
    seconds = days * 86_400
    gateways = sum(1 for one in topology.nat_gateways)
    instances = len(topology.nat_instances)
    flows: list[PlannedFlow] = []
    if new_nat and not gateways + instances:
        instances = 1
    for path, devices in (("nat_gateway", gateways), ("nat_instance", instances)):
        if devices:
            flows.append(PlannedFlow(path, bytes * devices // (gateways + instances), seconds))
    if "s3_gateway" in kinds:
        flows.append(PlannedFlow("s3_gateway", bytes, seconds))
    elif any(_is_s3(topology, path.id) for path in topology.paths):
        flows.append(PlannedFlow("s3_interface", bytes, seconds))
    return tuple(flows)


def _is_s3(topology: Topology, endpoint_id: str) -> bool:
    return any(
        one.id == endpoint_id and one.service.endswith(".s3") for one in topology.found.endpoints
    )
