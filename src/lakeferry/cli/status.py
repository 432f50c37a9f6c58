"""`lakeferry status`: where a migration stands, from its ledger alone. Parse, call."""

import gc
from dataclasses import dataclass
from threading import Event as Flag
from typing import Annotated, Literal

from cyclopts import Parameter

from lakeferry.cli.faults import all_told
from lakeferry.cli.fleet_flags import ALL_TABLES, TableFlags
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded


@Parameter(name="*")
@dataclass(frozen=True)
class StatusFlags:
    """What is wanted of a status."""

    by: Annotated[
        Literal["source", "wave", "state", "table"], Parameter(help="What one line is of.")
    ] = "wave"
    watch: Annotated[bool, Parameter(negative="", help="Again and again, until Ctrl-C.")] = False
    interval: Annotated[float, Parameter(help="Seconds between two looks with --watch.")] = 5
    check: Annotated[
        bool, Parameter(negative="", help="Exit 3 where a table asks for a person, or is late.")
    ] = False
    live: Annotated[
        bool, Parameter(negative="", help="Ask the sources for their newest versions, too.")
    ] = False
    explain_eta: Annotated[
        bool, Parameter(negative="", help="Say what the time that is left rests on.")
    ] = False


NO_STATUS = StatusFlags()


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
            from lakeferry.cli import status_looking

            return status_looking.status(manifest, tables, flags, screen=screen, stop=stop)
        finally:
            gc.enable()

    return guarded("status", talk, all_told(run), hears_stop=flags.watch, stopping="")
