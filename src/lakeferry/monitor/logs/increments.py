"""What is new at a place of flow logs since the last look, each row once.

A folder or bucket is looked at by names: a log that is new is read whole, one that grew from the
row after the last one read. A log group is asked from a while before its newest event on, since
flow logs arrive late and out of order; events that were read are known by their ids.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import xxhash

from lakeferry.errors import FerryError
from lakeferry.monitor.logs.opening import LOG_GROUP, STDIN, is_log, may_hold
from lakeferry.monitor.logs.watch import Fault
from lakeferry.network.attribute import HELPFUL, NEEDED
from lakeferry.network.flow_batch import FlowBatch, ReadReport
from lakeferry.network.flow_log import read_flow_log
from lakeferry.store.open import NO_OPTIONS, open_store
from lakeferry.store.protocol import ObjectMeta, Store

OVERLAP_S = 900  # how late an event may come: AWS names 5 min, best effort
_FAULTS = 10  # that are kept


def note(faults: list[Fault], what: str, next_step: str) -> None:
    """Add a fault, once; the oldest goes where there are many."""
    fault = Fault(what, next_step)
    if fault in faults:
        faults.remove(fault)
    faults.append(fault)
    del faults[:-_FAULTS]


class Increments(Protocol):
    """Where new rows come from."""

    def look(self) -> Iterator[FlowBatch]:
        """The rows that came since the last look. What was yielded counts as read.

        Raises:
            FerryError: those of `read_flow_log` but for damaged logs, which are noted.
        """

    @property
    def faults(self) -> list[Fault]:
        """Logs that could not be read, and why; the last few."""

    @property
    def report(self) -> ReadReport:
        """What was met while reading."""


@dataclass(slots=True)
class StoredLogs:
    """Logs of a folder or of a bucket's prefix. What is kept of each is its name and length."""

    store: Store
    report: ReadReport
    fields: tuple[str, ...] | None = None
    start_s: int | None = None  # logs whose names say that they are older are left out
    faults: list[Fault] = field(default_factory=list)
    _read: dict[str, tuple[int, str | None, int]] = field(default_factory=dict)

    def look(self) -> Iterator[FlowBatch]:
        found = [one for one in self.store.list("") if is_log(one.path)]
        gone = self._read.keys() - {one.path for one in found}
        for path in gone:
            del self._read[path]
        for meta in sorted(found, key=lambda one: one.path):
            if may_hold(meta.path, self.start_s, None):
                yield from self._new_rows(meta)

    def _new_rows(self, meta: ObjectMeta) -> Iterator[FlowBatch]:
        """The rows of a log that were not there when it was read before."""
        size, e_tag, rows = self._read.get(meta.path, (-1, None, 0))
        if (size, e_tag) == (meta.size, meta.e_tag):
            return
        seen = 0
        try:
            for batch in self._batches(meta.path):
                fresh = batch.rows.slice(min(len(batch.rows), max(0, rows - seen)))
                seen += len(batch.rows)
                if fresh.num_rows:
                    yield FlowBatch(batch.fields, fresh, batch.source)
        except (FerryError, FileNotFoundError) as error:
            if isinstance(error, FerryError):
                note(self.faults, f"{meta.path}: {error.what}", error.next_step)
            else:
                note(self.faults, f"{meta.path}: it went while it was read", "nothing")
            if not (isinstance(error, FerryError) and error.code.startswith("LF-62")):
                self._read[meta.path] = (-1, None, max(seen, rows))  # the store's fault: again
                return
        # A log that is being written ends early; it is longer when it is looked at again.
        self._read[meta.path] = (meta.size, meta.e_tag, max(seen, rows))

    def _batches(self, path: str) -> Iterator[FlowBatch]:
        return read_flow_log(
            self.store.read(path), name=path, fields=self.fields, columns=NEEDED, also=HELPFUL,
            coded=True, report=self.report,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a log group, as far as it is needed here."""

    id: str
    at_ms: int
    line: bytes  # as `read_flow_log` takes it


EventPages = Callable[[int | None], Iterator[list[Event]]]


@dataclass(slots=True)
class GroupLogs:
    """The events of a log group. Ids are kept for as long as an event may come late."""

    name: str
    pages: EventPages  # events from a time on (ms), page by page
    report: ReadReport
    fields: tuple[str, ...] | None = None
    start_s: int | None = None
    overlap_s: int = OVERLAP_S
    faults: list[Fault] = field(default_factory=list)
    _newest_ms: int = 0
    _seen: dict[int, set[int]] = field(default_factory=dict)  # hashes of ids by minute

    def look(self) -> Iterator[FlowBatch]:
        start_ms = None if self.start_s is None else self.start_s * 1000
        if self._newest_ms:
            start_ms = max(start_ms or 0, self._newest_ms - self.overlap_s * 1000)
        for page in self.pages(start_ms):
            fresh = b"".join(event.line for event in page if self._is_new(event))
            if fresh:
                yield from self._batches(fresh)
        self._forget()

    def _batches(self, fresh: bytes) -> Iterator[FlowBatch]:
        """The rows of a page. One that has none is a fault: others write to a group, too."""
        try:
            yield from read_flow_log(
                iter([fresh]), name=self.name, fields=self.fields, columns=NEEDED, also=HELPFUL,
                coded=True, report=self.report,
            )  # fmt: skip
        except FerryError as error:
            if error.code != "LF-6203":
                raise
            note(self.faults, f"{self.name}: {error.what}", error.next_step)

    def _is_new(self, event: Event) -> bool:
        self._newest_ms = max(self._newest_ms, event.at_ms)
        ids = self._seen.setdefault(event.at_ms // 60_000, set())
        known = xxhash.xxh3_64_intdigest(event.id.encode())
        if known in ids:
            return False
        ids.add(known)
        return True

    def _forget(self) -> None:
        oldest = (self._newest_ms - self.overlap_s * 1000) // 60_000
        for minute in [one for one in self._seen if one < oldest]:
            del self._seen[minute]


def open_increments(
    place: str,
    report: ReadReport,
    *,
    fields: tuple[str, ...] | None = None,
    start_s: int | None = None,
    options: Mapping[str, str] = NO_OPTIONS,
    pages_of: Callable[[str], EventPages] | None = None,
    overlap_s: int = OVERLAP_S,
) -> Increments:
    """What tells new rows at a place: a folder, `s3://...`, or `log-group:NAME`.

    Args:
        pages_of: gives the pages of a log group by its name.
        overlap_s: how late its events may come; ids are remembered for so long.

    Raises:
        FerryError: LF-6205 for standard input, which cannot be looked at again, and for a folder
            that is not there.
    """
    if place.startswith(LOG_GROUP) and pages_of is not None:
        name = place.removeprefix(LOG_GROUP)
        return GroupLogs(place, pages_of(name), report, fields, start_s, overlap_s)
    if place == STDIN or place.startswith(LOG_GROUP):
        raise FerryError(
            "LF-6205",
            "this place cannot be looked at again and again",
            place,
            "name a folder, an s3:// prefix or log-group:NAME",
        )
    if "://" not in place and not Path(place).is_dir():
        raise FerryError(
            "LF-6205", "there is no such folder to look at", place,
            "name a folder that is there, an s3:// prefix or log-group:NAME",
        )  # fmt: skip
    return StoredLogs(open_store(place, options), report, fields, start_s)
