"""What must change in one set of files to make it another: by key, then by content. Pure.

Both sets are read once, batch by batch. Of every file only hashes stay in memory (16 bytes of key,
16 of path, 16 of content), so a million files are some 100 MB and never become Python objects.
The key of a logical file is its path and its deletion vector's unique id (Delta protocol, "Add
File and Remove File").
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from lakeferry.delta.actions import FILE_SCHEMA
from lakeferry.delta.files import FileSet, logical_keys
from lakeferry.delta.json_lines import add_lines
from lakeferry.delta.paths import canonical_paths

Mask = npt.NDArray[np.bool_]
HASH = pa.binary(16)


@dataclass(frozen=True)
class Marked:
    """The files of a set whose row is marked. The set yields equal rows each time it is read."""

    files: FileSet
    mask: Mask  # one flag for each row of `files`, in its order

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        at = 0
        for batch in self.files.batches(columns):
            here = self.mask[at : at + batch.num_rows]
            at += batch.num_rows
            if here.all():
                yield batch
            elif here.any():
                yield batch.filter(pa.array(here))


@dataclass(frozen=True)
class Difference:
    """What makes the target's files equal the source's."""

    added: Mask  # rows of the source whose key the target lacks
    restated: Mask  # rows of the source that the target has with other tags, stats, row ids, ...
    present: Mask  # rows of the source whose data file is live at the target, if by another vector
    removed: Mask  # rows of the target whose key the source lacks

    @property
    def is_empty(self) -> bool:
        return not (self.added.any() or self.restated.any() or self.removed.any())


@dataclass(frozen=True)
class _Prints:
    keys: pa.ChunkedArray  # 16 bytes a row
    paths: pa.ChunkedArray  # 16 bytes a row
    contents: npt.NDArray[np.uint64]  # of all fields but path, vector, dataChange and stats
    stats: npt.NDArray[np.uint64]  # 0: none


def _hash_texts(texts: Sequence[bytes]) -> npt.NDArray[np.uint64]:
    return np.fromiter(map(xxhash.xxh3_64_intdigest, texts), np.uint64, len(texts))


def _sorted_maps(maps: pa.MapArray) -> pa.MapArray:
    """The same maps with their keys in order: two writers may state one map in two orders."""
    offsets = maps.offsets.to_numpy()
    lengths = np.diff(offsets)
    if not len(lengths) or lengths.max() < 2:
        return maps
    start, count = int(offsets[0]), int(offsets[-1] - offsets[0])
    flat = pa.table(
        {
            "row": np.repeat(np.arange(len(maps)), lengths),
            "key": maps.keys.slice(start, count),
            "value": maps.items.slice(start, count),
        }
    ).sort_by([("row", "ascending"), ("key", "ascending")])
    ends = pa.array(offsets - start, pa.int32())
    if maps.null_count:
        # A null offset marks a null map.
        shown = pa.concat_arrays([maps.is_valid(), pa.array([True])])
        ends = pc.if_else(shown, ends, pa.scalar(None, pa.int32()))
    return pa.MapArray.from_arrays(
        ends, flat["key"].combine_chunks(), flat["value"].combine_chunks(), type=maps.type
    )


def _content_lines(batch: pa.RecordBatch) -> list[bytes]:
    """One text a file, equal where all that a clone must keep is equal."""
    rows = batch.num_rows
    plain = {
        "path": pa.array([""] * rows) if rows else pa.array([], pa.string()),
        "dataChange": pa.nulls(rows, pa.bool_()),
        "stats": pa.nulls(rows, pa.string()),
        "partitionValues": _sorted_maps(batch.column("partitionValues")),
        "tags": _sorted_maps(batch.column("tags")),
    }
    columns = [plain.get(name) for name in FILE_SCHEMA.names]
    filled = [
        batch.column(name) if column is None else column
        for name, column in zip(FILE_SCHEMA.names, columns, strict=True)
    ]
    lines = add_lines(pa.RecordBatch.from_arrays(filled, schema=FILE_SCHEMA)).split(b"\n")
    return lines[:rows]


def _path_array(batch: pa.RecordBatch, root: str) -> pa.Array:
    names = canonical_paths(batch.column("path"), root)
    return pa.array([xxhash.xxh3_128_digest(name) for name in _utf8(names)], HASH)


def _fingerprint(files: FileSet, root: str) -> _Prints:
    keys, paths, contents, stats = [], [], [], []
    for batch in files.batches():
        keys.append(logical_keys(batch, root))
        paths.append(_path_array(batch, root))
        contents.append(_hash_texts(_content_lines(batch)))
        texts = _utf8(pc.fill_null(batch.column("stats"), ""))
        missing = pc.is_null(batch.column("stats")).to_numpy(zero_copy_only=False)
        stats.append(np.where(missing, np.uint64(0), _hash_texts(texts)))
    none = np.zeros(0, np.uint64)
    return _Prints(
        keys=pa.chunked_array(keys, HASH),
        paths=pa.chunked_array(paths, HASH),
        contents=np.concatenate([none, *contents]),
        stats=np.concatenate([none, *stats]),
    )


def _utf8(column: pa.Array) -> list[bytes]:
    texts: list[bytes] = column.cast(pa.binary()).to_pylist()
    return texts


def compare_files(source: FileSet, target: FileSet, *, target_root: str) -> Difference:
    """Compare two sets of files, the source's already under the target's relative paths.

    Stats that the source no longer has (a checkpoint without them) are no difference: the file is
    the same one, so the target's still hold.
    """
    wanted, here = _fingerprint(source, target_root), _fingerprint(target, target_root)
    found = pc.index_in(wanted.keys, value_set=_one(here.keys))
    added = found.is_null().to_numpy().astype(bool)
    at = pc.fill_null(found, 0).to_numpy().astype(np.int64)
    restated = np.zeros(len(added), bool)
    if len(here.contents):
        other = wanted.contents != here.contents[at]
        other |= (wanted.stats != 0) & (wanted.stats != here.stats[at])
        restated = other & ~added
    kept = np.zeros(len(here.contents), bool)
    kept[at[~added]] = True
    return Difference(
        added=added,
        restated=restated,
        present=pc.is_in(wanted.paths, value_set=_one(here.paths)).to_numpy().astype(bool),
        removed=~kept,
    )


def _one(chunks: pa.ChunkedArray) -> pa.Array:
    whole = chunks.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)
