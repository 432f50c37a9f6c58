"""What one cut-over works with: its tables as the ledger has them, its stores, its steps.

One thread, the coordinator's, uses it; only the tasks that it gives out run beside.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event as Flag
from typing import Any, TypeVar

from lakeferry.errors import FerryError
from lakeferry.fleet.asking import ask_beside
from lakeferry.fleet.catalogs.registration import catalog_name
from lakeferry.fleet.cutover.events import Ask, Emit, Said
from lakeferry.fleet.cutover.load_ways import LoadWay
from lakeferry.fleet.cutover.look import shown_name, source_head
from lakeferry.fleet.cutover.plan import CutoverRequest, Step, StepState, provable, stood_s
from lakeferry.fleet.cutover.sides import BothSides, FoundStream, Stores
from lakeferry.fleet.cutover.stream_ways import StreamWay
from lakeferry.fleet.cutover.writers import Head, Sighting
from lakeferry.fleet.manifest.facts import as_said
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.proof.run import strength_of
from lakeferry.fleet.sync.events import Progress, TableSaid
from lakeferry.fleet.sync.request import SyncRequest
from lakeferry.fleet.sync.run import sync
from lakeferry.ledger import read
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import CheckResult, Inventoried, LakeTable, Receipt
from lakeferry.ledger.write import Ledger, now_ms
from lakeferry.workers import map_unless_stopped

AT_ONCE = 16
Item = TypeVar("Item")
Result = TypeVar("Result")


class Run:
    """One cut-over under way."""

    def __init__(
        self, wanted: Migration, ledger: Ledger, path: Path, asked: CutoverRequest, *,
        emit: Emit, ask: Ask, stop: Flag,
    ) -> None:  # fmt: skip
        self.wanted, self.ledger, self.path, self.asked = wanted, ledger, path, asked
        self.emit, self.stop = emit, stop
        self.stores = Stores(wanted)
        self.rows: tuple[LakeTable, ...] = ()  # that are to be switched
        self.sides: dict[str, BothSides] = {}  # by target
        self.seen: dict[str, Sighting] = {}  # newest heads, by target
        self.frozen: dict[str, Head] = {}  # by target: where writers had stopped
        self.proven: dict[str, tuple[int | None, str]] = {}  # at which version, how strongly
        self.proofs: dict[str, Receipt] = {}  # the last one of each, by target
        self.streams: tuple[FoundStream, ...] = ()  # that have to do with them
        self.ways: tuple[StreamWay, ...] = ()
        self.loads: tuple[LoadWay, ...] = ()
        self.inventory: tuple[Inventoried, ...] = ()
        self.steps: list[Step] = []
        self.paused_at: float | None = None  # when the freeze check began
        self.pause_s: float | None = None  # from there to the mark
        self.watched_s = 0.0
        self._ask = ask
        self._step_at = time.monotonic()

    def beside(self, task: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Run a task over items side by side; the lease is kept, a stop heard."""
        turn = self.ledger.turn
        return map_unless_stopped(task, items, count=AT_ONCE, stop=self.stop, on_silence=turn)

    def heads(self, rows: Sequence[LakeTable] | None = None) -> list[tuple[LakeTable, Head]]:
        """Its tables, or some of them, with the newest versions of their sources."""

        def task(row: LakeTable) -> tuple[LakeTable, Head]:
            return row, source_head(self.stores, row)

        found = list(self.beside(task, self.rows if rows is None else rows))
        for row, head in found:
            before = self.seen.get(row.target_url)
            if before is None or head.is_after(before.head):
                stood = stood_s(head, row, now_ms())
                self.seen[row.target_url] = Sighting(head, time.monotonic(), stood)
        return found

    def written(self) -> dict[str, int]:
        """By target: sources that were written to since they were frozen, and where they stood."""
        return {row.target_url: self.frozen[row.target_url].version for row, head in self.heads()
                if head.is_after(self.frozen[row.target_url])}  # fmt: skip

    def sync(self, rows: Sequence[LakeTable]) -> tuple[int, int]:
        """By the machinery of `sync`; files and bytes that moved. Raises LF-8071."""

        def tell(event: object) -> None:
            if isinstance(event, Progress):
                self.emit(event)
            elif isinstance(event, TableSaid) and event.code is not None:
                self.emit(Said(event.text, event.table.name, event.code, event.next_step))

        asked = SyncRequest(may_be_in_use=True)
        ended = sync(self.wanted, self.ledger, rows, self.every(), asked, emit=tell, stop=self.stop)
        self.renew()
        if self.stop.is_set():
            raise KeyboardInterrupt
        if ended.look_at:
            one = ended.look_at[0]
            raise FerryError("LF-8071", f"{one.name} could not be brought up to date: {one.why}",
                             one.code, one.next_step)  # fmt: skip
        return ended.files, ended.bytes

    def rest(self, seconds: float) -> None:
        """Wait; the lease is kept, a stop heard."""
        self.ledger.turn()
        if self.stop.wait(seconds):
            raise KeyboardInterrupt

    def asking(self, question: str, *, by_default: bool = False) -> bool:
        """The answer of a person; see `Ask`."""

        def ask(text: str) -> bool:
            return self._ask(text, by_default)

        return ask_beside(ask, question, turn=self.ledger.turn, stop=self.stop)

    def shown(self) -> dict[str, str]:
        """How statements name each table at the target, by target."""
        return {one.target_url: shown_name(self.wanted, one, *catalog_name(self.wanted, one))
                for one in self.rows}  # fmt: skip

    def strength(self, row: LakeTable) -> str:
        """How strongly a table has to be proven."""
        return provable(row.kind, strength_of(self.wanted, row, self.asked.strength))

    def every(self) -> list[LakeTable]:
        """All tables, as the ledger has them now and the manifest wants them."""
        self.ledger.flush()
        with reading(self.path) as db:
            return [as_said(self.wanted, one) for one in read.tables(db)]

    def renew(self) -> None:
        """The rows, as the ledger has them now."""
        known = {one.target_url: one for one in self.every()}
        self.rows = tuple(known[one.target_url] for one in self.rows)

    def checks(self) -> dict[str, list[CheckResult]]:
        """The comparisons of each of its tables, newest first, by target."""
        self.ledger.flush()
        with reading(self.path) as db:
            return {one.target_url: read.checks(db, one.target_url) for one in self.rows}

    def begin(self) -> None:
        """A step begins."""
        self._step_at = time.monotonic()

    def end(
        self, number: int, state: StepState, text: str, lines: Sequence[str] = (),
        proof: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """A step has ended: told to people and to the ledger."""
        seconds = time.monotonic() - self._step_at
        step = Step(number, state, text, tuple(lines), proof or {}, seconds)
        self.steps.append(step)
        self.ledger.tell("cutover", {"step": number, "name": step.name, "state": state,
                                      "text": text, "of": self.asked.title})  # fmt: skip
        self.emit(step)
