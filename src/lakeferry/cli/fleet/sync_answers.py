"""A sync as lines for people and as JSON. Pure, but for signs that streams take."""

import sys
from collections.abc import Mapping
from typing import Any

from lakeferry.cli.json_lines import plain
from lakeferry.cli.render import marks
from lakeferry.cli.units import counted, duration_text, size_text
from lakeferry.fleet.standing.states import word
from lakeferry.fleet.standing.time_left import left_text
from lakeferry.fleet.sync.events import OpenTable, Progress, SyncReport, TableMoved
from lakeferry.ledger.rows import LakeTable

SLOWEST = 3  # tables that are shown by themselves
MOST_ASKED = 10
_BAR = 26


def moved_text(event: TableMoved) -> str:
    """One line for a table that came to another state or version; '': nothing to tell."""
    one = event.table
    signs = marks(sys.stderr)
    if one.state in ("synced", "verified") and event.report is not None:
        report = event.report
        return (
            f"  {signs['ok']} {one.name}  version {report.source_version}  "
            f"{counted(report.files_copied, 'file')}, {size_text(report.bytes_copied)}  "
            f"{duration_text(report.seconds)}"
        )
    if one.state in ("blocked", "drifted", "failed"):
        sign = signs["error" if one.state == "failed" else "warning"]
        step = f"\n      next: {one.next_step}" if one.next_step else ""
        return f"  {sign} {one.name}  {word(one.state)}: {one.code} {one.why}{step}"
    return ""


def is_detail(event: TableMoved) -> bool:
    """Whether people are told with --verbose alone."""
    return event.table.state not in ("blocked", "drifted", "failed")


def moved_body(event: TableMoved) -> dict[str, Any]:
    """The same as a line of JSON."""
    one, report = event.table, event.report
    done: Mapping[str, Any] = {}
    if report is not None:
        done = {
            "copied_files": report.files_copied, "copied_bytes": report.bytes_copied,
            "removed_files": report.num_removed_files, "seconds": round(report.seconds, 3),
        }  # fmt: skip
    return {
        "type": "table", "table": one.name, "target": one.target_url, "state": one.state,
        "from": event.before, "source_version": one.source_version,
        "holds_version": one.held_version, "target_version": one.target_version,
        "bytes": one.bytes, "files": one.files, "code": one.code or None,
        "next": [one.next_step] if one.next_step else [], **done,
    }  # fmt: skip


def progress_parts(event: Progress) -> tuple[str, ...]:
    """The line of all tables."""
    total = event.total
    done = max(0, total.bytes - total.left_bytes)
    asks = sum(total.by_state.get(one, 0) for one in ("blocked", "drifted", "failed"))
    parts = [
        f"{size_text(done)} of {size_text(total.bytes)}",
        f"{100 * total.done:.1f} %",
        f"{size_text(event.bytes_per_s)}/s",
        event.waits or f"{counted(len(event.open), 'table')} open",
        left_text(event.left) if total.left_bytes else "looking",
    ]
    return (*parts, f"{counted(asks, 'table')} to look at") if asks else tuple(parts)


def open_lines(event: Progress) -> tuple[str, ...]:
    """The tables that will take longest, one a line."""
    found = [one for one in event.open if one.bytes_total][:SLOWEST]
    width = max((len(one.name) for one in found), default=0)
    return tuple(_open_line(one, min(width, 36)) for one in found)


def _open_line(one: OpenTable, width: int) -> str:
    share = one.bytes_done / one.bytes_total
    full, empty = ("━", "╌") if marks(sys.stderr)["ok"] == "✓" else ("=", "-")
    bar = full * round(share * _BAR) + empty * (_BAR - round(share * _BAR))
    return (
        f"{_elided(one.name, width):<{width}}  {bar}  {100 * share:3.0f} %  "
        f"{size_text(one.bytes_done)} of {size_text(one.bytes_total)}  {one.route}"
    )


def _elided(name: str, width: int) -> str:
    """The middle is left out."""
    if len(name) <= width:
        return name
    end = (width - 1) // 2
    return f"{name[: width - 1 - end]}…{name[-end:]}"


def progress_body(event: Progress) -> dict[str, Any]:
    """How far it is, as a line of JSON."""
    total, left = event.total, event.left
    done = sum(total.by_state.get(one, 0) for one in ("synced", "verified", "frozen", "cut_over"))
    return {
        "type": "progress",
        "bytes": {"done": max(0, total.bytes - total.left_bytes), "total": total.bytes},
        "files": {"done": max(0, total.files - total.left_files), "total": total.files},
        "tables": {"done": done, "total": total.tables, "by_state": dict(total.by_state),
                   "open": len(event.open)},
        "seconds": round(event.seconds, 3),
        "rate": {"bytes_per_s": round(event.bytes_per_s),
                 "requests_per_s": round(event.requests_per_s)},
        "left_s": None if left is None else {
            **{name: _whole(value) for name, value in left._asdict().items()},
            "basis": "spans of a minute",
        },
    }  # fmt: skip


def _whole(seconds: float) -> int | None:
    return None if seconds == float("inf") else round(seconds)


def report_lines(report: SyncReport, resume: str) -> list[str]:
    """How it ended, for people."""
    signs = marks(sys.stdout)
    sign = signs["error" if report.failed else "warning" if report.asks else "ok"]
    parts = [f"{counted(report.synced, 'table')} synced"]
    if report.current:
        parts.append(f"{report.current:,} up to date")
    parts += [
        f"{count:,} {name}"
        for name, count in (
            ("blocked", report.blocked), ("drifted", report.drifted), ("failed", report.failed),
            ("not done", report.not_begun),
        )
        if count
    ]  # fmt: skip
    present = f", {report.present:,} were there already" if report.present else ""
    usd = "" if report.usd is None else f", about ${report.usd:.2f}"
    lines = [
        f"  {sign} {', '.join(parts)}  {counted(report.files, 'file')}, "
        f"{size_text(report.bytes)}{present}{usd}  {duration_text(report.seconds)}"
    ]
    for one in report.look_at[:MOST_ASKED]:
        lines.append(f"    {one.name}  {word(one.state)}: {one.code} {one.why}")
        if one.next_step:
            lines.append(f"      next: {one.next_step}")
    if len(report.look_at) > MOST_ASKED:
        lines.append(f"    and {len(report.look_at) - MOST_ASKED:,} more: lakeferry status")
    if report.waiting:
        lines.append(f"    {counted(report.waiting, 'table')} of waves that begin later")
    if report.ended_by:
        lines.append(f"    ended: {report.ended_by}")
    if report.was_stopped or report.ended_by:
        lines.append(f"    resume: {resume}")
    return lines


def report_body(report: SyncReport) -> dict[str, Any]:
    """What a sync adds to the summary."""
    return {
        "ok": report.synced + report.current, "synced": report.synced, "current": report.current,
        "failed": report.failed, "blocked": report.blocked, "drifted": report.drifted,
        "not_done": report.not_begun, "waiting": report.waiting, "files": report.files,
        "bytes": report.bytes, "files_present": report.present, "by_state": dict(report.states),
        "cost_usd": None if report.usd is None else round(float(report.usd), 2),
        "ended_by": report.ended_by or None,
        "look_at": [_asked_body(one) for one in report.look_at],
    }  # fmt: skip


def _asked_body(one: LakeTable) -> dict[str, Any]:
    return plain(
        {"table": one.name, "state": one.state, "code": one.code, "why": one.why,
         "next": [one.next_step] if one.next_step else []}
    )  # fmt: skip
