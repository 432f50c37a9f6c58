"""A table whose files lie in an archive: how much of it must be restored before it can move."""

from collections.abc import Collection, Iterable
from decimal import ROUND_UP, Decimal

from lakeferry.clone.fetch import list_target
from lakeferry.clone.parquet_folder import is_hidden
from lakeferry.clone.target import is_table
from lakeferry.delta.log import list_log
from lakeferry.delta.paths import canonical, canonical_key
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.fleet.planned import Fault
from lakeferry.fleet.wanted import Migration
from lakeferry.ledger.rows import LakeTable
from lakeferry.store.archive import InArchive, in_archive
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store

CODE = "LF-4112"
_GB = 1 << 30


def archive_fault(wanted: Migration, table: LakeTable) -> Fault | None:
    """Why a table that is to be moved waits; None where all that moves can be read.

    Raises:
        FerryError: the store refuses, or does not answer.
    """
    options = wanted.sources[table.source].store_options
    source = open_store(table.source_url, options)
    found = in_archive(source)
    if not found:
        return None
    target = open_store(table.target_url, wanted.target.store_options)
    moving = _moving(table, source, target, found)
    return fault_of(moving, table.source_url, wanted.archive_usd_per_gb) if moving else None


def fault_of(found: Collection[InArchive], url: str, usd_per_gb: Decimal | None) -> Fault:
    """What a plan says of them. `usd_per_gb`: to restore 2^30 bytes; None: nobody said."""
    size = sum(one.size for one in found)
    tiers = ", ".join(sorted({one.tier for one in found}))
    under_way = sum(one.is_under_way for one in found)
    told = f"{len(found):,} of its files, {size:,} bytes, lie in an archive ({tiers})"
    if under_way:
        told += f"; {under_way:,} are being restored"
    if usd_per_gb is None:
        price = "what a restore costs is not said: cost.archive_usd_per_gb"
    else:
        usd = (Decimal(size) / _GB * usd_per_gb).quantize(Decimal("0.01"), ROUND_UP)
        price = f"to restore them costs ${usd:,} at ${usd_per_gb} a GB, beside requests"
    step = (
        "restore them (S3: RestoreObject, by Batch Operations where there are many; Azure: set the "
        "tier to Hot or Cool), then plan again"
    )
    return Fault(CODE, told, f"{url}; {price}", step)


def _moving(
    table: LakeTable, source: Store, target: Store, found: Iterable[InArchive]
) -> list[InArchive]:
    """Those of them that a run would read: live, and not at the target yet."""
    if table.kind == "folder":
        there = list_target(target)
        return [one for one in found if not there.has(one.path, one.size)]
    if table.kind == "parquet":
        # Names at the target carry marks of ETags, which this listing did not take with it.
        is_first = not is_table(list_log(target))
        return [one for one in found if is_first and not is_hidden(one.path)]
    live = _paths(source)
    held = _paths(target) if is_table(list_log(target)) else frozenset[str]()
    return [one for one in found if one.path in live and one.path not in held]


def _paths(store: Store) -> frozenset[str]:
    """The live files of a Delta table that lie below its root, decoded."""
    snapshot = read_snapshot(store)
    root = canonical(store.url)
    return frozenset(
        canonical_key(path, root)
        for batch in snapshot.files.batches(["path"])
        for path in batch.column("path").to_pylist()
    )
