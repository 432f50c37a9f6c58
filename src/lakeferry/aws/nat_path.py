"""Routes led to a NAT instance or away from it by hand, one by one.

Source: EC2 API Reference, ReplaceRoute, CreateRoute.
"""

import time

from lakeferry.aws.ensure_nat import interface_of
from lakeferry.aws.ensure_routes import note_before, target_named, target_now
from lakeferry.aws.nat_alive import STATUS as STATUS  # noqa: PLC0414 - offered here too
from lakeferry.aws.nat_alive import PathSeen as PathSeen  # noqa: PLC0414
from lakeferry.aws.nat_alive import path_of as path_of  # noqa: PLC0414
from lakeferry.aws.place import Place
from lakeferry.errors import FerryError
from lakeferry.network.nat_resources import DefaultRoute


def lead(place: Place, route: DefaultRoute, target: str) -> float:
    """Lead a route to a target, and see that it leads there.

    Args:
        route: with the name of the interface that is its home.
        target: id of an interface or a NAT gateway.

    Returns:
        Seconds from the request until EC2 shows the route there, in use.

    Raises:
        FerryError: LF-6436 where EC2 shows another, or one that leads into nothing.
    """
    home: str = interface_of(place, route.interface)["NetworkInterfaceId"]
    now = target_now(place, route)
    if target == home:
        note_before(place, route, home, now)
    began = time.monotonic()
    place.ask(
        "ec2", "replace_route" if now else "create_route", route.route_table_id,
        RouteTableId=route.route_table_id, DestinationCidrBlock=route.destination,
        **target_named(target),
    )  # fmt: skip
    shown = target_now(place, route, active=True)
    took = time.monotonic() - began
    if shown != target:
        raise FerryError(
            "LF-6436",
            f"the default route of {route.route_table_id} leads to {shown or 'nothing'}, "
            f"not to {target}",
            place.access.shown,
            "look at the route table: its target may be gone, or somebody else moved the route too",
        )
    return took
