"""One coordinator at a time: who leads, until when, and how an old leader is kept out.

A lease alone would not do: a process that stood still for longer (a paused machine, a full disk)
does not know that it has lost it. So each taking has a higher token, and a transaction of whoever
holds an older one is refused by the database itself.
"""

import os
import platform
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from lakeferry.errors import FerryError

LEASE_S = 60.0  # renewed with every transaction, and by `Ledger.turn` after a third of it
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PID_NAMESPACE = Path("/proc/self/ns/pid")


@dataclass(frozen=True, slots=True)
class Process:
    """One process, told from every other, also from a later one of the same number."""

    host: str  # for people
    machine: str  # processes of one machine see each other's numbers; '': nobody can tell
    pid: int
    started: str  # what a later process of the same number would not have; '': nobody can tell


class Leader(NamedTuple):
    """Who has the lease."""

    token: int
    run_id: str
    command: str
    process: Process
    taken_at_ms: int
    heard_at_ms: int
    expires_at_ms: int


def this_process() -> Process:
    """Who we are."""
    return Process(platform.node(), _machine(), os.getpid(), _started(os.getpid()))


def is_gone(process: Process) -> bool:
    """Whether a process has certainly ended; False where that cannot be known from here."""
    if not process.machine or process.machine != _machine():
        return False
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # another user's; of those /proc may be hidden
    started = _started(process.pid)
    return bool(process.started) and started != process.started


def leader(db: sqlite3.Connection) -> Leader | None:
    """Who leads, if the lease was not given back; it may have run out."""
    found = db.execute(
        "SELECT token, run_id, command, host, machine, pid, process, taken_at_ms, heard_at_ms,"
        " expires_at_ms FROM lease WHERE expires_at_ms > 0"
    ).fetchone()
    if found is None:
        return None
    token, run_id, command, host, machine, pid, started, taken, heard, expires = found
    process = Process(host, machine, pid, started)
    return Leader(token, run_id, command, process, taken, heard, expires)


def take(
    db: sqlite3.Connection, path: Path, *, run_id: str, command: str, now_ms: int, lease_s: float
) -> int:
    """Become the leader inside the caller's transaction; the token of this leadership.

    Raises:
        FerryError: LF-8001 another one leads and is not known to be gone.
    """
    refuse_another(db, path, now_ms=now_ms)
    before = db.execute("SELECT token FROM lease").fetchone()
    token: int = (before[0] if before else 0) + 1
    me = this_process()
    db.execute(
        "REPLACE INTO lease VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (token, run_id, command, me.host, me.machine, me.pid, me.started,
         now_ms, now_ms, now_ms + round(lease_s * 1000)),
    )  # fmt: skip
    return token


def refuse_another(db: sqlite3.Connection, path: Path, *, now_ms: int) -> None:
    """A look that waits for no writer, which the other one may be all the time.

    Raises:
        FerryError: LF-8001 another one leads and is not known to be gone.
    """
    other = leader(db)
    if other is not None and other.expires_at_ms > now_ms and not is_gone(other.process):
        raise _led_by_another(other, path, now_ms)


def renew(db: sqlite3.Connection, path: Path, token: int, *, now_ms: int, lease_s: float) -> None:
    """Lead for another `lease_s` seconds; inside every transaction of a leader.

    One whose lease has run out goes on if nobody took it.

    Raises:
        FerryError: LF-8002 somebody did.
    """
    renewed = db.execute(
        "UPDATE lease SET heard_at_ms = ?, expires_at_ms = ? WHERE token = ?",
        (now_ms, now_ms + round(lease_s * 1000), token),
    )
    if renewed.rowcount == 1:
        return
    other = leader(db)
    by = f"run {other.run_id} of {_named(other)}" if other else "a run that has ended since"
    raise FerryError(
        "LF-8002",
        "another coordinator has taken over this migration",
        f"{path}: {by}; nothing more is written by this process",
        "let the other one go on; see how far it is: lakeferry status",
    )


def give_back(db: sqlite3.Connection, token: int) -> None:
    """Let the next one begin at once; nothing if another one leads already."""
    db.execute("UPDATE lease SET expires_at_ms = 0 WHERE token = ?", (token,))


def _led_by_another(other: Leader, path: Path, now_ms: int) -> FerryError:
    silent_s = max(0, now_ms - other.heard_at_ms) // 1000
    until = datetime.fromtimestamp(other.expires_at_ms / 1000, UTC).strftime("%H:%M:%SZ")
    return FerryError(
        "LF-8001",
        f"another coordinator leads this migration: {_named(other)}",
        f"{path}: run {other.run_id} ({other.command}), last heard of {silent_s} s ago; nothing "
        "was changed",
        f"wait until it ends, or stop it there: kill {other.process.pid}; if that machine is "
        f"lost, run this again after {until}",
    )


def _named(other: Leader) -> str:
    return f"process {other.process.pid} on {other.process.host}"


def _machine() -> str:
    """Where a process number means one process: a boot of a machine, and its container.

    The host's name does not tell: containers of one image may share it, and a volume.
    """
    try:
        return f"{_BOOT.read_text().strip()} {os.readlink(_PID_NAMESPACE)}"
    except OSError:
        return platform.node()  # not Linux: no containers that share a disk


def _started(pid: int) -> str:
    """When a process began, in ticks since the boot; '': it has ended, or nobody can tell."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The name stands in brackets and may hold anything; field 3 is the state, 22 the start.
    fields = told.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]
