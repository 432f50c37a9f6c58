"""`lakeferry plan`: what a sync would do, how long, for how much. Parse, call."""

from threading import Event as Flag

from lakeferry.cli.faults import all_told
from lakeferry.cli.fleet.flags import ALL_TABLES, TableFlags
from lakeferry.cli.fleet.plan_flags import NO_PLAN, PlanFlags
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded


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
        from lakeferry.cli.fleet import planning

        return planning.plan(
            manifest, tables, flags, screen=screen, stop=stop, is_verbose=talk.verbose
        )

    return guarded(
        "plan", talk, all_told(run), hears_stop=True, on_stop="stopped; nothing was changed"
    )
