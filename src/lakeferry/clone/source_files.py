"""The files of a listing, too many to hold as objects: columns that spill to disk, and marks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from lakeferry.clone.difference import Marked
from lakeferry.delta.files import FileSet, FileWriter
from lakeferry.delta.keys import Mask

BLOCK = 4096  # files that are objects at once
HELD_BYTES = 16 << 20  # of a listing; a clone holds four of them, and one of 64 MiB for its rows
_WIDTH = 16  # bytes of a mark
Item = TypeVar("Item")


class SourceFile(NamedTuple):
    """One file of the table, and where it lands. Paths are decoded."""

    path: str  # at the source, below the table's folder; or below `url`
    url: str  # decoded URL of the file, where it lies elsewhere; '' below the table's folder
    size: int  # bytes
    e_tag: str | None
    modified_ms: int
    values: tuple[str | None, ...]  # of the partition columns, as Delta states them
    lands: str  # below the target's root


_SCHEMA = pa.schema([
    ("path", pa.string()), ("url", pa.string()), ("size", pa.int64()), ("e_tag", pa.string()),
    ("modified_ms", pa.int64()), ("values", pa.list_(pa.string())), ("lands", pa.string()),
])  # fmt: skip


def blocks(items: Iterable[Item], size: int = BLOCK) -> Iterator[list[Item]]:
    """Lists of up to `size`, none of them empty."""
    left = iter(items)
    while block := list(islice(left, size)):
        yield block


@dataclass(frozen=True)
class PathMarks:
    """A set of paths as hashes: 16 bytes each, sorted."""

    marks: npt.NDArray[np.bytes_]

    def has(self, paths: Sequence[str]) -> Mask:
        """Of each whether it is in the set."""
        asked = _marks(paths)
        if not len(self.marks):
            return np.zeros(len(asked), np.bool_)
        at = np.minimum(np.searchsorted(self.marks, asked), len(self.marks) - 1)
        return np.asarray(self.marks[at] == asked, np.bool_)

    def __len__(self) -> int:
        return len(self.marks)


def marks_of(paths: Iterable[str]) -> PathMarks:
    """The set of these; equal ones are one."""
    parts = [_marks(block) for block in blocks(paths)]
    return PathMarks(np.unique(np.concatenate(parts)) if parts else _marks(()))


def _marks(paths: Sequence[str]) -> npt.NDArray[np.bytes_]:
    digests = [xxhash.xxh3_128_digest(one.encode("utf-8", "surrogateescape")) for one in paths]
    return np.array(digests, f"S{_WIDTH}")


@dataclass(frozen=True)
class SourceFiles:
    """Files in one order, read again and again; a block of them are objects at a time."""

    columns: FileSet  # rows of _SCHEMA
    count: int
    bytes: int

    def __iter__(self) -> Iterator[SourceFile]:
        for batch in self.columns.batches():
            for rows in blocks(range(batch.num_rows)):
                part = batch.slice(rows[0], len(rows))
                path, url, size, e_tag, modified, values, lands = (
                    column.to_pylist() for column in part.columns
                )
                yield from map(
                    SourceFile, path, url, size, e_tag, modified, map(tuple, values), lands
                )

    def __len__(self) -> int:
        return self.count

    @property
    def lands(self) -> PathMarks:
        """Where they land."""
        return marks_of(
            path
            for batch in self.columns.batches(["lands"])
            for path in batch.column(0).to_pylist()
        )

    def less(self, there: PathMarks) -> "SourceFiles":
        """Those that do not land where something of the set lies."""
        keep, count, size = [np.zeros(0, np.bool_)], 0, 0
        for batch in self.columns.batches(["lands", "size"]):
            mask = ~there.has(batch.column("lands").to_pylist())
            keep.append(mask)
            count += int(mask.sum())
            size += int(np.asarray(batch.column("size"))[mask].sum())
        return SourceFiles(Marked(self.columns, np.concatenate(keep)), count, size)


def collected(files: Iterable[SourceFile]) -> SourceFiles:
    """All of them, read once."""
    writer, size = FileWriter(_SCHEMA, spill_bytes=HELD_BYTES), 0
    for block in blocks(files):
        size += sum(one.size for one in block)
        columns = zip(*block, strict=True)
        arrays = [pa.array(each, one.type) for each, one in zip(columns, _SCHEMA, strict=True)]
        writer.write(pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA))
    return SourceFiles(writer.finish(), writer.rows, size)
