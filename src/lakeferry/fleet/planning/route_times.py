"""How long each route of a plan takes: at the rate of the last two days, or at one that is assumed.

Windows ahead are in it, as they are in every estimate. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence

from lakeferry.fleet.manifest.wanted import Window
from lakeferry.fleet.planning.planned import PlannedTable
from lakeferry.fleet.planning.totals import by_route
from lakeferry.fleet.standing.estimate import Load, rates, route_left, stretched
from lakeferry.fleet.standing.time_left import Left
from lakeferry.fleet.sync.ahead import known_ahead
from lakeferry.ledger.rows import Pace

ASSUMED = "assumed"


def lefts(
    lines: Iterable[PlannedTable],
    paces: Sequence[Pace],
    windows: Sequence[Window],
    bytes_per_s: float | None,
    *,
    now_s: float,
) -> tuple[Mapping[str, Left], str]:
    """Seconds by route, and what they rest on. A route that was not seen at work has none.

    Args:
        bytes_per_s: assumed of every route; None: what was seen.
    """
    found: dict[str, Left] = {}
    basis = ASSUMED if bytes_per_s is not None else ""
    for route, total in by_route(lines).items():
        load = Load(total.bytes, total.requests)
        ahead = known_ahead(windows, now_s=now_s, route=route)
        if bytes_per_s is not None:
            seconds = stretched(load.bytes / bytes_per_s, load.bytes, ahead, now_s=now_s)
            found[route] = Left.surely(seconds)
            continue
        seen = rates((pace for pace in paces if pace.route == route), now_s=now_s)
        if seen is not None:
            found[route] = route_left(load, seen, ahead, now_s=now_s)
            basis = seen.basis(found[route].p50)
    return found, basis


def all_left(left: Mapping[str, Left], routes: Iterable[str]) -> Left | None:
    """Until the last route is done; None while one of them was not measured."""
    times = []
    for route in routes:
        if route not in left:
            return None
        times.append(left[route])
    if not times:
        return Left(0, 0, 0)
    return Left(*(max(each) for each in zip(*times, strict=True)))
