"""Strength `rows`: an order-free digest of every logical row, source against target."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from lakeferry.clone.landing import land_batch
from lakeferry.delta.paths import canonical_paths
from lakeferry.errors import FerryError
from lakeferry.verify.digest import Digest, combine, digest_batches
from lakeferry.verify.findings import Findings, differs
from lakeferry.verify.read_rows import LiveFile, RowReader, row_reader
from lakeferry.verify.sample import WHOLE
from lakeferry.verify.sides import Sides
from lakeferry.workers import map_threads

ROW_CHECKS = ("rows",)
ROW_JOBS = 8  # files decoded at once: each may hold a row group in memory
_COLUMNS = ["path", "partitionValues", "size", "deletionVector"]


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A live file, and the name by which both sides know it."""

    name: str  # path at the target
    file: LiveFile


@dataclass(frozen=True, slots=True)
class Read:
    """The rows of one file."""

    name: str
    digest: Digest | None  # None: it cannot be read
    error: FerryError | None = None


@dataclass
class SideDigest:
    """All rows of one side, and of each file as much as tells it from another: 24 bytes."""

    whole: Digest
    names: "array[int]" = field(default_factory=lambda: array("Q"))
    wholes: "array[int]" = field(default_factory=lambda: array("Q"))
    rows: "array[int]" = field(default_factory=lambda: array("Q"))
    failed: list[Read] = field(default_factory=list)

    def add(self, read: Read) -> None:
        if read.digest is None:
            self.failed.append(read)
            return
        self.whole = combine([self.whole, read.digest])
        self.names.append(_hash(read.name))
        self.wholes.append(_hash(read.digest.whole))
        self.rows.append(read.digest.rows)


def _hash(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode())


@dataclass(frozen=True)
class RowSides:
    """How to read the rows of both sides."""

    sides: Sides
    source: RowReader
    target: RowReader


def open_rows(sides: Sides) -> RowSides:
    """Readers of both sides. Raises FerryError LF-4109 for a type that we cannot read."""
    source = row_reader(sides.source_store, sides.source, elsewhere=sides.source_place)
    target = row_reader(sides.target_store, sides.target, elsewhere=sides.target_elsewhere)
    return RowSides(sides, source, target)


def compare_rows(sides: Sides, findings: Findings, *, jobs: int) -> tuple[Digest, Digest | None]:
    """Compare the digests of all rows of the sample's files.

    Where they differ, name columns, partitions and files.

    Returns:
        The digests of source and target; None where a file of the target cannot be read.

    Raises:
        FerryError: the source's rows cannot be read.
    """
    readers = open_rows(sides)
    source = _digest_side(readers.source, _source_files(sides), jobs)
    if source.failed:
        raise _error(source.failed[0])
    target = _digest_side(readers.target, _target_files(sides), jobs)
    for read in target.failed:
        findings.add("rows", f"cannot be read: {_error(read).what}", read.name)
    if source.whole != target.whole:
        digests = differs("digest", source.whole.whole, target.whole.whole)
        findings.add("rows", f"{_summary(source.whole, target.whole)}; {digests}")
        _name_files(readers, source, target, findings, jobs)
    return source.whole, None if target.failed else target.whole


def digest_target(sides: Sides, *, jobs: int) -> Digest:
    """The digest of all the target's rows by our own reader. Raises FerryError where it cannot."""
    whole = replace(sides, sample=WHOLE)
    found = _digest_side(open_rows(whole).target, _target_files(whole), jobs)
    if found.failed:
        raise _error(found.failed[0])
    return found.whole


def _error(read: Read) -> FerryError:
    assert read.error is not None
    return read.error


def _digest_side(reader: RowReader, files: Iterable[NamedFile], jobs: int) -> SideDigest:
    def task(named: NamedFile) -> Read:
        return digest_file(reader, named)

    side = SideDigest(digest_batches(reader.schema, ()))
    for read in map_threads(task, files, count=min(jobs, ROW_JOBS)):
        side.add(read)
    return side


def digest_file(reader: RowReader, named: NamedFile) -> Read:
    """The digest of one file's live rows."""
    try:
        return Read(named.name, digest_batches(reader.schema, reader.read(named.file)))
    except FerryError as error:
        if not error.code.startswith("LF-41"):
            raise
        return Read(named.name, None, error)


def _source_files(sides: Sides) -> Iterator[NamedFile]:
    for batch in sides.source.files.batches(_COLUMNS):
        yield from _named(batch, land_batch(batch, sides.roots).column("path"), sides)


def _target_files(sides: Sides) -> Iterator[NamedFile]:
    for batch in sides.target.files.batches(_COLUMNS):
        yield from _named(batch, batch.column("path"), sides)


def _named(batch: pa.RecordBatch, paths: pa.Array, sides: Sides) -> Iterator[NamedFile]:
    names = canonical_paths(paths, sides.target_root).to_pylist()
    rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
    for name, (path, values, size, vector) in zip(names, rows, strict=True):
        if sides.sample.takes(name):
            yield NamedFile(name, LiveFile(path, size, dict(values or ()), vector))


def _summary(source: Digest, target: Digest) -> str:
    """In what two digests differ, in words."""
    columns = ", ".join(f"`{name}`" for name in source.differences(target))
    rows = (
        f"{source.rows:,} rows on both sides"
        if source.rows == target.rows
        else f"{source.rows:,} rows at the source, {target.rows:,} at the target"
    )
    return f"{rows}; columns that differ: {columns}" if columns else rows


def _name_files(
    readers: RowSides, source: SideDigest, target: SideDigest, findings: Findings, jobs: int
) -> None:
    """Read once more the files of one name that differ, and say in what.

    Files that only one side names are told by the comparison of the logs.
    """
    names, here = _sorted(source), _sorted(target)
    both, mine, other = np.intersect1d(names[0], here[0], return_indices=True)
    wrong = (names[1][mine] != here[1][other]) | (names[2][mine] != here[2][other])
    marks = both[wrong]
    if not len(marks):
        return
    looked = marks[:100]
    there = {_hash(named.name): named for named in _marked(_target_files(readers.sides), looked)}

    def compare(named: NamedFile) -> tuple[NamedFile, Read, Read]:
        theirs = there[_hash(named.name)]
        return named, digest_file(readers.source, named), digest_file(readers.target, theirs)

    pairs = _marked(_source_files(readers.sides), looked)
    for named, one, two in map_threads(compare, pairs, count=min(jobs, ROW_JOBS)):
        if one.digest is not None and two.digest is not None:
            text = f"{_partition(named.file)}{_summary(one.digest, two.digest)}"
            findings.add("rows", text, named.name)
    if len(marks) > len(looked):
        findings.add_more("rows", len(marks) - len(looked))


def _sorted(side: SideDigest) -> tuple[npt.NDArray[np.uint64], ...]:
    columns = [np.array(column, np.uint64) for column in (side.names, side.wholes, side.rows)]
    order = np.argsort(columns[0], kind="stable")
    return tuple(column[order] for column in columns)


def _marked(files: Iterable[NamedFile], marks: npt.NDArray[np.uint64]) -> Iterator[NamedFile]:
    wanted = {int(mark) for mark in marks}
    return (named for named in files if _hash(named.name) in wanted)


def _partition(file: LiveFile) -> str:
    if not file.partition_values:
        return ""
    values = "/".join(f"{name}={value}" for name, value in file.partition_values.items())
    return f"partition {values}: "
