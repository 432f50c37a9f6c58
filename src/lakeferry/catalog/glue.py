"""AWS Glue's Data Catalog: list, find, register, take away.

A table is registered so that Athena, Redshift Spectrum, EMR and Glue's Spark read its log: see
`hive_layout`. All its columns stand in the storage descriptor and none among the partition keys,
because Glue knows no partitions of it, and who trusted the keys would find an empty table.

Rights: glue:GetDatabases, GetTables, GetTable, GetPartitions; CreateDatabase, CreateTable,
UpdateTable, DeleteTable.

Source: AWS Glue API, "Table API", "Database API"; Athena User Guide, "Query Linux Foundation Delta
Lake tables".
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from lakeferry.catalog import hive_layout as layout
from lakeferry.catalog.columns import cut, hive_columns
from lakeferry.catalog.judging import check_may_take, check_there, check_unchanged, differences
from lakeferry.catalog.side_by_side import AT_ONCE, Page, side_by_side
from lakeferry.catalog.tables import (
    NOTHING,
    CatalogTable,
    Change,
    Column,
    OnRefused,
    Partition,
    Registration,
    Tables,
)
from lakeferry.connect.aws import AwsAccess, call, client, pages
from lakeferry.connect.importing import ONE_AT_A_TIME
from lakeferry.errors import FerryError

MISSING = "EntityNotFoundException"
THERE = "AlreadyExistsException"
RACED = "ConcurrentModificationException"
MOST_DESCRIPTION = 2048  # characters
TRIES = 4  # of a change that others change under us
Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GlueCatalog:
    """One account's catalog in one Region."""

    access: AwsAccess
    account: str | None = None  # id of the catalog's account; None: the caller's own

    @property
    def shown(self) -> str:
        return f"Glue of {self.account or 'this account'}; {self.access.shown}"

    @property
    def named(self) -> dict[str, str]:
        """What every request says of the catalog."""
        return {} if self.account is None else {"CatalogId": self.account}


class _Ask(NamedTuple):
    schema: str
    token: str | None = None


# ---- reading


def list_schemas(place: GlueCatalog) -> Iterator[str]:
    """The names of its databases.

    Raises:
        FerryError: LF-8104 where Lake Formation refuses; LF-1201 to LF-1206.
    """
    for one in pages(place.access, "glue", "get_databases", "DatabaseList", **place.named):
        yield one["Name"]


def list_tables(
    place: GlueCatalog, schemas: Sequence[str] | None = None, *, at_once: int = AT_ONCE,
    on_refused: OnRefused | None = None,
) -> Tables:  # fmt: skip
    """Every table of some databases, or of all. Raises as `list_schemas`."""

    def page(ask: _Ask) -> Page[_Ask]:
        more = {"NextToken": ask.token} if ask.token else {}
        answer = _asked(
            place, "get_tables", ask.schema, (MISSING,), DatabaseName=ask.schema, **more
        )
        if answer is None:
            if schemas is None:
                return Page()  # dropped since it was listed
            raise _no_schema(place, ask.schema)
        token = answer.get("NextToken")
        return Page(
            tuple(_table(one) for one in answer["TableList"]),
            (_Ask(ask.schema, token),) if token else (),
        )

    names = list_schemas(place) if schemas is None else schemas
    asks = (_Ask(name) for name in names)
    return side_by_side(asks, page, at_once=at_once, on_refused=on_refused)


def find_table(place: GlueCatalog, schema: str, table: str) -> CatalogTable | None:
    """One table; None where the database or the table is not there. Raises as `list_schemas`."""
    found = _found(place, schema, table)
    return None if found is None else _table(found)


def partitions(place: GlueCatalog, table: CatalogTable) -> Iterator[Partition]:
    """The partitions that the catalog knows, a page at a time. Raises as `list_schemas`."""
    for one in pages(
        place.access, "glue", "get_partitions", "Partitions", on=table.full_name,
        DatabaseName=table.schema, TableName=table.table, ExcludeColumnSchema=True, **place.named,
    ):  # fmt: skip
        values = tuple(map(layout.value_of, one["Values"]))
        yield Partition(values, one["StorageDescriptor"].get("Location", ""))


# ---- writing


def register(place: GlueCatalog, wanted: Registration) -> Change:
    """Make the table known, or what is known of it equal; its database is made where it lacks.

    Raises:
        FerryError: LF-8101, LF-8102, LF-8104; LF-1201 to LF-1206.
    """
    for _ in range(TRIES):
        found = _found(place, wanted.schema, wanted.table)
        if found is None:
            if _create(place, wanted):
                return Change("created")
            continue  # somebody made it meanwhile: look at it
        check_may_take(_table(found), wanted, place.shown)
        parts = differences(_table(found), _as_glue_keeps(wanted), as_kept=hive_columns)
        if not parts:
            return NOTHING
        if _replace(place, found, lambda old: _become(old, wanted)):
            return Change("updated", parts)
    raise _raced(place, f"{wanted.schema}.{wanted.table}")


def set_properties(
    place: GlueCatalog, schema: str, table: str, properties: Mapping[str, str | None]
) -> Change:
    """Set properties of a table, or take away those whose value is None.

    Raises:
        FerryError: LF-8107 where there is no such table; LF-8104; LF-1201 to LF-1206.
    """
    for _ in range(TRIES):
        found = _found(place, schema, table)
        known = check_there(
            None if found is None else _table(found), f"{schema}.{table}", place.shown
        )
        changed = {
            key: value for key, value in properties.items() if known.properties.get(key) != value
        }
        if found is None or not changed:
            return NOTHING

        def edit(old: dict[str, Any], changed: Mapping[str, str | None] = changed) -> None:
            kept = {**old.get("Parameters", {}), **changed}
            old["Parameters"] = {key: value for key, value in kept.items() if value is not None}

        if _replace(place, found, edit):
            return Change("updated", tuple(sorted(changed)))
    raise _raced(place, f"{schema}.{table}")


def unregister(place: GlueCatalog, known: Registration) -> Change:
    """Take a table of ours out of the catalog; its files stay.

    Raises:
        FerryError: LF-8103 where it is not as it was registered; LF-8101 where it is not ours;
            LF-8104; LF-1201 to LF-1206.
    """
    found = find_table(place, known.schema, known.table)
    if found is None:
        return NOTHING
    if not found.is_ours:
        check_may_take(found, known, place.shown)
    check_unchanged(found, _as_glue_keeps(known), place.shown, as_kept=hive_columns)
    gone = _asked(
        place, "delete_table", found.full_name, (MISSING,),
        DatabaseName=known.schema, Name=known.table,
    )  # fmt: skip
    return NOTHING if gone is None else Change("removed")


# ---- requests


def _found(place: GlueCatalog, schema: str, table: str) -> Answer | None:
    answer = _asked(
        place, "get_table", f"{schema}.{table}", (MISSING,), DatabaseName=schema, Name=table
    )
    return None if answer is None else answer["Table"]


def _create(place: GlueCatalog, wanted: Registration) -> bool:
    """False where somebody else has just made it."""
    name = f"{wanted.schema}.{wanted.table}"
    first: dict[str, Any] = {}
    _become(first, wanted)

    def create() -> Answer | None:
        return _asked(
            place, "create_table", name, (MISSING, THERE),
            DatabaseName=wanted.schema, TableInput={"Name": wanted.table, **first},
        )  # fmt: skip

    if create() is not None:
        return True
    _asked(
        place, "create_database", wanted.schema, (THERE,),
        DatabaseInput={"Name": wanted.schema, "Description": "made by lakeferry"},
    )  # fmt: skip
    return create() is not None


def _replace(place: GlueCatalog, found: Answer, edit: Callable[[dict[str, Any]], None]) -> bool:
    """Send an answer back as an input, edited; False where somebody changed it meanwhile.

    What the service adds to an answer is no part of an input. Older versions are not kept: a lag
    that is told every few minutes would fill the catalog's quota of them.
    """
    shape = client(place.access, "glue").meta.service_model.shape_for("TableInput")
    table = {key: found[key] for key in shape.members if key in found}
    edit(table)
    version = {"VersionId": found["VersionId"]} if found.get("VersionId") else {}
    answer = _asked(
        place, "update_table", f"{found['DatabaseName']}.{found['Name']}", (RACED, MISSING),
        DatabaseName=found["DatabaseName"], TableInput=table, SkipArchive=True, **version,
    )  # fmt: skip
    return answer is not None


def _asked(
    place: GlueCatalog, operation: str, on: str, expected: tuple[str, ...], **parameters: Any
) -> Answer | None:
    """The answer; None for one of the errors that are expected."""
    with ONE_AT_A_TIME:
        from botocore.exceptions import ClientError

    asks: dict[str, Any] = {**place.named, **parameters}
    try:
        return call(place.access, "glue", operation, on=on, expected=expected, **asks)
    except ClientError:
        return None
    except FerryError as error:
        message = " ".join(str(error.__cause__).split())
        if error.code == "LF-1203" and "Lake Formation" in message:
            raise refused_by_lake_formation(message, on, place.shown) from error
        raise


def refused_by_lake_formation(message: str, on: str, shown: str) -> FerryError:
    """A policy of IAM would not help: Lake Formation keeps rights of its own."""
    return FerryError(
        "LF-8104",
        f"Lake Formation refuses: {message}",
        f"{on}; {shown}",
        "let an administrator of Lake Formation grant it to this role: CREATE_TABLE and DESCRIBE "
        "on the database, ALTER on the table, and data location access to where it lies",
    )


def _no_schema(place: GlueCatalog, schema: str) -> FerryError:
    return FerryError(
        "LF-8107",
        f"Glue has no database `{schema}`",
        place.shown,
        "look at its name, its Region, and the account of the catalog",
    )


def _raced(place: GlueCatalog, name: str) -> FerryError:
    return FerryError(
        "LF-8106",
        f"`{name}` was changed by somebody else each time that it was to be changed",
        place.shown,
        "see what else writes to this table in the catalog, a crawler perhaps, and run it again",
    )


# ---- forms


def _become(table: dict[str, Any], wanted: Registration) -> None:
    """Turn an input into what is wanted; what is not ours stays."""
    kept = as_glue(wanted)
    storage = {**table.get("StorageDescriptor", {}), **kept.pop("StorageDescriptor")}
    parameters = {**table.get("Parameters", {}), **kept.pop("Parameters")}
    if not wanted.comment:
        parameters.pop(layout.COMMENT, None)
    table |= {**kept, "StorageDescriptor": storage, "Parameters": parameters}


def as_glue(wanted: Registration) -> dict[str, Any]:
    """A `TableInput` without its name."""
    return {
        "TableType": layout.EXTERNAL,
        "Description": cut(wanted.comment, MOST_DESCRIPTION),
        "Parameters": layout.parameters_of(wanted),
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Location": wanted.location,
            "Columns": [
                {"Name": one.name, "Type": one.type, "Comment": one.comment}
                for one in hive_columns(wanted.columns)
            ],
            "InputFormat": layout.INPUT_FORMAT,
            "OutputFormat": layout.OUTPUT_FORMAT,
            "SerdeInfo": {
                "SerializationLibrary": layout.SERDE,
                "Parameters": {"serialization.format": "1", "path": wanted.location},
            },
        },
    }


def _as_glue_keeps(wanted: Registration) -> Registration:
    return replace(wanted, comment=cut(wanted.comment, MOST_DESCRIPTION))


def _table(answer: Answer) -> CatalogTable:
    storage = answer.get("StorageDescriptor", {})
    serde = storage.get("SerdeInfo", {})
    return layout.table_of(
        layout.HiveTable(
            schema=answer["DatabaseName"],
            table=answer["Name"],
            table_type=answer.get("TableType") or "",
            location=storage.get("Location") or "",
            parameters=answer.get("Parameters", {}),
            columns=_columns(storage.get("Columns", ())),
            partition_keys=_columns(answer.get("PartitionKeys", ())),
            input_format=storage.get("InputFormat") or "",
            serde=serde.get("SerializationLibrary") or "",
            serde_parameters=serde.get("Parameters", {}),
            comment=answer.get("Description") or "",
            owner=answer.get("Owner") or "",
            is_link="TargetTable" in answer,
        )
    )


def _columns(answers: Sequence[Answer]) -> tuple[Column, ...]:
    return tuple(
        Column(one["Name"], one.get("Type") or "", one.get("Comment") or "") for one in answers
    )
