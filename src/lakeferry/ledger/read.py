"""What a ledger says, for `status`, the page and the estimate. Readers never change it.

`db` comes from `open.reading`. Rows are as of one moment each call; `at_one_moment` binds several.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from lakeferry.ledger.rows import (
    Cell,
    CheckResult,
    Inventoried,
    LakeTable,
    LedgerEvent,
    Pace,
    Receipt,
)

_COLUMNS = ", ".join(LakeTable._fields)


@contextmanager
def at_one_moment(db: sqlite3.Connection) -> Iterator[None]:
    """Let all that is read within be of one moment, while another process goes on writing."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("ROLLBACK")


def tables(db: sqlite3.Connection) -> list[LakeTable]:
    """Every table of the migration, in no order."""
    # Without a call of Python for each row: there may be ten thousand of them.
    made = partial(tuple.__new__, LakeTable)
    return list(map(made, db.execute(f"SELECT {_COLUMNS} FROM lake_table")))


def tables_in(db: sqlite3.Connection, states: Iterable[str]) -> list[LakeTable]:
    """The tables that are in one of these states, in no order."""
    chosen = tuple(states)
    marks = ", ".join("?" * len(chosen))
    found = db.execute(f"SELECT {_COLUMNS} FROM lake_table WHERE state IN ({marks})", chosen)
    return [LakeTable._make(row) for row in found]


def asking(db: sqlite3.Connection, states: Iterable[str]) -> list[LakeTable]:
    """The tables in these states, and those whose source was written to after their switch."""
    late = db.execute(
        f"SELECT {_COLUMNS} FROM lake_table WHERE state = 'cut_over' AND behind_since_ms NOT NULL"
    )
    return [*tables_in(db, states), *map(LakeTable._make, late)]


def cells(db: sqlite3.Connection, *, now_ms: int) -> list[Cell]:
    """Sums of all tables: what `fleet.standing.status.cell_of` makes, in a quarter of the time."""
    found = db.execute(
        "SELECT source, wave, state, route, strength, count(*), sum(bytes), sum(files),"
        " sum(left_bytes), sum(left_files), sum(left_requests), count(held_version),"
        " min(behind_since_ms) FILTER (WHERE held_version IS NOT NULL),"
        " count(*) FILTER (WHERE held_version IS NOT NULL AND state <> 'cut_over'"
        " AND max(0, ? - behind_since_ms) / 1000.0 > lag_target_s), max(state_since_ms),"
        " count(*) FILTER (WHERE state = 'cut_over' AND behind_since_ms IS NOT NULL)"
        " FROM lake_table GROUP BY source, wave, state, route, strength",
        (now_ms,),
    )
    return [Cell._make(row) for row in found]


def inventory(db: sqlite3.Connection) -> Iterator[Inventoried]:
    """What the last discovery of each source found, by name, one by one."""
    columns = ", ".join(Inventoried._fields)
    found = db.execute(f"SELECT {columns} FROM inventory WHERE gone_ms IS NULL ORDER BY 2, 1, 3")
    return map(Inventoried._make, found)


def prints(db: sqlite3.Connection) -> dict[tuple[str, str, str], str]:
    """Source, name and URL of all that was there at the last look -> its print."""
    found = db.execute("SELECT source, name, url, print FROM inventory WHERE gone_ms IS NULL")
    return {(source, name, url): told for source, name, url, told in found}


def manifests(db: sqlite3.Connection, *, most: int) -> list[str | None]:
    """The hashes of the manifests under which the last runs worked, newest first."""
    found = db.execute(
        "SELECT manifest_sha256 FROM run ORDER BY started_at_ms DESC, rowid DESC LIMIT ?", (most,)
    )
    return [one[0] for one in found]


def last_seq(db: sqlite3.Connection) -> int:
    """The number of the last event; 0: none."""
    found: int | None = db.execute("SELECT max(seq) FROM event").fetchone()[0]
    return found or 0


def events_of(db: sqlite3.Connection, kind: str) -> list[LedgerEvent]:
    """All of one kind, oldest first. The whole history is looked through."""
    found = db.execute(
        "SELECT seq, run_id, at_ms, kind, target_url, body FROM event WHERE kind = ? ORDER BY seq",
        (kind,),
    )
    return [LedgerEvent._make(row) for row in found]


def newest_events(
    db: sqlite3.Connection, target_url: str, *, limit: int
) -> tuple[LedgerEvent, ...]:
    """The last of one table's history, oldest first."""
    found = db.execute(
        "SELECT seq, run_id, at_ms, kind, target_url, body FROM event WHERE target_url = ?"
        " ORDER BY seq DESC LIMIT ?",
        (target_url, limit),
    ).fetchall()
    return tuple(LedgerEvent._make(row) for row in reversed(found))


def paces(db: sqlite3.Connection, *, since_ms: int, each_s: int = 1) -> list[Pace]:
    """How fast each route was, span by span; those that end within the same `each_s` are one."""
    found = db.execute(
        "SELECT route, max(at_ms), sum(seconds), sum(bytes), sum(requests), capped FROM pace"
        " WHERE at_ms > ?1 GROUP BY route, at_ms / ?2, capped ORDER BY 2, route",
        (since_ms, each_s * 1000),
    )
    return [Pace._make((*row[:5], bool(row[5]))) for row in found]


def moved_bytes(db: sqlite3.Connection) -> dict[str, int]:
    """Bytes that all runs have moved, by route. A ledger that is rebuilt knows none before."""
    return dict(db.execute("SELECT route, sum(bytes) FROM pace GROUP BY route"))


def first_pace_ms(db: sqlite3.Connection, *, since_ms: int) -> int | None:
    """The end of the first span after a time; None: nothing moved since."""
    found: int | None = db.execute(
        "SELECT min(at_ms) FROM pace WHERE at_ms > ?", (since_ms,)
    ).fetchone()[0]
    return found


def checks(db: sqlite3.Connection, target_url: str) -> list[CheckResult]:
    """The comparisons of one table, newest first."""
    found = db.execute(
        "SELECT * FROM check_result WHERE target_url = ? ORDER BY checked_at_ms DESC, kind",
        (target_url,),
    )
    return [CheckResult._make(row) for row in found]


def next_receipt_ms(db: sqlite3.Connection, target_urls: Iterable[str], *, now_ms: int) -> int:
    """Now, or just behind the newest receipt of these tables where another clock was ahead of ours.

    The last receipt says on which side a table is, so a later one must have a later time.
    """
    at_ms = now_ms
    for url in target_urls:
        said = db.execute("SELECT max(made_at_ms) FROM receipt WHERE target_url = ?", (url,))
        (newest,) = said.fetchone()
        at_ms = at_ms if newest is None else max(at_ms, newest + 1)
    return at_ms


def receipts(db: sqlite3.Connection, target_url: str) -> list[Receipt]:
    """The receipts of one table, newest first."""
    found = db.execute(
        "SELECT * FROM receipt WHERE target_url = ? ORDER BY made_at_ms DESC, sha256",
        (target_url,),
    )
    return [Receipt._make(row) for row in found]
