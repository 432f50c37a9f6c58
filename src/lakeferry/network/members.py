"""Who is who in a network: interfaces, addresses and ways out, as attribution asks for them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal

from lakeferry.network.services import label_of
from lakeferry.network.topology import PATHS, Topology

# Paths as a plan names them; other services are called by their own label ('sts', 'logs').
_OF_SERVICE = {
    "s3": "s3_interface",
    "kinesis-streams": "kinesis",
    "databricks-workspace": "privatelink",
    "databricks-relay": "privatelink",
}
_MOST_KNOWN = 1 << 17  # addresses that are remembered at once

INSIDE, S3, DEVICE = 1, 2, 4  # what an address is, as bits

Role = Literal["nat", "endpoint", "other"]


@dataclass(frozen=True, slots=True)
class Member:
    """One interface."""

    id: str
    role: Role
    path: str  # that its bytes take; '' of an interface that is no device
    device: str  # id of the gateway, instance or endpoint; '' likewise
    subnet_id: str = ""
    ips: tuple[str, ...] = ()
    instance_id: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """How a subnet reaches what lies outside the VPC."""

    path: str = ""  # '': not known
    device: str = ""


@dataclass(frozen=True)
class Members:
    """A network as attribution sees it. Remembers what it was asked about addresses."""

    interfaces: Mapping[str, Member] = field(default_factory=dict)  # by id
    regional: tuple[str, ...] = ()  # ids of NAT gateways that have no interface here
    inside: tuple[str, ...] = ()  # CIDRs of the VPC, and of those beyond it
    subnets: Mapping[str, str] = field(default_factory=dict)  # id of each subnet, by its CIDRs
    s3: tuple[str, ...] = ()  # CIDRs of S3's prefix list
    out: Mapping[str, Way] = field(default_factory=dict)  # the default route, by subnet id
    to_s3: Mapping[str, Way] = field(default_factory=dict)  # gateway endpoint, by subnet id

    @cached_property
    def _known(self) -> dict[str, int]:
        return {}

    @cached_property
    def _by_address(self) -> dict[str, Member]:
        return {ip: one for one in self.interfaces.values() for ip in one.ips}

    @cached_property
    def _inside(self) -> "_Ranges":
        return _Ranges(self.inside)

    @cached_property
    def _subnets(self) -> "_Ranges":
        return _Ranges(tuple(self.subnets))

    @cached_property
    def _s3(self) -> "_Ranges":
        return _Ranges(self.s3)

    def address(self, text: str | None) -> int:
        """The bits INSIDE, S3 and DEVICE of an address; 0 for what is none."""
        if not text:
            return 0
        found = self._known.get(text)
        if found is None:
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
            found = self._known[text] = self._bits(text)
        return found

    def _bits(self, text: str) -> int:
        member = self._by_address.get(text)
        if member is not None:
            return INSIDE | (DEVICE if member.role != "other" else 0)
        return (INSIDE if self._inside.find(text) else 0) | (S3 if self._s3.find(text) else 0)

    def member(self, id: str | None) -> Member:
        """An interface; one that came after discovery is a worker's, of which nothing is known."""
        return self.interfaces.get(id or "") or Member(id or "", "other", "", "")

    def name(self, text: str | None) -> str | None:
        """Who has an address: the instance, else the interface, else the address itself."""
        member = self._by_address.get(text or "")
        return text if member is None else member.instance_id or member.id

    def subnet(self, text: str | None) -> str | None:
        """The subnet of an address; None where it is not known.

        Workers come and go: whoever had an address before discovery was in the same subnet.
        """
        member = self._by_address.get(text or "")
        if member is not None and member.subnet_id:
            return member.subnet_id
        return self.subnets.get(self._subnets.find(text or ""))

    def place(self, text: str | None) -> str | None:
        """The range of S3 in which an address lies, else who has it."""
        found = self._s3.find(text or "")
        return f"{found} (S3)" if found else self.name(text)


class _Ranges:
    """Networks that do not overlap, asked for the one that holds an address."""

    def __init__(self, cidrs: tuple[str, ...]) -> None:
        self._networks: dict[int, list[IPv4Network | IPv6Network]] = {4: [], 6: []}
        for cidr in cidrs:
            network = ip_network(cidr, strict=False)
            self._networks[network.version].append(network)

    def find(self, text: str) -> str:
        """The network that holds an address; '' for none, and for what is no address."""
        try:
            address = ip_address(text)
        except ValueError:
            return ""
        return next((str(one) for one in self._networks[address.version] if address in one), "")


def path_of(service: str) -> str:
    """The path of bytes through an interface endpoint of a service, in a plan's words."""
    label = label_of(service)
    return _OF_SERVICE.get(label, label)


def members_of(topology: Topology) -> Members:
    """What attribution knows of a network that was discovered, and of those beyond it."""
    everywhere = (topology, *topology.beyond)
    interfaces: dict[str, Member] = {}
    for one in reversed(everywhere):
        interfaces |= {member.id: member for member in _interfaces(one)}
    lists = (one for part in everywhere for one in part.found.prefix_lists)
    return Members(
        interfaces=interfaces,
        regional=tuple(
            one.id
            for part in everywhere
            for one in part.nat_gateways
            if one.availability == "regional"
        ),
        inside=tuple(dict.fromkeys(cidr for part in everywhere for cidr in part.found.vpc.cidrs)),
        subnets={
            str(ip_network(cidr, strict=False)): one.id
            for part in everywhere
            for one in part.found.subnets
            for cidr in one.cidrs
        },
        s3=tuple(dict.fromkeys(c for one in lists if one.name.endswith(".s3") for c in one.cidrs)),
        out=_ways(topology, _OUTWARDS),
        to_s3=_ways(topology, ("s3_gateway",)),
    )


_OUTWARDS = tuple(one for one in PATHS if one not in ("s3_gateway", "interface_endpoint"))


def _ways(topology: Topology, kinds: tuple[str, ...]) -> dict[str, Way]:
    """The first way of these kinds of each subnet."""
    found: dict[str, Way] = {}
    for path in topology.paths:
        if path.kind in kinds:
            for subnet in path.subnet_ids:
                found.setdefault(subnet, Way(path.kind, path.id))
    return found


def _interfaces(topology: Topology) -> Iterator[Member]:
    devices = dict(_devices(topology))
    for eni in topology.found.enis:
        role, path, device = devices.pop(eni.id, ("other", "", ""))
        ips = tuple(dict.fromkeys((eni.private_ip, *eni.ips))) if eni.private_ip else eni.ips
        yield Member(eni.id, role, path, device, eni.subnet_id, ips, eni.instance_id)
    # Interfaces that AWS owns are not listed to everybody; their gateway names them nonetheless.
    addresses = {
        address.eni_id: address.private_ip
        for gateway in topology.nat_gateways
        for address in gateway.addresses
    }
    for id, (role, path, device) in devices.items():
        own = addresses.get(id, "")
        yield Member(id, role, path, device, ips=(own,) if own else ())


def _devices(topology: Topology) -> Iterator[tuple[str, tuple[Role, str, str]]]:
    for gateway in topology.nat_gateways:
        for address in gateway.addresses:
            if address.eni_id:
                yield address.eni_id, ("nat", "nat_gateway", gateway.id)
    for instance in topology.nat_instances:
        for eni_id in instance.eni_ids:
            yield eni_id, ("nat", "nat_instance", instance.id)
    for endpoint in topology.found.endpoints:
        for eni_id in endpoint.eni_ids:
            yield eni_id, ("endpoint", path_of(endpoint.service), endpoint.id)
