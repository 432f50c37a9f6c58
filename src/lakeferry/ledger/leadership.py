"""The transactions of whoever leads: each proves that it still does, and takes along what waits."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from lakeferry.errors import FerryError
from lakeferry.ledger import lease
from lakeferry.ledger.heartbeat import beating
from lakeferry.ledger.open import REBUILD, open_to_write, told

KEEP_ROWS = 1000
KEEP_S = 0.5


class Leadership:
    """An open ledger whose lease this process has, and rows that wait for the next transaction.

    Only the thread that made it may use it: SQLite refuses any other.
    """

    def __init__(
        self, path: Path, *, run_id: str, command: str, lease_s: float, clock_ms: Callable[[], int]
    ) -> None:
        """Open the ledger, or make it, and take the lease.

        Raises:
            FerryError: LF-8001 another coordinator leads; else as `open_to_write`.
        """
        self._path = path
        self._clock_ms = clock_ms
        self._lease_s = lease_s
        self._kept: list[tuple[str, tuple[Any, ...]]] = []
        self._kept_since = 0.0
        self._is_open = False  # a transaction
        self.db = open_to_write(path)
        try:
            self._file = _identity(path)
            with told(path):
                self._await_turn()
                self._token = lease.take(
                    self.db, path, run_id=run_id, command=command, now_ms=clock_ms(),
                    lease_s=lease_s,
                )  # fmt: skip
                self.db.execute("COMMIT")
        except BaseException:
            self.db.close()
            raise
        self._renewed = time.monotonic()

    def _await_turn(self) -> None:
        """Begin the transaction that takes the lease.

        A leader that writes all the time leaves no moment for it; who that is can be read.
        """
        lease.refuse_another(self.db, self._path, now_ms=self._clock_ms())
        try:
            self.db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            lease.refuse_another(self.db, self._path, now_ms=self._clock_ms())
            raise

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing, only while we lead; what was kept goes first, in its order.

        One within another is a part of it.

        Raises:
            FerryError: LF-8002 another one leads; LF-8006 the file was taken away, too.
        """
        db = self.db
        if self._is_open:
            with told(self._path):
                self._write_kept()
                yield db
            return
        self._is_open = True
        kept = list(self._kept)
        try:
            with told(self._path):
                db.execute("BEGIN IMMEDIATE")
                try:
                    self._refuse_other_file()
                    lease.renew(
                        db, self._path, self._token, now_ms=self._clock_ms(), lease_s=self._lease_s
                    )
                    self._write_kept()
                    yield db
                    self._write_kept()
                    db.execute("COMMIT")
                except BaseException:
                    if db.in_transaction:  # a full disk may have taken it back already
                        db.execute("ROLLBACK")
                    self._kept = kept
                    raise
        finally:
            self._is_open = False
        self._renewed = time.monotonic()

    def _write_kept(self) -> None:
        for statement, row in self._kept:
            self.db.execute(statement, row)
        self._kept.clear()

    def keep(self, statement: str, row: tuple[Any, ...]) -> None:
        """Let a row wait for the next transaction, which is soon."""
        if not self._kept:
            self._kept_since = time.monotonic()
        self._kept.append((statement, row))
        self.turn()

    def turn(self) -> None:
        """Write what has waited for long enough, and renew a lease of which a third is over."""
        now = time.monotonic()
        if self._is_open:
            return  # it writes what is kept
        full = len(self._kept) >= KEEP_ROWS
        waited = bool(self._kept) and now - self._kept_since >= KEEP_S
        if full or waited or now - self._renewed >= self._lease_s / 3:
            with self.transaction():
                pass

    def beating(self) -> AbstractContextManager[None]:
        """Within, the lease is renewed even while this thread waits for something else."""
        return beating(
            self._path, self._token, is_ours=lambda: _identity(self._path) == self._file,
            lease_s=self._lease_s, clock_ms=self._clock_ms,
        )  # fmt: skip

    def close(self) -> None:
        """Write what waits, give the lease back, let the file go."""
        try:
            with self.transaction() as db:
                lease.give_back(db, self._token)
        finally:
            self.db.close()

    def _refuse_other_file(self) -> None:
        # An open file lives on when its name is gone: we would write where nobody looks, and
        # another coordinator would make a new one and find no lease in it.
        if _identity(self._path) != self._file:
            raise FerryError(
                "LF-8006",
                "the ledger was deleted or replaced while this run led it",
                f"{self._path}: nothing more is written by this process",
                f"run the command again; if it was deleted by mistake, {REBUILD}",
            )


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from another of its name."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
