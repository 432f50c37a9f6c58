"""A plan of many tables as lines for people and as JSON. Pure, but for the clock and stdout."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from lakeferry.cli.columns import UNLIMITED, Column, paragraph, table
from lakeferry.cli.fleet.plan_money_answers import money_body, money_lines
from lakeferry.cli.render import marks
from lakeferry.cli.units import counted, duration_text, size_text
from lakeferry.cost.path.money import dollars
from lakeferry.cost.path.names import NAMES
from lakeferry.fleet.planning.planned import ASIDE, Action, FleetPlan, PlannedTable, Priced
from lakeferry.fleet.planning.route_times import ASSUMED, all_left
from lakeferry.fleet.planning.totals import (
    Sum,
    WaveSum,
    by_route,
    by_wave,
    moving,
    split_jobs,
    summed,
    vacuum_risks,
)
from lakeferry.fleet.standing.time_left import Left, left_text

EACH_BELOW = 20  # tables; more are told by their sums
_WORDS: Mapping[Action, tuple[str, str]] = {
    "copy": ("+", "first copy"),
    "increment": ("~", "incremental"),
    "keep": ("=", "up to date"),
    "blocked": ("x", "blocked"),
    "drifted": ("!", "drifted"),
    "decide": ("?", "to decide"),
}
_NAMED = 3  # exceptions of a wave, where their tables are not listed


@dataclass(frozen=True, slots=True)
class Shown:
    """How a plan is shown."""

    is_verbose: bool = False
    explains: bool = False
    file: str | None = None
    file_bytes: int | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)  # kind -> tables
    stale: str = ""  # why it does not hold any more
    width: int = UNLIMITED


def plan_lines(plan: FleetPlan, shown: Shown) -> list[str]:
    """The whole plan: waves, tables where they are few, routes, what to know, where it is."""
    lines = [*paragraph(_head(plan), shown.width), ""]
    is_each = shown.is_verbose or len(plan.tables) < EACH_BELOW
    for wave in by_wave(plan.tables):
        lines += _wave(plan, wave, shown, is_each=is_each)
    lines += [*_routes(plan, shown.width), *money_lines(plan, shown.width)]
    for text in _notes(plan, shown):
        lines += paragraph(f"  {text}", shown.width)
    return lines


def item_bodies(plan: FleetPlan) -> Iterator[dict[str, Any]]:
    """One `plan_item` a table."""
    for line in plan.tables:
        found = asdict(line)
        name, target = found.pop("name"), found.pop("target_url")
        found["next"] = [step] if (step := found.pop("next_step")) else []
        yield {"type": "plan_item", "table": name, "target": target, **found}


def plan_body(plan: FleetPlan, shown: Shown) -> dict[str, Any]:
    """What the plan adds to the summary."""
    left = all_left(plan.left, by_route(plan.tables))
    usd = total_usd(plan)
    return {
        "migration": plan.migration,
        "manifest_sha256": plan.manifest_sha256,
        "ledger_seq": plan.ledger_seq,
        "file": shown.file,
        "stale": shown.stale or None,
        "actions": {
            wave.wave: {action: asdict(one) for action, one in wave.by_action.items()}
            for wave in by_wave(plan.tables)
        },
        "total": asdict(summed(moving(plan.tables))),
        "routes": {route: asdict(one) for route, one in by_route(plan.tables).items()},
        "left_s": None if left is None else {**left._asdict(), "basis": plan.basis},
        "usd": None if usd is None else f"{usd:f}",
        "usd_is_at_least": _is_bound(plan),
        **money_body(plan),
        "at_vacuum_risk": [one.name for one in _risks(plan)],
        "split_jobs": {
            job: [one.name for one in found] for job, found in split_jobs(plan.tables).items()
        },
        "not_moved": dict(shown.left_out),
    }


def total_usd(plan: FleetPlan) -> Decimal | None:
    """Of all routes; None where one of them is not priced."""
    known = [one.usd for route, one in plan.priced.items() if route != "local"]
    if not known or any(usd is None for usd in known):
        return None
    return sum((usd for usd in known if usd is not None), Decimal(0))


# ---- parts


def _head(plan: FleetPlan) -> str:
    looked = duration_text(max(0, plan.made_at_ms - plan.looked_at_ms) / 1000)
    meant = f"   of {' '.join(plan.select)}" if plan.select else ""
    return (
        f"lakeferry {plan.lakeferry}   {plan.migration}   manifest {plan.manifest_sha256[:8]}   "
        f"ledger {plan.ledger_seq:,}   {counted(len(plan.tables), 'table')} looked at in {looked}"
        f"{meant}"
    )


def _wave(plan: FleetPlan, wave: WaveSum, shown: Shown, *, is_each: bool) -> Iterator[str]:
    sources = counted(wave.sources, "source")
    yield f"  Wave {wave.wave}   {sources}, {counted(wave.tables, 'table')}"
    lines = [line for line in plan.tables if line.wave == wave.wave]
    columns = (
        Column("", 0), Column("", 0), Column("", 0, right=True), Column("", 0, right=True),
        Column("", 2, right=True), Column("", 3),
    )  # fmt: skip
    rows = []
    for action, total in wave.by_action.items():
        those = [line for line in lines if line.action == action]
        rows.append(
            (
                _sign(action), _WORDS[action][1], counted(total.tables, "table"),
                size_text(total.bytes) if action != "keep" else "",
                counted(total.files, "file") if action != "keep" else "",
                _more(action, total, those, is_each=is_each),
            )
        )  # fmt: skip
    yield from table(columns, rows, shown.width, indent="    ")[1:]
    if is_each:
        yield from _each(lines, shown)
    elif shown.explains:
        yield from _each([line for line in lines if line.action in ASIDE], shown)
    yield ""


def _more(action: Action, total: Sum, those: list[PlannedTable], *, is_each: bool) -> str:
    if action == "increment":
        return f"(+{total.added:,} added, {total.removed:,} removed)"
    if action not in ASIDE or is_each:
        return ""
    named = ", ".join(f"{line.name} {line.code}".rstrip() for line in those[:_NAMED])
    return f"{named} and {len(those) - _NAMED:,} more" if len(those) > _NAMED else named


def _each(lines: list[PlannedTable], shown: Shown) -> Iterator[str]:
    columns = (
        Column("", 0), Column("", 0, elastic=True), Column("", 0, right=True),
        Column("", 3, right=True), Column("", 2),
    )  # fmt: skip
    rows = [
        (
            _sign(line.action), line.name,
            size_text(line.live_bytes if line.action in ASIDE else line.bytes)
            if line.action != "keep" else "",
            counted(line.files, "file") if line.action not in (*ASIDE, "keep") else "",
            line.code or _versions(line),
        )
        for line in lines
    ]  # fmt: skip
    drawn = table(columns, rows, shown.width, indent="      ")[1:]
    for line, text in zip(lines, drawn, strict=True):
        yield text
        if line.why and (shown.explains or line.action in ASIDE):
            yield from paragraph(f"          {line.why}", shown.width)
        if line.next_step:
            yield from paragraph(f"          next: {line.next_step}", shown.width)


def _versions(line: PlannedTable) -> str:
    newest = "" if line.source_version is None else f"version {line.source_version}"
    if line.action == "increment" and line.held_version is not None:
        return f"version {line.held_version} -> {line.source_version}"
    return newest


def _routes(plan: FleetPlan, width: int) -> Iterator[str]:
    """What moves by which route, for how long and for how much."""
    sums = by_route(plan.tables)
    if not sums:
        aside = sum(line.action in ASIDE for line in plan.tables)
        asking = f"  nothing moves as it is: {counted(aside, 'table')} to look at"
        yield asking if aside else "  nothing is left to move"
        return
    columns = (
        Column("route", 0), Column("tables", 3, right=True), Column("files", 4, right=True),
        Column("bytes", 0, right=True), Column("requests", 5, right=True),
        Column("time" + _basis(plan), 1), Column("dollars", 1), Column("alternative", 6),
    )  # fmt: skip
    rows = [
        (
            _route_name(route, plan.priced.get(route)), f"{one.tables:,}", f"{one.files:,}",
            size_text(one.bytes), f"{one.requests:,}", _time(plan.left.get(route)),
            *_usd(plan.priced.get(route)),
        )
        for route, one in sums.items()
    ]  # fmt: skip
    if len(sums) > 1:
        total, usd = summed(moving(plan.tables)), total_usd(plan)
        rows.append(
            (
                "total", f"{total.tables:,}", f"{total.files:,}", size_text(total.bytes),
                f"{total.requests:,}", _time(all_left(plan.left, sums)),
                "–" if usd is None else _money(usd, at_least=_is_bound(plan)), "",
            )
        )  # fmt: skip
    yield from table(columns, rows, width)
    yield ""


def _notes(plan: FleetPlan, shown: Shown) -> Iterator[str]:
    if shown.stale:
        yield f"{marks(sys.stdout)['warning']} stale: {shown.stale}"
    yield "Nothing will be deleted or overwritten at the target."
    risks = _risks(plan)
    if risks:
        named = ", ".join(one.name for one in (risks if shown.explains else risks[:_NAMED]))
        more = "" if shown.explains or len(risks) <= _NAMED else " and others (--explain)"
        yield (
            f"{marks(sys.stdout)['warning']} files of {counted(len(risks), 'table')} may be "
            f"vacuumed before they are read: {named}{more}"
        )
    for job, found in split_jobs(plan.tables).items():
        waves = ", ".join(str(wave) for wave in sorted({one.wave for one in found}))
        names = ", ".join(one.name for one in found[:_NAMED])
        yield (
            f"{marks(sys.stdout)['warning']} {job} writes tables of waves {waves}: {names}; what "
            "one job writes belongs into one wave"
        )
    if any(one.mode == "snapshot" and one.action == "copy" for one in plan.tables):
        yield (
            "Not carried over in mode snapshot: time travel before the cloned version; change data "
            "files older than it."
        )
    for kind, count in sorted(shown.left_out.items()):
        yield f"{counted(count, 'table')} of kind {kind} are listed by `lakeferry discover` alone."
    for route, one in plan.priced.items():
        if one.why and route != "local":
            yield f"No dollars of {route}: {one.why}"
    if not plan.left and moving(plan.tables):
        yield "No time is told before something was moved: --assume rate=1Gbit/s"
    if shown.file is not None:
        size = "" if shown.file_bytes is None else f" ({size_text(shown.file_bytes)}, no secrets)"
        yield f"Written: {shown.file}{size}. Do it:  lakeferry sync {shown.file}"


def _risks(plan: FleetPlan) -> tuple[PlannedTable, ...]:
    left = all_left(plan.left, by_route(plan.tables))
    return vacuum_risks(plan.tables, None if left is None else left.p90)


def _sign(action: Action) -> str:
    return marks(sys.stdout)["error"] if action == "blocked" else _WORDS[action][0]


def _route_name(route: str, one: Priced | None) -> str:
    name = "" if one is None else NAMES.get(one.path, "")  # type: ignore[call-overload]
    return f"{route} -> {name}" if name and name.lower() != route.replace("-", " ") else route


def _basis(plan: FleetPlan) -> str:
    """Of `48h,6h-means` people need the first part alone: how long work was watched."""
    if not plan.basis:
        return ""
    watched = plan.basis.partition(",")[0]
    return ", assumed rate" if plan.basis == ASSUMED else f", as seen in {watched}"


def _time(left: Left | None) -> str:
    return "–" if left is None else left_text(left).removesuffix(" left")


def _usd(one: Priced | None) -> tuple[str, str]:
    if one is None or one.usd is None:
        return "–", ""
    usd = _money(one.usd, at_least=one.at_least)
    if one.other_usd is None:
        return usd, ""
    other = NAMES.get(one.other_path, one.other_path)  # type: ignore[call-overload]
    return usd, f"{_money(one.other_usd, at_least=one.at_least)} by {other}"


def _money(usd: Decimal, *, at_least: bool) -> str:
    return f"{'≥ ' if at_least else ''}${dollars(usd)}"


def _is_bound(plan: FleetPlan) -> bool:
    return any(one.at_least for one in plan.priced.values())
