"""What a catalog tells, whichever it is: its tables, partitions of one, who may do what with it."""

from collections.abc import Iterator, Sequence

from lakeferry.catalog import glue, hive, lake_formation, unity, workspace
from lakeferry.catalog.glue import GlueCatalog
from lakeferry.catalog.hive import HiveCatalog
from lakeferry.catalog.tables import CatalogTable, Grant, OnRefused, Partition, Tables
from lakeferry.catalog.unity_entry import UnityCatalog
from lakeferry.catalog.workspace import WorkspaceCatalog

AnyCatalog = GlueCatalog | HiveCatalog | UnityCatalog | WorkspaceCatalog


def list_tables(
    place: AnyCatalog, schemas: Sequence[str] | None = None, on_refused: OnRefused | None = None
) -> Tables:
    """Every table of some schemas, or of all, in no promised order; asked for as they are taken.

    Args:
        on_refused: told of a schema that refuses, while the others are listed; None: it is raised.

    Raises:
        FerryError: LF-8107 for a schema that is not there; LF-8104 to LF-8108, LF-12, LF-13.
    """
    match place:
        case GlueCatalog():
            return glue.list_tables(place, schemas, on_refused=on_refused)
        case HiveCatalog():
            return hive.list_tables(place, schemas, on_refused=on_refused)
        case UnityCatalog():
            return unity.list_tables(place, schemas, on_refused=on_refused)
        case WorkspaceCatalog():
            return workspace.list_tables(place, schemas, on_refused=on_refused)


def find_table(place: AnyCatalog, schema: str, table: str) -> CatalogTable | None:
    """One table with its columns and all properties; None where there is none.

    Raises:
        FerryError: LF-8104 to LF-8108, LF-12, LF-13.
    """
    match place:
        case GlueCatalog():
            return glue.find_table(place, schema, table)
        case HiveCatalog():
            return hive.find_table(place, schema, table)
        case UnityCatalog():
            return unity.find_table(place, schema, table)
        case WorkspaceCatalog():
            return workspace.find_table(place, schema, table)


def partitions(place: AnyCatalog, table: CatalogTable) -> Iterator[Partition]:
    """The folders that only the catalog knows, taken page by page; of a Delta table none.

    Raises:
        FerryError: LF-8104 to LF-8108, LF-12, LF-13, while they are taken.
    """
    if not table.has_partitions:
        return iter(())
    match place:
        case GlueCatalog():
            return glue.partitions(place, table)
        case HiveCatalog():
            return hive.partitions(place, table)
        case WorkspaceCatalog():
            return workspace.partitions(place, table)
        case UnityCatalog():  # it keeps none
            return iter(())


def grants(place: AnyCatalog, table: CatalogTable) -> tuple[Grant, ...]:
    """What is granted on the table itself; what is granted above it is not.

    Raises:
        FerryError: LF-8104 where whoever asks may not see it; else as `partitions`.
    """
    match place:
        case GlueCatalog():
            return lake_formation.grants(place, table)
        case HiveCatalog():
            return hive.grants(place, table)
        case UnityCatalog():
            return unity.grants(place, table)
        case WorkspaceCatalog():
            return workspace.grants(place, table)
