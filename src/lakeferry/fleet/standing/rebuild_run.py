"""A lost ledger, made anew: sources and targets looked at side by side, nothing written to them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Event as Flag

from lakeferry.errors import FerryError
from lakeferry.fleet.cutover.rehearse import FOLDER as REHEARSALS
from lakeferry.fleet.discovery.found import FoundTable
from lakeferry.fleet.discovery.gather import Before
from lakeferry.fleet.discovery.inventory import inventoried, lake_table
from lakeferry.fleet.discovery.run import Wish, discover
from lakeferry.fleet.discovery.sums import Progress
from lakeferry.fleet.discovery.table_names import name_of_path
from lakeferry.fleet.flaw import flaw_of
from lakeferry.fleet.manifest.pattern import Pattern
from lakeferry.fleet.manifest.wanted import Migration, NamesFrom, Source
from lakeferry.fleet.planning.plan import MOVED_KINDS
from lakeferry.fleet.standing.find_target import find_target
from lakeferry.fleet.standing.rebuild import FoundTarget, is_cut_over, rebuilt
from lakeferry.ledger.rows import Inventoried, LakeTable
from lakeferry.ledger.write import Ledger
from lakeferry.store.open import open_store
from lakeferry.store.sharing import shared_clients
from lakeferry.workers import map_unless_stopped

AT_ONCE = 32  # targets
_DEPTH = 16  # folders below the target's root: a layout may have many
_EVERYTHING = Pattern("**")
_NOTHING_THERE = ("LF-2101",)
Emit = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a new ledger was made of."""

    tables: tuple[LakeTable, ...]
    faults: Mapping[str, FerryError]  # source, or target's address -> why it could not be read


def rebuild(wanted: Migration, ledger: Ledger, *, now_ms: int, emit: Emit, stop: Flag) -> Rebuilt:
    """Fill an empty ledger with what sources and targets say.

    Tables of a source that cannot be read are told from their targets' records; the next discovery
    tells the rest.

    Raises:
        KeyboardInterrupt: stopped; the ledger is as empty as it was.
        ValueError: the ledger is not empty.
    """

    def heard(progress: Progress) -> None:
        ledger.turn()
        emit(progress)

    rows, inventory, faults = _of_sources(wanted, now_ms, heard, stop)
    listed, root_fault = _listed(wanted, now_ms, heard, stop)
    if root_fault is not None:
        faults[wanted.target.root] = root_fault
    places = sorted({*listed, *(url for url, row in rows.items() if row.kind in MOVED_KINDS)})
    with shared_clients():
        found, unread = _targets(wanted, places, ledger, stop)
    faults |= unread
    known = [*rows.values(), *_of_records(wanted, rows, found, faults)]
    tables = tuple(
        _unread(table, unread.get(table.target_url))
        for table in rebuilt(known, found, now_ms=now_ms)
    )
    with ledger.together():  # half of it would pass for the whole
        ledger.restore(tables, [one for target in found.values() for one in target.receipts])
        ledger.take_inventory(inventory)
    return Rebuilt(tables, faults)


def _of_sources(
    wanted: Migration, now_ms: int, emit: Emit, stop: Flag
) -> tuple[dict[str, LakeTable], list[Inventoried], dict[str, FerryError]]:
    """The tables of all sources, by the address of their target."""
    rows: dict[str, LakeTable] = {}
    inventory: list[Inventoried] = []

    def take(found: FoundTable, target: str | None) -> None:
        inventory.append(inventoried(found, target, now_ms))
        if target is not None:
            row = lake_table(wanted, found, None, target_url=target, now_ms=now_ms)
            # What is left out gives way to what is moved there, whichever is found first.
            if row is not None and (found.is_in_scope or target not in rows):
                rows[target] = row

    seen = discover(
        wanted, Wish(), before=Before(), ledger=None, now_ms=now_ms, emit=emit, stop=stop,
        on_found=take,
    )  # fmt: skip
    unlisted = {name: next(iter(one.schemas.values())) for name, one in seen.unlisted.items()}
    return rows, inventory, {**unlisted, **seen.faults}


def _listed(
    wanted: Migration, now_ms: int, emit: Emit, stop: Flag
) -> tuple[set[str], FerryError | None]:
    """The addresses of all Delta tables below the target's root; their logs are not read here."""
    target = wanted.target
    root = Source(
        "target", "target", target.link, target.root, NamesFrom(), "local", "{path}",
        exclude=(_EVERYTHING,),
    )  # fmt: skip
    found: set[str] = set()

    def take(one: FoundTable, landing: str | None) -> None:  # noqa: ARG001
        if one.kind == "delta" and not one.path.startswith(f"{REHEARSALS}/"):
            found.add(f"{target.root}/{one.path}".rstrip("/"))

    alone = replace(wanted, sources={"target": root})
    seen = discover(
        alone, Wish(most_depth=_DEPTH), before=Before(), ledger=None, now_ms=now_ms, emit=emit,
        stop=stop, on_found=take,
    )  # fmt: skip
    fault = seen.faults.get("target")
    return found, None if fault is not None and fault.code in _NOTHING_THERE else fault


def _targets(
    wanted: Migration, places: Sequence[str], ledger: Ledger, stop: Flag
) -> tuple[dict[str, FoundTarget], dict[str, FerryError]]:
    """What lies at each place, and the places that cannot be read."""

    def look(url: str) -> tuple[str, FoundTarget | FerryError]:
        try:
            return url, find_target(open_store(url, wanted.target.store_options), url)
        except FerryError as error:
            return url, error
        except Exception as flaw:  # noqa: BLE001 - one target's trouble is no other's
            return url, flaw_of(flaw, url, "report it; the other targets are read back")

    found: dict[str, FoundTarget] = {}
    unread: dict[str, FerryError] = {}
    for url, answer in map_unless_stopped(
        look, places, count=AT_ONCE, stop=stop, on_silence=ledger.turn
    ):
        if isinstance(answer, FoundTarget):
            found[url] = answer
        else:
            unread[url] = answer
        ledger.turn()
    return found, unread


def _of_records(
    wanted: Migration,
    rows: Mapping[str, LakeTable],
    found: Mapping[str, FoundTarget],
    faults: Mapping[str, FerryError],
) -> list[LakeTable]:
    """Rows of tables whose source was not seen, as the records of their clones name them.

    It could not be read; or it was deleted, as many do some weeks after a switch.
    """
    told = []
    for url, target in found.items():
        if url in rows or target.record is None:
            continue
        for source in wanted.sources.values():
            root = (source.root or "").rstrip("/")
            is_unseen = source.name in faults or is_cut_over(target)
            if not is_unseen or not target.record.source.startswith(f"{root}/"):
                continue
            path = target.record.source.removeprefix(root).strip("/")
            schema, table = name_of_path(path)
            if wanted.landing(source, schema, table, path=path) == url:
                told.append(_row(source, schema, table, path, url, target.record.source))
    return told


def _row(
    source: Source, schema: str, table: str, path: str, target_url: str, source_url: str
) -> LakeTable:
    options = source.options_of(schema, table, path)
    return LakeTable(
        target_url, f"{source.name}.{schema}.{table}", source.name, source_url, "delta",
        options.wave, source.path, options.lag_target_s, schema_name=schema, table_name=table,
        path=path,
    )  # fmt: skip


def _unread(table: LakeTable, error: FerryError | None) -> LakeTable:
    """A table whose target could not be read: nobody knows what it holds."""
    if error is None or table.state != "discovered":
        return table
    return table._replace(
        state="blocked", code=error.code, why=f"its target cannot be read: {error.what}",
        next_step=error.next_step,
    )  # fmt: skip
