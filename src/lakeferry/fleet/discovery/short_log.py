"""A short log without oddities, read line by line: most tables of a lake have no other.

The general way through Arrow costs milliseconds whatever there is to read. This one answers only
where paths need no thought; of all else it says nothing, and the general way is taken.
"""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import orjson

from lakeferry.delta.actions import DomainMetadata, Metadata, Protocol, Txn
from lakeferry.delta.features import check_readable
from lakeferry.delta.json_parse import OtherAction
from lakeferry.delta.log import LogFile, LogSegment
from lakeferry.delta.reconcile import SmallActions
from lakeferry.delta.time_travel import ICT
from lakeferry.errors import FerryError
from lakeferry.fleet.discovery.head_facts import LogFacts
from lakeferry.store.protocol import Store, read_all

MOST_BYTES = 256 << 10  # of all commits together
NEAR_S = 0.003  # a store that answers sooner is asked for one commit after the other
AT_ONCE = 8
_ODD = frozenset("%:\\")  # in a path: encoded, absolute, or of another system
Key = tuple[str, str]  # path, unique id of the deletion vector


def read_short_log(store: Store, chosen: LogSegment, allow: frozenset[str]) -> LogFacts | None:
    """What the commits of a segment say; None where the general way has to be taken.

    `allow`: features that `check_readable` accepts by name.
    """
    if chosen.checkpoint is not None or _size(chosen) > MOST_BYTES:
        return None
    state = _State()
    try:
        for file, body in _bodies(store, chosen.commits[::-1]):
            if not state.take(file, body):
                return None
        return state.facts(store.url, chosen.end_version, allow)
    except (FerryError, FileNotFoundError, ValueError, TypeError, AttributeError, KeyError):
        return None  # whatever is wrong, the general way has the words for it


class _State:
    """What is known so far; commits come newest first."""

    def __init__(self) -> None:
        self._seen: set[Key] = set()
        self._files = 0
        self._bytes = 0
        self._protocol: Protocol | None = None
        self._metadata: Metadata | None = None
        self._txns: dict[str, Txn] = {}
        self._domains: dict[str, DomainMetadata] = {}

    def take(self, file: LogFile, body: bytes) -> bool:
        """One commit; False where it holds something odd."""
        small = SmallActions(file.meta.path)
        sizes: dict[Key, int | None] = {}  # within one commit the last action on a file counts
        for line in body.split(b"\n"):
            for name, action in (orjson.loads(line) if line.strip() else {}).items():
                if action is None:
                    continue
                if name not in ("add", "remove"):
                    small.take(OtherAction(name, action, 0))
                    continue
                key = _key(action)
                if key is None:
                    return False
                sizes[key] = action["size"] if name == "add" else None
        self._settle(sizes)
        self._protocol = self._protocol or small.protocol
        self._metadata = self._metadata or small.metadata
        self._txns = small.txns | self._txns
        self._domains = small.domains | self._domains
        return not small.unknown

    def _settle(self, sizes: Mapping[Key, int | None]) -> None:
        for key, size in sizes.items():
            if key not in self._seen:
                self._seen.add(key)
                if size is not None:
                    self._files += 1
                    self._bytes += size

    def facts(self, url: str, version: int, allow: frozenset[str]) -> LogFacts | None:
        """Raises FerryError for a table that must not be read."""
        protocol, metadata = self._protocol, self._metadata
        if protocol is None or metadata is None or not metadata.schema_string:
            return None
        if metadata.format.get("provider", "parquet") != "parquet" or metadata.is_on(ICT):
            return None
        check_readable(protocol, metadata, url, allow)
        live = frozenset(name for name, one in self._domains.items() if not one.removed)
        return LogFacts(
            version, protocol, metadata, self._txns, live, self._files, self._bytes, "log", None
        )


def _key(action: Mapping[str, Any]) -> Key | None:
    """None for a path that may be written in several ways, and for fields of other types."""
    path = action["path"]
    is_plain = isinstance(path, str) and isinstance(action.get("partitionValues") or {}, dict)
    if not is_plain or not isinstance(action.get("size") or 0, int):
        return None
    if not _ODD.isdisjoint(path) or path.startswith(("/", ".")) or "//" in path or "/." in path:
        return None
    vector = action.get("deletionVector")
    if vector is None:
        return path, ""
    offset = vector.get("offset")
    at = "" if offset is None else f"@{offset}"
    return path, f"{vector['storageType']}{vector['pathOrInlineDv']}{at}"


def _size(chosen: LogSegment) -> int:
    return sum(file.meta.size for file in chosen.commits)


def _bodies(store: Store, files: tuple[LogFile, ...]) -> Iterator[tuple[LogFile, bytes]]:
    """Each commit's bytes, in order; of a far store the others are fetched at once."""
    began = time.monotonic()
    yield files[0], read_all(store, files[0].meta.path)
    rest = files[1:]
    if len(rest) < 2 or time.monotonic() - began < NEAR_S:
        for file in rest:
            yield file, read_all(store, file.meta.path)
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        paths = [file.meta.path for file in rest]
        yield from zip(rest, pool.map(partial(read_all, store), paths), strict=True)
