"""What a template makes beyond a first apply: what watches interfaces that it makes itself. Pure.

`apply` makes endpoints and NAT instances, looks at their ids, and makes the rules, alarms and
graphs for these in a second round. A template has one round; but an endpoint gets one interface a
subnet, so how many there will be is known, and a text can name each by reference. Here they stand
as marks; the makers of templates put references in their places.

Source: CloudFormation Template Reference, AWS::EC2::VPCEndpoint (`NetworkInterfaceIds`); Terraform
Registry, aws_vpc_endpoint (`network_interface_ids`).
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted.desired import Desired, desired
from lakeferry.network import discover as network
from lakeferry.network.discover import Scope
from lakeferry.network.nat_resources import (
    DefaultRoute,
    NatInstance,
    NetworkInterface,
    StandbyGateway,
)
from lakeferry.network.resources import (
    OWNER_TAG,
    Alarm,
    Eni,
    Instance,
    NatGateway,
    Resource,
    Route,
    RouteTable,
    Tags,
    VpcEndpoint,
)
from lakeferry.network.topology import Topology

_MARK = re.compile(
    r"<interface ([0-9]{2}) of ([^<>]+)>|(eni|i|ip|nat)-<of ([^<>]+)>|vpce-<of ([^<>]+)>"
)


@dataclass(frozen=True, slots=True)
class NewInterface:
    """An interface of an endpoint that the template makes."""

    endpoint: str  # its name
    number: int  # from 0

    @property
    def mark(self) -> str:
        """What stands for its id; marks of one endpoint sort as their numbers do."""
        return f"<interface {self.number:02} of {self.endpoint}>"


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """The id of an endpoint that the template makes."""

    name: str

    @property
    def mark(self) -> str:
        return f"vpce-<of {self.name}>"


@dataclass(frozen=True, slots=True)
class NewNat:
    """An id of a NAT instance that the template makes, or of what belongs to it."""

    kind: str  # 'i': of the instance; 'eni': of its interface; 'ip': its private address;
    # 'nat': of a standby gateway
    name: str

    @property
    def mark(self) -> str:
        """What stands for it; it begins as such ids do, so that routes can be followed."""
        return f"{self.kind}-<of {self.name}>"


New = NewInterface | NewEndpoint | NewNat


def foreseen(topology: Topology, settings: MonitorSettings) -> Desired:
    """What shall be there, with what watches endpoints and NAT instances that are not there yet.

    With one rule an interface the id is in the rule's name, and without `tcp-flags` a rule tells
    connections by address: both are known when the interfaces are, so those rules wait. Alarms and
    graphs of the endpoints' own metrics need their ids alone.
    """
    first = desired(topology, settings)
    if _brings_nat(first, topology):
        settings = _by_instances(settings)
        topology = moved(topology, first)
        first = _without_named_marks(desired(topology, settings))
    new = {one.name: one for one in waiting(first)}
    told = {"flow-direction", "tcp-flags"} <= set(first.fields)
    if not new:
        return first
    rules = told and settings.per != "eni"
    coming = new | {one.name: one for one in topology.found.endpoints if one.name in new}
    there = (one for one in topology.found.endpoints if one.name not in new)
    come = (
        replace(
            coming[name],
            id=coming[name].id or NewEndpoint(name).mark,
            eni_ids=_marks(one) if rules else (),
        )
        for name, one in new.items()
    )
    found = replace(topology.found, endpoints=(*there, *come))
    return desired(replace(topology, found=found), settings)


def waiting(wanted: Desired) -> tuple[VpcEndpoint, ...]:
    """Endpoints whose interfaces nobody knows, nor stand there as marks."""
    return tuple(
        one
        for one in wanted.resources
        if isinstance(one, VpcEndpoint) and one.type == "Interface" and not one.eni_ids
    )


def cut_at_marks(text: str) -> Iterator[str | New]:
    """A text in pieces, each mark as what it stands for."""
    end = 0
    for mark in _MARK.finditer(text):
        yield text[end : mark.start()]
        yield _marked(mark)
        end = mark.end()
    yield text[end:]


def _marked(mark: re.Match[str]) -> New:
    if mark[5]:
        return NewEndpoint(mark[5])
    return NewNat(mark[3], mark[4]) if mark[3] else NewInterface(mark[2], int(mark[1]))


def _marks(endpoint: VpcEndpoint) -> tuple[str, ...]:
    count = len(endpoint.subnet_ids)
    return tuple(NewInterface(endpoint.name, number).mark for number in range(count))


# ---- NAT instances


def moved(topology: Topology, wanted: Desired) -> Topology:
    """The network once the wanted NAT instances are there and the wanted routes lead to them."""
    found = topology.found
    interfaces = {one.name: one for one in found.nat if isinstance(one, NetworkInterface)}
    there = {one.tags.get("Name"): one for one in found.instances if _is_ours(one, wanted)}
    enis, instances = {one.id: one for one in found.enis}, {one.id: one for one in found.instances}
    at: dict[str, Eni] = {}
    for one in wanted.resources:
        if isinstance(one, NetworkInterface):
            known = interfaces.get(one.name, one).id or NewNat("eni", one.name).mark
            instance = there.get(one.name)
            at[one.name] = _interface(topology, one, known, instance.id if instance else "")
            enis[known] = enis.get(known, at[one.name])
    for one in wanted.resources:
        if isinstance(one, NatInstance) and one.name not in there:
            new = _instance(one, at[one.name])
            instances[new.id] = new
    tables = tuple(_led(table, wanted, at) for table in found.route_tables)
    changed = replace(
        found, enis=tuple(enis.values()), instances=tuple(instances.values()), route_tables=tables,
        nat_gateways=(*found.nat_gateways, *_standing_by(topology, wanted)),
    )  # fmt: skip
    scope = Scope(subnets=topology.scope)
    seen = network.topology(changed, scope, beyond=[one.found for one in topology.beyond])
    return replace(seen, workers=topology.workers)


def _interface(topology: Topology, one: NetworkInterface, id: str, instance: str) -> Eni:
    zone = next((each.zone for each in topology.found.subnets if each.id == one.subnet_id), "")
    address = one.private_ip or NewNat("ip", one.name).mark
    return Eni(
        id, topology.found.vpc.id, one.subnet_id, zone, "interface", address, (address,),
        public_ip="an address", instance_id=instance or NewNat("i", one.name).mark,
        source_dest_check=one.source_dest_check, tags=one.tags,
    )  # fmt: skip


def _instance(one: NatInstance, at: Eni) -> Instance:
    tags = {**one.tags, "Name": one.name}
    return Instance(
        at.instance_id, at.vpc_id, at.subnet_id, one.type, "running", (at.id,), False, tags
    )


def _standing_by(topology: Topology, wanted: Desired) -> Iterator[NatGateway]:
    """Those that are not there yet."""
    found, there = topology.found, {_named(one.tags) for one in topology.found.nat_gateways}
    for one in wanted.resources:
        tags = {**one.tags, "Name": one.name}
        if isinstance(one, StandbyGateway) and _named(tags) not in there:
            id = NewNat("nat", one.name).mark
            yield NatGateway(
                id, found.vpc.id, one.subnet_id, "zonal", "public", "pending", (), tags
            )


def _named(tags: Tags) -> tuple[str, str]:
    return tags.get("Name", ""), tags.get(OWNER_TAG, "")


def _led(table: RouteTable, wanted: Desired, at: Mapping[str, Eni]) -> RouteTable:
    """A route table whose default route leads where it shall."""
    shall = [
        one
        for one in wanted.resources
        if isinstance(one, DefaultRoute) and one.route_table_id == table.id
    ]
    for one in shall:
        to = at[one.interface]
        route = Route(one.destination, to.id, "active", to.instance_id)
        others = (each for each in table.routes if each.destination != one.destination)
        table = replace(table, routes=(*others, route))
    return table


def _brings_nat(wanted: Desired, topology: Topology) -> bool:
    """Whether a NAT instance is wanted that no route leads to yet, or what stands by for it."""
    led = {one.tags.get("Name") for one in topology.nat_instances if _is_ours(one, wanted)}
    return any(
        isinstance(one, NatInstance) and one.name not in led for one in wanted.resources
    ) or any(True for _ in _standing_by(topology, wanted))


def _is_ours(instance: Instance, wanted: Desired) -> bool:
    owners = {one.tags.get(OWNER_TAG) for one in wanted.resources if isinstance(one, NatInstance)}
    return instance.tags.get(OWNER_TAG) in owners


def _by_instances(settings: MonitorSettings) -> MonitorSettings:
    """What was planned for gateways goes by instances then."""
    flows = tuple(
        replace(one, path="nat_instance") if one.path == "nat_gateway" else one
        for one in settings.planned
    )
    return replace(settings, planned=flows)


def _without_named_marks(wanted: Desired) -> Desired:
    """Without what is called by an id that nobody knows yet, and what names such a thing."""
    unknown = {one.name for one in wanted.resources if _MARK.search(one.name)}
    gone = [one for one in wanted.resources if one.name in unknown or _names(one, unknown)]
    if not gone:
        return wanted
    pairs = [
        (one, cost) for one, cost in zip(wanted.resources, wanted.costs, strict=True)
        if one not in gone
    ]  # fmt: skip
    return replace(
        wanted,
        resources=tuple(one for one, _ in pairs),
        costs=tuple(cost for _, cost in pairs),
        rules=replace(
            wanted.rules,
            rules=tuple(one for one in wanted.rules.rules if one.name not in unknown),
        ),
    )


def _names(resource: Resource, unknown: Collection[str]) -> bool:
    if not isinstance(resource, Alarm):
        return False
    said = " ".join(one.expression for one in resource.metrics)
    return any(f'"{name}"' in said for name in unknown)
