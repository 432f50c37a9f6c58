"""A plan of many tables: their sources and targets looked at side by side, nothing written."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event as Flag

from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.look import look
from lakeferry.fleet.planning.plan import MOVED_KINDS, planned
from lakeferry.fleet.planning.planned import FleetPlan, Seen
from lakeferry.fleet.planning.route_times import lefts
from lakeferry.fleet.planning.stale import encryption_of
from lakeferry.fleet.standing.states import OUT_OF_SCOPE
from lakeferry.ledger.rows import LakeTable, Pace
from lakeferry.ledger.write import now_ms
from lakeferry.store.sharing import shared_clients
from lakeferry.version import VERSION
from lakeferry.workers import map_unless_stopped

AT_ONCE = 32  # looks; each waits for a store most of its time
ON_DISK = 4  # a disk answers sooner than threads take turns: more would do little else
OnLook = Callable[[int, int], None]  # looked at, of how many


def untold(done: int, total: int) -> None:
    """For callers that want to hear of no progress."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and what it was made from."""

    plan: FleetPlan
    tables: tuple[LakeTable, ...]  # that were meant, as the ledger had them
    seen: Mapping[str, Seen]  # by target's address
    left_out: Mapping[str, int]  # kinds that are not moved -> how many tables


def plan_fleet(
    wanted: Migration,
    tables: Sequence[LakeTable],
    *,
    ledger_seq: int = 0,
    paces: Iterable[Pace] = (),
    select: Sequence[str] = (),
    bytes_per_s: float | None = None,
    on_look: OnLook = untold,
    stop: Flag | None = None,
) -> Planned:
    """Plan the tables that are meant.

    Args:
        tables: as the ledger knows them; those whose source the manifest names no longer, and
            those that it leaves out, are no part of the plan.
        paces: how fast each route was, of the last two days.
        bytes_per_s: assumed of every route, in place of what was seen.

    Raises:
        KeyboardInterrupt: `stop` was set.
    """
    began_ms = now_ms()
    meant = [
        one for one in tables if one.state not in OUT_OF_SCOPE and one.source in wanted.sources
    ]
    moved = [one for one in meant if one.kind in MOVED_KINDS]
    with shared_clients():
        seen = _seen(wanted, moved, tables, on_look, stop)
    lines = planned(wanted, moved, seen)
    left_out = Counter(one.kind for one in meant if one.kind not in MOVED_KINDS)
    left, basis = lefts(
        lines, tuple(paces), wanted.limits.windows, bytes_per_s, now_s=began_ms / 1000
    )
    plan = FleetPlan(
        migration=wanted.name,
        manifest_sha256=wanted.sha256,
        ledger_seq=ledger_seq,
        made_at_ms=now_ms(),
        looked_at_ms=began_ms,
        tables=lines,
        select=tuple(select),
        left=left,
        basis=basis,
        lakeferry=VERSION,
        encryption=encryption_of(wanted),
    )
    return Planned(plan, tuple(moved), seen, left_out)


def _seen(
    wanted: Migration,
    tables: Sequence[LakeTable],
    every: Sequence[LakeTable],
    on_look: OnLook,
    stop: Flag | None,
) -> Mapping[str, Seen]:
    found: dict[str, Seen] = {}

    def one(table: LakeTable) -> Seen:
        return look(wanted, table, every)

    for seen in map_unless_stopped(one, tables, count=_at_once(tables), stop=stop):
        found[seen.target_url] = seen
        on_look(len(found), len(tables))
    return found


def _at_once(tables: Iterable[LakeTable]) -> int:
    places = (url for one in tables for url in (one.source_url, one.target_url))
    return ON_DISK if all(url.startswith(("/", "file:")) for url in places) else AT_ONCE
