"""What is found, kept in the ledger in small batches, and held against what it knew before."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lakeferry.fleet.discovery.found import TABLES, FoundTable, Kind, Remark
from lakeferry.fleet.discovery.inventory import (
    blocked,
    facts_of_found,
    inventoried,
    lake_table,
    landing_of,
    moves_of,
    orphaned,
    print_of,
    released,
)
from lakeferry.fleet.discovery.pattern_use import PatternUse
from lakeferry.fleet.discovery.sums import Discovery, Unlisted
from lakeferry.fleet.discovery.trip import Trip
from lakeferry.fleet.discovery.vacuum import vacuum_remark
from lakeferry.fleet.manifest.facts import facts_of
from lakeferry.fleet.manifest.landing import overlaps
from lakeferry.fleet.manifest.select import Selection, TableFacts, could_mean
from lakeferry.fleet.manifest.wanted import Migration, Source
from lakeferry.fleet.standing.states import COLLIDES, OUT_OF_SCOPE
from lakeferry.ledger.rows import Inventoried, LakeTable
from lakeferry.ledger.write import Ledger

BATCH = 500  # tables
BATCH_S = 1.0
Key = tuple[str, str, str]  # source, name, URL
Who = tuple[str, str]  # name, URL
OnFound = Callable[[FoundTable, str | None], None]  # with the address of its target


@dataclass(frozen=True, slots=True)
class Before:
    """What the ledger knew when a discovery began."""

    tables: Mapping[str, LakeTable] = field(default_factory=dict)  # by the target's address
    prints: Mapping[Key, str] = field(default_factory=dict)  # see `inventory.print_of`


class Gathering:
    """Takes what is found, from one thread."""

    def __init__(
        self,
        wanted: Migration,
        before: Before,
        ledger: Ledger | None,
        *,
        selection: Selection,
        wave: int | None,
        most_depth: int,
        now_ms: int,
        on_found: OnFound | None = None,
    ) -> None:
        """`ledger`: None where nothing is to be kept; `on_found`: told of each thing found."""
        self.found = Discovery()
        self._wanted = wanted
        self._before = before
        self._ledger = ledger
        self._selection = selection
        self._wave = wave
        self._most_depth = most_depth
        self._on_found = on_found
        self._now_ms = now_ms
        self._patterns = PatternUse(wanted.sources.values())
        self._rows: list[LakeTable] = []
        self._inventory: list[Inventoried] = []
        self._flushed = time.monotonic()
        self._at: dict[str, Who] = {}  # target -> the table that lands there
        self._from: dict[str, str] = {}  # where one in scope lies -> its name
        self._waiting: list[tuple[FoundTable, LakeTable]] = []  # for a place, till all are seen
        self._twice: dict[str, Remark] = {}  # target -> two tables of one name
        self._states: dict[str, LakeTable] = {}  # in scope and seen, by target
        self._seen: set[Key] = set()
        self._gone: set[str] = set()  # targets of tables that are not at their source any more

    # --- while the sources are looked at -----------------------------------------------------

    def is_wanted(self, source: Source, schema: str, table: str, path: str, kind: Kind) -> bool:
        """Whether a table is to be read. Called from many threads."""
        if not source.is_in_scope(schema, table, path):
            return False
        return self._is_chosen(FoundTable(source.name, schema, table, kind, "", path))

    def take(self, found: FoundTable, kind_of_source: str) -> None:
        """Keep it, unless it was not asked for."""
        if found.kind in TABLES or found.is_in_scope:
            self._patterns.see(found)
        if not self._is_chosen(found):
            return
        target = landing_of(self._wanted, found)
        row = lake_table(
            self._wanted, found, self._before.tables.get(target), target_url=target,
            now_ms=self._now_ms,
        )  # fmt: skip
        risk = vacuum_remark(found, self._wanted.limits)
        if risk is not None:
            self._tell(risk, found.name)
        self.found.add(found, kind_of_source)
        self._compare(found)
        has_place = row is not None
        if row is not None and self._must_wait(found, row):
            self._waiting.append((found, row))
        elif row is not None:
            has_place = self._place(found, row)
        if self._on_found is not None:
            self._on_found(found, target if has_place else None)
        self._inventory.append(inventoried(found, target if has_place else None, self._now_ms))

    def end_source(self, trip: Trip) -> None:
        """All of it was seen, or as much as could be."""
        name = trip.source.name
        if trip.fault is not None:
            self.found.faults[name] = trip.fault
            return
        if trip.refused.count:
            self.found.refused[name] = trip.refused
        if trip.unlisted:
            is_meant = trip.leaves_folders or any(
                could_mean(self._selection, name, schema) for schema in trip.unlisted
            )
            self.found.unlisted[name] = Unlisted(trip.unlisted, trip.leaves_folders, is_meant)
        for schema in trip.refusing:
            self._patterns.pass_over(trip.source, schema)
        if trip.deep.count:
            self.found.deep[name] = trip.deep

    def turn(self) -> None:
        """Write what has waited for long enough."""
        is_late = time.monotonic() - self._flushed > BATCH_S
        if len(self._inventory) >= BATCH or (self._inventory and is_late):
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        rows, inventory = self._rows, self._inventory
        self._rows, self._inventory = [], []
        self._flushed = time.monotonic()
        if self._ledger is None or not (rows or inventory):
            return
        self._ledger.see(rows)
        self._ledger.take_inventory(inventory)
        known = ((self._before.tables.get(row.target_url), row) for row in rows)
        self._ledger.move(*(
            move for before, row in known if before is not None for move in moves_of(before, row)
        ))  # fmt: skip

    # --- when all are over -------------------------------------------------------------------

    def conclude(self, whole: set[str], *, is_all: bool) -> None:
        """Tell what is gone, what collides, and which patterns mean nothing.

        Args:
            whole: sources that were seen to their end.
            is_all: no selection left anything out.
        """
        self._let_in(whole)
        self.flush()
        self._lose(whole, is_all=is_all)
        self._settle_collisions()
        self.found.is_first = not self._before.prints
        if is_all:
            for source, remark in self._patterns.unused(whole):
                self.found.remark(remark, source)

    def _lose(self, whole: set[str], *, is_all: bool) -> None:
        chosen = {
            table.name
            for table in self._before.tables.values()
            if is_all or self._means(facts_of(self._wanted, table))
        }
        gone = [
            key
            for key in self._before.prints
            if key not in self._seen
            and not self._is_too_deep(key[0], key[2])
            and (key[0] in whole or (is_all and key[0] not in self._wanted.sources))
            and (is_all or key[1] in chosen)
        ]
        for _, name, _ in gone:
            self.found.changes.gone.add(name)
        moves = []
        for table in self._before.tables.values():
            is_left = is_all and table.source not in self._wanted.sources
            if table.target_url in self._at or table.name not in chosen:
                continue
            if self._is_too_deep(table.source, table.source_url):
                continue
            if is_left or table.source in whole:
                why = "the manifest names its source no longer" if is_left else ""
                move = orphaned(table, why)
                self._gone.add(table.target_url)
                if move is not None:
                    moves.append(move)
        if self._ledger is not None:
            self._ledger.take_inventory((), gone)
            self._ledger.move(*moves)

    def _settle_collisions(self) -> None:
        """Block what would land where another table does, or within it; let others go again."""
        unseen = {
            url: table for url, table in self._before.tables.items()
            if url not in self._at and url not in self._gone
            and table.state not in OUT_OF_SCOPE and table.source in self._wanted.sources
        }  # fmt: skip
        known = {**unseen, **self._states}
        landing = [(url, url) for url in known]
        moves, inside = [], set()
        for above, below in overlaps(landing):
            remark = _within(known[below].name, known[above].name)
            self._tell(remark, known[below].name)
            inside.add(below)
            move = blocked(known[below], remark)
            if move is not None:
                moves.append(move)
        for url, remark in self._twice.items():  # nobody knows which of them is meant
            if url not in inside and (move := blocked(known[url], remark)) is not None:
                moves.append(move)
            inside.add(url)
        for url, table in self._before.tables.items():
            if table.code == COLLIDES and url in self._states and url not in inside:
                moves += released(table)
        if self._ledger is not None:
            self._ledger.move(*moves)

    # --- inside ------------------------------------------------------------------------------

    def _is_too_deep(self, source: str, url: str) -> bool:
        """Whether it lies where this look did not come to, so that it may well be there."""
        known = self._wanted.sources.get(source)
        if known is None or known.root is None or known.names_from.catalog != "paths":
            return False
        return url[len(known.root.rstrip("/")) :].strip("/").count("/") >= self._most_depth

    def _is_chosen(self, found: FoundTable) -> bool:
        if not self._selection.terms and self._wave is None:
            return True
        target = landing_of(self._wanted, found)
        before = self._before.tables.get(target)
        return self._means(facts_of_found(self._wanted, found, before, target))

    def _means(self, facts: TableFacts) -> bool:
        is_of_wave = self._wave is None or facts.wave == self._wave
        return is_of_wave and self._selection.means(facts)

    def _tell(self, remark: Remark, name: str) -> None:
        self.found.remark(remark, name)

    def _compare(self, found: FoundTable) -> None:
        key = (found.source, found.name, found.url)
        self._seen.add(key)
        known = self._before.prints.get(key)
        if known is None:
            self.found.changes.new.add(found.name)
        elif known != print_of(found):
            self.found.changes.changed.add(found.name)

    def _must_wait(self, found: FoundTable, row: LakeTable) -> bool:
        """Whether another one may have more right to the place, which is found later perhaps.

        Threads find tables in no order, and what is in scope, or is there already, comes first.
        """
        before = self._before.tables.get(row.target_url)
        is_others = (
            before is not None
            and before.state not in OUT_OF_SCOPE
            and before.source_url != row.source_url
        )
        return not found.is_in_scope or (is_others and row.target_url not in self._at)

    def _let_in(self, whole: set[str]) -> None:
        """All was seen: who has waited for a place has it, if it is free.

        Of a source that was not seen to its end the table that the ledger knows may be there still.
        """
        for found, row in sorted(self._waiting, key=_by_right):
            known = self._before.tables.get(row.target_url)
            is_free = row.target_url not in self._at
            if found.is_in_scope and known and is_free and found.source not in whole:
                self._tell(_collision(found, (known.name, known.source_url)), found.name)
            elif self._place(found, row):
                continue
            self._inventory.append(inventoried(found, None, self._now_ms))
        self._waiting.clear()

    def _place(self, found: FoundTable, row: LakeTable) -> bool:
        """Give it its place, unless another has it."""
        who = (found.name, found.url)
        holder = self._at.setdefault(row.target_url, who)
        if holder != who:
            if found.is_in_scope:
                remark = _collision(found, holder)
                self._tell(remark, found.name)
                if holder[0] == found.name:
                    self._twice[row.target_url] = remark
            return False
        self._rows.append(row)
        before = self._before.tables.get(row.target_url)
        if found.is_in_scope:
            self._states[row.target_url] = row if before is None else _as_known(before, row)
            other = self._from.setdefault(row.source_url, found.name)
            if other != found.name:
                self._tell(_twice_from(found, other), found.name)
        return True


def _by_right(one: tuple[FoundTable, LakeTable]) -> tuple[bool, str, str]:
    found = one[0]
    return not found.is_in_scope, found.name, found.url


def _as_known(before: LakeTable, now: LakeTable) -> LakeTable:
    """The row as the ledger has it after the steps that this look makes."""
    state = before.state
    for move in moves_of(before, now):
        state = move.after
    return now._replace(state=state)


_STEP = "let `target.layout`, or the layout of its source, tell them apart; or exclude one"


def _within(name: str, other: str) -> Remark:
    return Remark(COLLIDES, f"{name} would land where {other} does, or within it", _STEP)


def _twice_from(found: FoundTable, other: str) -> Remark:
    what = f"{found.name} and {other} are one table, at {found.url}, and it would be brought twice"
    step = "exclude it from one of both sources, or let the root of one begin elsewhere"
    return Remark("LF-8059", what, step, blocks=False)


def _collision(found: FoundTable, other: Who) -> Remark:
    if found.name != other[0]:
        return _within(found.name, other[0])
    what = f"there are two tables {found.name}: at {other[1]} and at {found.url}"
    return Remark(COLLIDES, what, "exclude one of them by its path, or drop its registration")
