"""Bring the keys of the rows that the table got within a window back into a worker's memory.

Needed where a worker begins in the middle of a stream, and where it is given a child of a shard
whose rows another worker read: a child is begun only when the end of its parents is committed, so
the table has all of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from lakeferry.delta.paths import below, canonical
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.ingest.dedup.key_hash import refuse_unfit
from lakeferry.ingest.dedup.window import Window, key_columns
from lakeferry.ingest.payload.rows import ARRIVAL_COLUMNS
from lakeferry.ingest.settings import DedupSettings
from lakeferry.ingest.worker.messages import ShardStart, TableForm
from lakeferry.store.protocol import Store
from lakeferry.store.seekable import Seekable

# Of whoever wrote `modificationTime`: it is compared with arrivals, which are by Kinesis' clock.
CLOCK_APART_MS = 15 * 60_000
_FILE_COLUMNS = ("path", "partitionValues", "size", "modificationTime", "stats")
_BATCH_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was read."""

    files: int
    rows: int
    elsewhere: int = 0  # files that lie outside of the table's folder, whose rows are not known


def remember(
    window: Window,
    settings: DedupSettings,
    store: Store,
    form: TableForm,
    starts: Sequence[ShardStart],
) -> Remembered:
    """Show a window the rows that the table has of what may come twice from these shards on.

    Args:
        window: of the worker; what it knows already stays.
        store: its root is the table's.
        starts: shards that are about to be read. Rows of all shards are taken, for a child's keys
            are those of its parents.

    Where the table does not say when its rows arrived, the time of the commit stands for it. Rows
    that were deleted since count as seen.

    Raises:
        FerryError: LF-7081 for a key column that the table has not; LF-4101, LF-4109 for a file
            that is gone or broken; what `read_snapshot` raises.
    """
    if not starts:
        return Remembered(0, 0)
    refuse_unfit(form.schema, settings.columns)
    columns = key_columns(settings.columns, form.schema.names)
    slowest_ms = min(one.place.read_until_ms for one in starts)
    since_ms = window.since_ms(slowest_ms)
    window.hold(slowest_ms)  # else the table's newest rows push out what the slowest shard needs
    arrival = next((one for one in ARRIVAL_COLUMNS if one in form.schema.names), None)
    root = canonical(store.url)
    files = rows = elsewhere = 0
    for file in _files(store, since_ms, arrival and form.physical.get(arrival, arrival)):
        path = below(file.path, root)
        if path is None:
            elsewhere += 1
            continue
        files += 1
        for keys, arrivals_ms in _rows(store, path, file, columns, form, arrival):
            late = arrivals_ms < since_ms
            known = keys if not late.any() else keys.filter(pa.array(~late))
            window.fresh(known, arrivals_ms[~late])
            rows += known.num_rows
    return Remembered(files, rows, elsewhere)


@dataclass(frozen=True, slots=True)
class _File:
    path: str  # as logged
    size: int
    modified_ms: int
    partition: dict[str, str | None]


def _files(store: Store, since_ms: int, arrival: str | None) -> Iterator[_File]:
    """Live files that may hold rows that arrived since, the oldest first."""
    found = []
    for batch in read_snapshot(store).files.batches(_FILE_COLUMNS):
        for path, partition, size, modified_ms, stats in zip(
            *(batch.column(name).to_pylist() for name in _FILE_COLUMNS), strict=True
        ):
            if modified_ms >= since_ms - CLOCK_APART_MS and may_hold(stats, arrival, since_ms):
                found.append(_File(path, size, modified_ms, dict(partition or ())))
    return iter(sorted(found, key=lambda one: (one.modified_ms, one.path)))


def may_hold(stats: str | None, arrival: str | None, since_ms: int) -> bool:
    """Whether rows of a file arrived since then: by the greatest arrival that the log tells of it.

    Args:
        stats: JSON of its `add`, where times are cut to milliseconds.
        arrival: column of the file.
    """
    try:
        greatest = orjson.loads(stats or "{}").get("maxValues", {}).get(arrival)
        moment = np.datetime64(str(greatest).removesuffix("Z").partition("+")[0], "ms")
    except (orjson.JSONDecodeError, AttributeError, ValueError):
        return True
    return greatest is None or int(moment.astype(np.int64)) + 1 >= since_ms


def _rows(
    store: Store,
    path: str,
    file: _File,
    columns: Sequence[str],
    form: TableForm,
    arrival: str | None,
) -> Iterator[tuple[pa.Table, npt.NDArray[np.int64]]]:
    """The key columns of a file's rows, and when each arrived."""
    wanted = dict.fromkeys([*columns, *([arrival] if arrival else [])])
    names = {name: form.physical.get(name, name) for name in wanted}
    try:
        body = pa.PythonFile(Seekable(store, path, file.size), mode="r")
        with pq.ParquetFile(body, pre_buffer=True) as opened:
            stored = [one for one in names.values() if one in opened.schema_arrow.names]
            for batch in opened.iter_batches(_BATCH_ROWS, columns=stored):
                rows = _logical(batch, names, file, form)
                yield rows.select(list(columns)), _arrivals(rows, arrival, file)
    except FileNotFoundError as error:
        raise _gone(store, path) from error
    except (pa.ArrowException, OSError) as error:
        raise _broken(store, path, error) from error


def _logical(
    batch: pa.RecordBatch, names: dict[str, str], file: _File, form: TableForm
) -> pa.Table:
    """The columns of a batch by the table's names and types; what it lacks is null."""
    arrays = {}
    for name, physical in names.items():
        kind = form.schema.field(name).type
        if physical in batch.schema.names:
            arrays[name] = batch.column(physical).cast(kind)
        else:
            value = file.partition.get(physical)
            arrays[name] = pa.repeat(pa.scalar(value, pa.string()), len(batch)).cast(kind)
    return pa.table(arrays)


def _arrivals(rows: pa.Table, arrival: str | None, file: _File) -> npt.NDArray[np.int64]:
    if arrival is None:
        return np.full(rows.num_rows, file.modified_ms, np.int64)
    told = rows.column(arrival).cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64())
    return np.asarray(told.fill_null(file.modified_ms).to_numpy(), np.int64)


def _gone(store: Store, path: str) -> FerryError:
    return FerryError(
        "LF-4101",
        f"`{path}` is not there",
        f"{store.url}: the log lists it as live, and it has rows within the window of doubles",
        "restore the file, or remove it from the table with FSCK REPAIR",
    )


def _broken(store: Store, path: str, error: Exception) -> FerryError:
    return FerryError(
        "LF-4109",
        f"the rows of `{path}` cannot be read: {error}",
        f"{store.url}: it has rows within the window of doubles",
        "restore the file, or ingest without a window",
    )
