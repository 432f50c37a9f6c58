"""Commands in processes that die by SIGKILL before a chosen change: of a file, or of the ledger.

Runs as a process of its own that has imported all that is slow and started no thread. For each
order, one line of JSON, it forks a child that runs the command as it is typed.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.cli.program import environment_of

# Audit events of Python that change files, and which argument names what is changed.
CHANGES = {"os.rename": 1, "os.link": 1, "os.remove": 0, "os.mkdir": 0, "os.rmdir": 0}
CHANGES |= {"os.utime": 0, "os.truncate": 0, "sqlite3.connect": 0}
OPENED = b"o"
PYTHON = "python"  # then MODULE:FUNCTION and what it is given, in place of a command
STATEMENTS = (
    "BEGIN IMMEDIATE",
    "PRAGMA journal_mode",
)  # what is within a transaction is one change
SLOW = ("discovering", "planning", "syncing", "verifying", "status_looking", "rebuilding",
        "cutting_over", "rolling_back")  # fmt: skip


@dataclass(frozen=True)
class Command:
    """One command, and when to die in it."""

    folder: str  # where it is typed
    words: tuple[str, ...]
    die_at: int = 0  # the change; 0: live
    die_when: str = "before"  # or 'amid': the file that it opens is there, and empty
    environment: dict[str, str] = field(default_factory=dict)
    more: tuple[tuple[str, ...], ...] = ()  # typed then, in the same process


@dataclass(frozen=True)
class Ended:
    """How it ended."""

    code: int  # -9: killed
    changes: int  # that it made
    opens: tuple[int, ...]  # which of them opened a file to write it
    text: str  # stdout and stderr
    more: tuple[tuple[int, str], ...] = ()  # code and text of each


class Runner:
    """The other end of the pipe."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, command: Command) -> Ended:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(command)) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


@contextmanager
def running() -> Iterator[Runner]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.flows.command_runner"], cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        yield Runner(process)
        assert process.stdin is not None
        process.stdin.close()


def serve() -> None:
    for line in sys.stdin:
        command = Command(**json.loads(line))
        sys.stdout.write(json.dumps(asdict(_forked(command))) + "\n")
        sys.stdout.flush()


def _forked(command: Command) -> Ended:
    said, counted = Path(command.folder, ".said"), Path(command.folder, ".writes")
    counted.write_bytes(b"")
    child = os.fork()
    if child == 0:
        try:
            _child(command, said, counted)
        finally:
            os._exit(70)
    _, status = os.waitpid(child, 0)
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    changes = counted.read_bytes()
    counted.unlink()
    opens = tuple(at for at, one in enumerate(changes, start=1) if one == ord(OPENED))
    texts = [Path(f"{said}{at}") for at in range(len(command.more) + 1)]
    ends = [one.read_text().rpartition("\n") for one in texts if one.exists()]
    for one in texts:
        one.unlink(missing_ok=True)
    if code < 0:
        return Ended(code, len(changes), opens, "")
    (first, _, own), *more = ends
    after = tuple((int(end), text) for text, _, end in more)
    return Ended(int(own), len(changes), opens, first, after)


def _child(command: Command, said: Path, counted: Path) -> None:
    """Each line's words and, as the last line of its file, its exit code."""
    os.chdir(command.folder)
    os.environ.clear()
    os.environ.update(environment_of(Path(command.folder), command.environment))
    _watch(command, os.open(counted, os.O_WRONLY | os.O_APPEND))
    for at, words in enumerate((command.words, *command.more)):
        out = os.open(f"{said}{at}", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        code = _typed(words)
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(out, f"\n{code}".encode())
    os._exit(0)


def _typed(words: tuple[str, ...]) -> int:
    from lakeferry.cli.main import main

    try:
        if words[0] == PYTHON:
            module, _, name = words[1].partition(":")
            getattr(import_module(module), name)(*words[2:])
            return 0
        main(list(words))
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException:  # noqa: BLE001  # whoever ordered it reads what is said
        traceback.print_exc()
    return 70


def _watch(command: Command, counted: int) -> None:
    """Count each change below the command's folder, and die at the one that is named."""
    home = os.path.realpath(command.folder) + os.sep

    def moment(opened: tuple[str, int] | None = None) -> None:
        os.write(counted, b"." if opened is None else OPENED)
        if os.fstat(counted).st_size == command.die_at:
            if command.die_when == "amid" and opened is not None:
                with suppress(OSError):
                    os.open(opened[0], opened[1] & ~os.O_EXCL)
            os.kill(os.getpid(), signal.SIGKILL)

    def is_ours(path: object) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False  # a descriptor
        full = os.path.abspath(os.fsdecode(path))
        return full.startswith(home) and not full.startswith(f"{home}.said")

    def told(statement: str) -> None:
        if statement.startswith(STATEMENTS):
            moment()

    def heard(event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = given
            makes = flags & (os.O_CREAT | os.O_TRUNC) and flags & os.O_TMPFILE != os.O_TMPFILE
            if makes and is_ours(path):
                moment((os.fsdecode(path), flags))
        elif event in CHANGES and is_ours(given[CHANGES[event]]):
            moment()

    def connected(*given: Any, **more: Any) -> sqlite3.Connection:
        db: sqlite3.Connection = connect(*given, **more)
        db.set_trace_callback(told)
        return db

    connect = sqlite3.connect
    sqlite3.connect = connected  # type: ignore[assignment]
    sys.addaudithook(heard)


if __name__ == "__main__":
    # Imported before the first fork, so that each child need not. Not obstore: it starts threads.
    for slow in ("pyarrow.compute", "pyarrow.dataset", "pyarrow.parquet"):
        import_module(slow)
    for command in SLOW:
        import_module(f"lakeferry.cli.fleet.{command}")

    serve()
