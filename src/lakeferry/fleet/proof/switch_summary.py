"""What a page of a switch says before its receipts: when, how much, by which steps. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any


def switch_summary(bodies: Sequence[Mapping[str, Any]]) -> list[str]:
    """Parts of HTML, from the bodies of the receipts of one switch."""
    if not bodies:
        return []
    at = datetime.fromtimestamp(max(one["cut_over_at_ms"] for one in bodies) / 1000, UTC)
    sums = (
        (len(bodies), "table" if len(bodies) == 1 else "tables"),
        (sum(_content(one).get("files", 0) for one in bodies), "files"),
        (sum(_content(one).get("bytes", 0) for one in bodies), "bytes"),
    )
    told = "".join(f"<li><b>{number:,}</b>{name}</li>" for number, name in sums)
    return [
        f'<p class="lead">cut over {at:%Y-%m-%d %H:%M:%S} UTC</p>',
        f'<ul class="sums">{told}</ul>',
        *_steps(bodies[0].get("steps", {})),
        *_tables(bodies),
    ]


def _steps(steps: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """In their order, as far as the receipt was made with them: it is written before the last."""
    order = ("preconditions", "freeze check", "final increment", "verify", "txn proof")
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(str(steps[name].get('text', '')))}</td></tr>"
        for name in order
        if name in steps
    )
    if not rows:
        return []
    head = "<tr><th>Step</th><th>What it found</th></tr>"
    return ["<h2>Steps</h2>", f'<div class="wide"><table>{head}{rows}</table></div>']


def _tables(bodies: Sequence[Mapping[str, Any]]) -> list[str]:
    numbers = ("Source version", "Target version", "Files", "Bytes")
    head = "<tr><th>Table</th><th>Proof</th><th>Registered as</th>"
    head += "".join(f'<th class="number">{name}</th>' for name in numbers) + "</tr>"
    rows = "".join(map(_row, bodies))
    return ["<h2>Tables</h2>", f'<div class="wide"><table>{head}{rows}</table></div>']


def _row(one: Mapping[str, Any]) -> str:
    entry, content = one.get("registered"), _content(one)
    named = f"{entry['schema']}.{entry['table']}" if entry else "–"
    numbers = (
        one["source_version"], one["target_version"], content.get("files"), content.get("bytes"),
    )  # fmt: skip
    return (
        f"<tr><td>{escape(one['table'])}</td><td>{escape(one['strength'] or '–')}</td>"
        f"<td>{escape(named)}</td>"
        + "".join(f'<td class="number">{_number(each)}</td>' for each in numbers)
        + "</tr>"
    )


def _content(one: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = one.get("content") or {}
    return found


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"
