"""What `explain` answers, as values."""

from collections.abc import Mapping
from dataclasses import dataclass

from lakeferry.clone.record import CloneRecord
from lakeferry.delta.actions import Protocol


@dataclass(frozen=True, slots=True)
class FeatureFinding:
    """One feature of the table, and what a snapshot clone does about it."""

    name: str
    kind: str  # 'reader-writer', 'writer'
    action: str  # 'carry', 'drop', 'refuse'
    note: str  # '': nothing to know


@dataclass(frozen=True, slots=True)
class Column:
    """One top-level column."""

    name: str
    type: str  # as Delta spells it, nested types in `<>`
    nullable: bool
    note: str  # generated, identity, default, physical name; '': none


@dataclass(frozen=True, slots=True)
class Stream:
    """One application that writes the table, and remembers in it how far it is."""

    app_id: str
    version: int  # batches up to here are skipped when they are written again
    last_updated: int | None  # ms since the epoch
    expired: bool  # past delta.setTransactionRetentionDuration: readers hide it, a clone keeps it


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a clone would end before anything is written."""

    code: str
    what: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the live files."""

    files: int = 0
    bytes: int = 0
    vectors: int = 0
    deleted_rows: int = 0  # by the vectors
    absolute_paths: int = 0  # files and vectors that are named so
    unsafe: Refusal | None = None  # the first path that no clone may follow


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a clone in one mode would do."""

    mode: str  # 'snapshot', 'mirror'
    kept: tuple[str, ...]
    not_kept: tuple[str, ...]
    refusals: tuple[Refusal, ...]

    @property
    def possible(self) -> bool:
        return not self.refusals


@dataclass(frozen=True, slots=True)
class LogShape:
    """What lies in `_delta_log`."""

    first_version: int  # the oldest that can be rebuilt
    commits: int
    first_commit: int | None  # the oldest commit file that is left
    cleaned: bool  # log cleanup took commits
    checkpoint: str  # of the version: 'none', 'classic', 'multi-part, 3 parts', 'V2, json', ...
    checkpoint_version: int | None
    checkpoints: int  # complete ones
    incomplete: int  # parts of checkpoints that lack others
    compactions: int
    checksums: int
    companions: tuple[str, ...]  # what no action names, such as COPY INTO state
    companion_bytes: int


@dataclass(frozen=True, slots=True)
class VacuumRisk:
    """Whether VACUUM at the source may overtake a copy."""

    retention_s: int
    is_default: bool
    copy_s: float | None  # of all bytes at 1 Gbit/s; None: bytes unknown
    at_risk: bool
    text: str


@dataclass(frozen=True, slots=True)
class TableExplanation:
    """A table at one version, as far as its log tells."""

    url: str
    version: int
    timestamp_ms: int | None  # None: nothing says when
    id: str
    name: str | None
    description: str | None
    protocol: Protocol
    features: tuple[FeatureFinding, ...]
    columns: tuple[Column, ...]
    partition_columns: tuple[str, ...]
    constraints: Mapping[str, str]  # name -> expression
    properties: Mapping[str, str]  # without the constraints
    streams: tuple[Stream, ...]  # the `txn` table
    domains: Mapping[str, str]
    totals: Totals | None  # of the live files; None: they could not be read
    unknown_actions: tuple[str, ...]
    log: LogShape
    snapshot: Verdict
    mirror: Verdict
    vacuum: VacuumRisk
    record: CloneRecord | None  # of the last clone made here; None: this is no clone of ours
