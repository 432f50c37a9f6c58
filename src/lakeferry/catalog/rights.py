"""The least that a role needs at Glue: statements to list, to register, to take away. Pure.

AWS itself has not judged these texts; see README.

Source: Service Authorization Reference of AWS Glue and Lake Formation: an action on a table asks
for the table, its database and the catalog.
"""

from collections.abc import Sequence
from typing import Any

READS = ("glue:GetDatabases", "glue:GetPartitions", "glue:GetTable", "glue:GetTables")
GRANTS = ("lakeformation:ListPermissions",)  # for the list of grants alone
WRITES = (
    "glue:CreateDatabase", "glue:CreateTable", "glue:DeleteTable", "glue:GetTable",
    "glue:UpdateTable",
)  # fmt: skip
LOOKS = ("glue:GetPartitions", "glue:GetTable")  # of tables that are known by name
TAKES_AWAY = ("glue:DeleteTable", "glue:GetTable", "glue:UpdateTable")
Statement = dict[str, Any]


def reading(catalog: str, databases: Sequence[str] = ()) -> tuple[Statement, ...]:
    """What lets a role list tables and partitions, and the grants on them.

    Args:
        catalog: beginning of its ARNs: 'arn:aws:glue:eu-west-1:111122223333'.
        databases: (): all.
    """
    return (
        statement("ReadCatalog", READS, _resources(catalog, databases)),
        statement("ReadGrants", GRANTS, ("*",)),
    )


def looking(catalog: str, databases: Sequence[str] = ()) -> tuple[Statement, ...]:
    """What lets a role ask for the partitions of a Parquet table that it knows by name."""
    return (statement("ReadPartitions", LOOKS, _resources(catalog, databases)),)


def registering(catalog: str, databases: Sequence[str] = ()) -> tuple[Statement, ...]:
    """What lets a role make tables known, change and take away what it made known."""
    return (statement("RegisterTables", WRITES, _resources(catalog, databases)),)


def taking_away(catalog: str, databases: Sequence[str] = ()) -> tuple[Statement, ...]:
    """What lets a role take away what was made known, or a receipt from it."""
    return (statement("TakeAwayTables", TAKES_AWAY, _resources(catalog, databases)),)


def _resources(catalog: str, databases: Sequence[str]) -> list[str]:
    names = databases or ("*",)
    return [
        f"{catalog}:catalog",
        *(f"{catalog}:database/{name}" for name in names),
        *(f"{catalog}:table/{name}/*" for name in names),
    ]


def statement(sid: str, actions: Sequence[str], resources: Sequence[str]) -> Statement:
    """One `Allow`: actions sorted, each resource once."""
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": sorted(actions),
        "Resource": list(dict.fromkeys(resources)),
    }
