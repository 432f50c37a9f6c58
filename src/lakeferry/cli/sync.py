"""`lakeferry sync`: bring the tables of a migration over, and keep them up to date."""

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

STOPPING = "stopping: files in flight end first; again to stop at once"


@Parameter(name="*")
@dataclass(frozen=True)
class SyncFlags:
    """What one run does, and what it may take."""

    follow: Annotated[
        bool,
        Parameter(negative="", help="Go on: each table again after a quarter of its lag_target."),
    ] = False
    replan: Annotated[
        bool, Parameter(negative="", help="Copy the newest versions, not those of the plan.")
    ] = False
    accept_schema: Annotated[
        int | None,
        Parameter(help="Take a change of the schema up to this version of the source; of one -s."),
    ] = None
    replace: Annotated[
        bool,
        Parameter(
            negative="", help="Make targets that are blocked or drifted equal to their source; -s."
        ),
    ] = False
    max_cost: Annotated[float | None, Parameter(help="Dollars; see `limits.stop_if`.")] = None
    max_time: Annotated[str | None, Parameter(help="Such as 6h or 90min.")] = None
    stop_at: Annotated[
        str | None, Parameter(help="The next 06:00 of this machine's clock, say.")
    ] = None
    limit_rate: Annotated[
        str | None, mirrored("--limit-rate", help="Such as 200MB/s or 1Gbit/s; of all together.")
    ] = None
    on: Annotated[
        str | None,
        Parameter(
            help="Let machines of Spark copy files: `spark` takes the session or the settings that "
            "are there, else a master: spark://HOST:7077, yarn, local[2], or sc://HOST."
        ),
    ] = None
    yes: Annotated[bool, mirrored("--yes", "-y", negative="", help="Ask nothing.")] = False


NO_SYNC = SyncFlags()


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
        from lakeferry.cli import syncing

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
    )
