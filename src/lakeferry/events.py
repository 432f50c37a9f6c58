"""Progress and findings as values. A run calls `emit(event)` and knows no screen."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TablePlanned:
    """The totals are known; nothing has moved yet."""

    table: str  # target URL
    source_version: int
    files: int  # to copy
    bytes: int  # to copy
    text: str  # one line for people: what will be kept


@dataclass(frozen=True, slots=True)
class LogRead:
    """How far the reading and comparing of logs is. How much it will be is not known."""

    table: str
    entries: int  # actions of commits and checkpoints, once for each time that they are looked at
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class BytesMoved:
    """How far the copying is. Bytes count when they are durable at the target."""

    table: str
    bytes_done: int
    bytes_total: int
    files_done: int
    files_total: int
    elapsed_s: float
    bytes_present: int = 0  # of `bytes_done`: were there already, so that no rate comes of them
    files_present: int = 0

    @property
    def bytes_moved(self) -> int:
        return self.bytes_done - self.bytes_present

    @property
    def files_moved(self) -> int:
        return self.files_done - self.files_present


@dataclass(frozen=True, slots=True)
class BytesRead:
    """How far a verification is. The total is a bound: what a store vouches for is not read."""

    table: str
    bytes_done: int  # of data, both sides
    bytes_at_most: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class FileLanded:
    """One file is at the target under its final name."""

    table: str
    path: str
    bytes: int
    how: str  # 'streamed', 'server_copy', 'already_there'


@dataclass(frozen=True, slots=True)
class Committed:
    """One version of the target is visible."""

    table: str
    source_version: int
    target_version: int


@dataclass(frozen=True, slots=True)
class Checked:
    """One comparison of a verification ended."""

    table: str
    strength: str
    what: str
    equal: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Noted:
    """Something worth knowing that needs nobody."""

    table: str
    message: str


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that a person should look at; the run goes on."""

    table: str
    code: str | None
    message: str
    next_step: str


@dataclass(frozen=True, slots=True)
class ChangePlanned:
    """One resource of a network's watch is not as it shall be."""

    deployment: str
    kind: str  # of the resource: 'alarm', 'flow_log', ...
    name: str
    action: str  # 'create', 'update', 'replace', 'delete'
    why: str


@dataclass(frozen=True, slots=True)
class ChangeApplied:
    """A step of an apply is done. A replacement has two or three: it goes, is made, is finished."""

    deployment: str
    kind: str
    name: str
    action: str
    step: str  # 'make', 'finish', 'remove'
    done: int  # steps, this one too
    total: int


Event = (
    TablePlanned
    | LogRead
    | BytesMoved
    | BytesRead
    | FileLanded
    | Committed
    | Checked
    | Noted
    | Warned
    | ChangePlanned
    | ChangeApplied
)
Emit = Callable[[Event], None]
LOG_PULSE_S = 0.5


def silent(event: Event) -> None:
    """The `Emit` of callers that want no events."""


def log_pulse(emit: Emit, table: str) -> Callable[[int], None]:
    """A counter of log entries that tells `emit` now and then."""
    started = shown = time.monotonic()
    entries = 0

    def take(more: int) -> None:
        nonlocal entries, shown
        entries += more
        now = time.monotonic()
        if now - shown >= LOG_PULSE_S:
            shown = now
            emit(LogRead(table, entries, now - started))

    return take
