"""What a streaming query does after the switch: goes on, begins anew at a version, or cannot. Pure.

A query that writes a table goes on with its checkpoint, because the table remembers its last batch
(`txn`). One that reads a table is bound to the table's id and versions: a mirror has both; at a
snapshot it begins with a new checkpoint behind the commit of the clone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lakeferry.fleet.counting import counted


@dataclass(frozen=True, slots=True)
class ReadPosition:
    """Where a query stands in one Delta table that it reads."""

    table_id: str  # metaData.id
    version: int  # the next that it reads
    index: int = -1  # of the last file of that version that it read; -1: none
    is_initial: bool = False  # still within the table as it was when the query began


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """What the checkpoint of a query says."""

    url: str
    query_id: str
    last_batch: int | None  # planned
    last_commit: int | None  # done
    reads: tuple[ReadPosition, ...] = ()
    landing: tuple[str, ...] = ()  # addresses of files that it has read, some of them
    landing_files: int = 0  # how many it has read; 0: none, or nothing says it
    is_auto_loader: bool = False
    inputs: tuple[str, ...] = ()  # folders that Auto Loader reads, as its offsets say; may be ()


@dataclass(frozen=True, slots=True)
class Switched:
    """A table as it is at the switch."""

    name: str
    source_id: str | None
    held_version: int
    target_version: int
    target_id: str
    is_mirror: bool
    txns: Mapping[str, int] = field(default_factory=dict)  # at the target


Does = Literal["continues", "restart", "cannot"]


@dataclass(frozen=True, slots=True)
class StreamWay:
    """What becomes of one query."""

    url: str  # of its checkpoint
    query_id: str
    does: Does
    why: str
    tables: tuple[str, ...]
    starting_versions: Mapping[str, int] = field(default_factory=dict)  # table -> version

    @property
    def text(self) -> str:
        named = ", ".join(self.tables)
        begins = ", ".join(f"startingVersion {v} of {t}" for t, v in self.starting_versions.items())
        how = f": a new checkpoint, {begins}" if begins else ""
        return f"stream {self.query_id[:8] or self.url} ({named}) {self.does}{how}; {self.why}"


def stream_ways(
    positions: Iterable[StreamPosition], tables: Sequence[Switched]
) -> tuple[StreamWay, ...]:
    """What each query does that has to do with these tables; others are left out."""
    found = (_way(one, tables) for one in positions)
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.url))


def _way(position: StreamPosition, tables: Sequence[Switched]) -> StreamWay | None:
    written = [one for one in tables if position.query_id in one.txns]
    by_id = {one.source_id: one for one in tables if one.source_id}
    read = [(at, by_id[at.table_id]) for at in position.reads if at.table_id in by_id]
    if not written and not read:
        return None
    names = tuple(dict.fromkeys([one.name for one in written] + [one.name for _, one in read]))

    def way(does: Does, why: str, begins: Mapping[str, int] | None = None) -> StreamWay:
        return StreamWay(position.url, position.query_id, does, why, names, begins or {})

    for one in written:
        if position.last_commit is not None and one.txns[position.query_id] < position.last_commit:
            behind = f"{one.name} holds batch {one.txns[position.query_id]} and its checkpoint "
            return way("cannot", f"{behind}says {position.last_commit}: rows would be lost")
    late = [(at, one) for at, one in read if not _is_at_mirror(at, one)]
    if not late:
        elsewhere = len(position.reads) - len(read)
        are = "is" if elsewhere == 1 else "are"
        others = f"; {counted(elsewhere, 'table')} that it reads {are} not switched"
        also = others if elsewhere else ""
        return way("continues", f"with a copy of its checkpoint{also}")
    for at, one in late:
        if one.is_mirror:
            what = f"it is at version {at.version}, and the mirror ends at {one.target_version}"
            return way("cannot", what)
        if not _is_drained(position, at, one):
            return way("cannot", f"it has read {one.name} up to version {at.version - 1} of "
                                 f"{one.held_version}: let it read to the end first")  # fmt: skip
    begins = {one.name: one.target_version + 1 for _, one in late}
    return way("restart", "it has read all that the clone holds, whose id is another", begins)


def _is_at_mirror(at: ReadPosition, one: Switched) -> bool:
    return one.is_mirror and one.target_id == at.table_id and at.version <= one.target_version + 1


def _is_drained(position: StreamPosition, at: ReadPosition, one: Switched) -> bool:
    """Whether it has read all of the version that the clone holds, and noted that it did."""
    is_noted = position.last_batch == position.last_commit
    return is_noted and not at.is_initial and at.version > one.held_version
