"""A Hive metastore: list, find, register, take away.

A table is registered as Spark does it, see `hive_layout`. The service looks for the table's folder
when it registers one: it needs the file system of that address on its class path (S3A, for one).

Source: Hive, hive_metastore.thrift. Version 4 has taken away methods that 2.3 lacks the successors
of, so each is asked by its new name first, then by its old one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lakeferry.catalog import hive_thrift as form
from lakeferry.catalog.columns import hive_columns
from lakeferry.catalog.judging import check_may_take, check_there, check_unchanged, differences
from lakeferry.catalog.side_by_side import AT_ONCE, Page, side_by_side
from lakeferry.catalog.tables import (
    NOTHING,
    CatalogTable,
    Change,
    Grant,
    OnRefused,
    Partition,
    Registration,
    Tables,
)
from lakeferry.connect import thrift_form as thrift
from lakeferry.connect.metastore import Declared, UnknownMethod, ask, user
from lakeferry.connect.thrift_form import Fields, text, value
from lakeferry.errors import FerryError

META, MISSING, THERE = "MetaException", "NoSuchObjectException", "AlreadyExistsException"
INVALID, REFUSED = "InvalidObjectException", "InvalidOperationException"
NO_SCHEMA = "UnknownDBException"
A_PAGE = 100  # tables of one answer
PARTITIONS = 500  # of one answer
_TABLE = 3  # of HiveObjectType
# Without it the service refuses a whole page for one table of the kind; 2: INSERT_ONLY_TABLES.
_CAPABLE = thrift.struct({1: thrift.Typed(thrift.LIST, [2], thrift.I32)})
# The files are Delta's: the service shall neither list nor count them.
_LEAVE_FILES = thrift.struct({1: thrift.text_map({"DO_NOT_UPDATE_STATS": "true"})})
Question = tuple[str, Fields, Mapping[int, str]]


@dataclass(frozen=True, slots=True)
class HiveCatalog:
    """One metastore."""

    uri: str  # 'thrift://host:9083'
    service: str = ""  # first part of its Kerberos principal, 'hive'; '': it asks for no Kerberos

    @property
    def shown(self) -> str:
        return self.uri


class _Ask(NamedTuple):
    schema: str
    tables: tuple[str, ...] | None = None  # None: its names are not known yet


# ---- reading


def list_schemas(place: HiveCatalog) -> Iterator[str]:
    """The names of its databases.

    Raises:
        FerryError: LF-8104, LF-8105, LF-8106.
    """
    yield from _asked(place, "", ("get_all_databases", {}, {1: META})) or ()


def list_tables(
    place: HiveCatalog, schemas: Sequence[str] | None = None, *, at_once: int = AT_ONCE,
    on_refused: OnRefused | None = None,
) -> Tables:  # fmt: skip
    """Every table of some databases, or of all. Raises as `list_schemas`; LF-8107."""

    def page(ask: _Ask) -> Page[_Ask]:
        if ask.tables is None:
            names = _asked(place, ask.schema, ("get_all_tables", {1: text(ask.schema)}, {1: META}))
            return Page((), tuple(_Ask(ask.schema, part) for part in _parts(names or (), A_PAGE)))
        return Page(tuple(map(form.table_of, _objects(place, ask.schema, ask.tables))))

    if schemas is not None:
        for schema in schemas:
            _check_schema(place, schema)
    names = list_schemas(place) if schemas is None else schemas
    asks = (_Ask(name) for name in names)
    return side_by_side(asks, page, at_once=at_once, on_refused=on_refused)


def find_table(place: HiveCatalog, schema: str, table: str) -> CatalogTable | None:
    """One table; None where there is none. Raises as `list_schemas`."""
    found = _found(place, schema, table)
    return None if found is None else form.table_of(found)


def partitions(place: HiveCatalog, table: CatalogTable) -> Iterator[Partition]:
    """The partitions that the metastore knows, 500 at a time. Raises as `list_schemas`."""
    schema, name, every = text(table.schema), text(table.table), thrift.Typed(thrift.I16, -1)
    failures = {1: META, 2: MISSING}
    names = _asked(
        place, table.full_name,
        ("get_partition_names", {1: schema, 2: name, 3: every}, {1: MISSING, 2: META}),
    )  # fmt: skip
    for some in _parts(names or (), PARTITIONS):
        wanted = thrift.texts(some)
        req = {1: thrift.struct({1: schema, 2: name, 3: wanted})}
        found = _asked(
            place, table.full_name,
            ("get_partitions_by_names_req", req, failures),
            ("get_partitions_by_names", {1: schema, 2: name, 3: wanted}, failures),
        )  # fmt: skip
        # The new method answers with a struct that holds the list, the old one with the list;
        # None: the table was dropped meanwhile.
        listed = value(found, 1, ()) if isinstance(found, dict) else found or ()
        yield from map(form.partition_of, listed)


def grants(place: HiveCatalog, table: CatalogTable) -> tuple[Grant, ...]:
    """Who may do what with a table, as the metastore keeps it. Raises as `list_schemas`."""
    reference = {1: thrift.i32(_TABLE), 2: text(table.schema), 3: text(table.table)}
    question = ("list_privileges", {3: thrift.struct(reference)}, {1: META})
    return tuple(map(form.grant_of, _asked(place, table.full_name, question) or ()))


# ---- writing


def register(place: HiveCatalog, wanted: Registration) -> Change:
    """Make the table known, or what is known of it equal; its database is made where it lacks.

    Raises:
        FerryError: LF-8101, LF-8102, LF-8104, LF-8105, LF-8106.
    """
    wanted = form.as_kept(wanted)
    found = _found(place, wanted.schema, wanted.table)
    if found is None:
        if _create(place, wanted):
            return Change("created")
        found = _found(place, wanted.schema, wanted.table)
    known = form.table_of(found or {})
    check_may_take(known, wanted, place.shown)
    parts = differences(known, wanted, as_kept=hive_columns)
    if found is None or not parts:
        return NOTHING
    _alter(place, found, form.with_wanted(found, wanted))
    return Change("updated", parts)


def set_properties(
    place: HiveCatalog, schema: str, table: str, properties: Mapping[str, str | None]
) -> Change:
    """Set properties of a table, or take away those whose value is None.

    Raises:
        FerryError: LF-8107 where there is no such table; LF-8104, LF-8105, LF-8106.
    """
    found = _found(place, schema, table)
    known = check_there(
        None if found is None else form.table_of(found), f"{schema}.{table}", place.shown
    )
    changed = {key: one for key, one in properties.items() if known.properties.get(key) != one}
    if found is None or not changed:
        return NOTHING
    _alter(place, found, form.with_properties(found, changed))
    return Change("updated", tuple(sorted(changed)))


def unregister(place: HiveCatalog, known: Registration) -> Change:
    """Take a table of ours out of the metastore; its files stay.

    Raises:
        FerryError: LF-8103 where it is not as it was registered; LF-8101 where it is not ours;
            LF-8104, LF-8105, LF-8106.
    """
    found = find_table(place, known.schema, known.table)
    if found is None:
        return NOTHING
    if not found.is_ours:
        check_may_take(found, known, place.shown)
    check_unchanged(found, form.as_kept(known), place.shown, as_kept=hive_columns)
    names = {1: text(known.schema), 2: text(known.table), 3: thrift.flag(False)}
    _asked(
        place, found.full_name,
        ("drop_table_with_environment_context", {**names, 4: _LEAVE_FILES}, {1: MISSING, 2: META}),
        ("drop_table", names, {1: MISSING, 2: META}),
    )  # fmt: skip
    return Change("removed")


# ---- requests


def _found(place: HiveCatalog, schema: str, table: str) -> Fields | None:
    request = thrift.struct({1: text(schema), 2: text(table), 3: _CAPABLE})
    failures = {1: META, 2: MISSING}
    found = _asked(
        place, f"{schema}.{table}",
        ("get_table_req", {1: request}, failures),
        ("get_table", {1: text(schema), 2: text(table)}, failures),
    )  # fmt: skip
    if found is None:
        return None
    # The new method answers with a struct that holds the table as its only field.
    inner: Fields = found[1].value if found[1].kind == thrift.STRUCT else found
    return inner


def _objects(place: HiveCatalog, schema: str, names: tuple[str, ...]) -> Sequence[Fields]:
    """Those of the tables that are still there."""
    wanted = thrift.texts(names)
    found = _asked(
        place, schema,
        ("get_table_objects_by_name_req",
         {1: thrift.struct({1: text(schema), 2: wanted, 3: _CAPABLE})},
         {1: META, 2: REFUSED, 3: NO_SCHEMA}),
        ("get_table_objects_by_name", {1: text(schema), 2: wanted},
         {1: META, 2: REFUSED, 3: NO_SCHEMA}),
    )  # fmt: skip
    listed: Sequence[Fields] = value(found, 1, ()) if isinstance(found, dict) else found or ()
    return listed


def _parts(names: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    return (tuple(names[at : at + size]) for at in range(0, len(names), size))


def _check_schema(place: HiveCatalog, schema: str) -> None:
    if schema.lower() not in (one.lower() for one in list_schemas(place)):
        raise FerryError(
            "LF-8107",
            f"the metastore has no database `{schema}`",
            place.shown,
            "look at its name (`from: {name: ...}`); without one all databases are listed",
        )


def _create(place: HiveCatalog, wanted: Registration) -> bool:
    """False where somebody else has just made it."""
    name = f"{wanted.schema}.{wanted.table}"
    table = thrift.struct(form.new_table(wanted, user()))
    failures = {1: THERE, 2: INVALID, 3: META, 4: MISSING}
    if wanted.schema not in list_schemas(place):
        database = {1: text(wanted.schema), 2: text("made by lakeferry")}
        made = {1: THERE, 2: INVALID, 3: META}
        _asked(
            place, wanted.schema, ("create_database", {1: thrift.struct(database)}, made),
            passes=(THERE,),
        )  # fmt: skip
    taken: str | None = _asked(
        place, name,
        ("create_table_with_environment_context", {1: table, 2: _LEAVE_FILES}, failures),
        ("create_table_req", {1: thrift.struct({1: table, 2: _LEAVE_FILES})}, failures),
        passes=(THERE, MISSING),
    )  # fmt: skip
    if taken == MISSING:
        raise _refused(place, name, "create_table", f"the database `{wanted.schema}` is gone")
    return taken != THERE


def _alter(place: HiveCatalog, found: Fields, table: Fields) -> None:
    schema, name = found[form.SCHEMA], found[form.NAME]
    request = {2: schema, 3: name, 4: thrift.struct(table), 5: _LEAVE_FILES}
    _asked(
        place, f"{schema.value}.{name.value}",
        ("alter_table_with_environment_context",
         {1: schema, 2: name, 3: thrift.struct(table), 4: _LEAVE_FILES}, {1: REFUSED, 2: META}),
        ("alter_table_req", {1: thrift.struct(request)}, {1: REFUSED, 2: META}),
    )  # fmt: skip


def _asked(place: HiveCatalog, on: str, *questions: Question, passes: tuple[str, ...] = ()) -> Any:
    """The answer to the first question that this version of the service knows.

    None for what is not there; the name of an exception for one that `passes`.
    """
    *newer, last = questions
    try:
        for question in newer:
            try:
                return ask(place.uri, *question, service=place.service)
            except UnknownMethod:
                continue
        return ask(place.uri, *last, service=place.service)
    except UnknownMethod as error:
        raise _refused(place, on, last[0], f"it has no method `{last[0]}`") from error
    except Declared as error:
        if error.name in passes:
            return error.name
        if error.name == MISSING:
            return None
        raise _refused(place, on, last[0], error.message or error.name) from error


def _refused(place: HiveCatalog, on: str, method: str, said: str) -> FerryError:
    where = f"{on + ', ' if on else ''}{method}; {place.shown}"
    if any(word in said for word in ("AccessControlException", "ermission denied", "not allowed")):
        return FerryError(
            "LF-8104",
            f"the metastore lets `{user()}` not do it: {said[:300]}",
            where,
            "ask as a user who may (HADOOP_USER_NAME), or give the right on the database and on "
            "the table's folder",
        )
    if "No FileSystem for scheme" in said or "ClassNotFoundException" in said:
        return FerryError(
            "LF-8106",
            f"the metastore does not know the file system of the table: {said[:300]}",
            where,
            "put the library of that file system (hadoop-aws for s3a) on the metastore's class "
            "path, and its credentials into core-site.xml there",
        )
    return FerryError(
        "LF-8106",
        f"the metastore refused: {said[:300]}",
        where,
        "mend what the message names, then run the same command again",
    )
