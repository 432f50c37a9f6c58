"""`lakeferry ingest`: a Kinesis stream into a Delta table, exactly once."""

import signal
from dataclasses import dataclass
from threading import Event as Flag
from typing import Annotated

from cyclopts import Parameter

from lakeferry.cli.faults import all_told
from lakeferry.cli.ingest.flags import NO_STREAM, StreamFlags, wanted
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded
from lakeferry.errors import FerryError

STOPPING = "stopping: what was read is committed first; again to stop at once"
ON_STOP = "the same command goes on from there"
# Service managers end what runs for months so: docs/decisions/0021.
ENDS_WELL = frozenset([signal.SIGTERM])


@Parameter(name="*")
@dataclass(frozen=True)
class RunFlags:
    """What this run does."""

    once: Annotated[
        bool, Parameter(negative="", help="End when all that was there at the start is committed.")
    ] = False
    adopt: Annotated[
        str | None,
        Parameter(
            help="Begin exactly where another consumer stands: kcl:TABLE, checkpoint:DIR or "
            "shards:FILE."
        ),
    ] = None
    metrics: Annotated[
        str | None, Parameter(help="HOST:PORT, or a port of this machine, for Prometheus.")
    ] = None
    check: Annotated[
        bool, Parameter(negative="", help="Only try endpoint and rights; exit 1 on a blocker.")
    ] = False
    positions: Annotated[
        bool,
        Parameter(negative="", help="Only print where the table stands, for another consumer."),
    ] = False
    infer: Annotated[
        int | None,
        Parameter(help="Only propose a schema, from a sample of so many records; needs no TABLE."),
    ] = None


NO_RUN = RunFlags()


def ingest(
    stream: str,
    table: str | None = None,
    /,
    *,
    flags: StreamFlags = NO_STREAM,
    run: RunFlags = NO_RUN,
    manifest: ManifestFlags = NO_MANIFEST,
    talk: Talk = QUIET_TALK,
) -> int:
    """Bring a Kinesis stream into a Delta table, each record exactly once.

    STREAM is a name, an ARN or kinesis://REGION/NAME, and TABLE an address; or STREAM alone is a
    name in the manifest. It goes on until Ctrl-C or SIGTERM, then commits what was read. The same
    command goes on from what is committed; a second one that runs beside it harms nothing.
    """

    begun = (
        Flag()
    )  # before that nothing is in flight, and a signal may interrupt what is waited for

    def do(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli.ingest import ingesting

        _refuse_two(run)
        only_stream = run.infer is not None and not (run.check or run.positions)
        found = wanted(stream, table, manifest, flags, once=run.once, only_stream=only_stream)
        if run.check:
            return ingesting.check(found, adopt=run.adopt, screen=screen)
        if run.positions:
            return ingesting.positions(found, screen=screen)
        if run.infer is not None:
            return ingesting.infer(found, run.infer, screen=screen)
        return ingesting.ingest(
            found, adopt=run.adopt, metrics=run.metrics, screen=screen, stop=stop, begun=begun
        )

    return guarded(
        "ingest",
        talk,
        all_told(do),
        hears_stop=begun.is_set,
        on_stop=ON_STOP,
        stopping=STOPPING,
        ends_well=ENDS_WELL,
    )


def _refuse_two(run: RunFlags) -> None:
    """Raises LF-2001: of two looks one would be done in silence for the other."""
    looks = [("--check", run.check), ("--positions", run.positions), ("--infer", run.infer)]
    given = [flag for flag, is_given in looks if is_given not in (False, None)]
    if len(given) > 1:
        raise FerryError(
            "LF-2001", f"{' and '.join(given)} are looks of their own", "on the command line",
            "give one of them at a time",
        )  # fmt: skip
