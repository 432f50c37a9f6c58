"""A ledger's file: opened to write or to read, and what is told when it cannot be.

WAL lets readers read while the one writer writes; it needs a file on a local disk, since its
processes share memory (SQLite, "Write-Ahead Logging", 1). `synchronous = FULL` makes a transaction
durable when it returns.
"""

import shlex
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from lakeferry.errors import FerryError
from lakeferry.ledger.schema import (
    MIGRATIONS,
    OLDEST_SQLITE,
    is_empty,
    is_ledger,
    migrate,
    version,
)

BUSY_MS = 5000  # how long one waits for the other's transaction
REBUILD = "read a new one back from the targets: lakeferry config rebuild-ledger"


def open_to_write(path: Path) -> sqlite3.Connection:
    """The ledger at `path`, made or renewed where needed; in autocommit mode.

    Raises:
        FerryError: LF-8003 damaged, LF-8004 not ours, LF-8005 of a newer lakeferry, LF-8006 the
            disk or the rights are at fault, LF-8008 too old an SQLite.
    """
    _refuse_old_sqlite()
    with told(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(path, str(error)) from error
        db = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)
        try:
            _refuse_foreign(db, path)
            _write_ahead(db, path)
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
            _refuse_damaged(db, path)
            if version(db) < len(MIGRATIONS):
                migrate(db)
        except BaseException:
            db.close()
            raise
    return db


def open_to_read(path: Path) -> sqlite3.Connection:
    """The ledger at `path`, for one who never changes it, whoever writes meanwhile.

    Raises:
        FerryError: LF-8007 there is none; else as `open_to_write`.
    """
    _refuse_old_sqlite()
    if not path.exists():
        raise _missing(path)
    with told(path):
        try:
            db = _connected(path, "ro")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
                raise
            # Who made it was killed before WAL was on: a writer alone may take its journal back.
            _connected(path, "rw").close()
            db = _connected(path, "ro")
        try:
            found = version(db)
            if found == 0:
                raise _missing(path)
        except BaseException:
            db.close()
            raise
    if found < len(MIGRATIONS):
        # It was written by an older lakeferry, and readers ask for the columns of today.
        db.close()
        open_to_write(path).close()
        return open_to_read(path)
    return db


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """What `open_to_read` opens, for a while. Raises as it does, also for what fails within."""
    with closing(open_to_read(path)) as db, told(path):
        yield db


@contextmanager
def reading_if_made(path: Path) -> Iterator[sqlite3.Connection | None]:
    """As `reading`; None where there is no ledger, or whoever made it was killed in the midst."""
    try:
        db = open_to_read(path)
    except FerryError as error:
        if error.code != "LF-8007":
            raise
        yield None
        return
    with closing(db), told(path):
        yield db


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what SQLite says of the file at `path` into what a person can do about it.

    An error in our own statements stays as it is: it is a flaw of the program.
    """
    try:
        yield
    except sqlite3.Error as error:
        match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
            case sqlite3.SQLITE_CORRUPT:
                raise _damaged(path, str(error)) from error
            case sqlite3.SQLITE_NOTADB:
                raise _foreign(path, "it is no SQLite file, or its first bytes are lost") from error
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                raise _held(path) from error
            case (
                sqlite3.SQLITE_FULL
                | sqlite3.SQLITE_IOERR
                | sqlite3.SQLITE_READONLY
                | sqlite3.SQLITE_CANTOPEN
                | sqlite3.SQLITE_PERM
            ):
                raise _unusable(path, str(error)) from error
        raise


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    """The file as it is, seen to be ours or empty; never made. `mode`: SQLite's 'ro', 'rw'."""
    address = f"{path.absolute().as_uri()}?mode={mode}"
    db = sqlite3.connect(address, uri=True, timeout=BUSY_MS / 1000, isolation_level=None)
    try:
        _refuse_foreign(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _write_ahead(db: sqlite3.Connection, path: Path) -> None:
    """Turn WAL on, which the file remembers.

    SQLite does not wait for others here as it does elsewhere: several that make one ledger at once
    would be refused.
    """
    until = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            [mode] = db.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > until:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise _unusable(path, f"this place has no shared memory: journal mode stays {mode}")


def _refuse_old_sqlite() -> None:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise FerryError(
            "LF-8008",
            f"SQLite {sqlite3.sqlite_version} is too old for a ledger: it has no STRICT tables",
            "it came with this Python",
            "use a Python whose SQLite is 3.37 or newer",
        )


def _refuse_foreign(db: sqlite3.Connection, path: Path) -> None:
    # Of one moment: while another process makes the ledger it is empty, then ours, never foreign.
    db.execute("BEGIN")
    is_foreign = not is_ledger(db) and not is_empty(db)
    schema = version(db)
    db.execute("COMMIT")
    if is_foreign:
        raise _foreign(path, "it is the database of another program")
    if schema > len(MIGRATIONS):
        raise FerryError(
            "LF-8005",
            "a newer lakeferry has written this ledger",
            f"{path}: its schema is {schema}, this lakeferry knows {len(MIGRATIONS)}",
            "use that newer lakeferry, or name another file under `ledger:`",
        )


def _refuse_damaged(db: sqlite3.Connection, path: Path) -> None:
    """A writer looks at the whole file first: what it adds to a broken one would be lost too."""
    [said] = db.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        raise _damaged(path, str(said))


def anew(path: Path) -> str:
    """The way from a file that is no good to one that is."""
    return f"move it away, {shlex.join(('mv', str(path), f'{path}.old'))}, and {REBUILD}"


def _damaged(path: Path, said: str) -> FerryError:
    return FerryError("LF-8003", "the ledger is damaged", f"{path}: {said}", anew(path))


def _foreign(path: Path, why: str) -> FerryError:
    return FerryError(
        "LF-8004",
        f"`{path.name}` is not a ledger of lakeferry",
        f"{path}: {why}",
        "name another file under `ledger:`; if it was the ledger, " + anew(path),
    )


def _unusable(path: Path, said: str) -> FerryError:
    return FerryError(
        "LF-8006",
        "the ledger cannot be read or written",
        f"{path}: {said}",
        "make room there and run the command again; or name a file under `ledger:` where this user "
        "may write, on a local disk",
    )


def _held(path: Path) -> FerryError:
    return FerryError(
        "LF-8006",
        "the ledger cannot be written: another process is in the midst of writing it",
        f"{path}: it has been for {BUSY_MS / 1000:.0f} s; one that stands still holds it for as "
        "long as it stands",
        "see who leads: lakeferry status; let that process go on, or end it, and run this again",
    )


def _missing(path: Path) -> FerryError:
    return FerryError(
        "LF-8007",
        "there is no ledger yet",
        f"{path}",
        "lakeferry discover makes one; a lost one: lakeferry config rebuild-ledger",
    )
