"""What the target's catalog is told of tables while they sync and are proven, and what it says.

When: with `register: at-sync` after each commit, and when a sync finds a table further behind than
the catalog says; a receipt comes with each proof, and goes with the version that it proved. With
`at-cutover` at the cut-over alone: version and lag stay what they were when writers had stopped.
A lag is true as of the moment that stands beside it, so nothing is told only because time passes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event as Flag

from lakeferry.catalog.judging import same_place
from lakeferry.catalog.reading import find_table
from lakeferry.catalog.registering import Catalog, register, set_properties
from lakeferry.catalog.tables import (
    AS_OF,
    LAG,
    NOTHING,
    RECEIPT,
    SOURCE,
    SOURCE_VERSION,
    CatalogTable,
    Change,
)
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.fleet.catalogs.registration import catalog_name, registration, told
from lakeferry.fleet.flaw import flaw_of
from lakeferry.fleet.manifest.typed import typed
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.standing.states import OUT_OF_SCOPE
from lakeferry.fleet.standing.status import behind_s
from lakeferry.ledger.rows import LakeTable
from lakeferry.store.open import open_store
from lakeferry.workers import map_threads

AT_ONCE = 8
TOLERATED_S = 1  # lags are whole seconds


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One thing that ledger and catalog say differently."""

    table: str
    what: str
    next_step: str


def is_at_sync(wanted: Migration) -> bool:
    """Whether a sync registers its tables."""
    return wanted.target.catalog is not None and wanted.target.catalog.register == "at-sync"


def tell_version(wanted: Migration, place: Catalog, row: LakeTable, *, now_ms: int) -> Change:
    """Let the catalog know the version that a target holds; nothing where it says so already.

    A receipt of another version is taken away: what it proved is not what is there.

    Raises:
        FerryError: LF-81 as the catalog refuses; the target's log cannot be read.
    """
    schema, name = catalog_name(wanted, row)
    found = find_table(place, schema, name)
    facts = told(row, now_ms=now_ms)
    if found is not None and _says(found, row, facts):
        return NOTHING
    store = open_store(row.target_url, wanted.target.store_options)
    metadata = read_snapshot(store, version=row.target_version).metadata
    change = register(place, registration(wanted, row, metadata, now_ms=now_ms))
    before = {} if found is None else found.properties
    if RECEIPT in before and before.get(SOURCE_VERSION) != facts.get(SOURCE_VERSION):
        set_properties(place, schema, name, {RECEIPT: None})
    return change


def _says(found: CatalogTable, row: LakeTable, facts: Mapping[str, str]) -> bool:
    said = found.properties
    keys = (SOURCE, SOURCE_VERSION, LAG)
    return same_place(found.location, row.target_url) and all(
        said.get(key) == facts.get(key) for key in keys
    )


def tell_proof(
    wanted: Migration, place: Catalog, row: LakeTable, receipt: str | None, *, now_ms: int
) -> Change:
    """Let the catalog know under which receipt a registered table was proven; None: it is not.

    Raises:
        FerryError: LF-81 as the catalog refuses.
    """
    schema, name = catalog_name(wanted, row)
    found = find_table(place, schema, name)
    if found is None or found.properties.get(SOURCE) != row.source_url:
        return NOTHING
    facts: dict[str, str | None] = dict(told(row, now_ms=now_ms))
    return set_properties(place, schema, name, {**facts, RECEIPT: receipt})


def tell_proofs(
    wanted: Migration,
    place: Catalog,
    proofs: Iterable[tuple[LakeTable, str | None]],
    *,
    now_ms: int,
    stop: Flag,
    on_silence: Callable[[], None],
) -> tuple[tuple[LakeTable, FerryError], ...]:
    """Many of them; the tables of which the catalog would not be told."""

    def task(one: tuple[LakeTable, str | None]) -> tuple[LakeTable, FerryError] | None:
        try:
            tell_proof(wanted, place, *one, now_ms=now_ms)
        except FerryError as error:
            return one[0], error
        except Exception as flaw:  # noqa: BLE001 - one table's trouble is no other's
            return one[0], flaw_of(flaw, one[0].target_url, "report it; its proof is kept")
        return None

    found = map_threads(task, proofs, count=AT_ONCE, stop=stop, on_silence=on_silence)
    return tuple(one for one in found if one is not None)


# ---- whether both say the same


def disagreements(
    wanted: Migration,
    place: Catalog,
    tables: Sequence[LakeTable],
    receipts: Mapping[str, Sequence[str]],
    *,
    stop: Flag | None = None,
) -> tuple[Disagreement, ...]:
    """What the catalog says otherwise than the ledger, by table.

    Args:
        tables: as the ledger knows them.
        receipts: the hashes of each table's receipts by its target, newest first.

    Raises:
        FerryError: LF-81 the catalog cannot be read.
    """
    meant = [one for one in tables if _is_meant(wanted, one)]

    def look(row: LakeTable) -> tuple[LakeTable, CatalogTable | None]:
        return row, find_table(place, *catalog_name(wanted, row))

    found: list[Disagreement] = []
    for row, said in map_threads(look, meant, count=AT_ONCE, stop=stop):
        step = f"lakeferry sync -s {typed(row.name)}"
        if row.state in ("cut_over", "rolled_back"):
            step = "see lakeferry cutover --help and lakeferry rollback --help"
        for what in _differ(wanted, row, said, receipts.get(row.target_url, ())):
            found.append(Disagreement(row.name, what, step))
    return tuple(sorted(found, key=lambda one: (one.table, one.what)))


def _is_meant(wanted: Migration, row: LakeTable) -> bool:
    """Whether the catalog has, or had, something to say of it."""
    if row.kind == "folder" or row.held_version is None or row.state in OUT_OF_SCOPE:
        return False
    return is_at_sync(wanted) or row.state in ("cut_over", "rolled_back")


def _differ(
    wanted: Migration, row: LakeTable, said: CatalogTable | None, receipts: Sequence[str]
) -> list[str]:
    name = ".".join(catalog_name(wanted, row))
    if row.state == "rolled_back" and not is_at_sync(wanted):
        is_there = said is not None and said.properties.get(SOURCE) == row.source_url
        return [f"`{name}` is in the catalog, and the table was rolled back"] if is_there else []
    if said is None:
        return [f"`{name}` is not in the catalog"]
    properties = said.properties
    if properties.get(SOURCE) != row.source_url:
        return [f"`{name}` comes from {properties.get(SOURCE)} in the catalog, from "
                f"{row.source_url} in the ledger"]  # fmt: skip
    wrong = []
    if not same_place(said.location, row.target_url):
        wrong.append(f"`{name}` lies at {said.location} in the catalog, at {row.target_url} in the "
                     "ledger")  # fmt: skip
    if properties.get(SOURCE_VERSION) != str(row.held_version):
        wrong.append(f"version {properties.get(SOURCE_VERSION)} of the source in the catalog, "
                     f"{row.held_version} in the ledger")  # fmt: skip
    wrong += _lag_differs(row, properties)
    wrong += _receipt_differs(row, properties.get(RECEIPT), receipts)
    return wrong


def _lag_differs(row: LakeTable, said: Mapping[str, str]) -> list[str]:
    """Both must have told the same lag at the moment that the catalog's is of.

    A look since may have shown that a source was ahead of what anybody knew then.
    """
    try:
        as_of = datetime.strptime(said[AS_OF], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        lag_s = int(said[LAG])
    except (KeyError, ValueError):
        return [f"no lag in the catalog: {said.get(LAG)} as of {said.get(AS_OF)}"]
    as_of_ms = round(as_of.timestamp() * 1000)
    ours = behind_s(row, as_of_ms) or 0.0
    knew_more = (row.looked_at_ms or 0) > as_of_ms + TOLERATED_S * 1000
    if knew_more or abs(ours - lag_s) <= TOLERATED_S:
        return []
    return [f"{lag_s} s behind in the catalog as of {said[AS_OF]}, {ours:.0f} s in the ledger"]


def _receipt_differs(row: LakeTable, said: str | None, known: Sequence[str]) -> list[str]:
    if said is None:
        return ["no receipt in the catalog"] if row.state == "cut_over" else []
    if said not in known:
        return [f"receipt {said[:12]} of the catalog is not in the ledger"]
    return []
