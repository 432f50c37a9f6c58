"""A cut-over that changes nothing: each step as it would go now, from what can be read."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from sqlite3 import Connection
from threading import Event as Flag
from typing import TypeVar

from lakeferry.catalog.judging import check_may_take
from lakeferry.errors import FerryError
from lakeferry.fleet.catalogs.registration import catalog_name
from lakeferry.fleet.catalogs.target_catalog import target_catalog
from lakeferry.fleet.counting import counted
from lakeferry.fleet.cutover.events import CutoverReport, Emit
from lakeferry.fleet.cutover.load_ways import LoadWay, landing_hit, load_ways
from lakeferry.fleet.cutover.look import (
    both_sides,
    latest,
    moved_landings,
    shown_name,
    source_head,
    streams,
)
from lakeferry.fleet.cutover.plan import (
    FREEZE,
    INCREMENT,
    PRECONDITIONS,
    REGISTER,
    TXN,
    CutoverRequest,
    Step,
    StepState,
    chosen,
    freeze_of,
    is_loud,
    problems,
    provable,
    stood_s,
)
from lakeferry.fleet.cutover.register import entry_of
from lakeferry.fleet.cutover.repoint import repoints
from lakeferry.fleet.cutover.sides import BothSides, Stores
from lakeferry.fleet.cutover.stream_ways import StreamWay, Switched, stream_ways
from lakeferry.fleet.cutover.writers import Head, Made, told
from lakeferry.fleet.manifest.facts import as_said
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.proof.run import strength_of
from lakeferry.ledger import read
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import LakeTable
from lakeferry.ledger.write import now_ms
from lakeferry.workers import map_unless_stopped

AT_ONCE = 16
Item = TypeVar("Item")
Result = TypeVar("Result")


def preview(
    wanted: Migration,
    path: Path,
    tables: Iterable[LakeTable],
    asked: CutoverRequest,
    *,
    emit: Emit,
    stop: Flag,
) -> CutoverReport:
    """Tell how each step would go; nothing is written, no lease is taken.

    Raises:
        FerryError: a store cannot be read.
        KeyboardInterrupt: stopped.
    """
    with reading(path) as db:
        return _Preview(wanted, db, asked, emit, stop).go(tables)


class _Preview:
    def __init__(
        self, wanted: Migration, db: Connection, asked: CutoverRequest, emit: Emit, stop: Flag
    ) -> None:
        self._wanted, self._db, self._asked = wanted, db, asked
        self._emit, self._stop = emit, stop
        self._stores = Stores(wanted)
        self._heads: dict[str, int] = {}  # of sources, by target

    def go(self, tables: Iterable[LakeTable]) -> CutoverReport:
        picked = chosen(tables)
        rows = picked.todo
        self._stores.every = self._every()
        self._preconditions(rows)
        held = [one for one in rows if one.held_version is not None]
        made = self._freeze(held)
        names = {one.target_url: catalog_name(self._wanted, one) for one in held}
        shown = {one.target_url: shown_name(self._wanted, one, *names[one.target_url])
                 for one in held}  # fmt: skip
        sides = self._sides(held, shown)
        ways, loads = self._places(held, sides)
        self._names(held, sides)
        inventory = list(read.inventory(self._db))
        return CutoverReport(
            self._asked.title, (), picked.done, picked.left, None, 0.0, ways, loads,
            repoints(held, made, inventory, shown), is_dry=True,
        )  # fmt: skip

    def _every(self) -> tuple[LakeTable, ...]:
        return tuple(as_said(self._wanted, one) for one in read.tables(self._db))

    def _preconditions(self, rows: Sequence[LakeTable]) -> None:
        strengths = {
            one.target_url: provable(one.kind, strength_of(self._wanted, one, self._asked.strength))
            for one in rows
        }
        checks = {one.target_url: read.checks(self._db, one.target_url) for one in rows}
        every = self._every()
        wrong = problems(
            rows, every, self._wanted.waves, checks, strengths, now_ms=now_ms()
        )  # fmt: skip
        text = f"{counted(len(rows), 'table')}, {counted(len(wrong), 'thing')} in the way"
        lines = tuple(one.text for one in wrong)
        self._emit(Step(PRECONDITIONS, "failed" if wrong else "ok", text, lines))

    def _freeze(self, rows: Sequence[LakeTable]) -> dict[str, tuple[Made, ...]]:
        """How quiet the sources are now, and what a last increment would bring."""

        def task(row: LakeTable) -> tuple[LakeTable, Head, tuple[Made, ...]]:
            return row, source_head(self._stores, row), latest(self._stores, row)

        found = list(self._beside(task, rows))
        freeze_s = freeze_of(rows, self._wanted.waves, self._asked.freeze_s)
        now = now_ms()
        loud = [made for _, head, made in found if is_loud(head, freeze_s, now)]
        watched = [row for row, head, _ in found if stood_s(head, row, now) < freeze_s]
        who = told(made[0].writer for made in loud if made)  # the newest commit comes first
        text = f"no commit on any source for {freeze_s:g} s"
        if loud:
            text = (
                f"{counted(len(loud), 'source table')} had a commit within {freeze_s:g} s, by {who}"
            )
        if watched:
            text += f"; {len(watched):,} would be watched for up to {freeze_s:g} s"
        self._emit(Step(FREEZE, "planned" if watched else "ok", text))
        behind = [row for row, head, _ in found if head.version > (row.held_version or 0)]
        self._emit(
            Step(INCREMENT, "planned", f"{counted(len(behind), 'table')} to bring up to date")
        )
        self._heads = {row.target_url: head.version for row, head, _ in found}
        return {row.target_url: made for row, _, made in found}

    def _sides(self, rows: Sequence[LakeTable], shown: dict[str, str]) -> dict[str, BothSides]:
        def task(row: LakeTable) -> BothSides:
            return both_sides(self._stores, row, shown[row.target_url])

        return {one.target_url: one for one in self._beside(task, rows)}

    def _places(
        self, rows: Sequence[LakeTable], sides: dict[str, BothSides]
    ) -> tuple[tuple[StreamWay, ...], tuple[LoadWay, ...]]:
        inventory = list(read.inventory(self._db))
        found = list(streams(self._wanted, self._stores, inventory, self._asked.checkpoints))
        ways = stream_ways(
            (one.position for one in found),
            [self._then(one, sides[one.target_url].switched) for one in rows],
        )
        known = {one.url for one in ways}
        moved = (*self._asked.moved_landings, *moved_landings(self._wanted, inventory, rows))
        files = [one.source_url for one in rows if one.kind != "delta"]
        loads = load_ways(
            [one.loaded for one in sides.values() if one.loaded is not None],
            (one.position for one in found
             if one.position.url in known or landing_hit(one.position, files)),
            moved,
            now_ms=now_ms(),
        )  # fmt: skip
        wrong = [f"{row.name}: {sides[row.target_url].proof.detail}" for row in rows
                 if not sides[row.target_url].proof.is_equal]  # fmt: skip
        apps = sum(len(one.proof.apps) for one in sides.values())
        lines = (*wrong, *(one.text for one in ways), *(one.text for one in loads))
        is_blocked = not self._asked.accept_reload and any(one.does == "reloads" for one in loads)
        state: StepState = "failed" if wrong or is_blocked else "ok"
        text = f"{counted(apps, 'app')}, at the versions that are held"
        self._emit(Step(TXN, state, text, lines))
        return ways, loads

    def _then(self, row: LakeTable, now: Switched) -> Switched:
        """A table as it is after the last increment, which brings what the source has now."""
        head = self._heads[row.target_url]
        if head <= now.held_version:
            return now
        target = head if now.is_mirror else now.target_version + 1
        return replace(now, held_version=head, target_version=target)

    def _names(self, rows: Sequence[LakeTable], sides: dict[str, BothSides]) -> None:
        catalog = self._wanted.target.catalog
        is_told = catalog is not None and catalog.register != "never" and self._asked.registers
        place = target_catalog(self._wanted.target) if is_told else None
        if place is None:
            self._emit(Step(REGISTER, "skipped", "no catalog would be told"))
            return

        def task(row: LakeTable) -> tuple[bool, str]:
            try:
                entry = entry_of(self._wanted, place, row, sides[row.target_url], now_ms=now_ms())
                if entry.found is not None:
                    check_may_take(entry.found, entry.wanted, place.shown)
            except FerryError as error:
                return False, f"{row.name}: {error.what}"
            return entry.found is not None, ""

        found = list(self._beside(task, [one for one in rows if one.kind != "folder"]))
        wrong = tuple(text for _, text in found if text)
        there = sum(is_there for is_there, _ in found)
        text = f"{counted(len(found), 'table')} in {place.shown}, {there:,} there already"
        self._emit(Step(REGISTER, "failed" if wrong else "planned", text, wrong))

    def _beside(self, task: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        return map_unless_stopped(task, items, count=AT_ONCE, stop=self._stop)
