"""Where NAT instances stand, and which route tables lead to which of them. Pure.

Each zone with private subnets gets one, in a public subnet of that zone: bytes that cross zones
are billed twice more, and are lost with the zone that they go to. A route table names one target,
so more instances than tables are of no use.

Source: VPC User Guide, "NAT instances", "Route priority"; EC2 on demand pricing, "Data transfer
within the same Region".
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from lakeferry.errors import FerryError
from lakeferry.network.resources import OWNER_TAG, Eni
from lakeferry.network.topology import Found, Path, Topology
from lakeferry.network.ways import EVERYWHERE, EVERYWHERE_6, default_route, table_of, way_out

# Ways out that a NAT instance takes the place of; another leads on purpose somewhere else.
_TAKEN = ("nat_gateway", "nat_instance", "nowhere")


@dataclass(frozen=True, slots=True)
class Post:
    """One NAT instance: where it stands, and whose default route leads to it."""

    label: str  # 'us-east-1a', 'us-east-1a.2': ends the names of all that is there
    zone: str
    subnet_id: str  # public
    route_tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Posts:
    posts: tuple[Post, ...]
    zones: tuple[str, ...]  # that have one
    notes: tuple[str, ...]


def tables_by_zone(topology: Topology) -> Mapping[str, tuple[str, ...]]:
    """Private route tables, each in the zone that most of its subnets are in; by zone."""
    zones: dict[str, Counter[str]] = {}
    for subnet, zone in _private(topology):
        table = table_of(topology.found, subnet)
        if table is not None:
            zones.setdefault(table.id, Counter())[zone] += 1
    found: dict[str, list[str]] = {}
    for table_id in sorted(zones):
        zone = min(zones[table_id], key=lambda one: (-zones[table_id][one], one))
        found.setdefault(zone, []).append(table_id)
    return {zone: tuple(found[zone]) for zone in sorted(found)}


def posts(topology: Topology, count: int | None, deployment: str) -> Posts:
    """So many instances dealt out to zones, and route tables to them.

    Args:
        count: of all zones together; None: one in each.
        deployment: whose they are.

    Raises:
        FerryError: LF-6431 where a zone has no public subnet, where nothing is private, where a
            route leads to something of another deployment, and where there are fewer instances
            than zones or more than route tables.
    """
    tables = tables_by_zone(topology)
    if not tables:
        raise _impossible(
            topology, "no subnet in question goes out by a NAT device or not at all",
            "name the private subnets (`network.subnets`, --subnet)",
        )  # fmt: skip
    _refuse_taken(topology, tables, deployment)
    counts = _counts(topology, tables, count)
    made: list[Post] = []
    for zone, own in tables.items():
        subnet = _public(topology.found, zone, deployment)
        if not subnet:
            raise _impossible(
                topology, f"{zone} has private subnets and no public one",
                f"make a subnet in {zone} whose default route leads to an internet gateway",
            )  # fmt: skip
        for number in range(counts[zone]):
            label = f"{zone}.{number + 1}" if number else zone
            made.append(Post(label, zone, subnet, own[number :: counts[zone]]))
    return Posts(tuple(made), tuple(tables), tuple(_notes(topology, tables)))


def _refuse_taken(topology: Topology, tables: Mapping[str, Sequence[str]], deployment: str) -> None:
    """Two deployments that lead one route would each give it back to the other."""
    found = topology.found
    tags = {
        **{one.id: one.tags for one in found.enis},
        **{one.id: one.tags for one in found.instances},
        **{one.id: one.tags for one in found.nat_gateways},
    }
    wanted = {id for own in tables.values() for id in own}
    for table in found.route_tables:
        for route in table.routes if table.id in wanted else ():
            owner = tags.get(route.target, {}).get(OWNER_TAG, deployment)
            if route.destination == EVERYWHERE and owner != deployment:
                raise _impossible(
                    topology, f"{table.id} leads to {route.target} of the deployment {owner}",
                    f"leave that to {owner}, or destroy it first",
                )  # fmt: skip


def _counts(
    topology: Topology, tables: Mapping[str, Sequence[str]], count: int | None
) -> Mapping[str, int]:
    """How many instances each zone gets: one, and each further one where most tables share one."""
    most = sum(len(own) for own in tables.values())
    if count is not None and not len(tables) <= count <= most:
        fit = f"{len(tables)} to {most}" if len(tables) < most else f"{most}"
        raise _impossible(
            topology,
            f"{count} NAT instances for {len(tables)} zones with {most} private route tables",
            f"take {fit}: each zone has its own, and a route table names one",
        )
    found = dict.fromkeys(tables, 1)
    for _ in range((count or 0) - len(tables)):
        free = [zone for zone in tables if found[zone] < len(tables[zone])]
        zone = max(free, key=lambda one: (len(tables[one]) / found[one], one))
        found[zone] += 1
    return found


def _private(topology: Topology) -> Iterator[tuple[str, str]]:
    """Subnets in question that a NAT instance shall carry, with their zones."""
    zones = {one.id: one.zone for one in topology.found.subnets}
    for path in topology.paths:
        if _is_taken(path):
            yield from ((id, zones.get(id, "")) for id in path.subnet_ids)


def _is_taken(path: Path) -> bool:
    """Also a way to an interface whose instance has ended: another one comes there."""
    return path.kind in _TAKEN or (path.kind == "elsewhere" and path.id.startswith("eni-"))


def _public(found: Found, zone: str, deployment: str) -> str:
    """A subnet of the zone whose default route leads to an internet gateway; '' for none.

    One in which an instance of the deployment stands goes first: a subnet that is made later would
    have all of it made anew.
    """
    world = {found.vpc.id: found}
    held = {one.subnet_id for one in found.enis if _forwards(one, deployment)}
    here = (one.id for one in found.subnets if one.zone == zone)
    ways = ((id, way_out(world, found.vpc.id, id)) for id in here)
    public = (id for id, way in ways if way.kind == "internet_gateway")
    return min(public, key=lambda id: (id not in held, id), default="")


def _forwards(one: Eni, deployment: str) -> bool:
    return not one.source_dest_check and one.tags.get(OWNER_TAG) == deployment


def _notes(topology: Topology, tables: Mapping[str, Sequence[str]]) -> Iterator[str]:
    found, private = topology.found, dict(_private(topology))
    for zone, own in tables.items():
        for id in own:
            yield from _passed_by(found, id)
            subnets = [one for one in found.subnets if _is_of(found, one.id, id)]
            far = sorted(one.id for one in subnets if one.id in private and one.zone != zone)
            if far:
                yield (
                    f"{id} also leads {', '.join(far)} to the NAT instance of {zone}: their bytes "
                    "cross zones, billed twice more; give them a route table of their own"
                )
            yield from _entered(found, id, {one.id for one in subnets})
            others = sorted(one.id for one in subnets if one.id not in private)
            if others:
                yield f"{id} is also that of {', '.join(others)}: their way out moves with it"
    left = sorted(
        (id, path.kind)
        for path in topology.paths
        if path.kind not in ("internet_gateway", "s3_gateway", "interface_endpoint")
        and not _is_taken(path)
        for id in path.subnet_ids
    )
    for id, kind in left:
        yield f"{id} goes out by {kind.replace('_', ' ')}: left as it is"


def _entered(found: Found, table_id: str, subnets: Set[str]) -> Iterator[str]:
    """Other VPCs that go out here: a NAT gateway takes their bytes, a NAT instance drops them."""
    for one in found.transit:
        if one.resource_id == found.vpc.id and (entered := sorted(subnets & {*one.subnet_ids})):
            yield (
                f"{one.id} of {one.gateway_id} comes in by {', '.join(entered)} of {table_id}: a "
                f"NAT instance forwards the addresses of {found.vpc.id} alone, so what other VPCs "
                "send to the internet by it is lost; give these subnets a route table of their "
                "own, and leave it out (--subnet)"
            )


def _passed_by(found: Found, table_id: str) -> Iterator[str]:
    """Routes that are more specific than the one that is moved: what they cover does not take it"""
    (table,) = (one for one in found.route_tables if one.id == table_id)
    way = default_route(table, found.prefix_lists)
    if way is not None and way.destination not in (EVERYWHERE, EVERYWHERE_6):
        yield (
            f"{table_id} leads all bytes by {way.destination}, which goes before {EVERYWHERE}: "
            "take that route away, or nothing takes the NAT instance"
        )


def _is_of(found: Found, subnet: str, table_id: str) -> bool:
    table = table_of(found, subnet)
    return table is not None and table.id == table_id


def _impossible(topology: Topology, what: str, next_step: str) -> FerryError:
    where = f"{topology.found.vpc.id} in {topology.found.vpc.region}; nothing was changed"
    return FerryError("LF-6431", f"NAT instances have no place: {what}", where, next_step)
