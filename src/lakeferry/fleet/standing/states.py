"""In which states a table of a migration can be, and which may follow which. Pure.

The way of a table is discovered -> planned -> syncing -> synced -> verified -> frozen -> cut over;
from `synced` and `verified` it syncs again and again while its source lives on. Beside the way lie
the states that ask for a person.
"""

from collections.abc import Iterable
from typing import Literal, get_args

from lakeferry.ledger.rows import LakeTable, Move

State = Literal[
    "discovered",  # found at the source
    "planned",  # a plan says what will be done
    "syncing",  # a clone of it is open
    "synced",  # the target holds a version of the source
    "verified",  # and was proven to, at the strength that its last check names
    "frozen",  # its source has no writers; the last increment and the proof are under way
    "cut_over",  # readers and writers use the target
    "blocked",  # cannot be done as asked; a person decides
    "drifted",  # source or target changed in a way that the manifest does not accept
    "failed",  # its tries are used up
    "orphaned",  # the manifest names its source no longer; nothing was deleted
    "rolled_back",  # was cut over, and the source is used again
    "excluded",  # the manifest leaves it out
]
STATES: tuple[State, ...] = get_args(State)
NEED_A_LOOK: frozenset[State] = frozenset({"blocked", "drifted", "failed"})
# Nothing of theirs is counted to what the migration has to move.
OUT_OF_SCOPE: frozenset[State] = frozenset({"orphaned", "excluded"})

COLLIDES = "LF-8056"  # by which a look at all tables blocks, not one at a table

_ASIDE: tuple[State, ...] = ("blocked", "drifted", "failed")
_MAY_FOLLOW: dict[State, tuple[State, ...]] = {
    "discovered": ("planned", *_ASIDE),
    "planned": ("discovered", "syncing", "synced", *_ASIDE),  # synced: nothing new at the source
    # Back to planned: stopped or killed in the midst. What landed is found again.
    "syncing": ("planned", "synced", *_ASIDE),
    "synced": ("planned", "syncing", "verified", *_ASIDE),
    # Synced: the source was found to have moved on, so the proof is of an older version.
    "verified": ("planned", "syncing", "synced", "frozen", *_ASIDE),
    "frozen": ("synced", "verified", "cut_over", *_ASIDE),  # back: given up without a trace
    "cut_over": ("rolled_back",),
    "rolled_back": ("planned", "syncing", "synced", "verified", *_ASIDE),
    "blocked": ("discovered", "planned", "syncing", "synced", "drifted", "failed"),
    "drifted": ("discovered", "planned", "syncing", "synced", "blocked", "failed"),
    "failed": ("discovered", "planned", "syncing", "synced", "blocked", "drifted"),
    "orphaned": ("discovered",),
    "excluded": ("discovered",),
}


def has_no_place(table: LakeTable) -> bool:
    """Whether it is blocked for landing where another table does.

    A look at this table alone cannot tell that the other one is gone.
    """
    return table.state == "blocked" and table.code == COLLIDES


def may_follow(before: State) -> frozenset[State]:
    """The states that a table in `before` may go to; never `before` itself."""
    leave: tuple[State, ...] = () if before == "cut_over" else ("orphaned", "excluded")
    return frozenset((*_MAY_FOLLOW[before], *leave)) - {before}


def move(
    target_url: str, before: State, after: State, *, why: str = "", code: str = "",
    next_step: str = "",
) -> Move:  # fmt: skip
    """The step of one table, for the ledger to keep.

    Raises:
        ValueError: `after` may not follow `before`: a flaw of the program, never of the world.
    """
    if after not in may_follow(before):
        raise ValueError(f"{target_url}: {before} -> {after} is no step of a migration")
    return Move(target_url, before, after, why, code, next_step)


def interrupted(tables: Iterable[LakeTable]) -> tuple[Move, ...]:
    """The steps of a new coordinator for what the last one was amid when it ended.

    What was copied lies at the target and is found there; what was frozen is asked for again.
    """
    why = "its run ended in the midst; what landed is kept"
    back: dict[str, State] = {"syncing": "planned", "frozen": "synced"}
    return tuple(
        Move(table.target_url, table.state, back[table.state], why)
        for table in tables
        if table.state in back
    )


def word(state: str) -> str:
    """As people read it: `cut over`."""
    return state.replace("_", " ")
