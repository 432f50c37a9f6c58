"""Cold files of a table: how many of those that would move have a price, or must be restored."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import ROUND_UP, Decimal

import numpy as np
import numpy.typing as npt
import xxhash

from lakeferry.clone.fetch import list_target
from lakeferry.clone.parquet_folder import is_hidden
from lakeferry.clone.target import is_table
from lakeferry.delta.log import list_log
from lakeferry.delta.paths import canonical, canonical_key
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.planned import Cold, Fault
from lakeferry.ledger.rows import LakeTable
from lakeferry.store.archive import cold_files
from lakeferry.store.cold import ColdFile
from lakeferry.store.objects import is_of_log
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store

CODE = "LF-4112"
_GB = 1 << 30
Moves = Callable[[ColdFile], bool]


def cold_of(wanted: Migration, table: LakeTable) -> tuple[Cold, ...]:
    """What is cold of what a run would move, by tier; of a file nothing is held but its hash.

    What waits for a restore is counted exactly, for it stops the table. Which of the others are
    live only the whole log says, so that they are told as they are listed: at most so many move.

    Raises:
        FerryError: the store refuses, or does not answer.
    """
    source = open_store(table.source_url, wanted.sources[table.source].store_options)
    found = cold_files(source)
    moves: Moves | None = None

    def meant() -> Iterator[ColdFile]:
        nonlocal moves
        for one in found:
            if one.waits and moves is None:
                target = open_store(table.target_url, wanted.target.store_options)
                moves = _moves(table, source, target)
            if moves(one) if one.waits and moves is not None else not is_of_log(one.path):
                yield one

    return counted(meant())


def counted(found: Iterable[ColdFile]) -> tuple[Cold, ...]:
    """Sums by tier, those that wait first."""
    sums: dict[tuple[bool, str], tuple[int, int, int]] = {}
    for one in found:
        files, size, under_way = sums.get((not one.waits, one.tier), (0, 0, 0))
        now = (files + 1, size + one.size, under_way + one.is_under_way)
        sums[not one.waits, one.tier] = now
    return tuple(
        Cold(tier, files, size, not is_read, under_way)
        for (is_read, tier), (files, size, under_way) in sorted(sums.items())
    )


def archive_fault(cold: Sequence[Cold], url: str, usd_per_gb: Decimal | None) -> Fault | None:
    """Why a table that is to be moved waits; None where all that moves can be read.

    Args:
        usd_per_gb: to restore 2^30 bytes, as the manifest says; None: it does not.
    """
    waiting = [one for one in cold if one.waits]
    if not waiting:
        return None
    files, size = sum(one.files for one in waiting), sum(one.bytes for one in waiting)
    under_way = sum(one.under_way for one in waiting)
    tiers = ", ".join(sorted(one.tier for one in waiting))
    told = f"{files:,} of its files, {size:,} bytes, lie in an archive ({tiers})"
    if under_way:
        told += f"; {under_way:,} are being restored"
    price = "what a restore costs is told below the routes of a plan"
    if usd_per_gb is not None:
        usd = (Decimal(size) / _GB * usd_per_gb).quantize(Decimal("0.01"), ROUND_UP)
        price = f"to restore them costs ${usd:,} at ${usd_per_gb} a GB, beside requests"
    step = (
        "restore them (S3: RestoreObject, by Batch Operations where there are many; Azure: set the "
        "tier to Hot or Cool), then plan again"
    )
    return Fault(CODE, told, f"{url}; {price}", step)


def _moves(table: LakeTable, source: Store, target: Store) -> Moves:
    """Whether a run would read a file: it is live, and not at the target yet."""
    if table.kind == "folder":
        there = list_target(target)
        return lambda one: not there.has(one.path, one.size)
    is_there = is_table(list_log(target))
    if table.kind == "parquet":
        # Names at the target carry marks of ETags, which this listing did not take with it.
        return lambda one: not is_there and not is_hidden(one.path)
    live = _marks(source)
    held = _marks(target) if is_there else np.empty(0, np.uint64)
    return lambda one: _has(live, one.path) and not _has(held, one.path)


def _marks(store: Store) -> npt.NDArray[np.uint64]:
    """Hashes of the live files of a Delta table that lie below its root: 8 bytes each, sorted."""
    snapshot, root = read_snapshot(store), canonical(store.url)
    parts = [
        np.array([_mark(canonical_key(path, root)) for path in batch.column(0).to_pylist()],
                 np.uint64)
        for batch in snapshot.files.batches(["path"])
    ]  # fmt: skip
    return np.sort(np.concatenate(parts)) if parts else np.empty(0, np.uint64)


def _mark(path: str) -> int:
    return xxhash.xxh3_64_intdigest(path.encode("utf-8", "surrogateescape"))


def _has(marks: npt.NDArray[np.uint64], path: str) -> bool:
    mark = np.uint64(_mark(path))
    at = int(np.searchsorted(marks, mark))
    return at < len(marks) and bool(marks[at] == mark)
