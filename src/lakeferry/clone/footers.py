"""Row counts from Parquet footers, for files whose deletion vector needs them.

A file with a deletion vector must state `numRecords`. A checkpoint written without statistics may
have lost it; the file itself still knows.
"""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq

from lakeferry.clone.body import lacks_row_counts
from lakeferry.clone.plan import ClonePlan
from lakeferry.delta.paths import decode
from lakeferry.errors import FerryError
from lakeferry.store.protocol import Store

TAIL = 64 << 10  # bytes; holds nearly every footer


def footer_rows(plans: Iterable[ClonePlan], store: Store) -> dict[str, int]:
    """Logged path -> physical rows, read at the target, where the files are already."""
    found: dict[str, int] = {}
    for plan in plans:
        for batch in plan.state.batches():
            for path in lacks_row_counts(batch).column("path").to_pylist():
                found[path] = read_footer(store, decode(path)).num_rows
    return found


def read_footer(store: Store, path: str, *, size: int | None = None) -> pq.FileMetaData:
    """The footer of a Parquet file, in one or two ranged reads.

    `size`: of the file in bytes, where it is known; None: it is asked for.

    Raises:
        FerryError: LF-4103 where the file is no whole Parquet file.
        FileNotFoundError: there is none.
    """
    if size is None:
        meta = store.head(path)
        if meta is None:
            raise FileNotFoundError(path)
        size = meta.size
    start = max(0, size - TAIL)
    tail = b"".join(store.read(path, start=start, end=size))
    length = int.from_bytes(tail[-8:-4], "little") + 8
    if length > len(tail) and length <= size:
        tail = b"".join(store.read(path, start=size - length, end=size))
    try:
        return pq.read_metadata(pa.BufferReader(tail))
    except (pa.ArrowException, OSError) as error:
        raise FerryError(
            "LF-4103",
            f"`{path}` is no whole Parquet file: {error}",
            f"{store.url}, {size} bytes",
            "restore the file at the source, then run again",
        ) from error
