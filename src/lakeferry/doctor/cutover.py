"""Whether tables can be cut over from here: the ledger, both sides, receipts and the catalog.

Sources are only read. What is tried by writing is taken back at once: probes at the target, and one
entry in the catalog, for only making one tells whether it may be made.
"""

import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from lakeferry.catalog.judging import check_may_take
from lakeferry.catalog.reading import find_table
from lakeferry.catalog.registering import Catalog, register, unregister
from lakeferry.catalog.tables import Registration
from lakeferry.delta.log import head_version, list_log
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.doctor import machine
from lakeferry.doctor.check import BLOCKER, OK, WARNING, Check, tried
from lakeferry.doctor.examine import reach, try_target
from lakeferry.errors import FerryError
from lakeferry.fleet.catalogs.registration import registration
from lakeferry.fleet.catalogs.target_catalog import target_catalog
from lakeferry.fleet.counting import counted
from lakeferry.fleet.cutover.look import latest, source_head, streams
from lakeferry.fleet.cutover.plan import chosen, freeze_of, is_loud, problems, provable, stood_s
from lakeferry.fleet.cutover.sides import Stores
from lakeferry.fleet.cutover.writers import Head, told
from lakeferry.fleet.manifest.facts import as_said
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.proof.receipt_files import place_of_receipts
from lakeferry.fleet.proof.run import strength_of
from lakeferry.ledger import lease, read
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import LakeTable
from lakeferry.ledger.write import now_ms
from lakeferry.store.sealed import otherwise_sealed
from lakeferry.workers import map_threads

AT_ONCE = 16
Item = TypeVar("Item")
Result = TypeVar("Result")
_PROBE = "lakeferry_probe"
_REFUSED = "LF-1002"  # a right that lacks
_DRY = "`lakeferry cutover --dry-run` of the same tables lists all"


def examine_cutover(
    wanted: Migration,
    ledger: Path,
    tables: Iterable[LakeTable],
    *,
    on_check: Callable[[Check], None] | None = None,
) -> tuple[Check, ...]:
    """Try what a cut-over of these tables needs, in the order in which troubles explain each other.

    Args:
        ledger: its file.
        on_check: called with each trial as it ends.

    Returns:
        What was tried. Troubles of stores and catalogs are blockers in it, not exceptions.
    """
    found = []
    for check in _Trial(wanted, ledger, tables).checks():
        found.append(check)
        if on_check is not None:
            on_check(check)
    return tuple(found)


class _Trial:
    def __init__(self, wanted: Migration, ledger: Path, tables: Iterable[LakeTable]) -> None:
        self._wanted, self._ledger = wanted, ledger
        self._picked = chosen(tables)
        self._rows = [one for one in self._picked.todo if one.held_version is not None]
        self._stores = Stores(wanted)
        self._heads: dict[str, Head] = {}  # by target

    def checks(self) -> Iterator[Check]:
        yield tried("ledger", self._led)
        yield tried("lists", self._lists)
        yield tried("tables", self._tables)
        for name in sorted({one.source for one in self._picked.todo}):
            yield tried("source", partial(self._source, name))
        yield tried("freeze", self._freeze)
        target = self._wanted.target
        yield from try_target(target.root, target.store_options, folder="")
        yield tried("receipts", self._receipts)
        if target.encryption:
            yield tried("encryption", self._encryption)
        yield tried("streams", self._streams)
        yield tried("catalog", self._catalog)
        yield machine.temporary_disk()
        yield machine.memory()
        yield machine.open_files()

    # ---- this machine

    def _led(self) -> Check:
        with reading(self._ledger) as db:
            count = len(read.tables(db))
            other = lease.leader(db)
        if not os.access(self._ledger, os.W_OK) or not os.access(self._ledger.parent, os.W_OK):
            step = "let this user write it and its folder"
            return Check("ledger", BLOCKER, f"{self._ledger} cannot be written", step)
        said = f"{counted(count, 'table')}, at {self._ledger}"
        if other is None or other.expires_at_ms < now_ms() or lease.is_gone(other.process):
            return Check("ledger", OK, f"{said}; nobody leads")
        who = f"`lakeferry {other.command}` on {other.process.host}, process {other.process.pid}"
        return Check("ledger", WARNING, f"{said}; {who} leads now", "wait until it has ended")

    def _lists(self) -> Check:
        """Lists for people and the page of receipts go beside the manifest."""
        beside = Path() if self._wanted.file == "-" else Path(self._wanted.file).parent
        if os.access(beside, os.W_OK):
            return Check("lists", OK, f"{beside.resolve()} takes the page of receipts and lists")
        step = "let this user write there: a switch ends with files for people"
        return Check("lists", BLOCKER, f"{beside.resolve()} cannot be written", step)

    # ---- the tables

    def _tables(self) -> Check:
        todo = self._picked.todo
        with reading(self._ledger) as db:
            every = [as_said(self._wanted, one) for one in read.tables(db)]
            checks = {one.target_url: read.checks(db, one.target_url) for one in todo}
        self._stores.every = tuple(every)
        strengths = {one.target_url: provable(one.kind, strength_of(self._wanted, one, None))
                     for one in todo}  # fmt: skip
        wrong = problems(todo, every, self._wanted.waves, checks, strengths, now_ms=now_ms())
        said = f"{len(todo):,} to cut over"
        if self._picked.done:
            said += f", {len(self._picked.done):,} are cut over"
        if not todo:
            return Check("tables", WARNING, f"{said}: there is nothing to do", "name other tables")
        if wrong:
            said += f"; {len(wrong):,} things are in the way: {wrong[0].table}: {wrong[0].what}"
            step = wrong[0].next_step if len(wrong) == 1 else f"{wrong[0].next_step}; {_DRY}"
            return Check("tables", WARNING, said, step)
        return Check("tables", OK, f"{said}, all synced and proven within 24 h")

    def _source(self, name: str) -> Check:
        rows = [one for one in self._picked.todo if one.source == name]
        first, options = rows[0], self._wanted.sources[name].store_options
        reached = reach("source", first.source_url, options, "")
        for row, head in self._beside(self._head, [one for one in self._rows if one in rows]):
            self._heads[row.target_url] = head
        return Check("source", OK, f"`{name}`: {reached.what}; {counted(len(rows), 'table')} read")

    def _head(self, row: LakeTable) -> tuple[LakeTable, Head]:
        head = source_head(self._stores, row)
        if row.kind == "delta" and head.made_ms is None:
            head_version(list_log(self._stores.source(row)))  # where there is none, it says so
        return row, head

    def _freeze(self) -> Check:
        """Whether writers could be seen to have stopped, if the switch began now."""
        rows = [one for one in self._rows if one.target_url in self._heads]
        freeze_s, now = freeze_of(rows, self._wanted.waves, None), now_ms()
        loud = [one for one in rows if is_loud(self._heads[one.target_url], freeze_s, now)]
        if not loud:
            heads = [(self._heads[one.target_url], one) for one in rows]
            watched = sum(stood_s(*each, now) < freeze_s for each in heads)
            also = f"; {watched:,} will be watched for up to {freeze_s:g} s" if watched else ""
            return Check("freeze", OK, f"no commit on any source for {freeze_s:g} s{also}")
        who = told(made.writer for one in loud for made in latest(self._stores, one)[:1])
        what = f"{counted(len(loud), 'source table')} had a commit within {freeze_s:g} s, by {who}"
        return Check("freeze", WARNING, what, "stop these writers when the switch begins")

    # ---- the target

    def _receipts(self) -> Check:
        """A receipt lies beside each table, so each folder has to take one."""
        if not self._rows:
            what = "no table that is to be cut over holds a version, so none was tried"
            return Check("receipts", OK, what)
        left = self._put(self._rows[0])
        if left is not None:
            what = f"a file was written beside {self._rows[0].name}, and stays: {left}"
            step = "delete it; a switch deletes nothing, so it works without this right"
            return Check("receipts", WARNING, f"{what}; the others were not tried", step)
        for _ in self._beside(self._put, self._rows[1:]):
            pass
        count = counted(len(self._rows), "table")
        return Check("receipts", OK, f"a file was written beside {count} and taken away again")

    def _put(self, row: LakeTable) -> str | None:
        """Its address where it may not be taken away again."""
        store = self._stores.target(row)
        name = f"{place_of_receipts(row.kind)}/{_PROBE}-{uuid.uuid4().hex[:8]}"
        store.write(name, [b"lakeferry"], size=9)
        try:
            store.delete(name)
        except FerryError as error:
            if error.code != _REFUSED:
                raise
            return f"{store.url}/{name}"
        return None

    def _encryption(self) -> Check:
        """What was brought before it was asked for has another, or none."""
        asked, wrong = 0, []
        for row, found in self._beside(self._sealed, self._rows):
            asked += len(found)
            wrong += [f"{row.name}: {path} is {how}" for path, how in found if how is not None]
        said = f"{counted(asked, 'object')} of {counted(len(self._rows), 'table')} asked"
        if not wrong:
            return Check("encryption", OK, f"{said}: all as `target.encryption` wants it")
        what = f"{said}: {len(wrong):,} not as `target.encryption` wants it: {wrong[0]}"
        step = "an object keeps what it was put with: S3 Batch Operations copies it with the key"
        return Check("encryption", WARNING, what, step)

    def _sealed(self, row: LakeTable) -> tuple[LakeTable, tuple[tuple[str, str | None], ...]]:
        return row, tuple(otherwise_sealed(self._stores.target(row)))

    def _streams(self) -> Check:
        with reading(self._ledger) as db:
            inventory = list(read.inventory(db))
        found = list(streams(self._wanted, self._stores, inventory, ()))
        if not found:
            step = "name those that there are: lakeferry cutover --checkpoint FOLDER"
            return Check("streams", OK, "no discovery found a checkpoint", step)
        return Check("streams", OK, f"{counted(len(found), 'checkpoint')} read")

    # ---- the catalog

    def _catalog(self) -> Check:
        catalog = self._wanted.target.catalog
        place = target_catalog(self._wanted.target)
        if place is None or catalog is None or catalog.register == "never":
            return Check("catalog", OK, "no catalog is told")
        rows = [one for one in self._rows if one.kind != "folder"]
        found = list(self._beside(lambda row: self._absent(place, row), rows))
        absent = [one for one in found if one is not None]
        there = f"{place.shown}: {len(found):,} names looked up, {len(found) - len(absent):,} known"
        if not absent:
            return Check("catalog", OK, f"{there}; none has to be made")
        return _registered(place, absent[0], there)

    def _absent(self, place: Catalog, row: LakeTable) -> Registration | None:
        """What is to be registered; None where the name is there. Raises LF-8101 for another's."""
        metadata = read_snapshot(self._stores.target(row)).metadata
        entry = registration(self._wanted, row, metadata, now_ms=now_ms())
        found = find_table(place, entry.schema, entry.table)
        if found is None:
            return entry
        check_may_take(found, entry, place.shown)
        return None

    def _beside(self, task: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        yield from map_threads(task, items, count=AT_ONCE)


def _registered(place: Catalog, entry: Registration, there: str) -> Check:
    """Make an entry at a table's own place under another name, and take it away."""
    probe = replace(entry, table=f"{_PROBE}_{uuid.uuid4().hex[:8]}")
    try:
        register(place, probe)
    except FerryError:
        with suppress(FerryError):
            unregister(place, probe)
        raise
    try:
        unregister(place, probe)
    except FerryError as error:
        name = f"`{probe.schema}.{probe.table}`"
        what = f"{there}; {name} was made and cannot be taken away: {error.what}"
        step = f"drop it; without this right lakeferry rollback cannot work. {error.next_step}"
        return Check("catalog", WARNING, what, step)
    return Check("catalog", OK, f"{there}; an entry was made in `{probe.schema}` and taken away")
