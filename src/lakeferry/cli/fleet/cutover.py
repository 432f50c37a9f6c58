"""`lakeferry cutover`: switch tables from their source to their target. Parse, call."""

from threading import Event as Flag

from lakeferry.cli.faults import all_told
from lakeferry.cli.fleet.cutover_flags import NO_CUTOVER, CutoverFlags
from lakeferry.cli.fleet.flags import ALL_TABLES, TableFlags
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded


def cutover(
    *names: str,
    tables: TableFlags = ALL_TABLES,
    flags: CutoverFlags = NO_CUTOVER,
    manifest: ManifestFlags = NO_MANIFEST,
    talk: Talk = QUIET_TALK,
) -> int:
    """Switch tables from their source to their target: proven, registered, with a way back.

    Name tables as source.schema.table, or give --wave or --select. Seven steps: preconditions,
    freeze check, final increment, verify, txn proof, registration, mark. Before the sixth nothing
    can be seen; stopped or killed at any time, the same command goes on. The source is never
    written to.
    """

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli.fleet import cutting_over

        return cutting_over.cutover(names, manifest, tables, flags, screen=screen, stop=stop)

    return guarded(
        "cutover", talk, all_told(run), hears_stop=True,
        on_stop="stopped; the same command goes on from here", stopping="stopping",
    )  # fmt: skip
