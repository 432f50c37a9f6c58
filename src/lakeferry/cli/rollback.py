"""`lakeferry rollback`: back to the source, or a target back to an older version. Parse, call."""

from dataclasses import dataclass
from threading import Event as Flag
from typing import Annotated

from cyclopts import Parameter

from lakeferry.cli.faults import all_told
from lakeferry.cli.fleet_flags import ALL_TABLES, TableFlags
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.mirrored import mirrored
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded


@Parameter(name="*")
@dataclass(frozen=True)
class RollbackFlags:
    """What becomes of what targets were written since."""

    accept_loss: Annotated[
        bool, Parameter(negative="", help="Leave behind what targets were written since.")
    ] = False
    reverse: Annotated[
        bool, Parameter(negative="", help="Carry it back: this WRITES TO THE SOURCE.")
    ] = False
    to_version: Annotated[
        int | None, Parameter(help="Instead: restore the one target to this version of its own.")
    ] = None
    purge: Annotated[
        bool, Parameter(negative="", help="Instead: delete the files that clones brought.")
    ] = False
    confirm: Annotated[
        str | None, Parameter(help="With --purge, in place of typing it: the name that is asked.")
    ] = None
    yes: Annotated[bool, mirrored("--yes", "-y", negative="", help="Ask nothing.")] = False


NO_ROLLBACK = RollbackFlags()


def rollback(
    *names: str,
    tables: TableFlags = ALL_TABLES,
    flags: RollbackFlags = NO_ROLLBACK,
    manifest: ManifestFlags = NO_MANIFEST,
    talk: Talk = QUIET_TALK,
) -> int:
    """Take a switch back: unregister what was registered, use the source again; the data stay.

    Name the tables, or give --wave or --select. Where a target was written since the switch nothing
    is changed, and what was written is listed (exit 3): choose --reverse or --accept-loss then.
    """

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli import rolling_back

        return rolling_back.rollback(names, manifest, tables, flags, screen=screen, stop=stop)

    return guarded(
        "rollback", talk, all_told(run), hears_stop=True,
        on_stop="stopped; the same command goes on from here", stopping="stopping",
    )  # fmt: skip
