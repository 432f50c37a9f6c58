"""The two sides of a table at a switch, and what is known of them: values, and their stores."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lakeferry.delta.actions import Metadata
from lakeferry.fleet.cutover.load_ways import LoadedTable
from lakeferry.fleet.cutover.plan import TxnProof
from lakeferry.fleet.cutover.stream_ways import StreamPosition, Switched
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.ledger.rows import LakeTable
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store


@dataclass
class Stores:
    """The two sides of every table, opened once. Safe to use from many threads."""

    wanted: Migration
    every: tuple[LakeTable, ...] = ()  # of the migration: a folder ends where another one begins
    _open: dict[str, Store] = field(default_factory=dict)

    def source(self, row: LakeTable) -> Store:
        options = self.wanted.sources[row.source].store_options
        return self.at(row.source_url, options)

    def target(self, row: LakeTable) -> Store:
        return self.at(row.target_url, self.wanted.target.store_options)

    def at(self, url: str, options: Mapping[str, str]) -> Store:
        found = self._open.get(url)
        if found is None:
            found = self._open[url] = open_store(url, options)
        return found


@dataclass(frozen=True)
class BothSides:
    """A table on both sides, at the version that the target holds."""

    target_url: str
    proof: TxnProof
    switched: Switched
    metadata: Metadata | None  # of the target; None: a folder, which no catalog knows
    loaded: LoadedTable | None  # None: COPY INTO never wrote it
    mode: str  # 'snapshot', 'mirror', 'parquet', 'folder'
    state: Mapping[str, str | int] = field(default_factory=dict)  # of a source without a log


@dataclass(frozen=True)
class FoundStream:
    """A checkpoint, and where it is carried to."""

    position: StreamPosition
    store: Store
    target_url: str
