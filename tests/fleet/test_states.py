"""Which state of a table may follow which."""

import itertools

import pytest

from lakeferry.fleet.standing.states import (
    NEED_A_LOOK,
    STATES,
    State,
    interrupted,
    may_follow,
    move,
    word,
)
from lakeferry.ledger.rows import Move
from tests.ledger.lakes import table

THE_WAY: tuple[State, ...] = (
    "discovered", "planned", "syncing", "synced", "verified", "frozen", "cut_over",
)  # fmt: skip


def test_a_table_goes_its_way_step_by_step() -> None:
    steps = list(itertools.pairwise(THE_WAY))

    assert [after in may_follow(before) for before, after in steps] == [True] * 6


def test_nothing_is_cut_over_that_was_not_frozen() -> None:
    assert [state for state in STATES if "cut_over" in may_follow(state)] == ["frozen"]


def test_nothing_is_frozen_that_was_not_verified() -> None:
    assert [state for state in STATES if "frozen" in may_follow(state)] == ["verified"]


def test_what_is_cut_over_can_only_be_rolled_back() -> None:
    assert may_follow("cut_over") == {"rolled_back"}


def test_a_source_lives_on_so_a_verified_table_syncs_again() -> None:
    assert {"syncing"} <= may_follow("synced") & may_follow("verified")


@pytest.mark.parametrize("state", sorted(NEED_A_LOOK))
def test_what_needs_a_look_can_be_tried_again(state: State) -> None:
    assert {"planned", "syncing"} <= may_follow(state)


def test_every_state_but_the_last_can_be_left_out_of_the_manifest() -> None:
    kept = [state for state in STATES if "orphaned" not in may_follow(state)]

    assert kept == ["cut_over", "orphaned"]


def test_no_state_follows_itself_and_every_state_can_be_reached() -> None:
    reached = {after for state in STATES for after in may_follow(state)}

    assert [state for state in STATES if state in may_follow(state)] == []
    assert reached == set(STATES)


def test_a_step_that_is_none_is_a_flaw_of_the_program() -> None:
    with pytest.raises(ValueError, match="discovered -> cut_over"):
        move("s3://lake/orders", "discovered", "cut_over")


def test_a_step_says_why_and_what_to_do() -> None:
    made = move("s3://lake/a", "syncing", "failed", why="cut", code="LF-1003", next_step="again")

    assert made == Move("s3://lake/a", "syncing", "failed", "cut", "LF-1003", "again")


def test_states_are_words_for_people() -> None:
    assert [word("cut_over"), word("synced")] == ["cut over", "synced"]


def test_what_a_killed_run_was_amid_is_taken_up_again() -> None:
    tables = [table("a.x", state="syncing"), table("a.y", state="synced"),
              table("a.z", state="frozen")]  # fmt: skip

    steps = interrupted(tables)

    assert [(step.before, step.after) for step in steps] == [
        ("syncing", "planned"), ("frozen", "synced"),
    ]  # fmt: skip
    assert [step.after in may_follow(step.before) for step in steps] == [True, True]  # type: ignore[arg-type]
