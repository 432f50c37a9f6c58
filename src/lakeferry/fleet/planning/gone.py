"""A target that held a version, and of which nothing is there any more: somebody deleted it. Pure.

Nothing can be overwritten there, so the next sync brings all of it again without being asked twice;
that it happened is told, since whoever did it may have meant another table.
"""

from lakeferry.fleet.manifest.typed import typed
from lakeferry.fleet.planning.planned import Seen
from lakeferry.fleet.standing.states import NEED_A_LOOK
from lakeferry.ledger.rows import LakeTable, Move

GONE = "LF-5009"


def is_gone(table: LakeTable, seen: Seen) -> bool:
    """Whether a look found nothing where the ledger knows a version to be."""
    is_known = table.held_version is not None and table.state != "cut_over"
    return is_known and seen.fault is None and not seen.is_current and seen.held_version is None


def waits_for_a_person(table: LakeTable) -> bool:
    """Whether what was found before holds a table back until somebody has decided."""
    return table.state in NEED_A_LOOK - {"failed"} and table.code != GONE


def why_gone(table: LakeTable) -> str:
    """For people."""
    return f"its target held version {table.held_version}, and nothing of it is there any more"


def forgotten(table: LakeTable) -> LakeTable:
    """The row as the ledger has it after `gone`."""
    step = gone(table)
    return table._replace(
        state=step.after, why=step.why, code=step.code, next_step=step.next_step,
        held_version=None, held_at_ms=None, target_version=None, strength=None,
        behind_since_ms=None, left_bytes=table.bytes, left_files=table.files,
        left_requests=2 * table.files,
    )  # fmt: skip


def gone(table: LakeTable) -> Move:
    """The step of such a table, for `Ledger.forget_clone`."""
    return Move(
        table.target_url, table.state, "drifted", f"the target is gone: {why_gone(table)}", GONE,
        f"find out who deleted {table.target_url}; all of it is brought again by: lakeferry sync "
        f"-s {typed(table.name)}",
    )  # fmt: skip
