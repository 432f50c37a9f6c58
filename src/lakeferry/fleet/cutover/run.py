"""The door of `cutover`: seven steps from a table that is synced to one that is used at its target.

The coordinator, this thread, writes the ledger; stores and catalogs are asked side by side. What
ends a run before the sixth step leaves the tables as they were, and the same command goes on after
a kill at any moment: a receipt is put before the mark, and nothing is marked without one.
"""

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag

from lakeferry.catalog.registering import Catalog
from lakeferry.errors import FerryError
from lakeferry.fleet.catalogs.target_catalog import target_catalog
from lakeferry.fleet.counting import counted
from lakeferry.fleet.cutover.events import Ask, CutoverReport, Emit, Said
from lakeferry.fleet.cutover.freeze import POLL_S, bring_up_to_date, freeze_and_bring
from lakeferry.fleet.cutover.look import latest, refuse_no_checkpoint
from lakeferry.fleet.cutover.owed import owed_reports
from lakeferry.fleet.cutover.plan import PRECONDITIONS, Chosen, CutoverRequest, chosen, problems
from lakeferry.fleet.cutover.prove import prove_txns, verify
from lakeferry.fleet.cutover.repoint import repoints
from lakeferry.fleet.cutover.switch import (
    Statements,
    freeze_state,
    look_at_catalog,
    mark,
    register,
    thaw,
)
from lakeferry.fleet.cutover.work import Run
from lakeferry.fleet.cutover.writers import Made, told
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.standing.states import interrupted
from lakeferry.ledger.rows import LakeTable
from lakeferry.ledger.write import Ledger, now_ms


def cutover(
    wanted: Migration,
    ledger: Ledger,
    path: Path,
    tables: Iterable[LakeTable],
    asked: CutoverRequest,
    *,
    emit: Emit,
    ask: Ask,
    stop: Flag,
) -> CutoverReport:
    """Switch tables to their targets, all of them or none.

    Args:
        path: of the ledger.
        ask: for going on; it may wait, the lease is kept meanwhile.
        stop: set it to end; before the sixth step nothing is left behind.

    Raises:
        FerryError: LF-8071 what must hold does not; LF-8072 a source is written to; LF-8073 a
            proof fails; LF-8074, LF-8075 checkpoints of streams; LF-8076 a landing zone moves;
            LF-2003 not confirmed; LF-81 a catalog refuses.
        KeyboardInterrupt: stopped.
    """
    run = Run(wanted, ledger, path, asked, emit=emit, ask=ask, stop=stop)
    meant = {one.target_url for one in tables}
    ledger.move(*interrupted(run.every()))
    picked = chosen(one for one in run.every() if one.target_url in meant)
    run.rows, run.stores.every = picked.todo, tuple(run.every())
    before = owed_reports(run, picked.done)
    if not picked.todo:
        return CutoverReport(asked.title, (), picked.done, picked.left, None, 0.0, owed=before)
    check_preconditions(run)
    # A wrong name is told before writers stop for it.
    refuse_no_checkpoint(wanted, run.stores, asked.checkpoints)
    bring_up_to_date(run)
    place = catalog_of(run)
    look_at_catalog(run, place)
    wait_until(run)
    freeze_and_bring(run)
    verify(run)
    prove_txns(run)
    freeze_state(run)
    try:
        statements = mark(run, place, register(run, place))
    except BaseException:
        thaw(run)
        raise
    return replace(_report(run, picked, statements), run_id=ledger.run_id, owed=before)


def check_preconditions(run: Run) -> None:
    """The first step. Raises LF-8071."""
    run.begin()
    strengths = {one.target_url: run.strength(one) for one in run.rows}
    wrong = problems(
        run.rows, run.every(), run.wanted.waves, run.checks(), strengths, now_ms=now_ms()
    )
    asked = " and ".join(sorted(set(strengths.values())))
    if wrong:
        text = f"in the way: {counted(len(wrong), 'thing')}"
        run.end(PRECONDITIONS, "failed", text, [one.text for one in wrong])
        first = f"{wrong[0].table}: {wrong[0].what}"
        raise FerryError(
            "LF-8071",
            f"{run.asked.title} cannot be cut over yet: {first}",
            f"in the way of {counted(len(run.rows), 'table')}: {counted(len(wrong), 'thing')}; "
            "nothing was changed",
            wrong[0].next_step,
        )
    text = (
        f"{counted(len(run.rows), 'table')} synced, proven ({asked} or more) within 24 h, 0 blocked"
    )
    run.end(PRECONDITIONS, "ok", text)


def wait_until(run: Run) -> None:
    """Until the moment that was asked for."""
    at = run.asked.at
    if at is None:
        return
    run.emit(Said(f"the freeze check begins at {at:%Y-%m-%d %H:%M:%S} UTC"))
    while (left := at.timestamp() - time.time()) > 0:
        run.rest(min(left, POLL_S))


def catalog_of(run: Run) -> Catalog | None:
    """Where tables are registered; None: nowhere."""
    catalog = run.wanted.target.catalog
    if catalog is None or catalog.register == "never" or not run.asked.registers:
        return None
    return target_catalog(run.wanted.target)


def _report(run: Run, picked: Chosen, statements: Statements) -> CutoverReport:
    """Looks at the sources once more: whoever writes there now writes past the switch."""
    late = []
    written = run.written()
    for one in run.rows:
        if one.target_url in written:
            made = latest(run.stores, one, after=one.held_version)
            late.append((one.name, told(each.writer for each in made)))

    def task(row: LakeTable) -> tuple[str, tuple[Made, ...]]:
        return row.target_url, latest(run.stores, row)

    known = dict(run.beside(task, run.rows))
    return CutoverReport(
        title=run.asked.title,
        switched=run.rows,
        already=picked.done,
        left=picked.left,
        pause_s=run.pause_s,
        watched_s=run.watched_s,
        streams=run.ways,
        loads=run.loads,
        repoints=repoints(run.rows, known, run.inventory, run.shown()),
        grants=statements.grants,
        managed=statements.managed,
        late=tuple(late),
    )
