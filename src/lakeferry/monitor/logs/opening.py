"""Open flow logs where they lie: a file, a folder, an object store, a log group, standard input."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath

from lakeferry.errors import FerryError
from lakeferry.monitor.logs.generated_logs import GENERATED
from lakeferry.store.open import NO_OPTIONS, open_store
from lakeferry.store.protocol import Store

LOG_GROUP = "log-group:"
STDIN = "-"
_ENDINGS = (".log", ".gz", ".parquet", ".json", ".jsonl", ".ndjson", ".txt")
_CHUNK = 1 << 20
# Delivered files bear the time at which their five minutes begin: rows that *end* in these.
_DELIVERED = re.compile(r"_(\d{8}T\d{4})Z_[^/]*$")
_SPAN_S = 300 + 600  # of a file's rows: five minutes, and the longest capture before

Opened = Iterator[tuple[str, Iterator[bytes]]]
LogEvents = Callable[[str], Iterator[bytes]]


def open_logs(
    place: str,
    options: Mapping[str, str] = NO_OPTIONS,
    *,
    log_events: LogEvents | None = None,
    generated: LogEvents | None = None,
    span_s: tuple[int | None, int | None] = (None, None),
) -> Opened:
    """Each log at a place, in the order of names, with its bytes; each is opened when it is taken.

    Args:
        place: a file, a folder, `s3://bucket/prefix` (any store's address; it may end inside a
            name), `log-group:NAME`, or `-` for standard input. Of a folder, files of the usual
            endings are taken; names that begin with `.` or `_` are not.
        options: of the store, see docs/reference/stores.md.
        log_events: reads a log group by its name, as JSON lines of log events.
        generated: makes up the log of a place that begins with `generated:`.
        span_s: begin and end of what is of interest, s since the epoch: files whose names say
            that all their rows lie outside are left out.

    Raises:
        FerryError: LF-6205 where nothing is found.
    """
    if place == STDIN:
        yield "standard input", _stdin()
    elif place.startswith(LOG_GROUP):
        yield place, _group(place, log_events)
    elif place.startswith(GENERATED) and generated is not None:
        yield place, generated(place)
    else:
        yield from _stored(place, options, span_s)


def store_options(
    place: str,
    given: Mapping[str, str],
    *,
    region: str | None,
    profile: str | None,
    endpoint: str | None,
    role: str | None = None,
    external_id: str | None = None,
) -> Mapping[str, str]:
    """Settings of the logs' store: S3 is met as the rest of AWS, unless it is said otherwise."""
    if not place.startswith("s3://"):
        return given
    usual = {"region": region, "profile": profile, "endpoint": endpoint, "role": role}
    if role:
        usual |= {"external_id": external_id, "sts_endpoint": endpoint}
    return {**{name: value for name, value in usual.items() if value}, **given}


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


def _stored(
    place: str, options: Mapping[str, str], span_s: tuple[int | None, int | None]
) -> Opened:
    whole = place.rstrip("/") or place
    parent, slash, name = whole.rpartition("/")
    if name and not parent.endswith("/"):  # not a bucket itself
        above = open_store(parent or (slash or "."), options)
        if above.head(name) is not None:
            yield name, above.read(name)
            return
    store = open_store(whole, options)
    found = sorted(meta.path for meta in store.list("") if is_log(meta.path))
    if not found and "://" in place and name and not place.endswith("/"):
        # As S3 takes a prefix: it may end inside a name.
        store = open_store(parent, options)
        found = sorted(path for path in _begun(store, name) if is_log(path))
    if not found:
        raise FerryError(
            "LF-6205",
            "there is no log here",
            place,
            f"name a file, or a folder with files that end in {', '.join(_ENDINGS)}",
        )
    wanted = [path for path in found if may_hold(path, *span_s)]
    if not wanted:
        raise FerryError(
            "LF-6205",
            "no log here is of the time that is asked for",
            f"{place}: {_begins(found[0])} to {_begins(found[-1])}",
            "choose other times with --start, --end or --last",
        )
    for path in wanted:
        yield path, _read(store, path)


def _begun(store: Store, start: str) -> Iterator[str]:
    """Paths that begin so. S3 tells them one after another, so the rest of a bucket is not read."""
    for meta in store.list("", after=start):
        if meta.path.startswith(start):
            yield meta.path
        elif store.url.startswith("s3://"):
            return


def _begins(path: str) -> str:
    """When a delivered file begins, as its name says."""
    found = _DELIVERED.search(path)
    return f"{datetime.strptime(found[1], '%Y%m%dT%H%M'):%Y-%m-%dT%H:%MZ}" if found else path


def may_hold(path: str, start_s: int | None, end_s: int | None) -> bool:
    """Whether a file may hold rows that begin in a span, as far as its name tells."""
    found = _DELIVERED.search(path)
    if found is None:
        return True
    at = int(datetime.strptime(found[1], "%Y%m%dT%H%M").replace(tzinfo=UTC).timestamp())
    if start_s is not None and at + 300 < start_s:
        return False
    return end_s is None or at - _SPAN_S < end_s


def is_log(path: str) -> bool:
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
