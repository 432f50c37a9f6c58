"""`lakeferry explain`: a table, a plan, an error code, the lines of --json. Parse, call."""

from collections.abc import Mapping
from pathlib import Path
from threading import Event as Flag
from typing import Annotated, Literal

from cyclopts import Parameter

from lakeferry.cli import commands
from lakeferry.cli.clone.place_flags import SourceOption
from lakeferry.cli.faults import all_told
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded
from lakeferry.cli.units import parse_pairs
from lakeferry.errors import FerryError

Kind = Literal["plan", "known", "text", "address"]
_FIT: Mapping[Kind, tuple[str, ...]] = {  # options that say something of it
    "plan": ("--against",), "known": ("--version", "--drift"), "text": (),
    "address": ("--version", "--source-option"),
}  # fmt: skip


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

    def run(screen: Screen, stop: Flag) -> int:  # noqa: ARG001
        kind = _kind_of(thing, manifest)
        _refuse_others(thing, kind, {
            "--version": version is not None, "--against": against is not None, "--drift": drift,
            "--source-option": bool(source_option),
        })  # fmt: skip
        if kind == "plan":
            from lakeferry.cli.fleet.plan_explaining import explain as explain_plan

            return explain_plan(thing, against, manifest, screen=screen)
        if kind == "known":
            from lakeferry.cli.fleet.table_explaining import explain as explain_known

            return explain_known(thing, manifest, version=version, drift=drift, screen=screen)
        options = parse_pairs(source_option or [], "--source-option")
        return commands.explain(thing, version, options, screen=screen)

    return guarded("explain", talk, all_told(run))


def _kind_of(thing: str, manifest: ManifestFlags) -> Kind:
    """`known`: a name, where there is a manifest, that is nothing else."""
    if thing.endswith(".lfp"):
        return "plan"
    if thing == "events" or thing.upper().startswith("LF-"):
        return "text"
    is_place = Path(thing).exists() or "/" in thing or "\\" in thing
    return "address" if is_place or manifest.path() is None else "known"


def _refuse_others(thing: str, kind: Kind, given: Mapping[str, bool]) -> None:
    """Raises LF-2001 for an option that says nothing of what is explained."""
    others = [flag for flag, is_given in given.items() if is_given and flag not in _FIT[kind]]
    if "--drift" in others:
        raise FerryError(
            "LF-2001", "only a table of a migration drifts", f"--drift, `{thing}`",
            "name it as source.schema.table, where its manifest is",
        )  # fmt: skip
    if others:
        raise FerryError(
            "LF-2001", f"{' and '.join(others)} says nothing of `{thing}`", "`lakeferry explain`",
            "leave it out",
        )  # fmt: skip
