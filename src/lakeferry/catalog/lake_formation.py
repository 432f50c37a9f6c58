"""Who may do what with a table of Glue, as Lake Formation keeps it.

Right: lakeformation:ListPermissions. Rights that policies of IAM give are no table's, and not here.

Source: AWS Lake Formation API, ListPermissions.
"""

from collections.abc import Iterator
from typing import Any

from lakeferry.catalog.glue import GlueCatalog
from lakeferry.catalog.tables import CatalogTable, Grant
from lakeferry.connect.aws import call

EVERYBODY = "IAM_ALLOWED_PRINCIPALS"  # policies of IAM alone decide: nothing is granted here


def grants(place: GlueCatalog, table: CatalogTable) -> tuple[Grant, ...]:
    """What is granted on the table itself. Raises LF-1201 to LF-1206."""
    return tuple(_grants(place, table))


def _grants(place: GlueCatalog, table: CatalogTable) -> Iterator[Grant]:
    resource = {"Table": {**place.named, "DatabaseName": table.schema, "Name": table.table}}
    token: dict[str, Any] = {}
    while True:
        answer = call(
            place.access, "lakeformation", "list_permissions", on=table.full_name,
            Resource=resource, **token,
        )  # fmt: skip
        for one in answer.get("PrincipalResourcePermissions", ()):
            principal = one["Principal"]["DataLakePrincipalIdentifier"]
            if principal != EVERYBODY:
                yield from (Grant(principal, right) for right in one.get("Permissions", ()))
        if not answer.get("NextToken"):
            return
        token = {"NextToken": answer["NextToken"]}
