"""Grants on a table as the statements that make them at another catalog. Pure.

lakeferry grants nothing itself: who may read what is decided by people, who get the list.

Source: Databricks SQL reference, "GRANT", "Upgrade to Unity Catalog privileges"; Hive Language
Manual, "SQL standard based authorization"; AWS CLI, `lakeformation grant-permissions`.
"""

import shlex
from collections.abc import Iterable

import orjson

from lakeferry.catalog.tables import Grant
from lakeferry.catalog.unity_entry import quoted, quoted_whole

ALL = "ALL PRIVILEGES"
# What others call the rights of Unity Catalog.
_UNITY = {
    "ALL": ALL, "SELECT": "SELECT", "MODIFY": "MODIFY", "INSERT": "MODIFY", "UPDATE": "MODIFY",
    "DELETE": "MODIFY", "ALTER": "MODIFY", "READ METADATA": "BROWSE", "DESCRIBE": "BROWSE",
    "APPLY TAG": "APPLY TAG", "BROWSE": "BROWSE", ALL: ALL,
}  # fmt: skip
_HIVE = {"MODIFY": ("INSERT", "UPDATE", "DELETE"), "SELECT": ("SELECT",), ALL: ("ALL",)}
_LAKE_FORMATION = {
    "SELECT": ("SELECT",), "MODIFY": ("INSERT", "DELETE"), "BROWSE": ("DESCRIBE",), ALL: ("ALL",)
}  # fmt: skip
_OWNERS = ("OWN", "OWNERSHIP")


def grant_statements(
    kind: str, grants: Iterable[Grant], *, catalog: str, schema: str, table: str
) -> tuple[str, ...]:
    """What to run so that the same people may do the same, sorted, each once.

    Args:
        kind: of the catalog where they are made: 'unity', 'glue', 'hive'.

    A right that this catalog does not have becomes a comment, so that nobody believes it was kept.
    """
    made: set[str] = set()
    for one in grants:
        said = one.privilege.upper().replace("_", " ")
        word = _UNITY.get(said)
        if said in _OWNERS:
            made.add(_owner(kind, one, catalog, schema, table))
        elif word is None:
            made.add(f"-- {one.privilege} of {one.principal}: {kind} has no such right on a table")
        elif kind == "unity":
            name = quoted(f"{catalog}.{schema}.{table}")
            made.add(f"GRANT {word} ON TABLE {name} TO {quoted_whole(one.principal)};")
        else:
            made |= _elsewhere(kind, one, word, schema, table)
    return tuple(sorted(made))


def _elsewhere(kind: str, one: Grant, word: str, schema: str, table: str) -> set[str]:
    known = _HIVE if kind == "hive" else _LAKE_FORMATION
    if word not in known:
        return {f"-- {one.privilege} of {one.principal}: {kind} has no such right on a table"}
    if kind == "hive":
        who = f"{(one.kind or 'user').upper()} {quoted_whole(one.principal)}"
        name = quoted(f"{schema}.{table}")
        return {f"GRANT {right} ON TABLE {name} TO {who};" for right in known[word]}
    resource = orjson.dumps({"Table": {"DatabaseName": schema, "Name": table}}).decode()
    arn = one.principal if one.principal.startswith("arn:") else f"ARN-OF-{one.principal}"
    command = [
        "aws", "lakeformation", "grant-permissions",
        "--principal", f"DataLakePrincipalIdentifier={arn}",
        "--permissions", *known[word], "--resource", resource,
    ]  # fmt: skip
    return {shlex.join(command)}


def _owner(kind: str, one: Grant, catalog: str, schema: str, table: str) -> str:
    if kind == "unity":
        name = quoted(f"{catalog}.{schema}.{table}")
        return f"ALTER TABLE {name} SET OWNER TO {quoted_whole(one.principal)};"
    return f"-- {one.principal} owned it: {kind} is told by whoever runs it"
