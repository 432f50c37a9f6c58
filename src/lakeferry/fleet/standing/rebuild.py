"""A lost ledger, read back: what the targets' own records say of each table. Pure.

The lake is the truth: which version of which source a target holds lies beside its log, and so do
the receipts. What is gone is the history of runs, and how fast they were.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from lakeferry.clone.folder import MODE as FOLDER
from lakeferry.clone.parquet_folder import MODE as PARQUET
from lakeferry.clone.record import MIRROR, CloneRecord
from lakeferry.fleet.manifest.typed import typed
from lakeferry.fleet.proof.in_use import SWITCHES
from lakeferry.fleet.proof.receipt import proven_by
from lakeferry.fleet.sync.outcome import equal_again
from lakeferry.ledger.rows import LakeTable, Receipt


@dataclass(frozen=True, slots=True)
class FoundTarget:
    """What lies at one target."""

    target_url: str
    head: int | None  # newest version; None: no table
    record: CloneRecord | None = None  # of the last clone that is part of the log
    foreign: tuple[int, ...] = ()  # commits of others since that change what it holds
    receipts: tuple[Receipt, ...] = ()  # oldest first


def rebuilt(
    wanted: Iterable[LakeTable], found: Mapping[str, FoundTarget], *, now_ms: int
) -> tuple[LakeTable, ...]:
    """The tables of a new ledger.

    Args:
        wanted: as a look at the sources found them, by the manifest of now: `discovered`, or
            `excluded`.
        found: what lies at targets, by their URL; also of those that the manifest names no longer.
    """
    tables = [_of_both(table, found.get(table.target_url), now_ms) for table in wanted]
    named = {table.target_url for table in tables}
    tables += [_orphan(one, now_ms) for url, one in sorted(found.items())
               if url not in named and one.record is not None]  # fmt: skip
    return tuple(tables)


def _of_both(table: LakeTable, found: FoundTarget | None, now_ms: int) -> LakeTable:
    table = table._replace(state_since_ms=now_ms)
    if found is None or (found.head is None and found.record is None):
        return table
    record = found.record
    if record is None or record.source.rstrip("/") != table.source_url.rstrip("/"):
        holds = "nothing that lakeferry cloned" if record is None else f"a clone of {record.source}"
        return table._replace(
            state="blocked",
            code="LF-5002",
            why=f"the target holds {holds}",
            next_step="choose another target.layout, or replace its content: lakeferry sync -s "
            f"{typed(table.name)} --replace",
        )
    # A source that was switched away from may be gone, broken or left out by now.
    is_meant = table.state == "discovered" or is_cut_over(found)
    return _held(table, found, record) if is_meant else table


def is_cut_over(found: FoundTarget) -> bool:
    """Whether the last switch of a table led to its target."""
    switches = [one.kind for one in found.receipts if one.kind in SWITCHES]
    return switches[-1:] == ["cutover"]


def _held(table: LakeTable, found: FoundTarget, record: CloneRecord) -> LakeTable:
    """A table that a clone of this source has reached."""
    version = _version(record, found.head)
    if version is None:
        return table._replace(why="its mirror was cut off before it could be read")
    is_newest = table.source_version is None or table.source_version <= version
    table = table._replace(
        state="synced",
        code="",
        next_step="",
        why=f"read back: version {version} of the source",
        source_id=record.source_id,
        source_version=max(version, table.source_version or 0),
        held_version=version,
        target_version=found.head if record.mode == MIRROR else record.target_version,
        behind_since_ms=None if is_newest else table.behind_since_ms or table.looked_at_ms,
        left_bytes=0,  # of an increment nobody knows before it is planned
        left_files=0,
        left_requests=0,
    )
    return _by_receipts(table, found)


def _by_receipts(table: LakeTable, found: FoundTarget) -> LakeTable:
    """The last switch decides on which side a table is; a proof counts for its version alone."""
    switches = [one for one in found.receipts if one.kind in SWITCHES]
    if is_cut_over(found):
        return _at(table, "cut_over", switches[-1])
    if found.foreign:
        is_mirror = found.record is not None and found.record.mode == MIRROR
        return table._replace(
            state="drifted",
            code="LF-5003",
            why=f"others have written to the target: {_versions(found.foreign)}",
            next_step=equal_again(table.name, is_mirror=is_mirror),
        )
    since = switches[-1].made_at_ms if switches else 0
    for receipt in reversed(found.receipts):
        said = orjson.loads(receipt.body)
        proves = receipt.kind == "verify" and said.get("source_version") == table.held_version
        if proves and said.get("equal") is True and receipt.made_at_ms >= since:
            return _at(table, "verified", receipt)._replace(strength=proven_by(said))
    return _at(table, "rolled_back", switches[-1]) if switches else table


def _at(table: LakeTable, state: str, receipt: Receipt) -> LakeTable:
    return table._replace(
        state=state,
        state_since_ms=receipt.made_at_ms,
        why=f"read back from receipt {receipt.sha256[:12]}",
    )


def _orphan(found: FoundTarget, now_ms: int) -> LakeTable:
    """A clone whose source the manifest names no longer; its name is not known."""
    assert found.record is not None
    mode = found.record.mode
    kind = mode if mode in (PARQUET, FOLDER) else "delta"
    parts = [part for part in found.target_url.split("/") if part][-2:]
    return LakeTable(
        found.target_url, ".".join(parts), "", found.record.source, kind, 0, "",
        state="orphaned", state_since_ms=now_ms, why="no source of the manifest lands here",
        source_id=found.record.source_id, source_version=found.record.source_version,
        held_version=_version(found.record, found.head), target_version=found.head,
    )  # fmt: skip


def _version(record: CloneRecord, head: int | None) -> int | None:
    """The version of the source that the target holds; a mirror's record is put before its commits.

    None: a mirror that nobody can read yet.
    """
    if record.mode != MIRROR:
        return record.source_version
    return None if head is None else min(head, record.source_version)


def _versions(found: tuple[int, ...]) -> str:
    shown = ", ".join(str(version) for version in found[:3])
    return f"version {shown}" if len(found) == 1 else (
        f"versions {shown}" + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    )  # fmt: skip
