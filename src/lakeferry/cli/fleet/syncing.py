"""What `sync` does: choose tables, show what will be done, ask, run, tell."""

import shlex
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Event as Flag
from typing import TYPE_CHECKING

from lakeferry.cli.columns import screen_width
from lakeferry.cli.fleet import plan_answers
from lakeferry.cli.fleet import sync_answers as answers
from lakeferry.cli.fleet.alarm_metrics import alarm_metrics
from lakeferry.cli.fleet.flags import TableFlags, led, ledger_path
from lakeferry.cli.fleet.many_machines import crew_on
from lakeferry.cli.fleet.planning import check_secrets, known_at, planned, tell_let_in
from lakeferry.cli.fleet.sync_budget import budget_of
from lakeferry.cli.fleet.sync_flags import SyncFlags
from lakeferry.cli.manifest_flags import ManifestFlags, migration
from lakeferry.cli.monitor.monitoring import confirm
from lakeferry.cli.render import Screen
from lakeferry.cli.units import counted, parse_rate, size_text
from lakeferry.errors import FerryError
from lakeferry.events import Warned
from lakeferry.fleet.manifest.apart import refuse_inside
from lakeferry.fleet.manifest.facts import facts_of
from lakeferry.fleet.manifest.moved import check_new_places, check_places
from lakeferry.fleet.planning.plan import MOVED_KINDS
from lakeferry.fleet.planning.plan_file import plan_sha256, read_plan
from lakeferry.fleet.planning.stale import check
from lakeferry.fleet.planning.totals import moving
from lakeferry.fleet.standing.states import word
from lakeferry.fleet.sync.events import (
    Event,
    FilesArrived,
    Progress,
    SyncReport,
    TableMoved,
    TableSaid,
)
from lakeferry.fleet.sync.order import NOT_SYNCED
from lakeferry.fleet.sync.request import SyncRequest
from lakeferry.fleet.sync.run import sync as door
from lakeferry.ledger import read
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import LakeTable, Pace

if TYPE_CHECKING:
    from lakeferry.fleet.manifest.wanted import Migration
    from lakeferry.fleet.planning.planned import FleetPlan
    from lakeferry.fleet.sync.budget import UnitPrice

OK, FAILED, LOOK = 0, 1, 3


def sync(
    plan_file: str | None,
    chosen: ManifestFlags,
    tables: TableFlags,
    flags: SyncFlags,
    *,
    screen: Screen,
    stop: Flag,
    begun: Flag,
    tells_files: bool = False,
) -> int:
    """Run; exit 1 where a table failed, 3 where something asks for a person or is left.

    Args:
        begun: set here when tables are about to move: from then on `stop` is looked at.

    Raises:
        FerryError: LF-2051 the plan is stale; LF-2003 not confirmed; LF-8001 another coordinator
            leads, LF-8002 one has taken over; LF-8007 nothing was discovered; LF-8091 to LF-8093
            other machines cannot be used.
        ExceptionGroup: of FerryError, for what is wrong with the manifest.
        KeyboardInterrupt: stopped in a clean state.
    """
    _refuse_broad(flags, tables)
    _refuse_pinned(flags, plan_file)
    wanted = migration(chosen)
    _refuse_unreadable(flags, wanted)
    refuse_inside(wanted)
    check_secrets(wanted)
    known, _, paces = known_at(wanted)
    check_places(wanted, (facts_of(wanted, table) for table in known))
    meant = _meant(wanted, tables.of(wanted, known), screen)
    plan = None if plan_file is None else read_plan(plan_file)
    if plan is not None:
        if not flags.replan:
            check(plan, wanted, known)
            _tell_manifest(plan, wanted, screen)
        planned = {line.target_url for line in moving(plan.tables)}
        meant = tuple(one for one in meant if one.target_url in planned)
    check_new_places(wanted, (facts_of(wanted, table) for table in meant))
    if plan is None and not flags.yes:
        _ask(wanted, tables, screen=screen, stop=stop)
    if plan is not None or flags.yes:  # else the plan that was shown has told it
        tell_let_in(wanted, known, screen)
    asked = replace(_asked(flags, wanted, plan, meant, paces, chosen), tells_files=tells_files)
    for line in _outline(meant, plan, plan_file):
        screen.say(line)
    asked = replace(asked, metrics=alarm_metrics(chosen, wanted, screen))
    return _run(wanted, meant, asked, on=flags.on, screen=screen, stop=stop, begun=begun)


def _run(
    wanted: "Migration",
    meant: Sequence[LakeTable],
    asked: SyncRequest,
    *,
    on: str | None,
    screen: Screen,
    stop: Flag,
    begun: Flag,
) -> int:
    talk = _Talk(screen)
    # The lease first: Spark takes a minute to start, and would do so for nothing.
    with led(wanted, "sync") as ledger, crew_on(on, wanted, screen) as crew:
        every, _, _ = known_at(wanted)  # nobody else writes now
        begun.set()
        report = door(wanted, ledger, meant, every, asked, emit=talk.emit, stop=stop, crew=crew)
        code = _code(report)
        ledger.end(130 if report.was_stopped else code)
    resume = shlex.join(["lakeferry", *sys.argv[1:]])
    body = {**answers.report_body(report), "ledger_seq": _last_seq(wanted)}
    screen.result(answers.report_lines(report, resume), body)
    if report.was_stopped:
        raise KeyboardInterrupt
    return code


def _last_seq(wanted: "Migration") -> int:
    with reading(ledger_path(wanted)) as db:
        return read.last_seq(db)


def _code(report: SyncReport) -> int:
    if report.failed:
        return FAILED
    return LOOK if report.asks else OK


class _Talk:
    """The events of a run on a screen."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def emit(self, event: Event) -> None:
        screen = self._screen
        match event:
            case TableMoved():
                text, body = answers.moved_text(event), answers.moved_body(event)
                screen.told(text, body, detail=answers.is_detail(event))
            case Warned():
                screen.event(event)
            case TableSaid() if event.code is not None:
                screen.event(
                    Warned(event.table.name, event.code or None, event.text, event.next_step)
                )
            case TableSaid():
                screen.told(
                    f"  {event.table.name}  {event.text}",
                    {"type": "note", "table": event.table.name, "message": event.text},
                    detail=True,
                )
            case FilesArrived():
                for path, size, how in event.files:
                    body = {"table": event.table.name, "path": path, "bytes": size, "how": how}
                    text = f"  {event.table.name}  {path}"
                    screen.told(text, {"type": "file", **body}, detail=True)
            case Progress():
                screen.moving(
                    event.seconds, answers.progress_parts(event), answers.progress_body(event),
                    answers.open_lines(event),
                )  # fmt: skip


def _meant(
    wanted: "Migration", tables: Sequence[LakeTable], screen: Screen
) -> tuple[LakeTable, ...]:
    """Those of the manifest's sources; those that are not brought over are counted."""
    known = [one for one in tables if one.source in wanted.sources]
    others: dict[str, int] = {}
    for one in known:
        if one.kind not in MOVED_KINDS and one.state not in NOT_SYNCED:
            others[one.kind] = others.get(one.kind, 0) + 1
    if others:
        listed = ", ".join(f"{count:,} {kind}" for kind, count in sorted(others.items()))
        screen.say(f"not brought over: {listed}; see lakeferry discover")
    return tuple(one for one in known if one.kind in MOVED_KINDS)


def _ask(wanted: "Migration", tables: TableFlags, *, screen: Screen, stop: Flag) -> None:
    """Show what a plan says of them, and ask. Raises LF-2003."""

    def show() -> None:
        made = planned(wanted, tables, bytes_per_s=None, screen=screen, stop=stop)
        # `say` sets each line in by two, and wraps what is too long a second time.
        shown = plan_answers.Shown(left_out=made.left_out, width=screen_width() - 3)
        for line in plan_answers.plan_lines(made.plan, shown):
            screen.say(line)

    confirm(
        "bring them over?",
        show,
        next_step="read `lakeferry plan -o FILE` and give that file to sync, or give --yes",
    )


def _tell_manifest(plan: "FleetPlan", wanted: "Migration", screen: Screen) -> None:
    if plan.manifest_sha256 != wanted.sha256:
        text = (
            "the plan was made with another manifest, --profile or --set; what it does is the same"
        )
        screen.told(f"  {text}", {"type": "note", "table": wanted.name, "message": text})


def _outline(meant: Sequence[LakeTable], plan: "FleetPlan | None", file: str | None) -> list[str]:
    """What is about to be done, as far as it is known without a look at each table."""
    open_ones = [one for one in meant if one.state not in NOT_SYNCED]
    left = Counter(word(one.state) for one in meant if one.state in NOT_SYNCED)
    first = [one for one in open_ones if one.held_version is None]
    size = size_text(sum(one.bytes for one in first))
    parts = [f"{counted(len(first), 'table')} for the first time, {size}"] if first else []
    if len(open_ones) > len(first):
        parts.append(f"{counted(len(open_ones) - len(first), 'table')} to bring up to date")
    aside = ", ".join(f"{count:,} {state}" for state, count in sorted(left.items()))
    unmeant = "no table is meant" if plan is None else "of the tables that are meant it moves none"
    nothing = f"nothing is brought over: {aside}" if aside else unmeant
    lines = [" and ".join(parts) or nothing]
    if plan is not None:
        lines.insert(0, f"{file}  {plan_sha256(plan)[:12]}  holds")
    return lines


def _asked(
    flags: SyncFlags,
    wanted: "Migration",
    plan: "FleetPlan | None",
    meant: Sequence[LakeTable],
    paces: Sequence[Pace],
    chosen: ManifestFlags,
) -> SyncRequest:
    budget = budget_of(flags, wanted.limits, time.time())
    versions: Mapping[str, int] = {}
    if plan is not None and not flags.replan:
        versions = {
            line.target_url: line.source_version
            for line in moving(plan.tables)
            if line.source_version is not None
        }
    return SyncRequest(
        follow=flags.follow,
        replace=flags.replace,
        accept_schema=flags.accept_schema,
        budget=budget,
        versions=versions,
        plan_sha256="" if plan is None else plan_sha256(plan),
        prices={} if budget.usd is None else _dollars(wanted, meant, chosen),
        bytes_per_s=None if flags.limit_rate is None else parse_rate(flags.limit_rate),
        paces=tuple(paces),
    )


def _dollars(
    wanted: "Migration", meant: Sequence[LakeTable], chosen: ManifestFlags
) -> Mapping[str, "UnitPrice"]:
    from lakeferry.cli.cost.manifest_keys import assumed
    from lakeferry.fleet.planning.route_prices import Asked
    from lakeferry.fleet.planning.run_price import unit_prices

    under, texts = assumed(chosen)
    return unit_prices(meant, wanted, Asked(under, texts))


def _refuse_broad(flags: SyncFlags, tables: TableFlags) -> None:
    """Raises LF-2001 where what is meant for one table would be done to all."""
    for flag, is_given in (
        ("--replace", flags.replace), ("--accept-schema", flags.accept_schema is not None),
    ):  # fmt: skip
        if is_given and tables.select is None:
            raise FerryError(
                "LF-2001", f"{flag} is for tables that are named", flag, "name them with --select"
            )


def _refuse_unreadable(flags: SyncFlags, wanted: "Migration") -> None:
    """Raises LF-2001 for what is typed wrong, before anybody is asked whether it is meant."""
    budget_of(flags, wanted.limits, time.time())
    if flags.limit_rate is not None:
        parse_rate(flags.limit_rate)


def _refuse_pinned(flags: SyncFlags, plan_file: str | None) -> None:
    """Raises LF-2001 where versions are fixed that a sync would have to leave behind."""
    if flags.follow and plan_file is not None and not flags.replan:
        raise FerryError(
            "LF-2001", "a plan says which versions are copied, and --follow goes beyond them",
            f"--follow, {plan_file}", "run it without --follow first, or give --replan",
        )  # fmt: skip
