"""Lists that a switch owes to people: noted with its mark, settled when they are written.

A run that is killed between the two leaves a table that is cut over and nobody who was told whom to
point at it. Whoever gives the same command again gets the lists.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from lakeferry.errors import FerryError
from lakeferry.fleet.catalogs.registration import catalog_name
from lakeferry.fleet.cutover.events import CutoverReport
from lakeferry.fleet.cutover.look import latest, shown_name
from lakeferry.fleet.cutover.repoint import repoints
from lakeferry.fleet.cutover.switch import LISTS, Statements
from lakeferry.fleet.cutover.work import Run
from lakeferry.fleet.cutover.writers import Made
from lakeferry.ledger import read
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import LakeTable, LedgerEvent
from lakeferry.ledger.write import Ledger


@dataclass(frozen=True)
class Owed:
    """The lists of one run, of those tables that no later run has switched again."""

    run_id: str
    title: str
    targets: tuple[str, ...]
    statements: Statements


def owed(history: Iterable[LedgerEvent]) -> tuple[Owed, ...]:
    """What no run has written, oldest first. `history`: events of kind `LISTS`, oldest first."""
    due: dict[str, str] = {}  # target -> run
    said: dict[str, dict[str, Any]] = {}  # by run
    for event in history:
        body = orjson.loads(event.body)
        if body["state"] == "due":
            said[event.run_id] = body
            due |= dict.fromkeys(body["targets"], event.run_id)
        else:
            due = {target: run for target, run in due.items() if run != body["run"]}
    return tuple(
        Owed(run, body["title"], targets, Statements(tuple(body["grants"]), tuple(body["managed"])))
        for run, body in said.items()
        if (targets := tuple(target for target in body["targets"] if due.get(target) == run))
    )


def settle(ledger: Ledger, report: CutoverReport, files: Iterable[str]) -> None:
    """Say that the lists of a run were written."""
    ledger.tell(LISTS, {"state": "written", "run": report.run_id, "files": list(files)})


def owed_reports(run: Run, done: Iterable[LakeTable]) -> tuple[CutoverReport, ...]:
    """Of the runs before that owe lists of these tables, which are cut over."""
    known = {one.target_url: one for one in done}
    with reading(run.path) as db:
        return tuple(
            _report(run, db, one, rows)
            for one in owed(read.events_of(db, LISTS))
            if (rows := tuple(known[url] for url in one.targets if url in known))
        )


def _report(
    run: Run, db: sqlite3.Connection, one: Owed, rows: tuple[LakeTable, ...]
) -> CutoverReport:
    wanted = run.wanted

    def task(row: LakeTable) -> tuple[str, tuple[Made, ...]]:
        # The source may be gone by now; the other lists are wanted all the same.
        with suppress(FerryError):
            return row.target_url, latest(run.stores, row)
        return row.target_url, ()

    made = dict(run.beside(task, [row for row in rows if row.source in wanted.sources]))
    shown = {row.target_url: shown_name(wanted, row, *catalog_name(wanted, row)) for row in rows}
    return CutoverReport(
        one.title, rows, (), (), None, 0.0, run_id=one.run_id,
        repoints=repoints(rows, made, read.inventory(db), shown),
        grants=one.statements.grants, managed=one.statements.managed,
    )  # fmt: skip
