"""Commands in processes that die by SIGKILL at a chosen write: to a local store, or to the ledger.

Runs as a process of its own that has imported all that is slow and started no thread. For each
order, one line of JSON, it forks a child that runs the command as it is typed.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from lakeferry.ledger.leadership import Leadership
from lakeferry.store.local import LocalStore
from tests.cli.program import environment_of

WRITES = ("write", "put_if_absent", "copy_from", "delete")


@dataclass(frozen=True)
class Command:
    """One command, and when to die in it."""

    folder: str  # where it is typed
    words: tuple[str, ...]
    die_at: int = 0  # the write; 0: live
    die_when: str = "before"  # 'before', 'after'


@dataclass(frozen=True)
class Ended:
    """How it ended."""

    code: int  # -9: killed
    writes: int  # that it made
    text: str  # stdout and stderr


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
        _child(command, said, counted)
    _, status = os.waitpid(child, 0)
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    text = said.read_text()
    writes = len(counted.read_bytes())
    said.unlink()
    counted.unlink()
    return Ended(code, writes, text)


def _child(command: Command, said: Path, counted: Path) -> None:
    from lakeferry.cli.main import main

    os.chdir(command.folder)
    os.environ.clear()
    os.environ.update(environment_of(Path(command.folder), {}))
    out = os.open(said, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    _watch(command, os.open(counted, os.O_WRONLY | os.O_APPEND))
    code = 70
    try:
        main(list(command.words))
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _watch(command: Command, counted: int) -> None:
    """Count each write, and die at the one that is named."""

    def moment(when: str) -> None:
        if when == "before":
            os.write(counted, b".")
        if os.fstat(counted).st_size == command.die_at and when == command.die_when:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(inner: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(inner)
        def method(*args: Any, **more: Any) -> Any:
            moment("before")
            answer = inner(*args, **more)
            moment("after")
            return answer

        return method

    for name in WRITES:
        setattr(LocalStore, name, watched(getattr(LocalStore, name)))
    whole = Leadership.transaction

    @contextmanager
    def transaction(self: Leadership) -> Iterator[Any]:
        moment("before")
        with whole(self) as db:
            yield db
        moment("after")

    Leadership.transaction = transaction  # type: ignore[method-assign]


if __name__ == "__main__":
    # Imported before the first fork, so that each child need not. Not obstore: it starts threads.

    serve()
