"""Comparisons of many tables as lines for people and as JSON. Pure, but for signs stdout takes."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lakeferry.cli.json_lines import plain
from lakeferry.cli.render import marks
from lakeferry.cli.units import counted, duration_text, size_text
from lakeferry.fleet.manifest.typed import typed
from lakeferry.fleet.proof.prove_price import Reading
from lakeferry.fleet.proof.prove_report import Written
from lakeferry.fleet.proof.receipt import told_strength
from lakeferry.fleet.proof.run import Proved, ProveRequest, Proving
from lakeferry.ledger.rows import LakeTable
from lakeferry.verify.report import VerifyReport

MOST = 10  # tables that a summary names
TOLD = 3  # differences of one table


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended."""

    found: tuple[Proved, ...]
    left_out: tuple[tuple[LakeTable, str], ...]
    asked: ProveRequest
    written: Written | None
    seconds: float


def meant_text(tables: Sequence[LakeTable]) -> str:
    """What is about to be compared."""
    return f"{counted(len(tables), 'table')}, {size_text(sum(one.bytes for one in tables))}"


def reading_text(one: Reading) -> str:
    """What is read over one route, and its price."""
    named = ", ".join(one.sources[:3]) + (", …" if len(one.sources) > 3 else "")
    most = "at most " if one.is_at_most else ""
    why = one.why.replace("--assume ", "cost.assume of the manifest: ")
    cost = f"no price is known: {why}" if one.usd is None else f"about ${one.usd:,.2f}"
    return f"reads {most}{size_text(one.bytes)} of {named} over {one.route}: {cost}"


def table_text(one: Proved, width: int) -> str:
    """One table, as it ends; what differs is told at the end of the run."""
    signs = marks(sys.stderr)
    name = f"{one.table.name:<{width}}"
    report = one.report
    if report is None:
        return f"  {signs['warning']} {name}  not compared"
    sign = signs["ok" if report.equal else "error"]
    return f"  {sign} {name}  {'  '.join(_parts(report))}"


def _parts(report: VerifyReport) -> list[str]:
    parts = [f"version {report.source_version}", counted(report.files, "file")]
    if report.rows is not None:
        parts.append(counted(report.rows, "row"))
    if report.source_digest and report.target_digest:
        same = "=" if report.source_digest == report.target_digest else "≠"
        parts.append(f"digest {_short(report.source_digest)} {same} {_short(report.target_digest)}")
    return [*parts, told_strength(report.strength, report.sample)]


def _short(digest: str) -> str:
    return f"{digest[:4]}…{digest[-4:]}"


def _differences(report: VerifyReport, *, indent: str) -> list[str]:
    lines = []
    for one in report.findings[:TOLD]:
        path = f"{one.path}: " if one.path else ""
        lines.append(f"{indent}{one.check}: {path}{one.what}")
    more = len(report.findings) - TOLD
    return [*lines, f"{indent}and {more:,} more"] if more > 0 else lines


def table_body(one: Proved) -> dict[str, Any]:
    """The same as a line of JSON."""
    report = one.report
    body: dict[str, Any] = {
        "type": "check", "what": "table", "table": one.table.name, "target": one.table.target_url,
        "outcome": one.outcome, "state": one.table.state, "held": one.table.strength,
        "receipt": None if one.receipt is None else one.receipt.sha256,
        "code": one.error.code if one.error is not None else one.table.code or None,
        "why": one.error.what if one.error is not None else _why(one),
        "next": [step] if (step := _next_step(one)) else [],
    }  # fmt: skip
    if report is not None:
        body |= {
            "equal": report.equal, "strength": report.strength, "sample": report.sample,
            "seed": report.seed, "source_version": report.source_version,
            "target_version": report.target_version, "files": report.files, "rows": report.rows,
            "source_digest": report.source_digest, "target_digest": report.target_digest,
            "bytes_read": report.bytes_read, "seconds": round(report.seconds, 3),
            "not_seen": list(report.not_seen),
            "findings": [{"check": each.check, "what": each.what, "path": each.path}
                         for each in report.findings],
        }  # fmt: skip
    return plain(body)


def _why(one: Proved) -> str:
    """What stands against it; why it came to its state before is another matter."""
    return "" if one.outcome == "equal" else one.table.why


def _next_step(one: Proved) -> str:
    return one.error.next_step if one.error is not None else one.table.next_step


def progress(event: Proving) -> tuple[tuple[str, ...], dict[str, Any]]:
    """How far it is: the parts of a line, and a line of JSON."""
    parts = (
        f"{event.done:,} of {counted(event.tables, 'table')}", f"{size_text(event.bytes)} read",
    )  # fmt: skip
    body = {
        "type": "progress", "seconds": round(event.seconds, 3),
        "tables": {"done": event.done, "total": event.tables, "by_state": {}},
        "bytes": {"done": event.bytes, "total": max(event.bytes, event.bytes_in_all)},
        "files": {"done": 0, "total": 0},
    }  # fmt: skip
    return parts, body


def report_lines(ended: Ended) -> list[str]:
    """How it ended, for people: never "verified" without a strength and its share."""
    signs = marks(sys.stdout)
    lines = []
    wrong = [one for one in ended.found if one.outcome == "different"]
    for one in wrong[:MOST]:
        assert one.report is not None
        lines.append(f"  {signs['error']} {one.table.name}")
        lines += _differences(one.report, indent="      ")
        lines.append(f"      next: {one.table.next_step}")
    if len(wrong) > MOST:
        lines.append(f"    and {len(wrong) - MOST:,} more: lakeferry status")
    unmade = [
        (one.table.name, f"{one.error.code} {one.error.what}", one.error.next_step)
        for one in ended.found if one.error is not None
    ]  # fmt: skip
    unmade += [
        (one.name, why, f"lakeferry explain {typed(one.name)}") for one, why in ended.left_out
    ]
    for name, why, step in unmade[:MOST]:
        lines.append(f"  {signs['warning']} {name}  not compared: {why}")
        lines.append(f"      next: {step}")
    if len(unmade) > MOST:
        lines.append(f"    and {len(unmade) - MOST:,} more")
    counts = Counter(one.outcome for one in ended.found)
    parts = [f"{counts['equal']:,} identical"]
    parts += [f"{counts['different']:,} different"] if wrong else []
    parts += [f"{len(unmade):,} not compared"] if unmade else []
    sign = signs["error" if wrong else "warning" if unmade else "ok"]
    compared = any(one.report is not None for one in ended.found)
    parts += [_strengths(ended), f"{size_text(_read(ended))} read"] if compared else []
    lines.append(f"  {sign} {', '.join([*parts, duration_text(ended.seconds)])}")
    if ended.written is not None:
        sha256 = ended.written.sha256
        lines.append(f"    report: {ended.written.html}, {ended.written.json} ({sha256[:12]}…)")
    return lines


def _read(ended: Ended) -> int:
    """Bytes of data, both sides; a checksum that a store or a clone has kept reads none."""
    return sum(one.report.bytes_read for one in ended.found if one.report is not None)


def _strengths(ended: Ended) -> str:
    """`strength rows on 3, listed on 409; 5 % sample of the files, seed 7`."""
    found = Counter(one.report.strength for one in ended.found if one.report is not None)
    names = [f"{name} on {count:,}" for name, count in sorted(found.items())]
    strength = ", ".join(found if len(found) == 1 else names)
    asked = ended.asked
    is_part = asked.sample < 1 and set(found) != {"listed"}
    files = f"{100 * asked.sample:g} % sample" if is_part else "100 %"
    seed = f", seed {asked.seed}" if is_part else ""
    against = f", against {asked.against}" if asked.against else ""
    return f"strength {strength}, {files} of the files{seed}{against}"


def report_body(ended: Ended) -> dict[str, Any]:
    """What a run adds to the summary."""
    counts = Counter(one.outcome for one in ended.found)
    written = ended.written
    return {
        "identical": counts["equal"], "different": counts["different"],
        "not_compared": counts["not_run"] + len(ended.left_out),
        "bytes_read": _read(ended),
        "strength": ended.asked.strength, "sample": ended.asked.sample, "seed": ended.asked.seed,
        "against": ended.asked.against,
        "left_out": [{"table": one.name, "why": why} for one, why in ended.left_out],
        "report": None if written is None else {
            "html": str(written.html), "json": str(written.json), "sha256": written.sha256,
        },
    }  # fmt: skip
