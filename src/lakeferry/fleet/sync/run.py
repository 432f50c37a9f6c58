"""The door of `sync`: a clone a table, all their files in one stream of work, one ledger.

Tables have threads of their own, a bounded number at once; what they tell comes through one queue
to the coordinator, this thread, who alone writes the ledger, opens and closes the valves, and
begins the next table. Whatever ends a run leaves each table at a version that was committed.
"""

import queue
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from threading import Event as Flag

from lakeferry.clone.report import CloneReport
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.plan import MOVED_KINDS
from lakeferry.fleet.standing.states import has_no_place
from lakeferry.fleet.standing.status import told_together
from lakeferry.fleet.sync.ahead import known_ahead
from lakeferry.fleet.sync.alarm_points import EVERY_S, AlarmPoints
from lakeferry.fleet.sync.book import Book
from lakeferry.fleet.sync.budget import FREE, used_up
from lakeferry.fleet.sync.events import (
    Emit,
    Event,
    FilesArrived,
    OpenTable,
    Progress,
    SyncReport,
    TableMoved,
    TableSaid,
)
from lakeferry.fleet.sync.messages import (
    Arrived,
    Begun,
    Ended,
    Looked,
    Message,
    Moved,
    Said,
    TryFailed,
)
from lakeferry.fleet.sync.order import NOT_SYNCED, is_at_risk
from lakeferry.fleet.sync.progress import Meter, left_of
from lakeferry.fleet.sync.register import AtSync
from lakeferry.fleet.sync.report import report_of
from lakeferry.fleet.sync.request import SyncRequest
from lakeferry.fleet.sync.starts import Running, Starts
from lakeferry.fleet.sync.turns import Turns
from lakeferry.fleet.sync.ways import Ways
from lakeferry.ledger.rows import LakeTable
from lakeferry.ledger.write import Ledger
from lakeferry.store.pacing import Pace, paced_accounts
from lakeferry.store.sharing import shared_clients
from lakeferry.workers_shared import Crew, SharedCrew

TABLES, FILES = 16, 64  # at once, where the manifest does not say
MESSAGES = 4096  # that may wait; who tells more waits for the ledger
TURN_S = 0.2  # between two looks at signals, windows and the lease
PROGRESS_S = 1.0
PROGRESS_SHARE = 0.03  # of the time, at most, goes into telling it


def sync(
    wanted: Migration,
    ledger: Ledger,
    tables: Iterable[LakeTable],
    every: Iterable[LakeTable],
    asked: SyncRequest,
    *,
    emit: Emit,
    stop: Flag,
    crew: Crew | None = None,
) -> SyncReport:
    """Bring tables over, or up to date; with `follow` again and again until stopped.

    Args:
        tables: that are meant; those that are cut over, left out or frozen are not touched.
        every: all tables that the ledger knows.
        stop: set it to end: files in flight end first, and no commit begins.
        crew: whose hands carry files; closed at the end. None: this process has its own.

    Raises:
        FerryError: LF-8002 another coordinator has taken over; LF-8003, LF-8006 the ledger cannot
            be written. What is in flight has ended then, and nothing is half committed.
    """
    run = _Run(wanted, ledger, tables, every, asked, emit=emit, stop=stop, crew=crew)
    with shared_clients(), paced_accounts(run.pace_of):
        try:
            return run.go()
        finally:
            run.end()


class _Run:
    def __init__(
        self, wanted: Migration, ledger: Ledger, tables: Iterable[LakeTable],
        every: Iterable[LakeTable], asked: SyncRequest, *, emit: Emit, stop: Flag,
        crew: Crew | None,
    ) -> None:  # fmt: skip
        limits = wanted.limits
        self._wanted, self._ledger, self._asked = wanted, ledger, asked
        self._emit, self._stop = emit, stop
        self._is_over = False  # no table begins: a signal, a limit
        self._ended_by = ""
        self._book = Book(ledger, every, asked.plan_sha256)
        self._most = limits.tables or TABLES
        files = limits.files or FILES
        self._crew = crew or SharedCrew(files)
        self._ways = Ways(limits, run_bytes_per_s=asked.bytes_per_s)
        self._meter = Meter(asked.paces)
        self._said: queue.Queue[Message] = queue.Queue(MESSAGES)
        self._starts = Starts(
            wanted, asked, self._book.rows, ways=self._ways, crew=self._crew, files=files,
            tell=self._said.put,
        )  # fmt: skip
        self._catalog = AtSync(wanted)
        self._open: dict[str, Running] = {}
        self._untold: list[Event] = []  # until what they tell of is durable
        self._chosen = tuple(one.target_url for one in tables)
        self._turns = Turns(wanted.waves, follow=asked.follow)
        self._began, self._began_s = time.monotonic(), time.time()
        self._turn_at = self._show_at = 0.0
        self._shown_left_s: float | None = None  # of all that is meant, as last told
        self._synced: set[str] = set()  # that hold a newer version than before this run
        self._current: set[str] = set()
        self._todo: frozenset[str] = frozenset()
        self._moved = Decimal(0)
        self._points = AlarmPoints(wanted, asked.metrics, first_s=self._began_s + EVERY_S)

    def pace_of(self, account: str) -> Pace:
        return self._ways.pace_of(account)

    # ---- the loop

    def go(self) -> SyncReport:
        self._book.settle()
        rows = [self._book.rows[url] for url in self._chosen]
        self._current.update(one.target_url for one in rows if self._is_there(one))
        todo = [one for one in rows if self._is_to_do(one)]
        self._book.expect(one.target_url for one in todo)
        self._todo = frozenset(one.target_url for one in todo)
        todo = [self._book.rows[one.target_url] for one in todo]
        self._shown_left_s = self._left_s()
        self._turns.put(
            todo,
            every=self._book.rows.values(),
            at_risk=frozenset(
                one.target_url for one in todo if is_at_risk(one, self._shown_left_s)
            ),
        )
        self._ways.turn(datetime.now(UTC))
        while True:
            if time.monotonic() >= self._turn_at:
                self._turn_at = time.monotonic() + TURN_S
                self._look_at_limits()
                self._show()
            self._begin_some()
            is_idle = not (self._open or self._catalog.is_busy)
            if is_idle and (self._is_over or self._turns.are_over(time.time())):
                break
            self._hear(TURN_S)
            self._ledger.turn()
        self._hear(0)  # of the catalog, when the last table had ended
        return self._report()

    def end(self) -> None:
        """Whatever happened: no thread is left behind."""
        for one in self._open.values():
            one.stop.set()
        while any(one.thread.is_alive() for one in self._open.values()):
            with suppress(queue.Empty):
                self._said.get(timeout=TURN_S)  # a full queue would hold a thread for ever
        self._catalog.close()
        self._crew.close()

    def _is_to_do(self, row: LakeTable) -> bool:
        if (
            row.state in NOT_SYNCED
            or has_no_place(row)
            or row.kind not in MOVED_KINDS
            or row.source not in self._wanted.sources
        ):
            return False
        planned = self._asked.versions.get(row.target_url)
        if planned is None:
            return not self._asked.versions
        return row.held_version is None or row.held_version < planned

    def _is_there(self, row: LakeTable) -> bool:
        """Whether a run before this one, of the same plan or a newer one, has brought it."""
        planned, held = self._asked.versions.get(row.target_url), row.held_version
        is_well = row.state in ("synced", "verified")
        return is_well and planned is not None and held is not None and held >= planned

    def _look_at_limits(self) -> None:
        self._ways.turn(datetime.now(UTC))
        if self._stop.is_set():
            self._is_over = True
            for one in self._open.values():
                one.stop.set()
            return
        self._look_at_budget()
        for url, one in self._open.items() if self._is_over else ():
            if not one.has_begun or self._book.rows[url].left_files:
                one.stop.set()  # whoever has all its files may commit

    def _look_at_budget(self) -> None:
        usd = self._moved if self._asked.prices else None
        why = used_up(self._asked.budget, self._book.spent(usd), now_s=time.time())
        if why is not None:
            self._is_over, self._ended_by = True, self._ended_by or why

    def _begin_some(self) -> None:
        self._look_at_budget()  # no table is begun for what is spent
        while not self._is_over and len(self._open) < self._most:
            url = self._turns.next(time.time(), may_begin=self._may_begin)
            if url is None:
                return
            row = self._book.rows[url]
            is_urgent = is_at_risk(row, self._shown_left_s)
            self._open[url] = self._starts.begin(row, is_urgent=is_urgent)

    def _may_begin(self, url: str) -> bool:
        return not self._starts.way(self._book.rows[url]).is_closed

    def _left_s(self) -> float | None:
        """How long all that is meant still takes; None: not measured."""
        left = self._progress(time.time()).left
        return None if left is None else left.p50

    # ---- what tables tell

    def _hear(self, wait_s: float) -> None:
        """Take what was told; wait for the first of it, not for more.

        It is told on when it is durable, and the ledger is free: a terminal may stand still.
        """
        heard: list[Message] = []
        with suppress(queue.Empty):
            heard.append(self._said.get(timeout=wait_s))
            for _ in range(MESSAGES):
                heard.append(self._said.get_nowait())
        heard += self._catalog.heard()
        if not heard:
            return
        with self._ledger.together():
            for message in heard:
                self._take(message)
        told, self._untold = self._untold, []
        for event in told:
            self._emit(event)

    def _take(self, message: Message) -> None:
        book, url = self._book, message.target_url
        match message:
            case Looked():
                row = book.looked(message)
                self._change(url, row)  # its target may be gone
                self._open[url].share.is_urgent |= is_at_risk(row, self._shown_left_s)
            case Begun():
                self._open[url].has_begun = True
                self._change(url, book.begun(message))
            case Arrived():
                book.arrived(message)
                row = book.rows[url]
                self._meter.take(row.route, message, now_s=time.time())
                moved = [size for _, size, how in message.files if how != "already_there"]
                self._points.take(row.route, sum(moved))
                price = self._asked.prices.get(row.route, FREE)
                self._moved += price.usd(sum(moved), len(moved))
                if self._asked.tells_files:
                    self._untold.append(FilesArrived(row, message.files))
            case Moved():
                old = self._open[url].shown
                self._open[url].shown = OpenTable(
                    old.name, old.route, message.bytes_done, message.bytes_total, message.seconds
                )
            case Said():
                said = TableSaid(book.rows[url], message.text, message.code, message.next_step)
                self._untold.append(said)
                if message.code is not None:
                    told = {"code": message.code, "what": message.text}
                    self._ledger.tell("warning", told, url)
            case TryFailed():
                book.sums.errors += 1
                error = message.error
                self._ledger.tell("try", {"code": error.code, "what": error.what}, url)
                text = f"{error.what}; the next try is in {message.pause_s:.0f} s"
                self._untold.append(TableSaid(book.rows[url], text, error.code, error.next_step))
            case Ended():
                self._ended(message)

    def _ended(self, message: Ended) -> None:
        url, book = message.target_url, self._book
        self._open[url].thread.join()
        report, error = message.report, message.error
        if report is not None:
            (self._current if report.up_to_date else self._synced).add(url)
            self._change(url, book.synced(url, report), report)
        if error is not None:
            # A drift is no error of the run: what could be done was done.
            book.sums.errors += report is None and error.code != "LF-4105"
            self._change(url, book.failed(url, error))
        if report is None and error is None:
            self._change(url, book.stopped(url))
        row = book.rows[url]
        del self._open[url]
        self._catalog.tell(row)
        if report is not None or error is not None:
            self._turns.ended(row, time.time())

    def _change(self, url: str, row: LakeTable, report: CloneReport | None = None) -> None:
        table = self._open[url]
        is_new = report is not None and not report.up_to_date
        if row.state != table.state or is_new:
            self._untold.append(TableMoved(row, table.state, report))
        table.state = row.state

    # ---- what it tells

    def _show(self) -> None:
        now, now_s = time.monotonic(), time.time()
        routes = {one.shown.route for one in self._open.values()}
        self._meter.work(routes, now_s=now_s)
        for route in self._ways.held_back(routes):
            self._meter.hold_back(route)
        for pace in self._meter.ended(now_s=now_s):
            self._ledger.pace(pace)
        self._points.turn(self._book.rows.values(), now_s=now_s)
        self._tell_faults()
        if now < self._show_at:
            return
        progress = self._progress(now_s)
        self._shown_left_s = None if progress.left is None else progress.left.p50
        self._emit(progress)
        took_s = time.monotonic() - now
        self._show_at = now + max(PROGRESS_S, took_s / PROGRESS_SHARE)

    def _tell_faults(self) -> None:
        for one in self._points.heard():
            self._emit(one)

    def _progress(self, now_s: float) -> Progress:
        rows = [self._book.rows[url] for url in self._chosen]
        now_ms = round(now_s * 1000)
        total = told_together("", rows, now_ms=now_ms)
        windows = self._wanted.limits.windows
        ahead = {
            route: known_ahead(windows, now_s=now_s, route=route)
            for route in total.loads
            if windows
        }
        bytes_per_s, requests_per_s = self._meter.rates(now_s=now_s, began_s=self._began_s)
        shown = [one.shown for one in self._open.values()]
        shown.sort(key=lambda one: one.bytes_done - one.bytes_total)
        closed = any(one.way.is_closed for one in self._open.values())
        waits = "a window is closed" if closed or self._turns.are_held_back else ""
        return Progress(
            total, time.monotonic() - self._began, bytes_per_s, requests_per_s, tuple(shown),
            left_of(total, self._meter.paces, ahead, now_s=now_s), waits,
        )  # fmt: skip

    def _report(self) -> SyncReport:
        now_s = time.time()
        for pace in self._meter.ended(now_s=now_s, all_of_them=True):
            self._ledger.pace(pace)
        self._book.write()
        self._ledger.flush()
        self._points.last(self._book.rows.values(), now_s=now_s)
        self._tell_faults()
        return report_of(
            [self._book.rows[url] for url in self._chosen],
            self._book.sums,
            synced=self._synced,
            current=self._current,
            todo=self._todo,
            waiting=self._turns.waiting(now_s),
            seconds=time.monotonic() - self._began,
            usd=self._moved if self._asked.prices else None,
            ended_by=self._ended_by,
            was_stopped=self._stop.is_set(),
        )
