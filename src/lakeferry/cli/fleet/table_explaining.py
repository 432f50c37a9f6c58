"""A table of a migration explained: where it stands and why, what a sync would do, its history."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import orjson

from lakeferry.cli import json_lines
from lakeferry.cli.columns import paragraph, screen_width
from lakeferry.cli.fleet.explanation import explanation_lines
from lakeferry.cli.fleet.flags import TableFlags, known_tables, ledger_path
from lakeferry.cli.manifest_flags import ManifestFlags, migration
from lakeferry.cli.render import Screen
from lakeferry.cli.units import duration_text, size_text
from lakeferry.errors import FerryError
from lakeferry.events import Warned
from lakeferry.explain import explain_table
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.planned import PlannedTable
from lakeferry.fleet.planning.run import plan_fleet
from lakeferry.fleet.standing.states import word
from lakeferry.ledger import read
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import LakeTable, LedgerEvent

OK = 0
_LATEST = 8  # events of its history
_DOES = {
    "copy": "copies it for the first time", "increment": "brings what the source did since",
    "keep": "nothing: the target holds the newest version", "blocked": "nothing: it is blocked",
    "drifted": "nothing: it has drifted", "decide": "nothing: a person says what is meant",
}  # fmt: skip


def explain(thing: str, chosen: ManifestFlags, *, drift: bool, screen: Screen) -> int:
    """One table: what the ledger knows, what a sync would do now; unless `drift`, its log, too.

    Raises:
        FerryError: LF-2107 where it is no table of the migration, or several of them.
        ExceptionGroup: of FerryError, for what is wrong with the manifest.
    """
    wanted = migration(chosen, is_of_tables=True)
    row = known_table(thing, wanted)
    made = plan_fleet(wanted, [row])
    line = made.plan.tables[0] if made.plan.tables else None
    history = () if drift else _history(wanted, row)
    lines = [row.name] if drift else list(_stands(row))
    lines += _would(row, line)
    lines += _events(history)
    body: dict[str, Any] = {
        "type": "explanation", "table": row.name, "state": row.state, "source": row.source_url,
        "target": row.target_url, "source_version": row.source_version,
        "held_version": row.held_version, "target_version": row.target_version, "wave": row.wave,
        "why": row.why, "code": row.code, "next_step": row.next_step,
        "plan": None if line is None else asdict(line), "history": [_told(one) for one in history],
    }  # fmt: skip
    shown = [part for text in lines for part in paragraph(text, screen_width())]
    if not drift and row.kind == "delta" and row.source in wanted.sources:
        shown += _log(wanted, row, body, screen)
    screen.result(shown, body)
    return OK


def known_table(thing: str, wanted: Migration) -> LakeTable:
    """The one table that is meant by a name. Raises LF-2107 where it is none, or several."""
    found = TableFlags(select=[thing]).of(wanted, known_tables(wanted))
    if len(found) == 1:
        return found[0]
    some = ", ".join(one.name for one in found[:3])
    raise FerryError(
        "LF-2107", f"`{thing}` means {len(found):,} tables, and one is explained at a time",
        ledger_path(wanted).as_posix(), f"name one of them: {some}" if some else "name a table",
    )  # fmt: skip


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
    if line is None:
        yield f"  a sync   leaves it alone: {word(row.state)}"
    else:
        yield f"  a sync   {_DOES[line.action]}"
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


def _events(history: Sequence[LedgerEvent]) -> Iterator[str]:
    for place, event in enumerate(history):
        body: Mapping[str, Any] = orjson.loads(event.body)
        what = str(body.get("to", event.kind)).replace("_", " ")
        why = f"  {body['why']}" if body.get("why") else ""
        yield f"  {'history' if not place else '       '}  {_when(event.at_ms)}  {what}{why}"


def _told(event: LedgerEvent) -> Mapping[str, Any]:
    told_of = orjson.loads(event.body)
    return {"seq": event.seq, "at_ms": event.at_ms, "kind": event.kind, "body": told_of}


def _log(wanted: Migration, row: LakeTable, body: dict[str, Any], screen: Screen) -> list[str]:
    """What its own log says; a source that does not answer leaves the rest as it is."""
    options = wanted.sources[row.source].store_options
    try:
        table = explain_table(row.source_url, options=options, emit=screen.event)
    except FerryError as error:
        screen.event(Warned(row.name, error.code, error.what, error.next_step))
        return []
    body["log"] = json_lines.plain(asdict(table))
    return ["", *explanation_lines(table)]


def _when(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%d %b %H:%M:%S} UTC"
