"""What coordinator and workers say to each other. All of it can be pickled; none of it is shared.

The coordinator alone decides and commits. A worker reads the shards that it was given, writes files
that nobody sees yet, and tells what they hold: a batch is whole, or it is thrown away with its
worker. Nothing that a worker says changes the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from lakeferry.errors import FerryError
from lakeferry.ingest.position.state import Position, Span
from lakeferry.ingest.rules.row_rules import Rules
from lakeferry.ingest.settings import PartitionColumn


@dataclass(frozen=True, slots=True)
class TableForm:
    """What must be known of a table to write files that fit it."""

    url: str
    schema: pa.Schema  # logical names and types, partition columns among them, in table order
    partition_by: tuple[PartitionColumn, ...]
    physical: Mapping[str, str] = field(default_factory=dict)  # 'a.b' -> name in files, if another
    field_ids: Mapping[str, int] = field(default_factory=dict)  # 'a.b' -> id in files
    stats_columns: tuple[str, ...] = ()  # leaf paths, logical, whose statistics are collected
    name: str = ""  # of the ingest; begins the names of its files
    rules: Rules = field(default_factory=Rules)  # that rows must keep before they are written


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file that lies in the store and that no commit names yet."""

    path: str  # relative to the table, decoded: a key, no URI
    size: int  # bytes
    rows: int
    partition: Mapping[str, str | None]  # physical column -> value as the log writes it
    stats: str  # JSON of the `add`
    modified_ms: int  # since the epoch


# --- coordinator -> worker ------------------------------------------------------------------


RowKey = tuple[str, int | None]  # sequence number and sub-sequence number, of one shard


@dataclass(frozen=True, slots=True)
class ShardStart:
    """A shard to read."""

    shard_id: str
    place: Position  # where the table stands
    hash_range: tuple[int, int]
    # Where the quarantine table stands: bad records up to there lie in it already, or of those
    # only the ones that are told. What was good by then may be bad now, if the table's rules are
    # others.
    rejected_place: Position | None = None
    rejected: frozenset[RowKey] | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """Read these shards, too; each from its place to its end."""

    shards: tuple[ShardStart, ...]
    epoch: int = 1  # of the flush to come, which rows of the quarantine table are told


@dataclass(frozen=True, slots=True)
class Flush:
    """Close and upload the open files, say what they hold; go on reading into new ones."""

    epoch: int  # of the commit that it is for


@dataclass(frozen=True, slots=True)
class Reform:
    """The table has another form now; rows from here on are written for it."""

    form: TableForm
    declared: pa.Schema | None  # columns of the payload


@dataclass(frozen=True, slots=True)
class Drain:
    """Ask for no more records; the flush that follows is the last."""


Order = Read | Flush | Reform | Drain


# --- worker -> coordinator ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counts:
    """What a worker did since its last batch, or up to now."""

    records: int = 0  # of Kinesis
    rows: int = 0  # written to the table: user records of aggregates count each
    bad: int = 0  # have no row, but lie in quarantine, by this batch or a crash before it
    doubles: int = 0  # left out by the window of keys
    out_of_range: int = 0
    bytes_in: int = 0  # bodies of answers: what the endpoint bills, about
    calls: int = 0
    empty: int = 0  # calls that gave no record
    throttled: int = 0
    expired: int = 0  # iterators


@dataclass(frozen=True, slots=True)
class Batch:
    """The answer to a flush: the files of one worker, and from where to where they go.

    `spans` has every shard that the worker reads, those without records too.
    """

    epoch: int
    files: tuple[DataFile, ...]
    rejected: tuple[DataFile, ...]  # of the quarantine table
    spans: tuple[Span, ...]
    counts: Counts
    newest_ms: int | None  # arrival of the newest record of the batch, since the epoch
    oldest_ms: int | None
    renewed: bool = False  # an iterator was got since the last batch; of which stream is not known


@dataclass(frozen=True, slots=True)
class Lag:
    """How far behind one shard is read."""

    behind_ms: int | None  # MillisBehindLatest; None: not yet told
    paused: str = ""  # why it is not read now: 'KMSDisabledException: …'
    ended: bool = False  # read to its end, not flushed: its children wait for that
    read_until_ms: int = 0  # what came before it is in the files: of the position to be committed


@dataclass(frozen=True, slots=True)
class Told:
    """How a worker is doing, once a second."""

    counts: Counts  # since the worker began
    lags: Mapping[str, Lag]  # by shard
    open_bytes: int  # of Parquet in open files
    waiting_bytes: int  # of pages that wait to be parsed
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class Filled:
    """An open file has its full size: a flush is due."""


@dataclass(frozen=True, slots=True)
class NewColumns:
    """Fields that were not declared, with `evolve`; the worker waits for a `Reform`."""

    types: Mapping[str, pa.DataType | None]  # '$.a.b' -> type; None: all that was seen is empty


@dataclass(frozen=True, slots=True)
class Ignored:
    """Fields that were not declared, with `ignore`: those of a page that was looked at."""

    fields: tuple[str, ...]  # '$.a.b'


@dataclass(frozen=True, slots=True)
class Broken:
    """The worker cannot go on; it has ended, and its open files are void."""

    error: FerryError


Report = Batch | Told | Filled | NewColumns | Ignored | Broken
