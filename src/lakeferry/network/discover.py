"""From what was found to a topology: whose bytes they are, which way they go, what is odd. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lakeferry.network.findings import findings
from lakeferry.network.resources import Eni, Instance, NatGateway, Tags
from lakeferry.network.topology import Found, Topology
from lakeferry.network.ways import World, endpoint_paths, way_out, ways_out

# Databricks puts this tag on every instance that it starts.
DATABRICKS: Tags = {"Vendor": "Databricks"}


@dataclass(frozen=True, slots=True)
class Beyond:
    """Another account that a way out leads through, and the role to look at it."""

    account: str  # 12 digits
    role: str  # ARN
    external_id: str | None = None  # may be a reference


@dataclass(frozen=True, slots=True)
class Scope:
    """Which network is meant. What is not given follows from what is."""

    vpc: str | None = None
    subnets: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    tags: Tags = field(default_factory=dict)  # of the VPC, or of the subnets in question
    worker_tags: Tags = field(default_factory=dict)  # of instances or their interfaces
    worker_subnets: tuple[str, ...] = ()
    beyond: tuple[Beyond, ...] = ()


def topology(found: Found, scope: Scope, *, beyond: Sequence[Found] = ()) -> Topology:
    """The network that a data plane uses.

    Args:
        found: all that was read of the VPC.
        scope: what a person named. Subnets: those named, those of the interfaces named, those
            that bear the tags, those of the workers; else all but public ones without a worker.
            Workers: the interfaces named, those whose instance bears the tags, those in the
            workers' subnets; else those of Databricks; else all instances that do not forward.
        beyond: VPCs that a transit gateway leads to, as far as they could be read.

    Returns:
        Every subnet of the scope is in exactly one path of those that lead out; tuples are sorted,
        so the order in which AWS answers does not matter.
    """
    world: World = {one.vpc.id: one for one in (found, *beyond)}
    candidates = _workers(found, scope)
    subnets = _subnets(world, found, scope, candidates)
    out = ways_out(world, found.vpc.id, subnets)
    met = {hop.id for path in out for hop in path.hops}
    made = Topology(
        found=found,
        scope=subnets,
        workers=tuple(
            eni
            for eni in candidates
            if scope.interfaces or (eni.subnet_id in subnets and eni.instance_id not in met)
        ),
        nat_gateways=_nat_gateways(world, found, met),
        nat_instances=_nat_instances(found, met),
        paths=(*out, *endpoint_paths(found, subnets)),
        findings=(),
        beyond=tuple(_beyond(world, one) for one in beyond if one.vpc.id in met),
    )
    return replace(made, findings=findings(made))


def _beyond(world: World, found: Found) -> Topology:
    """A VPC that bytes come into by a transit gateway: its scope is where they come in."""
    entered = {
        id for one in found.transit if one.resource_id == found.vpc.id for id in one.subnet_ids
    }
    subnets = tuple(sorted(entered))
    out = ways_out(world, found.vpc.id, subnets)
    met = {hop.id for path in out for hop in path.hops}
    gateways, instances = _nat_gateways(world, found, met), _nat_instances(found, met)
    made = Topology(found, subnets, (), gateways, instances, out, ())
    return replace(made, findings=findings(made, passed_through=True))


def _nat_gateways(world: World, found: Found, met: Iterable[str]) -> tuple[NatGateway, ...]:
    """Those on the way whose metrics are in this account and Region."""
    home = (found.vpc.account, found.vpc.region)
    near = (one for one in world.values() if (one.vpc.account, one.vpc.region) == home)
    gateways = [gateway for one in near for gateway in one.nat_gateways if gateway.id in met]
    return tuple(sorted(gateways, key=lambda one: one.id))


def _nat_instances(found: Found, met: Iterable[str]) -> tuple[Instance, ...]:
    """By name where they have one: another instance in its place stands where it stood."""
    named = sorted(found.instances, key=lambda one: (one.tags.get("Name", ""), one.id))
    return tuple(one for one in named if one.id in met)


# ---- whose bytes, and from where


def _subnets(world: World, found: Found, scope: Scope, workers: Sequence[Eni]) -> tuple[str, ...]:
    here = {one.id: one for one in found.subnets}
    named = {*scope.subnets, *scope.worker_subnets}
    if not named and scope.interfaces:
        named = {eni.subnet_id for eni in workers}
    if not named and scope.tags and not _bears(found.vpc.tags, scope.tags):
        named = {one.id for one in found.subnets if _bears(one.tags, scope.tags)}
    if not named:
        with_workers = {eni.subnet_id for eni in workers}
        ways = {id: way_out(world, found.vpc.id, id) for id in here}
        public = {id for id, way in ways.items() if way.kind == "internet_gateway"}
        named = (here.keys() - public) | with_workers or set(here)
    return tuple(sorted(named & here.keys()))


def _workers(found: Found, scope: Scope) -> tuple[Eni, ...]:
    enis = tuple(sorted(found.enis, key=_id))
    if scope.interfaces:
        return tuple(eni for eni in enis if eni.id in scope.interfaces)
    instances = {one.id: one for one in found.instances}
    if scope.worker_tags:
        devices = _of_devices(found)
        return tuple(
            eni
            for eni in enis
            if eni.id not in devices and _bears(_all_tags(eni, instances), scope.worker_tags)
        )
    attached = tuple(eni for eni in enis if eni.instance_id in instances)
    if scope.worker_subnets:
        attached = tuple(eni for eni in attached if eni.subnet_id in scope.worker_subnets)
    else:
        theirs = (eni for eni in attached if _bears(instances[eni.instance_id].tags, DATABRICKS))
        attached = tuple(theirs) or attached
    return tuple(eni for eni in attached if _only_its_own(eni, instances[eni.instance_id]))


def _of_devices(found: Found) -> set[str]:
    """Interfaces of NAT gateways and endpoints: tags that a whole VPC has do not make workers."""
    gateways = (address.eni_id for one in found.nat_gateways for address in one.addresses)
    return {*gateways, *(id for one in found.endpoints for id in one.eni_ids)}


def _only_its_own(eni: Eni, instance: Instance) -> bool:
    """Whether the instance sends and takes what is its own alone, and forwards nothing."""
    return eni.source_dest_check and instance.source_dest_check


def _all_tags(eni: Eni, instances: Mapping[str, Instance]) -> Tags:
    instance = instances.get(eni.instance_id)
    return {**eni.tags, **(instance.tags if instance else {})}


def _bears(tags: Tags, wanted: Tags) -> bool:
    return all(tags.get(key) == value for key, value in wanted.items())


def _id(one: Eni | Instance) -> str:
    return one.id
