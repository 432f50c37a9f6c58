"""Ingests in process groups of their own, begun at once: forked by a process that has all in it.

Answers each line of JSON with one. A child dies by SIGKILL: at a chosen operation of its
coordinator's stores, or so long after so many of its commits, by the hand of another process.
"""

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from types import MappingProxyType
from typing import Any, NoReturn

from lakeferry.ingest.events import BatchCommitted, Event
from lakeferry.ingest.run import run
from lakeferry.ingest.settings import TargetSettings
from lakeferry.ingest.table import opening as table
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store
from tests.flows.ingests import KEYS, QUICK, ingest_of
from tests.flows.watched import Moment, Watch, WatchedStore
from tests.servers import die_with_parent


@dataclass(frozen=True)
class Order:
    """One ingest to begin."""

    url: str  # of the feed
    table: str
    options: Mapping[str, str] = field(default_factory=dict)  # of the table's store
    every_s: float = 0.2  # between commits
    workers: int = 1
    die_at: int = 0  # the coordinator's operation on its stores; 0: it is not killed by itself
    die_when: str = "before"  # 'before', 'amid', 'after'
    die_on: str = ""  # instead: the first put of a path that ends so, table and all
    die_commits: int = 1 << 30  # killed after so many commits of its own...
    die_delay_s: float = 0.0  # ...and this time
    die_by_s: float = 240.0  # killed by then, whatever it did
    die_group: bool = True  # its workers, too, at the same moment


@dataclass(frozen=True)
class Ending:
    """How a child ended."""

    signal: int  # 0: by itself
    code: int
    killed: bool  # by another process


class IngestRunner:
    """The other end of the pipe."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def begin(self, order: Order) -> int:
        """The process, and process group, of an ingest that begins."""
        child: int = self._ask({"begin": asdict(order)})
        return child

    def ending(self, child: int) -> Ending:
        """Wait for its end; what is left of its group is killed."""
        return Ending(**self._ask({"ending": child}))

    def _ask(self, what: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def running(log: Path) -> Iterator[IngestRunner]:
    """Everything that it began ends with the block."""
    with (
        log.open("ab") as sink,
        subprocess.Popen(
            [sys.executable, "-m", "tests.flows.ingest_runner"], cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sink, text=True,
            env={**os.environ, **KEYS},
        ) as process,
    ):  # fmt: skip
        yield IngestRunner(process)
        assert process.stdin is not None
        process.stdin.close()


# --- in the runner --------------------------------------------------------------------------


def serve() -> None:
    killers: dict[int, int] = {}  # by the child that each is for
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        if "begin" in asked:
            child, killer = _forked(Order(**asked["begin"]))
            killers[child] = killer
            answer: object = child
        else:
            child = asked["ending"]
            answer = asdict(_ended(child, killers.pop(child)))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for child in killers:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)


def _ended(child: int, killer: int) -> Ending:
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # its id is not another's yet
    os.kill(killer, signal.SIGKILL)
    killed = os.WIFEXITED(os.waitpid(killer, 0)[1])
    _, status = os.waitpid(child, 0)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # workers that did not follow yet
    if os.WIFSIGNALED(status):
        return Ending(os.WTERMSIG(status), 0, killed)
    return Ending(0, os.WEXITSTATUS(status), killed)


def _forked(order: Order) -> tuple[int, int]:
    """The ingest, and who will kill it: a thread of its own would wait for others' turns."""
    commits, committed = os.pipe()
    child = os.fork()
    if child:
        with suppress(OSError):
            os.setpgid(child, child)  # also here: it may be killed before its own first step
        killer = os.fork()
        if not killer:
            die_with_parent()
            _kill_in_time(child, order, commits)
        os.close(commits)
        os.close(committed)
        return child, killer
    die_with_parent()
    with suppress(OSError):
        os.setpgid(0, 0)
    code = 1
    try:
        _ingest(order, committed)
        code = 0
    finally:
        # Not as the runner ends: its buffers and its pipe are the parent's.
        sys.stderr.flush()
        os._exit(code)


def _kill_in_time(child: int, order: Order, commits: int) -> NoReturn:
    begun, seen = monotonic(), 0
    while seen < order.die_commits and (left_s := order.die_by_s - (monotonic() - begun)) > 0:
        if select.select([commits], [], [], left_s)[0]:
            seen += len(os.read(commits, 1))
    sleep(order.die_delay_s)
    with suppress(ProcessLookupError):
        if order.die_group:
            os.killpg(child, signal.SIGKILL)
        else:
            os.kill(child, signal.SIGKILL)
    os._exit(0)


def _ingest(order: Order, committed: int) -> None:
    def listener(moment: Moment) -> None:
        if moment.number == order.die_at and moment.when == order.die_when:
            os.killpg(0, signal.SIGKILL)

    def put_listener(url: str, moment: Moment) -> None:
        path = f"{url}/{moment.path}"
        put = moment.operation == "put_if_absent" and moment.when == order.die_when
        if put and path.endswith(order.die_on):
            os.killpg(0, signal.SIGKILL)

    watch = Watch(listener)

    def watched(url: str, options: Mapping[str, str] = MappingProxyType({})) -> Store:
        own = Watch(partial(put_listener, url)) if order.die_on else watch
        return WatchedStore(open_store(url, options), own)

    if order.die_at or order.die_on:
        table.open_store = watched  # type: ignore[attr-defined]  # the coordinator's stores alone
    asked = ingest_of(order.url, order.table, workers=order.workers)
    asked = replace(
        asked,
        source=replace(asked.source, idle_s=order.every_s),
        target=TargetSettings(order.table, order.options),
        rhythm=replace(QUICK, every_s=order.every_s, checkpoint_every=20, list_every_s=0.3),
    )
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    def emit(event: Event) -> None:
        if isinstance(event, BatchCommitted):
            os.write(committed, b".")

    run(asked, emit=emit, stop=stop)


if __name__ == "__main__":
    # Imported before the first fork. Not obstore's stores: they start threads.

    from lakeferry.ingest.worker import process as worker  # noqa: F401

    # A process that is spawned runs the module of its parent's first step; workers need none of it.
    sys.modules["__main__"].__spec__ = None
    del sys.modules["__main__"].__file__
    serve()
