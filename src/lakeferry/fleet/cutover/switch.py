"""Steps 6 and 7 of a cut-over: from here on it can be seen.

All names are registered first, then all receipts are put, then all tables are marked in one
transaction. A run that is killed between is repeated: each of these done twice is done once.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lakeferry.catalog.judging import check_may_take
from lakeferry.catalog.registering import Catalog
from lakeferry.errors import FerryError
from lakeferry.fleet.catalogs.registration import refuse_one_name
from lakeferry.fleet.counting import counted
from lakeferry.fleet.cutover.events import Said
from lakeferry.fleet.cutover.folder_switched import put_switched
from lakeferry.fleet.cutover.freeze import written
from lakeferry.fleet.cutover.look import latest
from lakeferry.fleet.cutover.plan import MARK, REGISTER
from lakeferry.fleet.cutover.register import Entry, entry_of, put, receipt
from lakeferry.fleet.cutover.sides import FoundStream
from lakeferry.fleet.cutover.source_grants import grant_lines
from lakeferry.fleet.cutover.stream_state import carry, room_for
from lakeferry.fleet.cutover.stream_ways import StreamWay
from lakeferry.fleet.cutover.work import Run
from lakeferry.fleet.cutover.writers import told
from lakeferry.fleet.discovery.from_catalog import known_by
from lakeferry.fleet.proof.receipt import proven_content
from lakeferry.fleet.proof.receipt_files import put_receipt
from lakeferry.fleet.standing.states import State, move
from lakeferry.fleet.sync.published import refuse_kept_back
from lakeferry.ledger import read
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import LakeTable, Receipt
from lakeferry.ledger.write import now_ms

LISTS = "lists"  # events of the ledger: 'due' with the mark, 'written' when they are


class Carried(NamedTuple):
    """A stream that goes on, and where at the target its checkpoint lands."""

    found: FoundStream
    way: StreamWay
    url: str


@dataclass(frozen=True)
class Statements:
    """For a person to make."""

    grants: tuple[str, ...] = ()
    managed: tuple[str, ...] = ()  # ALTER TABLE ... SET MANAGED


def freeze_state(run: Run) -> None:
    """The ledger says that nobody writes."""
    why = "its writers have stopped"
    run.ledger.move(*(move(one.target_url, _state(one), "frozen", why=why) for one in run.rows))
    run.renew()


def thaw(run: Run) -> None:
    """Given up: the tables are what they were."""
    run.renew()
    why = "the switch was given up"
    back = [one for one in run.rows if one.state == "frozen"]
    run.ledger.move(*(move(one.target_url, "frozen", "verified", why=why) for one in back))


def look_at_catalog(run: Run, place: Catalog | None) -> dict[str, Entry]:
    """What it has under the names of the tables; nothing is changed.

    Once before the freeze, so that nobody stops for a name that is another's or waits for a client
    to begin, and once behind it.

    Raises:
        FerryError: LF-81 it has another table under a name, or refuses.
    """
    if place is None:
        return {}

    def task(row: LakeTable) -> tuple[str, Entry]:
        sides = run.sides[row.target_url]
        entry = entry_of(run.wanted, place, row, sides, now_ms=now_ms())
        if entry.found is not None:
            check_may_take(entry.found, entry.wanted, place.shown)
        return row.target_url, entry

    named = [one for one in run.rows if one.kind != "folder"]
    refuse_one_name(run.wanted, named, place.shown)
    return dict(run.beside(task, named))


def register(run: Run, place: Catalog | None) -> dict[str, Entry]:
    """Look at the catalog, ask, look at the sources once more; then it may begin.

    Raises:
        FerryError: LF-2003 not confirmed; LF-8072 somebody has written meanwhile; LF-81 the
            catalog has another table under a name.
    """
    run.begin()
    entries = look_at_catalog(run, place)
    where = f"registered in {place.shown}" if place is not None else "registered nowhere"
    if not run.asking(f"cut over {counted(len(run.rows), 'table')}, {where}?"):
        raise FerryError("LF-2003", "not confirmed", "nothing was changed", "give --yes")
    _refuse_moved(run)
    return entries


def mark(run: Run, place: Catalog | None, entries: dict[str, Entry]) -> Statements:
    """Register under receipts, carry checkpoints, lay receipts beside the tables, mark them all."""
    carried = _carried(run)
    receipts = _receipts(run, entries, carried)
    statements = Statements()
    if place is not None:
        statements = _statements(run, place, entries)
        _put_names(run, place, entries, receipts)
    else:
        run.end(REGISTER, "skipped", "no catalog is told")
    run.begin()
    for each in carried:
        target = run.stores.at(each.url, run.wanted.target.store_options)
        files = carry(each.found.store, target, on_silence=run.ledger.turn)
        short = each.way.query_id[:8]
        run.emit(Said(f"checkpoint of stream {short}: {counted(files, 'file')} -> {each.url}"))

    def lay(row: LakeTable) -> None:
        store, given = run.stores.target(row), receipts[row.target_url]
        if row.kind == "folder":
            put_switched(store, given.made_at_ms)
        put_receipt(store, given, kind=row.kind)

    for _ in run.beside(lay, run.rows):
        pass
    _mark_all(run, receipts, statements)
    assert run.paused_at is not None
    run.pause_s = time.monotonic() - run.paused_at
    run.renew()
    text = f"{run.asked.title} cut over; the source's versions are pinned in the receipts"
    run.end(MARK, "ok", text, proof={"pause_s": round(run.pause_s, 3)})
    return statements


def _mark_all(run: Run, receipts: dict[str, Receipt], statements: Statements) -> None:
    """In one transaction, and with it what has to be told to people, by this run or the next."""
    due = {
        "state": "due", "title": run.asked.title,
        "targets": [one.target_url for one in run.rows],
        "grants": statements.grants, "managed": statements.managed,
    }  # fmt: skip
    with run.ledger.together():
        for one in run.rows:
            why = f"version {one.held_version} is version {one.target_version} of the target"
            step = move(one.target_url, "frozen", "cut_over", why=why)
            run.ledger.receive(receipts[one.target_url], step)
        run.ledger.tell(LISTS, due)


def _receipts(
    run: Run, entries: dict[str, Entry], carried: Sequence[Carried]
) -> dict[str, Receipt]:
    with reading(run.path) as db:
        urls = [one.target_url for one in run.rows]
        at_ms = read.next_receipt_ms(db, urls, now_ms=now_ms())
    steps = {one.name: {"text": one.text, **one.proof} for one in run.steps if one.state == "ok"}
    made = {}
    for row in run.rows:
        proofs: dict[str, Any] = {
            "manifest_sha256": run.wanted.sha256,
            "steps": steps,
            "streams": [one.text for one in run.ways if row.name in one.tables],
            "checkpoints": [
                {"query": one.way.query_id, "from": one.way.url, "to": one.url}
                for one in carried
                if row.name in one.way.tables
            ],
            **proven_content(run.proofs.get(row.target_url)),
        }
        entry = entries.get(row.target_url)
        sides = run.sides[row.target_url]
        made[row.target_url] = receipt(row, sides, entry, proofs, at_ms=at_ms)
    return made


def _put_names(
    run: Run, place: Catalog, entries: dict[str, Entry], receipts: dict[str, Receipt]
) -> None:
    def task(row: LakeTable) -> None:
        put(place, entries[row.target_url], receipts[row.target_url].sha256)

    for _ in run.beside(task, [one for one in run.rows if one.target_url in entries]):
        pass
    there = sum(one.found is not None for one in entries.values())
    text = f"{len(entries):,} external tables, comments, properties; {there:,} existed before"
    run.end(REGISTER, "ok", text)


def _refuse_moved(run: Run) -> None:
    """The answer may have taken long. LF-8072 where somebody has written meanwhile."""
    if since := run.written():
        made = [
            each
            for one in run.rows
            if one.target_url in since
            for each in latest(run.stores, one, after=since[one.target_url])
        ]
        raise written(run, f"written by {told(each.writer for each in made)}", since)

    def look(row: LakeTable) -> None:  # what a catalog keeps back no listing of commits shows
        refuse_kept_back(run.stores.source(row), row.held_version or 0, row.protocol)

    for _ in run.beside(look, [one for one in run.rows if one.kind == "delta"]):
        pass


def _carried(run: Run) -> list[Carried]:
    """The queries that go on, each with a place for its checkpoint. Raises LF-8075."""
    ways = {one.url: one for one in run.ways if one.does == "continues"}
    options = run.wanted.target.store_options
    return [
        Carried(one, ways[one.position.url], room_for(
            one.store, one.target_url, lambda url: run.stores.at(url, options)
        ))
        for one in run.streams if one.position.url in ways
    ]  # fmt: skip


def _statements(run: Run, place: Catalog, entries: dict[str, Entry]) -> Statements:
    lines: list[str] = []
    managed = []
    names = {row.source for row in run.rows}
    known = {name: known_by(run.wanted.sources[name]) for name in names}
    catalog, shown = run.wanted.target.catalog, run.shown()
    for row in run.rows:
        if row.target_url not in entries:
            continue  # a folder
        source, entry = known[row.source], entries[row.target_url]
        if source is not None:
            lines += grant_lines(source, row, place, entry.wanted)
        if catalog is not None and catalog.kind == "unity":
            managed.append(f"ALTER TABLE {shown[row.target_url]} SET MANAGED;")
    return Statements(tuple(lines), tuple(managed))


def _state(row: LakeTable) -> State:
    return row.state  # type: ignore[return-value]
