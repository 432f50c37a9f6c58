"""One table of a migration: cloned in its own thread, tried again, told about as it goes.

The clone is `clone`'s own; what is added is whose hands carry its files, what the manifest accepts
of its source, and how often it is tried.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Event as Flag

from lakeferry.clone.job import clone_table
from lakeferry.clone.report import CloneReport, CloneRequest
from lakeferry.clone.surroundings import Lent
from lakeferry.delta.snapshot import Snapshot
from lakeferry.errors import FerryError
from lakeferry.events import BytesMoved, Event, FileLanded, Noted, TablePlanned, Warned
from lakeferry.fleet.flaw import flaw_of
from lakeferry.fleet.manifest.typed import typed
from lakeferry.fleet.planning.drift import Drifted, refuse_drift
from lakeferry.fleet.proof.in_use import refuse_in_use
from lakeferry.fleet.sync.beside_delta import Beside, bring_beside
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
from lakeferry.fleet.sync.outcome import may_pass
from lakeferry.fleet.sync.published import allowed, refuse_hidden, refuse_unpublished
from lakeferry.fleet.sync.table_facts import facts_at
from lakeferry.store.open import open_store
from lakeferry.workers import Hands

PAUSE_S = 2  # before the second try; then twice as long each time
TOLD_AT_ONCE = 256  # files


@dataclass(frozen=True)
class TableJob:
    """What is to be done with one table."""

    request: CloneRequest
    name: str
    schema_changes: str  # 'none', 'additive', 'any'
    on_vacuumed: str  # 'block', 'latest'
    accept_schema: int | None = None  # a version of the source whose schema a person accepts
    protocol: str = ""  # '3/7', as the ledger knows it
    beside: Beside | None = None  # of what is no Delta table
    may_be_in_use: bool = False  # whoever asks switches it: its receipts are not looked at


@dataclass(frozen=True)
class Means:
    """By which it is done."""

    hands: Hands
    throttle: Callable[[int], None] | None
    tell: Callable[[Message], None]  # from this thread; may wait
    stop: Flag
    proven: set[str]  # buckets that keep to put-if-absent


def sync_table(job: TableJob, means: Means) -> None:
    """Bring one table over, or up to date. Never raises; the last thing it tells is `Ended`."""
    target = job.request.target
    ended = Ended(target)
    try:
        ended = _tried(job, means)
    except KeyboardInterrupt:
        pass
    except FerryError as error:
        ended = Ended(target, error=error)
    except Exception as flaw:  # noqa: BLE001 - one table's trouble is no other's
        ended = Ended(target, error=_flaw(job, flaw))
    finally:
        means.tell(ended)


def _tried(job: TableJob, means: Means) -> Ended:
    """Try until it is done, or no other try would mend it."""
    tries = 0
    while True:
        try:
            return _once(job, means)
        except FerryError as error:
            tries += 1
            pinned = job.request.version is not None
            if error.code == "LF-4102" and pinned and job.on_vacuumed == "latest":
                job = replace(job, request=replace(job.request, version=None))
                said = "the planned version was vacuumed: the newest one is copied"
                means.tell(Said(job.request.target, said))
                continue
            if not may_pass(error, tries=tries, is_pinned=pinned):
                raise
            pause_s = PAUSE_S * 2 ** (tries - 1) * random.uniform(0.75, 1.25)
            means.tell(TryFailed(job.request.target, error, pause_s))
            if means.stop.wait(pause_s):
                raise KeyboardInterrupt from None


def _once(job: TableJob, means: Means) -> Ended:
    if not job.may_be_in_use:
        kind = "delta" if job.beside is None else job.beside.kind
        refuse_in_use(open_store(job.request.target, job.request.target_options), kind=kind)
    talk = _Talk(job.request.target, means.tell)
    try:
        return Ended(job.request.target, report=_cloned(job, means, talk))
    except Drifted as drifted:
        if drifted.last_good is None or talk.seen is None:
            raise
        # What came before the change that is not accepted is still wanted.
        means.tell(talk.seen._replace(behind_since_ms=drifted.since_ms))
        upto = replace(job, request=replace(job.request, version=drifted.last_good))
        return Ended(job.request.target, report=_cloned(upto, means, talk), error=drifted)


def _cloned(job: TableJob, means: Means, talk: "_Talk") -> CloneReport:
    request = replace(job.request, allow_features=allowed(job.request.mode))

    def review(source: Snapshot, target: Snapshot | None, held: int | None) -> None:
        talk.looked(source, held, is_empty=target is None)
        refuse_unpublished(request, source)
        if target is not None and not job.request.replace:
            rule, accepted = job.schema_changes, job.accept_schema
            refuse_drift(job.request, job.name, rule, accepted, source, target, held)

    try:
        if job.beside is not None:
            return bring_beside(
                job.beside, request, name=job.name, rule=job.schema_changes,
                is_accepted_once=job.accept_schema is not None, emit=talk.emit, stop=means.stop,
                lent=Lent(means.hands, means.throttle, proven=means.proven),
            )  # fmt: skip
        report = clone_table(
            request, emit=talk.emit, stop=means.stop,
            lent=Lent(means.hands, means.throttle, review, means.proven),
        )  # fmt: skip
        if report.up_to_date:
            refuse_hidden(request, report.source_version, job.protocol)
        return report
    finally:
        talk.flush()


def _flaw(job: TableJob, flaw: Exception) -> FerryError:
    step = f"report it; the other tables went on. Try it alone: lakeferry sync -s {typed(job.name)}"
    return flaw_of(flaw, f"{job.request.source} -> {job.request.target}", step)


@dataclass
class _Talk:
    """The events of one clone as messages; files a few at a time."""

    target: str
    tell: Callable[[Message], None]
    held: list[tuple[str, int, str]] = field(default_factory=list)
    seen: Looked | None = None  # of the newest version

    def looked(self, source: Snapshot, held: int | None, *, is_empty: bool) -> None:
        if self.seen is not None and self.seen.version >= source.version:
            return  # an older one, on purpose
        lacks = None if held is None else source.listing.commits.get(held + 1)
        since_ms = None if lacks is None else lacks.meta.modified_ms
        self.seen = Looked(self.target, source.version, facts_at(source), since_ms, is_empty)
        self.tell(self.seen)

    def emit(self, event: Event) -> None:
        match event:
            case TablePlanned():
                self.flush()
                self.tell(Begun(self.target, event.source_version, event.files, event.bytes))
            case FileLanded():
                self.held.append((event.path, event.bytes, event.how))
                if len(self.held) >= TOLD_AT_ONCE:
                    self.flush()
            case BytesMoved():
                self.flush()
                total = event.bytes_total
                self.tell(Moved(self.target, event.bytes_done, total, event.elapsed_s))
            case Warned():
                self.tell(Said(self.target, event.message, event.code or "", event.next_step))
            case Noted():
                self.tell(Said(self.target, event.message))
            case _:
                pass

    def flush(self) -> None:
        if self.held:
            self.tell(Arrived(self.target, tuple(self.held)))
            self.held.clear()
