"""From what was found to a topology: workers, ways out, and what is odd about them. Pure.

Source: VPC User Guide, "Route priority" and "NAT gateways"; Transit Gateway Guide, "How transit
gateways work" (a packet stays in its zone where the attachment has a subnet there).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lakeferry.network.resources import Tags
from lakeferry.network.topology import Found, Topology


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
        scope: what a person named.
        beyond: VPCs that a transit gateway leads to, as far as they could be read.

    Returns:
        Every subnet of the scope is in exactly one path of those that lead out; tuples are sorted,
        so the order in which AWS answers does not matter.
    """
    raise NotImplementedError
