"""What a plan found, kept in the ledger: what is left to move, and who asks for a person."""

from collections.abc import Iterable, Iterator, Mapping

from lakeferry.fleet.planning.gone import GONE, forgotten, gone, is_gone
from lakeferry.fleet.planning.plan import requests_of, seen_again, work_of
from lakeferry.fleet.planning.planned import ASIDE, MOVING, PlannedTable, Seen
from lakeferry.fleet.standing.states import State, may_follow, move
from lakeferry.ledger.rows import LakeTable, Move, Work
from lakeferry.ledger.write import Ledger

_OF_THE_WAY = "LF-1"  # who cannot be reached now may be reached at the next try
_ASKS: Mapping[str, State] = {"blocked": "blocked", "decide": "blocked", "drifted": "drifted"}


def still_so(tables: Iterable[LakeTable], now: Iterable[LakeTable]) -> tuple[LakeTable, ...]:
    """The rows of now of those tables that no other run has moved on since `tables` were read."""
    before = {table.target_url: (table.state, table.held_version) for table in tables}
    return tuple(
        table for table in now
        if before.get(table.target_url) == (table.state, table.held_version)
    )  # fmt: skip


def keep_plan(
    ledger: Ledger,
    tables: Iterable[LakeTable],
    seen: Mapping[str, Seen],
    lines: Iterable[PlannedTable],
    *,
    now_ms: int,
) -> None:
    """Renew what the ledger knows of the sources, and keep what is left to move.

    Args:
        tables: as the ledger has them, see `still_so`; of others nothing is kept.
        lines: of the plan.
    """
    before = {table.target_url: table for table in tables}
    known = tuple(line for line in lines if line.target_url in before)
    for url in (line.target_url for line in known):
        if is_gone(before[url], seen[url]):
            ledger.forget_clone(url, gone(before[url]), kind="gone")
            before[url] = forgotten(before[url])
    ledger.see(
        seen_again(before[line.target_url], seen[line.target_url], now_ms=now_ms)._replace(
            wave=line.wave, route=line.route
        )
        for line in known
    )
    landed = ledger.landed_first()
    ledger.plan(
        _left(work, landed.get(work.target_url, (0, 0)))
        for work in work_of(line for line in known if line.action not in ASIDE)
    )
    moves = tuple(_moves(known, before))
    if moves:
        ledger.move(*moves)


def _left(work: Work, landed: tuple[int, int]) -> Work:
    """A plan of a first copy counts all that is live, also what a run before it has brought."""
    files, size = landed
    if not files:
        return work
    size, files = max(0, work.bytes - size), max(0, work.files - files)
    return Work(work.target_url, size, files, requests_of(size, files))


def _moves(lines: Iterable[PlannedTable], before: Mapping[str, LakeTable]) -> Iterator[Move]:
    for line in lines:
        state: State = before[line.target_url].state  # type: ignore[assignment]
        if before[line.target_url].code == GONE and line.action in MOVING:
            continue  # until a sync has brought it again
        if line.action in MOVING and state in ("discovered", "blocked", "drifted"):
            yield move(line.target_url, state, "planned", why=f"{line.action}, by a plan")
        after = _ASKS.get(line.action)
        if after is None or line.code.startswith(_OF_THE_WAY) or after not in may_follow(state):
            continue
        yield move(
            line.target_url, state, after, why=line.why, code=line.code, next_step=line.next_step
        )
