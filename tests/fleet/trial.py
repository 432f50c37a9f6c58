"""Two lakes on this machine's disk, discovered again and again."""

import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lakeferry.fleet.discovery.gather import Before
from lakeferry.fleet.discovery.run import Wish, discover
from lakeferry.fleet.discovery.sums import Discovery
from lakeferry.fleet.manifest.select import selection
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.ledger import read
from lakeferry.ledger.open import open_to_read
from lakeferry.ledger.rows import LakeTable, Move
from lakeferry.ledger.write import Ledger
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store
from tests.fleet import lakes, manifests

MANIFEST = """
version: 1
name: trial
target: {{root: {folder}/target}}
sources:
  sales: {{root: {folder}/sales{sales}}}
  risk: {{root: {folder}/risk{risk}}}
"""


class Trial:
    """Two sources, and a migration that is discovered again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said = {"sales": "", "risk": ""}
        self.now_ms = 4_000_000_000_000
        self.seen: list[str] = []

    def lake(self, name: str) -> Store:
        return open_store(str(self.folder / name))

    def wanted(self) -> Migration:
        return manifests.migration(self.folder, MANIFEST.format(folder=self.folder, **self.said))

    def look(self, *select: str, keeps: bool = True, **wish: Any) -> Discovery:
        """Discover, and keep it where `keeps`."""
        self.seen.clear()
        self.now_ms += 1000
        if not keeps:
            return self._look(None, select, wish)
        with self.ledger() as ledger:
            return self._look(ledger, select, wish)

    def _found(self, name: str, on_first: Callable[[], None]) -> None:
        self.seen.append(name)
        on_first()

    def ledger(self) -> Ledger:
        return Ledger(
            self.folder / "ledger.db", run_id=uuid.uuid4().hex, command="discover",
            clock_ms=lambda: self.now_ms,
        )  # fmt: skip

    def _look(self, ledger: Ledger | None, select: tuple[str, ...], wish: Any) -> Discovery:
        before = Before()
        if (self.folder / "ledger.db").exists():
            db = open_to_read(self.folder / "ledger.db")
            before = Before({one.target_url: one for one in read.tables(db)}, read.prints(db))
            db.close()
        stop = wish.pop("stop", None) or threading.Event()
        on_first = wish.pop("on_first", None) or (lambda: None)
        return discover(
            self.wanted(), Wish(selection(select, lambda _: ""), **wish), before=before,
            ledger=ledger, now_ms=self.now_ms, emit=lambda _: None, stop=stop,
            on_found=lambda one, _: self._found(one.name, on_first),
        )  # fmt: skip

    def move(self, name: str, *states: str) -> None:
        """Let a table go from state to state, as other commands do."""
        with self.ledger() as ledger:
            for after in states:
                table = self.table(name)
                ledger.move(Move(table.target_url, table.state, after))

    def tables(self) -> dict[str, LakeTable]:
        db = open_to_read(self.folder / "ledger.db")
        found = {one.name: one for one in read.tables(db)}
        db.close()
        return found

    def table(self, name: str) -> LakeTable:
        return self.tables()[name]

    def states(self) -> dict[str, str]:
        return {name: one.state for name, one in sorted(self.tables().items())}


def two_lakes(folder: Path) -> Trial:
    """`sales` has `eu.orders` and `default.items`, `risk` has `default.scores`."""
    found = Trial(folder)
    lakes.delta(found.lake("sales"), "eu/orders", files=3, size=50)
    lakes.delta(found.lake("sales"), "items")
    lakes.delta(found.lake("risk"), "scores")
    return found


def codes(found: Discovery) -> dict[str, int]:
    return {code: told.tables.count for code, told in found.remarks.items()}
