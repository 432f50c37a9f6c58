"""What clones wrote down of a target, `_delta_log/_lakeferry/` -> bytes that landed by the hour.

A record lists each file that one clone brought, with its size; when it landed is when its object
was written. A file that is no longer there landed before its record did.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import xxhash

from lakeferry.clone.record import FOLDER
from lakeferry.cost.bill.lines import fetched_file
from lakeferry.cost.bill.observed import HOUR, Copied
from lakeferry.errors import FerryError
from lakeferry.store.open import NO_OPTIONS, open_store
from lakeferry.store.protocol import ObjectMeta, Store


def has_records(place: str, options: Mapping[str, str] = NO_OPTIONS) -> bool:
    """Whether lakeferry ever cloned to a place."""
    listed = open_store(place, options).list(FOLDER, recursive=False)
    return any(meta.path.endswith(".json") for meta in listed)


def landed(place: str, path: str, options: Mapping[str, str] = NO_OPTIONS) -> tuple[Copied, ...]:
    """Bytes that clones brought to a target, by the hour in which each file landed.

    Takes 16 bytes of memory a file, and one listing of the target.

    Args:
        place: the target table's address.
        path: which the bytes took, `nat-…`: records do not say.

    Raises:
        FerryError: LF-6607 where there is no record; those of the store.
    """
    store = open_store(place, options)
    records = sorted(
        (one for one in store.list(FOLDER, recursive=False) if one.path.endswith(".parquet")),
        key=lambda one: one.path,
    )
    if not records:
        raise FerryError(
            "LF-6607",
            "no clone wrote down here what it brought",
            f"{place}/{FOLDER}",
            "name the target of a clone, or give what `lakeferry clone --log-file FILE` wrote",
        )
    names, sizes, hours = _listed(store, records)
    order = np.argsort(names, kind="stable")
    ranked = names[order]
    for meta in store.list(""):
        if meta.modified_ms is None:
            continue
        name = np.uint64(_hash(meta.path))
        first, last = (np.searchsorted(ranked, name, side) for side in ("left", "right"))
        hours[order[first:last]] = _hour(meta)
    sums: Counter[int] = Counter()
    for hour in np.unique(hours).tolist():
        sums[hour] = int(sizes[hours == hour].sum())
    return tuple(Copied(hour, path, sums[hour]) for hour in sorted(sums))


def _listed(store: Store, records: list[ObjectMeta]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A hash of each file's path, its size, and the hour of its record."""
    names, sizes, hours = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)], []
    for record in records:
        before = sum(map(len, sizes))
        for paths, own in _rows(store, record):
            names.append(np.fromiter(map(_hash, paths), np.uint64, len(paths)))
            sizes.append(own)
        count = sum(map(len, sizes)) - before
        hours.append(np.full(count, _hour(record), np.int64))
    return np.concatenate(names), np.concatenate(sizes), np.concatenate(hours)


def _rows(store: Store, record: ObjectMeta) -> Iterator[tuple[list[str], np.ndarray]]:
    file = fetched_file(record.path, partial(store.read, record.path))
    with file.open() as body, pq.ParquetFile(body) as opened:
        for batch in opened.iter_batches(columns=["path", "size"]):
            yield batch["path"].to_pylist(), np.asarray(batch["size"])


def _hour(meta: ObjectMeta) -> int:
    return (meta.modified_ms or 0) // 1000 // HOUR * HOUR


def _hash(path: str) -> int:
    return xxhash.xxh3_64_intdigest(path.encode(errors="surrogateescape"))
