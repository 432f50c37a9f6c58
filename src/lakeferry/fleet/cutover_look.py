"""What a cut-over looks at: heads of sources, both sides of a table, checkpoints of streams."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from lakeferry.clone.record import MIRROR
from lakeferry.clone.target import newest_record
from lakeferry.delta.actions import Metadata
from lakeferry.delta.log import LogListing, head_version, list_log
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.fleet.commits_since import head_of, made_by
from lakeferry.fleet.cutover_plan import TxnProof, txn_proof
from lakeferry.fleet.load_ways import LoadedTable
from lakeferry.fleet.stream_state import read_position
from lakeferry.fleet.stream_ways import StreamPosition, Switched
from lakeferry.fleet.wanted import Migration
from lakeferry.fleet.writers import Head, Made
from lakeferry.ledger.rows import Inventoried, LakeTable
from lakeferry.store.open import contains, open_store, same_place
from lakeferry.store.protocol import Store, read_all

COPY_INTO = "_delta_log/_copy_into_log/"
_ADDRESS = re.compile(rb"[a-z][a-z0-9]{1,9}:/{1,3}[^\s\"'<>\\]+")
_MOST_STATE = 16 << 20  # bytes of COPY INTO's state that are looked through for addresses
LATEST = 20  # commits of a source that are asked for who made them


@dataclass
class Stores:
    """The two sides of every table, opened once. Safe to use from many threads."""

    wanted: Migration
    _open: dict[str, Store] = field(default_factory=dict)

    def source(self, row: LakeTable) -> Store:
        options = self.wanted.sources[row.source].store_options
        return self.at(row.source_url, options)

    def target(self, row: LakeTable) -> Store:
        return self.at(row.target_url, self.wanted.target.store_options)

    def at(self, url: str, options: Mapping[str, str]) -> Store:
        found = self._open.get(url)
        if found is None:
            found = self._open[url] = open_store(url, options)
        return found


@dataclass(frozen=True)
class BothSides:
    """A table on both sides, at the version that the target holds."""

    target_url: str
    proof: TxnProof
    switched: Switched
    metadata: Metadata  # of the target
    loaded: LoadedTable | None  # None: COPY INTO never wrote it


@dataclass(frozen=True)
class FoundStream:
    """A checkpoint, and where it is carried to."""

    position: StreamPosition
    store: Store
    target_url: str


def source_head(stores: Stores, row: LakeTable) -> Head:
    """The newest version of its source."""
    return head_of(stores.source(row), since=row.held_version or 0)


def latest(stores: Stores, row: LakeTable, *, after: int | None = None) -> tuple[Made, ...]:
    """Who made the newest commits of its source, the newest first.

    Args:
        after: only commits after this version; None: the last `LATEST`.
    """
    store = stores.source(row)
    first = after + 1 if after is not None else max(0, (row.held_version or 0) - LATEST + 1)
    listing = list_log(store, since=first)
    versions = sorted((one for one in listing.commits if one >= first), reverse=True)
    return tuple(made_by(store, listing, version) for version in versions[:LATEST])


def both_sides(stores: Stores, row: LakeTable, shown: str) -> BothSides:
    """What streams, loads and catalogs have to know of a table.

    Args:
        shown: how statements name it at the target.

    Raises:
        FerryError: a side cannot be read.
    """
    assert row.held_version is not None
    store, target = stores.source(row), stores.target(row)
    there, here = list_log(store), list_log(target)
    source = read_snapshot(store, version=row.held_version, listing=there)
    clone = read_snapshot(target, version=row.target_version, listing=here)
    record = newest_record(target, here)
    ours = {app: txn.version for app, txn in clone.txns.items()}
    proof = txn_proof(
        {app: txn.version for app, txn in source.txns.items()}, ours, _loads(there), _loads(here)
    )
    switched = Switched(
        row.name, source.metadata.id, row.held_version, head_version(here), clone.metadata.id,
        is_mirror=record is not None and record.mode == MIRROR, txns=ours,
    )  # fmt: skip
    loaded = None
    if proof.loads[0]:
        loaded = LoadedTable(
            row.name, shown, proof.loads[0], _addresses(target, here), proof.loads_equal
        )
    return BothSides(row.target_url, proof, switched, clone.metadata, loaded)


def streams(
    wanted: Migration, stores: Stores, inventory: Iterable[Inventoried], more: Iterable[str]
) -> Iterator[FoundStream]:
    """The checkpoints that a discovery found, and those that are named; each once.

    Raises:
        FerryError: LF-2104, LF-8074 for a named one that is none; a store that refuses.
    """
    seen: list[str] = []
    for one in inventory:
        if one.kind != "checkpoint" or one.source not in wanted.sources:
            continue
        source = wanted.sources[one.source]
        store = stores.at(one.url, source.store_options)
        position = read_position(store)
        if position is not None:
            seen.append(one.url)
            said = orjson.loads(one.body)
            lands = wanted.landing(source, said["schema"], said["table"], path=said["path"])
            yield FoundStream(position, store, lands)
    for url in more:
        if any(same_place(url, known) for known in seen):
            continue
        options = _options_of(wanted, url)
        store = stores.at(url, options)
        position = read_position(store)
        if position is None:
            raise FerryError(
                "LF-8074", "this folder is no checkpoint of a stream", f"{url}: no `metadata`",
                "name the folder that holds `metadata`, `offsets` and `commits`",
            )  # fmt: skip
        name = Path(url.rstrip("/")).name or "checkpoint"
        lands = f"{wanted.target.root}/_checkpoints/{name}-{position.query_id[:8]}"
        yield FoundStream(position, store, lands)


def moved_landings(wanted: Migration, inventory: Iterable[Inventoried]) -> tuple[str, ...]:
    """Folders of plain files that the migration moves: what lands there is read elsewhere."""
    return tuple(
        one.url
        for one in inventory
        if one.kind == "folder" and one.source in wanted.sources
        and orjson.loads(one.body).get("is_in_scope")
    )  # fmt: skip


def shown_name(wanted: Migration, row: LakeTable, schema: str, table: str) -> str:
    """How statements name a table at the target."""
    catalog = wanted.target.catalog
    if catalog is None or catalog.register == "never":
        return f"delta.`{row.target_url}`"
    return ".".join(part for part in (catalog.catalog or "", schema, table) if part)


def _loads(listing: LogListing) -> dict[str, int]:
    return {meta.path: meta.size for meta in listing.others if meta.path.startswith(COPY_INTO)}


def _addresses(store: Store, listing: LogListing) -> tuple[str, ...]:
    """Whatever looks like an address in COPY INTO's state, whose format is Databricks' own."""
    found: dict[str, None] = {}
    left = _MOST_STATE
    for meta in listing.others:
        if meta.path.startswith(COPY_INTO) and meta.size <= left:
            left -= meta.size
            for match in _ADDRESS.findall(read_all(store, meta.path)):
                found[match.decode("utf-8", "replace")] = None
    return tuple(found)


def _options_of(wanted: Migration, url: str) -> Mapping[str, str]:
    """Of the source below whose root it lies."""
    for source in wanted.sources.values():
        options = source.store_options
        if source.root and contains(source.root, url, outer_options=options, inner_options=options):
            return options
    return {}
