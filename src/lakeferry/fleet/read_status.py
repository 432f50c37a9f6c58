"""The state of a migration from its ledger alone: one moment of it, however many tables."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lakeferry.fleet.estimate import HORIZON_S, Rates, Route, Span, rates, time_left
from lakeferry.fleet.status import By, Group, grouped, to_look_at, told_together
from lakeferry.fleet.time_left import Left, is_measured
from lakeferry.ledger import read
from lakeferry.ledger.lease import Leader, leader
from lakeferry.ledger.open import open_to_read, told
from lakeferry.ledger.rows import LakeTable, Pace

Ahead = Mapping[str, tuple[Span, ...]]  # route -> what windows leave it
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


def read_status(
    ledger: Path, by: By, *, now_ms: int, ahead: Mapping[str, tuple[Span, ...]] | None = None
) -> Status:
    """Read it. Raises as `ledger.open.open_to_read` does.

    `ahead`: of each route that windows have a say on, `ahead.known_ahead`.
    """
    db = open_to_read(ledger)
    try:
        with told(ledger), read.at_one_moment(db):
            seq, led = read.last_seq(db), leader(db)
            tables = read.tables(db)
            paces = _paces(db, now_ms)
    finally:
        db.close()
    total = told_together("", tables, now_ms=now_ms)
    return Status(
        seq, led, grouped(tables, by, now_ms=now_ms), total,
        _left(total, paces, ahead or {}, now_ms=now_ms), to_look_at(tables),
    )  # fmt: skip


def _paces(db: sqlite3.Connection, now_ms: int) -> list[Pace]:
    """Of the last two days; ten minutes are one span, except at the beginning of a migration."""
    since_ms = now_ms - HORIZON_S * 1000
    first_ms = read.first_pace_ms(db, since_ms=since_ms) or now_ms
    is_young = now_ms - first_ms < COARSE_AFTER_S * 1000
    return read.paces(db, since_ms=since_ms, each_s=1 if is_young else COARSE_S)


def _left(total: Group, paces: Sequence[Pace], ahead: Ahead, *, now_ms: int) -> Left | None:
    now_s = now_ms / 1000
    seen_s = sum(pace.seconds for pace in paces)
    files_done, bytes_done = total.files - total.left_files, total.bytes - total.left_bytes
    if total.loads and not is_measured(seen_s, files_done, bytes_done, total.bytes):
        return None
    routes = {
        name: Route(load, _rates(paces, name, now_s), ahead.get(name, ()))
        for name, load in total.loads.items()
    }
    return time_left(routes, now_s=now_s)


def _rates(paces: Sequence[Pace], route: str, now_s: float) -> Rates | None:
    return rates((pace for pace in paces if pace.route == route), now_s=now_s)
