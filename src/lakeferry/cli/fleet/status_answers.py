"""Where a migration stands, as lines for people and as JSON. Pure, but for signs stdout takes."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lakeferry.cli.columns import UNLIMITED, Column, paragraph, table
from lakeferry.cli.render import marks
from lakeferry.cli.units import counted, duration_text, size_text
from lakeferry.errors import FerryError
from lakeferry.events import Warned
from lakeferry.fleet.manifest.wanted import Wave
from lakeferry.fleet.standing.estimate import Rates
from lakeferry.fleet.standing.late import told
from lakeferry.fleet.standing.read_status import Status
from lakeferry.fleet.standing.states import OUT_OF_SCOPE, word
from lakeferry.fleet.standing.status import By, Group, behind_s, state_text
from lakeferry.fleet.standing.time_left import Left, ends_text, left_text
from lakeferry.ledger.lease import Leader
from lakeferry.ledger.rows import LakeTable

if TYPE_CHECKING:
    from lakeferry.fleet.catalogs.in_catalog import Disagreement

MOST_ASKED = 5  # tables that ask for a person; more are counted
_UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class Shown:
    """How a status is shown."""

    by: By = "wave"
    waves: Mapping[int, Wave] = field(default_factory=dict)
    explains_eta: bool = False
    now_ms: int = 0
    width: int = UNLIMITED
    unknown: tuple[str, ...] = ()  # sources of the manifest that have no table in the ledger

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_ms / 1000, UTC)


def status_lines(found: Status, name: str, shown: Shown) -> list[str]:
    """Groups, all together, who is at work, what asks for a person."""
    lines = [*_by_table(found, shown)] if shown.by == "table" else [*_by_group(found, shown)]
    for text in _words(found, name, shown):
        lines += paragraph(f"  {text}", shown.width)
    if shown.explains_eta:
        for text in _basis(found):
            lines += paragraph(f"  {text}", shown.width)
    return lines


def bodies(found: Status, by: By, *, now_ms: int) -> Iterator[dict[str, Any]]:
    """One line for each group, or for each table."""
    if by == "table":
        for one in sorted(found.tables, key=lambda one: one.name):
            yield {"type": "table", **_table_body(one, now_ms)}
        return
    for group in found.groups:
        left = found.lefts.get(group.key)
        yield {
            "type": "group", "by": by, "key": group.key, **_group_body(group),
            "left_s": None if left is None else left._asdict(),
        }  # fmt: skip


def status_body(found: Status, name: str, *, now_ms: int) -> dict[str, Any]:
    """What it adds to the summary."""
    return {
        "migration": name,
        "ledger_seq": found.seq,
        "led_by": _leader_body(found.leader, now_ms),
        "total": _group_body(found.total),
        "left_s": None if found.left is None else found.left._asdict(),
        "needs_a_look": found.total.needs_a_look,
        "look_at": [_table_body(one, now_ms) for one in found.look_at],
    }


def unheard(name: str, error: FerryError) -> Warned:
    """A source that was asked and said nothing; what the ledger knows of it is shown."""
    return Warned(name, error.code, f"{name}: {error.what}", error.next_step)


def catalog_lines(differ: "Sequence[Disagreement]") -> list[str]:
    """What the target's catalog says otherwise."""
    sign = marks(sys.stdout)["warning"]
    lines = []
    for one in differ[:MOST_ASKED]:
        lines += [f"  {sign} {one.table}: {one.what}", f"    next: {one.next_step}"]
    more = len(differ) - MOST_ASKED
    return [*lines, f"  {sign} and {more:,} more in the catalog"] if more > 0 else lines


# ---- people


def _by_group(found: Status, shown: Shown) -> Iterator[str]:
    columns = (
        Column(shown.by, 0, elastic=True), Column("sources", 6, right=True),
        Column("tables", 3, right=True), Column("state", 1), Column("size", 2, right=True),
        Column("done", 0, right=True), Column("behind", 4, right=True), Column("ends", 5),
    )  # fmt: skip
    rows = [_row(word(group.key), group, _ends(group, found, shown)) for group in found.groups]
    if len(found.groups) > 1:
        rows.append(_row("all", found.total, ""))
    yield from table(columns, rows, shown.width)
    yield ""


def _row(key: str, group: Group, ends: str) -> tuple[str, ...]:
    return (
        key, f"{group.sources:,}", f"{group.tables:,}", state_text(group), size_text(group.bytes),
        f"{100 * group.done:.1f} %", _behind(group.behind_s), ends,
    )  # fmt: skip


def _by_table(found: Status, shown: Shown) -> Iterator[str]:
    columns = (
        Column("table", 0, elastic=True), Column("wave", 5, right=True), Column("state", 1),
        Column("size", 3, right=True), Column("done", 2, right=True),
        Column("behind", 4, right=True), Column("code", 6),
    )  # fmt: skip
    groups = {group.key: group for group in found.groups}
    rows = [
        _row_of(told(one), groups[one.name], shown)
        for one in sorted(found.tables, key=lambda one: one.name)
    ]
    yield from table(columns, rows, shown.width)
    yield ""


def _row_of(one: LakeTable, group: Group, shown: Shown) -> tuple[str, ...]:
    """Of what is out of scope nothing is moved, so nothing of it is done; what it holds may be
    unknown.
    """
    size, done = size_text(one.bytes), f"{100 * group.done:.1f} %"
    if one.state in OUT_OF_SCOPE:
        size, done = size if one.bytes else _UNKNOWN, _UNKNOWN
    behind = _behind(behind_s(one, shown.now_ms))
    return one.name, str(one.wave), word(one.state), size, done, behind, one.code


def _behind(seconds: float | None) -> str:
    if seconds is None:
        return _UNKNOWN
    return duration_text(seconds) if seconds else "0 s"


def _ends(group: Group, found: Status, shown: Shown) -> str:
    """When a wave is switched, if that is said; else when its bytes have moved."""
    if shown.by != "wave":
        return ""
    wave = shown.waves.get(int(group.key))
    if set(group.by_state) <= {"cut_over"}:
        return _UNKNOWN
    if wave is not None and wave.cutover is not None:
        at = wave.cutover
        return f"cut-over {at:%a} {at.day} {at:%b %H:%M}"
    if not group.loads:
        return _UNKNOWN
    left = found.lefts.get(group.key)
    late = None if left is None else Left(left.p90, left.p90, left.p90)
    return ends_text(late, shown.now).removeprefix("ends ")


def _words(found: Status, name: str, shown: Shown) -> Iterator[str]:
    total = found.total
    moved = total.bytes - min(total.left_bytes, total.bytes)
    when = ""
    if total.loads:
        when = f"   {left_text(found.left)}"
        if found.left is not None:
            when += f", {ends_text(found.left, shown.now)}"
    yield (
        f"{name}: {size_text(moved)} of {size_text(total.bytes)} "
        f"in {counted(total.tables, 'table')} of {counted(total.sources, 'source')}{when}"
    )
    yield _led(found.leader, shown.now_ms)
    aside = {state: count for state, count in total.by_state.items()
             if state in ("orphaned", "excluded")}  # fmt: skip
    if aside:
        yield ", ".join(f"{count:,} {word(state)}" for state, count in aside.items())
    if total.beyond_target:
        sign = marks(sys.stdout)["warning"]
        late = counted(total.beyond_target, "table")
        yield f"{sign} {late} further behind than their lag_target"
    if shown.unknown:
        named = ", ".join(shown.unknown[:MOST_ASKED])
        more = len(shown.unknown) - MOST_ASKED
        yield (
            f"no table is known of {counted(len(shown.unknown), 'source')}: {named}"
            f"{f' and {more:,} more' if more > 0 else ''}   next: lakeferry discover"
        )
    yield from _asking(found)


def _asking(found: Status) -> Iterator[str]:
    sign = marks(sys.stdout)["error"]
    for one in found.look_at[:MOST_ASKED]:
        code = f" {one.code}" if one.code else ""
        yield f"{sign} {one.name} {word(one.state)}{code}: {one.why or 'no reason is known'}"
        if one.next_step:
            yield f"  next: {one.next_step}"
    more = len(found.look_at) - MOST_ASKED
    if more > 0:
        states = sorted({one.state for one in found.look_at[MOST_ASKED:]})
        terms = " ".join(f"-s state:{state}" for state in states)
        step = f"lakeferry status {terms} --by table"
        yield f"{sign} and {counted(more, 'more table')}: {step}"
    if not found.look_at and not found.total.beyond_target:
        yield f"{marks(sys.stdout)['ok']} nothing needs you"


def _led(leader: Leader | None, now_ms: int) -> str:
    if leader is None:
        return "nobody is at work"
    who = f"{leader.command} by process {leader.process.pid} on {leader.process.host}"
    silent = duration_text(max(0, now_ms - leader.heard_at_ms) / 1000)
    if leader.expires_at_ms < now_ms:
        return f"nobody is at work; last was {who}, {silent} ago"
    return f"{who}, heard of {silent} ago"


def _basis(found: Status) -> Iterator[str]:
    """What the estimate takes in, route by route: T = bytes / B + requests / Q."""
    if not found.total.loads:
        yield "nothing is left to move, so nothing is estimated"
        return
    if found.left is None:
        yield "measuring: an estimate needs 60 s of work, 200 files and 0.5 % of all bytes"
    for route, load in found.total.loads.items():
        left = f"{route}: {size_text(load.bytes)} and {load.requests:,.0f} requests are left"
        seen = found.rates.get(route)
        if seen is None:
            yield f"{left}; nothing was seen to move in the last 48 h"
            continue
        yield f"{left}; {_seen(seen, found.left)}"


def _seen(seen: Rates, left: Left | None) -> str:
    cost = seen.costs[1]
    parts = []
    if cost.s_per_byte:
        parts.append(f"{size_text(1 / cost.s_per_byte)}/s")
    if cost.s_per_request:
        parts.append(f"{1 / cost.s_per_request:,.0f} requests/s")
    basis = seen.basis(left.p50 if left is not None else seen.seen_s)
    return f"seen were {' and '.join(parts) or 'no bytes'} ({basis}: the range is of its means)"


# ---- programs


def _group_body(group: Group) -> dict[str, Any]:
    return {
        "sources": group.sources,
        "tables": {"total": group.tables, "by_state": dict(group.by_state)},
        "bytes": {"done": max(0, group.bytes - group.left_bytes), "total": group.bytes},
        "files": {"done": max(0, group.files - group.left_files), "total": group.files},
        "behind_s": group.behind_s,
        "beyond_target": group.beyond_target,
        "strength": group.strength or None,
    }


def _table_body(one: LakeTable, now_ms: int) -> dict[str, Any]:
    one = told(one)
    return {
        "table": one.name, "target": one.target_url, "source": one.source_url, "wave": one.wave,
        "state": one.state, "source_version": one.source_version,
        "holds_version": one.held_version, "target_version": one.target_version,
        "bytes": one.bytes, "files": one.files, "left_bytes": one.left_bytes,
        "behind_s": behind_s(one, now_ms), "strength": one.strength, "code": one.code or None,
        "why": one.why, "next": [one.next_step] if one.next_step else [],
    }  # fmt: skip


def _leader_body(leader: Leader | None, now_ms: int) -> dict[str, Any] | None:
    if leader is None:
        return None
    return {
        "run": leader.run_id, "command": leader.command, "host": leader.process.host,
        "pid": leader.process.pid, "expired": leader.expires_at_ms < now_ms,
    }  # fmt: skip
