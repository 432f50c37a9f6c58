"""What each command does with its parsed arguments: call a door, show its answer."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, Any

import orjson

from lakeferry.cli import json_lines
from lakeferry.cli.clone.answers import clone_lines, offset_lines, verify_lines
from lakeferry.cli.render import Screen, marks
from lakeferry.cli.units import counted
from lakeferry.clone import run
from lakeferry.clone.report import CloneReport
from lakeferry.errors import FerryError
from lakeferry.events import Event, Warned
from lakeferry.verify import run as proof

if TYPE_CHECKING:
    from lakeferry.doctor import Check

OK, FAILED, LOOK = 0, 1, 3
PASSING = ("LF-1003", "LF-1004", "LF-4102", "LF-4107", "LF-5001", "LF-5101")  # may mend by itself


def clone(
    source: str,
    target: str,
    options: Mapping[str, Any],
    *,
    screen: Screen,
    stop: Flag,
    verify: str | None,
    interval_s: float | None,
) -> int:
    """Clone once, or until stopped where `interval_s` is given.

    Who follows has cloned once, so what may pass (no answer, no room, others who write) is told and
    tried again; anything else ends it.

    Raises:
        FerryError: the clone or the verification failed.
        KeyboardInterrupt: stopped.
    """
    followed = False
    while True:
        try:
            report = run.clone(source, target, **options, on_event=screen.event, stop=stop)
            code = OK
            if not (followed and report.up_to_date):
                code = _show_clone(report, options, screen=screen, stop=stop, verify=verify)
            if interval_s is None or code != OK:
                return code
            followed = True
        except FerryError as error:
            if not followed or error.code not in PASSING:
                raise
            again = f"{error.what}; the next look is in {interval_s:g} s"
            screen.event(Warned(target, error.code, again, error.next_step))
        if stop.wait(interval_s):
            raise KeyboardInterrupt


def _show_clone(
    report: CloneReport,
    options: Mapping[str, Any],
    *,
    screen: Screen,
    stop: Flag,
    verify: str | None,
) -> int:
    """Show what a clone did, and verify it if that was asked for."""
    lines, body = clone_lines(report), json_lines.clone_summary(report)
    code = OK
    if verify is not None and not report.dry_run:
        shared = ("jobs", "map_prefix", "source_options", "target_options")

        def told(event: Event) -> None:
            if stop.is_set():
                raise KeyboardInterrupt
            screen.event(event)

        found = proof.verify(
            report.source,
            report.target,
            strength=verify,
            on_event=told,
            **{name: options[name] for name in shared},
        )
        lines += [f"  {line}" for line in verify_lines(found)]
        body["verified"] = json_lines.verify_summary(found)
        code = OK if found.equal else LOOK
    screen.result(lines, body)
    return code


def verify(source: str, target: str, options: Mapping[str, Any], *, screen: Screen) -> int:
    """Verify; exit 3 where anything differs."""
    report = proof.verify(source, target, **options, on_event=screen.event)
    screen.result(verify_lines(report), json_lines.verify_summary(report))
    return OK if report.equal else LOOK


def verify_offsets(
    table: str,
    name: str | None,
    since_ms: int | None,
    options: Mapping[str, str],
    *,
    screen: Screen,
) -> int:
    """Verify what ingests brought into a table; exit 3 where anything is off."""
    report = proof.verify_offsets(
        table, name=name, since_ms=since_ms, options=options, on_event=screen.event
    )
    screen.result(offset_lines(report), json_lines.plain(asdict(report)))
    return OK if report.right else LOOK


def explain(thing: str, version: int | None, options: Mapping[str, str], *, screen: Screen) -> int:
    """A table, an error code, or the schema of `--json`."""
    if thing == "events":
        text = orjson.dumps(json_lines.schema(), option=orjson.OPT_INDENT_2).decode()
        screen.result([text], {"type": "explanation", "schema": json_lines.schema()})
        return OK
    from lakeferry import explain as door
    from lakeferry.cli.fleet.explanation import explanation_lines

    if thing.upper().startswith("LF-"):
        kind = door.explain_code(thing.upper())
        lines = [f"{thing.upper()}  {kind.title}  (exit {kind.exit_code})", kind.explanation]
        screen.result(lines, {"type": "explanation", "code": thing.upper(), **asdict(kind)})
        return OK
    table = door.explain_table(thing, options=options, version=version, emit=screen.event)
    body = {"type": "explanation", **json_lines.plain(asdict(table))}
    screen.result(explanation_lines(table), body)
    return OK


def doctor(
    source: str,
    target: str | None,
    options: tuple[Mapping[str, str], Mapping[str, str]],
    *,
    strict: bool,
    screen: Screen,
) -> int:
    """Try it; exit 1 on a blocker, with `strict` 3 on a warning."""
    from lakeferry.doctor import examine

    def examined(on_check: Callable[["Check"], None]) -> Sequence["Check"]:
        return examine(
            source, target, source_options=options[0], target_options=options[1], on_check=on_check
        )

    return show_checks(examined, strict=strict, screen=screen)


def show_checks(
    examined: Callable[[Callable[["Check"], None]], Sequence["Check"]],
    *,
    strict: bool,
    screen: Screen,
) -> int:
    """Show checks as they end; exit 1 on a blocker, with `strict` 3 on a warning."""
    signs = marks(sys.stdout)

    def show(check: "Check") -> None:
        sign = signs[{"ok": "ok", "warning": "warning", "blocker": "error"}[check.outcome]]
        lines = [f"  {sign} {check.name:<13} {check.what}"]
        if check.next_step:
            lines.append(f"      next: {check.next_step}")
        screen.result(lines, {"type": "check", **json_lines.plain(asdict(check))})

    checks = examined(show)
    blockers = sum(check.outcome == "blocker" for check in checks)
    warnings = sum(check.outcome == "warning" for check in checks)
    screen.result(
        [f"  {counted(blockers, 'blocker')}, {counted(warnings, 'warning')}"],
        {"blockers": blockers, "warnings": warnings},
    )
    if blockers:
        return FAILED
    return LOOK if strict and warnings else OK


def demo(folder: str, *, fast: bool, screen: Screen, stop: Flag) -> int:
    """Run the demo; each step is shown as it ends, the ingest as it goes, too.

    Raises:
        KeyboardInterrupt: stopped.
    """
    from lakeferry.cli.ingest.talk import IngestTalk
    from lakeferry.demo.folder import REQUESTS
    from lakeferry.demo.report import DemoStep
    from lakeferry.demo.run import demo as door
    from lakeferry.ingest.events import Event
    from lakeferry.ingest.metrics_page import IngestMetrics

    def show(step: DemoStep) -> None:
        if stop.is_set():  # and yet here: what was raised got lost on its way
            raise KeyboardInterrupt
        body = {"type": "step", "name": step.name, "text": step.text}
        seconds = round(step.elapsed_s, 3)
        screen.result([f"  {seconds:4.0f} s  {step.text}"], {**body, "seconds": seconds})

    ingest = IngestTalk(screen, str(Path(folder, REQUESTS)), IngestMetrics(), Flag())

    def tell(event: Event) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        ingest.emit(event)

    report = door(Path(folder), fast=fast, on_step=show, on_event=tell)
    screen.result(
        [
            f"  everything is in {report.folder}: see RESULTS.md",
            "  now yours: lakeferry clone, lakeferry ingest",
        ],
        {"folder": str(report.folder)},
    )
    return OK
