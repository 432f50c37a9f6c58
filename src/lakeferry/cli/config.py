"""`lakeferry config ...`: the manifest checked, shown, and what it asks of editors and of AWS."""

from threading import Event as Flag
from typing import Annotated

from cyclopts import App, Parameter

from lakeferry.cli.faults import all_told
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded

config = App(name="config", help="Look at the manifest, and at what it asks for.")


@config.command
def check(*, manifest: ManifestFlags = NO_MANIFEST, talk: Talk = QUIET_TALK) -> int:
    """Check the manifest: every fault with its line, at most 20. Exit 2 where there is one."""

    def run(screen: Screen, stop: Flag) -> int:  # noqa: ARG001
        from lakeferry.cli import configuring

        return configuring.check(manifest, screen=screen)

    return guarded("config check", talk, all_told(run))


@config.command
def show(
    *,
    resolved: Annotated[
        bool,
        Parameter(negative="", help="Every value with where it comes from, defaults too."),
    ] = False,
    manifest: ManifestFlags = NO_MANIFEST,
    talk: Talk = QUIET_TALK,
) -> int:
    """Show the manifest with its profile and --set laid upon it. References stay references."""

    def run(screen: Screen, stop: Flag) -> int:  # noqa: ARG001
        from lakeferry.cli import configuring

        return configuring.show(manifest, screen=screen, resolved=resolved)

    return guarded("config show", talk, all_told(run))


@config.command
def schema(
    *,
    events: Annotated[
        bool, Parameter(negative="", help="Of a line of --json, in place of the manifest.")
    ] = False,
    talk: Talk = QUIET_TALK,
) -> int:
    """Print the JSON Schema of the manifest, for editors."""

    def run(screen: Screen, stop: Flag) -> int:  # noqa: ARG001
        from lakeferry.cli import configuring

        return configuring.schema(screen=screen, events=events)

    return guarded("config schema", talk, run)
