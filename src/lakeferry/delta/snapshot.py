"""A table at one version: read from a store, without holding its files.

Source: Delta protocol, "Action Reconciliation", "Snapshot".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from lakeferry.delta.actions import DomainMetadata, Metadata, Protocol, Txn
from lakeferry.delta.checkpoint import CheckpointContent, UnreadableCheckpoint, read_checkpoint
from lakeferry.delta.commit_read import commit_events, told_events
from lakeferry.delta.compaction import is_borne_out, shortened
from lakeferry.delta.features import check_readable
from lakeferry.delta.files import FileSet, OnEntries, ToldFiles, untold
from lakeferry.delta.log import LogFile, LogListing, LogSegment, list_log, segment
from lakeferry.delta.paths import canonical
from lakeferry.delta.reconcile import Reconciliation
from lakeferry.delta.time_travel import commit_time_ms, in_commit_timestamp, version_at
from lakeferry.errors import FerryError
from lakeferry.store.protocol import Store


@dataclass(frozen=True)
class Snapshot:
    """All of a table at one version."""

    url: str
    version: int
    protocol: Protocol
    metadata: Metadata
    txns: Mapping[str, Txn]  # by appId; the last one seen, expired ones too
    domains: Mapping[str, DomainMetadata]  # by name, live ones
    in_commit_timestamp: int | None  # ms; None where the table has none at this version
    timestamp_ms: int | None  # when the version was committed; None where nothing says it
    files: FileSet  # live files, rows of FILE_SCHEMA
    unknown_actions: tuple[tuple[int, Mapping[str, Any]], ...]  # of the commits that were read
    segment: LogSegment
    listing: LogListing
    removes: FileSet | None = None  # tombstones, rows of REMOVE_SCHEMA, where asked for


def read_snapshot(
    store: Store,
    *,
    version: int | None = None,
    timestamp_ms: int | None = None,
    allow_features: frozenset[str] = frozenset(),
    tombstones: bool = False,
    listing: LogListing | None = None,
    on_entries: OnEntries = untold,
) -> Snapshot:
    """Read the table at the store's root.

    Args:
        store: its root is the table's.
        version: of the table; None: the newest.
        timestamp_ms: instead of a version: the one that was current then.
        allow_features: features that `check_readable` would refuse, accepted by name.
        tombstones: also keep the remove actions (`Snapshot.removes`).
        listing: an earlier `list_log` to go by.
        on_entries: told of the log's entries as they are read, now and in `Snapshot.files`.

    Raises:
        FerryError: LF-2102, LF-2105, LF-3001, LF-3002, LF-3101 to LF-3105, as their titles say.
    """
    listing = list_log(store) if listing is None else listing
    if timestamp_ms is not None:
        newest = read_snapshot(
            store, allow_features=allow_features, listing=listing, on_entries=on_entries
        )
        version = version_at(
            store, listing, timestamp_ms, newest=newest.metadata, newest_ms=newest.timestamp_ms
        )
    unreadable: dict[str, UnreadableCheckpoint] = {}
    while True:
        chosen = _choose(listing, version, unreadable)
        try:
            content = read_checkpoint(store, chosen.checkpoint) if chosen.checkpoint else None
        except UnreadableCheckpoint as error:
            unreadable[error.name] = error
            continue
        read = partial(
            _reconcile, store, listing, chosen, content, allow_features,
            tombstones=tombstones, on_entries=on_entries,
        )  # fmt: skip
        # A compaction may leave out tombstones that a checkpoint would leave out too.
        by_compactions = None if tombstones else _by_compactions(store, chosen, read)
        return by_compactions or read(chosen.commits)


def read_unchecked(
    store: Store, chosen: LogSegment, refused: FerryError, *, on_entries: OnEntries = untold
) -> tuple[Reconciliation, Protocol, Metadata]:
    """What the log says of a table whose live files must not be read.

    Protocol, metadata, transactions and domains mean the same under all features.

    Raises:
        FerryError: `refused`, where not even these are there.
    """
    state = Reconciliation(canonical(store.url), _any_protocol, tombstones=False)
    for file, events in commit_events(store, tuple(reversed(chosen.commits))):
        state.apply_commit(file.version, file.meta.path, told_events(events, on_entries))
    if chosen.checkpoint is not None:
        try:
            state.apply_checkpoint(read_checkpoint(store, chosen.checkpoint))
        except UnreadableCheckpoint:
            raise refused from None
    if state.protocol is None or state.metadata is None:
        raise refused
    return state, state.protocol, state.metadata


def _any_protocol(protocol: Protocol) -> None:
    """The check of `Reconciliation`, for who reads no live files."""
    del protocol


def _by_compactions(
    store: Store, chosen: LogSegment, read: Callable[[tuple[LogFile, ...]], Snapshot]
) -> Snapshot | None:
    """The snapshot read the shorter way; None where that does not lead to a sure answer."""
    files = shortened(chosen)
    if files == chosen.commits or chosen.crc is None:
        return None
    compacted = {file.end for file in files if file.kind == "compacted"}
    try:
        found = read(files)
        # Only a commit says of which version an unknown action is.
        vague = any(version in compacted for version, _ in found.unknown_actions)
        return None if vague or not is_borne_out(store, chosen.crc, found, found.files) else found
    except FerryError:
        return None  # whatever is wrong with a compaction, the commits decide


def _choose(
    listing: LogListing, version: int | None, unreadable: Mapping[str, UnreadableCheckpoint]
) -> LogSegment:
    try:
        return segment(listing, version, without=frozenset(unreadable))
    except FerryError as error:
        if not unreadable:
            raise
        last = list(unreadable.values())[-1]
        raise FerryError(
            "LF-3104",
            "the checkpoint of the table cannot be read, and the log is not whole without it",
            f"{listing.url}/{last.name}: {last.why}",
            "let a writer of the table make a new checkpoint, or restore the file from a backup",
        ) from error


def _reconcile(
    store: Store,
    listing: LogListing,
    chosen: LogSegment,
    content: CheckpointContent | None,
    allow: frozenset[str],
    files: tuple[LogFile, ...],
    *,
    tombstones: bool,
    on_entries: OnEntries,
) -> Snapshot:
    """`files`: commits and compactions that lead to the segment's version, ascending."""

    def check(protocol: Protocol) -> None:
        check_readable(protocol, None, store.url, allow)

    state = Reconciliation(canonical(store.url), check, tombstones=tombstones)
    info = None
    for file, events in commit_events(store, tuple(reversed(files))):
        version = max(file.version, file.end)
        small = state.apply_commit(version, file.meta.path, told_events(events, on_entries))
        if file.kind == "commit" and version == chosen.end_version:
            info = small.commit_info
    if content is not None:
        state.apply_checkpoint(content)
    protocol, metadata = _required(state, store.url, chosen.end_version)
    check_readable(protocol, metadata, store.url, allow)
    in_commit = in_commit_timestamp(store, listing, chosen.end_version, metadata, info)
    return Snapshot(
        url=store.url,
        version=chosen.end_version,
        protocol=protocol,
        metadata=metadata,
        txns=state.txns,
        domains=state.live_domains(),
        in_commit_timestamp=in_commit,
        timestamp_ms=commit_time_ms(listing, chosen) if in_commit is None else in_commit,
        files=ToldFiles(state.files("add", content.adds if content else None), on_entries),
        unknown_actions=tuple(state.unknown),
        segment=chosen,
        listing=listing,
        removes=state.files("remove", content.removes if content else None) if tombstones else None,
    )


def _required(state: Reconciliation, url: str, version: int) -> tuple[Protocol, Metadata]:
    if state.protocol is None or state.metadata is None:
        missing = "protocol" if state.protocol is None else "metaData"
        raise FerryError(
            "LF-3105",
            f"the log states no table: no `{missing}` action is visible at version {version}",
            f"{url}/_delta_log",
            "the log was damaged; restore its oldest files from a backup",
        )
    if state.metadata.schema_string == "":
        raise FerryError(
            "LF-3105",
            f"the table has no schema at version {version}",
            f"{url}/_delta_log: `metaData.schemaString` is missing",
            "wait until a writer has set it, or clone a later version",
        )
    if state.metadata.format.get("provider", "parquet") != "parquet":
        raise FerryError(
            "LF-3002",
            f"the table keeps its data as `{state.metadata.format['provider']}`, not as Parquet",
            f"{url}/_delta_log, metaData.format.provider",
            "rewrite the table with Parquet files",
        )
    return state.protocol, state.metadata
