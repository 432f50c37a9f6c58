"""The table of an ingest as it is known between two commits, and what it is told to become."""

from dataclasses import dataclass, field

from lakeferry.delta.actions import Metadata, Protocol
from lakeferry.ingest.position.state import IngestState
from lakeferry.ingest.table.commit_body import Head
from lakeferry.ingest.table.state_store import Keeps
from lakeferry.ingest.worker.messages import TableForm
from lakeferry.store.protocol import Store


@dataclass(frozen=True, slots=True)
class Target:
    """One table, at the version that we know. Nothing here grows from commit to commit."""

    store: Store
    name: str  # of the ingest
    form: TableForm  # of files
    version: int
    protocol: Protocol
    metadata: Metadata
    state: IngestState | None  # None: this ingest never committed here
    keeps: Keeps
    in_commit_timestamp: int | None = None  # ms, of this version
    high_row_id: int = -1  # of row tracking
    states: tuple[int, ...] = ()  # versions of `txn`s whose files lie beside the log, ascending
    single_writer: bool = False

    @property
    def head(self) -> Head:
        return Head(
            self.version, self.protocol, self.metadata, self.in_commit_timestamp, self.high_row_id
        )


@dataclass(frozen=True, slots=True)
class Committed:
    """The commit was made."""

    target: Target  # at its version
    version: int
    tries: int  # versions that were tried


@dataclass(frozen=True, slots=True)
class Lost:
    """Another writer of this ingest committed first, or one changed what the table asks of rows:
    what we had is void and removed.

    Read the table again, throw away what workers hold, and read the stream from there.
    """

    version: int  # of the other's commit
    writer: str = field(default="", compare=False)  # 'process 4711 on etl-2'; '' where not told
    changed: str = ""  # how the table did; '' where it was an ingest of this name
