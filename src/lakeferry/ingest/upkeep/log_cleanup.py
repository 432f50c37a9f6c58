"""Remove what the log of a table need not keep: old commits, checkpoints and checksums.

A version that was current within `delta.logRetentionDuration` can be read after it as before: what
goes lies before a checkpoint that is whole and not younger than that time. Sidecars of V2
checkpoints are left to whoever wrote them.

Source: Delta protocol, "Metadata Cleanup"; Delta's Spark writer, which cuts to whole days.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from lakeferry.delta.actions import Metadata, Protocol
from lakeferry.delta.checkpoint_write import duration_ms
from lakeferry.delta.features import effective_features
from lakeferry.delta.log import LOG, Checkpoint, LogListing, list_log
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.delta.time_travel import version_at
from lakeferry.errors import FerryError
from lakeferry.store.protocol import ObjectMeta, Store

DAY_MS = 24 * 3_600_000
MONTH_MS = 30 * DAY_MS  # the default of delta.logRetentionDuration
MOST_REMOVED = 20_000  # files in one run
_FIRST_COPY = re.compile(rf"{LOG}/\.tmp/(\d{{20}})\.json\.[0-9a-f-]{{36}}")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What one run removed."""

    oldest: int  # version of the checkpoint that is the oldest now
    files: int
    bytes: int


def cutoff_ms(protocol: Protocol, metadata: Metadata, now_ms: int) -> int | None:
    """Versions that were replaced before this time may go, ms since the epoch; None: none may."""
    if metadata.configuration.get("delta.enableExpiredLogCleanup", "true").lower() != "true":
        return None
    # That feature asks for more than we do: all of a protected history at once, or none of it.
    if "checkpointProtection" in effective_features(protocol):
        return None
    told = metadata.configuration.get("delta.logRetentionDuration")
    kept_ms = MONTH_MS if told is None else duration_ms(told)
    if kept_ms is None:
        return None
    return (now_ms - kept_ms) // DAY_MS * DAY_MS


def expired(listing: LogListing, current: int) -> tuple[Checkpoint, tuple[ObjectMeta, ...]] | None:
    """What may go, oldest first, and the checkpoint that stands in for it; None: nothing.

    Args:
        current: the version that was current at the cutoff.
    """
    base = next((one for one in listing.checkpoints if one.version <= current), None)
    if base is None:
        return None
    found = sorted(_before(listing, base.version), key=lambda one: one.path)
    return (base, tuple(found[:MOST_REMOVED])) if found else None


def _before(listing: LogListing, version: int) -> Iterator[ObjectMeta]:
    yield from (one.meta for number, one in listing.commits.items() if number < version)
    yield from (one.meta for number, one in listing.crcs.items() if number < version)
    yield from (one.meta for one in listing.compactions if one.version <= version)
    yield from (one.meta for one in listing.incomplete if one.version < version)
    for checkpoint in listing.checkpoints:
        if checkpoint.version < version:
            yield from (one.meta for one in checkpoint.files)


def _first_copies(store: Store, version: int) -> Iterator[ObjectMeta]:
    """Of commits before the version that went by a lock, ours or Spark's: they were finished long
    ago, and no listing of the log but the whole one passes over them."""
    for meta in store.list(f"{LOG}/.tmp", recursive=False):
        found = _FIRST_COPY.fullmatch(meta.path)
        if found is not None and int(found[1]) < version:
            yield meta


def clean_log(store: Store, now_ms: int) -> Cleaned | None:
    """Remove what is past its time; None where nothing is.

    Raises:
        FerryError: the log cannot be read, the store does not answer. What is removed is removed
            from the old end on, so that a run that is cut off leaves a log that is whole.
    """
    listing = list_log(store)
    head = read_snapshot(store, listing=listing)
    before_ms = cutoff_ms(head.protocol, head.metadata, now_ms)
    if before_ms is None:
        return None
    try:
        current = version_at(store, listing, before_ms, newest=head.metadata, newest_ms=None)
    except FerryError as error:
        if error.code == "LF-2105":  # no version is so old
            return None
        raise
    found = expired(listing, current)
    if found is None:
        return None
    base, metas = found
    # By its name alone a checkpoint is not known to be whole, and nothing else would stand in.
    if read_snapshot(store, listing=listing, version=base.version).segment.checkpoint != base:
        return None
    copies = islice(_first_copies(store, base.version), MOST_REMOVED)
    metas = (*copies, *metas)
    for meta in metas:
        store.delete(meta.path)
    return Cleaned(base.version, len(metas), sum(meta.size for meta in metas))
