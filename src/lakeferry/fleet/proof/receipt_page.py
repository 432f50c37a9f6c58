"""Receipts to look at: one HTML file that needs nothing else, no script and no network. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

import orjson

from lakeferry.fleet.proof.switch_summary import switch_summary
from lakeferry.ledger.rows import Receipt

_STYLE = """
:root { color-scheme: light dark; --line: #d5d9de; --soft: #5d6672; --good: #1a7f37;
  --bad: #b42318; --warn: #8a5a00; --panel: #f5f7f9; }
@media (prefers-color-scheme: dark) { :root { --line: #3a4149; --soft: #9aa4af; --good: #57c878;
  --bad: #ff8a7a; --warn: #e3b341; --panel: #1d2227; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p.lead { color: var(--soft); margin: 0 0 1.5rem; }
.sums { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0 0 1.5rem; padding: 0; }
.sums li { list-style: none; background: var(--panel); border: 1px solid var(--line);
  border-radius: .5rem; padding: .5rem 1rem; min-width: 8rem; }
.sums b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid var(--line);
  vertical-align: top; } th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font: 12.5px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
details { border-bottom: 1px solid var(--line); } summary { cursor: pointer; padding: .5rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem;
  margin: .25rem 0 1rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
footer { color: var(--soft); margin: 2rem 0; border-top: 1px solid var(--line);
  padding-top: 1rem; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dt { margin-top: .4rem; } }
""".strip()
_EQUAL, _DIFFERENT = "✓ identical", "✗ differs"
_OWN = ("table", "content", "findings", "not_seen", "checks")  # told in their own way


def page(body: Mapping[str, Any], *, sha256: str) -> str:
    """The report of a run, see `prove_report.document`."""
    counts = [
        (body["identical"], "identical", "good" if body["identical"] else ""),
        (body["different"], "different", "bad" if body["different"] else ""),
        (len(body["not_compared"]), "not compared", "warn" if body["not_compared"] else ""),
    ]
    asked = body["asked"]
    lead = (
        f"{when(body['ended_at_ms'])}, took {_span(body['ended_at_ms'] - body['began_at_ms'])}; "
        f"{share(asked['strength'] or 'strength of the manifest', asked['sample'], asked['seed'])}"
        f"; lakeferry {body['lakeferry']}"
    )
    parts = [
        f"<h1>Verification of {escape(body['migration'])}</h1>",
        f'<p class="lead">{escape(lead)}</p>',
        f'<ul class="sums">{"".join(map(_sum, counts))}</ul>',
        *_unmade(body["not_compared"]),
        *_differences(body["tables"]),
        *_tables(body["tables"]),
        "<h2>Receipts</h2>",
        *(receipt_part(one) for one in body["tables"]),
    ]
    foot = f"SHA-256 of the JSON twin of this page, as the ledger keeps it: <code>{sha256}</code>"
    return document(f"Verification of {body['migration']}", parts, foot)


def switch_page(title: str, receipts: Sequence[Receipt]) -> str:
    """The receipts of a switch as they are kept, each whole: whatever it says, key by key."""
    named = f"Cut-over of {title}"
    bodies = [{**orjson.loads(one.body), "receipt": one.sha256} for one in receipts]
    parts = [f"<h1>{escape(named)}</h1>", *switch_summary(bodies), "<h2>Receipts</h2>"]
    parts += [receipt_part(body, is_open=len(bodies) == 1) for body in bodies]
    foot = "A receipt's hash is over the bytes of its file beside the table."
    return document(named, parts, foot)


def document(title: str, parts: Iterable[str], foot: str) -> str:
    """A whole page of parts that are HTML already."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + f"\n<footer>{foot}</footer></body></html>\n"
    )


def share(strength: str, sample: float, seed: int) -> str:
    """Never a strength without its share."""
    if sample >= 1 or strength == "listed":
        return f"{strength}, 100 % of the files"
    return f"{strength}, {100 * sample:g} % sample of the files, seed {seed}"


def when(ms: int) -> str:
    """`2026-11-26 20:15:00 UTC`."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _sum(one: tuple[int, str, str]) -> str:
    number, name, look = one
    return f'<li><b class="{look}">{number:,}</b>{escape(name)}</li>'


def _unmade(found: list[Mapping[str, Any]]) -> list[str]:
    if not found:
        return []
    rows = "".join(
        f"<tr><td>{escape(one['table'])}</td><td>{escape(one['code'])}</td>"
        f"<td>{escape(one['why'])}</td></tr>"
        for one in found
    )
    head = "<tr><th>Table</th><th>Code</th><th>Why</th></tr>"
    return ["<h2>Not compared</h2>", f'<div class="wide"><table>{head}{rows}</table></div>']


def _differences(tables: list[Mapping[str, Any]]) -> list[str]:
    wrong = [one for one in tables if not one["equal"]]
    if not wrong:
        return []
    rows = "".join(
        f"<tr><td>{escape(one['table'])}</td><td>{escape(each['check'])}</td>"
        f"<td>{escape(each['what'])}<br><code>{escape(each['path'] or '')}</code></td></tr>"
        for one in wrong
        for each in one["findings"]
    )
    head = "<tr><th>Table</th><th>Check</th><th>Difference</th></tr>"
    return ["<h2>Differences</h2>", f'<div class="wide"><table>{head}{rows}</table></div>']


def _tables(tables: list[Mapping[str, Any]]) -> list[str]:
    numbers = ("Source version", "Target version", "Files", "Bytes", "Rows")
    head = "<tr><th>Table</th><th>Outcome</th><th>Strength</th>"
    head += "".join(f'<th class="number">{name}</th>' for name in numbers) + "</tr>"
    rows = "".join(map(_row, tables))
    return ["<h2>Tables</h2>", f'<div class="wide"><table>{head}{rows}</table></div>']


def _row(one: Mapping[str, Any]) -> str:
    rows = "–" if one["rows"] is None else f"{one['rows']:,}"
    content = one["content"]
    numbers = (
        f"{one['source_version']:,}", f"{one['target_version']:,}", f"{content['files']:,}",
        f"{content['bytes']:,}", rows,
    )  # fmt: skip
    return (
        f"<tr><td>{escape(one['table'])}</td><td>{_outcome(one)}</td>"
        f"<td>{escape(share(one['strength'], one['sample'], one['seed']))}</td>"
        + "".join(f'<td class="number">{text}</td>' for text in numbers)
        + "</tr>"
    )


def _outcome(one: Mapping[str, Any]) -> str:
    if "equal" not in one:
        return ""
    look, text = ("good", _EQUAL) if one["equal"] else ("bad", _DIFFERENT)
    return f'<span class="{look}">{text}</span>'


def receipt_part(body: Mapping[str, Any], *, is_open: bool = False) -> str:
    """One receipt, to be opened."""
    pairs = [(key, value) for key, value in sorted(body.items()) if key not in _OWN]
    content = body.get("content", {})
    pairs += sorted((key, value) for key, value in content.items() if key not in body)
    pairs += [("compared", ", ".join(body.get("checks", ())))]
    pairs += [("not looked at", "; ".join(body.get("not_seen", ())))]
    rows = "".join(
        f"<dt>{escape(key.removesuffix('_ms').replace('_', ' '))}</dt><dd>{_value(key, value)}</dd>"
        for key, value in pairs
        if value not in ("", None)
    )
    name = escape(str(body.get("table", "")))
    mark = " open" if is_open else ""
    return f"<details{mark}><summary>{name} {_outcome(body)}</summary><dl>{rows}</dl></details>"


def _value(key: str, value: Any) -> str:
    if key.endswith("_at_ms") and isinstance(value, int):
        return escape(when(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        lines = (
            f"{name}: {each.get('text', each) if isinstance(each, Mapping) else each}"
            for name, each in sorted(value.items())
        )
        return "<br>".join(f"<code>{escape(line)}</code>" for line in lines) or "none"
    if isinstance(value, list | tuple):
        return "<br>".join(f"<code>{escape(str(each))}</code>" for each in value) or "none"
    is_code = isinstance(value, str) and ("sha256" in key or "digest" in key or "receipt" in key)
    return f"<code>{escape(value)}</code>" if is_code else escape(str(value))


def _span(ms: int) -> str:
    seconds = ms / 1000
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
