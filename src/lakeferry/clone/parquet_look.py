"""What a Parquet table holds now: its files listed, and the footers of those that are new."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from lakeferry.clone.difference import Marked
from lakeferry.clone.footers import read_footer
from lakeferry.clone.parquet_folder import (
    Declared,
    Found,
    Listed,
    Place,
    listed_by_path,
    listed_by_place,
)
from lakeferry.clone.parquet_schema import Field, fields_of, joined, plain_schema
from lakeferry.clone.source_files import (
    HELD_BYTES,
    PathMarks,
    SourceFile,
    SourceFiles,
    blocks,
    marks_of,
)
from lakeferry.clone.surroundings import PlanAgain, Surroundings
from lakeferry.delta.actions import FILE_SCHEMA
from lakeferry.delta.file_stats import Leaf, Seen, file_stats, leaves_of
from lakeferry.delta.files import FileSet, FileWriter, JoinedFiles
from lakeferry.delta.keys import Mask
from lakeferry.delta.paths import canonical, decode, encode
from lakeferry.errors import FerryError
from lakeferry.store.protocol import Store
from lakeferry.workers import map_threads

STAT_COLUMNS = 32  # `delta.dataSkippingNumIndexedCols` where a table does not set it
YOUNG_S = 60  # a file that is not whole and younger than this is being written


class Footer(NamedTuple):
    """What a file says of itself, as far as a commit needs it."""

    stats: str  # of its `add`
    schema: bytes  # JSON of its columns


@dataclass(frozen=True)
class _Part:
    """Files whose footers were read."""

    rows: FileSet  # of FILE_SCHEMA
    schemas: npt.NDArray[np.int32]  # of each row the number of its schema


@dataclass
class Footers:
    """Of the files of a table; kept from round to round. Rows lie on disk where they are many."""

    columns_of: tuple[str, ...] = ()  # partition columns of the rows
    parts: list[_Part] = field(default_factory=list)
    numbers: dict[bytes, int] = field(default_factory=dict)  # schema -> its number
    first: dict[int, tuple[str, str]] = field(default_factory=dict)  # by name: lands, path

    def columns(self, files: SourceFiles, before: Sequence[Field]) -> tuple[Field, ...]:
        """Of all the files and `before`. Raises LF-4110 where they do not fit together."""
        lands = files.lands
        used = {int(one) for part, mask in self._of(lands) for one in np.unique(part.schemas[mask])}
        found = tuple(before)
        for schema, number in sorted(self.numbers.items(), key=lambda one: self.first[one[1]]):
            if number in used:
                found = joined(found, orjson.loads(schema), self.first[number][1])
        return found

    def rows(self, files: SourceFiles) -> FileSet:
        """The files as rows of FILE_SCHEMA."""
        lands = files.lands
        return JoinedFiles([Marked(part.rows, mask) for part, mask in self._of(lands)])

    def lacking(self, files: SourceFiles, columns: tuple[str, ...]) -> SourceFiles:
        """Those that were not read yet, for a table with these partition columns."""
        if columns != self.columns_of:
            self.columns_of, self.parts = columns, []
        known = marks_of(path for part in self.parts for path in _paths(part.rows))
        return files.less(known)

    def take(self, files: Sequence[SourceFile], footers: Mapping[str, Footer]) -> "_Read":
        """Rows and schemas of files, in their order."""
        numbers = []
        for file in files:
            schema = footers[file.lands].schema
            number = self.numbers.setdefault(schema, len(self.numbers))
            named = (file.lands, file.url or file.path)
            self.first[number] = min(self.first.get(number, named), named)
            numbers.append(number)
        return _Read(_rows(files, self.columns_of, footers), numbers)

    def _of(self, lands: PathMarks) -> Iterator[tuple[_Part, Mask]]:
        for part in self.parts:
            masks = [lands.has(block) for block in blocks(_paths(part.rows))]
            yield part, np.concatenate(masks) if masks else np.zeros(0, np.bool_)


class _Read(NamedTuple):
    rows: pa.RecordBatch
    schemas: list[int]


def _paths(rows: FileSet) -> Iterator[str]:
    """Where they land."""
    for batch in rows.batches(["path"]):
        yield from map(decode, batch.column(0).to_pylist())


def _rows(
    files: Sequence[SourceFile], columns: Sequence[str], footers: Mapping[str, Footer]
) -> pa.RecordBatch:
    held = [
        {
            "path": encode(file.lands),
            "partitionValues": list(zip(columns, file.values, strict=True)),
            "size": file.size,
            "modificationTime": file.modified_ms,
            "dataChange": True,
            "stats": footers[file.lands].stats,
        }
        for file in files
    ]
    return pa.RecordBatch.from_pylist(held, FILE_SCHEMA)


def list_state(declared: Declared, around: Surroundings, *, jobs: int) -> Listed:
    """The table as it is now.

    Raises:
        FerryError: LF-2101 it has no file; LF-4111 its partitions do not fit together.
    """
    store = around.places.source
    if declared.places is None:
        state = listed_by_path(store.list(""), declared, url=store.url)
    else:
        state = listed_by_place(_of_places(declared.places, around, jobs), declared, url=store.url)
    around.heed_stop()
    if not len(state.files):
        raise FerryError(
            "LF-2101",
            "the table has no Parquet file",
            f"{store.url}: {state.skipped_in_all} files are no part of a table",
            "check the path; a table that is empty on purpose is removed at the target by a person",
        )
    return state


def _of_places(places: Sequence[Place], around: Surroundings, jobs: int) -> Iterator[Found]:
    """The files of each partition, and of none those further below; of a folder that is gone none.

    Hive leaves deeper files out or reads them, by a setting: whoever moves a table shall know.
    """
    root = canonical(around.places.source.url)
    folders = {canonical(place.url) for place in places}

    def listed(place: Place) -> list[Found]:
        url = canonical(place.url)
        is_inside = url == root or url.startswith(f"{root}/")
        store, folder = around.places.source, url[len(root) + 1 :]
        if not is_inside:
            store, folder = around.places.elsewhere(url)
        found: list[Found] = []
        for meta in store.list(folder):
            name = meta.path[len(folder) + 1 :] if folder else meta.path
            above, deeper, last = name.rpartition("/")
            if deeper:  # of another partition, or of none: readers differ about such folders
                own = accumulate(above.split("/"), "{}/{}".format)
                if folders.isdisjoint(f"{url}/{one}" for one in own):
                    found.append((None, "" if is_inside else f"{url}/{name}", meta))
            elif is_inside:
                found.append((place, "", meta))
            else:
                found.append((place, f"{url}/{last}", replace(meta, path=last)))
        return found

    with closing(map_threads(listed, places, count=jobs, stop=around.stop)) as answers:
        for answer in answers:
            yield from answer


def read_footers(
    files: SourceFiles,
    columns: tuple[str, ...],
    known: Footers,
    around: Surroundings,
    *,
    jobs: int,
) -> None:
    """Read those that are not known yet, a block at a time; what was read is kept in any case.

    Raises:
        FerryError: LF-4103 a file is no Parquet file; LF-4110 a column that Delta does not have.
        PlanAgain: a file is gone, or still being written.
    """
    todo = known.lacking(files, columns)
    writer, schemas = FileWriter(FILE_SCHEMA, spill_bytes=HELD_BYTES), list[npt.NDArray[np.int32]]()
    read = partial(_footer_of, around=around)
    try:
        for block in blocks(todo):
            with closing(map_threads(read, block, count=jobs, stop=around.stop)) as answers:
                found = dict(answers)
            around.heed_stop()
            rows, numbers = known.take(block, found)
            writer.write(rows)
            schemas.append(np.array(numbers, np.int32))
    finally:
        if schemas:
            known.parts.append(_Part(writer.finish(), np.concatenate(schemas)))
    around.heed_stop()


def _footer_of(file: SourceFile, around: Surroundings) -> tuple[str, Footer]:
    store, path = _where(file, around)
    try:
        footer = read_footer(store, path, size=file.size)
    except FileNotFoundError as error:
        raise PlanAgain(f"`{path}` was gone", gone=frozenset({file.lands})) from error
    except FerryError as error:
        if error.code in ("LF-4103", "LF-1004") and _moves(store, path, file):
            raise PlanAgain(f"`{path}` is being written") from error
        raise
    schema = orjson.dumps(fields_of(footer, file.url or file.path))
    return file.lands, Footer(_stats(footer), schema)


def _where(file: SourceFile, around: Surroundings) -> tuple[Store, str]:
    return around.places.elsewhere(file.url) if file.url else (around.places.source, file.path)


def _moves(store: Store, path: str, file: SourceFile) -> bool:
    """Whether a file that is not whole is another by now, or so young that it will be."""
    now = store.head(path)
    if now is None or (now.size, now.e_tag) != (file.size, file.e_tag):
        return True
    return time.time() - (now.modified_ms or 0) / 1000 < YOUNG_S


def _stats(footer: pq.FileMetaData) -> str:
    schema = plain_schema(footer)
    leaves: tuple[Leaf, ...] = leaves_of(schema, schema.names[:STAT_COLUMNS], _NO_OTHER_NAMES)
    # Whether a number is NaN no footer says, and to some readers NaN is above all of them.
    floats = {leaf.path for leaf in leaves if pa.types.is_floating(leaf.kind)}
    return file_stats(footer, leaves, Seen(with_nan=floats))


_NO_OTHER_NAMES: Mapping[str, str] = {}
