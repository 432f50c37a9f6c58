"""A Parquet table -> a Delta table at the target, again and again: the door and its rounds.

Order: list, compare by names, read the footers of new files, copy, list again, then put-if-absent
of one commit. A file that is gone or another one when it is listed again begins a new round; files
that came meanwhile are the next run's. What a killed run leaves are whole files that no log names,
and whose names the next run looks for.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Event as Flag

import numpy as np

from lakeferry.clone.body import CommitStamp, commit_chunks
from lakeferry.clone.changes import DataChange
from lakeferry.clone.companions import write_companions
from lakeferry.clone.copy import CopyItem
from lakeferry.clone.difference import Marked
from lakeferry.clone.fetch import fetch, refuse_unholdable
from lakeferry.clone.parquet_folder import (
    MODE,
    Declared,
    Listed,
    id_of,
    is_older_of,
)
from lakeferry.clone.parquet_look import Footers, list_state, read_footers
from lakeferry.clone.parquet_schema import Field, fields_in, protocol_for, table_schema_string
from lakeferry.clone.places import Places, open_places, refuse_overlap
from lakeferry.clone.plan import ClonePlan, Header, SmallState, Totals, count
from lakeferry.clone.record import CloneRecord, drop_record, put_record
from lakeferry.clone.report import CloneReport, CloneRequest
from lakeferry.clone.source_files import PathMarks, SourceFile, SourceFiles, marks_of
from lakeferry.clone.surroundings import Haul, Lent, PlanAgain, Surroundings
from lakeferry.clone.target import TargetView, refuse_other_table, view_target
from lakeferry.delta.actions import Metadata
from lakeferry.delta.commit import VersionTaken, in_chunks, publish
from lakeferry.delta.files import FileSet, MemoryFiles
from lakeferry.delta.keys import Mask
from lakeferry.delta.paths import decode
from lakeferry.delta.snapshot import Snapshot, read_snapshot
from lakeferry.errors import FerryError
from lakeferry.events import Committed, Emit, Noted, TablePlanned, Warned, silent

ROUNDS = 6
LOOKS = 16  # listings and footers at once; each waits for a store most of its time
PAUSE_S = 1.0  # before another round

# Told before anything moves: the schema that the target has, and the one it will have.
SchemaReview = Callable[[str, str], None]


def unreviewed(before: str, after: str) -> None:
    """The `SchemaReview` of who takes a table as it is."""


@dataclass(frozen=True, slots=True)
class ParquetLook:
    """What a clone would do, told by names alone."""

    state: int  # number of the source's state, as a clone would record it
    held: int | None  # that the target holds
    target_version: int | None
    files: int  # to copy
    bytes: int
    removed: int
    live_files: int
    live_bytes: int
    listing: str = ""  # hash of the source's state
    newest: str = ""  # the file of it that was written last

    @property
    def is_current(self) -> bool:
        return self.state == self.held


def look_at_parquet(request: CloneRequest, declared: Declared) -> ParquetLook:
    """Compare source and target without reading a file. Raises as `clone_parquet` does."""
    around = Surroundings(_places(request), None, silent)
    state = list_state(declared, around, jobs=LOOKS)
    view = view_target(around.places.target)
    _refuse_other(request, view, around.places.source.url)
    wanted = state.files.less(_live(view))
    removed = int(_gone(view, state).sum())
    record = view.record
    here = view.snapshot.version if view.snapshot else None
    is_new = bool(len(wanted)) or bool(removed) or record is None
    held = record.source_version if record else None
    return ParquetLook(
        state=(0 if held is None else held + 1) if is_new else held or 0,
        held=held, target_version=here, files=len(wanted), bytes=wanted.bytes,
        removed=removed, live_files=len(state.files),
        live_bytes=state.bytes, listing=state.sha256, newest=state.newest,
    )  # fmt: skip


def has_unbrought(request: CloneRequest, declared: Declared, version: int) -> bool:
    """Whether the source has a file, as it is now, that a version of the target has not.

    Raises:
        FerryError: LF-2101, LF-4111 as `clone_parquet`; as `read_snapshot` of the version.
    """
    around = Surroundings(_places(request), None, silent)
    then = read_snapshot(around.places.target, version=version)
    state = list_state(declared, around, jobs=LOOKS)
    return bool(len(state.files.less(_files_of(then))))


def clone_parquet(
    request: CloneRequest,
    declared: Declared,
    *,
    emit: Emit = silent,
    stop: Flag | None = None,
    lent: Lent | None = None,
    review: SchemaReview = unreviewed,
) -> CloneReport:
    """Make, or bring up to date, the Delta table of a Parquet table.

    Args:
        request: where from and where to; modes and versions of it mean nothing here.
        declared: what a catalog says of the table.
        emit, stop, lent: as for `job.clone_table`.
        review: told of a schema that changes; what it raises ends the clone.

    Raises:
        FerryError: LF-2101, LF-4103, LF-4110, LF-4111 what cannot become a Delta table; LF-4107 a
            source that will not stand still; LF-5001 other writers kept winning; LF-5002, LF-5003,
            LF-4106 what only `replace` may write over.
        KeyboardInterrupt: `stop` was set.
    """
    lent = lent or Lent()
    around = Surroundings(
        _places(request), lent.throttle, emit, stop, hands=lent.hands, proven=lent.proven
    )
    return bring(request, declared, around, review)


def bring(
    request: CloneRequest, declared: Declared, around: Surroundings, review: SchemaReview
) -> CloneReport:
    """`clone_parquet` between stores that are open."""
    started = time.monotonic()
    footers, why = Footers(), ""
    for number in range(ROUNDS):
        if number:
            around.emit(Noted(request.target, f"planning again: {why}"))
            time.sleep(PAUSE_S)
            around.heed_stop()
        try:
            done = _round(request, declared, around, footers, review)
        except PlanAgain as again:
            why = str(again)
            continue
        return _report(done, around, time.monotonic() - started)
    raise FerryError(
        "LF-5001" if "version" in why else "LF-4107",
        f"gave up after {ROUNDS} rounds: {why}",
        f"{request.source} -> {request.target}",
        "run the same command again when the job that writes has ended; what landed is kept",
    )


@dataclass(frozen=True)
class _Done:
    state: Listed
    number: int  # of the state
    target_version: int
    plan: ClonePlan | None = None  # None: nothing was new
    haul: Haul | None = None


def _round(
    request: CloneRequest,
    declared: Declared,
    around: Surroundings,
    footers: Footers,
    review: SchemaReview,
) -> _Done:
    target = around.places.target
    state = list_state(declared, around, jobs=LOOKS)
    view = view_target(target)
    _refuse_other(request, view, around.places.source.url)
    if (record := view.record) is not None and _is_held(request, view, state):
        assert view.snapshot is not None
        return _Done(state, record.source_version, view.snapshot.version)
    _tell_skipped(state, around)
    new = state.files if request.replace else state.files.less(_live(view))
    read_footers(new, state.columns, footers, around, jobs=LOOKS)
    plan = _plan(request, around, view, state, new, footers, review)
    refuse_unholdable((one.lands for one in new), target)
    around.emit(TablePlanned(
        target.url, plan.source_version, len(new), new.bytes,
        f"{len(state.files)} files" + (f" in {len(state.types)} partition columns"
                                       if state.types else ""),
    ))  # fmt: skip
    if not request.single_writer:
        around.prove_target(fresh=view.snapshot is None)
    haul = fetch(
        lambda: map(_item, new), around, files=len(new), total_bytes=new.bytes,
        jobs=request.jobs,
    )  # fmt: skip
    if haul.gone:
        raise PlanAgain(f"{len(haul.gone)} files were gone or written over")
    if not is_older_of(state, list_state(declared, around, jobs=LOOKS)):
        raise PlanAgain("files of the table went or were written over")
    _put(request, around, plan, state, haul)
    return _Done(state, plan.source_version, plan.target_version, plan, haul)


def _is_held(request: CloneRequest, view: TargetView, state: Listed) -> bool:
    record = view.record
    if record is None or view.snapshot is None or request.replace:
        return False
    here = _live(view)
    return len(here) == len(state.files) and not len(state.files.less(here))


def _live(view: TargetView) -> PathMarks:
    """The files of the target's newest version."""
    return marks_of(()) if view.snapshot is None else _files_of(view.snapshot)


def _files_of(snapshot: Snapshot) -> PathMarks:
    return marks_of(
        decode(path)
        for batch in snapshot.files.batches(["path"])
        for path in batch.column("path").to_pylist()
    )


def _gone(view: TargetView, state: Listed) -> Mask:
    """Of each live file of the target whether the source has it no longer."""
    if view.snapshot is None:
        return np.zeros(0, np.bool_)
    lands = state.files.lands
    masks = [
        ~lands.has([decode(path) for path in batch.column("path").to_pylist()])
        for batch in view.snapshot.files.batches(["path"])
    ]
    return np.concatenate(masks) if masks else np.zeros(0, np.bool_)


def _plan(
    request: CloneRequest,
    around: Surroundings,
    view: TargetView,
    state: Listed,
    new: SourceFiles,
    footers: Footers,
    review: SchemaReview,
) -> ClonePlan:
    here = view.snapshot
    before = None if here is None or request.replace else here.metadata
    if before is not None and before.partition_columns != state.columns:
        raise FerryError(
            "LF-4111",
            f"the table is partitioned by {state.columns} now, and was by "
            f"{before.partition_columns}",
            around.places.source.url,
            "make the target the table that it is now: --replace",
        )
    known: tuple[Field, ...] = () if before is None else fields_in(before.schema_string)
    known = tuple(one for one in known if one["name"] not in state.types)
    columns = footers.columns(new, known)
    schema = table_schema_string(columns, state.types, url=around.places.source.url)
    if before is not None and before.schema_string != schema:
        review(before.schema_string, schema)
    metadata = Metadata(
        id=here.metadata.id if here else str(uuid.uuid4()),
        schema_string=schema,
        partition_columns=state.columns,
        configuration=dict(here.metadata.configuration) if here else {},
        name=here.metadata.name if here else None,
        description=here.metadata.description if here else None,
        created_time=here.metadata.created_time if here else time.time_ns() // 1_000_000,
    )
    protocol = protocol_for(schema, here.protocol if here else None)
    header = Header(
        protocol=None if here and here.protocol == protocol else protocol,
        metadata=None if here and here.metadata == metadata else metadata,
    )
    return _with_files(view, state, new, footers, header, SmallState(
        protocol, metadata, here.txns if here else {}, here.domains if here else {},
    ))  # fmt: skip


def _with_files(
    view: TargetView,
    state: Listed,
    new: SourceFiles,
    footers: Footers,
    header: Header,
    after: SmallState,
) -> ClonePlan:
    here, record = view.snapshot, view.record
    none = MemoryFiles()
    rows = footers.rows(new)
    remove: FileSet = none if here is None else Marked(here.files, _gone(view, state))
    stated = Totals(len(new), new.bytes)
    return ClonePlan(
        source_version=0 if record is None else record.source_version + 1,
        target_version=0 if here is None else here.version + 1,
        header=header, fetch=none, fetch_data=none, state=rows, remove=remove,
        data_change=DataChange(default=True), source=Totals(len(state.files), state.bytes),
        copied=stated, removed=count(remove), stated=stated, after=after,
    )  # fmt: skip


def _item(file: SourceFile) -> CopyItem:
    return CopyItem(file.url, file.path, file.lands, file.size, "data", e_tag=file.e_tag)


def _put(
    request: CloneRequest, around: Surroundings, plan: ClonePlan, state: Listed, haul: Haul
) -> None:
    """The record, then the commit, then what makes it fast to read."""
    target, url = around.places.target, around.places.source.url
    target.settle()
    around.heed_stop()
    stamp = CommitStamp(
        source=url, source_id=id_of(url), txn_id=str(uuid.uuid4()),
        now_ms=time.time_ns() // 1_000_000, previous_ict_ms=None, mode=MODE,
    )  # fmt: skip
    record = CloneRecord(
        source=url, source_id=stamp.source_id, source_version=plan.source_version,
        source_head={"listing": state.sha256, "files": len(state.files), "bytes": state.bytes},
        target_version=plan.target_version, txn_id=stamp.txn_id, mode=MODE,
    )  # fmt: skip
    put_record(target, record, haul.landed)
    try:
        publish(
            target, plan.target_version, lambda: in_chunks(commit_chunks(plan, stamp, {})),
            txn_id=stamp.txn_id, size_hint=4096 + 600 * (plan.stated.files + plan.removed.files),
            single_writer=request.single_writer,
        )  # fmt: skip
    except VersionTaken as taken:
        drop_record(target, record)
        raise PlanAgain(f"version {taken.version} was taken by another writer") from taken
    around.emit(Committed(target.url, plan.source_version, plan.target_version))
    write_companions(target, plan, stamp.txn_id, emit=around.emit)


def _refuse_other(request: CloneRequest, view: TargetView, url: str) -> None:
    if request.replace or view.snapshot is None:
        return
    same = view.record is not None and view.record.source_id == id_of(url)
    ours = replace(view.snapshot.metadata, id=id_of(url))
    refuse_other_table(view, ours, same_table=same, url=request.target, mode=MODE)


def _tell_skipped(state: Listed, around: Surroundings) -> None:
    if state.skipped_in_all:
        some = ", ".join(state.skipped)
        around.emit(Warned(
            around.places.target.url, None,
            f"{state.skipped_in_all} files of the folder are no part of the table: {some}",
            "nothing, if readers of the source leave them out too, as Hive does",
        ))  # fmt: skip


def _places(request: CloneRequest) -> Places:
    refuse_overlap(
        request.source, request.target,
        source_options=request.source_options, target_options=request.target_options,
    )  # fmt: skip
    return open_places(request)


def _report(done: _Done, around: Surroundings, seconds: float) -> CloneReport:
    plan, haul = done.plan, done.haul or Haul()
    return CloneReport(
        source=around.places.source.url, target=around.places.target.url, mode=MODE,
        source_version=done.number, target_version=done.target_version, up_to_date=plan is None,
        dry_run=False, commits=0 if plan is None else 1, files_copied=haul.copied_files,
        bytes_copied=haul.copied_bytes, files_present=haul.present_files, vectors=0, txns={},
        domains=(), extras=(), kept="rows, columns, partitions; statistics from the footers",
        not_kept="names of files, for each carries the mark of its bytes", warnings=(),
        seconds=seconds, source_table_size=done.state.bytes,
        source_num_of_files=len(done.state.files),
        num_removed_files=plan.removed.files if plan else 0,
        num_copied_files=plan.copied.files if plan else 0,
        removed_files_size=plan.removed.bytes if plan else 0,
        copied_files_size=plan.copied.bytes if plan else 0,
    )  # fmt: skip
