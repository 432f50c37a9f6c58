"""`monitor top | watch | alarms | series`: where bytes go, now and over months. Parse, call."""

import sys
from threading import Event as Flag
from typing import Annotated, Literal

from cyclopts import Parameter

from lakeferry.cli.colour import is_wanted
from lakeferry.cli.faults import all_told
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.monitor.network_flags import NO_NETWORK, NetworkFlags, request_of
from lakeferry.cli.monitor.watch_flags import (
    NO_LOGS,
    NO_PLANNED,
    NO_SPAN,
    LogFlags,
    PlannedFlags,
    SpanFlags,
)
from lakeferry.cli.render import Screen
from lakeferry.cli.standard_input import OR_STDIN
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded
from lakeferry.cli.units import parse_duration

_ENDED = "stopped"
Logs = Annotated[str | None, Parameter(name="LOGS"), OR_STDIN]


def top(
    logs: Logs = None,
    /,
    *,
    by: Annotated[
        Literal["path", "eni", "worker", "remote", "src", "dst", "port"],
        Parameter(help="What a line is about."),
    ] = "path",
    limit: Annotated[int, Parameter(help="Lines to show.")] = 20,
    span: SpanFlags = NO_SPAN,
    rows: LogFlags = NO_LOGS,
    manifest: ManifestFlags = NO_MANIFEST,
    network: NetworkFlags = NO_NETWORK,
    talk: Talk = QUIET_TALK,
) -> int:
    """Show who moves most bytes and by which device, each byte once, and what is wrong about it.

    LOGS is a file, a folder, s3://, log-group:NAME, or - for stdin; default: the deployment's.
    `generated:` makes one up from the network, where none exists yet.
    """

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli.monitor import watching

        asked = watching.Asked(rows, span, lambda: request_of(manifest, network, needs_name=False))
        return watching.top(logs, asked, by=by, limit=limit, screen=screen, stop=stop)

    return guarded("monitor top", talk, all_told(run))


def watch(
    logs: Logs = None,
    /,
    *,
    once: Annotated[
        bool, Parameter(negative="", help="Look once; exit 3 where something is wrong or late.")
    ] = False,
    interval: Annotated[float, Parameter(help="Seconds between two looks.")] = 30,
    metrics: Annotated[
        str | None, Parameter(help="Serve Prometheus metrics, such as 127.0.0.1:9464.")
    ] = None,
    metrics_file: Annotated[
        str | None, Parameter(help="Write them into this file, for the textfile collector.")
    ] = None,
    late: Annotated[
        str, Parameter(help="How late a row of a log group may come and still be counted.")
    ] = "15 min",
    plan: PlannedFlags = NO_PLANNED,
    rows: LogFlags = NO_LOGS,
    manifest: ManifestFlags = NO_MANIFEST,
    network: NetworkFlags = NO_NETWORK,
    talk: Talk = QUIET_TALK,
) -> int:
    """Watch the bytes of each path against the plan until you stop it.

    A table on a terminal, a line each time elsewhere. LOGS is a folder, s3:// or log-group:NAME.
    """

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli.monitor import watching

        asked = watching.Asked(
            rows, NO_SPAN,
            lambda: request_of(manifest, network, plan.as_watch(), needs_name=False),
        )  # fmt: skip
        shown = watching.Shown(
            once=once, interval_s=interval, metrics=metrics, metrics_file=metrics_file,
            table=not (talk.json or talk.quiet or talk.progress in ("plain", "none")),
            color=is_wanted(talk.color, sys.stdout), late_s=parse_duration(late, "--late"),
        )  # fmt: skip
        return watching.watch(logs, asked, plan.as_watch(), shown, screen=screen, stop=stop)

    # Nothing is in flight, and a word amid the table would have it painted twice.
    return guarded(
        "monitor watch", talk, all_told(run), hears_stop=True, on_stop=_ENDED, stopping=""
    )


def alarms(
    *,
    logs: Annotated[
        str | None,
        Parameter(help="Say too when each would have fired on these flow logs."),
        OR_STDIN,
    ] = None,
    span: SpanFlags = NO_SPAN,
    rows: LogFlags = NO_LOGS,
    manifest: ManifestFlags = NO_MANIFEST,
    network: NetworkFlags = NO_NETWORK,
    talk: Talk = QUIET_TALK,
) -> int:
    """Show the deployment's alarms, since when they are as they are, and why.

    Exit 3 where one is in ALARM.
    """

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli.monitor import watching

        asked = watching.Asked(rows, span, lambda: request_of(manifest, network))
        return watching.alarms(logs, asked, screen=screen, stop=stop)

    return guarded("monitor alarms", talk, all_told(run))


def series(
    store: Annotated[str, Parameter(help="Folder or s3:// prefix of the Parquet files.")],
    /,
    *,
    start: Annotated[
        str | None, Parameter(name="--from", help="ISO 8601; default: where the last run ended.")
    ] = None,
    end: Annotated[str | None, Parameter(name="--to", help="ISO 8601; not included.")] = None,
    offline: Annotated[
        bool, Parameter(negative="", help="Show what is kept; ask CloudWatch nothing.")
    ] = False,
    out: Annotated[
        str | None, Parameter(name=["--out", "-o"], help="Write the points as .parquet or .csv.")
    ] = None,
    logs: Annotated[
        str | None,
        Parameter(help="Keep the bytes of each path from these flow logs, not CloudWatch's."),
        OR_STDIN,
    ] = None,
    period: Annotated[int, Parameter(help="Seconds of one point.")] = 60,
    store_option: Annotated[
        list[str] | None, Parameter(negative="", help="NAME=VALUE, a setting of STORE.")
    ] = None,
    rows: LogFlags = NO_LOGS,
    manifest: ManifestFlags = NO_MANIFEST,
    network: NetworkFlags = NO_NETWORK,
    talk: Talk = QUIET_TALK,
) -> int:
    """Keep the deployment's series longer than the 15 days that CloudWatch keeps them.

    Run it at least every two weeks. A file a day; a second run writes nothing twice.
    """

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli.monitor import keeping, watching

        asked = watching.Asked(
            rows, SpanFlags(start=start, end=end), lambda: request_of(manifest, network),
            called=("--from", "--to"),
        )  # fmt: skip
        wish = keeping.Wish(store, store_option, offline, out, logs, period)
        return keeping.series(wish, asked, screen=screen, stop=stop)

    return guarded("monitor series", talk, all_told(run), hears_stop=True)
