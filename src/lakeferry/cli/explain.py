"""`lakeferry explain`: a table, a plan, an error code, the lines of --json. Parse, call."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event as Flag
from typing import Annotated

from cyclopts import Parameter

from lakeferry.cli import commands
from lakeferry.cli.clone.place_flags import SourceOption
from lakeferry.cli.faults import all_told
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded
from lakeferry.cli.units import parse_pairs
from lakeferry.errors import FerryError


def explain(
    thing: str,
    /,
    *,
    version: Annotated[int | None, Parameter(help="Of the table; default: the newest.")] = None,
    against: Annotated[
        str | None, Parameter(help="Of a plan: an older one; exit 3 where they differ.")
    ] = None,
    drift: Annotated[
        bool,
        Parameter(negative="", help="Of a migration's tables: only what a sync would do, and why."),
    ] = False,
    source_option: SourceOption = None,
    manifest: ManifestFlags = NO_MANIFEST,
    talk: Talk = QUIET_TALK,
) -> int:
    """Explain a table, a plan (a.lfp), an error code (LF-3001), or the lines of --json (events).

    For a table: features, transactions, what a clone would keep and refuse; one of the migration is
    named as source.schema.table, and where it stands is told, too. A source, a glob or a term such
    as state:blocked tells it of each of some tables, and lists many. For a plan: what it does, and
    whether it still holds.
    """

    given = {
        "--version": version is not None, "--against": against is not None, "--drift": drift,
        "--source-option": bool(source_option),
    }  # fmt: skip

    def run(screen: Screen, stop: Flag) -> int:  # noqa: ARG001
        if thing.endswith(".lfp"):
            from lakeferry.cli.fleet.plan_explaining import explain as explain_plan

            _refuse_others(given, ("--against",), "a plan")
            return explain_plan(thing, against, manifest, screen=screen)
        if _is_of_a_migration(thing, manifest):
            from lakeferry.cli.fleet.table_explaining import explain as explain_known

            _refuse_others(given, ("--version", "--drift"), "a table of a migration")
            return explain_known(thing, manifest, version=version, drift=drift, screen=screen)
        if drift:
            raise FerryError(
                "LF-2001", "only a table of a migration drifts", f"--drift, `{thing}`",
                "name it as source.schema.table, where its manifest is",
            )  # fmt: skip
        if _is_text(thing):
            _refuse_others(given, (), f"`{thing}`")
        else:
            _refuse_others(given, ("--version", "--source-option"), "a table by its address")
        options = parse_pairs(source_option or [], "--source-option")
        return commands.explain(thing, version, options, screen=screen)

    return guarded("explain", talk, all_told(run))


def _is_text(thing: str) -> bool:
    """The lines of --json, or an error code: no store is asked for it."""
    return thing == "events" or thing.upper().startswith("LF-")


def _refuse_others(given: Mapping[str, bool], fit: Sequence[str], what: str) -> None:
    """Raises LF-2001 for an option that says nothing of what is explained."""
    others = [flag for flag, is_given in given.items() if is_given and flag not in fit]
    if others:
        raise FerryError(
            "LF-2001", f"{' and '.join(others)} says nothing of {what}", "`lakeferry explain`",
            "leave it out",
        )  # fmt: skip


def _is_of_a_migration(thing: str, manifest: ManifestFlags) -> bool:
    """A name, where there is a manifest, that is nothing else."""
    if _is_text(thing) or Path(thing).exists():
        return False
    return "/" not in thing and "\\" not in thing and manifest.path() is not None
