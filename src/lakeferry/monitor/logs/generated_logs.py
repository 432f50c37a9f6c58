"""`generated:` in the place of logs: a flow log made up from a network, where none exists yet."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from lakeferry.config.quantities import Unreadable, duration_s
from lakeferry.errors import FerryError
from lakeferry.network.fields import CONNECTION_FORMAT
from lakeferry.network.generated_flows import MINUTE
from lakeferry.network.generated_rows import generated_log
from lakeferry.network.resources import PlannedFlow, Resource, VpcEndpoint
from lakeferry.network.topology import Topology
from lakeferry.network.ways import endpoint_paths

GENERATED = "generated:"
_USUAL_MINUTES = 30
_MOST_MINUTES = 24 * 60


def usual_fields(topology: Topology) -> tuple[str, ...]:
    """The format of which every rule of ours finds what it reads."""
    regional = any(one.availability == "regional" for one in topology.nat_gateways)
    return (*CONNECTION_FORMAT, "resource-id") if regional else CONNECTION_FORMAT


def with_gateways(topology: Topology, wanted: Iterable[Resource]) -> Topology:
    """The network with the ways by S3 gateways that shall be made, which have no ids yet."""
    found = topology.found
    gateways = (one for one in wanted if isinstance(one, VpcEndpoint) and one.type == "Gateway")
    new = tuple(one for one in gateways if not one.id and one.service.endswith(".s3"))
    with_new = replace(found, endpoints=(*found.endpoints, *new))
    known = {(path.kind, path.id) for path in topology.paths}
    every = endpoint_paths(with_new, topology.scope)
    ways = [path for path in every if (path.kind, path.id) not in known]
    return replace(topology, paths=(*topology.paths, *ways))


def generated(
    place: str,
    topology: Topology,
    fields: Sequence[str],
    planned: Sequence[PlannedFlow] = (),
    *,
    now_s: int,
) -> Iterator[bytes]:
    """The text of the log, the newest minute before now.

    Args:
        place: `generated:`, or with how long: `generated:2h`.
        planned: what a path shall carry; other paths carry what is usual.

    Raises:
        FerryError: LF-2001 for a duration that is none, or of more than a day.
    """
    minutes = _minutes(place)
    rates = {one.path: round(one.bytes / one.seconds * MINUTE) for one in planned}
    start_s = now_s // MINUTE * MINUTE - minutes * MINUTE
    return generated_log(topology, fields, start_s=start_s, minutes=minutes, rates=rates)


def _minutes(place: str) -> int:
    asked = place.removeprefix(GENERATED)
    if not asked:
        return _USUAL_MINUTES
    try:
        minutes = duration_s(asked) // MINUTE
    except Unreadable as error:
        raise FerryError(error.code, f"`{asked}` {error.what}", place, error.next_step) from error
    if not 1 <= minutes <= _MOST_MINUTES:
        said = "a generated log is of 1 minute to 1 day"
        raise FerryError("LF-2001", said, place, f"write {GENERATED} or {GENERATED}2h")
    return minutes
