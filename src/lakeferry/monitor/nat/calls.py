"""Which VPC endpoints the calls of NAT instances themselves go by, and who must let them in. Pure.

With private DNS an interface endpoint answers for its service in the whole VPC, in the public
subnets of NAT instances too. An instance that its security group does not let in cannot move
routes (`ec2`), nor be asked for its path before a route is led to it (`ssm`, `ssmmessages`).

Source: PrivateLink Guide, "Private DNS names", "Security groups"; Systems Manager User Guide,
"VPC endpoints for Systems Manager".
"""

from collections.abc import Collection, Iterator

from lakeferry.monitor.settings import MonitorSettings
from lakeferry.network.resources import OWNER_TAG
from lakeferry.network.topology import Topology

_CALLED = (".ec2", ".ssm", ".ssmmessages")  # end the names of services


def calls_notes(
    topology: Topology, settings: MonitorSettings, subnets: Collection[str]
) -> Iterator[str]:
    """Endpoints of others that have to let NAT instances in: their rules are not ours to change.

    Args:
        subnets: ids of those that the instances stand in. Endpoints of ours let these in.
    """
    for one in topology.found.endpoints:
        theirs = one.tags.get(OWNER_TAG) != settings.deployment
        if theirs and one.private_dns and one.service.endswith(_CALLED):
            yield (
                f"{one.id} answers for {one.service} in all of {one.vpc_id}, and is not ours: its "
                f"security groups must let in {', '.join(sorted(subnets))} by port 443, or NAT "
                "instances there can neither be asked for their paths nor move routes"
            )
