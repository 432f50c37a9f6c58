"""NAT gateways that stand by for NAT instances, and the alarm on bytes that they carry. Pure.

Such bytes mean that routes have moved, and each GB is charged for until somebody leads them back.

Source: VPC User Guide, "Monitor NAT gateways with CloudWatch": BytesOutToDestination is above zero
where clients behind the gateway send; what the internet sends unasked is not in it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lakeferry.monitor.nat.names import is_nat_instance, nat_name, standby_name
from lakeferry.monitor.settings import OWNER_TAG, MonitorSettings
from lakeferry.monitor.wanted import thresholds
from lakeferry.monitor.wanted.alarm_parts import Kind, alarm, limit_of, service_metric
from lakeferry.monitor.wanted.service_alarms import NAT
from lakeferry.network.nat_resources import DefaultRoute
from lakeferry.network.resources import Alarm, NatGateway
from lakeferry.network.topology import Topology


@dataclass(frozen=True, slots=True)
class StandingGateway:
    """What takes over in a zone whose NAT instance is there."""

    zone: str
    id: str  # nat-..., or a mark where a template makes it
    is_shared: bool  # routes of others lead to it, so that its bytes tell nothing


def gateway_of_ours(topology: Topology, settings: MonitorSettings, zone: str) -> NatGateway | None:
    """The one that the deployment made; None: there is none.

    It stays the standby although others have made a gateway since: the user data of all instances
    name what stands by, so with another one all of them would be made anew.
    """
    name, owner = standby_name(settings, zone), settings.deployment
    found = (one for one in topology.found.nat_gateways if one.state in ("available", "pending"))
    ours = (one for one in found if one.tags.get(OWNER_TAG) == owner)
    return next((one for one in ours if one.tags.get("Name") == name), None)


def gateway_of_others(topology: Topology, zone: str) -> NatGateway | None:
    """A public NAT gateway of others in the zone: it can stand by as well as one of ours."""
    subnets = {one.id for one in topology.found.subnets if one.zone == zone}
    found = (
        one
        for one in topology.found.nat_gateways
        if one.subnet_id in subnets
        and one.availability == "zonal"
        and one.connectivity == "public"
        and one.state == "available"
        and OWNER_TAG not in one.tags  # another deployment's goes when that is destroyed
    )
    return next(found, None)


def standing_gateways(
    topology: Topology, settings: MonitorSettings, routes: Sequence[DefaultRoute]
) -> tuple[StandingGateway, ...]:
    """Those that are there, by zone.

    Args:
        topology: with the ways as they shall be, see `monitor.wanted.ways_to_be`.
        routes: that shall lead to NAT instances.
    """
    if settings.nat.standby != "gateway":
        return ()
    start = nat_name(settings, "")
    there = {
        one.tags["Name"]
        for one in topology.nat_instances
        if is_nat_instance(settings, one.tags)
    }  # fmt: skip
    led = {one.interface for one in routes} & there
    found: list[StandingGateway] = []
    for zone in sorted({one.removeprefix(start).partition(".")[0] for one in led}):
        gateway = gateway_of_ours(topology, settings, zone) or gateway_of_others(topology, zone)
        if gateway is not None:
            shared = _leads_others(topology, gateway.id, {one.route_table_id for one in routes})
            found.append(StandingGateway(zone, gateway.id, shared))
    return tuple(found)


def _leads_others(topology: Topology, gateway: str, own: set[str]) -> bool:
    others = (one for one in topology.found.route_tables if one.id not in own)
    return any(route.target == gateway for table in others for route in table.routes)


# ---- what is told of them


def standby_alarms(
    standing: Sequence[StandingGateway], settings: MonitorSettings
) -> Iterator[Alarm]:
    """One for each that nobody else uses. A Lambda that looks tells of the routes itself."""
    limit = limit_of(settings, "nat-standby-bytes", thresholds.STANDBY_BYTES, 60)
    if limit is None or settings.nat.check == "lambda":
        return
    for one in standing:
        if not one.is_shared:
            metric = service_metric(
                NAT, "BytesOutToDestination", {"NatGatewayId": one.id}, "Sum", 60
            )
            yield alarm(
                settings, f"nat-standby-bytes.{one.zone}",
                f"the NAT gateway that stands by in {one.zone} carries bytes, for dollars a GB: "
                "routes have left a NAT instance; `lakeferry monitor failback` leads them back",
                (metric,), limit, Kind(60, 2, 3, "notBreaching"),
            )  # fmt: skip


def standby_notes(standing: Sequence[StandingGateway], settings: MonitorSettings) -> Iterator[str]:
    if settings.nat.check == "lambda":
        return
    for one in standing:
        if one.is_shared:
            yield (
                f"no alarm tells when {one.id} takes over in {one.zone}: routes of others lead to "
                "it, so it carries bytes at all times; `lakeferry monitor plan` shows moved routes"
            )
