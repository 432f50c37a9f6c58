"""Open flow logs where they lie: a file, a folder, an object store, a log group, standard input."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath

from lakeferry.errors import FerryError
from lakeferry.store.open import NO_OPTIONS, open_store
from lakeferry.store.protocol import Store

LOG_GROUP = "log-group:"
STDIN = "-"
_ENDINGS = (".log", ".gz", ".parquet", ".json", ".jsonl", ".ndjson", ".txt")
_CHUNK = 1 << 20

Opened = Iterator[tuple[str, Iterator[bytes]]]
LogEvents = Callable[[str], Iterator[bytes]]


def open_logs(
    place: str,
    options: Mapping[str, str] = NO_OPTIONS,
    *,
    log_events: LogEvents | None = None,
) -> Opened:
    """Each log at a place, in the order of names, with its bytes; each is opened when it is taken.

    Args:
        place: a file, a folder, `s3://bucket/prefix` (any store's address), `log-group:NAME`, or
            `-` for standard input. Of a folder, files of the usual endings are taken; names that
            begin with `.` or `_` are not.
        options: of the store, see docs/reference/stores.md.
        log_events: reads a log group by its name, as JSON lines of log events.

    Raises:
        FerryError: LF-6205 where nothing is found.
    """
    if place == STDIN:
        yield "standard input", _stdin()
    elif place.startswith(LOG_GROUP):
        yield place, _group(place, log_events)
    else:
        yield from _stored(place, options)


def _stdin() -> Iterator[bytes]:
    while chunk := sys.stdin.buffer.read(_CHUNK):
        yield chunk


def _group(place: str, log_events: LogEvents | None) -> Iterator[bytes]:
    if log_events is None:
        raise FerryError(
            "LF-6205",
            "log groups cannot be read here",
            place,
            "export the group to a bucket or a file, and name that",
        )
    return log_events(place.removeprefix(LOG_GROUP))


def _stored(place: str, options: Mapping[str, str]) -> Opened:
    whole = place.rstrip("/") or place
    parent, slash, name = whole.rpartition("/")
    if name and not parent.endswith("/"):  # not a bucket itself
        above = open_store(parent or (slash or "."), options)
        if above.head(name) is not None:
            yield name, above.read(name)
            return
    store = open_store(whole, options)
    found = sorted(meta.path for meta in store.list("") if _is_log(meta.path))
    if not found:
        raise FerryError(
            "LF-6205",
            "there is no log here",
            place,
            f"name a file, or a folder with files that end in {', '.join(_ENDINGS)}",
        )
    for path in found:
        yield path, _read(store, path)


def _is_log(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return path.endswith(_ENDINGS) and not any(part.startswith((".", "_")) for part in parts)


def _read(store: Store, path: str) -> Iterator[bytes]:
    try:
        yield from store.read(path)
    except FileNotFoundError as error:
        raise FerryError(
            "LF-6205",
            "a log was removed while logs were read",
            f"{store.url}/{path}",
            "run again",
        ) from error
