"""What `status` does: read the ledger, ask sources where that is wanted, show it, once or again."""

import math
import sys
from collections.abc import Sequence
from threading import Event as Flag
from typing import TYPE_CHECKING

from lakeferry.cli.columns import screen_width
from lakeferry.cli.fleet import status_answers as answers
from lakeferry.cli.fleet.flags import TableFlags, ledger_path
from lakeferry.cli.fleet.status_flags import StatusFlags
from lakeferry.cli.manifest_flags import ManifestFlags, migration
from lakeferry.cli.render import Screen
from lakeferry.errors import FerryError
from lakeferry.fleet.standing.read_status import Ahead, Status, read_status
from lakeferry.ledger import read
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import LakeTable
from lakeferry.ledger.write import now_ms

if TYPE_CHECKING:
    from lakeferry.fleet.catalogs.in_catalog import Disagreement
    from lakeferry.fleet.manifest.wanted import Migration
    from lakeferry.fleet.sync.alarm_points import AlarmPoints

OK, LOOK = 0, 3
_CLEAR = "\x1b[H\x1b[2J"


def status(
    chosen: ManifestFlags, tables: TableFlags, flags: StatusFlags, *, screen: Screen, stop: Flag
) -> int:
    """Show it; exit 3 with --check where a table asks for a person, or is beyond its lag target.

    With --check --live also where the target's catalog says otherwise than the ledger.

    Raises:
        FerryError: LF-8007 nothing was discovered; LF-2107 no table is meant.
        ExceptionGroup: of FerryError, for what is wrong with the manifest.
        KeyboardInterrupt: stopped, which is how --watch ends.
    """
    if not 0 < flags.interval < math.inf:
        step = "see `lakeferry status --help`"
        raise FerryError("LF-2001", f"{flags.interval:g} seconds are no pause", "--interval", step)
    wanted = migration(chosen, is_of_tables=True)
    points: AlarmPoints | None = None
    while True:
        found = _read(wanted, tables, flags, screen, stop)
        differ = _disagreements(found, wanted, flags, stop)
        is_all = tables.select is None and tables.wave is None
        unknown = {*wanted.sources} - found.sources if is_all else set()
        if is_all and flags.live:  # of some tables the greatest lag is not that of the migration
            points = points or _points(chosen, wanted, screen)
            _put(points, found, wanted, flags, screen)
        code = _show(found, wanted, flags, screen, differ, sorted(unknown))
        if not flags.watch:
            return code
        if stop.wait(flags.interval):
            raise KeyboardInterrupt


def _read(
    wanted: "Migration", tables: TableFlags, flags: StatusFlags, screen: Screen, stop: Flag
) -> Status:
    at_ms = now_ms()

    def through(known: Sequence[LakeTable]) -> Sequence[LakeTable]:
        from lakeferry.fleet.manifest.facts import as_said

        meant = tables.of(wanted, [as_said(wanted, one) for one in known])
        if not flags.live:
            return meant
        from lakeferry.fleet.standing.live_heads import with_heads

        live = with_heads(wanted, meant, now_ms=at_ms, stop=stop)
        for name, error in live.silent:
            screen.event(answers.unheard(name, error))
        return live.tables

    ahead = _ahead(wanted, at_ms / 1000)
    is_all = tables.select is None and tables.wave is None and not flags.live
    is_all = is_all and not _is_changed(wanted)
    return read_status(
        ledger_path(wanted), flags.by, now_ms=at_ms, ahead=ahead, sources=wanted.sources,
        through=None if is_all else through,
    )  # fmt: skip


def _points(chosen: ManifestFlags, wanted: "Migration", screen: Screen) -> "AlarmPoints":
    from lakeferry.cli.fleet.alarm_metrics import alarm_metrics
    from lakeferry.fleet.sync.alarm_points import AlarmPoints

    return AlarmPoints(wanted, alarm_metrics(chosen, wanted, screen))


def _put(
    points: "AlarmPoints", found: Status, wanted: "Migration", flags: StatusFlags, screen: Screen
) -> None:
    """Tell the alarms; who watches does not wait for it."""
    with reading(ledger_path(wanted)) as db:
        points.know(read.moved_bytes(db))
    put = points.turn if flags.watch else points.last
    put(found.tables, now_s=now_ms() / 1000)
    for one in points.heard():
        screen.event(one)


def _is_changed(wanted: "Migration") -> bool:
    """Whether the last run worked under another manifest than that of now."""
    with reading(ledger_path(wanted)) as db:
        return read.manifests(db, most=1)[:1] not in ([], [None], [wanted.sha256])


def _disagreements(
    found: Status, wanted: "Migration", flags: StatusFlags, stop: Flag
) -> "tuple[Disagreement, ...]":
    """What the target's catalog says otherwise; it is asked with --check --live alone."""
    catalog = wanted.target.catalog
    if not (flags.check and flags.live) or catalog is None or catalog.register == "never":
        return ()
    from lakeferry.fleet.catalogs.catalog_check import compare_with_catalog

    urls = {one.target_url for one in found.tables}
    return compare_with_catalog(wanted, ledger_path(wanted), urls, stop=stop)


def _show(
    found: Status,
    wanted: "Migration",
    flags: StatusFlags,
    screen: Screen,
    differ: "Sequence[Disagreement]",
    unknown: Sequence[str],
) -> int:
    at_ms = now_ms()
    for one in differ:
        screen.told("", {"type": "difference", "table": one.table, "what": one.what,
                         "next": [one.next_step]})  # fmt: skip
    for body in answers.bodies(found, flags.by, now_ms=at_ms):
        screen.told("", body)
    shown = answers.Shown(
        by=flags.by, waves=wanted.waves, explains_eta=flags.explain_eta, now_ms=at_ms,
        width=screen_width(), unknown=tuple(unknown),
    )  # fmt: skip
    lines = answers.status_lines(found, wanted.name, shown)
    if flags.watch and sys.stdout.isatty():
        lines = [_CLEAR, *lines]
    lines += answers.catalog_lines(differ)
    body = answers.status_body(found, wanted.name, now_ms=at_ms)
    body["sources_without_tables"] = list(unknown)
    if flags.check and flags.live:
        body["catalog_differs"] = len(differ)
    screen.result(lines, body)
    return LOOK if flags.check and (found.total.needs_a_look or differ) else OK


def _ahead(wanted: "Migration", now_s: float) -> Ahead:
    """What windows leave each route; nothing is imported where there are none."""
    windows = wanted.limits.windows
    if not windows:
        return {}
    from lakeferry.fleet.sync.ahead import known_ahead

    routes = {source.path for source in wanted.sources.values()}
    return {route: known_ahead(windows, now_s=now_s, route=route) for route in sorted(routes)}
