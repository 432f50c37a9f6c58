"""What an ingest is asked to do: its stream, its table, its payload, its rhythm."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

from lakeferry.connect.aws import AwsAccess
from lakeferry.ingest.kinesis.aggregate import OutOfRange
from lakeferry.ingest.kinesis.pace import IDLE_S
from lakeferry.ingest.kinesis.signing import Endpoint
from lakeferry.ingest.kinesis.wire import MOST_RECORDS
from lakeferry.ingest.payload.avro_rows import AvroForm
from lakeferry.ingest.payload.csv_rows import CsvForm
from lakeferry.ingest.payload.json_rows import OnNew

MIB = 1 << 20
# What becomes of a record that is none as declared: a table of its own, a row with nothing but
# `_rescued_data`, or the end of the ingest.
OnBad = Literal["quarantine", "rescue", "fail"]


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """The stream, and how it is asked."""

    stream: str  # name or ARN, as it was given
    endpoint: Endpoint  # never follows from the stream
    access: AwsAccess  # whose keys sign
    share: float = 1.0  # of each shard's quota that is ours, above 0 and up to 1
    shortest_s: float = 0.2  # between two calls to one shard
    idle_s: float = IDLE_S  # the same while it is caught up
    most_records: int = MOST_RECORDS  # of one call
    out_of_range: OutOfRange = "keep"  # user records of aggregates that belong to another shard
    # Of pages that wait to be parsed, of one worker. Their records take about as much; what is read
    # in a quarter of a second at full speed is enough, for what more there is the stream keeps.
    buffer_bytes: int = 16 * MIB


@dataclass(frozen=True, slots=True)
class PayloadSettings:
    """What rows are made of. Without a schema they are raw: `rows.RAW_SCHEMA`."""

    schema: pa.Schema | None = None  # declared columns of the payload; of Avro those of its schema
    on_new: OnNew = "ignore"
    on_bad: OnBad = "quarantine"
    provenance: bool = True  # parsed rows say shard, sequence numbers and arrival
    most_bad: float = 0.1  # of the last 100,000 records; beyond it the ingest stops
    form: CsvForm | AvroForm | None = None  # None: JSON. Only in JSON fields can be new


@dataclass(frozen=True, slots=True)
class DedupSettings:
    """Rows whose key was seen within a window are left out."""

    columns: tuple[str, ...]  # of the payload
    window_s: int


@dataclass(frozen=True, slots=True)
class PartitionColumn:
    """A partition column, and how rows come by its value."""

    name: str
    of: str | None = None  # the timestamp or date column that it is computed of; None: its own
    unit: Literal["date", "hour"] = "date"  # UTC: a date, or text like '2026-11-26-09'


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """The table."""

    url: str
    options: Mapping[str, str] = field(default_factory=dict)  # of `open_store`
    partition_by: tuple[PartitionColumn, ...] = ()  # of a table that is made; must fit one that is
    quarantine: str | None = None  # URL of the table of bad records; None: beside it, `_rejected`
    offsets: Literal["auto", "domain", "sidecar"] = "auto"  # where positions are kept
    single_writer: bool = False  # the store lacks put-if-absent, and we are vouched to be alone


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a commit is due, and what is done beside commits. Times in seconds, sizes in bytes."""

    every_s: float = 60.0
    file_bytes: int = 128 * MIB  # of Parquet, for one open file of one worker
    idle_commit_s: float = 3600.0  # without rows; so that positions and ends of shards get in
    checkpoint_every: int = 100  # versions
    compact_every_s: float | None = 3600.0  # None: never
    compact_after_s: float = 7200.0  # files younger than this are left alone
    clean_log: bool = True  # by the table's own delta.logRetentionDuration
    list_every_s: float = 10.0  # shards
    # Without a turn of the coordinator: the machine slept, or the process was stopped, and reading
    # begins anew. Iterators live as long.
    stopped_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Ingest:
    """All of it."""

    name: str  # of the positions in the table: two ingests of one name never double a row
    source: SourceSettings
    target: TargetSettings
    payload: PayloadSettings = field(default_factory=PayloadSettings)
    dedup: DedupSettings | None = None
    rhythm: Rhythm = field(default_factory=Rhythm)
    workers: int = 1
    start: str = "latest"  # of a new ingest: `start.parse_start`
    once: bool = False  # end when all that was there at the start is committed
    on_loss: Literal["fail", "go on"] = "fail"  # records went out of retention unread
    on_recreated: Literal["fail", "restart"] = "fail"  # the stream is another of the same name
