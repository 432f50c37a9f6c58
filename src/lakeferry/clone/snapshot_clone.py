"""Mode snapshot: the source's state at one version, as one commit on the target.

Order: pin a version, compare, bring the files, look again, then put-if-absent of the commit, then
checkpoint and version checksum. A crash leaves orphans under final names at most, and the next run
finds them there.
"""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event as Flag
from typing import Any

from lakeferry.clone import extras, replay
from lakeferry.clone.body import CommitStamp, commit_chunks
from lakeferry.clone.changes import RangeChanges, scan_commits
from lakeferry.clone.companions import write_companions
from lakeferry.clone.fetch import Haul, Places, copy_items, fetch
from lakeferry.clone.footers import footer_rows
from lakeferry.clone.landing import Roots
from lakeferry.clone.plan import ClonePlan, count, plan_clone
from lakeferry.clone.record import CloneRecord, drop_record, head_facts, put_record
from lakeferry.clone.report import CloneRequest
from lakeferry.clone.target import TargetView, newest_record, refuse_other_table, view_target
from lakeferry.delta.commit import VersionTaken, commit_info, in_chunks, prove_put_if_absent, publish
from lakeferry.delta.features import check_clonable
from lakeferry.delta.log import LogListing, head_version, list_log
from lakeferry.delta.commit_read import Commit, read_commit
from lakeferry.delta.paths import decode
from lakeferry.delta.snapshot import Snapshot, read_snapshot
from lakeferry.errors import FerryError
from lakeferry.store.protocol import Store
from lakeferry.events import Committed, Emit, Noted, TablePlanned, Warned

ROUNDS = 6  # a round ends early where the source or the target moved on meanwhile


@dataclass(frozen=True)
class Surroundings:
    """What a clone needs besides its request."""

    places: Places
    throttle: Callable[[int], None]
    emit: Emit
    stop: Flag | None = None


@dataclass(frozen=True)
class Done:
    """How one snapshot clone ended."""

    source: Snapshot | None  # None: known to be up to date without reading it
    source_version: int
    target_version: int | None
    plans: tuple[ClonePlan, ...]
    haul: Haul
    extras: tuple[str, ...]
    record: CloneRecord | None
    mirrored: int = 0  # commits that a mirror put


class _Again(Exception):
    """This round cannot end; the next one starts from what is there now."""

    def __init__(self, why: str, *, gone: frozenset[str] = frozenset()) -> None:
        super().__init__(why)
        self.gone = gone  # source paths that were missing


def clone_snapshot(request: CloneRequest, around: Surroundings) -> Done:
    """Clone once, in as many rounds as a moving source or target asks for.

    Raises:
        FerryError: LF-4101, LF-4102 files missing; LF-4107 state that will not stand still;
            LF-5001 other writers kept winning; all that planning refuses.
    """
    gone: frozenset[str] = frozenset()
    why = ""
    for _ in range(ROUNDS):
        try:
            return _round(request, around, gone)
        except _Again as again:
            gone, why = again.gone, str(again)
            around.emit(Noted(request.target, f"planning again: {why}"))
    if gone:
        raise FerryError(
            "LF-4102",
            f"{len(gone)} files vanished while they were copied, and again at newer versions",
            f"{request.source}, such as `{min(gone)}`; VACUUM is faster than the copy",
            "raise delta.deletedFileRetentionDuration on the source, then run the same command",
        )
    raise FerryError(
        "LF-5001" if "version" in why else "LF-4107",
        f"gave up after {ROUNDS} rounds: {why}",
        f"{request.source} -> {request.target}",
        "run the same command again when other writers are quiet; what landed is kept",
    )


def _round(request: CloneRequest, around: Surroundings, gone: frozenset[str]) -> Done:
    store, target = around.places.source, around.places.target
    listing = extras.pin(store, pause=lambda tries: time.sleep(0.05 * tries))
    if done := _known_up_to_date(request, around, listing):
        return done
    source = read_snapshot(
        store, version=request.version, timestamp_ms=request.timestamp_ms, listing=listing,
        allow_features=request.allow_features,
    )  # fmt: skip
    check_clonable(source.protocol, source.metadata, source.url, request.allow_features)
    extras.refuse_older_version(listing, source.version)
    _refuse_live_and_gone(source, gone)
    view = view_target(target)
    refuse_other_table(
        view, source.metadata, url=target.url, mode="snapshot", replace=request.replace
    )
    plans = _plans(request, around, source, view)
    _announce(around, source, view, plans)
    names = tuple(meta.path for meta in listing.others)
    carried = view.record.extras if view.record else ()
    here = view.snapshot.version if view.snapshot else None
    nothing_new = all(plan.is_empty for plan in plans) and view.record is not None
    if request.dry_run or (nothing_new and extras.facts(listing.others) == carried):
        planned = tuple(plan for plan in plans if not plan.is_empty)
        return Done(source, source.version, here, planned, Haul(), names, view.record)
    haul = _fetch_all(request, around, plans)
    _refuse_moved(listing, around)
    record = _commit_all(request, around, source, listing, plans, haul, carried)
    return Done(source, source.version, record.target_version, plans, haul, names, record)


def _known_up_to_date(
    request: CloneRequest, around: Surroundings, listing: LogListing
) -> Done | None:
    """Decide by names alone that nothing is new: both heads are those of the last record."""
    if request.replace or request.version is not None or request.timestamp_ms is not None:
        return None
    here = list_log(around.places.target)
    record = newest_record(around.places.target, here)
    if record is None or record.mode != "snapshot" or record.shallow != request.shallow:
        return None
    head = head_version(listing)
    commit = listing.commits.get(head)
    same = (
        record.source_version == head
        and commit is not None
        and head_facts(commit.meta) == dict(record.source_head)
        and head_version(here) == record.target_version
        and extras.facts(listing.others) == record.extras
    )
    if not same:
        return None
    names = tuple(meta.path for meta in listing.others)
    return Done(None, head, record.target_version, (), Haul(), names, record)


def _refuse_live_and_gone(source: Snapshot, gone: frozenset[str]) -> None:
    """A file that was missing and is still live in a newer version is no matter of VACUUM."""
    if not gone:
        return
    for batch in source.files.batches(["path"]):
        for path in batch.column("path").to_pylist():
            if decode(path) in gone:
                raise _missing(source.url, decode(path), source.version)


def _missing(url: str, path: str, version: int) -> FerryError:
    return FerryError(
        "LF-4101",
        f"data file `{path}` is missing, though version {version} names it",
        f"{url}; readers of the source fail on the same file",
        "restore the file, or remove it from the table (FSCK REPAIR TABLE), then run again",
    )


def _plans(
    request: CloneRequest, around: Surroundings, source: Snapshot, view: TargetView
) -> tuple[ClonePlan, ...]:
    """The commits to make: one, unless streams need more."""
    record = view.record
    roots = Roots(source.url, request.moved, shallow=request.shallow)
    same = record is not None and record.source_id == source.metadata.id and not view.foreign
    if record is None or not same or record.mode != "snapshot":
        return (_plan(request, source, view.snapshot, roots, None, None),)
    if source.version < record.source_version and request.version is None:
        if request.timestamp_ms is None and not request.replace:
            raise _went_back(source, record)
    commits = _range(around.places.source, source, record.source_version)
    changes = scan_commits(commits, roots) if commits is not None else None
    if changes is None or not (changes.rearranged or view.rearranged):
        return (_plan(request, source, view.snapshot, roots, record.source_version, changes),)
    return _careful_plans(request, around, source, view, roots, commits or (), changes)


def _plan(
    request: CloneRequest,
    source: Snapshot,
    target: Snapshot | None,
    roots: Roots,
    since: int | None,
    changes: RangeChanges | None,
) -> ClonePlan:
    return plan_clone(
        source, target, roots=roots, new_id=str(uuid.uuid4()), since=since, changes=changes,
        replace_target=request.replace, carry_txns=request.carry_txns,
    )  # fmt: skip


def _range(store: Store, source: Snapshot, since: int) -> tuple[Commit, ...] | None:
    """The source's commits after `since`; None where one of them is gone or time runs backwards."""
    versions = range(since + 1, source.version + 1)
    if source.version < since or any(version not in source.listing.commits for version in versions):
        return None
    return tuple(read_commit(store, version) for version in versions)


def _careful_plans(
    request: CloneRequest,
    around: Surroundings,
    source: Snapshot,
    view: TargetView,
    roots: Roots,
    commits: tuple[Commit, ...],
    changes: RangeChanges,
) -> tuple[ClonePlan, ...]:
    """First back to what the last clone held, then the range: as one commit, or one by one."""
    assert view.record is not None
    assert view.snapshot is not None
    since = view.record.source_version
    try:
        before = read_snapshot(
            around.places.source, version=since, listing=source.listing,
            allow_features=request.allow_features,
        )  # fmt: skip
    except FerryError:
        # Log cleanup took what would rebuild it: one commit that says all data changed.
        return (_plan(request, source, view.snapshot, roots, since, None),)
    undo = _plan(request, before, view.snapshot, roots, since, RangeChanges())
    if not changes.rearranged and undo.is_empty:
        return (_plan(request, source, view.snapshot, roots, since, changes),)
    kept = () if undo.is_empty else (undo,)
    replayed = replay.plan_replay(
        commits,
        protocol=undo.header.protocol or view.snapshot.protocol,
        metadata=undo.metadata or view.snapshot.metadata,
        next_version=view.snapshot.version + 1 + len(kept),
        roots=roots,
        source=count(source.files),
        carry_txns=request.carry_txns,
        target_files=view.snapshot.files,
    )
    missing = _missing_at_source(around.places, replayed)
    if missing:
        around.emit(
            Warned(
                request.target, "LF-5005",
                f"{len(missing)} files that streams would need are gone, such as `{missing[0]}`",
                "streams that read the target will see old rows again; start them anew",
            )
        )  # fmt: skip
        return (_plan(request, source, view.snapshot, roots, since, None),)
    return (*kept, *replayed)


def _missing_at_source(places: Places, plans: tuple[ClonePlan, ...]) -> list[str]:
    """Files that a replay must bring and that are at neither side."""
    return [
        item.source_path
        for plan in plans
        for item in copy_items(plan.fetch)
        if not item.source_url
        and places.target.head(item.target_path) is None
        and places.source.head(item.source_path) is None
    ]


def _went_back(source: Snapshot, record: CloneRecord) -> FerryError:
    return FerryError(
        "LF-4104",
        f"the source is at version {source.version}, cloned was {record.source_version}",
        f"{source.url}, same table id: its log was rewritten or its storage restored",
        "make the target equal to it as it is now: --replace",
    )


def _announce(
    around: Surroundings, source: Snapshot, view: TargetView, plans: tuple[ClonePlan, ...]
) -> None:
    table = around.places.target.url
    files = sum(plan.copied.files for plan in plans)
    size = sum(plan.copied.bytes for plan in plans)
    around.emit(TablePlanned(table, source.version, files, size, describe(source)))
    if view.rearranged:
        stated = sum(plan.stated.files for plan in plans)
        around.emit(
            Noted(
                table,
                f"undoing {len(view.rearranged)} commits that rearranged the target restates "
                f"{stated} files; {files} of them ({size} bytes) are copied again",
            )
        )
    if any(plan.stream_break for plan in plans):
        around.emit(
            Warned(
                table,
                "LF-5005",
                "the source's commits since the last clone are gone: streams that read the target "
                "will see rows again that they have seen",
                "start streams that read the target anew after this clone",
            )
        )


def describe(source: Snapshot) -> str:
    """One line for people: what the table has that a clone keeps."""
    configuration = source.metadata.configuration
    constraints = sum(name.startswith("delta.constraints.") for name in configuration)
    parts = [f"version {source.version}"]
    if constraints:
        parts.append(f"constraints {constraints}")
    if source.txns:
        parts.append(f"{len(source.txns)} txn")
    if source.domains:
        parts.append(f"domains {len(source.domains)}")
    return " · ".join(parts)


def _fetch_all(
    request: CloneRequest, around: Surroundings, plans: tuple[ClonePlan, ...]
) -> Haul:
    if request.shallow:
        return Haul()
    haul = fetch(
        lambda: (
            item
            for plan in plans
            for item in copy_items(plan.fetch, fetch_data=plan.fetch_data)
        ),
        around.places,
        table=around.places.target.url,
        files=sum(plan.copied.files for plan in plans),
        total_bytes=sum(plan.copied.bytes for plan in plans),
        jobs=request.jobs,
        throttle=around.throttle,
        emit=around.emit,
        stop=around.stop,
    )
    if around.stop is not None and around.stop.is_set():
        raise KeyboardInterrupt
    if haul.gone:
        paths = frozenset(item.source_path for item in haul.gone)
        if request.version is not None or request.timestamp_ms is not None:
            raise _missing(request.source, min(paths), plans[-1].source_version)
        raise _Again(f"{len(paths)} files were gone at the source", gone=paths)
    return haul


def _refuse_moved(listing: LogListing, around: Surroundings) -> None:
    """State beside the log must still be the pinned one when the data has arrived."""
    if not listing.others:
        return
    now = list_log(around.places.source)
    if not extras.same_moment(listing, now):
        raise _Again("COPY INTO state changed while the files were copied")


def _commit_all(
    request: CloneRequest,
    around: Surroundings,
    source: Snapshot,
    listing: LogListing,
    plans: tuple[ClonePlan, ...],
    haul: Haul,
    carried: tuple[Mapping[str, Any], ...],
) -> CloneRecord:
    """Publish each plan; records first, so that a commit never stands without its own."""
    target = around.places.target
    target.settle()
    if not request.single_writer:
        prove_put_if_absent(target)
    rows = footer_rows(plans, target)
    record = None
    for plan in plans:
        last = plan is plans[-1]
        stamp = CommitStamp(
            source=source.url,
            source_id=source.metadata.id,
            txn_id=str(uuid.uuid4()),
            now_ms=time.time_ns() // 1_000_000,
            previous_ict_ms=_head_ict(target, plan.target_version - 1),
            shallow=request.shallow,
        )
        commit = listing.commits.get(plan.source_version)
        record = CloneRecord(
            source=source.url,
            source_id=source.metadata.id,
            source_version=plan.source_version,
            source_head=head_facts(commit.meta if commit else None),
            target_version=plan.target_version,
            txn_id=stamp.txn_id,
            mode="snapshot",
            shallow=request.shallow,
            extras=extras.facts(listing.others) if last else carried,
        )
        put_record(target, record, haul.landed if last else None)
        if last:
            _carry_extras(around, listing, carried)
        _publish(request, target, plan, stamp, rows, record)
        around.emit(Committed(target.url, plan.source_version, plan.target_version))
    assert record is not None
    write_companions(target, plans[-1], emit=around.emit)
    return record


def _head_ict(target: Store, version: int) -> int | None:
    value = (commit_info(target, version) or {}).get("inCommitTimestamp") if version >= 0 else None
    return int(value) if value is not None else None


def _carry_extras(
    around: Surroundings, listing: LogListing, carried: tuple[Mapping[str, Any], ...]
) -> None:
    try:
        extras.carry(around.places.source, around.places.target, listing.others, held=carried)
    except FileNotFoundError as error:
        raise _Again("COPY INTO state changed while it was carried") from error
    except FerryError as error:
        if error.code != "LF-1004":
            raise
        raise _Again("COPY INTO state changed while it was carried") from error


def _publish(
    request: CloneRequest,
    target: Store,
    plan: ClonePlan,
    stamp: CommitStamp,
    rows: Mapping[str, int],
    record: CloneRecord,
) -> None:
    try:
        publish(
            target,
            plan.target_version,
            lambda: in_chunks(commit_chunks(plan, stamp, rows)),
            txn_id=stamp.txn_id,
            size_hint=4096 + 600 * (plan.stated.files + plan.removed.files),
            single_writer=request.single_writer,
        )
    except VersionTaken as taken:
        drop_record(target, record)
        raise _Again(f"version {taken.version} was taken by another writer") from taken
