"""Who may do what with a table at its source, as statements for a person to make at the target."""

from lakeferry.catalog.granting import ALL
from lakeferry.catalog.reading import AnyCatalog, find_table, grants
from lakeferry.catalog.registering import Catalog, grants_to_make
from lakeferry.catalog.tables import Registration
from lakeferry.catalog.unity_entry import quoted, quoted_whole
from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.facts import parts_of
from lakeferry.ledger.rows import LakeTable

_WRITES = frozenset({"MODIFY", "INSERT", "UPDATE", "DELETE", ALL})


def grant_lines(
    source: AnyCatalog, row: LakeTable, target: Catalog, wanted: Registration
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
            f"FROM {quoted_whole(one.principal)};"
            for one in writers
        ),
    )
