"""The tables of a Databricks workspace's `hive_metastore`, asked through a SQL warehouse.

Its tables are a source only: nothing is registered here. Each table costs one statement, so several
are under way at once; a page of a schema is its names.

Source: Databricks SQL reference, SHOW SCHEMAS, SHOW TABLES, SHOW VIEWS, DESCRIBE DETAIL,
SHOW PARTITIONS, DESCRIBE TABLE ... PARTITION, SHOW GRANTS.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile, takewhile
from typing import NamedTuple
from urllib.parse import unquote

import orjson

from lakeferry.catalog.asking import Missing
from lakeferry.catalog.hive_layout import value_of
from lakeferry.catalog.side_by_side import AT_ONCE, Page, side_by_side
from lakeferry.catalog.statements import Row, rows
from lakeferry.catalog.tables import CatalogTable, Column, Grant, OnRefused, Partition, Tables
from lakeferry.catalog.unity_entry import quoted, quoted_whole
from lakeferry.catalog.workspace_places import real_place
from lakeferry.connect.databricks import WorkspaceAccess
from lakeferry.errors import FerryError

NAME = "hive_metastore"
WAREHOUSE = "dbfs:/user/hive/warehouse"  # where managed tables lie
_DETAILS = "# Detailed Partition Information"


@dataclass(frozen=True, slots=True)
class WorkspaceCatalog:
    """The metastore of one workspace."""

    access: WorkspaceAccess
    warehouse: str  # id of the SQL warehouse that answers
    mounts: Mapping[str, str] = field(default_factory=dict)  # '/mnt/sales' -> address

    @property
    def shown(self) -> str:
        return f"{NAME}; {self.access.shown}"


class _Ask(NamedTuple):
    schema: str
    table: str | None = None  # None: which tables it has
    is_view: bool = False


def list_schemas(place: WorkspaceCatalog) -> Iterator[str]:
    """The names of its schemas.

    Raises:
        FerryError: LF-8104, LF-8107, LF-8108; LF-1301, LF-1303.
    """
    for row in _rows(place, f"SHOW SCHEMAS IN {NAME}"):
        yield _first(row, "databaseName", "namespace")


def list_tables(
    place: WorkspaceCatalog, schemas: Sequence[str] | None = None, *, at_once: int = AT_ONCE,
    on_refused: OnRefused | None = None,
) -> Tables:  # fmt: skip
    """Every table and view of some schemas, or of all. Raises as `list_schemas`."""

    def page(ask: _Ask) -> Page[_Ask]:
        if ask.table is not None:
            found = None if ask.is_view else find_table(place, ask.schema, ask.table)
            if ask.is_view:
                found = CatalogTable(NAME, ask.schema, ask.table, "view", "")
            return Page() if found is None else Page((found,))
        name = quoted(f"{NAME}.{ask.schema}")
        try:
            views = {_first(row, "viewName") for row in _rows(place, f"SHOW VIEWS IN {name}")}
            tables = [_first(row, "tableName") for row in _rows(place, f"SHOW TABLES IN {name}")]
        except Missing as error:
            if schemas is None:
                return Page()  # dropped since it was listed
            raise FerryError(
                "LF-8107",
                f"there is no schema `{NAME}.{ask.schema}`",
                f"{error}; {place.access.shown}",
                "look at its name; without one all schemas are listed",
            ) from error
        return Page((), tuple(_Ask(ask.schema, one, one in views) for one in tables))

    names = list_schemas(place) if schemas is None else schemas
    asks = (_Ask(name) for name in names)
    return side_by_side(asks, page, at_once=at_once, on_refused=on_refused)


def find_table(place: WorkspaceCatalog, schema: str, table: str) -> CatalogTable | None:
    """One table; None where there is none.

    A table that the workspace itself cannot describe, one whose folder is gone for example, comes
    with the workspace's words as its problem.
    """
    name = quoted(f"{NAME}.{schema}.{table}")
    try:
        found = next(_rows(place, f"DESCRIBE DETAIL {name}"), None)
        return None if found is None else _table(place, schema, table, found)
    except Missing:
        return None
    except FerryError as error:
        if error.code != "LF-8108":
            raise
        return CatalogTable(
            NAME, schema, table, "unknown", "", problem=error.what,
            next_step="mend or drop the table in the workspace, or leave it out with `exclude`",
        )  # fmt: skip


def partitions(place: WorkspaceCatalog, table: CatalogTable) -> Iterator[Partition]:
    """The partitions that the metastore knows; one statement for each. Raises as `list_schemas`."""
    name = quoted(table.full_name)
    for row in _rows(place, f"SHOW PARTITIONS {name}"):
        values = _values(row, table.partition_columns)
        spec = ", ".join(
            f"{quoted_whole(column)} = {_literal(value)}"
            for column, value in zip(table.partition_columns, values, strict=True)
        )
        told = _rows(place, f"DESCRIBE TABLE EXTENDED {name} PARTITION ({spec})")
        plain = tuple(None if value is None else value_of(value) for value in values)
        yield Partition(plain, real_place(_location(told), place.mounts, name).address)


def grants(place: WorkspaceCatalog, table: CatalogTable) -> tuple[Grant, ...]:
    """What is granted on the table itself. Raises as `list_schemas`."""
    found = _rows(place, f"SHOW GRANTS ON TABLE {quoted(table.full_name)}")
    return tuple(
        Grant(_first(row, "Principal", "principal"), _first(row, "ActionType", "actionType"))
        for row in found
        if (row.get("ObjectType") or row.get("objectType") or "TABLE").upper() == "TABLE"
    )


def _table(place: WorkspaceCatalog, schema: str, table: str, row: Row) -> CatalogTable:
    kind = (row.get("format") or "").lower()
    location = row.get("location") or ""
    name = quoted(f"{NAME}.{schema}.{table}")
    real = real_place(location, place.mounts, name)
    keys: list[str] = orjson.loads(row.get("partitionColumns") or "[]")
    has_partitions = bool(keys) and kind != "delta"
    return CatalogTable(
        catalog=NAME,
        schema=schema,
        table=table,
        kind=kind,
        location=real.address,
        comment=row.get("description") or "",
        properties=orjson.loads(row.get("properties") or "{}"),
        columns=_columns(place, name) if has_partitions else (),
        partition_columns=tuple(keys),
        has_partitions=has_partitions,
        is_external=not location.startswith(WAREHOUSE),
        problem=real.problem,
        next_step=real.next_step,
    )


def _columns(place: WorkspaceCatalog, name: str) -> tuple[Column, ...]:
    """Of a table whose columns no log tells; what stands behind them is told in other lines."""
    told = _rows(place, f"DESCRIBE TABLE {name}")
    rows = takewhile(lambda row: (row.get("col_name") or "#")[:1] != "#", told)
    return tuple(
        Column(row["col_name"] or "", row.get("data_type") or "", row.get("comment") or "")
        for row in rows
    )


def _values(row: Row, columns: Sequence[str]) -> list[str | None]:
    """Of one partition: `day=2026-11-26/city=San Jose` in one column, or each in its own."""
    if all(column in row for column in columns):
        return [row[column] for column in columns]
    pairs = (part.partition("=") for part in _first(row, "partition").split("/"))
    told = {unquote(key).lower(): unquote(value) for key, _, value in pairs}
    return [told[column.lower()] for column in columns]


def _location(told: Iterable[Row]) -> str:
    """Of the partition: a column may be called so too, and the table's own comes later."""
    rows = dropwhile(lambda row: row.get("col_name") != _DETAILS, told)
    return next((row.get("data_type") or "" for row in rows if row.get("col_name") == "Location"),
                "")  # fmt: skip


def _rows(place: WorkspaceCatalog, statement: str) -> Iterator[Row]:
    return rows(place.access, place.warehouse, statement)


def _first(row: Row, *names: str) -> str:
    """The value of the first of these columns: releases call some of them differently."""
    for name in names:
        if (found := row.get(name)) is not None:
            return found
    return next(iter(row.values())) or ""


def _literal(value: str | None) -> str:
    if value is None:
        return "NULL"
    text = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"
