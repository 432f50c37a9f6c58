"""The commands: parse, call a door, turn outcomes into exit codes.

Exit codes: 0 done; 1 failed, or the data is at fault; 2 the request is at fault and nothing
changed; 3 finished and needs a look; 130 and 143 stopped by a signal in a clean state (an `ingest`
that SIGTERM stopped is done: 0).
"""

import atexit
import io
import math
import os
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from threading import Event as Flag
from typing import Annotated, Any, Literal, NoReturn

from cyclopts import App, CycloptsError, Parameter

from lakeferry.cli.clone.place_flags import (
    Jobs,
    MapPrefix,
    SourceOption,
    Strength,
    TargetOption,
    places,
)
from lakeferry.cli.flag_types import Many
from lakeferry.cli.mirrored import is_set, mirrored
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded
from lakeferry.cli.units import parse_rate, parse_time
from lakeferry.errors import FerryError
from lakeferry.version import VERSION

app = App(
    name="lakeferry",
    help="Move Delta lakes between clouds, table by table, exactly as they are.",
    version=VERSION,
    result_action="return_value",
    # That a flag is off unless it is given needs no words.
    default_parameter=Parameter(show_default=lambda value: value or None),
    help_epilogue="Exit codes: 0 done, 1 failed, 2 wrong request, 3 needs a look. "
    "`lakeferry explain CODE` explains an error. The environment may set the options that all "
    "share, as LAKEFERRY_JSON=1 does --json.",
)

# By name, so that a clone does not import what only networks and manifests need.
app.command(
    "lakeferry.cli.fleet.discover:discover",
    name="discover",
    help="Find the tables, checkpoints and folders of all sources of a migration.",
)
app.command(
    "lakeferry.cli.fleet.plan:plan",
    name="plan",
    help="What a sync of a migration would do: tables, bytes, hours, dollars.",
)
app.command(
    "lakeferry.cli.fleet.sync:sync",
    name="sync",
    help="Bring the tables of a migration over, and keep them up to date.",
)
# As readers of Terraform would type it; not listed, for it is one and the same.
app.command("lakeferry.cli.fleet.sync:sync", name="apply", show=False)
app.command(
    "lakeferry.cli.fleet.status:status",
    name="status",
    help="Where a migration stands: tables, bytes, what is behind, what asks for a person.",
)
app.command(
    "lakeferry.cli.fleet.cutover:cutover",
    name="cutover",
    help="Switch tables from their source to their target: proven, registered, with a way back.",
)
app.command(
    "lakeferry.cli.clone.verify:verify",
    name="verify",
    help="Prove that clones are their tables: one, or all of a migration.",
)
app.command(
    "lakeferry.cli.fleet.rollback:rollback",
    name="rollback",
    help="Take a switch back: the source is used again, and the catalog forgets the target.",
)
app.command(
    "lakeferry.cli.monitor.commands:monitor",
    name="monitor",
    help="See every byte of a migration: rules, alarms and dashboards, proven before they are "
    "deployed.",
)
app.command(
    "lakeferry.cli.cost.command:cost",
    name="cost",
    help="What moving bytes to AWS costs by every path, and which to take.",
)
app.command(
    "lakeferry.cli.ingest.command:ingest",
    name="ingest",
    help="Bring a Kinesis stream into a Delta table, each record exactly once.",
)
app.command(
    "lakeferry.cli.explain:explain",
    name="explain",
    help="Explain a table, a plan, an error code, or the lines of --json.",
)
app.command(
    "lakeferry.cli.doctor:doctor",
    name="doctor",
    help="Try whether this machine, these stores and a stream can do the job.",
)
app.command(
    "lakeferry.cli.config.commands:config",
    name="config",
    help="Look at the manifest, and at what it asks for.",
)


@Parameter(name="*")
@dataclass(frozen=True)
class CloneFlags:
    """The options of `clone`."""

    mode: Annotated[
        Literal["snapshot", "mirror"],
        Parameter(help="The state at one version, or the source's own history."),
    ] = "snapshot"
    version: Annotated[int | None, Parameter(help="Of the source; default: the newest.")] = None
    timestamp: Annotated[
        str | None, Parameter(help="The version that was current at this time (ISO 8601).")
    ] = None
    dry_run: Annotated[bool, Parameter(negative="", help="Plan and count; write nothing.")] = False
    verify: Annotated[Strength | None, Parameter(help="Check afterwards, this strongly.")] = None
    jobs: Jobs = 16
    limit_rate: Annotated[
        str | None, mirrored("--limit-rate", help="Such as 200MB/s or 1Gbit/s.")
    ] = None
    follow: Annotated[bool, Parameter(negative="", help="Go on cloning until stopped.")] = False
    interval: Annotated[float, Parameter(help="Seconds between two looks with --follow.")] = 60
    replace: Annotated[
        bool,
        Parameter(negative="", help="Take the target back: it may be another table or written to."),
    ] = False
    shallow: Annotated[
        bool, Parameter(negative="", help="Metadata alone; files stay at the source.")
    ] = False
    no_txn: Annotated[
        bool, Parameter(negative="", help="Leave out what streaming writers remember.")
    ] = False
    single_writer: Annotated[
        bool, Parameter(negative="", help="Accept a store without put-if-absent.")
    ] = False
    allow_feature: Annotated[
        Many, Parameter(negative="", help="Carry a feature that is refused unless named.")
    ] = None
    map_prefix: MapPrefix = None
    source_option: SourceOption = None
    target_option: TargetOption = None

    def pause_s(self) -> float | None:
        """Between two looks; None: one clone is all. Raises LF-2001 for what cannot be followed."""
        if not self.follow:
            return None
        wrong = None
        if not 0 < self.interval < math.inf:
            wrong = f"{self.interval:g} seconds are no pause", "--interval"
        elif self.version is not None or self.timestamp is not None:
            wrong = "one version never changes, so there is nothing to follow", "--follow"
        elif self.dry_run:
            wrong = "a rehearsal that is repeated changes nothing", "--follow, --dry-run"
        if wrong:
            raise FerryError("LF-2001", *wrong, "see `lakeferry clone --help`")
        return self.interval

    def options(self) -> dict[str, Any]:
        """As `lakeferry.clone` takes them. Raises LF-2001 for a wrong rate, time or pair."""
        return {
            "mode": self.mode,
            "version": self.version,
            "timestamp_ms": parse_time(self.timestamp) if self.timestamp else None,
            "replace": self.replace,
            "shallow": self.shallow,
            "single_writer": self.single_writer,
            "carry_txns": not self.no_txn,
            "dry_run": self.dry_run,
            "jobs": self.jobs,
            "limit_bytes_per_s": parse_rate(self.limit_rate) if self.limit_rate else None,
            "allow_features": tuple(self.allow_feature or ()),
            **places(self.map_prefix, self.source_option, self.target_option),
        }


@app.command
def clone(
    source: str, target: str, /, *, flags: CloneFlags = CloneFlags(), talk: Talk = QUIET_TALK
) -> int:
    """Clone a Delta table, or bring an earlier clone up to date.

    SOURCE and TARGET are local paths or s3://, abfss://, az://, gs://, hdfs:// addresses. Run the
    same command again, and only the change moves; interrupt it at any time.
    """

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli import commands  # here, for no other command needs it

        return commands.clone(
            source,
            target,
            flags.options(),
            screen=screen,
            stop=stop,
            verify=flags.verify,
            interval_s=flags.pause_s(),
        )

    return guarded(
        "clone",
        talk,
        run,
        hears_stop=True,
        on_stop="stopped, nothing half-committed; the same command goes on from here",
    )


@app.command
def demo(
    folder: str = "lakeferry-demo",
    /,
    *,
    fast: Annotated[bool, Parameter(negative="", help="A smaller lake, a shorter stream.")] = False,
    talk: Talk = QUIET_TALK,
) -> int:
    """See a lake cross on this machine, killed and resumed, and a stream come into Delta."""

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli import commands

        return commands.demo(folder, fast=fast, screen=screen, stop=stop)

    return guarded("demo", talk, run)


def main(arguments: list[str] | None = None) -> int:
    """The entry point; exits with the command's code."""
    _ready_streams()
    words = sys.argv[1:] if arguments is None else arguments
    _tell_all_of(words)
    try:
        code = app(words, exit_on_error=False, print_error=False)
    except CycloptsError as wrong:
        code = _refused(wrong, Talk(json="--json" in words or is_set("--json")))
    code = code if isinstance(code, int) else 0
    if arguments is None:
        _leave(code)
    sys.exit(code)


def _tell_all_of(words: list[str]) -> None:
    """On a command's own page is all that its function says; in the list of commands one line."""
    if words and words[0] in app and app[words[0]].default_command is not None:
        app[words[0]].help = None  # cyclopts takes the docstring then


def _leave(code: int) -> NoReturn:
    """End the process, its own affairs in order, without taking the interpreter apart.

    Native libraries keep threads of their own (Arrow, obstore). One that is about to touch Python
    while it ends takes the process down: on a busy machine 2 of 25 runs of `monitor series` ended
    with "terminate called without an active exception" and code 134, their work done.
    """
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _refused(wrong: CycloptsError, talk: Talk) -> int:
    """Tell what is wrong with a command line, as any error is told."""
    command = " ".join(wrong.command_chain or ())
    asked = f"lakeferry {command}".rstrip()
    error = FerryError("LF-2001", str(wrong).rstrip("."), f"`{asked}`", f"see `{asked} --help`")

    def run(screen: Screen, stop: Flag) -> int:  # noqa: ARG001
        raise error

    return guarded(command, talk, run)


def _ready_streams() -> None:
    """Open what is closed, and let nothing be unprintable.

    Without a standard stream the first file that is opened would take what is printed.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
