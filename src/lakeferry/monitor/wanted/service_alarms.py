"""Alarms on the metrics of AWS services: what stalls, what is near its limit, what is broken.

These metrics come each minute, where flow logs are minutes late.

Source: VPC User Guide, "Monitor NAT gateways with CloudWatch"; PrivateLink Guide, "CloudWatch
metrics for AWS PrivateLink"; EC2 User Guide, "Recover your instance".
"""

from collections.abc import Iterator, Mapping

from lakeferry.monitor.nat.names import is_nat_instance, nat_name
from lakeferry.monitor.settings import OWNER_TAG, MonitorSettings
from lakeferry.monitor.wanted import thresholds
from lakeferry.monitor.wanted.alarm_parts import (
    GREATER_OR_EQUAL,
    INFORMS,
    LESS,
    Kind,
    alarm,
    expression,
    limit_of,
    service_metric,
)  # fmt: skip
from lakeferry.monitor.wanted.own_cost import nat_gbps
from lakeferry.monitor.wanted.stream_alarms import stream_alarms
from lakeferry.network.resources import Alarm, Instance, MetricQuery, NatGateway, VpcEndpoint
from lakeferry.network.services import label_of, shown_apart
from lakeferry.network.topology import Topology

NAT, ENDPOINTS, EC2 = "AWS/NATGateway", "AWS/PrivateLinkEndpoints", "AWS/EC2"

# Endpoints whose bytes a plan names, by the plan's word for the path.
PLANNED_ENDPOINTS = {
    "s3_interface": ("s3",),
    "kinesis": ("kinesis-streams",),
    "privatelink": ("databricks-workspace", "databricks-relay"),
}
STALL = Kind(300, 3, 3, "breaching", INFORMS, LESS)  # the composite alarm wakes people
MINUTES = Kind(60, 3, 5, "notBreaching")


def endpoint_dimensions(endpoint: VpcEndpoint) -> Mapping[str, str]:
    """The set of dimensions that holds all zones together. The names contain blanks."""
    return {
        "Endpoint Type": endpoint.type,
        "Service Name": endpoint.service,
        "VPC Endpoint Id": endpoint.id,
        "VPC Id": endpoint.vpc_id,
    }


def watched_endpoints(topology: Topology) -> tuple[VpcEndpoint, ...]:
    """Interface endpoints of the services that a migration uses, by name, else by id."""
    found = (
        one
        for one in topology.found.endpoints
        if one.type == "Interface" and one.id and shown_apart(label_of(one.service))
    )
    return tuple(sorted(found, key=lambda one: (one.name, one.id)))


def called(endpoint: VpcEndpoint, settings: MonitorSettings) -> str:
    """An endpoint in names and titles: one of ours by its kind, known before it has an id."""
    if endpoint.tags.get(OWNER_TAG) == settings.deployment:
        return endpoint.name.removeprefix(settings.prefix)
    return endpoint.id


# ---- stalls


def stalls(topology: Topology, settings: MonitorSettings) -> Iterator[Alarm]:
    """One for each device or endpoint of a planned path. A gateway endpoint has no metric."""
    for path, id, metric, devices in _planned(topology, settings):
        usual = thresholds.stalled_bytes(settings.planned, path, STALL.period_s, devices) or None
        limit = limit_of(settings, "stalled", usual, STALL.period_s)
        if limit is not None:
            device = f"the NAT instance {id}" if path == "nat_instance" else id
            said = f"{device} carries less than a quarter of what is planned for it"
            yield alarm(settings, f"stalled.{id}", said, (metric,), limit, STALL)


def _planned(
    topology: Topology, settings: MonitorSettings
) -> Iterator[tuple[str, str, MetricQuery, int]]:
    period_s = STALL.period_s
    for gateway in topology.nat_gateways:
        metric = _nat(gateway, "BytesOutToSource", period_s)
        yield "nat_gateway", gateway.id, metric, len(topology.nat_gateways)
    for instance in topology.nat_instances:
        metric = service_metric(EC2, "NetworkIn", _instance(instance), "Sum", period_s)
        label = _label(instance, settings)
        yield "nat_instance", label, metric, len(topology.nat_instances)
    for path, labels in PLANNED_ENDPOINTS.items():
        found = [one for one in watched_endpoints(topology) if label_of(one.service) in labels]
        for one in found:
            dimensions = endpoint_dimensions(one)
            metric = service_metric(ENDPOINTS, "BytesProcessed", dimensions, "Sum", period_s)
            yield path, called(one, settings), metric, len(found)


def asleep(stalled: Alarm, settings: MonitorSettings) -> Alarm | None:
    """In ALARM outside the plan's window and in its pauses: it silences the stall alarm.

    Time comes from the datapoints of a metric that is read anyway; its values do not matter.
    """
    outside = [f"EPOCH(m1) < {settings.window[0]}"] if settings.window else []
    outside += [f"EPOCH(m1) >= {settings.window[1]}"] if settings.window else []
    outside += [f"(EPOCH(m1) >= {a} AND EPOCH(m1) < {b})" for a, b in settings.pauses]
    if not outside:
        return None
    (metric,) = stalled.metrics
    clock = MetricQuery(
        "m1", metric.period_s, "", metric.namespace, metric.metric, metric.dimensions,
        metric.statistic, metric.label, returned=False,
    )  # fmt: skip
    test = expression("asleep", f"IF({' OR '.join(outside)}, 1, 0)", metric.period_s)
    kind = Kind(metric.period_s, 1, 1, "ignore", INFORMS, GREATER_OR_EQUAL)
    said = "outside the planned time: stalls are expected"
    return alarm(settings, "asleep", said, (clock, test), 1, kind)


# ---- limits and health


def service_alarms(topology: Topology, settings: MonitorSettings) -> Iterator[Alarm]:
    for gateway in topology.nat_gateways:
        yield from _gateway(gateway, settings)
    for instance in topology.nat_instances:
        yield from _nat_instance(instance, settings)
    drops = limit_of(settings, "endpoint-drops", 0, 60)
    for endpoint in watched_endpoints(topology):
        if drops is not None:
            dimensions = endpoint_dimensions(endpoint)
            metric = service_metric(ENDPOINTS, "PacketsDropped", dimensions, "Sum", 60)
            said = f"the endpoint of {label_of(endpoint.service)} drops packets"
            suffix = f"endpoint-drops.{called(endpoint, settings)}"
            yield alarm(settings, suffix, said, (metric,), drops, MINUTES)
    yield from stream_alarms(settings)


def _gateway(gateway: NatGateway, settings: MonitorSettings) -> Iterator[Alarm]:
    addresses = max(1, len(gateway.addresses))
    connections = thresholds.gateway_connections(addresses, settings.destinations)
    bytes_in = _both(gateway, "BytesInFromSource", "BytesInFromDestination", "m1 + m2")
    packets = _both(gateway, "PacketsInFromSource", "PacketsInFromDestination", "m1 + m2")
    dropped = _nat(gateway, "PacketsDropCount", 60, id="m3", returned=False)
    share = _both(gateway, "PacketsInFromSource", "PacketsInFromDestination", "m3 / (m1 + m2)")
    ports = Kind(300, 3, 3, "notBreaching")
    for name, usual, kind, metrics, said in (
        ("limit", thresholds.gateway_bytes(60), MINUTES, bytes_in, "is near 100 Gbit/s"),
        ("packets", thresholds.gateway_packets(60), MINUTES, packets, "is near 10 M packets/s"),
        ("drops", thresholds.DROPPED_SHARE, MINUTES, (dropped, *share), "drops packets"),
        (
            "ports", 0.0, ports, (_nat(gateway, "ErrorPortAllocation", 300),),
            "has no port left for a destination: add addresses, or use fewer connections",
        ),
        (
            "connections", connections, MINUTES,
            (_nat(gateway, "ActiveConnectionCount", 60, "Maximum"),),
            "is near its limit of connections to the same destinations",
        ),
    ):  # fmt: skip
        limit = limit_of(settings, f"nat-gateway-{name}", usual, kind.period_s)
        if limit is not None:
            suffix = f"nat-gateway-{name}.{gateway.id}"
            yield alarm(settings, suffix, f"{gateway.id} {said}", metrics, limit, kind)


def _both(gateway: NatGateway, one: str, other: str, math: str) -> tuple[MetricQuery, ...]:
    return (
        _nat(gateway, one, 60, id="m1", returned=False),
        _nat(gateway, other, 60, id="m2", returned=False),
        expression("e1", math, 60),
    )


def _nat(
    gateway: NatGateway,
    metric: str,
    period_s: int,
    statistic: str = "Sum",
    *,
    id: str = "m1",
    returned: bool = True,
) -> MetricQuery:
    dimensions = {"NatGatewayId": gateway.id}
    return service_metric(NAT, metric, dimensions, statistic, period_s, id=id, returned=returned)


def _label(instance: Instance, settings: MonitorSettings) -> str:
    """An instance of ours by its zone: another one in its place has the same alarms."""
    name = instance.tags.get("Name", "")
    ours = is_nat_instance(settings, instance.tags)
    return name.removeprefix(nat_name(settings, "")) if ours else instance.id


def _nat_instance(instance: Instance, settings: MonitorSettings) -> Iterator[Alarm]:
    """Bandwidth, and AWS's own repairs: these need plain metric alarms, no math."""
    gbps = nat_gbps(instance.kind)
    usual = None if gbps is None else thresholds.instance_bytes(gbps, 300)
    limit = limit_of(settings, "nat-instance-limit", usual, 300)
    if limit is not None:
        metric = service_metric(EC2, "NetworkIn", _instance(instance), "Sum", 300)
        said = f"{instance.id} is near what a {instance.kind} sustains to the internet"
        kind = Kind(300, 2, 3, "notBreaching")  # basic monitoring has a point each 5 minutes
        yield alarm(
            settings,
            f"nat-instance-limit.{_label(instance, settings)}",
            said,
            (metric,),
            limit,
            kind,
        )
    busy = limit_of(settings, "nat-instance-cpu", thresholds.BUSY_PERCENT, 60)
    if busy is not None and is_nat_instance(settings, instance.tags):  # it has a point a minute
        metric = service_metric(EC2, "CPUUtilization", _instance(instance), "Average", 60)
        said = f"{instance.id} has little of its processors left: packets are lost when none is"
        suffix = f"nat-instance-cpu.{_label(instance, settings)}"
        yield alarm(settings, suffix, said, (metric,), busy, MINUTES)
    # Different counts, so that recovery and reboot never race.
    for name, metric_name, count in (
        ("recover", "StatusCheckFailed_System", 2),
        ("reboot", "StatusCheckFailed_Instance", 3),
    ):
        failed = limit_of(settings, f"nat-instance-{name}", 1, 60)
        if failed is None:
            continue
        metric = service_metric(EC2, metric_name, _instance(instance), "Maximum", 60)
        action = f"arn:{settings.partition}:automate:{settings.region}:ec2:{name}"
        said = f"{instance.id} fails its {metric_name.rsplit('_', 1)[-1].lower()} check"
        kind = Kind(60, count, count, "missing", comparison=GREATER_OR_EQUAL)
        suffix = f"nat-instance-{name}.{_label(instance, settings)}"
        yield alarm(settings, suffix, said, (metric,), failed, kind, (action,))


def _instance(instance: Instance) -> Mapping[str, str]:
    return {"InstanceId": instance.id}
