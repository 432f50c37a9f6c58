"""Open the table of an ingest: make it if there is none, check that rows fit it if there is one.

A new ingest commits where it starts before it reads: a start at "latest" would be another place
after a crash.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.delta.commit import prove_put_if_absent
from lakeferry.delta.log import LogListing, list_log
from lakeferry.delta.snapshot import Snapshot, read_snapshot
from lakeferry.delta.txn_files import file_versions
from lakeferry.errors import FerryError
from lakeferry.ingest.position.state import IngestState, checked_name
from lakeferry.ingest.settings import TargetSettings
from lakeferry.ingest.table.commit import (
    TRIES,
    commit,
    high_row_id,
    kept_losing,
    try_next,
)
from lakeferry.ingest.table.commit_body import Content
from lakeferry.ingest.table.commit_rule import ROW_TRACKING
from lakeferry.ingest.table.fit import refuse_unwritable, table_form
from lakeferry.ingest.table.new_table import DOMAINS, first_actions, with_columns
from lakeferry.ingest.table.orphans import own_files
from lakeferry.ingest.table.state_store import (
    Found,
    Keeps,
    find_state,
    positions_gone,
)
from lakeferry.ingest.table.target import Committed, Lost, Target
from lakeferry.ingest.table.vacant import refuse_occupied
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store


def open_target(
    settings: TargetSettings,
    wanted: pa.Schema,
    ingest_name: str,
    first: IngestState | Callable[[], IngestState],
) -> Target:
    """The table with a committed state of this ingest: the one it has, else `first`.

    Args:
        wanted: columns of the rows, without partition columns that are computed of them.
        first: of an ingest that is new here, epoch 0; may be found out when that is known.

    Raises:
        FerryError: LF-5004 the store lets two writers commit one version; LF-5002 there is no
            table, but other files; and all of `read_target` and `commit`.
    """
    store = open_store(settings.url, settings.options)
    for _ in range(TRIES):
        there = _there(store, settings, wanted, ingest_name)
        target = there or _made(store, settings, wanted, ingest_name)
        if not settings.single_writer:
            prove_put_if_absent(store, fresh=there is None)
        if target.state is not None:
            return target
        done = commit(target, (), first() if callable(first) else first)
        if isinstance(done, Committed):
            return done.target
    raise kept_losing(target)


def read_target(settings: TargetSettings, wanted: pa.Schema, ingest_name: str) -> Target | None:
    """The table as it is, and checked to take the rows; None: there is none, and one may be made.
    Nothing is written.

    Raises:
        FerryError: LF-7041, LF-7042 rows cannot be appended; LF-7002, LF-7043 its positions are
            unreadable or gone; LF-7044 they are kept otherwise than asked; LF-5002 there is no
            table, but other files; what `read_snapshot` raises of a table that cannot be read.
    """
    return _there(open_store(settings.url, settings.options), settings, wanted, ingest_name)


def _there(store: Store, settings: TargetSettings, wanted: pa.Schema, name: str) -> Target | None:
    there = _read(store, settings, wanted, name)
    if there is not None:
        return there
    try:
        refuse_occupied(store)
    except FerryError:
        there = _read(store, settings, wanted, name)  # another may have made it meanwhile
        if there is None:
            raise
    return there


def _read(store: Store, settings: TargetSettings, wanted: pa.Schema, name: str) -> Target | None:
    checked_name(name)
    listing = list_log(store)
    if not _is_table(listing):
        return None
    snapshot = read_snapshot(store, listing=listing)
    refuse_unwritable(snapshot.protocol, store.url)
    form = table_form(store.url, snapshot.metadata, wanted, settings.partition_by, name)
    found = find_state(store, snapshot.txns, snapshot.domains, name)
    if found is None:
        _refuse_rows(snapshot, name)
    keeps = _keeps(settings, found, has_domains=_has_domains(snapshot), url=store.url)
    tracked = snapshot.domains.get(ROW_TRACKING)
    return Target(
        store,
        name,
        form,
        snapshot.version,
        snapshot.protocol,
        snapshot.metadata,
        found.state if found else None,
        keeps,
        snapshot.in_commit_timestamp,
        high_row_id(tracked.configuration if tracked else None),
        _states(store, name, found),
        single_writer=settings.single_writer,
    )


def _is_table(listing: LogListing) -> bool:
    return bool(listing.commits or listing.checkpoints or listing.incomplete)


def _has_domains(snapshot: Snapshot) -> bool:
    return DOMAINS in (snapshot.protocol.writer_features or ())


def _states(store: Store, name: str, found: Found | None) -> tuple[int, ...]:
    """Reading only: what is too old is removed by the first commit."""
    if found is None or found.keeps == "domain" or found.txn_version is None:
        return ()
    return tuple(sorted(one for one in file_versions(store, name) if one <= found.txn_version))


def _refuse_rows(snapshot: Snapshot, name: str) -> None:
    """LF-7043 where a live file is named as ours are, but no `txn` tells of us."""
    for batch in snapshot.files.batches(["path"]):
        paths = batch.column("path")
        own = paths.filter(pc.match_substring_regex(paths, own_files(name)))
        if len(own):
            raise positions_gone(snapshot.url, name, f"{own[0]} is part of it")


def _keeps(settings: TargetSettings, found: Found | None, *, has_domains: bool, url: str) -> Keeps:
    asked = settings.offsets
    if found is not None:
        if asked not in ("auto", found.keeps):
            raise FerryError(
                "LF-7044",
                f"this ingest keeps its positions as `{found.keeps}`, not as `{asked}`",
                url,
                f"leave it to the table: --offsets auto, or --offsets {found.keeps}",
            )
        return found.keeps
    if asked == "domain" and not has_domains:
        raise FerryError(
            "LF-7044",
            "the table cannot keep positions in a domain: it lacks the feature domainMetadata",
            url,
            "leave it to the table: --offsets auto; the feature would lock out writers that do "
            "not know it, such as delta-rs",
        )
    if asked == "auto":
        return "domain" if has_domains else "sidecar"
    return asked


def _made(store: Store, settings: TargetSettings, wanted: pa.Schema, name: str) -> Target:
    """A table that no commit has made yet: version -1."""
    keeps: Keeps = "domain" if settings.offsets == "domain" else "sidecar"
    protocol, metadata = first_actions(
        store.url,
        wanted,
        settings.partition_by,
        table_id=str(uuid.uuid4()),
        now_ms=time.time_ns() // 1_000_000,
        with_domains=keeps == "domain",
    )
    form = table_form(store.url, metadata, wanted, settings.partition_by, name)
    return Target(
        store, name, form, -1, protocol, metadata, None, keeps, single_writer=settings.single_writer
    )


# --- new columns ----------------------------------------------------------------------------


def change_columns(target: Target, settings: TargetSettings, wanted: pa.Schema) -> Target | Lost:
    """Give the table every column and field of `wanted` that it lacks, in a commit of its own.

    They are nullable; what is there stays as it is. Where another writer changes the columns at
    the same time, ours are added to what they are then.

    Args:
        wanted: columns of the rows from now on, as for `open_target`.

    Returns:
        The target with the form of the new rows; Lost where another writer of this ingest
        committed meanwhile, or one changed what the table asks of rows.

    Raises:
        FerryError: LF-7041 a column cannot be added, or rows would not fit; all of `commit`.
    """
    for _ in range(TRIES):
        metadata = with_columns(
            target.store.url, target.protocol, target.metadata, wanted, _physical_name
        )
        if metadata == target.metadata:
            return with_form(target, settings, wanted)
        content = Content(target.name, str(uuid.uuid4()), metadata=metadata)
        # Looked at before: columns that rows do not fit must not get into the table.
        with_form(replace(target, metadata=metadata), settings, wanted)
        done = try_next(target, content)
        if isinstance(done, Target):
            return with_form(done, settings, wanted)
        if done.lost is not None:
            return done.lost
        target = done.now
    raise kept_losing(target)


def with_form(target: Target, settings: TargetSettings, wanted: pa.Schema) -> Target:
    """With the form that rows have by what the table is by now. Raises as `table_form` does."""
    url, name = target.store.url, target.name
    form = table_form(url, target.metadata, wanted, settings.partition_by, name)
    return replace(target, form=form)


def _physical_name() -> str:
    return f"col-{uuid.uuid4()}"
