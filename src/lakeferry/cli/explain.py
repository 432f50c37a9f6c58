"""`lakeferry explain`: a table, a plan, an error code, the lines of --json. Parse, call."""

from threading import Event as Flag
from typing import Annotated

from cyclopts import Parameter

from lakeferry.cli import commands
from lakeferry.cli.faults import all_told
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags, Many
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded
from lakeferry.cli.units import parse_pairs


def explain(
    thing: str,
    /,
    *,
    version: Annotated[int | None, Parameter(help="Of the table; default: the newest.")] = None,
    against: Annotated[
        str | None, Parameter(help="Of a plan: an older one; exit 3 where they differ.")
    ] = None,
    source_option: Annotated[
        Many, Parameter(negative="", help="NAME=VALUE, a setting of the source's store.")
    ] = None,
    manifest: ManifestFlags = NO_MANIFEST,
    talk: Talk = QUIET_TALK,
) -> int:
    """Explain a table, a plan (a.lfp), an error code (LF-3001), or the lines of --json (events).

    For a table: features, transactions, what a clone would keep and refuse. For a plan: what it
    does, and whether it still holds.
    """

    def run(screen: Screen, stop: Flag) -> int:  # noqa: ARG001
        if thing.endswith(".lfp"):
            from lakeferry.cli.plan_explaining import explain as explain_plan

            return explain_plan(thing, against, manifest, screen=screen)
        options = parse_pairs(source_option or [], "--source-option")
        return commands.explain(thing, version, options, screen=screen)

    return guarded("explain", talk, all_told(run))
