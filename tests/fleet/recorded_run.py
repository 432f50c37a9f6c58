"""A migration of four days, minute by minute, as a ledger records it, made from a seed.

Two routes side by side. Each has a day's rhythm, a pace that wanders, stalls; small tables come
first and large files last; the office keeps most of the line to itself on working days. What is
left at each minute is known, so an estimate can be held against what really came.
"""

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime

from lakeferry.fleet.manifest.wanted import Window
from lakeferry.fleet.manifest.window import allowed_at
from lakeferry.fleet.standing.estimate import Load, Route, rates, time_left
from lakeferry.fleet.standing.time_left import Left
from lakeferry.fleet.sync.ahead import known_ahead
from lakeferry.ledger.rows import Pace

START_S = datetime(2026, 11, 23, 14, tzinfo=UTC).timestamp()  # a Monday
OFFICE = Window((0, 1, 2, 3, 4), 8 * 60, 18 * 60, "Europe/Berlin", "direct-connect", None, 250e6)
SMALL, LARGE = 2e6, 32e6  # bytes a request: of small tables, which are the first 3 %, and of others
REQUEST_S = 2.5e-5  # of the route for a request, beside its bytes


@dataclass(frozen=True, slots=True)
class Line:
    """One route: what it can do, and what it has to."""

    name: str
    bytes: float
    bytes_per_s: float
    windows: tuple[Window, ...] = ()


LINES = (
    Line("internet", 520e12, 1.86e9),
    Line("direct-connect", 100e12, 0.62e9, (OFFICE,)),
)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was said at a moment, and what came."""

    after_s: float
    said: Left
    came_s: float

    @property
    def is_held(self) -> bool:
        return self.said.p10 <= self.came_s <= self.said.p90

    @property
    def error(self) -> float:
        """Of the middle, as a share of what came."""
        return abs(self.said.p50 - self.came_s) / self.came_s


def recorded(line: Line, seed: int) -> list[Pace]:
    """Every minute of a line until its last byte."""
    chance = random.Random(f"{line.name} {seed}")
    rhythm, peak = 0.15, chance.random() * 2 * math.pi
    at_s, done, wander = START_S, 0.0, 0.0
    paces: list[Pace] = []
    while done < line.bytes:
        wander = 0.98 * wander + chance.gauss(0, 0.12) * math.sqrt(1 - 0.98**2)
        pace = math.exp(wander) * (1 + rhythm * math.sin(2 * math.pi * at_s / 86_400 + peak))
        if chance.random() < 0.003:
            pace *= 0.05  # throttled for a minute
        share = done / line.bytes
        per_request = SMALL if share < 0.03 else LARGE * (1.5 - share)
        free = pace / (1 / line.bytes_per_s + REQUEST_S / per_request)
        cap = allowed_at(line.windows, datetime.fromtimestamp(at_s, UTC), path=line.name)
        rate = free if cap.bytes_per_s is None else min(free, cap.bytes_per_s)
        at_s += 60
        size = min(rate * 60, line.bytes - done)
        seconds = size / rate
        done += size
        paces.append(Pace(line.name, round(at_s * 1000), seconds, round(size),
                          round(size / per_request), rate < free))  # fmt: skip
    return paces


def predictions(seed: int, *, every_s: float = 3 * 3600) -> list[Prediction]:
    """What was said every three hours, from the first hour until ten minutes before the end."""
    runs = {line: recorded(line, seed) for line in LINES}
    end_s = max(paces[-1].at_ms for paces in runs.values()) / 1000
    found = []
    now_s = START_S + 3600
    while now_s < end_s - 600:
        routes = {}
        for line, paces in runs.items():
            over = [one for one in paces if one.at_ms <= now_s * 1000]
            ahead = paces[len(over) :]
            load = Load(sum(one.bytes for one in ahead), sum(one.requests for one in ahead))
            windows = known_ahead(line.windows, now_s=now_s, route=line.name)
            routes[line.name] = Route(load, rates(over, now_s=now_s), windows)
        said = time_left(routes, now_s=now_s)
        assert said is not None
        found.append(Prediction(now_s - START_S, said, end_s - now_s))
        now_s += every_s
    return found
