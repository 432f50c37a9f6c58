"""What a sync tells whoever watches it, and how it ended."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from lakeferry.clone.report import CloneReport
from lakeferry.events import Warned
from lakeferry.fleet.standing.status import Group
from lakeferry.fleet.standing.time_left import Left
from lakeferry.ledger.rows import LakeTable


@dataclass(frozen=True, slots=True)
class TableMoved:
    """A table came to another state, or to another version in the same."""

    table: LakeTable  # as it is now
    before: str  # state
    report: CloneReport | None = None  # of the clone that brought it there


@dataclass(frozen=True, slots=True)
class TableSaid:
    """A word about one table; `code` and `next_step` make it a warning."""

    table: LakeTable
    text: str
    code: str | None = None
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class FilesArrived:
    """Files of one table are durable at its target: path, bytes, how. Only where asked for."""

    table: LakeTable
    files: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True, slots=True)
class OpenTable:
    """One table that is being copied."""

    name: str
    route: str
    bytes_done: int
    bytes_total: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is, once a second or so."""

    total: Group  # of the tables that were asked for
    seconds: float  # of this run
    bytes_per_s: float  # of late
    requests_per_s: float
    open: tuple[OpenTable, ...]  # those that will take longest first
    left: Left | None
    waits: str  # why nothing begins: a window; '': it does


@dataclass(frozen=True, slots=True)
class SyncReport:
    """How a run ended. Bytes are those that moved."""

    states: Mapping[str, int]  # of the tables that were asked for
    synced: int  # tables that hold a newer version than before
    current: int  # that were up to date
    blocked: int
    drifted: int
    failed: int
    not_begun: int  # or stopped in the midst, or not looked at once more
    waiting: int  # of these: their wave begins later
    files: int
    bytes: int
    present: int  # files that were there already
    seconds: float
    usd: Decimal | None  # None: no price is known
    ended_by: str  # a limit, for people; '': all was done, or a signal came
    was_stopped: bool  # by a signal
    look_at: tuple[LakeTable, ...]  # that ask for a person, by name

    @property
    def asks(self) -> bool:
        """Whether a person has to decide something, or not all was done whose time has come."""
        return bool(self.look_at) or self.not_begun > self.waiting


Event = TableMoved | TableSaid | FilesArrived | Progress | Warned  # of no single table
Emit = Callable[[Event], None]
