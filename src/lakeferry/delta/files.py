"""Sets of files too many to hold: streams of record batches that can be opened again.

A set is kept in memory up to 64 MiB and in a temporary Parquet file above that. The file goes when
nothing refers to the set any more, at the latest with the process (see `scratch`).
"""

import errno
import os
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakeferry.delta.actions import FILE_SCHEMA
from lakeferry.delta.keys import file_keys
from lakeferry.delta.scratch import scratch_folder
from lakeferry.errors import FerryError

BATCH_ROWS = 16_384  # of 1 KB each a batch and its copies stay below 50 MB; no batch is longer
SPILL_BYTES = 64 << 20  # a set that is larger lies on disk
_GROUP_BYTES = 16 << 20  # of Arrow data in one row group of a spilled set
_READ_BYTES = 1 << 20  # of each column chunk held while a Parquet file is read


class FileSet(Protocol):
    """A re-openable stream of batches; each call of `batches` starts at the first row."""

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Batches of at most `BATCH_ROWS` rows, in an order that does not change.

        `columns`: only these, in this order; None: all of the set's schema.
        """


OnEntries = Callable[[int], None]  # told how many log entries were read since the last call


def untold(entries: int) -> None:
    """The `OnEntries` of callers that show no progress."""


@dataclass(frozen=True)
class ToldFiles:
    """A set that tells how many rows of it are read, each time."""

    files: FileSet
    on_entries: OnEntries

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        for batch in self.files.batches(columns):
            yield batch
            self.on_entries(batch.num_rows)


@dataclass(frozen=True)
class WrittenSince:
    """The files of a set that were written from a moment on, by the clocks of their writers."""

    files: FileSet
    since_ms: int  # since the epoch

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        asked = None if columns is None else list(dict.fromkeys((*columns, "modificationTime")))
        for batch in self.files.batches(asked):
            kept = batch.filter(pc.greater_equal(batch.column("modificationTime"), self.since_ms))
            yield kept if columns is None else kept.select(list(columns))


def logical_keys(batch: pa.RecordBatch, root: str = "") -> pa.Array:
    """Keys of a batch's files (path and deletion vector) as 16 bytes each, in order.

    `root`: `paths.canonical` of the table's root, where the batch may name files absolutely.
    """
    keys = file_keys(batch, root)
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(16), len(keys), [None, pa.py_buffer(np.ascontiguousarray(keys))]
    )


class TemporaryFile:
    """A file that goes when this value is forgotten."""

    def __init__(self, suffix: str) -> None:
        handle, name = tempfile.mkstemp(suffix=suffix, dir=scratch_folder())
        os.close(handle)
        self.path = Path(name)
        self._gone = weakref.finalize(self, _remove, self.path, os.getpid())


def _remove(path: Path, process: int) -> None:
    # A forked child forgets its copy of the value too, but the file is its parent's.
    if os.getpid() == process:
        path.unlink(missing_ok=True)


@contextmanager
def temporary_room() -> Iterator[None]:
    """Raise LF-5101 where writing a temporary file finds the disk full."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise FerryError(
            "LF-5101",
            "the disk for temporary files is full",
            f"{tempfile.gettempdir()}: {error.strerror}",
            "free space there, or name another folder in TMPDIR",
        ) from error


class MemoryFiles:
    """A set small enough for memory."""

    def __init__(self, batches: Iterable[pa.RecordBatch] = ()) -> None:
        self._batches = tuple(batches)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            yield batch if columns is None else batch.select(list(columns))


class SpilledFiles:
    """A set in a temporary Parquet file."""

    def __init__(self, file: TemporaryFile) -> None:
        self._file = file

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        names = None if columns is None else list(columns)
        for batch in parquet_batches(self._file.path, names):
            yield batch if names is None else batch.select(names)


class JoinedFiles:
    """One set behind the other."""

    def __init__(self, parts: Sequence[FileSet]) -> None:
        self._parts = tuple(parts)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        for part in self._parts:
            yield from part.batches(columns)


class WithoutRows:
    """A set less the rows at some positions."""

    def __init__(self, files: FileSet, positions: npt.NDArray[np.int64]) -> None:
        self._files = files
        self._positions = np.sort(positions)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        start = 0
        for batch in self._files.batches(columns):
            low, high = np.searchsorted(self._positions, [start, start + len(batch)])
            keep = np.ones(len(batch), dtype=np.bool_)
            keep[self._positions[low:high] - start] = False
            start += len(batch)
            yield batch if high == low else batch.filter(pa.array(keep))


class FileWriter:
    """Takes batches in, gives a FileSet out; spills when they outgrow `SPILL_BYTES`."""

    def __init__(self, schema: pa.Schema = FILE_SCHEMA, *, spill_bytes: int = SPILL_BYTES) -> None:
        self._schema = schema
        self._spill_bytes = spill_bytes
        self._held: list[pa.RecordBatch] = []
        self._held_bytes = 0
        self._file: TemporaryFile | None = None
        self._parquet: Any = None
        self.rows = 0  # written so far

    def write(self, batch: pa.RecordBatch) -> None:
        if len(batch) == 0:
            return
        self.rows += len(batch)
        self._held.append(batch)
        self._held_bytes += batch.nbytes
        limit = self._spill_bytes if self._parquet is None else _GROUP_BYTES
        if self._held_bytes > limit:
            self._spill()

    def finish(self) -> FileSet:
        """The set of all that was written. The writer must not be used again."""
        if self._parquet is None:
            return MemoryFiles(rebatched(self._held, self._schema))
        self._spill()
        self._parquet.close()
        assert self._file is not None
        return SpilledFiles(self._file)

    def _spill(self) -> None:
        if self._parquet is None:
            self._file = TemporaryFile(".parquet")
            self._parquet = pq.ParquetWriter(
                self._file.path, self._schema, compression="snappy", use_dictionary=False
            )
        with temporary_room():
            for batch in rebatched(self._held, self._schema):
                self._parquet.write_batch(batch)
        self._held, self._held_bytes = [], 0


def spill(batches: Iterable[pa.RecordBatch], schema: pa.Schema = FILE_SCHEMA) -> FileSet:
    """A FileSet of a stream that can be read only once."""
    writer = FileWriter(schema)
    for batch in batches:
        writer.write(batch)
    return writer.finish()


def rebatched(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of up to 16 MiB and `BATCH_ROWS` rows."""
    held: list[pa.RecordBatch] = []
    held_rows = held_bytes = 0
    for batch in batches:
        held.append(batch)
        held_rows += len(batch)
        held_bytes += batch.nbytes
        if held_rows >= BATCH_ROWS or held_bytes >= _GROUP_BYTES:
            yield from _combined(held, schema)
            held, held_rows, held_bytes = [], 0, 0
    yield from _combined(held, schema)


def _combined(batches: list[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    if len(batches) == 1 and len(batches[0]) <= BATCH_ROWS:
        yield batches[0]
    elif batches:
        table = pa.Table.from_batches(batches, schema=schema).combine_chunks()
        yield from table.to_batches(max_chunksize=BATCH_ROWS)


def parquet_batches(path: Path, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
    """Rows of a local Parquet file, holding one batch and a window of each column chunk."""
    with pq.ParquetFile(path, buffer_size=_READ_BYTES, pre_buffer=False) as file:
        yield from file.iter_batches(batch_size=BATCH_ROWS, columns=columns, use_threads=False)
