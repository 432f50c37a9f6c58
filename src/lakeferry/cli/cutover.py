"""`lakeferry cutover`: switch tables from their source to their target. Parse, call."""

from dataclasses import dataclass
from threading import Event as Flag
from typing import Annotated, Literal

from cyclopts import Parameter

from lakeferry.cli.faults import all_told
from lakeferry.cli.fleet_flags import ALL_TABLES, TableFlags
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.mirrored import mirrored
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded

Many = list[str] | None


@Parameter(name="*")
@dataclass(frozen=True)
class CutoverFlags:
    """How a switch is made."""

    dry_run: Annotated[
        bool, Parameter(negative="", help="Tell how each step would go; change nothing.")
    ] = False
    freeze_check: Annotated[
        str | None, Parameter(help="How long no source may have a commit; default: the wave's.")
    ] = None
    wait: Annotated[
        str | None, Parameter(help="Wait so long for writers that are seen, where nobody is asked.")
    ] = None
    strength: Annotated[
        Literal["listed", "hashed", "replayed", "rows"] | None,
        Parameter(help="Of the proof; default: the manifest's `verify`."),
    ] = None
    register: Annotated[
        bool, Parameter(negative="--no-register", help="Tell the target's catalog.")
    ] = True
    at: Annotated[
        str | None, Parameter(help="Begin the freeze check then (ISO 8601; UTC without a zone).")
    ] = None
    checkpoint: Annotated[
        Many, Parameter(negative="", help="Folder of a stream's checkpoint, beside those found.")
    ] = None
    moved_landing: Annotated[
        Many, Parameter(negative="", help="A landing zone that will be read elsewhere.")
    ] = None
    accept_reload: Annotated[
        bool, Parameter(negative="", help="Let files of a moved landing zone be loaded again.")
    ] = False
    set_managed: Annotated[
        bool, Parameter(negative="", help="Print ALTER TABLE ... SET MANAGED for each table.")
    ] = False
    rehearse: Annotated[
        bool, Parameter(negative="", help="Make shallow clones beside the targets for a trial run.")
    ] = False
    remove: Annotated[
        bool, Parameter(negative="", help="With --rehearse: take those clones away.")
    ] = False
    yes: Annotated[bool, mirrored("--yes", "-y", negative="", help="Ask nothing.")] = False


NO_CUTOVER = CutoverFlags()


def cutover(
    *names: str,
    tables: TableFlags = ALL_TABLES,
    flags: CutoverFlags = NO_CUTOVER,
    manifest: ManifestFlags = NO_MANIFEST,
    talk: Talk = QUIET_TALK,
) -> int:
    """Switch tables from their source to their target: proven, registered, with a way back.

    Name the tables, or give --wave or --select. Seven steps: preconditions, freeze check, final
    increment, verify, txn proof, registration, mark. Before the sixth nothing can be seen; stopped
    or killed at any time, the same command goes on. The source is never written to.
    """

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli import cutting_over

        return cutting_over.cutover(names, manifest, tables, flags, screen=screen, stop=stop)

    return guarded(
        "cutover", talk, all_told(run), hears_stop=True,
        on_stop="stopped; the same command goes on from here", stopping="stopping",
    )  # fmt: skip
