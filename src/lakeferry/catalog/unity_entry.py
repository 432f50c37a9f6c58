"""An entry of Unity Catalog <-> our values, and the rights that its requests need. Pure.

Source: Unity Catalog REST API 2.1, `TableInfo` and `CreateTable`; Databricks, "Unity Catalog
privileges and securable objects".
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from lakeferry.catalog.columns import unity_column
from lakeferry.catalog.tables import CatalogTable, Column, Registration
from lakeferry.connect.databricks import WorkspaceAccess

_INPUT = (  # what `CreateTable` takes of `TableInfo`
    "name", "catalog_name", "schema_name", "table_type", "data_source_format", "columns",
    "storage_location", "comment", "properties",
)  # fmt: skip
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class UnityCatalog:
    """One catalog of a metastore."""

    access: WorkspaceAccess
    catalog: str
    has_tags: bool = True  # Databricks' own; False: the open-source server

    @property
    def shown(self) -> str:
        return f"catalog {self.catalog}; {self.access.shown}"


def input_of(place: UnityCatalog, wanted: Registration) -> Json:
    """A `CreateTable`."""
    index = {name: number for number, name in enumerate(wanted.partition_columns)}
    entry: Json = {
        "name": wanted.table,
        "catalog_name": place.catalog,
        "schema_name": wanted.schema,
        "table_type": "EXTERNAL",
        "data_source_format": "DELTA",
        "storage_location": wanted.location,
        "columns": [
            unity_column(one, position, index.get(one.name))
            for position, one in enumerate(wanted.columns)
        ],
        "properties": dict(wanted.properties),
    }
    return {**entry, "comment": wanted.comment} if wanted.comment else entry


def taken_over(found: Json) -> Json:
    """A `CreateTable` of what a `TableInfo` says."""
    return {key: found[key] for key in _INPUT if found.get(key) is not None}


def table_of(info: Json) -> CatalogTable:
    """The table of a `TableInfo`."""
    columns = sorted(info.get("columns") or (), key=lambda one: one.get("position") or 0)
    parts = [one for one in columns if one.get("partition_index") is not None]
    kind = (info.get("data_source_format") or "").lower()
    is_view = "VIEW" in (info.get("table_type") or "")
    return CatalogTable(
        catalog=info["catalog_name"],
        schema=info["schema_name"],
        table=info["name"],
        kind="view" if is_view else kind,
        location="" if is_view else info.get("storage_location") or "",
        comment=info.get("comment") or "",
        properties=dict(info.get("properties") or {}),
        columns=tuple(
            Column(
                one["name"], one.get("type_text") or "", one.get("comment") or "",
                one.get("nullable") is not False, one.get("type_json") or "",
            )
            for one in columns
        ),
        partition_columns=tuple(
            one["name"] for one in sorted(parts, key=lambda one: int(one["partition_index"]))
        ),
        owner=info.get("owner") or "",
        is_external=(info.get("table_type") or "").startswith("EXTERNAL"),
    )  # fmt: skip


def path_of(name: str) -> str:
    """A name as part of a path."""
    return quote(name, safe="")


def quoted(name: str) -> str:
    """A name of several parts as SQL writes it."""
    return ".".join(map(quoted_whole, name.split(".")))


def quoted_whole(name: str) -> str:
    """A name that may hold dots, as SQL writes it."""
    return f"`{name.replace('`', '``')}`"


def owner_of(table: CatalogTable) -> str:
    """Who owns it, or where to look."""
    return table.owner or "see the catalog for its owner"


def may_read(place: UnityCatalog) -> str:
    """What lets somebody list and find tables."""
    name = quoted(place.catalog)
    return f"GRANT USE CATALOG, USE SCHEMA, SELECT ON CATALOG {name} TO `whoever asks`"


def may_write(place: UnityCatalog, schema: str, location: str) -> str:
    """What lets somebody register a table at a place."""
    return (
        f"GRANT USE CATALOG ON CATALOG {quoted(place.catalog)} TO `whoever asks`; "
        f"GRANT USE SCHEMA, CREATE TABLE ON SCHEMA {quoted(schema)} TO `whoever asks`; "
        "GRANT CREATE EXTERNAL TABLE ON EXTERNAL LOCATION `the one that holds "
        f"{location}` TO `whoever asks`; a schema that is not there needs CREATE SCHEMA"
    )
