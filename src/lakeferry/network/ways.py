"""Which way bytes leave a subnet: route by route, device by device, VPC by VPC, to the end. Pure.

Source: VPC User Guide, "Route priority", "NAT gateways", "Middlebox routing"; Transit Gateway
Guide, "How transit gateways work" (bytes stay in their zone where the attachment has a subnet).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lakeferry.network.resources import (
    Eni,
    Instance,
    PrefixList,
    Route,
    RouteTable,
    TransitAttachment,
)
from lakeferry.network.topology import PATHS, Found, Hop, Path

EVERYWHERE, EVERYWHERE_6 = "0.0.0.0/0", "::/0"
HALVES = ("0.0.0.0/1", "128.0.0.0/1")  # together more specific than the whole, as VPNs use them

World = Mapping[str, Found]  # by id of the VPC


@dataclass(frozen=True, slots=True)
class Device:
    """What decides the price of a way."""

    kind: str  # 'nat_gateway', 'nat_instance'
    id: str
    zone_id: str  # '' where it has none: a regional gateway is in all
    is_private: bool = False  # a private NAT gateway


@dataclass(frozen=True, slots=True)
class Step:
    """What one default route leads to. Without `next` it is the last."""

    hops: tuple[Hop, ...] = ()
    device: Device | None = None
    # VPC, and the subnet whose route table decides from here; or that table's own id.
    next: tuple[str, str] | None = None
    kind: str = ""  # of the path, where it ends without a device
    id: str = ""
    lost_at: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """How the bytes of one subnet leave."""

    kind: str
    id: str
    hops: tuple[Hop, ...]
    lost_at: str
    crosses_zones: bool


def table_of(found: Found, subnet_id: str) -> RouteTable | None:
    """The table that a subnet is associated with, else the VPC's main table.

    A regional NAT gateway stands in no subnet and names its table: `rtb-...` is that table itself.
    """
    tables = found.route_tables
    if subnet_id.startswith("rtb-"):
        return next((table for table in tables if table.id == subnet_id), None)
    own = (table for table in tables if subnet_id in table.subnet_ids)
    return next(own, next((table for table in tables if table.is_main), None))


def default_route(table: RouteTable, lists: Sequence[PrefixList]) -> Route | None:
    """The route of an address that no other route is about; that of IPv6 where it is the only."""
    halves = [route_to(half, table, lists) for half in HALVES]
    found = halves[0] if all(halves) else route_to(EVERYWHERE, table, lists)
    return found or route_to(EVERYWHERE_6, table, lists)


def route_to(destination: str, table: RouteTable, lists: Sequence[PrefixList]) -> Route | None:
    """The route for exactly these addresses, by itself or in a prefix list."""
    named = {one.id for one in lists if destination in one.cidrs} | {destination}
    found = (route for route in table.routes if route.destination in named)
    return min(found, key=_priority, default=None)


def _priority(route: Route) -> tuple[bool, bool, str, str]:
    """A route for a CIDR goes before one for a prefix list, a static before a propagated one."""
    by_list, propagated = route.destination.startswith("pl-"), route.target.startswith("vgw-")
    return by_list, propagated, route.target, route.state


def ways_out(world: World, vpc_id: str, subnet_ids: Iterable[str]) -> tuple[Path, ...]:
    """The default routes of subnets, followed; each subnet is in exactly one path."""
    alike: dict[tuple[object, ...], list[tuple[str, Way]]] = {}
    for subnet_id in sorted(set(subnet_ids)):
        way = way_out(world, vpc_id, subnet_id)
        alike.setdefault((way.kind, way.id, way.hops, way.lost_at), []).append((subnet_id, way))
    paths = (
        Path(
            kind=ways[0][1].kind,
            id=ways[0][1].id,
            subnet_ids=tuple(subnet for subnet, _ in ways),
            hops=ways[0][1].hops,
            lost_at=ways[0][1].lost_at,
            crosses_zones=any(way.crosses_zones for _, way in ways),
        )
        for ways in alike.values()
    )
    return tuple(sorted(paths, key=path_order))


def path_order(path: Path) -> tuple[int, str, tuple[str, ...]]:
    return PATHS.index(path.kind), path.id, path.subnet_ids


def way_out(world: World, vpc_id: str, subnet_id: str) -> Way:
    """The default route of one subnet, followed until it ends or until sight is lost."""
    start = zone_id_of(world[vpc_id], subnet_id)
    hops: list[Hop] = []
    device: Device | None = None
    seen: set[tuple[str, str]] = set()
    place: tuple[str, str] | None = (vpc_id, subnet_id)
    step = Step()
    while place:
        if place in seen:
            lost = f"the default routes go round in a circle through {place[1]}"
            step = Step(kind="nowhere", id=place[1], lost_at=lost)
            break
        seen.add(place)
        step = _step(world, *place, start)
        hops.extend(step.hops)
        device = device or step.device
        place = step.next
    lost_at = step.lost_at
    if device and device.is_private and step.kind == "internet_gateway":
        lost_at = f"an internet gateway drops what comes from {device.id}, which is private"
    far = bool(device and device.zone_id and start and device.zone_id != start)
    kind, id = (device.kind, device.id) if device else (step.kind, step.id)
    return Way(kind, id, tuple(hops), lost_at, far)


def zone_id_of(found: Found, subnet_id: str) -> str:
    return next((one.zone_id or one.zone for one in found.subnets if one.id == subnet_id), "")


# ---- one step


def _step(world: World, vpc_id: str, subnet_id: str, zone_id: str) -> Step:
    found = world[vpc_id]
    table = table_of(found, subnet_id)
    if table is None:
        return Step(kind="nowhere", lost_at=f"no route table of {subnet_id} was found")
    route = default_route(table, found.prefix_lists)
    if route is None:
        return Step(kind="nowhere", lost_at=f"{table.id} has no default route")
    if route.state == "blackhole":
        lost = f"the default route of {table.id} leads to {route.target}, which is gone"
        return Step(kind="nowhere", id=route.target, lost_at=lost)
    follow = _FOLLOW.get(route.target.partition("-")[0], _elsewhere)
    return follow(world, found, route, zone_id)


def _hop(found: Found, kind: str, id: str) -> Hop:
    return Hop(kind, id, found.vpc.account, found.vpc.id)


def _internet_gateway(_world: World, found: Found, route: Route, _zone: str) -> Step:
    return Step((_hop(found, "internet_gateway", route.target),), kind="internet_gateway")


def _egress_only(_world: World, found: Found, route: Route, _zone: str) -> Step:
    hop = _hop(found, "egress_only_internet_gateway", route.target)
    return Step((hop,), kind="internet_gateway")


def _nat_gateway(_world: World, found: Found, route: Route, _zone: str) -> Step:
    hops = (_hop(found, "nat_gateway", route.target),)
    gateway = next((one for one in found.nat_gateways if one.id == route.target), None)
    if gateway is None:
        lost = f"{route.target} is not among the NAT gateways of {found.vpc.id}"
        return Step(hops, kind="nat_gateway", id=route.target, lost_at=lost)
    private = gateway.connectivity == "private"
    if gateway.availability == "regional":
        # It stands in no subnet. Where its own table is not shown, it reaches the internet.
        device, own = Device("nat_gateway", gateway.id, "", private), gateway.route_table_id
        if table_of(found, own or "rtb-") is None:
            return Step(hops, device, kind="nat_gateway", id=gateway.id)
        return Step(hops, device, (found.vpc.id, own))
    device = Device("nat_gateway", gateway.id, zone_id_of(found, gateway.subnet_id), private)
    return Step(hops, device, (found.vpc.id, gateway.subnet_id))


def _instance(_world: World, found: Found, route: Route, _zone: str) -> Step:
    enis = {one.id: one for one in found.enis}
    inner = enis.get(route.target)
    id = route.through_instance or (inner.instance_id if inner else "")
    if route.target.startswith("i-"):
        id = route.target
    if not id:
        lost = f"{route.target} belongs to no instance that is known"
        hops = (_hop(found, "interface", route.target),)
        return Step(hops, kind="elsewhere", id=route.target, lost_at=lost)
    hops = (_hop(found, "nat_instance", id),)
    instance = next((one for one in found.instances if one.id == id), None)
    outer = _outer(instance, inner, enis)
    if outer is None:
        lost = f"no interface of {id} is known"
        return Step(hops, kind="nat_instance", id=id, lost_at=lost)
    entered = (inner or outer).subnet_id
    device = Device("nat_instance", id, zone_id_of(found, entered))
    return Step(hops, device, (found.vpc.id, outer.subnet_id))


def _outer(instance: Instance | None, inner: Eni | None, enis: Mapping[str, Eni]) -> Eni | None:
    """The interface by which bytes leave an instance: a public one, else another than the inner."""
    ids = instance.eni_ids if instance else (inner.id,) if inner else ()
    own = [enis[id] for id in ids if id in enis]
    return min(own, key=lambda one: (not one.public_ip, one == inner, one.id), default=inner)


def _endpoint(_world: World, found: Found, route: Route, _zone: str) -> Step:
    """A firewall's endpoint: what it lets through goes on from the endpoint's own subnet."""
    hops = (_hop(found, "firewall_endpoint", route.target),)
    endpoint = next((one for one in found.endpoints if one.id == route.target), None)
    if endpoint is None or not endpoint.subnet_ids:
        lost = f"{route.target} is not among the endpoints of {found.vpc.id}"
        return Step(hops, kind="elsewhere", id=route.target, lost_at=lost)
    return Step(hops, next=(found.vpc.id, endpoint.subnet_ids[0]))


def _transit_gateway(world: World, found: Found, route: Route, zone_id: str) -> Step:
    hop = _hop(found, "transit_gateway", route.target)

    def lost(why: str, *hops: Hop) -> Step:
        return Step((hop, *hops), kind="transit_gateway", id=route.target, lost_at=why)

    own = _attachment(found, route.target)
    if own is None:
        return lost(f"{found.vpc.id} has no attachment to {route.target} that can be seen")
    target = next((one for one in found.transit if one.id == own.default_to), None)
    if target is None:
        return lost(own.lost or f"nothing says where {own.id} leads to")
    if target.kind != "vpc":
        return lost(f"{target.id} leads out of VPCs: {target.kind} {target.resource_id}")
    far = Hop("vpc", target.resource_id, target.resource_account, target.resource_id)
    there = world.get(target.resource_id)
    if there is None:
        why = target.lost or "it was not read"
        return lost(f"{target.resource_id} of account {target.resource_account}: {why}", far)
    subnet = _entered(there, target.id, zone_id)
    if not subnet:
        return lost(f"no subnet of {target.id} in {there.vpc.id} is known", far)
    return Step((hop, far), next=(there.vpc.id, subnet))


def _attachment(found: Found, gateway_id: str) -> TransitAttachment | None:
    own = (
        one
        for one in found.transit
        if one.gateway_id == gateway_id and one.resource_id == found.vpc.id
    )
    return next(own, None)


def _entered(found: Found, attachment_id: str, zone_id: str) -> str:
    """The subnet of a VPC in which an attachment hands over what comes from a zone."""
    subnets = [id for one in found.transit if one.id == attachment_id for id in one.subnet_ids]
    in_zone = [id for id in subnets if zone_id_of(found, id) == zone_id]
    return min(in_zone or subnets, default="")


def _virtual_private_gateway(_world: World, found: Found, route: Route, _zone: str) -> Step:
    hop = _hop(found, "virtual_private_gateway", route.target)
    lost = f"{route.target} leads to a network outside AWS"
    return Step((hop,), kind="virtual_private_gateway", id=route.target, lost_at=lost)


def _peering(_world: World, found: Found, route: Route, _zone: str) -> Step:
    hop = _hop(found, "peering", route.target)
    lost = f"a peered VPC passes nothing on to the internet, so {route.target} is its end"
    return Step((hop,), kind="peering", id=route.target, lost_at=lost)


def _elsewhere(_world: World, found: Found, route: Route, _zone: str) -> Step:
    hop = _hop(found, "elsewhere", route.target)
    lost = f"targets such as {route.target} are not followed"
    return Step((hop,), kind="elsewhere", id=route.target, lost_at=lost)


_FOLLOW: Mapping[str, Callable[[World, Found, Route, str], Step]] = {
    "igw": _internet_gateway,
    "eigw": _egress_only,
    "nat": _nat_gateway,
    "eni": _instance,
    "i": _instance,
    "vpce": _endpoint,
    "tgw": _transit_gateway,
    "vgw": _virtual_private_gateway,
    "pcx": _peering,
}


# ---- endpoints


def endpoint_paths(found: Found, subnet_ids: Sequence[str]) -> tuple[Path, ...]:
    """The ways to services that need no default route: S3 by its gateway, others by interfaces."""
    paths: list[Path] = []
    for one in found.endpoints:
        if one.type == "Gateway" and one.service.endswith(".s3"):
            within = tuple(id for id in sorted(subnet_ids) if has_s3_route(found, id, one.id))
            hop = _hop(found, "gateway_endpoint", one.id)
            paths.append(Path("s3_gateway", one.id, within, (hop,)))
        elif one.type == "Interface":
            zones = {zone_id_of(found, id) for id in one.subnet_ids}
            far = any(zone_id_of(found, id) not in zones for id in subnet_ids)
            hop = _hop(found, "interface_endpoint", one.id)
            path = Path("interface_endpoint", one.id, tuple(sorted(subnet_ids)), (hop,))
            lost = "" if is_up(one.state) else f"the endpoint is {one.state}"
            paths.append(replace(path, crosses_zones=far, lost_at=lost))
    return tuple(sorted(paths, key=path_order))


def has_s3_route(found: Found, subnet_id: str, endpoint_id: str) -> bool:
    """Whether a subnet's table leads to a gateway endpoint: AWS puts the route there itself."""
    table = table_of(found, subnet_id)
    endpoint = next((one for one in found.endpoints if one.id == endpoint_id), None)
    return bool(table and endpoint and table.id in endpoint.route_table_ids)


def is_up(state: str) -> bool:
    return state.lower() in ("", "available")
