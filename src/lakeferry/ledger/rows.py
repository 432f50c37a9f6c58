"""What a ledger is told and tells, as values. Times are milliseconds since the epoch, UTC."""

from dataclasses import dataclass
from typing import NamedTuple


class LakeTable(NamedTuple):
    """One table of a migration, as the ledger knows it. Told by its target."""

    target_url: str
    name: str  # source.schema.table
    source: str  # the source's key in the manifest
    source_url: str
    kind: str  # 'delta', 'parquet', 'iceberg', 'folder', ...
    wave: int
    route: str  # the network path that its bytes take: 'internet', 'direct-connect', ...
    lag_target_s: int | None = None
    state: str = "discovered"  # `fleet.standing.states.State`
    state_since_ms: int = 0
    why: str = ""
    code: str = ""
    next_step: str = ""
    source_id: str | None = None  # metaData.id
    source_version: int | None = None
    bytes: int = 0  # live, at `source_version`
    files: int = 0
    looked_at_ms: int | None = None  # when the four above were seen
    behind_since_ms: int | None = None  # first commit of the source that the target lacks
    held_version: int | None = None  # of the source, that the target holds
    target_version: int | None = None
    held_at_ms: int | None = None
    left_bytes: int = 0  # still to be moved, as the last plan or look said, less what landed
    left_files: int = 0
    left_requests: int = 0
    strength: str | None = None  # of the last proof of `held_version` that found it equal
    schema_name: str = ""  # the parts of `name`, each of which may have dots
    table_name: str = ""  # '': not known apart, see `fleet.manifest.facts`
    path: str = ""  # relative to the root of its source; '': only a catalog knows it
    protocol: str = ""  # '3/7', at `source_version`; '': not seen
    schema_sha256: str = ""  # of metaData.schemaString, 16 hex digits; '': not seen
    retention_s: int | None = None  # how long VACUUM leaves what the source dropped; None: not seen


class Cell(NamedTuple):
    """Tables that share what they are told by, summed: what is told of many without reading each.

    Made by `read.cells`, and of single tables by `fleet.standing.status.cell_of`.
    """

    source: str
    wave: int
    state: str
    route: str
    strength: str | None
    tables: int
    bytes: int
    files: int
    left_bytes: int
    left_files: int
    left_requests: int
    held: int  # tables of which the target holds a version
    behind_since_ms: int | None  # of those the one that is furthest behind; None: none is
    beyond_target: int  # of those that are not cut over: further behind than wanted
    since_ms: int  # when the last of them came to its state
    late: int  # cut over, and their source was written to since


class Inventoried(NamedTuple):
    """Something that a discovery found: a table, a checkpoint, a folder."""

    source: str
    name: str  # source.schema.table
    url: str
    kind: str
    target_url: str | None  # of its `LakeTable`; None: it is not moved
    print: str  # of what counts as a change from look to look
    seen_ms: int
    body: str  # JSON: `fleet.discovery.found.FoundTable`


@dataclass(frozen=True, slots=True)
class Move:
    """One table from one state to another, by the rules of `fleet.standing.states.move`."""

    target_url: str  # which table
    before: str
    after: str
    why: str = ""  # for people: 'version 24518 committed as 63'
    code: str = ""  # of the error, where there is one
    next_step: str = ""  # what a person can do; '': nothing


class Work(NamedTuple):
    """What is left to move of one table."""

    target_url: str
    bytes: int
    files: int
    requests: int  # GET and PUT, of the slower side


class CloneStart(NamedTuple):
    """A clone of one table is about to copy."""

    target_url: str
    base_source_version: int | None  # that the target holds; None: nothing yet
    source_version: int
    plan_sha256: str
    files: int  # to copy
    bytes: int


class LandedFile(NamedTuple):
    """One file is durable at the target under its final name."""

    path: str
    bytes: int
    how: str  # 'streamed', 'server_copy', 'already_there'
    crc64nvme: str | None = None
    source_e_tag: str | None = None
    elapsed_ms: int | None = None


class Pace(NamedTuple):
    """What one route moved in one span; files overlap, so only a span's bytes add up to a rate."""

    route: str
    at_ms: int  # the end of the span
    seconds: float  # in which something was under way
    bytes: int  # that moved; what was there already is none
    requests: int
    capped: bool  # a limit or a window held it back, so it says nothing of what the route can do


class CheckResult(NamedTuple):
    """One comparison of a table with its source."""

    target_url: str
    source_version: int
    kind: str  # 'listed', 'hashed', 'replayed', 'rows', 'txn', ...
    outcome: str  # 'equal', 'different', 'not_run'
    detail: str
    checked_at_ms: int


class Receipt(NamedTuple):
    """A proof that was given to people; its hash is over the UTF-8 of `body`."""

    sha256: str
    target_url: str
    kind: str  # 'verify', 'cutover', 'rollback'
    made_at_ms: int
    body: str  # JSON


class LedgerEvent(NamedTuple):
    """One line of the history. `seq` has no gaps."""

    seq: int
    run_id: str
    at_ms: int
    kind: str
    target_url: str | None
    body: str  # JSON
