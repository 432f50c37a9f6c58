"""`lakeferry doctor`: whether this machine, these stores and a stream or catalog can do the job."""

from threading import Event as Flag
from typing import Annotated, Literal

from cyclopts import Parameter

from lakeferry.cli import commands
from lakeferry.cli.clone.place_flags import SourceOption, TargetOption
from lakeferry.cli.faults import all_told
from lakeferry.cli.fleet.flags import ALL_TABLES, TableFlags
from lakeferry.cli.ingest.flags import NOBODY, StreamFlags, WhoFlags, wanted
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded
from lakeferry.cli.units import parse_pairs
from lakeferry.errors import FerryError

For = Annotated[
    Literal["clone", "ingest", "cutover"],
    Parameter(
        name="--for",
        help="For `ingest`, SOURCE is a stream, or a NAME in the manifest. For `cutover` tables of "
        "the migration are named, or --wave or --select given.",
    ),
]


def doctor(
    source: str | None = None,
    target: str | None = None,
    /,
    *,
    for_: For = "clone",
    tables: TableFlags = ALL_TABLES,
    strict: Annotated[bool, Parameter(negative="", help="Exit 3 on warnings too.")] = False,
    source_option: SourceOption = None,
    target_option: TargetOption = None,
    who: WhoFlags = NOBODY,
    manifest: ManifestFlags = NO_MANIFEST,
    talk: Talk = QUIET_TALK,
) -> int:
    """Try whether this machine and these stores can do the job. Exit 1 on a blocker.

    Writes only below `_lakeferry_probe/` in the target, and names what it could not delete. With
    `--for ingest` rights on the stream are tried too, and which way its bytes go; with `--for
    cutover` all that a switch needs, one entry in the catalog made and taken away again. A table of
    the migration is named by --select, in place of SOURCE and TARGET.
    """

    def run(screen: Screen, stop: Flag) -> int:  # noqa: ARG001
        if for_ == "cutover":
            from lakeferry.cli.fleet import cutting_over

            names = tuple(one for one in (source, target) if one is not None)
            return cutting_over.check(names, manifest, tables, strict=strict, screen=screen)
        if source is None or tables.select is not None:
            return _known(tables, source, manifest, strict=strict, screen=screen)
        if for_ == "ingest":
            if source_option:
                raise FerryError(
                    "LF-2001", "a stream has no store that a setting could be of",
                    "--source-option", "the table's store is set by --target-option NAME=VALUE",
                )  # fmt: skip
            flags = StreamFlags(who=who, store_option=target_option)
            return _stream(source, target, flags, manifest, strict=strict, screen=screen)
        source_options = parse_pairs(source_option or [], "--source-option")
        target_options = parse_pairs(target_option or [], "--target-option")
        return commands.doctor(
            source, target, (source_options, target_options), strict=strict, screen=screen
        )

    return guarded("doctor", talk, all_told(run))


def _stream(
    source: str, target: str | None, flags: StreamFlags, manifest: ManifestFlags, *, strict: bool,
    screen: Screen,
) -> int:  # fmt: skip
    """Try a stream, and the table that it goes into."""
    from lakeferry.cli.ingest import ingesting

    asked = wanted(source, target, manifest, flags)
    from_manifest = target is None  # only there it stands what rows are made of
    return ingesting.check(
        asked, writes=True, knows_rows=from_manifest, strict=strict, screen=screen
    )


def _known(
    tables: TableFlags, source: str | None, manifest: ManifestFlags, *, strict: bool, screen: Screen
) -> int:
    """Try one table of a migration, by the connections that its manifest gives it.

    Raises:
        FerryError: LF-2001 where none is named, or an address as well; LF-2107 it is not known.
    """
    names = tables.select or []
    if len(names) != 1 or tables.wave is not None or source is not None:
        raise FerryError(
            "LF-2001", "what is to be tried is not said, or said twice", "SOURCE, --select",
            "give SOURCE [TARGET], or -s with one table of the migration",
        )  # fmt: skip
    from lakeferry.cli.fleet.table_explaining import known_table
    from lakeferry.cli.manifest_flags import migration

    known = migration(manifest, is_of_tables=True)
    row = known_table(names[0], known)
    of = known.sources.get(row.source)
    if of is None:
        raise FerryError(
            "LF-2107", f"the manifest has no source `{row.source}` any more", known.file,
            "put it back, or give the two addresses",
        )  # fmt: skip
    options = (of.store_options, known.target.store_options)
    return commands.doctor(row.source_url, row.target_url, options, strict=strict, screen=screen)
