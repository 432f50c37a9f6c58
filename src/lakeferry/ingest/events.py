"""What an ingest tells while it runs: values that the command line prints and counts.

Times are seconds or milliseconds since the epoch as the name says, sizes are bytes. Sums are of
this run; what came before it lies in the table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lakeferry.ingest.kinesis.aggregate import OutOfRange
from lakeferry.ingest.position.state import Gap


@dataclass(frozen=True, slots=True)
class Began:
    """Reading begins; told again whenever it begins anew from what is committed."""

    ingest: str  # name
    stream: str  # as it was asked for
    endpoint: str  # host
    table: str  # URL
    version: int  # of the table
    epoch: int  # commits of this ingest so far; 0 when only its beginning is committed
    resumes: str  # 'latest', 'trim-horizon', 'at:…' for a new ingest, 'epoch 812' for a known one
    shards: int  # that are read now
    open_shards: int  # of the stream
    workers: int
    retention_s: float  # of the stream
    times: int = 0  # that this run began anew before


@dataclass(frozen=True, slots=True)
class Progress:
    """How it goes: once a second, while anything is read or waited for.

    Rates are of the last seconds. `None` is what is not known yet.
    """

    elapsed_s: float
    records_per_s: float  # of Kinesis, read
    bytes_per_s: float  # bodies of answers: what the endpoint bills, about
    records: int  # of Kinesis, read
    rows: int  # written, committed or not
    rows_committed: int
    bad: int  # written to quarantine
    doubles: int  # left out by the window of keys
    out_of_range: int
    bytes_in: int
    calls: int
    empty: int  # calls that gave no record
    throttled: int
    expired: int  # iterators
    commits: int
    version: int  # of the table
    epoch: int
    behind_ms: int | None  # how far the shard that is furthest behind is read
    behind_shard: str  # which one that is; '' while not known
    table_behind_ms: int | None  # age of the youngest moment that the table has all of
    retention_left_s: float | None  # until the stream forgets what the table has not: the alarm
    catch_up_s: float | None  # until all is read that is there, at the present rates; None: never
    shards: int  # that are read
    paused: Mapping[str, str] = field(default_factory=dict)  # shard -> why it is not read now
    gaps: int = 0  # of the table's state: records that went unread and that was accepted
    open_bytes: int = 0  # of Parquet that is not committed
    waiting_bytes: int = 0  # of pages that wait to be parsed
    worker_rss: tuple[int, ...] = ()  # bytes, of each worker
    coordinator_rss: int = 0
    restarts: int = 0  # times that reading began anew
    state_bytes: int = 0  # of the positions as they were last committed
    commit_s: float | None = None  # how long the last commit took
    lags: Mapping[str, int | None] = field(default_factory=dict)  # shard -> behind_ms


@dataclass(frozen=True, slots=True)
class ShardSpan:
    """What one commit has of one shard that gave it records."""

    shard_id: str
    first: str  # sequence numbers
    last: str
    records: int


@dataclass(frozen=True, slots=True)
class BatchCommitted:
    """One version of the table is visible that has rows and positions of ours."""

    version: int
    epoch: int
    rows: int
    rejected: int  # rows of the quarantine table, which were committed before
    files: int
    bytes: int  # of them
    spans: tuple[ShardSpan, ...]  # in the order of shard ids
    newest_ms: int | None  # arrival of the newest and oldest record, since the epoch
    oldest_ms: int | None
    took_s: float  # from the flush to the commit
    state_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ShardEnded:
    """A closed shard was read to its end, and that is committed."""

    shard_id: str
    children: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShardsBegun:
    """Shards are read that were not before: children, after a reshard."""

    shards: tuple[str, ...]
    reading: int  # shards that are read now, all of them


@dataclass(frozen=True, slots=True)
class Compacted:
    """The upkeep of the table ended once."""

    what: str  # 'compaction', 'checkpoint', 'log cleanup', ...
    version: int | None  # that it committed; None where it needs no commit
    files_before: int = 0
    files_after: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class GapAccepted:
    """Records went out of retention unread; the ingest was told to go on."""

    gap: Gap


@dataclass(frozen=True, slots=True)
class Noted:
    """Something worth knowing that needs nobody."""

    message: str


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that a person should look at; the ingest goes on."""

    code: str | None
    message: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The run is over, and what it read is committed. Where it fails, a FerryError is raised."""

    reason: str  # 'stopped', 'caught up' (of `once`)
    version: int
    epoch: int
    commits: int
    records: int  # of Kinesis, committed
    rows: int  # committed
    bad: int
    doubles: int
    bytes_in: int
    gaps: tuple[Gap, ...]
    restarts: int
    elapsed_s: float
    out_of_range: int = 0  # records of KPL aggregates that belong to another shard
    out_of_range_rule: OutOfRange = "keep"  # what became of these


Event = (
    Began
    | Progress
    | BatchCommitted
    | ShardEnded
    | ShardsBegun
    | Compacted
    | GapAccepted
    | Noted
    | Warned
    | Ended
)
Emit = Callable[[Event], None]


def silent(event: Event) -> None:
    """The `Emit` of callers that want no events."""
