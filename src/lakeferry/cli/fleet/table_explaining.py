"""Tables of a migration explained: where they stand and why, what a sync would do, what was."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from lakeferry.cli import json_lines
from lakeferry.cli.columns import Column, paragraph, screen_width, table
from lakeferry.cli.fleet.explanation import explanation_lines
from lakeferry.cli.fleet.flags import TableFlags, known_tables, ledger_path
from lakeferry.cli.fleet.history import history_lines
from lakeferry.cli.manifest_flags import ManifestFlags, migration
from lakeferry.cli.render import Screen
from lakeferry.cli.units import duration_text, size_text
from lakeferry.errors import FerryError
from lakeferry.events import Warned
from lakeferry.explain import explain_table
from lakeferry.fleet.manifest.typed import typed
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.planned import PlannedTable
from lakeferry.fleet.planning.run import plan_fleet
from lakeferry.fleet.standing.states import word
from lakeferry.ledger import read
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import LakeTable, LedgerEvent

OK = 0
A_PAGE_EACH = 5  # tables: of more nobody reads a page each
_LATEST = 24  # events of its history
_DOES = {
    "copy": "copies it for the first time", "increment": "brings what the source did since",
    "keep": "nothing: the target holds the newest version", "blocked": "nothing: it is blocked",
    "drifted": "nothing: it has drifted", "decide": "nothing: a person says what is meant",
}  # fmt: skip


def explain(
    thing: str, chosen: ManifestFlags, *, version: int | None, drift: bool, screen: Screen
) -> int:
    """What the ledger knows of tables, and what a sync would do with them now.

    One table has its history and, unless `drift`, its log, too; of up to `A_PAGE_EACH` each has a
    short page. More are listed as the ledger knows them, and no store is asked.

    Args:
        version: of the source's log that is told; None: the newest.

    Raises:
        FerryError: LF-2001 for a version of several tables, or of one whose log is not told.
            LF-2107 for a name that no table has, and where none is known.
        ExceptionGroup: of FerryError, for what is wrong with the manifest.
    """
    wanted = migration(chosen, is_of_tables=True)
    rows = sorted(_meant(thing, wanted), key=lambda one: one.name)
    if version is not None:
        _refuse_version(thing, wanted, rows, drift=drift)
    if not rows:
        screen.result([f"  `{thing}` means no table now"], {"tables": 0})
        return OK
    if len(rows) > A_PAGE_EACH:
        _list(thing, rows, screen)
        return OK
    pages = _pages(wanted, rows, drift=drift)
    if len(pages) > 1:
        _tell_each(pages, screen)
        return OK
    [page] = pages
    lines, row = [*page.lines, *history_lines(page.history)], page.row
    shown = [part for text in lines for part in paragraph(text, screen_width())]
    body = page.body()
    if not drift and _has_log(wanted, row):
        shown += _log(wanted, row, version, body, screen)
    screen.result(shown, body)
    return OK


def known_table(thing: str, wanted: Migration) -> LakeTable:
    """The one table that is meant by a name. Raises LF-2107 where it is none, or several."""
    found = _meant(thing, wanted)
    if len(found) == 1:
        return found[0]
    some = ", ".join(one.name for one in found[:3])
    raise FerryError(
        "LF-2107", f"`{thing}` means {len(found):,} tables, and one is wanted here",
        ledger_path(wanted).as_posix(), f"name one of them: {some}" if some else "name a table",
    )  # fmt: skip


def _meant(thing: str, wanted: Migration) -> tuple[LakeTable, ...]:
    """Raises LF-2107 for a name that no table has, and where none is known."""
    known = known_tables(wanted)
    if not known:
        raise FerryError(
            "LF-2107", f"`{thing}` means no table: none is known yet",
            ledger_path(wanted).as_posix(), "lakeferry discover finds them",
        )  # fmt: skip
    return TableFlags(select=[thing]).of(wanted, known)


# ---- some of them, each with a page


@dataclass(frozen=True)
class _Page:
    """What is told of one table."""

    row: LakeTable
    line: PlannedTable | None  # what a sync would do; None: it leaves it alone
    history: Sequence[LedgerEvent]
    lines: Sequence[str]

    def body(self) -> dict[str, Any]:
        line = None if self.line is None else asdict(self.line)
        return {
            **_row_body(self.row), "plan": line, "history": [_told(one) for one in self.history],
        }  # fmt: skip


def _pages(wanted: Migration, rows: Sequence[LakeTable], *, drift: bool) -> list[_Page]:
    planned = {one.target_url: one for one in plan_fleet(wanted, rows).plan.tables}
    pages = []
    for row in rows:
        line = planned.get(row.target_url)
        stands = [row.name] if drift else _stands(row)
        history = () if drift else _history(wanted, row)
        pages.append(_Page(row, line, history, [*stands, *_would(row, line)]))
    return pages


def _tell_each(pages: Sequence[_Page], screen: Screen) -> None:
    lines: list[str] = []
    for page in pages:
        screen.told("", page.body())
        lines += [*page.lines, ""]
    lines.append(f"  next: lakeferry explain {typed(pages[0].row.name)} tells its history and log")
    width = screen_width()
    shown = [part for text in lines for part in paragraph(text, width)]
    screen.result(shown, {"tables": len(pages)})


# ---- many, listed


def _list(thing: str, rows: Sequence[LakeTable], screen: Screen) -> None:
    for row in rows:
        screen.told("", _row_body(row))
    columns = (
        Column("table", 0, elastic=True), Column("wave", 4, right=True), Column("state", 1),
        Column("size", 3, right=True), Column("why", 2),
    )  # fmt: skip
    width = screen_width()
    lines = table(columns, [_one_line(row) for row in rows], width)
    lines += paragraph(
        f"  next: one of them: lakeferry explain {typed(rows[0].name)}; "
        f"all: lakeferry plan -s {shlex.quote(thing)}", width,
    )  # fmt: skip
    screen.result(lines, {"tables": len(rows)})


def _one_line(row: LakeTable) -> tuple[str, ...]:
    why = f"{row.code} {row.why}" if row.code else row.why
    return row.name, str(row.wave), word(row.state), size_text(row.bytes), why


def _row_body(row: LakeTable) -> dict[str, Any]:
    return {
        "type": "explanation", "table": row.name, "state": row.state, "source": row.source_url,
        "target": row.target_url, "source_version": row.source_version,
        "held_version": row.held_version, "target_version": row.target_version, "wave": row.wave,
        "why": row.why, "code": row.code, "next_step": row.next_step,
    }  # fmt: skip


# ---- one of them


def _stands(row: LakeTable) -> Iterator[str]:
    since = f" since {_when(row.state_since_ms)}" if row.state_since_ms else ""
    yield f"{row.name}  wave {row.wave}  {word(row.state)}{since}"
    newest = "" if row.source_version is None else f"  version {row.source_version}"
    looked = "" if row.looked_at_ms is None else f", seen {_when(row.looked_at_ms)}"
    yield f"  source   {row.source_url}{newest}  {size_text(row.bytes)}{looked}"
    holds = "nothing of it yet"
    if row.held_version is not None:
        holds = f"holds version {row.held_version} of the source as its own {row.target_version}"
    yield f"  target   {row.target_url}  {holds}"
    if row.strength:
        yield f"  proof    {row.strength}"
    if row.retention_s is not None:
        yield f"  vacuum   may take what the source dropped after {duration_text(row.retention_s)}"


def _would(row: LakeTable, line: PlannedTable | None) -> Iterator[str]:
    if line is None or row.state == "cut_over":
        yield f"  a sync   leaves it alone: {word(row.state)}"
    else:
        yield f"  a sync   {_DOES[line.action]}"
    if line is not None:
        if line.why:
            yield f"           {line.code + ': ' if line.code else ''}{line.why}"
        if line.next_step:
            yield f"           next: {line.next_step}"
    if row.why and row.code and (line is None or line.code != row.code):
        yield f"  last     {row.code}: {row.why}"
        if row.next_step:
            yield f"           next: {row.next_step}"


def _history(wanted: Migration, row: LakeTable) -> Sequence[LedgerEvent]:
    with reading(ledger_path(wanted)) as db:
        return read.newest_events(db, row.target_url, limit=_LATEST)


def _told(event: LedgerEvent) -> Mapping[str, Any]:
    told_of = orjson.loads(event.body)
    return {"seq": event.seq, "at_ms": event.at_ms, "kind": event.kind, "body": told_of}


def _has_log(wanted: Migration, row: LakeTable) -> bool:
    return row.kind == "delta" and row.source in wanted.sources


def _refuse_version(
    thing: str, wanted: Migration, rows: Sequence[LakeTable], *, drift: bool
) -> None:
    """Raises LF-2001 where no log is told of which a version could be meant."""
    if len(rows) == 1 and not drift and _has_log(wanted, rows[0]):
        return
    raise FerryError(
        "LF-2001", "a version is of the log of one Delta table", f"--version, `{thing}`",
        "name one table, or leave --version out",
    )  # fmt: skip


def _log(
    wanted: Migration, row: LakeTable, version: int | None, body: dict[str, Any], screen: Screen
) -> list[str]:
    """What its own log says; a source that does not answer leaves the rest as it is.

    Raises:
        FerryError: as `explain_table`, where a version was asked for.
    """
    options = wanted.sources[row.source].store_options
    try:
        table = explain_table(row.source_url, options=options, version=version, emit=screen.event)
    except FerryError as error:
        if version is not None:
            raise
        screen.event(Warned(row.name, error.code, error.what, error.next_step))
        return []
    body["log"] = json_lines.plain(asdict(table))
    return ["", *explanation_lines(table)]


def _when(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%d %b %H:%M:%S} UTC"
