"""Which small files of a table are worth joining, partition by partition. Pure.

An ingest commits once a minute, so it makes small files, in each partition in the order of time.
Only files that an ingest wrote are joined: what else lies in the table has its own writers, who may
write what we do not read, and its own OPTIMIZE.

Files are joined in the order in which they came, so that rows keep theirs and bounds stay narrow.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.delta.actions import Protocol
from lakeferry.delta.features import effective_features
from lakeferry.delta.paths import is_absolute

MIB = 1 << 20
COLUMNS = ("path", "partitionValues", "size", "modificationTime", "deletionVector", "baseRowId")
MOST_CANDIDATES = 100_000  # files looked at in one run; the next takes what is left
_INGESTED = r"(^|/)part-.+-\d{5,}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.zstd\.parquet$"
# Under these a file may be rewritten as it is. Not under row tracking, whose rows have ids; nor
# clustering, which has an OPTIMIZE of its own; nor with types that were widened, or variants.
JOINABLE = frozenset(
    {"appendOnly", "invariants", "checkConstraints", "changeDataFeed", "generatedColumns"}
    | {"columnMapping", "identityColumns", "deletionVectors", "timestampNtz"}
    | {"timestampWithoutTimezone", "v2Checkpoint", "vacuumProtocolCheck", "domainMetadata"}
    | {"inCommitTimestamp", "inCommitTimestamp-preview", "allowColumnDefaults"}
    | {"checkpointProtection"}
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is small, and what is worth writing. Bytes of Parquet."""

    least: int = 256 * MIB  # smaller files are candidates; so much together is worth it
    most: int = 1024 * MIB  # of one joined file
    # Or so many files: a quiet stream never has `least` together, but a thousand files a day.
    files: int = 10


@dataclass(frozen=True, slots=True)
class SmallFile:
    """A live file."""

    path: str  # as logged
    size: int  # bytes
    modified_ms: int  # since the epoch


@dataclass(frozen=True, slots=True)
class Join:
    """Files that become one."""

    partition: Mapping[str, str | None]  # as logged
    files: tuple[SmallFile, ...]  # in the order of their rows

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)


def why_not(protocol: Protocol) -> str:
    """Why no files of a table may be joined; '' if they may."""
    others = sorted(effective_features(protocol) - JOINABLE)
    return f"the table has {', '.join(others)}" if others else ""


def plan_joins(
    batches: Iterable[pa.RecordBatch], *, older_than_ms: int, sizes: Sizes = Sizes()
) -> tuple[Join, ...]:
    """What to join.

    Args:
        batches: live files, `COLUMNS` of FILE_SCHEMA.
        older_than_ms: since the epoch; younger files are left alone.

    Returns:
        Joins, each of two files at least, those that hold the oldest file first; no file is in two
        of them.
    """
    by_partition: dict[tuple[tuple[str, str | None], ...], list[SmallFile]] = {}
    for partition, file in _candidates(batches, older_than_ms, sizes):
        by_partition.setdefault(partition, []).append(file)
    joins = [
        Join(dict(partition), tuple(files))
        for partition, found in by_partition.items()
        for files in _bins(sorted(found, key=_by_age), sizes)
    ]
    return tuple(sorted(joins, key=lambda join: _by_age(join.files[0])))


def _by_age(file: SmallFile) -> tuple[int, str]:
    return file.modified_ms, file.path


@dataclass(slots=True)
class _Bin:
    files: list[SmallFile] = field(default_factory=list)
    bytes: int = 0

    def is_worth_it(self, sizes: Sizes) -> bool:
        enough = self.bytes >= sizes.least or len(self.files) >= sizes.files
        return enough and len(self.files) > 1


def _bins(files: Sequence[SmallFile], sizes: Sizes) -> Iterator[list[SmallFile]]:
    """Neighbours in time, so that no later file's rows come before an earlier one's."""
    held = _Bin()
    for file in files:
        if held.bytes + file.size > sizes.most:
            if held.is_worth_it(sizes):
                yield held.files
            held = _Bin()
        held.files.append(file)
        held.bytes += file.size
    if held.is_worth_it(sizes):
        yield held.files


def _candidates(
    batches: Iterable[pa.RecordBatch], older_than_ms: int, sizes: Sizes
) -> Iterator[tuple[tuple[tuple[str, str | None], ...], SmallFile]]:
    count = 0
    for batch in batches:
        told = batch.filter(_is_candidate(batch, older_than_ms, sizes))
        for row in told.select(["path", "partitionValues", "size", "modificationTime"]).to_pylist():
            if is_absolute(row["path"]):
                continue
            count += 1
            if count > MOST_CANDIDATES:
                return
            partition = tuple(row["partitionValues"] or ())
            yield partition, SmallFile(row["path"], row["size"], row["modificationTime"])


def _is_candidate(batch: pa.RecordBatch, older_than_ms: int, sizes: Sizes) -> pa.Array:
    mask = pc.less(batch.column("size"), sizes.least)
    for more in (
        pc.less(batch.column("modificationTime"), older_than_ms),
        pc.is_null(batch.column("deletionVector")),
        pc.is_null(batch.column("baseRowId")),
        pc.match_substring_regex(batch.column("path"), _INGESTED),
    ):
        mask = pc.and_(mask, more)
    return pc.fill_null(mask, False)
