"""An answer of one trip -> the tables, checkpoints and folders that it tells of. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from lakeferry.catalog.tables import CatalogTable
from lakeferry.errors import FerryError
from lakeferry.fleet.discovery.found import FoundTable, Kind, Remark
from lakeferry.fleet.discovery.head_facts import remark_of
from lakeferry.fleet.discovery.known_place import place_to_look
from lakeferry.fleet.discovery.look_at_folder import Look
from lakeferry.fleet.discovery.table_names import name_of_path
from lakeferry.fleet.discovery.trip import Answer, FolderTask, Task, Trip
from lakeferry.fleet.manifest.facts import BY_PATTERN
from lakeferry.fleet.manifest.wanted import Source

NOT_DELTA, VIEW, BESIDE = "not Delta", "view", "beside the tables"
_MOVED: tuple[Kind, ...] = ("delta", "parquet")


def told(trip: Trip, task: Task, answer: Answer) -> Iterator[FoundTable]:
    """The tables, checkpoints and folders that one answer tells of, each judged for scope."""
    if isinstance(answer, tuple):
        for known in answer:
            found = _not_looked_at(trip, known)
            if found is not None:
                yield scoped(trip.source, found)
    elif isinstance(task, FolderTask):
        if isinstance(answer, FerryError):
            if task.known is not None and trip.fault is None:
                remarks = (remark_of(answer),)
                yield scoped(trip.source, replace(_found(trip, task, "delta"), remarks=remarks))
        elif answer.kind is not None or task.known is not None:
            yield scoped(trip.source, _looked_at(trip, task, answer))


def plain_folders(trip: Trip) -> Iterator[FoundTable]:
    """Folders of plain files, when a trip is over."""
    source = trip.source
    root = source.root or ""
    for path, plain in trip.plain.joined():
        schema, table = name_of_path(path, root)
        url = f"{root.rstrip('/')}/{path}" if path else root
        yield scoped(source, FoundTable(
            source.name, schema, table, "folder", url, path,
            files=plain.files, bytes=plain.bytes, formats=dict(plain.formats.most_common(5)),
        ))  # fmt: skip


def scoped(source: Source, found: FoundTable) -> FoundTable:
    """With whether it is in scope.

    Plain folders and checkpoints are moved only where a pattern of `include` names their path.
    """
    why = ""
    if not source.is_in_scope(found.schema, found.table, found.path):
        why = BY_PATTERN
    elif found.kind == "view":
        why = VIEW
    elif found.kind in ("folder", "checkpoint"):
        paths = [one for one in source.include if one.is_of_path]
        is_named = any(one.fits(found.schema, found.table, found.path) for one in paths)
        why = "" if is_named else BESIDE
    elif found.kind not in _MOVED:
        why = NOT_DELTA
    return replace(found, is_in_scope=not why, why_not=why)


def _not_looked_at(trip: Trip, known: CatalogTable) -> FoundTable | None:
    """A table of a catalog whose files nobody looks at; None where they are looked at."""
    source = trip.source
    place = trip.unopened.get(known.full_name) or place_to_look(known, source.names_from.mounts)
    remarks: tuple[Remark, ...] = ()
    kind: Kind = "view" if known.kind in ("view", "materialized view") else "other"
    if isinstance(place, Remark):
        kind = "parquet" if known.kind == "parquet" else "delta"
        remarks = (place,)
    elif place is not None:
        return None
    elif kind == "other":
        remarks = (_no_delta(known.kind),)
    return FoundTable(
        source.name, known.schema, known.table, kind, known.location,
        catalog=known.catalog or source.names_from.catalog,
        partition_columns=known.partition_columns, remarks=remarks,
    )  # fmt: skip


def _found(trip: Trip, task: FolderTask, kind: Kind) -> FoundTable:
    schema, table = trip.name_of(task)
    known = task.known
    catalog = "" if known is None else known.catalog or trip.source.names_from.catalog
    return FoundTable(
        trip.source.name, schema, table, kind, task.part.url, task.path, catalog=catalog
    )


def _looked_at(trip: Trip, task: FolderTask, look: Look) -> FoundTable:
    known = task.known
    kind: Kind = look.kind or ("parquet" if known and known.kind == "parquet" else "delta")
    columns = look.partition_columns or (known.partition_columns if known else ())
    found = replace(
        _found(trip, task, kind),
        files=look.files,
        bytes=look.bytes,
        head=look.head,
        query=look.query,
        partition_columns=look.head.partition_columns if look.head else columns,
    )
    return replace(found, remarks=(*look.remarks, *_of_catalog(trip, task, look)))


def _of_catalog(trip: Trip, task: FolderTask, look: Look) -> Iterator[Remark]:
    """Where a catalog and the folders disagree."""
    known = task.known
    if known is None:
        if trip.asks_catalog and look.kind == "delta":
            catalog = trip.source.names_from.catalog
            what = f"its log is there, and it is not registered in {catalog}"
            step = "exclude it if nobody uses it; else it is moved under the name of its path"
            yield Remark("LF-8055", what, step, blocks=False)
    elif known.kind == "delta" and look.kind != "delta":
        what = f"it is registered as {known.full_name}, and no log lies at its location"
        yield Remark("LF-8054", what, "drop it in the catalog or exclude it, or restore its files")


def _no_delta(kind: str) -> Remark:
    what = f"its catalog calls it `{kind}`, which is no Delta table"
    return Remark("LF-8052", what, "write it as a Delta table, or move its files by themselves")
