"""The least policy at Glue: every request that we make is in it, and no other."""

import re
from pathlib import Path

from lakeferry.catalog import glue, lake_formation, rights

ARN = "arn:aws:glue:eu-west-1:111122223333"


def requests(module: str | None) -> set[str]:
    """The operations that a module names as boto3 does, as actions of a policy."""
    text = Path(module or "").read_text()
    named = re.findall(r'"((?:get|create|update|delete|list)_[a-z_]+)"', text)
    return {one.title().replace("_", "") for one in named}


def test_the_policies_allow_what_is_asked_and_nothing_else() -> None:
    allowed = {*rights.READS, *rights.WRITES}

    assert allowed == {f"glue:{one}" for one in requests(glue.__file__)}
    assert set(rights.GRANTS) == {
        f"lakeformation:{one}" for one in requests(lake_formation.__file__)
    }


def test_less_is_allowed_where_less_is_asked() -> None:
    assert set(rights.LOOKS) < set(rights.READS)
    assert set(rights.TAKES_AWAY) < set(rights.WRITES)


def test_who_only_reads_may_change_nothing() -> None:
    actions = [action for one in rights.reading(ARN) for action in one["Action"]]

    assert [one for one in actions if not re.search(":(Get|List)", one)] == []


def test_rights_are_limited_to_the_databases_that_are_named() -> None:
    (found,) = rights.registering(ARN, ["sales"])

    assert found["Resource"] == [
        f"{ARN}:catalog", f"{ARN}:database/sales", f"{ARN}:table/sales/*"
    ]  # fmt: skip
