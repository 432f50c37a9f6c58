"""The door of `rollback`: tables that are cut over are used at their source again.

What was registered is taken away where it is as it was registered; the copied data stay. Nothing is
changed where a target was written since, unless that is to be lost or carried back.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from threading import Event as Flag
from typing import Any, TypeVar

import orjson

from lakeferry.catalog.reading import find_table
from lakeferry.catalog.registering import Catalog, set_properties, unregister
from lakeferry.catalog.tables import RECEIPT
from lakeferry.clone.report import CloneReport
from lakeferry.errors import FerryError
from lakeferry.fleet.asking import ask_beside
from lakeferry.fleet.catalogs.target_catalog import target_catalog
from lakeferry.fleet.cutover.commits_since import written_since
from lakeferry.fleet.cutover.events import Ask
from lakeferry.fleet.cutover.folder_switched import changed_since
from lakeferry.fleet.cutover.register import registered_of
from lakeferry.fleet.cutover.sides import Stores
from lakeferry.fleet.cutover.writers import Made, Writer
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.proof.receipt_files import put_receipt, receipt_of, receipts_at
from lakeferry.fleet.rollback.plan import (
    Back,
    Emit,
    RollbackReport,
    RollbackRequest,
    StreamBack,
    refuse_none,
    refuse_stuck,
    to_go_back,
)
from lakeferry.fleet.rollback.reverse import carry_back, check_reverse
from lakeferry.fleet.rollback.reverse_files import carry_files_back, check_files
from lakeferry.fleet.rollback.reverse_streams import (
    AtTarget,
    carry_streams,
    find_streams,
    left_streams,
    ways_back,
)
from lakeferry.fleet.standing.states import interrupted, move
from lakeferry.fleet.sync.outcome import equal_again
from lakeferry.ledger import read
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import CloneStart, LakeTable, Receipt
from lakeferry.ledger.write import Ledger, now_ms
from lakeferry.workers import map_unless_stopped

FORMAT = "lakeferry.rollback/1"
AT_ONCE = 16
FILES_TOLD = 20  # of a folder
Item = TypeVar("Item")
Result = TypeVar("Result")


def rollback(
    wanted: Migration,
    ledger: Ledger,
    path: Path,
    tables: Iterable[LakeTable],
    asked: RollbackRequest,
    *,
    emit: Emit,
    ask: Ask,
    stop: Flag,
) -> RollbackReport:
    """Go back to the sources, all tables or none of those that were written since.

    Args:
        path: of the ledger.

    Raises:
        FerryError: LF-8077 none is cut over; LF-8079 both sides were written; LF-2003 not
            confirmed.
        KeyboardInterrupt: stopped; the same command goes on.
    """
    return _Rollback(wanted, ledger, path, asked, emit, ask, stop).go(tables)


class _Rollback:
    def __init__(
        self, wanted: Migration, ledger: Ledger, path: Path, asked: RollbackRequest,
        emit: Emit, ask: Ask, stop: Flag,
    ) -> None:  # fmt: skip
        self._wanted, self._ledger, self._path, self._asked = wanted, ledger, path, asked
        self._emit, self._ask, self._stop = emit, ask, stop
        self._stores = Stores(wanted)
        self._streams: tuple[AtTarget, ...] = ()  # whose checkpoints lie at the target

    def go(self, tables: Iterable[LakeTable]) -> RollbackReport:
        meant = {one.target_url for one in tables}
        self._ledger.move(*interrupted(self._every()))
        rows = [one for one in self._every() if one.target_url in meant]
        self._stores.every = tuple(self._every())
        found = to_go_back(rows)
        if not found:
            refuse_none(rows, self._asked.title)
            return RollbackReport(self._asked.title)
        bodies = self._receipts(found)
        backs = self._looked(found, bodies)
        if not self._is_stopped(backs):
            self._confirm(backs, tuple(one for one in backs if one.written))
            backs = self._looked(found, bodies)  # the answer may have taken long
        if self._is_stopped(backs):
            stopped = tuple(one for one in backs if one.written)
            left = left_streams(self._stores, self._streams)
            others = len(backs) - len(stopped)
            return RollbackReport(self._asked.title, stopped=stopped, others=others, streams=left)
        return self._do(backs)

    def _looked(
        self, rows: Iterable[LakeTable], bodies: Mapping[str, dict[str, Any]]
    ) -> tuple[Back, ...]:
        """By name, and the streams at their targets.

        Raises:
            FerryError: where what was written is to be carried back LF-8079 both sides were
                written, LF-8084 files that no folder can take, LF-8085 a stream that is stuck.
        """
        backs = tuple(self._beside(lambda row: self._look(row, bodies[row.target_url]), rows))
        self._streams = find_streams(
            self._stores, backs, self._asked.checkpoints, are_needed=self._asked.reverse
        )
        if self._asked.reverse:
            for _ in self._beside(self._check, [one for one in backs if one.written]):
                pass
            refuse_stuck(ways_back(self._stores, backs, self._streams))
        return tuple(sorted(backs, key=lambda one: one.row.name))

    def _is_stopped(self, backs: Iterable[Back]) -> bool:
        """Whether what a target was written since would be lost, and nobody accepts it."""
        is_decided = self._asked.accept_loss or self._asked.reverse
        return not is_decided and any(one.written for one in backs)

    def _confirm(self, backs: tuple[Back, ...], written: tuple[Back, ...]) -> None:
        what = "1 table back to its source"
        if len(backs) != 1:
            what = f"{len(backs):,} tables back to their sources"
        if written and self._asked.reverse:
            what += f"; what is new of {len(written):,} is WRITTEN TO THE SOURCE"
        elif written:
            what += f"; what is new of {len(written):,} is left behind"

        def ask(question: str) -> bool:
            return self._ask(question, False)

        if not ask_beside(ask, f"{what}?", turn=self._ledger.turn, stop=self._stop):
            raise FerryError("LF-2003", "not confirmed", "nothing was changed", "give --yes")

    def _do(self, backs: tuple[Back, ...]) -> RollbackReport:
        place = self._catalog(backs)
        reports: dict[str, CloneReport] = {}
        if self._asked.reverse:
            reports = self._carry_back([one for one in backs if one.written])
            streams = self._carry_streams(backs)
        else:
            streams = left_streams(self._stores, self._streams)
        done: list[Back] = []
        carried: list[str] = []
        lost: list[str] = []
        kept: list[tuple[LakeTable, FerryError]] = []

        def task(back: Back) -> tuple[Back, FerryError | None]:
            try:
                self._take_away(place, back)
            except FerryError as error:
                if error.code not in ("LF-8101", "LF-8103"):
                    raise
                return back, error
            return back, None

        for back, error in self._beside(task, backs):
            if error is not None:
                kept.append((back.row, error))
                self._emit(f"stays cut over: {error.what}", back.row)
                continue
            report = reports.get(back.row.target_url)
            self._write_down(back, report, streams)
            done.append(back)
            if report is not None:
                carried.append(back.row.name)
            elif back.written:
                lost.append(back.text)
            self._emit("back at its source", back.row)
        done.sort(key=lambda one: one.row.name)
        return RollbackReport(
            self._asked.title, tuple(done), tuple(sorted(carried)), tuple(sorted(lost)),
            kept=tuple(kept), streams=streams, accepts_loss=self._asked.accept_loss,
        )  # fmt: skip

    def _check(self, back: Back) -> None:
        if back.row.kind == "delta":
            check_reverse(self._wanted, back)
        else:
            check_files(self._stores, back)

    def _carry_back(self, written: Iterable[Back]) -> dict[str, CloneReport]:
        """What was written since, into the sources; by target."""

        def task(back: Back) -> tuple[Back, CloneReport]:
            if back.row.kind == "delta":
                return back, carry_back(self._wanted, back)
            return back, carry_files_back(self._stores, back)

        reports = {}
        for back, report in self._beside(task, written):
            reports[back.row.target_url] = report
            self._emit("what was written since was carried to its source", back.row)
        return reports

    def _carry_streams(self, backs: tuple[Back, ...]) -> tuple[StreamBack, ...]:
        """Asked again, for now that the commits are at the sources their versions are known."""
        ways = ways_back(self._stores, backs, self._streams)
        refuse_stuck(ways)
        by_place = {one.way.url: one.way for one in ways}
        found = carry_streams(
            self._stores, self._streams, by_place, on_silence=self._ledger.turn
        )  # fmt: skip
        rows = {back.row.name: back.row for back in backs}
        for one in found:
            self._emit(one.text, rows[one.way.tables[0]])
        return found

    def _take_away(self, place: Catalog | None, back: Back) -> None:
        """What was registered; of what an earlier sync had registered only the receipt."""
        registered = registered_of(back.body)
        if registered is None or place is None:
            return
        known, was_there = registered
        found = find_table(place, known.schema, known.table)
        if found is None:
            return
        if was_there:
            set_properties(place, known.schema, known.table, {RECEIPT: None})
        else:
            unregister(place, known)

    def _write_down(
        self, back: Back, report: CloneReport | None, streams: tuple[StreamBack, ...]
    ) -> None:
        """The receipt beside the table first: nothing is marked without one."""
        row, at_ms = back.row, self._receipt_ms(back.row)
        is_lost = bool(back.written) and report is None
        body: dict[str, Any] = {
            "format": FORMAT,
            "table": row.name,
            "source": row.source_url,
            "source_version": back.source_version if report is None else report.source_version,
            "target": row.target_url,
            "target_version": back.target_version,
            "written_since": [
                {"version": one.version, "rows": one.rows, "by": one.writer.text,
                 "at_ms": one.made_ms} for one in back.written
            ],
            "carried_back": report is not None,
            "checkpoints": [
                {"query": one.way.query_id, "from": one.way.url, "to": one.url}
                for one in streams if row.name in one.way.tables
            ],
            "rolled_back_at_ms": at_ms,
        }  # fmt: skip
        text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()
        receipt = receipt_of(row.target_url, "rollback", at_ms, text)
        put_receipt(self._stores.target(row), receipt, kind=row.kind)
        with self._ledger.together():
            why = "taken back: the source is used again"
            self._ledger.receive(receipt, move(row.target_url, "cut_over", "rolled_back", why=why))
            if report is not None:
                self._hold(back, report)
            elif is_lost:
                step = equal_again(row.name, is_mirror=back.is_mirror)
                why = f"taken back; left behind: {back.text.removeprefix(row.name).strip()}"
                self._ledger.move(move(row.target_url, "rolled_back", "drifted", why=why,
                                       code="LF-5003", next_step=step))  # fmt: skip
            else:
                self._ledger.move(move(row.target_url, "rolled_back", "verified", why=why))

    def _receipt_ms(self, row: LakeTable) -> int:
        with reading(self._path) as db:
            return read.next_receipt_ms(db, [row.target_url], now_ms=now_ms())

    def _hold(self, back: Back, report: CloneReport) -> None:
        """After commits came back both sides are equal, at a new version."""
        row = back.row
        version = report.source_version
        held = report.target_version
        assert held is not None
        start = CloneStart(row.target_url, back.source_version, version, "", 0, 0)
        why = f"taken back; its commits were carried to version {version} there"
        step = move(row.target_url, "rolled_back", "synced", why=why)
        self._ledger.commit_clone(self._ledger.begin_clone(start), held, step)

    # ---- looking

    def _look(self, row: LakeTable, body: dict[str, Any]) -> Back:
        if row.kind == "folder":
            return self._look_at_folder(row, body)
        found = written_since(self._stores.target(row), int(body["target_version"]))
        return Back(row, body, tuple(one for one in found if one.changes))

    def _look_at_folder(self, row: LakeTable, body: dict[str, Any]) -> Back:
        try:
            found = changed_since(self._stores.target(row), int(body["cut_over_at_ms"]))
        except FileNotFoundError as error:
            raise FerryError(
                "LF-8077", f"nothing says which files {row.name} had at its switch",
                row.target_url, "go back by hand: its source is as it was",
            ) from error  # fmt: skip
        newest = sorted(found.written, key=lambda meta: meta.modified_ms or 0, reverse=True)
        made = tuple(Made(0, Writer("whoever wrote", meta.path), meta.modified_ms)
                     for meta in newest[:FILES_TOLD])  # fmt: skip
        if found.deleted:
            count = f"{found.deleted:,} file{'' if found.deleted == 1 else 's'}"
            made += (Made(0, Writer("whoever deleted", count), None),)
        return Back(row, body, made, files=len(found.written) + found.deleted)

    def _receipts(self, rows: Iterable[LakeTable]) -> dict[str, dict[str, Any]]:
        """Of the last switch of each table; from the ledger, else from beside the table."""
        with reading(self._path) as db:
            kept = {one.target_url: read.receipts(db, one.target_url) for one in rows}
        found = {}
        for row in rows:
            switches = [one for one in kept[row.target_url] if one.kind == "cutover"]
            if not switches:
                beside = receipts_at(self._stores.target(row), row.target_url, kind=row.kind)
                switches = [one for one in reversed(beside) if one.kind == "cutover"]
            if not switches:
                raise FerryError(
                    "LF-8077", f"{row.name} has no receipt of a switch", row.target_url,
                    "take it back by hand: drop it in the catalog; its source is as it was",
                )  # fmt: skip
            found[row.target_url] = _body(switches[0])
        return found

    def _catalog(self, backs: Iterable[Back]) -> Catalog | None:
        if not any(one.body.get("registered") for one in backs):
            return None
        return target_catalog(self._wanted.target)

    def _every(self) -> list[LakeTable]:
        self._ledger.flush()
        with reading(self._path) as db:
            return read.tables(db)

    def _beside(self, task: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        turn = self._ledger.turn
        return map_unless_stopped(task, items, count=AT_ONCE, stop=self._stop, on_silence=turn)


def _body(receipt: Receipt) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(receipt.body)
    return found
