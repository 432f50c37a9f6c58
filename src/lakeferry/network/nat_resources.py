"""NAT instances and what belongs to them, as values: interface, address, profile, standby, route.

One of each in a zone, all under one name: `lakeferry-NAME.nat.ZONE`. A route leads to the
interface, which outlives its instance: another instance takes its place on the same interface.

Source: EC2 User Guide, "NAT instances", "Automatic instance recovery"; EC2 API Reference,
RunInstances, CreateNetworkInterface, AllocateAddress, CreateNatGateway, ReplaceRoute.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

Tags = Mapping[str, str]

DISK_GB = 8  # gp3, encrypted
DISK_DEVICE = "/dev/xvda"  # the root of Amazon Linux 2023
# Public parameters of Systems Manager: the newest image, by architecture.
_IMAGES = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-"
# Begins the key of a tag on an interface: the route table, and where its default route led before.
RECORD = "lakeferry:before:"
NO_ROUTE = "none"  # as the value of such a tag: there was no default route


@dataclass(frozen=True, slots=True)
class InstanceProfile:
    """What gives an instance its role."""

    kind_name: ClassVar[str] = "instance_profile"

    name: str
    role: str  # name of the role; '' of one that has none
    tags: Tags = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NetworkInterface:
    """The interface of a NAT instance, made before it and kept when it goes."""

    kind_name: ClassVar[str] = "network_interface"

    name: str  # tag Name
    subnet_id: str  # a public one
    security_groups: tuple[str, ...]  # names of ours, ids of others; sorted
    description: str
    source_dest_check: bool = False  # off, or it drops what it shall forward
    tags: Tags = field(default_factory=dict)
    id: str = field(default="", compare=False)
    private_ip: str = field(default="", compare=False)
    instance_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ElasticIp:
    kind_name: ClassVar[str] = "elastic_ip"

    name: str  # tag Name
    interface: str = ""  # name of the interface; '': of a standby gateway, which takes it itself
    tags: Tags = field(default_factory=dict)
    id: str = field(default="", compare=False)  # eipalloc-...
    public_ip: str = field(default="", compare=False)
    association: str = field(default="", compare=False)  # eipassoc-...


@dataclass(frozen=True, slots=True)
class StandbyGateway:
    """A NAT gateway that carries nothing until the instance of its zone is lost."""

    kind_name: ClassVar[str] = "standby_gateway"

    name: str  # tag Name; of its address too
    subnet_id: str  # a public one
    tags: Tags = field(default_factory=dict)
    id: str = field(default="", compare=False)  # nat-...
    state: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class NatInstance:
    """An EC2 instance that forwards. Metadata by IMDSv2 alone, one hop; no key pair."""

    kind_name: ClassVar[str] = "nat_instance"

    name: str  # tag Name; of its interface too
    type: str  # 'c7gn.large'
    arch: str  # 'arm64', 'x86_64'
    image: str  # ami-...; '': the newest Amazon Linux 2023 when it is made
    profile: str  # name of the instance profile
    user_data: str  # the script, plain
    monitoring: bool = True  # detailed: a datapoint each minute
    tokens: str = "required"  # HttpTokens: 'required' is IMDSv2 alone
    hops: int = 1  # HttpPutResponseHopLimit
    recovery: str = "default"  # MaintenanceOptions.AutoRecovery: simplified recovery is on
    tags: Tags = field(default_factory=dict)
    running: bool = True
    id: str = field(default="", compare=False)

    @property
    def image_parameter(self) -> str:
        """Where Systems Manager names the newest image."""
        return _IMAGES + self.arch


@dataclass(frozen=True, slots=True)
class DefaultRoute:
    """Where the default route of a route table of others leads.

    Where it led before is kept as a tag on the interface, whose key is RECORD and the table's id.
    """

    kind_name: ClassVar[str] = "default_route"

    name: str  # 'lakeferry-NAME.nat.rtb-...'
    route_table_id: str
    interface: str  # name of the interface, or of the standby gateway that it leads to for now
    destination: str = "0.0.0.0/0"
    # Those of the interface: a route bears none.
    tags: Tags = field(default_factory=dict, compare=False)
    before: str = field(default="", compare=False)  # its target of before; '' or NO_ROUTE: none


NatResource = (
    InstanceProfile | NetworkInterface | ElasticIp | StandbyGateway | NatInstance | DefaultRoute
)
