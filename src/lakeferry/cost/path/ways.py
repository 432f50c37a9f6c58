"""The same loads over several ways to carry them: which device has whose bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lakeferry.cost.path.load import Load, summed
from lakeferry.cost.path.migration import Path
from lakeferry.cost.path.replay import GBPS, NAT_GATEWAY, Carrier, Replay, replay, steady, together

# An interface endpoint carries 10 Gbps in each zone and grows to 100 by itself; AWS PrivateLink
# Guide, "Quotas".
INTERFACE_ENDPOINT = steady(100 * GBPS)


@dataclass(frozen=True, slots=True)
class Way:
    """One path, and which of its devices carries which source."""

    path: Path
    label: str  # for people: `3 x c7gn.large`
    carrier: Carrier  # of each device
    carries: tuple[tuple[str, ...], ...]  # sources (subnets, workers, prefixes) of each device

    @property
    def capacity(self) -> int:
        """Bytes a minute of all its devices, sustained."""
        return self.carrier.sustained * len(self.carries)


def dealt(sources: Sequence[str], devices: int) -> tuple[tuple[str, ...], ...]:
    """Sources in turn to so many devices, where nothing says who is whose."""
    return tuple(tuple(sources[at::devices]) for at in range(devices))


def replay_way(loads: Mapping[str, Load], way: Way) -> Replay:
    """Each device's sources on it, and all devices together.

    Args:
        loads: bytes a minute by source, all from the same first minute.
    """
    done: dict[tuple[int, ...], Replay] = {}  # devices that carry the same arrays do the same
    replays = []
    for own in way.carries:
        parts = [loads[one] for one in own]
        key = tuple(sorted(id(part) for part in parts))
        if key not in done:
            done[key] = replay(summed(parts), way.carrier)
        replays.append(done[key])
    return together(replays)


def nat_gateways(zones: Mapping[str, Sequence[str]]) -> Way:
    """A NAT gateway in each zone for the sources that lie there."""
    label = f"{len(zones)} NAT gateway" + ("s" if len(zones) != 1 else "")
    return Way("nat_gateway", label, NAT_GATEWAY, tuple(tuple(own) for own in zones.values()))
