"""A lease that is renewed beside its leader, who may have to wait for a terminal.

A pager that nobody scrolls, or Ctrl-S, holds whoever prints for hours. That is no reason to lose
the lease: this process lives, and what it does goes on. A process that stands still as a whole does
not beat, so that its lease runs out as it should.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from lakeferry.errors import FerryError
from lakeferry.ledger import lease
from lakeferry.ledger.open import BUSY_MS

# Says that the ledger's file is still the one that is led.
IsOurs = Callable[[], bool]


@contextmanager
def beating(
    path: Path, token: int, *, is_ours: IsOurs, lease_s: float, clock_ms: Callable[[], int]
) -> Iterator[None]:
    """Renew a lease every third of it, from another thread, until the end of the block."""
    ended = threading.Event()

    def beat() -> None:
        # Opened by the thread that uses it, as SQLite wants it; never made, if it is deleted now.
        address = f"{path.absolute().as_uri()}?mode=rw"
        with (
            suppress(sqlite3.Error),
            closing(
                sqlite3.connect(address, uri=True, timeout=BUSY_MS / 1000, isolation_level=None)
            ) as db,
        ):
            while not ended.wait(lease_s / 3):
                if not (is_ours() and _renew(db, path, token, clock_ms(), lease_s)):
                    return  # the leader hears of it with its next transaction

    thread = threading.Thread(target=beat, name="lakeferry-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _renew(db: sqlite3.Connection, path: Path, token: int, now_ms: int, lease_s: float) -> bool:
    """Whether to go on: not where another one leads."""
    try:
        db.execute("BEGIN IMMEDIATE")
        try:
            lease.renew(db, path, token, now_ms=now_ms, lease_s=lease_s)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
    except FerryError:
        return False
    except sqlite3.Error:
        return True  # the leader is writing, which renews it too; or the disk is full, for now
    return True
