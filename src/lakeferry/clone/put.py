"""Make planned commits visible: records and companions of the log first, then each commit."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lakeferry.clone import extras
from lakeferry.clone.body import CommitStamp, commit_chunks, ict_enablement, with_ict_since
from lakeferry.clone.companions import write_companions
from lakeferry.clone.footers import footer_rows
from lakeferry.clone.keeping import many
from lakeferry.clone.plan import ClonePlan
from lakeferry.clone.positions import Positions, put_positions
from lakeferry.clone.record import CloneRecord, drop_record, head_facts, put_record
from lakeferry.clone.report import CloneRequest
from lakeferry.clone.surroundings import Haul, PlanAgain, Surroundings
from lakeferry.delta.commit import VersionTaken, commit_info, in_chunks, publish
from lakeferry.delta.log import LogListing
from lakeferry.delta.snapshot import Snapshot
from lakeferry.events import Committed, Noted
from lakeferry.store.protocol import Store


def put_commits(
    request: CloneRequest,
    around: Surroundings,
    source: Snapshot,
    listing: LogListing,
    plans: tuple[ClonePlan, ...],
    haul: Haul,
    carried: tuple[Mapping[str, Any], ...],
    positions: Positions,
) -> CloneRecord:
    """Publish each plan; records first, so that a commit never stands without its own."""
    target = around.places.target
    put_positions(target, positions)
    target.settle()
    rows = footer_rows(plans, target)
    record, ict_since = None, dict[str, str]()
    for planned in plans:
        around.heed_stop()
        last = planned is plans[-1]
        stamp = CommitStamp(
            source=source.url,
            source_id=source.metadata.id,
            txn_id=str(uuid.uuid4()),
            now_ms=time.time_ns() // 1_000_000,
            previous_ict_ms=_head_ict(target, planned.target_version - 1),
            shallow=request.shallow,
        )
        if planned.enables_ict:
            ict_since = ict_enablement(planned, stamp)
        plan = with_ict_since(planned, ict_since)
        held = _carry(around, listing, carried) if last else carried
        record = _record(plan, stamp, listing, held, without_txns=not request.carry_txns)
        put_record(target, record, haul.landed if last else None)
        _publish(request, target, plan, stamp, rows, record)
        around.emit(Committed(target.url, plan.source_version, plan.target_version))
    assert record is not None
    extras.refuse_overwritten(
        listing, around.places.source, target, record.extras, head=record.target_version
    )
    write_companions(target, plan, record.txn_id, emit=around.emit)
    return record


def put_state(
    around: Surroundings, listing: LogListing, record: CloneRecord, *, head: int
) -> CloneRecord:
    """Bring only what lies beside the log: the target's rows are those of this moment already.

    No commit: the table has nothing new, and streams that read the target would see an empty
    version for each step of a COPY INTO. The record of the last clone is put again, so that the
    next run knows what lies there.

    Args:
        listing: of the source, pinned together with the version whose rows the target has.
        record: of the last clone.
        head: newest version of the target.

    Raises:
        PlanAgain: the source's state moved, or another clone has committed meanwhile.
    """
    source, target = around.places.source, around.places.target
    target.settle()
    held = _carry(around, listing, record.extras)
    renewed = replace(record, extras=held)
    put_record(target, renewed, None)
    extras.refuse_overwritten(listing, source, target, held, head=head)
    around.emit(Noted(target.url, state_moved(len(held))))
    return renewed


def state_moved(count: int) -> str:
    """What a run says that brought nothing but companions of the log; `count`: there are now."""
    brought = f"{many(count, 'companion')} of the log {'was' if count == 1 else 'were'} brought"
    return f"{brought} up to date; the table itself has nothing new"


def _record(
    plan: ClonePlan,
    stamp: CommitStamp,
    listing: LogListing,
    held: tuple[Mapping[str, Any], ...],
    *,
    without_txns: bool,
) -> CloneRecord:
    commit = listing.commits.get(plan.source_version)
    return CloneRecord(
        source=stamp.source,
        source_id=stamp.source_id,
        source_version=plan.source_version,
        source_head=head_facts(commit.meta if commit else None),
        target_version=plan.target_version,
        txn_id=stamp.txn_id,
        mode="snapshot",
        shallow=stamp.shallow,
        without_txns=without_txns,
        extras=held,
    )


def _head_ict(target: Store, version: int) -> int | None:
    value = (commit_info(target, version) or {}).get("inCommitTimestamp") if version >= 0 else None
    return int(value) if value is not None else None


def _carry(
    around: Surroundings, listing: LogListing, carried: tuple[Mapping[str, Any], ...]
) -> tuple[Mapping[str, Any], ...]:
    return extras.carry(around.places.source, around.places.target, listing.others, held=carried)


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
        raise PlanAgain(f"version {taken.version} was taken by another writer") from taken
