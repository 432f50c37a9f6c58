"""The ways of a network as they will be, once wanted default routes lead where they shall. Pure.

What watches a way is made for the way that stays: not for a gateway that is about to lose its
bytes, nor for one that has them only while an instance is lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lakeferry.monitor.nat.names import is_nat_instance
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.network import discover as network
from lakeferry.network.discover import Scope
from lakeferry.network.nat_resources import DefaultRoute
from lakeferry.network.resources import Instance, Route, RouteTable
from lakeferry.network.topology import Topology


def led(
    topology: Topology, routes: Sequence[DefaultRoute], settings: MonitorSettings
) -> tuple[Topology, MonitorSettings]:
    """The network with the routes as they shall be, and what is planned for each of its paths.

    A route to an instance that is not there yet leads nowhere: what watches that instance follows
    when it is there. Flows that were planned for gateways go by instances where no gateway is left.
    """
    if not routes:
        return topology, settings
    found = topology.found
    there = {
        one.tags["Name"]: one for one in found.instances if is_nat_instance(settings, one.tags)
    }
    shall = {one.route_table_id: one for one in routes}
    tables = tuple(_led(table, shall.get(table.id), there) for table in found.route_tables)
    seen = network.topology(
        replace(found, route_tables=tables),
        Scope(subnets=topology.scope),
        beyond=[one.found for one in topology.beyond],
    )
    after = replace(seen, found=found, workers=topology.workers, findings=topology.findings)
    if not after.nat_gateways:
        flows = (
            replace(one, path="nat_instance") if one.path == "nat_gateway" else one
            for one in settings.planned
        )
        settings = replace(settings, planned=tuple(flows))
    return after, settings


def _led(
    table: RouteTable, shall: DefaultRoute | None, there: Mapping[str, Instance]
) -> RouteTable:
    if shall is None:
        return table
    others = tuple(one for one in table.routes if one.destination != shall.destination)
    instance = there.get(shall.interface)
    if instance is None or not instance.eni_ids:
        return replace(table, routes=others)
    route = Route(shall.destination, instance.eni_ids[0], "active", instance.id)
    return replace(table, routes=(*others, route))
