"""`lakeferry verify`: one clone, one ingested table, or the tables of a migration."""

from threading import Event as Flag

from lakeferry.cli import commands
from lakeferry.cli.clone.verify_flags import (
    NO_FLEET,
    NO_TABLE,
    NO_VERIFY,
    FleetFlags,
    OneTableFlags,
    VerifyFlags,
)
from lakeferry.cli.faults import all_told
from lakeferry.cli.fleet.flags import ALL_TABLES, TableFlags
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded
from lakeferry.cli.units import parse_pairs
from lakeferry.errors import FerryError


def verify(
    source: str | None = None,
    target: str | None = None,
    /,
    *,
    flags: VerifyFlags = NO_VERIFY,
    table: OneTableFlags = NO_TABLE,
    fleet: FleetFlags = NO_FLEET,
    tables: TableFlags = ALL_TABLES,
    manifest: ManifestFlags = NO_MANIFEST,
    talk: Talk = QUIET_TALK,
) -> int:
    """Prove that clones are their tables. Exit 3 where anything differs.

    `listed` compares log states, names and sizes; `hashed` also every file's bytes; `replayed`
    also parses vectors and footers; `rows` digests every row of both sides.

    Without SOURCE and TARGET it compares the tables of a migration, all or those that are chosen,
    and keeps what it finds in the ledger and as receipts beside the tables; exit 1 where a table
    could not be compared.

    `lakeferry verify TABLE --offsets` proves instead of one table that the positions of its
    ingests follow each other from commit to commit, and that no record lies in it twice.
    """
    begun = Flag()  # before that a signal may interrupt

    def run(screen: Screen, stop: Flag) -> int:
        if source is None:
            _refuse(table != NO_TABLE, "of one table; name it")
            from lakeferry.cli.fleet import verifying

            return verifying.verify(
                manifest, tables, flags, fleet, screen=screen, stop=stop, begun=begun
            )
        is_of_fleet = fleet != NO_FLEET or tables != ALL_TABLES or manifest != NO_MANIFEST
        _refuse(is_of_fleet, "of a migration; name no table, or leave them out")
        return _verify_one(source, target, flags, table, screen)

    return guarded(
        "verify", talk, all_told(run), hears_stop=begun.is_set,
        stopping="stopping: what was compared is kept; again to stop at once",
    )  # fmt: skip


def _verify_one(
    source: str, target: str | None, flags: VerifyFlags, table: OneTableFlags, screen: Screen
) -> int:
    """One clone against its table, or the ingests of one table."""
    if table.offsets and target is None:
        of_table = parse_pairs(table.source_option or [], "--source-option")
        since_ms = table.since_ms
        return commands.verify_offsets(source, table.name, since_ms, of_table, screen=screen)
    if target is None or table.offsets:
        raise _not_one_table(offsets=table.offsets)
    if table.name is not None or table.since is not None:
        raise FerryError(
            "LF-2001", "--name and --since are of --offsets", "`lakeferry verify`",
            "leave them out, or `lakeferry verify TABLE --offsets`",
        )  # fmt: skip
    return commands.verify(source, target, table.options(flags), screen=screen)


def _refuse(is_wrong: bool, what: str) -> None:
    if is_wrong:
        raise FerryError(
            "LF-2001", f"some of these flags are {what}", "`lakeferry verify`",
            "`lakeferry verify SOURCE TARGET`, or `lakeferry verify -s NAME`",
        )  # fmt: skip


def _not_one_table(*, offsets: bool) -> FerryError:
    return FerryError(
        "LF-2001",
        "--offsets is of one table; two were named" if offsets else "the clone is not named",
        "`lakeferry verify`",
        "`lakeferry verify SOURCE TARGET`, or `lakeferry verify TABLE --offsets`",
    )
