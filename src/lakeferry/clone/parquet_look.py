"""What a Parquet table holds now: its files listed, and the footers of those that are new."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from lakeferry.clone.footers import read_footer
from lakeferry.clone.parquet_folder import (
    Declared,
    Listed,
    Place,
    SourceFile,
    listed_by_path,
    listed_by_place,
)
from lakeferry.clone.parquet_schema import Field, fields_of, joined, plain_schema
from lakeferry.clone.surroundings import PlanAgain, Surroundings
from lakeferry.delta.actions import FILE_SCHEMA
from lakeferry.delta.file_stats import Leaf, Seen, file_stats, leaves_of
from lakeferry.delta.files import FileSet, FileWriter
from lakeferry.delta.paths import canonical, encode
from lakeferry.errors import FerryError
from lakeferry.store.protocol import ObjectMeta, Store
from lakeferry.workers import map_threads

STAT_COLUMNS = 32  # `delta.dataSkippingNumIndexedCols` where a table does not set it
YOUNG_S = 60  # a file that is not whole and younger than this is being written
ROWS_HELD = 4096


class Footer(NamedTuple):
    """What a file says of itself, as far as a commit needs it."""

    stats: str  # of its `add`
    schema: bytes  # JSON of its columns


@dataclass(frozen=True)
class Footers:
    """Of the files of a table, by where they land; kept from round to round."""

    known: dict[str, Footer]

    def columns(self, files: Iterable[SourceFile], before: Sequence[Field]) -> tuple[Field, ...]:
        """Of all the files and `before`. Raises LF-4110 where they do not fit together."""
        first: dict[bytes, str] = {}  # each schema -> the first file that has it
        for file in files:
            schema = self.known[file.lands].schema
            first[schema] = min(first.get(schema, file.lands), file.lands)
        paths = {file.lands: file.url or file.path for file in files}
        found = tuple(before)
        for schema, lands in sorted(first.items(), key=lambda one: one[1]):
            found = joined(found, orjson.loads(schema), paths[lands])
        return found

    def rows(self, files: Iterable[SourceFile], columns: Sequence[str]) -> FileSet:
        """The files as rows of FILE_SCHEMA."""
        writer = FileWriter(FILE_SCHEMA)
        held: list[dict[str, Any]] = []
        for file in files:
            held.append({
                "path": encode(file.lands),
                "partitionValues": list(zip(columns, file.values, strict=True)),
                "size": file.size,
                "modificationTime": file.modified_ms,
                "dataChange": True,
                "stats": self.known[file.lands].stats,
            })  # fmt: skip
            if len(held) >= ROWS_HELD:
                writer.write(pa.RecordBatch.from_pylist(held, FILE_SCHEMA))
                held = []
        writer.write(pa.RecordBatch.from_pylist(held, FILE_SCHEMA))
        return writer.finish()


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
    if not state.files:
        raise FerryError(
            "LF-2101",
            "the table has no Parquet file",
            f"{store.url}: {state.skipped_in_all} files are no part of a table",
            "check the path; a table that is empty on purpose is removed at the target by a person",
        )
    return state


def _of_places(
    places: Sequence[Place], around: Surroundings, jobs: int
) -> Iterator[tuple[Place, str, ObjectMeta]]:
    """The files of each partition; where a folder is gone there are none."""
    root = canonical(around.places.source.url)

    def listed(place: Place) -> list[tuple[Place, str, ObjectMeta]]:
        url = canonical(place.url)
        if url == root or url.startswith(f"{root}/"):
            metas = around.places.source.list(url[len(root) + 1 :], recursive=False)
            return [(place, "", meta) for meta in metas]
        store, folder = around.places.elsewhere(url)
        return [
            (place, f"{url}/{name}", replace(meta, path=name))
            for meta in store.list(folder, recursive=False)
            if (name := meta.path.rpartition("/")[2])
        ]

    with closing(map_threads(listed, places, count=jobs, stop=around.stop)) as answers:
        for answer in answers:
            yield from answer


def read_footers(
    files: Iterable[SourceFile], known: Footers, around: Surroundings, *, jobs: int
) -> None:
    """Read those that are not known yet.

    Raises:
        FerryError: LF-4103 a file is no Parquet file; LF-4110 a column that Delta does not have.
        PlanAgain: a file is gone, or still being written.
    """

    def read(file: SourceFile) -> tuple[str, Footer]:
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

    todo = [file for file in files if file.lands not in known.known]
    with closing(map_threads(read, todo, count=jobs, stop=around.stop)) as answers:
        for lands, footer in answers:
            known.known[lands] = footer
    around.heed_stop()


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
