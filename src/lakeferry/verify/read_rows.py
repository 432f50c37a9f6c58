"""The rows of a table as its readers should see them: our own reader.

File by file and row group by row group, so memory holds one row group of the columns asked for.
Deletion vectors, partition values, column mapping, added and widened columns are all applied; see
`row_values` for what a file may hold. Rows come in the order of the log and of the files.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from lakeferry.delta.deletion_vector import (
    file_range,
    parse_descriptor,
    parse_inline,
    parse_stored,
    relative_file,
)
from lakeferry.delta.paths import below, canonical, canonical_key
from lakeferry.delta.snapshot import Snapshot
from lakeferry.delta.table_schema import Column, TableSchema, arrow_schema, arrow_type, table_schema
from lakeferry.errors import FerryError
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store
from lakeferry.store.seekable import Seekable
from lakeferry.verify.row_values import Misfit, conform, find_field, has_field_ids, partition_value

_WHOLE_BYTES = 8 << 20  # a file up to this size is read at once: one request, not three
_FILE_COLUMNS = ("path", "partitionValues", "size", "deletionVector")

Elsewhere = Callable[[str], tuple[Store, str]]  # absolute URI -> a store and the key in it


@dataclass(frozen=True, slots=True)
class LiveFile:
    """What the log says of one live file, as far as a reader needs it."""

    path: str  # as logged
    size: int  # bytes
    partition_values: Mapping[str, str | None]  # by physical name
    deletion_vector: Mapping[str, Any] | None  # the descriptor as logged


@dataclass(frozen=True, slots=True)
class RowReader:
    """Reads any live file of one snapshot; `read` may run in many threads at once."""

    store: Store
    root: str  # canonical URL of the table
    columns: tuple[Column, ...]  # those asked for, in the order of the schema
    partitioned_by: frozenset[str]  # logical names
    by_id: bool  # match by Parquet field id
    batch_rows: int
    elsewhere: Elsewhere

    @property
    def schema(self) -> pa.Schema:
        return arrow_schema(self.columns)

    def read(self, file: LiveFile) -> Iterator[pa.RecordBatch]:
        """The live rows of one file.

        Raises:
            FerryError LF-4101: the file or its deletion vector is not there.
            FerryError LF-4103: it has another size than the log says.
            FerryError LF-4109: it is no Parquet file, or not one of this schema.
        """
        try:
            yield from self._live_rows(file)
        except FileNotFoundError as error:
            raise _missing(file, self.root) from error
        except (Misfit, pa.ArrowException, OSError) as error:
            raise _unreadable(file, self.root, error) from error

    def _live_rows(self, file: LiveFile) -> Iterator[pa.RecordBatch]:
        constants = {
            column.name: _constant(file, column)
            for column in self.columns
            if column.name in self.partitioned_by
        }
        deleted = self._deleted(file)
        start = 0
        for stored in self._stored(file):
            keep = _kept(deleted, start, stored.num_rows)
            start += stored.num_rows
            live = stored if keep is None else stored.filter(keep)
            if live.num_rows:
                yield self._logical(live, constants)

    def _deleted(self, file: LiveFile) -> npt.NDArray[np.uint64] | None:
        """Places of the rows that a deletion vector takes away, ascending; None: no vector."""
        if file.deletion_vector is None:
            return None
        vector = parse_descriptor(file.deletion_vector)
        if vector.storage_type == "i":
            return parse_inline(vector)
        key = relative_file(vector)
        store, key = self._place(vector.path_or_inline_dv) if key is None else (self.store, key)
        start, end = file_range(vector)
        return parse_stored(vector, b"".join(store.read(key, start=start, end=end)))

    def _stored(self, file: LiveFile) -> Iterator[pa.RecordBatch]:
        """All rows as the file has them, of the columns that it has and that we want."""
        with self._open(file) as parquet:
            fields = parquet.schema_arrow
            by_id = self.by_id and has_field_ids(fields)
            places = [
                find_field(fields, column, by_id=by_id)
                for column in self.columns
                if column.name not in self.partitioned_by
            ]
            names = [fields.field(place).name for place in places if place is not None]
            for group in range(parquet.metadata.num_row_groups):
                if names:
                    yield from parquet.iter_batches(self.batch_rows, [group], columns=names)
                else:
                    yield from _rows_without_columns(
                        parquet.metadata.row_group(group).num_rows, self.batch_rows
                    )

    def _logical(
        self, stored: pa.RecordBatch, constants: Mapping[str, pa.Scalar]
    ) -> pa.RecordBatch:
        """The table's own columns, made of a file's."""
        rows = stored.num_rows
        by_id = self.by_id and has_field_ids(stored.schema)
        arrays = []
        for column in self.columns:
            if column.name in constants:
                arrays.append(pa.repeat(constants[column.name], rows))
                continue
            place = find_field(stored.schema, column, by_id=by_id)
            arrays.append(
                pa.nulls(rows, arrow_type(column.kind))
                if place is None
                else _conform_column(stored.column(place), column, by_id=by_id)
            )
        # A struct array knows its length also when a table has no columns at all.
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema) if arrays else stored

    def _open(self, file: LiveFile) -> pq.ParquetFile:
        store, key = self._place(file.path)
        return pq.ParquetFile(
            _source(store, key, file), coerce_int96_timestamp_unit="us", pre_buffer=True
        )

    def _place(self, path: str) -> tuple[Store, str]:
        key = below(path, self.root)
        return (self.store, key) if key is not None else self.elsewhere(path)


def _constant(file: LiveFile, column: Column) -> pa.Scalar:
    try:
        return partition_value(file.partition_values.get(column.physical), arrow_type(column.kind))
    except Misfit as error:
        raise Misfit(f"column `{column.name}`: {error}") from error


def _conform_column(array: pa.Array, column: Column, *, by_id: bool) -> pa.Array:
    try:
        return conform(array, column.kind, by_id=by_id)
    except Misfit as error:
        raise Misfit(f"column `{column.name}`: {error}") from error


def _kept(deleted: npt.NDArray[np.uint64] | None, start: int, rows: int) -> pa.BooleanArray | None:
    """Which of the rows [start, start + rows) of a file live; None: all."""
    if deleted is None:
        return None
    low, high = np.searchsorted(deleted, np.array([start, start + rows], dtype=np.uint64))
    if low == high:
        return None
    keep = np.ones(rows, dtype=np.bool_)
    keep[(deleted[low:high] - np.uint64(start)).astype(np.int64)] = False
    return pa.array(keep)


def _rows_without_columns(rows: int, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Batches that have rows but no column: all that matters of a file is how many it holds."""
    for start in range(0, rows, batch_rows):
        empty = pa.array([{}], pa.struct([])).take(pa.repeat(0, min(batch_rows, rows - start)))
        yield pa.RecordBatch.from_struct_array(empty)


def _source(store: Store, key: str, file: LiveFile) -> pa.NativeFile:
    if file.size > _WHOLE_BYTES:
        return pa.PythonFile(Seekable(store, key, file.size), mode="r")
    body = b"".join(store.read(key))
    if len(body) != file.size:
        raise FerryError(
            "LF-4103",
            f"`{file.path}` has {len(body)} bytes; the log says {file.size}",
            f"{store.url}/{key}",
            "restore the file at the source, or remove it from the table",
        )
    return pa.BufferReader(body)


def _missing(file: LiveFile, root: str) -> FerryError:
    return FerryError(
        "LF-4101",
        f"`{file.path}` or its deletion vector is not there",
        f"{root}: the log lists it as live",
        "restore the file, or remove it from the table with FSCK REPAIR",
    )


def _unreadable(file: LiveFile, root: str, error: Exception) -> FerryError:
    return FerryError(
        "LF-4109",
        f"the rows of `{file.path}` cannot be read: {error}",
        f"{root}: a live file of {file.size} bytes",
        "compare files instead of rows with --strength hashed, or rewrite the file at the source",
    )


def row_reader(
    store: Store,
    snapshot: Snapshot,
    *,
    columns: Sequence[str] | None = None,
    batch_rows: int = 65_536,
    elsewhere: Elsewhere | None = None,
) -> RowReader:
    """A reader of the files of `snapshot`, for those who share out the files themselves.

    Args:
        columns: logical names of top-level columns; None: all.
        batch_rows: no batch has more rows.
        elsewhere: finds a file that the log names by an absolute path outside the table; None:
            it is opened where the path says, with no options.

    Raises:
        KeyError: `columns` names none of the table's.
    """
    schema = _schema(snapshot)
    wanted = set(columns) if columns is not None else {column.name for column in schema.columns}
    chosen = tuple(column for column in schema.columns if column.name in wanted)
    if unknown := wanted - {column.name for column in chosen}:
        raise KeyError(f"the table has no column {sorted(unknown)}")
    root = canonical(snapshot.url)
    return RowReader(
        store=store,
        root=root,
        columns=chosen,
        partitioned_by=_partition_columns(snapshot, schema),
        by_id=schema.by_id,
        batch_rows=batch_rows,
        elsewhere=elsewhere or _open_elsewhere(root),
    )


def _open_elsewhere(root: str) -> Elsewhere:
    """Opens the folder of a file that an absolute path names; one store a folder."""

    @cache
    def folder(url: str) -> Store:
        return open_store(url)

    def find(uri: str) -> tuple[Store, str]:
        # A path without a scheme lies in the file system of the table itself.
        place = canonical_key(uri, root)
        parent, _, name = place.rpartition("/")
        return folder(parent.removeprefix("file://")), name

    return find


def _partition_columns(snapshot: Snapshot, schema: TableSchema) -> frozenset[str]:
    """By the names of the schema: the two lists may differ in case."""
    lower = {name.lower() for name in snapshot.metadata.partition_columns}
    return frozenset(column.name for column in schema.columns if column.name.lower() in lower)


def _schema(snapshot: Snapshot) -> TableSchema:
    return table_schema(snapshot.metadata.schema_string, snapshot.metadata.configuration)


def logical_schema(snapshot: Snapshot) -> pa.Schema:
    """The Arrow schema in which `read_rows` gives the rows of `snapshot`."""
    return arrow_schema(_schema(snapshot).columns)


def live_files(snapshot: Snapshot) -> Iterator[LiveFile]:
    """The files of `snapshot`, as `RowReader.read` takes them."""
    for batch in snapshot.files.batches(_FILE_COLUMNS):
        for path, values, size, vector in zip(
            *(column.to_pylist() for column in batch.columns), strict=True
        ):
            yield LiveFile(path, size, dict(values or ()), vector)


def read_rows(
    store: Store,
    snapshot: Snapshot,
    *,
    columns: Sequence[str] | None = None,
    batch_rows: int = 65_536,
    elsewhere: Elsewhere | None = None,
) -> Iterator[pa.RecordBatch]:
    """All live rows of `snapshot` in batches of `logical_schema`; arguments as `row_reader`'s."""
    reader = row_reader(
        store, snapshot, columns=columns, batch_rows=batch_rows, elsewhere=elsewhere
    )
    for file in live_files(snapshot):
        yield from reader.read(file)
