"""The key of a logical file, path and deletion vector, as 128 bits; sets of such keys.

A key is the hash of (canonical path, unique id of the deletion vector or nothing). Millions of
them fit in memory as two columns of integers, and a whole batch is looked up at once.
128 bits: among 100 M files two equal keys have a chance below 1 in 10^22.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from lakeferry.delta.paths import canonical_paths

Keys = npt.NDArray[np.uint64]  # shape (n, 2)
Mask = npt.NDArray[np.bool_]

NO_KEYS: Keys = np.empty((0, 2), dtype=np.uint64)


def vector_ids(vectors: pa.Array) -> pa.Array:
    """Unique ids of a `deletionVector` column, '' where there is none.

    Source: Delta protocol, "Deletion Vector Descriptor Schema", derived field `uniqueId`.
    """
    if vectors.null_count == len(vectors):
        return pa.repeat(pa.scalar("", pa.string()), len(vectors))
    offset = pc.binary_join_element_wise("@", pc.cast(vectors.field("offset"), pa.string()), "")
    ids = pc.binary_join_element_wise(
        vectors.field("storageType"),
        vectors.field("pathOrInlineDv"),
        pc.fill_null(offset, ""),
        "",
    )
    return pc.fill_null(pc.if_else(vectors.is_valid(), ids, ""), "")


def file_keys(batch: pa.RecordBatch, root: str) -> Keys:
    """Keys of a batch's rows, in order. It needs the columns `path` and `deletionVector`.

    `root` is `paths.canonical` of the table's root.
    """
    names = canonical_paths(batch.column("path"), root)
    joined = pc.binary_join_element_wise(names, vector_ids(batch.column("deletionVector")), "\0")
    return _digests(joined)


def _digests(strings: pa.Array) -> Keys:
    count = len(strings)
    if count == 0:
        return NO_KEYS
    _, offsets, data = strings.buffers()
    ends = np.frombuffer(offsets, np.int32)[strings.offset : strings.offset + count + 1].tolist()
    view = memoryview(data)
    digest: Any = xxhash.xxh3_128_digest
    joined = b"".join([digest(view[ends[i] : ends[i + 1]]) for i in range(count)])
    return np.frombuffer(joined, dtype=np.uint64).reshape(count, 2)


def sort_keys(keys: Keys, order: npt.NDArray[Any] | None = None) -> npt.NDArray[np.intp]:
    """Positions that sort `keys`, equal ones by `order`."""
    columns = (keys[:, 1], keys[:, 0])
    return np.lexsort(columns if order is None else (order, *columns))


def equal_to_next(keys: Keys) -> Mask:
    """For sorted keys: whether each but the last equals the one behind it."""
    equal: Mask = (keys[1:] == keys[:-1]).all(axis=1)
    return equal


class KeySet:
    """A growing set of keys: sorted runs, merged so that each is twice as long as the next."""

    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def __len__(self) -> int:
        return sum(len(run) for run in self._runs)

    def add(self, keys: Keys) -> None:
        """Put in `keys`; none of them may be in the set already, nor twice among them."""
        if len(keys) == 0:
            return
        run = keys[sort_keys(keys)]
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            merged = np.concatenate([self._runs.pop(), run])
            run = merged[sort_keys(merged)]
        self._runs.append(run)

    def contains(self, keys: Keys) -> Mask:
        """Which of `keys` are in the set."""
        found = np.zeros(len(keys), dtype=np.bool_)
        for run in self._runs:
            found |= _in_run(run, keys)
        return found


def _in_run(run: Keys, keys: Keys) -> Mask:
    high, low = np.ascontiguousarray(run[:, 0]), run[:, 1]
    at = np.searchsorted(high, keys[:, 0])
    found = np.zeros(len(keys), dtype=np.bool_)
    candidates = np.arange(len(keys))
    # Equal upper halves are all but impossible, but then the neighbours must be looked at too.
    while len(candidates):
        inside = at[candidates] < len(run)
        candidates = candidates[inside]
        candidates = candidates[high[at[candidates]] == keys[candidates, 0]]
        found[candidates] |= low[at[candidates]] == keys[candidates, 1]
        candidates = candidates[~found[candidates]]
        at[candidates] += 1
    return found
