"""Bring the files of a plan to the target, many at once, and tell what is missing."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from lakeferry.clone.bring import Bring
from lakeferry.clone.copy import CopyItem, Failed, Gone, Landed
from lakeferry.clone.landing import vector_end, vector_file
from lakeferry.clone.record import FILES_SCHEMA
from lakeferry.clone.surroundings import Haul, Surroundings
from lakeferry.delta.commit import PROBE
from lakeferry.delta.files import FileSet, FileWriter
from lakeferry.delta.paths import decode
from lakeferry.events import BytesMoved, FileLanded
from lakeferry.store.protocol import ObjectMeta, Store

LIST_FROM = 256  # items; from so many on one listing of the target is cheaper than a look at each
PROGRESS_S = 0.5
ROWS_HELD = 10_000  # of the record, as objects
_ODD = re.compile(r'[\\:*?"<>|]|\.(/|$)')


def copy_items(fetch: FileSet, *, fetch_data: FileSet | None = None) -> Iterator[CopyItem]:
    """The files that rows of LANDING_SCHEMA need: data files, and each vector's file once.

    Args:
        fetch: rows that are new at the target.
        fetch_data: of these, the rows whose data file is new too; None: all of them.
    """
    columns = ["path", "size", "sourceUrl"]
    for batch in (fetch if fetch_data is None else fetch_data).batches(columns):
        paths, sizes, urls = (batch.column(name).to_pylist() for name in columns)
        for path, size, url in zip(paths, sizes, urls, strict=True):
            key = decode(path)
            yield CopyItem(url or "", key, key, size, "data")
    seen: set[int] = set()
    for batch in fetch.batches(["deletionVector", "sourceVectorUrl"]):
        rows = batch.filter(batch.column("deletionVector").is_valid())
        vectors = rows.column("deletionVector").to_pylist()
        for vector, url in zip(vectors, rows.column("sourceVectorUrl").to_pylist(), strict=True):
            path = vector_file(vector)
            # Many files share one vector file; it is copied whole, once.
            if path is None or (mark := xxhash.xxh3_64_intdigest(path.encode())) in seen:
                continue
            seen.add(mark)
            yield CopyItem(url or "", path, path, None, "vector", vector_end(vector))


def refuse_unholdable(paths: Iterable[str], target: Store) -> None:
    """LF-3107 for a name that the target cannot hold, before the first byte moves.

    A look at the target tells; only names that some store could refuse are worth one.
    """
    for path in paths:
        plain = len(path) < 200 and path.isascii() and path.isprintable()
        if not plain or _ODD.search(path):
            target.head(path)


@dataclass(frozen=True)
class TargetNames:
    """Which objects the target has, as hashes of (path, size): 8 bytes each."""

    marks: npt.NDArray[np.uint64]
    names: npt.NDArray[np.uint64]

    def has(self, path: str, size: int) -> bool:
        return _contains(self.marks, _mark(path, size))

    def has_name(self, path: str) -> bool:
        return _contains(self.names, _name(path))


def _mark(path: str, size: int) -> int:
    return _name(f"{size}/{path}")


def _name(path: str) -> int:
    return xxhash.xxh3_64_intdigest(path.encode("utf-8", "surrogateescape"))


def _contains(marks: npt.NDArray[np.uint64], mark: int) -> bool:
    at = np.searchsorted(marks, np.uint64(mark))
    return bool(at < len(marks) and marks[at] == np.uint64(mark))


def list_target(store: Store) -> TargetNames:
    """One listing of all that lies at the target."""
    marks, names = [], []
    block: list[ObjectMeta] = []

    def take() -> None:
        marks.append(np.array([_mark(meta.path, meta.size) for meta in block], np.uint64))
        names.append(np.array([_name(meta.path) for meta in block], np.uint64))
        block.clear()

    for meta in store.list(""):
        block.append(meta)
        if len(block) == 100_000:
            take()
    take()
    return TargetNames(np.sort(np.concatenate(marks)), np.sort(np.concatenate(names)))


@dataclass(frozen=True)
class _Look:
    """What is known about the target before the first copy."""

    empty: bool  # nothing can be there
    names: TargetNames | None  # of all that is there; None: ask for each

    def has(self, item: CopyItem) -> bool:
        if self.names is None or item.size is None:
            return False
        return self.names.has(item.target_path, item.size)

    def is_unsure(self, item: CopyItem) -> bool:
        """Whether a request must tell if the file is there."""
        if self.empty:
            return False
        return self.names is None or self.names.has_name(item.target_path)


def _look_at(target: Store, files: int) -> _Look:
    empty = all(meta.path == PROBE for meta in target.list(""))
    return _Look(empty, None if empty or files < LIST_FROM else list_target(target))


def fetch(
    items: Callable[[], Iterator[CopyItem]],
    around: Surroundings,
    *,
    files: int,
    total_bytes: int,
    jobs: int,
) -> Haul:
    """Copy what is not there yet. Files that the source lacks are in `Haul.gone`.

    Args:
        items: what must be at the target; read once.
        around: the stores, the rate, who listens.
        files, total_bytes: of the items, for progress.
        jobs: files in flight.

    Raises:
        FerryError: the first failure that no other try would mend; what landed stays.
        KeyboardInterrupt: `around.stop` was set.
    """
    table = around.places.target.url
    look = _look_at(around.places.target, files)
    tally = _Tally(around, table, files, total_bytes)
    task = Bring(around.places, around.throttle, look)
    # Closed here: an error that is kept would keep the hands too, and the process with them.
    with closing(
        around.hands(task, items(), count=jobs, stop=around.stop, on_silence=tally.pulse)
    ) as outcomes:
        for outcome in outcomes:
            match outcome:
                case Failed(error=error):
                    raise error
                case Gone(item=item):
                    tally.haul.gone.append(item)
                case Landed():
                    tally.take(outcome)
    tally.show()
    around.heed_stop()
    return tally.finish()


class _Tally:
    """Counts what lands, shows it now and then, and keeps the rows of the record."""

    def __init__(self, around: Surroundings, table: str, files: int, total_bytes: int) -> None:
        self.haul = Haul()
        self._around, self._table = around, table
        self._files, self._bytes = files, total_bytes
        self._present_bytes = 0
        self._writer, self._held = FileWriter(FILES_SCHEMA), list[Landed]()
        self._started = self._shown = time.monotonic()

    def take(self, landed: Landed) -> None:
        haul = self.haul
        if landed.how == "already_there":
            haul.present_files += 1
            self._present_bytes += landed.bytes
        else:
            haul.copied_files += 1
            haul.copied_bytes += landed.bytes
            self._held.append(landed)
        if len(self._held) >= ROWS_HELD:
            self._writer.write(_rows(self._held))
            self._held.clear()
        self._around.emit(FileLanded(self._table, landed.path, landed.bytes, landed.how))
        self.pulse()

    def pulse(self) -> None:
        """Show it, if that was long ago; also called while a large file is under way."""
        if time.monotonic() - self._shown >= PROGRESS_S:
            self._shown = time.monotonic()
            self.show()

    def show(self) -> None:
        haul, present = self.haul, self._present_bytes
        self._around.emit(
            BytesMoved(
                self._table,
                haul.copied_bytes + present,
                self._bytes,
                haul.copied_files + haul.present_files,
                self._files,
                time.monotonic() - self._started,
                bytes_present=present,
                files_present=haul.present_files,
            )
        )

    def finish(self) -> Haul:
        self._writer.write(_rows(self._held))
        self.haul.landed = self._writer.finish()
        return self.haul


def _rows(landed: list[Landed]) -> pa.RecordBatch:
    columns = [
        [one.path for one in landed],
        [one.bytes for one in landed],
        [one.crc64nvme for one in landed],
        [one.source_e_tag for one in landed],
    ]
    arrays = [
        pa.array(values, column.type) for values, column in zip(columns, FILES_SCHEMA, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=FILES_SCHEMA)
