"""What a failed try means for a table."""

import pytest

from lakeferry.errors import FerryError
from lakeferry.fleet.sync.outcome import TRIES, aside, may_pass, next_step_of, state_of
from tests.ledger.lakes import table


def error(code: str) -> FerryError:
    return FerryError(code, "what", "where", "run it again")


def test_nobody_is_told_to_delete_what_differs_for_the_source_may_be_what_is_wrong() -> None:
    step = next_step_of(error("LF-6001"), "a.x")

    assert step.startswith("delete nothing: the source may be what has changed")
    assert "lakeferry verify -s a.x --strength hashed" in step


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("LF-1001", "failed"),
        ("LF-1003", "failed"),
        ("LF-5101", "failed"),
        ("LF-8021", "failed"),
        ("LF-3001", "blocked"),
        ("LF-4101", "blocked"),
        ("LF-4102", "blocked"),
        ("LF-5002", "blocked"),
        ("LF-4104", "drifted"),
        ("LF-4105", "drifted"),
        ("LF-4106", "drifted"),
        ("LF-5003", "drifted"),
    ],
)
def test_who_is_at_fault_says_where_a_table_stands(code: str, state: str) -> None:
    assert state_of(error(code)) == state


def test_what_may_pass_is_tried_again_and_not_for_ever() -> None:
    assert [may_pass(error("LF-1003"), tries=tries, is_pinned=False)
            for tries in range(1, TRIES + 1)] == [True, True, False]  # fmt: skip
    assert not may_pass(error("LF-3001"), tries=1, is_pinned=False)


def test_files_of_a_planned_version_do_not_come_back() -> None:
    assert may_pass(error("LF-4102"), tries=1, is_pinned=False)
    assert not may_pass(error("LF-4102"), tries=1, is_pinned=True)


def test_the_next_step_is_a_command_about_the_one_table() -> None:
    snapshots = FerryError("LF-5003", "what", "where", "to undo these commits: --replace")

    assert next_step_of(snapshots, "a.sales.orders").endswith(
        "lakeferry sync -s a.sales.orders --replace"
    )
    assert next_step_of(error("LF-1001"), "a.sales.orders") == "run it again"


@pytest.mark.parametrize("code", ["LF-4106", "LF-5002", "LF-5003"])
def test_nobody_is_told_to_replace_what_a_mirror_never_replaces(code: str) -> None:
    said = next_step_of(error(code), "a.sales.orders")

    assert "--replace" not in said
    assert "lakeferry " in said


def test_what_is_known_already_is_not_told_again() -> None:
    known = table("sales.orders", state="drifted", code="LF-4105", why="what: where")

    assert aside(known, error("LF-4105")) is None
    moved = aside(known._replace(why="another"), error("LF-4105"))
    assert moved is not None
    assert (moved.before, moved.after) == ("drifted", "drifted")


def test_a_table_goes_aside_with_all_that_a_person_needs() -> None:
    moved = aside(table("sales.orders", state="syncing"), error("LF-3001"))

    assert moved is not None
    assert (moved.before, moved.after, moved.code, moved.why, moved.next_step) == (
        "syncing", "blocked", "LF-3001", "what: where", "run it again",
    )  # fmt: skip
