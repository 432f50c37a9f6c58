"""Subnets dealt out to NAT instances, and who takes over which of them when one is lost.

A route table sends a subnet to one target, so a subnet's load is never shared. Each goes to the
least loaded instance of its own zone, the largest first; of a lost instance each goes to the least
loaded that is left, in its own zone where there is one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from lakeferry.cost.path.load import Load, summed
from lakeferry.cost.path.sizing import HEAD_ROOM, busiest


@dataclass(frozen=True, slots=True, eq=False)
class Subnet:
    """A private subnet whose default route leads to a NAT instance."""

    id: str
    zone: str
    load: Load  # bytes a minute


@dataclass(frozen=True, slots=True)
class Placement:
    """Which instance carries which subnet, when all are there and when one is not."""

    zones: tuple[str, ...]  # of each instance
    carries: tuple[tuple[str, ...], ...]  # ids of subnets, of each instance
    takes_over: tuple[Mapping[str, int], ...]  # of each instance lost: subnet -> instance
    crossing: tuple[str, ...]  # subnets carried from another zone: their bytes are paid twice more


@dataclass(frozen=True, slots=True)
class Overload:
    """An instance that has more to carry than its head room leaves."""

    instance: int
    lost: int | None  # the instance that is gone; None: all are there
    busiest: int  # bytes a minute at the 99.9th percentile
    room: Fraction  # bytes a minute


def place(subnets: Sequence[Subnet], zones: Sequence[str], count: int) -> Placement:
    """Deal subnets out to `count` instances, spread over `zones` in their order."""
    where = tuple(zones[at % len(zones)] for at in range(count))
    by_id = {subnet.id: subnet for subnet in subnets}
    weight = {subnet.id: busiest(subnet.load) for subnet in subnets}
    order = sorted(by_id, key=lambda id: (-weight[id], id))
    carried = _dealt(order, by_id, weight, where, [0] * count, frozenset())
    takes_over = []
    for lost in range(count):
        beside = [
            sum(weight[id] for id, at in carried.items() if at == one) for one in range(count)
        ]
        moved = [id for id in order if carried[id] == lost]
        takes_over.append(_dealt(moved, by_id, weight, where, beside, frozenset({lost})))
    return Placement(
        zones=where,
        carries=tuple(
            tuple(sorted(id for id, at in carried.items() if at == one)) for one in range(count)
        ),
        takes_over=tuple(takes_over),
        crossing=tuple(sorted(id for id in order if by_id[id].zone != where[carried[id]])),
    )


def overloads(
    placement: Placement,
    subnets: Iterable[Subnet],
    *,
    sustained: int,
    head_room: Fraction = HEAD_ROOM,
) -> tuple[Overload, ...]:
    """Every instance that cannot carry its own subnets, or these and those it takes over.

    Args:
        sustained: bytes a minute of an instance.
    """
    loads = {subnet.id: subnet.load for subnet in subnets}
    room = head_room * sustained
    found = []
    for lost in (None, *range(len(placement.carries))):
        moved = placement.takes_over[lost] if lost is not None else {}
        for one, own in enumerate(placement.carries):
            if one == lost:
                continue
            all_of_it = (*own, *(id for id, at in moved.items() if at == one))
            has = busiest(summed(loads[id] for id in all_of_it))
            if has > room:
                found.append(Overload(one, lost, has, room))
    return tuple(found)


def fewest(
    subnets: Sequence[Subnet],
    zones: Sequence[str],
    *,
    sustained: int,
    least: int,
    most: int | None = None,
    head_room: Fraction = HEAD_ROOM,
) -> Placement | None:
    """The smallest placement without overload, from `least` instances on in steps of the zones.

    None where not even `most` instances do, or one for each subnet of each zone: a subnet's load,
    or what is taken over with it, is too much for one. Split the subnet, or take a larger type.
    """
    enough = max(least, 2 * len(subnets) * len(zones))
    most = enough if most is None else min(most, enough)
    for count in range(-(-least // len(zones)) * len(zones), most + 1, len(zones)):
        placement = place(subnets, zones, count)
        if not overloads(placement, subnets, sustained=sustained, head_room=head_room):
            return placement
    return None


def _dealt(
    order: Iterable[str],
    by_id: Mapping[str, Subnet],
    weight: Mapping[str, int],
    where: Sequence[str],
    beside: Sequence[int],
    gone: frozenset[int],
) -> dict[str, int]:
    """Subnet -> instance: the least loaded of its zone, or of all where its zone has none."""
    has = list(beside)
    dealt: dict[str, int] = {}
    for id in order:
        left = [one for one in range(len(where)) if one not in gone]
        near = [one for one in left if where[one] == by_id[id].zone] or left
        if not near:
            continue  # the only instance is gone: nobody takes over
        at = min(near, key=lambda one: (has[one], one))
        dealt[id] = at
        has[at] += weight[id]
    return dealt
