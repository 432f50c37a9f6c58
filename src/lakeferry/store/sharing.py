"""Clients of object stores that many stores share while thousands of tables are opened.

A client of its own for each table is made in 10 ms of CPU three times, and opens connections of its
own, each with a handshake. Clients are made anew after a while, so that rotated keys are found.
"""

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

FRESH_S = 600


class _Clients:
    """Those of one scope. Safe to use from many threads."""

    def __init__(self) -> None:
        self._made: dict[Hashable, tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def client(self, key: Hashable, make: Callable[[], Any]) -> Any:
        with self._lock:
            at, found = self._made.get(key, (0.0, None))
            if found is None or time.monotonic() - at > FRESH_S:
                found = make()
                self._made[key] = (time.monotonic(), found)
            return found


_scope: _Clients | None = None


@contextmanager
def shared_clients() -> Iterator[None]:
    """Within, in all threads, stores of one bucket with equal options go by the same clients."""
    global _scope  # noqa: PLW0603 - stores are opened in many places, by an address alone
    before = _scope
    _scope = before or _Clients()
    try:
        yield
    finally:
        _scope = before


def shared(key: Hashable, make: Callable[[], Any]) -> Callable[[], Any]:
    """`make`, or what gives the client that others of this key have."""
    scope = _scope
    return make if scope is None else lambda: scope.client(key, make)
