"""What lies at the target: nothing, another table, or a clone, and who has written to it since."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow.compute as pc

from lakeferry.clone.record import CloneRecord, last_record
from lakeferry.delta.actions import Metadata
from lakeferry.delta.commit_read import Commit, read_commit
from lakeferry.delta.files import OnEntries, untold
from lakeferry.delta.log import LogListing, head_version, list_log
from lakeferry.delta.snapshot import Snapshot, read_snapshot
from lakeferry.errors import FerryError
from lakeferry.store.protocol import Store

# A rearrangement of a row-tracking table restates its high-water mark.
_HARMLESS_DOMAINS = frozenset({"delta.rowTracking"})


@dataclass(frozen=True)
class TargetView:
    """The target before a clone."""

    listing: LogListing
    snapshot: Snapshot | None  # None: no table there
    record: CloneRecord | None  # of the last clone; None: lakeferry never cloned here
    rearranged: tuple[int, ...] = ()  # others' commits since that change no data (OPTIMIZE)
    foreign: tuple[int, ...] = ()  # others' commits since that change data, metadata, txn, ...


def is_table(listing: LogListing) -> bool:
    """Whether a listing shows any version at all."""
    return bool(listing.commits or listing.checkpoints or listing.incomplete)


def newest_record(store: Store, listing: LogListing) -> CloneRecord | None:
    """The record of the last clone that is part of the target's log."""
    if not (listing.commits or listing.checkpoints):
        # A mirror that was cut off before its base was whole.
        return last_record(store, head=-1, oldest_commit=None)
    oldest = min(listing.commits, default=None)
    return last_record(store, head=head_version(listing), oldest_commit=oldest)


def view_target(store: Store, *, on_entries: OnEntries = untold) -> TargetView:
    """Read the target's state and tell who wrote to it since the last clone.

    Raises:
        FerryError: as `read_snapshot`, where something lies there that cannot be read.
    """
    listing = list_log(store)
    if not is_table(listing):
        return TargetView(listing, None, None)
    snapshot = read_snapshot(store, listing=listing, on_entries=on_entries)
    record = newest_record(store, listing)
    if record is None or record.mode == "mirror":
        return TargetView(listing, snapshot, record)
    rearranged, foreign = [], []
    for version in range(record.target_version + 1, snapshot.version + 1):
        # A commit that log cleanup took cannot be judged, so it counts as foreign.
        commit = read_commit(store, version) if version in listing.commits else None
        if commit is None or changes_data(commit):
            foreign.append(version)
        elif moves_files(commit):
            rearranged.append(version)
    return TargetView(listing, snapshot, record, tuple(rearranged), tuple(foreign))


def changes_data(commit: Commit) -> bool:
    """Whether a commit does more than rearrange rows (OPTIMIZE) or note something (VACUUM)."""
    if commit.metadata or commit.protocol or commit.txns or commit.unknown:
        return True
    if commit.domains.keys() - _HARMLESS_DOMAINS:
        return True
    return any(
        pc.any(pc.fill_null(batch.column("dataChange"), True)).as_py()
        for batches in (commit.adds, commit.removes)
        for batch in batches
    )


def moves_files(commit: Commit) -> bool:
    """Whether a commit adds or removes any file."""
    return any(batch.num_rows for batches in (commit.adds, commit.removes) for batch in batches)


def is_same_table(
    store: Store,
    source: Snapshot,
    *,
    cloned_id: str,
    cloned_version: int,
    allow_features: frozenset[str] = frozenset(),
) -> bool:
    """Whether the source's log is the one that was cloned.

    Spark's REPLACE gives a table a new id within its own log; a table that was dropped and
    re-created has another log. So what counts is the id that the log states for that version.
    """
    if source.metadata.id == cloned_id:
        return True
    try:
        then = read_snapshot(
            store,
            version=cloned_version,
            listing=source.listing,
            allow_features=allow_features,
        )
    except FerryError as error:
        if error.code != "LF-2105":
            raise
        return False  # never committed there, or cleaned away: nothing vouches for it
    return then.metadata.id == cloned_id


def refuse_other_table(
    view: TargetView, source: Metadata, *, same_table: bool, url: str, mode: str
) -> None:
    """LF-5002, LF-4106 or LF-5003: what only `--replace` may write over.

    `same_table`: what `is_same_table` says of the last clone's source.
    """
    if view.snapshot is None:
        return
    here, record = view.snapshot, view.record
    if record is None or record.mode != mode:
        kind = f"a {record.mode} clone" if record else "no clone of this source"
        raise FerryError(
            "LF-5002",
            f"target {url} holds another table",
            f"version {here.version}, metadata id {here.metadata.id}: {kind}; nothing was written",
            "choose another target, or replace its content (files stay until vacuumed): --replace",
        )
    if not same_table:
        raise FerryError(
            "LF-4106",
            f"the source is another table now: id {source.id}, cloned was {record.source_id}",
            f"{record.source}; target {url} holds its version {record.source_version}",
            "make the target a clone of the new table: --replace",
        )
    if view.foreign:
        raise FerryError(
            "LF-5003",
            f"someone else has written to the target: {_versions(view.foreign)}",
            f"{url}; the last clone is version {record.target_version}; nothing was written",
            "look at DESCRIBE HISTORY of the target; to undo these commits: --replace",
        )


def _versions(versions: Iterable[int]) -> str:
    names = [str(version) for version in versions]
    shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return f"version {shown}" if len(names) == 1 else f"versions {shown}"
