"""Parquet tables and plain folders of a migration: looked at, and brought over, as tables are.

They have no versions; what their target holds is a numbered state of them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Event as Flag

from lakeferry.catalog.glue import GlueCatalog
from lakeferry.catalog.reading import AnyCatalog, find_table, partitions
from lakeferry.catalog.tables import Partition
from lakeferry.catalog.workspace import WorkspaceCatalog
from lakeferry.clone import folder, parquet_clone
from lakeferry.clone.folder import look_at_files, sync_files
from lakeferry.clone.hive_path import declared_type
from lakeferry.clone.parquet_clone import clone_parquet, look_at_parquet
from lakeferry.clone.parquet_folder import Declared, Place, id_of
from lakeferry.clone.report import CloneReport, CloneRequest
from lakeferry.clone.surroundings import Lent
from lakeferry.errors import FerryError
from lakeferry.events import Emit
from lakeferry.fleet.discovery.found import Remark
from lakeferry.fleet.discovery.from_catalog import (
    HIVE_METASTORE,
    aws_access,
    hive_catalog,
    workspace_access,
)
from lakeferry.fleet.discovery.known_place import place_of
from lakeferry.fleet.manifest.facts import parts_of
from lakeferry.fleet.manifest.typed import typed
from lakeferry.fleet.manifest.wanted import Migration, Source
from lakeferry.fleet.planning.planned import Counted, Seen
from lakeferry.fleet.planning.schema_change import is_accepted, schema_change
from lakeferry.ledger.rows import LakeTable

KINDS = frozenset({"parquet", "folder"})


@dataclass(frozen=True)
class Beside:
    """One of them: what is known of it beside its files."""

    kind: str
    declare: Callable[[], Declared]  # asks its catalog, where it has one
    apart: tuple[str, ...] = ()  # of a folder: what lies below it and is something else


def beside_of(wanted: Migration, row: LakeTable, every: Iterable[LakeTable]) -> Beside | None:
    """Of a table of the ledger; None where it is a Delta table."""
    if row.kind not in KINDS:
        return None
    source = wanted.sources[row.source]
    apart = () if row.kind == "parquet" else apart_of(row, every)
    return Beside(row.kind, lambda: declared_of(source, row), apart)


def apart_of(row: LakeTable, every: Iterable[LakeTable]) -> tuple[str, ...]:
    """What lies below a folder and has a name of its own, relative to the folder."""
    above = f"{row.source_url.rstrip('/')}/"
    found = (one.source_url.rstrip("/") for one in every if one.source == row.source)
    return tuple(sorted(url[len(above) :] for url in found if url.startswith(above)))


def bring_beside(
    beside: Beside,
    request: CloneRequest,
    *,
    name: str,
    rule: str,
    is_accepted_once: bool,
    emit: Emit,
    stop: Flag,
    lent: Lent,
) -> CloneReport:
    """Bring it over, or up to date.

    Args:
        name: of the table, in the migration.
        rule: its `schema_changes`.
        is_accepted_once: a person accepts what changed now.

    Raises:
        FerryError: as `clone_parquet` and `sync_files`; LF-4105 columns changed more than `rule`
            accepts.
    """
    if beside.kind == "folder":
        return sync_files(request, beside.apart, emit=emit, stop=stop, lent=lent)

    def review(before: str, after: str) -> None:
        change = schema_change(before, after)
        if is_accepted_once or is_accepted(change.kind, rule):
            return
        raise FerryError(
            "LF-4105",
            f"the schema changed: {change.text}",
            f"{request.source}; accepted are `{rule}` changes; the target holds what it held",
            f"allow it once: lakeferry sync -s {typed(name)} --accept-schema 1; or set "
            "`schema_changes` for it in the manifest",
        )

    return clone_parquet(request, beside.declare(), emit=emit, stop=stop, lent=lent, review=review)


def look_beside(beside: Beside, request: CloneRequest) -> Seen:
    """What a run would move. Raises as `bring_beside` does."""
    if beside.kind == "folder":
        found = look_at_files(request, beside.apart)
        return Seen(
            request.target, found.state, source_id=id_of(request.source),
            live=(found.live_bytes, found.live_files), held_version=found.held,
            target_version=found.held, is_current=found.state == found.held, is_judged=True,
            work=Counted(found.bytes, found.files, found.files, 0),
        )  # fmt: skip
    seen = look_at_parquet(request, beside.declare())
    return Seen(
        request.target, seen.state, source_id=id_of(request.source),
        live=(seen.live_bytes, seen.live_files), held_version=seen.held,
        target_version=seen.target_version, is_current=seen.is_current, is_judged=True,
        work=Counted(seen.bytes, seen.files, seen.files, seen.removed),
    )  # fmt: skip


def is_written_since(beside: Beside, request: CloneRequest, target_version: int | None) -> bool:
    """Whether files came to the source, or were written over, since the last run.

    Args:
        target_version: of the target after that run. What others do there from then on, once it is
            in use, says nothing of the source.
    """
    if beside.kind == "folder":
        return folder.has_unbrought(request, beside.apart)
    if target_version is None:
        return False
    return parquet_clone.has_unbrought(request, beside.declare(), target_version)


# ---- what catalogs know of a Parquet table


def declared_of(source: Source, row: LakeTable) -> Declared:
    """Partition columns, their types and their places; nothing where only folders tell of it.

    Raises:
        FerryError: LF-4111 a partition column of a type that no partition has; what the catalog
            refuses.
    """
    place = _catalog_of(source)
    table = None if place is None else find_table(place, *parts_of(row))
    if place is None or table is None or not table.partition_columns:
        return Declared()
    types = {one.name: one.type for one in table.columns}
    declared = {name: _type(types.get(name, "string"), name, row) for name in
                table.partition_columns}  # fmt: skip
    if not table.has_partitions:
        return Declared(table.partition_columns, declared)
    places = tuple(_place(one, source.names_from.mounts, row) for one in partitions(place, table))
    return Declared(table.partition_columns, declared, places)


def _catalog_of(source: Source) -> AnyCatalog | None:
    """Who knows the partitions of its tables; None: their folders alone."""
    names = source.names_from
    match names.catalog:
        case "glue":
            return GlueCatalog(aws_access(names.link))
        case "hive" if names.uri is not None:
            return hive_catalog(names.uri, names.link)
        case "unity" if names.warehouse is not None and names.name in (None, HIVE_METASTORE):
            access = workspace_access(names.link, names.uri)
            return WorkspaceCatalog(access, names.warehouse, names.mounts)
        case _:
            return None


def _type(kind: str, column: str, row: LakeTable) -> str:
    found = declared_type(kind)
    if found is None:
        raise FerryError(
            "LF-4111",
            f"partition column `{column}` is declared as {kind}, which no partition is",
            row.source_url,
            "declare it in the catalog as a string, a number or a date",
        )
    return found


def _place(partition: Partition, mounts: Mapping[str, str], row: LakeTable) -> Place:
    found = place_of(partition.location, mounts, row.name, is_uri=False)
    if isinstance(found, Remark):
        raise FerryError(found.code, found.what, row.source_url, found.next_step)
    return Place(partition.values, found.url)
