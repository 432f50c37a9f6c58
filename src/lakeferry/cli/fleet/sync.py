"""`lakeferry sync`: bring the tables of a migration over, and keep them up to date."""

from threading import Event as Flag

from lakeferry.cli.faults import all_told
from lakeferry.cli.fleet.flags import ALL_TABLES, TableFlags
from lakeferry.cli.fleet.sync_flags import NO_SYNC, SyncFlags
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded
from lakeferry.errors import FerryError

STOPPING = "stopping: files in flight end first; again to stop at once"


def sync(
    plan: str | None = None,
    /,
    *,
    tables: TableFlags = ALL_TABLES,
    flags: SyncFlags = NO_SYNC,
    manifest: ManifestFlags = NO_MANIFEST,
    talk: Talk = QUIET_TALK,
) -> int:
    """Bring tables over, or up to date; run it again and only the change moves.

    With a PLAN (a file of `lakeferry plan -o`) its tables are copied at its versions. Interrupt it
    at any time: the same command goes on from there. Exit 3: finished, and something asks for you.
    """
    begun = Flag()  # before that nothing is in flight, and a signal may interrupt

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli.fleet import syncing

        return syncing.sync(
            plan, manifest, tables, flags, screen=screen, stop=stop, begun=begun,
            tells_files=talk.verbose or talk.log_file is not None,
        )  # fmt: skip

    return guarded(
        "sync",
        talk,
        all_told(run),
        hears_stop=begun.is_set,
        on_stop="nothing is half committed; the same command goes on from here",
        stopping=STOPPING,
        start=lambda: _named(plan),
    )


def _named(plan: str | None) -> dict[str, str]:
    """The hash by which events and receipts name a plan; {} for one that the run will refuse."""
    from lakeferry.fleet.planning.plan_file import plan_sha256, read_plan

    try:
        return {} if plan is None else {"plan": f"sha256:{plan_sha256(read_plan(plan))}"}
    except FerryError:
        return {}
