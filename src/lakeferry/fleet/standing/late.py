"""A source that was written to after its table was cut over, as the ledger knows it. Pure.

What is written there then reaches nobody who reads the target, and no sync brings it.
"""

from lakeferry.fleet.manifest.typed import typed
from lakeferry.ledger.rows import LakeTable

LATE = "LF-8086"


def is_late(table: LakeTable) -> bool:
    """Whether the last look found the source written to since the switch."""
    return table.state == "cut_over" and table.behind_since_ms is not None


def told(table: LakeTable) -> LakeTable:
    """The row with what a person has to know; any other as it is."""
    if not is_late(table):
        return table
    held, newest = table.held_version, table.source_version
    why = f"its source was written to since: version {held} was switched, it is at {newest}"
    return table._replace(code=LATE, why=why, next_step=next_step(table.name))


def next_step(name: str) -> str:
    """What was written reaches the target by another switch alone."""
    return (
        "stop whoever writes there; what was written comes over by: lakeferry rollback "
        f"-s {typed(name)}, a sync, and another cutover"
    )
