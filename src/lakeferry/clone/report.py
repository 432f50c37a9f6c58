"""What a clone was asked for, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lakeferry.errors import FerryError

MODES = ("snapshot", "mirror")


@dataclass(frozen=True, slots=True)
class CloneRequest:
    """One call of `clone`. Addresses as people write them; options hold no secret, only names."""

    source: str
    target: str
    mode: str = "snapshot"
    version: int | None = None
    timestamp_ms: int | None = None
    replace: bool = False
    shallow: bool = False
    single_writer: bool = False
    carry_txns: bool = True
    dry_run: bool = False
    jobs: int = 16  # files in flight
    limit_bytes_per_s: float | None = None
    allow_features: frozenset[str] = frozenset()
    moved: Mapping[str, str] = field(default_factory=dict)  # old prefix of absolute paths -> new
    source_options: Mapping[str, str] = field(default_factory=dict)
    target_options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise _usage(f"mode `{self.mode}` is not one of: {', '.join(MODES)}", "--mode")
        if self.version is not None and self.timestamp_ms is not None:
            raise _usage("a version and a timestamp were both given", "--version, --timestamp")
        if self.shallow and self.mode == "mirror":
            raise _usage("a mirror is never shallow", "--shallow, --mode mirror")
        if self.mode == "mirror" and not self.carry_txns:
            raise _usage("a mirror's commits hold every txn", "--no-txn, --mode mirror")
        if self.jobs < 1:
            raise _usage(f"{self.jobs} jobs cannot copy anything", "--jobs")
        if self.limit_bytes_per_s is not None and not self.limit_bytes_per_s > 0:
            raise _usage(f"{self.limit_bytes_per_s} bytes/s move nothing", "--limit-rate")


def _usage(what: str, where: str) -> FerryError:
    return FerryError("LF-2001", what, where, "see lakeferry clone --help")


@dataclass(frozen=True, slots=True)
class CloneReport:
    """What one clone did, or with `dry_run` would do. Sizes are bytes.

    The last six names are the columns that Databricks' CLONE returns.
    """

    source: str
    target: str
    mode: str
    source_version: int
    target_version: int | None  # None: nothing was committed (dry run of a first clone)
    up_to_date: bool
    dry_run: bool
    commits: int  # made at the target
    files_copied: int
    bytes_copied: int
    files_present: int  # were at the target already
    vectors: int  # deletion vectors of the whole table
    txns: Mapping[str, int]  # appId -> version, at the target
    domains: tuple[str, ...]
    extras: tuple[str, ...]  # companions of the log that were carried, such as COPY INTO state
    kept: str  # one line for people
    not_kept: str
    warnings: tuple[str, ...]
    seconds: float
    source_table_size: int
    source_num_of_files: int
    num_removed_files: int
    num_copied_files: int
    removed_files_size: int
    copied_files_size: int
