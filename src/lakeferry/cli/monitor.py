"""`lakeferry monitor ...`: the network of a migration, seen and guarded. Parse and call a door."""

from threading import Event as Flag
from typing import Annotated

from cyclopts import App, Parameter

from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded

monitor = App(
    name="monitor",
    help="See every byte of the migration: rules, alarms and dashboards, proven before they "
    "are deployed.",
)


@monitor.command
def prove(
    rules: str,
    logs: str | None = None,
    /,
    *,
    period: Annotated[int, Parameter(help="Seconds of one datapoint.")] = 60,
    max_contributors: Annotated[int, Parameter(help="Contributors to show, at most 100.")] = 10,
    metrics: Annotated[
        list[str] | None,
        Parameter(negative="", consume_multiple=True, help="Of the rule; default: all seven."),
    ] = None,
    order_by: Annotated[str, Parameter(help="Sum or Maximum.")] = "Sum",
    alarms: Annotated[
        str | None, Parameter(help="JSON file of PutMetricAlarm requests to replay.")
    ] = None,
    format: Annotated[
        str | None, Parameter(help="Fields of a log without a header line, in order.")
    ] = None,
    start: Annotated[str | None, Parameter(help="ISO 8601, UTC unless it says.")] = None,
    end: Annotated[str | None, Parameter(help="ISO 8601; not included.")] = None,
    talk: Talk = QUIET_TALK,
) -> int:
    """Run Contributor Insights rules over flow logs on this machine, before deploying them.

    RULES is a JSON file of bodies by name, one body, or a folder of bodies. LOGS is a file, a
    folder, s3://, log-group:NAME, or - for stdin; without LOGS the rules are checked alone.
    Exit 2 for a rule that CloudWatch would refuse, 3 for one that matches nothing.
    """

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli import proving

        request = proving.Request(
            rules=rules,
            logs=logs,
            period_s=period,
            max_contributors=max_contributors,
            metrics=metrics,
            order_by=order_by,
            alarms=alarms,
            format=format,
            start=start,
            end=end,
        )
        return proving.prove(request, screen=screen, stop=stop)

    return guarded("monitor prove", talk, run, hears_stop=True)
