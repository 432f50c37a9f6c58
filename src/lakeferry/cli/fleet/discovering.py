"""What `discover` does: look at the sources, keep what is found, show it, write it to a file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, Any

import orjson

from lakeferry.cli.columns import screen_width
from lakeferry.cli.fleet import discover_answers as answers
from lakeferry.cli.fleet.discover_flags import DiscoverFlags
from lakeferry.cli.fleet.flags import ALL_TABLES, TableFlags, led, ledger_path
from lakeferry.cli.manifest_flags import ManifestFlags, migration
from lakeferry.cli.render import Screen
from lakeferry.cli.units import parse_duration
from lakeferry.errors import FerryError
from lakeferry.fleet.discovery import run as door
from lakeferry.fleet.discovery.gather import Before
from lakeferry.fleet.discovery.sums import Discovery, Progress
from lakeferry.fleet.manifest.apart import refuse_inside
from lakeferry.fleet.manifest.facts import facts_of
from lakeferry.fleet.manifest.moved import check_places
from lakeferry.ledger import read
from lakeferry.ledger.open import reading, reading_if_made
from lakeferry.ledger.write import Ledger, now_ms

if TYPE_CHECKING:
    from sqlite3 import Connection

    from lakeferry.fleet.manifest.wanted import Migration

OK, FAILED, LOOK = 0, 1, 3


def discover(
    chosen: ManifestFlags, tables: TableFlags, flags: DiscoverFlags, *, screen: Screen, stop: Flag
) -> int:
    """Discover; exit 1 where a source could not be read, with --check 3 where anything changed.

    Raises:
        FerryError: LF-2001 for flags that say nothing; LF-2041 tables that have begun would land
            elsewhere; LF-2107 no source, or nothing that was found, is meant; LF-8001 another
            coordinator leads.
        ExceptionGroup: of FerryError, for what is wrong with the manifest.
        KeyboardInterrupt: stopped.
    """
    wish = _wish(tables, flags)
    wanted = migration(chosen)
    refuse_inside(wanted)
    with _keeping(wanted, keeps=not flags.check) as ledger:
        before = _known(wanted)
        check_places(wanted, (facts_of(wanted, table) for table in before.tables.values()))
        found = door.discover(
            wanted, wish, before=before, ledger=ledger, now_ms=now_ms(),
            emit=lambda progress: _show(progress, screen), stop=stop,
            on_found=lambda one, target: screen.told(
                answers.found_text(one), answers.found_body(one, target), detail=True
            ),
        )  # fmt: skip
        if ledger is not None:
            ledger.tell("discover", _counts(found))
            ledger.end(OK if found.is_whole else FAILED)
    if tables != ALL_TABLES and not (found.tables or found.beside) and found.is_whole:
        raise FerryError(
            "LF-2107", "nothing that was found is meant",
            f"{found.sources:,} of {len(wanted.sources):,} sources were looked at",
            "`lakeferry status --by table` lists what is known; --select, --wave",
        )  # fmt: skip
    if flags.out is not None:
        _write(wanted, Path(flags.out))
    return _tell(found, flags, screen)


def _wish(tables: TableFlags, flags: DiscoverFlags) -> door.Wish:
    if flags.depth < 0 or flags.jobs < 1:
        raise FerryError(
            "LF-2001", "a look needs a hand, and no depth below the root", "--jobs, --depth",
            "give --jobs 1 or more, and --depth 0 or more",
        )  # fmt: skip
    if flags.check and flags.out is not None:
        raise FerryError(
            "LF-2001", "--check keeps nothing that could be written", "--check, --out",
            "give one of them",
        )  # fmt: skip
    window_ms = parse_duration(flags.since, "--since") * 1000
    return door.Wish(
        selection=tables.selection(), wave=tables.wave, by=flags.from_, most_depth=flags.depth,
        window_ms=window_ms, hands=flags.jobs,
    )  # fmt: skip


@contextmanager
def _keeping(wanted: "Migration", *, keeps: bool) -> Iterator[Ledger | None]:
    if not keeps:
        yield None
        return
    with led(wanted, "discover") as ledger:
        yield ledger


def _known(wanted: "Migration") -> Before:
    """What the ledger knows; nothing where there is none."""
    with reading_if_made(ledger_path(wanted)) as db:
        return Before() if db is None else _before(db)


def _before(db: "Connection") -> Before:
    with read.at_one_moment(db):
        tables = {table.target_url: table for table in read.tables(db)}
        return Before(tables, read.prints(db))


def _show(progress: Progress, screen: Screen) -> None:
    parts = answers.progress_parts(progress)
    screen.moving(progress.elapsed_s, parts, answers.progress_body(progress))


def _tell(found: Discovery, flags: DiscoverFlags, screen: Screen) -> int:
    for body in answers.finding_bodies(found):
        screen.told("", body)
    shown = answers.Shown(is_check=flags.check, file=flags.out, width=screen_width())
    screen.result(answers.discovery_lines(found, shown), answers.discovery_body(found, shown))
    for error in answers.fault_errors(found):
        screen.error(error)
    if not found.is_whole:
        return FAILED
    return LOOK if flags.check and found.changes.any else OK


def _counts(found: Discovery) -> dict[str, Any]:
    """The sums of a discovery that the history in the ledger keeps."""
    changes = found.changes
    return {
        "sources": found.sources, "tables": found.tables, "in_scope": found.in_scope,
        "new": changes.new.count, "changed": changes.changed.count, "gone": changes.gone.count,
        "unread": sorted(found.faults), "unlisted": sorted(found.unlisted),
    }  # fmt: skip


def _write(wanted: "Migration", out: Path) -> None:
    """All that the ledger knows to be there, by name; the file is whole or as it was."""
    draft = out.with_name(f".{out.name}.part")
    try:
        with reading(ledger_path(wanted)) as db, draft.open("wb") as file:
            for row in read.inventory(db):
                body = orjson.loads(row.body)
                # As in the lines of --json: `table` is the whole name, `name` the table's own.
                own = {"table": row.name, "name": body["table"], "target": row.target_url}
                line = {**own, **body, **own}
                file.write(orjson.dumps(line) + b"\n")
        os.replace(draft, out)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise FerryError(
            "LF-2004", "the inventory cannot be written", f"{out}: {error.strerror}",
            "name another file with --out",
        ) from error  # fmt: skip
