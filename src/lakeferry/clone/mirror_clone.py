"""Mode mirror: the source's own commits, byte for byte, under the same versions.

Order: data files, vectors and change data; then the base checkpoint if the log begins with one;
then each commit, ascending, by put-if-absent; then checksums, checkpoints and compactions;
`_last_checkpoint` at the very end. A reader sees a valid prefix at any moment.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from lakeferry.clone import extras
from lakeferry.clone.copy import CopyItem
from lakeferry.clone.fetch import copy_items, fetch, refuse_unholdable
from lakeferry.clone.landing import LandedFiles, Roots
from lakeferry.clone.mirror_plan import (
    MirrorPlan,
    divergent,
    mirror_items,
    plan_mirror,
)
from lakeferry.clone.places import Places
from lakeferry.clone.plan import count
from lakeferry.clone.positions import hold_positions, put_positions
from lakeferry.clone.put import state_moved
from lakeferry.clone.record import MIRROR, CloneRecord, head_facts, put_record
from lakeferry.clone.report import CloneRequest
from lakeferry.clone.snapshot_clone import ROUNDS, describe, lost_from_version, missing
from lakeferry.clone.surroundings import Done, Haul, PlanAgain, Surroundings
from lakeferry.clone.target import is_same_table, is_table, newest_record
from lakeferry.delta.checkpoint import UnreadableCheckpoint, sidecar_names
from lakeferry.delta.commit import put_alone
from lakeferry.delta.log import LAST_CHECKPOINT, LOG, Checkpoint, LogListing, list_log
from lakeferry.delta.snapshot import Snapshot, read_snapshot
from lakeferry.errors import FerryError
from lakeferry.events import Committed, Noted, TablePlanned, Warned
from lakeferry.store.protocol import AlreadyThere, ObjectMeta, Store, read_all


def clone_mirror(request: CloneRequest, around: Surroundings) -> Done:
    """Mirror once, in as many rounds as VACUUM or moving state ask for.

    Raises:
        FerryError: LF-3003 what a mirror cannot keep; LF-4101 a live file is missing; LF-5002,
            LF-5003 the target is something else.
    """
    why = ""
    for _ in range(ROUNDS):
        try:
            return _round(request, around)
        except PlanAgain as again:
            why = str(again)
            around.emit(Noted(request.target, f"planning again: {why}"))
    raise FerryError(
        "LF-4107",
        f"gave up after {ROUNDS} rounds: {why}",
        f"{request.source} -> {request.target}",
        "pause COPY INTO on the source, then run the same command again; what landed is kept",
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """Both logs as they are, and what the mirror lacks."""

    source: Snapshot
    listing: LogListing  # of the source
    here: LogListing
    record: CloneRecord | None
    plan: MirrorPlan


def _look(request: CloneRequest, around: Surroundings) -> _Seen:
    """Read both logs; refuses a target that cannot become this mirror."""
    places = around.places
    listing = extras.pin(places.source, pause=lambda tries: time.sleep(0.05 * tries))
    source = read_snapshot(
        places.source, version=request.version, timestamp_ms=request.timestamp_ms,
        listing=listing, allow_features=request.allow_features, on_entries=around.on_entries,
    )  # fmt: skip
    extras.refuse_older_version(listing, source.version)
    here = list_log(places.target)
    record = newest_record(places.target, here)
    mirror = _refuse_other(request, source, here, record, places)
    around.review(source, mirror, mirror.version if mirror else None)
    _refuse_overtaken(request, places.source, listing, here)
    plan = plan_mirror(listing, here, end=source.version)
    _refuse_other_bytes(places.source, places.target, listing, here)
    return _Seen(source, listing, here, record, plan)


def _round(request: CloneRequest, around: Surroundings) -> Done:
    places, seen = around.places, _look(request, around)
    source, listing, here, plan = seen.source, seen.listing, seen.here, seen.plan
    names = tuple(meta.path for meta in listing.others)
    carried = seen.record.extras if seen.record else ()
    head = max(here.commits, default=None)
    if plan.is_empty and extras.is_carried(
        places.source, places.target, listing, here.others, carried
    ):
        haul = _repair(request, around, source) if request.replace else Haul()
        return Done(source, source.version, head, (), haul, names, seen.record)
    refuse_unholdable(names, places.target)
    items = partial(mirror_items, places.source, listing, plan, on_entries=around.on_entries)
    files, size = _totals(items(), places.target)
    around.emit(TablePlanned(places.target.url, source.version, files, size, describe(source)))
    if request.dry_run:
        planned = Haul(copied_files=files, copied_bytes=size)
        return Done(
            source, source.version, head, (), planned, names, seen.record, len(plan.commits)
        )
    if not request.single_writer:
        around.prove_target(fresh=not is_table(here))
    positions = hold_positions(around, source)
    haul = _fetch(request, around, items, (files, size))
    _refuse_live_and_gone(request, around, source, haul)
    extras.refuse_moved(listing, places.source)
    put_positions(places.target, positions)
    record = _publish(request, around, source, listing, plan, haul, carried)
    extras.refuse_overwritten(
        listing, places.source, places.target, record.extras, head=source.version
    )
    return Done(
        source, source.version, source.version, (), haul, names, record, len(plan.commits),
        state_moved=plan.is_empty,
    )  # fmt: skip


def _refuse_other(
    request: CloneRequest,
    source: Snapshot,
    here: LogListing,
    record: CloneRecord | None,
    places: Places,
) -> Snapshot | None:
    """The mirror as it is; None where there is none that anybody can read."""
    target = places.target
    if not is_table(here):
        return None
    if record is not None and not (here.commits or here.checkpoints):
        return None  # nobody can read it yet: our own run was cut off before its base was whole
    head = read_snapshot(target, listing=here)
    there = head.metadata.id
    if record is None or record.mode != "mirror":
        what = "another table" if record is None else f"a {record.mode} clone, which is no mirror"
        raise FerryError(
            "LF-5002",
            f"target {target.url} holds {what}",
            f"metadata id {there}; no mirror of {request.source}; nothing was written",
            "choose an empty target: a mirror never replaces what another table's log says",
        )
    same = is_same_table(
        places.source, source, cloned_id=there, cloned_version=head.version,
        allow_features=request.allow_features,
    )  # fmt: skip
    if not same:
        raise FerryError(
            "LF-4106",
            f"the source is another table now: id {source.metadata.id}, mirrored was {there}",
            f"{request.source}; target {target.url} mirrors version {record.source_version}",
            "start a new mirror in an empty place",
        )
    return head


def _refuse_overtaken(
    request: CloneRequest, source: Store, listing: LogListing, here: LogListing
) -> None:
    """Another run may have mirrored commits that are younger than our listing of the source."""
    head = max(listing.commits, default=0)
    if request.version is not None or request.timestamp_ms is not None:
        return
    if max(here.commits, default=0) > head and max(list_log(source).commits, default=0) > head:
        raise PlanAgain("a newer version was mirrored while the source was read")


def _refuse_other_bytes(
    source: Store, target: Store, listing: LogListing, here: LogListing
) -> None:
    """The newest commit that both have must be the same one; sizes were compared for all."""
    both = sorted(listing.commits.keys() & here.commits.keys())
    if both and not _same_bytes(source, target, here.commits[both[-1]].meta.path):
        raise divergent(target.url, [both[-1]])


def _same_bytes(source: Store, target: Store, path: str) -> bool:
    return _digest(source, path) == _digest(target, path)


def _digest(store: Store, path: str) -> str:
    digest = hashlib.sha256()
    for chunk in store.read(path):
        digest.update(chunk)
    return digest.hexdigest()


def _totals(items: Iterable[CopyItem], target: Store) -> tuple[int, int]:
    """Files and bytes to bring, each name one that the target can hold."""
    files = size = 0
    for item in items:
        refuse_unholdable([item.target_path], target)
        files += 1
        size += item.foreseen_bytes
    return files, size


def _repair(request: CloneRequest, around: Surroundings, source: Snapshot) -> Haul:
    """Bring the live files that the mirror has lost."""
    totals = count(source.files)
    live = LandedFiles(source.files, Roots(source.url))
    return _fetch(request, around, lambda: copy_items(live), (totals.files, totals.bytes))


def _fetch(
    request: CloneRequest,
    around: Surroundings,
    items: Callable[[], Iterator[CopyItem]],
    totals: tuple[int, int],
) -> Haul:
    return fetch(items, around, files=totals[0], total_bytes=totals[1], jobs=request.jobs)


def _refuse_live_and_gone(
    request: CloneRequest, around: Surroundings, source: Snapshot, haul: Haul
) -> None:
    """A live file must not have vanished. Removed ones may: VACUUM took them from both."""
    if not haul.gone:
        return
    gone = {item.source_path for item in haul.gone}
    roots = Roots(source.url)
    live = {
        item.source_path
        for item in copy_items(LandedFiles(source.files, roots))
        if item.source_path in gone
    }
    if not live:
        around.emit(
            Warned(
                around.places.target.url,
                None,
                f"{len(gone)} files that older versions name were vacuumed at the source",
                "nothing; time travel to those versions fails at the source too",
            )
        )
        return
    now = list_log(around.places.source)
    moved_on = max(now.commits, default=0) > source.version
    if request.version is not None or request.timestamp_ms is not None:
        raise lost_from_version(request, around, source.version, frozenset(live))
    if moved_on:
        raise PlanAgain(f"{len(live)} files were gone at the source")
    raise missing(source.url, min(live), source.version)


def _publish(
    request: CloneRequest,
    around: Surroundings,
    source: Snapshot,
    listing: LogListing,
    plan: MirrorPlan,
    haul: Haul,
    carried: tuple[Mapping[str, Any], ...],
) -> CloneRecord:
    places = around.places
    places.target.settle()
    last = listing.commits.get(source.version)
    record = CloneRecord(
        source=places.source.url,
        source_id=source.metadata.id,
        source_version=source.version,
        source_head=head_facts(last.meta if last else None),
        target_version=source.version,
        txn_id=MIRROR,
        mode="mirror",
        extras=extras.carry(places.source, places.target, listing.others, held=carried),
    )
    put_record(places.target, record, haul.landed)
    timed = True
    if plan.base is not None:
        # A commit without the checkpoint that it stands on is no table; the other way round is.
        _copy_checkpoint(places.source, places.target, plan.base)
        first = listing.commits.get(plan.base.version)
        timed &= first is None or _put_commit(request, places, first.meta)
    for file in plan.commits:
        around.heed_stop()
        timed &= _put_commit(request, places, file.meta)
        around.emit(Committed(places.target.url, file.version, file.version))
    for file in plan.companions:
        _copy_log_file(places.source, places.target, file.meta.path)
    for checkpoint in plan.checkpoints:
        _copy_checkpoint(places.source, places.target, checkpoint)
    _point_to_checkpoint(places.source, places.target, plan.end)
    if plan.is_empty:
        around.emit(Noted(places.target.url, state_moved(len(record.extras))))
    if not timed and source.in_commit_timestamp is None:
        around.emit(
            Noted(
                places.target.url,
                "this store cannot set modification times: TIMESTAMP AS OF and DESCRIBE HISTORY "
                "at the target show when commits were copied",
            )
        )
    return record


def _put_commit(request: CloneRequest, places: Places, meta: ObjectMeta) -> bool:
    """One commit, byte for byte, with its time; False where the target cannot keep the time."""
    source, target = places.source, places.target
    try:
        if request.single_writer:
            put_alone(target, meta.path, source.read(meta.path))
        else:
            target.put_if_absent(meta.path, source.read(meta.path), size_hint=meta.size)
    except (AlreadyThere, FerryError) as error:
        unclear = isinstance(error, AlreadyThere) or error.code in ("LF-1003", "LF-1004")
        if not unclear or target.head(meta.path) is None:
            raise
        # Our own write whose answer was lost, an earlier run's, or somebody's who must be told of.
        if not _same_bytes(source, target, meta.path):
            version = int(meta.path.rpartition("/")[2].partition(".")[0])
            raise divergent(target.url, [version]) from None
    return meta.modified_ms is None or target.set_modified(meta.path, meta.modified_ms)


def _copy_checkpoint(source: Store, target: Store, checkpoint: Checkpoint) -> None:
    """Sidecars first, then the top files: whoever sees a checkpoint must find all of it."""
    try:
        names = sidecar_names(source, checkpoint)
    except (UnreadableCheckpoint, FileNotFoundError):
        return  # a broken one, or one that log cleanup took: commits are enough
    for name in names:
        _copy_log_file(source, target, f"{LOG}/_sidecars/{name}")
    for file in checkpoint.files:
        _copy_log_file(source, target, file.meta.path)


def _copy_log_file(source: Store, target: Store, path: str) -> None:
    meta = source.head(path)
    if meta is None:
        return  # log cleanup took it; commits alone are enough
    there = target.head(path)
    if there is None or there.size != meta.size:
        target.write(path, source.read(path), size=meta.size)


def _point_to_checkpoint(source: Store, target: Store, end: int) -> None:
    """The source's own pointer, unless it points past the mirror's end."""
    if source.head(LAST_CHECKPOINT) is None:
        return
    body = read_all(source, LAST_CHECKPOINT)
    try:
        version = orjson.loads(body).get("version")
    except (orjson.JSONDecodeError, AttributeError):
        return
    if isinstance(version, int) and version <= end:
        target.write(LAST_CHECKPOINT, [body], size=len(body))
