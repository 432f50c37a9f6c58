"""Which default routes are to be led back to their NAT instances, or over to what stands by. Pure.

Watchers move routes off a dead instance and never back (see `nat_peer`, `health_lambda`):
going back breaks every connection once more, so a person chooses when.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lakeferry.errors import FerryError
from lakeferry.monitor.export.foreseen import NewNat
from lakeferry.monitor.nat.names import id_mark, standby_name
from lakeferry.monitor.nat.standing import gateway_of_others
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted.desired import Desired
from lakeferry.network.nat_resources import DefaultRoute, NetworkInterface, StandbyGateway
from lakeferry.network.topology import Topology
from lakeferry.network.ways import table_of

Direction = Literal["back", "over"]


@dataclass(frozen=True, slots=True)
class RouteMove:
    """One default route, from where it leads to where it shall lead."""

    name: str  # of the route: 'lakeferry-NAME.nat.rtb-...'
    route_table_id: str
    subnet_ids: tuple[str, ...]  # whose open connections break
    destination: str
    before: str  # id of the target; '' where there is no route
    after: str  # id
    interface: str  # name of the instance's interface
    instance_id: str  # of it; '' where none is on the interface


def moves(
    topology: Topology,
    wanted: Desired,
    settings: MonitorSettings,
    direction: Direction,
    there: Iterable[object],
) -> tuple[RouteMove, ...]:
    """Every route that does not lead where it shall, in the order of the wanted routes.

    Args:
        topology: whose route tables say where routes lead now.
        wanted: of the same network: which routes, and to which interfaces.
        there: what was found of the deployment; interfaces and standby gateways count.

    Raises:
        FerryError: LF-6435 where no NAT instance is wanted or there, and where a route shall be led
            over and nothing stands by.
    """
    routes = [one for one in wanted.resources if isinstance(one, DefaultRoute)]
    if not routes:
        raise _nothing(settings, "no NAT instance is wanted", "ask for them (`network.nat`, --nat)")
    found = tuple(there)
    interfaces = {one.name: one for one in found if isinstance(one, NetworkInterface)}
    made: list[RouteMove] = []
    for route in routes:
        own = interfaces.get(route.interface)
        if own is None:
            raise _nothing(
                settings, f"the NAT instance `{route.interface}` is not there",
                "make it (`lakeferry monitor apply`, or deploy the template)",
            )  # fmt: skip
        now = after = _leads_to(topology, route)
        if direction == "back":
            after = own.id
        elif now == own.id:
            stands_by = standby_of(route.interface, wanted, settings, topology)
            after = _takes_over(route.interface, stands_by, settings, found)
        if now != after:
            made.append(_move(topology, route, own, now, after))
    return tuple(made)


def _move(
    topology: Topology, route: DefaultRoute, own: NetworkInterface, now: str, after: str
) -> RouteMove:
    table = route.route_table_id
    return RouteMove(
        route.name, table, _subnets(topology, table), route.destination, now, after, own.name,
        own.instance_id,
    )  # fmt: skip


def _leads_to(topology: Topology, route: DefaultRoute) -> str:
    tables = topology.found.route_tables
    routes = next((one.routes for one in tables if one.id == route.route_table_id), ())
    return next((one.target for one in routes if one.destination == route.destination), "")


def _subnets(topology: Topology, table_id: str) -> tuple[str, ...]:
    subnets = ((one.id, table_of(topology.found, one.id)) for one in topology.found.subnets)
    return tuple(sorted(id for id, table in subnets if table and table.id == table_id))


# ---- what stands by


def standby_of(name: str, wanted: Desired, settings: MonitorSettings, topology: Topology) -> str:
    """What takes over from a NAT instance: an id, the mark of something of ours, or ''.

    Args:
        name: of the instance, and of its interface.
    """
    own = {one.name: one for one in wanted.resources if isinstance(one, NetworkInterface)}
    if settings.nat.standby == "instance" and len(own) > 1:
        heirs = sorted(own)
        return NewNat("eni", heirs[(heirs.index(name) + 1) % len(heirs)]).mark
    if settings.nat.standby != "gateway":
        return ""
    zones = {one.id: one.zone for one in topology.found.subnets}
    zone = zones[own[name].subnet_id]
    ours = standby_name(settings, zone)
    if any(isinstance(one, StandbyGateway) and one.name == ours for one in wanted.resources):
        return id_mark(ours)
    theirs = gateway_of_others(topology, zone)
    return theirs.id if theirs else ""


def _takes_over(
    name: str, stands_by: str, settings: MonitorSettings, there: Iterable[object]
) -> str:
    """The id of what takes over; it must be there and up."""
    for one in there:
        if isinstance(one, StandbyGateway) and id_mark(one.name) == stands_by:
            if one.state == "available":
                return one.id
            raise _nothing(
                settings, f"the standby gateway {one.id} is {one.state}",
                "wait until it is available, or make it again (`lakeferry monitor apply`)",
            )  # fmt: skip
        if isinstance(one, NetworkInterface) and NewNat("eni", one.name).mark == stands_by:
            return one.id
    if stands_by.startswith("nat-"):
        return stands_by
    raise _nothing(
        settings, f"nothing stands by for `{name}`",
        "have something stand by (--nat-standby gateway), and make it (`lakeferry monitor apply`)",
    )  # fmt: skip


def _nothing(settings: MonitorSettings, what: str, next_step: str) -> FerryError:
    where = f"deployment {settings.deployment} in {settings.region}; no route was moved"
    return FerryError("LF-6435", f"no route can be moved: {what}", where, next_step)
