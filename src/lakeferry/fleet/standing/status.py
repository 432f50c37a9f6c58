"""Where a migration stands: its tables by source, wave, state or one by one, and in all. Pure.

Tables that are out of scope are counted by state and by nothing else.
"""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from lakeferry.fleet.standing.estimate import Load
from lakeferry.fleet.standing.late import is_late, told
from lakeferry.fleet.standing.states import NEED_A_LOOK, OUT_OF_SCOPE, STATES, word
from lakeferry.ledger.rows import Cell, LakeTable

By = Literal["source", "wave", "state", "table"]
# From the least to the most advanced; of a group the least advanced table says where it stands.
_WAY = ("discovered", "planned", "syncing", "synced", "verified", "frozen", "cut_over")
_ORDER: Mapping[str, int] = {state: number for number, state in enumerate(STATES)}


@dataclass(frozen=True, slots=True)
class Group:
    """Tables that are told together."""

    key: str  # the source, the wave, the state, or the table's name; '': all
    sources: int
    tables: int  # in scope
    by_state: Mapping[str, int]  # of all, in the order of the states
    bytes: int  # live at the sources, as last seen
    files: int
    loads: Mapping[str, Load]  # route -> what is left to move on it
    left_bytes: int
    left_files: int
    behind_s: float | None  # of the table that is furthest behind; None: none was moved yet
    beyond_target: int  # tables that are further behind than the manifest wants
    strength: str  # of the last proof, if it is that of all; '': they differ, or there is none
    since_ms: int  # when the last of them came to its state
    late: int  # tables that are cut over and whose source was written to since

    @property
    def done(self) -> float:
        """The share of the bytes that lies at the targets, 0 to 1; nothing to move is all done."""
        return 1 - min(1.0, self.left_bytes / self.bytes) if self.bytes else 1.0

    @property
    def needs_a_look(self) -> bool:
        """Whether a person has something to decide."""
        return bool(self.beyond_target or self.late or NEED_A_LOOK & self.by_state.keys())


def behind_s(table: LakeTable, now_ms: int) -> float | None:
    """How long the target has lacked a commit that its source has, as the last look knew it.

    None of a table of which nothing was moved yet.
    """
    if table.held_version is None:
        return None
    if table.behind_since_ms is None:
        return 0.0
    return max(0, now_ms - table.behind_since_ms) / 1000


def as_wanted(tables: Sequence[LakeTable], sources: Container[str]) -> Sequence[LakeTable]:
    """Tables whose source the manifest names no longer are orphaned, even before a discovery.

    What was cut over stays so: its source may go.
    """
    return [_as_wanted(one, sources) for one in tables]


def _as_wanted(one: LakeTable, sources: Container[str]) -> LakeTable:
    if _is_orphaned(one, sources):
        why = "the manifest names its source no longer"
        return one._replace(state="orphaned", why=why, code="", next_step="")
    return one._replace(behind_since_ms=None) if _is_let_go(one, sources) else one


def cells_as_wanted(cells: Sequence[Cell], sources: Container[str]) -> Sequence[Cell]:
    """`as_wanted` of tables that are summed."""
    return [_cell_as_wanted(one, sources) for one in cells]


def _cell_as_wanted(one: Cell, sources: Container[str]) -> Cell:
    if _is_orphaned(one, sources):
        return one._replace(state="orphaned")
    if _is_let_go(one, sources):
        return one._replace(behind_since_ms=None, late=0)
    return one


def _is_let_go(one: LakeTable | Cell, sources: Container[str]) -> bool:
    """Whether it was switched, and nobody asks any more who writes at its source."""
    return one.state == "cut_over" and one.source not in sources


def _is_orphaned(one: LakeTable | Cell, sources: Container[str]) -> bool:
    return not (one.source in sources or one.state in OUT_OF_SCOPE or one.state == "cut_over")


def cell_of(table: LakeTable, now_ms: int) -> Cell:
    """One table as what many are summed to. `ledger.read.cells` does the same, in SQL."""
    lag_s = behind_s(table, now_ms)
    return Cell(
        table.source, table.wave, table.state, table.route, table.strength, 1, table.bytes,
        table.files, table.left_bytes, table.left_files, table.left_requests,
        int(table.held_version is not None), None if lag_s is None else table.behind_since_ms,
        int(_is_beyond(table, lag_s)), table.state_since_ms, int(is_late(table)),
    )  # fmt: skip


def grouped(tables: Iterable[LakeTable], by: By, *, now_ms: int) -> tuple[Group, ...]:
    """One group for each source, wave, state or table, in their order."""
    if by != "table":
        return grouped_cells((cell_of(one, now_ms) for one in tables), by, now_ms)
    parts: dict[str, list[Cell]] = {}
    for table in tables:
        parts.setdefault(table.name, []).append(cell_of(table, now_ms))
    return tuple(summed(name, parts[name], now_ms) for name in sorted(parts))


def grouped_cells(cells: Iterable[Cell], by: By, now_ms: int) -> tuple[Group, ...]:
    """`grouped` of tables that are summed, which have no names any more."""
    parts: dict[tuple[int, str], list[Cell]] = {}
    for cell in cells:
        match by:
            case "source":
                key = (0, cell.source)
            case "wave":
                key = (cell.wave, str(cell.wave))
            case "state":
                key = (_ORDER[cell.state], cell.state)
            case "table":
                raise ValueError("tables that are summed cannot be told one by one")
        parts.setdefault(key, []).append(cell)
    return tuple(summed(key[1], parts[key], now_ms) for key in sorted(parts))


def told_together(key: str, tables: Iterable[LakeTable], *, now_ms: int) -> Group:
    """The sums of these tables."""
    return summed(key, (cell_of(one, now_ms) for one in tables), now_ms)


def summed(key: str, cells: Iterable[Cell], now_ms: int) -> Group:
    """The sums of tables that are summed in parts."""
    found: Counter[str] = Counter()
    within = []
    for cell in cells:
        found[cell.state] += cell.tables
        if cell.state not in OUT_OF_SCOPE:
            within.append(cell)
    strengths = {cell.strength or "" for cell in within}
    return Group(
        key=key,
        sources=len({cell.source for cell in within}),
        tables=sum(cell.tables for cell in within),
        by_state={state: found[state] for state in STATES if found[state]},
        bytes=sum(cell.bytes for cell in within),
        files=sum(cell.files for cell in within),
        loads=_loads(within),
        left_bytes=sum(cell.left_bytes for cell in within),
        left_files=sum(cell.left_files for cell in within),
        behind_s=_behind_s(within, now_ms),
        beyond_target=sum(cell.beyond_target for cell in within),
        strength=strengths.pop() if len(strengths) == 1 else "",
        since_ms=max((cell.since_ms for cell in within), default=0),
        late=sum(cell.late for cell in within),
    )


def _behind_s(cells: Sequence[Cell], now_ms: int) -> float | None:
    if not any(cell.held for cell in cells):
        return None
    since = [cell.behind_since_ms for cell in cells if cell.behind_since_ms is not None]
    return max(0, now_ms - min(since)) / 1000 if since else 0.0


def all_of(groups: Sequence[Group], tables: Iterable[LakeTable | Cell]) -> Group:
    """`told_together` of all tables, from the groups that they are in: in half of the time."""
    by_state: Counter[str] = Counter()
    loads: dict[str, Load] = {}
    for group in groups:
        by_state.update(group.by_state)
        for route, load in group.loads.items():
            before = loads.get(route, Load(0, 0))
            loads[route] = Load(before.bytes + load.bytes, before.requests + load.requests)
    strengths = {group.strength for group in groups if group.tables}
    return Group(
        key="",
        sources=len({table.source for table in tables if table.state not in OUT_OF_SCOPE}),
        tables=sum(group.tables for group in groups),
        by_state={state: by_state[state] for state in STATES if by_state[state]},
        bytes=sum(group.bytes for group in groups),
        files=sum(group.files for group in groups),
        loads=dict(sorted(loads.items())),
        left_bytes=sum(group.left_bytes for group in groups),
        left_files=sum(group.left_files for group in groups),
        behind_s=max((one.behind_s for one in groups if one.behind_s is not None), default=None),
        beyond_target=sum(group.beyond_target for group in groups),
        strength=strengths.pop() if len(strengths) == 1 else "",
        since_ms=max((group.since_ms for group in groups), default=0),
        late=sum(group.late for group in groups),
    )


def to_look_at(tables: Iterable[LakeTable]) -> tuple[LakeTable, ...]:
    """The tables that ask for a person, by name; each says why and what to do."""
    asking = (told(one) for one in tables if one.state in NEED_A_LOOK or is_late(one))
    return tuple(sorted(asking, key=lambda one: one.name))


def state_text(group: Group) -> str:
    """Where a group stands: `cut over 20 Nov`, `verified (replayed), 9 cut over`, `1 blocked`."""
    on_the_way = [state for state in _WAY if state in group.by_state]
    aside = [f"{count:,} {word(state)}" for state, count in group.by_state.items()
             if state not in _WAY and state not in OUT_OF_SCOPE]  # fmt: skip
    if not on_the_way:
        return ", ".join(aside) or "nothing in scope"
    is_under_way = "syncing" in on_the_way or ("planned" in on_the_way and len(on_the_way) > 1)
    state = "syncing" if is_under_way else on_the_way[0]
    text = word(state)
    if state == "verified" and group.strength:
        text = f"{text} ({group.strength})"
    if state == "cut_over":
        at = datetime.fromtimestamp(group.since_ms / 1000, UTC)
        text = f"{text} {at.day} {at:%b}"
    elif "cut_over" in group.by_state:  # of a wave that is switched in parts
        aside.insert(0, f"{group.by_state['cut_over']:,} {word('cut_over')}")
    return ", ".join([text, *aside])


def _is_beyond(table: LakeTable, lag_s: float | None) -> bool:
    """After the cut-over the source no longer counts."""
    if lag_s is None or table.lag_target_s is None or table.state == "cut_over":
        return False
    return lag_s > table.lag_target_s


def _loads(cells: Iterable[Cell]) -> dict[str, Load]:
    loads: dict[str, list[int]] = {}
    for cell in cells:
        if cell.left_bytes or cell.left_requests:
            load = loads.setdefault(cell.route, [0, 0])
            load[0] += cell.left_bytes
            load[1] += cell.left_requests
    return {route: Load(*load) for route, load in sorted(loads.items())}
