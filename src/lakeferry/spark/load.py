"""What one task of Spark is given, and what it answers: pickled, small, without secrets.

A task runs on a machine that only has this package: what it works with is opened there. Spark may
run it twice, on two machines at once even, so what it does must bear that.
"""

import pickle
import platform
import sys
import time
import traceback
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import Any

from lakeferry.errors import FerryError
from lakeferry.store.limits import Throttle
from lakeferry.store.sharing import shared_clients
from lakeferry.version import VERSION
from lakeferry.workers import Errand, map_threads

_OF_PROCESS = ExitStack()


@dataclass(frozen=True, slots=True)
class Load:
    """The items of one task."""

    errands: tuple[Errand, ...]
    items: tuple[tuple[int, Any], ...]  # place of the errand, item
    hands: int  # items at once
    bytes_per_s: float | None  # of this task alone


@dataclass(frozen=True, slots=True)
class Unloaded:
    """What came of it."""

    results: tuple[Any, ...]  # in the order of the items
    seconds: float


@dataclass(frozen=True, slots=True)
class Machine:
    """Who takes tasks."""

    python: str  # '3.11'
    lakeferry: str
    host: str


def this_machine() -> Machine:
    """Of this process."""
    return Machine(f"{sys.version_info[0]}.{sys.version_info[1]}", VERSION, platform.node())


def pack(load: Load | None) -> bytes:
    """As it is sent; None asks who is there."""
    return pickle.dumps(load, protocol=pickle.HIGHEST_PROTOCOL)


def unpack(answer: bytes) -> Any:
    """What `work` answered: `Unloaded`, or a `Machine`."""
    return pickle.loads(answer)


def work(sent: bytes) -> bytes:
    """Do it, on a machine of Spark. An error of one item is its result, never an exception."""
    load: Load | None = pickle.loads(sent)
    if load is None:
        return pickle.dumps(this_machine())
    _share_clients()
    return pickle.dumps(_unload(load), protocol=pickle.HIGHEST_PROTOCOL)


def _unload(load: Load) -> Unloaded:
    began = time.monotonic()
    throttle = None if load.bytes_per_s is None else Throttle(load.bytes_per_s).take

    def one(numbered: tuple[int, tuple[int, Any]]) -> tuple[int, Any]:
        number, (place, item) = numbered
        errand = load.errands[place]
        try:
            return number, errand(item, throttle)
        except Exception as flaw:  # noqa: BLE001 - it must not end the task of all others
            return number, errand.failed(item, flawed(flaw))

    found = dict(map_threads(one, enumerate(load.items), count=load.hands))
    for place, errand in enumerate(load.errands):
        try:
            errand.settle()
        except FerryError as error:
            lost = [number for number, (at, _) in enumerate(load.items) if at == place]
            found |= {number: errand.failed(load.items[number][1], error) for number in lost}
    results = tuple(found[number] for number in range(len(load.items)))
    return Unloaded(results, time.monotonic() - began)


def flawed(flaw: Exception) -> FerryError:
    """A bug, as an error of one item."""
    last = traceback.extract_tb(flaw.__traceback__)[-1]
    return FerryError(
        "LF-8095",
        f"{type(flaw).__name__}: {flaw}",
        f"on {platform.node()}, in {last.filename}:{last.lineno}",
        "report it; without --on the same is done on this machine",
    )


@cache
def _share_clients() -> None:
    """All tasks of this process go by the same clients, made anew now and then."""
    _OF_PROCESS.enter_context(shared_clients())
