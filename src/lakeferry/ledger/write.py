"""The one writer of a ledger: holds the lease, writes from one thread, in batches.

What matters for going on (a state, a clone, a check, a receipt) is durable when its method returns.
Landed files, events and paces are kept back for at most half a second or a thousand of them: a
transaction waits for the disk, and a lost one costs a look at the target, nothing else.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lakeferry.ledger import clones
from lakeferry.ledger.leadership import Leadership
from lakeferry.ledger.lease import LEASE_S
from lakeferry.ledger.rows import (
    CheckResult,
    CloneStart,
    Inventoried,
    LakeTable,
    LandedFile,
    Move,
    Pace,
    Receipt,
    Work,
)

_COLUMNS = ", ".join(LakeTable._fields)
_MARKS = ", ".join("?" * len(LakeTable._fields))
_NEW_TABLE = f"INSERT INTO lake_table ({_COLUMNS}) VALUES ({_MARKS})"
_NEW_RECEIPT = "INSERT OR IGNORE INTO receipt VALUES (?, ?, ?, ?, ?)"
_NEW_EVENT = "INSERT INTO event (run_id, at_ms, kind, target_url, body) VALUES (?, ?, ?, ?, ?)"
_INVENTORIED = (
    f"INSERT INTO inventory ({', '.join(Inventoried._fields)}, first_seen_ms, changed_ms)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?7, ?7) ON CONFLICT DO UPDATE SET"
    " changed_ms = iif(print = excluded.print AND gone_ms IS NULL, changed_ms, excluded.seen_ms),"
    " kind = excluded.kind, target_url = excluded.target_url, print = excluded.print,"
    " seen_ms = excluded.seen_ms, body = excluded.body, gone_ms = NULL"
)
# What a new look at a source renews; what the migration itself knows stays.
_SEEN = ("name", "source", "source_url", "kind", "wave", "route", "lag_target_s", "source_id",
         "source_version", "bytes", "files", "looked_at_ms", "behind_since_ms", "schema_name",
         "table_name", "path", "protocol", "schema_sha256", "retention_s")  # fmt: skip


def now_ms() -> int:
    """Of the machine's clock."""
    return time.time_ns() // 1_000_000


class Ledger:
    """A ledger that this process leads. Every method may raise LF-8002, LF-8003 and LF-8006.

    Only the thread that opened it may use it: SQLite refuses any other.
    """

    def __init__(
        self,
        path: Path,
        *,
        run_id: str,
        command: str,
        manifest_sha256: str | None = None,
        lease_s: float = LEASE_S,
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        """Open the ledger at `path`, or make it, and take the lease.

        Raises:
            FerryError: LF-8001 another coordinator leads; else as `open_to_write`.
        """
        self.run_id = run_id
        self._clock_ms = clock_ms
        self._open: dict[int, str] = {}  # clone -> table
        self._lead = Leadership(
            path, run_id=run_id, command=command, lease_s=lease_s, clock_ms=clock_ms
        )
        with self._lead.transaction() as db:
            db.execute(
                "INSERT INTO run VALUES (?, ?, ?, ?, NULL, NULL)",
                (run_id, command, manifest_sha256, clock_ms()),
            )
            self._tell(db, "start", {"command": command, "manifest_sha256": manifest_sha256})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let all that is written within be durable at its end, by one wait for the disk.

        An error within takes all of it back.
        """
        with self._lead.transaction():
            yield

    def beating(self) -> AbstractContextManager[None]:
        """Within, the lease is renewed even while this thread waits: for a terminal, say."""
        return self._lead.beating()

    # --- tables ------------------------------------------------------------------------------

    def see(self, tables: Iterable[LakeTable]) -> None:
        """Keep what a look at the sources found.

        A table that is known keeps its state, what it holds, and what a plan counted as left.
        """
        renewed = ", ".join(f"{name} = excluded.{name}" for name in _SEEN)
        statement = f"{_NEW_TABLE} ON CONFLICT (target_url) DO UPDATE SET {renewed}"
        with self._lead.transaction() as db:
            at_ms = self._clock_ms()
            for table in tables:
                fresh = self._state(table.target_url) is None
                db.execute(statement, table._replace(state_since_ms=at_ms))
                if fresh:
                    body = {"to": table.state, "why": table.why, "source": table.source_url}
                    self._tell(db, "state", body, table.target_url)

    def take_inventory(
        self, found: Iterable[Inventoried], gone: Iterable[tuple[str, str, str]] = ()
    ) -> None:
        """Keep all that a discovery tells of what it found, moved or not.

        `gone`: source, name and URL of what was there and is no more; it stays known.
        """
        with self._lead.transaction() as db:
            db.executemany(_INVENTORIED, found)
            db.executemany(
                "UPDATE inventory SET gone_ms = ?4 WHERE source = ?1 AND name = ?2 AND url = ?3",
                [(*key, self._clock_ms()) for key in gone],
            )

    def move(self, *moves: Move) -> None:
        """Let tables go from state to state, all or none.

        Raises:
            ValueError: a table is unknown, or not in the state that it was said to be in.
        """
        with self._lead.transaction() as db:
            for move in moves:
                self._move(db, move)

    def plan(self, work: Iterable[Work]) -> None:
        """Keep what is left to move, as a plan counted it."""
        with self._lead.transaction() as db:
            db.executemany(
                "UPDATE lake_table SET left_bytes = ?2, left_files = ?3, left_requests = ?4"
                " WHERE target_url = ?1",
                work,
            )

    def restore(self, tables: Iterable[LakeTable], receipts: Iterable[Receipt] = ()) -> None:
        """Fill an empty ledger with what was read back from the targets.

        Raises:
            ValueError: it is not empty, so something of it would be overwritten.
        """
        with self._lead.transaction() as db:
            if db.execute("SELECT 1 FROM lake_table LIMIT 1").fetchone() is not None:
                raise ValueError("a ledger that knows tables is not restored")
            for table in tables:
                db.execute(_NEW_TABLE, table)
                self._tell(db, "state", {"to": table.state, "why": table.why}, table.target_url)
            db.executemany(_NEW_RECEIPT, receipts)

    # --- clones ------------------------------------------------------------------------------

    def begin_clone(self, start: CloneStart, move: Move | None = None) -> int:
        """Open a clone, in place of what a killed run left open. Its number."""
        with self._lead.transaction() as db:
            begun = clones.begin(db, start, run_id=self.run_id, at_ms=self._clock_ms())
            if move is not None:
                self._move(db, move)
        self._open[begun] = start.target_url
        return begun

    def landed(self, clone_id: int) -> tuple[int, int]:
        """Files that have landed of an open clone, by this run and those before; their bytes."""
        with self._lead.transaction() as db:
            return clones.landed(db, clone_id)

    def landed_first(self) -> Mapping[str, tuple[int, int]]:
        """Files and bytes that have landed of tables of which nothing is held yet, by target."""
        with self._lead.transaction() as db:
            return clones.landed_first(db)

    def land(self, clone_id: int, file: LandedFile, *, is_left: bool = True) -> None:
        """A file of an open clone is durable at the target.

        `is_left`: it was counted as still to be moved.
        """
        self._lead.keep(
            "INSERT OR REPLACE INTO landed VALUES (?, ?, ?, ?, ?, ?, ?)", (clone_id, *file)
        )
        if is_left:
            self._lead.keep(
                "UPDATE lake_table SET left_bytes = max(0, left_bytes - ?),"
                " left_requests = left_requests - left_requests / max(1, left_files),"
                " left_files = max(0, left_files - 1) WHERE target_url = ?",
                (file.bytes, self._open[clone_id]),
            )

    def commit_clone(self, clone_id: int, target_version: int, move: Move | None = None) -> None:
        """The clone's version is visible at the target; its landed files are history."""
        with self._lead.transaction() as db:
            clones.commit(db, clone_id, target_version, at_ms=self._clock_ms())
            [(table, *counts)] = db.execute(
                "SELECT target_url, source_version, files, bytes FROM clone WHERE clone_id = ?",
                (clone_id,),
            )
            names = ("source_version", "files", "bytes")
            body = {**dict(zip(names, counts, strict=True)), "target_version": target_version}
            self._tell(db, "commit", body, table)
            if move is not None:
                self._move(db, move)
        self._open.pop(clone_id, None)

    def abandon_clone(self, clone_id: int, move: Move | None = None) -> None:
        """The clone will not commit; what landed stays, and the next one takes it over."""
        with self._lead.transaction() as db:
            clones.abandon(db, clone_id, at_ms=self._clock_ms())
            if move is not None:
                self._move(db, move)
        self._open.pop(clone_id, None)

    def forget_clone(self, target_url: str, move: Move, *, kind: str = "purged") -> None:
        """Nothing lies at the target any more, for the reason that `move` gives.

        `kind`: of the event that says so.
        """
        with self._lead.transaction() as db:
            clones.forget(db, target_url, at_ms=self._clock_ms())
            self._tell(db, kind, {"why": move.why}, target_url)
            self._move(db, move)

    # --- proofs ------------------------------------------------------------------------------

    def check(
        self, *results: CheckResult, strength: str | None = None, moves: Iterable[Move] = ()
    ) -> None:
        """Keep comparisons, with the states that follow from them.

        `strength`: what they prove together of each table that they found equal.
        """
        with self._lead.transaction() as db:
            db.executemany("REPLACE INTO check_result VALUES (?, ?, ?, ?, ?, ?)", results)
            for result in results:
                body = {"kind": result.kind, "outcome": result.outcome, "detail": result.detail}
                self._tell(db, "check", body, result.target_url)
            unequal = {result.target_url for result in results if result.outcome != "equal"}
            equal = {result.target_url for result in results} - unequal
            db.executemany(
                "UPDATE lake_table SET strength = ? WHERE target_url = ?",
                [(strength, table) for table in sorted(equal)]
                + [(None, table) for table in sorted(unequal)],
            )
            for move in moves:
                self._move(db, move)

    def receive(self, receipt: Receipt, move: Move | None = None) -> None:
        """Keep a receipt; the same one twice is once."""
        with self._lead.transaction() as db:
            db.execute(_NEW_RECEIPT, receipt)
            body = {"kind": receipt.kind, "sha256": receipt.sha256}
            self._tell(db, "receipt", body, receipt.target_url)
            if move is not None:
                self._move(db, move)

    # --- history -----------------------------------------------------------------------------

    def tell(self, kind: str, body: Mapping[str, Any], target_url: str | None = None) -> None:
        """Add to the history, soon."""
        row = (self.run_id, self._clock_ms(), kind, target_url, _text(body))
        self._lead.keep(_NEW_EVENT, row)

    def pace(self, pace: Pace) -> None:
        """Keep how fast a route was, soon."""
        row = (*pace[:5], int(pace.capped))
        self._lead.keep("INSERT OR REPLACE INTO pace VALUES (?, ?, ?, ?, ?, ?)", row)

    def turn(self) -> None:
        """Write what was kept for long enough, and renew the lease when a third of it is over.

        To be called at least every few seconds, however long nothing happens.
        """
        self._lead.turn()

    def flush(self) -> None:
        """Write what is kept."""
        with self._lead.transaction():
            pass

    def end(self, exit_code: int) -> None:
        """Say how the run ended."""
        with self._lead.transaction() as db:
            db.execute(
                "UPDATE run SET ended_at_ms = ?, exit_code = ? WHERE run_id = ?",
                (self._clock_ms(), exit_code, self.run_id),
            )
            self._tell(db, "end", {"exit": exit_code})

    def close(self) -> None:
        """Write what is kept, give the lease back, let the file go."""
        self._lead.close()

    # --- inside ------------------------------------------------------------------------------

    def _tell(
        self, db: sqlite3.Connection, kind: str, body: Mapping[str, Any],
        target_url: str | None = None,
    ) -> None:  # fmt: skip
        db.execute(_NEW_EVENT, (self.run_id, self._clock_ms(), kind, target_url, _text(body)))

    def _state(self, target_url: str) -> str | None:
        found = self._lead.db.execute(
            "SELECT state FROM lake_table WHERE target_url = ?", (target_url,)
        ).fetchone()
        return None if found is None else str(found[0])

    def _move(self, db: sqlite3.Connection, move: Move) -> None:
        moved = db.execute(
            "UPDATE lake_table SET state = ?, state_since_ms = ?, why = ?, code = ?, next_step = ?"
            " WHERE target_url = ? AND state = ?",
            (move.after, self._clock_ms(), move.why, move.code, move.next_step, move.target_url,
             move.before),
        )  # fmt: skip
        if moved.rowcount != 1:
            there = self._state(move.target_url)
            raise ValueError(f"{move.target_url} is {there}, not {move.before}")
        body = {"from": move.before, "to": move.after, "why": move.why, "code": move.code,
                "next": move.next_step}  # fmt: skip
        self._tell(db, "state", {key: value for key, value in body.items() if value},
                   move.target_url)  # fmt: skip


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
