"""`lakeferry rollback`: back to the source, or a target back to an older version. Parse, call."""

from threading import Event as Flag

from lakeferry.cli.faults import all_told
from lakeferry.cli.fleet.flags import ALL_TABLES, TableFlags
from lakeferry.cli.fleet.rollback_flags import NO_ROLLBACK, RollbackFlags
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded


def rollback(
    *names: str,
    tables: TableFlags = ALL_TABLES,
    flags: RollbackFlags = NO_ROLLBACK,
    manifest: ManifestFlags = NO_MANIFEST,
    talk: Talk = QUIET_TALK,
) -> int:
    """Take a switch back: unregister what was registered, use the source again; the data stay.

    Name tables as source.schema.table, or give --wave or --select. Where a target was written since
    the switch nothing is changed, and what was written is listed (exit 3): choose --reverse or
    --accept-loss then.
    """

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli.fleet import rolling_back

        return rolling_back.rollback(names, manifest, tables, flags, screen=screen, stop=stop)

    return guarded(
        "rollback", talk, all_told(run), hears_stop=True,
        on_stop="stopped; the same command goes on from here", stopping="stopping",
    )  # fmt: skip
