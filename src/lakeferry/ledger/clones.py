"""The clones of a ledger, within a transaction of who leads it: opened, committed, given up.

What landed of a clone that did not commit stays until the next one of its table takes it over: the
files lie at the target, and are found there.
"""

import sqlite3

from lakeferry.ledger.rows import CloneStart


def begin(db: sqlite3.Connection, start: CloneStart, *, run_id: str, at_ms: int) -> int:
    """Open a clone; one that a killed run left open is given up. Its number.

    What landed of those before it, from the same version on, has landed of this one, too.
    """
    give_up(db, start.target_url, at_ms=at_ms)
    begun = db.execute(
        "INSERT INTO clone (target_url, run_id, base_source_version, source_version,"
        " plan_sha256, files, bytes, state, started_at_ms)"
        " VALUES (?1, ?7, ?2, ?3, ?4, ?5, ?6, 'copying', ?8)",
        (*start, run_id, at_ms),
    )
    assert begun.lastrowid is not None
    db.execute(
        "UPDATE OR REPLACE landed SET clone_id = ?1 WHERE clone_id IN (SELECT clone_id FROM clone"
        " WHERE target_url = ?2 AND state = 'abandoned' AND base_source_version IS ?3)",
        (begun.lastrowid, start.target_url, start.base_source_version),
    )
    _forget_landed(db, start.target_url)
    return begun.lastrowid


def landed(db: sqlite3.Connection, clone_id: int) -> tuple[int, int]:
    """Files that have landed of an open clone, and their bytes."""
    files, size = db.execute(
        "SELECT count(*), coalesce(sum(bytes), 0) FROM landed WHERE clone_id = ?", (clone_id,)
    ).fetchone()
    return files, size


def landed_first(db: sqlite3.Connection) -> dict[str, tuple[int, int]]:
    """What has landed of tables of which nothing is held yet: target -> files, bytes."""
    found = db.execute(
        "SELECT target_url, count(*), sum(landed.bytes) FROM landed JOIN clone USING (clone_id)"
        " JOIN lake_table USING (target_url) WHERE held_version IS NULL GROUP BY target_url"
    )
    return {target_url: (files, size) for target_url, files, size in found}


def commit(db: sqlite3.Connection, clone_id: int, target_version: int, *, at_ms: int) -> None:
    """The clone's version is visible at the target; its landed files are history."""
    db.execute("DELETE FROM landed WHERE clone_id = ?", (clone_id,))
    _end(db, clone_id, "committed", target_version, at_ms)
    db.execute(
        "UPDATE lake_table SET held_version = c.source_version, held_at_ms = ?2,"
        " target_version = ?3, left_bytes = 0, left_files = 0, left_requests = 0,"
        " strength = NULL, source_version = max(coalesce(lake_table.source_version, 0),"
        " c.source_version), behind_since_ms = iif(coalesce(lake_table.source_version, 0)"
        " > c.source_version, behind_since_ms, NULL)"
        " FROM clone c WHERE c.clone_id = ?1 AND lake_table.target_url = c.target_url",
        (clone_id, at_ms, target_version),
    )


def abandon(db: sqlite3.Connection, clone_id: int, *, at_ms: int) -> None:
    """The clone will not commit."""
    _end(db, clone_id, "abandoned", None, at_ms)


def give_up(db: sqlite3.Connection, target_url: str, *, at_ms: int) -> None:
    """Abandon what is open of a table."""
    left = db.execute(
        "SELECT clone_id FROM clone WHERE target_url = ? AND state = 'copying'", (target_url,)
    ).fetchall()
    for (clone_id,) in left:
        abandon(db, clone_id, at_ms=at_ms)


def forget(db: sqlite3.Connection, target_url: str, *, at_ms: int) -> None:
    """Nothing lies at the target any more: the table holds nothing, and all is to be moved."""
    give_up(db, target_url, at_ms=at_ms)
    _forget_landed(db, target_url)
    db.execute(
        "UPDATE lake_table SET held_version = NULL, held_at_ms = NULL, strength = NULL,"
        " target_version = NULL, behind_since_ms = NULL, left_bytes = bytes,"
        " left_files = files, left_requests = 2 * files WHERE target_url = ?",
        (target_url,),
    )


def _forget_landed(db: sqlite3.Connection, target_url: str) -> None:
    db.execute(
        "DELETE FROM landed WHERE clone_id IN (SELECT clone_id FROM clone"
        " WHERE target_url = ? AND state = 'abandoned')",
        (target_url,),
    )


def _end(
    db: sqlite3.Connection, clone_id: int, state: str, target_version: int | None, at_ms: int
) -> None:
    db.execute(
        "UPDATE clone SET state = ?, target_version = ?, ended_at_ms = ? WHERE clone_id = ?",
        (state, target_version, at_ms, clone_id),
    )
