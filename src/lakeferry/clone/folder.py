"""Plain files of a folder -> the same files at the target, again and again; nothing is deleted.

Order: list the source, hold it against what the target has and against the marks beside it, copy
what is new or another one, and now and then put the marks of what came. A run that was killed
copies again only what it copied since. Memory is 32 bytes for each file of the target and of the
source, and what is to be copied waits on disk.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from threading import Event as Flag
from typing import NamedTuple

import pyarrow as pa

from lakeferry.clone.copy import paced
from lakeferry.clone.fetch import TargetNames, list_target
from lakeferry.clone.folder_state import (
    FOLDER,
    LANDED,
    FolderRecord,
    HeldMarks,
    Shape,
    join_parts,
    mark_of,
    put_marks,
    put_record,
    read_marks,
    read_record,
)
from lakeferry.clone.parquet_folder import id_of
from lakeferry.clone.places import open_places, refuse_overlap
from lakeferry.clone.report import CloneReport, CloneRequest
from lakeferry.clone.surroundings import Lent, Surroundings
from lakeferry.delta.files import FileSet, FileWriter
from lakeferry.errors import FerryError
from lakeferry.events import BytesMoved, Emit, FileLanded, Noted, TablePlanned, silent
from lakeferry.store.names import unholdable
from lakeferry.store.protocol import ObjectMeta, Store

MODE = "folder"
BLOCK = 4096  # files looked up at once
MARKS_HELD = 5000  # files whose marks are not put yet
MARKS_S = 20.0
PROGRESS_S = 0.5
_TO_COPY = pa.schema([("path", pa.string()), ("size", pa.int64()), ("e_tag", pa.string()),
                      ("modified_ms", pa.int64())])  # fmt: skip


class FolderLook(NamedTuple):
    """What a run would copy."""

    files: int
    bytes: int
    live_files: int  # of the source
    live_bytes: int
    gone: int  # files of the target that the source has no longer; they stay
    state: int  # number of the source's state, as a run would record it
    held: int | None  # that the target holds
    listing: str = ""  # of the source's files, in whatever order they were listed
    newest: str = ""  # the one that was written last


@dataclass(frozen=True)
class _Todo:
    look: FolderLook
    items: FileSet  # rows of _TO_COPY


def look_at_files(request: CloneRequest, apart: Iterable[str] = ()) -> FolderLook:
    """Compare source and target. Raises as `sync_files` does."""
    around = _around(request, silent, None, Lent())
    return _compare(request, around, tuple(apart)).look


def has_unbrought(request: CloneRequest, apart: Iterable[str] = ()) -> bool:
    """Whether the source has a file, as it is now, that no run brought.

    Whatever became at the target of those that were brought: it may be in use. Of a target that
    no run is known to have written to nothing is said.
    """
    places = open_places(request)
    record = read_record(places.target)
    if record is None:
        return False
    held = read_marks(places.target)
    left_out = (*record.apart, *apart)
    return any(
        not held.has([mark_of(meta) for meta in block]).all()
        for block in _blocks(listed_files(places.source, left_out))
    )


def listed_files(source: Store, apart: tuple[str, ...]) -> Iterator[ObjectMeta]:
    """The files of a folder without those of `apart`, folders below it that are something else."""
    left_out = tuple(f"{one}/" for one in (*apart, FOLDER))
    return (meta for meta in source.list("") if not meta.path.startswith(left_out))


def sync_files(
    request: CloneRequest,
    apart: Iterable[str] = (),
    *,
    emit: Emit = silent,
    stop: Flag | None = None,
    lent: Lent | None = None,
) -> CloneReport:
    """Bring what the target lacks, or has as it was once. Files that went at the source stay.

    Args:
        request: where from and where to; modes and versions of it mean nothing here.
        apart: folders below the source that are something else, a table say, and are left out.
        emit, stop, lent: as for `job.clone_table`.

    Raises:
        FerryError: LF-2101 there is nothing; LF-5002 files of somebody else lie at the target;
            LF-3107 a name that is not UTF-8.
        KeyboardInterrupt: `stop` was set; what came is kept.
    """
    started = time.monotonic()
    around = _around(request, emit, stop, lent or Lent())
    target, apart = around.places.target, tuple(apart)
    todo = _compare(request, around, apart)
    look = todo.look
    moved = _Moved(around, look)
    if look.state != look.held:
        told = f"{look.live_files} files" + (f", {look.gone} stay that went" if look.gone else "")
        emit(TablePlanned(target.url, look.state, look.files, look.bytes, told))
        source = around.places.source.url
        if look.held is None:
            put_record(target, FolderRecord(source, id_of(source), -1))
        _copy(todo.items, around, moved, jobs=request.jobs)
        target.settle()
        now_ms = time.time_ns() // 1_000_000
        put_record(target, FolderRecord(
            source, id_of(source), look.state, look.live_files, look.live_bytes, now_ms, apart,
        ))  # fmt: skip
        join_parts(target)
    if moved.left:
        emit(Noted(target.url, f"{moved.left} files went or changed meanwhile: the next run's"))
    return _report(around, look, moved, time.monotonic() - started)


def _around(request: CloneRequest, emit: Emit, stop: Flag | None, lent: Lent) -> Surroundings:
    refuse_overlap(
        request.source, request.target,
        source_options=request.source_options, target_options=request.target_options,
    )  # fmt: skip
    return Surroundings(open_places(request), lent.throttle, emit, stop, hands=lent.hands)


def _compare(request: CloneRequest, around: Surroundings, apart: tuple[str, ...]) -> _Todo:
    source, target = around.places.source, around.places.target
    record = read_record(target)
    held, there = read_marks(target), list_target(target)
    if request.replace:
        # Whoever wrote here may have left names and sizes as they were: all comes again.
        held = HeldMarks(held.marks[:0], held.parts)
    else:
        _refuse_others(record, there, request.target, source.url)
    writer, shape = FileWriter(_TO_COPY), Shape()
    files = size = live_files = live_bytes = 0
    for block in _blocks(listed_files(source, apart)):
        around.heed_stop()
        lacking = [meta for meta, is_here in zip(block, _here(block, held, there), strict=True)
                   if not is_here]  # fmt: skip
        shape.take(block)
        live_files += len(block)
        live_bytes += sum(meta.size for meta in block)
        files += len(lacking)
        size += sum(meta.size for meta in lacking)
        _refuse_unwritable(lacking, source.url)
        writer.write(_rows(lacking))
    if not live_files:
        raise FerryError(
            "LF-2101", "the folder has no file", source.url, "check the path, or exclude it"
        )
    version = None if record is None or record.version < 0 else record.version
    state = (0 if version is None else version + 1) if files or version is None else version
    # Marks, the record and receipts are no files of the source.
    own = sum(1 for _ in target.list(FOLDER)) if version is not None else 0
    gone = max(0, len(there.names) - own - (live_files - files)) if version is not None else 0
    look = FolderLook(
        files, size, live_files, live_bytes, gone, state, version, shape.text, shape.newest
    )
    return _Todo(look, writer.finish())


def _refuse_unwritable(metas: Iterable[ObjectMeta], where: str) -> None:
    """LF-3107: neither the list of what is to be copied nor an event can hold such a name."""
    for meta in metas:
        try:
            meta.path.encode()
        except UnicodeEncodeError:
            raise unholdable(meta.path, "a file's name is not UTF-8", where) from None


def _blocks(metas: Iterable[ObjectMeta]) -> Iterator[list[ObjectMeta]]:
    block: list[ObjectMeta] = []
    for meta in metas:
        block.append(meta)
        if len(block) == BLOCK:
            yield block
            block = []
    if block:
        yield block


def _here(block: list[ObjectMeta], held: HeldMarks, there: TargetNames) -> list[bool]:
    marked = held.has([mark_of(meta) for meta in block])
    return [bool(is_marked) and there.has(meta.path, meta.size)
            for meta, is_marked in zip(block, marked, strict=True)]  # fmt: skip


def _rows(metas: list[ObjectMeta]) -> pa.RecordBatch:
    rows = [(one.path, one.size, one.e_tag, one.modified_ms) for one in metas]
    columns = list(zip(*rows, strict=True)) or [()] * len(_TO_COPY)
    arrays = [pa.array(each, one.type) for each, one in zip(columns, _TO_COPY, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=_TO_COPY)


def _refuse_others(
    record: FolderRecord | None, there: TargetNames, target: str, source: str
) -> None:
    if record is None and not len(there.names):
        return
    if record is None or record.source_id != id_of(source):
        raise FerryError(
            "LF-5002",
            f"target {target} holds other files",
            "nothing says whose they are" if record is None else f"they are of {record.source}",
            "choose another target, or write over files of equal names: --replace",
        )


# ---- copying


class _Brought(NamedTuple):
    """How the copy of one file ended."""

    meta: ObjectMeta  # at the source
    how: str  # 'streamed', 'server_copy'; 'left': it went or changed meanwhile
    landed: ObjectMeta | None = None  # what was made of it; None: it was left


@dataclass
class _Moved:
    """What a run has copied; taken by one thread."""

    around: Surroundings
    look: FolderLook
    files: int = 0
    size: int = 0  # bytes of these
    left: int = 0  # files that went or changed meanwhile
    marks: list[bytes] = field(default_factory=list)
    landed: list[bytes] = field(default_factory=list)  # marks of these at the target
    began: float = field(default_factory=time.monotonic)
    put_at: float = field(default_factory=time.monotonic)
    shown_at: float = 0.0

    def take(self, one: _Brought) -> None:
        target, meta = self.around.places.target, one.meta
        if one.landed is None:
            self.left += 1
            return
        self.files += 1
        self.size += meta.size
        self.marks.append(mark_of(meta))
        self.landed.append(mark_of(one.landed))
        self.around.emit(FileLanded(target.url, meta.path, meta.size, one.how))
        if len(self.marks) >= MARKS_HELD or time.monotonic() - self.put_at > MARKS_S:
            self.put()
        self.show()

    def put(self) -> None:
        """A mark stands only behind what is durable."""
        target = self.around.places.target
        target.settle()
        # First those that say whose a file is: one that comes again gets its own once more.
        put_marks(target, self.landed, LANDED)
        put_marks(target, self.marks)
        self.landed.clear()
        self.marks.clear()
        self.put_at = time.monotonic()

    def show(self) -> None:
        now = time.monotonic()
        if now - self.shown_at < PROGRESS_S:
            return
        self.shown_at = now
        self.around.emit(BytesMoved(
            self.around.places.target.url, self.size, self.look.bytes, self.files,
            self.look.files, now - self.began,
        ))  # fmt: skip


def _copy(items: FileSet, around: Surroundings, moved: _Moved, *, jobs: int) -> None:
    task = partial(_bring, around=around)
    metas = (
        ObjectMeta(*row)
        for batch in items.batches()
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    )
    try:
        with closing(
            around.hands(task, metas, count=jobs, stop=around.stop, on_silence=moved.show)
        ) as outcomes:
            for one in outcomes:
                moved.take(one)
    finally:
        moved.put()
    around.heed_stop()


def _bring(meta: ObjectMeta, around: Surroundings) -> _Brought:
    """Copy one file over what is there."""
    source, target = around.places.source, around.places.target
    landed, how = None, "server_copy"
    try:
        if around.throttle is None:
            landed = target.copy_from(source, meta.path, meta.path)
        if landed is None:
            how = "streamed"
            body = paced(source.read(meta.path, if_match=meta.e_tag), around.throttle)
            landed = target.write(meta.path, body, size=meta.size)
    except FileNotFoundError:
        return _Brought(meta, "left")
    except FerryError as error:
        if error.code == "LF-1004" and _is_other(source, meta):
            return _Brought(meta, "left")
        raise
    if how == "server_copy" and _is_other(source, meta):
        return _Brought(meta, "left")
    if meta.modified_ms is not None and target.set_modified(meta.path, meta.modified_ms):
        landed = target.head(meta.path) or landed  # where a time can be set, the ETag is made of it
    return _Brought(meta, how, landed)


def _is_other(source: Store, meta: ObjectMeta) -> bool:
    now = source.head(meta.path)
    return now is None or (now.size, now.e_tag) != (meta.size, meta.e_tag)


def _report(around: Surroundings, look: FolderLook, moved: _Moved, seconds: float) -> CloneReport:
    return CloneReport(
        source=around.places.source.url, target=around.places.target.url, mode=MODE,
        source_version=look.state, target_version=look.state,
        up_to_date=look.state == look.held, dry_run=False, commits=int(look.state != look.held),
        files_copied=moved.files, bytes_copied=moved.size,
        files_present=look.live_files - look.files, vectors=0, txns={}, domains=(), extras=(),
        kept="names, bytes; times where the target can", not_kept="what the source deleted stays",
        warnings=(), seconds=seconds, source_table_size=look.live_bytes,
        source_num_of_files=look.live_files, num_removed_files=0, num_copied_files=moved.files,
        removed_files_size=0, copied_files_size=moved.size,
    )  # fmt: skip
