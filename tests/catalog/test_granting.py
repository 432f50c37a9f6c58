"""Grants as the statements that make them elsewhere: what cannot be kept is said."""

import shlex

import pytest

from lakeferry.catalog.granting import grant_statements
from lakeferry.catalog.tables import Grant

GRANTED = (
    Grant("analysts", "SELECT"), Grant("etl", "INSERT"), Grant("etl", "DELETE"),
    Grant("etl", "READ_METADATA"), Grant("ann@example.com", "OWN"), Grant("ops", "INDEX"),
)  # fmt: skip


def made(kind: str, *grants: Grant) -> tuple[str, ...]:
    return grant_statements(kind, grants, catalog="atlas", schema="sales", table="or`ders")


def test_rights_of_hive_become_those_of_unity_catalog_each_once() -> None:
    assert made("unity", *GRANTED) == (
        "-- INDEX of ops: unity has no such right on a table",
        "ALTER TABLE `atlas`.`sales`.`or``ders` SET OWNER TO `ann@example.com`;",
        "GRANT BROWSE ON TABLE `atlas`.`sales`.`or``ders` TO `etl`;",
        "GRANT MODIFY ON TABLE `atlas`.`sales`.`or``ders` TO `etl`;",
        "GRANT SELECT ON TABLE `atlas`.`sales`.`or``ders` TO `analysts`;",
    )


def test_hive_is_told_whether_it_is_a_role_or_a_user() -> None:
    assert made("hive", Grant("analysts", "SELECT", "role"), Grant("etl", "MODIFY")) == (
        "GRANT DELETE ON TABLE `sales`.`or``ders` TO USER `etl`;",
        "GRANT INSERT ON TABLE `sales`.`or``ders` TO USER `etl`;",
        "GRANT SELECT ON TABLE `sales`.`or``ders` TO ROLE `analysts`;",
        "GRANT UPDATE ON TABLE `sales`.`or``ders` TO USER `etl`;",
    )


def test_lake_formation_takes_commands_with_the_principals_arn() -> None:
    (command,) = made("glue", Grant("arn:aws:iam::111122223333:role/etl", "SELECT"))

    words = shlex.split(command)
    assert words[:3] == ["aws", "lakeformation", "grant-permissions"]
    assert "DataLakePrincipalIdentifier=arn:aws:iam::111122223333:role/etl" in words
    assert words[-1] == '{"Table":{"DatabaseName":"sales","Name":"or`ders"}}'


@pytest.mark.parametrize("kind", ["hive", "glue"])
def test_a_right_that_a_catalog_does_not_have_is_said_to_be_lost(kind: str) -> None:
    assert made(kind, Grant("ops", "APPLY TAG")) == (
        f"-- APPLY TAG of ops: {kind} has no such right on a table",
    )
