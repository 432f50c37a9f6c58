"""When a plan no longer holds, and what does not matter to it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.planned import Fault, FleetPlan, Seen
from lakeferry.fleet.planning.stale import changes, check
from lakeferry.ledger.rows import LakeTable
from tests.fleet.plans import MANIFEST, found, line, plan_of, wanted_in


def scene(
    folder: Path, text: str = MANIFEST, **plan: Any
) -> tuple[FleetPlan, Migration, LakeTable]:
    """A plan of the first copy of one table at version 7, and the ledger's row of it."""
    wanted = wanted_in(folder, text)
    table = found(wanted, "sales.eu.orders", state="planned", source_id="one", source_version=7)
    one = line(target_url=table.target_url, source_url=table.source_url, **plan)
    return plan_of(one), wanted, table


def test_a_plan_holds_where_nothing_has_changed(tmp_path: Path) -> None:
    plan, wanted, table = scene(tmp_path)

    seen = {table.target_url: Seen(table.target_url, 7, source_id="one")}
    assert changes(plan, wanted, [table], seen) == ()


def test_a_source_that_has_moved_on_changes_nothing(tmp_path: Path) -> None:
    plan, wanted, table = scene(tmp_path)

    seen = {table.target_url: Seen("", 90)}
    assert changes(plan, wanted, [table._replace(source_version=90)], seen) == ()


def test_what_the_plan_itself_has_done_is_no_change(tmp_path: Path) -> None:
    plan, wanted, table = scene(tmp_path)

    assert changes(plan, wanted, [table._replace(state="synced", held_version=7)]) == ()
    assert changes(plan, wanted, [table._replace(state="verified", held_version=9)]) == ()


@pytest.mark.parametrize(
    ("now", "what"),
    [
        ({"held_version": 3}, "its target held nothing and holds version 3"),
        ({"state": "cut_over", "held_version": 7}, "it is cut over"),
        ({"state": "blocked", "code": "LF-3001"}, "it is blocked (LF-3001)"),
        ({"source_id": "two"}, "its source is another table now"),
    ],
)
def test_a_table_that_moved_on_without_the_plan_makes_it_stale(
    tmp_path: Path, now: dict[str, Any], what: str
) -> None:
    plan, wanted, table = scene(tmp_path)

    assert changes(plan, wanted, [table._replace(**now)]) == (("sales.eu.orders", what),)


def test_a_plan_that_copies_anew_what_is_gone_holds(tmp_path: Path) -> None:
    plan, wanted, table = scene(tmp_path)
    told = table._replace(state="drifted", code="LF-5009", held_version=None)

    assert changes(plan, wanted, [told]) == ()


def test_a_ledger_that_was_lost_knows_less_than_the_plan(tmp_path: Path) -> None:
    plan, wanted, table = scene(tmp_path, held_version=3, action="increment")

    assert changes(plan, wanted, [table]) == ()


@pytest.mark.parametrize(
    ("seen", "what"),
    [
        ({"fault": Fault("LF-5003", "others wrote", "", "")}, "LF-5003 others wrote"),
        ({"source_version": 7, "source_id": "two"}, "its source is another table now"),
        ({"source_version": 6}, "its source is at version 6, planned was 7"),
    ],
)
def test_a_look_may_show_that_the_plan_is_stale(
    tmp_path: Path, seen: dict[str, Any], what: str
) -> None:
    plan, wanted, table = scene(tmp_path)
    looked = {table.target_url: Seen(table.target_url, **seen)}

    assert changes(plan, wanted, [table], looked) == (("sales.eu.orders", what),)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("path: internet,", "path: internet, mode: mirror,"), "mode snapshot -> mirror"),
        (("path: internet,", "exclude: [orders], path: internet,"), "leaves it out now"),
        (("  sales: ", "  orders: "), "names its source no longer"),
        (
            ('target: {{root: "{folder}/lake"}}', "target: {{root: s3://other}}"),
            "lands at s3://other",
        ),
    ],
)
def test_a_manifest_that_wants_something_else_makes_it_stale(
    tmp_path: Path, change: tuple[str, str], what: str
) -> None:
    plan, _, table = scene(tmp_path)
    wanted = wanted_in(tmp_path, MANIFEST.replace(*change))

    [told] = changes(plan, wanted, [table])

    assert what in told.what


def test_limits_and_other_sources_may_change_freely(tmp_path: Path) -> None:
    plan, _, table = scene(tmp_path)
    text = (
        f"{MANIFEST}  more: {{{{root: '{{folder}}/more'}}}}\nlimits: {{{{bandwidth: 1 Gbit/s}}}}\n"
    )

    assert changes(plan, wanted_in(tmp_path, text), [table]) == ()


def test_a_table_that_the_ledger_has_forgotten_makes_it_stale(tmp_path: Path) -> None:
    plan, wanted, _ = scene(tmp_path)

    assert changes(plan, wanted, [])[0].what == "the ledger does not know it"


def test_tables_that_do_not_move_cannot_make_it_stale(tmp_path: Path) -> None:
    plan, wanted, _ = scene(tmp_path, action="keep")

    assert changes(plan, wanted, []) == ()


def test_a_stale_plan_is_refused_by_naming_its_tables(tmp_path: Path) -> None:
    plan, wanted, table = scene(tmp_path)
    many = replace(plan, tables=tuple(
        replace(plan.tables[0], name=f"sales.eu.t{number}", target_url=str(number))
        for number in range(7)
    ))  # fmt: skip

    with pytest.raises(FerryError) as refused:
        check(many, wanted, [table])

    assert (refused.value.code, refused.value.exit_code) == ("LF-2051", 2)
    assert refused.value.where.startswith("sales.eu.t0: the ledger does not know it; sales.eu.t1")
    assert refused.value.where.endswith("and 2 more")


def test_a_plan_of_another_migration_is_refused(tmp_path: Path) -> None:
    plan, wanted, table = scene(tmp_path)

    with pytest.raises(FerryError, match="of the migration `other`"):
        check(replace(plan, migration="other"), wanted, [table])


def test_a_plan_that_was_made_with_another_encryption_is_refused(tmp_path: Path) -> None:
    plan, wanted, table = scene(tmp_path)

    check(replace(plan, encryption=""), wanted, [table])
    with pytest.raises(FerryError, match="encryption sse aws:kms -> the bucket's own") as refused:
        check(replace(plan, encryption="sse aws:kms"), wanted, [table])

    assert refused.value.code == "LF-2051"
