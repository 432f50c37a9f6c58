"""A sync as it was recorded from a real ledger: what is told of each moment, and what came.

`bench/data` holds the recordings; `python -m bench._record_sync` makes one.
"""

from pathlib import Path
from typing import Any, NamedTuple

import orjson

from lakeferry.fleet.standing.estimate import Load, Route, rates, time_left
from lakeferry.fleet.standing.time_left import is_measured
from lakeferry.ledger.rows import Pace
from tests.fleet.recorded_run import Prediction

RECORDINGS = Path(__file__).resolve().parents[2] / "bench" / "data"


class Moment(NamedTuple):
    """One of a run: how much of it was done, and what is told of the rest."""

    share: float  # of the time that the whole run took
    told: Prediction | None  # None: not measured yet


def replayed(recording: Path) -> list[Moment]:
    """Every moment of a run until ten seconds before its end, told by the estimate of today."""
    run = orjson.loads(recording.read_bytes())
    paces = [Pace._make(one) for one in run["paces"]]
    took_s = (run["ended_ms"] - run["began_ms"]) / 1000
    found = []
    for moment in run["moments"]:
        came_s = (run["ended_ms"] - moment["at_ms"]) / 1000
        if came_s >= 10:
            found.append(Moment(1 - came_s / took_s, _told(moment, paces, took_s, came_s)))
    return found


def _told(
    moment: dict[str, Any], paces: list[Pace], took_s: float, came_s: float
) -> Prediction | None:
    now_s = moment["at_ms"] / 1000
    over = [one for one in paces if one.at_ms <= moment["at_ms"]]
    done = moment["files"] - moment["left_files"], moment["bytes"] - moment["left_bytes"]
    if not is_measured(sum(one.seconds for one in over), *done, moment["bytes"]):
        return None
    routes = {
        name: Route(Load(*load), rates((one for one in over if one.route == name), now_s=now_s))
        for name, load in moment["loads"].items()
    }
    left = time_left(routes, now_s=now_s)
    return None if left is None else Prediction(took_s - came_s, left, came_s)
