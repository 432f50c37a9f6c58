"""Mode snapshot: the source's state at one version, as one commit on the target.

Order: pin a version, compare, bring the files, look again, then put-if-absent of the commit, then
checkpoint and version checksum. A crash leaves whole files that no log names yet, which the next
run finds; where a new file cannot be nameless (HDFS, NFS) also a hidden one for each open copy.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from lakeferry.clone import extras
from lakeferry.clone.copy import CopyItem
from lakeferry.clone.fetch import copy_items, fetch, refuse_unholdable
from lakeferry.clone.keeping import irrevocable
from lakeferry.clone.landing import LandedFiles, Roots
from lakeferry.clone.plan import ClonePlan, Totals
from lakeferry.clone.positions import hold_positions
from lakeferry.clone.put import put_commits, put_state
from lakeferry.clone.record import head_facts
from lakeferry.clone.report import CloneRequest
from lakeferry.clone.steps import plan_steps
from lakeferry.clone.surroundings import Done, Haul, PlanAgain, Surroundings
from lakeferry.clone.target import (
    TargetView,
    is_same_table,
    newest_record,
    refuse_other_table,
    view_target,
)
from lakeferry.delta.features import check_clonable
from lakeferry.delta.log import LogListing, head_version, list_log
from lakeferry.delta.snapshot import Snapshot, read_snapshot
from lakeferry.errors import FerryError
from lakeferry.events import Noted, TablePlanned, Warned
from lakeferry.store.protocol import Store

ROUNDS = 6  # a round ends early where the source or the target moved on meanwhile


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
        except PlanAgain as again:
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


@dataclass(frozen=True, slots=True)
class _Seen:
    """Both tables as they are, and what the target lacks."""

    source: Snapshot
    roots: Roots
    view: TargetView
    plans: tuple[ClonePlan, ...]


def _look(
    request: CloneRequest, around: Surroundings, listing: LogListing, gone: frozenset[str]
) -> _Seen:
    """Read both tables and plan; refuses what cannot be cloned, or not onto this target."""
    source = read_snapshot(
        around.places.source, version=request.version, timestamp_ms=request.timestamp_ms,
        listing=listing, allow_features=request.allow_features, on_entries=around.on_entries,
    )  # fmt: skip
    check_clonable(source.protocol, source.metadata, source.url, request.allow_features)
    extras.refuse_older_version(listing, source.version)
    roots = Roots(source.url, request.moved, shallow=request.shallow)
    _refuse_live_and_gone(source, roots, gone)
    view = view_target(around.places.target, on_entries=around.on_entries)
    return _Seen(source, roots, view, _plans(request, around, source, view, roots))


def _round(request: CloneRequest, around: Surroundings, gone: frozenset[str]) -> Done:
    store, target = around.places.source, around.places.target
    listing = extras.pin(store, pause=lambda tries: time.sleep(0.05 * tries))
    if done := _known_up_to_date(request, around, listing):
        return done
    seen = _look(request, around, listing, gone)
    source, view, plans = seen.source, seen.view, seen.plans
    needed = Totals() if request.shallow else _needed(plans, target)
    _announce(around, source, view, plans, needed)
    if request.replace and view.snapshot is not None:
        _announce_remains(around, source, view.snapshot)
    names = tuple(meta.path for meta in listing.others)
    carried = view.record.extras if view.record else ()
    here = view.snapshot.version if view.snapshot else None
    # Taking a target back is a commit of its own, also where nothing needs to be undone.
    ours = view.record is not None and view.record.mode == "snapshot" and not view.foreign
    nothing_new = all(plan.is_empty for plan in plans) and ours
    refuse_unholdable(names, target)
    same_state = extras.is_carried(store, target, listing, view.listing.others, carried)
    repair = request.replace and not request.shallow
    if request.dry_run or (nothing_new and same_state and not repair):
        planned = tuple(plan for plan in plans if not plan.is_empty)
        foreseen = Haul(copied_files=needed.files, copied_bytes=needed.bytes)
        return Done(source, source.version, here, planned, foreseen, names, view.record)
    if not request.single_writer:
        around.prove_target(fresh=view.snapshot is None)
    live = LandedFiles(source.files, seen.roots) if repair else None
    positions = hold_positions(around, plans[-1].after)
    haul = _fetch_all(request, around, plans, live, needed)
    if nothing_new and same_state:
        return Done(source, source.version, here, (), haul, names, view.record)
    extras.refuse_moved(listing, store)
    if nothing_new and view.record is not None and here is not None:
        record = put_state(around, listing, view.record, head=here)
        return Done(source, source.version, here, (), haul, names, record, state_moved=True)
    record = put_commits(request, around, source, listing, plans, haul, carried, positions)
    return Done(source, source.version, record.target_version, plans, haul, names, record)


def _plans(
    request: CloneRequest, around: Surroundings, source: Snapshot, view: TargetView, roots: Roots
) -> tuple[ClonePlan, ...]:
    """One plan for each commit to make; refuses a target that only `--replace` may write over."""
    same_table = view.record is not None and is_same_table(
        around.places.source, source, cloned_id=view.record.source_id,
        cloned_version=view.record.source_version, allow_features=request.allow_features,
    )  # fmt: skip
    if not request.replace:
        url = around.places.target.url
        refuse_other_table(view, source.metadata, same_table=same_table, url=url, mode="snapshot")
    around.review(source, view.snapshot, view.record.source_version if view.record else None)
    return plan_steps(request, around, source, view, roots, same_table=same_table)


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
    if record.without_txns and request.carry_txns:
        return None  # what was left out then is wanted now
    head = head_version(listing)
    commit = listing.commits.get(head)
    same = (
        record.source_version == head
        and commit is not None
        and head_facts(commit.meta) == dict(record.source_head)
        and head_version(here) == record.target_version
        and extras.is_carried(
            around.places.source, around.places.target, listing, here.others, record.extras
        )
    )
    if not same:
        return None
    names = tuple(meta.path for meta in listing.others)
    return Done(None, head, record.target_version, (), Haul(), names, record)


def _refuse_live_and_gone(source: Snapshot, roots: Roots, gone: frozenset[str]) -> None:
    """A file that was missing and is still live in a newer version is no matter of VACUUM."""
    if not gone:
        return
    for item in copy_items(LandedFiles(source.files, roots)):
        if item.target_path in gone:
            raise missing(source.url, item.source_url or item.source_path, source.version)


def lost_from_version(
    request: CloneRequest, around: Surroundings, version: int, gone: frozenset[str]
) -> FerryError:
    """What to say of files of a version that was asked for: vacuumed since then, or damage."""
    store = around.places.source
    newest = read_snapshot(store, allow_features=request.allow_features)
    roots = Roots(newest.url, request.moved)
    live = {item.target_path for item in copy_items(LandedFiles(newest.files, roots))} & gone
    if live or newest.version == version:
        return missing(store.url, min(live or gone), version)
    return FerryError(
        "LF-4102",
        f"{len(gone)} files of version {version} were vacuumed, such as `{min(gone)}`",
        f"{store.url}; its newest version, {newest.version}, does not need them",
        "clone the newest version (leave --version and --timestamp out)",
    )


def missing(url: str, path: str, version: int) -> FerryError:
    """LF-4101 for a file that a version needs."""
    return FerryError(
        "LF-4101",
        f"file `{path}` is missing, though version {version} names it",
        f"{url}; readers of the source fail on the same file",
        "restore the file, or remove it from the table (FSCK REPAIR TABLE), then run again",
    )


def _needed(plans: tuple[ClonePlan, ...], target: Store) -> Totals:
    """Files and bytes to bring, vectors too; each name one that the target can hold."""
    files = size = 0
    for plan in plans:
        for item in copy_items(plan.fetch, fetch_data=plan.fetch_data):
            refuse_unholdable([item.target_path], target)
            files += 1
            size += item.foreseen_bytes
    return Totals(files, size)


def _announce(
    around: Surroundings,
    source: Snapshot,
    view: TargetView,
    plans: tuple[ClonePlan, ...],
    needed: Totals,
) -> None:
    table = around.places.target.url
    around.emit(TablePlanned(table, source.version, needed.files, needed.bytes, describe(source)))
    if view.rearranged:
        stated = sum(plan.stated.files for plan in plans)
        around.emit(
            Noted(
                table,
                f"undoing {len(view.rearranged)} commits that rearranged the target restates "
                f"{stated} files; {needed.files} files ({needed.bytes} bytes) are copied again",
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


def _announce_remains(around: Surroundings, source: Snapshot, target: Snapshot) -> None:
    """Name what taking a target back cannot take from it."""
    if remains := irrevocable(target.protocol, target.txns, source.protocol, source.txns):
        around.emit(
            Warned(
                around.places.target.url, None, f"stays at the target: {'; '.join(remains)}",
                "where that matters, clone to an empty place instead",
            )
        )  # fmt: skip


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
    request: CloneRequest,
    around: Surroundings,
    plans: tuple[ClonePlan, ...],
    live: LandedFiles | None,
    needed: Totals,
) -> Haul:
    """Bring what the plans need; with `live`, also what the target has lost since."""
    if request.shallow:
        return Haul()

    def items() -> Iterator[CopyItem]:
        for plan in plans:
            yield from copy_items(plan.fetch, fetch_data=plan.fetch_data)
        if live is not None:
            yield from copy_items(live)

    files, size = needed.files, needed.bytes
    if live is not None:
        files, size = max(files, plans[-1].source.files), max(size, plans[-1].source.bytes)
    haul = fetch(items, around, files=files, total_bytes=size, jobs=request.jobs)
    if haul.gone:
        paths = frozenset(item.target_path for item in haul.gone)
        if request.version is not None or request.timestamp_ms is not None:
            raise lost_from_version(request, around, plans[-1].source_version, paths)
        raise PlanAgain(f"{len(paths)} files were gone at the source", gone=paths)
    return haul
