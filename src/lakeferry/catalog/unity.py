"""Unity Catalog by its REST API: list, find, register, take away.

Two services speak it. Databricks' changes nothing of an entry by REST, but has tags beside it, so
what changes with every sync (version, lag, receipt) is told by tags: a dot is not allowed in them,
`lakeferry.lag` is `lakeferry_lag`. SQL would write properties into the table's own log, which is
the clone's. The open-source server has neither, and there an entry is made anew, its permissions
carried over. Columns and comment of a Delta table Databricks takes from the log by itself.

Source: Unity Catalog REST API 2.1: tables, schemas, permissions; Databricks REST API, "Entity tag
assignments"; Databricks, "Unity Catalog privileges and securable objects".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from lakeferry.catalog.asking import Missing, Taken
from lakeferry.catalog.judging import check_may_take, check_there, check_unchanged, differences
from lakeferry.catalog.side_by_side import AT_ONCE, Page, side_by_side
from lakeferry.catalog.tables import (
    NOTHING,
    CatalogTable,
    Change,
    Grant,
    OnRefused,
    Registration,
    Tables,
)
from lakeferry.catalog.unity_entry import (
    Json,
    UnityCatalog,
    input_of,
    may_read,
    may_write,
    owner_of,
    path_of,
    quoted,
    table_of,
    taken_over,
)
from lakeferry.catalog.unity_requests import do, tag, with_tags
from lakeferry.errors import FerryError

A_PAGE = 100  # tables, at most what the services give
BUILT_IN = "information_schema"


class _Ask(NamedTuple):
    schema: str
    token: str | None = None


# ---- reading


def list_schemas(place: UnityCatalog) -> Iterator[str]:
    """Its schemas but the built-in one.

    Raises:
        FerryError: LF-8104, LF-8106, LF-8107; LF-1301, LF-1303.
    """
    query = {"catalog_name": place.catalog, "max_results": A_PAGE}
    while True:
        try:
            answer = do(place, "GET", "/schemas", on="", rights=may_read(place), query=query)
        except Missing as error:
            raise FerryError(
                "LF-8107",
                f"there is no catalog `{place.catalog}`",
                f"{error}; {place.access.shown}",
                "look at its name (`from: {name: ...}`), and let whoever asks USE it",
            ) from error
        for one in answer.get("schemas", ()):
            if one["name"] != BUILT_IN:
                yield one["name"]
        if not answer.get("next_page_token"):
            return
        query["page_token"] = answer["next_page_token"]


def list_tables(
    place: UnityCatalog, schemas: Sequence[str] | None = None, *, at_once: int = AT_ONCE,
    on_refused: OnRefused | None = None,
) -> Tables:  # fmt: skip
    """Every table of some schemas, or of all. Raises as `list_schemas`."""

    def page(ask: _Ask) -> Page[_Ask]:
        query = {
            "catalog_name": place.catalog, "schema_name": ask.schema, "max_results": A_PAGE,
            **({"page_token": ask.token} if ask.token else {}),
        }  # fmt: skip
        try:
            answer = do(place, "GET", "/tables", on=ask.schema, rights=may_read(place), query=query)
        except Missing as error:
            if schemas is None:
                return Page()  # dropped since it was listed
            raise FerryError(
                "LF-8107",
                f"there is no schema `{place.catalog}.{ask.schema}`",
                f"{error}; {place.access.shown}",
                "look at its name; without one all schemas are listed",
            ) from error
        token = answer.get("next_page_token")
        # A page may be empty and yet not the last.
        return Page(
            tuple(map(table_of, answer.get("tables", ()))),
            (_Ask(ask.schema, token),) if token else (),
        )

    names = list_schemas(place) if schemas is None else schemas
    asks = (_Ask(name) for name in names)
    return side_by_side(asks, page, at_once=at_once, on_refused=on_refused)


def find_table(place: UnityCatalog, schema: str, table: str) -> CatalogTable | None:
    """One table, what its tags say among its properties; None where there is none."""
    found = _found(place, schema, table)
    return None if found is None else with_tags(place, table_of(found))


def grants(place: UnityCatalog, table: CatalogTable) -> tuple[Grant, ...]:
    """What is granted on the table itself, not above it. Raises as `list_schemas`."""
    path = f"/permissions/table/{path_of(table.full_name)}"
    try:
        answer = do(place, "GET", path, on=table.full_name, rights=may_read(place))
    except Missing:  # it was dropped meanwhile
        return ()
    return tuple(
        Grant(one["principal"], privilege.replace("_", " "))
        for one in answer.get("privilege_assignments", ())
        for privilege in one["privileges"]
    )


# ---- writing


def register(place: UnityCatalog, wanted: Registration) -> Change:
    """Make the table known, or what is known of it equal; its schema is made where it lacks.

    Raises:
        FerryError: LF-8101, LF-8102, LF-8104, LF-8106, LF-8107; LF-1301, LF-1303.
    """
    name = f"{place.catalog}.{wanted.schema}.{wanted.table}"
    known = find_table(place, wanted.schema, wanted.table)
    if known is None:
        try:
            _create(place, input_of(place, wanted))
        except Taken:  # somebody has just made it: look at it
            known = find_table(place, wanted.schema, wanted.table)
        else:
            return Change("created")
    known = check_there(known, name, place.shown)
    check_may_take(known, wanted, place.shown)
    parts = differences(known, wanted)
    if place.has_tags:
        return tag(place, known.full_name, wanted.properties)
    if not parts:
        return NOTHING
    before = _found(place, wanted.schema, wanted.table) or {}
    properties = {**known.properties, **wanted.properties}
    _again(place, known, before, {**input_of(place, wanted), "properties": properties})
    return Change("updated", parts)


def set_properties(
    place: UnityCatalog, schema: str, table: str, properties: Mapping[str, str | None]
) -> Change:
    """Set properties of a table, or take away those whose value is None.

    Raises:
        FerryError: LF-8107 where there is no such table; else as `register`.
    """
    found = _found(place, schema, table)
    known = None if found is None else with_tags(place, table_of(found))
    known = check_there(known, f"{place.catalog}.{schema}.{table}", place.shown)
    if place.has_tags:
        return tag(place, known.full_name, properties)
    changed = {key: one for key, one in properties.items() if known.properties.get(key) != one}
    if found is None or not changed:
        return NOTHING
    all = {key: one for key, one in {**known.properties, **changed}.items() if one is not None}
    _again(place, known, found, {**taken_over(found), "properties": all})
    return Change("updated", tuple(sorted(changed)))


def unregister(place: UnityCatalog, known: Registration) -> Change:
    """Take a table of ours out of the catalog; its files stay.

    Raises:
        FerryError: LF-8103 where it is not as it was registered, LF-8101 where it is not ours; else
            as `register`.
    """
    found = find_table(place, known.schema, known.table)
    if found is None:
        return NOTHING
    if not found.is_ours:
        check_may_take(found, known, place.shown)
    if place.has_tags:  # there columns and comment follow the log
        known = replace(known, columns=found.columns, comment=found.comment)
    check_unchanged(found, known, place.shown)
    _delete(place, found)
    return Change("removed")


# ---- requests


def _found(place: UnityCatalog, schema: str, table: str) -> Json | None:
    name = f"{place.catalog}.{schema}.{table}"
    try:
        return do(place, "GET", f"/tables/{path_of(name)}", on=name, rights=may_read(place))
    except Missing:
        return None


def _create(place: UnityCatalog, entry: Json) -> None:
    """Make an entry, its schema where it lacks, and as tags the properties of ours."""
    _enter(place, entry)
    if place.has_tags:
        made = replace(table_of(entry), owner="")
        try:
            tag(place, made.full_name, entry.get("properties", {}))
        except FerryError:  # without its tags it would be somebody else's the next time
            _delete(place, made)
            raise


def _enter(place: UnityCatalog, entry: Json) -> None:
    """Make an entry, its schema where it lacks. Raises Taken."""
    schema = f"{place.catalog}.{entry['schema_name']}"
    rights = may_write(place, schema, entry["storage_location"])
    name = f"{schema}.{entry['name']}"
    try:
        do(place, "POST", "/tables", on=name, rights=rights, body=entry)
    except Missing:
        body = {"name": entry["schema_name"], "catalog_name": place.catalog}
        try:
            do(place, "POST", "/schemas", on=schema, rights=rights, body=body)
        except Taken:
            pass
        except Missing as error:
            raise FerryError(
                "LF-8107",
                f"there is no catalog `{place.catalog}`",
                f"{error}; {place.access.shown}",
                f"let an administrator make it: CREATE CATALOG {quoted(place.catalog)}",
            ) from error
        do(place, "POST", "/tables", on=name, rights=rights, body=entry)


def _delete(place: UnityCatalog, found: CatalogTable) -> None:
    rights = f"only who owns a table, its schema or its catalog may drop it: {owner_of(found)}"
    try:
        do(
            place,
            "DELETE",
            f"/tables/{path_of(found.full_name)}",
            on=found.full_name,
            rights=rights,
        )
    except Missing:
        return


def _again(place: UnityCatalog, known: CatalogTable, before: Json, entry: Json) -> None:
    """Make an entry anew with what was granted on it: the open server can change none, nor tag it.

    Args:
        before: the entry as it is; it is put back where the new one is refused.
    """
    if not known.is_external:
        raise FerryError(
            "LF-8103",
            f"the catalog owns the files of `{known.full_name}`",
            f"to make its entry anew would delete them; {place.shown}",
            "change it in the catalog itself",
        )
    granted = grants(place, known)
    _delete(place, known)
    try:
        _enter(place, entry)
    except Taken as error:
        raise FerryError(
            "LF-8106",
            f"`{known.full_name}` was made by somebody else while its entry was made anew",
            f"{error}; {place.shown}",
            f"see whose it is; on the entry before was granted: {_told(granted)}",
        ) from error
    except FerryError:
        _enter(place, taken_over(before))
        _restore(place, known, granted)
        raise
    _restore(place, known, granted)


def _told(granted: Sequence[Grant]) -> str:
    return ", ".join(f"{one.privilege} to {one.principal}" for one in granted) or "nothing"


def _restore(place: UnityCatalog, known: CatalogTable, granted: Sequence[Grant]) -> None:
    """Put back what was granted on an entry."""
    changes = [
        {
            "principal": principal,
            "add": [one.privilege for one in granted if one.principal == principal],
            "remove": [],
        }
        for principal in dict.fromkeys(one.principal for one in granted)
    ]
    if changes:
        path = f"/permissions/table/{path_of(known.full_name)}"
        rights = f"let the table's owner grant again: {owner_of(known)}"
        do(place, "PATCH", path, on=known.full_name, rights=rights, body={"changes": changes})
