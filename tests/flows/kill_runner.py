"""Clones in processes that die: by SIGKILL at a chosen operation of their stores, or after a time.

Runs as a process of its own that has imported all that is slow and started no thread. For each
order, one line of JSON, it forks a child that clones, and answers with one line how that ended.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lakeferry.clone.parquet_clone import bring, unreviewed
from lakeferry.clone.parquet_folder import MODE, Declared
from lakeferry.clone.places import Places
from lakeferry.clone.report import CloneRequest
from lakeferry.clone.surroundings import Surroundings
from lakeferry.events import silent
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store
from tests.flows.watched import Moment, Watch, WatchedStore, clone_stores


@dataclass(frozen=True)
class Order:
    """One clone to make, and when to die in it."""

    source: str
    target: str
    mode: str  # 'snapshot', 'mirror', 'parquet'
    source_options: Mapping[str, str] = field(default_factory=dict)
    target_options: Mapping[str, str] = field(default_factory=dict)
    die_at: int = 0  # the operation; 0: live
    die_when: str = "before"  # 'before', 'amid', 'after'
    die_after_s: float = 0  # or this long after the start; 0: live


@dataclass(frozen=True)
class Ending:
    """How one run ended."""

    killed: bool
    moments: int = 0  # operations that a run counted which lived
    error: str = ""


class Runner:
    """The other end of `kill_runner`'s pipe."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, order: Order) -> Ending:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        return Ending(**json.loads(self._process.stdout.readline()))


@contextmanager
def running() -> Iterator[Runner]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.flows.kill_runner"], cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        yield Runner(process)
        assert process.stdin is not None
        process.stdin.close()


def clone_and_die(order: Order) -> int:
    """The clone itself; how many operations it took, if it lives to say so."""

    def listener(moment: Moment) -> None:
        if moment.number == order.die_at and moment.when == order.die_when:
            os.kill(os.getpid(), signal.SIGKILL)

    watch = Watch(listener)
    source = WatchedStore(open_store(order.source, order.source_options), watch)
    target = WatchedStore(open_store(order.target, order.target_options), watch)
    mode = "snapshot" if order.mode == MODE else order.mode
    request = CloneRequest(order.source, order.target, mode, jobs=2)
    if order.die_after_s:
        threading.Timer(order.die_after_s, os.kill, (os.getpid(), signal.SIGKILL)).start()
    if order.mode == MODE:
        around = Surroundings(Places(source, target, _nowhere), None, silent)
        bring(request, Declared(), around, unreviewed)
    else:
        clone_stores(request, source, target)
    return watch.count


def _nowhere(url: str) -> tuple[Store, str]:
    raise AssertionError(url)


def serve() -> None:
    for line in sys.stdin:
        ending = _forked(Order(**json.loads(line)))
        sys.stdout.write(json.dumps(asdict(ending)) + "\n")
        sys.stdout.flush()


def _forked(order: Order) -> Ending:
    back, out = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(back)
        _child(order, out)
    os.close(out)
    with os.fdopen(back) as answer:
        said = answer.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return Ending(killed=os.WTERMSIG(status) == signal.SIGKILL, error=f"signal {status}")
    found: dict[str, Any] = json.loads(said or '{"error": "no answer"}')
    return Ending(killed=False, **found)


def _child(order: Order, out: int) -> None:
    try:
        answer: dict[str, Any] = {"moments": clone_and_die(order)}
    except BaseException as error:  # noqa: BLE001  # the parent reports it
        answer = {"error": repr(error)}
    os.write(out, json.dumps(answer).encode())
    os._exit(0)


if __name__ == "__main__":
    # Imported before the first fork, so that each child need not. Not obstore: it starts threads.
    import awscrt.checksums  # noqa: F401
    import numpy.ma  # noqa: F401
    import pyarrow.compute
    import pyarrow.dataset
    import pyarrow.parquet  # noqa: F401

    serve()
