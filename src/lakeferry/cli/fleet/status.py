"""`lakeferry status`: where a migration stands, from its ledger alone. Parse, call."""

import gc
from threading import Event as Flag

from lakeferry.cli.faults import all_told
from lakeferry.cli.fleet.flags import ALL_TABLES, TableFlags
from lakeferry.cli.fleet.status_flags import NO_STATUS, StatusFlags
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded


def status(
    *,
    tables: TableFlags = ALL_TABLES,
    flags: StatusFlags = NO_STATUS,
    manifest: ManifestFlags = NO_MANIFEST,
    talk: Talk = QUIET_TALK,
) -> int:
    """Where a migration stands: tables, bytes, what is behind, when it ends, what asks for you.

    Read from the ledger alone, while others write it; no store is asked, except with --live. With
    --check --live the target's catalog is held against the ledger, too.
    """

    def run(screen: Screen, stop: Flag) -> int:
        if not flags.watch:
            gc.disable()  # ten thousand tables are read once, and then it ends
        try:
            from lakeferry.cli.fleet import status_looking

            return status_looking.status(manifest, tables, flags, screen=screen, stop=stop)
        finally:
            gc.enable()

    return guarded("status", talk, all_told(run), hears_stop=flags.watch, stopping="")
