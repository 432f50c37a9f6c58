"""Which NAT gateway an interface belongs to, where nobody says so: told by the bytes of each hour.

A bill names gateways and a flow log names interfaces. The network, where it is read, knows both;
without it two series that agree in most hours, and with nothing else, are the same device. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

Series = Mapping[int, int]  # bytes by the time that an hour or a day begins


@dataclass(frozen=True, slots=True)
class Pairing:
    """The path of each interface, and how it is known."""

    path_of: Mapping[str, str]  # interface -> path
    by_bytes: tuple[str, ...]  # interfaces that were told by their bytes, not by name
    unknown: tuple[str, ...]  # interfaces of which nothing tells the path


def pair(
    seen: Mapping[str, Series],
    billed: Mapping[str, Series],
    given: Mapping[str, str],
    *,
    tolerance: Decimal,
) -> Pairing:
    """Find the path of each interface of a flow log.

    Args:
        seen: by interface. What is not named as an interface is a path itself.
        billed: by path.
        given: interface -> path, from the network or from a person; wins.
        tolerance: by how much of the greater two hours may differ and still agree.

    Two gateways of equal load cannot be told apart, nor can two interfaces that both fit one
    gateway: these stay unknown. A single interface and a single path are each other's.
    """
    known = {one: given[one] for one in seen if one in given}
    known |= {one: one for one in seen if one in billed or not one.startswith("eni-")}
    left = sorted(one for one in seen if one not in known)
    free = sorted(one for one in billed if one not in known.values())
    if len(left) == len(free) == 1:
        return Pairing(known | {left[0]: free[0]}, (left[0],), ())
    fits = {
        one: [path for path in free if _agree(seen[one], billed[path], tolerance)] for one in left
    }
    claims = [paths[0] for paths in fits.values() if len(paths) == 1]
    told = {
        one: paths[0]
        for one, paths in fits.items()
        if len(paths) == 1 and claims.count(paths[0]) == 1
    }
    unknown = tuple(one for one in left if one not in told)
    return Pairing(known | told, tuple(told), unknown)


def _agree(one: Series, other: Series, tolerance: Decimal) -> bool:
    """Whether more than half of the hours in which anything flowed agree."""
    times = [at for at in one.keys() | other.keys() if one.get(at) or other.get(at)]
    same = 0
    for at in times:
        a, b = one.get(at, 0), other.get(at, 0)
        same += abs(a - b) <= tolerance * max(a, b)
    return 2 * same > len(times)
