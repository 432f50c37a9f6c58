"""Which worker reads which shard: new shards go to whoever reads least; none moves. Pure.

A shard is read to its end by the worker that began it, so no batch is shared. After a reshard the
children find the workers whose parents ended, for those read less.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """What one worker reads now."""

    shards: int
    bytes_per_s: float = 0.0  # of late


def share_out(shards: Iterable[str], loads: Sequence[Load]) -> tuple[tuple[str, ...], ...]:
    """The new shards of each worker, in the order of `loads`.

    A new shard counts as an average one of those that are read. Equal inputs give equal answers,
    whatever the order of the shards.

    Raises:
        ValueError: there is no worker.
    """
    if not loads:
        raise ValueError("shards cannot be shared out among no workers")
    average = sum(load.bytes_per_s for load in loads) / max(1, sum(load.shards for load in loads))
    reads = [load.bytes_per_s for load in loads]
    counts = [load.shards for load in loads]
    found: list[list[str]] = [[] for _ in loads]
    for shard_id in sorted(set(shards)):
        least = min(range(len(loads)), key=lambda worker: (reads[worker], counts[worker], worker))
        found[least].append(shard_id)
        reads[least] += average
        counts[least] += 1
    return tuple(tuple(one) for one in found)
