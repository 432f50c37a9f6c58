"""`lakeferry monitor ...`: the network of a migration, seen and guarded. Parse and call a door."""

from threading import Event as Flag
from typing import Annotated, Literal

from cyclopts import App, Parameter

from lakeferry.cli.faults import all_told
from lakeferry.cli.flag_types import Yes
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.monitor.looking import alarms, series, top, watch
from lakeferry.cli.monitor.nat_moving import failback, failover
from lakeferry.cli.monitor.network_flags import (
    NO_ACCESS,
    NO_NETWORK,
    NO_WATCH,
    AccessFlags,
    NetworkFlags,
    WatchFlags,
    request_of,
    words_of,
)
from lakeferry.cli.monitor.prove_flags import NO_WISHES, ProveFlags
from lakeferry.cli.monitor.tag_flags import NO_TAGS_CHOSEN, TagFlags
from lakeferry.cli.patience import patient
from lakeferry.cli.render import Screen
from lakeferry.cli.standard_input import OR_STDIN
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded

monitor = App(
    name="monitor",
    help="See every byte of the migration: rules, alarms and dashboards, proven before they "
    "are deployed.",
)

_ENDED = "stopped; what was done is kept, and the same command goes on from here"


@monitor.command
def discover(
    *,
    picture: Annotated[str | None, Parameter(help="Draw the paths into this file (SVG).")] = None,
    save: Annotated[
        str | None, Parameter(help="Keep the network in this file, for use without AWS.")
    ] = None,
    manifest: ManifestFlags = NO_MANIFEST,
    network: NetworkFlags = NO_NETWORK,
    talk: Talk = QUIET_TALK,
) -> int:
    """Find every interface that bytes can cross, and which way they go. Changes nothing.

    Start from --vpc, --subnet, --interface or --tag, or from `network` in the manifest.
    """

    def run(screen: Screen, stop: Flag) -> int:  # noqa: ARG001
        from lakeferry.cli.monitor import monitoring

        request = request_of(manifest, network, needs_name=False)
        with patient(screen) as emit:
            return monitoring.discover(request, screen=screen, emit=emit, svg=picture, save=save)

    return guarded("monitor discover", talk, all_told(run))


@monitor.command
def plan(
    *,
    out: Annotated[
        str | None, Parameter(name=["--out", "-o"], help="Write the plan, to review and apply.")
    ] = None,
    prove: Annotated[
        str | None,
        Parameter(help="Run the planned rules and alarms over these flow logs: as LOGS of prove."),
        OR_STDIN,
    ] = None,
    manifest: ManifestFlags = NO_MANIFEST,
    network: NetworkFlags = NO_NETWORK,
    watch: WatchFlags = NO_WATCH,
    talk: Talk = QUIET_TALK,
) -> int:
    """Say what would be made, changed and removed, and what each costs a month. Changes nothing.

    Exit 3 where a deployment is there and not as it was made, or a rule does not fit the logs.
    """

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli.monitor import monitoring

        request = request_of(manifest, network, watch)
        with patient(screen) as emit:
            return monitoring.plan(
                request, screen=screen, emit=emit, stop=stop, out=out, logs=prove,
                verbose=talk.verbose, typed=words_of(manifest, network, watch),
            )  # fmt: skip

    return guarded("monitor plan", talk, all_told(run))


@monitor.command
def apply(
    reviewed: Annotated[
        str | None, Parameter(name="PLAN", help="A plan file, or the plan's fingerprint.")
    ] = None,
    /,
    *,
    yes: Yes = False,
    allow: Annotated[
        list[str] | None,
        Parameter(negative="", help="What may be done besides: delete, replace, routes, many."),
    ] = None,
    manifest: ManifestFlags = NO_MANIFEST,
    network: NetworkFlags = NO_NETWORK,
    watch: WatchFlags = NO_WATCH,
    talk: Talk = QUIET_TALK,
) -> int:
    """Make what the plan says; a run that was cut short goes on when it is run again.

    With PLAN only that plan is applied: whatever has changed since is refused. Give it the same
    manifest and flags as the plan.
    """

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli.monitor import monitoring

        request = request_of(manifest, network, watch)
        with patient(screen) as emit:
            return monitoring.apply(
                request,
                screen=screen,
                emit=emit,
                stop=stop,
                reviewed=reviewed,
                allow=monitoring.allowed(allow),
                yes=yes,
            )

    return guarded("monitor apply", talk, all_told(run), hears_stop=True, on_stop=_ENDED)


@monitor.command
def destroy(
    *,
    yes: Yes = False,
    manifest: ManifestFlags = NO_MANIFEST,
    network: NetworkFlags = NO_NETWORK,
    watch: WatchFlags = NO_WATCH,
    talk: Talk = QUIET_TALK,
) -> int:
    """Remove all that bears the deployment's tag, and nothing else.

    It takes the flags of apply: where that was cut short, a log group and a bucket of another name
    than ours are found by them alone.
    """

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli.monitor import monitoring

        request = request_of(manifest, network, watch)
        with patient(screen) as emit:
            return monitoring.destroy(request, screen=screen, emit=emit, stop=stop, yes=yes)

    return guarded("monitor destroy", talk, all_told(run), hears_stop=True, on_stop=_ENDED)


@monitor.command
def export(
    *,
    format: Annotated[
        Literal["cloudformation", "terraform"], Parameter(help="Who deploys it.")
    ] = "cloudformation",
    out: Annotated[
        str | None, Parameter(name=["--out", "-o"], help="File; default: stdout.")
    ] = None,
    keep_rules: Annotated[
        bool,
        Parameter(
            negative="", help="With a small Lambda that keeps rules in step with interfaces."
        ),
    ] = False,
    manifest: ManifestFlags = NO_MANIFEST,
    network: NetworkFlags = NO_NETWORK,
    watch: WatchFlags = NO_WATCH,
    talk: Talk = QUIET_TALK,
) -> int:
    """Write a template that makes what `apply` would make, to deploy by other means."""

    def run(screen: Screen, stop: Flag) -> int:  # noqa: ARG001
        from lakeferry.cli.monitor import monitoring

        request = request_of(manifest, network, watch)
        return monitoring.export(
            request, screen=screen, format=format, out=out, keep_rules=keep_rules
        )

    return guarded("monitor export", talk, all_told(run))


@monitor.command
def prove(
    rules: str,
    logs: Annotated[str | None, OR_STDIN] = None,
    /,
    *,
    wishes: ProveFlags = NO_WISHES,
    access: AccessFlags = NO_ACCESS,
    talk: Talk = QUIET_TALK,
) -> int:
    """Run Contributor Insights rules over flow logs on this machine, before deploying them.

    RULES is a JSON file of bodies by name, one body, or a folder of bodies. LOGS is a file, a
    folder, s3://, log-group:NAME, or - for stdin; `generated:` makes one up from --topology, where
    none exists yet. Without LOGS the rules are checked alone.
    Exit 2 for a rule that CloudWatch would refuse, 3 for one that matches nothing.
    """

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli.monitor import proving

        request = wishes.request(rules, logs, access)
        return proving.prove(request, screen=screen, stop=stop)

    return guarded("monitor prove", talk, all_told(run))


@monitor.command
def tags(
    *,
    fix: Annotated[bool, Parameter(negative="", help="Put what lacks, after asking.")] = False,
    yes: Yes = False,
    chosen: TagFlags = NO_TAGS_CHOSEN,
    manifest: ManifestFlags = NO_MANIFEST,
    network: NetworkFlags = NO_NETWORK,
    talk: Talk = QUIET_TALK,
) -> int:
    """Say what bears the tags that it shall bear, what does not, and what that costs in credit.

    The tags are `tags` of the manifest, or --put-tag. Without --fix nothing is changed.
    Exit 3 where something lacks a tag; with --fix 1 where something was refused.
    """

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli.monitor import tagging

        request = chosen.request(manifest, network)
        with patient(screen) as emit:
            if not fix:
                return tagging.look(request, screen=screen, emit=emit, verbose=talk.verbose)
            return tagging.mend(
                request, screen=screen, emit=emit, stop=stop, verbose=talk.verbose, yes=yes
            )

    return guarded("monitor tags", talk, all_told(run), hears_stop=True, on_stop=_ENDED)


for _command in (top, watch, alarms, series, failback, failover):
    monitor.command(_command)
