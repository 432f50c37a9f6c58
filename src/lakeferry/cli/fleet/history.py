"""The last events of one table's history, a line each for people. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import orjson

from lakeferry.cli.units import counted, size_text
from lakeferry.ledger.rows import LedgerEvent

MOST_LINES = 8


def history_lines(events: Sequence[LedgerEvent]) -> Iterator[str]:
    """Oldest first. Checks of one proof, which follow each other, are one line."""
    lines: list[str] = []
    for kind, group in groupby(events, key=_together):
        each = list(group)
        when = f"{datetime.fromtimestamp(each[-1].at_ms / 1000, UTC):%d %b %H:%M:%S UTC}"
        texts = [_checks(each)] if kind == "check" else [_text(one) for one in each]
        lines += [f"{when}  {text}" for text in texts]
    for place, line in enumerate(lines[-MOST_LINES:]):
        yield f"  {'history' if not place else '       '}  {line}"


def _together(event: LedgerEvent) -> object:
    return "check" if event.kind == "check" else event.seq


def _checks(events: Sequence[LedgerEvent]) -> str:
    """`checked  listed, bytes: equal`; what differs is named."""
    found: dict[str, list[str]] = {}
    for event in events:
        said = _body(event)
        detail = f" ({said['detail']})" if said.get("detail") else ""
        found.setdefault(said["outcome"], []).append(f"{said['kind']}{detail}")
    told = "; ".join(f"{', '.join(dict.fromkeys(kinds))}: {out}" for out, kinds in found.items())
    return f"checked  {told}"


def _text(event: LedgerEvent) -> str:
    said = _body(event)
    match event.kind:
        case "receipt":
            return f"receipt  of its {said['kind']}, {said['sha256'][:12]}"
        case "commit":
            return (
                f"commit  version {said['source_version']} of the source: "
                f"{counted(said['files'], 'file')}, {size_text(said['bytes'])}"
            )
        case _:
            what = str(said.get("to", event.kind)).replace("_", " ")
            return f"{what}  {said['why']}" if said.get("why") else what


def _body(event: LedgerEvent) -> Mapping[str, Any]:
    found: Mapping[str, Any] = orjson.loads(event.body)
    return found
