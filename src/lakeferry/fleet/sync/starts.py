"""Tables begin: each in a thread of its own, with the limits that its files have to pass."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event as Flag

from lakeferry.clone.report import CloneRequest
from lakeferry.fleet.manifest.facts import facts_of, parts_of
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.sync.beside_delta import beside_of
from lakeferry.fleet.sync.events import OpenTable
from lakeferry.fleet.sync.messages import Message
from lakeferry.fleet.sync.request import SyncRequest
from lakeferry.fleet.sync.table import Means, TableJob, sync_table
from lakeferry.fleet.sync.ways import Way, Ways
from lakeferry.ledger.rows import LakeTable
from lakeferry.store.open import account_of, locate
from lakeferry.workers_shared import Crew, LentHands


@dataclass
class Running:
    """One table that has a thread."""

    thread: threading.Thread
    stop: Flag
    way: Way
    share: LentHands
    shown: OpenTable
    state: str  # before this turn
    has_begun: bool = False  # what it copies is known


class Starts:
    """Begins tables, and knows the way of each."""

    def __init__(
        self, wanted: Migration, asked: SyncRequest, rows: Mapping[str, LakeTable], *,
        ways: Ways, crew: Crew, files: int, tell: Callable[[Message], None],
    ) -> None:  # fmt: skip
        """Args:
        rows: all tables of the ledger by their targets, as they are at each moment.
        files: of one table, at once.
        tell: called by the tables' threads; may wait.
        """
        self._wanted, self._asked, self._rows = wanted, asked, rows
        self._ways, self._crew, self._files, self._tell = ways, crew, files, tell
        self._known: dict[str, Way] = {}
        self._proven: set[str] = set()  # buckets that keep to put-if-absent

    def way(self, row: LakeTable) -> Way:
        """What its files have to pass; one value as long as this run lasts."""
        known = self._known.get(row.target_url)
        if known is not None:
            return known
        options = self._wanted.sources[row.source].store_options
        account = account_of(locate(row.source_url, options))
        way = self._ways.of(facts_of(self._wanted, row), route=row.route, account=account)
        self._known[row.target_url] = way
        return way

    def begin(self, row: LakeTable, *, is_urgent: bool) -> Running:
        """Its thread runs when this returns."""
        way = self.way(row)
        share = self._crew.share(is_urgent=is_urgent, wait_s=way.wait_s)
        stop = Flag()
        means = Means(way.paced(share), way.throttle, self._tell, stop, self._proven)
        thread = threading.Thread(
            target=sync_table, args=(self._job(row), means), name=f"lakeferry-table {row.name}"
        )
        shown = OpenTable(row.name, row.route, 0, row.left_bytes, 0.0)
        thread.start()
        return Running(thread, stop, way, share, shown, row.state)

    def _job(self, row: LakeTable) -> TableJob:
        source = self._wanted.sources[row.source]
        options = source.options_of(*parts_of(row), row.path)
        request = CloneRequest(
            row.source_url, row.target_url, mode=options.mode,
            version=self._asked.versions.get(row.target_url),
            replace=self._asked.replace and row.state in ("blocked", "drifted"),
            jobs=self._files,
            source_options=source.store_options,
            target_options=self._wanted.store_options(options),
        )  # fmt: skip
        return TableJob(
            request, row.name, options.schema_changes, options.on_vacuumed,
            self._asked.accept_schema, row.protocol,
            beside_of(self._wanted, row, self._rows.values()),
            may_be_in_use=self._asked.may_be_in_use,
        )  # fmt: skip
