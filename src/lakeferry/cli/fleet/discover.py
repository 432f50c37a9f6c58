"""`lakeferry discover`: what there is in all sources of a migration. Parse, call."""

from threading import Event as Flag

from lakeferry.cli.faults import all_told
from lakeferry.cli.fleet.discover_flags import NO_DISCOVER, DiscoverFlags
from lakeferry.cli.fleet.flags import ALL_TABLES, TableFlags
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded

STOPPING = "stopping: what was found so far is kept; again to stop at once"
ON_STOP = "stopped; what was found is kept, and the same command looks at all of it again"


def discover(
    *,
    tables: TableFlags = ALL_TABLES,
    flags: DiscoverFlags = NO_DISCOVER,
    manifest: ManifestFlags = NO_MANIFEST,
    talk: Talk = QUIET_TALK,
) -> int:
    """Find what there is in all sources: tables, checkpoints of streams, plain folders.

    Of each Delta table the head of its log is read, never data. What is found goes into the ledger,
    from which the other commands know it; run it again, and it tells what is new, changed or gone.
    """

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli.fleet import discovering

        return discovering.discover(manifest, tables, flags, screen=screen, stop=stop)

    return guarded(
        "discover", talk, all_told(run), hears_stop=True, on_stop=ON_STOP, stopping=STOPPING
    )
