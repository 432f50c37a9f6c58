"""The state of a migration from its ledger alone: one moment of it, however many tables."""

import sqlite3
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lakeferry.fleet.standing.estimate import HORIZON_S, Load, Rates, Route, Span, rates, time_left
from lakeferry.fleet.standing.states import NEED_A_LOOK
from lakeferry.fleet.standing.status import (
    By,
    Group,
    all_of,
    as_wanted,
    cells_as_wanted,
    grouped,
    grouped_cells,
    to_look_at,
)
from lakeferry.fleet.standing.time_left import Left, is_measured
from lakeferry.ledger import read
from lakeferry.ledger.lease import Leader, is_gone, leader
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import Cell, LakeTable, Pace

Ahead = Mapping[str, tuple[Span, ...]]  # route -> what windows leave it
Through = Callable[[Sequence[LakeTable]], Sequence[LakeTable]]
COARSE_S = 600  # a span of two days of them: 288 tell as much as 2,880, and are read in no time
COARSE_AFTER_S = 6 * 3600


@dataclass(frozen=True, slots=True)
class Status:
    """What `status`, the page and scripts tell, so that they cannot disagree."""

    seq: int  # of the last event that it knows
    leader: Leader | None  # its lease may have run out
    groups: tuple[Group, ...]
    total: Group
    left: Left | None  # of all; None: not measured
    look_at: tuple[LakeTable, ...]
    # By wave, until it and all before it are done; None: not measured. Of other groups nothing.
    lefts: Mapping[str, Left | None] = field(default_factory=dict)
    rates: Mapping[str, Rates] = field(default_factory=dict)  # of the routes that were seen
    sources: frozenset[str] = frozenset()  # that have a table among those that are told
    tables: tuple[LakeTable, ...] = ()  # that are told; none where they were only summed


def read_status(
    ledger: Path,
    by: By,
    *,
    now_ms: int,
    ahead: Ahead | None = None,
    sources: Container[str] | None = None,
    through: Through | None = None,
) -> Status:
    """Read it. Raises as `ledger.open.reading` does.

    Args:
        ahead: of each route that windows have a say on, `ahead.known_ahead`.
        sources: that the manifest names; None: all that the ledger knows.
        through: takes what the ledger knows and gives what is told of it; called once, when the
            ledger has been let go. None: all is told, and few tables are read one by one.
    """
    is_each = by == "table" or through is not None
    with reading(ledger) as db, read.at_one_moment(db):
        seq, led = read.last_seq(db), _as_it_is(leader(db))
        cells: Sequence[Cell] = () if is_each else read.cells(db, now_ms=now_ms)
        tables = read.tables(db) if is_each else read.asking(db, NEED_A_LOOK)
        paces = _paces(db, now_ms)
    shown = tables if sources is None else as_wanted(tables, sources)
    if through is not None:
        shown = through(shown)
    cells = cells if sources is None else cells_as_wanted(cells, sources)
    groups = grouped(shown, by, now_ms=now_ms) if is_each else grouped_cells(cells, by, now_ms)
    parts = shown if is_each else cells
    total = all_of(groups, parts)
    seen = _rates(total.loads, paces, now_ms / 1000)
    routes = Routes(seen, ahead or {}, is_known=_is_known(total, paces), now_s=now_ms / 1000)
    return Status(
        seq, led, groups, total, routes.left(total.loads), to_look_at(shown),
        _one_after_the_other(groups, routes) if by == "wave" else {}, seen,
        frozenset(one.source for one in parts), tuple(shown) if is_each else (),
    )  # fmt: skip


def _as_it_is(led: Leader | None) -> Leader | None:
    """One that was killed on this machine leads no more, whatever its lease says."""
    if led is None or not is_gone(led.process):
        return led
    return led._replace(expires_at_ms=0)


@dataclass(frozen=True, slots=True)
class Routes:
    """What the routes do, and when they may."""

    rates: Mapping[str, Rates]
    ahead: Ahead
    is_known: bool  # enough was seen
    now_s: float

    def left(self, loads: Mapping[str, Load]) -> Left | None:
        """How long these loads take; None: not measured."""
        if loads and not self.is_known:
            return None
        routes = {
            name: Route(load, self.rates.get(name), self.ahead.get(name, ()))
            for name, load in loads.items()
        }
        return time_left(routes, now_s=self.now_s)


def _one_after_the_other(groups: Sequence[Group], routes: Routes) -> Mapping[str, Left | None]:
    """Waves move in their order, so that of one ends with all those before it."""
    found: dict[str, Left | None] = {}
    so_far: dict[str, Load] = {}
    for group in groups:
        for route, load in group.loads.items():
            before = so_far.get(route, Load(0, 0))
            so_far[route] = Load(before.bytes + load.bytes, before.requests + load.requests)
        found[group.key] = routes.left(so_far)
    return found


def _paces(db: sqlite3.Connection, now_ms: int) -> list[Pace]:
    """Of the last two days; ten minutes are one span, except at the beginning of a migration."""
    since_ms = now_ms - HORIZON_S * 1000
    first_ms = read.first_pace_ms(db, since_ms=since_ms) or now_ms
    is_young = now_ms - first_ms < COARSE_AFTER_S * 1000
    return read.paces(db, since_ms=since_ms, each_s=1 if is_young else COARSE_S)


def _is_known(total: Group, paces: Sequence[Pace]) -> bool:
    seen_s = sum(pace.seconds for pace in paces)
    files_done, bytes_done = total.files - total.left_files, total.bytes - total.left_bytes
    return is_measured(seen_s, files_done, bytes_done, total.bytes)


def _rates(loads: Mapping[str, Load], paces: Sequence[Pace], now_s: float) -> Mapping[str, Rates]:
    found = {}
    for route in loads:
        seen = rates((pace for pace in paces if pace.route == route), now_s=now_s)
        if seen is not None:
            found[route] = seen
    return found
