"""What a template makes beyond a first apply: rules for interfaces that it makes itself. Pure.

`apply` makes endpoints, looks at their interfaces, and makes the rules for these in a second round.
A template has one round; but an endpoint gets one interface a subnet, so how many there will be is
known, and a body can name each by reference. Here they stand as marks; the makers of templates put
references in their places.

Source: CloudFormation Template Reference, AWS::EC2::VPCEndpoint (`NetworkInterfaceIds`); Terraform
Registry, aws_vpc_endpoint (`network_interface_ids`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lakeferry.monitor.desired import Desired, desired
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.network.resources import VpcEndpoint
from lakeferry.network.topology import Topology

_MARK = re.compile(r"<interface ([0-9]{2}) of ([^<>]+)>")


@dataclass(frozen=True, slots=True)
class NewInterface:
    """An interface of an endpoint that the template makes."""

    endpoint: str  # its name
    number: int  # from 0

    @property
    def mark(self) -> str:
        """What stands for its id; marks of one endpoint sort as their numbers do."""
        return f"<interface {self.number:02} of {self.endpoint}>"


def foreseen(topology: Topology, settings: MonitorSettings) -> Desired:
    """What shall be there, with rules for endpoints that are not there yet.

    With one rule an interface the id is in the rule's name, and without `tcp-flags` a rule tells
    connections by address: both are known when the interfaces are, so those rules wait.
    """
    first = desired(topology, settings)
    new = {one.name: one for one in waiting(first)}
    told = {"flow-direction", "tcp-flags"} <= set(first.fields)
    if not new or settings.per == "eni" or not told:
        return first
    coming = new | {one.name: one for one in topology.found.endpoints if one.name in new}
    there = (one for one in topology.found.endpoints if one.name not in new)
    come = (replace(coming[name], eni_ids=_marks(one)) for name, one in new.items())
    found = replace(topology.found, endpoints=(*there, *come))
    return desired(replace(topology, found=found), settings)


def waiting(wanted: Desired) -> tuple[VpcEndpoint, ...]:
    """Endpoints whose interfaces nobody knows, nor stand there as marks."""
    return tuple(
        one
        for one in wanted.resources
        if isinstance(one, VpcEndpoint) and one.type == "Interface" and not one.eni_ids
    )


def is_new(endpoint: VpcEndpoint) -> bool:
    return any(_MARK.fullmatch(one) for one in endpoint.eni_ids)


def cut_at_marks(text: str) -> Iterator[str | NewInterface]:
    """A text in pieces, each mark as what it stands for."""
    end = 0
    for mark in _MARK.finditer(text):
        yield text[end : mark.start()]
        yield NewInterface(mark[2], int(mark[1]))
        end = mark.end()
    yield text[end:]


def _marks(endpoint: VpcEndpoint) -> tuple[str, ...]:
    count = len(endpoint.subnet_ids)
    return tuple(NewInterface(endpoint.name, number).mark for number in range(count))
