"""Many tables held against their sources side by side; one that fails stops no other.

Each comparison is kept: in the ledger by kind, beside the table as a receipt, and as the table's
state. A difference needs a person, so it makes the table `drifted`: with `--replace` it can be made
equal again.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from threading import Event as Flag
from threading import Lock

from lakeferry.errors import FerryError
from lakeferry.events import BytesRead, Event
from lakeferry.fleet.flaw import flaw_of
from lakeferry.fleet.manifest.facts import parts_of
from lakeferry.fleet.manifest.typed import typed
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.proof.content import Content, content_of
from lakeferry.fleet.proof.prove_beside import prove_beside
from lakeferry.fleet.proof.receipt import rank, told_strength, verify_receipt
from lakeferry.fleet.proof.receipt_files import put_receipt
from lakeferry.fleet.standing.states import State, move
from lakeferry.fleet.sync.outcome import aside
from lakeferry.ledger.rows import CheckResult, LakeTable, Move, Receipt
from lakeferry.ledger.write import Ledger, now_ms
from lakeferry.store.open import open_store
from lakeferry.store.sharing import shared_clients
from lakeferry.verify.engines import ENGINE_CHECKS
from lakeferry.verify.report import VerifyReport, VerifyRequest
from lakeferry.verify.sides import Sides
from lakeferry.verify.table import verify_table
from lakeferry.workers import map_unless_stopped

AT_ONCE = 8  # tables
JOBS = 8  # files of one table
PROGRESS_S = 1.0
_DIFFERS = "LF-6001"


@dataclass(frozen=True)
class ProveRequest:
    """How tables are compared."""

    strength: str | None = None  # None: what the manifest says of each table
    sample: float = 1.0  # share of the files; `listed` looks into none
    seed: int = 0
    against: str | None = None  # another engine that reads the target
    digest: str = "crc64nvme"
    strengths: tuple[tuple[str, str], ...] = ()  # of single targets; before `strength`


@dataclass(frozen=True, slots=True)
class Proved:
    """How one table's comparison ended."""

    table: LakeTable  # as the ledger knows it now
    report: VerifyReport | None  # None: it could not be made
    error: FerryError | None = None
    receipt: Receipt | None = None
    warning: FerryError | None = None  # the receipt could not be put beside the table

    @property
    def outcome(self) -> str:
        """'equal', 'different', 'not_run'."""
        if self.report is None:
            return "not_run"
        return "equal" if self.report.equal else "different"


@dataclass(frozen=True, slots=True)
class Proving:
    """How far it is, once a second or so."""

    done: int  # tables
    tables: int
    bytes: int  # of data that were read, both sides
    bytes_in_all: int  # of those and what is still to be read, as far as it is known
    seconds: float


Emit = Callable[[Proved | Proving], None]


def prove(
    wanted: Migration,
    ledger: Ledger,
    tables: Iterable[LakeTable],
    asked: ProveRequest,
    *,
    emit: Emit,
    stop: Flag,
) -> tuple[Proved, ...]:
    """Compare tables with their sources, each at the version that its target holds.

    Args:
        tables: that hold a version.
        emit: called in this thread, with each table as it ends.

    Raises:
        FerryError: LF-8002, LF-8003, LF-8006 the ledger cannot be written.
        KeyboardInterrupt: stopped; what was found until then is kept.
    """
    todo = tuple(tables)
    run = _Run(wanted, asked, stop, todo)
    found: list[Proved] = []
    shown_at = began = time.monotonic()

    def turn() -> None:
        nonlocal shown_at
        ledger.turn()
        if time.monotonic() - shown_at >= PROGRESS_S:
            shown_at = time.monotonic()
            emit(Proving(len(found), len(todo), *run.read(), shown_at - began))

    with shared_clients():
        for one in map_unless_stopped(run.task, todo, count=AT_ONCE, stop=stop, on_silence=turn):
            if one is None:
                continue
            kept = keep(ledger, one)
            found.append(kept)
            emit(kept)
            turn()
    return tuple(found)


class _Run:
    """What the threads of one run share."""

    def __init__(
        self, wanted: Migration, asked: ProveRequest, stop: Flag, todo: Iterable[LakeTable]
    ) -> None:
        self._wanted, self._asked, self._stop = wanted, asked, stop
        self._strengths = dict(asked.strengths)
        self._lock = Lock()
        # Target -> bytes that were read, and in all. `hashed` reads what has no checksum, which is
        # known when its table is opened.
        self._read = {one.target_url: (0, self._most(one)) for one in todo}

    def _most(self, row: LakeTable) -> int:
        is_all = self._strength(row) == "rows"
        return round(2 * row.bytes * self._asked.sample) if is_all else 0

    def read(self) -> tuple[int, int]:
        """Bytes that were read, and those in all."""
        with self._lock:
            done, most = zip(*self._read.values(), strict=True) if self._read else ((), ())
            return sum(done), sum(most)

    def task(self, row: LakeTable) -> Proved | None:
        """One comparison; None: stopped."""
        try:
            return self._compared(row)
        except KeyboardInterrupt:
            return None
        except FerryError as error:
            return Proved(row, None, error)
        except Exception as flaw:  # noqa: BLE001 - one table's trouble is no other's
            name = typed(row.name)
            step = f"report it; the others went on. Try it alone: lakeferry verify -s {name}"
            return Proved(row, None, flaw_of(flaw, f"{row.source_url} = {row.target_url}", step))

    def _compared(self, row: LakeTable) -> Proved:
        is_delta = row.kind == "delta"
        report, content = self._of_log(row) if is_delta else self._of_files(row)
        receipt = verify_receipt(
            row, report, content, against=self._asked.against if is_delta else None,
            ended_at_ms=now_ms(),
        ).kept()  # fmt: skip
        store = open_store(row.target_url, self._wanted.target.store_options)
        try:
            put_receipt(store, receipt, kind=row.kind)
        except FerryError as error:
            return Proved(row, report, None, receipt, error)
        return Proved(row, report, None, receipt)

    def _of_files(self, row: LakeTable) -> tuple[VerifyReport, Content]:
        """All files, whatever the sample; no other engine reads them."""
        report, content = prove_beside(
            self._wanted, row, self._strength(row), emit=self._heard, jobs=JOBS
        )
        if self._asked.against is not None:
            unread = f"{self._asked.against}: it was not asked, as the source has no log"
            report = replace(report, not_seen=(*report.not_seen, unread))
        return report, content

    def _of_log(self, row: LakeTable) -> tuple[VerifyReport, Content]:
        found: list[Content] = []

        def review(sides: Sides) -> None:
            found.append(content_of(sides))

        report = verify_table(self._request(row), emit=self._heard, review=review)
        with self._lock:
            self._read[row.target_url] = report.bytes_read, report.bytes_read
        return report, found[0]

    def _strength(self, row: LakeTable) -> str:
        known = self._strengths.get(row.target_url)
        return known or strength_of(self._wanted, row, self._asked.strength)

    def _request(self, row: LakeTable) -> VerifyRequest:
        source = self._wanted.sources[row.source]
        strength = self._strength(row)
        return VerifyRequest(
            row.source_url, row.target_url, strength=strength, version=row.held_version,
            against=self._asked.against, digest=self._asked.digest, jobs=JOBS,
            sample=1.0 if strength == "listed" else self._asked.sample, seed=self._asked.seed,
            source_options=source.store_options, target_options=self._wanted.target.store_options,
        )  # fmt: skip

    def _heard(self, event: Event) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt
        if isinstance(event, BytesRead):
            with self._lock:
                self._read[event.table] = event.bytes_done, event.bytes_at_most


def strength_of(wanted: Migration, row: LakeTable, asked: str | None) -> str:
    """As asked, or what the manifest says of the table."""
    if asked is not None:
        return asked
    return wanted.sources[row.source].options_of(*parts_of(row), row.path).verify


def keep(ledger: Ledger, one: Proved) -> Proved:
    """Write down what was found, and where it leaves the table."""
    row, report = one.table, one.report
    if report is None:
        error = one.error
        told = {} if error is None else {"code": error.code, "what": error.what}
        ledger.tell("not_compared", told, row.target_url)
        return one  # an older proof says what it said
    moves = _moves(row, report)
    told_as = told_strength(report.strength, report.sample)
    if rank(row.strength) > rank(told_as):
        told_as = row.strength or told_as  # a weaker look takes nothing away
    with ledger.together():
        ledger.check(*results_of(row.target_url, report), strength=told_as, moves=moves)
        if one.receipt is not None:
            ledger.receive(one.receipt)
    row = row._replace(strength=told_as if report.equal else None)
    if moves:
        last = moves[-1]
        row = row._replace(
            state=last.after, state_since_ms=now_ms(), why=last.why, code=last.code,
            next_step=last.next_step,
        )  # fmt: skip
    return replace(one, table=row)


def results_of(target_url: str, report: VerifyReport) -> tuple[CheckResult, ...]:
    """A comparison as the ledger keeps it, kind by kind.

    What was looked at in a sample is a kind of its own (`rows 5 %`), which proves nothing of the
    others.
    """
    engine = [one for one in report.findings if one.check in ENGINE_CHECKS]
    own = [one for one in report.findings if one.check not in ENGINE_CHECKS]
    logged = [one for one in own if one.check not in _DEEPER]
    kinds = {"listed": logged, "txn": [one for one in own if one.check in ("txn", "domain")]}
    kinds[told_strength(report.strength, report.sample)] = own
    if set(ENGINE_CHECKS) & set(report.checks):
        kinds["engine"] = engine
    at_ms = now_ms()
    return tuple(
        CheckResult(
            target_url, report.source_version, kind, "different" if found else "equal",
            found[0].what if found else "", at_ms,
        )
        for kind, found in kinds.items()
    )  # fmt: skip


_DEEPER = frozenset({"bytes", "vector", "footer", "stats", "rows"})


def _moves(row: LakeTable, report: VerifyReport) -> tuple[Move, ...]:
    before: State = row.state  # type: ignore[assignment]
    url = row.target_url
    if not report.equal:
        step = aside(row, difference(report))
        return () if step is None else (step,)
    why = f"proven: {told_strength(report.strength, report.sample)}"
    if before in ("synced", "rolled_back"):
        return (move(url, before, "verified", why=why),)
    if before in ("drifted", "failed") and row.code == _DIFFERS:
        again = move(url, before, "synced", why="what differed is equal now")
        return (again, move(url, "synced", "verified", why=why))
    return ()


def difference(report: VerifyReport) -> FerryError:
    """What a comparison found, as an error: LF-5003 where others wrote, else LF-6001."""
    first = report.findings[0]
    where = f"{report.target}, version {report.target_version}, strength {report.strength}"
    if any(one.check == "commits" for one in report.findings):
        found = next(one for one in report.findings if one.check == "commits")
        return FerryError("LF-5003", found.what, where, "look at its DESCRIBE HISTORY")
    path = "" if first.path is None else f"{first.path}: "
    return FerryError(
        _DIFFERS, f"{path}{first.what}", where, "make it equal to its source again: --replace"
    )
