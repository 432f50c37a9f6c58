"""One writer at a time in a folder of a store: a file that is put only if absent says who."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson

from lakeferry.errors import FerryError
from lakeferry.store.protocol import AlreadyThere, Store, read_all

FILE = "_writing.json"  # readers of tables leave out names with `_`
PATIENCE_S, PAUSE_S = 60, 0.5
STALE_S = 600  # whoever holds it longer has died: a part is written in seconds


@contextmanager
def one_writer(
    store: Store, folder: str, *, clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:  # fmt: skip
    """Hold a folder while others wait, at most `PATIENCE_S`.

    Raises:
        FerryError: LF-6254 where another goes on writing.
    """
    path, token = f"{folder}/{FILE}", uuid.uuid4().hex
    begun = clock()
    while not _taken(store, path, token, clock()):
        if clock() - begun > PATIENCE_S:
            raise FerryError(
                "LF-6254",
                "another run is writing these series",
                f"{store.url}/{path}",
                f"wait for it to end; a file that a dead run left counts for {STALE_S // 60} min",
            )
        sleep(PAUSE_S)
    try:
        yield
    finally:
        if _holder(store, path)[0] == token:
            store.delete(path)


def _taken(store: Store, path: str, token: str, now: float) -> bool:
    body = orjson.dumps({"writer": token, "at": int(now)})
    try:
        store.put_if_absent(path, [body], size_hint=len(body))
    except AlreadyThere:
        holder, at = _holder(store, path)
        if holder and now - at > STALE_S:
            store.delete(path)  # whoever puts it first has it; the others wait on
        return holder == token
    return True


def _holder(store: Store, path: str) -> tuple[str, float]:
    """Who holds it and since when; nobody where it has gone."""
    try:
        found = orjson.loads(read_all(store, path))
        return str(found["writer"]), float(found["at"])
    except (FileNotFoundError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return "", 0
