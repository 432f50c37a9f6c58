"""What a plan of a migration says: one line a table, and what it was made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NamedTuple

from lakeferry.fleet.standing.time_left import Left

FORMAT = "lakeferry.plan/1"
Action = Literal[
    "copy",  # the first time: all that is live
    "increment",  # what the source did since
    "keep",  # up to date
    "blocked",  # cannot be done as asked
    "drifted",  # source or target changed in a way that the manifest does not accept
    "decide",  # a person says what is meant
]
MOVING: frozenset[Action] = frozenset({"copy", "increment"})
ASIDE: frozenset[Action] = frozenset({"blocked", "drifted", "decide"})


class Fault(NamedTuple):
    """Why a table stays where it is; the parts of a `FerryError`."""

    code: str
    what: str
    where: str
    next_step: str


class Counted(NamedTuple):
    """What a clone would move, counted by its own planning. Sizes are bytes."""

    bytes: int
    files: int
    added: int  # files of the table's state; those that are there already are not moved
    removed: int


@dataclass(frozen=True, slots=True)
class Cold:
    """Files of one tier that are to be moved and whose reading has a price of its own."""

    tier: str  # of the source's store: 'GLACIER', 'STANDARD_IA', 'Archive', 'COLDLINE', ...
    files: int
    bytes: int
    waits: bool  # they give no bytes before they are restored
    under_way: int = 0  # of the files: being restored


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at one table found at its source and at its target."""

    target_url: str
    source_version: int | None = None  # the newest; None: the source could not be read
    source_id: str | None = None  # metaData.id; None: not read, as nothing had changed
    protocol: str = ""
    schema_sha256: str = ""
    retention_s: int | None = None
    live: tuple[int, int] | None = None  # bytes, files; None: as the ledger knows them
    held_version: int | None = None  # of the source, that the target holds
    target_version: int | None = None
    work: Counted | None = None  # None: nothing lies at the target, so all of it moves
    is_current: bool = False  # the target holds the newest version
    is_judged: bool = False  # its features were read now, and a clone can keep them
    fault: Fault | None = None  # why it cannot be cloned as the manifest wants it
    job: str = ""  # that made the newest commit; '': nothing says it
    cold: tuple[Cold, ...] = ()  # of what would move


@dataclass(frozen=True, slots=True)
class PlannedTable:
    """One line of a plan."""

    target_url: str
    name: str
    source: str
    source_url: str
    kind: str
    wave: int
    route: str
    mode: str  # 'snapshot', 'mirror'
    action: Action
    state: str  # in which the ledger had it
    source_id: str | None = None
    source_version: int | None = None  # the one to copy
    held_version: int | None = None  # of the source; None: nothing of it
    target_version: int | None = None  # before
    bytes: int = 0  # to move
    files: int = 0
    requests: int = 0
    added: int = 0  # files of the table's state, as in `Counted`
    removed: int = 0
    live_bytes: int = 0  # of the source's table
    live_files: int = 0
    protocol: str = ""  # '3/7'
    schema_sha256: str = ""
    retention_s: int | None = None
    code: str = ""
    why: str = ""
    next_step: str = ""
    job: str = ""
    storage_class: str = ""  # of the files that are written; '': the bucket's own
    cold: tuple[Cold, ...] = ()  # of what is to be moved


class Priced(NamedTuple):
    """What the bytes of one route cost, by the path in use and by another; dollars are exact."""

    path: str  # of `cost`: 'nat_gateway', ...; '': none is priced
    usd: Decimal | None  # None: not known
    other_path: str = ""
    other_usd: Decimal | None = None
    why: str = ""  # no dollars are known
    at_least: bool = False  # some line of `usd` has no price


class Way(NamedTuple):
    """One way to have cold files, and what it costs."""

    name: str  # 'standard', 'bulk', 'expedited', 'high'; '': there is one only
    usd: Decimal | None  # None: not known
    missing: str = ""  # the price that is not known, or what is not said


class Retrieved(NamedTuple):
    """Cold files of one tier and Region, of all tables that move."""

    place: str  # 'aws:us-east-1'; of a Region that nobody said 'azure'
    tier: str
    files: int
    bytes: int
    waits: bool
    ways: tuple[Way, ...]


class Stored(NamedTuple):
    """What lies at the target in one storage class when the plan is done."""

    storage_class: str
    tables: int
    files: int
    bytes: int
    usd_a_month: Decimal | None  # None: not known
    usd_writes: Decimal | None  # once, beyond what the routes have for S3's STANDARD
    missing: str = ""


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """A plan: no secret, no row, no file's name; safe to attach to a change request."""

    migration: str  # its name
    manifest_sha256: str
    ledger_seq: int  # of the last event that it knows
    made_at_ms: int
    looked_at_ms: int  # before the first source was looked at
    tables: tuple[PlannedTable, ...]  # by wave and name
    select: tuple[str, ...] = ()  # as it was asked for; (): all tables
    price_book: str = ""  # when the prices were written down; '': nothing is priced
    left: Mapping[str, Left] = field(default_factory=dict)  # by route; none: not measured
    basis: str = ""  # of the times: '48h,6h-means', or 'assumed'
    priced: Mapping[str, Priced] = field(default_factory=dict)  # by route
    retrieved: tuple[Retrieved, ...] = ()  # beside the routes
    stored: tuple[Stored, ...] = ()  # where any table has a storage class of its own
    lakeferry: str = ""  # the version that made it
    encryption: str | None = None  # of the target, as asked; '': its own; None: not said
