"""What one discovery came to, in sums: however many tables there are, this stays small. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from lakeferry.errors import FerryError
from lakeferry.fleet.discovery.found import TABLES, DeltaHead, FoundTable, Remark

MOST_NAMED = 20  # tables that are told by name of one remark or change


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a discovery is. How much it will be is not known."""

    sources_done: int
    sources: int
    tables: int
    folders: int
    requests: int
    elapsed_s: float


@dataclass
class KindTotals:
    """Tables in scope of all sources of one kind."""

    sources: set[str] = field(default_factory=set)
    tables: int = 0
    files: int = 0
    bytes: int = 0
    uncounted: int = 0  # tables of which nothing says the size
    commits_a_day: float = 0.0
    features: Counter[str] = field(default_factory=Counter)  # worth knowing

    def add(self, found: FoundTable) -> None:
        self.tables += 1
        self.files += found.files or 0
        self.bytes += found.bytes or 0
        self.uncounted += found.bytes is None
        if found.head is not None:
            self.commits_a_day += found.head.commits_a_day or 0
            self.features.update(worth_knowing(found.head))


@dataclass
class NotSeen:
    """Folders that were not looked into, the first of them by name."""

    count: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)  # path, why

    def add(self, path: str, why: str) -> None:
        self.count += 1
        if len(self.told) < MOST_NAMED:
            self.told.append((path, why))


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Schemas that a catalog did not tell the tables of, or not all of them."""

    schemas: Mapping[str, FerryError]  # and why
    leaves_folders: bool  # and the folders of the source were not looked into either
    is_meant: bool = True  # what was asked for may be among them


@dataclass
class Named:
    """How many, the first of them by name."""

    count: int = 0
    names: list[str] = field(default_factory=list)  # the first `MOST_NAMED`

    def add(self, name: str) -> None:
        self.count += 1
        if len(self.names) < MOST_NAMED:
            self.names.append(name)


@dataclass
class Changes:
    """What differs from the last look at the same sources."""

    new: Named = field(default_factory=Named)
    changed: Named = field(default_factory=Named)
    gone: Named = field(default_factory=Named)

    @property
    def any(self) -> bool:
        return bool(self.new.count or self.changed.count or self.gone.count)


@dataclass
class Told:
    """Remarks of one code."""

    remark: Remark  # of the first table
    tables: Named = field(default_factory=Named)


@dataclass
class Discovery:
    """All of it. Grows while the sources are looked at."""

    sources: int = 0
    kinds: dict[str, KindTotals] = field(default_factory=dict)  # kind of source -> in scope
    tables: int = 0  # in scope or not; folders that are moved are among them
    in_scope: int = 0
    blocked: int = 0  # of those in scope
    excluded: Counter[str] = field(default_factory=Counter)  # why -> tables
    beside: Counter[str] = field(default_factory=Counter)  # 'checkpoint', 'folder' -> how many
    copy_into: int = 0  # tables that COPY INTO loads
    streamed: int = 0  # tables that remember a streaming writer
    remarks: dict[str, Told] = field(default_factory=dict)  # by code
    faults: dict[str, FerryError] = field(default_factory=dict)  # source -> why it was not read
    refused: dict[str, NotSeen] = field(default_factory=dict)  # source -> folders that refused
    unlisted: dict[str, Unlisted] = field(default_factory=dict)  # source -> schemas that refused
    deep: dict[str, NotSeen] = field(default_factory=dict)  # deeper than was to be looked
    changes: Changes = field(default_factory=Changes)
    is_first: bool = True  # nothing was known of these sources before
    requests: int = 0
    elapsed_s: float = 0.0

    def add(self, found: FoundTable, kind_of_source: str) -> None:
        """Count one."""
        if found.kind not in TABLES and not found.is_in_scope:
            self.beside[found.kind] += 1
            return
        self.tables += 1
        for one in found.remarks:
            if found.is_in_scope or found.why_not != "by pattern":
                self.remark(one, found.name)
        if not found.is_in_scope:
            self.excluded[found.why_not] += 1
            return
        self.in_scope += 1
        self.blocked += found.blocker is not None
        totals = self.kinds.setdefault(kind_of_source, KindTotals())
        totals.sources.add(found.source)
        totals.add(found)
        if found.head is not None:
            self.copy_into += found.head.copy_into_files > 0
            self.streamed += found.head.streams_in_all > 0

    def remark(self, one: Remark, name: str) -> None:
        """Count a remark; those of one code are told together."""
        self.remarks.setdefault(one.code, Told(one)).tables.add(name)

    @property
    def is_whole(self) -> bool:
        """Whether all that was asked for could be read to its end."""
        unlisted = any(one.is_meant for one in self.unlisted.values())
        return not (self.faults or self.refused or unlisted)


def worth_knowing(head: DeltaHead) -> tuple[str, ...]:
    """What of a table's features a person asks for before a migration, in a word each."""
    told: Mapping[str, bool] = {
        "DV": "deletionVectors" in head.features,
        "column mapping": head.column_mapping != "none",
        "CDF": head.has_change_feed,
        "liquid": head.is_clustered,
        "row ids": "rowTracking" in head.features,
        "identity": "identityColumns" in head.features and head.writer_version >= 7,
        "v2 checkpoints": head.checkpoint == "v2",
        "in a catalog": any(name.startswith("catalog") for name in head.features),
    }
    return tuple(name for name, is_true in told.items() if is_true)
