"""The flags that choose a manifest, and the manifest that they choose."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from lakeferry.cli.flag_types import Many
from lakeferry.cli.mirrored import mirrored
from lakeferry.config.manifest import Manifest
from lakeferry.config.overlay import Flag
from lakeferry.config.problems import Problem, refuse
from lakeferry.config.read import STDIN, Read, find_manifest, read_manifest
from lakeferry.errors import FerryError

if TYPE_CHECKING:
    from lakeferry.fleet.manifest.wanted import Migration


@Parameter(name="*")
@dataclass(frozen=True)
class ManifestFlags:
    """Which manifest, and what is laid upon it."""

    file: Annotated[
        str | None,
        mirrored(
            "--file",
            "-f",
            allow_leading_hyphen=True,
            help="Manifest; default: lakeferry.yaml here or in a folder above. - is stdin.",
        ),
    ] = None
    profile: Annotated[
        str | None, mirrored("--profile", help="One of the manifest's profiles, laid upon it.")
    ] = None
    set: Annotated[
        Many, mirrored("--set", negative="", help="PATH=VALUE, such as network.vpc=vpc-0a1b.")
    ] = None

    def path(self) -> str | None:
        """The manifest's path; None where none is named and none is found."""
        if self.file is not None:
            return self.file
        found = find_manifest(Path.cwd())
        return None if found is None else _shown(found)


NO_MANIFEST = ManifestFlags()
_OF_A_MIGRATION = {"connections", "target", "defaults", "families", "sources", "waves", "limits"}


def read(
    chosen: ManifestFlags,
    flags: Sequence[Flag] = (),
    instead: Sequence[tuple[str, ...]] = (),
    *,
    is_needed: bool = False,
    is_of_tables: bool = False,
) -> Read:
    """The manifest with all that is laid upon it, checked; flags alone where there is none.

    Args:
        is_of_tables: names of rules, alarms and NAT are not judged: who only looks at tables need
            not wait for what knows them.

    Raises:
        FerryError: LF-2002 where none is there and one is needed.
        ExceptionGroup: of FerryError, one for each fault.
    """
    path = chosen.path()
    if path is None and (is_needed or chosen.profile):
        step = "name one with --file, or make one: lakeferry config init"
        if not is_needed:
            step = "AWS's profiles are --aws-profile"
        raise FerryError(
            "LF-2002", "there is no manifest", f"no lakeferry.yaml in {Path.cwd()} or above", step
        )
    found = read_manifest(
        path,
        profile=chosen.profile,
        sets=chosen.set or (),
        flags=flags,
        instead=instead,
        streams=_of_streams,
    )
    wrong: list[Problem] = []
    if not is_of_tables:
        from lakeferry.monitor.choice_problems import problems

        wrong += [*problems(found.manifest), *_of_streams(found.manifest)]
    if not _OF_A_MIGRATION.isdisjoint(found.manifest.root.entries):
        from lakeferry.fleet.manifest.wanted_problems import wanted_problems

        wrong += wanted_problems(found.manifest)
    refuse(wrong, found.document.texts)
    return found


def _of_streams(manifest: Manifest) -> list[Problem]:
    if not manifest.streams:
        return []
    from lakeferry.ingest.stream_problems import stream_problems  # its room loads Arrow

    return list(stream_problems(manifest))


def migration(chosen: ManifestFlags, *, is_of_tables: bool = False) -> "Migration":
    """The migration that a manifest wants, for the commands that move its tables.

    `is_of_tables`: see `read`.

    Raises:
        FerryError: LF-2002 where there is no manifest; see `addresses.with_addresses`.
        ExceptionGroup: of FerryError, one for each fault; a missing part is one.
    """
    from lakeferry.fleet.manifest.addresses import with_addresses
    from lakeferry.fleet.manifest.wanted_problems import missing_problems
    from lakeferry.fleet.manifest.wanted_values import migration_of

    found = read(chosen, is_needed=True, is_of_tables=is_of_tables)
    refuse(missing_problems(found.manifest), found.document.texts)
    return with_addresses(migration_of(found.manifest))


def _shown(path: Path) -> str:
    """Relative where it lies at or below the working directory."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


__all__ = ["NO_MANIFEST", "STDIN", "ManifestFlags", "migration", "read"]
