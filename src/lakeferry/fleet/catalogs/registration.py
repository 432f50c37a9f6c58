"""A table of a migration as its target's catalog shall know it: name, columns, origin. Pure.

What a catalog is told of version and lag is what `status` says at the same moment.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from lakeferry.catalog.columns import columns_of
from lakeferry.catalog.tables import AS_OF, LAG, SOURCE, SOURCE_VERSION, Registration
from lakeferry.delta.actions import Metadata
from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.facts import parts_of
from lakeferry.fleet.manifest.landing import Name, catalog_schema, catalog_word
from lakeferry.fleet.manifest.wanted import CATALOG_SCHEMA, Migration
from lakeferry.fleet.standing.status import behind_s
from lakeferry.ledger.rows import LakeTable


def catalog_name(wanted: Migration, table: LakeTable) -> tuple[str, str]:
    """Schema and name of a table in the target's catalog."""
    schema, name = parts_of(table)
    source = wanted.sources.get(table.source)
    kind = source.kind if source is not None else table.kind
    known = Name(table.source, schema, name, kind=kind, wave=table.wave)
    catalog = wanted.target.catalog
    layout = catalog.schema if catalog is not None else CATALOG_SCHEMA
    return catalog_schema(layout, known), catalog_word(name)


def refuse_one_name(wanted: Migration, tables: Iterable[LakeTable], shown: str) -> None:
    """Refuse two tables that a catalog would know by one name, before the first has it.

    Args:
        shown: the catalog, for people.

    Raises:
        FerryError: LF-8101.
    """
    known: dict[tuple[str, str], str] = {}
    for one in tables:
        name = catalog_name(wanted, one)
        other = known.setdefault(name, one.name)
        if other != one.name:
            raise FerryError(
                "LF-8101",
                f"the catalog would know two tables as `{'.'.join(name)}`",
                f"{other} and {one.name}; {shown}",
                "let `target.catalog.schema` tell them apart, or exclude one",
            )


def told(table: LakeTable, *, now_ms: int) -> dict[str, str]:
    """The properties that say where a table is from and how fresh it is.

    Args:
        now_ms: since the epoch, UTC.

    A table that was never moved has neither version nor lag. The receipt of a cut-over is told with
    the cut-over.
    """
    found = {SOURCE: table.source_url}
    lag_s = behind_s(table, now_ms)
    if table.held_version is not None:
        found[SOURCE_VERSION] = str(table.held_version)
    if lag_s is not None:
        found[LAG] = str(int(lag_s))
        moment = datetime.fromtimestamp(now_ms / 1000, UTC)
        found[AS_OF] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return found


def registration(
    wanted: Migration, table: LakeTable, metadata: Metadata, *, now_ms: int
) -> Registration:
    """What the target's catalog shall know.

    Args:
        metadata: of the target, at the version that is registered.
    """
    schema, name = catalog_name(wanted, table)
    return Registration(
        schema=schema,
        table=name,
        location=table.target_url,
        columns=columns_of(metadata.schema_string),
        partition_columns=metadata.partition_columns,
        comment=metadata.description or "",
        properties=told(table, now_ms=now_ms),
    )
