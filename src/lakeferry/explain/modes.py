"""What a clone in each mode would keep, would not keep, and would refuse."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.clone.extras import refuse_older_version
from lakeferry.clone.keeping import Inventory, kept, not_kept
from lakeferry.clone.landing import ABSOLUTE, UNSAFE, Roots, land_batch
from lakeferry.clone.mirror_plan import MirrorPlan, mirror_items, plan_mirror
from lakeferry.delta.actions import DomainMetadata, Metadata, Protocol
from lakeferry.delta.checkpoint_write import duration_ms
from lakeferry.delta.commit_read import commit_events, told_events
from lakeferry.delta.features import (
    check_clonable,
    check_readable,
)
from lakeferry.delta.files import OnEntries
from lakeferry.delta.json_parse import Event, FileActions
from lakeferry.delta.log import LogListing, LogSegment
from lakeferry.delta.paths import is_absolute
from lakeferry.delta.reconcile import Reconciliation
from lakeferry.delta.snapshot import Snapshot
from lakeferry.errors import FerryError
from lakeferry.explain.values import Refusal, Totals, VacuumRisk, Verdict
from lakeferry.store.protocol import Store

WEEK_S = 7 * 24 * 3600  # delta.deletedFileRetentionDuration where the table does not set it
COPY_BYTES_PER_S = 125_000_000  # 1 Gbit/s: the speed at which VACUUM's risk is judged
_RETENTION = "delta.deletedFileRetentionDuration"


@dataclass(frozen=True, slots=True)
class TableRead:
    """What could be read: a whole snapshot, or what a refused table says about itself."""

    listing: LogListing
    segment: LogSegment
    state: Snapshot | Reconciliation
    protocol: Protocol
    metadata: Metadata
    totals: Totals | None  # None: the live files may mean something else than we know
    refused: FerryError | None = None  # why the live files were not read

    @property
    def version(self) -> int:
        return self.segment.end_version


def totals_of(found: Snapshot) -> Totals:
    """Read all live files once, as streams."""
    total, roots = Totals(), Roots(found.url)
    for batch in found.files.batches(["path", "size", "deletionVector"]):
        vectors = batch.column("deletionVector").drop_null()
        away = pc.sum(pc.match_substring_regex(batch.column("path"), ABSOLUTE)).as_py() or 0
        away += pc.sum(pc.equal(pc.struct_field(vectors, "storageType"), "p")).as_py() or 0
        deleted = pc.sum(pc.struct_field(vectors, "cardinality")).as_py() or 0
        total = replace(
            total,
            files=total.files + batch.num_rows,
            bytes=total.bytes + (pc.sum(batch.column("size")).as_py() or 0),
            vectors=total.vectors + len(vectors),
            deleted_rows=total.deleted_rows + deleted,
            absolute_paths=total.absolute_paths + away,
            unsafe=total.unsafe or _unsafe(batch, roots),
        )
    return total


def _unsafe(batch: pa.RecordBatch, roots: Roots) -> Refusal | None:
    error = _raised(lambda: land_batch(batch, roots))
    return None if error is None else _refusal(error)


def _refusal(error: FerryError) -> Refusal:
    return Refusal(error.code, error.what, error.next_step)


def _raised(task: Callable[[], object]) -> FerryError | None:
    try:
        task()
    except FerryError as error:
        return error
    return None


def snapshot_verdict(read: TableRead, url: str) -> Verdict:
    """What `lakeferry clone` would do."""
    errors = [
        *_of_features(read, url, check_clonable),
        _raised(lambda: refuse_older_version(read.listing, read.version)),
    ]
    refusals = _refusals(errors, read.refused)
    if read.totals and read.totals.unsafe:
        refusals = (*refusals, read.totals.unsafe)
    has = _inventory(read)
    return Verdict("snapshot", kept(has), tuple(not_kept(has)), refusals)


def mirror_verdict(read: TableRead, store: Store, on_entries: OnEntries) -> Verdict:
    """What `lakeferry clone --mode mirror` would do; reads every commit that it would bring."""
    errors = [
        *_of_features(read, store.url, check_readable),
        _raised(lambda: refuse_older_version(read.listing, read.version)),
    ]
    first = read.version
    if read.refused is None:
        empty = LogListing(store.url, {}, (), (), (), {}, (), is_there=False)
        try:
            plan = plan_mirror(read.listing, empty, end=read.version)
            first = plan.base.version if plan.base else 0
            errors.append(_unmirrorable(store, read.listing, plan, on_entries))
        except FerryError as error:
            errors.append(error)
    keeps = (
        f"table id {read.metadata.id}: streams that read the table go on with their own checkpoint",
        f"versions {first} to {read.version}, byte for byte: time travel and change data files",
        *kept(_inventory(read)),
    )
    leaves = ["what VACUUM and log cleanup have already taken"]
    if first > 0:
        leaves.append(f"versions before {first}: log cleanup took them")
    if isinstance(read.state, Snapshot) and read.state.in_commit_timestamp is None:
        leaves.append("commit times, where the target's store cannot set a file's time")
    return Verdict("mirror", keeps, tuple(leaves), _refusals(errors, read.refused))


def _refusals(errors: list[FerryError | None], refused: FerryError | None) -> tuple[Refusal, ...]:
    """Each once; `refused` counts where no feature explains it."""
    found = [_refusal(error) for error in errors if error is not None]
    if refused is not None and not found:
        found = [_refusal(refused)]
    return tuple(dict.fromkeys(found))


def _of_features(
    read: TableRead, url: str, check: Callable[[Protocol, Metadata, str], None]
) -> Iterator[FerryError | None]:
    """Every feature asked one by one, for the check itself stops at the first."""
    protocol = read.protocol
    bare = replace(
        protocol,
        reader_features=None if protocol.reader_features is None else frozenset(),
        writer_features=None if protocol.writer_features is None else frozenset(),
    )
    yield _raised(partial(check, bare, read.metadata, url))
    readers = protocol.reader_features or frozenset()
    writers = protocol.writer_features or frozenset()
    for name in sorted(readers | writers):
        alone = replace(
            protocol, reader_features=readers & {name}, writer_features=writers & {name}
        )
        yield _raised(partial(check, alone, read.metadata, url))


def _unmirrorable(
    store: Store, listing: LogListing, plan: MirrorPlan, on_entries: OnEntries
) -> FerryError | None:
    """The first path that forbids a mirror, found as the mirror itself would find it.

    Commits are looked through eight at a time; only one that holds an odd path is read again in
    the mirror's own way.
    """
    if plan.base is not None:
        start = MirrorPlan(plan.base, (), (), (), plan.base.version)
        if error := _raised(partial(_exhaust, store, listing, start)):
            return error
    for file, events in commit_events(store, plan.commits):
        if any(_is_odd(event) for event in told_events(events, on_entries)):
            alone = MirrorPlan(None, (file,), (), (), file.version)
            if error := _raised(partial(_exhaust, store, listing, alone)):
                return error
    return None


def _exhaust(store: Store, listing: LogListing, plan: MirrorPlan) -> None:
    for _ in mirror_items(store, listing, plan):
        pass


def _is_odd(event: Event) -> bool:
    if not isinstance(event, FileActions):
        return event.name == "cdc" and is_absolute(str(event.body.get("path")))
    if event.kind != "add":
        return False
    paths = event.batch.column("path")
    kinds = pc.struct_field(event.batch.column("deletionVector").drop_null(), "storageType")
    odd = pc.or_(
        pc.or_(pc.match_substring_regex(paths, ABSOLUTE), pc.match_substring_regex(paths, UNSAFE)),
        pc.match_substring(paths, "%"),
    )
    return bool(pc.any(odd).as_py() or pc.any(pc.equal(kinds, "p")).as_py())


def _inventory(read: TableRead) -> Inventory:
    totals = read.totals or Totals()
    return Inventory(
        read.protocol,
        read.metadata,
        read.state.txns,
        live_domains(read.state).keys(),
        companions=len(read.listing.others),
        files=totals.files,
        vectors=totals.vectors,
        absolute_paths=totals.absolute_paths,
    )


def live_domains(state: Snapshot | Reconciliation) -> Mapping[str, DomainMetadata]:
    """By name, without those that were removed."""
    return state.domains if isinstance(state, Snapshot) else state.live_domains()


def vacuum_risk(configuration: Mapping[str, str], totals: Totals | None) -> VacuumRisk:
    """Compare how long removed files stay with how long a copy takes at 1 Gbit/s."""
    set_ms = duration_ms(configuration.get(_RETENTION, ""))
    retention_s = WEEK_S if set_ms is None else set_ms // 1000
    copy_s = None if totals is None else totals.bytes / COPY_BYTES_PER_S
    at_risk = copy_s is not None and copy_s >= retention_s
    hours = f"{retention_s / 3600:g} h"
    origin = "by default" if set_ms is None else f"by {_RETENTION}"
    if copy_s is None:
        text = f"removed files stay {hours} {origin}; the size of the table is not known"
    elif at_risk:
        text = (
            f"VACUUM may take files before a copy at 1 Gbit/s ({copy_s / 3600:.1f} h) has read "
            f"them: they stay {hours} {origin}"
        )
    else:
        text = f"removed files stay {hours} {origin}; a copy at 1 Gbit/s takes {copy_s:.0f} s"
    return VacuumRisk(retention_s, set_ms is None, copy_s, at_risk, text)
