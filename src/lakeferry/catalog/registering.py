"""Where a migration registers its tables: the same requests to whichever catalog it is.

What each promises: a request done twice is done once; what is not ours is not written over or taken
away; the source's own catalog is never written to. No name is led from one address to another: a
switch takes none that leads elsewhere, so the way back has only to take away what it registered, or
its receipt from what an earlier sync had registered.
"""

from collections.abc import Mapping, Sequence

from lakeferry.catalog import glue, hive, unity
from lakeferry.catalog.glue import GlueCatalog
from lakeferry.catalog.granting import grant_statements
from lakeferry.catalog.hive import HiveCatalog
from lakeferry.catalog.tables import Change, Grant, Registration
from lakeferry.catalog.unity_entry import UnityCatalog

Catalog = GlueCatalog | HiveCatalog | UnityCatalog


def register(place: Catalog, wanted: Registration) -> Change:
    """Make a table known, or what is known of it equal.

    Raises:
        FerryError: LF-8101 where the name is another's, LF-8102 where ours lies elsewhere, LF-8104
            for a missing right; LF-8105 to LF-8107, LF-12, LF-13.
    """
    match place:
        case GlueCatalog():
            return glue.register(place, wanted)
        case HiveCatalog():
            return hive.register(place, wanted)
        case UnityCatalog():
            return unity.register(place, wanted)


def set_properties(
    place: Catalog, schema: str, table: str, properties: Mapping[str, str | None]
) -> Change:
    """Set properties of a table; None takes one away. Raises LF-8107 where there is no table."""
    match place:
        case GlueCatalog():
            return glue.set_properties(place, schema, table, properties)
        case HiveCatalog():
            return hive.set_properties(place, schema, table, properties)
        case UnityCatalog():
            return unity.set_properties(place, schema, table, properties)


def unregister(place: Catalog, known: Registration) -> Change:
    """Take away what is still as we registered it; files stay. Raises LF-8103, LF-8101."""
    match place:
        case GlueCatalog():
            return glue.unregister(place, known)
        case HiveCatalog():
            return hive.unregister(place, known)
        case UnityCatalog():
            return unity.unregister(place, known)


def grants_to_make(
    place: Catalog, schema: str, table: str, granted: Sequence[Grant]
) -> tuple[str, ...]:
    """Statements and commands that give the same people the same rights there, for a person."""
    match place:
        case GlueCatalog():
            kind, catalog = "glue", ""
        case HiveCatalog():
            kind, catalog = "hive", ""
        case UnityCatalog():
            kind, catalog = "unity", place.catalog
    return grant_statements(kind, granted, catalog=catalog, schema=schema, table=table)
