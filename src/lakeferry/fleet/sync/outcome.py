"""What a failed try means for a table: try again, or which state, why, and what to do. Pure."""

from collections.abc import Callable
from typing import Literal

from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.typed import typed
from lakeferry.fleet.standing.states import State, move
from lakeferry.ledger.rows import LakeTable, Move

TRIES = 3
# No answer, no room, others who write, files that go: what may have passed a moment later.
PASSING = frozenset({"LF-1003", "LF-1004", "LF-4102", "LF-4107", "LF-5001", "LF-5101"})
# Source or target is another than it was, in a way that the manifest does not accept.
_DRIFTED = frozenset({"LF-4104", "LF-4105", "LF-4106", "LF-5003", "LF-6001"})
# What a person has to decide, or to mend in the table itself. Of these the files of a version that
# a plan named may have been vacuumed, which no other try brings back.
_BLOCKED = ("LF-2", "LF-3", "LF-4", "LF-5", "LF-8051", "LF-8087")

Aside = Literal["blocked", "drifted", "failed"]
_NEXT: dict[str, Callable[[str], str]] = {
    "LF-4102": lambda name: f"copy the newest version instead: lakeferry sync -s {name} --replan",
    "LF-4106": lambda name: (
        f"make the target a clone of the new table: lakeferry sync -s {name} --replace"
    ),
    "LF-5002": lambda name: (
        f"choose another target.layout, or replace what lies there: lakeferry sync -s {name} "
        "--replace"
    ),
    "LF-5003": lambda name: (
        f"look at its DESCRIBE HISTORY; to undo it: lakeferry sync -s {name} --replace"
    ),
    "LF-6001": lambda name: (
        "delete nothing: the source may be what has changed, or have lost these files since. See "
        f"which differ: lakeferry verify -s {name} --strength hashed --report differs.json; move "
        "what is wrong at the target to a place of its own, and what is missing is brought again "
        f"by lakeferry sync -s {name} --replace"
    ),
}

# A mirror has its source's own log and replaces no other one, so its clone proposes no --replace.
_ANEW: dict[str, Callable[[str], str]] = {
    "LF-4106": lambda name: (
        "a mirror of the new table begins anew: delete the table at the target yourself, then "
        f"lakeferry sync -s {name}"
    ),
    "LF-5002": lambda name: (
        "a mirror begins in an empty place: put `mode: snapshot` back in the manifest, if that is "
        f"what lies there, or take that clone away, lakeferry rollback -s {name} --purge, and sync "
        "again; of a table of others choose another target.layout"
    ),
    "LF-5003": lambda name: (
        "a mirror undoes nothing: keep what these commits hold, delete the table at the target "
        f"yourself, and lakeferry sync -s {name} brings all of it again"
    ),
}


def equal_again(name: str, *, is_mirror: bool) -> str:
    """The next step for a target with commits that its source does not have."""
    if is_mirror:
        return _ANEW["LF-5003"](typed(name))
    return f"make it equal to its source again: lakeferry sync -s {typed(name)} --replace"


def may_pass(error: FerryError, *, tries: int, is_pinned: bool) -> bool:
    """Whether another try is worth it, `tries` having failed.

    `is_pinned`: a plan named the version, so files that are gone stay gone.
    """
    if error.code == "LF-4102" and is_pinned:
        return False
    return error.code in PASSING and tries < TRIES


def state_of(error: FerryError) -> Aside:
    """Where an error leaves a table."""
    if error.code in _DRIFTED:
        return "drifted"
    if error.code == "LF-4102" or (error.code.startswith(_BLOCKED) and error.code not in PASSING):
        return "blocked"
    return "failed"


def next_step_of(error: FerryError, name: str) -> str:
    """What to do about one table of many."""
    is_replaced = error.code not in _ANEW or "--replace" in error.next_step
    said = (_NEXT if is_replaced else _ANEW).get(error.code)
    return error.next_step if said is None else said(typed(name))


def aside(table: LakeTable, error: FerryError) -> Move | None:
    """The step of a table whose tries have ended so; None: it says so already."""
    after: State = state_of(error)
    step = next_step_of(error, table.name)
    why = f"{error.what}: {error.where}" if error.where else error.what
    if table.state == after:
        same = (table.code, table.why) == (error.code, why)
        return None if same else Move(table.target_url, after, after, why, error.code, step)
    before: State = table.state  # type: ignore[assignment]
    return move(table.target_url, before, after, why=why, code=error.code, next_step=step)
