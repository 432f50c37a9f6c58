"""What a table's thread tells the coordinator, who alone writes the ledger."""

from dataclasses import dataclass
from typing import NamedTuple

from lakeferry.clone.report import CloneReport
from lakeferry.errors import FerryError
from lakeferry.fleet.sync.table_facts import TableState


class Looked(NamedTuple):
    """A source was read; nothing has moved yet."""

    target_url: str
    version: int  # newest, or the one that was planned
    facts: TableState
    behind_since_ms: int | None  # when the first commit that the target lacks was made
    is_empty: bool = False  # nothing lies at the target


class Begun(NamedTuple):
    """What will be copied is known."""

    target_url: str
    version: int
    files: int
    bytes: int


class Arrived(NamedTuple):
    """Files are durable at the target: path, bytes, how."""

    target_url: str
    files: tuple[tuple[str, int, str], ...]


class Moved(NamedTuple):
    """How far one table is, now and then."""

    target_url: str
    bytes_done: int
    bytes_total: int
    seconds: float


class Said(NamedTuple):
    """A word about one table; `code` and `next_step` make it a warning."""

    target_url: str
    text: str
    code: str | None = None
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class TryFailed:
    """A try failed, and another one follows."""

    target_url: str
    error: FerryError
    pause_s: float


@dataclass(frozen=True, slots=True)
class Ended:
    """A table's thread has ended: the last message of it.

    Both None: it was stopped. Both given: it holds a version, and newer ones are not accepted.
    """

    target_url: str
    report: CloneReport | None = None
    error: FerryError | None = None


Message = Looked | Begun | Arrived | Moved | Said | TryFailed | Ended
