"""`lakeferry plan`: what a sync would do, how long, for how much. Parse, call."""

from dataclasses import dataclass
from threading import Event as Flag
from typing import Annotated, Literal

from cyclopts import Parameter

from lakeferry.cli.faults import all_told
from lakeferry.cli.fleet_flags import ALL_TABLES, TableFlags
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags, Many
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded

Route = Literal["nat-gateway", "nat-instance", "internet-gateway", "privatelink", "expressroute"]


@Parameter(name="*")
@dataclass(frozen=True)
class PlanFlags:
    """What is wanted of a plan."""

    out: Annotated[
        str | None, Parameter(name=["--out", "-o"], help="Write it into this file, such as a.lfp.")
    ] = None
    check: Annotated[
        bool, Parameter(negative="", help="Exit 3 where anything is left to move or to decide.")
    ] = False
    explain: Annotated[
        bool, Parameter(negative="", help="Say of each table why, and of risks which tables.")
    ] = False
    assume: Annotated[
        Many,
        Parameter(
            negative="",
            help="rate=20Gbit/s in place of what was seen; or any key of `lakeferry cost`.",
        ),
    ] = None
    route: Annotated[
        Route | None, Parameter(help="How bytes of the internet come, for their price.")
    ] = None


NO_PLAN = PlanFlags()


def plan(
    *,
    tables: TableFlags = ALL_TABLES,
    flags: PlanFlags = NO_PLAN,
    manifest: ManifestFlags = NO_MANIFEST,
    talk: Talk = QUIET_TALK,
) -> int:
    """What a sync would do: tables, files, bytes, hours, dollars. Nothing is moved.

    Looks at the newest version of each source and at what each target holds, and counts what is
    left. A plan that is written can be reviewed, compared and applied: `lakeferry sync a.lfp`.
    """

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli import planning

        return planning.plan(
            manifest, tables, flags, screen=screen, stop=stop, is_verbose=talk.verbose
        )

    return guarded(
        "plan", talk, all_told(run), hears_stop=True, on_stop="stopped; nothing was changed"
    )
