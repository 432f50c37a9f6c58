"""The tables of a ledger, and how an older file becomes one of today.

Times are milliseconds since the epoch, UTC. A migration of the schema is a tuple of statements that
are applied in one transaction together with the new number in `PRAGMA user_version`; one that has
been published is never edited, only followed by another.
"""

import sqlite3
from collections.abc import Sequence

APPLICATION_ID = 0x4C46_4C47  # 'LFLG': tells a ledger from the database of another program
OLDEST_SQLITE = (3, 37, 0)  # the first with STRICT tables

_FIRST = (
    """CREATE TABLE lease (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      token INTEGER NOT NULL,            -- grows with every taking, so that an old one is known
      run_id TEXT NOT NULL, command TEXT NOT NULL,
      host TEXT NOT NULL, machine TEXT NOT NULL, pid INTEGER NOT NULL, process TEXT NOT NULL,
      taken_at_ms INTEGER NOT NULL,
      heard_at_ms INTEGER NOT NULL,
      expires_at_ms INTEGER NOT NULL     -- 0: given back
    ) STRICT""",
    """CREATE TABLE run (
      run_id TEXT PRIMARY KEY, command TEXT NOT NULL, manifest_sha256 TEXT,
      started_at_ms INTEGER NOT NULL, ended_at_ms INTEGER, exit_code INTEGER
    ) STRICT""",
    """CREATE TABLE lake_table (
      target_url TEXT PRIMARY KEY,       -- what a table is told by
      name TEXT NOT NULL,                -- source.schema.table
      source TEXT NOT NULL, source_url TEXT NOT NULL, kind TEXT NOT NULL,
      wave INTEGER NOT NULL, route TEXT NOT NULL, lag_target_s INTEGER,
      state TEXT NOT NULL CHECK (state IN ('discovered', 'planned', 'syncing', 'synced', 'verified',
        'frozen', 'cut_over', 'blocked', 'drifted', 'failed', 'orphaned', 'rolled_back',
        'excluded')),
      state_since_ms INTEGER NOT NULL,
      why TEXT NOT NULL, code TEXT NOT NULL, next_step TEXT NOT NULL,
      source_id TEXT, source_version INTEGER, bytes INTEGER NOT NULL, files INTEGER NOT NULL,
      looked_at_ms INTEGER,              -- when source_version, bytes and files were seen
      behind_since_ms INTEGER,           -- first commit that the target lacks; null: lacks none
      held_version INTEGER, target_version INTEGER, held_at_ms INTEGER,
      left_bytes INTEGER NOT NULL, left_files INTEGER NOT NULL, left_requests INTEGER NOT NULL,
      strength TEXT                      -- of the last proof that found it equal
    ) STRICT""",
    """CREATE TABLE clone (
      clone_id INTEGER PRIMARY KEY,
      target_url TEXT NOT NULL REFERENCES lake_table, run_id TEXT NOT NULL REFERENCES run,
      base_source_version INTEGER, source_version INTEGER NOT NULL, target_version INTEGER,
      plan_sha256 TEXT NOT NULL, files INTEGER NOT NULL, bytes INTEGER NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('copying', 'committed', 'abandoned')),
      started_at_ms INTEGER NOT NULL, ended_at_ms INTEGER
    ) STRICT""",
    "CREATE UNIQUE INDEX one_open_clone ON clone (target_url) WHERE state = 'copying'",
    """CREATE TABLE landed (
      clone_id INTEGER NOT NULL REFERENCES clone, path TEXT NOT NULL, bytes INTEGER NOT NULL,
      how TEXT NOT NULL, crc64nvme TEXT, source_e_tag TEXT, elapsed_ms INTEGER,
      PRIMARY KEY (clone_id, path)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE pace (
      route TEXT NOT NULL, at_ms INTEGER NOT NULL,   -- the end of a span
      seconds REAL NOT NULL, bytes INTEGER NOT NULL, requests INTEGER NOT NULL,
      capped INTEGER NOT NULL CHECK (capped IN (0, 1)),
      PRIMARY KEY (route, at_ms)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE check_result (
      target_url TEXT NOT NULL REFERENCES lake_table, source_version INTEGER NOT NULL,
      kind TEXT NOT NULL,
      outcome TEXT NOT NULL CHECK (outcome IN ('equal', 'different', 'not_run')),
      detail TEXT NOT NULL, checked_at_ms INTEGER NOT NULL,
      PRIMARY KEY (target_url, source_version, kind)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE receipt (
      sha256 TEXT PRIMARY KEY, target_url TEXT NOT NULL REFERENCES lake_table, kind TEXT NOT NULL,
      made_at_ms INTEGER NOT NULL, body TEXT NOT NULL CHECK (json_valid(body))
    ) STRICT""",
    # Without AUTOINCREMENT a row gets the highest number plus one, and a transaction that is taken
    # back takes its numbers back: no gaps, as long as no row ever goes.
    """CREATE TABLE event (
      seq INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES run, at_ms INTEGER NOT NULL,
      kind TEXT NOT NULL, target_url TEXT, body TEXT NOT NULL CHECK (json_valid(body))
    ) STRICT""",
    "CREATE INDEX event_of_table ON event (target_url, seq) WHERE target_url IS NOT NULL",
    """CREATE TRIGGER event_stays BEFORE DELETE ON event
      BEGIN SELECT RAISE(ABORT, 'an event stays'); END""",
    """CREATE TRIGGER event_is_as_told BEFORE UPDATE ON event
      BEGIN SELECT RAISE(ABORT, 'an event stays as it was told'); END""",
)
# A name alone does not tell its parts: a schema and a table may both have dots.
_PARTS_OF_NAMES = (
    "ALTER TABLE lake_table ADD COLUMN schema_name TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE lake_table ADD COLUMN table_name TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE lake_table ADD COLUMN path TEXT NOT NULL DEFAULT ''",
)
# What a plan is held to, and what may be gone before it is copied.
_SHAPE = (
    "ALTER TABLE lake_table ADD COLUMN protocol TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE lake_table ADD COLUMN schema_sha256 TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE lake_table ADD COLUMN retention_s INTEGER",
)
# Whatever a discovery found, moved or not; `body` is what it tells of each.
_INVENTORY = (
    """CREATE TABLE inventory (
      source TEXT NOT NULL, name TEXT NOT NULL, url TEXT NOT NULL, kind TEXT NOT NULL,
      target_url TEXT,                   -- null: it is not moved
      print TEXT NOT NULL,               -- of what counts as a change from look to look
      seen_ms INTEGER NOT NULL,
      body TEXT NOT NULL CHECK (json_valid(body)),
      first_seen_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL,
      gone_ms INTEGER,                   -- null: it was there at the last look
      PRIMARY KEY (source, name, url)
    ) STRICT, WITHOUT ROWID""",
)
# What landed of clones that were stopped counts for the next one of the table.
_ABANDONED = ("CREATE INDEX abandoned_clone ON clone (target_url) WHERE state = 'abandoned'",)
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    _FIRST, _PARTS_OF_NAMES, _SHAPE, _INVENTORY, _ABANDONED,
)  # fmt: skip


def version(db: sqlite3.Connection) -> int:
    """The number of migrations that this file has seen."""
    found: int = db.execute("PRAGMA user_version").fetchone()[0]
    return found


def is_ledger(db: sqlite3.Connection) -> bool:
    """Whether lakeferry made this file."""
    found: int = db.execute("PRAGMA application_id").fetchone()[0]
    return found == APPLICATION_ID


def is_empty(db: sqlite3.Connection) -> bool:
    """Whether nobody has made anything in this file."""
    return db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def migrate(db: sqlite3.Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring an empty or an older ledger to today's tables: all of them, or none.

    `db` is in autocommit mode. Whoever comes second of two finds the first one's work done.
    """
    try:
        db.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        if version(db) < len(migrations):
            raise
        return  # the first one goes on to write, and leaves no moment for our turn
    try:
        for statements in migrations[version(db) :]:
            for statement in statements:
                db.execute(statement)
        # Both lie in the file's header, which is part of the transaction.
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(migrations)}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
