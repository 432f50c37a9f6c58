"""`generated:` in the place of logs: a flow log made up from a network, where none exists yet."""

from collections.abc import Iterator, Sequence

from lakeferry.config.quantities import Unreadable, duration_s
from lakeferry.errors import FerryError
from lakeferry.network.fields import CONNECTION_FORMAT
from lakeferry.network.generated_flows import MINUTE
from lakeferry.network.generated_rows import generated_log
from lakeferry.network.resources import PlannedFlow
from lakeferry.network.topology import Topology

GENERATED = "generated:"
_USUAL_MINUTES = 30
_MOST_MINUTES = 24 * 60


def usual_fields(topology: Topology) -> tuple[str, ...]:
    """The format of which every rule of ours finds what it reads."""
    regional = any(one.availability == "regional" for one in topology.nat_gateways)
    return (*CONNECTION_FORMAT, "resource-id") if regional else CONNECTION_FORMAT


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
