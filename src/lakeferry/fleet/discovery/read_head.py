"""The head of a Delta log -> what a discovery tells of the table. Data files are never listed.

Where the newest version has a checksum file, which Spark writes, that alone says it all, however
many files the table has. Else the checkpoint and the commits behind it are read.
"""

import threading
from contextlib import nullcontext
from dataclasses import dataclass, replace

import orjson
import pyarrow.compute as pc

from lakeferry.delta.features import OF_CATALOGS, effective_features
from lakeferry.delta.log import (
    LAST_CHECKPOINT,
    LogFile,
    LogListing,
    LogSegment,
    head_version,
    list_log,
    list_short_log,
    segment,
)
from lakeferry.delta.snapshot import read_snapshot, read_unchecked
from lakeferry.delta.time_travel import commit_time_ms
from lakeferry.errors import FerryError
from lakeferry.fleet.discovery.found import DeltaHead, Remark
from lakeferry.fleet.discovery.head_facts import (
    LogFacts,
    checked,
    facts_of_checksum,
    head_of,
    remark_of,
    remarks_of,
)
from lakeferry.fleet.discovery.short_log import read_short_log
from lakeferry.fleet.sync.published import unpublished
from lakeferry.store.protocol import Store, read_all

LONG = 4000  # entries of a log from which on only its end is listed
BACK = 1000  # versions before the last checkpoint that are listed, to tell how often it is written
HEAVY_BYTES = 32 << 20  # of checkpoint and commits; such logs are read one or two at a time
_HEAVY = threading.Semaphore(2)


@dataclass(frozen=True, slots=True)
class ReadHead:
    """What was read of one table."""

    head: DeltaHead | None  # None: the log cannot be read, see the remarks
    files: int | None
    bytes: int | None
    remarks: tuple[Remark, ...]


def read_head(store: Store, *, now_ms: int, window_ms: int) -> ReadHead | None:
    """Read the table at the store's root; None where there is none.

    Args:
        now_ms: since the epoch.
        window_ms: over which commits are counted.

    Raises:
        FerryError: the store cannot be read. A log that cannot is a remark.
    """
    listing, is_whole = _listed(store)
    if not listing.is_there:
        return None
    try:
        try:
            facts = _facts(store, listing)
        except FerryError as error:
            if not error.code.startswith("LF-31"):
                raise
            # An older checkpoint may stand in for the last one of a long log; and log cleanup may
            # have taken what was listed.
            listing, is_whole = list_log(store), True
            facts = _facts(store, listing)
    except FerryError as error:
        if error.code in ("LF-1001", "LF-1002", "LF-1003"):
            raise
        return ReadHead(None, None, None, (remark_of(error),))
    head = head_of(facts, listing, is_whole=is_whole, now_ms=now_ms, window_ms=window_ms)
    unpublished = _unpublished(store, facts)
    return ReadHead(head, facts.files, facts.bytes, remarks_of(facts, store.url, unpublished))


def _listed(store: Store) -> tuple[LogListing, bool]:
    """The log, and whether that is all of it; of a long one the end."""
    listing = list_short_log(store, LONG)
    if listing is not None:
        return listing, True
    version = _last_checkpoint(store)
    if version is None or version <= BACK:
        return list_log(store), True
    return list_log(store, since=version - BACK), False


def _last_checkpoint(store: Store) -> int | None:
    """Of which version; None where nothing says it."""
    try:
        version = orjson.loads(read_all(store, LAST_CHECKPOINT))["version"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return version if isinstance(version, int) else None


def _facts(store: Store, listing: LogListing) -> LogFacts:
    """Raises FerryError where the log gives no table."""
    head = head_version(listing)
    crc = listing.crcs.get(head)
    told = _by_checksum(store, crc) if crc is not None else None
    chosen = segment(listing, head)
    if told is None or (told.txns is None and _weight(chosen) <= HEAVY_BYTES):
        with _HEAVY if _weight(chosen) > HEAVY_BYTES else nullcontext():
            told = _by_log(store, listing, chosen)
    committed_ms = told.committed_ms
    if committed_ms is None:
        committed_ms = commit_time_ms(listing, chosen)
    return checked(replace(told, committed_ms=committed_ms), store.url)


def _weight(chosen: LogSegment) -> int:
    files = [*chosen.commits, *(chosen.checkpoint.files if chosen.checkpoint else ())]
    return sum(file.meta.size for file in files)


def _by_checksum(store: Store, crc: LogFile) -> LogFacts | None:
    """What `N.crc` says; None where it does not say all that is needed.

    Source: Delta protocol, "Version Checksum File".
    """
    try:
        return facts_of_checksum(crc.version, orjson.loads(read_all(store, crc.meta.path)))
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _by_log(store: Store, listing: LogListing, chosen: LogSegment) -> LogFacts:
    short = read_short_log(store, chosen, OF_CATALOGS)
    if short is not None:
        return short
    try:
        found = read_snapshot(store, listing=listing, allow_features=OF_CATALOGS)
    except FerryError as error:
        if error.code not in ("LF-3001", "LF-3002"):
            raise
        state, protocol, metadata = read_unchecked(store, chosen, error)
        domains = frozenset(state.live_domains())
        return LogFacts(
            chosen.end_version, protocol, metadata, state.txns, domains, None, None, "nothing", None
        )
    sizes = [batch.column("size") for batch in found.files.batches(["size"])]
    return LogFacts(
        version=found.version,
        protocol=found.protocol,
        metadata=found.metadata,
        txns=found.txns,
        domains=frozenset(found.domains),
        files=sum(len(column) for column in sizes),
        bytes=sum(pc.sum(column).as_py() or 0 for column in sizes),
        counted_by="log",
        committed_ms=found.timestamp_ms,
    )


def _unpublished(store: Store, facts: LogFacts) -> int:
    """Commits of a catalog that lie beside the log and are not in it yet."""
    if not OF_CATALOGS & effective_features(facts.protocol):
        return 0
    return unpublished(store, facts.version)
