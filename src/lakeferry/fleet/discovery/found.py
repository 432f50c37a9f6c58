"""What a discovery finds in a lake, as values. Sizes are bytes, times ms since the epoch. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "delta",
    "parquet",  # files of one folder, or of `name=value` folders below it, without a log
    "iceberg",
    "hudi",
    "checkpoint",  # of a query of Spark's Structured Streaming
    "folder",  # other files
    "view",  # a catalog knows it; it has no files of its own
    "other",  # a catalog knows it, in a format that is none of these
]
TABLES: tuple[Kind, ...] = ("delta", "parquet", "iceberg", "hudi", "view", "other")


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know of one table before it is moved."""

    code: str
    what: str
    next_step: str
    blocks: bool = True  # False: it can be moved all the same


@dataclass(frozen=True, slots=True)
class StreamMark:
    """What one application that writes a table remembers in it: Delta's `txn`."""

    app_id: str
    version: int
    last_updated: int | None


@dataclass(frozen=True, slots=True)
class DeltaHead:
    """A Delta table at its newest version, as the head of its log says."""

    id: str  # metaData.id
    version: int
    committed_ms: int | None
    reader_version: int
    writer_version: int
    features: tuple[str, ...]  # names, those of legacy versions too; sorted
    schema_sha256: str  # of metaData.schemaString, 16 hex digits
    partition_columns: tuple[str, ...]
    commits_a_day: float | None
    streams: tuple[StreamMark, ...] | None  # at most `MOST_STREAMS`; None: not read
    streams_in_all: int
    copy_into_files: int  # objects of COPY INTO's state; its format is Databricks' own
    retention_s: int  # how long VACUUM leaves what the table dropped
    checkpoint: str  # 'none', 'classic', 'multi-part', 'v2'
    has_change_feed: bool
    is_clustered: bool
    column_mapping: str  # 'none', 'name', 'id'
    counted_by: Literal["checksum", "log", "nothing"]  # who says `files` and `bytes`


MOST_STREAMS = 20


@dataclass(frozen=True, slots=True)
class QueryState:
    """What the checkpoint of a streaming query says."""

    query_id: str  # which the tables that it writes remember as `txn.appId`
    last_batch: int | None  # of `offsets`
    last_commit: int | None  # of `commits`
    reads: tuple[str, ...]  # metaData.id of Delta tables that it reads
    is_auto_loader: bool


@dataclass(frozen=True, slots=True)
class FoundTable:
    """One table, checkpoint or folder of a source."""

    source: str  # key in the manifest
    schema: str
    table: str
    kind: Kind
    url: str
    path: str = ""  # relative to the root of its source; '': the root, or elsewhere
    catalog: str = ""  # in which it is registered; '': in none
    files: int | None = None  # live ones; None: not known
    bytes: int | None = None
    head: DeltaHead | None = None
    query: QueryState | None = None
    partition_columns: tuple[str, ...] = ()  # of what is no Delta table
    formats: Mapping[str, int] = field(default_factory=dict)  # of a folder: ending -> files
    is_in_scope: bool = True
    why_not: str = ""  # not in scope: 'by pattern', 'not Delta', 'a view', ...
    remarks: tuple[Remark, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.source}.{self.schema}.{self.table}"

    @property
    def blocker(self) -> Remark | None:
        """The first of the remarks that keeps it from being moved."""
        return next((one for one in self.remarks if one.blocks), None)
