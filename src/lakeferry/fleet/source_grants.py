"""Who may do what with a table at its source, as statements for a person to make at the target."""

from lakeferry.catalog.granting import ALL
from lakeferry.catalog.reading import grants
from lakeferry.catalog.registering import Catalog, find_table, grants_to_make
from lakeferry.catalog.tables import Registration
from lakeferry.catalog.unity_entry import UnityCatalog, quoted
from lakeferry.errors import FerryError
from lakeferry.fleet.facts import parts_of
from lakeferry.fleet.from_catalog import aws_access, workspace_access
from lakeferry.fleet.wanted import Source
from lakeferry.ledger.rows import LakeTable

_WRITES = frozenset({"MODIFY", "INSERT", "UPDATE", "DELETE", ALL})


def source_catalog(source: Source) -> Catalog | None:
    """The catalog that knows a source's tables by name; None: none whose grants can be read."""
    names = source.names_from
    match names.catalog:
        case "glue":
            from lakeferry.catalog.glue import GlueCatalog

            return GlueCatalog(aws_access(names.link))
        case "hive" if names.uri is not None:
            from lakeferry.catalog.hive import HiveCatalog

            return HiveCatalog(names.uri)
        case "unity" if names.name is not None and names.warehouse is None:
            access = workspace_access(names.link, names.uri)
            return UnityCatalog(access, names.name, has_tags=names.uri is None)
        case _:
            return None


def grant_lines(
    source: Catalog, row: LakeTable, target: Catalog, wanted: Registration
) -> tuple[str, ...]:
    """The same rights at the target, and, as comments, who may still write at the source.

    What the source's catalog does not tell is a comment: nothing is granted by lakeferry itself.
    """
    schema, name = parts_of(row)
    try:
        found = find_table(source, schema, name)
        granted = () if found is None else grants(source, found)
    except FerryError as error:
        return (f"-- {row.name}: its grants cannot be read: {error.what}",)
    if found is None:
        return (f"-- {row.name}: its catalog does not know it by this name",)
    writers = [one for one in granted if one.privilege.upper().replace("_", " ") in _WRITES]
    return (
        *grants_to_make(target, wanted.schema, wanted.table, granted),
        *(
            f"-- at the source: REVOKE {one.privilege} ON TABLE {quoted(found.full_name)} "
            f"FROM `{one.principal}`;"
            for one in writers
        ),
    )
