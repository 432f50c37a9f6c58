"""How a run of `sync` ended, from its tables and sums. Pure."""

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal

from lakeferry.fleet.standing.status import to_look_at
from lakeferry.fleet.sync.book import Sums
from lakeferry.fleet.sync.events import SyncReport
from lakeferry.ledger.rows import LakeTable


def report_of(
    rows: Sequence[LakeTable],
    sums: Sums,
    *,
    synced: AbstractSet[str],
    current: AbstractSet[str],
    todo: AbstractSet[str],
    waiting: int,
    seconds: float,
    usd: Decimal | None,
    ended_by: str,
    was_stopped: bool,
) -> SyncReport:
    """The report.

    Args:
        rows: the tables that were meant, as they are now.
        synced, current: targets that came to a newer version, and that were found up to date; one
            that is followed may be both.
        todo: targets that this run was to bring up to date.
        waiting: tables whose wave begins later.
    """
    states = Counter(row.state for row in rows)
    left = todo - synced - current
    not_looked_at = sum(
        row.state in ("synced", "verified") and row.target_url in left for row in rows
    )
    return SyncReport(
        states=dict(states),
        synced=len(synced),
        current=len(current - synced),
        blocked=states["blocked"],
        drifted=states["drifted"],
        failed=states["failed"],
        not_begun=states["planned"] + states["discovered"] + not_looked_at,
        waiting=waiting,
        files=sums.files,
        bytes=sums.bytes,
        present=sums.present,
        seconds=seconds,
        usd=usd,
        ended_by=ended_by,
        was_stopped=was_stopped,
        look_at=to_look_at(rows),
    )
