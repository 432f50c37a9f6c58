"""A cut-over as lines for people and as JSON. Pure, but for signs that streams take."""

import sys
from collections.abc import Sequence
from typing import Any

from lakeferry.cli.json_lines import plain
from lakeferry.cli.render import marks
from lakeferry.cli.units import counted, duration_text
from lakeferry.fleet.cutover.events import CutoverReport, Watching
from lakeferry.fleet.cutover.plan import Step

MOST_LINES = 12  # of one step
_WIDTH = 17


def step_text(step: Step) -> str:
    """`1 ✓ preconditions    2,188 tables synced`."""
    signs = marks(sys.stderr)
    sign = {"ok": signs["ok"], "failed": signs["error"], "planned": "?", "skipped": "-"}[step.state]
    took = f"  {duration_text(step.seconds)}" if step.seconds >= 1 else ""
    lines = [f"  {step.number} {sign} {step.name:<{_WIDTH}}{step.text}{took}"]
    lines += [f"      {line}" for line in step.lines[:MOST_LINES]]
    if len(step.lines) > MOST_LINES:
        lines.append(f"      and {len(step.lines) - MOST_LINES:,} more (--json)")
    return "\n".join(lines)


def step_body(step: Step) -> dict[str, Any]:
    """The same as a line of JSON."""
    return plain({
        "type": "step", "name": step.name, "seconds": round(step.seconds, 3), "step": step.number,
        "state": step.state, "message": step.text, "details": list(step.lines),
        "proof": dict(step.proof),
    })  # fmt: skip


def watching(event: Watching) -> tuple[tuple[str, ...], dict[str, Any]]:
    """How far a freeze check is: the parts of a line, and a line of JSON."""
    quiet, of = duration_text(event.quiet_s), duration_text(event.of_s)
    parts = (f"freeze check: no commit for {quiet} of {of}", counted(event.tables, "table"))
    body = {
        "type": "progress", "step": "freeze check", "seconds": round(event.seconds, 3),
        "quiet_s": round(event.quiet_s, 3), "of_s": event.of_s,
    }  # fmt: skip
    return parts, body


def report_lines(report: CutoverReport, files: Sequence[str], back: str) -> list[str]:
    """How it ended, for people.

    Args:
        back: the command that takes it back.
    """
    signs = marks(sys.stdout)
    lines = []
    if report.already:
        lines.append(f"  {counted(len(report.already), 'table')} cut over before")
    for row, why in report.left:
        lines.append(f"    {row.name}  left: {why}")
    if report.is_dry:
        return [*lines, "  nothing was changed"]
    if not report.switched and report.owed:
        lines.append("  their lists, which a run before was killed too soon to write:")
        return [*lines, *(f"    {path}" for path in files)]
    if not report.switched:
        return [*lines, "  there is nothing to cut over"]
    watched = f", {report.watched_s:.1f} s of it watching" if report.watched_s >= 0.05 else ""
    sign = signs["warning" if report.asks else "ok"]
    pause = f"writers paused {report.pause_s or 0:.1f} s{watched}"
    lines.insert(0, f"  {sign} {counted(len(report.switched), 'table')} cut over  {pause}")
    for name, who in report.late:
        lines.append(f"    {signs['warning']} {name}: its source was written since, by {who}")
    lines += [f"    {path}" for path in files]
    lines += [f"    {line}" for line in report.managed]
    lines.append(f"    back: {back}    safe until the first write on the target; afterwards it "
                 "tells what would be lost")  # fmt: skip
    return lines


def report_body(report: CutoverReport, files: Sequence[str]) -> dict[str, Any]:
    """What a cut-over adds to the summary."""
    told = (*report.owed, report)  # of what is on lists
    return plain({
        "title": report.title,
        "cut_over": [one.name for one in report.switched],
        "already": [one.name for one in report.already],
        "left": [{"table": row.name, "why": why} for row, why in report.left],
        "pause_s": None if report.pause_s is None else round(report.pause_s, 3),
        "watched_s": round(report.watched_s, 3),
        "streams": [
            {"checkpoint": one.url, "query": one.query_id, "does": one.does, "why": one.why,
             "tables": list(one.tables), "starting_versions": dict(one.starting_versions)}
            for one in report.streams
        ],
        "loads": [
            {"name": one.name, "kind": one.kind, "does": one.does, "files": one.files,
             "statement": one.statement, "why": one.why}
            for one in report.loads
        ],
        "repoint": [each._asdict() for one in told for each in one.repoints],
        "grants": [each for one in told for each in one.grants],
        "set_managed": list(report.managed),
        "late": [{"table": name, "by": who} for name, who in report.late],
        "files": list(files),
    })  # fmt: skip
