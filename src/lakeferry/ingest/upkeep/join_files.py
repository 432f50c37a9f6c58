"""Rows of several files into one, unchanged and in their order, a row group at a time.

Files keep physical names and field ids; columns that an older file lacks become null, as readers
take them to be.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lakeferry.delta.actions import Metadata
from lakeferry.delta.files import TemporaryFile, temporary_room
from lakeferry.delta.paths import safe_relative
from lakeferry.delta.table_schema import arrow_schema, table_schema
from lakeferry.errors import FerryError
from lakeferry.ingest.files.data_file import Bounds, OpenFiles, upload
from lakeferry.ingest.files.file_form import physical_form
from lakeferry.ingest.files.partition import folder
from lakeferry.ingest.table.fit import table_form
from lakeferry.ingest.upkeep.compact import Join
from lakeferry.ingest.worker.messages import DataFile, TableForm
from lakeferry.store.protocol import Store

# Twice those of an ingest: scanning a large file is the faster the fewer row groups it has.
_BOUNDS = Bounds(group_rows=131_072, group_bytes=64 << 20)


def joined_form(url: str, metadata: Metadata, name: str) -> TableForm:
    """The form of files that hold all that a table has, with its physical names as names.

    Raises:
        FerryError: LF-7041, LF-7042 as `table_form` does: a column has a rule.
    """
    columns = table_schema(metadata.schema_string, metadata.configuration).columns
    return physical_form(table_form(url, metadata, arrow_schema(columns), (), name))


def join_files(store: Store, join: Join, form: TableForm) -> DataFile:
    """Write and upload the one file that holds the rows of all of them.

    Args:
        form: of `joined_form`.

    Raises:
        FerryError: LF-7032 a file is gone; LF-5101 the disk is full; what the store raises.
        pa.ArrowInvalid: a file is no Parquet, or its types are others.
    """
    files = OpenFiles(form, _BOUNDS)
    try:
        for small in join.files:
            for rows in _row_groups(store, safe_relative(small.path, store.url)):
                files.append(rows)
        (closed,) = files.close()
    finally:
        files.discard()
    place = folder(join.partition)
    target = f"{place}/{closed.target}" if place else closed.target
    return upload(store, replace(closed, target=target, partition=join.partition))


def _row_groups(store: Store, path: str) -> Iterator[pa.Table]:
    """Through a file of this machine: small reads from a store are dear."""
    copy = TemporaryFile(".parquet")
    _download(store, path, copy.path)
    with pq.ParquetFile(copy.path, pre_buffer=False) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, use_threads=False)


def _download(store: Store, path: str, to: Path) -> None:
    try:
        with temporary_room(), to.open("wb") as file:
            for chunk in store.read(path):
                file.write(chunk)
    except FileNotFoundError as error:
        raise FerryError(
            "LF-7032",
            "a file that was to be joined with others is not there",
            f"{store.url}/{path}",
            "nothing if another writer removed it from the table; else restore it from a backup",
        ) from error
