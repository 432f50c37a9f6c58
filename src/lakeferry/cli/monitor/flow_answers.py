"""Flows, alarms, watched paths and kept series as lines for people and as JSON bodies. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from lakeferry.aws.read_alarm_states import AlarmStanding
from lakeferry.cli.columns import Column, paragraph, table
from lakeferry.cli.units import counted, duration_text, size_text, time_text
from lakeferry.monitor.logs.top import Flow, Top
from lakeferry.monitor.logs.watch import PathFlow, WatchView, expected_bytes, is_behind

_FLOWS = (
    Column("", elastic=True),
    Column("path", priority=2),
    Column("through", priority=1, elastic=True),
    Column("bytes", right=True),
    Column("share", right=True),
)
PATHS = (
    Column("path"),
    Column("through", priority=4, elastic=True),
    Column("moved", right=True),
    Column("planned", priority=2, right=True),
    Column("done", priority=1, right=True),
    Column("rate", right=True),
    Column("plan's", priority=3, right=True),
    Column("left", priority=2, right=True),
)
_ALARMS = (Column(""), Column("alarm", elastic=True), Column("state"), Column("since", priority=1))


# ---- top


def top_lines(found: Top, signs: Mapping[str, str], width: int) -> list[str]:
    """The greatest flows, each with what is wrong about it."""
    rows: list[tuple[str, ...]] = []
    for flow in found.flows:
        moved = (size_text(flow.bytes), _percent(flow.share))
        through = f"{flow.name} {flow.device}".strip() or "-"
        rows.append((flow.key or "-", flow.path, through, *moved))
    by_path = found.by == "path"
    columns = tuple(
        Column(found.by, elastic=True) if at == 0 else one
        for at, one in enumerate(_FLOWS)
        if not (by_path and at == 1)
    )
    rows = [(row[0], *row[2:]) if by_path else row for row in rows]
    shown = table(columns, rows, width)
    lines = shown[:1]
    for flow, line in zip(found.flows, shown[1:], strict=True):
        lines += with_finding(line, flow.finding, signs, width)
    more = f", and {found.others:,} more" if found.others else ""
    over = f" in {duration_text(found.seconds)}" if found.seconds else ""
    lines.append(f"  {size_text(found.bytes)}{over}, {len(found.flows):,} shown{more}")
    return lines


def with_finding(line: str, finding: str, signs: Mapping[str, str], width: int) -> list[str]:
    """A line with its finding behind it where there is room, else below."""
    if not finding:
        return [line]
    said = f"{signs['warning']} {finding}"
    if len(line) + 2 + len(said) <= width:
        return [f"{line}  {said}"]
    return [line, *paragraph(f"    {said}", width)]


def flow_body(flow: Flow, found: Top) -> dict[str, Any]:
    """One `flow` line of `top`."""
    return {
        "type": "flow",
        "by": found.by,
        "key": flow.key or None,
        "path": flow.path,
        "device": flow.device or None,
        "device_name": flow.name or None,
        "bytes": flow.bytes,
        "share": round(flow.share, 6),
        "bytes_per_s": round(flow.bytes / found.seconds) if found.seconds else None,
        "leak_bytes": flow.leaked,
        "leak_usd_per_hour": None if flow.usd_per_hour is None else float(flow.usd_per_hour),
        "finding": flow.finding or None,
    }


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


# ---- watch


def path_cells(flow: PathFlow) -> tuple[str, ...]:
    """One watched path, a text for each of PATHS."""
    planned, rate = flow.planned_bytes, flow.planned_per_s
    return (
        flow.path,
        flow.device or "-",
        size_text(flow.bytes),
        "-" if planned is None else size_text(planned),
        _percent(flow.share),
        f"{size_text(flow.bytes_per_s)}/s",
        "-" if rate is None else f"{size_text(rate)}/s",
        _left(flow.left_s),
    )


def _left(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return duration_text(seconds) if seconds else "done"


def watch_lines(view: WatchView, signs: Mapping[str, str], width: int) -> list[str]:
    """All paths, as `--once` shows them."""
    shown = table(PATHS, [path_cells(one) for one in view.paths], width)
    lines = shown[:1]
    for flow, line in zip(view.paths, shown[1:], strict=True):
        lines += with_finding(line, flow.finding, signs, width)
    return [*lines, f"  {standing(view)}"]


def standing(view: WatchView) -> str:
    """How far the rows reach, and what was not counted."""
    until = f"rows until {time_text(view.at_s * 1000)[:16]}Z" if view.at_s else "no rows yet"
    parts = [size_text(view.bytes), until]
    if view.skipped:
        parts.append(f"{view.skipped:,} skipped by AWS")
    for number, what, end in (
        (view.bad_lines, "bad line", ""),
        (view.undirected, "row", " that may be either way"),
        (len(view.faults), "log or question", " that failed"),
    ):
        if number:
            parts.append(f"{counted(number, what)}{end}")
    return ", ".join(parts)


def plain_line(view: WatchView, clock: str) -> str:
    """One line that says it all, for a log: `10:20:00  22.0 GB  nat_gateway 5.8/12.0 GB ...`."""
    parts = [clock, size_text(view.bytes)]
    for flow in view.paths:
        moved = size_text(flow.bytes)
        if flow.planned_bytes is not None:
            moved = f"{moved} of {size_text(flow.planned_bytes)} {_percent(flow.share)}"
        parts.append(f"{flow.path} {moved} {size_text(flow.bytes_per_s)}/s")
    leaked = sum(flow.leaked for flow in view.paths)
    if leaked:
        parts.append(f"leak {size_text(leaked)}")
    return "  ".join(parts)


def watch_body(flow: PathFlow, view: WatchView, start_s: int | None) -> dict[str, Any]:
    """One `flow` line of `watch`."""
    expected = None if start_s is None else expected_bytes(flow, start_s, view.at_s)
    return {
        "type": "flow",
        "by": "path",
        "key": flow.path,
        "path": flow.path,
        "device": flow.device or None,
        "at": time_text(view.at_s * 1000),
        "bytes": flow.bytes,
        "bytes_per_s": round(flow.bytes_per_s),
        "planned_bytes": flow.planned_bytes,
        "planned_bytes_per_s": None if flow.planned_per_s is None else round(flow.planned_per_s),
        "expected_bytes": None if expected is None else round(expected),
        "behind": None if start_s is None else is_behind(flow, start_s, view.at_s),
        "left_s": None if flow.left_s is None else round(flow.left_s),
        "usd": None if flow.usd is None else round(float(flow.usd), 6),
        "leak_bytes": flow.leaked,
        "finding": flow.finding or None,
    }


# ---- alarms


def standing_lines(
    found: Sequence[AlarmStanding], signs: Mapping[str, str], width: int
) -> list[str]:
    """Alarms as they stand, those that ring first, each with its reason."""
    if not found:
        return ["  no alarms of this deployment"]
    order = sorted(found, key=lambda one: (one.state != "ALARM", one.name))
    sign = {"OK": signs["ok"], "ALARM": signs["error"]}
    rows = [
        (
            sign.get(one.state, "-"),
            one.name,
            one.state if one.acts else f"{one.state}, actions are off",
            "-" if one.since_ms is None else f"{time_text(one.since_ms)[:19]}Z",
        )
        for one in order
    ]
    shown = table(_ALARMS, rows, width)
    lines = shown[:1]
    for one, line in zip(order, shown[1:], strict=True):
        lines.append(line)
        if one.state == "ALARM" and one.reason:
            lines += paragraph(f"      {one.reason}", width)
    ringing = sum(1 for one in found if one.state == "ALARM")
    return [*lines, f"  {len(found)} alarms, {ringing} in ALARM"]


def standing_body(one: AlarmStanding) -> dict[str, Any]:
    """One `alarm` line of an alarm as it stands."""
    return {
        "type": "alarm",
        "alarm": one.name,
        "kind": one.kind,
        "state": one.state,
        "since": None if one.since_ms is None else time_text(one.since_ms),
        "reason": one.reason,
        "acts": one.acts,
    }
