"""What a cut-over looks at in logs: heads of sources, both sides of a table; and checkpoints."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import orjson

from lakeferry.catalog.unity_entry import quoted_whole
from lakeferry.clone.record import MIRROR
from lakeferry.clone.target import newest_record
from lakeferry.delta.log import LogListing, head_version, list_log
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.fleet.cutover.beside import head_of_files, newest_of_files, sides_of_files
from lakeferry.fleet.cutover.commits_since import head_of, made_by
from lakeferry.fleet.cutover.load_ways import LoadedTable
from lakeferry.fleet.cutover.plan import txn_proof
from lakeferry.fleet.cutover.sides import BothSides, FoundStream, Stores
from lakeferry.fleet.cutover.stream_state import read_position
from lakeferry.fleet.cutover.stream_ways import Switched
from lakeferry.fleet.cutover.writers import Head, Made
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.ledger.rows import Inventoried, LakeTable
from lakeferry.store.open import contains, same_place
from lakeferry.store.protocol import Store, read_all

COPY_INTO = "_delta_log/_copy_into_log/"
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # a name that SQL takes without quotes
_ADDRESS = re.compile(rb"[a-z][a-z0-9]{1,9}:/{1,3}[^\s\"'<>\\]+")
_MOST_STATE = 16 << 20  # bytes of COPY INTO's state that are looked through for addresses
LATEST = 20  # commits of a source that are asked for who made them


def source_head(stores: Stores, row: LakeTable) -> Head:
    """The newest version of its source."""
    if row.kind != "delta":
        return head_of_files(stores, row)
    return head_of(stores.source(row), since=row.held_version or 0)


def latest(stores: Stores, row: LakeTable, *, after: int | None = None) -> tuple[Made, ...]:
    """Who made the newest commits of its source, the newest first.

    Args:
        after: only commits after this version; None: the last `LATEST`.
    """
    if row.kind != "delta":
        return newest_of_files(stores, row)
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
    if row.kind != "delta":
        return sides_of_files(stores, row)
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
    mode = "mirror" if switched.is_mirror else "snapshot"
    return BothSides(row.target_url, proof, switched, clone.metadata, loaded, mode)


def streams(
    wanted: Migration, stores: Stores, inventory: Iterable[Inventoried], more: Iterable[str]
) -> Iterator[FoundStream]:
    """The checkpoints that a discovery found, and those that are named; each query once.

    Of several of one query, which carrying there and back leaves, the one that is furthest counts.

    Raises:
        FerryError: LF-2104, LF-8074 for a named one that is none; a store that refuses.
    """
    furthest: dict[str, FoundStream] = {}
    for one in _checkpoints(wanted, stores, inventory, more):
        known = furthest.get(one.position.query_id)
        if known is None or _stands(one) >= _stands(known):
            furthest[one.position.query_id] = one
    yield from furthest.values()


def _stands(one: FoundStream) -> tuple[int, int]:
    batch, commit = one.position.last_batch, one.position.last_commit
    return (-1 if batch is None else batch, -1 if commit is None else commit)


def _checkpoints(
    wanted: Migration, stores: Stores, inventory: Iterable[Inventoried], more: Iterable[str]
) -> Iterator[FoundStream]:
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
        options = options_of(wanted, url)
        store = stores.at(url, options)
        position = read_position(store)
        if position is None:
            raise no_checkpoint(url)
        name = Path(url.rstrip("/")).name or "checkpoint"
        lands = f"{wanted.target.root}/_checkpoints/{name}-{position.query_id[:8]}"
        yield FoundStream(position, store, lands)


def refuse_no_checkpoint(wanted: Migration, stores: Stores, named: Iterable[str]) -> None:
    """Raises LF-8074 for one that is none; a store that refuses."""
    for url in named:
        if read_position(stores.at(url, options_of(wanted, url))) is None:
            raise no_checkpoint(url)


def moved_landings(
    wanted: Migration, inventory: Iterable[Inventoried], rows: Iterable[LakeTable]
) -> tuple[str, ...]:
    """Folders of files that the migration moves: what lands there is read elsewhere.

    Args:
        rows: that are switched; of those without a log the files themselves are.
    """
    found = [
        one.url
        for one in inventory
        if one.kind == "folder" and one.source in wanted.sources
        and orjson.loads(one.body).get("is_in_scope")
    ]  # fmt: skip
    found += [one.source_url for one in rows if one.kind != "delta"]
    return tuple(dict.fromkeys(found))


def shown_name(wanted: Migration, row: LakeTable, schema: str, table: str) -> str:
    """How statements name a table at the target; of a folder its address."""
    if row.kind == "folder":
        return row.target_url
    catalog = wanted.target.catalog
    if catalog is None or catalog.register == "never":
        return f"delta.{quoted_whole(row.target_url)}"
    parts = (part for part in (catalog.catalog or "", schema, table) if part)
    return ".".join(part if _PLAIN.fullmatch(part) else quoted_whole(part) for part in parts)


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


def no_checkpoint(url: str) -> FerryError:
    """LF-8074."""
    return FerryError(
        "LF-8074", "this folder is no checkpoint of a stream", f"{url}: no `metadata`",
        "name the folder that holds `metadata`, `offsets` and `commits`",
    )  # fmt: skip


def options_of(wanted: Migration, url: str) -> Mapping[str, str]:
    """Of the source below whose root an address lies; none where it lies below none."""
    for source in wanted.sources.values():
        options = source.store_options
        if source.root and contains(source.root, url, outer_options=options, inner_options=options):
            return options
    return {}
